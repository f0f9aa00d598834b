"""What every generator promises of its images and labels, whatever they look like."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from scipy import ndimage

from polybench.core.errors import ConfigError
from polybench.synth.kvasir import kvasir_frame
from polybench.synth.lesions import lesion_frame
from polybench.synth.membranes import membrane_volume
from polybench.synth.nuclei import nuclei_frame, nuclei_modality
from polybench.synth.polyps import polyp_frame
from polybench.synth.vessels import fundus_frame

Draw = Callable[[int, int, tuple[int, int]], tuple[np.ndarray, ...]]
SMALL = (48, 64)

DRAWERS: dict[str, Draw] = {
    "polyps": lambda seed, index, size: polyp_frame(seed, index, 0, size=size),
    "kvasir": lambda seed, index, size: kvasir_frame(seed, index, size=size),
    "lesions": lambda seed, index, size: lesion_frame(seed, index, size=size),
    "nuclei": lambda seed, index, size: nuclei_frame(seed, index, size=size),
    "drive": lambda seed, index, size: fundus_frame(seed, index, size=size),
    "chase": lambda seed, index, size: fundus_frame(seed, index, size=size, field="chase"),
    "membranes": lambda seed, index, size: tuple(stack[index] for stack in membrane_volume(seed, index + 1, size=size)),
}


@pytest.fixture(params=DRAWERS)
def draw(request: pytest.FixtureRequest) -> Draw:
    return DRAWERS[request.param]


def test_image_is_a_function_of_seed_and_index_and_leaves_the_global_generator_alone(draw: Draw) -> None:
    first = draw(0, 2, SMALL)
    draw(0, 5, SMALL)
    np.random.seed(1)
    assert all(np.array_equal(one, other) for one, other in zip(first, draw(0, 2, SMALL), strict=True))
    assert np.random.rand() == pytest.approx(0.417022004702574)  # first draw of MT19937 seeded with 1


def test_seeds_and_indices_give_different_images_and_labels(draw: Draw) -> None:
    frames = [draw(seed, index, SMALL) for seed in range(2) for index in range(3)]
    assert len({frame[0].tobytes() for frame in frames}) == 6
    assert len({frame[1].tobytes() for frame in frames}) == 6


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (90, 40)])
def test_size_is_honoured_and_something_is_labelled(draw: Draw, size: tuple[int, int]) -> None:
    image, *labels = draw(0, 0, size)
    assert image.dtype == np.uint8
    assert image.shape[:2] == size
    assert all(label.shape == size for label in labels)
    assert 0 < np.mean(labels[0] > 0) < 1


@pytest.mark.parametrize(
    ("seed", "index", "size"), [(-1, 0, SMALL), (0, -2, SMALL), (0, 0, (8, 48))], ids=["seed", "index", "size"]
)
def test_impossible_numbers_are_refused(draw: Draw, seed: int, index: int, size: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match="pixels"):
        draw(seed, index, size)


def test_eye_and_field_of_a_fundus_are_among_those_there_are() -> None:
    with pytest.raises(ConfigError, match="eye 'middle'"):
        fundus_frame(0, 0, eye="middle")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="field 'stare'"):
        fundus_frame(0, 0, field="stare")  # type: ignore[arg-type]


def test_nuclei_are_numbered_without_a_gap_and_in_one_piece_each() -> None:
    for index in range(20):
        labels = nuclei_frame(3, index, size=SMALL)[1]
        assert np.array_equal(np.unique(labels[labels > 0]), np.arange(1, labels.max() + 1))
        assert all(ndimage.label(labels == number)[1] == 1 for number in range(1, labels.max() + 1))
    assert {nuclei_modality(3, index) for index in range(40)} == {"fluorescence", "tissue", "smear", "cytology"}


@pytest.mark.parametrize("field", ["drive", "chase"])
def test_vessels_lie_inside_the_field_of_view(field: str) -> None:
    for index in range(4):
        _, vessels, inside = DRAWERS[field](0, index, SMALL)
        assert not (vessels & ~inside).any()


def test_frames_of_a_sequence_show_the_same_polyp_a_little_moved() -> None:
    def overlap(one: np.ndarray, other: np.ndarray) -> float:
        return float((one & other).sum() / (one | other).sum())

    masks = [polyp_frame(0, 3, time, size=SMALL)[1] for time in range(6)]
    assert all(overlap(one, other) > 0.5 for one, other in itertools.pairwise(masks))
    assert overlap(masks[0], masks[-1]) < 0.95
    assert np.mean([overlap(masks[0], polyp_frame(0, other, 0, size=SMALL)[1]) for other in range(4, 10)]) < 0.3


def test_a_slice_of_tissue_does_not_depend_on_those_that_follow() -> None:
    for short, long in zip(membrane_volume(0, 3, size=SMALL), membrane_volume(0, 5, size=SMALL), strict=True):
        assert np.array_equal(short, long[:3])

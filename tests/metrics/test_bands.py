"""Large images are worked on a part at a time: the parts cover the image, and no number depends on their size."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from polybench.metrics import bands as cut
from polybench.metrics.bands import bands, tiles
from polybench.metrics.sufficient import COLUMNS, statistics
from polybench.scoring.folder import StoredMap, prepare


def test_bands_are_whole_rows_from_top_to_bottom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cut, "PIXELS", 25)
    assert list(bands((5, 10))) == [slice(0, 2), slice(2, 4), slice(4, 5)]
    assert list(bands((2, 100))) == [slice(0, 1), slice(1, 2)]


def test_tiles_cover_a_window_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cut, "PIXELS", 9)
    seen = np.zeros((10, 12), int)
    for place in tiles(slice(2, 9), slice(1, 12)):
        seen[place] += 1
    assert (seen[2:9, 1:] == 1).all()
    assert seen.sum() == 7 * 11


def blobs(size: tuple[int, int], seed: int) -> np.ndarray:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=size), 3)
    return ((noise - noise.min()) / np.ptp(noise)).astype(np.float32)


def images() -> dict[str, StoredMap]:
    """Maps of the mask's size and of others, with and without field of view, objects near and far from each other."""
    probability, native = blobs((60, 70), 0), blobs((60, 70), 1) > 0.55
    valid, labels = np.random.default_rng(2).random((60, 70)) > 0.2, ndimage.label(native)[0]
    far = np.zeros((300, 40), bool)
    far[5:9, 3:8] = far[280:290, 20:30] = True
    return {
        "native": StoredMap("a", "a", probability, native, None, labels),
        "field of view": StoredMap("a", "a", probability, native, valid, labels),
        "enlarged": StoredMap("a", "a", probability[:31, :23], native, None, labels),
        "made smaller": StoredMap("a", "a", blobs((90, 101), 3), native, None, labels),
        "empty": StoredMap("a", "a", probability, np.zeros_like(native), None, np.zeros_like(labels)),
        "full": StoredMap("a", "a", probability, np.ones_like(native), None, np.ones_like(labels)),
        "far": StoredMap("a", "a", blobs((300, 40), 4), far, None, ndimage.label(far)[0]),
    }


@pytest.mark.parametrize("name", images())
def test_no_number_depends_on_the_size_of_the_parts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    item = images()[name]
    whole = statistics(prepare(item), COLUMNS)
    monkeypatch.setattr(cut, "PIXELS", 400)
    parts = statistics(prepare(item), COLUMNS)
    assert not [column for column in COLUMNS if not torch.equal(whole[column], parts[column])]

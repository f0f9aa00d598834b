import numpy as np
import pytest
from scipy import ndimage

from polybench.results.derived.seeds import Seeds
from polybench.results.derived.surface import TOLERANCES, surface_distance
from tests.results.derived.tables import Array, smooth, table

MAPS = [smooth(seed) for seed in range(4)]


def outline(mask: Array) -> Array:
    """Pixels with a background pixel, or the edge of the image, among their four neighbours."""
    found: Array = mask & ~ndimage.binary_erosion(mask, ndimage.generate_binary_structure(2, 1), border_value=0)
    return found


def nsd(prediction: Array, truth: Array, tolerance: float) -> float:
    one, other = outline(prediction), outline(truth)
    near = (ndimage.distance_transform_edt(~other)[one] <= tolerance).sum()
    near += (ndimage.distance_transform_edt(~one)[other] <= tolerance).sum()
    return float(near / (one.sum() + other.sum()))


def test_mean_over_images_is_that_of_distance_maps() -> None:
    found = surface_distance(Seeds([table(MAPS)]))
    assert found is not None
    for tolerance in TOLERANCES:
        expected = [nsd(probability >= 0.5, mask, tolerance) for probability, mask in MAPS]
        assert found[tolerance].value == pytest.approx(np.mean(expected))
        assert found[tolerance].n == len(MAPS)


@pytest.mark.parametrize(("which", "expected"), [("both", 1.0), ("prediction", 0.0), ("truth", 0.0)])
def test_empty_masks(which: str, expected: float) -> None:
    square = np.zeros((6, 6), bool)
    square[1:4, 1:4] = True
    pair = (np.float32(square & (which == "truth")), square & (which == "prediction"))
    found = surface_distance(Seeds([table([pair])]))
    assert found is not None
    assert {one.value for one in found.values()} == {expected}


def test_tables_without_the_outlines_have_no_surface_distance() -> None:
    rows = table(MAPS[:1])
    assert surface_distance(Seeds([rows.drop(columns="surface@1/true_near_2")])) is None

import numpy as np
import pytest
from skimage.measure import label, regionprops

from polybench.curation.object_sizes import ObjectSizes, largest_share, object_sizes
from polybench.data.splits import Subset


@pytest.mark.parametrize("seed", range(3))
def test_largest_object_inside_the_field_of_view_is_that_of_scikit_image(seed: int) -> None:
    random = np.random.default_rng(seed)
    mask, valid = (random.random((2, 9, 14)) > [[[0.6]], [[0.2]]]).astype(np.uint8)
    areas = [region.area for region in regionprops(label(mask * valid, connectivity=2))]
    assert largest_share(mask, valid) == max(areas) / (9 * 14)


def test_cuts_are_the_terciles_of_training_images_with_an_object() -> None:
    subsets: dict[str, Subset] = {f"i{k}": "train" for k in range(8)} | {"v": "val", "t": "test"}
    shares = {f"i{k}": k / 10 for k in range(8)} | {"v": 0.9, "t": 0.9, "in no subset": 0.9}
    found = object_sizes(shares, subsets)
    assert found.cuts == pytest.approx(np.percentile([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7], [100 / 3, 200 / 3]))
    assert (found.images, found.without_object) == (8, 1)


def test_training_images_without_an_object_give_no_cuts() -> None:
    assert object_sizes({"a": 0.0}, {"a": "train"}) == ObjectSizes(None, 1, 1)

import numpy as np
import pytest
import torch

from polybench.core.errors import UserError
from polybench.metrics import EXTRA_PROTOCOLS, PROTOCOLS, ImageRows, Rows
from polybench.metrics.prepare import resize_affine
from polybench.metrics.protocols import FOV
from polybench.metrics.sufficient import ROW_BYTES


def update(metric: ImageRows, ids: list[str], probability: torch.Tensor, masks: list[torch.Tensor]) -> None:
    size = (probability.shape[-2], probability.shape[-1])
    metric.update(
        probability,
        masks,
        [torch.ones_like(mask) for mask in masks],
        torch.stack([resize_affine(size, (mask.shape[-2], mask.shape[-1])) for mask in masks]),
        ids,
        [f"video-{image_id}" for image_id in ids],
    )


def batch(n: int) -> tuple[torch.Tensor, list[torch.Tensor]]:
    random = torch.Generator().manual_seed(0)
    masks = [(torch.rand(1, 9 + k, 12, generator=random) > 0.5).float() for k in range(n)]
    return torch.rand(n, 1, 6, 8, generator=random), masks


def equal(one: Rows, two: Rows) -> bool:
    return (
        one.ids == two.ids and one.groups == two.groups and np.array_equal(one.columns["counts"], two.columns["counts"])
    )


def test_counts_at_native_size_by_hand() -> None:
    metric = ImageRows()
    probability = torch.tensor([[[[0.9, 0.1]]]])
    update(metric, ["a"], probability, [torch.tensor([[[1.0, 1.0, 1.0, 0.0]]])])
    assert metric.compute().columns["counts"].tolist() == [[2, 0, 1, 1]]


def test_threshold_includes_one_half() -> None:
    metric = ImageRows()
    update(metric, ["a"], torch.tensor([[[[0.5, 0.49]]]]), [torch.tensor([[[1.0, 1.0]]])])
    assert metric.compute().columns["counts"].tolist() == [[1, 0, 1, 0]]


def test_pixels_outside_the_field_of_view_do_not_count() -> None:
    metric = ImageRows([FOV])
    ones = torch.ones(1, 1, 4)
    valid = torch.tensor([[[1.0, 0.0, 0.0, 0.0]]])
    metric.update(ones[None], [ones], [valid], resize_affine((1, 4), (1, 4))[None], ["a"], ["a"])
    assert metric.compute().columns["counts_in_view"].tolist() == [[1, 0, 0, 0]]


def test_order_and_batches_do_not_matter() -> None:
    probability, masks = batch(5)
    ids = ["b", "a", "10", "2", "é"]
    together, apart = ImageRows(), ImageRows()
    update(together, ids, probability, masks)
    for k in (3, 0, 4, 2, 1):
        update(apart, [ids[k]], probability[k : k + 1], [masks[k]])
    assert equal(together.compute(), apart.compute())
    assert together.compute().ids == sorted(ids)


def test_image_seen_twice_counts_once() -> None:
    probability, masks = batch(2)
    metric = ImageRows()
    update(metric, ["a", "b"], probability, masks)
    update(metric, ["a"], probability[:1], masks[:1])
    assert metric.compute().ids == ["a", "b"]


def test_too_long_an_id_is_refused() -> None:
    probability, masks = batch(1)
    with pytest.raises(UserError, match=r"take \d+ bytes"):
        update(ImageRows(), ["x" * 300], probability, masks)


def test_long_id_fits_where_the_image_is_a_group_of_its_own() -> None:
    probability, [mask] = batch(1)
    metric, name = ImageRows(), "x" * 180
    metric.update(probability, [mask], [torch.ones_like(mask)], resize_affine((6, 8), (9, 12))[None], [name], [name])
    assert (metric.compute().ids, metric.compute().groups) == ([name], [name])


def test_prediction_that_is_no_number_is_refused() -> None:
    probability, masks = batch(1)
    for value in (float("nan"), float("inf")):
        with pytest.raises(UserError, match="not finite"):
            update(ImageRows(), ["a"], probability * value + value, masks)
    with pytest.raises(UserError, match="outside 0 to 1"):
        update(ImageRows(), ["a"], probability + 1.5, masks)


def stored_bytes(size: int) -> int:
    """Of memory that the row of a square image holds on to, views of larger tensors included."""
    image = torch.linspace(0, 1, size).expand(1, 1, size, size)
    mask = torch.zeros(1, size, size)
    mask[:, size // 4 :, size // 2 :] = 1
    labels = mask.int()
    metric = ImageRows((*PROTOCOLS, *EXTRA_PROTOCOLS))
    affine = resize_affine((size, size), (size, size))[None]
    metric.update(image, [mask], [torch.ones_like(mask)], affine, ["a"], ["b"], [labels])
    states = [getattr(metric, name) for name in ("names", *metric.columns)]
    return sum(tensor.untyped_storage().nbytes() for state in states for tensor in state)


def test_row_of_a_large_image_takes_no_more_memory() -> None:
    assert stored_bytes(1024) == stored_bytes(16) <= ROW_BYTES


def test_one_id_in_two_groups_is_refused() -> None:
    metric = ImageRows()
    mask = torch.ones(1, 2, 2)
    for group in ("video 1", "video 2"):
        metric.update(mask[None], [mask], [mask], resize_affine((2, 2), (2, 2))[None], ["a"], [group])
    with pytest.raises(UserError, match="'a' has the groups 'video 1' and 'video 2'"):
        metric.compute()

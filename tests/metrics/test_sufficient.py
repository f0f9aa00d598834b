"""The rows: how large they are, and that they are the same from any order and batches."""

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays

from polybench.core.errors import DataError
from polybench.metrics import EXTRA_PROTOCOLS, PROTOCOLS, STORED, ImageRows
from polybench.metrics.panel import empty_masks, panel
from polybench.metrics.prepare import resize_affine
from polybench.metrics.protocols import INSTANCES
from polybench.metrics.sufficient import COLUMNS, ROW_BYTES, row_bytes
from polybench.scoring.folder import StoredMap, stored_rows

ALL = (*PROTOCOLS, *EXTRA_PROTOCOLS)


def maps(n: int) -> list[StoredMap]:
    random = np.random.default_rng(5)
    found = []
    for k in range(n):
        native = (9 + k, 14)
        mask, valid = random.random(native) > 0.6, random.random(native) > 0.1
        found.append(StoredMap(f"image {k}", f"video {k // 2}", random.random((8, 7), np.float32), mask, valid))
    return found


def add(metric: ImageRows, item: StoredMap) -> None:
    size, native = item.probability.shape, item.mask.shape
    metric.update(
        torch.from_numpy(item.probability)[None, None],
        [torch.from_numpy(item.mask)[None]],
        [torch.from_numpy(item.valid)[None]],
        resize_affine((size[0], size[1]), (native[0], native[1]))[None],
        [item.id],
        [item.group],
        None if item.labels is None else [torch.from_numpy(item.labels)[None]],
    )


def test_row_of_an_image_takes_a_few_kilobytes() -> None:
    assert row_bytes(COLUMNS) <= ROW_BYTES
    metric = ImageRows((*PROTOCOLS, *EXTRA_PROTOCOLS), STORED)
    item = maps(1)[0]
    add(metric, item._replace(labels=item.mask.astype(np.int32)))
    stored = sum(
        state[0].numel() * state[0].element_size() for name in ("names", *COLUMNS) if (state := getattr(metric, name))
    )
    assert stored == row_bytes(COLUMNS)


def test_only_what_protocols_read_is_computed() -> None:
    assert ImageRows(PROTOCOLS[:1]).columns == ("counts",)
    assert set(ImageRows((*PROTOCOLS, *EXTRA_PROTOCOLS), STORED).columns) == set(COLUMNS)


def test_metric_and_stored_maps_give_the_same_rows() -> None:
    everything = (*PROTOCOLS, *EXTRA_PROTOCOLS)
    items = [item._replace(labels=item.mask.astype(np.int32)) for item in maps(3)]
    metric = ImageRows(everything, STORED)
    for item in items:
        add(metric, item)
    found, expected = metric.compute(), stored_rows(items, everything, STORED)
    assert (found.ids, found.groups) == (expected.ids, expected.groups)
    for name in COLUMNS:
        np.testing.assert_array_equal(found.columns[name], expected.columns[name])
        assert found.columns[name].dtype == expected.columns[name].dtype


def test_instances_without_a_map_of_the_true_ones_are_refused() -> None:
    with pytest.raises(ValueError, match="label map of the truth"):
        stored_rows(maps(1), (INSTANCES,))


def test_any_order_gives_the_same_json() -> None:
    items = maps(7)
    expected = json.dumps(panel(stored_rows(items)))
    for order in ([3, 1, 6, 0, 2, 5, 4], [6, 5, 4, 3, 2, 1, 0, 0, 6]):
        assert json.dumps(panel(stored_rows([items[k] for k in order]))) == expected


def test_empty_masks_are_counted() -> None:
    nothing, something = np.zeros((4, 4), np.float32), np.ones((4, 4), np.float32)
    mask = np.zeros((4, 4), bool)
    items = [
        StoredMap("a", "a", nothing, mask, None),
        StoredMap("b", "b", something, mask, None),
        StoredMap("c", "c", something, ~mask, None),
    ]
    assert empty_masks(stored_rows(items)) == (2, 1)


def score(probability: np.ndarray, mask: np.ndarray) -> dict[str, dict[str, float]]:
    return panel(stored_rows([StoredMap("a", "a", probability.astype(np.float32), mask, None)]))


BOUNDS = {"mean_e": 42 / 41, "max_e": 42 / 41, "hd95": math.hypot(6, 7), "assd": math.hypot(6, 7)}
"""Of maps of 6 x 7 pixels; 1 for all other metrics."""

masks = arrays(np.bool_, (6, 7))
levels = arrays(np.uint8, (6, 7))


@settings(deadline=None, max_examples=40)
@given(levels, masks)
def test_all_numbers_are_bounded(image: np.ndarray, mask: np.ndarray) -> None:
    for protocol in PROTOCOLS:
        for metric, value in score(image / 255, mask)[protocol.name].items():
            limit = BOUNDS.get(metric, 1)
            assert 0 <= value <= limit + 1e-9, (protocol.name, metric)


@settings(deadline=None, max_examples=40)
@given(masks, masks)
def test_binary_maps_score_alike_wherever_averaging_and_threshold_do_not_matter(
    prediction: np.ndarray, mask: np.ndarray
) -> None:
    found = score(prediction, mask)
    dice = found["per_image"]["dice"]
    assert found["pooled"]["dice"] == dice
    assert found["keras_fcn"]["dice_0.5"] == found["keras_fcn"]["dice_0.2"] == dice
    assert found["fanet"]["dice"] == pytest.approx(dice, abs=1e-12)
    assert found["efen"]["dice"] == pytest.approx(dice, abs=1e-12)
    assert found["keras_fcn"]["dice_of_mean_iou_0.5"] == pytest.approx(dice)
    if mask.any() and prediction.any() and not prediction.all():
        everything = 2 * mask.sum() / (42 + mask.sum())
        assert found["pranet"]["mean_dice"] == pytest.approx((255 * dice + everything) / 256)


def test_every_metric_of_a_protocol_says_which_way_is_better() -> None:
    everything = (*PROTOCOLS, *EXTRA_PROTOCOLS)
    rows = stored_rows([item._replace(labels=item.mask.astype(np.int32)) for item in maps(3)], everything)
    for protocol in everything:
        assert {*protocol.values(rows), *protocol.aggregate(protocol.reduce(rows))} == set(protocol.directions)


def test_floating_point_statistics_are_multiples_of_a_fixed_step() -> None:
    rows = stored_rows([item._replace(labels=item.mask.astype(np.int32)) for item in maps(5)], ALL, STORED)
    for name in ("structure", "boundary", "instances", "membranes", "calibration"):
        steps = rows.numbers(name) * 2**30
        assert np.array_equal(steps, np.round(steps)), name


def test_pair_ranked_wrongly_in_one_bin_is_within_the_tolerance() -> None:
    # the object's pixel lies below the other one, but in the same of the 256 bins: the true area is 0, ours is 0.5
    found = score(np.array([[0.5001, 0.5002]]), np.array([[True, False]]))["fov"]
    assert found["auc"] == found["auc_tolerance"] == 0.5


def test_id_in_two_groups_is_refused() -> None:
    first, second = maps(2)
    with pytest.raises(DataError, match="two groups, 'video 0' and 'other'"):
        stored_rows([first, second._replace(id=first.id, group="other")])


def test_rows_of_one_id_that_differ_do_not_depend_on_their_order() -> None:
    one, two = (item._replace(id="a", group="a") for item in maps(2))
    found = []
    for items in ([one, two], [two, one]):
        metric = ImageRows()
        for item in items:
            add(metric, item)
        found.append(json.dumps(panel(metric.compute())))
    assert found[0] == found[1]

"""What holds for any maps: symmetry, invariance, empty and full masks, and sweeps against brute force."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import roc_auc_score

from polybench.metrics import PROTOCOLS, Rows
from polybench.metrics.panel import image_table, panel
from polybench.scoring.folder import StoredMap, stored_rows

Map = np.ndarray
HEIGHT, WIDTH = 6, 7
PIXELS = HEIGHT * WIDTH
MASKS = arrays(np.bool_, (HEIGHT, WIDTH))
BYTES = arrays(np.uint8, (HEIGHT, WIDTH))
EMPTY, FULL = np.zeros((HEIGHT, WIDTH), bool), np.ones((HEIGHT, WIDTH), bool)


property_test = settings(deadline=None, max_examples=40)


def rows_of(probability: Map, mask: Map, valid: Map | None = None) -> Rows:
    return stored_rows([StoredMap("a", "a", probability.astype(np.float32), mask, valid)])


def scores(probability: Map, mask: Map, valid: Map | None = None) -> dict[str, dict[str, float]]:
    return panel(rows_of(probability, mask, valid))


@property_test
@given(levels=BYTES, mask=MASKS, valid=MASKS)
def test_dice_of_an_image_is_2i_over_1_plus_i(levels: Map, mask: Map, valid: Map) -> None:
    assume(valid.any())
    table = image_table(rows_of(levels / 255, mask, valid)).iloc[0]
    pairs = [f"{name}@2/{{}}" for name in ("per_image", "fanet", "fov")] + ["keras_fcn@2/{}_0.2", "keras_fcn@2/{}_0.5"]
    for pair in pairs:
        iou = table[pair.format("iou")]
        assert 0 <= iou <= 1
        assert table[pair.format("dice")] == pytest.approx(2 * iou / (1 + iou), abs=1e-12)


@property_test
@given(prediction=MASKS, mask=MASKS)
@example(prediction=EMPTY, mask=EMPTY)
@example(prediction=FULL, mask=EMPTY)
def test_prediction_and_mask_can_change_places(prediction: Map, mask: Map) -> None:
    there, back = scores(prediction, mask), scores(mask, prediction)
    for protocol in ("per_image", "fanet", "pooled", "fov"):
        for metric in ("dice", "iou", "accuracy"):
            assert there[protocol][metric] == pytest.approx(back[protocol][metric], abs=1e-12)
        assert there[protocol]["precision"] == pytest.approx(back[protocol]["recall"], abs=1e-12)
    for protocol, metrics in {
        "keras_fcn": ("iou_0.5", "background_iou_0.5", "miou_0.5", "accuracy_0.5", "dice_0.5"),
        "efen": ("dice", "iou"),
        "boundary": ("hd95", "assd", "boundary_iou"),
        "objects": ("f1",),
    }.items():
        for metric in metrics:
            assert there[protocol][metric] == pytest.approx(back[protocol][metric], abs=1e-8)


MOVES: dict[str, Callable[[Map], Map]] = {"flip": np.flipud, "mirror": np.fliplr, "transpose": np.transpose}


@property_test
@given(levels=BYTES, mask=MASKS, valid=MASKS, move=st.sampled_from(sorted(MOVES)))
def test_flips_and_transposes_change_no_statistic(levels: Map, mask: Map, valid: Map, move: str) -> None:
    """But S-measure and weighted F, which cut at the rounded centroid and choose one of several nearest pixels."""
    change = MOVES[move]
    before = rows_of(levels / 255, mask, valid).columns
    after = rows_of(change(levels) / 255, change(mask), change(valid)).columns
    for name in before:
        start = 2 if name == "structure" else 0
        np.testing.assert_allclose(after[name][:, start:], before[name][:, start:], rtol=0, atol=1e-8, err_msg=name)


@property_test
@given(levels=BYTES, other=BYTES, mask=MASKS, other_mask=MASKS, valid=MASKS)
def test_what_lies_outside_the_field_of_view_does_not_matter(
    levels: Map, other: Map, mask: Map, other_mask: Map, valid: Map
) -> None:
    one = rows_of(levels / 255, mask, valid)
    two = rows_of(np.where(valid, levels, other) / 255, np.where(valid, mask, other_mask), valid)
    for name in ("counts_in_view", "histograms", "boundary", "objects"):
        np.testing.assert_array_equal(one.columns[name], two.columns[name])
    assert one.integers("counts_in_view").sum() == valid.sum()


@property_test
@given(images=st.lists(st.tuples(BYTES, MASKS), min_size=1, max_size=3))
def test_pooled_is_one_wide_image(images: list[tuple[Map, Map]]) -> None:
    maps = [
        StoredMap(str(k), "g", (levels / 255).astype(np.float32), mask, None) for k, (levels, mask) in enumerate(images)
    ]
    together = panel(stored_rows(maps))["pooled"]
    levels, mask = (np.hstack(parts) for parts in zip(*images, strict=True))
    wide = scores(levels / 255, mask)
    for metric, value in wide["per_image"].items():
        assert together[metric] == pytest.approx(value, abs=1e-12)


@property_test
@given(levels=BYTES)
def test_empty_mask_is_all_or_nothing_and_named_in_each_protocol(levels: Map) -> None:
    found = scores(levels / 255, EMPTY)
    nothing = float((levels < 128).all())
    spread = levels.astype(float) / 255
    if levels.min() < levels.max():
        spread = (spread - spread.min()) / (spread.max() - spread.min())
    for metric in ("dice", "iou", "precision", "recall", "f2"):
        assert found["per_image"][metric] == nothing
    assert found["fanet"]["dice"] == pytest.approx(nothing, abs=1e-14)
    assert found["keras_fcn"]["iou_0.2"] == float((levels < 51).all())
    assert found["objects"]["f1"] == nothing
    assert found["boundary"]["hd95"] == pytest.approx(0 if nothing else np.hypot(HEIGHT, WIDTH), abs=1e-8)
    for metric in ("mean_dice", "max_dice", "mean_iou", "max_iou", "weighted_f"):
        assert found["pranet"][metric] == 0
    assert found["pranet"]["s_measure"] == pytest.approx(1 - spread.mean(), abs=1e-8)
    assert found["pranet"]["mae"] == pytest.approx(spread.mean(), abs=1e-8)
    assert "auc" not in found["fov"]


@property_test
@given(levels=BYTES)
def test_full_mask_scores_what_is_covered(levels: Map) -> None:
    found = scores(levels / 255, FULL)
    share = float((levels > 127).mean())
    assert found["per_image"]["recall"] == found["per_image"]["iou"] == found["per_image"]["accuracy"] == share
    assert found["per_image"]["precision"] == float(share > 0)
    assert found["per_image"]["specificity"] == 1
    spread = levels.astype(float) / 255
    if levels.min() < levels.max():
        spread = (spread - spread.min()) / (spread.max() - spread.min())
    assert found["pranet"]["s_measure"] == pytest.approx(spread.mean(), abs=1e-8)
    assert "auc" not in found["fov"]


@property_test
@given(levels=BYTES, mask=MASKS)
def test_image_without_a_pixel_in_view_leaves_no_number_undefined(levels: Map, mask: Map) -> None:
    found = scores(levels / 255, mask, EMPTY)
    assert all(np.isfinite(value) for numbers in found.values() for value in numbers.values())
    assert set(found["fov"].values()) == {1.0}


@property_test
@given(mask=MASKS)
def test_the_mask_itself_is_the_best_prediction(mask: Map) -> None:
    assume(mask.any() and not mask.all())
    for protocol in PROTOCOLS:
        for metric, value in scores(mask, mask)[protocol.name].items():
            if not metric.startswith("mean_") and metric != "auc_tolerance":
                best = {"max_e": PIXELS / (PIXELS - 1), "mae": 0, "hd95": 0, "assd": 0}.get(metric, 1)
                assert value == pytest.approx(best, abs=1e-8), (protocol.name, metric)


@property_test
@given(levels=BYTES, mask=MASKS, valid=MASKS)
def test_histograms_count_what_brute_force_counts_at_every_threshold(levels: Map, mask: Map, valid: Map) -> None:
    found = rows_of(levels / 255, mask, valid).columns["histograms"][0]
    reached = np.stack([found[:, k:].sum(axis=-1) for k in range(256)])
    brute = [[((levels >= k) & side & valid).sum() for side in (mask, ~mask)] for k in range(256)]
    np.testing.assert_array_equal(reached, brute)


@property_test
@given(levels=BYTES, mask=MASKS)
def test_sweep_is_the_mean_and_maximum_of_every_cut_map(levels: Map, mask: Map) -> None:
    levels[0, 0], levels[-1, -1] = 0, 255  # so that stretching changes nothing
    cuts = [levels >= k for k in range(256)]
    hits = np.array([(cut & mask).sum() for cut in cuts])
    sizes, unions = np.array([cut.sum() + mask.sum() for cut in cuts]), np.array([(cut | mask).sum() for cut in cuts])
    found = scores(levels / 255, mask)["pranet"]
    for name, curve in (("dice", 2 * hits / sizes), ("iou", hits / unions)):
        assert found[f"mean_{name}"] == pytest.approx(curve.mean(), abs=1e-12)
        assert found[f"max_{name}"] == pytest.approx(curve.max(), abs=1e-12)


@property_test
@given(probability=arrays(np.float32, (HEIGHT, WIDTH), elements=st.floats(0, 1, width=32)), mask=MASKS)
def test_area_under_the_curve_is_as_near_as_it_says(probability: Map, mask: Map) -> None:
    assume(mask.any() and not mask.all())
    found = scores(probability, mask)["fov"]
    exact = roc_auc_score(mask.ravel(), probability.ravel())
    assert abs(found["auc"] - exact) <= found["auc_tolerance"] + 1e-12

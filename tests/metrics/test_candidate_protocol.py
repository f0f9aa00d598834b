"""The protocols of candidates and of classes against scikit-learn, brute force and simulated sets."""

import itertools

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, balanced_accuracy_score, roc_auc_score, roc_curve

from polybench.core.errors import DataError
from polybench.experiments.scores import protocol_scores
from polybench.methods.finetuning.class_rows import ClassRows
from polybench.metrics import Rows
from polybench.metrics.candidate_rows import CandidateRows
from polybench.metrics.panel import image_table
from polybench.metrics.protocols import CANDIDATES, CLASSES
from polybench.metrics.protocols.candidates import _drawn, scored, true_positive_rate

RATES = (0.05, 0.1, 0.5, 1.0, 2.0)


def drawn(seed: int, images: int = 40, shift: float = 0.3, shared: float = 0.0) -> Rows:
    """Images with up to two lesions, and candidates whose scores images share in part."""
    random = np.random.default_rng(seed)
    ids, groups, columns = [], [], []
    for k in range(images):
        lesions, of_image = int(random.integers(0, 3)), shared * random.normal()
        places = [lesion for lesion in range(lesions) for _ in range(int(random.integers(0, 3)))] + [-1] * int(
            random.integers(0, 4)
        )
        for number, lesion in enumerate(places):
            ids.append(f"{k:03d}/{number}")
            score = 1 / (1 + np.exp(-(random.normal() + of_image + 4 * shift * (lesion >= 0) - shift)))
            columns.append((np.round(score, 2), lesion >= 0, lesion, lesions, True))
        if not places:
            ids.append(f"{k:03d}/none")
            columns.append((0.0, False, -1, lesions, False))
        groups += [f"{k:03d}"] * max(1, len(places))
    names = ("score", "positive", "lesion", "lesions", "candidate")
    arrays = {name: np.array(values) for name, values in zip(names, zip(*columns, strict=True), strict=True)}
    return Rows(ids, groups, arrays)


def test_area_and_rates_are_those_of_scikit_learn() -> None:
    rows = drawn(0)
    kept = rows.columns["candidate"]
    labels, scores = rows.columns["positive"][kept], rows.columns["score"][kept]
    found = CANDIDATES.scores(rows)
    assert found["auc"] == pytest.approx(roc_auc_score(labels, scores))
    assert found["accuracy"] == pytest.approx(accuracy_score(labels, scores >= 0.5))
    false, true, _ = roc_curve(labels, scores, drop_intermediate=False)
    for rate in (0.1, 0.15, 0.2):
        assert found[f"true_positive_rate_{rate}"] == pytest.approx(true[false <= rate].max())


@pytest.mark.parametrize("seed", range(3))
def test_sensitivities_are_those_of_brute_force(seed: int) -> None:
    rows = drawn(seed)
    found, columns = CANDIDATES.scores(rows), rows.columns
    images = {row_id.split("/")[0]: int(columns["lesions"][place]) for place, row_id in enumerate(rows.ids)}
    best = dict.fromkeys(RATES, 0.0)
    for threshold in [*np.unique(columns["score"]), 2.0]:
        called = [
            place
            for place in range(len(rows.ids))
            if columns["candidate"][place] and columns["score"][place] >= threshold
        ]
        false = sum(not columns["positive"][place] for place in called) / len(images)
        hit = {
            (rows.ids[place].split("/")[0], columns["lesion"][place]) for place in called if columns["positive"][place]
        }
        for rate in RATES:
            if false <= rate:
                best[rate] = max(best[rate], len(hit) / sum(images.values()))
    assert {rate: found[f"sensitivity_{rate}"] for rate in RATES} == pytest.approx(best)
    on_lesions = {
        (rows.ids[place].split("/")[0], columns["lesion"][place]) for place in np.flatnonzero(columns["positive"])
    }
    assert found["detector_sensitivity"] == pytest.approx(len(on_lesions) / sum(images.values()))


def test_rates_below_one_false_positive_have_no_number() -> None:
    assert "sensitivity_0.01" not in CANDIDATES.scores(drawn(0, images=99))
    assert "sensitivity_0.01" in CANDIDATES.scores(drawn(0, images=100))


def test_a_lesion_without_a_candidate_counts_against_the_detector() -> None:
    columns = {"score": [0.9, 0.0], "positive": [True, False], "lesion": [0, -1], "lesions": [3, 1]}
    arrays = {**{name: np.array(values) for name, values in columns.items()}, "candidate": np.array([True, False])}
    found = CANDIDATES.scores(Rows(["a/0", "b/none"], ["a", "b"], arrays))
    assert found["detector_sensitivity"] == 0.25
    assert "auc" not in found


def test_interval_of_independent_candidates_is_delongs() -> None:
    random = np.random.default_rng(5)
    n = 80
    positive = random.random(n) < 0.5
    scores = random.normal(size=n) + positive
    names = [f"{k}/0" for k in range(n)]
    columns = {
        "score": scores,
        "positive": positive,
        "lesion": np.where(positive, 0, -1),
        "lesions": positive.astype(int),
    }
    found = CANDIDATES.intervals(Rows(names, names, {**columns, "candidate": np.ones(n, bool)}))["auc"]
    of_positives, of_negatives = scores[positive], scores[~positive]
    wins = (of_positives[:, None] > of_negatives).astype(float)
    spread = np.sqrt(wins.mean(1).var(ddof=1) / len(of_positives) + wins.mean(0).var(ddof=1) / len(of_negatives))
    assert found == pytest.approx((wins.mean() - 1.96 * spread, wins.mean() + 1.96 * spread), abs=1e-4)


@pytest.mark.slow
def test_intervals_of_candidates_that_share_images_cover_the_truth() -> None:
    """Of 60 sets whose images shift the scores of their candidates, 95 % intervals hold the value of a large set."""
    truth = CANDIDATES.scores(drawn(10_000, images=6000, shared=1.0))
    held = dict.fromkeys(("auc", "true_positive_rate_0.2", "sensitivity_0.5"), 0)
    for seed in range(60):
        ends = CANDIDATES.intervals(drawn(seed, images=60, shared=1.0))
        for metric in held:
            held[metric] += ends[metric][0] <= truth[metric] <= ends[metric][1]
    assert all(count >= 52 for count in held.values()), held  # of 57 expected; fewer has a probability below 2 %


def test_draws_are_those_of_scikit_learn() -> None:
    """Weighted numbers of a few draws, in which some candidates count several times and some never."""
    rows = drawn(3)
    found, random = scored(rows), np.random.default_rng(1)
    times = random.multinomial(len(found.ids), np.full(len(found.ids), 1 / len(found.ids)), size=20).astype(float)
    numbers = _drawn(found, times)
    for place, weights in enumerate(times):
        assert numbers["auc"][place] == pytest.approx(roc_auc_score(found.labels, found.scores, sample_weight=weights))
        for rate in (0.1, 0.2):
            expected = true_positive_rate(found.scores, found.labels, rate, weights)
            assert numbers[f"true_positive_rate_{rate}"][place] == pytest.approx(expected)


def test_scores_record_every_metric_and_no_mean() -> None:
    rows = drawn(1)
    scores = protocol_scores(rows, CANDIDATES)
    assert scores.n == len(rows.ids)
    assert scores.means == ()
    assert all(value.low is not None and value.low <= value.value <= value.high for value in scores.values.values())
    table = image_table(rows, (CANDIDATES,))
    assert list(table.columns[2:]) == [
        f"candidates@1/{name}" for name in ("score", "positive", "lesion", "lesions", "candidate")
    ]


def test_variants_of_a_candidate_are_averaged_in_any_order() -> None:
    random = np.random.default_rng(2)
    scores = random.random((5, 8))
    batch = [(f"{k}/0#{v}", str(k), scores[k, v], k % 2) for k, v in itertools.product(range(5), range(8))]
    tables = []
    for order in (range(40), random.permutation(40)):
        rows = CandidateRows()
        for place in order:
            row_id, group, score, label = batch[place]
            one = {"id": [row_id], "group": [group], "label": torch.tensor([label])}
            further = {"lesion": [label - 1], "lesions": [label], "candidate": [True]}
            one |= {name: torch.tensor(value) for name, value in further.items()}
            rows.update_from(one, torch.tensor([score]))
        tables.append(rows.compute())
    assert tables[0].ids == [f"{k}/0" for k in range(5)]
    np.testing.assert_allclose(tables[0].columns["score"], scores.mean(axis=1))
    assert all(np.array_equal(tables[0].columns[name], tables[1].columns[name]) for name in tables[0].columns)


def test_classes_are_those_of_scikit_learn() -> None:
    random = np.random.default_rng(4)
    probabilities, labels = random.dirichlet(np.ones(3), size=(30, 4)), random.integers(0, 3, 30)
    rows = ClassRows()
    for k, v in itertools.product(range(30), range(4)):
        one = {"id": [f"{k:02d}#{v}"], "group": [str(k // 2)], "label": torch.tensor([labels[k]])}
        rows.update_from(one, torch.tensor(probabilities[k, v][None]))
    mean = probabilities.mean(axis=1)
    assert CLASSES.scores(rows.compute()) == pytest.approx(
        {
            "auc": roc_auc_score(labels > 0, 1 - mean[:, 0]),
            "accuracy": accuracy_score(labels, mean.argmax(axis=1)),
            "balanced_accuracy": balanced_accuracy_score(labels, mean.argmax(axis=1)),
        }
    )


def test_crops_of_an_image_have_one_label() -> None:
    rows = ClassRows()
    rows.update_from({"id": ["a#0", "a#1"], "group": ["g", "g"], "label": torch.tensor([0, 1])}, torch.rand(2, 2))
    with pytest.raises(DataError, match="differ in group or label"):
        rows.compute()

"""The protocol of patches against scikit-learn and values by hand."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, precision_score, recall_score, roc_auc_score

from polybench.experiments.scores import protocol_scores
from polybench.metrics import Rows
from polybench.metrics.panel import image_table
from polybench.metrics.protocols import PATCHES

RANDOM = np.random.default_rng(3)
LABELS = RANDOM.random(60) < 0.4
SCORES = np.round(np.clip(0.3 * LABELS + RANDOM.random(60) * 0.8, 0, 1), 2)


def rows(scores: np.ndarray = SCORES, labels: np.ndarray = LABELS, groups: int = 12) -> Rows:
    ids = [f"{k:03d}" for k in range(len(scores))]
    return Rows(ids, [f"video {k % groups}" for k in range(len(scores))], {"score": scores, "positive": labels})


def test_numbers_are_those_of_scikit_learn() -> None:
    called = SCORES >= 0.5
    assert PATCHES.scores(rows()) == pytest.approx(
        {
            "auc": roc_auc_score(LABELS, SCORES),
            "accuracy": accuracy_score(LABELS, called),
            "precision": precision_score(LABELS, called),
            "recall": recall_score(LABELS, called),
        }
    )


def test_area_has_the_interval_of_delong() -> None:
    # by its definition: the variance of the components of positives and of negatives, each a group of its own
    positives, negatives = SCORES[LABELS], SCORES[~LABELS]
    wins = (positives[:, None] > negatives) + 0.5 * (positives[:, None] == negatives)
    variance = wins.mean(1).var(ddof=1) / len(positives) + wins.mean(0).var(ddof=1) / len(negatives)
    area = protocol_scores(rows(groups=60), PATCHES).values["auc"]
    assert area.value == pytest.approx(wins.mean())
    assert area.low is not None
    assert area.high is not None
    assert (area.high - area.low) / 2 == pytest.approx(1.959964 * np.sqrt(variance), rel=1e-6)


def test_one_class_has_no_area() -> None:
    found = PATCHES.scores(rows(labels=np.zeros(60, bool)))
    assert "auc" not in found
    assert found["recall"] == 0


def test_table_says_of_each_patch_whether_it_was_right() -> None:
    table = image_table(rows(np.array([0.5, 0.4]), np.array([True, True]), 2), [PATCHES])
    assert table["patches@1/accuracy"].tolist() == [1, 0]

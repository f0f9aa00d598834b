"""What the runs on all folds of one configuration share, and runs of other ones don't."""

import copy
from dataclasses import replace
from typing import Any

import pytest

from polybench.experiments.identity import Batch, folds_evaluation_id, folds_training_id, training_id
from polybench.results.fact_parts import FoldFacts
from polybench.results.facts import Ancestor, Counts, DatasetFacts, StartFacts

BATCH = Batch(8, 8)
CONFIG: dict[str, Any] = {
    "data": {"class_path": "polybench.datasets.PH2DataModule", "init_args": {"split": "fold_1_of_5", "batch_size": 8}},
    "model": {
        "class_path": "polybench.tasks.SegmentationTask",
        "init_args": {"optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": 0.01}}},
    },
}


def facts(number: int, lists: str = "a") -> DatasetFacts:
    fold = FoldFacts(number, 5, lists * 64)
    counts = Counts(6, 3, 3)
    hashes = ("m" * 64, f"{number}" * 64)
    return DatasetFacts("ph2", hashes[0], True, (), "x", hashes[1], True, "", False, (), counts, (64, 64), fold=fold)


def config(split: str = "fold_1_of_5", lr: float = 0.01) -> dict[str, Any]:
    found = copy.deepcopy(CONFIG)
    found["data"]["init_args"]["split"] = split
    found["model"]["init_args"]["optimizer"]["init_args"]["lr"] = lr
    return found


@pytest.mark.parametrize("split", ["fold_2_of_5", "somewhere/else/fold_2_of_5.csv"])
def test_folds_of_one_configuration_share_an_id_that_their_own_ids_are_not(split: str) -> None:
    first = folds_training_id(config(), facts(1), BATCH, None)
    assert first == folds_training_id(config(split), facts(2), BATCH, None)
    assert training_id(config(), facts(1), BATCH, None) != training_id(config(split), facts(2), BATCH, None)


def test_another_configuration_or_other_lists_are_other_folds() -> None:
    ids = {
        folds_training_id(config(), facts(1), BATCH, None),
        folds_training_id(config(lr=0.1), facts(1), BATCH, None),
        folds_training_id(config(), facts(1, lists="b"), BATCH, None),
        folds_training_id(config(), facts(1), Batch(16, 8), None),
        folds_training_id(config("fold_3_of_5"), facts(1), BATCH, None),  # that of another fold than the facts say
    }
    assert len(ids) == 5


def test_another_split_has_none() -> None:
    assert folds_training_id(config(), replace(facts(1), fold=None), BATCH, None) is None


def test_starts_from_the_same_fold_of_one_training_are_alike() -> None:
    def start(training: str, folds: str | None) -> StartFacts:
        source = Ancestor("f" * 64, "segmentation", "ph2", "S1", training, 0, "selected", folds)
        return StartFacts("backbone", source, "own", 5, 0, 0, 0, 1.0)

    one, other = (folds_training_id(config(), facts(1), BATCH, start(name * 64, "9" * 64)) for name in "12")
    assert one == other
    assert one != folds_training_id(config(), facts(1), BATCH, start("1" * 64, "8" * 64))
    assert one != folds_training_id(config(), facts(1), BATCH, start("1" * 64, None))


def test_tests_of_folds_differ_in_their_patches_alone() -> None:
    one, other = (replace(facts(1), patches_sha256=name * 64) for name in "12")
    assert folds_evaluation_id(config(), one, ["a@1"]) == folds_evaluation_id(config(), other, ["a@1"])
    assert folds_evaluation_id(config(), one, ["a@1"]) != folds_evaluation_id(config(), one, ["a@2"])

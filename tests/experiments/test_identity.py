import copy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from polybench.augment import policies
from polybench.core.errors import ConfigError
from polybench.experiments.canonical import canonical, first_difference
from polybench.experiments.identity import Batch, budget_id, config_id, evaluation_id, training_id
from polybench.results.facts import Ancestor, Counts, DatasetFacts, StartFacts

FACTS = DatasetFacts("set", "m" * 64, True, (), "split", "s" * 64, True, "", False, (), Counts(6, 3, 3), (64, 64))
BATCH = Batch(8, 8)
PARENT = Ancestor("f" * 64, "segmentation", "set", "S1", training_id="t" * 64, seed=0, point="selected")


@pytest.fixture
def config() -> dict[str, Any]:
    return {
        "name": "x",
        "seed_everything": 0,
        "data": {
            "class_path": "polybench.datasets.ClinicDBDataModule",
            "init_args": {"root": "data", "size": [64, 64], "augment": "none", "batch_size": 8, "eval_batch_size": 8},
        },
        "model": {
            "class_path": "polybench.tasks.SegmentationTask",
            "init_args": {
                "net": {"class_path": "polybench.models.EFEN", "init_args": {"widths": [8, 16, 32, 64]}},
                "loss": {"class_path": "torch.nn.BCEWithLogitsLoss"},
                "optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": 0.01}},
            },
        },
        "trainer": {"max_epochs": 5, "devices": 1, "callbacks": None},
    }


def changed(config: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    other = copy.deepcopy(config)
    *parents, last = path.split(".")
    place = other
    for key in parents:
        place = place.get("init_args", place)[key] if key not in place else place[key]
    place = place.get("init_args", place) if last != "class_path" else place
    place[last] = value
    return other


def test_importing_it_imports_no_torch() -> None:
    code = "import sys, polybench.experiments.identity; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_two_import_paths_of_a_class_are_one(config: dict[str, Any]) -> None:
    other = changed(config, "model.net.class_path", "polybench.models.efen.EFEN")
    assert config_id(other) == config_id(config)


def test_lists_equal_tuples_and_defaults_are_left_out(config: dict[str, Any]) -> None:
    other = changed(config, "model.net.widths", (8, 16, 32, 64))
    assert config_id(other) == config_id(config)
    assert canonical(config)["model"]["arguments"]["net"]["arguments"] == {"widths": [8, 16, 32, 64]}
    full = changed(config, "model.net.widths", [64, 128, 256, 512])
    assert "arguments" not in canonical(full)["model"]["arguments"]["net"]


def test_a_default_inherited_through_kwargs_is_left_out(config: dict[str, Any]) -> None:
    scheduler = {"class_path": "lightning.pytorch.cli.ReduceLROnPlateau", "init_args": {"monitor": "val/loss"}}
    written = copy.deepcopy(scheduler)
    written["init_args"] |= {"factor": 0.1, "min_lr": 0.0}  # type: ignore[operator]
    ids = {config_id(changed(config, "model.lr_scheduler", value)) for value in (scheduler, written)}
    assert len(ids) == 1


def test_one_and_true_differ(config: dict[str, Any]) -> None:
    ids = {config_id(changed(config, "trainer.limit_train_batches", value)) for value in (1, 1.0, True)}
    assert len(ids) == 3


@pytest.mark.parametrize("name", ["strategy", "verbose", "seed", "num_workers", "logger"])
def test_machine_keys_count_as_arguments_of_other_classes(config: dict[str, Any], name: str) -> None:
    def in_callback(value: int) -> dict[str, Any]:
        callback = {"class_path": "polybench.callbacks.TransferCallback", "init_args": {"source": None, name: value}}
        return changed(config, "trainer.callbacks", [callback])

    def in_augmentation(value: int) -> dict[str, Any]:
        operation = {"class_path": "polybench.augment.geometry.HorizontalFlip", "init_args": {name: value}}
        policy = {"name": "own", "variants": [[{"operation": operation, "probability": 0.5}]]}
        return changed(config, "data.augment", {"class_path": "polybench.augment.Policy", "init_args": policy})

    assert config_id(in_callback(1)) != config_id(in_callback(2))
    assert config_id(in_augmentation(1)) != config_id(in_augmentation(2))


def test_a_policy_brings_its_version(config: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    before = config_id(config)
    monkeypatch.setitem(policies._POLICIES, "none", replace(policies._POLICIES["none"], version=2))
    assert config_id(config) != before


def test_a_net_brings_its_version(config: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    before = config_id(config)
    monkeypatch.setattr("polybench.models.EFEN.version", 99)
    assert config_id(config) != before


def test_the_default_split_and_its_name_are_one(config: dict[str, Any]) -> None:
    ids = {config_id(changed(config, "data.split", value)) for value in (None, "reconstructed_efen_8_1_1")}
    assert len(ids) == 1


def test_a_file_stands_for_its_content(config: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for path, text in (("x.csv", "1"), ("a/y.csv", "1"), ("z.csv", "2")):
        (tmp_path / path).write_text(text)
    one, same, other = (
        config_id(changed(config, "data.split", str(tmp_path / path))) for path in ("x.csv", "a/y.csv", "z.csv")
    )
    assert one == same
    assert one != other


def test_a_class_that_is_missing_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="no 'polybench"):
        canonical(changed(config, "model.net.class_path", "polybench.models.Missing"))


def test_a_value_without_json_form_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="max_time"):
        canonical(changed(config, "trainer.max_time", object()))


@pytest.mark.parametrize(
    ("processes", "scaled", "accumulated", "synchronised", "batch"),
    [
        (1, False, 1, False, (8, 8)),
        (2, False, 1, False, (8, 4)),
        (2, False, 1, True, (8, 8)),
        (2, True, 1, False, (16, 8)),
        (2, True, 1, True, (16, 16)),
        (1, False, 2, False, (16, 8)),
        (2, False, 2, False, (16, 4)),
    ],
)
def test_the_global_batch(
    config: dict[str, Any], processes: int, scaled: bool, accumulated: int, synchronised: bool, batch: tuple[int, int]
) -> None:
    config["scale_batch"] = scaled
    config["trainer"] |= {"accumulate_grad_batches": accumulated, "sync_batchnorm": synchronised}
    assert Batch.of(config, processes) == batch


def test_accumulated_batches_and_a_batch_in_each_process_are_one_row(config: dict[str, Any]) -> None:
    two = changed(changed(config, "trainer.devices", 2), "scale_batch", True)
    accumulated = changed(config, "trainer.accumulate_grad_batches", 2)
    ids = {training_id(two, FACTS, Batch.of(two, 2), None)}
    ids |= {training_id(accumulated, FACTS, Batch.of(accumulated, 1), None)}
    assert len(ids) == 1


def test_shares_of_a_joint_batch_count() -> None:
    def joint(images: int, patches: int) -> str:
        source = {"class_path": "polybench.datasets.ClinicDBDataModule", "init_args": {"batch_size": images}}
        own = {"class_path": "polybench.data.patch_module.PatchDataModule", "init_args": {"batch_size": patches}}
        module = "polybench.methods.transfer.joint_module.JointDataModule"
        data = {"class_path": module, "init_args": {"images": source, "patches": own}}
        return training_id({"data": data}, FACTS, Batch(48, 48), None)

    assert joint(24, 24) == joint(12, 12)
    assert joint(24, 24) != joint(36, 12)


@pytest.mark.parametrize("field", ["manifest_sha256", "split_sha256"])
def test_manifest_and_split_count(config: dict[str, Any], field: str) -> None:
    other = replace(FACTS, **{field: "o" * 64})  # type: ignore[arg-type]
    assert training_id(config, other, BATCH, None) != training_id(config, FACTS, BATCH, None)


def start_ids(config: dict[str, Any], *starts: StartFacts | None) -> set[str]:
    return {training_id(config, FACTS, BATCH, start) for start in starts}


def test_a_warm_start_differs_from_initialised_weights(config: dict[str, Any]) -> None:
    warm = StartFacts("weights", PARENT, "shared")
    transferred = StartFacts("backbone", PARENT, "shared")
    assert len(start_ids(config, None, StartFacts("initialised"), warm, transferred)) == 3


def test_a_changed_ancestor_changes_its_descendants(config: dict[str, Any]) -> None:
    other = Ancestor(PARENT.sha256, PARENT.task, PARENT.dataset, PARENT.stage, "u" * 64, 0, "selected")
    assert len(start_ids(config, StartFacts("weights", PARENT), StartFacts("weights", other))) == 2


def test_seeds_with_sources_of_their_own_are_one_row(config: dict[str, Any]) -> None:
    one, two = (Ancestor(str(seed), None, None, None, "t" * 64, seed, "selected") for seed in (0, 1))
    assert len(start_ids(config, StartFacts("backbone", one, "own"), StartFacts("backbone", two, "own"))) == 1
    assert len(start_ids(config, StartFacts("backbone", one, "shared"), StartFacts("backbone", two, "shared"))) == 2


def test_checkpoints_of_one_training_are_told_apart(config: dict[str, Any]) -> None:
    end = replace(PARENT, point="end")
    between = [replace(PARENT, point=None, sha256=digit * 64) for digit in "01"]
    assert len(start_ids(config, *(StartFacts("weights", one, "own") for one in (PARENT, end, *between)))) == 4


def test_foreign_weights_count_by_their_file(config: dict[str, Any]) -> None:
    one, two = (Ancestor(sha, None, None, None) for sha in ("a", "b"))
    assert len(start_ids(config, StartFacts("weights", one), StartFacts("weights", two))) == 2


def test_a_partial_transfer_counts_by_what_matched(config: dict[str, Any]) -> None:
    whole = StartFacts("backbone", PARENT, "shared", 10, 0, 0, 0, 1.0)
    half = StartFacts("backbone", PARENT, "shared", 5, 5, 0, 0, 0.5)
    left_out = StartFacts("backbone", PARENT, "shared", 10, 0, 1, 0, 1.0)
    assert len(start_ids(config, whole, half, left_out)) == 3


def test_a_source_for_each_seed_differs_from_one_for_all(config: dict[str, Any]) -> None:
    source = replace(PARENT, seed=None)
    assert len(start_ids(config, StartFacts("weights", source, "own"), StartFacts("weights", source, "shared"))) == 2


def test_a_transfer_counts_by_its_start_and_not_by_its_path(config: dict[str, Any]) -> None:
    def of(source: str | None) -> dict[str, Any]:
        callback = {"class_path": "polybench.callbacks.TransferCallback", "init_args": {"source": source}}
        return changed(config, "trainer.callbacks", [callback])

    start = StartFacts("backbone", PARENT, "own")
    assert training_id(of("a/best.ckpt"), FACTS, BATCH, start) == training_id(of("b/last.ckpt"), FACTS, BATCH, start)
    assert config_id(of("imagenet")) != config_id(of(None))
    with pytest.raises(ValueError, match="start weights"):
        training_id(of("imagenet"), FACTS, BATCH, None)


def test_what_counts_in_an_evaluation(config: dict[str, Any]) -> None:
    protocols = ["b@1", "a@2"]
    one = evaluation_id(config, FACTS, protocols)
    assert evaluation_id(config, FACTS, protocols[::-1]) == one
    assert evaluation_id(changed(config, "trainer.max_epochs", 9), FACTS, protocols) == one
    others = {
        evaluation_id(config, FACTS, ["b@1", "a@3"]),
        evaluation_id(config, FACTS, protocols, {"mask": 0.2}),
        evaluation_id(changed(config, "data.eval_batch_size", 4), FACTS, protocols),
    }
    assert len(others | {one}) == 4


def test_fit_counts_in_training_and_evaluation_and_its_default_in_neither(config: dict[str, Any]) -> None:
    joint = copy.deepcopy(config)
    images = config["data"]
    joint["data"] = {"class_path": "polybench.methods.transfer.JointDataModule", "init_args": {"images": images}}
    for before, path in ((config, "data"), (joint, "data.images")):
        stretched = changed(changed(before, f"{path}.fit", "stretch"), f"{path}.pad_value", 0)
        letterboxed = changed(before, f"{path}.fit", "letterbox")
        grey = changed(letterboxed, f"{path}.pad_value", 9)
        for identity in (config_id, lambda one: evaluation_id(one, FACTS, ["a@1"])):
            assert identity(stretched) == identity(before)
            assert len({identity(before), identity(letterboxed), identity(grey)}) == 3


def test_a_budget_is_readable() -> None:
    assert budget_id(29280, (96, 128)) == "29280 images of 96x128"


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("trainer.max_epochs", 2, "trainer.max_epochs (2 instead of 5)"),
        ("model.net.widths", [8, 8, 8, 8], "model.net.widths.0"),
        ("model.net.skip", "plain", 'model.net.skip ("plain" instead of the default)'),
        ("model.loss", {"class_path": "torch.nn.MSELoss"}, "model.loss (torch.nn.MSELoss instead of torch.nn.BCEWith"),
    ],
)
def test_a_difference_is_named(config: dict[str, Any], path: str, value: object, said: str) -> None:
    found = first_difference(canonical(changed(config, path, value)), canonical(config))
    assert found is not None
    assert found.startswith(said.removesuffix(".0"))
    assert first_difference(canonical(config), canonical(config)) is None


def test_processes_that_share_a_batch_and_average_batch_norm_over_all_of_it_are_the_row_of_one(
    config: dict[str, Any],
) -> None:
    one = changed(config, "scale_batch", False)  # as every run of today says, and none of before
    two = changed(changed(config, "trainer.devices", 2), "trainer.sync_batchnorm", True)
    apart = changed(config, "trainer.devices", 2)
    alone = training_id(config, FACTS, Batch.of(config, 1), None)
    assert training_id(one, FACTS, Batch.of(one, 1), None) == alone
    assert training_id(two, FACTS, Batch.of(two, 2), None) == alone
    assert training_id(apart, FACTS, Batch.of(apart, 2), None) != alone

"""Classes that take the place of others: what they get of the arguments written for the others, and what is said."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from polybench.experiments.compose import Composed, compose

ADAM = {"class_path": "torch.optim.Adam", "init_args": {"lr": 0.003}}
CLINICDB = {
    "class_path": "ClinicDBDataModule",
    "init_args": {"root": "${oc.env:POLYBENCH_DATA,data}", "split": "sequence_disjoint", "size": [96, 96]},
}


def written(folder: Path, optimizer: Any = ADAM, data: Any = CLINICDB) -> str:
    content = {"data": data, "model": {"class_path": "SegmentationTask", "init_args": {"optimizer": optimizer}}}
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(content))
    return str(path)


def composed(*words: str) -> Composed:
    return compose(words, ("data", "model"))


def optimizer_of(found: Composed) -> Any:
    return found.config["model"]["init_args"]["optimizer"]


@pytest.mark.parametrize("name", ["torch.optim.AdamW", "AdamW"])
def test_another_class_gets_what_was_written_and_no_default_of_the_class_before(tmp_path: Path, name: str) -> None:
    found = composed("--model.optimizer", name, "--config", written(tmp_path))
    assert optimizer_of(found) == {"class_path": name, "init_args": {"lr": 0.003}}
    assert (found.options, found.notes) == ([], ())


def test_what_the_other_class_does_not_accept_is_left_out_and_named(tmp_path: Path) -> None:
    sgd = {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.1, "momentum": 0.9, "nesterov": True}}
    found = composed("--config", written(tmp_path, sgd), "--model.optimizer", "torch.optim.Adam")
    assert optimizer_of(found) == {"class_path": "torch.optim.Adam", "init_args": {"lr": 0.1}}
    assert found.notes == ("model.optimizer: 'momentum' and 'nesterov' of SGD are left out: Adam doesn't take them.",)


def test_default_that_the_other_class_does_not_have_is_left_out_in_silence(tmp_path: Path) -> None:
    sgd = {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.1, "nesterov": False}}
    found = composed("--config", written(tmp_path, sgd), "--model.optimizer", "torch.optim.Adam")
    assert optimizer_of(found)["init_args"] == {"lr": 0.1}
    assert found.notes == ()


def test_class_without_written_arguments_is_left_without(tmp_path: Path) -> None:
    found = composed("--config", written(tmp_path, "torch.optim.Adam"), "--model.optimizer=torch.optim.AdamW")
    assert optimizer_of(found) == "torch.optim.AdamW"


def test_written_argument_that_is_the_old_default_is_kept_and_said(tmp_path: Path) -> None:
    adam = {"class_path": "torch.optim.Adam", "init_args": {"weight_decay": 0.0}}
    found = composed("--config", written(tmp_path, adam), "--model.optimizer", "torch.optim.AdamW")
    assert optimizer_of(found)["init_args"] == {"weight_decay": 0.0}
    assert found.notes == (
        "model.optimizer: weight_decay stays 0.0, as written, which is Adam's default; AdamW's is 0.01.",
    )


def test_parser_gets_the_own_defaults_of_a_class_that_is_not_the_tasks_default(tmp_path: Path) -> None:
    """AdamW's weight decay is 0.01; that of Adam, the task's default optimizer, is 0."""
    found = composed("--config", written(tmp_path), "--model.optimizer", "torch.optim.AdamW")
    given = yaml.safe_load(found.words()[1])["model"]["init_args"]["optimizer"]["init_args"]
    assert (given["weight_decay"], given["lr"]) == (0.01, 0.003)


def test_later_file_changes_a_class_as_an_option_does(tmp_path: Path) -> None:
    later = tmp_path / "later.yaml"
    later.write_text("model: {init_args: {optimizer: {class_path: torch.optim.SGD, init_args: {momentum: 0.9}}}}\n")
    found = composed("--config", written(tmp_path), "--config", str(later))
    assert optimizer_of(found) == {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.003, "momentum": 0.9}}


@pytest.mark.parametrize("given", ["file", "text", "class_path"])
def test_class_can_be_a_file_a_text_or_a_class_path_option(tmp_path: Path, given: str) -> None:
    file = tmp_path / "sgd.yaml"
    file.write_text("class_path: torch.optim.SGD\n")
    option, value = {
        "file": ("--model.optimizer", str(file)),
        "text": ("--model.optimizer", '{"class_path": "torch.optim.SGD"}'),
        "class_path": ("--model.init_args.optimizer.class_path", "torch.optim.SGD"),
    }[given]
    found = composed("--config", written(tmp_path), option, value)
    assert optimizer_of(found) == {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.003}}


def test_same_class_by_another_name_keeps_everything(tmp_path: Path) -> None:
    found = composed("--config", written(tmp_path), "--data", "polybench.datasets.clinicdb.ClinicDBDataModule")
    assert found.config["data"]["init_args"] == CLINICDB["init_args"]


def test_options_inside_a_class_stay_options(tmp_path: Path) -> None:
    words = ["--model.optimizer.lr", "1", "--model.optimizer.momentum", "0.9"]
    found = composed("--config", written(tmp_path), *words, "--model.optimizer", "torch.optim.SGD")
    assert found.options == words


def test_earlier_option_that_the_later_class_does_not_accept_is_left_out_and_named(tmp_path: Path) -> None:
    words = ["--model.optimizer.amsgrad", "true", "--model.optimizer", "torch.optim.SGD"]
    found = composed("--config", written(tmp_path), *words)
    assert found.options == []
    assert found.notes == ("model.optimizer: 'amsgrad' is left out: SGD doesn't take it.",)


def test_null_after_a_class_wins_and_before_it_loses(tmp_path: Path) -> None:
    null, sgd = ["--model.optimizer", "null"], ["--model.optimizer", "torch.optim.SGD"]
    assert composed("--config", written(tmp_path), *sgd, *null).options == null
    assert composed("--config", written(tmp_path), *null, *sgd).options == []


def test_split_of_one_dataset_is_not_carried_over_to_another(tmp_path: Path) -> None:
    found = composed("--config", written(tmp_path), "--data", "KvasirSEGDataModule")
    expected = {"root": "${oc.env:POLYBENCH_DATA,data}", "size": [96, 96]}
    assert found.config["data"] == {"class_path": "KvasirSEGDataModule", "init_args": expected}
    assert found.notes == (
        "data: 'split' of ClinicDBDataModule is not carried over to KvasirSEGDataModule, another dataset.",
    )


@pytest.mark.parametrize(("root", "kept"), [("/elsewhere", False), ("${oc.env:POLYBENCH_DATA,data}", True)])
def test_folder_of_ones_own_gets_no_other_root_than_the_environments(tmp_path: Path, root: str, *, kept: bool) -> None:
    data = {"class_path": "ClinicDBDataModule", "init_args": {"root": root}}
    found = composed("--config", written(tmp_path, data=data), "--data", "FolderDataModule")
    assert ("root" in str(found.config["data"])) is kept


def test_argument_of_another_type_is_left_out_and_named(tmp_path: Path) -> None:
    """Patches have one side, images two."""
    found = composed("--config", written(tmp_path), "--data", "polybench.data.patch_module.PatchDataModule")
    assert found.config["data"] == "polybench.data.patch_module.PatchDataModule"
    assert found.notes[-1] == (
        "data: 'root' and 'size' of ClinicDBDataModule are left out: PatchDataModule doesn't take them."
    )


def test_unknown_class_is_left_to_the_parsers_complaint(tmp_path: Path) -> None:
    found = composed("--config", written(tmp_path), "--model.optimizer", "torch.optim.AdamX")
    assert optimizer_of(found) == "torch.optim.AdamX"


def test_text_that_is_no_class_is_an_option(tmp_path: Path) -> None:
    words = ["--data.augment", "standard", "--data.split", "mine.csv", "--model.optimizer", "AdamX"]
    assert composed("--config", written(tmp_path), *words).options == words

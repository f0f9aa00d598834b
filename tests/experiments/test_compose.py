"""A command line as one configuration and the options that win over it."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from polybench.core.errors import ConfigError
from polybench.experiments.compose import Composed, compose
from polybench.experiments.merging import merge

KNOWN = ("config", "name", "data", "model", "trainer", "ckpt_path")


def write(path: Path, **content: object) -> str:
    path.write_text(yaml.safe_dump(content))
    return str(path)


def composed(*words: str) -> Composed:
    return compose(words, KNOWN, ("no_leaderboard", "save_every", "refine"))


def test_later_file_wins_key_by_key_and_lists_are_replaced(tmp_path: Path) -> None:
    one = write(tmp_path / "1.yaml", name="one", trainer={"max_epochs": 1, "callbacks": [1, 2], "precision": 16})
    two = write(tmp_path / "2.yaml", name="two", trainer={"max_epochs": 2, "callbacks": [3], "precision": None})
    three = write(tmp_path / "3.yaml", trainer={"callbacks+": 4})
    found = composed("--config", one, f"--config={two}", "-c", three)
    assert found.config == {"name": "two", "trainer": {"max_epochs": 2, "callbacks": [3, 4], "precision": None}}
    assert [path.name for path in found.files] == ["1.yaml", "2.yaml", "3.yaml"]


def test_changes_of_a_class_that_a_later_file_names_are_refused(tmp_path: Path) -> None:
    method = write(tmp_path / "method.yaml", model={"class_path": "SegmentationTask", "init_args": {"a": 1}})
    block = write(tmp_path / "block.yaml", model={"init_args": {"a": 2}})
    with pytest.raises(ConfigError, match=f"give --config {block} after --config {method}"):
        composed("--config", block, "--config", method)
    found = composed("--config", method, "--config", block, "--config", method)
    assert found.config["model"]["init_args"] == {"a": 1}


def test_options_stand_after_the_files_in_their_order_wherever_they_were_given(tmp_path: Path) -> None:
    file = write(tmp_path / "1.yaml", name="one")
    words = ["--trainer.max_epochs", "3", "--print_config", "--config", file, "--data.size=[8,8]", "--name", "-1"]
    found = composed(*words)
    assert found.options == ["--trainer.max_epochs", "3", "--print_config", "--data.size=[8,8]", "--name", "-1"]
    assert found.words() == ["--config", "{name: one}", *found.options]


def test_command_line_without_files_is_left_as_it_is() -> None:
    words = ["--model.help", "SegmentationTask", "--trainer.callbacks+", "EarlyStopping", "--help"]
    assert composed(*words).words() == words


def test_interpolations_are_left_to_the_parser(tmp_path: Path) -> None:
    data = {"class_path": "ClinicDBDataModule", "init_args": {"root": "${oc.env:POLYBENCH_DATA,data}"}}
    file = write(tmp_path / "1.yaml", data=data)
    assert composed("--config", file).config["data"]["init_args"]["root"] == "${oc.env:POLYBENCH_DATA,data}"


def test_configuration_can_stand_on_the_command_line_itself() -> None:
    assert composed("--config", '{"name": "one"}', "--config", "{name: two}").config == {"name": "two"}


def test_keys_of_other_commands_are_dropped(tmp_path: Path) -> None:
    file = write(tmp_path / "config.yaml", name="one", no_leaderboard=True, refine=None, config=["a.yaml"])
    assert composed("--config", file).config == {"name": "one"}


def test_key_that_no_command_has_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "1.yaml"
    file.write_text("# a recipe\nname: one\ntrainr:\n  max_epochs: 3\n")
    with pytest.raises(ConfigError, match=r"'trainr' in line 3 of '.*' is not an option here\. Did you mean 'trainer'"):
        composed("--config", str(file))


@pytest.mark.parametrize("value", [None, 3])
def test_value_for_a_group_of_options_is_refused_with_its_line(tmp_path: Path, value: object) -> None:
    with pytest.raises(ConfigError, match=r"'trainer' in line 1 of '.*' needs a mapping of options"):
        composed("--config", write(tmp_path / "1.yaml", trainer=value))


@pytest.mark.parametrize("key", ["init_args", "dict_kwargs"])
def test_arguments_of_a_class_that_are_a_list_are_refused(tmp_path: Path, key: str) -> None:
    net = {"net": {"class_path": "polybench.models.UNet", "init_args": {"widths": [4, 8]}}}
    with pytest.raises(ConfigError, match=rf"model\.net\.{key} is \[1\]: give a mapping of arguments"):
        composed("--config", write(tmp_path / "1.yaml", model=net), "--model.net", f"{{{key}: [1]}}")


@pytest.mark.parametrize("words", [["--config"], ["-c"], ["--config", "--name", "x"]])
def test_config_without_a_file_is_refused(words: list[str]) -> None:
    with pytest.raises(ConfigError, match="needs a file"):
        composed(*words)


def test_recipe_holds_the_files_alone(tmp_path: Path) -> None:
    file = write(tmp_path / "1.yaml", data={"class_path": "fractions.Fraction"})
    found = composed("--config", file, "--data", "decimal.Decimal")
    assert (found.recipe["data"], found.config["data"]) == ({"class_path": "fractions.Fraction"}, "decimal.Decimal")


@pytest.mark.parametrize(
    ("words", "note"),
    [
        (
            ["--trainer.max_epochs", "1", "--trainer.max_epochs=2"],
            "--trainer.max_epochs is given 2 times: the last one, 2",
        ),
        (["--model.net.init_args.depth", "1", "--model.net.depth", "3"], "--model.net.depth is given 2 times"),
    ],
)
def test_an_option_that_is_given_twice_is_said(words: list[str], note: str) -> None:
    (found,) = composed(*words).notes
    assert note in found


@pytest.mark.parametrize(
    "words",
    [
        ["--name", "a", "--name", "a"],
        [
            "--trainer.callbacks+",
            "A",
            "--trainer.callbacks.x",
            "1",
            "--trainer.callbacks+",
            "B",
            "--trainer.callbacks.x",
            "2",
        ],
    ],
    ids=["alike", "of-two-callbacks"],
)
def test_options_that_say_the_same_or_are_of_two_callbacks_are_not(words: list[str]) -> None:
    assert composed(*words).notes == ()


def test_merging_changes_neither_side() -> None:
    base, over = {"a": {"b": [1]}, "d": "x.Y"}, {"a": {"b+": [2], "c": 3}, "d": {"init_args": {"e": 1}}}
    found = merge(base, over, [])
    assert found == {"a": {"b": [1, 2], "c": 3}, "d": {"class_path": "x.Y", "init_args": {"e": 1}}}
    assert (base, over["a"]) == ({"a": {"b": [1]}, "d": "x.Y"}, {"b+": [2], "c": 3})


def test_composing_needs_no_torch(tmp_path: Path) -> None:
    file = write(tmp_path / "1.yaml", data={"class_path": "x.Y"}, trainer={"max_epochs": 2})
    program = (
        "import sys; from polybench.experiments.compose import compose; "
        f"compose(['--config', {file!r}, '--trainer.max_epochs', '3'], ['data', 'trainer']); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

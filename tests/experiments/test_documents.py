"""Configuration files: what is read, and what is refused in one sentence."""

import re
from pathlib import Path

import pytest
import yaml

from polybench.core.errors import ConfigError
from polybench.experiments.documents import Documents
from polybench.experiments.yaml_text import dump, load


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("3.0e-3", 0.003),
        ("-.5", -0.5),
        (".inf", float("inf")),
        ("12", 12),
        ("2026-11-28", "2026-11-28"),
        ("1.2.3", "1.2.3"),
        ("${trainer.max_epochs}", "${trainer.max_epochs}"),
        ("null", None),
        ("", None),
    ],
)
def test_scalars_are_read_as_the_parser_reads_them(text: str, value: object) -> None:
    assert load(text, "a text") == value


@pytest.mark.parametrize(
    "value",
    [{"a": "1e-3", "b": [1.0, float("inf"), None, True], 3: "no"}, {"${x}": "a: b # c"}, {"long": "word " * 200}],
)
def test_dumped_configuration_is_read_back_in_one_line(value: object) -> None:
    text = dump(value)
    assert "\n" not in text
    assert load(text, "a text") == value


def test_alias_stands_for_its_value() -> None:
    assert load("a: &a [1, 2]\nb: *a\n", "a text") == {"a": [1, 2], "b": [1, 2]}


NINE = "[{0}, {0}, {0}, {0}, {0}, {0}, {0}, {0}, {0}]"
BOMB = (
    "a: &a "
    + NINE.format("x")
    + "".join(f"\n{name}: &{name} {NINE.format('*' + before)}" for before, name in zip("abcd", "bcde", strict=True))
)


MERGED = "a: &a {x: 1}" + "".join(
    f"\n{name}: &{name} {{<<: {NINE.format('*' + before)}}}" for before, name in zip("abcd", "bcde", strict=True)
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name: a\ndata: b\nname: c\n", "'name' stands twice in 'x.yaml', in lines 1 and 3: keep one of them."),
        ("data:\n  size: 1\n  size: 2\n", "'size' stands twice in 'x.yaml', in lines 2 and 3"),
        (BOMB, "more than 20000 values"),
        (MERGED, "more than 20000 values"),
        (f"a: &a {'x' * 100_000}\nb: [{'*a, ' * 100}]\n", "more than 20000 values"),
        ("a: &a\n  <<: *a\n", "holds an alias of itself"),
        ("[1, " * 30_000, "more than"),
        (f"a: {'[' * 5000}{']' * 5000}\n", "more than 50 levels"),
        (f"a: {'1' * 6000}\n", "a number of too many digits"),
        ("x: {yes: 1, true: 2}\n", "'true' stands twice"),
        ("x: {a: 1, 'a': 2}\n", "'a' stands twice"),
        ("a: &a [*a]\n", "holds an alias of itself"),
        ("name: [a\nb: c\n", "'x.yaml' is not valid YAML in line 2"),
        ("name: !!python/object:os.system x\n", "is not valid YAML in line 1"),
        ("- a\n", "'x.yaml' holds list, not the keys of a configuration."),
    ],
)
def test_what_is_no_configuration_is_refused(
    text: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "x.yaml", text)
    with pytest.raises(ConfigError) as caught:
        Documents().configuration(Path("x.yaml"))
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\x00a")
    with pytest.raises(ConfigError, match=r"x\.yaml' is not text \(byte 0"):
        Documents().configuration(tmp_path / "x.yaml")


def test_missing_file_names_the_nearest(tmp_path: Path) -> None:
    write(tmp_path / "quickstart.yaml", "name: a\n")
    with pytest.raises(ConfigError, match=r"There is no file .*quickstrat\.yaml'\. Did you mean 'quickstart\.yaml'\?"):
        Documents().configuration(tmp_path / "quickstrat.yaml")


def test_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a folder"):
        Documents().configuration(tmp_path)


NET = {"class_path": "a.Net", "init_args": {"width": 3}}


def test_fragments_are_replaced_by_their_content_relative_to_the_file_that_names_them(tmp_path: Path) -> None:
    write(tmp_path / "conf/x.yaml", "data: data/d.yaml\nmodel: {class_path: T, init_args: {net: models/n.yaml}}\n")
    write(tmp_path / "conf/data/d.yaml", "class_path: D\ninit_args: {source: inner/s.yaml}\n")
    write(tmp_path / "conf/data/inner/s.yaml", "class_path: S\n")
    write(tmp_path / "conf/models/n.yaml", yaml.safe_dump(NET))
    documents = Documents()
    assert documents.configuration(tmp_path / "conf/x.yaml") == {
        "data": {"class_path": "D", "init_args": {"source": {"class_path": "S"}}},
        "model": {"class_path": "T", "init_args": {"net": NET}},
    }
    names = ["x.yaml", "d.yaml", "s.yaml", "n.yaml"]
    assert [path.name for path in documents.files] == names


def test_any_mapping_can_be_a_fragment_at_the_top_and_a_list_of_classes_below(tmp_path: Path) -> None:
    write(tmp_path / "x.yaml", "trainer: t.yaml\n")
    write(tmp_path / "t.yaml", "max_epochs: 3\ncallbacks: c.yaml\n")
    write(tmp_path / "c.yaml", "- class_path: EarlyStopping\n")
    expected = {"trainer": {"max_epochs": 3, "callbacks": [{"class_path": "EarlyStopping"}]}}
    assert Documents().configuration(tmp_path / "x.yaml") == expected


def test_argument_that_happens_to_name_a_yaml_file_stays(tmp_path: Path) -> None:
    write(tmp_path / "hrnet.yaml", "stages: 4\n")
    write(tmp_path / "x.yaml", "model: {init_args: {cfg: hrnet.yaml, out: new.yaml}}\n")
    assert Documents().configuration(tmp_path / "x.yaml") == {
        "model": {"init_args": {"cfg": "hrnet.yaml", "out": "new.yaml"}}
    }


def test_fragment_named_relative_to_another_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "n.yaml", yaml.safe_dump(NET))
    write(tmp_path / "conf/x.yaml", "model: {init_args: {net: n.yaml}}\n")
    with pytest.raises(ConfigError, match=r"There is no file 'conf/n\.yaml': 'conf/x\.yaml' names 'n\.yaml' relative"):
        Documents().configuration(Path("conf/x.yaml"))


def test_fragment_that_names_itself_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "x.yaml", "data: d.yaml\n")
    write(tmp_path / "d.yaml", "class_path: D\ninit_args: {source: d.yaml}\n")
    with pytest.raises(ConfigError, match="names itself"):
        Documents().configuration(tmp_path / "x.yaml")


def test_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    with path.open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(ConfigError, match=r"x\.yaml' is larger than 4 MiB"):
        Documents().configuration(path)


def test_bases_are_laid_over_each_other_in_order_below_the_file_that_names_them(tmp_path: Path) -> None:
    write(tmp_path / "conf/methods/m.yaml", "bases: [n.yaml]\ntrainer: {max_epochs: 5, precision: 16}\n")
    write(tmp_path / "conf/methods/n.yaml", "trainer: {max_epochs: 4, accelerator: cpu}\nmodel: {class_path: T}\n")
    write(tmp_path / "conf/data/d.yaml", "data: {class_path: D}\ntrainer: {precision: 32}\n")
    write(tmp_path / "conf/x.yaml", "bases: [methods/m.yaml, data/d.yaml]\nname: x\nmodel: {init_args: {a: 1}}\n")
    assert Documents().configuration(tmp_path / "conf/x.yaml") == {
        "name": "x",
        "data": {"class_path": "D"},
        "model": {"class_path": "T", "init_args": {"a": 1}},
        "trainer": {"max_epochs": 5, "precision": 32, "accelerator": "cpu"},
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("bases: [y.yaml]\n", "There is no file 'y.yaml', which 'x.yaml' names under bases."),
        ("bases: [x.yaml]\n", "'x.yaml' is based on itself, through 'x.yaml'"),
        ("bases: [z.yaml]\n", "'x.yaml' is based on itself, through 'z.yaml'"),
        ("bases: {y.yaml: 1}\n", "bases in 'x.yaml' must be a list of files"),
        ("bases: [3]\n", "bases in 'x.yaml' must be a list of files"),
    ],
)
def test_base_that_is_missing_or_based_on_the_file_is_refused(
    text: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "z.yaml", "bases: [x.yaml]\n")
    write(tmp_path / "x.yaml", text)
    with pytest.raises(ConfigError, match=re.escape(reason)):
        Documents().configuration(Path("x.yaml"))


def test_fragment_of_a_file_with_a_data_module_under_data_is_the_data_module(tmp_path: Path) -> None:
    write(tmp_path / "d.yaml", "data: {class_path: D}\ncheckpoint: {monitor: val/x}\n")
    write(tmp_path / "x.yaml", "data: {class_path: P, init_args: {source: d.yaml}}\n")
    write(tmp_path / "y.yaml", "data: d.yaml\n")
    documents = Documents()
    source = {"class_path": "D"}
    assert documents.configuration(tmp_path / "x.yaml") == {
        "data": {"class_path": "P", "init_args": {"source": source}}
    }
    assert documents.configuration(tmp_path / "y.yaml") == {"data": source}


def test_base_and_fragment_that_are_not_there_are_found_among_the_own_recipes_and_said(tmp_path: Path) -> None:
    write(tmp_path / "x.yaml", "bases: [conf/methods/fanet.yaml]\ndata: conf/data/em.yaml\n")
    documents = Documents()
    found = documents.configuration(tmp_path / "x.yaml")
    assert found["data"]["class_path"] == "EMDataModule"
    assert found["model"]["class_path"] == "FeedbackSegmentationTask"
    assert len(documents.notes) == 2
    assert all("polybench's own is used" in note for note in documents.notes)


def test_published_configurations_are_those_of_the_files_that_say_so(tmp_path: Path) -> None:
    write(tmp_path / "p.yaml", "budget: published\ntrainer: {max_epochs: 4}\n")
    write(tmp_path / "x.yaml", "bases: [p.yaml]\ntrainer: {max_epochs: 1}\n")
    documents = Documents()
    assert documents.configuration(tmp_path / "x.yaml")["budget"] == "published"
    assert documents.published == [{"budget": "published", "trainer": {"max_epochs": 4}}]

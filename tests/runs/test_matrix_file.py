"""Matrices: which cells a file describes, and what is wrong with it, in words."""

from pathlib import Path

import pytest

from polybench.core.errors import ConfigError
from polybench.runs.cell import cells_of
from polybench.runs.matrix_file import read_matrix

MATRIX = """
name: board
seeds: [0, 7]
configs: [block.yaml]
options: {budget: reduced, images: 100}
datasets:
  one: {config: one.yaml, options: {images: 200, data.size: [8, 8]}}
  two: two.yaml
methods:
  a: a.yaml
  b: {config: [a.yaml, b.yaml], seeds: [0], options: {images: 300}}
  b_random: {config: b.yaml, name: b, variant: random, datasets: [two]}
"""
LONG = "{method: a, dataset: one, variant: long}"


def write(folder: Path, text: str = MATRIX) -> Path:
    for name in ("a", "b", "one", "two", "block"):
        (folder / f"{name}.yaml").write_text(f"name: {name}\n")
    path = folder / "matrix.yaml"
    path.write_text(text)
    return path


def words(folder: Path, text: str, cell: str) -> list[str]:
    return read_matrix(write(folder, text)).stages[cell].words({})


def value(found: list[str], option: str) -> str:
    [place] = [place for place, word in enumerate(found) if word == option]
    return found[place + 1]


def names(folder: Path, text: str) -> list[str]:
    return [cell.name for cell in cells_of(read_matrix(write(folder, text)), folder, folder)]


def test_cells_are_the_product_seed_by_seed(tmp_path: Path) -> None:
    first = ["a_one-s0", "b_one-s0", "a_two-s0", "b_two-s0", "b_random_two-s0"]
    assert names(tmp_path, MATRIX) == [*first, "a_one-s7", "a_two-s7", "b_random_two-s7"]


def test_files_are_method_dataset_and_those_of_all(tmp_path: Path) -> None:
    found = words(tmp_path, MATRIX, "b_one")
    files = [Path(word).name for word, before in zip(found[1:], found, strict=False) if before == "--config"]
    assert files == ["a.yaml", "b.yaml", "one.yaml", "block.yaml"]


@pytest.mark.parametrize(("cell", "images"), [("a_one", "200"), ("b_one", "300"), ("a_two", "100"), ("b_two", "300")])
def test_options_of_the_method_win_over_the_dataset_and_these_over_all(tmp_path: Path, cell: str, images: str) -> None:
    assert value(words(tmp_path, MATRIX, cell), "--images") == images


def test_option_that_holds_another_wins_over_it(tmp_path: Path) -> None:
    text = MATRIX.replace("{budget: reduced, images: 100}", "{data.crop: null}")
    text = text.replace("data.size: [8, 8]", "data.crop.size: 24").replace("{images: 300}", "{data.crop: null}")
    found = words(tmp_path, text, "b_one")
    assert [word for word in found if word.startswith("--data.crop")] == ["--data.crop.size", "--data.crop"]


def test_recipe_has_the_names_of_method_and_dataset(tmp_path: Path) -> None:
    matrix = read_matrix(write(tmp_path))
    assert value(matrix.stages["b_random_two"].words({}), "--name") == "b_two"
    assert matrix.stages["b_random_two"].variant == "random"
    assert matrix.stages["b_two"].variant is None


def test_exclusion_takes_cells_away(tmp_path: Path) -> None:
    text = MATRIX + "exclude: [{method: a, dataset: one}, {dataset: two}]\nseeds: [0]\n".replace("seeds: [0]\n", "")
    assert {name.rpartition("-")[0] for name in names(tmp_path, text)} == {"b_one"}


def test_inclusion_changes_the_cells_that_are_there(tmp_path: Path) -> None:
    text = MATRIX + "include: [{method: a, options: {images: 5}, seeds: [3]}]\n"
    assert value(words(tmp_path, text, "a_one"), "--images") == "5"
    assert value(words(tmp_path, text, "b_one"), "--images") == "300"
    assert [name for name in names(tmp_path, text) if name.startswith("a_")] == ["a_one-s3", "a_two-s3"]


def test_inclusion_with_a_variant_is_a_cell_of_its_own(tmp_path: Path) -> None:
    text = MATRIX + "include: [{method: a, dataset: one, variant: long, options: {images: 900}}]\n"
    matrix = read_matrix(write(tmp_path, text))
    assert value(matrix.stages["a_one"].words({}), "--images") == "200"
    assert value(matrix.stages["a_one_long"].words({}), "--images") == "900"
    assert matrix.stages["a_one_long"].variant == "long"


def test_inclusion_of_a_pair_that_is_not_there_adds_it(tmp_path: Path) -> None:
    text = MATRIX + "include: [{method: b_random, dataset: one}]\n"
    assert "b_random_one-s0" in names(tmp_path, text)


def test_dataset_with_splits_has_a_cell_for_each(tmp_path: Path) -> None:
    text = MATRIX.replace("two: two.yaml", "two: {config: two.yaml, splits: [f1, f2]}")
    found = [name for name in names(tmp_path, text) if name.startswith("b_") and name.endswith("-s0")]
    assert found == ["b_one-s0", "b_two_f1-s0", "b_random_two_f1-s0", "b_two_f2-s0", "b_random_two_f2-s0"]
    assert value(words(tmp_path, text, "b_two_f2"), "--data.split") == "f2"
    assert value(words(tmp_path, text, "b_two_f2"), "--name") == "b_two"
    without = text + "exclude: [{method: b, dataset: two}, {dataset: two_f1}]\n"
    assert "b_two_f2-s0" not in names(tmp_path, without)
    assert "b_random_two_f2-s0" in names(tmp_path, without)
    assert "a_two_f1-s0" not in names(tmp_path, without)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("a: a.yaml", "a: missing.yaml"), "method 'a' in .* needs a recipe that exists"),
        (("a: a.yaml", "a: conf/methods/unet_lit0.yaml"), "lit0.yaml'. Did you mean 'unet_lite0.yaml'"),
        (("two: two.yaml", "two: {options: {images: 1}}"), "dataset 'two' in .* needs its file"),
        (("seeds: [0, 7]", "seeds: [0, 0]"), "has 0 more than once"),
        (("seeds: [0, 7]", "seeds: none"), "must be a list of whole numbers"),
        (("methods:", "method:"), "unknown key 'method'. Did you mean 'methods'"),
        (("variant: random", "variant: a/b"), "variant of method 'b_random' in .* must be a word"),
        (("datasets: [two]", "datasets: [too]"), "names the unknown dataset 'too'. Did you mean 'two'"),
        (("datasets: [two]", "datasets: two"), "must be a list of names"),
        (("options: {images: 300}", "options: {--images: 300}"), "written without dashes: images"),
        (("options: {images: 300}", "options: {help: null}"), "have 'help', which is no option of a run"),
        (("two: two.yaml", "two: two.yaml\n  o: {config: one.yaml, splits: [x]}\n  o_x: two.yaml"), "name 'o_x'"),
        (("\n  a: a.yaml", "\n  a: a.yaml\n  a: b.yaml"), "more than once|twice|duplicate"),
    ],
)
def test_mistake_is_named(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read_matrix(write(tmp_path, MATRIX.replace(*change)))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("exclude: [{method: c}]", "exclude in .* names the unknown method 'c'. There are a, b, b_random"),
        ("include: [{dataset: three}]", "names the unknown dataset 'three'"),
        ("include: [{options: {images: 1}}]", "names neither a method nor a dataset"),
        ("include: {method: a}", "must be a list"),
        ("exclude: [{method: [a]}]", "names the unknown method"),
        ("exclude: [{dataset: one}, {dataset: two}]", "has no cells"),
        (f"include: [{LONG}, {LONG}]", "Two cells of .* have the name 'a_one_long'"),
    ],
)
def test_mistake_in_what_is_included_or_excluded_is_named(tmp_path: Path, more: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read_matrix(write(tmp_path, MATRIX + more))


def test_names_that_meet_in_the_middle_are_refused(tmp_path: Path) -> None:
    text = "datasets: {b_c: one.yaml, c: two.yaml}\nmethods: {a: a.yaml, a_b: b.yaml}\n"
    with pytest.raises(ConfigError, match=r"Two cells of .* have the name 'a_b_c'"):
        read_matrix(write(tmp_path, text))


def test_plan_of_stages_is_sent_to_its_command(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a matrix: run it with polybench transfer"):
        read_matrix(write(tmp_path, "stages: {A: {recipe: a.yaml}}"))

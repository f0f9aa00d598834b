"""Plans: what a file says, and what is wrong with it, in words."""

from pathlib import Path

import pytest

from polybench.core.errors import ConfigError
from polybench.runs import read_plan
from polybench.runs.cell import cells_of
from polybench.runs.plan import recipe_files, recipe_text


def write(folder: Path, text: str) -> Path:
    (folder / "net.yaml").write_text("class_path: some.Net\n")
    (folder / "a.yaml").write_text("model: {init_args: {net: net.yaml}}\n")
    path = folder / "plan.yaml"
    path.write_text(text)
    return path


SCHEME = """
name: scheme
seeds: [0, 2]
options: {trainer.max_epochs: 3, model.net.encoder_weights: null}
stages:
  S3: {recipe: a.yaml, from: C2}
  C2: {recipe: a.yaml, from: S1, options: {trainer.max_epochs: 5, data.size: [8, 8]}}
  S1: {recipe: a.yaml}
"""


def test_stages_come_after_what_they_start_from(tmp_path: Path) -> None:
    plan = read_plan(write(tmp_path, SCHEME))
    assert list(plan.stages) == ["S1", "C2", "S3"]
    assert [cell.name for cell in cells_of(plan, tmp_path, tmp_path)] == [
        *("S1-s0", "C2-s0", "S3-s0"),
        *("S1-s2", "C2-s2", "S3-s2"),
    ]


def test_options_of_a_stage_go_over_those_of_all(tmp_path: Path) -> None:
    words = read_plan(write(tmp_path, SCHEME)).stages["C2"].words({})
    assert words[2:] == [
        *("--trainer.max_epochs", "5", "--model.net.encoder_weights", "null", "--data.size", "[8, 8]"),
        *("--trainer.callbacks+", "TransferCallback", "--trainer.callbacks.source", "S1"),
    ]


def test_stage_without_from_starts_from_random_weights(tmp_path: Path) -> None:
    assert read_plan(write(tmp_path, SCHEME)).stages["S1"].words({})[-1] == "null"


def test_text_of_a_recipe_holds_its_fragments(tmp_path: Path) -> None:
    write(tmp_path, SCHEME)
    before = recipe_text([tmp_path / "a.yaml"])
    (tmp_path / "net.yaml").write_text("class_path: another.Net\n")
    assert "some.Net" in before
    assert "another.Net" in recipe_text([tmp_path / "a.yaml"])


def test_text_of_a_recipe_holds_its_bases_wherever_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "b.yaml").write_text("trainer: {max_epochs: 1}\n")
    (tmp_path / "x.yaml").write_text("bases: ['~/below/b.yaml', conf/data/clinicdb.yaml]\n")
    assert [file.name for file in recipe_files([tmp_path / "x.yaml"])] == ["x.yaml", "b.yaml", "clinicdb.yaml"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "stages: {A: {recipe: a.yaml, from: B}, B: {recipe: a.yaml, from: A}}",
            "form a circle, .*: give one of them null or a file",
        ),
        ("stages: {A: {recipe: none.yaml}}", "needs a recipe that exists"),
        ("stages: {A: {recipe: aa.yaml}}", "not 'aa.yaml'. Did you mean 'a.yaml'"),
        ("stages: {A: {recipe: a.yaml}, T: {command: fit, inputs: {checkpoint: A}}}", "'T' .* needs a recipe to fit"),
        ("stages: {A: {recipe: a.yaml, command: test}}", "'A' .* or the checkpoint of a stage to test"),
        ("stages: {A: {recipe: a.yaml, from: S9}}", "takes its encoder from 'S9', which is no stage"),
        ("stages: {A: {recipe: a.yaml, from: x.ckpt}}", "takes its encoder from 'x.ckpt', which is not there"),
        ("stages: {A: {recipe: a.yaml, input: {}}}", "unknown key 'input'. Did you mean 'inputs'"),
        ("stages: {A: {recipe: a.yaml, inputs: {encoder: S9}}}", "takes its encoder from 'S9', which is no stage"),
        ("stages: {A: {recipe: a.yaml, inputs: {encodr: null}}}", "unknown input 'encodr'. Did you mean 'encoder'"),
        ("stages: {A: {recipe: a.yaml, inputs: {classifier: x}}}", "only a test takes: add command: test"),
        ("stages: {A: {recipe: a.yaml, inputs: {}, from: null}}", "unknown key 'from'"),
        ("stages: {A: {recipe: a.yaml, command: predict}}", "command of stage 'A' .* must be fit or test"),
        (
            "stages: {A: {recipe: a.yaml}, T: {command: test}}",
            "stage 'T' .* needs a recipe .* inputs: {checkpoint: A}",
        ),
        ("stages: {}", "has no stages"),
        ("seeds: [4294967296]\nstages: {A: {recipe: a.yaml}}", "numbers from 0 to 4294967295"),
        ("seeds: []\nstages: {A: {recipe: a.yaml}}", "seeds in"),
        ("name: a/b\nstages: {A: {recipe: a.yaml}}", "name of the plan"),
        ("stages: {imagenet: {recipe: a.yaml}}", "not 'imagenet'"),
        ("stages: {A: {recipe: a.yaml, options: {--x: 1}}}", "without dashes: x"),
        ("stages: {A: {recipe: a.yaml, seed: x}}", "seed of stage 'A'"),
        ("stages: {A: {recipe: a.yaml}, B: {recipe: a.yaml, from: A, seed: 3}}", "'A', which it needs, is run with 0"),
        ("stages: {A: {recipe: a.yaml}, R: {refine: A, with: B}}", "takes its classifier from 'B', which is no stage"),
        ("stages: {A: {recipe: a.yaml}, R: {refine: A, with: A, from: A}}", "unknown input 'encoder'. test takes"),
        ("stages: {A: {recipe: a.yaml}, R: {refine: A, with: A}}", "takes its checkpoint and its classifier from 'A'"),
        (
            "stages: {A: {recipe: a.yaml}, T: {inputs: {checkpoint: A}}, U: {inputs: {checkpoint: T}}}",
            "'U' .* takes its checkpoint from 'T', which only tests: name a stage that trains",
        ),
        (
            "stages: {A: {recipe: a.yaml}, C: {recipe: a.yaml}, D: {refine: A, with: C}, E: {recipe: a.yaml, from: D}}",
            "'E' .* takes its encoder from 'D', which only tests",
        ),
        ("name: x\nmodel: {}\n", "is a recipe, not a plan"),
        ("seeds: [0, 1, 0]\nstages: {A: {recipe: a.yaml}}", "has 0 more than once"),
        (
            "stages:\n  A: {recipe: a.yaml}\n  B: {recipe: a.yaml}\n  A: {recipe: a.yaml}",
            "'A' stands twice in '.*', in lines 2 and 4",
        ),
        ("stages: {A: {recipe: a.yaml, options: {x: 1, x: 2}}}", "'x' stands twice in '.*', in lines 1 and 1"),
        ("stages: [", r"plan\.yaml' is not valid YAML in line 1"),
        (f"stages: {'[' * 5000}", r"plan\.yaml' has more than 50 levels"),
        ("- a", "must be a mapping"),
    ],
)
def test_wrong_plan_is_refused_in_words(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read_plan(write(tmp_path, text))


def test_missing_plan_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"There is no file '.*none\.yaml'"):
        read_plan(tmp_path / "none.yaml")

"""A study of fine-tuning is a plan of depth x share x seed whose cells take the candidates of one detector."""

from pathlib import Path

import pytest

from polybench.core.errors import ConfigError
from polybench.runs import read_plan
from polybench.runs.cell import cells_of
from polybench.runs.finetune_file import read_study

STUDY = """
name: study
seeds: [0, 1]
recipe: a.yaml
options: {budget: reduced, images: 640, data.size: 64}
detector: {recipe: a.yaml, options: {images: 800}}
depths: [head, scratch_msra, blocks.5, scratch]
scratch: {model.net.encoder_weights: null}
shares: [100, 12.5]
include:
  - {depth: head, share: 100, name: all, seeds: [0], options: {data.test_variants: 120}}
"""


def write(folder: Path, text: str = STUDY) -> Path:
    (folder / "a.yaml").write_text("name: a\n")
    path = folder / "study.yaml"
    path.write_text(text)
    return path


def test_cells_are_the_product_of_depths_and_shares(tmp_path: Path) -> None:
    study = read_study(write(tmp_path))
    depths = ["head", "blocks_5", "scratch_msra", "scratch"]
    cells = [f"{depth}+{share}" for share in ("100", "12_5") for depth in depths]
    assert list(study.plan.stages) == ["detector", *cells, "head+100_all"]
    assert study.depths == ("head", "blocks.5", "scratch_msra", "scratch")


def test_options_of_cells(tmp_path: Path) -> None:
    stages = read_study(write(tmp_path)).plan.stages
    common = {"budget": "reduced", "images": 640, "data.size": 64}
    assert stages["blocks_5+12_5"].options == {
        **common,
        "model.parameter_groups.depth": "blocks.5",
        "data.share": 0.125,
    }
    assert stages["scratch_msra+100"].options == {
        **common,
        "model.net.encoder_weights": None,
        "model.parameter_groups.depth": "scratch",
        "model.parameter_groups.initialiser": "msra",
        "data.share": 1.0,
    }
    assert stages["detector"].options == {"budget": "reduced", "images": 800}
    assert stages["head+100"].inputs == {"detector": "detector"}


def test_a_further_cell_has_options_and_seeds_of_its_own(tmp_path: Path) -> None:
    stages = read_study(write(tmp_path)).plan.stages
    cell, plain = stages["head+100_all"], stages["head+100"]
    assert (cell.command, cell.seeds, cell.variant) == ("fit", (0,), "study-head+100_all")
    assert cell.options == {**plain.options, "data.test_variants": 120}
    assert cell.inputs == plain.inputs


def test_the_detector_is_run_once_for_all_seeds(tmp_path: Path) -> None:
    cells = cells_of(read_study(write(tmp_path)).plan, tmp_path / "runs", tmp_path)
    names = [cell.name for cell in cells]
    assert names.count("detector-s0") == 1
    assert "detector-s1" not in names
    assert len(names) == 1 + 8 * 2 + 1
    words = next(cell for cell in cells if cell.name == "blocks_5+100-s1").words()
    assert words[words.index("--data.candidates") + 1].endswith("study/detector-s0/checkpoints/best.ckpt")


def test_files_and_boxes_take_the_place_of_a_detector(tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text("{}")
    text = STUDY.replace("{recipe: a.yaml, options: {images: 800}}", "list.json")
    assert read_study(write(tmp_path, text)).plan.stages["head+100"].inputs == {"detector": str(tmp_path / "list.json")}
    text = STUDY.replace("{recipe: a.yaml, options: {images: 800}}", "boxes")
    assert read_study(write(tmp_path, text)).plan.stages["head+100"].inputs == {"detector": "boxes"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[head, scratch_msra, blocks.5, scratch]", "[]", "depths .* must be a list of names"),
        ("blocks.5, scratch]", "head, scratch]", "has head more than once"),
        ("blocks.5, scratch]", "auto, scratch]", "has auto, which trains nothing of its own"),
        ("scratch_msra", "scratch_he", "scratch_ is followed by gaussian, xavier, msra"),
        ("[100, 12.5]", "[100, 0]", "must be a list of percentages"),
        ("[100, 12.5]", "[100, 100]", "has 100 more than once"),
        ("depth: head, share: 100", "depth: head, share: 50", "names depth head and share 50: give one of head"),
        ("name: all, ", "", "needs a name"),
        ("shares:", "share:", "has the unknown key 'share'. Did you mean 'shares'"),
        ("{recipe: a.yaml, options: {images: 800}}", "b.ckpt", "is neither a checkpoint"),
        ("recipe: a.yaml\n", "recipe: b.yaml\n", "needs a recipe that exists"),
    ],
)
def test_what_is_wrong_is_said(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert old in STUDY
    with pytest.raises(ConfigError, match=message):
        read_study(write(tmp_path, STUDY.replace(old, new, 1)))


def test_other_plans_are_sent_to_their_command(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has stages: run it with polybench transfer"):
        read_study(write(tmp_path, "stages: {S1: {recipe: a.yaml}}"))
    with pytest.raises(ConfigError, match="is a study of fine-tuning, not a plan of stages"):
        read_plan(write(tmp_path))

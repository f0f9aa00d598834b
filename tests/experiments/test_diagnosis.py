"""Faults of a file over a recipe that has an interpolation, and of options: the right culprit, in one sentence."""

import re
from pathlib import Path

import pytest

from tests.experiments.resolved import CONF
from tests.experiments.test_messages import complaint

NETS = """
import torch
class Needs(torch.nn.Module):
    def __init__(self, n: int, m: list[int]): super().__init__()
class NoNet: pass
"""

QUICKSTART = ["--config", str(CONF / "quickstart.yaml")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("model: {init_args: {net: {init_args: {width: 3}}}}", "'width' in line 1 of 'x.yaml' is not an option here"),
        ("data: {init_args: {sizze: 3}}", "'sizze' in line 1 of 'x.yaml' is not an option here. Did you mean 'size'"),
        ("model: {init_args: {net: {init_args: {widths: wide}}}}", "'model.net.widths' in line 1 of 'x.yaml' must be"),
        ("model: {init_args: {net: {init_args: {widths: [8,x,32,64]}}}}", "must be of type int, not 'x'"),
        ("model: {init_args: {net: {init_args: {widths: [8,8,8]}}}}", "must be a tuple with 4 elements"),
        ("model: {init_args: {net: null}}", "lacks net of SegmentationTask"),
        ("model: {init_args: {parameter_groups: {factor: {encoder: 1}}}}", "'factor' in line 1 .* mean 'factors'"),
        ("model: {init_args: {parameter_groups: {factors: {encoder: fast}}}}", "must be of type float, not 'fast'"),
        ("model: {init_args: {lr_scheduler: [1, 2]}}", r"must be a class, by its name or with class_path, not '\[1, 2"),
        ("model: {init_args: [1]}", "init_args in 'x.yaml' must be a mapping of arguments"),
        ("model: null", "lacks model: add a method, such as --config conf/methods/"),
        ("seed_everything: null", "'seed_everything' in line 1 of 'x.yaml' must be of type int, not 'null'"),
        ("trainer: {max_epochs: '${name}'}", "must be of type int, not 'quickstart'"),
        ("trainer: {callbacks: [null]}", "'trainer.callbacks' in line 1 of 'x.yaml' must be a class"),
        ("trainer: {3: 4}", "'3' .* is not an option here"),
        ("base: [a.yaml]", "Did you mean 'bases'"),
        ("bases: 0", "bases in 'x.yaml' must be a list of files"),
        ("bases: [methods/efen.yaml]", "Did you mean 'conf/methods/efen.yaml'"),
    ],
)
def test_fault_of_a_file_is_found_beside_an_interpolation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str, expected: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.yaml").write_text(f"{text}\n")
    assert re.search(expected, complaint(["fit", *QUICKSTART, "--config", "x.yaml"], capsys))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--model.net", "oddnets.Need"], "There is no 'oddnets.Need'. Did you mean 'Needs'?"),
        (["--model.net", "oddnets.Needs"], "lacks n, m of Needs"),
        (["--model.net", "oddnets.Needs", "--model.net.n", "1", "--model.net.m", "[1,a]"], "of type int, not 'a'"),
        (["--model.net", "oddnets.NoNet"], "--model.net must be a class of type Module"),
        (["--data", "polybench.models.EFEN"], "--data must be a class of type LightningDataModule"),
        (["--trainer.logger", "CSVLoger"], "Did you mean 'CSVLogger'?"),
        (["--trainer.logger", "CSVLogger", "--trainer.logger.save_dirr", "x"], "Did you mean 'save_dir'?"),
        (["--model.optimizer.betas", "[0.9]"], "must be a tuple with 2 elements"),
        (["--trainer.callbacks+", "TransferCallback", "--trainer.callbacks.sorce", "x"], "Did you mean 'source'?"),
        (["--data.crop.sized", "64"], "'sized' in '--data.crop.sized' is not an option here. Did you mean 'size'?"),
        (["--data.crop", "{sized: 64}"], "'sized' in '--data.crop' is not an option here. Did you mean 'size'?"),
        (["--data.crop.size", "64", "--data.crop.scale", "x"], "--data.crop.scale must be of type float, not 'x'"),
        (["--data.crop.scale", "0.5"], "lacks size of Crop: add it as an option, --data.crop.size VALUE"),
        (["--model.parameter_groups.frozn", "[encoder]"], "Did you mean 'frozen'?"),
        (["--model.parameter_groups.factorz.encoder", "0.1"], "'factorz' in '--model.parameter_groups.factorz.enc"),
        (["--model.parameter_groups.factors.encoder", "fast"], "factors.encoder must be of type float, not 'fast'"),
        (["--model.optimizr.lr", "0.1"], "'optimizr' in '--model.optimizr.lr' is not an option here. Did you mean 'op"),
        (["--trainer.logger.nme", "x"], "trainer.logger names none: give the class too, as --trainer.logger CLASS"),
        (["--choose.optoin", "model.optimizer.lr"], "Did you mean 'option'?"),
        (["-x"], "There is no option '-x'"),
        (["conf/quickstart.yaml"], "options are written as --config conf/quickstart.yaml"),
    ],
)
def test_option_names_the_culprit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], expected: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("oddnets.py").write_text(NETS)
    assert expected in complaint(["fit", *QUICKSTART, *words], capsys)


@pytest.mark.parametrize(("part", "remedy"), [("data/em", "conf/methods/"), ("methods/efen", "conf/data/")])
def test_half_a_pair_asks_for_the_other_half(part: str, remedy: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert remedy in complaint(["fit", "--config", str(CONF / f"{part}.yaml")], capsys)

"""What is said of bfloat16 on a processor without it."""

from pathlib import Path

import pytest
import yaml
from lightning.pytorch import Trainer

from polybench.core import processor
from polybench.experiments.fit import describe
from polybench.experiments.precision import precision_note
from polybench.experiments.session import Session
from tests.conftest import write_frames, write_split

AVX2 = "processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: fpu avx avx2\nvmx flags\t: bf16\n"
CPUS = {
    "avx2": (AVX2, True),
    "avx512": (AVX2.replace("avx2", "avx2 avx512f avx512_bf16"), False),
    "arm": ("processor\t: 0\nFeatures\t: fp asimd bf16\n", False),
    "arm without": ("processor\t: 0\nFeatures\t: fp asimd\n", True),
    "unknown": ("", False),
}


@pytest.fixture
def cpuinfo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(processor, "CPUINFO", tmp_path / "cpuinfo")
    return tmp_path / "cpuinfo"


def _trainer(precision: str) -> Trainer:
    return Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, precision=precision)  # type: ignore[arg-type]


@pytest.mark.parametrize("cpu", CPUS)
def test_bfloat16_in_software_is_said_with_what_to_do(cpu: str, cpuinfo: Path) -> None:
    text, slow = CPUS[cpu]
    cpuinfo.write_text(text)
    note = precision_note(_trainer("bf16-mixed"))
    assert (note is not None) == slow
    assert note is None or "--trainer.precision 32-true" in note


def test_nothing_is_said_of_float32_nor_where_flags_are_unknown(cpuinfo: Path) -> None:
    assert precision_note(_trainer("bf16-mixed")) is None
    cpuinfo.write_text(AVX2)
    assert precision_note(_trainer("32-true")) is None


def test_the_processor_is_named_by_its_first_line(cpuinfo: Path) -> None:
    assert processor.processor_fact("model name") is None
    cpuinfo.write_text(AVX2)
    assert processor.processor_fact("model name") == "Some CPU"


def test_a_fit_says_it_at_its_start(
    cpuinfo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_frames(tmp_path / "data" / "CVC-ClinicDB")
    write_split(tmp_path / "split.csv")
    net = {"class_path": "torch.nn.Conv2d", "init_args": {"in_channels": 3, "out_channels": 1, "kernel_size": 1}}
    frames = {"root": str(tmp_path / "data"), "split": str(tmp_path / "split.csv"), "size": [16, 16]}
    recipe = {
        "name": "tiny",
        "data": {"class_path": "ClinicDBDataModule", "init_args": frames},
        "model": {"class_path": "SegmentationTask", "init_args": {"net": net, "loss": "polybench.losses.BCEDiceLoss"}},
    }
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(recipe))
    cpuinfo.write_text(AVX2)
    words = ["--config", "tiny.yaml", "--trainer.accelerator", "cpu", "--trainer.precision", "bf16-mixed"]
    describe(Session("fit", words), None, shared_start=False)
    assert "Note: This processor has no bfloat16 arithmetic" in capsys.readouterr().err

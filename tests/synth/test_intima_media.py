"""Generated regions of an artery's wall: known interfaces, the same bytes for the same parameters."""

from pathlib import Path

import numpy as np
import pytest

from polybench.cli.main import run
from polybench.core.errors import ConfigError
from polybench.synth.dataset import write_intima_media
from polybench.synth.intima_media import MARGIN, region


def grey(pixels: np.ndarray, rows: np.ndarray, below: int) -> float:
    """Mean grey level so many pixels below an interface."""
    return float(pixels[np.rint(rows).astype(int) + below, np.arange(pixels.shape[1])].mean())


def test_echoes_rise_at_the_interfaces() -> None:
    for subject in range(4):
        pixels, rows = region(0, subject, 1)
        assert grey(pixels, rows[0], 2) > grey(pixels, rows[0], -3) + 20  # intima and lumen
        assert grey(pixels, rows[1], 3) > grey(pixels, rows[1], -3) + 20  # adventitia and media
        assert (np.diff(rows, axis=0) > 3).all()
        assert rows.min() >= MARGIN
        assert rows.max() <= pixels.shape[0] - MARGIN - 1


def test_a_region_depends_on_its_numbers_alone(tmp_path: Path) -> None:
    assert np.array_equal(region(0, 3, 1).pixels, region(0, 3, 1).pixels)
    assert not np.array_equal(region(0, 3, 1).pixels, region(0, 3, 0).pixels)
    first, second = (write_intima_media(tmp_path / name, n=4, size=(64, 72)) for name in ("a", "b"))
    for path in sorted(first.folder.rglob("*")):
        if path.is_file():
            assert path.read_bytes() == (second.folder / path.relative_to(first.folder)).read_bytes()
    assert first.subsets == {"train": 2, "test": 2}


def test_the_command_writes_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["data", "synth", "intima_media", "--out", str(tmp_path), "--n", "4", "--size", "64", "64"]
    assert run(words) == 0
    assert "conf/methods/finetuning_interfaces.yaml --data.root" in capsys.readouterr().out
    assert run(words) == 0
    assert "were already" in capsys.readouterr().out
    assert (tmp_path / "intima_media" / "SYNTHETIC.txt").is_file()


def test_too_few_or_too_small_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs at least 4 images of at least 64 pixels each way"):
        write_intima_media(tmp_path, n=3)
    with pytest.raises(ConfigError, match="not 4 of 40 x 64"):
        write_intima_media(tmp_path, n=4, size=(40, 64))

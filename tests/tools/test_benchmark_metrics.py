from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from polybench.metrics import PER_IMAGE
from polybench.metrics.protocols import PRANET
from tools.benchmark_metrics import compare, confusion_metrics, main, map_of, masks_of, ours, structure_measures


def test_both_programs_are_timed_and_agree(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    y, x = np.mgrid[:60, :70]
    (tmp_path / "masks").mkdir()
    for k in range(3):
        mask = (y - 30) ** 2 + (x - 30 - 3 * k) ** 2 < 300
        Image.fromarray((255 * mask).astype(np.uint8)).save(tmp_path / "masks" / f"{k}.png")
    assert main(["--data", str(tmp_path), "--images", "2"]) == 0
    printed = capsys.readouterr().out
    assert "2 masks of Kvasir-SEG" in printed
    assert "PySODMetrics" in printed
    assert "scikit-learn" in printed
    pairs = [(map_of(mask, 0), mask) for mask in masks_of(tmp_path, 2)]
    for protocol, other in ((PRANET, structure_measures), (PER_IMAGE, confusion_metrics)):
        timed = compare(pairs, ours(protocol), other)
        assert len(timed.ours) == len(timed.theirs) == 1  # one set
        assert timed.difference < 1e-6


def test_ellipses_stand_in_for_masks() -> None:
    (mask,) = masks_of(None, 1)
    assert mask.shape == (530, 620)
    assert 0.02 < mask.mean() < 0.3

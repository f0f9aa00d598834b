"""Frames for the tests of patches."""

from pathlib import Path

import pytest

from tests.conftest import write_frames, write_split


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """12 frames of 96x128 with a bright disc each; half of them for training."""
    root = tmp_path / "frames"
    write_frames(root / "CVC-ClinicDB", size=(96, 128))
    write_split(root / "split.csv")
    return root

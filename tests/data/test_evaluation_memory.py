"""Memory of an evaluation by tiles: one whole frame, and the tiles that are predicted together."""

from pathlib import Path

import pytest

from polybench.core.errors import DataError
from polybench.data import memory
from polybench.data.crops import Crop
from polybench.data.evaluation_memory import AT_SCALE, refuse_large_images
from polybench.metrics.memory import TOGETHER
from tests.data.crop_frames import SIZE, cropped, write_round_frames

FRAME = SIZE[0] * SIZE[1]


def refused_by(free: float, monkeypatch: pytest.MonkeyPatch, root: Path, scale: float, together: int) -> bool:
    """Whether a machine with so many free bytes refuses to test a frame by tiles."""
    data = cropped(root, Crop(16, scale=scale), eval_batch_size=together)
    monkeypatch.setattr(memory, "available_memory", lambda: free)
    try:
        refuse_large_images(data, "test")
    except DataError:
        return True
    finally:
        monkeypatch.undo()
    return False


@pytest.mark.parametrize("together", [1, 40])
@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_one_frame_and_its_tiles_count(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, scale: float, together: int
) -> None:
    root = write_round_frames(tmp_path)
    needed = FRAME * (TOGETHER + AT_SCALE * scale**2) + AT_SCALE * together * 16**2
    assert refused_by(needed - 1, monkeypatch, root, scale, together)
    assert not refused_by(needed, monkeypatch, root, scale, together)


def test_the_sentence_names_the_tiles_where_they_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: 10**9)
    words = r"about 3\.2 GB of memory \(63 bytes per pixel and 2\.6 GB for tiles\), and 1\.0 GB are available: lower"
    with pytest.raises(DataError, match=words):
        memory.refuse_too_large([memory.Sized("f", 3000, 3000)], 63, "evaluating it", "lower --x, ", int(2.6e9))

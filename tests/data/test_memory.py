import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from polybench.core.errors import DataError
from polybench.data import memory
from polybench.data.memory import Sized, available_memory, refuse_too_large, size_of
from polybench.metrics import EXTRA_PROTOCOLS, PROTOCOLS
from polybench.metrics.memory import BYTES_PER_PIXEL, TOGETHER, bytes_per_pixel

MEBIBYTE = 2**20


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of which 900 MiB are available, and no control group."""
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/meminfo").write_text("MemTotal: 4096000 kB\nMemAvailable: 921600 kB\n")
    monkeypatch.setattr(memory, "PROC", tmp_path / "proc")
    monkeypatch.setattr(memory, "CGROUPS", tmp_path / "groups")
    return tmp_path


def group(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"memory.{name}").write_text(text)


def test_memory_of_the_machine(machine: Path) -> None:
    assert available_memory() == 900 * MEBIBYTE


def test_group_of_version_2_with_a_limit_in_its_parent(machine: Path) -> None:
    (machine / "proc/self/cgroup").write_text("0::/job/step\n")
    group(machine / "groups/job/step", max="max\n", current="5\n", stat="inactive_file 0\n")
    limit, used, cache = 700 * MEBIBYTE, 300 * MEBIBYTE, 100 * MEBIBYTE
    group(machine / "groups/job", max=str(limit), current=str(used), stat=f"anon 7\ninactive_file {cache}\n")
    assert available_memory() == 500 * MEBIBYTE


def test_group_of_version_1(machine: Path) -> None:
    (machine / "proc/self/cgroup").write_text("4:memory:/box\n1:cpu:/\n")
    limit, used = str(300 * MEBIBYTE), str(100 * MEBIBYTE)
    group(machine / "groups/memory/box", limit_in_bytes=limit, usage_in_bytes=used, stat="total_inactive_file 0\n")
    assert available_memory() == 200 * MEBIBYTE


def test_group_that_is_full_leaves_nothing(machine: Path) -> None:
    (machine / "proc/self/cgroup").write_text("0::/\n")
    group(machine / "groups", max="100", current="300", stat="")
    assert available_memory() == 0


def test_size_is_read_from_the_header(tmp_path: Path) -> None:
    Image.new("L", (7, 5)).save(tmp_path / "a.png")
    np.save(tmp_path / "b.npy", np.zeros((1, 4, 6), np.float32))
    (tmp_path / "c.png").write_bytes(b"none")
    assert size_of(tmp_path / "a.png") == Sized(str(tmp_path / "a.png"), 5, 7)
    assert size_of(tmp_path / "b.npy") == Sized(str(tmp_path / "b.npy"), 4, 6)
    assert size_of(tmp_path / "c.png") is None


def test_the_largest_image_that_does_not_fit_is_refused(machine: Path) -> None:
    images = [Sized("a", 4000, 5000), Sized("b", 9000, 12000)]
    words = (
        "'b' has 12000x9000 pixels: scoring it needs about 2.2 GB of memory (20 bytes per pixel), and 0.9 GB are "
        "available: leave out --membranes, cut or shrink the image, or use a machine with more memory."
    )
    with pytest.raises(DataError, match=re.escape(words)):
        refuse_too_large(images, 20, "scoring it", "leave out --membranes, ")
    refuse_too_large(images[:1], 20, "scoring it")


def test_every_protocol_of_whole_images_says_what_it_takes() -> None:
    assert set(BYTES_PER_PIXEL) == {protocol.name for protocol in (*PROTOCOLS, *EXTRA_PROTOCOLS)}


def test_protocols_are_computed_one_after_another() -> None:
    usual = [protocol.name for protocol in PROTOCOLS]
    assert bytes_per_pixel(["boundary"]) == 14
    assert bytes_per_pixel(usual) == TOGETHER == 30
    assert bytes_per_pixel([*usual, "membranes"]) == 30 + 37 - 5
    assert bytes_per_pixel(["patches"]) == 5

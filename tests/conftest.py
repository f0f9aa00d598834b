"""What all tests share: no network, one thread, caches of their own, and a tiny dataset in the official layout."""

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import lightning.pytorch  # noqa: F401  (its log handler keeps the stderr of the moment it is imported)
import numpy as np
import pytest
import torch
from PIL import Image

from tests import preloaded

hypothesis.settings.register_profile(
    "unhurried", deadline=None, max_examples=50, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("unhurried")  # a busy machine is no failure

REPOSITORY = Path(__file__).parent.parent
PRELOADED = "POLYBENCH_TESTS_PYTHON"
"""The variable that tells the workers of pytest-xdist which program starts processes."""


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """In this process and in those that tests start: the last bits of a sum depend on the number of threads."""
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
            patch.setenv(name, "1")
        yield


@pytest.fixture(autouse=True, scope="session")
def preloaded_interpreter() -> Iterator[None]:
    """Processes of polybench are forks of one that has imported the libraries: see `tests.preloaded`."""
    with pytest.MonkeyPatch.context() as patch:
        if PRELOADED in os.environ:
            patch.setattr(sys, "executable", os.environ[PRELOADED])
        yield


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.socket.connect

    def refuse(self: socket.socket, address: object) -> None:
        local = self.family == socket.AF_UNIX or (isinstance(address, tuple) and address[0] in {"127.0.0.1", "::1"})
        if not local:
            raise OSError("tests run without network")
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(autouse=True)
def own_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("POLYBENCH_DATA", "POLYBENCH_RUN_FOLDER", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("POLYBENCH_CACHE", str(tmp_path / "cache"))


def write_frames(folder: Path, n: int = 12, size: tuple[int, int] = (48, 64)) -> None:
    """Write n frames with a bright disc each, in CVC-ClinicDB's layout; frame k's disc depends on k alone."""
    (folder / "Original").mkdir(parents=True)
    (folder / "Ground Truth").mkdir()
    y, x = np.mgrid[: size[0], : size[1]]
    for k in range(1, n + 1):
        random = np.random.default_rng(k)
        centre, radius = random.uniform(0.3, 0.7, 2) * size, random.uniform(0.15, 0.3) * size[0]
        mask = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < radius**2
        image = random.uniform(40, 90, (*size, 3)) + 120 * mask[..., None]
        Image.fromarray(image.astype(np.uint8)).save(folder / "Original" / f"{k}.tif")
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / "Ground Truth" / f"{k}.tif")


def write_split(path: Path, n: int = 12) -> Path:
    """Two frames a group; the first half for training, then validation and test."""
    lines = ["# group_disjoint: true", "# note: made for a test", "id,subset,group"]
    for k in range(1, n + 1):
        share = (k - 1) / n
        subset = "train" if share < 0.5 else "val" if share < 2 / 3 else "test"
        lines.append(f"{k},{subset},frames/{(k + 1) // 2}")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def data_root(tmp_path: Path) -> Path:
    """A folder that holds `CVC-ClinicDB` with 12 frames, and `split.csv` for them."""
    root = tmp_path / "data"
    write_frames(root / "CVC-ClinicDB")
    write_split(root / "split.csv")
    return root


@pytest.fixture
def real_data() -> Path:
    """The real datasets, where they are; the test is skipped elsewhere."""
    root = REPOSITORY.parent / "shared" / "data"
    if not root.is_dir():
        pytest.skip("the real datasets are not here")
    return root


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput") and preloaded.is_possible():
        interpreter = preloaded.Preloaded()
        os.environ[PRELOADED] = str(interpreter.executable)
        config.add_cleanup(interpreter.stop)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("gpu") and not torch.cuda.is_available():
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))

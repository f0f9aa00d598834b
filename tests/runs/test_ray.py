"""Cells as tasks of Ray: embedded, on a cluster that loses a node, with the records of the local launcher."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from polybench.cli.main import run
from polybench.runs.launch.base import Needs
from polybench.runs.launch.ray import CellTask, RayLauncher, run_cell
from tests.cli.recipes import start
from tests.cli.recorder import HOLD
from tests.conftest import write_frames, write_split
from tests.runs.launched import records_of, words, write_matrix
from tests.waiting import free_port, until

RAY = [sys.executable, "-c", "import sys; from ray.scripts.scripts import main; sys.argv[0] = 'ray'; sys.exit(main())"]


@pytest.fixture(autouse=True)
def no_ray_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    for name in [name for name in os.environ if name.startswith("RAY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))  # where a token of the user's would be


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a matrix of two cells, and with the records that the local launcher leaves of them."""
    folder = tmp_path_factory.mktemp("place")
    write_frames(folder / "data" / "CVC-ClinicDB")
    write_split(folder / "data" / "split.csv")
    matrix = write_matrix(folder, folder / "data")
    command = start(folder, *words("matrix", matrix, "local"))
    output, _ = command.communicate()
    assert command.returncode == 0, output
    return folder


@pytest.fixture
def ray_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where Ray puts its sockets, whose paths must be short."""
    folder = Path(tempfile.mkdtemp(prefix="ray", dir="/tmp"))
    monkeypatch.setenv("RAY_TMPDIR", str(folder))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def hold(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A file that has a cell wait for SIGTERM."""
    monkeypatch.setenv(HOLD, str(tmp_path / "hold"))
    (tmp_path / "hold").touch()
    return tmp_path / "hold"


def matrix_on_ray(place: Path, runs: str, *more: str) -> subprocess.Popen[str]:
    return start(place, *words("matrix", place / "matrix.yaml", runs, "--launcher", "ray", "--jobs", "1", *more))


def cell_process(place: Path) -> int:
    """The process that Ray has started for the cell that runs in a folder."""
    for folder in Path("/proc").iterdir():
        try:
            words = (folder / "cmdline").read_bytes()
            is_here = b"polybench.runs.worker" in words and (folder / "cwd").resolve() == place
            if is_here and is_ray(parent := parent_of(int(folder.name))):
                return parent
        except OSError:  # not a process, or one that has ended
            continue
    raise AssertionError("no process of Ray's runs a cell")


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def is_ray(pid: int) -> bool:
    return Path(f"/proc/{pid}/cmdline").read_text().startswith("ray::")


@pytest.mark.slow
def test_command_that_is_ended_and_a_worker_that_is_killed_leave_the_records_of_the_local_launcher(
    place: Path, ray_folder: Path, hold: Path, tmp_path: Path
) -> None:
    command = matrix_on_ray(place, "embedded")
    until(hold.read_text, command)
    command.send_signal(signal.SIGTERM)
    output, _ = command.communicate()
    assert command.returncode == 143, output
    assert "Interrupted by SIGTERM while tiny_clinicdb-s0 ran: the same command resumes there." in output
    assert (place / "embedded/m/tiny_clinicdb-s0/checkpoints/interrupted.ckpt").is_file()
    hold.touch()
    command = matrix_on_ray(place, "embedded")
    until(hold.read_text, command)
    os.kill(cell_process(place), signal.SIGKILL)
    output, _ = command.communicate()
    assert command.returncode == 0, output
    assert records_of(place / "embedded-board") == records_of(place / "local-board")
    assert not list(tmp_path.glob(".ray/*"))


def ray_node(folder: Path, *more: str) -> subprocess.Popen[str]:
    """Start a node of a cluster, and return once it belongs to it."""
    words, log = (
        [*RAY, "start", "--block", "--disable-usage-stats", *more],
        folder / f"node-{len(list(folder.iterdir()))}",
    )
    with log.open("w") as output:
        node = subprocess.Popen(words, stdout=output, stderr=output, text=True)
    until(lambda: "Ray runtime started" in log.read_text(), node)
    return node


@pytest.fixture
def cluster(ray_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, list[subprocess.Popen[str]]]]:
    """The address of a cluster, and its nodes: a head without CPUs, and one on which cells can run."""
    monkeypatch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    address = f"127.0.0.1:{free_port()}"
    more = ["--include-dashboard=false", "--num-cpus=0", f"--temp-dir={ray_folder}"]
    nodes = [ray_node(ray_folder, "--head", f"--port={address.partition(':')[2]}", *more)]
    nodes.append(ray_node(ray_folder, f"--address={address}", "--num-cpus=1"))
    monkeypatch.delenv("RAY_AUTH_MODE")  # which the launcher must find out
    yield address, nodes
    for node in reversed(nodes):
        node.terminate()
        node.wait()


@pytest.mark.slow
def test_cell_of_a_node_that_is_lost_goes_on_on_another_one(
    place: Path,
    ray_folder: Path,
    cluster: tuple[str, list[subprocess.Popen[str]]],
    hold: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address, nodes = cluster
    command = matrix_on_ray(place, "cluster", "--address", address, "--cell", "tiny_clinicdb-s0")
    until(hold.read_text, command)
    worker = cell_process(place)
    os.kill(parent_of(worker), signal.SIGKILL)  # which may leave the cell no time to save
    hold.unlink()
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    nodes.append(ray_node(ray_folder, f"--address={address}", "--num-cpus=1"))
    output, _ = command.communicate()
    assert command.returncode == 0, output
    found, expected = records_of(place / "cluster-board"), records_of(place / "local-board")
    assert found == {name: expected[name] for name in expected if not name.endswith("-s1.json")}


def test_cell_gets_project_and_group_and_no_variable_of_ray(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name, value in {"OMP_NUM_THREADS": "3", "WANDB_MODE": "offline", "RAY_AUTH_TOKEN": "a", "RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    launcher = RayLauncher(Needs(cpus=2), None, {"POLYBENCH_WANDB_PROJECT": "lab", "WANDB_RUN_GROUP": "m"})
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\nenv; pwd; echo $@; exit 3\n")
    script.chmod(0o755)
    (tmp_path / "cell").mkdir()
    before = signal.getsignal(signal.SIGINT)
    code = run_cell(CellTask(str(script), Path("cell"), tmp_path, launcher.variables))
    signal.signal(signal.SIGINT, before)
    log = (tmp_path / "cell/log.txt").read_text().splitlines()
    assert code == 3
    expected = {"POLYBENCH_WANDB_PROJECT=lab", "WANDB_RUN_GROUP=m", "WANDB_MODE=offline", "OMP_NUM_THREADS=3"}
    assert expected <= set(log)
    assert not [line for line in log if line.startswith(("RAY_", "RANK="))]
    assert log[-2:] == [str(tmp_path), "-m polybench.runs.worker cell"]


def on_ray(*more: str) -> list[str]:
    return words("matrix", Path("matrix.yaml"), "runs", "--launcher", "ray", *more)


def refusal(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    monkeypatch.chdir(place)
    assert run(on_ray(*more)) == 2
    [sentence] = capsys.readouterr().err.splitlines()
    return str(sentence.removeprefix("polybench: error: "))


@pytest.fixture
def matrix(tmp_path: Path, data_root: Path) -> Path:
    write_matrix(tmp_path, data_root)
    return tmp_path


def test_ray_that_is_not_installed_is_one_sentence(
    matrix: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("polybench.runs.launch.ray.find_spec", lambda name: None)
    expected = "--launcher ray needs Ray, which isn't installed: pip install 'polybench[ray]'."
    assert refusal(matrix, monkeypatch, capsys) == expected


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("127.0.0.1:1", "No Ray cluster answers at '127.0.0.1:1' ([Errno 111] Connection refused): is `ray start"),
        ("ray://host:10001", "--address must be host:port, as `ray start --head` prints it, or auto, not 'ray://"),
        ("host", "--address must be host:port, as `ray start --head` prints it, or auto, not 'host'."),
    ],
)
def test_address_that_does_not_answer_is_one_sentence(
    matrix: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    address: str,
    sentence: str,
) -> None:
    assert refusal(matrix, monkeypatch, capsys, "--address", address).startswith(sentence)

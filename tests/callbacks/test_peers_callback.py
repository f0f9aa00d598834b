"""A process names the one that ended before it, and ends where it would wait for that one forever."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from polybench.callbacks import peers as module
from polybench.callbacks.peers import LostProcessError, PeersCallback
from polybench.core.errors import DataError
from polybench.core.peers import Ended, Peers

KILLED = Ended(1, "number 5 on host", None)
SENTENCE = r"Process 1 of 2 \(number 5 on host\) was killed, and this one with it\."


@pytest.fixture
def peers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Peers:
    found = Peers(tmp_path / "processes", 0, 2)
    monkeypatch.setattr(found, "ended", lambda patience=0.0: KILLED)
    return found


@pytest.mark.parametrize("error", [LostProcessError("Another process has ended."), RuntimeError("gloo")])
def test_an_error_that_follows_another_process_names_it(peers: Peers, error: Exception) -> None:
    with pytest.raises(LostProcessError, match=SENTENCE), PeersCallback().among(peers):
        raise error
    assert not peers.folder.exists()


def test_a_process_that_has_its_own_sentence_says_that(peers: Peers) -> None:
    with pytest.raises(DataError, match="broken"), PeersCallback().among(peers):
        raise DataError("An image is broken.")
    assert "An image is broken." in (peers.folder / "0.json").read_text()


def test_a_process_that_hangs_is_ended(
    peers: Peers, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    codes: list[int] = []
    monkeypatch.setattr(module, "os", SimpleNamespace(_exit=codes.append))
    callback = PeersCallback(grace=0)
    with callback.among(peers):
        callback._end(KILLED)
    callback._end(KILLED)  # when it is done, it isn't ended
    assert codes == [2]
    assert capsys.readouterr().err.count("number 5 on host") == 1

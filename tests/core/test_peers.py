"""Processes tell of themselves by locks: which one was killed, which one failed, and which is done."""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from polybench.core.peers import Ended, Peers


def other(folder: Path, end: Callable[[Peers], None]) -> int:
    """Let a process of rank 1 of 2 join, which then does something, and waits to be killed.

    Returns:
        Its number, once it has done so.
    """
    reading, writing = os.pipe()
    number = os.fork()
    if number == 0:
        peers = Peers(folder, 1, 2)
        peers.join()
        end(peers)
        os.write(writing, b"x")
        signal.pause()
    os.read(reading, 1)
    os.close(reading)
    os.close(writing)
    return number


def kill(number: int) -> None:
    os.kill(number, signal.SIGKILL)
    os.waitpid(number, 0)


@pytest.fixture
def first(tmp_path: Path) -> Peers:
    peers = Peers(tmp_path / "processes", 0, 2)
    peers.join()
    return peers


def test_a_process_that_was_killed_is_named(first: Peers) -> None:
    number = other(first.folder, lambda peers: None)
    assert first.ended() is None
    kill(number)
    found = first.ended()
    assert found is not None
    assert found.where.startswith(f"number {number} on ")
    assert found.sentence(2) == f"Process 1 of 2 ({found.where}) was killed, and this one with it."


def test_a_process_that_failed_is_named_with_its_reason_while_it_ends_and_after(first: Peers) -> None:
    number = other(first.folder, lambda peers: peers.leave("There is no 'data': get it."))
    ending = first.ended()
    kill(number)
    assert ending is not None
    assert ending == first.ended()
    assert ending.sentence(2).endswith(" has ended (There is no 'data': get it), and this one with it.")


@pytest.mark.parametrize("end", [lambda peers: peers.leave(), lambda peers: peers.leave("Lost.", follows=True)])
def test_a_process_that_is_done_or_follows_another_is_not(first: Peers, end: Callable[[Peers], None]) -> None:
    kill(other(first.folder, end))
    assert first.ended() is None


def test_a_watch_tells_as_soon_as_a_process_was_killed(first: Peers) -> None:
    told = threading.Event()
    found: list[Ended] = []

    def tell(ended: Ended) -> None:
        found.append(ended)
        told.set()

    number = other(first.folder, lambda peers: None)
    first.watch(tell)
    kill(number)
    told.wait()
    assert [one.rank for one in found] == [1]


def test_nothing_is_left_when_all_are_done(first: Peers) -> None:
    kill(other(first.folder, lambda peers: peers.leave()))
    first.leave()
    assert not first.folder.exists()


def test_a_process_that_is_alone_keeps_nothing(tmp_path: Path) -> None:
    peers = Peers(tmp_path / "processes", 0, 1)
    peers.join()
    assert not peers.folder.exists()
    assert peers.ended() is None

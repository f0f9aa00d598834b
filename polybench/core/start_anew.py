"""What a user can do to start an interrupted run anew: leave out the option that resumes it, or what its command says.

A cell of a plan or a matrix resumes by itself, so that its user has given no such option.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ADVICE = ContextVar("_ADVICE", default="leave out --ckpt_path to start a new run")


def start_anew() -> str:
    """Return what to do, in words that end a sentence."""
    return _ADVICE.get()


@contextmanager
def resumed_by_itself(advice: str) -> Iterator[None]:
    """Let `start_anew` give another advice.

    Args:
        advice: In words that end a sentence, such as "remove the folder 'a' to run this cell anew".
    """
    token = _ADVICE.set(advice)
    try:
        yield
    finally:
        _ADVICE.reset(token)

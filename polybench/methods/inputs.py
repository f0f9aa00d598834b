"""Inputs of a plan's runs: which file of another run a run takes, and which option it becomes. Imports no torch.

A method declares its own inputs as plain data, a mapping `INPUTS` in `methods/<method>/inputs.py`; `known_inputs` finds
them. The checkpoint that a run starts from, or that a test evaluates, is an input of every command.
"""

import runpy
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

Command = Literal["fit", "test"]


@dataclass(frozen=True)
class Input:
    """One kind of input.

    Attributes:
        file: The file that is taken, within the folder of the run that gives it.
        options: Words of the command line before the path of that file.
        commands: Commands that take it.
        values: What may stand for a file, such as the name of a library's weights.
        exported: Whether a run leaves `file` only where `options` are given, if need be with null.
        kinds: Input of the same run -> task that the run which gives it must have trained.
        earlier: Its key in the earlier form of plans.
    """

    file: str
    options: tuple[str, ...]
    commands: tuple[Command, ...]
    values: tuple[str, ...] = ()
    exported: bool = False
    kinds: Mapping[str, str] = field(default_factory=dict)
    earlier: str | None = None


CHECKPOINT = "checkpoint"
_ALWAYS = {CHECKPOINT: Input("checkpoints/best.ckpt", ("--ckpt_path",), ("fit", "test"), earlier="refine")}


@cache
def known_inputs() -> Mapping[str, Input]:
    """Inputs by name: the checkpoint, and those that methods declare.

    The files of the methods are run by themselves, since their packages import torch.
    """
    files = sorted(Path(__file__).parent.glob("*/inputs.py"))
    declared = [runpy.run_path(str(path))["INPUTS"] for path in files]
    return _ALWAYS | {name: one for inputs in declared for name, one in inputs.items()}

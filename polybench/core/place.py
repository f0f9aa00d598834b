"""The place of this process among those of one run, from the variables of torchrun, Lightning and Slurm."""

import os

RANKS = ("RANK", "LOCAL_RANK", "SLURM_PROCID")
"""Variables that number the processes of one run."""


def rank() -> int:
    """The number of this process; 0 for the first, and for one that is alone."""
    numbers = (os.environ.get(name, "0") for name in RANKS)
    return next((int(number) for number in numbers if number.isdecimal() and number != "0"), 0)


def is_first() -> bool:
    """Whether this process is alone, or the first of its run."""
    return rank() == 0


def slurm_job() -> str | None:
    """The name of a job's step of several tasks, which all of them know; None outside of one."""
    variables = os.environ
    if int(variables.get("SLURM_NTASKS") or 1) < 2 or "SLURM_PROCID" not in variables:
        return None
    return f"slurm-{variables.get('SLURM_JOB_ID', '0')}.{variables.get('SLURM_STEP_ID', '0')}"

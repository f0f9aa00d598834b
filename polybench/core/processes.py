"""Values of every process of a training or a test."""

from typing import TypeVar, cast

from torch import distributed

Value = TypeVar("Value")


def from_all(value: Value) -> list[Value]:
    """Gather a value that can be pickled from every process, in the order of ranks; every process has to call it."""
    values: list[Value | None] = [value]
    if distributed.is_available() and distributed.is_initialized():
        values = [None] * distributed.get_world_size()
        distributed.all_gather_object(values, value)
    return cast(list[Value], values)

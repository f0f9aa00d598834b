"""The earlier form of a plan's stages, `from: S1` and `{refine: S3, with: C2}`, as named inputs."""

from collections.abc import Mapping
from typing import Any

from polybench.methods.inputs import known_inputs

_NAMED = {"command", "inputs"}
"""Keys that the earlier form doesn't have."""


def translated(stages: Mapping[str, Any]) -> dict[str, Any]:
    """Stages with the keys of the earlier form as inputs; what has another form stays as it is.

    In a plan of the earlier form each recipe got the options of each input that is exported, with null where the stage
    named no source.

    Args:
        stages: Name -> what the file says of it.
    """
    named = any(isinstance(value, Mapping) and _NAMED & value.keys() for value in stages.values())
    return {name: _translated(value, named) for name, value in stages.items()}


def _translated(value: Any, named: bool) -> Any:
    """A stage with named inputs.

    Args:
        value: What the file says of it.
        named: Whether the plan has named inputs elsewhere.
    """
    if not isinstance(value, Mapping) or _NAMED & value.keys():
        return value
    known = {one.earlier: name for name, one in known_inputs().items() if one.earlier is not None}
    found = {name: value[key] for key, name in known.items() if key in value}
    if "recipe" in value and (found or not named):
        found |= {name: None for key, name in known.items() if known_inputs()[name].exported and name not in found}
    rest = {key: item for key, item in value.items() if key not in known}
    return {**rest, "inputs": found} if found else rest

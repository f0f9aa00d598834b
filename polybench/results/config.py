"""What of a configuration holds on another machine, and its hash."""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from polybench.core.errors import ConfigError

DATA_ROOT = "${oc.env:POLYBENCH_DATA,data}"

# Where a run happens, what it shows and where it writes: none of it moves a number.
MACHINE_KEYS = frozenset(
    {
        "accelerator",
        "auto_insert_metric_name",
        "cache_dir",
        "ckpt_path",
        "config",
        "default_root_dir",
        "devices",
        "dirpath",
        "enable_autolog_hparams",
        "enable_model_summary",
        "enable_progress_bar",
        "enable_version_counter",
        "leaderboard",
        "leaderboards_root",
        "log_dir",
        "log_every_n_steps",
        "logger",
        "model_registry",
        "no_leaderboard",
        "num_nodes",
        "num_workers",
        "on_device",
        "output_dir",
        "overlays",
        "persistent_workers",
        "pin_memory",
        "prefetch_factor",
        "previews",
        "profiler",
        "save_dir",
        "save_every",
        "save_on_exception",
        "strategy",
        "verbose",
    }
)
# These name a run; they count at the top level only, since a net may have an argument `variant`.
NAMING_KEYS = frozenset({"budget", "name", "variant"})
# Options that records of earlier versions lack, with the value that changes nothing.
LATER_KEYS = {"scale_batch": False}
# Anywhere outside `model`: the command line passes the run's seed on to the data module.
SEED_KEYS = frozenset({"seed", "seed_everything"})

_INNER_PATH = re.compile(r"(?<![\w.:/])/[^\s\"',:{}\[\]]+")
"""An absolute path inside a longer text, such as a JSON value of the command line."""


def portable_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what belongs to one machine.

    Keys of `MACHINE_KEYS` are removed anywhere outside `model`; `root` inside `data` becomes an interpolation; other
    absolute paths become relative to the current directory, or the bare file name outside of it.

    Args:
        config: The resolved configuration.

    Returns:
        A copy made of JSON's types only.

    Raises:
        ConfigError: If a value has no JSON form.
    """
    return {key: _portable_value(value, key, section=key) for key, value in config.items() if key not in MACHINE_KEYS}


def config_sha256(config: Mapping[str, Any]) -> str:
    """Hash a configuration so that the hash holds on another machine and for every seed.

    Args:
        config: A configuration, portable or not.

    Returns:
        sha256 of the canonical JSON of `portable_config` without `NAMING_KEYS` and `SEED_KEYS`.
    """
    return recorded_sha256(portable_config(config))


def recorded_sha256(portable: Mapping[str, Any]) -> str:
    """Hash a configuration that is portable already, as a record has it, whatever `MACHINE_KEYS` were at its time."""
    kept = {
        key: value if key == "model" else _seedless(value)
        for key, value in portable.items()
        if key not in NAMING_KEYS | SEED_KEYS and not (key in LATER_KEYS and value == LATER_KEYS[key])
    }
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def portable_text(text: str) -> str:
    """A text in which the name alone is left of each absolute path."""
    return _INNER_PATH.sub(lambda match: match[0].rpartition("/")[2], text)


def first_difference(one: Any, other: Any, key: str = "") -> str | None:
    """The dotted key at which two configurations first differ; None where they are equal."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for name in sorted({*one, *other}):
            below = first_difference(one.get(name), other.get(name), f"{key}.{name}".lstrip("."))
            if below is not None:
                return below
        return None
    return None if one == other else key


def _seedless(value: Any) -> Any:
    """A copy of nested mappings and lists without `SEED_KEYS`."""
    if isinstance(value, dict):
        return {key: _seedless(item) for key, item in value.items() if key not in SEED_KEYS}
    return [_seedless(item) for item in value] if isinstance(value, list) else value


def _portable_value(value: object, key: str, *, section: str) -> Any:
    """Copy one value; `section` is the top-level key above it."""
    if section == "data" and key == "root":
        return DATA_ROOT
    if isinstance(value, Mapping):
        return {
            str(name): _portable_value(item, str(name), section=section)
            for name, item in value.items()
            if section == "model" or name not in MACHINE_KEYS
        }
    if isinstance(value, list | tuple):
        return [_portable_value(item, key, section=section) for item in value]
    if isinstance(value, str | PurePath):
        return _portable_path(str(value))
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise ConfigError(f"The value {value!r} of '{key}' can't be recorded: write it as text, number, list or mapping.")


def _portable_path(text: str) -> str:
    """Shorten an absolute path; other text stays."""
    path = PurePath(text)
    if not path.is_absolute():
        return portable_text(text) if text[:1] in "{[" else text
    here = Path.cwd()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else path.name

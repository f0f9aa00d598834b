"""Run an experiment from Python: `polybench.run("conf/quickstart.yaml", trainer={"max_epochs": 2})`."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from polybench.core.errors import ConfigError
from polybench.experiments.fit import fit, the_record
from polybench.results.record import Record

Configuration = str | Path | Mapping[str, Any]


def run(config: Configuration | Sequence[Configuration], **overrides: Any) -> Record:
    """Train, test and record one experiment, as `polybench fit` does.

    Args:
        config: A recipe's file, a mapping that says the same, or several of them, of which a later one wins.
        overrides: Values that win over those of the files, by section: `trainer={"max_epochs": 2}`,
            `seed_everything=1`, `model={"net": {"widths": [8, 16, 32, 64]}}`.

    Returns:
        The record, which has been written unless `no_leaderboard=True`.

    Raises:
        ConfigError: If anything in the configuration is wrong, before any data is read, or not all test images were
            evaluated, so that there is no record.
        DataError: If a dataset is missing or broken.
    """
    return the_record(fit(words_of(config, overrides)))


def words_of(config: Configuration | Sequence[Configuration], overrides: Mapping[str, Any]) -> list[str]:
    """The words of a command line that says the same.

    Args:
        config: Files or mappings.
        overrides: Values by section.

    Raises:
        ConfigError: If a value has no form on a command line.
    """
    several = [config] if isinstance(config, str | Path | Mapping) else list(config)
    words = []
    for one in several:
        words += ["--config", _text(one, "config") if isinstance(one, Mapping) else str(one)]
    for key, value in overrides.items():
        words += _options(key, value)
    return words


def _options(key: str, value: Any) -> list[str]:
    """`--a.b=value` for each value below a key; a class with its arguments stays together."""
    if isinstance(value, Mapping) and "class_path" not in value:
        return [word for name, item in value.items() for word in _options(f"{key}.{name}", item)]
    if value is True and key in ("no_leaderboard",):
        return [f"--{key}"]
    if value is False and key in ("no_leaderboard",):
        return []
    return [f"--{key}={value if isinstance(value, str | Path) else _text(value, key)}"]


def _text(value: Any, key: str) -> str:
    try:
        return json.dumps(value)
    except TypeError as error:
        raise ConfigError(
            f"'{key}' holds {value!r}, which no configuration can: give classes by class_path and init_args, and "
            "numbers, texts, lists or mappings."
        ) from error

"""What a class path stands for: the class under its shortest path, the version of its definition, its defaults."""

import importlib
import inspect
import re
import sys
import warnings
from collections.abc import Mapping
from functools import lru_cache
from importlib import metadata
from typing import Any

from polybench.core.checksum import file_sha256
from polybench.core.errors import ConfigError
from polybench.experiments.local_modules import file_of, is_local, local_sha256
from polybench.moved import first_path

OURS = "polybench"
RECORDED = frozenset({"torch", "lightning", "pytorch-lightning", "lightning-fabric"})
"""Distributions whose versions stand in the record instead."""


def resolve(class_path: str) -> Any:
    """Import what a class path names: a class, a function, or a method of a class.

    Raises:
        ConfigError: If there is no such thing.
    """
    parts = class_path.split(".")
    for length in range(len(parts) - 1, 0, -1):
        name = ".".join(parts[:length])
        try:
            found: Any = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise ConfigError(f"'{class_path}' can't be imported: {error}.") from error
            continue
        try:
            for part in parts[length:]:
                found = getattr(found, part)
        except AttributeError as error:
            raise ConfigError(f"There is no '{class_path}': {error}.") from error
        return found
    raise ConfigError(f"There is no '{class_path}': its module can't be found.")


def public_path(found: Any) -> str:
    """The shortest import path of a class or function: `polybench.models.EFEN` for `polybench.models.efen.EFEN`.

    Of a class that has moved it is the path under which it was first published.
    """
    module, name = found.__module__, found.__qualname__
    parts = module.split(".")
    for length in range(1, len(parts)):
        package = ".".join(parts[:length])
        if getattr(sys.modules.get(package), name, None) is found:
            return first_path(f"{package}.{name}")
    return f"{module}.{name}"


def version_of(found: Any) -> str | None:
    """Version of the definition of a class or function.

    Returns:
        For ours its `version`, and those that it inherits; for an installed distribution its name with major and minor
        version, but None for torch, lightning and the standard library; otherwise a hash of the user's own files, and
        the versions of ours that the class inherits.

    Raises:
        ConfigError: If it has no file, as in a notebook.
    """
    module: str = found.__module__
    package = module.partition(".")[0]
    inherited = ".".join(map(str, our_versions(found)))
    if package == OURS:
        return inherited or None
    if package in sys.stdlib_module_names and package != "__main__":
        return None
    path = file_of(module)
    if path is None:
        raise ConfigError(
            f"'{found.__qualname__}' is defined in no file, so that nobody could get its numbers again: put it into a "
            "module of its own and give that one's class path."
        )
    if is_local(path):
        return f"sha256 {local_sha256(module)}" + (f", {OURS} {inherited}" if inherited else "")
    distribution = _distribution(package)
    return f"sha256 {file_sha256(path)}" if distribution is None else distribution or None


def our_versions(found: Any) -> list[int]:
    """The `version`s that polybench's classes among a class and its bases state, the class's own first."""
    bases = inspect.getmro(found) if inspect.isclass(found) else (found,)
    ours = [vars(base) for base in bases if f"{base.__module__}.".startswith(f"{OURS}.")]
    return [own["version"] for own in ours if isinstance(own.get("version"), int)]


@lru_cache(maxsize=256)
def _distribution(package: str) -> str | None:
    """Distribution that brings a package, with `major.minor`: empty for a recorded one, None where there is none."""
    for found in sorted(distributions().get(package, [])):
        name = re.sub(r"[-_.]+", "-", found).lower()
        short = re.match(r"\d+(\.\d+)?", metadata.version(found))
        return "" if name in RECORDED else f"{name} {short[0] if short else metadata.version(found)}"
    return None


@lru_cache(maxsize=1)
def distributions() -> Mapping[str, list[str]]:
    """The installed distributions that bring each top-level package."""
    return metadata.packages_distributions()


@lru_cache(maxsize=512)
def defaults_of(found: Any) -> Mapping[str, Any]:
    """Defaults of the arguments of a class or function, those that `**kwargs` passes on to a base included.

    They are found as the parser of the command line finds them. What has no default is None here, as there; of a class
    whose arguments can't be read there are none, so that all its arguments count.
    """
    from jsonargparse import ArgumentParser  # a tenth of a second that importing an identity need not cost

    parser = ArgumentParser(exit_on_error=False)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if inspect.isclass(found):
                parser.add_class_arguments(found, fail_untyped=False)
            else:
                parser.add_function_arguments(found, fail_untyped=False)
            defaults: dict[str, Any] = parser.get_defaults(skip_validation=True).as_dict()
    except (ValueError, TypeError, AttributeError):
        return {}
    return defaults

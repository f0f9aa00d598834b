"""Methods of the papers, one folder each: task or callback, options, and sections of record and page.

The rooms above name no method. `import_all` imports each folder that is here, so that its classes are known by their
short names on the command line; `found_methods` collects what the folders offer to commands, see
`polybench.methods.base`.
"""

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import TYPE_CHECKING

from polybench.core.errors import ConfigError

if TYPE_CHECKING:
    from argparse import Namespace

    from polybench.methods.base import Method, Postprocessor, Session


def import_all() -> list[ModuleType]:
    """Import the package of every method."""
    return [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__) if found.ispkg]


def found_methods() -> "list[Method]":
    """Methods that have options, in the order of their names."""
    return [package.METHOD for package in import_all() if hasattr(package, "METHOD")]


def asked_option(config: "Namespace") -> str | None:
    """The option of a command that changes its predictions; None where none does.

    Raises:
        ConfigError: If two of them are given.
    """
    options = [method.option for method in found_methods() if method.is_asked(config)]
    if len(options) > 1:
        raise ConfigError(f"{options[0]} and {options[1]} both change the predictions: leave out one of them.")
    return options[0] if options else None


def attached(session: "Session") -> "Postprocessor | None":
    """Attach what changes the predictions of a command; None where no method does.

    Args:
        session: What the command has built.

    Raises:
        ConfigError: If an option is wrong.
    """
    asked_option(session.config)
    return next((one for method in found_methods() if (one := method.attach(session)) is not None), None)


__all__ = ["asked_option", "attached", "found_methods", "import_all"]

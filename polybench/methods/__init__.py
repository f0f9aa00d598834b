"""Methods of the papers, one folder each: task or callback, options, and sections of record and page.

The rooms above name no method: `import_all` imports each folder that is here, so that its classes are known by their
short names on the command line.
"""

from importlib import import_module
from pkgutil import iter_modules


def import_all() -> None:
    """Import the package of every method."""
    for found in iter_modules(__path__):
        import_module(f"{__name__}.{found.name}")

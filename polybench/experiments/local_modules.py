"""The user's own Python files: which ones a class is made of, and one hash over them.

A file is the user's own by where it lies: neither in the standard library, nor among installed packages, nor in
polybench. Imports are read off the source (nothing is run), inside functions too, directly or through other own files.
"""

import ast
import importlib.util
import site
import sys
import sysconfig
import tokenize
from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from polybench.core.checksum import file_sha256

_PACKAGE_FOLDERS = {"site-packages", "dist-packages"}


def local_sha256(module: str) -> str:
    """Hash a module and all local modules that it imports, directly or not.

    Args:
        module: Its name in `sys.modules`.

    Returns:
        The sha256 over the modules' names and contents; where their folder lies doesn't matter.
    """
    lines = [f"{name} {file_sha256(path)}" for name, path in sorted(local_files(module).items())]
    return sha256("\n".join(lines).encode()).hexdigest()


def local_files(module: str) -> dict[str, Path]:
    """List a module and all local modules that it imports, by name."""
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = file_of(name) if name not in found else None
        if path is None or not is_local(path):
            continue
        found[name] = path
        waiting += imported_names(name, path)
        package = name.rpartition(".")[0]
        waiting += [package] if package else []
    return found


def own_modules(class_paths: Iterable[str]) -> list[Path]:
    """List the user's own modules that classes are made of."""
    found = [path for name in class_paths for path in local_files(name.rpartition(".")[0]).values()]
    return list(dict.fromkeys(found))


def is_local(path: Path) -> bool:
    """Whether a file is the user's own."""
    path = path.resolve()
    return _PACKAGE_FOLDERS.isdisjoint(path.parts) and not any(path.is_relative_to(root) for root in _others_folders())


@lru_cache(maxsize=1)
def _others_folders() -> tuple[Path, ...]:
    """Folders of the standard library, of installed packages and of polybench."""
    paths = sysconfig.get_paths()
    roots = [paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")]
    roots += [*site.getsitepackages(), site.getusersitepackages(), str(Path(__file__).parents[1])]
    return tuple({Path(root).resolve() for root in roots})


def file_of(module: str) -> Path | None:
    """The file of a module, imported or not; None where there is none (built-in, or no module)."""
    loaded = getattr(sys.modules.get(module), "__file__", None)
    if loaded:
        return Path(loaded)
    spec = _find(module)
    return Path(spec.origin) if spec is not None and spec.has_location and spec.origin else None


def _find(module: str) -> ModuleSpec | None:
    """Find a module without importing the packages that hold it."""
    name, *inner = module.split(".")
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):  # ValueError: a module without specification, such as __main__
        return None
    for part in inner:
        if spec is None or spec.submodule_search_locations is None:
            return None
        name = f"{name}.{part}"
        spec = PathFinder.find_spec(name, list(spec.submodule_search_locations))
    return spec


def imported_names(module: str, path: Path) -> list[str]:
    """List what a file imports: modules, and names in them that may be modules.

    Args:
        module: The module's name, which relative imports start from.
        path: Its file; one that is no Python source imports nothing.
    """
    if path.suffix != ".py":
        return []
    try:
        with tokenize.open(path) as file:
            tree = ast.parse(file.read())
    except (SyntaxError, UnicodeDecodeError):
        return []
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    return [name for node in ast.walk(tree) for name in _names(node, package)]


def _names(node: ast.AST, package: str) -> list[str]:
    """The modules that one statement or call may import."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        parents = package.split(".")
        start = parents[: len(parents) - node.level + 1] if node.level else []
        base = ".".join([*start, *([node.module] if node.module else [])])
        return [base, *(f"{base}.{alias.name}" for alias in node.names)] if base else []
    if isinstance(node, ast.Call) and node.args:
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)
        name = node.args[0].value if isinstance(node.args[0], ast.Constant) else None
        if called in ("import_module", "__import__") and isinstance(name, str):
            return [importlib.util.resolve_name(name, package)]
    return []

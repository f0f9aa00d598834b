"""Read configuration files, with the files that they are based on and the fragments that they name."""

import re
from copy import deepcopy
from pathlib import Path
from typing import Any

from polybench.core.errors import ConfigError
from polybench.experiments.class_changes import SPEC_KEYS, is_spec
from polybench.experiments.merging import merge_configurations
from polybench.experiments.recipes import FOLDER, beside, found_note, nearest_file, own_recipe
from polybench.experiments.yaml_text import load, read_text

BASES = "bases"
"""The key of the files that a configuration is based on."""

COMMAND_LINE = Path()
"""In place of a file, for a configuration that stands on the command line; it can't declare published settings."""


class Documents:
    """Reads configuration files with their bases and fragments.

    Bases are files that a configuration is laid over, in their order: `bases: [methods/efen.yaml, data/clinicdb.yaml]`.

    A fragment is a file that a value names: `net: models/efen.yaml`. At the top of a configuration any mapping can be
    one, elsewhere a class with its arguments, arguments alone, or a list of classes; another text that ends in `.yaml`
    is an argument like any other. Of a file with a data module under `data`, as those of `conf/data`, a fragment is the
    data module.

    Both are named relative to the file that names them; a path such as `conf/data/clinicdb.yaml` that isn't there is
    found among polybench's own recipes.

    Attributes:
        files: What was read, in order.
        notes: A sentence for each thing that is left out, or that may surprise.
        published: The configurations of files that declare the budget `published`, each with its bases.
    """

    def __init__(self) -> None:
        self.files: list[Path] = []
        self.notes: list[str] = []
        self.published: list[dict[str, Any]] = []
        self._read_bases: dict[Path, dict[str, Any]] = {}

    def configuration(self, path: Path) -> dict[str, Any]:
        """Read a configuration, its bases and fragments resolved.

        Raises:
            ConfigError: If the file, a base or a fragment can't be read or is no configuration.
        """
        return self._mapping(self._read(path), path, ())

    def text(self, text: str) -> dict[str, Any]:
        """Read a configuration that stands on the command line itself; what it names is relative to this folder."""
        return self._mapping(load(text, "the configuration on the command line"), COMMAND_LINE, ())

    def fragment(self, path: Path) -> Any:
        """Read a class with its arguments, fragments resolved."""
        return self._resolve(_class_in(self._read(path)), path, (path.resolve(),))

    def _read(self, path: Path) -> Any:
        content = load(read_text(path), f"'{path}'")
        self.files.append(path)
        return content

    def _mapping(self, content: Any, path: Path, chain: tuple[Path, ...]) -> dict[str, Any]:
        if content is None:
            return {}
        if not isinstance(content, dict):
            raise ConfigError(f"'{path}' holds {type(content).__name__}, not the keys of a configuration.")
        chain = (*chain, path.resolve())
        below: dict[str, Any] = {}
        for base in self._bases(content, path, chain):
            below = merge_configurations(below, base, self.notes)
        own = {
            str(key): self._value(str(key), value, path, chain, top=True)
            for key, value in content.items()
            if key != BASES
        }
        merged = merge_configurations(below, own, self.notes) if below else own
        if own.get("budget") == "published" and path != COMMAND_LINE:
            self.published.append(merged)
        return merged

    def _bases(self, content: dict[str, Any], path: Path, chain: tuple[Path, ...]) -> list[dict[str, Any]]:
        """The configurations that one is based on, in their order."""
        names = [] if content.get(BASES) is None else content[BASES]
        names = [names] if isinstance(names, str) else names
        if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
            raise ConfigError(
                f"{BASES} in '{path}' must be a list of files, such as [methods/efen.yaml, data/em.yaml]."
            )
        found = []
        for name in names:
            file = self._beside(path, name)
            if file.resolve() in chain:
                raise ConfigError(f"'{file}' is based on itself, through '{path}': take it out of the {BASES} of one.")
            if not file.exists():
                raise ConfigError(
                    f"There is no file '{file}', which '{path}' names under {BASES}.{_nearest(file, name)}"
                )
            if file.resolve() not in self._read_bases:
                self._read_bases[file.resolve()] = self._mapping(self._read(file), file, chain)
            found.append(deepcopy(self._read_bases[file.resolve()]))
        return found

    def _beside(self, path: Path, name: str) -> Path:
        """The file that another names, relative to it; where there is none, that of polybench's own recipes."""
        file, found = path.parent / Path(name).expanduser(), beside(path, name)
        if found != file:
            self.notes.append(found_note(str(file), found))
        return found

    def _resolve(self, value: Any, path: Path, chain: tuple[Path, ...]) -> Any:
        """A copy of a value in which fragments are replaced by their content."""
        if isinstance(value, dict):
            if not isinstance(value.get("init_args", {}), dict | None):
                raise ConfigError(f"init_args in '{path}' must be a mapping of arguments, not {value['init_args']!r}.")
            return {str(key): self._value(str(key), item, path, chain) for key, item in value.items()}
        if isinstance(value, list):
            return [self._value("", item, path, chain) for item in value]
        return value

    def _value(self, key: str, value: Any, path: Path, chain: tuple[Path, ...], *, top: bool = False) -> Any:
        if not isinstance(value, str) or not is_yaml_name(value):
            return self._resolve(value, path, chain)
        file = path.parent / value
        if not file.is_file():
            if own_recipe(Path(value)) is not None:
                file = self._beside(path, value)
            elif Path(value).is_file() and fits(key, Path(value), top=top):
                raise ConfigError(f"There is no file '{file}': '{path}' names '{value}' relative to its own folder.")
            else:
                return value
        if not fits(key, file, top=top):
            return value
        if file.resolve() in chain:
            raise ConfigError(f"'{file}' names itself, through '{path}': leave one of the two out.")
        return self._resolve(_class_in(self._read(file)), file, (*chain, file.resolve()))


def _nearest(file: Path, name: str) -> str:
    """Suggest a file for one that isn't there."""
    if own_recipe(Path(FOLDER) / name) is not None:
        return f" Did you mean '{FOLDER}/{name}'?"
    return nearest_file(file)


def is_yaml_name(value: str) -> bool:
    """Whether a text may be the name of a YAML file."""
    return value.endswith((".yaml", ".yml")) and "${" not in value and "\n" not in value


def fits(key: str, file: Path, *, top: bool = False) -> bool:
    """Whether the content of a file can stand where its name stands.

    Args:
        key: The key whose value the name is.
        file: The file.
        top: Whether the key is one of the top level, where any mapping can stand.
    """
    if top or key in SPEC_KEYS:
        return True
    text = read_text(file)
    if not re.search(r"\b(class_path|init_args)\b\W*:", text):
        return False
    content = _class_in(load(text, f"'{file}'"))
    return is_spec(content) or (isinstance(content, list) and bool(content) and all(map(is_spec, content)))


def _class_in(content: Any) -> Any:
    """The data module of a file that holds one under `data`; any other content as it is."""
    held = content.get("data") if isinstance(content, dict) and not is_spec(content) else None
    return held if is_spec(held) else content

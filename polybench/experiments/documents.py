"""Read configuration files: YAML without duplicate keys, whose fragments are replaced by their content."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from polybench.core.errors import ConfigError, did_you_mean

MOST_NODES = 20_000
"""Values that a configuration file may hold, its aliases written out."""
LETTERS = 200
"""Of a text that count as one more value."""
MOST_LEVELS = 50
"""Of mappings and lists inside each other."""
MOST_BYTES = 4 * 2**20
"""Of a configuration file."""

SPEC_KEYS = frozenset({"class_path", "init_args", "dict_kwargs"})
"""Keys of a class in a configuration."""


class _Loader(yaml.SafeLoader):
    """YAML as the parser reads it: `1e-3` is a number, a date is text."""

    yaml_implicit_resolvers = {  # noqa: RUF012  (PyYAML's own way)
        first: [(tag, regexp) for tag, regexp in resolvers if not tag.endswith((":timestamp", ":float"))]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


class _Dumper(yaml.SafeDumper):
    """Writes what `_Loader` reads."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: list(resolvers) for first, resolvers in yaml.SafeDumper.yaml_implicit_resolvers.items()
    }

    def ignore_aliases(self, data: Any) -> bool:
        """Write every value in full."""
        return True


_FLOAT = re.compile(
    r"""^(
    [-+]?[0-9][0-9_]*\.[0-9_]*([eE][-+]?[0-9]+)?
    | [-+]?[0-9][0-9_]*[eE][-+]?[0-9]+
    | [-+]?\.[0-9_]+([eE][-+]?[0-9]+)?
    | [-+]?\.(inf|Inf|INF)
    | \.(nan|NaN|NAN)
    )$""",
    re.VERBOSE,
)
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))
_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))


def load(text: str, source: str) -> Any:
    """Read one YAML document.

    Args:
        text: The document.
        source: What messages call it, such as `'conf/quickstart.yaml'`.

    Raises:
        ConfigError: If it is not valid YAML, has a key twice in one mapping, is nested too deeply, or holds too many
            values, also by its aliases.
    """
    try:
        _refuse_excess(text, source)
        node = yaml.compose(text, _Loader)
        if node is None:
            return None
        _refuse_explosion(node, source)
        _refuse_duplicates(node, source)
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark is not None else ""
        reason = getattr(error, "problem", None) or " ".join(str(error).split())[:200]
        raise ConfigError(f"{source} is not valid YAML{where}: {reason}.") from error
    except (RecursionError, ValueError, TypeError) as error:
        reason = (
            "it holds a number of too many digits" if "limit (" in str(error) else " ".join(str(error).split())[:200]
        )
        raise ConfigError(f"{source} is not a configuration: {reason}.") from error


def dump(value: Any) -> str:
    """Write a configuration as one line of YAML that the parser reads back as it is."""
    text: str = yaml.dump(value, Dumper=_Dumper, default_flow_style=True, sort_keys=False, width=2**31)
    return text.strip()


def read_text(path: Path) -> str:
    """Read a configuration file.

    Raises:
        ConfigError: If there is no such file (the nearest is named), it is too large, or it is not text.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ConfigError(f"The configuration '{path}' is larger than {MOST_BYTES // 2**20} MiB: name another.")
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ConfigError(f"The configuration '{path}' is not text (byte {error.start} is not UTF-8).") from error
    except IsADirectoryError as error:
        raise ConfigError(f"'{path}' is a folder: give one of its files, such as '{path}/quickstart.yaml'.") from error
    except OSError as error:
        if path.exists():
            raise
        folders = [folder for folder in (path.parent, Path("conf")) if folder.is_dir()]
        near = {file.name for folder in folders for file in folder.glob("*.y*ml")}
        raise ConfigError(f"There is no file '{path}'.{did_you_mean(path.name, sorted(near))}") from error


class Documents:
    """Reads configuration files with their fragments.

    A fragment is a file that a value names, relative to the file that says so: `net: models/efen.yaml`. At the top of
    a configuration any mapping can be one, elsewhere a class with its arguments, arguments alone, or a list of classes;
    another text that ends in `.yaml` is an argument like any other.

    Attributes:
        files: What was read, in order.
    """

    def __init__(self) -> None:
        self.files: list[Path] = []

    def configuration(self, path: Path) -> dict[str, Any]:
        """Read a configuration, its fragments resolved.

        Raises:
            ConfigError: If the file, or a fragment, can't be read or is no configuration.
        """
        return self._mapping(self._read(path), path, ())

    def text(self, text: str) -> dict[str, Any]:
        """Read a configuration that stands on the command line itself; its fragments are relative to this folder."""
        return self._mapping(load(text, "the configuration on the command line"), Path(), ())

    def fragment(self, path: Path) -> Any:
        """Read a class with its arguments, fragments resolved."""
        return self._resolve(self._read(path), path, (path.resolve(),))

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
        return {str(key): self._value(str(key), value, path, chain, top=True) for key, value in content.items()}

    def _resolve(self, value: Any, path: Path, chain: tuple[Path, ...]) -> Any:
        """A copy of a value in which fragments are replaced by their content."""
        if isinstance(value, dict):
            return {key: self._value(str(key), item, path, chain) for key, item in value.items()}
        if isinstance(value, list):
            return [self._value("", item, path, chain) for item in value]
        return value

    def _value(self, key: str, value: Any, path: Path, chain: tuple[Path, ...], *, top: bool = False) -> Any:
        if not isinstance(value, str) or not is_yaml_name(value):
            return self._resolve(value, path, chain)
        file = path.parent / value
        if not file.is_file():
            if Path(value).is_file() and fits(key, Path(value), top=top):
                raise ConfigError(f"There is no file '{file}': '{path}' names '{value}' relative to its own folder.")
            return value
        if not fits(key, file, top=top):
            return value
        if file.resolve() in chain:
            raise ConfigError(f"'{file}' names itself, through '{path}': leave one of the two out.")
        return self._resolve(self._read(file), file, (*chain, file.resolve()))


def is_yaml_name(value: str) -> bool:
    """Whether a text may be the name of a YAML file."""
    return value.endswith((".yaml", ".yml")) and "${" not in value and "\n" not in value


def is_spec(value: object) -> bool:
    """Whether a value is a class with its arguments, or arguments for a class named before."""
    return isinstance(value, Mapping) and not SPEC_KEYS.isdisjoint(value)


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
    if not re.search(r"^\W*(class_path|init_args)\b", text, re.MULTILINE):
        return False
    content = load(text, f"'{file}'")
    return is_spec(content) or (isinstance(content, list) and bool(content) and all(map(is_spec, content)))


def _refuse_excess(text: str, source: str) -> None:
    """Count values and levels as the text is read, so that the first one too many ends it."""
    values = level = 0
    for event in yaml.parse(text, _Loader):
        values += isinstance(event, yaml.NodeEvent)
        level += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if values > MOST_NODES:
            raise ConfigError(_excess(source))
        if level > MOST_LEVELS:
            raise ConfigError(f"{source} has more than {MOST_LEVELS} levels: no configuration needs as many.")


def _excess(source: str) -> str:
    return f"{source} holds more than {MOST_NODES} values: no configuration needs as many."


def _refuse_explosion(node: yaml.Node, source: str) -> None:
    """Count the values of a document with its aliases written out, which may be many more than its lines."""
    sizes: dict[int, int | None] = {}

    def size(one: yaml.Node) -> int:
        if id(one) in sizes:
            known = sizes[id(one)]
            if known is None:
                raise ConfigError(f"{source} holds an alias of itself: write the values out.")
            return known
        sizes[id(one)] = None
        children = one.value if isinstance(one, yaml.CollectionNode) else []
        pairs = [part for child in children for part in (child if isinstance(child, tuple) else (child,))]
        sizes[id(one)] = total = 1 + len(one.value) // LETTERS + sum(map(size, pairs))
        return total

    if size(node) > MOST_NODES:
        raise ConfigError(_excess(source))


def _refuse_duplicates(node: yaml.Node, source: str) -> None:
    """Refuse a mapping with a key twice, of which YAML would take the last."""
    if isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if isinstance(key, yaml.ScalarNode):
                name = _key_name(key)
                if name in lines:
                    raise ConfigError(
                        f"'{key.value}' stands twice in {source}, in lines {lines[name]} and {line}: keep one of them."
                    )
                lines[name] = line
            _refuse_duplicates(value, source)
    elif isinstance(node, yaml.SequenceNode):
        for child in node.value:
            _refuse_duplicates(child, source)


def _key_name(key: yaml.ScalarNode) -> str:
    """A key as text, the same for all ways to write a truth value."""
    if key.tag.endswith(":bool"):
        return str(yaml.SafeLoader.bool_values[key.value.lower()])
    return str(key.value)

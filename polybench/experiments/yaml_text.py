"""Read and write YAML as the parser of the command line does, without duplicate keys and within limits."""

import re
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from polybench.core.errors import ConfigError
from polybench.experiments.recipes import nearest_file

MAX_VALUES = 20_000
"""Largest number of values in a configuration file, its aliases written out."""
CHARACTERS_PER_VALUE = 200
"""Length of text that counts as one more value."""
MAX_LEVELS = 50
"""Largest depth of mappings and lists."""
MAX_BYTES = 4 * 2**20
"""Largest size of a configuration file."""


class _Loader(yaml.SafeLoader):
    """Reads YAML as the parser does: `1e-3` is a number, a date is text."""

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
    """Read one YAML document; that of a text which was read before is a copy of it.

    Args:
        text: The document.
        source: What messages call it, such as `'conf/quickstart.yaml'`.

    Raises:
        ConfigError: If it is not valid YAML, has a key twice in one mapping, is nested too deeply, or holds too many
            values, also by its aliases.
    """
    return deepcopy(_loaded(text, source))


@lru_cache(maxsize=128)
def _loaded(text: str, source: str) -> Any:
    """Read one YAML document, which nobody may change."""
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
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ConfigError(f"The configuration '{path}' is larger than {MAX_BYTES // 2**20} MiB: name another.")
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ConfigError(f"The configuration '{path}' is not text (byte {error.start} is not UTF-8).") from error
    except IsADirectoryError as error:
        raise ConfigError(f"'{path}' is a folder: give one of its files, such as '{path}/quickstart.yaml'.") from error
    except OSError as error:
        if path.exists():
            raise
        raise ConfigError(f"There is no file '{path}'.{nearest_file(path)}") from error


def _refuse_excess(text: str, source: str) -> None:
    """Count values and levels while the text is read, and stop at the first one too many."""
    values = level = 0
    for event in yaml.parse(text, _Loader):
        values += isinstance(event, yaml.NodeEvent)
        level += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if values > MAX_VALUES:
            raise ConfigError(_excess(source))
        if level > MAX_LEVELS:
            raise ConfigError(f"{source} has more than {MAX_LEVELS} levels: no configuration needs as many.")


def _excess(source: str) -> str:
    return f"{source} holds more than {MAX_VALUES} values: no configuration needs as many."


def _refuse_explosion(node: yaml.Node, source: str) -> None:
    """Count the values of a document with its aliases written out, which may be more than its lines suggest."""
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
        sizes[id(one)] = total = 1 + len(one.value) // CHARACTERS_PER_VALUE + sum(map(size, pairs))
        return total

    if size(node) > MAX_VALUES:
        raise ConfigError(_excess(source))


def _refuse_duplicates(node: yaml.Node, source: str) -> None:
    """Refuse a mapping that has a key twice, of which YAML would take the last."""
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
    """Return a key as text, the same for all ways to write a truth value."""
    if key.tag.endswith(":bool"):
        return str(yaml.SafeLoader.bool_values[key.value.lower()])
    return str(key.value)

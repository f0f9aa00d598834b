"""Parse the command lines of many cells with one parser; what several have in common is parsed once."""

import re
from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any

from jsonargparse import Namespace

from polybench.experiments.argv import options_of
from polybench.experiments.compose import Composed
from polybench.experiments.config_checks import parsing_errors
from polybench.experiments.parser import BenchmarkParser
from polybench.experiments.recipes import with_recipes
from polybench.runs.silent import SilentSession

NAME = "name"
"""The key that every recipe has of its own: a text, taken as it is."""

_OF_OTHER_KEYS = re.compile(r"\$\{(?!oc\.env:)")
"""An interpolation that another key may decide, such as `${data.init_args.batch_size}`."""

_NOT_KEPT = object
"""In place of the value of an option such as `--config`, which is none of the configuration."""

Part = tuple[str, str]
"""A key of the top level, and what files and options say of it."""


class ManySessions:
    """Parses one command line after the other.

    A key of the top level (`model`, `data`, `trainer`, ...) is parsed together with the first command line that says
    this of it, as `fit` would; later ones take its value over. Interpolations, which hold several keys together, make
    a command line be parsed as a whole; the checks across keys are done for each.

    Args:
        command: fit, validate, test or predict.
    """

    def __init__(self, command: str) -> None:
        self._command = command
        self._session: _Session | None = None

    def parse(self, args: Sequence[str]) -> SilentSession:
        """Parse a command line.

        Args:
            args: The words after the command.

        Returns:
            The session, which is another one's after the next call.

        Raises:
            ConfigError: If anything in the configuration is wrong.
        """
        if self._session is None:
            self._session = _Session(self._command, args)
        else:
            self._session.parse(args)
        return self._session


class _Session(SilentSession):
    """A session that can parse further command lines."""

    def __init__(self, command: str, args: Sequence[str]) -> None:
        self._parts: dict[Part, Any] = {}
        self._dumps: dict[str, list[tuple[Any, Any]]] = {}
        super().__init__(command, args)

    def parse(self, args: Sequence[str]) -> None:
        self.args, self._found = with_recipes(args)
        assert isinstance(self.parser, BenchmarkParser)
        self.parser.words = self.args
        with parsing_errors():
            self.parse_arguments(self.parser, self.args)

    def _parse(self, parser: BenchmarkParser, composed: Composed) -> Any:
        parts = list(_parts_of(parser, composed))
        if any(_OF_OTHER_KEYS.search(text) for _, text in parts):
            return super()._parse(parser, composed)
        name = composed.config.get(NAME)
        for option in options_of(composed.options):
            name = option.value if option.keys == (NAME,) else name
        if not isinstance(name, str) or not all(part in self._parts for part in parts):
            config = super()._parse(parser, composed)
            self._parts |= {part: deepcopy(config.get(part[0], _NOT_KEPT)) for part in parts}
            return config
        known = {key: self._parts[key, text] for key, text in parts}
        taken = {key: value for key, value in {**known, NAME: name}.items() if value is not _NOT_KEPT}
        kept = {key: deepcopy(taken[key]) for key in _keys(parser) if key in taken}
        return Namespace(kept)  # type: ignore[no-untyped-call]

    def _dumped(self, config: Any) -> dict[str, Any]:
        found = {key: self._dump_of(key, config[key]) for key in vars(config)}
        if all(found.values()):
            return {key: deepcopy(one[0]) for key, one in found.items() if one}
        plain = super()._dumped(config)
        for key, value in plain.items():
            if key != NAME and not found.get(key):
                self._dumps.setdefault(key, []).append((deepcopy(config[key]), deepcopy(value)))
        return plain

    def _dump_of(self, key: str, value: Any) -> list[Any]:
        """The plain form of a key's value, in a list that is empty where it isn't known."""
        if key == NAME and isinstance(value, str):
            return [value]
        return [plain for before, plain in self._dumps.get(key, ()) if before == value][:1]


def _parts_of(parser: BenchmarkParser, composed: Composed) -> Iterator[Part]:
    """What a command line says of each key but the name; of those that it doesn't mention too."""
    options: dict[str, list[tuple[str, ...]]] = {}
    for option in options_of(composed.options):
        options.setdefault(option.keys[0].removesuffix("+"), []).append(option.words)
    seed = options.get("seed_everything")  # is linked to a key of the data
    for key in dict.fromkeys((*_keys(parser), *composed.config, *options)):
        if key != NAME:
            yield key, repr((composed.config.get(key), options.get(key), seed))


def _keys(parser: BenchmarkParser) -> dict[str, None]:
    """The keys of the top level, in the order of the parser."""
    return dict.fromkeys(action.dest.partition(".")[0] for action in parser._actions)

"""A command line as a list of options with their values."""

from collections.abc import Sequence
from typing import NamedTuple

FILE_OPTIONS = ("--config", "-c")
"""Options whose value is a configuration file."""

FLAGS = ("--no_leaderboard", "--help", "-h")
"""Options without a value."""


FOLDER_LOGGERS = ("CSVLogger", "TensorBoardLogger")
"""Lightning's loggers that must be told a folder."""

LOG_FOLDER = "--trainer.logger.save_dir"


class Option(NamedTuple):
    """An option of a command line.

    Attributes:
        name: The option as it was typed, such as `--data.size`; a word that belongs to no option is its own name.
        value: Its value; None where it has none.
        words: The words that it was typed in: `("--data.size=64",)`, or `("--data.size", "64")`.
    """

    name: str
    value: str | None
    words: tuple[str, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """The dotted key, without `init_args`."""
        return tuple(key for key in self.name.removeprefix("--").split(".") if key != "init_args")


def options_of(words: Sequence[str]) -> list[Option]:
    """Split a command line into options.

    Args:
        words: The words after the command.

    Returns:
        The options in their order; their `words` together are the command line.
    """
    options: list[Option] = []
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        name, equals, value = word.partition("=")
        if not is_option(word):
            options.append(Option(word, None, (word,)))
        elif equals:
            options.append(Option(name, value, (word,)))
        elif name not in FLAGS and waiting and not is_option(waiting[0]):
            options.append(Option(name, waiting[0], (word, waiting.pop(0))))
        else:
            options.append(Option(name, None, (word,)))
    return options


def is_option(word: str) -> bool:
    """Check whether a word names an option; a negative number doesn't."""
    if not word.startswith("-"):
        return False
    try:
        float(word)
    except ValueError:
        return True
    return False


def value_of(words: Sequence[str], option: str) -> str | None:
    """Return the value of an option, the last one where it is given several times; None where it isn't given."""
    values = [one.value or "" for one in options_of(words) if one.name == option]
    return values[-1] if values else None


def without(words: Sequence[str], *options: str) -> list[str]:
    """Return the words without some options and their values."""
    return [word for one in options_of(words) if one.name not in options for word in one.words]


def has(words: Sequence[str], *options: str) -> bool:
    """Check whether any of some options is given."""
    return any(one.name in options for one in options_of(words))


def with_log_folder(words: Sequence[str]) -> list[str]:
    """Let the loggers that must be told a folder write to that of the run, where the words name none.

    Args:
        words: The words after the command, such as `["--trainer.logger", "TensorBoardLogger"]`.
    """
    found: list[str] = []
    options = options_of(words)
    for place, option in enumerate(options):
        found += option.words
        after = options[place + 1].name if place + 1 < len(options) else ""
        is_logger = option.name.rstrip("+") == "--trainer.logger"
        if is_logger and (option.value or "").rpartition(".")[2] in FOLDER_LOGGERS and after != LOG_FOLDER:
            found += [LOG_FOLDER, "."]
    return found

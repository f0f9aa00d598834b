"""The words of a command line, taken apart."""

from collections.abc import Sequence

FILE_OPTIONS = ("--config", "-c")


def value_of(words: Sequence[str], option: str) -> str | None:
    """The value of an option, the last one where it is given several times; None where it isn't given."""
    found = [pair for pair in _pairs(words) if pair[0].partition("=")[0] == option]
    if not found:
        return None
    word, *value = found[-1]
    return value[0] if value else word.partition("=")[2]


def without(words: Sequence[str], *options: str) -> list[str]:
    """The words without some options and their values."""
    return [word for pair in _pairs(words) if pair[0].partition("=")[0] not in options for word in pair]


def has(words: Sequence[str], *options: str) -> bool:
    """Whether one of some options is given."""
    return any(word.partition("=")[0] in options for word in words)


def _pairs(words: Sequence[str]) -> list[list[str]]:
    """Each option with the words that follow it up to the next."""
    pairs: list[list[str]] = []
    for word in words:
        if word.startswith("-") and not _is_number(word):
            pairs.append([word])
        elif pairs and "=" not in pairs[-1][0] and len(pairs[-1]) == 1:
            pairs[-1].append(word)
        else:
            pairs.append([word])
    return pairs


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True

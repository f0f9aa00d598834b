"""Ways to read a file of weights as an encoder: where in it the tensors lie, and how they are called there.

The reading with the most tensors of equal name and shape is taken. A file may hold several encoders, such as a trained
one and its moving average. Those that match at least `NEARLY` as many tensors as the best, and hold other numbers, are
its rivals, and the choice among rivals is ambiguous: it is refused, unless

* the option `prefix` of the callback names one of them, or
* the two lie in places that a known program names so, of which it takes the first (`PREFERRED`), and that one matches
  as many tensors as the other.

Encoders that were not taken are named in the terminal and in the record.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from polybench.core.errors import ConfigError
from polybench.methods.transfer.match import State

CONTAINERS = (
    "state_dict_ema",  # timm: averaged weights, which it prefers too
    "model_ema",  # torchvision's reference scripts
    "state_dict",  # Lightning, timm, MoCo
    "model_state_dict",  # PyTorch's tutorial on checkpoints
    "model",  # torchvision's reference scripts, DeiT, MAE
    "net",
    "teacher",  # DINO
    "student",
)
"""Keys of checkpoints that hold weights. Any other counts only if more than half of the encoder is in it."""

NAMES = ("module", "model", "net", "network", "encoder", "backbone", "encoder_q", "base_encoder")
"""Modules that hold an encoder. Any other name counts only if more than half of the encoder is behind it."""

PREFERRED = frozenset(
    {
        ("state_dict_ema", "state_dict"),  # timm loads the averaged weights
        ("model_ema", "model"),  # torchvision's reference scripts evaluate the averaged weights
        ("state_dict", "current_model_state"),  # Lightning's WeightAveraging: the first are the averaged ones
        ("teacher", "student"),  # DINO evaluates the teacher
    }
)
"""Containers of one file -> the first is what its program takes."""

PREFERRED_MODULES = frozenset({("encoder_q.", "encoder_k."), ("base_encoder.", "momentum_encoder.")})
"""Modules of one net, those of MoCo -> the first is what its program takes."""

NEARLY = 0.9
"""Share of the best reading's tensors with which another encoder is its rival."""

WRAPPER = "model."
"""What segmentation_models_pytorch puts before the names of timm's nets."""

COUNTER = "num_batches_tracked"


class Spelling(NamedTuple):
    """How a file may call the target's tensors: the file's key, without what stands before it -> the target's key."""

    words: str
    keys: Mapping[str, str]


class Reading(NamedTuple):
    """One way to read a file: container, spelling, prefix, and the target's keys that match -> those of the file."""

    container: str
    spelling: Spelling
    prefix: str
    matched: Mapping[str, str]

    @property
    def place(self) -> str:
        """Where the encoder lies in the file, as the option `prefix` names it."""
        return f"{self.container}.{self.prefix}" if self.container else self.prefix


def is_known(container: str) -> bool:
    """Whether a container consists of `CONTAINERS`; so does the file itself, whose name is empty."""
    return not container or set(container.split(".")) <= set(CONTAINERS)


def choose_reading(
    states: Mapping[str, State], target: State, path: Path, prefix: str | None = None
) -> tuple[Reading, list[Reading]] | None:
    """Choose how to read a file, by the rule above.

    Args:
        states: Container -> its tensors.
        target: The encoder's state.
        path: The file, for messages.
        prefix: Place of the encoder in the file; None to look for it.

    Returns:
        The reading, and those of the file's other encoders; None where nothing matches.

    Raises:
        ConfigError: If the choice is ambiguous, or nothing lies at `prefix`.
    """
    readings = [one for name, state in states.items() for one in _readings(name, state, target, prefix)]
    if not readings:
        return None
    whole = [one for one in readings if prefix is not None and _is_place(one, prefix)]
    allowed = readings if prefix is None else whole or [one for one in readings if _is_at(one, prefix)]
    if not allowed:
        raise ConfigError(
            f"'{path}' holds no tensor of the encoder behind prefix '{prefix}', but behind "
            f"{_places(_named(one, readings) for one in readings)}: give one of these as prefix of "
            "TransferCallback, or leave it out."
        )
    best = max(allowed, key=lambda one: len(one.matched))  # the first of equal ones
    half = _weights(target) / 2
    found = [one for one in readings if len(one.matched) > half and not _same_tensors(one, best)]
    others = list({one.place: one for one in (_named(one, readings) for one in found)}.values())
    if prefix is None and others:
        best = _named(best, readings)
        _refuse_rivals(best, others, states, path)
    elif prefix is not None:
        _refuse_rivals(best, [one for one in allowed if one.container != best.container], states, path)
    return best, others


def _readings(container: str, state: State, target: State, prefix: str | None) -> Iterator[Reading]:
    """Yield the ways to read a container under which something matches, known prefixes first."""
    half = _weights(target) / 2
    for spelling in _spellings(target):
        found: dict[str, dict[str, str]] = defaultdict(dict)
        for key, value in state.items():
            for before, name in _splits(key):
                wanted = spelling.keys.get(name)
                if wanted is not None and not key.endswith(COUNTER) and value.shape == target[wanted].shape:
                    found[before][wanted] = key
        readings = [Reading(container, spelling, before, matched) for before, matched in found.items()]
        known = [one for one in readings if is_known(container) and _is_usual(one.prefix, state)]
        others = [one for one in readings if one not in known]
        yield from known
        yield from (one for one in others if len(one.matched) > half or (prefix is not None and _is_at(one, prefix)))


def _weights(target: State) -> int:
    """Tensors of the target, counters aside."""
    return sum(not key.endswith(COUNTER) for key in target)


def _spellings(target: State) -> Iterator[Spelling]:
    yield Spelling("", {key: key for key in target})
    denser = {re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", key): key for key in target}
    if any(name != key for name, key in denser.items()):
        yield Spelling("torchvision's older names of DenseNet", denser)
    if all(key.startswith(WRAPPER) for key in target):
        bare = {key.removeprefix(WRAPPER): key for key in target}
        yield Spelling("'model.' put before them, as in SMP's encoders from timm", bare)
        split = {re.sub(r"^(features|[a-z]+(?=_\d+\.))_", r"\1.", name): key for name, key in bare.items()}
        if split.keys() != bare.keys():
            yield Spelling(
                "'model.' put before them and '_' for '.' in names of stages, as in SMP's encoders from timm", split
            )


def _splits(key: str) -> Iterator[tuple[str, str]]:
    """Yield a dotted key as prefix, with its dot, and rest, the empty prefix first."""
    yield "", key
    for dot in re.finditer(r"\.", key):
        yield key[: dot.end()], key[dot.end() :]


def _is_usual(prefix: str, state: State) -> bool:
    """Whether a prefix consists of `NAMES`, or stands before all keys."""
    return set(prefix.split(".")[:-1]) <= set(NAMES) or all(key.startswith(prefix) for key in state)


def _is_place(reading: Reading, prefix: str) -> bool:
    """Whether a reading is that of a given place, named with or without the last dot."""
    return reading.place.rstrip(".") == prefix.rstrip(".")


def _is_at(reading: Reading, prefix: str) -> bool:
    """Whether a reading is that of a given place, or of given modules in whatever container."""
    return _is_place(reading, prefix) or (bool(prefix) and reading.prefix.rstrip(".") == prefix.rstrip("."))


def _same_tensors(one: Reading, other: Reading) -> bool:
    """Whether two readings are of the same tensors, by different names."""
    if one.container != other.container:
        return False
    return 2 * len(set(one.matched.values()) & set(other.matched.values())) >= len(one.matched)


def _named(reading: Reading, readings: Iterable[Reading]) -> Reading:
    """The reading of the same tensors with the longest prefix, which names their place beside other encoders."""
    same = [one for one in readings if len(one.matched) == len(reading.matched) and _same_tensors(one, reading)]
    return max(same, key=lambda one: len(one.prefix))


def _refuse_rivals(best: Reading, others: Sequence[Reading], states: Mapping[str, State], path: Path) -> None:
    """Refuse a file with encoders of which none is preferred.

    Raises:
        ConfigError: If it has such.
    """
    rivals = [
        one
        for one in others
        if len(one.matched) >= NEARLY * len(best.matched)
        and not (_is_preferred(best, one) and len(one.matched) == len(best.matched))
        and not _same_numbers(best, one, states)
    ]
    if not rivals:
        return
    equally = "equally" if all(len(one.matched) == len(best.matched) for one in rivals) else "almost equally"
    count = "two" if len({one.place for one in rivals}) == 1 else "several"
    raise ConfigError(
        f"'{path}' holds {count} encoders that match {equally}, behind {_places([best, *rivals])}: choose one with "
        f"prefix, an option of TransferCallback, such as prefix: {best.place!r}."
    )


def _is_preferred(one: Reading, other: Reading) -> bool:
    """Whether a known program has both encoders and takes the first."""
    if one.prefix == other.prefix:
        return _differ_in(one.container.split("."), other.container.split("."), PREFERRED)
    return one.container == other.container and any(
        one.prefix.replace(first, second) == other.prefix for first, second in PREFERRED_MODULES if first in one.prefix
    )


def _differ_in(one: Sequence[str], other: Sequence[str], pairs: Iterable[tuple[str, str]]) -> bool:
    """Whether two paths differ in one name alone, by one of the pairs."""
    if len(one) != len(other):
        return False
    return [pair for pair in zip(one, other, strict=True) if pair[0] != pair[1]] in [[pair] for pair in pairs]


def _same_numbers(one: Reading, other: Reading, states: Mapping[str, State]) -> bool:
    """Whether two encoders are one under two names."""
    mine, theirs = states[one.container], states[other.container]
    both = one.matched.keys() & other.matched.keys()
    return all(torch.equal(mine[one.matched[key]], theirs[other.matched[key]]) for key in both)


def _places(readings: Iterable[Reading]) -> str:
    """The places of readings in words, each once."""
    *first, last = [repr(place) for place in dict.fromkeys(one.place for one in readings)]
    return f"{', '.join(first)} and {last}" if first else last

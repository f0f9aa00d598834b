"""Names of an encoder's tensors in files of other programs, found by comparison with the keys and shapes of the target.

A file may hold the weights in a container (`state_dict`), behind the names of modules that hold the encoder
(`module.model.encoder.`), and in another spelling than the target: segmentation_models_pytorch wraps timm's nets as
`model.`, and timm joins names of stages (`stages_0`) where it returns feature maps. Of these combinations the one
with the most tensors of equal name and shape is taken. Counters of batch norm (`num_batches_tracked`) don't count.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from polybench.core.errors import ConfigError
from polybench.methods.transfer.match import State, listed, side_by_side
from polybench.tasks.parameter_groups import COMPILED
from polybench.tasks.weights import tensors_of

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
"""Keys of checkpoints that hold weights; of several that match equally, the first is taken."""

NAMES = ("module", "model", "net", "network", "encoder", "backbone", "encoder_q", "base_encoder")
"""Modules that hold an encoder. Any other name counts only if more than half of the encoder is behind it."""

HEADS = {
    **dict.fromkeys(("fc", "classifier", "head", "heads", "head_dist", "pre_logits", "last_linear", "fc_norm"), None),
    "aux_classifier": "classifier",
    "conv_head": None,
    "bn2": "conv_head",
    "norm": "head",
}
"""Parts of a classifier that an encoder may lack -> another part that must be there too, None for any net."""

WRAPPER = "model."
"""What segmentation_models_pytorch puts before the names of timm's nets."""

COUNTER = "num_batches_tracked"

_STAGE = re.compile(r"((?:[A-Za-z_]+\.)?(?:layer|stage)?)(\d+)\.")


class Fitted(NamedTuple):
    """Tensors of a file under the target's keys.

    Attributes:
        state: Those of the encoder; one that the target lacks keeps the file's key.
        absent: Counters of batch norm that the file lacks, keys of the target.
        facts: Label -> plain text: how keys were translated, and what was left out or converted.
    """

    state: State
    absent: tuple[str, ...] = ()
    facts: Mapping[str, str] = {}


class _Spelling(NamedTuple):
    """How a file may call the target's tensors: the file's key, without what stands before it -> the target's key."""

    words: str
    keys: Mapping[str, str]


class _Naming(NamedTuple):
    """One way to read a file: container, spelling, prefix, and the keys of its tensors that match."""

    container: str
    spelling: _Spelling
    prefix: str
    matched: tuple[str, ...]


def states_in(saved: Mapping[str, Any], name: str = "") -> dict[str, dict[str, Tensor]]:
    """Find the mappings of tensors in a checkpoint: dotted name of the container, "" for the file itself -> tensors.

    Wrappers of torch.compile are removed from the keys.
    """
    own = {key.replace(COMPILED, ""): value for key, value in tensors_of(saved).items() if isinstance(key, str)}
    found = {name: own} if own else {}
    for key in CONTAINERS:
        if isinstance(inner := saved.get(key), Mapping) and name.count(".") < 2:
            found |= states_in(inner, f"{name}.{key}" if name else key)
    return found


def fitted(states: Mapping[str, State], target: State, path: Path) -> Fitted:
    """Select the tensors of an encoder and name them as the target does.

    Args:
        states: Container -> its tensors.
        target: The encoder's state.
        path: The file, for messages.

    Raises:
        ConfigError: If no tensor matches, two parts of the file match equally, or tensors are integers in place of
            floating-point numbers.
    """
    namings = [one for name, state in states.items() for one in _namings(name, state, target)]
    if not namings:
        raise ConfigError(_nothing_fits(states, target, path))
    best = max(namings, key=lambda one: len(one.matched))  # the first of equal ones
    equal = [one for one in namings if len(one.matched) == len(best.matched)]
    state = states[best.container]
    _refuse_rival(best, equal, state, target, path)
    return _renamed(best, state, target, path, sorted({one.container for one in equal} - {best.container}))


def _namings(container: str, state: State, target: State) -> Iterator[_Naming]:
    """Yield the ways to read a container under which something matches, known prefixes first."""
    for spelling in _spellings(target):
        found: dict[str, list[str]] = defaultdict(list)
        for key, value in state.items():
            for prefix, name in _splits(key):
                wanted = spelling.keys.get(name)
                if wanted is not None and not key.endswith(COUNTER) and value.shape == target[wanted].shape:
                    found[prefix].append(key)
        known = [prefix for prefix in found if _is_known(prefix, state)]
        half = sum(not key.endswith(COUNTER) for key in target) / 2
        others = [prefix for prefix in found if prefix not in known and len(found[prefix]) > half]
        yield from (_Naming(container, spelling, prefix, tuple(found[prefix])) for prefix in [*known, *others])


def _spellings(target: State) -> Iterator[_Spelling]:
    yield _Spelling("", {key: key for key in target})
    denser = {re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", key): key for key in target}
    if any(name != key for name, key in denser.items()):
        yield _Spelling("torchvision's older names of DenseNet", denser)
    if all(key.startswith(WRAPPER) for key in target):
        bare = {key.removeprefix(WRAPPER): key for key in target}
        yield _Spelling("'model.' put before them, as in SMP's encoders from timm", bare)
        split = {re.sub(r"^(features|[a-z]+(?=_\d+\.))_", r"\1.", name): key for name, key in bare.items()}
        if split.keys() != bare.keys():
            yield _Spelling(
                "'model.' put before them and '_' for '.' in names of stages, as in SMP's encoders from timm", split
            )


def _splits(key: str) -> Iterator[tuple[str, str]]:
    """Yield a dotted key as prefix, with its dot, and rest, the empty prefix first."""
    yield "", key
    for dot in re.finditer(r"\.", key):
        yield key[: dot.end()], key[dot.end() :]


def _is_known(prefix: str, state: State) -> bool:
    """Whether a prefix consists of `NAMES`, or stands before all keys."""
    return set(prefix.split(".")[:-1]) <= set(NAMES) or all(key.startswith(prefix) for key in state)


def _refuse_rival(best: _Naming, equal: Sequence[_Naming], state: State, target: State, path: Path) -> None:
    """Refuse a container with two encoders, unless the prefix of one alone is known or their tensors are equal.

    Raises:
        ConfigError: If there are two.
    """
    for other in equal:
        if other.container != best.container or 2 * len(best.matched) < len(target):
            continue
        if _is_known(best.prefix, state) != _is_known(other.prefix, state):
            continue
        pairs = zip(sorted(best.matched), sorted(other.matched), strict=True)
        if not all(one == two or torch.equal(state[one], state[two]) for one, two in pairs):
            raise ConfigError(
                f"'{path}' holds two encoders that match equally, behind '{best.prefix}' and '{other.prefix}': give a "
                "file with one of them."
            )


def _renamed(naming: _Naming, state: State, target: State, path: Path, also: Sequence[str]) -> Fitted:
    """Apply a naming; see `fitted`."""
    inside = {key.removeprefix(naming.prefix): key for key in state if key.startswith(naming.prefix)}
    mapped = {naming.spelling.keys[name]: state[key] for name, key in inside.items() if name in naming.spelling.keys}
    _refuse_integers(mapped, target, path)
    absent = tuple(
        key
        for key in target
        if key.endswith(COUNTER) and key not in mapped and key.replace(COUNTER, "running_mean") in mapped
    )
    rest = [name for name in inside if name not in naming.spelling.keys]
    left_out = _left_out(rest, naming.spelling.keys, inside)
    if all(key in mapped and mapped[key].shape == target[key].shape for key in target if key not in absent):
        left_out |= _deeper([name for name in rest if name not in left_out], naming.spelling.keys)
    facts = _key_facts(naming, also)
    for kind in dict.fromkeys(left_out.values()):
        facts[f"Ignored, {kind}"] = listed([inside[name] for name, one in left_out.items() if one == kind])
    if outside := [key for key in state if not key.startswith(naming.prefix)]:
        facts["Ignored, other parts of the source's net"] = listed(outside, most=3)
    if absent:
        facts["Counters of batch norm"] = f"the source has no {COUNTER}; {len(absent)} of them stay as they are"
    if converted := _conversions(mapped, target):
        facts["Precision"] = converted
    unexpected = {inside[name]: state[inside[name]] for name in rest if name not in left_out}
    return Fitted({**unexpected, **mapped}, absent, facts)


def _left_out(rest: Sequence[str], wanted: Mapping[str, str], source: Mapping[str, str]) -> dict[str, str]:
    """The tensors of a classifier's head: name -> what it is."""
    of_target, of_source = ({_part(name) for name in names} for names in (wanted, source))
    parts = {part for part, beside in HEADS.items() if part not in of_target and beside in {None, *of_source}}
    return {name: "the classifier's head" for name in rest if _part(name) in parts}


def _part(name: str) -> str:
    """The first component of a name, that of timm's net where SMP wraps it."""
    return name.removeprefix(WRAPPER).partition(".")[0]


def _deeper(rest: Sequence[str], wanted: Mapping[str, str]) -> dict[str, str]:
    """The tensors of stages with a higher number than any that the target has: name -> what it is."""
    last: dict[str, int] = {}
    for name in wanted:
        if found := _STAGE.match(name.removeprefix(WRAPPER)):
            last[found[1]] = max(int(found[2]), last.get(found[1], 0))
    stages = {name: _STAGE.match(name.removeprefix(WRAPPER)) for name in rest}
    return {
        name: "layers deeper than this encoder's"
        for name, found in stages.items()
        if found and found[1] in last and int(found[2]) > last[found[1]]
    }


def _key_facts(naming: _Naming, also: Sequence[str]) -> dict[str, str]:
    parts = [f"in '{naming.container}'" + (f" (not in {', '.join(map(repr, also))})" if also else "")]
    parts = parts if naming.container else []
    parts += [f"behind '{naming.prefix}'"] if naming.prefix else []
    parts += [f"with {naming.spelling.words}"] if naming.spelling.words else []
    return {"Keys of the source": ", ".join(parts)} if parts else {}


def _conversions(mapped: State, target: State) -> str:
    """What was converted, in words; empty if nothing was."""
    pairs = {
        (str(value.dtype).removeprefix("torch."), str(target[key].dtype).removeprefix("torch."))
        for key, value in mapped.items()
        if value.dtype != target[key].dtype and not key.endswith(COUNTER)
    }
    return ", ".join(f"{source} converted to {own}" for source, own in sorted(pairs))


def _refuse_integers(mapped: State, target: State, path: Path) -> None:
    """Refuse quantised weights.

    Raises:
        ConfigError: If a tensor holds integers in place of floating-point numbers.
    """
    for key, value in mapped.items():
        if target[key].is_floating_point() and not value.is_floating_point():
            raise ConfigError(
                f"'{key}' in '{path}' is of type {str(value.dtype).removeprefix('torch.')}, not of a floating-point "
                "type: give the file of a net that isn't quantised."
            )


def _nothing_fits(states: Mapping[str, State], target: State, path: Path) -> str:
    if not states:
        return (
            f"'{path}' holds no tensors, neither by themselves nor in {', '.join(CONTAINERS[:-1])} or "
            f"{CONTAINERS[-1]}: give a file of weights."
        )
    container, state = max(states.items(), key=lambda one: len(one[1]))
    where = f" (in '{container}')" if container else ""
    return (
        f"'{path}' holds no tensor with the name and shape of one of this net's encoder: give a file of the same "
        f"encoder, or rename its keys. The first of {len(state)} keys in the source{where} and of {len(target)} in the "
        "encoder are\n"
        f"{side_by_side(state, list(state), target, list(target))}"
    )

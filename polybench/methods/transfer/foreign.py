"""Names of an encoder's tensors in files of other programs, found by comparison with the keys and shapes of the target.

A file may hold the weights in a container (`state_dict`), behind the names of modules that hold the encoder
(`module.model.encoder.`), and in another spelling than the target: segmentation_models_pytorch wraps timm's nets as
`model.`, and timm joins names of stages (`stages_0`) where it returns feature maps. Of these combinations the one
with the most tensors of equal name and shape is taken; the rule for a file with several encoders is that of `readings`.
Counters of batch norm (`num_batches_tracked`) don't count.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from polybench.core.errors import ConfigError
from polybench.core.finite import tensors_of
from polybench.core.weight_file import refuse_not_floating
from polybench.methods.transfer.match import State, listed, side_by_side
from polybench.methods.transfer.readings import CONTAINERS, COUNTER, WRAPPER, Reading, choose_reading, is_known
from polybench.tasks.parameter_groups import COMPILED

HEADS = {
    **dict.fromkeys(("fc", "classifier", "head", "heads", "head_dist", "pre_logits", "last_linear", "fc_norm"), None),
    "aux_classifier": "classifier",
    "conv_head": None,
    "bn2": "conv_head",
    "norm": "head",
}
"""Parts of a classifier that an encoder may lack -> another part that must be there too, None for any net."""

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


def states_in(saved: Mapping[str, Any], name: str = "") -> dict[str, dict[str, Tensor]]:
    """Find the mappings of tensors in a checkpoint: dotted name of the container, "" for the file itself -> tensors.

    Wrappers of torch.compile are removed from the keys. Containers of other names than `CONTAINERS` come last.
    """
    own = {key.replace(COMPILED, ""): value for key, value in tensors_of(saved).items() if isinstance(key, str)}
    found = {name: own} if own else {}
    for key in CONTAINERS:
        if isinstance(inner := saved.get(key), Mapping) and name.count(".") < 2:
            found |= states_in(inner, f"{name}.{key}" if name else key)
    for key, inner in saved.items() if not name else ():
        if isinstance(key, str) and key not in CONTAINERS and isinstance(inner, Mapping) and tensors_of(inner):
            found |= {key: states_in(inner, key)[key]}
    return found


def fitted(states: Mapping[str, State], target: State, path: Path, prefix: str | None = None) -> Fitted:
    """Select the tensors of an encoder and name them as the target does.

    Args:
        states: Container -> its tensors.
        target: The encoder's state.
        path: The file, for messages.
        prefix: Place of the encoder in the file: container and modules, such as `state_dict.ema.`; None to look for it.

    Raises:
        ConfigError: If no tensor matches, nothing lies at `prefix`, several encoders match almost equally, or tensors
            are integers in place of floating-point numbers.
    """
    chosen = choose_reading(states, target, path, prefix)
    if chosen is None:
        raise ConfigError(_nothing_fits({name: one for name, one in states.items() if is_known(name)}, target, path))
    reading, others = chosen
    return _renamed(reading, states[reading.container], target, path, others)


def _renamed(reading: Reading, state: State, target: State, path: Path, others: Sequence[Reading]) -> Fitted:
    """Apply a reading; see `fitted`."""
    inside = _inside(reading, state, others)
    mapped = {reading.spelling.keys[name]: state[key] for name, key in inside.items() if name in reading.spelling.keys}
    refuse_not_floating(mapped, target, path)
    absent = tuple(
        key
        for key in target
        if key.endswith(COUNTER) and key not in mapped and key.replace(COUNTER, "running_mean") in mapped
    )
    rest = [name for name in inside if name not in reading.spelling.keys]
    left_out = _left_out(rest, reading.spelling.keys, inside)
    if all(key in mapped and mapped[key].shape == target[key].shape for key in target if key not in absent):
        left_out |= _deeper([name for name in rest if name not in left_out], reading.spelling.keys)
    facts = _key_facts(reading, others)
    for kind in dict.fromkeys(left_out.values()):
        facts[f"Ignored, {kind}"] = listed([inside[name] for name, one in left_out.items() if one == kind])
    if outside := [key for key in state if key not in inside.values()]:
        facts["Ignored, other parts of the source's net"] = listed(outside, most=3)
    if absent:
        facts["Counters of batch norm"] = f"the source has no {COUNTER}; {len(absent)} of them stay as they are"
    if converted := _conversions(mapped, target):
        facts["Precision"] = converted
    unexpected = {inside[name]: state[inside[name]] for name in rest if name not in left_out}
    return Fitted({**unexpected, **mapped}, absent, facts)


def _inside(reading: Reading, state: State, others: Sequence[Reading]) -> dict[str, str]:
    """The tensors behind the prefix of a reading, without those of other encoders: name -> key of the file."""
    beside = {one.prefix for one in others if one.container == reading.container and one.prefix != reading.prefix}
    aside = tuple(prefix for prefix in beside if prefix.startswith(reading.prefix))
    keys = [key for key in state if key.startswith(reading.prefix) and not (aside and key.startswith(aside))]
    return {key.removeprefix(reading.prefix): key for key in keys}


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


def _key_facts(reading: Reading, others: Sequence[Reading]) -> dict[str, str]:
    """Where the encoder lies in the file, and where others that were not taken do."""
    containers = [one.container for one in others if one.container != reading.container]
    prefixes = [one.prefix for one in others if one.container == reading.container]
    where = f"in '{reading.container}'" if reading.container else "in the file itself"
    parts = [where + _except("in", containers)] if reading.container or containers else []
    parts += [f"behind '{reading.prefix}'" + _except("behind", prefixes)] if reading.prefix or prefixes else []
    parts += [f"with {reading.spelling.words}"] if reading.spelling.words else []
    return {"Keys of the source": ", ".join(parts)} if parts else {}


def _except(where: str, names: Sequence[str]) -> str:
    """The places that were not taken, in brackets; empty where there are none."""
    return f" (not {where} {', '.join(map(repr, sorted(set(names))))})" if names else ""


def _conversions(mapped: State, target: State) -> str:
    """What was converted, in words; empty if nothing was."""
    pairs = {
        (str(value.dtype).removeprefix("torch."), str(target[key].dtype).removeprefix("torch."))
        for key, value in mapped.items()
        if value.dtype != target[key].dtype and not key.endswith(COUNTER)
    }
    return ", ".join(f"{source} converted to {own}" for source, own in sorted(pairs))


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

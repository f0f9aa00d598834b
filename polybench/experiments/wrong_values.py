"""What the parser says of values that it can't use, in one sentence: the option, what it takes, the nearest name."""

import re
from collections.abc import Iterator, Sequence
from importlib import import_module
from inspect import isclass
from typing import NamedTuple

from polybench.core.errors import did_you_mean
from polybench.experiments.class_changes import NAMED_MODULES

OFTEN = {
    "batch_size": "data.batch_size",
    "epochs": "trainer.max_epochs",
    "gpus": "trainer.devices",
    "learning_rate": "model.optimizer.lr",
    "lr": "model.optimizer.lr",
    "num_epochs": "trainer.max_epochs",
    "num_workers": "data.num_workers",
    "resume": "ckpt_path",
    "seed": "seed_everything",
    "size": "data.size",
    "weight_decay": "model.optimizer.weight_decay",
}
"""Name that other programs have for an option -> polybench's."""

ELSEWHERE = {
    "net": ("polybench.models", "segmentation_models_pytorch"),
    "loss": ("polybench.losses", "torch.nn", "segmentation_models_pytorch.losses"),
    "optimizer": ("torch.optim",),
    "lr_scheduler": ("polybench.tasks.schedules", "torch.optim.lr_scheduler", "lightning.pytorch.cli"),
}
"""Argument of a task -> the modules where its classes are usually found."""

EXAMPLES = {"mode": "binary", "monitor": "val/loss"}
"""Argument that a library's class requires -> a value that suits."""

VALUE = r"(.*?)(?:\. Got value: .*)?"


class WrongValue(NamedTuple):
    """A value that an option can't have.

    Attributes:
        key: The option, such as `model.optimizer.lr`.
        kinds: The types that it may have, in words.
        value: What was given.
    """

    key: str
    kinds: str
    value: str


def key_of(text: str) -> str:
    """The option that a message is about, from outside to inside, such as `model.optimizer.lr`."""
    return ".".join(re.findall(r'Parser key "([^"]+)"', text))


def wrong_value(text: str) -> WrongValue | None:
    """Read a message about a value of a wrong type; None where it is about something else."""
    start = text.rfind('Parser key "')
    inner = text[start:]
    key = key_of(text)
    if match := re.match(rf'Parser key "[^"]+":\s+Expected an? (.+?)\. Got value: {VALUE}(\n|$)', inner):
        return _found(key, [match[1]], match[2])
    pattern = rf"Subtypes: \[(.+)\]\n(?:.*\n)*?\s*Given value: {VALUE}(\n|$)"
    if match := re.search(pattern, inner):
        kinds = re.findall(r"<class '[\w.]+'>|typing\.Literal\[[^\]]*\]|[\w.]+\[.*\]", match[1])
        plain = [kind for kind in kinds if re.match(r"<class '\w+'>|typing\.Literal", kind)]
        if plain and len(plain) + match[1].count("torch.Tensor") == len(kinds) and plain != ["<class 'NoneType'>"]:
            return _found(key, plain, match[2])
    return None


def _found(key: str, kinds: Sequence[str], value: str) -> WrongValue:
    if key.rpartition(".")[2] == "seed" and value in ("True", "False"):
        key, kinds = "seed_everything", ["<class 'int'>"]  # to which the data's seed is linked
    if key == "seed_everything":
        kinds = ["<class 'int'>"]
    words = [_kind(kind, value) for kind in kinds if kind != "<class 'NoneType'>"]
    null = ", or null" if len(words) < len(kinds) else ""
    choices = [word.removeprefix("one of ") for word in words if word.startswith("one of ")]
    others = [word for word in words if not word.startswith("one of ")]
    others = [word.removeprefix("of type ") if place else word for place, word in enumerate(others)]
    said = [*others, *([f"one of {', '.join(choices)}"] if choices else [])]
    return WrongValue(key, " or ".join(said) + null, value.strip())


def _kind(kind: str, value: str) -> str:
    """A type in words."""
    if match := re.match(r"typing\.Literal\[(.+)\]", kind):
        return f"one of {match[1]}"
    plain = re.sub(r"<class '([\w.]+)'>", r"\1", kind).rpartition("collections.abc.")[2]
    if plain in ("Sequence", "list", "tuple"):
        return f"a list, such as [{value},{value}]" if re.fullmatch(r"[\d.]+", value) else "a list"
    return f"a {plain}" if plain.startswith("tuple") else f"of type {plain}"


def lacking(text: str) -> str | None:
    """The sentence for an argument that a class requires and doesn't get; None where a message is about something else.

    Args:
        text: What the parser says.
    """
    match = re.search(r"arguments are required: ([\w., ]+)", text)
    if match is None:
        return None
    before = text[: match.start()]
    owners = re.findall(r"Problem with given class_path '([\w.]+)'", before)
    key, names = key_of(before), match[1].split(", ")
    if not key:
        return None
    if "expects a function or a callable class" in before:
        owners = re.findall(r"Given value: Namespace\(class_path='([\w.]+)'", text[match.end() :])[:1] or owners
    of = f" of {owners[-1].rpartition('.')[2]}" if owners else ""
    example = EXAMPLES.get(names[0], "VALUE")
    needed = f"{', '.join(names)}{of}"
    return f"The configuration lacks {needed}: add it as an option, --{key}.{names[0]} {example}, or in the recipe."


def several(text: str) -> str | None:
    """The sentence for a bare name that several classes have."""
    match = re.search(
        r"Multiple subclasses with name (\w+)\. Give the full class path to avoid ambiguity: (.+?)\.\n", text
    )
    return (
        None if match is None else f"'{match[1]}' is the name of several classes: give a whole path, one of {match[2]}."
    )


def other_name(option: str, known: Sequence[str]) -> str:
    """What is likely meant by an option that doesn't exist.

    Args:
        option: Without dashes, such as `trainer.seed`.
        known: The options that exist.

    Returns:
        A suggestion with a leading space; empty where nothing is near.
    """
    usual = OFTEN.get(option.rpartition(".")[2])
    if usual is not None and usual != option:
        return f" Did you mean '--{usual}'?"
    return did_you_mean(f"--{option}", [f"--{name}" for name in known])


def near_class(word: str, key: str) -> str:
    """Suggest a class for a bare name that no class has.

    Args:
        word: The name.
        key: The option, such as `model.optimizer`.

    Returns:
        A suggestion with a leading space; empty where nothing is near.
    """
    found = dict(_classes(ELSEWHERE.get(key.rpartition(".")[2], NAMED_MODULES), key))
    near = did_you_mean(word.lower(), found)
    name = near.removeprefix(" Did you mean '").removesuffix("'?")
    return f" Did you mean '{found[name]}'?" if near else ""


def _classes(modules: Sequence[str], key: str) -> Iterator[tuple[str, str]]:
    """Each public class of some modules: its name in lower case, and what to type; the first module wins."""
    for name in reversed(modules):
        module = import_module(name)
        for public in getattr(module, "__all__", dir(module)):
            made = getattr(module, public, None)
            if isclass(made) and (not key.endswith("loss") or public.endswith("Loss")):
                yield public.lower(), public if name in NAMED_MODULES else f"{name}.{public}"

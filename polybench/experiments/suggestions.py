"""What is likely meant by an option or a class that doesn't exist."""

from collections.abc import Iterator, Sequence
from importlib import import_module
from inspect import isclass

from polybench.core.errors import did_you_mean
from polybench.experiments.class_changes import named_modules

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


def other_name(option: str, known: Sequence[str]) -> str:
    """Suggest an option for one that doesn't exist.

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


def near_class(word: str, argument: str) -> str:
    """Suggest a class for a bare name that no class has.

    Args:
        word: The name.
        argument: The argument that takes the class, such as `optimizer`.

    Returns:
        A suggestion with a leading space; empty where nothing is near.
    """
    found = {name.lower(): path for name, path in _classes(argument)}
    near = did_you_mean(word.lower(), found)
    name = near.removeprefix(" Did you mean '").removesuffix("'?")
    return f" Did you mean '{found[name]}'?" if near else ""


def why_no_class(name: str) -> tuple[str, str]:
    """What is missing of an import path: `module` or `attribute`, and its name; empty texts for a bare name."""
    module, _, last = name.rpartition(".")
    if not module:
        return "", ""
    try:
        found = import_module(module)
    except ModuleNotFoundError as error:
        return "module", error.name or module
    except ImportError:
        return "module", module
    return ("", "") if hasattr(found, last) else ("attribute", last)


def paths_of(word: str, argument: str) -> list[str]:
    """The import paths of the classes that have a bare name.

    Args:
        word: The name.
        argument: The argument that takes the class, such as `lr_scheduler`.
    """
    return sorted({path for name, path in _classes(argument) if name == word})


def _classes(argument: str) -> Iterator[tuple[str, str]]:
    """Each class that the modules of an argument's classes define: its name, and what to type."""
    modules = [import_module(name) for name in ELSEWHERE[argument]] if argument in ELSEWHERE else named_modules()
    for module in reversed(modules):
        name = module.__name__
        for public in getattr(module, "__all__", dir(module)):
            made = getattr(module, public, None)
            own = isclass(made) and made.__module__.startswith(name)
            if own and (argument != "loss" or public.endswith("Loss")):
                yield public, f"{name}.{public}" if argument in ELSEWHERE else public

"""The help of a command on one screen: the options that most people use, in groups; `--help all` has the others.

A group names options of three kinds: the parser's own, whose defaults are read from it; those of the classes that a
recipe names (`data.batch_size`), which the parser doesn't list; and those of the command and of the methods, which
follow with their own text.
"""

import argparse
import shutil
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

ALL = "all"
"""What is typed after `--help` for every option."""

NO_OPTIONS = ("help", "print_config")
"""Actions that print something and end; the last group names them."""

SECTIONS = {
    "trainer": "trainer: the options of Lightning's Trainer",
    "model": "model: the task, its net, loss, optimizer and schedule",
    "data": "data: the dataset",
    "checkpoint": "checkpoint: which checkpoint is selected",
    "previews": "previews: pictures of the worst test images",
}
"""Section of a recipe -> its heading in the help of every option."""


class OptionGroup(NamedTuple):
    """Options under one heading.

    Attributes:
        title: The heading.
        options: Option -> what stands for its value, and what it does; an empty text is the parser's own.
        commands: The commands that have them; empty for all.
    """

    title: str
    options: dict[str, tuple[str, str]]
    commands: tuple[str, ...] = ()


OWN = "this command"
"""Heading of the options that one command has, except for `fit`, where they are output."""

EVALUATIONS = ("validate", "test", "predict")

GROUPS = (
    OptionGroup(
        "recipe",
        {
            "config": (
                "FILE",
                "a recipe; later files win, such as --config conf/methods/fanet.yaml --config conf/data/drive.yaml",
            ),
            "name": ("NAME", ""),
            "variant": ("NAME", ""),
            "budget": ("CLASS", "published for a paper's settings, reduced for less, smoke for a try"),
            "seed_everything": ("N", "seed of initialisation, order and augmentation"),
        },
        ("fit",),
    ),
    OptionGroup(
        "checkpoint and recipe",
        {
            "ckpt_path": ("FILE|last|best", "the checkpoint to use; it holds its recipe"),
            "config": ("FILE", "a recipe, where the checkpoint's own is not the one to use"),
        },
        EVALUATIONS,
    ),
    OptionGroup(OWN, {}),
    OptionGroup(
        "data",
        {
            "data": ("CLASS", "the dataset, such as ClinicDBDataModule; FolderDataModule for your own images"),
            "data.root": ("FOLDER", "where datasets lie; else POLYBENCH_DATA or ./data"),
            "data.split": ("NAME|FILE", "a split list, or a CSV of id, subset and group"),
            "data.size": ("[H,W]", "height and width of the net's input, pixels"),
            "data.fit": ("stretch|letterbox", "how images become that size"),
            "data.crop": (
                "{size,scale,...}",
                "train on crops, such as --data.crop '{size: 128, scale: 1}', and evaluate whole frames by tiles",
            ),
            "data.num_workers": ("N", "processes that load images beside the main one"),
            "data.eval_batch_size": ("N", "images in a batch of validation and test"),
        },
    ),
    OptionGroup(
        "training",
        {
            "data.batch_size": ("N", "images in a batch of all processes"),
            "data.augment": ("POLICY", "augmentation: none, standard, ... or a class path"),
            "trainer.max_epochs": ("N", "epochs to train"),
            "trainer.max_steps": ("N", "optimizer steps to train; by default -1, no limit"),
            "trainer.accumulate_grad_batches": ("N", "batches of one optimizer step"),
            "trainer.gradient_clip_val": ("X", "largest norm of the gradient"),
            "trainer.val_check_interval": ("X", "validate after X batches, or X (1.0) of an epoch"),
            "trainer.check_val_every_n_epoch": ("N", "validate after every N epochs"),
            "trainer.callbacks+": ("CLASS", "add a callback, such as EarlyStopping or EMAWeightAveraging"),
        },
        ("fit",),
    ),
    OptionGroup(
        "model",
        {
            "model": ("CLASS", "the task, such as SegmentationTask"),
            "model.net": ("CLASS", "the net, such as polybench.models.FANet or segmentation_models_pytorch.Unet"),
            "model.net.ARGUMENT": ("VALUE", "an argument of the net, such as --model.net.encoder_name resnet34"),
            "model.loss": ("CLASS", "the loss, such as polybench.losses.BCEDiceLoss"),
            "model.optimizer": ("CLASS", "the optimizer, such as torch.optim.AdamW"),
            "model.optimizer.lr": ("X", "learning rate"),
            "model.lr_scheduler": ("CLASS", "the schedule, such as torch.optim.lr_scheduler.CosineAnnealingLR"),
        },
        ("fit",),
    ),
    OptionGroup(
        "machine",
        {
            "trainer.accelerator": ("NAME", "cpu, gpu or auto"),
            "trainer.devices": ("N|[I,...]", "how many devices, or which"),
            "trainer.precision": ("P", "32-true, 16-mixed or bf16-mixed"),
        },
    ),
    OptionGroup(
        "checkpoint",
        {
            "ckpt_path": ("FILE|last|best", ""),
            "checkpoint.monitor": ("NAME", "the validation value that selects best.ckpt"),
            "checkpoint.mode": ("max|min", "whether its largest or smallest value is best"),
        },
        ("fit",),
    ),
    OptionGroup(
        "a quick try",
        {
            "trainer.limit_train_batches": ("N|X", "train on N batches, or a share, of an epoch"),
            "trainer.fast_dev_run": ("true", "one batch of everything, and write nothing"),
        },
        ("fit",),
    ),
    OptionGroup(
        "output",
        {
            "trainer.default_root_dir": ("FOLDER", "the run's folder, else runs/NAME-sSEED/DATE-TIME"),
            "trainer.logger": ("CLASS", "a logger beside metrics.csv, such as WandbLogger"),
        },
        ("fit",),
    ),
    OptionGroup(
        "output",
        {"trainer.default_root_dir": ("FOLDER", "the run's folder, else runs/NAME-sSEED/DATE-TIME")},
        ("validate", "test"),
    ),
    OptionGroup(
        "pictures",
        {
            "previews.most": ("N", "pictures of the worst test images; 0 for none"),
            "previews.heatmaps": ("true", "also how strongly each stage of the net responds"),
        },
        ("fit", "test"),
    ),
)
"""In the order in which they are shown."""

MORE = (
    ("-h, --help [all]", "this help; all: every option there is"),
    ("--print_config", "print the whole configuration, and exit"),
    ("--model.help [CLASS]", "the options of a task, such as --model.help SegmentationTask"),
    ("--data.help [CLASS]", "the options of a dataset, such as --data.help ClinicDBDataModule"),
    ("--trainer.callbacks.help CLASS", "the options of a callback; so for --trainer.logger.help"),
)


def take_all(words: Sequence[str]) -> tuple[list[str], bool]:
    """Take the `all` of `--help all` or `--help=all` out of a command line.

    Args:
        words: The words after the command.

    Returns:
        The other words, and whether it was there.
    """
    rest: list[str] = []
    found = False
    for word in words:
        if word == f"--help={ALL}" or (word == ALL and rest and rest[-1] in ("-h", "--help")):
            found = True
            rest += ["--help"] if word != ALL else []
        else:
            rest.append(word)
    return rest, found


def short_help(parser: argparse.ArgumentParser, command: str) -> str:
    """Write the help of a command.

    Args:
        parser: The command's parser.
        command: The command.
    """
    actions = {action.dest: action for action in parser._actions}
    width = shutil.get_terminal_size().columns - 2
    shown = argparse.ArgumentParser(
        prog=parser.prog,
        usage=parser.usage,
        description=parser.description,
        add_help=False,
        formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=30, width=width),
    )
    groups = [group for group in GROUPS if not group.commands or command in group.commands]
    for group in groups:
        section = _section(shown, group.title)
        for key, (metavar, text) in group.options.items():
            action = actions.get(key)
            _add(section, [f"--{key}"], metavar, _text(text, action))
    named = {key for group in GROUPS for key in group.options}
    for title, own in _of_the_command(parser, named):
        section = _section(shown, title or ("output" if command == "fit" else OWN))
        for action in own:
            _add(section, action.option_strings, None if action.nargs == 0 else _value(action), _text("", action))
    section = shown.add_argument_group("more")
    for option, text in MORE:
        _add(section, [option], "", text)
    return shown.format_help()


def _section(parser: argparse.ArgumentParser, title: str) -> argparse._ArgumentGroup:
    """The group of a title, which is added where there is none."""
    found = next((group for group in parser._action_groups if group.title == title), None)
    return found or parser.add_argument_group(title)


def _of_the_command(
    parser: argparse.ArgumentParser, named: Iterable[str]
) -> Iterator[tuple[str | None, list[argparse.Action]]]:
    """The options of the command and of the methods that no group names: the title of their group, and they."""
    usual = {"options", "optional arguments", "positional arguments"}
    for group in parser._action_groups:
        own = [
            action
            for action in group._group_actions
            if "." not in action.dest
            and action.help != argparse.SUPPRESS
            and action.dest not in {*named, *NO_OPTIONS, *SECTIONS}
        ]
        if own:
            yield None if group.title in usual else group.title, own


def _add(section: argparse._ArgumentGroup, options: Sequence[str], metavar: str | None, text: str) -> None:
    """Add a line of help; the option is never parsed."""
    flag = options[0].partition(" ")[0].rstrip(",")
    action = argparse.Action([flag], dest="", nargs=0 if metavar is None else None, metavar=metavar, help=text)
    action.option_strings = list(options)
    section._group_actions.append(action)


def _value(action: argparse.Action) -> str:
    """What stands for the value of an option."""
    if action.choices:
        return "|".join(map(str, action.choices))
    return "VALUE" if not isinstance(action.metavar, str) else action.metavar


def _text(text: str, action: argparse.Action | None) -> str:
    """What an option does, with its default where there is one."""
    text = text or str(action.help if action and action.help else "")
    text = f"{text[:1].lower()}{text[1:]}".rstrip(".")
    default = getattr(action, "default", None)
    shown = isinstance(default, int | float | str) and not isinstance(default, bool) and default != argparse.SUPPRESS
    return (f"{text} (default: {default})" if shown and "default" not in text else text).replace("%", "%%")

"""The options of each command beside those that a recipe has."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Literal

from jsonargparse.typing import NonNegativeInt
from lightning.pytorch.cli import LightningArgumentParser

from polybench.experiments.choose_option import Choice
from polybench.experiments.image_budget import VALIDATIONS
from polybench.methods import found_methods

AddArguments = Callable[[LightningArgumentParser], None]
"""Adds options to a parser."""


def add_fit_arguments(parser: LightningArgumentParser) -> None:
    """Add where the record goes, and how often the state is saved."""
    parser.add_argument(
        "--leaderboard", metavar="FOLDER", type=str, default="leaderboards", help="Folder of records and pages."
    )
    parser.add_argument("--no_leaderboard", action="store_true", help="Write no record and no page.")
    parser.add_argument(
        "--save_every",
        metavar="N",
        type=NonNegativeInt,
        default=0,
        help="Save last.ckpt after every N batches too, to resume from; 0, the default: after each epoch alone.",
    )
    parser.add_argument(
        "--scale_batch",
        action="store_true",
        help="A whole batch in each process: another row.",
    )
    add_length_arguments(parser)


def add_length_arguments(parser: LightningArgumentParser) -> None:
    """Add the length of a run in images, and what is chosen before it: what a block of training has of them."""
    parser.add_argument(
        "--images",
        metavar="N",
        type=int | None,
        default=None,
        help="Length of the training in images through the net, in place of epochs: whole optimizer steps, in as many "
        "equal parts as --validations.",
    )
    parser.add_argument(
        "--validations", metavar="N", type=int, default=VALIDATIONS, help="Validations of a run with --images."
    )
    parser.add_argument(
        "--choose",
        metavar="{option,values,share}",
        type=Choice | None,
        default=None,
        help="A number to choose on validation: each value trains a share of --images, the best one the run, such as "
        "'{option: model.optimizer.lr, values: [3e-4, 1e-3], share: 0.25}'.",
    )


def add_test_arguments(parser: LightningArgumentParser) -> None:
    """Add where the record of changed predictions goes."""
    parser.add_argument(
        "--leaderboard",
        metavar="FOLDER",
        type=str | None,
        default=None,
        help="Folder of records and pages, which has the record of this checkpoint's training and gets that of the "
        "changed predictions, or of --on: for options that change what is tested.",
    )

    parser.add_argument(
        "--on",
        metavar="DATASET ...",
        type=str | None,
        default=None,
        help="Datasets of the same kind that the net was not trained on, such as clinicdb etis: each is tested, with "
        "the net's input as in training; with --leaderboard each gets a row, and its difference from rows that were "
        "trained there.",
    )


def add_predict_arguments(parser: LightningArgumentParser) -> None:
    """Add where the images are and where the masks go."""
    parser.add_argument(
        "--images", metavar="FOLDER", type=str | None, default=None, help="Folder of images, searched recursively."
    )
    parser.add_argument(
        "--out",
        metavar="FOLDER",
        type=str | None,
        default=None,
        help="Folder for the masks: PNG, 0 and 255, same names and sizes.",
    )
    parser.add_argument(
        "--probabilities",
        action="store_true",
        help="Write probabilities instead, .npy at the net's own size: `polybench score --resize` then finds the "
        "numbers of a test under every protocol.",
    )
    parser.add_argument(
        "--tile",
        metavar="N",
        type=int | None,
        default=None,
        help="Predict each image at its own scale, in overlapping square tiles of so many pixels, instead of resizing "
        "it to the size of the net's input: for large images, and for nets trained at the scale of the images. A "
        "multiple of the net's stride. Probabilities then have the image's size.",
    )
    parser.add_argument(
        "--overlap",
        metavar="N",
        type=int | None,
        default=None,
        help="With --tile: what neighbouring tiles share, pixels, 0 or a multiple of the net's stride; a quarter of "
        "--tile by default. With twice as much as the net looks to each side, the result is that of the whole image; "
        "how much tiles differ where they meet is printed.",
    )


def add_profile_arguments(parser: LightningArgumentParser) -> None:
    """Add where, how long and how large to measure, and where the row goes."""
    parser.add_argument(
        "--device",
        type=Literal["auto", "cpu", "cuda"],
        default="auto",
        help="Where to measure; auto: on the recipe's trainer.accelerator, by default the best there is.",
    )
    parser.add_argument(
        "--steps", metavar="N", type=int, default=20, help="Rounds in each of which every mode is timed."
    )
    parser.add_argument(
        "--batch_size",
        metavar="N",
        type=int | None,
        default=None,
        help="Of everything but the latency, by default the recipe's; the row keeps the recipe's accuracy.",
    )
    parser.add_argument("--no_data", action="store_true", help="Measure the net alone, on random images.")
    parser.add_argument("--out", metavar="FILE", type=str, default="runs/profile.csv", help="CSV that gets the row.")
    parser.add_argument(
        "--leaderboard", metavar="FOLDER", type=str, default="leaderboards", help="Folder where accuracy is looked up."
    )
    add_length_arguments(parser)


def add_no_arguments(parser: LightningArgumentParser) -> None:
    """Add nothing."""


COMMANDS: Mapping[str, AddArguments] = {
    "fit": add_fit_arguments,
    "validate": add_no_arguments,
    "test": add_test_arguments,
    "predict": add_predict_arguments,
    "profile": add_profile_arguments,
}
"""Command -> its own options."""

_EVERY_VALUE = (
    "Every value of a recipe can be changed by an option, also inside classes: --trainer.max_epochs 50 --data.size "
    "[128,128] --model.net.widths [16,32,64,128]."
)

SUMMARIES: Mapping[str, str] = {
    "fit": f"Train, test the checkpoint that validation selects, write the record and the page. {_EVERY_VALUE}",
    "validate": f"Evaluate a checkpoint on the validation subset of its recipe or another. {_EVERY_VALUE}",
    "test": f"Evaluate a checkpoint on the test subset of its recipe or another. {_EVERY_VALUE}",
    "predict": "Write a mask for each image of a folder, under its name and at its size.",
    "profile": "Measure size, speed and memory of a recipe, and what a training step waits for.",
}
"""Command -> what it does, for its help."""


def add_options(parser: LightningArgumentParser, command: str) -> None:
    """Add the options of a command: its own, and those of methods."""
    COMMANDS[command](parser)
    for method in found_methods():
        method.add_options(parser, command)


@lru_cache(maxsize=len(COMMANDS))
def own_options(command: str) -> frozenset[str]:
    """Names of the options that a command has beside those of every command."""
    parser = LightningArgumentParser()
    before = {action.dest for action in parser._actions}
    add_options(parser, command)
    return frozenset(action.dest for action in parser._actions) - before


def all_options() -> set[str]:
    """Names of the options that only some commands have."""
    return set[str]().union(*map(own_options, COMMANDS))

"""The option of post-processing: which steps, in which order."""

from argparse import Namespace

from polybench.core.errors import ConfigError
from polybench.methods.base import Options

COMMANDS = ("test", "predict")
"""The commands that have it."""

STEPS = ("flips", "crf")
"""Steps, in the order in which they are applied."""

OPTION = "--postprocess"


def add_options(parser: Options, command: str) -> None:
    """Add the option to the commands that have it."""
    if command not in COMMANDS:
        return
    group = parser.add_argument_group("post-processing")
    beside = " postprocessed.csv, beside the masks, counts each image's changed pixels." if command == "predict" else ""
    group.add_argument(
        OPTION,
        metavar="STEPS",
        type=str | None,
        default=None,
        help="Post-process the predictions of any segmentation net: flips averages the probabilities over the image "
        "and its horizontal, vertical and double flip; crf applies a fully connected CRF of positions and colours at "
        f"native size; flips,crf does both in this order.{beside}",
    )


def steps_of(config: Namespace) -> tuple[str, ...]:
    """The steps that a command was given, in the order in which they are applied; empty without the option.

    Raises:
        ConfigError: If one is unknown, or given twice.
    """
    text: str | None = getattr(config, "postprocess", None)
    if text is None:
        return ()
    given = [step.strip() for step in text.split(",")]
    if not set(given) <= set(STEPS) or len(set(given)) < len(given):
        raise ConfigError(f"{OPTION} must be flips, crf, or flips,crf, not '{text}'.")
    return tuple(step for step in STEPS if step in given)

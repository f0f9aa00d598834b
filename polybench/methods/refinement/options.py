"""The options of region refinement: the classifier's checkpoint and both thresholds."""

from argparse import Namespace
from collections.abc import Callable

from polybench.core.errors import ConfigError
from polybench.methods.base import Options
from polybench.methods.refinement.thresholds import RELEASED, Thresholds

COMMANDS = ("test", "predict")
"""The commands that have them."""

VALIDATION = "validation"
"""Value of `--refine_thresholds`, and its default: both are chosen on the validation subset."""

ORIGINS = {"validation": "chosen on validation", "released": "of Keras-FCN's code", "given": "as given"}
"""Where thresholds come from, in words."""


def add_options(parser: Options, command: str) -> None:
    """Add the classifier of patches and the thresholds to the commands that have them."""
    if command not in COMMANDS:
        return
    group = parser.add_argument_group("region refinement")
    beside = " regions.csv, beside the masks, has the box and the probability of each region."
    group.add_argument(
        "--refine",
        metavar="FILE",
        type=str | None,
        default=None,
        help="Checkpoint of a patch classifier, such as conf/patches_kvasir_seg.yaml trains: each region of the "
        "prediction that it takes for no object is removed." + (beside if command == "predict" else ""),
    )
    group.add_argument(
        "--refine_thresholds",
        metavar="T,P",
        type=str | None,
        default=None,
        help="Least probability of a mask's pixels, and the probability that a region must exceed: 'validation' "
        "(default) chooses both on the validation subset, 'released' takes the 0.2 and 0.1 of Keras-FCN's code, and "
        "two numbers such as 0.35,0.2 are taken as they are.",
    )


def needs_data(value_of: Callable[[str], str | None]) -> bool:
    """Whether a prediction chooses thresholds on the validation subset."""
    return value_of("--refine") is not None and value_of("--refine_thresholds") in (None, VALIDATION)


def thresholds_of(config: Namespace) -> Thresholds | None:
    """The thresholds that a command was given; None where validation chooses them.

    Raises:
        ConfigError: If they are none.
    """
    text: str | None = getattr(config, "refine_thresholds", None)
    return read_thresholds(text or VALIDATION)


def read_thresholds(text: str) -> Thresholds | None:
    """Read a value of `--refine_thresholds`; None where validation chooses.

    Raises:
        ConfigError: If it is none of the names and no two probabilities.
    """
    if text == VALIDATION:
        return None
    if text == "released":
        return RELEASED
    try:
        mask, region = (float(number) for number in text.split(","))
    except ValueError:
        mask = region = -1.0
    if not (0 <= mask <= 1 and 0 <= region <= 1):
        raise ConfigError(
            f"--refine_thresholds must be validation, released, or two numbers from 0 to 1 such as 0.35,0.2, not "
            f"'{text}'."
        )
    return Thresholds(mask, region, "given")


def in_words(thresholds: Thresholds) -> str:
    """Both thresholds, as the option takes them, and where they come from."""
    return f"{thresholds.mask:g},{thresholds.region:g} ({ORIGINS[thresholds.origin]})"

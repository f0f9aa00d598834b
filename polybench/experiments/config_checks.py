"""Errors of a configuration that its parser doesn't report: of its files, and of values that types don't express."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from lightning.fabric.utilities.exceptions import MisconfigurationException
from omegaconf.errors import OmegaConfBaseException

from polybench.core.errors import ConfigError
from polybench.experiments.argv import has
from polybench.experiments.choose_option import settle_choice
from polybench.experiments.compose import Composed
from polybench.experiments.headline import settle_monitor
from polybench.experiments.image_budget import settle_length
from polybench.experiments.parser import BenchmarkParser
from polybench.methods import found_methods
from polybench.results.record_checks import is_slug

PRINT = "--print_config"
"""Option that prints a configuration in place of a run."""


@contextmanager
def parsing_errors() -> Iterator[None]:
    """Raise what the libraries raise while a configuration is parsed as one sentence.

    Raises:
        ConfigError: If a file is no text, an interpolation fails, or Lightning refuses an option.
    """
    try:
        yield
    except UnicodeDecodeError as error:
        raise ConfigError(f"A configuration file is not text: {error}.") from error
    except OmegaConfBaseException as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"An interpolation in the configuration fails: {reason}.") from error
    except MisconfigurationException as error:
        raise ConfigError(" ".join(str(error).split())) from error


def settle(config: Any, args: Sequence[str]) -> list[str]:
    """Check a parsed configuration, and put in what it says by a word: its length, the headline, the choice.

    Args:
        config: The parsed configuration, which is changed.
        args: The words of the command line.

    Returns:
        A sentence for each option that is left out.

    Raises:
        ConfigError: See `check_config`; or if the length is stated twice, or nothing can be chosen so.
    """
    check_config(config)
    settle_monitor(config)
    notes = settle_length(config, args)
    settle_choice(config, args)
    return notes


def check_printed(parser: BenchmarkParser, composed: Composed, args: Sequence[str]) -> list[str]:
    """Check a configuration that is only printed as that of a run; one without task or data is no run's.

    Args:
        parser: The parser of the command line.
        composed: Its files and options.
        args: The words of the command line.

    Returns:
        A sentence for each option that a run leaves out; none where nothing is printed.

    Raises:
        ConfigError: If a run would refuse it.
    """
    whole = all(composed.config.get(key) or has(args, f"--{key}") for key in ("model", "data"))
    if not whole or not has(args, PRINT):
        return []
    words = [word for word in composed.words() if word.partition("=")[0] != PRINT]
    return settle(parser.parse_args(words), args)


def check_config(config: Any) -> None:
    """Check names, seed, accumulation and precision, and the options of methods.

    Raises:
        ConfigError: If a name can't be part of a file name, a number is out of bounds, or the precision is too low for
            evaluation.
    """
    for key in ("name", "variant"):
        name = getattr(config, key)
        if name is not None and not is_slug(name):
            raise ConfigError(f"--{key} '{name}' can't be part of a file name: use letters, digits and _ . + - only.")
    for method in found_methods():
        method.check(config)
    if not 0 <= config.seed_everything < 2**32:
        raise ConfigError(f"--seed_everything must be from 0 to {2**32 - 1}, not {config.seed_everything}.")
    if config.trainer.accumulate_grad_batches < 1:
        raise ConfigError("--trainer.accumulate_grad_batches must be at least 1.")
    precision = str(config.trainer.precision)
    if precision.endswith("-true") and precision not in {"32-true", "64-true"}:
        raise ConfigError(f"--trainer.precision {precision} would round images and coordinates: use *-mixed.")

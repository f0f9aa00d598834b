"""The budget class of a run: `published` with the settings of a recipe that has a paper's, `reduced`, or `smoke`."""

from collections.abc import Sequence
from typing import Any

from polybench.core.errors import ConfigError
from polybench.experiments.argv import has
from polybench.experiments.identity import config_id
from polybench.experiments.parsed import ParsedSession
from polybench.experiments.published import published_like
from polybench.experiments.session import Session
from polybench.results.facts import StartFacts
from polybench.results.record import Budget
from polybench.results.table import BUDGETS

WHOLE = (None, 1.0)
"""Values of `limit_*_batches` that limit nothing; the integer 1 stands for one batch."""


def budget_class(session: Session, start: StartFacts) -> Budget:
    """Return the budget class of a run: the lowest of those that apply.

    They are what the command line and the recipe declare; `reduced` unless the settings are published ones, the batch
    isn't multiplied by several processes and the weights don't come from a checkpoint of another run; and `smoke` where
    batches are limited.

    Args:
        session: The parsed and built command.
        start: What the weights begin with, as far as that is known before training.
    """
    config = session.config
    declared = [session.recipe["budget"]] if "budget" in session.recipe else []
    declared += [config.budget] if has(session.args, "--budget") else []
    published = session.trainer.world_size == 1 and start.kind != "weights" and has_published_settings(session)
    ranks = [BUDGETS.index(one) for one in declared]
    ranks += [] if published else [BUDGETS.index("reduced")]
    ranks += [BUDGETS.index("smoke")] if is_limited(config) else []
    return BUDGETS[max(ranks, default=0)]


def has_published_settings(session: ParsedSession) -> bool:
    """Check whether nothing that could change a number differs from a recipe with published settings.

    Where polybench has recipes with published settings for the task, net and dataset, they alone say what is published,
    however the configuration was put together. Elsewhere the files of the command that declare `budget: published` do,
    each with its bases and nothing else.
    """
    plain = session.plain_config()
    own = config_id(plain)
    recipes = published_like(plain) or session.published
    parsed = (session.parsed(recipe) for recipe in recipes)
    return any(one is not None and config_id(session.plain_config(one)) == own for one in parsed)


def is_limited(config: Any, subsets: Sequence[str] = ("train", "val", "test")) -> bool:
    """Check whether a run uses only a part of the batches of some subset."""
    limits = [config.trainer.get(f"limit_{subset}_batches") for subset in subsets]
    return any(limit not in WHOLE or type(limit) is int for limit in limits) or bool(config.trainer.overfit_batches)


def refuse_partial_test(config: Any) -> None:
    """Refuse a run whose final test leaves images out, so that it could get no record.

    Raises:
        ConfigError: If an option limits the test.
    """
    limit = config.trainer.limit_test_batches
    if limit not in WHOLE or type(limit) is int:
        raise ConfigError(
            f"--trainer.limit_test_batches {limit} limits the test, and a record is of all test images: leave it out "
            "(a try with --no_leaderboard may have it)."
        )


def refuse_unrecordable(config: Any) -> None:
    """Refuse a run that would leave no record where one is needed.

    Raises:
        ConfigError: If no record is to be written, or could be.
    """
    refuse_partial_test(config)
    if config.no_leaderboard or config.trainer.fast_dev_run:
        raise ConfigError("A run of a plan needs its record: leave out no_leaderboard and trainer.fast_dev_run.")

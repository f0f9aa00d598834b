"""The budget class of a run: `published` with the settings of a recipe that has a paper's, `reduced`, or `smoke`."""

from collections.abc import Sequence
from typing import Any

from polybench.core.errors import ConfigError
from polybench.experiments.identity import config_id
from polybench.experiments.session import Session
from polybench.results.facts import StartFacts
from polybench.results.record import Budget
from polybench.results.table import BUDGETS

WHOLE = (None, 1.0)
"""Values of `limit_*_batches` that limit nothing; the integer 1 is one batch."""


def budget_class(session: Session, start: StartFacts) -> Budget:
    """The budget class that holds.

    It is the lowest of what was declared on the command line, what the recipe's files declare, `reduced` where anything
    that could move a number differs from those files (also the batch, which several processes multiply, and the start,
    which a checkpoint of another run changes), and `smoke` where batches were limited.

    Args:
        session: The parsed and built command.
        start: What the weights begin with, as far as that is known before training.
    """
    config = session.config
    recipe = session.recipe_alone()
    changed = (
        recipe is None
        or config_id(session.plain_config(recipe)) != config_id(session.plain_config())
        or session.trainer.world_size > 1
        or start.kind == "weights"
    )
    ranks = [BUDGETS.index(config.budget), BUDGETS.index("reduced") if changed else 0]
    ranks += [BUDGETS.index(recipe.budget)] if recipe is not None else []
    ranks += [BUDGETS.index("smoke")] if is_limited(config) else []
    return BUDGETS[max(ranks)]


def is_limited(config: Any, subsets: Sequence[str] = ("train", "val", "test")) -> bool:
    """Whether a run takes only a part of the batches of some subset."""
    limits = [config.trainer.get(f"limit_{subset}_batches") for subset in subsets]
    return any(limit not in WHOLE or type(limit) is int for limit in limits) or bool(config.trainer.overfit_batches)


def refuse_unrecordable(config: Any) -> None:
    """Refuse a run that leaves no record where one is needed.

    Raises:
        ConfigError: If no record is to be written.
    """
    if config.no_leaderboard or config.trainer.fast_dev_run:
        raise ConfigError("A run of a plan needs its record: leave out no_leaderboard and trainer.fast_dev_run.")

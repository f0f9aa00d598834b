"""Choose a value on validation before a run: train each for a share of the budget, take the best, say what it cost.

The probes lie in `choice/` of the run's folder, each in one of its own, and `choice.json` beside them has what is
known: a run that was interrupted trains no finished probe again, and goes on within one that isn't.
"""

import json
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polybench.callbacks.selection import selection_of
from polybench.core.atomic import atomic_write_text
from polybench.core.disk import make_folder, writing
from polybench.core.errors import ConfigError, DivergedError
from polybench.experiments.argv import options_of
from polybench.experiments.checkpoints import CHOICE
from polybench.experiments.image_budget import length_of
from polybench.experiments.run_folder import Part
from polybench.experiments.session import Session
from polybench.results.sections import Column, Section
from polybench.tasks.checkpoint import LAST

OF_THE_RUN = ("--images", "--choose", "--ckpt_path", "--checkpoint.dirpath", "--leaderboard", "--no_leaderboard")
"""Options that a probe doesn't share with its run."""

GROUPS_OF_THE_RUN = ("--choose.", "--trainer.default_root_dir", "--trainer.logger")
"""Beginnings of further ones."""

Train = Callable[[Session], None]
"""Trains a session from where it is to begin, or to go on."""


@dataclass(frozen=True)
class Outcome:
    """How a value did.

    Attributes:
        value: The value.
        score: The best validation; None where the training diverged.
        images: Images that went through the net.
        seconds: Wall time of the training.
    """

    value: float
    score: float | None
    images: int
    seconds: float


@dataclass(frozen=True)
class Chosen:
    """A choice that was made.

    Attributes:
        option: The option.
        outcomes: The values, the smallest first.
        monitor: What was compared.
        mode: Whether the largest (`max`) or the smallest (`min`) is best.
    """

    option: str
    outcomes: tuple[Outcome, ...]
    monitor: str
    mode: str

    @property
    def best(self) -> Outcome:
        """The value with the best validation, the smaller of equal ones.

        Raises:
            DivergedError: If all diverged.
        """
        sign = 1 if self.mode == "max" else -1
        scored = [(sign * one.score, -one.value, one) for one in self.outcomes if one.score is not None]
        if not scored:
            values = ", ".join(str(one.value) for one in self.outcomes)
            raise DivergedError(
                f"The training diverged with every {self.option} of choose.values, {values}: give smaller ones, or "
                "clip gradients with --trainer.gradient_clip_val 1."
            )
        return max(scored, key=lambda entry: entry[:2])[2]

    @property
    def images(self) -> int:
        """Images that the choice took."""
        return sum(one.images for one in self.outcomes)

    def sentence(self, of_the_run: int) -> str:
        """What was chosen, and for how many images beside those of the run."""
        found = "; ".join(f"{one.value}: {_shown(one.score)}" for one in self.outcomes)
        return (
            f"choose: {self.option} {self.best.value} by the best {self.monitor} ({found}), for {self.images} images "
            f"beside the {of_the_run} of the run."
        )

    def section(self, of_the_run: int) -> Section:
        """The choice as a record has it."""
        best = self.best
        way: Any = "higher" if self.mode == "max" else "lower"
        columns = (
            Column(key="value", header=self.option, kind="text"),
            Column(key="score", header=f"Best {self.monitor}", direction=way),
            Column(key="chosen", header="Chosen", kind="text"),
            Column(key="images", header="Images", kind="count"),
            Column(key="seconds", header="Training", kind="seconds"),
        )
        rows = [
            {
                "value": str(one.value),
                "score": one.score,
                "chosen": "yes" if one is best else "no",
                "images": one.images,
                "seconds": one.seconds,
            }
            for one in self.outcomes
        ]
        return Section(
            title=f"Choice of {self.option}",
            note="Each value trained a share of the budget; the one with the best validation trained the run.",
            columns=columns,
            rows=tuple(rows),
            facts={
                f"Chosen {self.option}": str(best.value),
                "Images of the choice": f"{self.images}, beside {of_the_run} of the run",
            },
            data={"option": self.option, "chosen": best.value, "monitor": self.monitor, "images": self.images},
        )


def _shown(score: float | None) -> str:
    return "diverged" if score is None else f"{score:.4f}"


def chooses(session: Session) -> bool:
    """Whether a run chooses a value before it trains; a try of a few batches doesn't."""
    return session.config.choose is not None and session.part is None and not session.config.trainer.fast_dev_run


def chosen_part(session: Session, chosen: Chosen) -> Part:
    """What a session of the chosen value has beside the words of its command: the value, and the folder."""
    return Part(session.run_folder, (f"--{chosen.option}={chosen.best.value}",))


def choose(session: Session, train: Train) -> Chosen:
    """Train each value for its share, but for those that were trained before the run was interrupted.

    Args:
        session: The run, described and with its folder locked.
        train: Trains a probe.

    Raises:
        ConfigError: If the folder holds the choice of another run.
        DivergedError: If all values diverge.
    """
    option, folder = session.config.choose.option, session.run_folder / CHOICE.parent
    selection = selection_of(session.trainer)
    key = choice_key(session)
    outcomes = _known(folder, key)
    _keep(session, folder, key, outcomes)
    for value in session.config.choose["values"]:
        if all(one.value != value for one in outcomes):
            place = folder / _folder_name(value)
            outcomes.append(_probe(session, value, place, train))
            _keep(session, folder, key, outcomes)
            if session.trainer.is_global_zero:
                shutil.rmtree(place / "checkpoints", ignore_errors=True)
    outcomes.sort(key=lambda one: one.value)
    return Chosen(option, tuple(outcomes), str(selection.monitor), selection.mode)


def _keep(session: Session, folder: Path, key: Sequence[Any], outcomes: Sequence[Outcome]) -> None:
    """Write down what is known, in the first process."""
    if session.trainer.is_global_zero:
        make_folder(folder)
        content = {"run": list(key), "outcomes": [vars(one) for one in outcomes]}
        with writing(folder / CHOICE.name):
            atomic_write_text(folder / CHOICE.name, json.dumps(content, indent=1) + "\n")


def choice_key(session: Session) -> list[Any]:
    """What a choice belongs to: the run, its length and its processes."""
    return list(session.mark(session.trainer.world_size))


def check_choice(session: Session) -> None:
    """Check that the share of the budget pays for the validations of a probe.

    Raises:
        ConfigError: If it doesn't.
    """
    images, choice = session.config.images, session.config.choose
    wanted = int(images * choice.share)
    batch = session.batch().total
    try:
        length_of(wanted, batch, session.config.validations)
    except ConfigError as error:
        raise ConfigError(f"choose.share {choice.share} of images: {images} is {wanted}, and {error}") from error


def _probe(session: Session, value: float, folder: Path, train: Train) -> Outcome:
    """Train a value."""
    images = int(session.config.images * session.config.choose.share)
    session.note(f"choose: trains {session.config.choose.option} {value} with {images} images.")
    probe = Session("fit", probe_words(session, value, images, folder), Part(folder))
    score = None
    try:
        train(probe)
        best = selection_of(probe.trainer).best_model_score
        score = None if best is None else float(best)
    except DivergedError as error:
        session.note(f"choose: {session.config.choose.option} {value} diverged: {error}")
    return Outcome(value, score, probe.meter.images, round(probe.meter.wall_seconds or probe.meter.elapsed(), 1))


def probe_words(session: Session, value: float, images: int, folder: Path) -> list[str]:
    """The words of a probe's command: those of the run with another length and place, without a record.

    A probe goes on where it was interrupted; else it begins as its run does, also with the weights of another one.
    """
    kept = [word for one in options_of(session.args) if not _of_the_run(one.name) for word in one.words]
    start = session.given_checkpoint
    last = [folder / "checkpoints" / name for name in (f"{LAST}.ckpt", "interrupted.ckpt")]
    newest = max((file for file in last if file.is_file()), key=lambda file: file.stat().st_mtime_ns, default=None)
    if newest is not None:
        start = str(newest)
    elif start is not None and session.resumes(Path(start)):
        start = session.identity.start_path
    return [
        *kept,
        *(f"--{session.config.choose.option}={value}", "--choose=null", f"--images={images}"),
        *("--no_leaderboard", "--trainer.logger=true", "--checkpoint.dirpath=null", f"--ckpt_path={start or 'null'}"),
    ]


def _of_the_run(name: str) -> bool:
    return name.rstrip("+") in OF_THE_RUN or name.startswith(GROUPS_OF_THE_RUN)


def _folder_name(value: float) -> str:
    return re.sub(r"[^\w.+-]", "_", str(value))


def _known(folder: Path, key: Sequence[Any]) -> list[Outcome]:
    """The outcomes that a folder holds.

    Raises:
        ConfigError: If they are of another run, or can't be read.
    """
    file = folder / CHOICE.name
    if not file.is_file():
        return []
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        outcomes = [Outcome(**one) for one in content["outcomes"]]
        same = content["run"] == list(key)
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"'{file}' is not as polybench writes it ({error}): remove the folder '{folder}'.") from error
    if not same:
        raise ConfigError(
            f"'{file}' is the choice of another run: choose another --trainer.default_root_dir, or remove the folder "
            f"'{folder}'."
        )
    return outcomes

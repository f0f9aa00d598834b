"""A cell: one stage of a plan with one seed, in a folder that holds its description and its state."""

import difflib
from dataclasses import dataclass
from pathlib import Path

from polybench.core.atomic import atomic_write_text
from polybench.core.checksum import file_sha256
from polybench.core.errors import ConfigError
from polybench.experiments.again import Again
from polybench.methods.inputs import CHECKPOINT, known_inputs
from polybench.runs.attempt import attempt
from polybench.runs.plan import Plan, Stage, as_word, recipe_text
from polybench.runs.request import Request, is_resumable, noted_in

CELL = "cell.txt"

CHANGED = ("changed", "takes a file of a changed run")
"""States of a cell that the plan doesn't describe as it was started."""


@dataclass(frozen=True)
class Cell:
    """A run of a plan.

    Attributes:
        plan: The plan.
        stage: The stage.
        seed: The seed.
        folder: The run's folder.
        leaderboard: Where its record goes.
    """

    plan: Plan
    stage: Stage
    seed: int
    folder: Path
    leaderboard: Path

    @property
    def name(self) -> str:
        """Stage and seed."""
        return f"{self.stage.name}-s{self.seed}"

    def sources(self) -> dict[str, "Cell"]:
        """Input -> the cell that gives it."""
        return {
            name: _cell(self.plan, source, self.seed, self.folder.parent, self.leaderboard)
            for name, source in self.plan.sources(self.stage).items()
        }

    def needs(self) -> list["Cell"]:
        """The cells that must be finished before it."""
        return list(self.sources().values())

    def input_files(self) -> dict[str, Path]:
        """Input -> the file of another cell that it is."""
        return {name: source.folder / known_inputs()[name].file for name, source in self.sources().items()}

    @property
    def resumable(self) -> bool:
        """Whether it was interrupted, and left a checkpoint to resume from; the selected one alone is none."""
        return is_resumable(self.folder)

    def words(self) -> list[str]:
        """Words of its command line, the command first."""
        request = self.request(None)
        return [request.command, *request.words_in(self.folder)]

    def request(self, again: Again | None) -> Request:
        """What its process runs.

        Args:
            again: The command that runs the whole plan and what it needs, for its record; None for that of the run.
        """
        found = again or Again("", ())
        words = [
            *self.stage.words(self.input_files()),
            *(("--variant", self.stage.variant) if self.stage.variant is not None else ()),
            *("--seed_everything", str(self.seed)),
            *("--trainer.default_root_dir", str(self.folder), "--leaderboard", str(self.leaderboard)),
        ]
        if self.stage.command == "test":
            return Request(
                "test", tuple(words), tuple(words), *found, shared_start=False, leaderboard=str(self.leaderboard)
            )
        option = known_inputs()[CHECKPOINT].options[0]
        places = [place for place, word in enumerate(words) if word == option]
        kept = [word for place, word in enumerate(words) if place not in places and place - 1 not in places]
        return Request("fit", tuple(words), (*kept, option, "last"), *found, self.shared_start, str(self.leaderboard))

    @property
    def shared_start(self) -> bool:
        """Whether all seeds of the stage start from one source: a file, or a stage of one seed."""
        sources = self.plan.sources(self.stage).values()
        return self.stage.seed is None and all(source.seed is not None for source in sources)

    def description(self) -> str:
        """The run as text, a line for each source and each option, then its recipe; equal for equal runs."""
        stage, files = self.stage, self.input_files()
        lines = [f"stage {stage.name}, seed {self.seed}"]
        lines += [f"source sha256 {file_sha256(file)}" for file in files.values()]
        if stage.command == "test":
            lines += [f"{name} {value}" for name, value in stage.inputs.items() if name not in files]
        lines += [f"--{key} {as_word(value)}" for key, value in stage.options.items()]
        if stage.command == "fit":  # by the names of the stages, which hold wherever the plan is run
            words = stage.input_words({})
            lines += [" ".join(pair) for pair in zip(words[::2], words[1::2], strict=True)]
        return "\n".join([*lines, recipe_text(stage.configs)])

    def claim(self) -> None:
        """Write down what the run is; or make sure that the folder holds this very run.

        Raises:
            ConfigError: If it holds another one; the difference is shown.
        """
        before, text = self._claimed(), self.description()
        if before is None:
            atomic_write_text(self.folder / CELL, text)
        elif before != text:
            lines = difflib.unified_diff(
                before.splitlines(), text.splitlines(), "as it was started", "as it is now", lineterm="", n=1
            )
            raise ConfigError(
                f"'{self.folder}' was started as another run: give the plan another name, or remove the folder to "
                "run this stage, and those that take its files, anew.\n" + "\n".join(lines)
            )

    def _claimed(self) -> str | None:
        """The description that the folder holds; None for a new run."""
        path = self.folder / CELL
        if not path.is_file():
            return None
        return path.read_text(encoding="utf-8", errors="replace").replace(
            "\ndonor sha256 ", "\nsource sha256 "
        )  # of earlier versions

    def state(self) -> str:
        """How far the run has come, why its latest attempt failed, or that the plan describes it otherwise by now."""
        before = self._claimed()
        if before is None:
            return "to do"
        if any(source.state() in CHANGED for source in self.needs()):
            return CHANGED[1]
        if all(file.is_file() for file in self.input_files().values()) and before != self.description():
            return CHANGED[0]
        if self.finished() is not None:
            return "finished"
        return attempt(self.folder) or "to do"

    def finished(self) -> Path | None:
        """The record of the finished run; None where it isn't finished, or the record or a file to be taken is gone."""
        if not all((self.folder / file).is_file() for file in self.plan.files_taken(self.stage)):
            return None
        return noted_in(self.folder, self.leaderboard)

    def finish(self) -> Path:
        """The record of the run that has just ended.

        Raises:
            ConfigError: If there is none.
        """
        record = noted_in(self.folder, self.leaderboard)
        if record is None:
            raise ConfigError(f"'{self.folder}' was run, but left no record: see its log.txt for the reason.")
        return record


def cells_of(plan: Plan, root: Path, leaderboard: Path) -> list[Cell]:
    """All runs of a plan: every stage of the first seed, in an order that can be run, then of the next."""
    folder = root / plan.name
    own = (seed for stage in plan.stages.values() for seed in stage.seeds or ())
    seeds = dict.fromkeys([*plan.seeds, *own])
    cells = [
        _cell(plan, stage, seed, folder, leaderboard)
        for seed in seeds
        for stage in plan.stages.values()
        if seed in (plan.seeds if stage.seeds is None else stage.seeds)
    ]
    return list({cell.name: cell for cell in cells}.values())


def _cell(plan: Plan, stage: Stage, seed: int, folder: Path, leaderboard: Path) -> Cell:
    """The run of a stage with a seed of the plan, or with the stage's own."""
    own = seed if stage.seed is None else stage.seed
    return Cell(plan, stage, own, folder / f"{stage.name}-s{own}", leaderboard)

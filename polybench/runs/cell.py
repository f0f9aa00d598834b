"""A cell: one stage of a plan with one seed, in a folder of its own that says what it is and how far it has come."""

import difflib
from dataclasses import dataclass
from pathlib import Path

from polybench.core.atomic import atomic_write_text
from polybench.core.checksum import file_sha256
from polybench.core.errors import ConfigError
from polybench.runs.plan import Plan, Stage, recipe_text
from polybench.runs.request import Request, noted_record

ENCODER = "encoder.safetensors"
BEST = "best.ckpt"
RESUMABLE = ("last.ckpt", "interrupted.ckpt")


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

    @property
    def variant(self) -> str:
        """What its record calls the variation of the recipe: plan and stage."""
        return f"{self.plan.name}-{self.stage.name}"

    @property
    def encoder(self) -> Path:
        """The backbone that it leaves."""
        return self.folder / "checkpoints" / ENCODER

    @property
    def best(self) -> Path:
        """The checkpoint that validation chose."""
        return self.folder / "checkpoints" / BEST

    def needs(self) -> list["Cell"]:
        """The cells that must be finished before it."""
        return [
            _cell(self.plan, parent, self.seed, self.folder.parent, self.leaderboard)
            for parent in self.plan.parents(self.stage)
        ]

    def donors(self) -> dict[str, Path]:
        """Stage -> the file of it that this run starts from: its backbone, or its checkpoint where it is refined."""
        return {cell.stage.name: cell.encoder if self.stage.classifier is None else cell.best for cell in self.needs()}

    @property
    def goes_on(self) -> bool:
        """Whether it was interrupted, and left a checkpoint to go on from; the selected one alone is none."""
        return any((self.folder / "checkpoints" / name).is_file() for name in RESUMABLE)

    def words(self) -> list[str]:
        """The words of its command: `fit`, to go on where it was interrupted, or `test` for a stage that refines."""
        request = self.request("")
        return [request.command, *request.words]

    def request(self, again: str) -> Request:
        """What its process runs.

        Args:
            again: The command that runs the whole plan, for its record.
        """
        words = [
            *self.stage.words(),
            *("--variant", self.variant, "--seed_everything", str(self.seed)),
            *("--trainer.default_root_dir", str(self.folder), "--leaderboard", str(self.leaderboard)),
        ]
        donors = self.donors()
        if self.stage.classifier is not None:
            tested, classifier = donors.values()
            words += ["--ckpt_path", str(tested), "--refine", str(classifier)]
            return Request("test", tuple(words), again, shared_start=False)
        if self.stage.source in donors:
            words += ["--trainer.callbacks.source", str(donors[self.stage.source])]
        words += ["--ckpt_path", "last"] if self.goes_on else []
        return Request("fit", tuple(words), again, self.shared_start)

    @property
    def shared_start(self) -> bool:
        """Whether all seeds of the stage begin with one source: a file, or a stage of one seed."""
        parents = self.plan.parents(self.stage)
        return self.stage.seed is None and (not parents or parents[0].seed is not None)

    def description(self) -> str:
        """What the run is, a line for each of its words, then its recipe; equal for equal runs."""
        words = self.stage.words()
        start = [f"donor sha256 {file_sha256(donor)}" for donor in self.donors().values()]
        options = [" ".join(pair) for pair in zip(words[2::2], words[3::2], strict=True)]
        return "\n".join(
            [f"stage {self.stage.name}, seed {self.seed}", *start, *options, recipe_text(self.stage.recipe)]
        )

    def claim(self) -> None:
        """Write down what the run is; or make sure that the folder holds this very run.

        Raises:
            ConfigError: If it holds another one; the difference is shown.
        """
        path, text = self.folder / "cell.txt", self.description()
        if not path.is_file():
            atomic_write_text(path, text)
            return
        before = path.read_text(encoding="utf-8")
        if before != text:
            lines = difflib.unified_diff(
                before.splitlines(), text.splitlines(), "as it was started", "as it is now", lineterm="", n=1
            )
            raise ConfigError(
                f"'{self.folder}' was started as another run: give the plan another name, or remove the folder to "
                "run this stage, and those that start from it, anew.\n" + "\n".join(lines)
            )

    def finished(self) -> Path | None:
        """The record of the finished run; None where it is not finished, or its record is gone."""
        if self.stage.classifier is None and not self.encoder.is_file():
            return None
        return noted_record(self.folder)

    def finish(self) -> Path:
        """The record of the run that has just ended.

        Raises:
            ConfigError: If there is none.
        """
        record = noted_record(self.folder)
        if record is None:
            raise ConfigError(f"'{self.folder}' was run, but left no record: see its log.txt for the reason.")
        return record


def cells_of(plan: Plan, root: Path, leaderboard: Path) -> list[Cell]:
    """All runs of a plan: every stage of the first seed, in an order that can be run, then of the next."""
    folder = root / plan.name
    cells = [_cell(plan, stage, seed, folder, leaderboard) for seed in plan.seeds for stage in plan.stages.values()]
    return list({cell.name: cell for cell in cells}.values())


def _cell(plan: Plan, stage: Stage, seed: int, folder: Path, leaderboard: Path) -> Cell:
    """The run of a stage with a seed of the plan, or with the stage's own."""
    own = seed if stage.seed is None else stage.seed
    return Cell(plan, stage, own, folder / f"{stage.name}-s{own}", leaderboard)

"""A cell: one stage of a plan with one seed, in a folder of its own that says what it is and how far it has come."""

import difflib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from polybench.atomic import atomic_write_text
from polybench.checksum import file_sha256
from polybench.environment import COMMAND, STAGES
from polybench.errors import ConfigError
from polybench.results.facts import Ancestor
from polybench.results.record import Record
from polybench.runs.plan import Plan, Stage, recipe_text

ENCODER = "encoder.safetensors"
BEST = "best.ckpt"


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
        """Whether it was interrupted, and left a checkpoint."""
        return any((self.folder / "checkpoints").glob("*.ckpt"))

    def words(self) -> list[str]:
        """The words of its command: `fit`, to go on where it was interrupted, or `test` for a stage that refines."""
        words = [
            *self.stage.words(),
            *("--variant", self.variant, "--seed_everything", str(self.seed)),
            *("--trainer.default_root_dir", str(self.folder), "--leaderboard", str(self.leaderboard)),
        ]
        if self.stage.classifier is not None:
            tested, classifier = self.donors().values()
            return ["test", *words, "--ckpt_path", str(tested), "--refine", str(classifier)]
        return ["fit", *words, *(("--ckpt_path", "last") if self.goes_on else ())]

    def environment(self, command: str) -> dict[str, str]:
        """What the run must know of the others.

        Args:
            command: The command that runs the whole plan.
        """
        return {STAGES: json.dumps({name: str(path) for name, path in self.donors().items()}), COMMAND: command}

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
        """The record of the finished run; None where it is not finished, or its record is gone.

        A run that ended after whoever had started it was killed is finished too: its record is there.
        """
        path = self.folder / "done.json"
        if self.stage.classifier is None and not self.encoder.is_file():
            return None
        if path.is_file():
            record = Path(json.loads(path.read_text(encoding="utf-8"))["record"])
            return record if record.is_file() else None
        return self._settle() if (self.folder / "cell.txt").is_file() else None

    def finish(self) -> Path:
        """Write down that the run is finished, and where its record is.

        Raises:
            ConfigError: If there is no record.
        """
        record = self._settle()
        if record is None:
            raise ConfigError(f"'{self.folder}' was run, but left no record: see its log.txt for the reason.")
        return record

    def _settle(self) -> Path | None:
        """Look for the run's record, and write down where it is; None where there is none."""
        record = max(self._records(), key=lambda path: path.stat().st_mtime, default=None)
        if record is not None:
            atomic_write_text(self.folder / "done.json", json.dumps({"record": str(record.resolve())}) + "\n")
        return record

    def _records(self) -> list[Path]:
        """Records of this run: of its name and seed, and of the checkpoints that it tested."""
        files = [self.best] if self.stage.classifier is None else [*self.donors().values()]
        if not all(file.is_file() for file in files):
            return []
        tested, *classifiers = [file_sha256(file) for file in files]
        ending = re.compile(rf".*-{re.escape(self.variant)}-[0-9a-f]{{8}}-s{self.seed}(-r[1-9][0-9]*)?")
        found = [path for path in self.leaderboard.glob("records/*/*.json") if ending.fullmatch(path.stem)]
        records = {path: Record.from_json(path.read_text(encoding="utf-8"), path) for path in found}
        return [
            path
            for path, record in records.items()
            if record.provenance.checkpoint_sha256 == tested
            and [one.sha256 for one in _classifiers(record)] == classifiers
        ]


def _classifiers(record: Record) -> list[Ancestor]:
    return [record.refinement.classifier] if record.refinement is not None else []


def cells_of(plan: Plan, root: Path, leaderboard: Path) -> list[Cell]:
    """All runs of a plan: every stage of the first seed, in an order that can be run, then of the next."""
    folder = root / plan.name
    cells = [_cell(plan, stage, seed, folder, leaderboard) for seed in plan.seeds for stage in plan.stages.values()]
    return list({cell.name: cell for cell in cells}.values())


def _cell(plan: Plan, stage: Stage, seed: int, folder: Path, leaderboard: Path) -> Cell:
    """The run of a stage with a seed of the plan, or with the stage's own."""
    own = seed if stage.seed is None else stage.seed
    return Cell(plan, stage, own, folder / f"{stage.name}-s{own}", leaderboard)

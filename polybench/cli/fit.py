"""`polybench fit`: train, test the best checkpoint, write the record, the page and the pictures, print the table."""

import sys
from pathlib import Path

from lightning.pytorch.utilities.exceptions import SIGTERMException

from polybench.cli.report import print_scores, print_section
from polybench.core.errors import SIGTERM_EXIT_CODE
from polybench.core.place import is_first
from polybench.experiments.checkpoints import CHOICE
from polybench.experiments.fit import fit
from polybench.experiments.run_folder import current_run_folder
from polybench.experiments.session import Session
from polybench.experiments.set_scores import set_sections
from polybench.metrics import Rows
from polybench.results.facts import DatasetFacts
from polybench.tasks.checkpoint import LAST


def main(args: list[str]) -> int:
    """Run the command and return its exit code."""

    def show(session: Session, rows: Rows, data: DatasetFacts) -> None:
        print_scores(session.config.name, data, rows, session.baselines.rows, session.model.protocols)
        for section in set_sections(session.datamodule, rows).values():
            print_section(section)
        if session.previews.paths:
            print(f"Pictures of the worst images: {session.previews.paths[0].parent}")

    try:
        fitted = fit(args, show=show)
    except SIGTERMException:
        return SIGTERM_EXIT_CODE
    except KeyboardInterrupt:
        folder = current_run_folder()
        begun = (Path("checkpoints", f"{LAST}.ckpt"), CHOICE)
        if is_first() and folder is not None and any((folder / file).exists() for file in begun):
            print("Interrupted: the same command with --ckpt_path last resumes the run.", file=sys.stderr)
        raise
    if not fitted.session.trainer.is_global_zero:
        return 0
    if fitted.path is None:
        print(f"No record: {fitted.reason}.")
        if fitted.checkpoint is not None:
            print(f"Checkpoint: {fitted.checkpoint}")
    else:
        page = Path(fitted.session.config.leaderboard) / f"{fitted.session.datamodule.short_name}.md"
        print(f"Checkpoint: {fitted.checkpoint}\nRecord: {fitted.path}\nPage: {page}")
    return 0

"""`polybench test`: evaluate a checkpoint on the test subset: table, pictures and per-image rows.

Where a method changes the predictions, both are compared.
"""

from lightning.pytorch.utilities.exceptions import SIGTERMException

from polybench.cli.report import print_scores, print_section
from polybench.core.errors import SIGTERM_EXIT_CODE
from polybench.experiments.evaluate import Changed, run_test
from polybench.experiments.provenance import device_name
from polybench.experiments.session import Session
from polybench.experiments.set_scores import set_sections
from polybench.metrics import Rows


def main(args: list[str]) -> int:
    """Run the command and return its exit code."""

    def show(session: Session, rows: Rows) -> None:
        data = session.datamodule.facts()
        print_scores(session.config.name, data, rows, session.baselines.rows, session.model.protocols)
        for section in set_sections(session.datamodule, rows).values():
            print_section(section)
        if session.previews.paths:
            print(f"Pictures of the worst images: {session.previews.paths[0].parent}")

    try:
        tested = run_test(args, show=show)
    except SIGTERMException:
        return SIGTERM_EXIT_CODE
    if tested.rows is None:
        return 0
    print(f"Row of each image: {tested.rows_file}")
    if tested.changed is not None:
        _print_changed(tested.session, tested.changed)
    return 0


def _print_changed(session: Session, changed: Changed) -> None:
    """Print how a method changed the predictions, and where that is written."""
    print_section(changed.section)
    for sentence in changed.by.remarks(device_name(session.trainer.strategy.root_device)):
        print(sentence)
    print(f"Row of each image, {changed.by.label}: {changed.rows_file}\nTable of the method: {changed.file}")
    if changed.record is not None:
        page = f"{session.config.leaderboard}/{changed.record.dataset.name}.md"
        print(f"Record: {changed.path}\nPage: {page}")

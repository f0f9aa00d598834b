"""`polybench test`: evaluate a checkpoint on the test subset: table, pictures and per-image rows.

Where a method changes the predictions, both are compared.
"""

from lightning.pytorch.utilities.exceptions import SIGTERMException

from polybench.cli.report import print_scores, print_section
from polybench.core.errors import SIGTERM_EXIT_CODE
from polybench.experiments.evaluate import Changed, Evaluated, run_test
from polybench.experiments.other_test import OPTION, run_other_test
from polybench.experiments.provenance import device_name
from polybench.experiments.session import Session
from polybench.experiments.set_scores import set_sections
from polybench.metrics import Rows
from polybench.results.record import read_record
from polybench.results.render.terminal import print_table


def main(args: list[str]) -> int:
    """Run the command and return its exit code."""
    asks_for_help = not {"-h", "--help"}.isdisjoint(args)
    on_others = any(word == OPTION or word.startswith(f"{OPTION}=") for word in args) and not asks_for_help
    try:
        if on_others:
            _test_on_others(args)
        else:
            _print_tested(run_test(args, show=_show))
    except SIGTERMException:
        return SIGTERM_EXIT_CODE
    return 0


def _show(session: Session, rows: Rows) -> None:
    """Print the numbers of a test."""
    data = session.datamodule.facts()
    print_scores(session.config.name, data, rows, session.baselines.rows, session.model.protocols)
    for section in set_sections(session.datamodule, rows).values():
        print_section(section)
    if session.previews.paths:
        print(f"Pictures of the worst images: {session.previews.paths[0].parent}")


def _print_tested(tested: Evaluated) -> None:
    if tested.rows is None:
        return
    print(f"Row of each image: {tested.rows_file}")
    if tested.changed is not None:
        _print_changed(tested.session, tested.changed)


def _test_on_others(args: list[str]) -> None:
    """Test on each dataset of `--on`, and print what is known of the same images."""
    from polybench.results.compare.tables import pairs_table
    from polybench.results.compare.trained_here import beside_those_trained_here
    from polybench.runs.other_tests import prepare_others

    for test in prepare_others(args):
        tested, path = run_other_test(test, show=_show)
        _print_tested(tested)
        if path is None:
            continue
        for section in read_record(path).record.sections.values():
            print_section(section)
        compared = beside_those_trained_here(path)
        if compared is None:
            print("No row of this net was trained there with the same budget, so that nothing is paired.")
        else:
            print_table(pairs_table(compared))
        print(f"Record: {path}\nPage: {path.parents[2] / path.parent.name}.md")


def _print_changed(session: Session, changed: Changed) -> None:
    """Print how a method changed the predictions, and where that is written."""
    print_section(changed.section)
    for sentence in changed.by.remarks(device_name(session.trainer.strategy.root_device)):
        print(sentence)
    print(f"Row of each image, {changed.by.label}: {changed.rows_file}\nTable of the method: {changed.file}")
    if changed.record is not None:
        page = f"{session.config.leaderboard}/{changed.record.dataset.name}.md"
        print(f"Record: {changed.path}\nPage: {page}")

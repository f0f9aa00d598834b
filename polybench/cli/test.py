"""`polybench test`: evaluate a checkpoint on the test subset: table, pictures and per-image rows.

With `--refine` the same predictions are refined by a classifier of patches and compared with what they were.
"""

from collections.abc import Mapping

from lightning.pytorch.utilities.exceptions import SIGTERMException

from polybench.cli.report import log_tables, print_refinement, print_scores
from polybench.core.errors import SIGTERM_EXIT_CODE
from polybench.experiments.evaluate import Evaluated, run_test
from polybench.experiments.provenance import device_name
from polybench.experiments.refinement import Refinement, shown_protocols
from polybench.experiments.scores import protocol_scores
from polybench.experiments.session import Session
from polybench.metrics import Rows
from polybench.results.facts import ProtocolScores, RefinementFacts


def main(args: list[str]) -> int:
    """Run the command and return its exit code."""
    scores: dict[str, dict[str, ProtocolScores]] = {}

    def show(session: Session, rows: Rows) -> None:
        data = session.datamodule.facts()
        scores.update(print_scores(session.config.name, data, rows, session.baselines.rows, session.model.protocols))
        if session.previews.paths:
            print(f"Pictures of the worst images: {session.previews.paths[0].parent}")

    try:
        tested = run_test(args, show=show)
    except SIGTERMException:
        return SIGTERM_EXIT_CODE
    if tested.rows is None:
        return 0
    print(f"Row of each image: {tested.table}")
    if tested.refinement is not None and tested.facts is not None:
        _print_refinement(tested, tested.refinement, tested.facts)
        recorded: Mapping[str, ProtocolScores] = tested.record.metrics if tested.record else {}
        for protocol in (one for one in tested.session.model.protocols if one.key in scores):
            known = recorded.get(protocol.key)
            scores[protocol.key]["refined"] = known or protocol_scores(tested.refinement.refined, protocol)
    log_tables(tested.session.trainer, scores)
    return 0


def _print_refinement(tested: Evaluated, refinement: Refinement, facts: RefinementFacts) -> None:
    """Print what the refinement has changed, and where that is written."""
    data = tested.session.datamodule
    refined = {one.key: one.scores(refinement.refined) for one in shown_protocols(data.ranked_by)}
    where = (
        f"batches of {data.eval_batch_size} segmented, of at most {refinement.refiner.batch_size} regions of "
        f"an image classified, on {device_name(tested.session.trainer.strategy.root_device)}"
    )
    print_refinement(facts, refined, refinement.callback.choice, where)
    print(f"Row of each refined image: {tested.refined_table}")
    print(f"Region by region: {tested.regions}")
    if tested.record is not None:
        page = f"{tested.session.config.leaderboard}/{tested.record.dataset.name}.md"
        print(f"Record: {tested.path}\nPage: {page}")

"""What `polybench score` prints, and the files that its options name."""

import json
from argparse import Namespace
from typing import Any

from polybench.cli.panel import print_panel
from polybench.core.atomic import atomic_write_text
from polybench.metrics.panel import empty_masks, image_table, panel
from polybench.results.derived.cells import strata_table
from polybench.results.readings import title
from polybench.results.render.terminal import print_table
from polybench.scoring.report import Scored, content_of, intervals_of, strata_of


def report(options: Namespace, scored: Scored) -> None:
    """Print the table, and write the files that were asked for.

    Args:
        options: Those of the command line.
        scored: What was scored.
    """
    rows, protocols = scored.rows, scored.truth.protocols
    numbers, intervals, strata = panel(rows, protocols), intervals_of(scored), strata_of(scored)
    empty, false_positives = empty_masks(rows)
    resized = f", {scored.resized} prediction(s) resized" if options.resize else ""
    resized += f", {len(scored.missing)} of them without a prediction" if scored.missing else ""
    print_panel(f"{len(rows.ids)} images of {scored.truth.title}{resized}", numbers, intervals, protocols)
    print("For fanet, efen and sweep's numbers at network size, a prediction's own size stands for the network's.")
    if empty:
        print(f"{empty} of {len(rows.ids)} masks are empty; something was predicted in {false_positives} of them.")
    for one in strata:
        heading = f"{title(one.metric)} of {one.protocol} by {options.by.name}"
        print_table(strata_table(heading, title(one.metric), one.found, one.direction))
    against = {} if options.against is None else {"against": _compare(options, scored)}
    if options.json is not None:
        content = content_of(options, scored, numbers, intervals, strata) | against
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
        atomic_write_text(options.json, text + "\n", follow=True)
    if options.csv is not None:
        table = image_table(rows, protocols)
        if scored.classes is not None:
            table[f"by/{options.by.name}"] = [scored.classes.labels[image_id] for image_id in rows.ids]
        text = table.to_csv(index=False, float_format="%.6g", lineterminator="\n")
        atomic_write_text(options.csv, text, follow=True)


def _compare(options: Namespace, scored: Scored) -> dict[str, Any]:
    """Print the paired differences from every row that was tested on the same images, and return them.

    Raises:
        DataError: If there is none.
    """
    from polybench.results.compare.compared import compare  # with scipy, which scores alone can do without
    from polybench.results.compare.numbers import content_of_comparison
    from polybench.results.compare.rows import Rows, own_row
    from polybench.results.compare.tables import pairs_table, row_table

    identity = scored.truth.identify()
    own = own_row(options.pred.resolve().name, image_table(scored.rows, scored.truth.protocols))
    rows = Rows(options.against, identity["dataset"]).of_images(scored.rows.ids, identity["manifest_sha256"])
    found = compare([own, *rows], scored.truth.ranked_by.key, against=own.name)
    print_table(row_table(found))
    print_table(pairs_table(found))
    return content_of_comparison(found)

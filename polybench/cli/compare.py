"""`polybench compare`: rows of the leaderboards, or anyone's scores, in pairs on the same images."""

import shlex
from pathlib import Path

from polybench.cli.parser import Parser
from polybench.core.errors import ConfigError
from polybench.experiments.outputs import refuse_unwritable
from polybench.results.derived.user_table import labels_of, table_column

DESCRIPTION = (
    "Compare rows of the leaderboards image by image: paired differences with 95 % intervals, p after Holm's "
    "correction, tie groups, and the images that differ most. ROW is a recipe (unet_lite0_kvasir_seg), one with its "
    "variant (unet_lite0_kvasir_seg-random), a row id (3836119a), a run (unet_lite0_kvasir_seg-3836119a-s0), or a "
    "table that polybench score --csv wrote (own.csv)."
)


def main(args: list[str]) -> int:
    """Run the command and return the exit code, 0.

    Args:
        args: The arguments after `polybench compare`.

    Raises:
        UserError: For an unknown row, metric or option, or rows that can't be compared.
    """
    parser = Parser("polybench compare", DESCRIPTION)
    parser.add_argument("rows", nargs="+", metavar="ROW", help="two rows or more")
    parser.add_argument("--against", metavar="ROW", help="compare all others with this row, instead of every two")
    parser.add_argument("--dataset", metavar="NAME", help="look rows up among those of this dataset")
    parser.add_argument("--split", metavar="NAME", help="look rows up among those of this split")
    parser.add_argument("--protocol", metavar="NAME", help="protocol of the scores (that which ranks the dataset)")
    parser.add_argument("--metric", metavar="NAME", help="metric of the protocol (its headline)")
    parser.add_argument(
        "--by",
        type=table_column,
        metavar="TABLE.csv:COLUMN",
        help="also give the scores by the classes of a column of a CSV that has the image ids in a column 'id'",
    )
    parser.add_leaderboard()
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="write Markdown, CSV, LaTeX and a picture of the scores here"
    )
    options = parser.parse_args(args)
    if options.output is not None:
        if options.output.exists() and not options.output.is_dir():
            raise ConfigError(f"--output '{options.output}' is a file: name a folder.")
        refuse_unwritable(options.output / "comparison.md", "--output")

    from polybench.results.compare.compared import compare  # pandas and scipy, which --help can do without
    from polybench.results.compare.rows import Rows, distinct_names
    from polybench.results.compare.tables import class_tables, image_table, pairs_table, row_table
    from polybench.results.render.terminal import print_table

    names = list(dict.fromkeys([*options.rows, *([options.against] if options.against else [])]))
    known = Rows(options.root, options.dataset, options.split, names)
    rows = dict(zip(names, distinct_names([known.named(name) for name in names]), strict=True))
    against = rows[options.against].name if options.against else None
    found = compare(list(rows.values()), options.protocol, options.metric, against)
    classes = [] if options.by is None else class_tables(found, options.by.name, labels_of(options.by, found.ids))
    images = [image_table(found)] if found.scores.each_image else []
    for table in (row_table(found), pairs_table(found), *images, *classes):
        print_table(table)
    if options.output is not None:
        from polybench.results.compare.files import write_files

        for path in write_files(found, options.output, shlex.join(["polybench", "compare", *args]), classes):
            print(path)
    return 0

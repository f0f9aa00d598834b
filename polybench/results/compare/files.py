"""A comparison as files: Markdown, CSV, LaTeX and a picture."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from polybench.core.atomic import atomic_write_text, atomic_writer
from polybench.results.compare.compared import Compared
from polybench.results.compare.numbers import PAIR_FIELDS, pair_numbers
from polybench.results.compare.picture import draw
from polybench.results.compare.tables import heading, image_table, pairs_table, row_table
from polybench.results.render import csv, latex, markdown
from polybench.results.tables import Table

PICTURE = "comparison.png"

NOTE = """\
Rows are compared image by image. The 95 % interval of a difference is a bootstrap over groups of images, the same draws
for all rows, and over the seeds of a row that has several, widened for few groups. p is that of a permutation test that
flips the signs of whole groups, for the trained nets as they are; p (Holm) is corrected for the number of pairs. Two
rows are told apart where p (Holm) is below .05 and the interval excludes 0: the interval draws seeds too, p does not.
The first tie group holds the best row and all that can't be told apart from it. Superiority is the share of images on
which the first row is better, equal ones counted as half."""


def write_files(found: Compared, folder: Path, command: str, classes: Sequence[Table] = ()) -> list[Path]:
    """Write `comparison.md`, `.csv` (the pairs, unrounded), `.tex` and `.png`, and `images.csv`, each image's scores.

    Args:
        found: The comparison.
        folder: Where they go; made where it is missing.
        command: The command that gets them again.
        classes: Tables of scores by classes of images, for the Markdown.

    Raises:
        OSError: If a file can't be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        "comparison.md": markdown_text(found, command, classes),
        "comparison.csv": pd.DataFrame(pair_numbers(found), columns=PAIR_FIELDS).to_csv(
            index=False, lineterminator="\n"
        ),
        "comparison.tex": "\n".join(map(latex.table_text, (row_table(found, bold=True), pairs_table(found)))),
    }
    if found.scores.each_image:
        texts["images.csv"] = csv.table_text(image_table(found, every=True))
    paths = [folder / name for name in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        atomic_write_text(path, text)
    if found.scores.each_image:
        paths.append(folder / PICTURE)
        with atomic_writer(paths[-1]) as file:
            draw(found).savefig(file, format="png", dpi=110)
    return paths


def markdown_text(found: Compared, command: str, classes: Sequence[Table] = ()) -> str:
    """The comparison as Markdown.

    Args:
        found: The comparison.
        command: The command that gets it again.
        classes: Tables of scores by classes of images.
    """
    notes = [f"- {markdown.inline(note)}" for note in found.notes]
    images: list[str] = []
    if found.scores.each_image:
        differing = image_table(found)
        images += [f"## {differing.title}", "", markdown.table_text(differing)]
        images += [f"![Scores of each {found.one}]({PICTURE})", ""]
    lines = [
        *(f"# {markdown.text(heading(found))}", "", markdown.table_text(row_table(found)), *notes, ""),
        *("## Paired differences", "", markdown.table_text(pairs_table(found)), NOTE, ""),
        *images,
        *(line for one in classes for line in (f"## {markdown.text(one.title)}", "", markdown.table_text(one))),
        *("```sh", markdown.command(command), "```", ""),
    ]
    return "\n".join(lines)

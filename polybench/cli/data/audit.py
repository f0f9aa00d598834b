"""`polybench data audit`: which images of a dataset resemble each other, and what that means for its splits."""

from pathlib import Path
from typing import TYPE_CHECKING

from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from polybench.cli.data.modules import add_copy_arguments, lists_of, open_copy
from polybench.cli.parser import Parser
from polybench.core.wording import counted

if TYPE_CHECKING:
    from polybench.curation.audit import AuditReport

REPORTS = Path("leaderboards") / "audits"


def main(args: list[str]) -> int:
    """Search a copy, write the report and the pictures, print what leaks.

    Args:
        args: The arguments after `polybench data audit`.

    Returns:
        The exit code, 0.

    Raises:
        UserError: If there is no such dataset, split or copy.
    """
    parser = Parser(
        "polybench data audit",
        "Find images that are the same, nearly the same or show the same scene, and count how many images of each "
        "split's test and validation part have such a partner in its training part.",
    )
    add_copy_arguments(parser, split="audit this split alone: a name, or the path of a CSV (default: all of them)")
    parser.add_argument(
        "--out",
        type=Path,
        help=f"folder of the report: page, JSON and CSV, which hold no image (default: {REPORTS}, but for generated "
        "images that of the pictures)",
    )
    parser.add_argument(
        "--pictures",
        type=Path,
        default=Path("runs") / "audits",
        help="folder of the pictures of the worst pairs, which show the dataset's images (%(default)s)",
    )
    options = parser.parse_args(args)

    from polybench.curation.audit import audit_copy
    from polybench.curation.audit_report import write_pictures, write_report
    from polybench.data.listing import left_out_words
    from polybench.data.splits import join
    from polybench.data.unread import left_out_beside

    data = open_copy(options.name, options.root, options.split, options.bits)
    splits = lists_of(data, options.split)
    report = audit_copy(data, splits)
    problems = list(data.problems)
    pages = write_report(report, options.out or (options.pictures if data.is_generated() else REPORTS))
    sources = {source.id: source for source in data.with_split(join(splits)).sources()}
    pictures = write_pictures(
        report, lambda image_id: data.decode(sources[image_id]).image, options.pictures / data.short_name
    )
    _show(report)
    for problem in problems:
        print(f"left out: {problem}")
    if rest := left_out_words(left_out_beside(list(sources.values()), data.unread_official)):
        print(f"left out beside the images: {rest}")
    print("\n".join(f"written: {path}" for path in [*pages, *pictures]))
    return 0


def _show(report: "AuditReport") -> None:
    from polybench.curation.audit_report import absent_subsets

    titles = ("subset", "images", "exact", "near", "scene", "group")
    table = Table(Column("split", overflow="fold"), *(Column(title, no_wrap=True) for title in titles), box=SIMPLE)
    for split in report.splits:
        for leak in split.result.leaks:
            shares = [f"{100 * n / leak.images:.1f} %" for n in (leak.exact, leak.duplicate, leak.scene)]
            group = "-" if split.split.group_disjoint is None else f"{100 * leak.group / leak.images:.1f} %"
            table.add_row(escape(split.split.name), leak.subset, str(leak.images), *shares, group)
    console = Console(highlight=False)
    console.print(
        f"{report.dataset}: {counted(report.images, 'image')}, {counted(len(report.search.pairs), 'pair')} of images "
        "that look alike."
    )
    console.print(
        "Images with the same pixels, nearly the same picture, the same scene or the same group in train; each column "
        "includes those before it, except the group."
    )
    console.print(table)
    for split in report.splits:
        for line in absent_subsets(split):
            console.print(f"{split.split.name}: {line}", markup=False, soft_wrap=True)

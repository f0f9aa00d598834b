"""`polybench data verify`: decode every file of a copy and name each defect."""

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from polybench.cli.data.modules import add_copy_arguments, lists_of, open_copy
from polybench.cli.parser import Parser
from polybench.core.version import __version__
from polybench.core.wording import counted

if TYPE_CHECKING:
    from polybench.curation.verification import Verification
    from polybench.data.module import SegmentationDataModule

SHOWN = 8
"""Defects of one kind that the terminal shows."""


def main(args: list[str]) -> int:
    """Print what a copy holds.

    Args:
        args: The arguments after `polybench data verify`.

    Returns:
        The exit code: 1 if the copy has a defect.

    Raises:
        UserError: If there is no such dataset or no copy of it.
    """
    parser = Parser(
        "polybench data verify",
        "Decode every file of a copy, compare it with the official one, name each defect; exit code 1 if there is one.",
    )
    add_copy_arguments(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was found to this file, too")
    options = parser.parse_args(args)

    from polybench.core.atomic import atomic_write_text
    from polybench.curation.verify import verify
    from polybench.experiments.outputs import refuse_unwritable

    if options.json is not None:
        refuse_unwritable(options.json, "--json")
    data = open_copy(options.name, options.root, options.split, options.bits)
    found = verify(data, lists_of(data, options.split))
    if options.json is not None:
        text = json.dumps(_as_dict(found, data), indent=1, ensure_ascii=False) + "\n"
        atomic_write_text(options.json, text, follow=True)
    _show(found, data, Console(highlight=False))
    if options.json is not None:
        print(f"written: {options.json}")
    return 1 if found.defects else 0


def _show(found: "Verification", data: "SegmentationDataModule", console: Console) -> None:
    def show(text: Text) -> None:
        console.print(text, soft_wrap=not console.is_terminal)

    show(Text(f"{data.card.title} in '{data.directory}'"))
    table = Table(box=SIMPLE, show_header=False, pad_edge=False)
    for what, value in _lines(found, data).items():
        table.add_row(Text(what), Text(value))
    console.print(table)
    for note in found.notes:
        show(Text.assemble(("note: ", "cyan"), note))
    shown: Counter[str] = Counter()
    for defect in found.defects:
        shown[defect.kind] += 1
        if shown[defect.kind] <= SHOWN:
            show(Text.assemble(("defect: ", "bold red"), defect.text))
    for kind, count in shown.items():
        if count > SHOWN:
            show(
                Text.assemble(("defect: ", "bold red"), f"and {count - SHOWN} more of kind '{kind}': --json has them.")
            )
    show(Text(f"{counted(len(found.defects), 'defect')}." if found.defects else "No defect."))


def _lines(found: "Verification", data: "SegmentationDataModule") -> dict[str, str]:
    """The content of the table."""
    subsets = ", ".join(f"{subset} {found.subsets[subset]}" for subset in ("train", "val", "test"))
    levels = found.mask_levels
    unknown = " (not known: each image counts as one)" if data.split.group_disjoint is None else ""
    lines = {
        "images with a mask": f"{found.images}",
        "of them readable": f"{found.decoded}",
        "split": data.split.name,
        "images of it": subsets,
        "groups": f"{found.groups}{unknown}",
        "native sizes": _sizes(found),
        "mask values": f"{len(levels)} grey levels" if len(levels) > 4 else ", ".join(map(str, levels)),
        "ambiguous mask pixels": f"{100 * found.ambiguous:.3f} % (grey levels 33 to 222)",
        "foreground": f"{100 * found.foreground:.1f} % of a mask on average",
        "empty, full masks": f"{found.empty_masks}, {found.full_masks}",
    }
    if found.left_out:
        lines["left out beside them"] = found.left_out
    if found.objects is not None:
        lines["objects"] = f"{found.objects}"
    if found.field_of_view is not None:
        lines["field of view"] = f"{100 * found.field_of_view:.1f} % of an image on average"
    return lines | {"content hash": (found.manifest_sha256 or "none, since a file can't be read")[:32]}


def _sizes(found: "Verification") -> str:
    if len(found.sizes) <= 3:
        return ", ".join(f"{width}x{height}: {n}" for (height, width), n in found.sizes.most_common()) or "-"
    heights, widths = zip(*found.sizes, strict=True)
    return f"{len(found.sizes)} sizes, {min(widths)} to {max(widths)} wide, {min(heights)} to {max(heights)} high"


def _as_dict(found: "Verification", data: "SegmentationDataModule") -> dict[str, Any]:
    """What `--json` writes."""
    return {
        "polybench": __version__,
        "dataset": data.short_name,
        "folder": str(data.directory),
        "split": data.split.name,
        "split_sha256": data.split.sha256,
        **vars(found),
        "sizes": {f"{width}x{height}": count for (height, width), count in found.sizes.most_common()},
        "defects": [defect._asdict() for defect in found.defects],
    }

"""`polybench data list`: which datasets there are."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from polybench.cli.data.modules import default_root, is_here, is_synthetic, module_class, modules
from polybench.cli.parser import Parser

if TYPE_CHECKING:
    from polybench.data.card import Archive
    from polybench.data.module import SegmentationDataModule


def main(args: list[str]) -> int:
    """Print a table of the datasets, or the card of one.

    Args:
        args: The arguments after `polybench data list`.

    Returns:
        The exit code, 0.

    Raises:
        ConfigError: If there is no dataset of the name.
    """
    parser = Parser("polybench data list", "Show the datasets: counts, splits, terms, which are here; or one in full.")
    parser.add_argument(
        "name",
        nargs="?",
        help="show this dataset's card: source, terms, citation, splits, defects; one of your own by its class path",
    )
    parser.add_argument("--root", type=Path, help="folder of the datasets (default: POLYBENCH_DATA, or ./data)")
    options = parser.parse_args(args)

    root: Path = options.root or Path(default_root())
    console = Console(highlight=False)
    if options.name:
        console.print(_card(module_class(options.name), root))
        return 0
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for title in ("name", "images", "here", "splits, the default first"):
        table.add_column(title, no_wrap=True)
    table.add_column("terms")
    for name, cls in modules().items():
        here = "synthetic" if is_synthetic(cls, root) else "yes" if is_here(cls, root) else "-"
        terms = re.split("[;:,]", cls.card.terms)[0]
        table.add_row(name, str(cls.card.images or "-"), here, "\n".join(_families(_splits(cls))), terms)
    console.print(table)
    console.print(Text(f"Looked for in '{root}'. One in full: polybench data list NAME"), soft_wrap=True)
    return 0


def _splits(cls: "type[SegmentationDataModule]") -> list[str]:
    """Names of a dataset's lists, the default first."""
    from polybench.data.own_dataset import list_names

    return sorted(list_names(cls), key=lambda name: name != cls.default_split)


def _families(names: list[str]) -> dict[str, str]:
    """Name -> first of its lists; `fold_1_of_5` to `fold_5_of_5` are `fold_*_of_5`."""
    families: dict[str, str] = {}
    for name in names:
        families.setdefault(re.sub(r"fold_\d+_of", "fold_*_of", name), name)
    return families


def _card(cls: "type[SegmentationDataModule]", root: Path) -> Table:
    """All that is known of a dataset."""
    from polybench.data.own_dataset import is_ours

    card = cls.card
    sizes = ", ".join(f"{width}x{height}" for height, width in sorted(card.sizes))
    if card.smallest is not None:
        sizes = f"they vary; the smallest is {card.smallest[1]}x{card.smallest[0]}"
    present = "synthetic" if is_synthetic(cls, root) else "here"
    one = len(cls.official_folders()) == 1
    where = {
        name: present if (is_here(cls, root) if one else (root / name).is_dir()) else "not here"
        for name in cls.official_folders()
    }
    fields = {
        "dataset": [card.title],
        "module": [cls.__name__ if is_ours(cls) else f"{cls.__module__}.{cls.__qualname__}"],
        "folder": [f"{root / name} ({where[name]})" for name in cls.official_folders()]
        if card.images or not is_ours(cls)
        else ["any"],
        "images": [str(card.images or "-")],
        "sizes": [sizes or "they vary"],
        "mask": [card.mask_rule],
        "groups": [card.groups],
        "splits": [_split_line(cls, family, name) for family, name in _families(_splits(cls)).items()],
        "source": [card.source],
        "download": [_download_line(archive) for archive in card.archives] or list(card.steps),
        "terms": [card.terms],
        "cite": [card.citation],
        "defects": list(card.defects) or ["none known"],
    }
    table = Table.grid(Column(no_wrap=True), padding=(0, 2))
    for name, lines in fields.items():
        for number, line in enumerate(lines or ["-"]):
            table.add_row(Text("" if number else name), Text(f"{'- ' if len(lines) > 1 else ''}{line}"))
    return table


def _download_line(archive: "Archive") -> str:
    return archive.url + ("" if archive.sha256 else " (no published checksum: the first download is taken on trust)")


def _split_line(cls: "type[SegmentationDataModule]", family: str, name: str) -> str:
    """What to know of a list, or of the first of a family of lists."""
    from polybench.data.own_dataset import open_split
    from polybench.data.splits import SUBSETS

    split = open_split(cls, name)
    counts = ", ".join(f"{subset} {len(split.ids(subset))}" for subset in SUBSETS)
    leaks = "groups cross" if split.crossing else "neighbours cross"
    disjoint = {True: "group-disjoint", False: leaks, None: "groups unknown"}[split.group_disjoint]
    default = ", the default" if name == cls.default_split else ""
    return f"{family}{default} ({counts}; {disjoint}): {split.note}"

"""Reports of an audit: a Markdown page, numbers as JSON, pairs as CSV, and pictures of the worst pairs.

Page, JSON and CSV are byte-stable functions of the audit without images, so they can be committed; the pictures show
images of the dataset and must not be.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from polybench.core.atomic import atomic_write_text, atomic_writer
from polybench.core.wording import counted
from polybench.curation import duplicates
from polybench.curation.audit import AuditReport, ReportedPair, SplitAudit, reported_pairs
from polybench.curation.duplicates import KINDS
from polybench.data.images import UInt8Array, resize_image
from polybench.data.splits import SUBSETS
from polybench.results.facts import UNOFFICIAL, kind_of_copy
from polybench.results.quantities import DASH
from polybench.results.render.markdown import code, text

MARKER = "<!-- Made by `polybench data audit`; do not edit. -->"

LISTED = 40
"""Number of pairs on the page and the pictures."""

ROWS = 5
"""Number of pairs on one picture."""

HEIGHT = 288
"""Size of an image on a picture, pixels."""

_WORDS = {"exact": "exact", "duplicate": "near-duplicate", "scene": "same scene"}
_LEGEND = """\
- **exact:** the same pixels.
- **near-duplicate:** the same picture re-encoded, resized, recoloured, cropped a little, turned or mirrored; the
  correlation of details is at least {duplicate:g}.
- **same scene:** the same place seen again, as in neighbouring frames of a video; the correlation is at least
  {scene:g}, {why}. A scene seen from elsewhere is not found, so these counts are from below."""
_LEAKS = f"""\
Images of a subset with a partner in train; each column includes those before it. *Same group*: an image of the same
video, patient or lesion is in train ({DASH}: groups are not known)."""


def render_markdown(report: AuditReport) -> str:
    """Render the page."""
    search = report.search
    copy = "; ".join(report.copy_notes) or "official copy"
    if report.copy_notes and kind_of_copy(report.copy_notes) == UNOFFICIAL:
        copy = f"{UNOFFICIAL}: {copy}"
    chance = (
        "the least that is asked for"
        if search.chance is None
        else f"since images here resemble other ones' mirror images by up to {search.chance:g}, which is chance"
    )
    found = ", ".join(f"{sum(pair.kind == kind for pair in search.pairs)} {_WORDS[kind]}" for kind in KINDS)
    blocks = [
        f"# Duplicates in {text(report.dataset)}",
        MARKER,
        f"{report.images} images, {text(copy)}. Manifest sha256 {code(report.manifest_sha256)}. Finder version "
        f"{duplicates.VERSION}. **Pairs: {found}.**",
        _LEGEND.format(duplicate=duplicates.DUPLICATE, scene=search.scene_threshold, why=chance),
        "## Images that resemble training images",
        _LEAKS,
        _leak_table(report.splits),
        "## Pairs",
        *[_split_section(split) for split in report.splits],
        "## Worst pairs",
        _pair_table(report),
    ]
    return "\n\n".join(blocks) + "\n"


def _leak_table(splits: Sequence[SplitAudit]) -> str:
    rows = []
    for split in splits:
        for leak in split.result.leaks:
            counts = (leak.exact, leak.duplicate, leak.scene, leak.group)
            shares = [f"{count / leak.images:.1%} ({count})" for count in counts]
            if split.split.group_disjoint is None:
                shares[-1] = DASH
            rows.append([code(split.split.name), leak.subset, leak.images, *shares])
    return _table(["Split", "Subset", "Images", "Exact", "Near-duplicate", "Same scene", "Same group"], rows)


def _split_section(split: SplitAudit) -> str:
    result, listed = split.result, len(split.split.subsets)
    groups = f"{counted(result.groups, 'group')}, {result.crossing or 'none'} of them in several subsets"
    if split.split.group_disjoint is None:
        groups = "groups not known"
    images = f"{result.images} images" if result.images == listed else f"{result.images} of {listed} images"
    absent = "".join(f" **{line}**" for line in absent_subsets(split))
    head = (
        f"Split {code(split.split.name)}: {images}, {groups}.{absent} File sha256 {code(split.split.sha256)}. "
        f"{text(split.split.note)}"
    ).strip()
    if not result.counts:
        return f"{head} No pair."
    rows = [
        [" and ".join(dict.fromkeys(row.subsets)), _WORDS[row.kind], row.within_groups, row.across_groups]
        for row in result.counts
    ]
    return f"{head}\n\n{_table(['Subsets', 'Kind', 'Within a group', 'Across groups'], rows)}"


def absent_subsets(split: SplitAudit) -> list[str]:
    """Return a sentence for each subset of the list without images in the copy, which was not audited."""
    return [
        f"Its {len(listed)} {subset} images are not here: that part was not audited."
        for subset in SUBSETS
        if (listed := split.split.ids(subset))
        and subset not in split.result.subsets
        and not (subset == "val" and split.split.selects_on_test)
    ]


def _pair_table(report: AuditReport) -> str:
    pairs = reported_pairs(report)
    if not pairs:
        return "None was found."
    rows = []
    for place, row in enumerate(pairs[:LISTED], start=1):
        pair = row.pair
        kind = _WORDS[pair.kind] + (", masks differ" if pair.same_mask is False else "")
        group = "the same" if row.groups[0] == row.groups[1] else "two"
        where = [f"{subsets[0]}, {subsets[1]}" if subsets else DASH for subsets in row.subsets]
        facts = [kind, f"{pair.correlation:.4f}", pair.hamming, pair.turn, group]
        rows.append([place, code(pair.first), code(pair.second), *facts, *where])
    titles = ["", "Image", "Other image", "Kind", "Correlation", "Bits", "The other is", "Group"]
    note = (
        f"{len(rows)} of {len(pairs)}: those across groups first, then those across the subsets of a split, then the "
        f"surest; all stand in {code(report.dataset + '.csv')}. *Bits*: of 64 in which the perceptual hashes differ."
    )
    return f"{note}\n\n{_table([*titles, *(code(split.split.name) for split in report.splits)], rows)}"


def _table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join("| " + " | ".join(map(str, cells)) + " |" for cells in lines)


def render_json(report: AuditReport) -> str:
    """Render the numbers: dataset, thresholds, and facts, sizes of objects, leaks and counts of each split."""
    search = report.search
    content = {
        "finder_version": duplicates.VERSION,
        "dataset": report.dataset,
        "manifest_sha256": report.manifest_sha256,
        "copy_notes": report.copy_notes,
        "images": report.images,
        "thresholds": {
            "hash_bits": duplicates.HASH_BITS,
            "duplicate": duplicates.DUPLICATE,
            "scene": search.scene_threshold,
            "chance": search.chance,
        },
        "pairs": {kind: sum(pair.kind == kind for pair in search.pairs) for kind in KINDS},
        "splits": [
            {
                "split": split.split.name,
                "split_sha256": split.split.sha256,
                "group_disjoint": split.split.group_disjoint,
                "images": split.result.images,
                "groups": split.result.groups,
                "groups_in_several_subsets": split.result.crossing,
                "listed": {subset: len(split.split.ids(subset)) for subset in SUBSETS},
                "object_sizes": asdict(split.object_sizes),
                "leaks": [asdict(leak) for leak in split.result.leaks],
                "counts": [asdict(count) for count in split.result.counts],
            }
            for split in report.splits
        ],
    }
    return json.dumps(content, indent=2) + "\n"


def render_csv(report: AuditReport) -> str:
    """Render all pairs, worst first, with a column of subsets for each split."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    titles = ["first", "second", "kind", "correlation", "hamming", "turn", "same_mask", "first_group", "second_group"]
    writer.writerow([*titles, *(split.split.name for split in report.splits)])
    for row in reported_pairs(report):
        pair = row.pair
        same_mask = "" if pair.same_mask is None else str(pair.same_mask).lower()
        numbers = [pair.kind, f"{pair.correlation:.4f}", pair.hamming, pair.turn, same_mask]
        where = ["-".join(subsets) if subsets else "" for subsets in row.subsets]
        writer.writerow([pair.first, pair.second, *numbers, *row.groups, *where])
    return lines.getvalue()


def write_report(report: AuditReport, folder: Path) -> list[Path]:
    """Write `<dataset>.md`, `.json` and `.csv`.

    Returns:
        The three files.

    Raises:
        OSError: If a file can't be written.
    """
    renderings = {".md": render_markdown, ".json": render_json, ".csv": render_csv}
    paths = []
    for suffix, render in renderings.items():
        paths.append(folder / f"{report.dataset}{suffix}")
        atomic_write_text(paths[-1], render(report))
    return paths


def write_pictures(report: AuditReport, read: Callable[[str], UInt8Array], folder: Path) -> list[Path]:
    """Draw the pairs of the page, `ROWS` on a picture; pictures of an earlier audit are removed.

    Args:
        report: The audit.
        read: Reads the image (H, W, 3) of an id.
        folder: Folder of `pairs-01.png` etc.; it must not be committed, since they show images of the dataset.

    Returns:
        The pictures, worst first.
    """
    pairs = list(enumerate(reported_pairs(report)[:LISTED], start=1))
    for old in folder.glob("pairs-*.png"):
        old.unlink()
    paths = []
    for start in range(0, len(pairs), ROWS):
        panels = [_draw_pair(place, row, read) for place, row in pairs[start : start + ROWS]]
        picture = Image.new("RGB", (max(p.width for p in panels), sum(p.height for p in panels)), "white")
        for number, panel in enumerate(panels):
            picture.paste(panel, (0, number * panel.height))
        paths.append(folder / f"pairs-{start // ROWS + 1:02d}.png")
        with atomic_writer(paths[-1]) as file:
            picture.save(file, format="PNG")
    return paths


def _draw_pair(place: int, row: ReportedPair, read: Callable[[str], UInt8Array]) -> Image.Image:
    """Draw two images side by side with their ids and numbers."""
    pair, font = row.pair, ImageFont.load_default(13)
    images = [read(pair.first), read(pair.second)]
    shown = [Image.fromarray(resize_image(i, (HEIGHT, round(HEIGHT * i.shape[1] / i.shape[0])))) for i in images]
    where = sorted({f"{s[0]}, {s[1]}" for s in row.subsets if s})
    numbers = f"{_WORDS[pair.kind]} {pair.correlation:.4f}, {pair.hamming} bits, {pair.turn}"
    captions = [
        f"{place}   {numbers}   ({'; '.join(where)})",
        f"{pair.first}   |   {pair.second}",
        f"{row.groups[0]}   |   {row.groups[1]}",
    ]
    width = max(sum(image.width for image in shown) + 8, *(round(font.getlength(c)) + 8 for c in captions))
    panel = Image.new("RGB", (width, HEIGHT + 72), "white")
    draw = ImageDraw.Draw(panel)
    for line, caption in enumerate(captions):
        draw.text((4, 4 + 19 * line), caption, fill="black", font=font)
    panel.paste(shown[0], (0, 62))
    panel.paste(shown[1], (shown[0].width + 8, 62))
    return panel

"""Where the masks of a comparison in pictures come from: folders of masks, files of weights, or records.

A record holds no masks: those of its net are made with its weights, which `--keep_weights` left under the record's
name, or which are still in the folder of its run.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from polybench.core.errors import ConfigError, DataError
from polybench.core.wording import some
from polybench.data.images import UInt8Array
from polybench.data.module import SegmentationDataModule
from polybench.data.pairing import by_stem, stem
from polybench.experiments.loading import load
from polybench.experiments.run_folder import KEPT_RECORD
from polybench.metrics import THRESHOLD
from polybench.metrics.measures.labels import Mask
from polybench.results.compare.rows import Rows
from polybench.results.headline import headline
from polybench.results.methods import altering
from polybench.results.record import Record, StoredRecord, read_record
from polybench.results.record_text import read_text
from polybench.results.statistics.intervals import column
from polybench.results.view import name_of
from polybench.scoring.names import match
from polybench.scoring.predictions import list_maps, survey
from polybench.scoring.score import refuse_coding
from polybench.tasks import SegmentationTask
from polybench.tasks.checkpoint import BEST, AtomicCheckpointIO, run_entry
from polybench.tasks.exported import SUFFIX

WEIGHTS = frozenset({SUFFIX, ".ckpt"})
"""Types of files of weights."""

Masks = Callable[[str, UInt8Array], Mask]
"""Id and image (h, w, 3) -> mask (h, w)."""

MasksOf = Callable[[str, UInt8Array], tuple[Mask, ...]]
"""Id and image (h, w, 3) -> several masks (h, w)."""


@dataclass(frozen=True)
class Places:
    """Where records and weights are looked for.

    Attributes:
        leaderboard: Folder of the leaderboards.
        weights: Folder of files that `--keep_weights` wrote; None for none.
        runs: Folder of runs.
    """

    leaderboard: Path
    weights: Path | None
    runs: Path


@dataclass(frozen=True)
class MaskSource:
    """Masks of one net, or of any program.

    Attributes:
        title: What the pictures call it.
        path: A folder of masks or a file of weights.
        dataset: What the net was trained on; None where unknown.
        split: The split of the record; None without one.
        recorded: Image id -> Dice in the record's table; empty without one.
        seeds: Seeds of the row, of which the first one is shown; empty where one run was named.
    """

    title: str
    path: Path
    dataset: str | None = None
    split: str | None = None
    recorded: Mapping[str, float] = field(default_factory=dict)
    seeds: tuple[int, ...] = ()


def mask_source(word: str, places: Places) -> MaskSource:
    """Find what a word of the command names.

    Args:
        word: A folder of masks or of a run, a file of weights, a record's file, or a row of the leaderboards; any of
            them after `NAME=` for what the pictures call it.
        places: Where records and weights are.

    Raises:
        UserError: If there is no such thing, or the weights of a record aren't there.
    """
    title, _, name = ("", "", word) if Path(word).exists() else word.rpartition("=")
    path = Path(name)
    if (path / KEPT_RECORD).is_file():
        return _of_run(path / KEPT_RECORD, title)
    if path.is_dir():
        return MaskSource(title or path.resolve().name, path)
    if path.suffix in WEIGHTS:
        if not path.is_file():
            raise ConfigError(f"There is no file of weights '{name}'.")
        return MaskSource(title or _short(path), path, _dataset_of(path))
    if path.suffix != ".json" and "/" in name:
        raise ConfigError(
            f"There is no '{name}': give a folder of masks, a file of weights (.ckpt, {SUFFIX}), a record or a row."
        )
    if path.name == KEPT_RECORD and path.is_file():
        return _of_run(path, title)
    stored, seeds = _stored(name, places.leaderboard)
    record, weights = stored.record, _weights_of(stored, places)
    key = column(headline(record)[0], "dice")
    table = stored.images
    recorded = dict(zip(table.ids, table[key].tolist(), strict=True)) if key in table.columns else {}
    return MaskSource(title or name_of(record), weights, record.dataset.name, record.dataset.split, recorded, seeds)


def masks_of(source: MaskSource, data: SegmentationDataModule) -> Masks:
    """Open a source.

    Args:
        source: The source.
        data: The dataset whose images are shown.

    Raises:
        UserError: If the weights are no segmentation net's, or the masks can't be read.
    """
    return _masks_in(source.path, data) if source.path.is_dir() else _masks_by(source.path)


def _masks_by(path: Path) -> Masks:
    task = load(path)
    if not isinstance(task, SegmentationTask):
        raise ConfigError(f"'{path}' is of a {type(task).__name__}, which makes no masks: give a segmentation net.")

    def mask(image_id: str, image: UInt8Array) -> Mask:
        found: Mask = task.predict_image(image) >= THRESHOLD
        return found

    return mask


def _masks_in(folder: Path, data: SegmentationDataModule) -> Masks:
    sources = data.sources()
    stems = [stem(source.image) for source in sources]
    ids = [source.id for source in sources]
    aliases = {name: image_id for name, image_id in zip(stems, ids, strict=True) if stems.count(name) == 1}
    paths = by_stem(list_maps(folder))
    files = match(ids, aliases, paths)
    if not files:
        raise DataError(
            f"No file in '{folder}' is named as an image of {data.short_name} (files: {some(sorted(paths))}; images: "
            f"{some(ids)}): give each mask the stem of its image."
        )
    maps = survey({image_id: paths[name] for image_id, name in files.items()})
    refuse_coding(maps, folder)

    def mask(image_id: str, image: UInt8Array) -> Mask:
        if image_id not in maps.paths:
            raise DataError(f"'{folder}' has no mask of '{image_id}': add it, or leave the image out of --ids.")
        found: Mask = maps.read(image_id) >= THRESHOLD
        if found.shape != image.shape[:2]:
            height, width = found.shape
            raise DataError(
                f"'{maps.paths[image_id]}' has {width}x{height} pixels, its image {image.shape[1]}x{image.shape[0]}: "
                "save masks at the size of their images."
            )
        return found

    return mask


def _of_run(path: Path, title: str) -> MaskSource:
    """The net of a run by the record in the run's own folder."""
    record = Record.from_json(read_text(path), path)
    _refuse_without_masks(record, str(path))
    checkpoint = path.parent / "checkpoints" / f"{BEST}.ckpt"
    if not checkpoint.is_file():
        raise ConfigError(f"The run of '{path}' has no '{checkpoint}': give a folder of masks, or train it again.")
    return MaskSource(title or name_of(record), checkpoint, record.dataset.name, record.dataset.split)


def _stored(name: str, root: Path) -> tuple[StoredRecord, tuple[int, ...]]:
    """The record that is shown, and the seeds of its row where the row was named."""
    path = Path(name)
    seeds: tuple[int, ...] = ()
    if not path.is_file():
        row = Rows(root, names=[name]).named(name)
        runs = [place for run in row.runs for place in root.glob(f"records/*/{run.name}.json")]
        if not runs:
            raise ConfigError(f"'{name}' is a row of folds, each with a net of its own: name one run of it.")
        path, seeds = runs[0], row.seeds or () if len(row.runs) > 1 else ()
    stored = read_record(path)
    _refuse_without_masks(stored.record, stored.name)
    return stored, seeds


def _refuse_without_masks(record: Record, name: str) -> None:
    """Refuse a record whose masks its weights alone don't make."""
    if record.kind != "trained" or record.task != "segmentation":
        what = "a baseline" if record.kind != "trained" else f"a net for {record.task}"
        raise ConfigError(f"'{name}' is {what}, which has no weights that make masks: give a folder of masks.")
    for section in altering(record):
        raise ConfigError(
            f"The weights of '{name}' alone don't make its masks ({section.title}): write them with polybench predict "
            "and the options of its command, and give their folder."
        )


def _weights_of(stored: StoredRecord, places: Places) -> Path:
    """The weights of a record: kept under its name, or in the folder of its run."""
    if places.weights is not None and (kept := places.weights / f"{stored.name}{SUFFIX}").is_file():
        return kept
    digest = stored.record.provenance.checkpoint_sha256
    for found in sorted(places.runs.rglob(KEPT_RECORD)) if digest else ():
        checkpoint = found.parent / "checkpoints" / f"{BEST}.ckpt"
        if checkpoint.is_file() and str(digest) in read_text(found):
            return checkpoint
    where = f"neither in '{places.weights}' nor" if places.weights is not None else "not"
    raise ConfigError(
        f"A record holds no masks, and the weights of '{stored.name}' are {where} in a run below '{places.runs}': name "
        "the folder that --keep_weights wrote by --weights DIR, that of runs by --runs DIR, or give a folder of masks."
    )


def _short(path: Path) -> str:
    """A name for a file of weights: that of its run where the file itself is called as in every run."""
    return path.resolve().parents[1].name if path.stem == BEST and path.parent.name == "checkpoints" else path.stem


def _dataset_of(path: Path) -> str | None:
    origin = run_entry(AtomicCheckpointIO().load_checkpoint(path, map_location="meta")).get("origin")
    return str(origin["dataset"]) if isinstance(origin, Mapping) and "dataset" in origin else None


def differences(source: MaskSource, dice: Mapping[str, float], tolerance: float = 1e-3) -> Sequence[str]:
    """Images whose Dice is another than in the record's table.

    Args:
        source: The source.
        dice: Image id -> Dice of the picture.
        tolerance: Largest difference that rounding may make.
    """
    known = source.recorded
    return [name for name, value in dice.items() if name in known and not np.isclose(value, known[name], 0, tolerance)]

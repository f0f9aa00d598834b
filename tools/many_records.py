"""Make thousands of records that resemble real ones, no two alike, to measure how long pages take.

The records of a folder of leaderboards serve as templates. Each new one has a recipe, a seed, identities and scores of
its own: the rows of its table are drawn from those of its template, so that the counts and metrics of an image agree,
and its means and intervals follow from the table. What no table determines (areas under curves, maxima) stays that of
the template. Seven datasets of several splits, two budgets each; rows have one to three seeds; every dataset has an
audit.

    python tools/many_records.py --count 500 --root /tmp/many
"""

import argparse
import csv
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast
from zlib import crc32

import numpy as np

from polybench.results.config import recorded_sha256
from polybench.results.derived.object_size import LARGEST
from polybench.results.facts import Counts, DatasetFacts, IdentityFacts, MetricValue, ProtocolScores
from polybench.results.image_rows import ImageRows
from polybench.results.recomputed import MEAN_DRAWS, OTHER_DRAWS, every_image_once, groups_drawn, is_mean, numbers_of
from polybench.results.record import Record, StoredRecord, read_records, record_name
from polybench.results.record_text import seal_of
from polybench.results.sealed_table import rows_of
from polybench.results.statistics.draws import ends_of
from polybench.results.strict import encode
from polybench.results.table_columns import COUNTS
from polybench.results.table_file import text_sha256

DATASETS = {"clinicdb": 4, "colondb": 3, "drive": 2, "dsb2018": 3, "etis": 3, "isic2018": 4, "kvasir_seg": 5}
"""Dataset -> splits."""
TRAINED, VALIDATED, IMAGES = 800, 80, 120
"""Images of a split for training, validation and test."""
PER_GROUP = 4
"""Test images of a group; in every other split each image is a group of its own."""


@dataclass(frozen=True)
class Place:
    """A split of a dataset: where a record belongs."""

    dataset: str
    split: str
    ids: tuple[str, ...]
    groups: tuple[str, ...]

    @property
    def manifest_sha256(self) -> str:
        """Hash of the copy, made up."""
        return _digest("manifest", self.dataset)

    @property
    def split_sha256(self) -> str:
        """Hash of the list, made up."""
        return _digest("split", self.dataset, self.split)


def places() -> list[Place]:
    """Every split of every dataset."""
    found = []
    for dataset, splits in DATASETS.items():
        for number in range(splits):
            ids = tuple(f"{place:04d}" for place in range(IMAGES))
            size = PER_GROUP if number % 2 else 1
            groups = tuple(f"{dataset}/{place // size:03d}" for place in range(IMAGES))
            found.append(Place(dataset, f"reconstructed_{number}", ids, groups))
    return found


def templates(root: Path) -> list[StoredRecord]:
    """Trained records of whole images whose tables store what all sections of a page need.

    Raises:
        SystemExit: If there are none.
    """
    found = [
        stored
        for stored in read_records(root)
        if stored.record.kind == "trained"
        and stored.record.dataset.fold is None
        and {"size@1/largest_object", "calibration@1/brier", "surface@1/true_pixels"} <= set(stored.images.columns)
    ]
    if not found:
        raise SystemExit(f"'{root}' has no record that can be a template: name another folder with --templates.")
    return found


def make(count: int, root: Path, sources: Sequence[StoredRecord]) -> None:
    """Write records, their tables and the audits of their datasets.

    Args:
        count: How many records.
        root: The folder of leaderboards to write.
        sources: Records to change.
    """
    everywhere = places()
    tables = [_cells(source.path.with_suffix(".csv")) for source in sources]
    for dataset in DATASETS:
        _write_audit(root, [one for one in everywhere if one.dataset == dataset])
    for number, (row, seed) in zip(range(count), _rows(), strict=False):
        place, which = everywhere[row % len(everywhere)], row % len(sources)
        text = _drawn(tables[which], sources[which].images, place, row, seed)
        rows = rows_of(text)
        assert rows is not None
        record = _changed(sources[which].record, place, rows, row, seed, number)
        record = replace(record, table_sha256=text_sha256(text), record_sha256=None)
        record = replace(record, record_sha256=seal_of(cast(Mapping[str, object], encode(record))))
        path = root / "records" / place.dataset / f"{record_name(record)}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(record.to_json(), encoding="utf-8")
        path.with_suffix(".csv").write_text(text, encoding="utf-8")


def _cells(path: Path) -> list[list[str]]:
    """The cells of a table, its header first."""
    return [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()]


def _rows() -> Iterator[tuple[int, int]]:
    """Numbers of rows and their seeds: one, two and three by turns."""
    row = 0
    while True:
        yield from ((row, seed) for seed in range(row // len(places()) % 3 + 1))
        row += 1


def _drawn(cells: list[list[str]], rows: ImageRows, place: Place, row: int, seed: int) -> str:
    """A table of other images: hard ones are hard for all rows, each row has a skill of its own, sizes are the same."""
    header, *lines = cells
    order = np.argsort(rows["per_image@2/dice"], kind="stable")
    shared, random = np.random.default_rng(crc32(place.split.encode())), np.random.default_rng([row, seed])
    ease, shares = shared.random(IMAGES), 0.3 * shared.random(IMAGES) ** 2
    skill = np.random.default_rng(row).normal(0, 0.1)
    wanted = np.clip(ease + skill + random.normal(0, 0.15, IMAGES), 0, 1)
    chosen = order[np.rint(wanted * (len(order) - 1)).astype(int)]
    pixels = rows.block([f"per_image@2/{count}" for count in COUNTS]).sum(axis=1)[chosen]
    size, text = header.index(LARGEST), [header]
    for image, source in enumerate(chosen.tolist()):
        line = [place.ids[image], place.groups[image], *lines[source][2:]]
        line[size] = f"{round(float(shares[image] * pixels[image])):.6g}"
        text.append(line)
    return "".join(f"{','.join(line)}\n" for line in text)


def _changed(record: Record, place: Place, rows: ImageRows, row: int, seed: int, number: int) -> Record:
    """A template as another training on another split."""
    name = f"net{row:05d}_{place.dataset}"
    size = record.dataset.size or (128, 128)
    budget_id = f"{2000 + 2000 * (row % 5 == 0)} images of {size[0]}x{size[1]}"
    config: dict[str, Any] = {**record.config, "name": name, "seed_everything": seed, "made": row}
    training, start = record.training, np.datetime64("2026-01-01T00:00:00")
    return replace(
        record,
        recipe=name,
        variant=None,
        seed=seed,
        budget="reduced" if row % 4 else "published",
        dataset=_dataset(record.dataset, place),
        config=config,
        config_sha256=recorded_sha256(config),
        command=f"{record.command.partition(' --config ')[0]} --config conf/{name}.yaml --seed_everything {seed}",
        training=replace(training, wall_seconds=training.wall_seconds + number / 7) if training else None,
        metrics=_scores(record.metrics, rows),
        provenance=replace(
            record.provenance,
            checkpoint_sha256=_digest("checkpoint", name, str(seed)),
            finished_at=f"{start + np.timedelta64(61 * number, 's')}+00:00",
        ),
        identity=IdentityFacts(_digest("training", name), _digest("evaluation", place.dataset), budget_id),
    )


def _dataset(facts: DatasetFacts, place: Place) -> DatasetFacts:
    return replace(
        facts,
        name=place.dataset,
        manifest_sha256=place.manifest_sha256,
        split=place.split,
        split_sha256=place.split_sha256,
        counts=Counts(TRAINED, VALIDATED, IMAGES),
        ranked_by="per_image",
    )


def _scores(metrics: Mapping[str, ProtocolScores], rows: ImageRows) -> dict[str, ProtocolScores]:
    """The scores that a table determines, with intervals from the draws that polybench makes."""
    once = every_image_once(rows)
    drawn = {True: groups_drawn(rows, MEAN_DRAWS), False: groups_drawn(rows, OTHER_DRAWS)}
    numbers = numbers_of(metrics, rows)
    found = {}
    for key, scores in metrics.items():
        values = dict(scores.values)
        for mean in (True, False):
            names = [name for name in scores.values if (key, name) in numbers and is_mean(key, name) == mean]
            if names:
                ends = ends_of(np.stack([numbers[key, name](drawn[mean]) for name in names])).T.tolist()
                for name, (low, high) in zip(names, ends, strict=True):
                    value = float(numbers[key, name](once)[0])
                    values[name] = MetricValue(value, low, high, scores.values[name].direction)
        empty, positives = _empty(key, scores, rows)
        found[key] = replace(
            scores,
            n=len(rows),
            groups=len(set(rows.groups)),
            values=values,
            empty_masks=empty,
            false_positives_on_empty=positives,
        )
    return found


def _empty(key: str, scores: ProtocolScores, rows: ImageRows) -> tuple[int | None, int | None]:
    """Empty masks, and those of them with a prediction, where a protocol counts them."""
    if scores.empty_masks is None or f"{key}/tp" not in rows.columns:
        return scores.empty_masks, scores.false_positives_on_empty
    empty = rows[f"{key}/tp"] + rows[f"{key}/fn"] == 0
    return int(empty.sum()), int((empty & (rows[f"{key}/fp"] > 0)).sum())


def _write_audit(root: Path, splits: Sequence[Place]) -> None:
    """An audit of a dataset with cuts of sizes, and every tenth test image near one of training."""
    folder = root / "audits"
    folder.mkdir(parents=True, exist_ok=True)
    facts = [
        {
            "split": one.split,
            "split_sha256": one.split_sha256,
            "images": TRAINED + VALIDATED + IMAGES,
            "object_sizes": {"cuts": [0.05, 0.15]},
        }
        for one in splits
    ]
    content = {"manifest_sha256": splits[0].manifest_sha256, "splits": facts}
    (folder / f"{splits[0].dataset}.json").write_text(json.dumps(content), encoding="utf-8")
    with (folder / f"{splits[0].dataset}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["first", "second", "kind", *(one.split for one in splits)])
        writer.writerows(
            [name, f"train{name}", "duplicate", *["test-train"] * len(splits)] for name in splits[0].ids[::10]
        )


def _digest(*parts: str) -> str:
    return hashlib.sha256("|".join(parts).encode()).hexdigest()


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the arguments and make the records."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=500, help="records (%(default)s)")
    parser.add_argument("--root", type=Path, required=True, help="folder of leaderboards to write")
    parser.add_argument("--templates", type=Path, default=Path("leaderboards"), help="folder with records")
    options = parser.parse_args(arguments)
    make(options.count, options.root, templates(options.templates))


if __name__ == "__main__":
    main()

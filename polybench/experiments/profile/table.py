"""The CSV of profiles: a row for each combination of recipe, hardware, precision, sizes and versions."""

import csv
import io
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from filelock import FileLock

from polybench.core.atomic import atomic_write_text
from polybench.core.errors import ConfigError, DataError


@dataclass(frozen=True)
class Key:
    """What two profiles must share to be the same row; every text as the CSV has it, None for an empty cell.

    Attributes:
        recipe: Name of the recipe.
        variant: Variation of the recipe.
        config: First eight digits of the configuration's hash, as in the name of a record.
        data: The dataset; None for a profile without data.
        device: Name of the processor or accelerator.
        precision: The trainer's precision, such as "32-true".
        threads: Threads of torch on the processor.
        height: Of the net's input, pixels.
        width: Likewise.
        batch_size: Of throughput, memory and training step; latency is that of one image.
        num_workers: Loader processes.
        on_device: Whether the whole set lay on the device.
        torch: Version.
        polybench: Version.
        git_commit: Commit of polybench's source tree, with `-dirty` where it was changed; None outside a repository.
    """

    recipe: str
    variant: str | None
    config: str
    data: str | None
    device: str
    precision: str
    threads: int
    height: int
    width: int
    batch_size: int
    num_workers: int
    on_device: bool
    torch: str
    polybench: str
    git_commit: str | None


@dataclass(frozen=True)
class Figures:
    """What was measured; times are medians in milliseconds unless they say otherwise, memory is in bytes.

    Attributes:
        parameters: Of the net.
        macs: Multiply-accumulate operations for one image; None where they can't be counted.
        latency_p50_ms: Inference of one image.
        latency_p95_ms: The time that 95 % of them keep.
        images_per_second: Inference in batches.
        megapixels_per_second: The same, in pixels of the net's input.
        step_real_ms: Training step on batches of the loader.
        step_fixed_ms: Training step on one batch that lies on the device.
        step_data_ms: Fetching, moving and augmenting a batch, without training on it.
        waiting_share: Share of the step on real data that is spent waiting for them.
        memory: What the peaks are of: the "device", or the resident set of the whole "process".
        inference_peak_bytes: Peak after inference alone.
        training_peak_bytes: Peak after training steps.
        rounds: How often every mode was timed.
        protocol: What the dataset is ranked by, with its version; None without a record.
        metric: The metric that it ranks by.
        score: That metric of this configuration's row in the leaderboard, the mean over seeds.
        score_low: Lower end of its 95 % interval.
        score_high: Upper end.
        budget: The record's budget class.
        record: The record.
        seeds: How many seeds that score is the mean of; 0 without a record.
        measured_at: ISO date and time in UTC.
    """

    parameters: int
    macs: int | None
    latency_p50_ms: float
    latency_p95_ms: float
    images_per_second: float
    megapixels_per_second: float
    step_real_ms: float | None
    step_fixed_ms: float
    step_data_ms: float | None
    waiting_share: float | None
    memory: str
    inference_peak_bytes: int
    training_peak_bytes: int
    rounds: int
    protocol: str | None
    metric: str | None
    score: float | None
    score_low: float | None
    score_high: float | None
    budget: str | None
    record: str | None
    seeds: int
    measured_at: str


KEY_COLUMNS = tuple(field.name for field in fields(Key))
COLUMNS = KEY_COLUMNS + tuple(field.name for field in fields(Figures))


def write_row(path: Path, key: Key, figures: Figures) -> bool:
    """Add a row, or replace the one of the same key; every other row stays as it is.

    Returns:
        Whether a row was replaced.

    Raises:
        ConfigError: If the file is a folder.
        DataError: If the file is no table of profiles.
    """
    row = [*map(_cell, astuple(key)), *map(_cell, astuple(figures))]
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock")):
        rows = read_rows(path)
        same = [number for number, other in enumerate(rows) if other[: len(KEY_COLUMNS)] == row[: len(KEY_COLUMNS)]]
        if same:
            rows[same[0]] = row
        else:
            rows.append(row)
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([COLUMNS, *rows])
        atomic_write_text(path, text.getvalue(), follow=True)
    return bool(same)


def read_rows(path: Path) -> list[list[str]]:
    """The rows of a table, in the order of `COLUMNS`; none where there is no file.

    Raises:
        ConfigError: If the file is a folder.
        DataError: If the file is no table of profiles, or one of another version.
    """
    if path.is_dir():
        raise ConfigError(f"--out '{path}' is a folder: name a CSV file.")
    if not path.exists():
        return []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            header, *rows = [row for row in csv.reader(file, strict=True) if row] or [[]]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"'{path}' is no table of profiles ({error}): name another file with --out.") from error
    if tuple(header) != COLUMNS or any(len(row) != len(COLUMNS) for row in rows):
        raise DataError(f"'{path}' has other columns than this version's profiles: name another file with --out.")
    return rows


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)

"""The same stored predictions, dealt to 1, 2 and 3 processes as a `DistributedSampler` deals them: one JSON text."""

import json
import multiprocessing
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch.utils.data.distributed import DistributedSampler

from polybench.metrics import EXTRA_PROTOCOLS, PROTOCOLS, STORED, ImageRows
from polybench.metrics.panel import image_table, panel
from polybench.metrics.prepare import resize_affine
from polybench.metrics.sufficient import Rows
from polybench.scoring.folder import StoredMap, stored_rows

ALL = (*PROTOCOLS, *EXTRA_PROTOCOLS)
WORLDS = (1, 2, 3)
CASES = ((7, "padded"), (2, "padded"), (2, "bare"))
"""Images, and how they are dealt: repeated until all processes have equally many, or one process has none."""


def write_predictions(folder: Path, n: int) -> None:
    """Write n predictions of network size with masks of native sizes; the last mask is empty."""
    random = np.random.default_rng(5)
    for k in range(n):
        native = (19 + k, 24)
        mask = random.random(native) > (0.6 if k < n - 1 else 1)
        labels = ndimage.label(mask)[0].astype(np.int32)
        probability, valid = random.random((16, 15), np.float32), random.random(native) > 0.1
        np.savez(folder / f"{k}.npz", probability=probability, mask=mask, valid=valid, labels=labels)


def load(folder: Path, k: int) -> StoredMap:
    with np.load(folder / f"{k}.npz") as arrays:
        names = ("probability", "mask", "valid", "labels")
        return StoredMap(f"image {k}", f"video {k // 2}", *(arrays[name] for name in names))


def text(rows: Rows) -> str:
    return json.dumps(panel(rows, ALL)) + image_table(rows, ALL).to_csv()


def shard(n: int, deal: str, world: int, rank: int) -> list[int]:
    """The images of a process, in an order that no other number of processes has."""
    if deal == "bare":
        return list(range(n))[::-1][rank::world]
    return list(DistributedSampler(range(n), num_replicas=world, rank=rank, shuffle=True, seed=world))  # type: ignore[arg-type]


def score_shard(folder: Path, mine: list[int]) -> str:
    """One process: its images in batches of two."""
    metric = ImageRows(ALL, STORED)
    for start in range(0, len(mine), 2):
        items = [load(folder, k) for k in mine[start : start + 2]]
        metric.update(
            torch.from_numpy(np.stack([item.probability for item in items]))[:, None],
            [torch.from_numpy(item.mask)[None] for item in items],
            [torch.from_numpy(item.valid)[None] for item in items],
            torch.stack([resize_affine((16, 15), (item.mask.shape[0], item.mask.shape[1])) for item in items]),
            [item.id for item in items],
            [item.group for item in items],
            [torch.from_numpy(item.labels)[None] for item in items],
        )
    return text(metric.compute())


def work(rank: int, folder: Path) -> None:
    torch.set_num_threads(1)
    for world in WORLDS:
        if rank < world:
            meeting = f"file://{folder / f'meeting-{world}'}"
            torch.distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=world)
            for n, deal in CASES:
                found = score_shard(folder / str(n), shard(n, deal, world, rank))
                (folder / f"{n}-{deal}-{world}-{rank}.txt").write_text(found)
            torch.distributed.destroy_process_group()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds `<n>/` with the predictions, and `<n>-<deal>-<world>-<rank>.txt` with what each process found."""
    folder = tmp_path_factory.mktemp("processes")
    for n in {n for n, _ in CASES}:
        (folder / str(n)).mkdir()
        write_predictions(folder / str(n), n)
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=work, args=(rank, folder)) for rank in range(max(WORLDS))]
    for process in processes:
        process.start()
    for process in processes:
        process.join(240)
        assert process.exitcode == 0
    return folder


@pytest.mark.ddp
@pytest.mark.slow
@pytest.mark.parametrize(("n", "deal"), CASES)
@pytest.mark.parametrize("world", WORLDS)
def test_every_process_finds_the_same_text(folder: Path, world: int, n: int, deal: str) -> None:
    expected = text(stored_rows([load(folder / str(n), k) for k in range(n)], ALL, STORED))
    for rank in range(world):
        assert (folder / f"{n}-{deal}-{world}-{rank}.txt").read_text() == expected


def test_three_processes_have_images_in_common_or_none() -> None:
    """What the other test relies on."""
    assert sorted(Counter(k for rank in range(3) for k in shard(7, "padded", 3, rank)).values()) == [1] * 5 + [2] * 2
    assert [len(shard(2, "padded", 3, rank)) for rank in range(3)] == [1, 1, 1]
    assert [len(shard(2, "bare", 3, rank)) for rank in range(3)] == [1, 1, 0]

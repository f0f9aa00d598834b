import multiprocessing
import os
from multiprocessing.connection import Connection

import pytest
import torch

from polybench.core.errors import DataError
from polybench.metrics import Rows
from polybench.metrics.measures.classification import average_by_id, roc_auc
from polybench.metrics.scored_rows import ScoredRows

PATCHES = [(f"image{k // 2}/p{k % 2}", f"video{k // 4}", k * 37 % 11 / 11, k % 3 == 0) for k in range(9)]


def add(metric: ScoredRows, patches: list[tuple[str, str, float, bool]]) -> None:
    ids, groups, scores, labels = (list(column) for column in zip(*patches, strict=True))
    metric.update(torch.tensor(scores, dtype=torch.float64), torch.tensor(labels).long(), ids, groups)


def plain(rows: Rows) -> tuple[list[str], list[str], list[float], list[bool]]:
    return rows.ids, rows.groups, rows.columns["score"].tolist(), rows.columns["positive"].tolist()


def test_batches_and_repeated_patches_do_not_matter() -> None:
    metric = ScoredRows()
    for start in (6, 0, 3):
        add(metric, PATCHES[start : start + 3])
    add(metric, PATCHES[:2])
    expected = sorted(PATCHES)
    assert plain(metric.compute()) == tuple([patch[k] for patch in expected] for k in range(4))


def test_patches_of_a_candidate_are_averaged() -> None:
    metric = ScoredRows()
    add(metric, [("a/1", "v", 0.2, True), ("a/2", "v", 0.6, True), ("b/1", "w", 0.3, False)])
    rows = metric.compute()
    candidates = average_by_id(
        [name[0] for name in rows.ids], rows.groups, rows.columns["score"], rows.columns["positive"]
    )
    assert candidates.scores.tolist() == pytest.approx([0.4, 0.3])
    assert roc_auc(candidates).value == 1


def test_score_that_is_no_number_is_refused() -> None:
    metric = ScoredRows()
    add(metric, [("a", "v", float("nan"), True)])
    with pytest.raises(DataError, match="'a' is not finite"):
        metric.compute()


def one_process(rank: int, world: int, port: str, pipe: Connection) -> None:
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    torch.distributed.init_process_group("gloo", rank=rank, world_size=world)
    metric = ScoredRows()
    if rank < 2:  # the third has none
        add(metric, PATCHES[rank::2] + PATCHES[:1])
    pipe.send(plain(metric.compute()))
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


@pytest.mark.ddp
@pytest.mark.slow
def test_three_processes_give_the_rows_of_one() -> None:
    alone = ScoredRows()
    add(alone, PATCHES)
    context = multiprocessing.get_context("fork")
    port = str(23000 + os.getpid() % 20000)
    pipes = [context.Pipe(duplex=False) for _ in range(3)]
    processes = [context.Process(target=one_process, args=(rank, 3, port, pipes[rank][1])) for rank in range(3)]
    for process in processes:
        process.start()
    for receive, _ in pipes:
        assert receive.poll(120)
        assert receive.recv() == plain(alone.compute())
    for process in processes:
        process.join(60)
        assert process.exitcode == 0

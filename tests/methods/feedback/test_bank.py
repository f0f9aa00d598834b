"""The bank finds masks by id, survives a checkpoint to the bit, and is the same in all processes."""

import io
from pathlib import Path

import pytest
import torch
from torch import Tensor, distributed, multiprocessing

from polybench.core.errors import DataError
from polybench.methods.feedback.bank import MaskBank, same_everywhere


def masks(n: int, size: tuple[int, int] = (9, 14), seed: int = 0) -> Tensor:
    return torch.rand(n, 1, *size, generator=torch.Generator().manual_seed(seed)) > 0.7


def test_masks_come_back_by_id_in_whatever_order() -> None:
    bank, kept = MaskBank(), masks(4)
    bank.put(["a", "b"], kept[:2])
    bank.put(["d", "c"], kept[2:])
    assert torch.equal(bank.get(["c", "a", "c"]), kept[[3, 0, 3]])
    assert len(bank) == 4


def test_a_later_mask_takes_the_place_of_an_earlier_one() -> None:
    bank, kept = MaskBank(), masks(3)
    bank.put(["a", "b"], kept[:2])
    bank.put(["a"], kept[2:])
    assert torch.equal(bank.get(["a", "b"]), kept[[2, 1]])


def test_comes_back_from_a_checkpoint_to_the_bit() -> None:
    bank, file = MaskBank(), io.BytesIO()
    bank.put(["x", "ü/1"], masks(2))
    torch.save(bank.state(), file)
    file.seek(0)
    found = MaskBank.from_state(torch.load(file, weights_only=True))
    assert found == bank
    assert torch.equal(found.get(["ü/1", "x"]), masks(2).flip(0))


def test_an_unknown_image_is_named() -> None:
    with pytest.raises(DataError, match="no mask for the image 'b'"):
        MaskBank().get(["b"])


def test_a_mask_of_another_size_is_named() -> None:
    bank = MaskBank()
    bank.put(["a"], masks(1))
    bank.require(["a"], (9, 14))
    with pytest.raises(DataError, match="a mask of 9x14 for the image 'a'"):
        bank.require(["a"], (14, 9))


def test_flat_masks_take_a_few_bytes() -> None:
    bank = MaskBank()
    bank.put(["a"], torch.zeros(1, 1, 256, 256, dtype=torch.bool))
    assert bank.nbytes <= 6  # one run of 65536 pixels: 65535, 0, 1 of two bytes each


def in_process(rank: int, world: int, folder: str) -> None:
    distributed.init_process_group("gloo", f"file://{folder}/meet", rank=rank, world_size=world)
    bank, all_masks = MaskBank(), masks(6)
    mine = [[4, 0, 5], [1, 2], []][rank]
    if mine:
        bank.put([str(k) for k in mine], all_masks[mine])
    if rank == 1:
        bank.put(["5"], ~all_masks[[5]])
    statistics = torch.full((3,), float(rank))
    same_everywhere([statistics])
    torch.save({"bank": bank.gathered().state(), "statistics": statistics}, f"{folder}/{rank}.pt")
    distributed.destroy_process_group()


@pytest.mark.ddp
@pytest.mark.slow
def test_each_process_gets_the_masks_of_all(tmp_path: Path) -> None:
    multiprocessing.start_processes(in_process, (3, str(tmp_path)), nprocs=3, start_method="fork")  # type: ignore[no-untyped-call]
    saved = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(3)]
    banks = [MaskBank.from_state(one["bank"]) for one in saved]
    assert torch.equal(banks[0].get(["0", "1", "2", "4", "5"]), masks(6)[[0, 1, 2, 4, 5]])  # of two, the lower rank's
    assert banks[0] == banks[1] == banks[2]
    assert [list(bank.masks) for bank in banks] == [["0", "1", "2", "4", "5"]] * 3
    assert [one["statistics"].tolist() for one in saved] == [[0.0] * 3] * 3

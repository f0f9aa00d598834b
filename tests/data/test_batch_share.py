"""Processes share the batch of a recipe, or each takes a whole one."""

from functools import partial
from pathlib import Path

import pytest

from polybench.core.errors import ConfigError
from polybench.data.batch_share import share_of
from polybench.data.patch_module import PatchDataModule
from polybench.datasets import ClinicDBDataModule
from polybench.methods.transfer.joint_module import JointDataModule


@pytest.mark.parametrize(("processes", "share"), [(1, 8), (2, 4), (8, 1)])
def test_a_batch_is_shared(processes: int, share: int) -> None:
    assert share_of(8, processes) == share


@pytest.mark.parametrize(("batch", "processes", "near"), [(8, 3, 9), (1, 2, 2), (2, 16, 16)])
def test_a_count_that_does_not_divide_is_refused(batch: int, processes: int, near: int) -> None:
    together = batch * processes
    message = f"--data.batch_size {near}, or add --scale_batch for {batch} in each process, {together} together"
    with pytest.raises(ConfigError, match=message):
        share_of(batch, processes)


def joint(root: Path) -> JointDataModule:
    images = ClinicDBDataModule(str(root), (24, 24), str(root / "split.csv"), batch_size=4)
    return JointDataModule(images, partial(PatchDataModule, size=24, batch_size=6))


def test_either_kind_of_a_joint_batch_is_shared(data_root: Path) -> None:
    data = joint(data_root)
    assert data.process_batch(2) == 2 + 3
    with pytest.raises(ConfigError, match=r"--data\.patches\.batch_size 8"):
        data.process_batch(4)


def test_scaled_batches_are_whole_in_each_process(data_root: Path) -> None:
    data = joint(data_root)
    data.scale_batch()
    assert data.process_batch(4) == 4 + 6
    assert (data.images.process_batch(4), data.patches.process_batch(4)) == (4, 6)

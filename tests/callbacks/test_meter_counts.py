from types import SimpleNamespace
from typing import Any

import pytest

from polybench.callbacks import MeterCallback


@pytest.mark.parametrize(("processes", "images"), [(1, 6), (3, 18)])
def test_images_of_all_processes_are_counted(processes: int, images: int) -> None:
    meter, trainer = MeterCallback(), SimpleNamespace(world_size=processes)
    batches: list[Any] = [{"id": ["a", "b"]}, {"images": {"id": ["c"]}, "patches": {"id": ["d", "e", "f"]}}]
    for number, batch in enumerate(batches):
        meter.on_train_batch_end(trainer, None, None, batch, number)  # type: ignore[arg-type]
    assert meter.images == images

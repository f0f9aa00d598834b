import pytest
import torch
from torch import nn

from polybench.core.errors import ConfigError
from polybench.tasks.schedules import CosineThenFlat


def test_learning_rate_goes_down_to_a_tenth_and_stays() -> None:
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=2.0)
    schedule = CosineThenFlat(optimizer, epochs=4)
    rates = []
    for _ in range(8):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    half = 0.2 + 1.8 / 2
    quarter = 1.8 / 2 * 2**-0.5
    assert rates == pytest.approx([2.0, half + quarter, half, half - quarter, 0.2, 0.2, 0.2, 0.2])


@pytest.mark.parametrize(("epochs", "floor"), [(0, 0.1), (3, 1.5)])
def test_senseless_numbers_are_refused(epochs: int, floor: float) -> None:
    with pytest.raises(ConfigError, match="CosineThenFlat"):
        CosineThenFlat(torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=1.0), epochs, floor)

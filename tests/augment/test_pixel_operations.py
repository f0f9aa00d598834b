"""What every operation on pixels promises."""

import pickle
import random
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from polybench.augment.blur import GaussianBlur, GaussianNoise, MedianBlur, MotionBlur
from polybench.augment.colour import (
    Brightness,
    BrightnessContrast,
    ChannelShuffle,
    Contrast,
    Gamma,
    Grey,
    HueSaturationValue,
    RGBShift,
)
from polybench.augment.dropout import CoarseDropout
from polybench.augment.operations import PixelOperation
from polybench.core.randomness import generator
from tests.augment.batches import drawn, random_images

OPERATIONS: list[PixelOperation] = [
    Grey(),
    BrightnessContrast(0.5, 0.5),
    Brightness(0.5),
    Contrast(0.5),
    Gamma(0.4, 2.5),
    HueSaturationValue(180, 0.5, 0.5),
    RGBShift(0.5),
    ChannelShuffle(),
    MotionBlur(7),
    MedianBlur(5),
    GaussianBlur(5, (0.4, 2.0)),
    GaussianNoise((0.2, 0.3)),
    CoarseDropout(4, 0.2),
]
each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: type(operation).__name__)


def test_all_are_listed() -> None:
    known = {kind for kind in PixelOperation.__subclasses__() if kind.__module__.startswith("polybench.")}
    assert {type(operation) for operation in OPERATIONS} == known


@pytest.fixture
def two_threads() -> Iterator[None]:
    """Let torch cut large tensors in two, at places that depend on the batch."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@each_operation
@pytest.mark.usefixtures("two_threads")
def test_a_sample_has_the_same_bits_alone_and_in_any_batch(operation: PixelOperation) -> None:
    images, parameters = random_images(5, 63, 61), drawn(operation, 5)
    batch = operation.apply(images, parameters)
    for samples in ([0], [2], [3, 1], [4, 3, 2, 1, 0]):
        assert torch.equal(operation.apply(images[samples], parameters[samples]), batch[samples])


@each_operation
def test_the_batch_is_changed_but_not_in_place(operation: PixelOperation) -> None:
    images = random_images()
    before = images.clone()
    changed = operation.apply(images, drawn(operation, 3))
    assert torch.equal(images, before)
    assert not torch.equal(changed, before)
    assert (changed.shape, changed.dtype) == (before.shape, torch.float32)


@each_operation
@pytest.mark.parametrize("level", [0.0, 1.0])
def test_black_and_white_stay_in_range(operation: PixelOperation, level: float) -> None:
    changed = operation.apply(torch.full((16, 3, 12, 12), level), drawn(operation, 16))
    assert changed.min() >= 0
    assert changed.max() <= 1


@each_operation
def test_no_global_generator_is_read(operation: PixelOperation) -> None:
    images = random_images()
    states = torch.get_rng_state(), pickle.dumps(np.random.get_state()), random.getstate()
    parameters = drawn(operation, 3)
    changed = operation.apply(images, parameters)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert pickle.dumps(np.random.get_state()) == states[1]
    assert random.getstate() == states[2]
    assert torch.equal(parameters, drawn(operation, 3))
    assert torch.equal(changed, operation.apply(images, parameters))


@each_operation
def test_draws_are_as_many_each_time(operation: PixelOperation) -> None:
    assert len({len(operation.draw(generator("draw", sample))) for sample in range(20)}) == 1

"""Passes that are not computed equal those that are: fixed points, cycles, places in a batch, and FANet to the bit."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from polybench.methods.feedback.pruning import iterate
from polybench.models import FANet


class Wheel:
    """A "net" whose masks are numbers: one pixel is on, and each image says where it goes from each of its 8 places.

    Attributes:
        batches: The images of each call of `refine`, by their first value.
        chunks: The images of each call of `precompute`.
    """

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.chunks: list[list[int]] = []

    def precompute(self, images: Tensor) -> Tensor:
        self.chunks.append(images[:, 1, 0, 0].long().tolist())
        return images.clone()

    def refine(self, state: Tensor, masks: Tensor) -> Tensor:
        self.batches.append(state[:, 1, 0, 0].long().tolist())
        place = masks.flatten(1).float().argmax(1)
        goes_to = state[:, 0, 0].gather(1, place[:, None]).long()
        logits = torch.full((len(state), 8), -1.0).scatter(1, goes_to, state[:, 1, 0, :1] + 1)
        return logits.view(-1, 1, 1, 8)


def images_of(routes: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Images (N, 2, 1, 8) that go where they say, each with its number, and masks that start at place 0."""
    numbers = torch.arange(len(routes)).view(-1, 1, 1).expand(-1, 1, 8)
    images = torch.stack([torch.tensor(routes)[:, None], numbers], 1).float()
    masks = torch.zeros(len(routes), 1, 1, 8, dtype=torch.bool)
    masks[..., 0] = True
    return images, masks


STAYS = [0] * 8
"""A fixed point from the start."""
ARRIVES = [1, 2, 3, 3, 0, 0, 0, 0]
"""0, 1, 2, 3, 3, 3 and so on."""
SWINGS = [1, 2, 1, 0, 0, 0, 0, 0]
"""0, 1, 2, 1, 2: a cycle of two that does not come back to the first mask."""
TURNS = [1, 2, 0, 0, 0, 0, 0, 0]
"""0, 1, 2, 0: a cycle of three through the first mask."""
WANDERS = [1, 2, 3, 4, 5, 6, 7, 7]
"""Still moving after six passes."""
ROUTES = [STAYS, ARRIVES, SWINGS, TURNS, WANDERS]


def walk(route: Sequence[int], passes: int) -> list[int]:
    """Where the mask is after each pass, by going there."""
    place, seen = 0, []
    for _ in range(passes):
        place = route[place]
        seen.append(place)
    return seen


def places(logits: Tensor) -> int:
    assert (logits > 0).sum() == 1
    return int((logits > 0).flatten().float().argmax())


@pytest.mark.parametrize("batch_size", [None, 1, 2, 3, 5, 9])
def test_every_pass_is_where_walking_leads(batch_size: int | None) -> None:
    wheel = Wheel()
    images, masks = images_of(ROUTES)
    trajectories = iterate(wheel.precompute, wheel.refine, images, masks, 6, batch_size)
    for route, trajectory in zip(ROUTES, trajectories, strict=True):
        assert [places(trajectory.at(number)) for number in range(1, 7)] == walk(route, 6)


def test_passes_beyond_the_last_computed_follow_from_the_cycle() -> None:
    images, masks = images_of(ROUTES[:4])
    wheel = Wheel()
    trajectories = iterate(wheel.precompute, wheel.refine, images, masks, 50)
    for route, trajectory in zip(ROUTES, trajectories, strict=False):
        assert [places(trajectory.at(number)) for number in range(1, 51)] == walk(route, 50)


def test_says_how_images_end() -> None:
    wheel = Wheel()
    trajectories = iterate(wheel.precompute, wheel.refine, *images_of(ROUTES), 6)
    assert [trajectory.period for trajectory in trajectories] == [1, 1, 2, 3, 0]
    assert [len(trajectory.logits) for trajectory in trajectories] == [1, 4, 3, 3, 6]


def test_a_pass_that_nothing_tells_is_refused() -> None:
    wheel = Wheel()
    [wanders] = iterate(wheel.precompute, wheel.refine, *images_of([WANDERS]), 3)
    for number in (0, 4):
        with pytest.raises(ValueError, match=f"iteration {number} is not among the 3"):
            wanders.at(number)


def test_waiting_images_take_the_place_of_those_that_are_through() -> None:
    wheel = Wheel()
    routes = [STAYS, ARRIVES, SWINGS, STAYS, TURNS]  # 1, 4, 3, 1 and 3 passes
    iterate(wheel.precompute, wheel.refine, *images_of(routes), 10, 2)
    # Place 0 has the images 0, 2 and 4 one after the other, place 1 the images 1 and 3, and then nobody new.
    assert wheel.batches == [[0, 1], [2, 1], [2, 1], [2, 1], [4, 3], [4, 3], [4, 3]]
    assert wheel.chunks == [[0, 1], [2, 3], [4, 4]]


def test_images_and_masks_stay_as_they_are() -> None:
    images, masks = images_of(ROUTES)
    wheel = Wheel()
    iterate(lambda x: x, wheel.refine, images, masks, 6, 2)
    assert torch.equal(images, images_of(ROUTES)[0])
    assert torch.equal(masks, images_of(ROUTES)[1])


def restless_net(gate: Any, seed: int) -> FANet:
    """A narrow FANet with batch statistics unlike a fresh one's."""
    torch.manual_seed(seed)
    net = FANet(gate=gate, widths=(8, 8, 16, 16)).eval()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias, 0.0, 0.5)
    return net


def every_iteration(net: FANet, images: Tensor, masks: Tensor, size: int) -> list[list[Tensor]]:
    """The logits of ten iterations of each image, all of them computed, in batches of one size."""
    found: list[list[Tensor]] = [[] for _ in images]
    for first in range(0, len(images), size):
        places = [row if row < len(images) else first for row in range(first, first + size)]
        shown = masks[places]
        for _ in range(10):
            logits = net(images[places], shown)
            shown = logits > 0
            for row, made in zip(range(first, len(images)), logits, strict=False):
                found[row].append(made)
    return found


@pytest.mark.parametrize(
    ("gate", "seed", "periods"),
    [("frozen", 0, {2}), ("frozen", 1, {0, 1}), ("frozen", 2, {1}), ("soft", 1, {0, 1}), ("none", 2, {1})],
    ids=["cycles", "fixed-points-late", "fixed-points", "soft", "no-gate"],
)
@pytest.mark.parametrize("batch_size", [1, 3, 4, None])
def test_masks_and_logits_of_fanet_are_those_of_every_pass_computed(
    gate: str, seed: int, periods: set[int], batch_size: int | None
) -> None:
    net = restless_net(gate, seed)
    generator = torch.Generator().manual_seed(5)
    images = torch.rand(7, 3, 32, 32, generator=generator)
    masks = torch.rand(7, 1, 32, 32, generator=generator) > 0.9
    with torch.inference_mode():
        net.head.bias.sub_(net(images, masks).median())  # about half of the pixels are on
        fast = iterate(net.precompute, net.refine, images, masks, 10, batch_size)
        whole = every_iteration(net, images, masks, batch_size or len(images))
    assert {trajectory.period for trajectory in fast} == periods
    assert any(len(trajectory.logits) < 10 for trajectory in fast)
    for one, other in zip(fast, whole, strict=True):
        assert all(torch.equal(one.at(number), made) for number, made in enumerate(other, start=1))

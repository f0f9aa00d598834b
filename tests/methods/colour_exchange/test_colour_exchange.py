"""Colours of training images are exchanged: scikit-image's CIE Lab, the field of view, training alone."""

import pytest
import torch
from skimage.color import rgb2lab
from torch import Tensor, nn

from polybench.data.sample import Batch
from polybench.losses import BCEDiceLoss
from polybench.methods.colour_exchange import ColourExchangeTask
from polybench.methods.colour_exchange.task import exchange_colours


def three_images() -> Tensor:
    """Images of 12x16 in different colours, with a deviation so small that nothing is clipped."""
    random = torch.Generator().manual_seed(0)
    base = torch.tensor([[0.7, 0.4, 0.3], [0.5, 0.5, 0.6], [0.6, 0.5, 0.4]])[:, :, None, None]
    return base + 0.04 * torch.rand(3, 3, 12, 16, generator=random)


def in_lab(image: Tensor) -> Tensor:
    """(3, H, W) to (H * W, 3) by scikit-image."""
    return torch.from_numpy(rgb2lab(image.permute(1, 2, 0).double().numpy())).flatten(0, 1)


def test_each_image_gets_the_statistics_of_the_next_and_keeps_its_structure() -> None:
    images = three_images()
    found = exchange_colours(images, torch.ones(3, 1, 12, 16))
    for own, other, exchanged in zip(images, images.roll(-1, 0), found, strict=True):
        mine, theirs, now = in_lab(own), in_lab(other), in_lab(exchanged)
        expected = (mine - mine.mean(0)) / mine.std(0, correction=0) * theirs.std(0, correction=0) + theirs.mean(0)
        torch.testing.assert_close(now, expected, atol=0.05, rtol=0)


def test_statistics_are_those_of_the_field_of_view_and_the_rest_stays() -> None:
    images, valid = three_images(), torch.ones(3, 1, 12, 16)
    valid[..., :4] = 0
    framed = images.clone()
    framed[..., :4] = 0
    found = exchange_colours(framed, valid)
    assert bool((found[..., :4] == 0).all())
    alone = exchange_colours(images[..., 4:].contiguous(), valid[..., 4:])
    torch.testing.assert_close(found[..., 4:], alone, atol=1e-5, rtol=1e-5)


def test_images_of_one_colour_and_without_a_field_of_view_stay_finite_and_in_range() -> None:
    images = torch.stack([torch.full((3, 4, 4), 0.5), torch.rand(3, 4, 4, generator=torch.Generator().manual_seed(1))])
    for valid in (torch.ones(2, 1, 4, 4), torch.zeros(2, 1, 4, 4)):
        found = exchange_colours(images, valid)
        assert bool(found.isfinite().all())
        assert 0 <= float(found.min()) <= float(found.max()) <= 1


class Remembering(nn.Module):
    """One weight, and the images that it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.seen = torch.empty(0)

    def forward(self, images: Tensor) -> Tensor:
        self.seen = images
        return images[:, :1] * self.weight


@pytest.mark.filterwarnings("ignore:You are trying to")
def test_training_exchanges_and_evaluation_does_not() -> None:
    images = three_images()
    valid = torch.ones(3, 1, 12, 16)
    batch: Batch = {"image": images, "mask": valid, "valid": valid, "id": ["a", "b", "c"]}  # type: ignore[typeddict-item]
    net = Remembering()
    task = ColourExchangeTask(net, BCEDiceLoss(), mean=(0, 0, 0), std=(1, 1, 1))
    task.training_step(batch, 0)
    assert torch.equal(net.seen, exchange_colours(images, valid))
    assert batch["image"] is images
    task(images)
    assert torch.equal(net.seen, images)
    one: Batch = {key: value[:1] for key, value in batch.items()}  # type: ignore[assignment, index]
    task.training_step(one, 0)
    assert torch.equal(net.seen, images[:1])

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from polybench.augment.colour import Brightness, Grey
from polybench.augment.geometry import Affine, HorizontalFlip, Rotate, Rotate90
from polybench.augment.operations import Chain, GeometricOperation, PixelOperation, Step
from polybench.augment.stages import Border, Frame
from polybench.augment.transform import Draw, Transform
from polybench.augment.warps import ElasticDeformation, GridDistortion, OpticalDistortion
from polybench.core.randomness import generator

SIZE = (47, 39)
WARPS = (
    ElasticDeformation(deviation=0.03, smoothness=0.1, affine=0.03),
    GridDistortion(steps=3, limit=0.3),
    OpticalDistortion(limit=0.5, shift=0.05),
)


def chain(*operations: GeometricOperation | PixelOperation) -> Chain:
    return tuple(Step(operation) for operation in operations)


def transform(
    links: Chain, samples: int, *, size: tuple[int, int] = SIZE, border: Border = "zeros", key: str = "sample"
) -> Transform:
    draws = []
    for sample in range(samples):
        source = generator(key, sample)
        draws.append(Draw(0, {step: link.operation.draw(source) for step, link in enumerate(links)}))
    return Transform([links], draws, Frame(size, torch.device("cpu"), border))


def by_hand(links: Chain, *parameters: tuple[float, ...], size: tuple[int, int], border: Border = "zeros") -> Transform:
    return Transform([links], [Draw(0, dict(enumerate(parameters)))], Frame(size, torch.device("cpu"), border))


def disc(samples: int, size: tuple[int, int] = SIZE) -> Tensor:
    """Draw discs (samples, 1, H, W), each at a place of its own."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, size[0]), torch.linspace(-1, 1, size[1]), indexing="ij")
    return torch.stack([(((x - s / 20) ** 2 + (y + s / 30) ** 2) < 0.3).float()[None] for s in range(samples)])


def test_a_fused_chain_shows_what_one_after_the_other_shows() -> None:
    y, x = torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 64), indexing="ij")
    image = torch.exp(-6 * ((x - 0.2) ** 2 + 2 * (y + 0.1) ** 2)).expand(1, 3, 64, 64)
    operations = (HorizontalFlip(), Rotate(30), WARPS[0], Affine(10, (0.8, 1.2), 0.1), WARPS[1], WARPS[2], Rotate90())
    source = generator("chain 0")  # nothing bright leaves the frame on the way
    parameters = [operation.draw(source) for operation in operations]
    fused = by_hand(chain(*operations), *parameters, size=(64, 64)).image(image)
    for operation, drawn in zip(operations, parameters, strict=True):
        image = by_hand(chain(operation), drawn, size=(64, 64)).image(image)
    assert (fused - image).abs().max() < 0.02  # six interpolations blur the peak
    assert (fused - image).abs().mean() < 0.001


def test_pixels_that_left_the_frame_come_back() -> None:
    image, there, back = (
        torch.rand(1, 3, 8, 8, generator=generator("away")),
        (0.0, 1.0, 0.5, 0.0),
        (0.0, 1.0, -0.5, 0.0),
    )
    links = chain(Affine(shift=0.5), Affine(shift=0.5))
    assert torch.equal(by_hand(links, there, back, size=(8, 8)).image(image), image)


def test_a_pixel_operation_works_at_its_place_in_the_chain() -> None:
    # Shifted in before it is brightened, the black beyond the border is brightened too; after it, it is not.
    image, shift = torch.full((1, 3, 4, 4), 0.5), (0.0, 1.0, 0.25, 0.0)
    move, brighten = Affine(shift=0.25), Brightness(0.2)
    first = by_hand(chain(move, brighten), shift, (0.2,), size=(4, 4)).image(image)
    last = by_hand(chain(brighten, move), (0.2,), shift, size=(4, 4)).image(image)
    assert first[0, 0, 0].tolist() == pytest.approx([0.2, 0.7, 0.7, 0.7])
    assert last[0, 0, 0].tolist() == pytest.approx([0.0, 0.7, 0.7, 0.7])


@pytest.mark.parametrize(
    ("border", "expected"), [("zeros", [0, 0, 1, 2]), ("border", [1, 1, 1, 2]), ("reflection", [2, 1, 1, 2])]
)
def test_what_lies_beyond_the_border(border: Border, expected: list[float]) -> None:
    image = (torch.arange(8.0) + 1).expand(1, 1, 8, 8)
    shifted = by_hand(chain(Affine(shift=0.25)), (0.0, 1.0, 0.25, 0.0), size=(8, 8), border=border)
    assert shifted.image(image)[0, 0, 0, :4].tolist() == pytest.approx(expected, abs=1e-4)
    assert shifted.mask(image)[0, 0, 0, :4].tolist() == expected


@pytest.mark.parametrize("border", ["zeros", "reflection", "border"])
def test_masks_stay_binary_and_go_with_their_images(border: Border) -> None:
    links = chain(Rotate(180), *WARPS, Grey(), Affine(20, (0.8, 1.25), 0.1))
    moving, discs = transform(links, 6, border=border), disc(6)
    images, masks = moving.image(discs.repeat(1, 3, 1, 1))[:, :1], moving.mask(discs)
    assert set(masks.unique().tolist()) == {0.0, 1.0}
    inside, outside = images > 0.999, images < 0.001
    assert (masks[inside] == 1).all()
    assert (masks[outside] == 0).all()
    assert (inside | outside).float().mean() > 0.8
    assert (inside.sum((1, 2, 3)) > 100).all()


def test_all_classes_of_a_mask_move_alike() -> None:
    moving, discs = transform(chain(Rotate(180), WARPS[0]), 2), disc(2)
    assert torch.equal(moving.mask(discs.repeat(1, 3, 1, 1)), moving.mask(discs).repeat(1, 3, 1, 1))


def test_a_transform_repeats_itself_and_spares_what_it_is_given() -> None:
    images = torch.rand(3, 3, *SIZE, generator=generator("images"))
    given = images.clone()
    moving = transform(chain(Brightness(0.2), Rotate(30), WARPS[0], HorizontalFlip()), 3)
    assert torch.equal(moving.image(images), moving.image(images))
    assert torch.equal(images, given)


def test_only_the_samples_that_are_changed_are_touched() -> None:
    images = torch.rand(4, 3, *SIZE, generator=generator("images"))
    given = images.clone()
    draws = [Draw(0, {}), Draw(0, {0: (30.0,)}), Draw(0, {}), Draw(0, {0: (-20.0,), 1: ()})]
    changed = Transform([chain(Rotate(30), HorizontalFlip())], draws, Frame(SIZE, torch.device("cpu"), "zeros")).image(
        images
    )
    assert torch.equal(changed[[0, 2]], given[[0, 2]])
    assert torch.equal(images, given)
    assert not torch.equal(changed[1], given[1])
    assert not torch.equal(changed[3], given[3])


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="values"):
        transform(chain(Rotate(30)), 2).mask(F.pad(disc(2), (1, 0)))


def test_everything_happens_on_the_device_of_the_batch() -> None:
    # The meta device refuses to meet tensors of another one, and computes nothing.
    links = chain(Rotate(30), *WARPS, Brightness(0.2), HorizontalFlip())
    draws = [Draw(0, {step: link.operation.draw(generator(n)) for step, link in enumerate(links)}) for n in range(3)]
    moving = Transform([links], [*draws, Draw(0, {})], Frame(SIZE, torch.device("meta"), "reflection"))
    assert moving.image(torch.empty(4, 3, *SIZE, device="meta")).device.type == "meta"
    assert moving.mask(torch.empty(4, 1, *SIZE, device="meta")).device.type == "meta"

import random

import numpy as np
import pytest
import torch
from jsonargparse import ArgumentParser
from torch import Tensor

from polybench.augment import POLICY_NAMES, Policy, named_policy
from polybench.augment.blur import GaussianNoise
from polybench.augment.geometry import HorizontalFlip, Rotate
from polybench.augment.operations import Step
from polybench.augment.warps import ElasticDeformation
from polybench.core.errors import ConfigError
from polybench.core.randomness import generator

CPU = torch.device("cpu")
NAMES = [f"image{number}" for number in range(8)]
OWN = Policy(
    "own",
    variants=[
        (Step(Rotate(30), 0.5), Step(GaussianNoise((0.1, 0.2)), 0.5), Step(ElasticDeformation(0.02, 0.1, 0.02), 0.5))
    ],
)
POLICIES = [*map(named_policy, POLICY_NAMES), OWN]


def images(count: int = 8, size: tuple[int, int] = (37, 45)) -> Tensor:
    return torch.rand(count, 3, *size, generator=generator("images"))


def augmented(policy: Policy, batch: Tensor, names: list[str], epoch: int = 0) -> Tensor:
    size = (batch.shape[-2], batch.shape[-1])
    return policy.transform([(5, epoch, name) for name in names], size, CPU).image(batch)


def variants(policy: Policy, batch: Tensor, key: tuple[int | str, ...] = (5, "image")) -> Tensor:
    """Make all variants of a policy, one of each sample."""
    size = (batch.shape[-2], batch.shape[-1])
    return policy.transform([key] * len(batch), size, CPU, list(range(len(batch)))).image(batch)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
def test_a_sample_is_augmented_alike_alone_and_in_any_batch(policy: Policy) -> None:
    batch = images()
    for epoch in range(3):
        together = augmented(policy, batch, NAMES, epoch)
        alone = [augmented(policy, batch[i : i + 1], [name], epoch) for i, name in enumerate(NAMES)]
        assert torch.equal(together, torch.cat(alone))
        assert torch.equal(together.flip(0), augmented(policy, batch.flip(0), NAMES[::-1], epoch))


@pytest.mark.parametrize("policy", POLICIES[1:], ids=lambda policy: policy.name)
def test_another_epoch_or_sample_draws_anew(policy: Policy) -> None:
    same = images(1).expand(8, -1, -1, -1)
    first, second = (augmented(policy, same, NAMES, epoch) for epoch in (0, 1))
    assert sum(torch.equal(a, b) for a, b in zip(first, second, strict=True)) <= 4  # fanet leaves 1 in 4 as it is
    assert len({image.numpy().tobytes() for image in first}) >= 4


def test_none_gives_the_batch_back() -> None:
    batch = images()
    assert augmented(named_policy("none"), batch, NAMES) is batch


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
def test_no_global_generator_is_read_or_moved(policy: Policy) -> None:
    batch, before = images(), (torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist())
    first = augmented(policy, batch, NAMES)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before[1:]
    torch.manual_seed(99)
    assert torch.equal(augmented(policy, batch, NAMES), first)


def test_a_wrong_name_is_an_error_that_suggests_the_right_one() -> None:
    with pytest.raises(ConfigError, match=r"no augmentation policy 'efen'.*Did you mean 'efen25'"):
        named_policy("efen")


def test_efen25_is_the_released_list_in_its_order() -> None:
    # The calls of DoubleU-Net's data.py, from x1 to x25.
    released = (
        "CenterCrop Crop RandomRotate90 Transpose ElasticTransform GridDistortion OpticalDistortion VerticalFlip "
        "HorizontalFlip grey grey+VerticalFlip grey+HorizontalFlip grey+CenterCrop RandomBrightnessContrast "
        "RandomGamma HueSaturationValue RGBShift RandomBrightness RandomContrast MotionBlur MedianBlur GaussianBlur "
        "GaussNoise ChannelShuffle CoarseDropout"
    )
    ours = {
        "CentreCrop": "CenterCrop", "RandomCrop": "Crop", "Rotate90": "RandomRotate90", "Grey": "grey",
        "ElasticDeformation": "ElasticTransform", "BrightnessContrast": "RandomBrightnessContrast",
        "Gamma": "RandomGamma", "Brightness": "RandomBrightness", "Contrast": "RandomContrast",
        "GaussianNoise": "GaussNoise",
    }  # fmt: skip
    chains = [[type(step.operation).__name__ for step in chain] for chain in named_policy("efen25").variants]
    assert ["+".join(ours.get(name, name) for name in chain) for chain in chains] == ["", *released.split()]


def test_efen25_makes_26_different_pictures_the_first_unchanged() -> None:
    batch = images(1, (64, 64)).expand(26, -1, -1, -1)
    pictures = variants(named_policy("efen25"), batch, (5, "image3"))  # one whose channels aren't shuffled into order
    assert torch.equal(pictures[0], batch[0])
    assert len({picture.numpy().tobytes() for picture in pictures}) == 26


def test_a_variant_is_what_its_number_says_whatever_the_key() -> None:
    batch = images(1, (32, 32)).expand(26, -1, -1, -1)
    for key in [(1, "a"), (2, "b")]:
        pictures = variants(named_policy("efen25"), batch, key)
        assert torch.equal(pictures[9], batch[0].flip(2))
        assert torch.equal(pictures[4], batch[0].transpose(1, 2))
        assert torch.equal(pictures[11], pictures[10].flip(1))


def test_a_variant_is_fixed_by_seed_and_id() -> None:
    batch = images(1, (32, 32)).expand(26, -1, -1, -1)
    policy = named_policy("efen25")
    assert torch.equal(variants(policy, batch), variants(policy, batch))
    others = variants(policy, batch, (5, "another image"))
    drawn = [number for number in range(26) if not torch.equal(variants(policy, batch)[number], others[number])]
    settled = {0, 1, 4, 8, 9, 10, 11, 12, 13, 21}  # without choice; quarter turns and channel orders may coincide
    assert set(drawn) | {3, 24} == set(range(26)) - settled


def test_each_variant_is_as_likely_online() -> None:
    flip = HorizontalFlip()
    policy = Policy("choice", variants=[(), (Step(flip),), (Step(flip), Step(flip))])
    row = torch.tensor([0.0, 1.0]).expand(900, 3, 2, 2)
    flipped = augmented(policy, row, [str(i) for i in range(900)])[:, 0, 0, 0]
    assert flipped.mean().item() == pytest.approx(1 / 3, abs=0.06)  # four standard errors


def test_a_step_is_as_likely_as_it_says() -> None:
    policy = Policy("seldom", variants=[(Step(HorizontalFlip(), 0.3),)])
    row = torch.tensor([0.0, 1.0]).expand(900, 3, 2, 2)
    flipped = augmented(policy, row, [str(i) for i in range(900)])[:, 0, 0, 0]
    assert flipped.mean().item() == pytest.approx(0.3, abs=0.06)


def test_fanet_is_the_released_list() -> None:
    (chain,) = named_policy("fanet").variants
    assert [(repr(step.operation), step.probability) for step in chain] == [
        ("Rotate(degrees=35)", 0.3),
        ("HorizontalFlip()", 0.3),
        ("VerticalFlip()", 0.3),
        ("CoarseDropout(holes=10, share=0.125)", 0.3),
    ]


# Train and "Train after aug." of table I.
TABLE_I = [(880, 16720), (490, 14210), (335, 10720), (1815, 39930), (24, 384), (20, 640), (20, 640)]


@pytest.mark.parametrize(("images", "augmented"), TABLE_I)
def test_fanet_paper_makes_as_many_images_as_table_i(images: int, augmented: int) -> None:
    chains = named_policy(f"fanet_paper{augmented // images}").variants
    assert len(chains) * images == augmented
    assert chains[0] == ()
    assert len({repr(chain) for chain in chains}) == len(chains)


def test_fanet_paper_is_the_printed_list() -> None:
    names = [[type(step.operation).__name__ for step in chain] for chain in named_policy("fanet_paper16").variants]
    listed = (
        "RandomCrop HorizontalFlip VerticalFlip Rotate ElasticDeformation GridDistortion OpticalDistortion Grey "
        "Brightness Contrast ChannelShuffle CoarseDropout"
    )
    assert ["+".join(chain) for chain in names[:13]] == ["", *listed.split()]
    assert ["+".join(chain) for chain in names[13:]] == [
        f"{name}+HorizontalFlip" for name in ("RandomCrop", "Rotate", "ElasticDeformation")
    ]


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [({"border": "mirror"}, "border must be one of zeros, reflection, border"), ({"variants": []}, "no variants")],
)
def test_a_policy_that_makes_no_sense_is_refused(kwargs: dict[str, object], message: str) -> None:
    arguments: dict[str, object] = {"name": "own", "variants": [()], **kwargs}
    with pytest.raises(ConfigError, match=message):
        Policy(**arguments)  # type: ignore[arg-type]


def test_a_probability_above_one_is_refused() -> None:
    with pytest.raises(ConfigError, match="HorizontalFlip must be between 0 and 1"):
        Step(HorizontalFlip(), 30)


def test_a_recipe_can_spell_out_a_policy() -> None:
    rotate = {"class_path": "polybench.augment.geometry.Rotate", "init_args": {"degrees": 10}}
    flip = {"class_path": "polybench.augment.geometry.HorizontalFlip"}
    steps = [{"operation": rotate, "probability": 0.5}, {"operation": flip}]
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--augment", type=str | Policy)
    parsed = parser.parse_object(
        {"augment": {"class_path": "polybench.augment.Policy", "init_args": {"name": "mine", "variants": [steps]}}}
    )
    built = parser.instantiate(parsed).augment
    assert built == Policy("mine", variants=[[Step(Rotate(10), 0.5), Step(HorizontalFlip())]])


@pytest.mark.parametrize(("radius", "share"), [(15, 0.915), (30, 0.957)])
def test_truncated_masks_shrink_as_those_of_the_released_code(radius: int, share: float) -> None:
    """The shares were measured on the released code's way with scipy's affine_transform, 200 random transforms."""
    y, x = torch.meshgrid(torch.arange(128) - 63.5, torch.arange(128) - 63.5, indexing="ij")
    discs = ((x**2 + y**2) <= radius**2).float().expand(64, 1, -1, -1)
    areas = []
    for name in ("keras_fcn", "keras_fcn_eroding"):
        transform = named_policy(name).transform([(0, i) for i in range(64)], (128, 128), CPU)
        masks = transform.mask(discs)
        assert set(masks.unique().tolist()) == {0.0, 1.0}
        areas.append(masks.sum(dim=(1, 2, 3)))
    inside = areas[0] >= 0.5 * discs[0].sum() * 0.8**2  # not those that are shifted out of the frame
    assert float((areas[1] / areas[0])[inside].mean()) == pytest.approx(share, abs=0.006)


def test_truncated_masks_turn_with_their_images() -> None:
    """A right angle mixes no pixels, so that nothing erodes: the mask is the image's red channel."""
    image = (images(8, (32, 32)) > 0.5).float()
    policy = Policy("flips", variants=[(Step(HorizontalFlip()),)], masks="truncated")
    transform = policy.transform([(0, name) for name in NAMES], (32, 32), CPU)
    assert torch.equal(transform.mask(image[:, :1]), transform.image(image)[:, :1])


def test_unknown_way_with_masks_is_refused() -> None:
    with pytest.raises(ConfigError, match="masks must be one of nearest, truncated, not 'rounded'"):
        Policy("own", variants=[()], masks="rounded")  # type: ignore[arg-type]

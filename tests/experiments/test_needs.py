"""What a run needs and what its split means, said at its start."""

import pytest

from polybench.data.patch_module import PatchDataModule
from polybench.datasets import ClinicDBDataModule
from polybench.experiments.needs import random_start, split_note, weights_note
from tests.experiments.resolved import recipes


@pytest.mark.parametrize(
    ("recipe", "option", "encoder"),
    [
        ("efen_clinicdb", "--model.net.pretrained false", "VGG19"),
        ("smp_unet_resnet34_em", "--model.net.encoder_weights null", "resnet34"),
        ("patches_clinicdb", "--model.net.encoder_weights null", "resnet50"),
        ("bsan_kvasir_seg", "--model.net.pretrained false", "Swin-T"),
        ("fanet_em", None, ""),
        ("quickstart", None, ""),
    ],
)
def test_weights_are_named_with_the_option_that_does_without(recipe: str, option: str | None, encoder: str) -> None:
    model = recipes()[recipe]["model"]
    note = weights_note(model)
    assert random_start(model) == option
    assert (note is None) if option is None else (note is not None and option in note and encoder in note)


def test_split_that_shares_groups_is_named_with_one_that_does_not() -> None:
    note = split_note(ClinicDBDataModule(split="reconstructed_efen_8_1_1"))
    assert note is not None
    assert "'reconstructed_efen_8_1_1'" in note
    assert "--data.split sequence_disjoint" in note
    assert split_note(ClinicDBDataModule(split="sequence_disjoint")) is None


def test_split_of_patches_is_that_of_their_images() -> None:
    note = split_note(PatchDataModule(ClinicDBDataModule(split="reconstructed_efen_8_1_1")))
    assert note is not None
    assert "--data.source.split sequence_disjoint" in note

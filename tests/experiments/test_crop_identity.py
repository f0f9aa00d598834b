"""Crops in the identity of runs, in the words of pages, and in what a fit says; where crops are refused."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from polybench.core.errors import ConfigError
from polybench.data.crops import Crop
from polybench.data.module import SegmentationDataModule
from polybench.data.patch_module import PatchDataModule
from polybench.datasets import FolderDataModule
from polybench.experiments.identity import Batch, config_id, evaluation_id, training_id
from polybench.experiments.needs import input_words, size_note
from polybench.methods.transfer.joint_module import JointDataModule
from polybench.results.fact_parts import CropFacts
from polybench.results.facts import Counts, DatasetFacts
from polybench.results.quantities import network_input, scored_at
from tests.data.crop_frames import write_round_frames

WHOLE = DatasetFacts("set", "m" * 64, True, (), "split", "s" * 64, True, "", False, (), Counts(6, 3, 3), (64, 64))
CROPPED = replace(WHOLE, crop=CropFacts(scale=0.5, foreground=0.25, in_view=0.5, per_image=4, overlap=16))
CROP = {"size": 64, "scale": 0.5, "foreground": 0.25, "in_view": 0.5, "per_image": 4, "overlap": None}


def config(**arguments: Any) -> dict[str, Any]:
    """A configuration whose data module has some arguments."""
    common = {"root": "data", "size": [64, 64], "augment": "none", "batch_size": 8, "eval_batch_size": 8}
    path = "polybench.datasets.ClinicDBDataModule"
    net = {"class_path": "polybench.models.EFEN", "init_args": {"widths": [8, 16, 32, 64]}}
    model = {"net": net, "loss": {"class_path": "torch.nn.BCEWithLogitsLoss"}}
    return {
        "name": "x",
        "seed_everything": 0,
        "data": {"class_path": path, "init_args": {**common, **arguments}},
        "model": {"class_path": "polybench.tasks.SegmentationTask", "init_args": model},
        "trainer": {"max_epochs": 5, "devices": 1, "callbacks": None},
    }


def trained(**arguments: Any) -> str:
    return training_id(config(**arguments), WHOLE, Batch(8, 8), None)


def evaluated(**numbers: Any) -> str:
    crop = None if not numbers else replace(CropFacts(0.5, 0.25, 0.5, 4, 16), **numbers)
    return evaluation_id(config(), replace(WHOLE, crop=crop), ["per_image@2"])


def test_no_crop_changes_no_identity() -> None:
    assert trained(crop=None) == trained()


def test_each_number_of_crops_is_of_the_identity_of_a_training() -> None:
    changes = [{"size": 32}, {"scale": 1.0}, {"foreground": 0.5}, {"in_view": 0.0}, {"per_image": 8}]
    ids = [trained(), trained(crop=CROP), *(trained(crop={**CROP, **change}) for change in changes)]
    assert len(set(ids)) == len(ids)


def test_overlap_of_tiles_is_of_the_identity_of_an_evaluation_alone() -> None:
    configs = [config(crop={**CROP, "overlap": overlap}) for overlap in (None, 16, 8)]
    assert len({training_id(one, CROPPED, Batch(8, 8), None) for one in configs}) == 1
    usual, same, other = (evaluation_id(one, CROPPED, ["per_image@2"]) for one in configs)
    assert usual == same != other
    assert config_id(configs[0]) == config_id(configs[1]) != config_id(configs[2])  # what a fit resumes


def test_the_size_beside_crops_is_theirs_in_an_identity() -> None:
    assert trained(crop=CROP, size=[512, 512]) == trained(crop=CROP, size=[64, 64])


def test_scale_and_overlap_of_tiles_are_of_the_identity_of_an_evaluation() -> None:
    ids = {evaluated(), evaluated(scale=0.5), evaluated(scale=1.0), evaluated(overlap=8)}
    assert len(ids) == 4
    assert evaluated(foreground=0.5) == evaluated(per_image=2) == evaluated(scale=0.5)  # of training alone


def test_pages_name_crops_whole_frames_and_patches_apart() -> None:
    times = "\N{MULTIPLICATION SIGN}"
    assert network_input(CROPPED) == f"crops 64{times}64 at scale 0.5"
    assert network_input(WHOLE) == f"whole frames, 64{times}64"
    assert network_input(replace(WHOLE, patches_sha256="p" * 64)) == f"64{times}64"
    assert (scored_at(CROPPED), scored_at(WHOLE)) == ("scale 0.5", f"64{times}64")


@pytest.mark.parametrize(
    ("size", "words", "noted"),
    [
        ([64, 64], [], False),
        ([512, 512], [], True),  # of a recipe
        ([256, 256], [], False),  # the default
        ([256, 256], ["--data.size", "[256,256]"], True),
    ],
)
def test_a_stated_size_that_crops_replace_is_noted(size: list[int], words: list[str], noted: bool) -> None:
    note = size_note({"init_args": {"size": size, "crop": CROP}}, words)
    assert (note is not None) == noted
    assert note is None or f"64x64 by --data.crop.size; the size {size[0]}x{size[1]} beside it has no effect" in note
    assert size_note({"init_args": {"size": size, "crop": None}}, words) is None


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_round_frames(tmp_path / "frames")


def data_of(root: Path, crop: Crop | None) -> SegmentationDataModule:
    return FolderDataModule(str(root), str(root / "split.csv"), size=(24, 32), crop=crop)


def test_a_fit_says_what_its_net_sees(root: Path) -> None:
    assert input_words(data_of(root, Crop(16))) == "crops 16x16 at scale 1"
    assert input_words(data_of(root, None)) == "whole frames at 24x32"
    assert input_words(PatchDataModule(data_of(root, None), size=24)) == "patches at 24x24"


def test_patches_and_joint_training_refuse_crops(root: Path) -> None:
    data = data_of(root, Crop(16))
    with pytest.raises(ConfigError, match=r"from whole native images: leave out data\.source\.crop"):
        PatchDataModule(data)
    with pytest.raises(ConfigError, match=r"is on whole images beside patches: leave out data\.images\.crop"):
        JointDataModule(data, partial(PatchDataModule, size=16))

"""Candidates of a dataset: their variants, their classes in equal numbers, their subsets, and what a test averages."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from polybench.cli.main import run
from polybench.core.errors import ConfigError, DataError
from polybench.data.patches import Jitter, cut
from polybench.datasets import ClinicDBDataModule, KvasirSEGDataModule
from polybench.methods.finetuning import CandidateDataModule
from polybench.methods.finetuning.candidates import CandidateList, read_list, write_list
from polybench.results.record import Record
from polybench.synth.dataset import write_dataset
from tests.cli.recipes import write_recipe


def make(root: Path, candidates: str = "boxes", **options: Any) -> CandidateDataModule:
    source = ClinicDBDataModule(str(root), split=str(root / "split.csv"))
    data = CandidateDataModule(source, candidates, **{"size": 24, "seed": 3, "batch_size": 4, **options})
    data.prepare_data()
    data.setup("fit")
    return data


def test_variants_are_the_places_of_jitter_in_eight_orientations(frames: Path) -> None:
    jitter = Jitter()
    data = make(frames, jitter=jitter)
    item = data.items("train")[0]
    assert data.variants == data.test_variants == 120
    image = data.source.cache.image(data.source.cache.position[item.image])
    boxes = jitter.boxes(np.array(item.box))
    for variant in (0, 14, 15, 119):
        expected = cut(image, boxes[variant % 15], 24, variant // 15)
        assert np.array_equal(data.read(item, variant), expected)
    assert np.array_equal(data.read(item, 0), cut(image, np.array(item.box), 24))


def test_each_epoch_has_as_many_of_either_class_and_other_negatives(frames: Path) -> None:
    data = make(frames, jitter=Jitter())
    samples = data.train_dataloader().dataset
    count = len(samples)  # type: ignore[arg-type]
    epochs = [[samples[epoch * count + place] for place in range(count)] for epoch in (0, 1, 0)]
    for epoch in epochs:
        assert Counter(sample["label"] for sample in epoch) == {0: 6, 1: 6}
    first, second, again = ([sample["id"] for sample in epoch] for epoch in epochs)
    assert first == again
    assert set(first) != set(second)
    assert all(torch.equal(one["image"], other["image"]) for one, other in zip(epochs[0], epochs[2], strict=True))


def test_a_test_has_all_variants_of_each_candidate(frames: Path) -> None:
    data = make(frames, jitter=Jitter(flips=False), test_variants=15)
    batches = list(data.evaluation_dataloader("test"))
    ids = [row for batch in batches for row in batch["id"]]
    assert Counter(row.rpartition("#")[0] for row in ids) == dict.fromkeys(data.ids("test"), 15)
    assert [len(batch["id"]) for batch in data.evaluation_dataloader("val")] == [len(data.ids("val"))]


def test_images_without_candidates_are_counted(frames: Path, tmp_path: Path) -> None:
    whole = make(frames).listed
    assert whole is not None
    kept = tuple(one for one in whole.candidates if one.image != "12")
    path = tmp_path / "list.json"
    write_list(CandidateList(whole.dataset, whole.manifest_sha256, "detector", whole.lesions, kept), path)
    data = make(frames, str(path))
    assert data.ids("test")[-1] == "12/none"
    item = data.items("test")[-1]
    assert (item.candidate, item.label, item.lesions) == (False, 0, 1)
    batch = list(data.evaluation_dataloader("test"))[-1]
    assert batch["candidate"].tolist()[-1] is False
    assert data.found("test").detected == 3


def test_test_candidates_are_part_of_the_facts(frames: Path) -> None:
    facts = [
        make(frames, jitter=Jitter(), **options).facts() for options in ({}, {"share": 0.5}, {"test_variants": 15})
    ]
    assert facts[0].patches_sha256 == facts[1].patches_sha256 != facts[2].patches_sha256
    assert facts[0].ranked_by == "candidates"


def test_numbers_of_variants_are_checked(frames: Path) -> None:
    with pytest.raises(
        ConfigError, match="test_variants must be from 1 to the 120 variants that jitter gives, not 121"
    ):
        make(frames, jitter=Jitter(), test_variants=121)
    with pytest.raises(ConfigError, match="validation_variants must be from 1 to the 1 variants"):
        make(frames, validation_variants=2)


RECIPE = """
name: tiny
budget: smoke
data:
  class_path: CandidateDataModule
  init_args: {{candidates: {candidates}, size: 32, batch_size: 4, test_variants: 3, jitter: {{}}, source: {source}}}
model:
  class_path: CandidateClassificationTask
  init_args:
    net:
      class_path: polybench.models.PatchClassifier
      init_args: {{encoder: tu-test_efficientnet, encoder_weights: null}}
    optimizer: {{class_path: torch.optim.SGD, init_args: {{lr: 0.01, momentum: 0.9}}}}
    parameter_groups: {{class_path: LayerwiseTuning, init_args: {{depth: blocks.2}}}}
checkpoint: {{monitor: val/auc, mode: max}}
trainer: {{max_epochs: 1, accelerator: cpu, enable_progress_bar: false}}
"""


def record_of(folder: Path) -> Record:
    path = folder / "record.json"
    return Record.from_json(path.read_text(), path)


def detector(folder: Path, root: Path) -> Path:
    """The checkpoint of a segmentation net that was trained on the frames of a folder for an epoch."""
    words = ["--config", str(write_recipe(folder, root)), "--trainer.max_epochs", "1", "--no_leaderboard"]
    assert run(["fit", *words, "--trainer.default_root_dir", str(folder / "detector")]) == 0
    return folder / "detector" / "checkpoints" / "best.ckpt"


def test_candidates_of_a_detector_of_other_images(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    checkpoint = detector(tmp_path, data_root)
    write_dataset(KvasirSEGDataModule, tmp_path / "kvasir", n=16, size=(64, 64))
    source = "{class_path: KvasirSEGDataModule, init_args: {root: kvasir, allow_missing: true}}"
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(candidates=checkpoint, source=source))
    code = run(["fit", "--config", "recipe.yaml", "--trainer.default_root_dir", "run", "--data.threshold", "0.4"])
    assert code == 0, capsys.readouterr().err
    record = record_of(tmp_path / "run")
    section = record.sections["finetuning"]
    assert section.data["origin"] == "detector"
    assert "trained on clinicdb" in section.facts["Proposed by"]
    assert section.facts["Depth"].startswith("blocks.2: ")
    assert set(record.metrics) == {"candidates@1"}
    assert (tmp_path / "leaderboards" / "kvasir_seg.md").is_file()
    (listed,) = (tmp_path / "run").rglob("candidates.json")
    assert read_list(listed).dataset == "kvasir_seg"
    assert run(["leaderboard", "--check"]) == 0, capsys.readouterr().err


def test_a_detector_that_saw_the_images_is_refused(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    checkpoint = detector(tmp_path, data_root)
    source = f"{{class_path: ClinicDBDataModule, init_args: {{root: {data_root}, split: {data_root / 'split.csv'}}}}}"
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(candidates=checkpoint, source=source))
    assert run(["fit", "--config", "recipe.yaml"]) == 2
    assert "was trained or selected on 4 groups of images of this study, such as 'frames/1'" in capsys.readouterr().err


def test_what_is_not_there_is_refused_before_a_net_is_built(tmp_path: Path) -> None:
    source = {"class_path": "polybench.datasets.ClinicDBDataModule", "init_args": {"root": str(tmp_path)}}
    with pytest.raises(DataError, match=r"no list of candidates 'none\.json'"):
        CandidateDataModule.look_for_files({"source": source, "candidates": "none.json"})
    with pytest.raises(ConfigError, match=r"no checkpoint 'none\.ckpt'"):
        CandidateDataModule.look_for_files({"source": source, "candidates": "none.ckpt"})
    with pytest.raises(DataError, match="There is no folder"):
        CandidateDataModule.look_for_files({"source": source, "candidates": "boxes"})

"""`--refine` of `predict` and `test`, beside a refinement made with scikit-image and a classifier built by hand."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy.optimize import linear_sum_assignment
from skimage.measure import label, regionprops
from sklearn.metrics import f1_score, jaccard_score
from torch.nn.functional import interpolate
from torchvision.transforms.functional import normalize

from polybench.cli.main import run
from polybench.core.errors import ConfigError
from polybench.data.patches import cut
from polybench.methods.refinement.options import read_thresholds
from polybench.models import PatchClassifier
from tests.cli.conftest import Refinable
from tests.cli.recipes import start

TESTED = ("9", "10", "11", "12")
Mask = npt.NDArray[np.bool_]


class Expected(NamedTuple):
    """What a refinement should give: both thresholds, the masks by id, and (id, box, probability, removed) of each."""

    thresholds: str
    masks: dict[str, Mask]
    found: list[tuple[str, tuple[int, ...], float, bool]]

    @property
    def removed(self) -> int:
        return sum(removed for *_, removed in self.found)

    @property
    def regions(self) -> int:
        return len(self.found)


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def images(refinable: Refinable, tmp_path: Path) -> str:
    """The folder of the tested images alone."""
    (tmp_path / "images").mkdir()
    for name in TESTED:
        source = refinable.data / "CVC-ClinicDB" / "Original" / f"{name}.tif"
        (tmp_path / "images" / f"{name}.tif").symlink_to(source)
    return "images"


@pytest.fixture
def expected(refinable: Refinable, images: str) -> Expected:
    """A fifth of all pixels foreground, and half of their regions removed."""
    assert run(refinable.words("predict", "--images", images, "--out", "maps", "--probabilities")) == 0
    maps = {name: torch.from_numpy(np.load(f"maps/{name}.npy")).double() for name in TESTED}
    native = {name: interpolate(one[None, None], size=(48, 64), mode="bilinear")[0, 0] for name, one in maps.items()}
    mask_threshold = round(float(torch.stack(list(native.values())).quantile(0.8)), 5)
    masks = {name: (one >= mask_threshold).numpy() for name, one in native.items()}
    classify = classifier(refinable.classifier)
    found = []
    for name, mask in masks.items():
        image = np.asarray(Image.open(f"images/{name}.tif"))
        for region in regionprops(label(mask, connectivity=2)):
            patch = torch.from_numpy(cut(image, np.array(region.bbox), 32)).permute(2, 0, 1) / 255
            found.append((name, region, classify(patch)))
    probabilities = sorted(probability for *_, probability in found)
    middle = len(probabilities) // 2
    region_threshold = (probabilities[middle - 1] + probabilities[middle]) / 2
    for name, region, probability in found:
        if probability <= region_threshold:
            masks[name][region.slice] &= ~region.image_filled.astype(bool)
    table = [(name, region.bbox, probability, probability <= region_threshold) for name, region, probability in found]
    return Expected(f"{mask_threshold},{region_threshold}", masks, sorted(table))


def classifier(checkpoint: Path) -> Callable[[torch.Tensor], float]:
    """The trained classifier, without the package's command line: the softmax's second class."""
    net = PatchClassifier("tu-test_resnet", None).eval()
    state = torch.load(checkpoint, weights_only=True)["state_dict"]
    net.load_state_dict({key.removeprefix("net."): value for key, value in state.items() if key.startswith("net.")})

    def classify(patch: torch.Tensor) -> float:
        with torch.inference_mode():
            logits = net(normalize(patch, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])[None])
        return float(torch.softmax(logits.double(), dim=1)[0, 1])

    return classify


def objects(prediction: Mask, truth: Mask) -> tuple[int, int, int]:
    """True positives, false positives and false negatives: boxes with an IoU of at least 0.5, one to one."""
    boxes = [[region.bbox for region in regionprops(label(mask, connectivity=2))] for mask in (prediction, truth)]
    hits = np.array([[box_iou(one, other) >= 0.5 for other in boxes[1]] for one in boxes[0]], float)
    pairs = int(hits[linear_sum_assignment(-hits)].sum()) if hits.size else 0
    return pairs, len(boxes[0]) - pairs, len(boxes[1]) - pairs


def box_iou(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    height = min(one[2], other[2]) - max(one[0], other[0])
    width = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(height, 0) * max(width, 0)
    return shared / (sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)) - shared)


def predicted(folder: str) -> dict[str, Mask]:
    return {name: np.asarray(Image.open(f"{folder}/{name}.png")) > 0 for name in TESTED}


def regions(path: str) -> list[tuple[str, tuple[int, ...], Any, bool]]:
    """The rows of a table of regions, as `Expected.found` has them."""
    table = pd.read_csv(path, dtype={"image": str})
    rows = table.itertuples(index=False, name=None)
    return sorted((name, tuple(box), pytest.approx(p, rel=1e-4), removed) for name, *box, p, removed in rows)


def refuse(words: list[str], capsys: pytest.CaptureFixture[str], code: int = 2) -> str:
    """The one sentence that a command ends in."""
    capsys.readouterr()
    assert run(words) == code
    complaints = [line for line in capsys.readouterr().err.splitlines() if line.startswith("polybench: error:")]
    assert len(complaints) == 1
    return complaints[0]


def changed(checkpoint: Path, change: Callable[[dict[str, Any]], object]) -> str:
    """A copy of a checkpoint with something else in it."""
    saved = torch.load(checkpoint, weights_only=True)
    change(saved)
    saved.get("polybench_run", {}).pop("weights_sha256", None)
    torch.save(saved, "changed.ckpt")
    return "changed.ckpt"


def test_masks_are_those_of_a_refinement_by_hand(
    refinable: Refinable, images: str, expected: Expected, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 0 < expected.removed < expected.regions
    words = ["--refine", str(refinable.classifier), "--refine_thresholds", expected.thresholds]
    assert run(refinable.words("predict", "--images", images, "--out", "masks", *words)) == 0
    counts = f"\n{expected.removed} of {expected.regions} regions were removed: "
    assert f"{counts}{Path('masks/regions.csv')}\n" in capsys.readouterr().out
    assert regions("masks/regions.csv") == [(f"{name}.tif", *row) for name, *row in expected.found]
    for name, mask in predicted("masks").items():
        np.testing.assert_array_equal(mask, expected.masks[name])


def test_table_and_rows_are_of_the_refined_masks(
    refinable: Refinable, expected: Expected, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--refine", str(refinable.classifier), "--refine_thresholds", expected.thresholds]
    assert run(refinable.words("test", "--trainer.default_root_dir", "tested", *words)) == 0
    shown = capsys.readouterr().out
    folder = refinable.data / "CVC-ClinicDB" / "Ground Truth"
    truth = {name: np.asarray(Image.open(folder / f"{name}.tif")) > 127 for name in TESTED}
    counts = np.array([objects(expected.masks[name], truth[name]) for name in TESTED])
    rows = pd.read_csv("tested/test_rows_refined.csv", dtype={"id": str}).set_index("id").loc[list(TESTED)]
    np.testing.assert_array_equal(rows[[f"objects@2/{one}" for one in ("tp", "fp", "fn")]], counts)
    pairs = [(truth[name].ravel(), expected.masks[name].ravel()) for name in TESTED]
    dice = [f1_score(*pair, zero_division=0) for pair in pairs]
    iou = [jaccard_score(*pair, zero_division=0) for pair in pairs]
    assert rows["per_image@2/dice"].tolist() == pytest.approx(dice, abs=1e-6)
    assert rows["keras_fcn@2/iou_0.2"].tolist() == rows["keras_fcn@2/iou_0.5"].tolist() == pytest.approx(iou, abs=1e-6)
    cells = {line.split("│")[1].strip(): line.split("│")[2:5] for line in shown.splitlines() if line.count("│") == 5}
    kinds = ("Objects found", "Objects invented", "Objects missed")
    assert [int(cells[kind][2]) for kind in kinds] == counts.sum(axis=0).tolist()
    assert float(cells["Dice"][2]) == pytest.approx(np.mean(dice), abs=1e-4)
    assert float(cells["IoU"][2]) == pytest.approx(np.mean(iou), abs=1e-4)
    assert regions("tested/test_regions.csv") == expected.found
    assert f"as given: {expected.removed} of {expected.regions} regions removed" in shown
    keras = re.search(r"keras_fcn@2 at 0.5 step by step: IoU [\d.]+, [\d.]+, ([\d.]+);", " ".join(shown.split()))
    assert keras is not None
    assert float(keras[1]) == pytest.approx(np.mean(iou), abs=1e-4)
    assert re.search(r"segmentation \d+\.\d\d, regions \d+\.\d\d, classification \d+\.\d\d", shown)


@pytest.mark.ddp
@pytest.mark.slow
def test_two_processes_refine_as_one_does(refinable: Refinable, expected: Expected, tmp_path: Path) -> None:
    """The only batch is given to both, so that its images are there twice."""
    words = refinable.words("test", "--refine", str(refinable.classifier), "--data.eval_batch_size", "4")
    words += ["--refine_thresholds", expected.thresholds]
    assert run([*words, "--trainer.default_root_dir", "one"]) == 0
    process = start(tmp_path, *words, "--trainer.default_root_dir", "two", "--trainer.devices", "2")
    output, _ = process.communicate()
    assert process.returncode == 0, output
    assert regions("one/test_regions.csv") == expected.found
    for name in ("test_regions.csv", "test_rows_refined.csv"):
        assert Path("two", name).read_text() == Path("one", name).read_text()


def test_plain_rows_and_table_stay_those_of_a_plain_test(refinable: Refinable) -> None:
    assert run(refinable.words("test", "--trainer.default_root_dir", "plain")) == 0
    words = ["--refine", str(refinable.classifier), "--refine_thresholds", "released"]
    assert run(refinable.words("test", "--trainer.default_root_dir", "refined", *words)) == 0
    assert Path("refined/test_rows.csv").read_text() == Path("plain/test_rows.csv").read_text()
    assert not Path("plain/test_rows_refined.csv").exists()


def test_thresholds_that_validation_chose_can_be_given(
    refinable: Refinable, images: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--refine", str(refinable.classifier)]
    assert run(refinable.words("test", "--trainer.default_root_dir", "chosen", *words)) == 0
    shown = capsys.readouterr().out
    found = re.search(r"Thresholds of masks and regions: (\S+,\S+) \(chosen on validation\)", shown)
    dice = re.search(r"Mean Dice on validation: (\S+) tested at 0.5, (\S+) refined\.", shown)
    assert found is not None
    assert dice is not None
    assert float(dice[1]) <= float(dice[2]) <= 1
    words += ["--refine_thresholds", found[1]]
    assert run(refinable.words("test", "--trainer.default_root_dir", "given", *words)) == 0
    rows = "test_rows_refined.csv"
    assert Path("given", rows).read_text() == Path("chosen", rows).read_text()
    assert run(refinable.words("predict", "--images", images, "--out", "masks", *words[:2])) == 0
    assert f"thresholds {found[1]} (chosen on validation)" in capsys.readouterr().out


def test_table_names_images_by_their_folder(refinable: Refinable, images: str) -> None:
    Path("images/sub").mkdir()
    Path(images, "9.tif").rename("images/sub/9.tif")
    words = ["--images", images, "--out", "masks", "--refine", str(refinable.classifier)]
    assert run(refinable.words("predict", *words, "--refine_thresholds", "0,1")) == 0
    names = [(f"{name}.tif" if name != "9" else "sub/9.tif") for name in TESTED]
    assert sorted(pd.read_csv("masks/regions.csv")["image"]) == sorted(names)  # all of each is one region


def test_table_that_cannot_be_written_is_refused_at_once(
    refinable: Refinable, images: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("masks/regions.csv").mkdir(parents=True)
    words = ["--images", images, "--out", "masks", "--refine", str(refinable.classifier)]
    complaint = refuse(refinable.words("predict", *words, "--refine_thresholds", "released"), capsys)
    assert "'masks/regions.csv' is a folder" in complaint
    assert not list(Path("masks").glob("*.png"))


def test_released_thresholds_need_no_dataset(
    refinable: Refinable, images: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--data.root", "nowhere", "--images", images, "--out", "masks", "--refine", str(refinable.classifier)]
    assert run(refinable.words("predict", *words, "--refine_thresholds", "released")) == 0
    assert set(predicted("masks")) == set(TESTED)
    assert "thresholds 0.2,0.1 (of Keras-FCN's code)" in capsys.readouterr().out
    complaint = refuse(refinable.words("predict", *words), capsys, code=1)
    assert "There is no folder 'nowhere/CVC-ClinicDB'" in complaint
    assert "--refine_thresholds released, or the two numbers that a test printed" in complaint


def test_classifier_needs_no_start_weights(refinable: Refinable, images: str) -> None:
    def ask_for_imagenet(saved: dict[str, Any]) -> None:
        model = json.loads(saved["polybench_run"]["model"])
        model["init_args"]["net"]["init_args"]["encoder_weights"] = "imagenet"
        saved["polybench_run"]["model"] = json.dumps(model)

    path = changed(refinable.classifier, ask_for_imagenet)
    words = ["--images", images, "--out", "masks", "--refine", path, "--refine_thresholds", "released"]
    assert run(refinable.words("predict", *words)) == 0


def test_checkpoint_says_what_it_is_and_where_its_data_are_in_its_configuration_alone(refinable: Refinable) -> None:
    said = torch.load(refinable.classifier, weights_only=True)["polybench_run"]
    model = json.loads(said["model"])
    assert model["init_args"]["net"]["class_path"] == "polybench.models.PatchClassifier"
    assert model["init_args"]["net"]["init_args"]["encoder"] == "tu-test_resnet"
    assert said["size"] == [32, 32]
    assert json.loads(said["config"])["data"]["init_args"]["source"]["init_args"]["root"] == str(refinable.data)
    assert str(refinable.folder) not in json.dumps({**said, "config": ""})


@pytest.mark.parametrize("text", ["0.4", "0.4,1.5", "-0.1,0.5", "a,b", "0.1,0.2,0.3", "nan,0.5", "best"])
def test_thresholds_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=f"validation, released, or two numbers from 0 to 1 .*'{text}'"):
        read_thresholds(text)


def test_files_that_are_no_classifier_are_refused(refinable: Refinable, capsys: pytest.CaptureFixture[str]) -> None:
    Path("text.ckpt").write_text("no checkpoint")
    torch.save([1, 2], "list.ckpt")
    reasons = {
        "missing.ckpt": "There is no checkpoint 'missing.ckpt'",
        "text.ckpt": "'text.ckpt' is not a checkpoint",
        "list.ckpt": "'list.ckpt' holds a list, not a checkpoint",
        str(refinable.segmentation): "is the checkpoint of a segmentation",
    }
    for path, reason in reasons.items():
        assert reason in refuse(refinable.words("test", "--refine", path), capsys)


def test_checkpoints_that_give_no_classifier_are_refused(
    refinable: Refinable, capsys: pytest.CaptureFixture[str]
) -> None:
    def forget(saved: dict[str, Any]) -> None:
        del saved["polybench_run"]["model"], saved["polybench_run"]["size"]

    def name_another(saved: dict[str, Any]) -> None:
        saved["polybench_run"]["model"] = saved["polybench_run"]["model"].replace("PatchClassifier", "NoSuchNet")

    def lose_the_head(saved: dict[str, Any]) -> None:
        del saved["state_dict"]["net.head.weight"]

    for change, reason in ((forget, "train it again"), (name_another, "NoSuchNet"), (lose_the_head, "another net")):
        path = changed(refinable.classifier, change)
        assert reason in refuse(refinable.words("test", "--refine", path), capsys)


def test_options_that_contradict_each_other_are_refused(
    refinable: Refinable, images: str, capsys: pytest.CaptureFixture[str]
) -> None:
    refined = ["--refine", str(refinable.classifier)]
    wrong = refinable.words("test", "--refine_thresholds", "0.4", *refined)
    assert "two numbers from 0 to 1 such as 0.35,0.2, not '0.4'" in refuse(wrong, capsys)
    alone = refinable.words("test", "--refine_thresholds", "released")
    assert "--refine_thresholds has no effect without --refine" in refuse(alone, capsys)
    both = refinable.words("predict", "--images", images, "--out", "masks", "--probabilities", *refined)
    assert "leave out one of both" in refuse(both, capsys)
    nothing = refinable.words("test", "--trainer.limit_val_batches", "0", *refined)
    assert "No validation image was evaluated" in refuse(nothing, capsys)
    patches = ["--config", str(refinable.folder / "patches.yaml"), "--ckpt_path", str(refinable.classifier)]
    assert "regions of a segmentation, and 'patches' is none" in refuse(["test", *patches, *refined], capsys)

"""`polybench score` on what users' folders hold: every type of file, names, broken files, wrong options."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.metrics import accuracy_score, f1_score, fbeta_score, jaccard_score, recall_score, roc_auc_score

from polybench.cli.main import run
from polybench.metrics.protocols import PER_IMAGE

Map = np.ndarray
NAMES = ("a", "b", "c")
HEIGHT, WIDTH = 24, 30


def save(path: Path, values: Map) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() == ".npy":
        with path.open("wb") as file:
            np.save(file, values)
    else:
        Image.fromarray(values).save(path)


def truth(name: str) -> Map:
    """A rectangle, boolean."""
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[3 : 12 + NAMES.index(name), 4:20] = True
    return mask


def levels(name: str) -> Map:
    """A noisy prediction of it in bytes."""
    noise = np.random.default_rng(NAMES.index(name)).integers(0, 160, (HEIGHT, WIDTH))
    return (noise + 95 * truth(name)).astype(np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds `gt` and `pred`, both of bytes."""
    for name in NAMES:
        save(tmp_path / "gt" / f"{name}.png", truth(name).astype(np.uint8) * 255)
        save(tmp_path / "pred" / f"{name}.png", levels(name))
    return tmp_path


def score(folder: Path, *words: str) -> int:
    folders = ["--pred", str(folder / "pred"), "--gt", str(folder / "gt")]
    return run(["score", *folders, "--json", str(folder / "out.json"), "--csv", str(folder / "out.csv"), *words])


def found(folder: Path) -> dict[str, dict[str, float]]:
    return json.loads((folder / "out.json").read_text())["protocols"]  # type: ignore[no-any-return]


def replace(folder: Path, name: str, values: Map, suffix: str = ".npy") -> None:
    (folder / "pred" / f"{name}.png").unlink()
    save(folder / "pred" / f"{name}{suffix}", values)


WRITERS: dict[str, tuple[str, Callable[[Map], Map]]] = {
    "8-bit png": (".png", lambda bytes_: bytes_),
    "16-bit png": (".png", lambda bytes_: bytes_.astype(np.uint16) * 257),
    "float tif": (".tif", lambda bytes_: (bytes_ / 255).astype(np.float32)),
    "32-bit tif": (".tif", lambda bytes_: bytes_.astype(np.int32) * 257),
    "float32 npy": (".npy", lambda bytes_: (bytes_ / 255).astype(np.float32)),
    "float64 npy": (".npy", lambda bytes_: bytes_ / 255),
    "npy with a channel": (".npy", lambda bytes_: bytes_[None] / 255),
    "integer npy": (".npy", lambda bytes_: bytes_.astype(np.int64)),
    "grey rgb png": (".png", lambda bytes_: np.repeat(bytes_[..., None], 3, axis=2)),
    "binary png": (".png", lambda bytes_: (bytes_ > 127).astype(np.uint8) * 255),
    "1-bit png": (".png", lambda bytes_: bytes_ > 127),
    "0 and 1 png": (".png", lambda bytes_: (bytes_ > 127).astype(np.uint8)),
    "boolean npy": (".npy", lambda bytes_: bytes_ > 127),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_every_type_of_file_gives_the_numbers_of_scikit_learn(folder: Path, kind: str) -> None:
    suffix, convert = WRITERS[kind]
    for name in NAMES:
        replace(folder, name, convert(levels(name)), suffix)
    assert score(folder) == 0
    oracles = {
        "dice": f1_score,
        "iou": jaccard_score,
        "recall": recall_score,
        "f2": lambda y, p: fbeta_score(y, p, beta=2),
        "accuracy": accuracy_score,
    }
    for metric, oracle in oracles.items():
        expected = [oracle(truth(name).ravel(), (levels(name) > 127).ravel()) for name in NAMES]
        assert found(folder)["per_image"][metric] == pytest.approx(np.mean(expected), abs=1e-12)
        table = pd.read_csv(folder / "out.csv")
        assert table["id"].tolist() == list(NAMES)
        assert table[f"{PER_IMAGE.key}/{metric}"].tolist() == pytest.approx(expected, rel=1e-5)


def test_probabilities_of_every_width_give_the_same_numbers_under_every_protocol(folder: Path) -> None:
    assert score(folder) == 0
    expected = found(folder)
    for kind in ("16-bit png", "float tif", "float64 npy"):
        suffix, convert = WRITERS[kind]
        for path in (folder / "pred").iterdir():
            path.unlink()
        for name in NAMES:
            save(folder / "pred" / f"{name}{suffix}", convert(levels(name)))
        assert score(folder) == 0
        assert found(folder) == expected


def test_field_of_view_leaves_out_pixels_as_scikit_learn_does(folder: Path) -> None:
    inside = np.zeros((HEIGHT, WIDTH), bool)
    inside[2:20, :17] = True
    for name in NAMES:
        save(folder / "valid" / f"{name}.png", inside.astype(np.uint8) * 255)
    assert score(folder, "--valid", str(folder / "valid")) == 0
    dice = [f1_score(truth(name)[inside], levels(name)[inside] > 127) for name in NAMES]
    fov = found(folder)["fov"]
    assert fov["dice"] == pytest.approx(np.mean(dice), abs=1e-12)
    masks, maps = (np.concatenate([make(name)[inside] for name in NAMES]) for make in (truth, levels))
    assert fov["auc"] == pytest.approx(roc_auc_score(masks, maps), abs=1e-12)  # bytes lose nothing in 256 bins


def test_layout_of_the_json(folder: Path) -> None:
    assert score(folder) == 0
    content = json.loads((folder / "out.json").read_text())
    assert content["n"] == 3
    assert content["missing"] == []
    seven = ["dice", "iou", "precision", "recall", "f2", "specificity", "accuracy"]
    assert list(content["protocols"]["per_image"]) == seven
    assert list(content["protocols"]["fanet"]) == seven
    pranet = "mean_dice max_dice mean_iou max_iou s_measure weighted_f mean_e max_e mae"
    assert list(content["protocols"]["pranet"]) == pranet.split()
    assert {"keras_fcn", "pooled", "efen", "fov"} <= set(content["protocols"])


def test_names_that_programs_leave_behind_are_passed_over(folder: Path) -> None:
    assert score(folder) == 0
    before = found(folder)
    for place in ("gt", "pred"):
        for name in ("._a.png", ".DS_Store", "Thumbs.db", "notes.txt"):
            (folder / place / name).write_bytes(b"no image")
        (folder / place / "old.png").mkdir()
    for name, suffix in zip(NAMES, (".PNG", ".TIF", ".NPY"), strict=True):
        replace(folder, name, levels(name), suffix)
    assert score(folder) == 0
    assert found(folder) == before


def test_longest_name_is_scored(folder: Path) -> None:
    name = "ä" * 60 + "x" * 120
    for place in ("gt", "pred"):
        save(folder / place / f"{name}.png", levels("a"))
    assert score(folder) == 0
    assert pd.read_csv(folder / "out.csv")["id"].tolist() == [*NAMES, name]


def test_last_bit_beyond_the_range_is_no_error(folder: Path) -> None:
    def write(zero: float, one: float) -> None:
        for name in NAMES:
            values = levels(name) / 255
            values[0], values[1] = zero, one
            save(folder / "pred" / f"{name}.npy", values)
            (folder / "pred" / f"{name}.png").unlink(missing_ok=True)

    write(0, 1)
    assert score(folder) == 0
    before = found(folder)
    write(-1e-6, 1 + 1e-6)
    assert score(folder) == 0
    assert found(folder) == before


def with_one(value: float) -> Map:
    values = levels("a") / 255
    values[0, 0] = value
    return values


BROKEN: dict[str, tuple[str, Map | bytes, str]] = {
    "nan": (".npy", with_one(np.nan), "values that aren't finite"),
    "infinite": (".npy", with_one(np.inf), "values that aren't finite"),
    "logits": (".npy", np.log((levels("a") + 1.0) / (256.0 - levels("a"))), "write probabilities (not logits)"),
    "float bytes": (".npy", levels("a").astype(np.float32), "values from 0 to 2"),
    "negative": (".npy", -levels("a").astype(np.int64), "outside 0 to 1"),
    "two classes": (".npy", np.stack([levels("a")] * 2) / 255, "shape (2, 24, 30): write one grey map"),
    "complex": (".npy", levels("a") * 1j, "holds complex128"),
    "colours": (".png", np.stack([levels("a"), levels("b"), levels("c")], 2), "write one grey map"),
    "nothing in a png": (".png", b"", "is empty (0 bytes)"),
    "nothing in a npy": (".npy", b"", "can't be read"),
    "no image": (".png", b"not an image", "can't be decoded"),
    "other size": (".png", levels("a")[:, :-2], "a.png' (28x24, not 30x24)"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_file_is_named_in_one_sentence(folder: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    suffix, content, message = BROKEN[kind]
    (folder / "pred" / "a.png").unlink()
    path = folder / "pred" / f"a{suffix}"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        save(path, content)
    assert score(folder) == 1
    error = capsys.readouterr().err
    assert str(path) in error
    assert message in error
    assert len(error.splitlines()) == 1
    assert not (folder / "out.json").exists()


def test_stack_of_images_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "pred" / "a.png").unlink()
    page = Image.fromarray(levels("a"))
    page.save(folder / "pred" / "a.tif", save_all=True, append_images=[page])
    assert score(folder) == 1
    assert "a.tif' holds 2 images where one is expected" in capsys.readouterr().err


def test_two_files_of_one_stem_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(folder / "pred" / "a.tif", levels("a"))
    assert score(folder) == 1
    assert "a.tif' and 'a.png' have the same stem" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["none", "empty", "file"])
def test_folder_that_is_none_is_refused(folder: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    for name in NAMES:
        (folder / "pred" / f"{name}.png").unlink()
    if kind != "empty":
        (folder / "pred").rmdir()
    if kind == "file":
        (folder / "pred").write_text("")
    assert score(folder) == 1
    assert f"folder '{folder / 'pred'}'" in capsys.readouterr().err


def test_names_with_an_ending_are_missing_and_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in NAMES[:2]:
        (folder / "pred" / f"{name}.png").rename(folder / "pred" / f"{name}_pred.png")
    assert score(folder) == 0
    expected = f1_score(truth("c").ravel(), (levels("c") > 127).ravel()) / 3
    assert found(folder)["per_image"]["dice"] == pytest.approx(expected)
    error = capsys.readouterr().err
    assert "2 missing, scored as empty: a, b" in error
    assert "2 without a mask, not scored: a_pred, b_pred" in error


def test_grey_mask_is_cut_at_half_of_the_range(folder: Path) -> None:
    for name in NAMES:
        save(folder / "gt" / f"{name}.png", np.where(truth(name), 128, 127).astype(np.uint8))
    assert score(folder) == 0
    expected = [f1_score(truth(name).ravel(), (levels(name) > 127).ravel()) for name in NAMES]
    assert found(folder)["per_image"]["dice"] == pytest.approx(np.mean(expected))


@pytest.mark.parametrize("make", [lambda mask: mask.astype(np.uint8) * 2, lambda mask: mask.astype(np.uint16) * 254])
def test_mask_whose_object_is_black_is_refused(
    folder: Path, make: Callable[[Map], Map], capsys: pytest.CaptureFixture[str]
) -> None:
    for name in NAMES:
        save(folder / "gt" / f"{name}.png", make(truth(name)))
    assert score(folder) == 1
    assert "a.png' has no value above 0.00" in capsys.readouterr().err


def test_predictions_that_are_black_are_scored_and_remarked_on(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in NAMES:
        save(folder / "pred" / f"{name}.png", truth(name).astype(np.uint8) * 2)
    assert score(folder) == 0
    assert found(folder)["per_image"]["dice"] == 0
    assert "no prediction is above 0.0078" in capsys.readouterr().err


def test_predictions_of_two_codings_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in NAMES:
        save(folder / "pred" / f"{name}.png", truth(name).astype(np.uint8) * (1 if name == "b" else 255))
    assert score(folder) == 1
    assert "mixes 1 map(s) of 0 and 1 (b.png) with 2 of 0 and 255" in capsys.readouterr().err


@pytest.mark.parametrize("instances", [[], ["--instances"], ["--instances", "both"]])
def test_predictions_that_number_objects_are_remarked_on_unless_they_may(
    folder: Path, instances: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for name in NAMES:
        numbers = truth(name).astype(np.uint8)
        numbers[5:, 4:20] *= 2
        save(folder / "pred" / f"{name}.png", numbers)
        if instances:
            save(folder / "gt" / f"{name}.png", numbers)
    assert score(folder, *instances) == 0
    assert ("look like label maps" in capsys.readouterr().err) == (instances != ["--instances", "both"])
    assert found(folder)["per_image"]["dice"] == (1 if "both" in instances else 0)


def test_empty_field_of_view_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in NAMES:
        save(folder / "valid" / f"{name}.png", np.full((HEIGHT, WIDTH), 0 if name == "b" else 255, np.uint8))
    assert score(folder, "--valid", str(folder / "valid")) == 1
    assert "b.png' is an empty field of view" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--dataset", "clinicdb"], "--gt DIR or --dataset NAME, not both"),
        (["--split", "val"], "--split and --root go with --dataset"),
        (["--missing", "skip"], "invalid choice: 'skip'"),
        (["--jsn", "x"], "Did you mean '--json'?"),
        (["--csv", "."], "'.' is a folder"),
    ],
)
def test_wrong_option_is_wrong_configuration(
    folder: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert score(folder, *words) == 2
    assert message in capsys.readouterr().err


def test_without_lightning_and_with_nothing_but_the_table_on_stdout(folder: Path) -> None:
    words = ["score", "--pred", str(folder / "pred"), "--gt", str(folder / "gt")]
    code = f"import sys; sys.modules['lightning'] = None; from polybench.cli.main import run; sys.exit(run({words!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip().startswith("The same predictions under every protocol: 3 images")
    assert not {"\r", "\x1b"} & set(done.stdout)
    assert "Scoring" not in done.stdout


def test_sixteen_bits_of_0_and_255_are_a_mask(folder: Path) -> None:
    for name in NAMES:
        save(folder / "gt" / f"{name}.png", truth(name).astype(np.uint8) * 255)
    assert score(folder) == 0
    expected = found(folder)
    for name in NAMES:
        save(folder / "gt" / f"{name}.png", truth(name).astype(np.uint16) * 255)
    assert score(folder) == 0
    assert found(folder)["per_image"] == expected["per_image"]


def test_mask_of_which_all_would_be_background_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in NAMES:
        save(folder / "gt" / f"{name}.png", truth(name).astype(np.uint8) * 100)
    assert score(folder) == 1
    assert "all of it would be background" in capsys.readouterr().err


def test_masks_of_greys_are_remarked_on(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in NAMES:
        save(folder / "gt" / f"{name}.png", (60 + 100 * truth(name)).astype(np.uint8))
    assert score(folder) == 0
    assert f"{len(NAMES)} mask(s) are hardly masks" in capsys.readouterr().err


def test_prediction_that_reaches_no_threshold_is_remarked_on(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in NAMES:
        save(folder / "pred" / f"{name}.png", truth(name).astype(np.uint8) * 120)
    assert score(folder) == 0
    assert "no prediction reaches 0.5 anywhere; the highest value is 0.471" in capsys.readouterr().err


def test_what_was_left_out_is_counted_in_the_terminal_and_the_json(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(folder / "pred" / "fold2" / "a.png", levels("a"))
    (folder / "gt" / "Thumbs.db").touch()
    assert score(folder) == 0
    remarks = json.loads((folder / "out.json").read_text())["remarks"]
    assert f"'{folder / 'pred'}' has 3 maps; left out: 1 in the sub-folder 'fold2'" in remarks
    assert f"'{folder / 'gt'}' has 3 maps; left out: 1 of another type 'Thumbs.db'" in remarks
    assert "left out: 1 in the sub-folder 'fold2'" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["gt", "pred"])
def test_name_that_is_no_utf8_is_one_sentence(folder: Path, place: str, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / place / os.fsdecode(b"\xff.png")).touch()
    assert score(folder) == 2
    assert r"\xff.png' is not UTF-8" in capsys.readouterr().err

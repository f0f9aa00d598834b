import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from polybench.cli.main import run
from polybench.metrics.protocols import EXTRA_PROTOCOLS, FANET, FOV, PER_IMAGE, POOLED, PRANET, PROTOCOLS

Words = list[str]


def write(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, values)
    else:
        Image.fromarray(values).save(path)


def square(top: int, left: int, side: int, size: int = 100) -> np.ndarray:
    mask = np.zeros((size, size), np.uint8)
    mask[top : top + side, left : left + side] = 255
    return mask


@pytest.fixture
def words(tmp_path: Path) -> Words:
    """Three images: an object shifted by 5 pixels, one missed and another invented in its place, one exact."""
    for name, truth, prediction in (
        ("a", square(20, 20, 30), square(20, 25, 30)),
        ("b", square(5, 5, 10), square(80, 80, 10)),
        ("c", square(10, 10, 60), square(10, 10, 60)),
    ):
        write(tmp_path / "gt" / f"{name}.png", truth)
        write(tmp_path / "pred" / f"{name}.png", prediction)
    folders = ["--pred", str(tmp_path / "pred"), "--gt", str(tmp_path / "gt")]
    return ["score", *folders, "--json", str(tmp_path / "out.json"), "--csv", str(tmp_path / "out.csv")]


def result(tmp_path: Path) -> dict[str, dict[str, dict[str, float]]]:
    return json.loads((tmp_path / "out.json").read_text())  # type: ignore[no-any-return]


def test_worked_example(words: Words, tmp_path: Path) -> None:
    assert run(words) == 0
    found = result(tmp_path)
    assert found["n"] == 3
    scores = found["protocols"]
    assert scores["per_image"]["iou"] == pytest.approx(0.571, abs=5e-4)
    assert scores["per_image"]["dice"] == pytest.approx(0.611, abs=5e-4)
    assert scores["keras_fcn"]["dice_of_mean_iou_0.5"] == pytest.approx(0.727, abs=5e-4)
    assert scores["pooled"]["iou"] == pytest.approx(0.897, abs=5e-4)
    assert scores["pooled"]["dice"] == pytest.approx(0.946, abs=5e-4)
    assert scores["boundary"]["hd95"] == pytest.approx((5 + 75 * 2**0.5 + 0) / 3, abs=2)  # the second: corner to corner
    assert scores["objects"] == pytest.approx({"f1": 2 / 3, "precision": 2 / 3, "recall": 2 / 3})
    assert set(scores) == set(found["versions"]) == {protocol.name for protocol in PROTOCOLS}


def test_rows_of_images(words: Words, tmp_path: Path) -> None:
    assert run(words) == 0
    table = pd.read_csv(tmp_path / "out.csv")
    assert table["id"].tolist() == ["a", "b", "c"]
    assert table[[f"{PER_IMAGE.key}/{count}" for count in ("tp", "fp", "fn")]].to_numpy().tolist() == [
        [750, 150, 150],
        [0, 100, 100],
        [3600, 0, 0],
    ]
    assert table[f"{PER_IMAGE.key}/dice"].tolist() == pytest.approx([0.833333, 0, 1])
    assert table[f"{PRANET.key}/mean_dice"].tolist()[2] == pytest.approx((255 + 2 * 3600 / 13600) / 256, abs=1e-6)


def test_table_shows_every_protocol(words: Words, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 0
    shown = capsys.readouterr().out
    assert "The same predictions under every protocol" in shown
    for protocol in PROTOCOLS:
        assert protocol.key in shown
    assert f"{PRANET.key} max" in shown
    assert "0.6111" in shown


@pytest.mark.parametrize(
    ("suffix", "kind"),
    [(".png", "bytes"), (".tif", "bytes"), (".npy", "float"), (".npy", "bool"), (".png", "labels"), (".npy", "labels")],
)
def test_every_way_to_write_a_mask_gives_the_same_numbers(words: Words, tmp_path: Path, suffix: str, kind: str) -> None:
    assert run(words) == 0
    before = result(tmp_path)["protocols"]
    for path in (tmp_path / "pred").iterdir():
        values = np.asarray(Image.open(path))
        path.unlink()
        written = {"bytes": values, "float": values / 255.0, "bool": values > 0, "labels": values // 255}[kind]
        write(path.with_suffix(suffix), written)
    assert run(words) == 0
    assert result(tmp_path)["protocols"] == before


def test_sixteen_bits_and_colours_of_grey(words: Words, tmp_path: Path) -> None:
    assert run(words) == 0
    before = result(tmp_path)["protocols"]
    for name, convert in (("a", lambda v: v.astype(np.uint16) * 257), ("c", lambda v: np.repeat(v[..., None], 3, 2))):
        path = tmp_path / "pred" / f"{name}.png"
        write(path, convert(np.asarray(Image.open(path))))
    assert run(words) == 0
    assert result(tmp_path)["protocols"] == before


def test_few_low_levels_among_probabilities_are_not_labels(words: Words, tmp_path: Path) -> None:
    write(tmp_path / "pred" / "b.png", np.ones((100, 100), np.uint8))
    a = np.asarray(Image.open(tmp_path / "pred" / "a.png"))
    write(tmp_path / "pred" / "a.png", np.where(a > 0, 200, 40).astype(np.uint8))
    assert run(words) == 0
    assert pd.read_csv(tmp_path / "out.csv")[f"{PER_IMAGE.key}/fp"].tolist() == [150, 0, 0]


def test_missing_counts_as_empty_and_is_named(words: Words, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "pred" / "b.png", square(0, 0, 0))
    assert run(words) == 0
    before = result(tmp_path)
    (tmp_path / "pred" / "b.png").unlink()
    assert run(words) == 0
    after = result(tmp_path)
    assert after["protocols"] == before["protocols"]
    assert after["missing"] == ["b"]
    assert "1 missing, scored as empty: b" in capsys.readouterr().err


def test_missing_is_refused_on_request(words: Words, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pred" / "b.png").unlink()
    assert run([*words, "--missing", "error"]) == 1
    assert "1 prediction(s) are missing" in capsys.readouterr().err
    assert not (tmp_path / "out.json").exists()


def test_extra_is_named_and_not_scored(words: Words, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "pred" / "z.png", square(0, 0, 9))
    assert run(words) == 0
    assert result(tmp_path)["extra"] == ["z"]
    assert result(tmp_path)["n"] == 3
    assert "1 without a mask, not scored: z" in capsys.readouterr().err


def test_wrong_size_is_refused_and_named(words: Words, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "pred" / "a.png", square(10, 12, 15, size=50))
    assert run(words) == 1
    message = capsys.readouterr().err
    assert "a.png' (50x50, not 100x100)" in message
    assert "--resize" in message


def test_resized_on_request(words: Words, tmp_path: Path) -> None:
    write(tmp_path / "pred" / "c.png", square(5, 5, 30, size=50))
    assert run([*words, "--resize"]) == 0
    row = pd.read_csv(tmp_path / "out.csv").set_index("id").loc["c"]
    assert row[f"{FANET.key}/dice"] == 1.0
    assert row[f"{FANET.key}/tp"] == 900
    assert (row[f"{PER_IMAGE.key}/tp"], row[f"{PER_IMAGE.key}/fp"]) == (3600, 0)  # a corner's pixel is 9/16 foreground


def test_pixels_outside_the_field_of_view(words: Words, tmp_path: Path) -> None:
    for name in "abc":
        write(tmp_path / "valid" / f"{name}.png", square(0, 0, 50))
    assert run([*words, "--valid", str(tmp_path / "valid")]) == 0
    table = pd.read_csv(tmp_path / "out.csv")
    assert (table[[f"{FOV.key}/{name}" for name in ("tp", "fp", "fn", "tn")]].sum(axis=1) == 2500).all()
    assert (table[[f"{POOLED.key}/{name}" for name in ("tp", "fp", "fn", "tn")]].sum(axis=1) == 10000).all()


def test_mask_without_field_of_view_is_refused(
    words: Words, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "valid" / "a.png", square(0, 0, 50))
    assert run([*words, "--valid", str(tmp_path / "valid")]) == 1
    assert "no field of view for b, c" in capsys.readouterr().err


@pytest.mark.parametrize("values", [np.full((100, 100), 3.5), np.full((100, 100), np.nan), np.zeros((100, 100, 2))])
def test_map_that_holds_no_probabilities_is_refused(
    words: Words, tmp_path: Path, values: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pred" / "a.png").unlink()
    write(tmp_path / "pred" / "a.npy", values)
    assert run(words) == 1
    assert "a.npy'" in capsys.readouterr().err


@pytest.mark.parametrize("lacking", [["--gt"], ["--pred"]])
def test_lacking_option_is_named(words: Words, lacking: Words, capsys: pytest.CaptureFixture[str]) -> None:
    place = words.index(lacking[0])
    assert run(words[:place] + words[place + 2 :]) == 2
    assert "--pred DIR" in capsys.readouterr().err


def test_definitions(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["score", "--protocols"]) == 0
    shown = capsys.readouterr().out
    assert f"{PRANET.key}: PraNet's toolbox" in shown
    assert "Nuclei one by one" in shown
    assert shown.count("Empty masks:") == len(PROTOCOLS) + len(EXTRA_PROTOCOLS)


@pytest.fixture
def nuclei(tmp_path: Path) -> Words:
    """A label map of two nuclei that touch, of 8 x 4 and 8 x 8 pixels, and a third apart; the prediction lacks it."""
    truth = np.zeros((20, 20), np.uint16)
    truth[2:10, 2:6], truth[2:10, 6:14], truth[15:18, 2:5] = 7, 300, 12
    write(tmp_path / "gt" / "a.png", truth)
    write(tmp_path / "pred" / "a.png", np.where(truth > 0, 255, 0).astype(np.uint8) * (truth != 12))
    write(tmp_path / "labels" / "a.png", np.select([truth == 7, truth == 300], [1, 2]).astype(np.uint8))
    return ["score", "--gt", str(tmp_path / "gt"), "--json", str(tmp_path / "out.json")]


def test_instances_of_a_label_map(nuclei: Words, tmp_path: Path) -> None:
    assert run([*nuclei, "--pred", str(tmp_path / "pred"), "--instances"]) == 0
    found = result(tmp_path)["protocols"]
    # one component of 96 pixels: IoU 32/96 and 64/96, so one pair, two missed
    assert found["instances"] == pytest.approx(
        {"aji": (32 + 64) / (96 + 96 + 9), "pq": (64 / 96) / (1 + 0.5 * 2), "dq": 1 / 2, "sq": 64 / 96}
    )
    assert found["per_image"]["recall"] == pytest.approx(96 / 105)


def test_instances_of_both_label_maps(nuclei: Words, tmp_path: Path) -> None:
    assert run([*nuclei, "--pred", str(tmp_path / "labels"), "--instances", "both"]) == 0
    found = result(tmp_path)["protocols"]
    assert found["instances"] == pytest.approx({"aji": 96 / 105, "pq": 2 / 2.5, "dq": 2 / 2.5, "sq": 1})
    assert found["per_image"]["precision"] == 1


@pytest.mark.parametrize(
    ("values", "told"),
    [(np.full((20, 20), 0.5), "not a label map"), (square(0, 0, 9, size=20), "a mask, not a label map")],
)
def test_map_without_numbers_is_no_label_map(
    nuclei: Words, tmp_path: Path, values: np.ndarray, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gt" / "a.png").unlink()
    write(tmp_path / "gt" / "a.npy", values)
    assert run([*nuclei, "--pred", str(tmp_path / "pred"), "--instances"]) == 1
    assert told in capsys.readouterr().err


def test_label_maps_are_not_resized(nuclei: Words, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*nuclei, "--pred", str(tmp_path / "labels"), "--instances", "both", "--resize"]) == 2
    assert "--resize can't resize label maps" in capsys.readouterr().err


def test_instances_of_a_dataset_without_any_are_refused(
    data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "pred" / "9.png", square(0, 0, 9))
    split = f"{data_root / 'split.csv'}/test"
    words = ["--dataset", "clinicdb", "--root", str(data_root), "--split", split, "--instances"]
    assert run(["score", "--pred", str(tmp_path / "pred"), *words]) == 2
    assert "which 'clinicdb' has not" in capsys.readouterr().err


def test_dataset_of_nuclei_is_scored_by_instance(tmp_path: Path) -> None:
    names = ["first", "second"]
    for name in names:
        case = tmp_path / "DSB2018" / "stage1_train" / name
        write(case / "images" / f"{name}.png", np.zeros((12, 16, 3), np.uint8))
        for k in range(2):
            nucleus = np.zeros((12, 16), np.uint8)
            nucleus[2:10, 2 + 6 * k : 8 + 6 * k] = 255  # they touch
            write(case / "masks" / f"{k}.png", nucleus)
    (tmp_path / "split.csv").write_text(
        "# group_disjoint: true\n# note: made for a test\nid,subset,group\nfirst,test,a\nsecond,train,b\n"
    )
    prediction = np.zeros((12, 16), np.uint8)
    prediction[2:10, 2:14] = 255
    write(tmp_path / "pred" / "first.png", prediction)
    words = ["--dataset", "dsb2018", "--root", str(tmp_path), "--split", f"{tmp_path / 'split.csv'}/test"]
    assert run(["score", "--pred", str(tmp_path / "pred"), *words, "--json", str(tmp_path / "out.json")]) == 0
    found = result(tmp_path)["protocols"]
    assert found["per_image"]["dice"] == 1
    assert found["instances"] == {"aji": 0.5, "pq": 0, "dq": 0, "sq": 0}


def test_help_needs_no_torch() -> None:
    code = (
        "import sys; from polybench.cli.main import run\n"
        "try: run(['score', '--help'])\nexcept SystemExit: pass\n"
        "assert not {'torch', 'lightning'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "sub-folders are not read" in " ".join(done.stdout.split())
    assert "--membranes" in done.stdout


def test_truth_of_a_dataset(data_root: Path, tmp_path: Path) -> None:
    masks = data_root / "CVC-ClinicDB" / "Ground Truth"
    for k in range(9, 13):
        write(tmp_path / "pred" / f"{k}.png", np.asarray(Image.open(masks / f"{k}.tif")))
    split = f"{data_root / 'split.csv'}/test"
    words = ["--dataset", "clinicdb", "--root", str(data_root), "--split", split, "--csv", str(tmp_path / "out.csv")]
    assert run(["score", "--pred", str(tmp_path / "pred"), *words]) == 0
    table = pd.read_csv(tmp_path / "out.csv", dtype={"id": str})
    assert sorted(table["id"]) == ["10", "11", "12", "9"]
    assert sorted(set(table["group"])) == ["frames/5", "frames/6"]
    assert (table[f"{PER_IMAGE.key}/dice"] == 1).all()

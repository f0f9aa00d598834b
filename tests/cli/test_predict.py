import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image, ImageOps
from torch.nn import functional as F

import polybench
from polybench.cli.main import run
from polybench.data import memory
from tests.cli.recipes import write_recipe


@pytest.fixture
def words(tmp_path: Path, data_root: Path, trained_tiny: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A `predict` command line with a trained checkpoint and four images of several types and sizes."""
    monkeypatch.chdir(tmp_path)
    recipe = write_recipe(tmp_path, data_root, max_epochs=1, default_root_dir=str(tmp_path / "run"))
    checkpoint = tmp_path / "run" / "checkpoints" / "best.ckpt"
    checkpoint.parent.mkdir(parents=True)
    shutil.copy(trained_tiny, checkpoint)
    random = np.random.default_rng(0)
    for name, size in (("a.png", (30, 50)), ("deep/a.jpg", (64, 40)), ("deep/er/b.tif", (17, 19)), ("c.bmp", (33, 21))):
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 255, (*size, 3), dtype=np.uint8)).save(tmp_path / "images" / name)
    return ["predict", "--config", str(recipe), "--ckpt_path", str(checkpoint), "--images", "images", "--out", "masks"]


def test_every_image_gets_a_mask_of_its_name_and_size(words: list[str], tmp_path: Path) -> None:
    assert run(words) == 0
    masks = {path.relative_to(tmp_path / "masks").as_posix(): path for path in (tmp_path / "masks").rglob("*.*")}
    assert set(masks) == {"a.png", "deep/a.png", "deep/er/b.png", "c.png"}
    assert Image.open(masks["deep/er/b.png"]).size == (19, 17)
    assert set(np.unique(np.asarray(Image.open(masks["a.png"])))) <= {0, 255}


def test_images_that_share_a_stem_keep_their_masks_apart(words: list[str], tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "images" / "a.tif")
    assert run(words) == 0
    assert {path.name for path in (tmp_path / "masks").glob("a*")} == {"a.png.png", "a.tif.png"}


def test_broken_image_is_named_and_the_others_are_done(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "images" / "broken.png").write_bytes(b"no image")
    assert run(words) == 1
    captured = capsys.readouterr()
    assert "broken.png" in captured.err
    assert "4 of 5 images" in captured.out
    assert len(list((tmp_path / "masks").rglob("*.png"))) == 4


def test_twelve_bits_in_sixteen_must_be_stated(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grey = np.random.default_rng(0).integers(0, 4000, (24, 32)).astype(np.uint16)
    grey[0, 0] = 4000
    (tmp_path / "wide").mkdir()
    Image.fromarray(grey).save(tmp_path / "wide" / "a.png")
    Image.fromarray(np.round(grey * (255 / 4095)).astype(np.uint8)).save(tmp_path / "wide" / "b.png")
    assert run([*words, "--images", "wide"]) == 1
    assert "no value above 4000 ('a.png')" in capsys.readouterr().err
    assert run([*words, "--images", "wide", "--data.bits", "12", "--probabilities"]) == 0
    stated, scaled = (np.load(tmp_path / "masks" / f"{name}.npy") for name in "ab")
    np.testing.assert_array_equal(stated, scaled)


def test_empty_folder_is_an_error(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert run([*words, "--images", "empty"]) == 1
    assert "has no image" in capsys.readouterr().err


def test_masks_never_fall_among_the_images(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*words, "--out", "images"]) == 2
    assert "another folder" in capsys.readouterr().err


def test_checkpoint_of_another_net_is_named(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*words, "--model.net.encoder_name", "resnet34"]) == 2
    assert "another net" in capsys.readouterr().err


def test_probabilities_score_as_the_test_did_under_every_protocol(
    words: list[str], tmp_path: Path, data_root: Path
) -> None:
    recipe, checkpoint = words[2], words[4]
    folder = ["--trainer.default_root_dir", "tested", "--data.eval_batch_size", "1"]
    assert run(["test", "--config", recipe, "--ckpt_path", checkpoint, *folder]) == 0
    frames = data_root / "CVC-ClinicDB"
    assert run([*words[:5], "--images", str(frames / "Original"), "--out", "maps", "--probabilities"]) == 0
    truth = ["--gt", str(frames / "Ground Truth"), "--csv", "scores.csv", "--resize"]
    assert run(["score", "--pred", "maps", *truth]) == 0
    tested = pd.read_csv(tmp_path / "tested/test_rows.csv", dtype={"id": str}).set_index("id").drop(columns="group")
    scored = pd.read_csv(tmp_path / "scores.csv", dtype={"id": str}).set_index("id").loc[tested.index]
    assert {"pranet@2/s_measure", "fanet@2/dice", "keras_fcn@2/iou_0.2"} <= set(tested)
    pd.testing.assert_frame_equal(scored[tested.columns], tested)


def test_letterboxed_checkpoint_predicts_images_of_any_shape_as_it_was_trained(
    words: list[str], tmp_path: Path
) -> None:
    checkpoint = Path(words[4])
    saved = torch.load(checkpoint, weights_only=True)
    saved["polybench_run"] |= {"fit": "letterbox", "pad_value": 30}
    torch.save(saved, checkpoint)
    alone = ["predict", *words[3:]]
    assert run(alone) == 0
    assert run([*alone, "--out", "maps", "--probabilities"]) == 0
    task = polybench.load(checkpoint)
    image = np.asarray(Image.open(tmp_path / "images" / "a.png"))  # 30x50 in 24x32: 19.2 rows, 2 of padding above
    padded = ImageOps.pad(Image.fromarray(image), (32, 24), Image.Resampling.BILINEAR, color=(30, 30, 30))
    tensor = torch.from_numpy(np.asarray(padded).copy()).permute(2, 0, 1)[None] / 255
    with torch.inference_mode():
        inner = task.predict_probability(tensor)[0, 0, 2:21]
    stored = np.load(tmp_path / "maps" / "a.npy")
    np.testing.assert_allclose(stored, inner, atol=1e-6)
    native = F.interpolate(inner[None, None], size=(30, 50), mode="bilinear", align_corners=False)[0, 0].numpy()
    np.testing.assert_allclose(task.predict_image(image), native, atol=1e-5)
    mask = np.asarray(Image.open(tmp_path / "masks" / "a.png")) > 0
    assert (mask == (native >= 0.5))[abs(native - 0.5) > 1e-5].all()
    for name, shape in (("deep/a", (24, 15)), ("deep/er/b", (24, 27)), ("c", (24, 15))):
        assert np.load(tmp_path / "maps" / f"{name}.npy").shape == shape


def test_links_folders_and_pipes_are_predicted_or_named(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = tmp_path / "images"
    (tmp_path / "elsewhere").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "elsewhere" / "d.png")
    (images / "linked").symlink_to(tmp_path / "elsewhere")
    (images / "gone.png").symlink_to("nowhere")
    os.mkfifo(images / "pipe.png")
    (images / "folder.png").mkdir()
    assert run(words) == 1
    told = capsys.readouterr()
    assert "5 of 7 images" in told.out
    assert "left out: 1 dangling link 'gone.png', 1 misnamed folder 'folder.png', 1 special file " in told.out
    problems = [line for line in told.err.splitlines() if "nothing for this image" in line]
    assert len(problems) == 2
    assert all(any(name in line for line in problems) for name in ("gone.png", "pipe.png"))
    assert (tmp_path / "masks" / "linked" / "d.png").is_file()


def test_name_that_is_no_utf8_is_one_sentence(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "images" / os.fsdecode(b"\xff.png")).touch()
    assert run(words) == 2
    assert r"\xff.png' is not UTF-8" in capsys.readouterr().err
    assert not (tmp_path / "masks").exists()


def test_tiles_give_masks_and_probabilities_at_the_images_own_size(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiles = ["--tile", "16", "--overlap", "8"]
    assert run([*words, *tiles]) == 0
    printed = capsys.readouterr().out
    assert "tiles of 16x16 pixels that overlap by 8 (the net's stride is 8)" in printed
    assert "Along the seams of the tiles, probabilities differ by at most" in printed
    assert run([*words, *tiles, "--out", "maps", "--probabilities"]) == 0
    for name in ("a", "deep/a", "deep/er/b", "c"):
        mask = np.asarray(Image.open(tmp_path / "masks" / f"{name}.png"))
        probability = np.load(tmp_path / "maps" / f"{name}.npy")
        assert (probability.shape, probability.dtype) == (mask.shape, np.float32)
        assert np.array_equal(probability >= 0.5, mask == 255)


def test_image_of_one_tile_is_predicted_whole(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = polybench.load(tmp_path / "run" / "checkpoints" / "best.ckpt")
    image = np.array(Image.open(tmp_path / "images" / "deep" / "a.jpg").crop((0, 0, 24, 32)))
    for path in (tmp_path / "images").rglob("*.*"):
        path.unlink()
    Image.fromarray(image).save(tmp_path / "images" / "a.png")
    assert run([*words, "--tile", "64", "--probabilities"]) == 0
    assert "No image is larger than a tile" in capsys.readouterr().out
    with torch.no_grad():
        whole = task.predict_probability(torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255)[0, 0]
    np.testing.assert_allclose(np.load(tmp_path / "masks" / "a.npy"), whole.numpy(), atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--overlap", "8"], "--overlap has no effect without --tile"),
        (["--tile", "20"], "--tile must be a multiple of the net's stride of 8 pixels, such as 24, not 20"),
        (["--tile", "16", "--overlap", "16"], "--overlap must be at least 0 and less than --tile 16, not 16"),
        (["--tile", "16", "--refine", "classifier.ckpt"], "leave out --refine, or --tile"),
    ],
)
def test_tiles_that_cannot_be_are_refused_in_one_sentence(
    words: list[str], options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run([*words, *options]) == 2
    assert message in capsys.readouterr().err


def test_images_that_do_not_fit_into_memory_are_named(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: 15 * 33 * 21)
    assert run(words) == 1
    captured = capsys.readouterr()
    assert "2 of 4 images" in captured.out
    assert "a.png' has 50x30 pixels: predicting it needs about" in captured.err

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from polybench.augment import named_policy
from polybench.cli.main import run
from polybench.curation.variants import GAP, LABEL, OUTLINE, sheet, variants_of


def test_every_variant_of_efen25_is_there_with_its_mask() -> None:
    image = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    mask = np.zeros((32, 48), np.uint8)
    mask[4:20, 6:30] = 1
    made = variants_of(image, mask, "a", named_policy("efen25"))
    assert len(made) == 26
    labels = [variant.label for variant in made]
    assert (labels[0], labels[8], labels[12]) == ("unchanged", "vertical flip", "grey + horizontal flip")
    assert np.array_equal(made[0].image, image)
    assert np.array_equal(made[8].image, image[::-1])
    assert np.array_equal(made[8].mask, mask[::-1] > 0)
    page = sheet(made)
    assert page.size == (6 * (48 + GAP) - GAP, 5 * (32 + LABEL + GAP) - GAP)
    assert page.getpixel((6, 4)) == OUTLINE


def test_command_draws_an_image_of_a_dataset(
    data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["data", "variants", "clinicdb", "--root", str(data_root), "--split", str(data_root / "split.csv")]
    out = tmp_path / "sheet.png"
    assert run([*words, "--id", "3", "--output", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}: 26 variants of '3'.\n"
    assert Image.open(out).size[0] == 6 * (64 + GAP) - GAP
    for more, message in (
        (["--id", "3", "--output", str(tmp_path / "v.txt")], "--output must name a .png file, not"),
        (["--id", "33"], "clinicdb has no image '33'"),
        (["--id", "3", "--augment", "fanet"], "fanet has no fixed variants"),
        (["--id", "3", "--augment", "efen"], "Did you mean 'efen25'"),
    ):
        assert run([*words, "--output", str(out), *more]) == 2
        assert message in capsys.readouterr().err

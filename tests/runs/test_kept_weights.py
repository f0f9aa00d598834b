"""A cell leaves its weights, which predict as its checkpoint does."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open

from polybench.cli.main import run
from polybench.experiments.fit import fit
from polybench.runs.kept_weights import keep_weights, kept_weights_variables
from tests.cli.recipes import write_recipe


def test_kept_weights_predict_what_the_checkpoint_predicts(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fitted = fit(["--config", str(write_recipe(tmp_path, data_root))])
    assert keep_weights(fitted.checkpoint, fitted.record, fitted.path) is None  # nobody wants them
    for name, value in kept_weights_variables(Path("weights")).items():
        monkeypatch.setenv(name, value)
    kept = keep_weights(fitted.checkpoint, fitted.record, fitted.path)
    assert kept == tmp_path / "weights" / f"{fitted.path.stem}.safetensors"
    with safe_open(kept, framework="pt") as file:
        assert (file.metadata()["record"], file.metadata()["dataset"]) == (fitted.path.stem, "clinicdb")
    images = ["--images", str(data_root / "CVC-ClinicDB" / "Original")]
    assert run(["predict", "--ckpt_path", str(fitted.checkpoint), *images, "--out", "one"]) == 0
    assert run(["predict", "--weights", str(kept), *images, "--out", "two"]) == 0
    masks = sorted(path.name for path in Path("one").iterdir())
    assert masks == sorted(path.name for path in Path("two").iterdir())
    assert all(np.array_equal(Image.open(Path("one", name)), Image.open(Path("two", name))) for name in masks)

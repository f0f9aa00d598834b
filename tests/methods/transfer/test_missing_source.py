"""A source that isn't there ends a fit before any data is read."""

from pathlib import Path

import pytest

from polybench.cli.main import run
from polybench.data.patch_module import PatchDataModule
from tests.cli.recipes import write_stage


def test_missing_source_is_found_before_any_cache_is_built(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    built: list[object] = []
    monkeypatch.setattr(PatchDataModule, "prepare_data", built.append)
    monkeypatch.chdir(tmp_path)
    recipe = write_stage(tmp_path, data_root, "patches", str(tmp_path / "none.safetensors"))
    assert run(["fit", "--config", str(recipe)]) == 2
    assert f"There is no file '{tmp_path / 'none.safetensors'}' to transfer from" in capsys.readouterr().err
    assert built == []

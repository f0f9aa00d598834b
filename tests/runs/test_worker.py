"""What the process of a cell says of a run that can't go on."""

from pathlib import Path

import pytest

from polybench.cli.main import run
from polybench.core.errors import ConfigError
from polybench.runs.request import Request
from polybench.runs.worker import work
from tests.cli.recipes import write_recipe


def test_cell_that_can_not_be_resumed_names_its_folder_and_no_option_that_nobody_gave(
    tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ("--config", str(write_recipe(tmp_path, data_root, max_epochs=1)), "--trainer.default_root_dir", "cell")
    assert run(["fit", *words, "--no_leaderboard"]) == 0
    changed = (*words, "--data.batch_size", "2")
    Request("fit", changed, (*changed, "--ckpt_path", "last"), "", (), False, "board").write(Path("cell"))
    with pytest.raises(ConfigError, match=r"are of other configurations.*remove the folder 'cell' to run this cell"):
        work(Path("cell"))
    assert run(["fit", *changed, "--ckpt_path", "last"]) == 2
    assert "leave out --ckpt_path to start a new run" in capsys.readouterr().err

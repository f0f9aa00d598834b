"""Sources that were changed, or whose lineage is malformed, are refused by name."""

import contextlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from polybench.core.errors import ConfigError
from polybench.methods.transfer.sources import LINEAGE, Source, read_source, write_encoder
from polybench.tasks.checkpoint import KEY


@pytest.mark.parametrize(
    ("lineage", "told"),
    [
        ("[1]", "ancestor 1 is 1, not a mapping"),
        ("{}", "it is no list"),
        ("[", "Expecting value"),
        ('[{"sha256": "a"}]', "ancestor 1 lacks the key 'task'"),
        ('[{"sha256": 3, "task": null, "dataset": null, "stage": null}]', "ancestor 1.sha256 is 3, not str"),
        ("[" * 5000, "recursion"),
    ],
    ids=["number", "mapping", "cut off", "key", "type", "depth"],
)
@pytest.mark.parametrize("kind", ["safetensors", "ckpt"])
def test_source_with_a_bad_lineage_is_refused_by_name(tmp_path: Path, kind: str, lineage: str, told: str) -> None:
    path = tmp_path / f"a.{kind}"
    if kind == "ckpt":
        torch.save({"state_dict": {"net.encoder.w": torch.ones(1)}, LINEAGE: lineage}, path)
    else:
        save_file({"w": torch.ones(1)}, path, {LINEAGE: lineage})
    with pytest.raises(ConfigError, match=rf"What '.*a.{kind}' says of where its weights come from .*{told}"):
        read_source(str(path), nn.Identity())


@pytest.mark.parametrize(
    "run",
    [[1], "text", {"origin": "text"}, {"origin": {"task": 3}}, {"length": "["}, {"length": "[]"}, {"seed": "one"}],
    ids=str,
)
def test_source_that_says_something_odd_of_its_run_ends_in_one_sentence(tmp_path: Path, run: object) -> None:
    torch.save({"state_dict": {"net.encoder.w": torch.ones(1)}, KEY: run, "epoch": "x"}, tmp_path / "a.ckpt")
    with contextlib.suppress(ConfigError):
        source = read_source(str(tmp_path / "a.ckpt"), nn.Identity())
        assert source.ancestors[-1].training_id is None


def test_source_whose_tensors_were_changed_is_refused(tmp_path: Path) -> None:
    source = Source({"w": torch.full((4,), 0.125)}, ())
    write_encoder(source, tmp_path / "a.safetensors")
    data = bytearray((tmp_path / "a.safetensors").read_bytes())
    data[-1] ^= 1
    (tmp_path / "a.safetensors").write_bytes(data)
    with pytest.raises(ConfigError, match=r"a.safetensors' is damaged \(the sha256 of its tensors"):
        read_source(str(tmp_path / "a.safetensors"), nn.Identity())


def test_source_whose_tensors_are_not_finite_is_refused(tmp_path: Path) -> None:
    save_file({"w": torch.tensor([torch.nan])}, tmp_path / "a.safetensors")
    with pytest.raises(ConfigError, match=r"1 of its tensors hold NaN or infinity \('w' first\): give another file"):
        read_source(str(tmp_path / "a.safetensors"), nn.Identity())

"""Hostile checkpoints: what `predict`, `fit` and a transfer do with files that are none, or lie."""

import io
import json
import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from breaking.forkserver import Ended
from breaking.material import Bench, newest
from breaking.report import Case, Faults, last_line, refused

Change = Callable[[dict[str, Any]], Any]
"""Makes another content of an honest checkpoint's."""
Bad = Callable[[bytes], bytes]
"""Makes other bytes of an honest checkpoint's."""
WEIGHT = "net.weight"


class Pwn:
    """A pickle that runs a command when it is read."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        """Say what to call."""
        return os.system, ("touch pwned",)


def holding(change: Change) -> Bad:
    """Bytes of a checkpoint of another content."""

    def bad(data: bytes) -> bytes:
        buffer = io.BytesIO()
        torch.save(change(torch.load(io.BytesIO(data), weights_only=True)), buffer)
        return buffer.getvalue()

    return bad


def weights(change: Callable[[torch.Tensor], torch.Tensor]) -> Bad:
    """Bytes of a checkpoint whose first weights are others."""

    def changed(saved: dict[str, Any]) -> Any:
        saved["state_dict"][WEIGHT] = change(saved["state_dict"][WEIGHT])
        return saved

    return holding(changed)


def one_is(value: float) -> Bad:
    """One weight has this value."""

    def changed(weight: torch.Tensor) -> torch.Tensor:
        weight = weight.clone()
        weight.view(-1)[3] = value
        return weight

    return weights(changed)


def flipped(data: bytes) -> bytes:
    """A bit of a weight's mantissa, in the file itself, is another."""
    weight = torch.load(io.BytesIO(data), weights_only=True)["state_dict"][WEIGHT]
    at = data.find(weight.numpy().tobytes())
    changed = bytearray(data)
    changed[at + 2] ^= 32
    return bytes(changed)


def config(change: Callable[[dict[str, Any]], Any]) -> Bad:
    """Bytes of a checkpoint that says to be of another recipe."""

    def changed(saved: dict[str, Any]) -> Any:
        said = json.loads(saved["polybench_run"]["config"])
        saved["polybench_run"]["config"] = json.dumps(change(said))
        return saved

    return holding(changed)


def _calls(said: dict[str, Any]) -> dict[str, Any]:
    said["model"]["init_args"]["net"] = {"class_path": "subprocess.Popen", "init_args": {"args": ["touch", "pwned"]}}
    return said


def _without(key: str) -> Bad:
    return holding(lambda saved: {name: value for name, value in saved.items() if name != key})


BAD: dict[str, Bad] = {
    "a pickle that runs a command": lambda data: _pickled(Pwn()),
    "a pickle in the place of a weight": holding(lambda saved: saved | {"hyper_parameters": Pwn()}),
    "a tensor": holding(lambda saved: torch.zeros(3)),
    "a list": holding(lambda saved: [1, 2]),
    "a number": holding(lambda saved: 7),
    "no weights": _without("state_dict"),
    "weights that are a list": holding(lambda saved: saved | {"state_dict": [1]}),
    "a weight that is NaN": one_is(float("nan")),
    "a weight that is infinite": one_is(float("inf")),
    "a weight of another shape": weights(lambda weight: weight[:, :2]),
    "a weight that is missing": holding(
        lambda saved: saved | {"state_dict": {k: v for k, v in saved["state_dict"].items() if k != WEIGHT}}
    ),
    "a weight of no numbers": weights(lambda weight: weight.bool()),
    "a file cut short": lambda data: data[: len(data) // 2],
    "an empty file": lambda data: b"",
    "text": lambda data: b"weights, believe me\n",
}


def _pickled(what: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(what, buffer)
    return buffer.getvalue()


def hostile_checkpoints(bench: Bench) -> list[Case]:
    """A case for each file, by `predict` and by `fit`, and what else a checkpoint can lie about."""
    cases = [Case(f"{name}, to predict", partial(_predict, bench, bad)) for name, bad in BAD.items()]
    started = ("a pickle that runs a command", "a tensor", "a list", "no weights", "a weight that is NaN", "text")
    cases += [Case(f"{name}, to start from", partial(_start, bench, BAD[name])) for name in started]
    cases.append(Case("a flipped bit, where a record knows the file", partial(_flip, bench)))
    cases.append(Case("a recipe that calls a program", partial(_predict, bench, config(_calls), alone=True)))
    cases.append(Case("a folder", partial(_odd, bench, Path.mkdir)))
    cases.append(Case("a pipe", partial(_odd, bench, os.mkfifo)))
    lineages = ("no JSON", "[7]", '[{"x": 1}]', "9" * 5000, "[" * 5000)
    return cases + [Case(f"lineage {text[:12]}", partial(_lineage, bench, text)) for text in lineages]


def _predict(bench: Bench, bad: Bad, alone: bool = False) -> Faults:
    folder = bench.folder("checkpoint")
    path = folder / "odd.ckpt"
    path.write_bytes(bad(bench.checkpoint.read_bytes()))
    return _predicted(bench, folder, path, alone)


def _predicted(bench: Bench, folder: Path, path: Path, alone: bool = False) -> Faults:
    """Predict, with the recipe, or by what the checkpoint alone says."""
    recipe = ("--config", bench.recipe, "--data.root", bench.discs, "--data.split", bench.discs / "split.csv")
    words = ("--ckpt_path", path, "--images", bench.discs / "images", "--out", "masks")
    ended = bench.server.polybench(folder, "predict", *(() if alone else recipe), *words, limit=60)
    made = list(folder.glob("masks/*"))
    return _judged(folder, ended, path) + ([f"written: {len(made)} predictions"] if made else [])


def _judged(folder: Path, ended: Ended, path: Path) -> Faults:
    executed = ["executed: a command in the file"] if (folder / "pwned").exists() else []
    return refused(ended, names=(path.name, "subprocess.Popen")) + executed


def _start(bench: Bench, bad: Bad) -> Faults:
    folder = bench.folder("checkpoint")
    path = folder / "odd.ckpt"
    path.write_bytes(bad(bench.checkpoint.read_bytes()))
    words = ("--ckpt_path", path, "--seed_everything", 1, "--no_leaderboard")
    return _judged(folder, bench.fit(folder, *words, limit=60), path)


def _flip(bench: Bench) -> Faults:
    folder = bench.folder("checkpoint")
    for name in ("runs", "leaderboards"):
        shutil.copytree(bench.trained / name, folder / name)
    path = newest(folder.glob("runs/*/*/checkpoints/best.ckpt"))
    path.write_bytes(flipped(path.read_bytes()))
    return _predicted(bench, folder, path)


def _odd(bench: Bench, make: Callable[[Path], None]) -> Faults:
    folder = bench.folder("checkpoint")
    make(folder / "odd.ckpt")
    return _predicted(bench, folder, folder / "odd.ckpt")


def _lineage(bench: Bench, text: str) -> Faults:
    """A transfer from a safetensors file whose lineage is this text."""
    folder = bench.folder("lineage")
    source = bench.donor(lambda state: save_file(state, folder / "donor.safetensors", {"polybench_lineage": text}))
    if source.code:
        return [f"not prepared: {last_line(source.err)}"]
    words = ("--trainer.callbacks+", "TransferCallback", "--trainer.callbacks.source", folder / "donor.safetensors")
    ended = bench.segment(folder, *words, "--trainer.max_epochs", 1, "--no_leaderboard", limit=60)
    return refused(ended, names=("donor.safetensors",))

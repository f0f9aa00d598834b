"""Groups of kills: a training, its resumption, the cache, the records, a transfer, a plan and a matrix."""

import filecmp
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import load_file, save_file

from breaking.events import Event, Injection
from breaking.forkserver import Ended
from breaking.kills import Killing, evenly
from breaking.material import BACKBONE, RECIPE, Bench, best_of, newest, numbers_of, records_of
from breaking.report import Case, Faults

KILLS = 64
RESUME_KILLS = 16
LAST = ("--ckpt_path", "last")


def kill_fit(bench: Bench) -> list[Case]:
    """Kills of a training: most while checkpoints are written, the others evenly before and after."""
    return Killing(
        "kill-fit",
        lambda folder: None,
        lambda folder, inject: bench.fit(folder, inject=inject),
        lambda folder: resume(bench, folder),
        same_result,
        _around_checkpoints,
    ).cases(bench)


def kill_resume(bench: Bench) -> list[Case]:
    """Kills of a training that was killed before, in its third epoch, and resumed."""

    def prepare(folder: Path) -> None:
        events = bench.fit(folder, inject=Injection()).events
        begins = [number for number, event in enumerate(events) if event.path.endswith("last.ckpt")]
        for path in (folder / "runs", folder / "leaderboards", folder / "cache"):
            shutil.rmtree(path, ignore_errors=True)
        bench.fit(folder, inject=Injection(begins[len(begins) // 2]))

    return Killing(
        "kill-resume",
        prepare,
        lambda folder, inject: bench.fit(folder, *LAST, inject=inject),
        lambda folder: resume(bench, folder),
        same_result,
        evenly(RESUME_KILLS, "/runs/"),
    ).cases(bench)


def kill_cache(bench: Bench) -> list[Case]:
    """Kills while a cache is built, by the test of a checkpoint."""
    words = ["test", "--config", bench.recipe, "--ckpt_path", bench.checkpoint]
    words += ["--data.root", bench.discs, "--data.split", bench.discs / "split.csv"]
    return Killing(
        "kill-cache",
        lambda folder: None,
        lambda folder, inject: bench.server.polybench(folder, *words, inject=inject),
        lambda folder: bench.server.polybench(folder, *words),
        _same_cache,
        evenly(24, "/cache/"),
    ).cases(bench)


def kill_records(bench: Bench) -> list[Case]:
    """Kills while records, their tables and the page are written."""
    return Killing(
        "kill-records",
        lambda folder: bench.fit(folder, "--no_leaderboard"),
        lambda folder, inject: bench.fit(folder, *LAST, inject=inject),
        lambda folder: resume(bench, folder),
        lambda folder, unbroken: same_result(folder, unbroken) + _page_is_current(bench, folder),
        _around_records,
    ).cases(bench)


def kill_transfer(bench: Bench) -> list[Case]:
    """Kills of a training that begins with another net's backbone, and leaves its own."""

    def prepare(folder: Path) -> None:
        bench.donor(lambda state: save_file(state, folder / "donor.safetensors"))

    def command(folder: Path, *words: object, inject: Injection | None = None) -> Ended:
        transfer = ("--trainer.callbacks+", "TransferCallback", "--trainer.callbacks.source", "donor.safetensors")
        return bench.segment(folder, *transfer, "--trainer.max_epochs", 2, *words, inject=inject)

    def again(folder: Path) -> Ended:
        ended = command(folder, *LAST)
        return command(folder) if "leave out --ckpt_path" in ended.sentence else ended

    return Killing(
        "kill-transfer",
        prepare,
        lambda folder, inject: command(folder, inject=inject),
        again,
        lambda folder, unbroken: same_result(folder, unbroken) + _same_export(folder, unbroken),
        evenly(16, "/runs/"),
    ).cases(bench)


def kill_plan(bench: Bench) -> list[Case]:
    """Kills of a plan of two stages, between its processes and in them; the same command goes on."""
    net = {"class_path": "polybench.models.FCN16sAtrous", "init_args": BACKBONE}
    options = {"model.net": net, "data.root": str(bench.discs), "data.split": str(bench.discs / "split.csv")}
    stage = {"recipe": str(bench.recipe), "options": {"trainer.max_epochs": 1}}
    plan = {"name": "two", "options": options, "stages": {"S1": {**stage, "from": None}, "S2": {**stage, "from": "S1"}}}
    path = bench.work / "two.yaml"
    path.write_text(yaml.safe_dump(plan, sort_keys=False))
    return _kill_cells(bench, "kill-plan", "transfer", path)


def kill_matrix(bench: Bench) -> list[Case]:
    """Kills of a matrix of two cells, between its processes and in them; the same command goes on."""
    options = {"data.root": str(bench.discs), "data.split": str(bench.discs / "split.csv"), "trainer.max_epochs": 1}
    for name in ("method", "dataset"):
        keys = {"method": ("model", "trainer", "budget"), "dataset": ("data",)}[name]
        part = {key: value for key, value in RECIPE.items() if key in keys}
        (bench.work / f"{name}.yaml").write_text(yaml.safe_dump(part, sort_keys=False))
    method = {"config": "method.yaml", "seeds": [0, 1]}
    matrix = {"name": "two", "options": options, "methods": {"m": method}, "datasets": {"d": "dataset.yaml"}}
    path = bench.work / "matrix.yaml"
    path.write_text(yaml.safe_dump(matrix, sort_keys=False))
    return _kill_cells(bench, "kill-matrix", "matrix", path)


def _kill_cells(bench: Bench, name: str, command: str, file: Path) -> list[Case]:
    """Kills of a command that runs the cells of a file; the same command goes on."""
    words = (command, "--config", file)
    return Killing(
        name,
        lambda folder: None,
        lambda folder, inject: bench.server.polybench(folder, *words, inject=inject),
        lambda folder: bench.server.polybench(folder, *words),
        _same_records,
        evenly(16),
    ).cases(bench)


def resume(bench: Bench, folder: Path) -> Ended:
    """Go on as the README says; start anew where the message says that there is nothing to go on from."""
    ended = bench.fit(folder, *LAST)
    return bench.fit(folder) if "leave out --ckpt_path" in ended.sentence else ended


def same_result(folder: Path, unbroken: Path) -> Faults:
    """Compare the selected checkpoint and the record of two runs."""
    faults = []
    if best_of(folder)[0] != best_of(unbroken)[0]:
        faults.append(f"other best checkpoint: of epoch {best_of(folder)[1]} instead of {best_of(unbroken)[1]}")
    [expected], found = records_of(unbroken), records_of(folder)
    if len(found) != 1:
        return [*faults, f"records: {len(found)} instead of 1"]
    wrong = [key for key, value in numbers_of(expected).items() if numbers_of(found[0])[key] != value]
    return [*faults, f"other record: {', '.join(wrong)}"] if wrong else faults


def _same_records(folder: Path, unbroken: Path) -> Faults:
    """Compare all trained records of two plans."""
    found, expected = (sorted(map(_told, records_of(one, "*"))) for one in (folder, unbroken))
    if len(found) != len(expected):
        return [f"records: {len(found)} instead of {len(expected)}"]
    wrong = [ours for ours, theirs in zip(found, expected, strict=True) if ours != theirs]
    return [f"other record: {len(wrong)} of {len(expected)}"] if wrong else []


def _told(record: dict[str, Any]) -> str:
    numbers = numbers_of(record) if record["training"] else {"recipe": record["recipe"], "metrics": record["metrics"]}
    return json.dumps(numbers, sort_keys=True)


def _same_export(folder: Path, unbroken: Path) -> Faults:
    """Compare the backbones that two runs leave."""
    ours, theirs = (load_file(newest(one.glob("runs/**/encoder.safetensors"))) for one in (folder, unbroken))
    same = ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)
    return [] if same else ["other backbone: in encoder.safetensors"]


def _around_checkpoints(events: Sequence[Event]) -> list[int]:
    """Three quarters of the kills among the events from the first checkpoint to the last, the others elsewhere."""
    written = [number for number, event in enumerate(events) if ".ckpt" in event.path]
    inside = range(written[0], written[-1] + 1)
    outside = [number for number in range(len(events)) if number not in inside]
    many = evenly(KILLS * 3 // 4)([events[number] for number in inside])
    few = evenly(KILLS // 4)([events[number] for number in outside])
    return sorted([inside[k] for k in many] + [outside[k] for k in few])


def _around_records(events: Sequence[Event]) -> list[int]:
    """Events among those of the leaderboards, evenly spread, and each write of the trained record and its table."""
    written = {n for n, event in enumerate(events) if event.kind == "write" and "small-" in event.path}
    return sorted({*evenly(22, "/leaderboards/")(events), *(n for n in written if "/leaderboards/" in events[n].path)})


def _same_cache(folder: Path, unbroken: Path) -> Faults:
    """Compare the arrays of two caches, byte for byte."""
    expected = {path.relative_to(unbroken) for path in unbroken.glob("cache/*/*.bin")}
    found = {path.relative_to(folder) for path in folder.glob("cache/*/*.bin")}
    if found != expected:
        return [f"other cache: {len(found)} arrays instead of {len(expected)}"]
    wrong = filecmp.cmpfiles(folder, unbroken, sorted(map(str, expected)), shallow=False)[1]
    return [f"other cache: {', '.join(wrong)}"] if wrong else []


def _page_is_current(bench: Bench, folder: Path) -> Faults:
    ended = bench.server.polybench(folder, "leaderboard", "--check")
    return [f"other page: {ended.out.strip()} {ended.err.strip()}"] if ended.code else []

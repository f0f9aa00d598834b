"""Groups of kills: a training, its resumption, the cache, the records, a transfer and a plan."""

import filecmp
from collections.abc import Sequence
from pathlib import Path

from breaking.events import Event
from breaking.forkserver import Ended
from breaking.kills import Killing, evenly
from breaking.material import Bench, best_of, numbers_of, records_of
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
    from breaking.events import Injection

    def prepare(folder: Path) -> None:
        events = bench.fit(folder, inject=Injection()).events
        begins = [number for number, event in enumerate(events) if event.path.endswith("last.ckpt")]
        for path in (folder / "runs", folder / "leaderboards", folder / "cache"):
            _remove(path)
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
        lambda folder: bench.fit(folder, "--no_leaderboard") and None,
        lambda folder, inject: bench.fit(folder, *LAST, inject=inject),
        lambda folder: resume(bench, folder),
        lambda folder, unbroken: same_result(folder, unbroken) + _page_is_current(bench, folder),
        evenly(24, "/leaderboards/"),
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


def _around_checkpoints(events: Sequence[Event]) -> list[int]:
    """Three quarters of the kills among the events from the first checkpoint to the last, the others elsewhere."""
    written = [number for number, event in enumerate(events) if ".ckpt" in event.path]
    inside = range(written[0], written[-1] + 1)
    outside = [number for number in range(len(events)) if number not in inside]
    many = evenly(KILLS * 3 // 4)([events[number] for number in inside])
    few = evenly(KILLS // 4)([events[number] for number in outside])
    return sorted([inside[k] for k in many] + [outside[k] for k in few])


def _remove(path: Path) -> None:
    import shutil

    shutil.rmtree(path, ignore_errors=True)


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

"""Faults planted for the purpose: each must be found by a few cases of one group."""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

BREAK = Path(__file__).resolve().parents[1] / "break.py"


@dataclass(frozen=True)
class Plant:
    """A fault that is planted in a copy of a tree.

    Attributes:
        name: What is wrong then.
        file: Where, below `polybench/`.
        old: The text that is replaced; it must stand there once.
        new: What takes its place.
        group: The group that must find it.
        match: Which of its cases; they must be right without the fault.
    """

    name: str
    file: str
    old: str
    new: str
    group: str
    match: str


PLANTS = (
    Plant(
        "a record is written in its place",
        "core/atomic.py",
        "    with atomic_writer(path, exclusive=exclusive, follow=follow) as file:\n"
        "        file.write(text.encode())\n",
        "    path.parent.mkdir(parents=True, exist_ok=True)\n    path.write_text(text)\n",
        "kill-records",
        r"write .*small-\w+-s0\.json",
    ),
    Plant(
        "a checkpoint that can't be written is no error",
        "tasks/checkpoint.py",
        "        except OSError as error:\n            raise CheckpointError(\n",
        "        except OSError as error:\n            return\n            raise CheckpointError(\n",
        "write-errors",
        r"^fit: ENOSPC at .*\.ckpt",
    ),
    Plant(
        "masks in two codings are taken",
        "data/mask_coding.py",
        '    if _WORDS["ones"] not in found or len(found) == 1:\n',
        "    if len(found) >= 0:\n",
        "corrupt-inputs",
        "two codings",
    ),
    Plant(
        "a record is not held against its table",
        "results/record.py",
        '        check_table(self.record, read_table(self.path.with_suffix(".csv")), self.path)\n',
        '        read_table(self.path.with_suffix(".csv"))\n',
        "hostile-records",
        "better Dice$",
    ),
    Plant(
        "a member of an archive leads outside",
        "curation/extract.py",
        '    if ".." in name.parts:\n',
        '    if ".." in name.parts[:0]:\n',
        "hostile-archives",
        r"with \.\.",
    ),
)


def plant(source: Path, fault: Plant, into: Path) -> Path:
    """Copy a tree, and plant a fault in the copy.

    Returns:
        The copy.

    Raises:
        ValueError: If the text that would be replaced doesn't stand there once.
    """
    tree = into / "planted"
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    for name in ("polybench", "conf"):
        shutil.copytree(source / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(source / "pyproject.toml", tree)
    path = tree / "polybench" / fault.file
    text = path.read_text()
    if text.count(fault.old) != 1:
        raise ValueError(f"'{fault.name}' can't be planted: its text stands {text.count(fault.old)} times in '{path}'.")
    path.write_text(text.replace(fault.old, fault.new))
    return tree


def found(tree: Path, fault: Plant, work: Path) -> tuple[bool, str]:
    """Whether the cases that are meant for a fault find something in a tree, and the last line that they print."""
    command = [sys.executable, str(BREAK), fault.group, "--match", fault.match, "--source", str(tree)]
    ended = subprocess.run([*command, "--work", str(work)], capture_output=True, text=True, check=False)
    lines = ended.stdout.splitlines()
    if ended.returncode not in (0, 1) or not lines or " of 0 " in lines[-1]:
        raise RuntimeError(f"{fault.group} --match '{fault.match}' doesn't run:\n{ended.stdout}{ended.stderr}")
    return ended.returncode == 1, lines[-1]


def run_plants(source: Path, work: Path, match: str = "") -> int:
    """Plant each fault, and print which are found: those that cases find which are right without it.

    Args:
        source: The tree.
        work: Gets the copy, and the folders of the cases.
        match: A regular expression in the names of the faults.

    Returns:
        0 if all are.
    """
    right = 0
    faults = [fault for fault in PLANTS if re.search(match, fault.name)]
    for fault in faults:
        tree = plant(source, fault, work)
        before, _ = found(source, fault, work / "cases")
        after, line = found(tree, fault, work / "cases")
        right += after and not before
        verdict = "found before it is planted" if before else "found" if after else "NOT FOUND"
        print(f"{fault.name}: {verdict}: {line}", flush=True)
    print(f"{right} of {len(faults)} planted faults found")
    return 0 if right == len(faults) else 1

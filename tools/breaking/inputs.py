"""Corrupt images, masks, lists, recipes and predictions: what each command must do with them stands in a table."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from breaking import spoil
from breaking.forkserver import Ended
from breaking.material import Bench, write_discs
from breaking.report import Case, Faults, crashes, last_line, refused

REFUSED, SAID, RIGHT = "refused", "said", "right"
"""Refused in a sentence with the name; refused, or the name is said; as without the damage, or refused."""
LIMIT = 60.0


@dataclass(frozen=True)
class Kind:
    """A kind of damage.

    Attributes:
        name: What is damaged.
        spoil: Damages a dataset.
        says: Words of which what is printed must have one.
        verify: What `data verify` must do, which prints defects as a table: `SAID` with exit code 1, or `RIGHT`.
        fit: What `fit` must do.
        score: What `score` must do with the damaged masks.
    """

    name: str
    spoil: spoil.Spoil
    says: tuple[str, ...]
    verify: str | None = SAID
    fit: str | None = REFUSED
    score: str | None = None


def _kinds() -> list[Kind]:
    third, mask = ("p03",), "masks/p03.png"
    image = "images/p03.png"
    twelve, wide = partial(np.left_shift, dtype=np.uint16), partial(np.asarray, dtype=np.int32)
    table = ("split.csv",)
    return [
        Kind("a PNG cut short", spoil.cut(image), third),
        Kind("a JPEG cut short", spoil.cut_jpeg, third),
        Kind("an image without a byte", spoil.contents(image, b""), third),
        Kind("text under an image's name", spoil.contents(image, b"<html>please log in</html>"), third),
        Kind("a flipped bit in a PNG", spoil.flipped, third),
        Kind("a PNG of width 0", spoil.header(0, 32), third),
        Kind("a PNG that claims 100,000 x 100,000 pixels", spoil.header(100_000, 100_000), third),
        Kind("a pipe under an image's name", spoil.fifo, third),
        Kind("a dangling link", spoil.link("nowhere.png"), third),
        Kind("a link to itself", spoil.link("p03.png"), third),
        Kind("a folder under an image's name", spoil.folder, third),
        Kind("names that are no UTF-8", spoil.no_unicode, ("UTF-8", "q\\xff", "q\\udcff"), fit=SAID),
        Kind("images of 12 bits", spoil.images_as(lambda grey: twelve(grey, 4)), ("bit", "4095", "range", "levels")),
        Kind("images of int32", spoil.images_as(wide), ("bit", "int32", "range", "levels", "mode")),
        Kind("images with NaN", spoil.images_as(spoil.noise_float), ("NaN", "nan", "finite", "p00", "float")),
        Kind("an image of several pages", spoil.pages("images"), ("pages", "p03"), fit=SAID),
        Kind("a mask of several pages", spoil.pages("masks"), ("pages", "p03"), fit=SAID),
        Kind("masks in two codings", spoil.masks(spoil.mixture), ("p01", "0 and 1", "coding", "255"), score=REFUSED),
        Kind(
            "a mask whose palette says the contrary", spoil.masks(spoil.swapped_palette), ("p03",), RIGHT, RIGHT, RIGHT
        ),
        Kind("a mask in the alpha channel", spoil.masks(spoil.in_alpha), ("p03", "alpha"), score=REFUSED),
        Kind("a mask of LAB", spoil.lab_mask, third, score=REFUSED),
        Kind("a mask of another size", spoil.masks(spoil.smaller), third, score=REFUSED),
        Kind("a mask with a third value", spoil.masks(spoil.three_values), ("p03",), RIGHT, RIGHT, RIGHT),
        Kind("a mask that is missing", spoil.without(mask), third),
        Kind("two images of one stem", spoil.twice, third),
        Kind("validation masks without an object", spoil.masks(spoil.empty), ("empty", "object", "val"), None, SAID),
        Kind("a list with an unknown image", spoil.table(lambda text: text + "zz,test,zz\n"), ("zz",)),
        Kind("a list with a byte-order mark", spoil.table(lambda text: "\ufeff" + text), table, RIGHT, RIGHT),
        Kind(
            "a list with conflict markers",
            spoil.table(lambda text: text.replace("p03,train,p03", spoil.CONFLICT)),
            table,
        ),
        Kind("a list in UTF-16", spoil.table(lambda text: text.encode("utf-16")), table),
        Kind("an image in two subsets", spoil.table(lambda text: text + "p03,test,p03\n"), ("p03",)),
        Kind("a list without a test subset", spoil.table(lambda text: text.replace("test", "val")), ("test",), None),
        Kind("images in folders below", spoil.grown, ("further",), SAID, SAID),
    ]


def corrupt_inputs(bench: Bench) -> list[Case]:
    """A case for each kind, with all commands that read it."""
    of_data = [Case(kind.name, partial(_attack_data, bench, kind)) for kind in _kinds()]
    return [*of_data, *_recipe_cases(bench), *_prediction_cases(bench)]


def _attack_data(bench: Bench, kind: Kind) -> Faults:
    root = bench.folder("corrupt") / "discs"
    write_discs(root)
    kind.spoil(root)
    faults: Faults = []
    words: tuple[object, ...]
    if kind.verify:
        words = ("data", "verify", "folder", "--root", root, "--split", root / "split.csv")
        faults += _judged(
            "verify", kind.verify, bench.server.polybench(root.parent / "at", *words, limit=LIMIT), kind.says
        )
    if kind.score:
        words = ("score", "--pred", bench.discs / "masks", "--gt", root / "masks", "--json", "scores.json")
        ended = bench.server.polybench(root.parent / "at", *words, limit=LIMIT)
        faults += _judged("score", kind.score, ended, kind.says) + _dice(root.parent / "at", ended, kind.score)
    if kind.fit:
        fit = bench.fit_words("--trainer.max_epochs", 1, "--no_leaderboard", root=root)
        ended = bench.server.polybench(root.parent / "at", *fit, limit=LIMIT)
        faults += _judged("fit", kind.fit, ended, kind.says)
    return faults


def _judged(command: str, outcome: str, ended: Ended, says: tuple[str, ...]) -> Faults:
    """What is wrong with how a command ended; `verify` names defects in a table and ends with exit code 1."""
    faults = crashes(ended)
    named = any(word in ended.said.replace("\n", " ") for word in says)
    if not faults and outcome == REFUSED:
        faults = refused(ended, names=says)
    elif not faults and outcome == SAID and not named:
        faults = [f"silent: exit code {ended.code}, {last_line(ended.said)}"]
    elif not faults and outcome == SAID and command == "verify" and ended.code == 0:
        faults = [f"accepted: exit code 0, {last_line(ended.said)}"]
    elif not faults and outcome == RIGHT and ended.code:
        faults = refused(ended, names=says) if command != "verify" else [] if named else ["silent: refused unnamed"]
    return [
        f"{kind}:{detail and ' '}{command}{detail and ', '}{detail.strip()}"
        for kind, _, detail in (fault.partition(":") for fault in faults)
    ]


def _dice(folder: Path, ended: Ended, outcome: str) -> Faults:
    """The Dice of masks with themselves, where damage that changes no meaning was accepted."""
    if ended.code or outcome != RIGHT:
        return []
    value = json.loads((folder / "scores.json").read_text())["protocols"]["per_image"]["dice"]
    return [] if value == 1.0 else [f"wrong number: score, Dice {value} instead of 1"]


ALIASES = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
)
RECIPES: dict[str, bytes] = {
    "a recipe with a tab": b"name: x\n\tbudget: smoke\n",
    "a recipe of aliases that grow": ALIASES.encode(),
    "a recipe with a Python object": b"name: !!python/object/apply:os.system [touch pwned]\n",
    "a recipe that is a list": b"- name\n- budget\n",
    "a recipe that is no text": bytes(range(128, 256)) * 20,
    "a recipe with conflict markers": b"<<<<<<< HEAD\nname: a\n=======\nname: b\n>>>>>>> other\n",
}


def _recipe_cases(bench: Bench) -> list[Case]:
    def attack(text: bytes) -> Faults:
        folder = bench.folder("recipe")
        (folder / "bad.yaml").write_bytes(text)
        ended = bench.server.polybench(folder, "fit", "--config", "bad.yaml", limit=LIMIT)
        pwned = ["executed: the recipe's command"] if (folder / "pwned").exists() else []
        return refused(ended, codes=(2,), names=("bad.yaml",)) + pwned

    return [Case(name, partial(attack, text)) for name, text in RECIPES.items()]


ARRAYS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "a prediction with NaN": lambda mask: np.where(np.arange(mask.size).reshape(mask.shape) == 7, np.nan, mask),
    "a prediction of 2.0": lambda mask: mask * 2,
    "a prediction of objects": lambda mask: mask.astype(object),
    "a prediction of three dimensions": lambda mask: np.stack([mask] * 5, -1),
    "a prediction of complex numbers": lambda mask: mask + 1j,
}


def _prediction_cases(bench: Bench) -> list[Case]:
    def attack(change: Callable[[np.ndarray], np.ndarray]) -> Faults:
        folder = bench.folder("prediction")
        (folder / "preds").mkdir()
        for path in (bench.discs / "masks").iterdir():
            mask = spoil.array_of(path) / 255.0
            np.save(folder / "preds" / f"{path.stem}.npy", change(mask) if path.stem == "p03" else mask)
        words = ("score", "--pred", "preds", "--gt", bench.discs / "masks")
        return refused(bench.server.polybench(folder, *words, limit=LIMIT), names=("p03",))

    return [Case(name, partial(attack, change)) for name, change in ARRAYS.items()]

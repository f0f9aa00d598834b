"""Lists of the pools of BSAN (seed 002), and of what they need of single datasets.

BSAN draws training and validation images at random from Kvasir, ColonDB and EndoScene, 7:1:2, tests on the rest and on
ETIS, and released no list. ColonDB's 300 frames are EndoScene's CVC-300, so the 912 frames of EndoScene are ColonDB's
300 and the 612 of CVC-612, and each of these parts is divided by itself.
"""

from collections.abc import Mapping
from functools import cache

from splits import clinicdb
from splits.common import Makers, as_csv, cut, hash_order, ids
from splits.polyp import CVC300, CVC612, FRAMES

Sizes = Mapping[str, int]
KVASIR: Sizes = {"train": 700, "val": 100, "test": 200}
COLONDB: Sizes = {"train": 210, "val": 30, "test": 60}
CVC612_SIZES: Sizes = {"train": 428, "val": 61, "test": 123}  # with ColonDB's: EndoScene's 638/91/183
SKIN_VAL = 269  # a tenth of the 2688 images of training


def _cvc300() -> tuple[dict[int, str], dict[int, str]]:
    """Frame -> the authors' part, and frame -> group: the run of frames, see `splits.polyp`."""
    parts, groups = {}, {}
    for part, ranges in CVC300.items():
        for first, last in ranges:
            for frame in range(first, last + 1):
                parts[frame], groups[frame] = part, f"cvc300/{first}-{last}"
    return dict(sorted(parts.items())), dict(sorted(groups.items()))


def _cvc612() -> tuple[dict[int, str], dict[int, str]]:
    """Frame -> the authors' part, and frame -> group: ClinicDB's sequence."""
    parts = {
        frame: part for part, ranges in CVC612.items() for first, last in ranges for frame in range(first, last + 1)
    }
    return dict(sorted(parts.items())), clinicdb.groups()


def nearest(sizes: Mapping[str, int], room: int) -> set[str]:
    """Choose whole groups whose images come as near to a number as they can without exceeding it.

    Of several such choices the one that takes the earlier group in hash order.

    Args:
        sizes: Group -> number of its images.
        room: The number.
    """
    order = hash_order(sizes)

    @cache
    def most(place: int, left: int) -> int:
        if place == len(order):
            return 0
        size = sizes[order[place]]
        taken = size + most(place + 1, left - size) if size <= left else 0
        return max(taken, most(place + 1, left))

    chosen, left = set(), room
    for place, group in enumerate(order):
        size = sizes[group]
        if size <= left and size + most(place + 1, left - size) == most(place, left):
            chosen.add(group)
            left -= size
    return chosen


def _by_groups(parts: Mapping[int, str], groups: Mapping[int, str], val: int) -> dict[int, str]:
    """The authors' test part for test, whole groups of their validation part for validation, the rest for training."""
    held = [frame for frame, part in parts.items() if part == "val"]
    sizes: dict[str, int] = {}
    for frame in held:
        sizes[groups[frame]] = sizes.get(groups[frame], 0) + 1
    chosen = nearest(sizes, val)
    home = {frame: "val" if groups[frame] in chosen else "train" for frame in parts}
    return home | {frame: "test" for frame, part in parts.items() if part == "test"}


def _at_random(frames: Mapping[int, str], sizes: Sizes, name: str) -> dict[int, str]:
    """Frames in the hash order of their ids in the pool, cut in three."""
    home = cut(hash_order(f"{name}/{frame}" for frame in frames), sizes)
    return {frame: home[f"{name}/{frame}"] for frame in frames}


def _polyp(colondb: Mapping[int, str], cvc612: Mapping[int, str]) -> tuple[dict[str, str], dict[str, str]]:
    """All lists of the polyp pool: Kvasir at random, ETIS for test, and the given homes of ColonDB and CVC-612."""
    subsets = {f"kvasir/{name}": part for name, part in cut(hash_order(ids("kvasir_seg")), KVASIR).items()}
    groups = {name: name.replace("kvasir/", "kvasir_seg/") for name in subsets}
    etis = {f"etis/{frame}": "test" for frame in range(1, FRAMES["etis"] + 1)}
    subsets |= {f"colondb/{frame}": part for frame, part in colondb.items()}
    subsets |= {f"endoscenestill/CVC-612/{frame}": part for frame, part in cvc612.items()} | etis
    groups |= {f"colondb/{frame}": group for frame, group in _cvc300()[1].items()}
    groups |= {f"endoscenestill/CVC-612/{frame}": group for frame, group in _cvc612()[1].items()}
    return subsets, groups | {name: name for name in etis}


def _counts(subsets: Mapping[str, str], *beginnings: str) -> str:
    found = [part for name, part in subsets.items() if name.startswith(beginnings)]
    return "/".join(str(found.count(part)) for part in ("train", "val", "test"))


def _sizes_in_words(subsets: Mapping[str, str]) -> str:
    parts = {
        "Kvasir-SEG": ("kvasir/",),
        "ColonDB": ("colondb/",),
        "EndoScene with ColonDB": ("colondb/", "endoscenestill/"),
        "ETIS": ("etis/",),
    }
    return ", ".join(f"{name} {_counts(subsets, *beginnings)}" for name, beginnings in parts.items())


ONCE = (
    "ColonDB's 300 frames are CVC-300 of EndoScene's 912; each counts once, under its name in ColonDB. Kvasir-SEG "
    "names no patients, ETIS no sequences: each of their images counts as its own group, and intervals are too narrow."
)


def polyp_sequence_disjoint() -> str:
    """No known sequence in two subsets; the test part of EndoScene is its authors'."""
    (parts300, groups300), (parts612, groups612) = _cvc300(), _cvc612()
    subsets, groups = _polyp(
        _by_groups(parts300, groups300, COLONDB["val"]), _by_groups(parts612, groups612, CVC612_SIZES["val"])
    )
    note = (
        "BSAN's set-up in whole sequences, about 7:1:2 of Kvasir, ColonDB and EndoScene, with all of ETIS for test: "
        f"{_sizes_in_words(subsets)} (train/val/test); ours, as BSAN released no list. EndoScene's test part is its "
        "authors', by patient. Validation has whole sequences of their validation part, in the order of "
        "sha256('polybench-0:<group>'), as near to 30 frames of CVC-300 and 61 of CVC-612 as they go without exceeding "
        "it; the others are for training, where other sequences of a video in validation may be. Kvasir-SEG is cut at "
        f"random (sha256('polybench-0:<id>')). {ONCE}"
    )
    return as_csv(subsets, groups, disjoint=None, note=note)


def polyp_reconstructed() -> str:
    """Random frames of each dataset, as the paper describes it."""
    subsets, groups = _polyp(
        _at_random(_cvc300()[0], COLONDB, "colondb"), _at_random(_cvc612()[0], CVC612_SIZES, "endoscenestill/CVC-612")
    )
    note = (
        "BSAN's set-up as its text has it: random frames 7:1:2 of Kvasir, ColonDB and EndoScene, and all of ETIS for "
        f"test: {_sizes_in_words(subsets)} (train/val/test). BSAN released no list; ours: frames of each dataset in "
        "the order of sha256('polybench-0:<id>'), cut in three. It LEAKS: frames of one polyp stand in train, val and "
        f"test. Use sequence_disjoint for a number that means something. {ONCE}"
    )
    return as_csv(subsets, groups, disjoint=False, note=note)


def colondb300() -> str:
    """The 300 frames of CVC-300, all for test."""
    parts, groups = _cvc300()
    note = (
        "All 300 frames for test: ColonDB's first release, which is EndoSceneStill's CVC-300. Which of them share a "
        "video is not published: each unbroken run of frames of a part of EndoSceneStill counts as one group, which "
        "holds one sequence or several. Nets that were trained on EndoSceneStill or on BSAN's pool have seen them."
    )
    return as_csv(dict.fromkeys(parts, "test"), groups, disjoint=None, note=note)


def skin() -> str:
    """The training parts of both ISIC sets, tested on PH2 and the test images of ISIC-2016 that are left."""
    of_2018, known = ids("isic2018"), set(ids("isic2018"))
    training = [name for name in ids("isic2016_training") if name not in known]
    rest = [name for name in ids("isic2016_test") if name not in known]
    names = {f"isic2018/{name}": name for name in of_2018} | {f"isic2016/{name}": name for name in training}
    rank = {image: place for place, image in enumerate(hash_order(names.values()))}
    order = sorted(names, key=lambda name: rank[names[name]])
    tested = {f"isic2016/{name}": name for name in rest}
    subsets = cut([*order, *tested], {"train": len(order) - SKIN_VAL, "val": SKIN_VAL, "test": len(tested)})
    subsets |= {f"ph2/{name}": "test" for name in ids("ph2")}
    groups = {name: f"isic/{image}" for name, image in (names | tested).items()}
    groups |= {f"ph2/{name}": f"ph2/{name}" for name in ids("ph2")}
    note = (
        f"BSAN's set-up: the training parts of ISIC-2018 ({len(of_2018)}) and ISIC-2016 (900, of which {len(training)} "
        f"are not among these), {len(order)} images in all; tested on all 200 of PH2 and 'the remaining' images, read "
        f"here as those {len(rest)} of ISIC-2016's 379 test images that are in neither training part (the other "
        f"{379 - len(rest)} are in ISIC-2018's). 1145 images stand in both ISIC sets and count once, under their name "
        f"in ISIC-2018. BSAN names no validation part; ours is {SKIN_VAL} of the {len(order)} (the last in the order "
        "of sha256('polybench-0:<id>')). No set names patients or lesions."
    )
    return as_csv(subsets, groups, disjoint=None, note=note)


def ph2_all_test() -> str:
    """All images of PH2 for test."""
    groups = {name: f"ph2/{name}" for name in ids("ph2")}
    note = "All 200 images for test, for nets that were trained elsewhere; PH2 names no patients."
    return as_csv(dict.fromkeys(groups, "test"), groups, disjoint=None, note=note)


FILES: Makers = {
    "colondb300/all_test.csv": colondb300,
    "ph2/all_test.csv": ph2_all_test,
    "polyp_pool/reconstructed_bsan_7_1_2.csv": polyp_reconstructed,
    "polyp_pool/sequence_disjoint.csv": polyp_sequence_disjoint,
    "skin_pool/reconstructed_bsan_ph2.csv": skin,
}

"""Lists of the polyp datasets: Kvasir-SEG, EndoSceneStill, the test-only sets, PraNet's arrangement, synthetic polyps.

A test-only set has one list, `all_test`: its field never trains on it, and folds of frames whose videos nobody can tell
apart would leak.
"""

from functools import partial

from splits import clinicdb
from splits.common import SELECTS, Makers, as_csv, cut, hash_order, ids, whole_groups

KVASIR_VAL, CLINICDB_VAL = 90, 55  # of PraNet's 900 and 550
SYNTHETIC_SEQUENCES, SYNTHETIC_FRAMES = 48, 5

FRAMES = {"colondb": 380, "etis": 196}

Ranges = dict[str, tuple[tuple[int, int], ...]]
# First and last frames of the parts of CVC-EndoSceneStill, which its authors divided by patient (Vazquez et al. 2017).
CVC300: Ranges = {
    "train": ((1, 76), (98, 148), (221, 273)),
    "val": ((77, 97), (209, 220), (274, 300)),
    "test": ((149, 208),),
}
CVC612: Ranges = {
    "train": ((26, 50), (104, 126), (178, 227), (253, 317), (384, 503), (529, 612)),
    "val": ((51, 103), (228, 252), (318, 342), (364, 383)),
    "test": ((1, 25), (127, 177), (343, 363), (504, 528)),
}
UNKNOWN_VIDEOS = (
    "Which frames share a video is not published: each counts as its own group, and intervals are too narrow."
)


def _kvasir(subsets: dict[str, str], note: str, *, selects_on_test: bool = False) -> str:
    groups = {image: f"kvasir_seg/{image}" for image in subsets}
    note = f"{note} Which images share a patient is not published: each counts as its own group."
    return as_csv(subsets, groups, disjoint=None, note=note, selects_on_test=selects_on_test)


def _kvasir_cut(test: list[str], val: int) -> dict[str, str]:
    rest = hash_order(set(ids("kvasir_seg")) - set(test))
    return cut([*rest, *test], {"train": len(rest) - val, "val": val, "test": len(test)})


def kvasir_official() -> str:
    """The released 880 and 120, with a validation part taken out of the 880."""
    note = (
        "The lists released with Kvasir-SEG: 880 for training, 120 here for test. Papers, FANet among them, select by "
        "the same 120 that they report; here selection is by 88 of the 880 (the last in the order of "
        "sha256('polybench-0:<id>')), so 792 are left to train on."
    )
    return _kvasir(_kvasir_cut(ids("kvasir_seg_official_val"), 88), note)


def kvasir_selects_on_test() -> str:
    """The released 880 and 120, all 880 for training."""
    note = f"The lists released with Kvasir-SEG, all 880 for training, 120 for test. {SELECTS}"
    return _kvasir(_kvasir_cut(ids("kvasir_seg_official_val"), 0), note, selects_on_test=True)


def kvasir_pranet() -> str:
    """PraNet's 100 test images; its 900 training images with a validation part taken out."""
    note = (
        "PraNet's released lists: 900 for training, 100 for test. PraNet has no validation set; ours is 90 of the 900 "
        "(the last in the order of sha256('polybench-0:<id>')), so 810 are left to train on."
    )
    return _kvasir(_kvasir_cut(ids("kvasir_seg_pranet_test"), KVASIR_VAL), note)


def kvasir_reconstructed() -> str:
    """Random images 800/100/100, the sizes of the Keras-FCN paper."""
    subsets = cut(hash_order(ids("kvasir_seg")), {"train": 800, "val": 100, "test": 100})
    note = (
        "Random images 800/100/100 as the Keras-FCN paper has them; its division depends on the order of files on the "
        "authors' disk and was not released, so this one is ours: images in the order of sha256('polybench-0:<id>')."
    )
    return _kvasir(subsets, note)


def _endoscene() -> tuple[dict[str, str], dict[str, str]]:
    subsets, groups, sequences = {}, {}, clinicdb.groups()
    for subset in CVC300:
        for first, last in CVC300[subset]:
            for frame in range(first, last + 1):
                subsets[f"CVC-300/{frame}"] = subset
                groups[f"CVC-300/{frame}"] = f"cvc300/{first}-{last}"
        for first, last in CVC612[subset]:
            for frame in range(first, last + 1):
                subsets[f"CVC-612/{frame}"] = subset
                groups[f"CVC-612/{frame}"] = sequences[frame]
    return subsets, groups


def endoscene_official() -> str:
    """The authors' division by patient."""
    subsets, groups = _endoscene()
    note = (
        "The authors' division, by patient: 547/183/182 frames. Groups of CVC-612 are the sequences of CVC-ClinicDB, "
        "which has the same frames; for CVC-300 no table is published, so each unbroken run of frames of a part counts "
        "as one group, which holds one sequence or several: intervals are rather too wide than too narrow."
    )
    return as_csv(subsets, groups, disjoint=True, note=note)


def unseen(name: str) -> dict[int, str]:
    """Frame -> group of a set that the field tests on and does not train on: `cvc300`, `colondb` or `etis`."""
    if name == "cvc300":
        groups = _endoscene()[1]
        return {frame: groups[f"CVC-300/{frame}"] for first, last in CVC300["test"] for frame in range(first, last + 1)}
    return {frame: f"{name}/{frame}" for frame in range(1, FRAMES[name] + 1)}


def all_test(name: str, note: str) -> str:
    """All frames of a set, for test alone."""
    groups = unseen(name)
    return as_csv(dict.fromkeys(groups, "test"), groups, disjoint=None, note=note)


ALL_TEST = {
    "cvc300": (
        "All 60 frames for test: the test part of EndoSceneStill's CVC-300 (149-208), as PraNet and its followers use "
        "it. Which of them share a video is not published: they count as one group, so no interval can be given. All "
        "of them are among CVC-ColonDB's 380: the two tables are not independent."
    ),
    "colondb": (
        f"All 380 frames, of 15 videos, for test: the field trains elsewhere. {UNKNOWN_VIDEOS} The frames of CVC-300 "
        "are among them, and some frames stand there twice."
    ),
    "etis": f"All 196 frames, of 34 sequences, for test: the field trains elsewhere. {UNKNOWN_VIDEOS}",
}


def _pranet_training() -> tuple[dict[str, str], dict[str, str]]:
    """PraNet's 900 + 550 images with our validation part, and all groups."""
    kvasir = _kvasir_cut(ids("kvasir_seg_pranet_test"), KVASIR_VAL)
    test = set(clinicdb.pranet_test())
    frames = whole_groups({f: group for f, group in clinicdb.groups().items() if f not in test}, {"val": CLINICDB_VAL})
    subsets = {f"kvasir/{image}": subset for image, subset in kvasir.items() if subset != "test"}
    subsets |= {f"clinicdb/{frame}": subset for frame, subset in frames.items()}
    groups = {f"kvasir/{image}": f"kvasir_seg/{image}" for image in kvasir}
    groups |= {f"clinicdb/{frame}": group for frame, group in clinicdb.groups().items()}
    return subsets, groups


def pranet(name: str, disjoint: bool | None, note: str) -> str:
    """PraNet's training images and one of its five test sets.

    Args:
        name: The test set.
        disjoint: Whether no group stands in two subsets.
        note: What is to be known of this test set.
    """
    subsets, groups = _pranet_training()
    seen = {"kvasir": ids("kvasir_seg_pranet_test"), "clinicdb": ids("clinicdb_pranet_test")}
    if name not in seen:
        groups |= {f"{name}/{frame}": group for frame, group in unseen(name).items()}
    subsets |= {f"{name}/{image}": "test" for image in seen.get(name) or map(str, unseen(name))}
    val = sum(subset == "val" for subset in subsets.values())
    note = (
        f"PraNet's released arrangement: 900 images of Kvasir-SEG and 550 of CVC-ClinicDB for training, {note} PraNet "
        f"has no validation set; ours is {val} of the 1450, the same in all five lists: {KVASIR_VAL} of Kvasir-SEG "
        f"(the last in the order of sha256('polybench-0:<id>')) and {val - KVASIR_VAL} frames of CVC-ClinicDB, as "
        "whole sequences."
    )
    return as_csv(subsets, groups, disjoint=disjoint, note=note)


PRANET_TESTS: dict[str, tuple[bool | None, str]] = {
    "kvasir": (None, "100 of Kvasir-SEG for test; which of its images share a patient is not published."),
    "clinicdb": (
        False,
        "62 of CVC-ClinicDB for test. It LEAKS: the 62 are random frames of 26 of the 29 sequences, whose other frames "
        "are in train and val.",
    ),
    "cvc300": (
        None,
        "the 60 of CVC-300 for test: other videos than those of train and val, and which of the 60 share one is not "
        "published: they count as one group, so no interval can be given.",
    ),
    "colondb": (None, f"the 380 of CVC-ColonDB for test. {UNKNOWN_VIDEOS}"),
    "etis": (None, f"the 196 of ETIS-LaribPolypDB for test. {UNKNOWN_VIDEOS}"),
}


def synthetic_sequence_disjoint() -> str:
    """Whole synthetic sequences, 29/9/10."""
    images = range(1, SYNTHETIC_SEQUENCES * SYNTHETIC_FRAMES + 1)
    sequences = {image: (image - 1) // SYNTHETIC_FRAMES + 1 for image in images}
    subsets = {image: {0: "val", 3: "test"}.get(sequence % 5, "train") for image, sequence in sequences.items()}
    note = (
        "Synthetic images: no score on them says anything about medicine. 48 sequences of 5 frames; a sequence whose "
        "number is a multiple of 5 is for val (9), one that leaves 3 is for test (10), the others for train (29)."
    )
    groups = {image: f"synthetic_polyp/{sequence}" for image, sequence in sequences.items()}
    return as_csv(subsets, groups, disjoint=True, note=note)


FILES: Makers = {
    "kvasir_seg/official_880_120.csv": kvasir_official,
    "kvasir_seg/selects_on_test_880_120.csv": kvasir_selects_on_test,
    "kvasir_seg/pranet_900_100.csv": kvasir_pranet,
    "kvasir_seg/reconstructed_800_100_100.csv": kvasir_reconstructed,
    "endoscenestill/official_547_183_182.csv": endoscene_official,
    **{f"{name}/all_test.csv": partial(all_test, name, note) for name, note in ALL_TEST.items()},
    **{f"pranet/{name}.csv": partial(pranet, name, *facts) for name, facts in PRANET_TESTS.items()},
    "synthetic_polyp/sequence_disjoint.csv": synthetic_sequence_disjoint,
}

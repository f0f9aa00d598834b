"""Lists of the skin, nuclei, retina and electron-microscopy sets.

Seeds 001 (FANet) and 004 (EFEN) print sizes and released no lists, and what they report is, by size or by name, a
validation part. Each list here has a training, a validation and a test part, so that nothing is chosen on what is
reported.
"""

from functools import partial

from splits.common import FOLDS, SELECTS, Makers, as_csv, cut, fold_files, hash_order, ids

ISIC_UNKNOWN = "Task 1 names neither patients nor lesions, so images of one patient may stand in two parts."
DSB_UNKNOWN = (
    "The files name no experiment and many images are neighbouring tiles of one field of view, so parts of one "
    "specimen stand in train, val and test."
)
DRIVE_UNKNOWN = "Patients are not named; that no patient was photographed twice is not stated."
EM_LEAKS = (
    "All slices come from one volume of one animal and neighbours show the same cells, so it LEAKS: slices at the "
    "edges of the parts are neighbours, and no number says how a net does on another animal. A group is a block of 3 "
    "slices, our choice; blocks are not independent either."
)
EFEN_NOTE = (
    "Random images 8:1:1 ({sizes}) as the EFEN paper describes; it released no list and calls its scores those of "
    "validation. Ours: ids in the order of sha256('polybench-0:<id>'), cut in three. "
)
FANET_NOTE = (
    "Random images {ratio} ({sizes}), the division that FANet's counts point to; it released no list. The {printed} "
    "images that it prints as its test part are the size of the usual validation part, which they are here; the "
    "{test} for test are what it leaves out. Ours: ids in the order of sha256('polybench-0:<id>'), cut in three. "
)
SLICES, BLOCK = 30, 3
CHILDREN, TRAINING_CHILDREN = 14, 10


def random_parts(images: str, prefix: str, sizes: dict[str, int], note: str) -> str:
    """Images of which nothing is known, in hash order, cut in three.

    Args:
        images: Name of the committed list of ids.
        prefix: What stands before the id in the group.
        sizes: Subset -> how many.
        note: What a reader must know.
    """
    names = ids(images)
    groups = {name: f"{prefix}/{name}" for name in names}
    return as_csv(cut(hash_order(names), sizes), groups, disjoint=None, note=note)


def efen(images: str, prefix: str, sizes: dict[str, int], unknown: str) -> str:
    """8:1:1 after the sizes that follow from the EFEN paper."""
    note = EFEN_NOTE.format(sizes="/".join(map(str, sizes.values()))) + unknown
    return random_parts(images, prefix, sizes, note)


def fanet(images: str, prefix: str, sizes: dict[str, int], ratio: str, unknown: str) -> str:
    """The sizes that FANet prints, and what they leave over."""
    note = FANET_NOTE.format(
        ratio=ratio, sizes="/".join(map(str, sizes.values())), printed=sizes["val"], test=sizes["test"]
    )
    return random_parts(images, prefix, sizes, note + unknown)


def isic2016() -> str:
    """The challenge's 900 and 379, with a validation part taken out of the 900."""
    training, test = hash_order(ids("isic2016_training")), ids("isic2016_test")
    subsets = cut([*training, *test], {"train": 810, "val": 90, "test": 379})
    note = (
        "The challenge's own parts, 900 for training and 379 for test. It has no validation part; ours is 90 of the "
        "900 (the last in the order of sha256('polybench-0:<id>')), so 810 are left to train on. The challenge names "
        "neither patients nor lesions, so images of one patient may stand in two parts."
    )
    return as_csv(subsets, {name: f"isic/{name}" for name in subsets}, disjoint=None, note=note)


def drive() -> str:
    """DRIVE's own 20 and 20, with a validation part taken out of the training part."""
    training, test = hash_order(f"{number}" for number in range(21, 41)), [f"{number:02d}" for number in range(1, 21)]
    subsets = cut([*training, *test], {"train": 16, "val": 4, "test": 20})
    note = (
        "DRIVE's own parts, 21-40 for training and 01-20 for test. It has no validation part; ours is 4 of the "
        "training 20 (the last in the order of sha256('polybench-0:<id>')), so 16 are left to train on. Papers that "
        f"choose their epoch on the 20 test images report what they validated on. {DRIVE_UNKNOWN}"
    )
    return as_csv(subsets, drive_groups(), disjoint=None, note=note)


def drive_groups() -> dict[str, str]:
    """Image -> itself, since nothing else is known."""
    return {f"{number:02d}": f"drive/{number:02d}" for number in range(1, 41)}


def chase_groups() -> dict[str, str]:
    """Image -> child."""
    return {f"Image_{child:02d}{eye}": f"chase/{child:02d}" for child in range(1, CHILDREN + 1) for eye in "LR"}


def chase() -> str:
    """Children 1-10 and 11-14, with two of the ten for validation."""
    training = hash_order(f"chase/{child:02d}" for child in range(1, TRAINING_CHILDREN + 1))
    test = [f"chase/{child:02d}" for child in range(TRAINING_CHILDREN + 1, CHILDREN + 1)]
    home = cut([*training, *test], {"train": 8, "val": 2, "test": 4})
    note = (
        "The usual 20 and 8 images (children 1-10 and 11-14); CHASE_DB1 has no official list, and FANet does not say "
        "which 20 it used. Both eyes of a child stay together. Validation is ours: 2 of the 10 children (the last in "
        "the order of sha256('polybench-0:chase/<child>')), so 16 images are left to train on."
    )
    groups = chase_groups()
    return as_csv({image: home[child] for image, child in groups.items()}, groups, disjoint=True, note=note)


def drive_selects_on_test() -> str:
    """DRIVE's own 20 and 20, all 20 for training."""
    subsets = {name: "test" if int(name) <= 20 else "train" for name in drive_groups()}
    note = f"DRIVE's own parts, all of 21-40 for training, 01-20 for test. {SELECTS} {DRIVE_UNKNOWN}"
    return as_csv(subsets, drive_groups(), disjoint=None, note=note, selects_on_test=True)


def chase_selects_on_test() -> str:
    """Children 1-10 and 11-14, all ten for training."""
    groups = chase_groups()
    subsets = {image: "train" if int(child[-2:]) <= TRAINING_CHILDREN else "test" for image, child in groups.items()}
    note = (
        "The usual 20 and 8 images (children 1-10 and 11-14), all 20 for training; CHASE_DB1 has no official list, and "
        f"FANet does not say which 20 it used. {SELECTS} Both eyes of a child stay together."
    )
    return as_csv(subsets, groups, disjoint=True, note=note, selects_on_test=True)


def em_groups() -> dict[str, str]:
    """Slice -> block of three."""
    return {f"slice_{place:02d}": f"em/block_{place // BLOCK}" for place in range(SLICES)}


def em() -> str:
    """The first 24 slices, the next 3 and the last 3."""
    note = (
        "Contiguous blocks of 24, 3 and 3 slices. FANet prints 24 for training and 3 for test of the 30 and released "
        f"no list. {EM_LEAKS}"
    )
    groups = em_groups()
    return as_csv(cut(list(groups), {"train": 24, "val": 3, "test": 3}), groups, disjoint=False, note=note)


def em_fold(fold: int) -> str:
    """Six neighbouring slices for test, the next six (in a ring) for validation."""
    groups = em_groups()
    names, size = list(groups), SLICES // FOLDS
    start = fold * size
    ring = [*names[start:], *names[:start]]
    subsets = cut(ring, {"test": size, "val": size, "train": SLICES - 2 * size})
    note = (
        f"Fold {fold + 1} of {FOLDS}: slices {start:02d}-{start + size - 1:02d} for test, the six after them (after "
        f"the last comes the first) for validation; ours. {EM_LEAKS}"
    )
    return as_csv(subsets, groups, disjoint=False, note=note)


FILES: Makers = {
    "isic2018/reconstructed_efen_8_1_1.csv": partial(
        efen, "isic2018", "isic", {"train": 2075, "val": 259, "test": 260}, ISIC_UNKNOWN
    ),
    "isic2018/reconstructed_fanet_1815_259_520.csv": partial(
        fanet, "isic2018", "isic", {"train": 1815, "val": 259, "test": 520}, "7:1:2", ISIC_UNKNOWN
    ),
    "dsb2018/reconstructed_efen_8_1_1.csv": partial(
        efen, "dsb2018", "dsb2018", {"train": 536, "val": 67, "test": 67}, DSB_UNKNOWN
    ),
    "dsb2018/reconstructed_fanet_335_134_201.csv": partial(
        fanet, "dsb2018", "dsb2018", {"train": 335, "val": 134, "test": 201}, "5:2:3", DSB_UNKNOWN
    ),
    "isic2016/official_900_379.csv": isic2016,
    **fold_files(
        "ph2",
        {name: f"ph2/{name}" for name in ids("ph2")},
        disjoint=None,
        note="PH2 has no official list and names no patients.",
    ),
    "drive/official_20_20.csv": drive,
    "drive/selects_on_test_20_20.csv": drive_selects_on_test,
    "chase/selects_on_test_20_8.csv": chase_selects_on_test,
    **fold_files("drive", drive_groups(), disjoint=None, note=f"All 40 images are dealt out. {DRIVE_UNKNOWN}"),
    "chase/reconstructed_20_8.csv": chase,
    **fold_files("chase", chase_groups(), disjoint=True, note="Both eyes of a child stay together."),
    "em/reconstructed_24_3_3.csv": em,
    **{f"em/fold_{fold + 1}_of_{FOLDS}.csv": partial(em_fold, fold) for fold in range(FOLDS)},
}

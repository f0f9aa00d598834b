"""CVC-ClinicDB's lists, and its table of sequences, which EndoSceneStill and PraNet's lists need too."""

from collections import Counter
from functools import partial

from splits.common import Makers, as_csv, cut, fold_files, hash_order, ids, whole_groups

# First frames of the 29 sequences, from the table in CVC-ClinicDB's README.txt; the last sequence ends at 612.
STARTS = (
    *(1, 26, 51, 68, 79, 104, 127, 152, 178, 200, 206, 228, 253, 278, 298),
    *(318, 343, 364, 384, 409, 429, 448, 467, 479, 504, 529, 547, 572, 592),
)
IMAGES = 612
HELD_OUT = 61
ABSENT = (133, 419, 480)
"""Frames that copies of 609 frames lack; the lists of the leak do without them, so that they count alike there too."""
TESTED_SHARE = 3
"""One frame of so many of a tested sequence is held out by the lists of the leak."""
FOLDS_NOTE = (
    "No sequence is in two parts. The 29 sequences of the official table are dealt out, the largest first, those of "
    "one size in the order of sha256('polybench-0:clinicdb/<sequence>'), each to the fold with the fewest frames. The "
    "29 sequences come from 25 videos and the table does not say which share one: sequence-disjoint is not "
    "patient-disjoint."
)
LEAK_NOTE = (
    "One of two lists that measure what sister frames are worth: leak_with_sisters, which LEAKS on purpose, and "
    "leak_without_sisters test, validate and count alike. A third of the frames of {tested} sequences is for test; "
    "trained is on {train} frames: {trained}; validation is on the {val} frames that sequence_disjoint "
    "validates on. Compare the two by the paired difference over the test frames, and with no other list. Ours: "
    "sequences other than those of validation are paired by size; the first of a pair in the order of "
    "sha256('polybench-0:<sequence>') is tested, and the other gives as many frames as the sisters are; frames go in "
    "the order of sha256('polybench-0:<frame>'), those left out that copies of 609 frames lack. The rest is unused."
)


def sequences() -> dict[int, int]:
    """Frame -> sequence, both counted from 1, as the official table has it."""
    ends = (*(start - 1 for start in STARTS[1:]), IMAGES)
    return {
        frame: sequence
        for sequence, (start, end) in enumerate(zip(STARTS, ends, strict=True), start=1)
        for frame in range(start, end + 1)
    }


def groups() -> dict[int, str]:
    """Frame -> group."""
    return {frame: f"clinicdb/{sequence}" for frame, sequence in sequences().items()}


def pranet_test() -> list[int]:
    """The 62 ClinicDB images in PraNet's released TestDataset (Fan et al., MICCAI 2020)."""
    return [int(frame) for frame in ids("clinicdb_pranet_test")]


def efen() -> str:
    """Random frames 8:1:1, after the sizes that follow from the EFEN paper."""
    subsets = cut(hash_order(range(1, IMAGES + 1)), {"train": 490, "val": HELD_OUT, "test": HELD_OUT})
    note = (
        "Random frames 8:1:1 (490/61/61) as the EFEN paper describes; it released no list, so this one is ours: frames "
        "in the order of sha256('polybench-0:<frame>'), cut in three. It LEAKS: frames of one polyp stand in train, "
        "val and test. Use sequence_disjoint for a number that means something."
    )
    return as_csv(subsets, groups(), disjoint=False, note=note)


def efen_counts() -> str:
    """Random frames in the numbers of the EFEN paper: 12,714 and 1,586 augmented images are 26 times 489 and 61."""
    subsets = cut(hash_order(range(1, IMAGES + 1)), {"train": 489, "val": HELD_OUT, "test": 62})
    note = (
        "Random frames 8:1:1 (489/61/62) in the numbers of the EFEN paper, whose 12,714 and 1,586 augmented images are "
        "26 times 489 and 61; it released no list, so this one is ours: frames in the order of "
        "sha256('polybench-0:<frame>'), cut in three. It LEAKS: frames of one polyp are in train, val and test. Use "
        "sequence_disjoint for a number that means something."
    )
    return as_csv(subsets, groups(), disjoint=False, note=note)


def sequence_disjoint() -> str:
    """Whole sequences, about 8:1:1 by frames."""
    home = whole_groups(sequences(), {"test": HELD_OUT, "val": HELD_OUT})
    held_out = " and ".join(
        f"{len({sequence for frame, sequence in sequences().items() if home[frame] == subset})} in {subset}"
        for subset in ("val", "test")
    )
    note = (
        "No sequence stands in two subsets. The 29 sequences of the official table in the order of "
        "sha256('polybench-0:<sequence>'): each goes to test while its frames fit in 61, else to val while they fit in "
        f"61, else to train; {held_out}, so intervals over groups are wide. The 29 sequences come from 25 videos and "
        "the table does not say which share one: sequence-disjoint is not patient-disjoint."
    )
    return as_csv(home, groups(), disjoint=True, note=note)


def pranet() -> str:
    """PraNet's 62 test images; its 550 training images with a validation part taken out."""
    test = pranet_test()
    rest = hash_order(set(range(1, IMAGES + 1)) - set(test))
    subsets = cut([*rest, *test], {"train": 495, "val": 55, "test": 62})
    note = (
        "PraNet's released lists: 550 for training, 62 for test. PraNet has no validation set; ours is 55 of the 550 "
        "(the last in the order of sha256('polybench-0:<frame>')), so 495 are left to train on. It LEAKS: the 62 are "
        "random frames of 26 of the 29 sequences, whose other frames are in train and val."
    )
    return as_csv(subsets, groups(), disjoint=False, note=note)


def leak(*, sisters: bool) -> str:
    """A list of the pair that differs in whether sister frames of the test frames are trained on.

    Args:
        sisters: Whether they are; else as many frames of as many other sequences.
    """
    validated = {
        frame
        for frame, subset in whole_groups(sequences(), {"test": HELD_OUT, "val": HELD_OUT}).items()
        if subset == "val"
    }
    home = dict.fromkeys(range(1, IMAGES + 1), "unused") | dict.fromkeys(validated, "val")
    pairs = sequence_pairs({sequences()[frame] for frame in validated})
    for tested, other in pairs:
        frames = frames_of(tested)
        held_out = len(frames) // TESTED_SHARE
        rest, others = frames[held_out:], frames_of(other)
        trained = (rest if sisters else others)[: min(len(rest), len(others))]
        home |= dict.fromkeys(frames[:held_out], "test") | dict.fromkeys(trained, "train")
    counts = Counter(home.values())
    what = (
        "other frames of the tested sequences, their sisters"
        if sisters
        else f"frames of {len(pairs)} other sequences, as many of each as the sisters are"
    )
    note = LEAK_NOTE.format(tested=len(pairs), train=counts["train"], trained=what, val=counts["val"])
    return as_csv(home, groups(), disjoint=not sisters, note=note)


def sequence_pairs(left_out: set[int]) -> list[tuple[int, int]]:
    """Sequences in pairs of about one size; the first of a pair is tested."""
    sizes = Counter(sequences().values())
    order = hash_order(set(sizes) - left_out)
    by_size = sorted(order, key=lambda sequence: -sizes[sequence])
    pairs = zip(by_size[::2], by_size[1::2], strict=True)
    return [(min(pair, key=order.index), max(pair, key=order.index)) for pair in pairs]


def frames_of(sequence: int) -> list[int]:
    """The frames of a sequence that every copy has, in hash order."""
    return hash_order(frame for frame, home in sequences().items() if home == sequence and frame not in ABSENT)


FILES: Makers = {
    **fold_files("clinicdb", groups(), disjoint=True, note=FOLDS_NOTE),
    "clinicdb/leak_with_sisters.csv": partial(leak, sisters=True),
    "clinicdb/leak_without_sisters.csv": partial(leak, sisters=False),
    "clinicdb/pranet_550_62.csv": pranet,
    "clinicdb/reconstructed_489_61_62.csv": efen_counts,
    "clinicdb/reconstructed_efen_8_1_1.csv": efen,
    "clinicdb/sequence_disjoint.csv": sequence_disjoint,
}

"""Make the split lists of the package again, byte for byte: `python tools/make_splits.py [--check]`.

Lists are shuffled by SHA-256 instead of a library's generator: they come out the same with any version of anything.
"""

import argparse
import hashlib
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

SPLITS = Path(__file__).resolve().parents[1] / "polybench" / "datasets" / "splits"
SEED = "polybench-0"
SUBSETS = ("train", "val", "test")

# First frames of the 29 sequences, from the table in CVC-ClinicDB's README.txt; the last sequence ends at 612.
CLINICDB_STARTS = (
    *(1, 26, 51, 68, 79, 104, 127, 152, 178, 200, 206, 228, 253, 278, 298),
    *(318, 343, 364, 384, 409, 429, 448, 467, 479, 504, 529, 547, 572, 592),
)
CLINICDB_IMAGES = 612
# The 62 ClinicDB images in PraNet's released TestDataset (Fan et al., MICCAI 2020).
# fmt: off
PRANET_TEST = (
    14, 21, 25, 31, 42, 50, 52, 61, 65, 66, 73, 80, 89, 100, 106, 119, 134, 148, 154, 163, 166, 171, 179, 181,
    185, 191, 205, 240, 251, 266, 279, 287, 300, 307, 349, 353, 374, 381, 388, 397, 400, 404, 425, 429, 431,
    442, 453, 459, 464, 474, 481, 483, 492, 526, 529, 545, 555, 559, 561, 569, 571, 575,
)
# fmt: on
SYNTHETIC_SEQUENCES, SYNTHETIC_FRAMES = 48, 5


def hash_order(items: Iterable[int]) -> list[int]:
    """Shuffle numbers: by the SHA-256 of ``polybench-0:<number>``."""
    return sorted(items, key=lambda item: hashlib.sha256(f"{SEED}:{item}".encode()).hexdigest())


def clinicdb_sequences() -> dict[int, int]:
    """Frame -> sequence, both counted from 1, as the official table has it."""
    ends = (*(start - 1 for start in CLINICDB_STARTS[1:]), CLINICDB_IMAGES)
    return {
        frame: sequence
        for sequence, (start, end) in enumerate(zip(CLINICDB_STARTS, ends, strict=True), start=1)
        for frame in range(start, end + 1)
    }


def cut(items: Sequence[int], sizes: Mapping[str, int]) -> dict[int, str]:
    """Deal a list out to subsets: the first so many to the first subset, and so on; the sizes must add up."""
    names = [name for name, size in sizes.items() for _ in range(size)]
    return dict(zip(items, names, strict=True))


def as_csv(name: str, subsets: Mapping[int, str], sequences: Mapping[int, int], *, disjoint: bool, note: str) -> str:
    """The text of a split file: facts as comments, then id, subset and group in numeric order."""
    rows = [f"{image},{subsets[image]},{name}/{sequences[image]}" for image in sorted(subsets)]
    return "\n".join([f"# group_disjoint: {str(disjoint).lower()}", f"# note: {note}", "id,subset,group", *rows, ""])


def clinicdb_efen() -> str:
    """Random frames 8:1:1, after the sizes that follow from the EFEN paper."""
    subsets = cut(hash_order(range(1, CLINICDB_IMAGES + 1)), {"train": 490, "val": 61, "test": 61})
    note = (
        "Random frames 8:1:1 (490/61/61) as the EFEN paper describes; it released no list, so this one is ours: frames "
        "in the order of sha256('polybench-0:<frame>'), cut in three. It LEAKS: frames of one polyp stand in train, "
        "val and test. Use sequence_disjoint for a number that means something."
    )
    return as_csv("clinicdb", subsets, clinicdb_sequences(), disjoint=False, note=note)


def clinicdb_sequence_disjoint() -> str:
    """Whole sequences, about 8:1:1 by frames."""
    frames = clinicdb_sequences()
    sizes = {sequence: list(frames.values()).count(sequence) for sequence in set(frames.values())}
    room = {"test": 61, "val": 61}
    home: dict[int, str] = {}
    for sequence in hash_order(sizes):
        home[sequence] = next((subset for subset, left in room.items() if sizes[sequence] <= left), "train")
        if home[sequence] in room:
            room[home[sequence]] -= sizes[sequence]
    held_out = " and ".join(f"{list(home.values()).count(subset)} in {subset}" for subset in ("val", "test"))
    note = (
        "No sequence stands in two subsets. The 29 sequences of the official table in the order of "
        "sha256('polybench-0:<sequence>'): each goes to test while its frames fit in 61, else to val while they fit in "
        f"61, else to train; {held_out}, so intervals over groups are wide. The 29 sequences come from 25 videos and "
        "the table does not say which share one: sequence-disjoint is not patient-disjoint."
    )
    return as_csv("clinicdb", {f: home[s] for f, s in frames.items()}, frames, disjoint=True, note=note)


def clinicdb_pranet() -> str:
    """PraNet's 62 test images; its 550 training images with a validation part taken out."""
    rest = hash_order(set(range(1, CLINICDB_IMAGES + 1)) - set(PRANET_TEST))
    subsets = cut([*rest, *PRANET_TEST], {"train": 495, "val": 55, "test": 62})
    note = (
        "PraNet's released lists: 550 for training, 62 for test. PraNet has no validation set; ours is 55 of the 550 "
        "(the last in the order of sha256('polybench-0:<frame>')), so 495 are left to train on. It LEAKS: the 62 are "
        "random frames of 26 of the 29 sequences, whose other frames are in train and val."
    )
    return as_csv("clinicdb", subsets, clinicdb_sequences(), disjoint=False, note=note)


def synthetic_sequence_disjoint() -> str:
    """Whole synthetic sequences, 29/9/10."""
    images = range(1, SYNTHETIC_SEQUENCES * SYNTHETIC_FRAMES + 1)
    sequences = {image: (image - 1) // SYNTHETIC_FRAMES + 1 for image in images}
    subsets = {image: {0: "val", 3: "test"}.get(sequence % 5, "train") for image, sequence in sequences.items()}
    note = (
        "Synthetic images: no score on them says anything about medicine. 48 sequences of 5 frames; a sequence whose "
        "number is a multiple of 5 is for val (9), one that leaves 3 is for test (10), the others for train (29)."
    )
    return as_csv("synthetic_polyp", subsets, sequences, disjoint=True, note=note)


FILES: dict[str, Callable[[], str]] = {
    "clinicdb/pranet_550_62.csv": clinicdb_pranet,
    "clinicdb/reconstructed_efen_8_1_1.csv": clinicdb_efen,
    "clinicdb/sequence_disjoint.csv": clinicdb_sequence_disjoint,
    "synthetic_polyp/sequence_disjoint.csv": synthetic_sequence_disjoint,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the lists, or compare them with `--check`.

    Returns:
        0, or 1 if `--check` found a list missing or different.
    """
    parser = argparse.ArgumentParser(description="Make polybench's split lists.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a list differs")
    parser.add_argument("--folder", type=Path, default=SPLITS, help="where the lists lie (default: in the package)")
    options = parser.parse_args(arguments)
    status = 0
    for name, make in FILES.items():
        path, content = options.folder / name, make().encode()
        if not options.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        elif not path.is_file() or path.read_bytes() != content:
            print(f"{path} differs from what tools/make_splits.py makes: run it again.", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())

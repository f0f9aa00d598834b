"""`polybench data split`: make a split list for a folder of one's own."""

import math
import re
import shlex
from pathlib import Path

from polybench.cli.parser import Parser
from polybench.core.errors import ConfigError, DataError


def main(args: list[str]) -> int:
    """Write the list.

    Args:
        args: The arguments after `polybench data split`.

    Returns:
        The exit code, 0.

    Raises:
        UserError: If the folder lacks images or masks, or can't be divided as asked.
    """
    parser = Parser(
        "polybench data split",
        "Divide the images of a folder with images/ and masks/ into training, validation and test part, by a hash of "
        "their names; the list is a file that travels with your results.",
    )
    parser.add_argument("folder", type=Path, help="folder that holds images/ and masks/")
    parser.add_argument("--out", type=Path, help="where the list goes (default: split.csv in the folder)")
    parser.add_argument("--ratios", default="8:1:1", help="shares of train:val:test (%(default)s)")
    parser.add_argument(
        "--group",
        help="regular expression found in each image's stem; what it matches (or its first bracket) is the group, such "
        "as the patient: images of one group stay in one part",
    )
    parser.add_argument("--seed", type=int, default=0, help="another number makes another division (%(default)s)")
    options = parser.parse_args(args)

    from polybench.core.atomic import atomic_write_text
    from polybench.curation.make_split import make_split
    from polybench.data.listing import list_files
    from polybench.data.pairing import pair_by_stem
    from polybench.data.splits import SUBSETS, load_split
    from polybench.experiments.outputs import refuse_unwritable

    ratios, folder = _ratios(options.ratios), options.folder
    out: Path = options.out or folder / "split.csv"
    for name in ("images", "masks"):
        if not (folder / name).is_dir():
            raise DataError(f"There is no folder '{folder / name}': name the folder that holds images/ and masks/.")
    refuse_unwritable(out, "--out" if options.out else "the list", ".csv")
    ids = list(pair_by_stem(folder / "images", folder / "masks"))
    text = make_split(ids, _groups(ids, options.group), ratios, options.seed)
    if out.exists() and out.read_bytes() != text.encode():
        raise DataError(f"'{out}' is there already and differs: name another file with --out, or remove it.")
    atomic_write_text(out, text, follow=True)
    split = load_split(out.parent, str(out))
    for listing in (list_files(folder / name) for name in ("images", "masks")):
        if listing.left_out:
            print(f"'{listing.folder}': {listing.sentence}.")
    print(f"{out}: {', '.join(f'{subset} {len(split.ids(subset))}' for subset in SUBSETS)}.")
    words = (str(folder), "--data.split", str(out))
    print(f"Use it with --data FolderDataModule --data.root {shlex.join(words)}")
    return 0


def _ratios(text: str) -> list[float]:
    try:
        ratios = [float(part) for part in text.split(":")]
    except ValueError:
        ratios = []
    if len(ratios) != 3 or not all(math.isfinite(ratio) and ratio > 0 for ratio in ratios):
        raise ConfigError(f"--ratios must be three positive numbers such as 8:1:1, not '{text}'.")
    return ratios


def _groups(ids: list[str], pattern: str | None) -> dict[str, str] | None:
    if pattern is None:
        return None
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise ConfigError(f"--group '{pattern}' is not a regular expression: {error}.") from error
    groups = {}
    for image_id in ids:
        match = expression.search(image_id)
        if match is None:
            raise DataError(f"--group '{pattern}' matches nothing in '{image_id}': widen it.")
        groups[image_id] = match.group(1) if expression.groups else match.group()
    return groups

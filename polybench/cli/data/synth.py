"""`polybench data synth`: write generated images in a dataset's own layout."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from polybench.cli.parser import Parser

if TYPE_CHECKING:
    from polybench.data.module import SegmentationDataModule
    from polybench.synth.dataset import Written

_MOST_BY_DEFAULT = 30


def main(args: list[str]) -> int:
    """Write the images, and print the next command.

    Args:
        args: The arguments after `polybench data synth`.

    Returns:
        The exit code, 0.

    Raises:
        UserError: If there is no such dataset, it can't have so many images, or the folder holds something else.
    """
    parser = Parser(
        "polybench data synth",
        "Write generated images and masks in a dataset's true layout: its folders, names, ids and file types, so that "
        "everything runs on them as on the real ones. No image shows a patient; a score on them says nothing about "
        "medicine.",
    )
    parser.add_argument(
        "name",
        help="the dataset's short name, as `polybench data list` shows it; or intima_media, for regions of an artery's "
        "wall with known interfaces",
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        help="folder that will hold the dataset's own folder; for 'folder' the one that will hold images/ and masks/",
    )
    parser.add_argument("--n", type=int, help=f"how many images (default: {_MOST_BY_DEFAULT}, or all where fewer)")
    parser.add_argument("--seed", type=int, default=0, help="another number makes other images (%(default)s)")
    parser.add_argument(
        "--size",
        type=int,
        nargs=2,
        metavar=("H", "W"),
        help="height and width in pixels (default: that of the official images, or the commonest ones)",
    )
    options = parser.parse_args(args)

    from polybench.cli.data.modules import module_class
    from polybench.synth.dataset import write_dataset, write_intima_media
    from polybench.synth.intima_media import NAME

    size = tuple(options.size) if options.size else None
    if options.name == NAME:
        n = _MOST_BY_DEFAULT if options.n is None else options.n
        written = write_intima_media(options.out, n=n, seed=options.seed, size=size)
        _tell(written, n)
        print(f"Regions of subjects: train {written.subsets['train']}, test {written.subsets['test']}.")
        print(
            f"Next: polybench fit --config conf/methods/finetuning_interfaces.yaml --data.root {_quoted(options.out)}"
        )
        return 0
    module = module_class(options.name, also=(NAME,))
    n = min(_MOST_BY_DEFAULT, module.card.images or _MOST_BY_DEFAULT) if options.n is None else options.n
    written = write_dataset(module, options.out, n=n, seed=options.seed, size=size)
    _tell(written, n)
    print("\n".join(_next(module, written, options.out)))
    return 0


def _tell(written: "Written", n: int) -> None:
    was = "are now" if written.new else "were already"
    print(f"{n} synthetic images {was} in '{written.folder}'. No score on them says anything about medicine.")


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))


def _next(module: "type[SegmentationDataModule]", written: "Written", out: Path) -> list[str]:
    """What to do next, as command lines."""
    from polybench.data.splits import SUBSETS

    name, root = module.short_name, _quoted(out)
    if not module.default_split:
        split = _quoted(out / "split.csv")
        return [
            f"Next: polybench data split {root} --group 'polyp[0-9]+'",
            f"      polybench data verify {name} --root {root} --split {split}",
            f"      polybench fit --config RECIPE --data {module.__name__} --data.root {root} --data.split {split}",
        ]
    found = ", ".join(f"{subset} {written.subsets[subset]}" for subset in SUBSETS)
    fit = f"polybench fit --config RECIPE --data conf/data/{name}.yaml --data.root {root} --data.allow_missing true"
    complete = all(written.subsets[subset] for subset in SUBSETS)
    return [
        f"In the split '{module.default_split}': {found}.",
        f"Next: polybench data verify {name} --root {root}",
        *([f"      {fit}"] if complete else []),
    ]

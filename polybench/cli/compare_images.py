"""`polybench compare-images`: images, their truth and the masks of several nets side by side, as PNG and PDF."""

import sys
from argparse import Namespace
from pathlib import Path

from polybench.cli.parser import Parser
from polybench.core.errors import ConfigError
from polybench.experiments.boxes import read_boxes
from polybench.experiments.outputs import refuse_unwritable

WAYS = ("errors", "masks", "outlines")

DESCRIPTION = (
    "Show images, their truth and the mask of each net in one grid, at native size, with Dice in the corner. NET is a "
    "row or a record of the leaderboards, whose masks are made with its weights (those that --keep_weights left, or of "
    "its run); the folder of a run; a file of weights (.ckpt, .safetensors); or a folder of masks by any program, "
    "named as the images. NAME=NET says what the picture calls it."
)


def main(args: list[str]) -> int:
    """Draw the pictures and return the exit code, 0.

    Args:
        args: The arguments after `polybench compare-images`.

    Raises:
        UserError: If a net, an image or a mask isn't there, or the files can't be written.
    """
    options = arguments(args)
    from polybench.cli.data.modules import default_root, module_class, open_copy  # torch, which --help can do without
    from polybench.experiments.compared_images import chosen_dataset, chosen_split, pictures
    from polybench.experiments.image_grid import draw_grid, write_grid
    from polybench.experiments.mask_sources import Places, mask_source

    boxes = read_boxes(options.boxes, options.ids)
    places = Places(options.leaderboard, options.weights, options.runs)
    sources = [mask_source(word, places) for word in options.nets]
    name = chosen_dataset(sources, options.dataset)
    split = chosen_split(sources, module_class(name), options.split)
    found = pictures(
        open_copy(name, options.root or default_root(), split), options.ids, sources, options.iterations, boxes
    )
    for remark in found.remarks:
        print(f"polybench: {remark}", file=sys.stderr)
    for path in write_grid(draw_grid(found.titles, found.lines, options.show), options.output):
        print(path)
    return 0


def arguments(args: list[str]) -> Namespace:
    """Parse and check the command line.

    Raises:
        ConfigError: If something is missing, or the files can't be written.
    """
    parser = Parser("polybench compare-images", DESCRIPTION)
    parser.add_argument("nets", nargs="+", metavar="NET", help="row, record, run, file of weights or folder of masks")
    parser.add_argument("--ids", nargs="+", metavar="ID", help="the images, in this order")
    parser.add_argument("--show", choices=WAYS, default=WAYS[0], help="how masks are drawn (%(default)s)")
    parser.add_argument(
        "--iterations",
        type=int,
        nargs="*",
        metavar="N",
        help="of nets with mask feedback: the mask that they start from (0) and that of each iteration, or of these",
    )
    parser.add_argument(
        "--boxes",
        nargs="+",
        default=[],
        metavar="ID:x,y,w,h",
        help="regions of interest to mark, in pixels of the image",
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="the files, FILE.png and FILE.pdf")
    parser.add_argument("--dataset", metavar="NAME", help="whose images are shown (that of the nets)")
    parser.add_argument("--split", metavar="NAME", help="which images are for testing (the split of the records)")
    parser.add_argument(
        "--root", metavar="DIR", help="folder that holds the dataset's own folder (default: POLYBENCH_DATA, or ./data)"
    )
    parser.add_argument("--leaderboard", type=Path, default=Path("leaderboards"), help="of the rows (%(default)s)")
    parser.add_argument("--weights", type=Path, metavar="DIR", help="what --keep_weights wrote")
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="folder of runs (%(default)s)")
    options = parser.parse_args(args)
    if not options.ids or options.output is None:
        raise ConfigError("compare-images needs --ids ID..., the images, and --output FILE, for FILE.png and FILE.pdf.")
    if options.output.suffix in (".png", ".pdf"):
        options.output = options.output.with_suffix("")
    for kind in ("png", "pdf"):
        refuse_unwritable(options.output.with_name(f"{options.output.name}.{kind}"), "--output")
    return options

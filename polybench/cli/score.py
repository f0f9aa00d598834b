"""`polybench score`: the numbers of anyone's predictions under every protocol, without a net and without lightning."""

import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from polybench.cli.parser import Parser
from polybench.core.errors import ConfigError, did_you_mean
from polybench.core.wording import listed
from polybench.data.memory import sizes_of
from polybench.data.pairing import by_stem
from polybench.data.splits import SUBSETS, Subset
from polybench.data.value_range import check_bits
from polybench.experiments.outputs import refuse_overwriting, refuse_unwritable
from polybench.results.derived.user_table import labels_of, table_column
from polybench.scoring.dataset_truth import dataset_truth
from polybench.scoring.folder_truth import folder_truth
from polybench.scoring.memory import refuse_too_large_to_score
from polybench.scoring.names import check_names, match
from polybench.scoring.predictions import left_out_remark, list_maps, survey
from polybench.scoring.score import coding_remarks, refuse_coding, score
from polybench.scoring.truth import Truth

if TYPE_CHECKING:  # they bring torch, which --help can do without
    from polybench.data.module import SegmentationDataModule
    from polybench.metrics.protocols import Protocol

FOLDER = "folder"
"""Short name of the dataset that is a folder of the user's, whose masks need no dataset to be scored."""

DESCRIPTION = (
    "Score a folder of predictions, made by any program, under every protocol: PNG, TIF or NPY, probabilities or "
    "binary. Bytes count as k/255, 16-bit numbers as k/65535; 0 and 1 alone are labels. Folders are flat: sub-folders "
    "are not read. A prediction belongs to the mask (or the image of a dataset) of the same stem, the name without its "
    "type: pred/a.npy to gt/a.png; endings such as _pred or _mask are part of a stem."
)
INSTANCES = "masks are label maps, 0 background: add the instances protocol; 'both': predictions are label maps too"
MEMBRANES = (
    "masks of --gt show the interiors of cells as foreground, the membranes between them as background: add the "
    "membranes protocol (a dataset of such masks has it anyway)"
)
MISSING = "what a mask without prediction means: an empty prediction, named and counted (default), or an error"
AGAINST = (
    "also compare the predictions, image by image, with every row of these leaderboards that was tested on the same "
    "images, such as leaderboards"
)
BITS = "bits that count in predictions of 16 bits, such as 12; needed where none of them uses the 16th"
BY = (
    "also give the scores by the classes of a column of a CSV that has the image ids in a column 'id': each with its "
    "images, groups, interval and worst group"
)
RESIZE = "bring predictions of another size to their mask's size, bilinearly"


def main(args: list[str]) -> int:
    """Score a folder of predictions and return the exit code, 0.

    Args:
        args: The arguments after `polybench score`.

    Raises:
        UserError: For wrong arguments, unreadable or wrongly sized files, or nothing to score.
    """
    options = arguments(args)
    if options.protocols:
        from polybench.metrics.protocols import EXTRA_PROTOCOLS, PROTOCOLS

        for protocol in (*PROTOCOLS, *EXTRA_PROTOCOLS):
            print(f"{protocol.key}: {protocol.paragraph}\n")
        return 0
    truth, listing = chosen_truth(options), list_maps(options.pred)
    paths = by_stem(listing)
    files = match(truth.groups, truth.aliases, paths)
    missing = [image_id for image_id in truth.groups if image_id not in files]
    extra = sorted(set(paths) - set(files.values()))
    refuse = options.missing == "error"
    check_names(options.pred, missing, extra, len(files), place=truth.place, refuse=refuse)
    labels = None if options.by is None else labels_of(options.by, list(truth.groups))
    refuse_too_large_to_score(
        sizes_of(paths[name] for name in files.values()), truth.protocols, dataset=options.gt is None
    )
    predictions = survey({image_id: paths[name] for image_id, name in files.items()}, options.bits)
    if options.instances != "both":
        refuse_coding(predictions, options.pred)

    from polybench.cli.score_report import report
    from polybench.scoring.report import Scored
    from polybench.scoring.strata import Classes

    instances = options.instances == "both"
    rows, resized, remarks = score(
        truth, predictions, instances=instances, resize=options.resize, stored=options.csv is not None
    )
    coding = coding_remarks(predictions, options.pred, instances=instances)
    remarks = [*left_out_remark(listing), *coding, *remarks, *truth.remarks()]
    for remark in remarks:
        print(f"polybench: {remark}", file=sys.stderr)
    classes = None if labels is None else Classes(options.by, labels)
    report(options, Scored(truth, predictions.paths, missing, extra, rows, resized, remarks, classes))
    return 0


def arguments(args: list[str]) -> Namespace:
    """Parse and check the command line.

    Raises:
        ConfigError: If something is missing or contradicts itself.
    """
    parser = Parser("polybench score", DESCRIPTION)
    parser.add_argument("--pred", type=Path, metavar="DIR", help="folder of predictions, flat, named as the masks")
    parser.add_argument(
        "--gt",
        type=Path,
        metavar="DIR",
        help="folder of masks, flat: above half of the range is foreground; each image is a group of its own",
    )
    parser.add_argument("--valid", type=Path, metavar="DIR", help="folder of fields of view, flat, named as the masks")
    parser.add_argument(
        "--dataset", metavar="NAME", help="take masks, fields of view and groups from this dataset instead of --gt"
    )
    parser.add_argument("--split", help="subset of the dataset, or <split>/<subset> (default: test)")
    parser.add_argument(
        "--root", metavar="DIR", help="folder that holds the dataset's own folder (default: POLYBENCH_DATA, or ./data)"
    )
    parser.add_argument("--missing", choices=("empty", "error"), default="empty", help=MISSING)
    parser.add_argument("--resize", action="store_true", help=RESIZE)
    parser.add_argument("--bits", type=int, metavar="N", help=BITS)
    parser.add_argument("--instances", nargs="?", const="masks", choices=("masks", "both"), help=INSTANCES)
    parser.add_argument("--membranes", action="store_true", help=MEMBRANES)
    parser.add_argument("--also", metavar="NAME", help="add a protocol of no dataset by its name: uacanet")
    parser.add_argument("--by", type=table_column, metavar="TABLE.csv:COLUMN", help=BY)
    parser.add_argument("--against", type=Path, metavar="DIR", help=AGAINST)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers here, and what they are of")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the values of each image here")
    parser.add_argument("--protocols", action="store_true", help="say what each protocol is, and stop")
    options = parser.parse_args(args)
    if not options.protocols:
        check(options)
    return options


def check(options: Namespace) -> None:
    """Check that the options go with each other.

    Raises:
        ConfigError: If something is missing or contradicts itself.
    """
    if options.gt is not None and options.dataset is not None:
        raise ConfigError("Give --gt DIR or --dataset NAME, not both: masks come from one of them.")
    if options.pred is None or (options.gt is None and options.dataset is None):
        raise ConfigError("score needs --pred DIR, and either --gt DIR or --dataset NAME.")
    if options.valid is not None and options.gt is None:
        raise ConfigError("--valid goes with --gt; a dataset brings its own fields of view: leave it out.")
    if options.membranes and options.gt is None:
        raise ConfigError(
            "--membranes goes with --gt; a dataset says itself whether its masks show cells between membranes, as em "
            "does: leave it out."
        )
    if options.dataset is None and (options.split or options.root):
        raise ConfigError("--split and --root go with --dataset: leave them out, or give --dataset instead of --gt.")
    if options.against is not None:
        if options.dataset is None:
            raise ConfigError("--against compares with rows of a dataset: give --dataset NAME instead of --gt.")
        from polybench.results.page import require_root  # with jinja2

        require_root(options.against)
    check_bits(options.bits)
    if options.instances == "both" and options.resize:
        raise ConfigError("--resize can't resize label maps: save the predictions at their masks' size.")
    targets = {f"--{name}": path for name in ("json", "csv") if (path := getattr(options, name)) is not None}
    for option, path in targets.items():
        refuse_unwritable(path, option)
    inputs = [folder for folder in (options.pred, options.gt, options.valid) if folder is not None]
    inputs += [options.by.path] if options.by is not None else []
    refuse_overwriting(targets, inputs)


def chosen_truth(options: Namespace) -> Truth:
    """The masks that the options name.

    Raises:
        ConfigError: If instances are asked for of a dataset that doesn't tell objects apart, or a protocol is unknown.
    """
    further = further_protocols(options.also)
    if options.gt is not None:
        instances = options.instances is not None
        truth = folder_truth(options.gt, options.valid, instances=instances, membranes=options.membranes)
        return replace(truth, protocols=(*truth.protocols, *further))
    data, subset = opened_dataset(options.dataset, options.root, options.split or "test")
    truth = dataset_truth(data, subset)
    if options.instances and "instances" not in {protocol.name for protocol in truth.protocols}:
        raise ConfigError(
            f"--instances needs objects that are told apart, which '{options.dataset}' has not: leave it out."
        )
    return replace(truth, protocols=(*truth.protocols, *further))


def further_protocols(name: str | None) -> "tuple[Protocol, ...]":
    """The protocol of this name that no dataset has; empty for None.

    Raises:
        ConfigError: If there is none.
    """
    from polybench.metrics.protocols import BY_NAME

    found = tuple(protocol for protocol in BY_NAME if protocol.name == name)
    if name is not None and not found:
        names = [protocol.name for protocol in BY_NAME]
        raise ConfigError(f"--also '{name}' is no protocol to add: give {listed(names)}.{did_you_mean(name, names)}")
    return found


def opened_dataset(name: str, root: str | None, split: str) -> "tuple[SegmentationDataModule, Subset]":
    """Open a dataset under a split.

    Args:
        name: Its short name, or a class path.
        root: Folder that holds the dataset's own folder; None for the default.
        split: A subset of the dataset's own split such as "test", or "<split>/<subset>".

    Raises:
        ConfigError: If there is no such dataset, split or subset.
    """
    from polybench.cli.data.modules import default_root, open_copy

    if name == FOLDER:
        raise ConfigError(f"--dataset {FOLDER} is for training: give --gt DIR, your folder of masks (and --valid DIR).")
    split_name, _, subset = split.rpartition("/")
    if subset not in SUBSETS:
        raise ConfigError(f"--split '{split}' names no subset: give {', '.join(SUBSETS)}, or <split>/<subset>.")
    return open_copy(name, root or default_root(), split_name or None), subset

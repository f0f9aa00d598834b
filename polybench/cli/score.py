"""`polybench score`: the numbers of anyone's predictions under every protocol, without a net and without lightning."""

import json
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.progress import track

from polybench.atomic import atomic_write_text
from polybench.cli.parser import Parser
from polybench.cli.truth import FAINTEST, Truth, dataset_truth, folder_truth
from polybench.data.predictions import MapFolder, open_map_folder, some
from polybench.errors import ConfigError, DataError

if TYPE_CHECKING:  # they bring torch, which --help can do without
    from polybench.metrics.folder import StoredMap
    from polybench.metrics.sufficient import Rows

INSTANCES = "masks are label maps, 0 background: add the instances protocol; 'both': predictions are label maps too"
MISSING = "what a mask without prediction means: an empty prediction, named and counted (default), or an error"


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
    truth = chosen_truth(options)
    predictions = open_map_folder(options.pred)
    files = match(truth, predictions)
    missing = [image_id for image_id in truth.groups if image_id not in files]
    extra = sorted(set(predictions.paths) - set(files.values()))
    check_names(options, missing, extra, len(files))
    report(options, truth, files, predictions, missing, extra)
    return 0


def arguments(args: list[str]) -> Namespace:
    """Parse and check the command line.

    Raises:
        ConfigError: If something is missing or contradicts itself.
    """
    parser = Parser(
        "polybench score",
        "Score a folder of predictions, made by any program, under every protocol: PNG, TIF or NPY with the stems of "
        "the masks, probabilities or binary. Bytes count as k/255, 16-bit numbers as k/65535; 0 and 1 alone are "
        "labels.",
    )
    parser.add_argument("--pred", type=Path, help="folder of predictions")
    parser.add_argument("--gt", type=Path, help="folder of masks: above half of the range is foreground")
    parser.add_argument("--valid", type=Path, help="folder of fields of view, named as the masks")
    parser.add_argument("--dataset", help="take masks, fields of view and groups from this dataset instead of --gt")
    parser.add_argument("--split", help="subset of the dataset, or <split>/<subset> (default: test)")
    parser.add_argument(
        "--root", help="folder that holds the dataset's own folder (default: POLYBENCH_DATA, or ./data)"
    )
    parser.add_argument("--missing", choices=("empty", "error"), default="empty", help=MISSING)
    parser.add_argument("--resize", action="store_true", help="bring predictions of another size to their mask's size")
    parser.add_argument("--instances", nargs="?", const="masks", choices=("masks", "both"), help=INSTANCES)
    parser.add_argument("--json", type=Path, help="write all numbers here")
    parser.add_argument("--csv", type=Path, help="write the values of each image here")
    parser.add_argument("--protocols", action="store_true", help="say what each protocol is, and stop")
    options = parser.parse_args(args)
    if not options.protocols:
        if options.pred is None or (options.gt is None) == (options.dataset is None):
            raise ConfigError("score needs --pred DIR, and either --gt DIR or --dataset NAME.")
        if options.valid is not None and options.gt is None:
            raise ConfigError("--valid goes with --gt; a dataset brings its own fields of view.")
        if options.dataset is None and (options.split or options.root):
            raise ConfigError("--split and --root go with --dataset.")
        if options.instances == "both" and options.resize:
            raise ConfigError("--resize can't resize label maps: save the predictions at their masks' size.")
        for path in (options.json, options.csv):
            if path is not None and path.is_dir():
                raise ConfigError(f"'{path}' is a folder: --json and --csv name a file.")
    return options


def chosen_truth(options: Namespace) -> Truth:
    """The masks that the options name.

    Raises:
        ConfigError: If instances are asked for of a dataset that doesn't tell objects apart.
    """
    if options.gt is not None:
        return folder_truth(options.gt, options.valid, instances=options.instances is not None)
    truth = dataset_truth(options.dataset, options.root, options.split or "test")
    if options.instances and "instances" not in {protocol.name for protocol in truth.protocols}:
        raise ConfigError(f"--instances needs objects that are told apart, which '{options.dataset}' has not.")
    return truth


def match(truth: Truth, predictions: MapFolder) -> dict[str, str]:
    """Image id -> stem of its prediction.

    Raises:
        DataError: If two files are predictions of one image.
    """
    files: dict[str, str] = {}
    for name in predictions.paths:
        image_id = name if name in truth.groups else truth.aliases.get(name)
        if image_id in files:
            raise DataError(f"'{name}' and '{files[image_id]}' are both predictions of '{image_id}': keep one of them.")
        if image_id is not None:
            files[image_id] = name
    return files


def check_names(options: Namespace, missing: list[str], extra: list[str], matched: int) -> None:
    """Name what has no partner.

    Raises:
        DataError: If nothing matches, or something is missing and that was forbidden.
    """
    if not matched:
        raise DataError(
            f"No file in '{options.pred}' is named as a mask (predictions: {some(extra)}; masks: {some(missing)}): "
            "give each prediction the stem of its mask."
        )
    if missing and options.missing == "error":
        raise DataError(f"{len(missing)} prediction(s) are missing in '{options.pred}': {some(missing)}.")
    if missing:
        print(f"polybench: {len(missing)} missing, scored as empty: {some(missing)}", file=sys.stderr)
    if extra:
        print(f"polybench: {len(extra)} without a mask, not scored: {some(extra)}", file=sys.stderr)


def report(
    options: Namespace,
    truth: Truth,
    files: Mapping[str, str],
    predictions: MapFolder,
    missing: list[str],
    extra: list[str],
) -> None:
    """Score, print the table, and write the files that were asked for.

    Raises:
        DataError: If a file can't be read or has the wrong size.
    """
    from polybench.cli.panel import print_panel
    from polybench.metrics.panel import empty_masks, image_table, panel

    rows = score(options, truth, files, predictions)
    numbers = panel(rows, truth.protocols)
    empty, false_positives = empty_masks(rows)
    print_panel(rows, numbers, truth.protocols)
    if empty:
        print(f"{empty} of {len(rows.ids)} masks are empty; something was predicted in {false_positives} of them.")
    content: dict[str, Any] = {
        "n": len(rows.ids),
        "missing": missing,
        "extra": extra,
        "empty_masks": empty,
        "false_positives_on_empty": false_positives,
        "versions": {protocol.name: protocol.version for protocol in truth.protocols},
        "protocols": numbers,
    }
    if options.json is not None:
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
        atomic_write_text(options.json, text + "\n")
    if options.csv is not None:
        table = image_table(rows, truth.protocols)
        atomic_write_text(options.csv, table.to_csv(index=False, float_format="%.6g", lineterminator="\n"))


def score(options: Namespace, truth: Truth, files: Mapping[str, str], predictions: MapFolder) -> "Rows":
    """Compute the statistics of all images.

    Raises:
        DataError: If a file can't be read or has the wrong size.
    """
    from polybench.metrics.folder import stored_rows

    wrong: list[str] = []
    peaks: list[float] = []
    screen = Console(stderr=True)

    def maps() -> "Iterator[StoredMap]":
        images = list(truth.groups)
        for image_id in track(images, "Scoring", console=screen, transient=True, disable=not screen.is_terminal):
            item = stored_map(image_id, truth, files.get(image_id), predictions, instances=options.instances == "both")
            peaks.append(float(item.probability.max()))
            if item.probability.shape == item.mask.shape or options.resize:
                yield item
            else:
                sizes = f"{_size(item.probability)}, not {_size(item.mask)}"
                wrong.append(f"'{predictions.paths[files[image_id]]}' ({sizes})")
        if wrong:
            raise DataError(
                f"{len(wrong)} prediction(s) have another size than their mask: {some(wrong)}. Save them at that size, "
                "or give --resize to resize them bilinearly."
            )

    rows = stored_rows(maps(), truth.protocols)
    if 0 < max(peaks) < FAINTEST:
        print(
            f"polybench: no prediction is above {max(peaks):.2g} of its type's range; labels must be 0 and 1 alone, or "
            "0 and 255.",
            file=sys.stderr,
        )
    return rows


def stored_map(
    image_id: str, truth: Truth, name: str | None, predictions: MapFolder, *, instances: bool
) -> "StoredMap":
    """Read an image's truth and its prediction, an empty one of the mask's size where there is none.

    Args:
        image_id: The image.
        truth: What it is compared with.
        name: Stem of its prediction, if there is one.
        predictions: Folder of the predictions.
        instances: Whether these are label maps.
    """
    from polybench.metrics.folder import StoredMap

    mask, valid, labels = truth.read(image_id)
    probability, predicted = np.zeros(mask.shape, np.float32), np.zeros(mask.shape, np.int32)
    if name is not None and instances:
        predicted = predictions.read_instances(name)
        probability = (predicted > 0).astype(np.float32)
    elif name is not None:
        probability = predictions.read(name)
    group = truth.groups[image_id]
    return StoredMap(image_id, group, probability, mask, valid, labels, predicted if instances else None)


def _size(image: np.ndarray) -> str:
    return f"{image.shape[1]}x{image.shape[0]}"

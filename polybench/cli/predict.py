"""`polybench predict`: one mask for each image of a folder, under its name, at its size.

`--weights` is `--ckpt_path`, for files that `--keep_weights` wrote. With `--tile`, images are predicted tile by tile at
their own scale.
"""

import re
import sys

from polybench.data.progress import progress
from polybench.experiments.predict import prepare
from polybench.experiments.tiling import described, measured

WEIGHTS = re.compile(r"^--weights(?=$|=)")


def main(args: list[str]) -> int:
    """Run the command and return its exit code: 0 when every image has its mask."""
    prediction = prepare([WEIGHTS.sub("--ckpt_path", word) for word in args])
    if prediction.changes is not None:
        print(prediction.changes.announcement())
    if prediction.tiling is not None:
        print(described(prediction.tiling))
    listing, images = prediction.listing, len(prediction.targets)
    if listing.left_out:
        print(f"'{listing.folder}': {listing.sentence}.")
    for _ in progress(prediction.run(), "Predicting", total=images):
        pass
    images += len(listing.problems)
    done = images - len(prediction.problems)
    what = "probabilities" if prediction.session.config.probabilities else "mask"
    print(f"{done} of {images} images have their {what} in '{prediction.out}'.")
    if prediction.changes is not None:
        print(f"{prediction.changes.summary()}: {prediction.out / prediction.changes.file}")
    if prediction.tiling is not None and done:
        print(measured(prediction.tiling, prediction.seams))
    for problem in prediction.problems:
        print(f"polybench: error: nothing for this image: {problem}", file=sys.stderr)
    return 1 if prediction.problems else 0

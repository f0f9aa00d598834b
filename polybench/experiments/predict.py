"""Predict a mask for each image of a folder, under its name, at its size; a method may change the masks."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy
import torch
from lightning.pytorch import LightningDataModule
from PIL import Image

from polybench.core.atomic import atomic_write_text, atomic_writer
from polybench.core.disk import WriteError, probe
from polybench.core.errors import ConfigError, DataError
from polybench.data.images import UInt8Array, image_peaks, read_image
from polybench.data.listing import Listing, list_files
from polybench.data.memory import refuse_too_large, sizes_of
from polybench.data.value_range import range_problem
from polybench.experiments.outputs import refuse_unwritable
from polybench.experiments.session import Session
from polybench.experiments.tiling import crop_of, tiled, tiling_of
from polybench.methods import asked_option, attached, found_methods
from polybench.methods.base import BoolArray, Postprocessor
from polybench.metrics import THRESHOLD
from polybench.metrics.prepare import rounded_to_steps
from polybench.tasks import SegmentationTask
from polybench.tasks.base import task_of
from polybench.tasks.images import as_input, at_native_size, mask_at_native_size, without_padding
from polybench.tasks.tiles import Seams, Tiling

BYTES_PER_PIXEL = 15
"""Memory for each pixel of an image that is decoded and predicted, beside that of the net."""

NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")
"""Parts of torch's messages where memory runs out, on different devices."""


@dataclass
class Prediction:
    """The prediction of a folder of images.

    Attributes:
        session: The parsed and built command.
        images: The folder of images.
        out: The folder of masks.
        targets: Image -> the file of its mask, or of its probabilities.
        changes: What changes the masks; None where nothing does.
        problems: For each image without a mask, why; entries that are named like an image and are none are among them.
        listing: What the folder of images holds.
        tiling: How images are cut; None where they are resized to the size of the net's input.
        seams: How tiles agree where they meet.
    """

    session: Session
    images: Path
    out: Path
    targets: dict[Path, Path]
    changes: Postprocessor | None
    listing: Listing
    problems: list[str] = field(default_factory=list)
    tiling: Tiling | None = None
    seams: Seams = field(default_factory=Seams)

    def run(self) -> Iterator[Path]:
        """Predict, an image at a time; one that fails is noted in `problems`.

        Yields:
            Each image, after its prediction.
        """
        if self.changes is not None:
            (self.out / self.changes.file).unlink(missing_ok=True)  # that of an earlier prediction
        for path, target in self.targets.items():
            try:
                self._predict(path, target)
            except WriteError:  # the next masks would fail too
                raise
            except (DataError, OSError) as error:
                self.problems.append(str(error))
            except (MemoryError, RuntimeError) as error:
                self.problems.append(why_failed(path, self.tiling, error))
            yield path
        if self.changes is not None:
            atomic_write_text(self.out / self.changes.file, self.changes.table())

    def _predict(self, path: Path, target: Path) -> None:
        needed = self.changes.bytes_per_pixel if self.changes else BYTES_PER_PIXEL
        refuse_too_large(sizes_of([path]), needed, "predicting it")
        image = read_image(path, bits=bits_of(self.session.datamodule))
        if self.tiling is not None:
            self._predict_in_tiles(path, image, self.tiling)
            return
        probability = finite(predict_probability(self.session, image), path)
        if self.session.config.probabilities:
            with atomic_writer(target) as file:
                fitting = self.session.datamodule.fitting
                numpy.save(file, without_padding(probability[0], image, fitting).cpu().numpy())
            return
        save_mask(self._mask(image, probability, path), target)

    def _mask(self, image: UInt8Array, probability: torch.Tensor, path: Path) -> BoolArray:
        """The mask (h, w) of an image, from probabilities at the size of the net's input, (1, H, W)."""
        fitting = self.session.datamodule.fitting
        if self.changes is None:
            return mask_at_native_size(probability, image, fitting)
        name = path.relative_to(self.images).as_posix()
        probability = finite(self.changes.probability(image, probability), path)
        return self.changes.mask(image, at_native_size(probability, image, fitting), name)

    def _predict_in_tiles(self, path: Path, image: UInt8Array, tiling: Tiling) -> None:
        """Predict a large image; its probabilities go to the file some rows at a time."""
        rows = (finite(one, path) for one in tiled(self.session, image, tiling, self.seams))
        target = self.targets[path]
        if not self.session.config.probabilities:
            save_mask(numpy.concatenate([(rounded_to_steps(one) >= THRESHOLD).numpy() for one in rows]), target)
            return
        header = {"descr": "<f4", "fortran_order": False, "shape": image.shape[:2]}
        with atomic_writer(target) as file:
            numpy.lib.format.write_array_header_1_0(file, header)  # type: ignore[no-untyped-call]  # numpy has no type
            for one in rows:
                file.write(one.numpy().astype("<f4").tobytes())


def prepare(words: Sequence[str]) -> Prediction:
    """Parse and build, load the weights, and do what a method needs before the first image.

    Args:
        words: The words of the command, such as `["--ckpt_path", "best.ckpt", "--images", "D", "--out", "O"]`.

    Raises:
        ConfigError: If an option is missing or wrong, or the masks can't be written.
    """
    session = Session("predict", words)
    checkpoint, config = session.required_checkpoint(), session.config
    if not config.images or not config.out:
        raise ConfigError("predict needs --images DIR, a folder of images, and --out DIR, where the masks go.")
    option = asked_option(config)
    if option is not None and config.probabilities:
        raise ConfigError(
            f"--probabilities are those of the net, which {option} doesn't change: leave out one of both."
        )
    tiling, changes = tiling_of(session, option), attached(session)
    images, out = Path(config.images), Path(config.out)
    if out.exists() and not out.is_dir():
        raise ConfigError(f"--out '{out}' is a file: name a folder.")
    refuse_unwritable(out / (changes.file if changes else "mask.png"), "--out")
    if not config.probabilities:
        refuse_other_tables(out, changes)
    listing = list_files(images, recursive=True)
    targets = mask_paths(listing.files, images, out, ".npy" if config.probabilities else ".png")
    refuse_unknown_range(listing.files, bits_of(session.datamodule))
    session.load_weights(Path(checkpoint))
    probe(out)
    if changes is not None:
        changes.prepare(None)
    session.model.eval().to(session.trainer.strategy.root_device)
    pairs = dict(zip(listing.files, targets, strict=True))
    return Prediction(session, images, out, pairs, changes, listing, listing.problems, tiling)


def refuse_other_tables(out: Path, changes: Postprocessor | None) -> None:
    """Refuse to put masks beside the table of an earlier prediction, which would not be of them.

    Args:
        out: The folder of masks.
        changes: What changes the masks, whose own table is written anew.

    Raises:
        ConfigError: If there is such a table.
    """
    for method in found_methods():
        path = out / method.file
        if path.exists() and (changes is None or method.file != changes.file):
            raise ConfigError(
                f"'{path}' is of an earlier prediction with {method.option}, whose masks these would replace: remove "
                "it, or name another folder with --out."
            )


@runtime_checkable
class HasBits(Protocol):
    """A data module that states how many bits count in images of more than 8."""

    bits: int | None


def bits_of(data: LightningDataModule) -> int | None:
    """How many bits count in images of more than 8, where the data module of a command states it."""
    return data.bits if isinstance(data, HasBits) else None


def refuse_unknown_range(paths: Sequence[Path], bits: int | None) -> None:
    """Refuse a folder of images of more than 8 bits whose largest possible value is unknown.

    Raises:
        DataError: If none uses the 16th bit and nothing is stated; the largest value is named.
    """
    peaks = image_peaks(paths)
    if peaks and (problem := range_problem(peaks, bits)) is not None:
        raise DataError(problem)


def mask_paths(paths: Sequence[Path], images: Path, out: Path, suffix: str = ".png") -> list[Path]:
    """Name the masks: the image's relative path with the suffix, or .<type>.png where two images share a stem.

    Raises:
        ConfigError: If the masks would fall among the images, or on each other.
    """
    if out.resolve().is_relative_to(images.resolve()):
        raise ConfigError(f"--out must be another folder than --images '{images}' and not in it, or masks are images.")
    shared = Counter(path.with_suffix("") for path in paths)
    names = [(path.name if shared[path.with_suffix("")] > 1 else path.stem) + suffix for path in paths]
    targets = [out / path.relative_to(images).parent / name for path, name in zip(paths, names, strict=True)]
    taken = Counter(targets)
    for path, target in zip(paths, targets, strict=True):
        if taken[target] > 1:
            raise ConfigError(f"The mask of '{path}' would share the name '{target}' with another's: rename the image.")
    return targets


def predict_probability(session: Session, image: UInt8Array) -> torch.Tensor:
    """Predict one image (h, w, 3) at the size of the net's input.

    Returns:
        Foreground probabilities at that size, (1, H, W), float32; at the scale of the crops that a net was trained on.
    """
    task, data = task_of(session.model), session.datamodule
    with torch.inference_mode(), session.trainer.precision_plugin.forward_context():
        if (crop := crop_of(data)) is not None and isinstance(task, SegmentationTask):
            return task.predict_frame(image, crop, data.eval_batch_size)
        return task.predict_probability(as_input(image, data.size, data.fitting).to(task.device))[0]


def finite(probability: torch.Tensor, path: Path) -> torch.Tensor:
    """Return probabilities, if all of them are finite.

    Raises:
        DataError: If one isn't; the image is named.
    """
    if not bool(torch.isfinite(probability).all()):
        raise DataError(f"The net's prediction for '{path}' is not finite: raise --trainer.precision, or train again.")
    return probability


def why_failed(path: Path, tiling: Tiling | None, error: Exception) -> str:
    """The sentence for an image that the net fails on: memory has run out, or it is too small for a tile.

    Raises:
        Exception: The error itself, where it is another.
    """
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or any(words in str(error) for words in NO_MEMORY):
        what = "lower --tile" if tiling else "use a machine with more memory (another --trainer.accelerator)"
        return f"'{path}' takes more memory in the net than there is: {what}."
    if tiling is None:
        raise error
    return f"The net can't predict tiles of '{path}' ({str(error).splitlines()[0]}): use a larger image, or no --tile."


def save_mask(mask: BoolArray, target: Path) -> None:
    """Write a mask as PNG, 0 and 255, atomically."""
    with atomic_writer(target) as file:
        Image.fromarray(mask.astype("uint8") * numpy.uint8(255)).save(file, format="PNG")

"""Pictures of the worst test images: true positives, false positives and false negatives in three colours."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor, nn
from torch.nn import functional as F

from polybench.callbacks.dashboard import dashboards
from polybench.callbacks.heatmaps import draw_heat, stage_heat, without_padding
from polybench.callbacks.overlays import Overlay, encode_overlay
from polybench.core.atomic import atomic_writer
from polybench.core.disk import make_folder
from polybench.core.errors import ConfigError, DataError
from polybench.core.trainer import written_folder
from polybench.data.images import UInt8Array
from polybench.data.sample import Batch
from polybench.metrics import PER_IMAGE, THRESHOLD, Protocol
from polybench.metrics.prepare import to_native_size
from polybench.metrics.protocols.fov import FOV
from polybench.metrics.sampling import inside
from polybench.tasks.base import Task, data_of, task_of
from polybench.tasks.parameter_groups import unwrapped
from polybench.tasks.stride import PROBE, stride_of


@dataclass(frozen=True)
class Kept:
    """What is kept of a test image until the end of the test, so that the images themselves needn't be.

    Attributes:
        id: Its id.
        dice: Its Dice coefficient, under the protocol that ranks the dataset.
        mask: Truth and prediction at native size, of the pixels that count, (2, h, w), packed to bits.
        size: Native height and width.
        image: The net's input, (3, H, W) in [0, 1]; None where no heatmap is drawn.
        prediction: The prediction at the input's size, (H, W), boolean.
        inside: Rows and columns of the input that are no padding.
    """

    id: str
    dice: float
    mask: UInt8Array
    size: tuple[int, int]
    image: Tensor | None
    prediction: Tensor
    inside: tuple[slice, slice]

    def overlay(self, image: UInt8Array, protocol: Protocol) -> Overlay:
        """What its picture shows.

        Args:
            image: The image as its file has it, (h, w, 3).
            protocol: The protocol of its Dice coefficient.
        """
        pixels = self.size[0] * self.size[1]
        mask, prediction = np.unpackbits(self.mask, axis=1, count=pixels).reshape(2, *self.size).astype(bool)
        return Overlay(self.id, self.dice, image, mask, prediction, protocol.name)


class PreviewsCallback(Callback):
    """After a test, writes `overlays/<rank>-dice<value>-<id>.png` in the run's folder, worst first.

    A picture shows the image at its native size and, beside it, its true positives, false positives and false
    negatives in three colours, and its Dice coefficient: both under the protocol that ranks the dataset, which may
    count the pixels of the field of view alone. Patches have no pictures.

    Args:
        most: How many pictures at the most; 0 for none.
        heatmaps: Write `heatmaps/<the same name>` too: how strongly each stage of the net responds where. The net names
            its stages by `heatmap_stages`, as FANet does; it is shown the mask that it predicted.

    Attributes:
        paths: The pictures that were written, worst first.

    Raises:
        ConfigError: If `most` is negative.
    """

    def __init__(self, most: int = 16, heatmaps: bool = False) -> None:
        if most < 0:
            raise ConfigError(f"--previews.most {most} is no number of pictures: give 0 for none.")
        self.most = most
        self.heatmaps = heatmaps
        self.paths: list[Path] = []
        self._worst: list[Kept] = []

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start empty; see that the net has stages to show.

        Raises:
            ConfigError: If heatmaps are asked for of a net that names no stages.
        """
        self._worst = []
        if self.heatmaps:
            heatmap_stages(task_of(pl_module).net)

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep the worst of this process."""
        task = task_of(pl_module)
        if task.kind != "segmentation" or not self.most:
            return
        protocol = drawn_protocol(trainer)
        dice = protocol.values(task.last_rows(len(batch["id"])))["dice"]
        probability: Tensor = outputs
        for row, (image_id, value) in enumerate(zip(batch["id"], dice.tolist(), strict=True)):
            last = self._worst[-1] if len(self._worst) == self.most else None
            if last is not None and (value, image_id) >= (last.dice, last.id):
                continue
            self._worst.append(keep(batch, probability, row, value, protocol, with_image=self.heatmaps))
            self._worst = sorted(self._worst, key=lambda kept: (kept.dice, kept.id))[: self.most]

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write those of this process's pictures that are among the worst of all."""
        task = task_of(pl_module)
        rows, run_folder = task.rows, written_folder(trainer)
        if rows is None or run_folder is None or task.kind != "segmentation" or not self.most:
            return
        values = drawn_protocol(trainer).values(rows)["dice"].tolist()
        order = sorted(zip(values, rows.ids, strict=True))[: self.most]
        folder = run_folder / "overlays"
        if trainer.is_global_zero:
            make_folder(folder)
            for old in folder.glob("*.png"):
                old.unlink()
        trainer.strategy.barrier("overlays")
        mine = {kept.id: kept for kept in self._worst}
        names = {
            image_id: folder / f"{place:02d}-dice{value:.3f}-{re.sub(r'[^A-Za-z0-9_.-]', '_', image_id)}.png"
            for place, (value, image_id) in enumerate(order, start=1)
        }
        for image_id, path in names.items():
            if image_id in mine:
                self._write(trainer, task, mine[image_id], path)
        trainer.strategy.barrier("overlays written")
        self.paths = [path for path in names.values() if path.is_file()]
        if trainer.is_global_zero:
            captions = [path.stem for path in self.paths]
            for dashboard in dashboards(trainer):
                dashboard.log_image("test/overlays", [str(path) for path in self.paths], caption=captions)

    def _write(self, trainer: Trainer, task: Task, kept: Kept, path: Path) -> None:
        """Write the picture of an image and, where asked for, its heatmaps; say so where its file can't be read."""
        try:
            image = data_of(trainer).native_image(kept.id)
        except DataError as error:
            rank_zero_warn(f"There is no picture of '{kept.id}': {error}")
            return
        with atomic_writer(path) as file:
            file.write(encode_overlay(kept.overlay(image, drawn_protocol(trainer))))
        if kept.image is not None:
            target = path.parent.with_name("heatmaps") / path.name
            make_folder(target.parent)
            with atomic_writer(target) as file:
                draw_heat(image, _heat(task, kept.image, kept)).save(file, format="PNG")


def keep(
    batch: Batch, probability: Tensor, row: int, dice: float, protocol: Protocol, *, with_image: bool = False
) -> Kept:
    """What is kept of an image of an evaluation batch.

    Args:
        batch: The batch.
        probability: Its predictions, (N, 1, H, W).
        row: The image's place in the batch.
        dice: Its Dice coefficient.
        protocol: The protocol of that; under `fov` nothing is drawn outside the field of view.
        with_image: Keep the net's input too.
    """
    mask = batch["native_mask"][row][:1].bool()
    size = (int(mask.shape[-2]), int(mask.shape[-1]))
    native = to_native_size(probability[row, :1], batch["to_native"][row], size) >= THRESHOLD
    both = torch.cat([mask.to(native.device), native])
    if protocol is FOV:
        both &= batch["native_valid"][row][:1].bool().to(both.device)
    return Kept(
        id=batch["id"][row],
        dice=dice,
        mask=np.packbits(both.cpu().numpy().reshape(2, -1), axis=1),
        size=size,
        image=batch["image"][row].cpu() if with_image else None,
        prediction=(probability[row, 0] >= THRESHOLD).cpu(),
        inside=inside(batch["to_native"][row], size, (probability.shape[-2], probability.shape[-1])),
    )


def drawn_protocol(trainer: Trainer) -> Protocol:
    """The protocol of the pictures: that which ranks the dataset, where it has a Dice coefficient of each image."""
    ranked = data_of(trainer).ranked_by
    return ranked if ranked is FOV else PER_IMAGE


def heatmap_stages(net: nn.Module) -> list[str]:
    """The stages whose response is drawn, as a net names them.

    Raises:
        ConfigError: If it names none.
    """
    stages = getattr(net, "heatmap_stages", None)
    if stages is None:
        raise ConfigError(f"{type(net).__name__} names no stages for heatmaps: leave out --previews.heatmaps.")
    return [str(stage) for stage in stages]


def _heat(task: Task, image: Tensor, kept: Kept) -> dict[str, Tensor]:
    """The heat of the net's stages on an image, without padding, while it is shown the mask that it predicted there.

    A frame that is predicted by tiles is shown whole, extended by its last pixels to multiples of the net's stride.
    """
    stride = stride_of(unwrapped(task.net), [(PROBE, PROBE)]) or 1
    extended = (0, -image.shape[-1] % stride, 0, -image.shape[-2] % stride)
    images = F.pad(image[None], extended, mode="replicate").to(task.device)
    mask = F.pad(kept.prediction[None, None].float(), extended, mode="replicate").to(task.device) > 0
    heat = stage_heat(task.net, heatmap_stages(task.net), lambda: task.net(task.normalised(images), mask))
    return {stage: without_padding(values, images.shape[-2:], kept.inside) for stage, values in heat.items()}

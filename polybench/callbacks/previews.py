"""Pictures of the worst test images: true positives, false positives and false negatives in three colours."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import WandbLogger
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor, nn

from polybench.callbacks.heatmaps import draw_heat, stage_heat
from polybench.core.atomic import atomic_writer
from polybench.core.disk import make_folder
from polybench.core.errors import ConfigError
from polybench.data.images import UInt8Array
from polybench.data.sample import Batch
from polybench.metrics import PER_IMAGE, THRESHOLD
from polybench.tasks.base import Task, task_of

TRUE_POSITIVE = (0, 158, 115)
FALSE_POSITIVE = (230, 159, 0)
FALSE_NEGATIVE = (204, 60, 170)
"""Three colours that remain apart for the colour-blind (after Okabe and Ito)."""

MIN_HEIGHT = 288


@dataclass(frozen=True)
class Preview:
    """One test image at network size: image (3, H, W) uint8, mask and prediction (H, W) boolean."""

    id: str
    dice: float
    image: Tensor
    mask: Tensor
    prediction: Tensor


class PreviewsCallback(Callback):
    """After a test, writes `overlays/<rank>-dice<value>-<id>.png` in the run's folder, worst first.

    Args:
        most: How many pictures at the most.
        heatmaps: Write `heatmaps/<the same name>` too: how strongly each stage of the net responds where. The net names
            its stages by `heatmap_stages`, as FANet does; it is shown the mask that it predicted.

    Attributes:
        paths: The pictures that were written, worst first.
    """

    def __init__(self, most: int = 16, heatmaps: bool = False) -> None:
        self.most = most
        self.heatmaps = heatmaps
        self.paths: list[Path] = []
        self._worst: list[Preview] = []

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
        """Keep the worst of this process; patches have no pictures."""
        task = task_of(pl_module)
        if task.kind != "segmentation":
            return
        n = len(batch["id"])
        dice = PER_IMAGE.values(task.last_rows(n))["dice"]
        probability: Tensor = outputs
        for row in range(n):
            preview = Preview(
                id=batch["id"][row],
                dice=float(dice[row]),
                image=(batch["image"][row] * 255).round().to(torch.uint8).cpu(),
                mask=batch["mask"][row, 0].bool().cpu(),
                prediction=(probability[row, 0] >= THRESHOLD).cpu(),
            )
            self._worst.append(preview)
        self._worst = sorted(self._worst, key=lambda p: (p.dice, p.id))[: self.most]

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write those of this process's pictures that are among the worst of all."""
        task = task_of(pl_module)
        rows = task.rows
        if rows is None or trainer.log_dir is None or task.kind != "segmentation":
            return
        dice = PER_IMAGE.values(rows)["dice"]
        order = sorted(zip(dice.tolist(), rows.ids, strict=True))[: self.most]
        folder = Path(trainer.log_dir) / "overlays"
        if trainer.is_global_zero:
            make_folder(folder)
            for old in folder.glob("*.png"):
                old.unlink()
        trainer.strategy.barrier("overlays")
        mine = {preview.id: preview for preview in self._worst}
        names = {
            image_id: folder / f"{place:02d}-dice{value:.3f}-{re.sub(r'[^A-Za-z0-9_.-]', '_', image_id)}.png"
            for place, (value, image_id) in enumerate(order, start=1)
        }
        for image_id, path in names.items():
            if image_id in mine:
                with atomic_writer(path) as file:
                    draw_preview(mine[image_id]).save(file, format="PNG")
                if self.heatmaps:
                    target = folder.with_name("heatmaps") / path.name
                    make_folder(target.parent)
                    with atomic_writer(target) as file:
                        _draw_stages(task, mine[image_id]).save(file, format="PNG")
        trainer.strategy.barrier("overlays written")
        self.paths = list(names.values())
        if trainer.is_global_zero:
            for logger in trainer.loggers:
                if isinstance(logger, WandbLogger):
                    captions = [path.stem for path in self.paths]
                    logger.log_image("test/overlays", [str(path) for path in self.paths], caption=captions)


def heatmap_stages(net: nn.Module) -> list[str]:
    """The stages whose response is drawn, as a net names them.

    Raises:
        ConfigError: If it names none.
    """
    stages = getattr(net, "heatmap_stages", None)
    if stages is None:
        raise ConfigError(f"{type(net).__name__} names no stages for heatmaps: leave out --previews.heatmaps.")
    return [str(stage) for stage in stages]


def _draw_stages(task: Task, preview: Preview) -> Image.Image:
    """The heat of the net's stages on an image, while it is shown the mask that it predicted there."""
    images = (preview.image.float() / 255)[None].to(task.device)
    mask = preview.prediction[None, None].to(task.device)
    heat = stage_heat(task.net, heatmap_stages(task.net), lambda: task.net(task.normalised(images), mask))
    return draw_heat(preview.image, heat)


def draw_preview(preview: Preview) -> Image.Image:
    """Draw the image and, beside it, the image under its three colours, with a legend.

    Args:
        preview: What to draw.

    Returns:
        RGB picture, the image enlarged to at least 288 pixels of height.
    """
    image: UInt8Array = preview.image.permute(1, 2, 0).numpy()
    shown = overlay(image, preview.mask.numpy(), preview.prediction.numpy())
    factor = max(1, -(-MIN_HEIGHT // image.shape[0]))
    size = (image.shape[1] * factor, image.shape[0] * factor)
    panels = [Image.fromarray(panel).resize(size, Image.Resampling.NEAREST) for panel in (image, shown)]
    picture = Image.new("RGB", (2 * size[0] + 8, size[1] + 44), "white")
    picture.paste(panels[0], (0, 0))
    picture.paste(panels[1], (size[0] + 8, 0))
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(13)
    draw.text((4, size[1] + 4), f"{preview.id}   Dice {preview.dice:.4f}", fill="black", font=font)
    x = 4
    legend = (("true positive", TRUE_POSITIVE), ("false positive", FALSE_POSITIVE), ("false negative", FALSE_NEGATIVE))
    for label, colour in legend:
        draw.rectangle((x, size[1] + 26, x + 12, size[1] + 38), fill=colour)
        draw.text((x + 17, size[1] + 23), label, fill="black", font=font)
        x += 32 + int(draw.textlength(label, font=font))
    return picture


def overlay(image: UInt8Array, mask: np.ndarray, prediction: np.ndarray, opacity: float = 0.55) -> UInt8Array:
    """Tint the pixels of an image by how they were predicted.

    Args:
        image: RGB, (H, W, 3).
        mask: Truth, boolean (H, W).
        prediction: Prediction, boolean (H, W).
        opacity: Share of the tint.

    Returns:
        RGB, (H, W, 3); true negatives are left as they are.
    """
    tinted = image.astype(np.float32)
    for region, colour in (
        (mask & prediction, TRUE_POSITIVE),
        (~mask & prediction, FALSE_POSITIVE),
        (mask & ~prediction, FALSE_NEGATIVE),
    ):
        tinted[region] = (1 - opacity) * tinted[region] + opacity * np.array(colour, dtype=np.float32)
    return tinted.round().astype(np.uint8)

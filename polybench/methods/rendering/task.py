"""Segmentation whose mask is rendered: predicted coarsely, then anew at the points where that is uncertain.

Papers: Kirillov et al., "PointRend: Image Segmentation as Rendering", CVPR 2020. BSAN's attention rendering module is
named after it and not described; this is PointRend's procedure with its published numbers, and one step of subdivision,
since BSAN's coarse prediction has half the size of the image.

In training, three times as many points as needed are drawn from an image, uniformly; those where the coarse prediction
is most uncertain are three quarters of the points, and points drawn anywhere the rest. A perceptron predicts the mask
at each from the features and the coarse logit there, read bilinearly, and its cross entropy is added to the loss of the
mask. In evaluation the coarse logits are upsampled, and those nearest to 0 replaced by what the perceptron predicts.
PointRend refines a fixed number of pixels; here it is a share of them, 8,192 of 256x256, so that frames of other sizes
are refined alike. A test reports the scores without that step beside its own.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, cast

import torch
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn

from polybench.core.errors import ConfigError
from polybench.data.sample import Batch
from polybench.methods.rendering.points import Counts, choose, draw, inside, most_uncertain, point_loss, sample
from polybench.methods.rendering.section import Compared, rendering_section
from polybench.metrics import PER_IMAGE, ImageRows, Rows
from polybench.results.sections import Section
from polybench.tasks.base import IMAGENET_MEAN, IMAGENET_STD, data_of
from polybench.tasks.criterion import Terms, refuse_names
from polybench.tasks.outputs import LOGITS, Outputs, logits_of
from polybench.tasks.parameter_groups import ParameterGroups
from polybench.tasks.schedules import Interval
from polybench.tasks.segmentation import SegmentationTask

COARSE, FEATURES = "coarse", "features"
"""Outputs of a net that its masks are rendered from, beside its logits."""

RENDERER = "renderer"
"""The perceptron's name in a net."""

KEY = "rendering"
"""Key of the section in a record."""

TERMS = ("mask_loss", "point_loss")

MOST_OVERSAMPLE = 100
"""Largest number of points that can be drawn for each that is trained."""

MOST_POINTS = 2**22
"""Most points of an image that can be drawn, as many as the pixels of 2048x2048."""

MOST_WEIGHT = 1e6
"""Largest weight of the points, far below what would exceed float32."""


class RenderingSegmentationTask(SegmentationTask):
    """Trains a net at points beside whole masks, and refines its predictions where they are uncertain.

    Args:
        net: Returns a mapping of `logits` (N, 1, H, W), and `coarse` (N, 1, h, w) and `features` (N, C, h, w) that have
            one pixel for `net.head_stride` ones of the image; `net.renderer(features, coarse)` predicts logits
            (N, 1, P) from both at P points. `BSAN` is one.
        loss: Of the whole mask, as for `SegmentationTask`.
        optimizer: Builds the optimizer from the parameters or parameter groups.
        lr_scheduler: Builds the schedule from the optimizer; a `ReduceLROnPlateau` states the value that it monitors.
        mean: Per-channel mean for normalising images in [0, 1].
        std: Per-channel standard deviation, likewise.
        channels_last: Keep the net and the images in channels-last memory format.
        points: Training points of an image. Those outside the field of view don't count.
        oversample: How many times as many are drawn first.
        uncertain: Share of the points that are the most uncertain of those drawn; the rest is drawn anywhere.
        weight: Weight of the points' cross entropy beside the loss of the mask.
        refined: Share of an image's pixels that evaluation predicts anew; 0 leaves the upsampled coarse prediction.
        parameter_groups: Learning rates by layer, frozen layers, weight decay by kind; None for one rate for all.
        schedule_interval: Step the schedule after each `epoch` or after each optimizer `step`; None for the interval
            that its class is made for.

    Raises:
        ConfigError: If an option is out of bounds, the net can't be rendered, or as for `SegmentationTask`.
    """

    version: ClassVar[int] = 1

    def __init__(
        self,
        net: nn.Module,
        loss: nn.Module,
        optimizer: OptimizerCallable = torch.optim.Adam,
        lr_scheduler: LRSchedulerCallable | None = None,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        channels_last: bool = False,
        points: int = 2048,
        oversample: float = 3.0,
        uncertain: float = 0.75,
        weight: float = 1.0,
        refined: float = 0.125,
        parameter_groups: ParameterGroups | None = None,
        schedule_interval: Interval | None = None,
    ) -> None:
        super().__init__(
            net, loss, optimizer, lr_scheduler, mean, std, channels_last, parameter_groups, schedule_interval
        )
        self.counts = _counts(points, oversample, uncertain)
        if not 0 < weight <= MOST_WEIGHT:
            raise ConfigError(
                f"weight must be above 0 and at most {MOST_WEIGHT:g}, not {weight}: without points use "
                "SegmentationTask."
            )
        if not 0 <= refined <= 1:
            raise ConfigError(f"refined must be a share of the pixels from 0 to 1, not {refined}.")
        self.weight, self.refined = weight, refined
        self.seed = 0
        self.unrefined: ImageRows | None = None
        self.compared: Compared | None = None

    def setup(self, stage: str) -> None:
        """Prepare a stage; refuse a net without a perceptron for points."""
        self._refuse_no_renderer()
        super().setup(stage)
        self.seed = data_of(self.trainer).seed
        self.unrefined = ImageRows((PER_IMAGE,)) if stage == "test" and self.refined else None
        self.compared = None

    def _refuse_no_renderer(self) -> None:
        if not isinstance(getattr(self.net, RENDERER, None), nn.Module) or not hasattr(self.net, "head_stride"):
            raise ConfigError(
                f"{type(self.net).__name__} predicts no points: give it to SegmentationTask, or a BSAN rendering: true."
            )

    def check_outputs(self, size: tuple[int, int]) -> None:
        """Check that the net predicts points, and logits of one class.

        Raises:
            ConfigError: If it doesn't.
        """
        self._refuse_no_renderer()
        super().check_outputs(size)

    def unused_parameters(self) -> list[str]:
        """Return the names of the net's parameters that get no gradient from mask and points together."""
        return [name for name in super().unused_parameters() if not name.startswith(f"{RENDERER}.")]

    def forward(self, images: Tensor) -> Tensor:
        """Predict refined foreground logits (N, 1, H, W) of images in [0, 1], (N, 3, H, W)."""
        return logits_of(self.rendered(self._outputs(images)))[0]

    def batch_outputs(self, batch: Batch) -> Outputs:
        """Compute the outputs for a batch; in evaluation their logits are refined."""
        outputs = self._outputs(batch["image"])
        if self.training:
            return outputs
        if self.unrefined is not None and "native_mask" in batch:  # tiles of a frame have none
            self.unrefined.update_from(batch, torch.sigmoid(logits_of(outputs)[0].float()))
        return self.rendered(outputs)

    def batch_terms(self, outputs: Outputs, batch: Batch, finest: bool = False) -> Terms:
        """Compute the loss of a batch: of its masks, and in training of its points as well."""
        masks = super().batch_terms(outputs, batch, finest)
        if finest:
            return masks
        refuse_names(self.loss, masks.named, TERMS)
        points = self._point_loss(_maps(outputs), batch)
        named = dict(zip(TERMS, (masks.total, points), strict=True))
        return Terms(masks.total + self.weight * points, {**masks.named, **named})

    def _point_loss(self, outputs: Mapping[str, Tensor], batch: Batch) -> Tensor:
        mask, valid = batch["mask"], batch["valid"]
        keys = [(self.seed, self.current_epoch, name) for name in batch["id"]]
        count = self.counts.drawn + self.counts.random
        drawn = draw(keys, count, (mask.shape[-2], mask.shape[-1])).to(mask.device)
        points = choose(drawn, outputs[COARSE], valid, self.counts, self._stride)
        return point_loss(self._at(outputs, points), sample(mask, points), inside(valid, points))

    def rendered(self, outputs: Outputs) -> Outputs:
        """Replace the logits that are nearest to 0 by those of their points.

        Args:
            outputs: A mapping of `logits` (N, 1, H, W), `coarse` and `features`.

        Returns:
            The outputs with refined `logits`, float32.
        """
        maps = _maps(outputs)
        logits = maps[LOGITS].float()
        count = round(self.refined * logits[0].numel())
        if not count:
            return {**maps, LOGITS: logits}
        found, points = most_uncertain(logits, count)
        anew = self._at(maps, points).float().squeeze(1)
        return {**maps, LOGITS: logits.flatten(1).scatter(1, found, anew).view_as(logits)}

    def on_test_epoch_end(self) -> None:
        """Log the numbers, and those without refinement as `test/unrefined/dice`."""
        super().on_test_epoch_end()
        unrefined, self.unrefined = self.unrefined, None
        if unrefined is None or not unrefined.names:
            return
        assert isinstance(self.rows, Rows)
        self.compared = Compared(PER_IMAGE.scores(unrefined.compute()), PER_IMAGE.scores(self.rows))
        for metric, value in self.compared.before.items():
            self.log_number(f"test/unrefined/{metric}", value)

    def sections(self) -> Mapping[str, Section]:
        """What the refinement of the last test changed; for its record."""
        found = super().sections()
        return found if self.compared is None else {**found, KEY: rendering_section(self.compared, self.refined)}

    def _at(self, outputs: Mapping[str, Tensor], points: Tensor) -> Tensor:
        """Logits (N, 1, P) of the perceptron at points (N, P, 2)."""
        features, coarse = (sample(outputs[name], points, self._stride) for name in (FEATURES, COARSE))
        logits: Tensor = self.net.get_submodule(RENDERER)(features, coarse)
        return logits

    @property
    def _stride(self) -> int:
        return cast(int, self.net.head_stride)


def _counts(points: int, oversample: float, uncertain: float) -> Counts:
    """Check how training points are chosen.

    Raises:
        ConfigError: If a number is out of bounds.
    """
    if points < 1:
        raise ConfigError(f"points must be at least 1, not {points}: without points use SegmentationTask.")
    if not 1 <= oversample <= MOST_OVERSAMPLE:
        raise ConfigError(f"oversample must be from 1 to {MOST_OVERSAMPLE}, not {oversample}.")
    if points * oversample > MOST_POINTS:
        raise ConfigError(f"points times oversample must be at most {MOST_POINTS}, not {points} times {oversample}.")
    if not 0 <= uncertain <= 1:
        raise ConfigError(f"uncertain must be a share of the points from 0 to 1, not {uncertain}.")
    taken = round(uncertain * points)
    return Counts(round(oversample * points), taken, points - taken)


def _maps(outputs: Outputs) -> Mapping[str, Tensor]:
    """Narrow the outputs of a net to what a mask is rendered from.

    Raises:
        ConfigError: If one is missing.
    """
    found = outputs if isinstance(outputs, Mapping) else {}
    missing = [name for name in (LOGITS, COARSE, FEATURES) if not isinstance(found.get(name), Tensor)]
    if missing:
        raise ConfigError(
            f"A rendered net must return a mapping with the tensors {LOGITS}, {COARSE} and {FEATURES}: it lacks "
            f"{', '.join(missing)}."
        )
    return found

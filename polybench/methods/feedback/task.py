"""Segmentation with mask feedback: a net that is shown its own previous mask, in training and in evaluation.

Paper: Tomar et al., "FANet: A Feedback Attention Network for Improved Biomedical Image Segmentation", IEEE TNNLS 2022.

In training the previous mask is that of the epoch before, kept in a bank. The bank starts with Otsu's masks, and is
renewed before the first batch of each epoch by a pass over the unaugmented training images, with the weights and the
running statistics that the epoch before left. The released code keeps the prediction of the training step instead, on
the image as it was augmented then (`refresh: inverse` brings it back first), and finds masks by their place in the
batch.

In evaluation the net iterates a fixed number of times: the first iteration is shown Otsu's mask, each later one the
mask of the iteration before. That holds for validation too, so that selection is by what a test reports, and follows
from the checkpoint alone; the released code carries validation masks from epoch to epoch. The number reported is that
of an iteration chosen beforehand, where the paper says that it "considered the highest" of ten.

In training on crops the bank has masks of whole frames at the scale of the crops, Otsu's first, and a crop is shown its
window. The pass that renews them goes over whole frames; the predictions of training steps are written into their
windows (`predicted.py`). An evaluation iterates over the whole frame, tile by tile in each iteration (`frames.py`).
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal, cast

import torch
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor, nn

from polybench.core.errors import ConfigError
from polybench.data.crops import Tiles
from polybench.data.images import UInt8Array
from polybench.data.module import SegmentationDataModule
from polybench.data.sample import Batch
from polybench.methods.feedback.bank import MaskBank
from polybench.methods.feedback.curve import Curve, IterationRows
from polybench.methods.feedback.frames import iterate_frame
from polybench.methods.feedback.one_image import iterations_of
from polybench.methods.feedback.otsu import otsu_masks
from polybench.methods.feedback.predicted import kept_masks
from polybench.methods.feedback.pruning import Trajectory, iterate
from polybench.methods.feedback.renewal import Refresh, Renewal, Update
from polybench.methods.feedback.section import iteration_section
from polybench.metrics import PER_IMAGE
from polybench.metrics.protocols import FANET
from polybench.results.sections import Section
from polybench.tasks.base import FloatArray, data_of
from polybench.tasks.outputs import LOGITS, Outputs, foreground_outputs, logits_of
from polybench.tasks.parameter_groups import ParameterGroups
from polybench.tasks.schedules import Interval
from polybench.tasks.segmentation import SegmentationTask
from polybench.tasks.tiled_evaluation import Evaluated

MOST_ITERATIONS = 100
"""After so many iterations a fixed point is no longer waited for."""

KEY = "feedback"
"""Key of the bank in a checkpoint, and of the section in a record."""


class FeedbackSegmentationTask(SegmentationTask):
    """Trains and evaluates a net that maps images (N, 3, H, W) and masks (N, 1, H, W) to logits (N, 1, H, W).

    Where the net has `precompute(images)` and `refine(state, masks)`, as FANet has, its part that needs no mask is done
    once for all iterations.

    Args:
        net: The net.
        loss: As for `SegmentationTask`.
        optimizer: Makes the optimizer from the parameters.
        lr_scheduler: Makes the scheduler from the optimizer.
        mean: Per-channel mean that the net's input is normalised with; none is subtracted, as in FANet.
        std: Per-channel standard deviation for the same.
        channels_last: Keep the net and the images in channels-last memory format.
        update: When the bank is renewed: `every_epoch` as in the paper, `on_improvement` of `val/loss` as in the
            released code, or `never`, so that training is shown Otsu's masks throughout.
        refresh: Where renewed masks come from: a `pass` over the unaugmented images, or the training step's own
            predictions, brought back by the `inverse` of the augmentation (flips and quarter turns only).
        iterations: Iterations of an evaluation.
        report: The iteration whose prediction counts: its number, `last`, or `fixed_point`: on until the mask repeats
            itself (for an image that never does, as when masks alternate, it is the last of `iterations`).
        pass_batch_size: Images that the net sees at once in an evaluation, and where the bank is renewed. Where it is
            less than the evaluation batch size, waiting images take the place of those that are through. None for the
            whole batch. Where training is on crops, these are tiles of a frame.
        otsu_in_view: Let the first mask look at the field of view alone, where the dataset has one; predictions outside
            a dataset never know one.
        parameter_groups: Learning rates by layer, frozen layers, weight decay by kind; None for one rate for all.
        schedule_interval: Step the schedule after each `epoch` or after each optimizer `step`; None where its class
            says which.

    Raises:
        ConfigError: If a number of iterations is out of bounds, or as for `SegmentationTask`.
    """

    version: ClassVar[int] = 1
    by_tiles: ClassVar[bool] = False
    on_crops: ClassVar[bool] = True
    start: ClassVar[str] = "Otsu's mask"

    def __init__(
        self,
        net: nn.Module,
        loss: nn.Module,
        optimizer: OptimizerCallable = torch.optim.Adam,
        lr_scheduler: LRSchedulerCallable | None = None,
        mean: Sequence[float] = (0.0, 0.0, 0.0),
        std: Sequence[float] = (1.0, 1.0, 1.0),
        channels_last: bool = False,
        update: Update = "every_epoch",
        refresh: Refresh = "pass",
        iterations: int = 10,
        report: int | Literal["last", "fixed_point"] = "last",
        pass_batch_size: int | None = None,
        otsu_in_view: bool = False,
        parameter_groups: ParameterGroups | None = None,
        schedule_interval: Interval | None = None,
    ) -> None:
        super().__init__(
            net, loss, optimizer, lr_scheduler, mean, std, channels_last, parameter_groups, schedule_interval
        )
        if iterations < 1:
            raise ConfigError(f"iterations must be at least 1, not {iterations}.")
        if report not in ("last", "fixed_point") and not (isinstance(report, int) and 1 <= report <= iterations):
            raise ConfigError(f"report must be last, fixed_point or an iteration from 1 to {iterations}, not {report}.")
        if pass_batch_size is not None and pass_batch_size < 1:
            raise ConfigError(f"pass_batch_size must be at least 1, not {pass_batch_size}.")
        self.update, self.refresh = update, refresh
        self.iterations, self.report, self.pass_batch_size = iterations, report, pass_batch_size
        self.otsu_in_view = otsu_in_view
        self.renewal = Renewal(update, refresh)
        self.iteration_rows: IterationRows | None = None
        self.curve: Curve | None = None
        self._gives_mapping = False

    @property
    def _data(self) -> SegmentationDataModule:
        return cast(SegmentationDataModule, data_of(self.trainer))

    @property
    def bank(self) -> MaskBank:
        """The masks that training images are shown."""
        return self.renewal.bank

    @property
    def counted(self) -> int | None:
        """The iteration that counts; None where each image's own fixed point does."""
        return None if self.report == "fixed_point" else self.reported_iteration

    @property
    def reported_iteration(self) -> int:
        """The iteration that counts; where a fixed point does, that of an image that reaches none."""
        return self.report if isinstance(self.report, int) else self.iterations

    def setup(self, stage: str) -> None:
        """Prepare a stage; refuse an augmentation that can't be undone where training predictions are moved back."""
        self._refuse_no_masks()
        super().setup(stage)
        if stage == "fit" and self.refresh == "inverse" and not self._data.policy.can_be_undone(self._data.size):
            raise ConfigError(
                f"refresh: inverse needs an augmentation whose masks can be moved back exactly, and "
                f"'{self._data.policy.name}' does more than flips and quarter turns: use refresh: pass."
            )
        ranked = self._data.ranked_by
        protocols = (PER_IMAGE, FANET) if ranked in (PER_IMAGE, FANET) else (PER_IMAGE, FANET, ranked)
        self.iteration_rows = IterationRows(protocols, self.iterations) if stage == "test" else None
        self.curve = None

    def _refuse_no_masks(self) -> None:
        if len(inspect.signature(self.net.forward).parameters) < 2:
            raise ConfigError(
                f"{type(self.net).__name__} takes no mask beside its images: give it to SegmentationTask."
            )

    def check_outputs(self, size: tuple[int, int]) -> None:
        """Check that the net takes masks and returns logits of one class.

        Raises:
            ConfigError: If it doesn't.
        """
        self._refuse_no_masks()
        super().check_outputs(size)

    def other_inputs(self, size: tuple[int, int]) -> tuple[Tensor, ...]:
        """The masks of two images, on the meta device."""
        return (torch.empty(2, 1, *size, dtype=torch.bool, device="meta"),)

    def forward(self, images: Tensor) -> Tensor:
        """Foreground logits (N, 1, H, W) of the iteration that counts, of images in [0, 1], (N, 3, H, W)."""
        return self._reported(self.trajectories(images, otsu_masks(images), self._most_iterations))

    def batch_outputs(self, batch: Batch) -> Outputs:
        """Outputs for a batch: in training from its images' own masks, else the logits of the iteration that counts."""
        if self.training:
            outputs = self._outputs(batch["image"], self.shown(batch))
            if self.refresh == "inverse":
                masks = logits_of(outputs)[0].detach() > 0
                transform = batch.get("transform")
                self.renewal.predicted.put(batch, transform.unmask(masks) if transform else masks)
            return outputs
        trajectories = self.trajectories(batch["image"], self._first(batch), self._most_iterations, batch.get("tiles"))
        if self.iteration_rows is not None and "native_mask" in batch:  # a flipped image has none
            self.iteration_rows.update(batch, trajectories)
        logits = self._reported(trajectories)
        return {LOGITS: logits} if self._gives_mapping else logits

    def predict_iterations(self, image: UInt8Array) -> list[FloatArray]:
        """Predict probabilities (h, w) of an image at native size, of each iteration; the first is its Otsu mask."""
        return iterations_of(self, image)

    def evaluated(self, batch: Batch, *, with_loss: bool = False) -> Evaluated:
        """Predict an evaluation batch, by tiles where it states them; compute its loss where asked for."""
        outputs = self.batch_outputs(batch)
        terms = self.batch_terms(outputs, batch, finest=True) if with_loss else None
        return Evaluated(logits_of(outputs)[0], terms)

    def shown(self, batch: Batch) -> Tensor:
        """The masks (N, 1, H, W), boolean, that a training batch is shown, moved as its images were."""
        if not len(self.bank):  # a batch outside a fit
            return self._first(batch)
        masks = self._kept(batch)
        transform = batch.get("transform")
        return masks if transform is None else transform.mask(masks.float()) > 0

    def _kept(self, batch: Batch) -> Tensor:
        return kept_masks(self.bank, batch).to(batch["image"].device)

    def _first(self, batch: Batch) -> Tensor:
        return otsu_masks(batch["image"], batch.get("valid") if self.otsu_in_view else None)

    def _next(self, batch: Batch) -> Tensor:
        """The masks that follow those in the bank, by one iteration on images as they are."""
        trajectories = self.trajectories(batch["image"], self._kept(batch), 1, batch.get("tiles"))
        return torch.stack([trajectory.at(1) for trajectory in trajectories]) > 0

    def trajectories(self, images: Tensor, masks: Tensor, most: int, tiles: Tiles | None = None) -> list[Trajectory]:
        """Iterate from masks (N, 1, H, W), boolean, at most so many times; over the tiles of a frame where there are.

        Args:
            images: In [0, 1], (N, 3, H, W).
            masks: The first masks.
            most: The most iterations.
            tiles: How one frame is cut.
        """
        refine: Callable[..., Any] = getattr(self.net, "refine", self.net)
        precompute: Callable[[Tensor], Any] = getattr(self.net, "precompute", lambda normalised: normalised)

        def logits(state: Any, shown: Tensor) -> Tensor:
            output = refine(state, shown)
            self._gives_mapping = isinstance(output, Mapping)
            return logits_of(foreground_outputs(output, shown.shape[-2:]))[0]

        def precomputed(part: Tensor) -> Any:
            return precompute(self.normalised(part))

        if tiles is not None:
            return [iterate_frame(precomputed, logits, images, masks, most, tiles, self.pass_batch_size)]
        return iterate(precompute, logits, self.normalised(images), masks, most, self.pass_batch_size)

    @property
    def _most_iterations(self) -> int:
        """The most iterations that an evaluation needs of an image; a test needs all of the curve."""
        if self.report == "fixed_point":
            return max(MOST_ITERATIONS, self.iterations)
        return self.iterations if self.iteration_rows is not None else self.reported_iteration

    def _reported(self, trajectories: list[Trajectory]) -> Tensor:
        fixed, number = self.report == "fixed_point", self.reported_iteration
        return torch.stack([t.logits[-1] if fixed and t.period == 1 else t.at(number) for t in trajectories])

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Before the first batch of an epoch, fill the bank or renew it."""
        self.renewal.begin(self.trainer, self.net, self._data, self._first, self._next)

    def on_validation_epoch_end(self) -> None:
        """Log the numbers; record whether `val/loss` is the best so far."""
        if self.trainer.state.fn == TrainerFn.FITTING and not self.trainer.sanity_checking:
            self.renewal.note_loss(float(self.val_loss.compute()))
        super().on_validation_epoch_end()

    def on_test_epoch_end(self) -> None:
        """Log the numbers; those of each iteration as `test/iteration/<number>/dice`."""
        super().on_test_epoch_end()
        assert self.iteration_rows is not None
        self.curve = self.iteration_rows.compute()
        self.iteration_rows.reset()
        for name, value in self.curve.logged(self.iteration_rows.protocols):
            self.log_number(f"test/iteration/{name}", value)

    def sections(self) -> Mapping[str, Section]:
        """How the last test went, iteration by iteration; for its record."""
        if self.curve is None:
            return {}
        headlines = {protocol.key: protocol.headline for protocol in self.protocols}
        return {KEY: iteration_section(self.curve, self.counted, headlines)}

    def test_artifacts(self) -> Mapping[str, bytes]:
        """The curve of the last test over iterations, as a picture and as a table."""
        if self.curve is None:
            return {}
        from polybench.methods.feedback.picture import curve_picture, curve_table  # with matplotlib, after a test alone

        table = curve_table(self.curve).to_csv(float_format="%.6f")
        return {"iterations.csv": table.encode(), "iterations.png": curve_picture(self.curve, self.counted)}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Save the bank, and what decides when it is renewed."""
        checkpoint[KEY] = self.renewal.state()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the bank."""
        if KEY in checkpoint:
            self.renewal.load_state(checkpoint[KEY])

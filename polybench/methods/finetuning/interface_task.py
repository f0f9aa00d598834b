"""Classifier of the patches around interfaces, which a test applies to each pixel of a region to trace them.

Paper: Tajbakhsh et al., IEEE TMI 2016, section IV-D.
"""

import csv
import io
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch

from polybench.core.errors import ConfigError
from polybench.core.processes import from_all
from polybench.core.trainer import attributes_of
from polybench.data.sample import image_to_float
from polybench.methods.finetuning.interface_module import InterfaceDataModule
from polybench.methods.finetuning.interface_section import (
    INTERFACES,
    TracedRegion,
    interface_picture,
    interface_section,
)
from polybench.methods.finetuning.patches_of_regions import patches_of, resized
from polybench.methods.finetuning.regions import Region
from polybench.methods.finetuning.task import ImageClassificationTask
from polybench.methods.finetuning.tracing import Floats, refuse_no_contours, traced
from polybench.results.sections import Section


class InterfaceTask(ImageClassificationTask):
    """Training of a classifier of patches around interfaces, and tracing of the interfaces in a test.

    Arguments are those of `ImageClassificationTask`; the data are those of `InterfaceDataModule`. Rows and ranking are
    those of the test patches, whose area merges the interfaces to one positive class; the errors of the traced
    interfaces, in pixels, are a section of the record.

    Attributes:
        traced: The regions of the last test, of all processes.
    """

    version: ClassVar[int] = 1

    traced: tuple[TracedRegion, ...] = ()

    @property
    def data(self) -> InterfaceDataModule:
        """The trainer's data.

        Raises:
            ConfigError: If they are no regions with interfaces.
        """
        data: object = attributes_of(self.trainer).datamodule
        if not isinstance(data, InterfaceDataModule):
            raise ConfigError(f"InterfaceTask needs --data InterfaceDataModule, not {type(data).__name__}.")
        return data

    def setup(self, stage: str) -> None:
        """Refuse other data, and an installation that can't trace, before training."""
        _ = self.data
        refuse_no_contours()

    def on_test_epoch_end(self) -> None:
        """Log the metrics of the patches, and trace the interfaces of every region, each in one of the processes."""
        super().on_test_epoch_end()
        regions = self.data.regions("test")
        mine = [self.trace(one) for one in regions[self.trainer.global_rank :: self.trainer.world_size]]
        parts = [one for part in from_all(mine) for one in part]
        self.traced = tuple(sorted(parts, key=lambda one: one.region.image))
        for name, values in zip(self.data.known.interfaces, self._errors().T, strict=True):
            self.log_number(f"test/error_{name}", float(values.mean()))

    def _errors(self) -> Floats:
        return np.stack([one.errors for one in self.traced])

    def maps(self, region: Region) -> Floats:
        """Probability of each interface in each pixel of a region, (K, height, width)."""
        data, found = self.data, []
        with torch.inference_mode():
            for patches in patches_of(data.image(region), region, data.patch, data.eval_batch_size):
                images = resized(image_to_float(torch.from_numpy(patches).to(self.device)), data.size)
                found.append(torch.softmax(self(images).double(), dim=1)[:, 1:].cpu().numpy())
        maps: Floats = np.concatenate(found).T.reshape(-1, region.height, region.width)
        return maps

    def trace(self, region: Region) -> TracedRegion:
        """Trace the interfaces of a region.

        Raises:
            ConfigError: If the net has another number of classes than the data.
        """
        maps, interfaces = self.maps(region), self.data.known.interfaces
        if len(maps) != len(interfaces):
            raise ConfigError(
                f"The net has {len(maps) + 1} classes and the data {len(interfaces) + 1}: set model.net.classes "
                f"{len(interfaces) + 1}."
            )
        found = traced(maps)
        return TracedRegion(region, maps.astype(np.float32), found.maxima + region.top, found.contours + region.top)

    def sections(self) -> Mapping[str, Section]:
        """The sections on depth and share, and on the interfaces, of the last test."""
        names = self.data.known.interfaces
        return {**super().sections(), INTERFACES: interface_section(self.traced, names, self.data.patch)}

    def test_artifacts(self) -> Mapping[str, bytes]:
        """The traced rows as `interfaces.csv`, and a picture of the region with the median error."""
        names = self.data.known.interfaces
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["image", "column", *names])
        for one in self.traced:
            for place, rows in enumerate(one.contours.T.tolist()):
                writer.writerow([one.region.image, one.region.left + place, *(f"{row:.3f}" for row in rows)])
        middle = sorted(self.traced, key=lambda one: float(one.errors.mean()))[len(self.traced) // 2]
        picture = io.BytesIO()
        image = self.data.image(middle.region)
        interface_picture(middle, image, self.data.patch // 2, names).savefig(picture, format="png", dpi=110)
        return {"interfaces.csv": text.getvalue().encode(), "interfaces.png": picture.getvalue()}

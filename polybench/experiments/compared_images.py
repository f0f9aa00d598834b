"""Images of a dataset with their truth and the masks of several nets, to be drawn side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from polybench.core.errors import ConfigError, did_you_mean
from polybench.core.wording import listed, some
from polybench.data.module import SegmentationDataModule
from polybench.data.own_dataset import list_names
from polybench.data.sample import Source
from polybench.experiments.boxes import Box, refuse_outside
from polybench.experiments.image_grid import Line
from polybench.experiments.iterated_masks import Columns, iteration_columns, one_column
from polybench.experiments.mask_sources import MaskSource, differences
from polybench.metrics.measures.labels import Mask
from polybench.metrics.protocols.confusion import per_image_values
from polybench.metrics.protocols.fov import FOV


@dataclass(frozen=True)
class Pictures:
    """What is drawn.

    Attributes:
        titles: What the masks are called.
        lines: The images.
        remarks: What a reader must know of them.
    """

    titles: tuple[str, ...]
    lines: tuple[Line, ...]
    remarks: tuple[str, ...]


def chosen_dataset(sources: Sequence[MaskSource], given: str | None) -> str:
    """The dataset whose images are shown: the one given, or that of all nets.

    Raises:
        ConfigError: If none is given and the nets name none, or several.
    """
    names = list(dict.fromkeys(source.dataset for source in sources if source.dataset is not None))
    if given is not None:
        return given
    if not names:
        raise ConfigError("Folders of masks don't say of which dataset they are: give --dataset NAME.")
    if len(names) > 1:
        raise ConfigError(f"The nets are of {listed(names)}: choose whose images are shown by --dataset NAME.")
    return names[0]


def chosen_split(sources: Sequence[MaskSource], cls: type[SegmentationDataModule], given: str | None) -> str | None:
    """The split that says which images are for testing: the one given, or that of the first record of the dataset."""
    known = list_names(cls)
    of_records = [one.split for one in sources if one.dataset == cls.short_name and one.split in known]
    return given or next(iter(of_records), None)


def pictures(
    data: SegmentationDataModule,
    ids: Sequence[str],
    sources: Sequence[MaskSource],
    iterations: Sequence[int] | None = None,
    boxes: Mapping[str, tuple[Box, ...]] | None = None,
) -> Pictures:
    """Make the masks of all nets.

    Args:
        data: The dataset.
        ids: The images.
        sources: The nets.
        iterations: Show these iterations of nets with mask feedback, all for an empty sequence; None for the mask that
            is scored.
        boxes: Image id -> regions of interest.

    Raises:
        UserError: If there is no such image, a mask is missing, a net has no iterations, or a box lies outside.
    """
    known = {source.id: source for source in data.sources()}
    for name in ids:
        if name not in known:
            hint = did_you_mean(name, known) or f" There are {some(sorted(known))}."
            raise ConfigError(f"{data.short_name} has no image '{name}'.{hint}")
    if iterations is None:
        nets = [one_column(source, data) for source in sources]
    else:
        nets = [iteration_columns(source, iterations, alone=len(sources) == 1) for source in sources]
    lines = tuple(_line(data, known[name], nets, (boxes or {}).get(name, ())) for name in ids)
    titles = tuple(title for net in nets for title in net.titles)
    return Pictures(titles, lines, tuple(_remarks(data, lines, sources, nets)))


def dice_of(truth: Mask, mask: Mask) -> float:
    """Dice of one image; 1 where both are empty.

    >>> dice_of(np.array([[True, True]]), np.array([[True, False]])) == 2 / 3
    True
    """
    counts = [np.sum(truth & mask), np.sum(~truth & mask), np.sum(truth & ~mask), np.sum(~truth & ~mask)]
    return float(per_image_values(np.array([counts]))["dice"][0])


def _line(data: SegmentationDataModule, source: Source, nets: Sequence[Columns], boxes: tuple[Box, ...]) -> Line:
    decoded, image = data.decode(source), data.native_image(source.id)
    refuse_outside(source.id, boxes, decoded.mask.shape)
    seen = np.ones(decoded.mask.shape, bool)
    if data.ranked_by is FOV and decoded.valid is not None:
        seen = decoded.valid.astype(bool)
    truth = decoded.mask.astype(bool) & seen
    masks = tuple(mask & seen for net in nets for mask in net.masks(source.id, image))
    return Line(source.id, image, truth, masks, tuple(dice_of(truth, mask) for mask in masks), boxes)


def _remarks(
    data: SegmentationDataModule, lines: Sequence[Line], sources: Sequence[MaskSource], nets: Sequence[Columns]
) -> list[str]:
    found = []
    tested = set(data.split.ids("test"))
    if seen := [line.id for line in lines if line.id not in tested]:
        found.append(
            f"not in the test part of '{data.split.name}', so that a net may have been trained on them: {some(seen)}"
        )
    first = 0
    for source, net in zip(sources, nets, strict=True):
        place, first = first + (net.recorded or 0), first + len(net.titles)
        if source.seeds:
            others = listed([str(seed) for seed in source.seeds])
            found.append(f"'{source.title}' has seeds {others}: its masks are those of seed {source.seeds[0]}")
        if net.recorded is None:
            continue
        if other := differences(source, {line.id: line.dice[place] for line in lines}):
            found.append(f"'{source.title}' has another Dice in its record: {some(list(other))}")
    return found

"""The augmentation of one batch, applied to images and their masks.

Consecutive geometric operations are combined to one sampling grid, so that pixels are interpolated once, and content
that one operation moves out of the frame can be moved back by another. Flips and quarter turns of a square are exact.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

import torch
from torch import Tensor

from polybench.augment.geometry import IDENTITY, AffineOperation, Matrix, compose
from polybench.augment.operations import Chain, GeometricOperation, PixelOperation
from polybench.augment.stages import Frame, MaskMode, Mode, Permutation, Recolouring, Resampling, Stage, is_permutation

Parameters = tuple[float, ...]


class Draw(NamedTuple):
    """The draw for one sample: the chain, and the parameters of each applied step by its position in the chain."""

    chain: int
    parameters: Mapping[int, Parameters]


class Transform:
    """The augmentation of one batch, with the same result at each call.

    Args:
        chains: Chains of the policy.
        draws: The draw for each sample of the batch.
        frame: Frame of the batch.
        masks: Sampling of masks between pixels.
    """

    def __init__(
        self, chains: Sequence[Chain], draws: Sequence[Draw], frame: Frame, masks: MaskMode = "nearest"
    ) -> None:
        self._masks = masks
        self._shape = (len(draws), *frame.size)
        self._stages: list[Stage] = []
        for number, chain in enumerate(chains):
            samples = {row: draw.parameters for row, draw in enumerate(draws) if draw.chain == number}
            self._stages += _stages(chain, samples, frame) if samples else ()

    def image(self, images: Tensor) -> Tensor:
        """Transform images (N, 3, H, W), float32 in [0, 1], not in place."""
        return self._through(self._stages, images, "bilinear")

    def mask(self, masks: Tensor) -> Tensor:
        """Transform masks (N, C, H, W) in {0, 1} with their images, to masks in {0, 1}."""
        moves = [stage for stage in self._stages if not isinstance(stage, Recolouring)]
        return self._through(moves, masks, self._masks)

    def unmask(self, masks: Tensor) -> Tensor:
        """Transform masks (N, C, H, W) back exactly, the inverse of `mask`.

        Raises:
            ValueError: If other operations than flips and quarter turns were applied.
        """
        stages = [stage for stage in self._stages if not isinstance(stage, Recolouring)]
        back = [stage.inverse() for stage in reversed(stages) if isinstance(stage, Permutation)]
        if len(back) < len(stages):
            raise ValueError("only flips and quarter turns can be undone exactly")
        return self._through(back, masks, "nearest")

    def _through(self, stages: Sequence[Stage], values: Tensor, mode: Mode) -> Tensor:
        if (len(values), *values.shape[2:]) != self._shape:
            raise ValueError(f"a transform of (N, H, W) = {self._shape} was given values {tuple(values.shape)}")
        result = values
        for stage in stages:
            changed = stage.apply(result[stage.rows], mode)
            if len(changed) == len(values):
                result = changed
            else:
                result = values.clone() if result is values else result
                result[stage.rows] = changed
        return result


def _stages(chain: Chain, samples: Mapping[int, Mapping[int, Parameters]], frame: Frame) -> Iterator[Stage]:
    """Build the stages of the samples (by row of the batch) that share a chain."""
    operations = [step.operation for step in chain]
    for moves, run in groupby(enumerate(operations), lambda item: isinstance(item[1], GeometricOperation)):
        if moves:
            geometric = {step: operation for step, operation in run if isinstance(operation, GeometricOperation)}
            yield from _movements(geometric, samples, frame)
            continue
        for step, operation in run:
            drawn = {row: parameters[step] for row, parameters in samples.items() if step in parameters}
            if drawn and isinstance(operation, PixelOperation):
                yield Recolouring(_index(list(drawn), frame.device), operation, _table(list(drawn.values())))


def _movements(
    run: Mapping[int, GeometricOperation], samples: Mapping[int, Mapping[int, Parameters]], frame: Frame
) -> Iterator[Stage]:
    """Build the stages of a run of geometric operations (by position in the chain)."""
    permuted: dict[Matrix, list[int]] = defaultdict(list)
    resampled: dict[tuple[int, ...], dict[int, list[Matrix]]] = defaultdict(dict)
    for row, parameters in samples.items():
        matrices, warps = _fold(run, parameters, frame.size)
        if warps or not is_permutation(matrices[0], frame.size):
            resampled[warps][row] = matrices
        elif matrices != [IDENTITY]:
            permuted[matrices[0]].append(row)
    for matrix, rows in permuted.items():
        yield Permutation(_index(rows, frame.device), matrix)
    for warps, folded in resampled.items():
        drawn = [(run[step], _table([samples[row][step] for row in folded])) for step in warps]
        tables = [_table(column) for column in zip(*folded.values(), strict=True)]
        yield Resampling(_index(list(folded), frame.device), frame, tables, drawn)


def _fold(
    run: Mapping[int, GeometricOperation], parameters: Mapping[int, Parameters], size: tuple[int, int]
) -> tuple[list[Matrix], tuple[int, ...]]:
    """Combine a sample's run, from output to input, to matrices and the positions of the warps between them."""
    matrices, warps = [IDENTITY], []
    for step in sorted(run.keys() & parameters.keys(), reverse=True):
        operation = run[step]
        if isinstance(operation, AffineOperation):
            matrices[-1] = compose(matrices[-1], operation.matrix(parameters[step], size))
        else:
            warps.append(step)
            matrices.append(IDENTITY)
    return matrices, tuple(warps)


def _table(rows: Sequence[Sequence[float]]) -> Tensor:
    """Build a table (n, P), float64, on the CPU."""
    return torch.tensor(rows, dtype=torch.float64)


def _index(rows: Sequence[int], device: torch.device) -> slice | Tensor:
    """Index rows of a batch, by a slice where they are consecutive, which copies nothing."""
    neighbours = rows[-1] - rows[0] + 1 == len(rows)
    return slice(rows[0], rows[-1] + 1) if neighbours else torch.tensor(rows, device=device)

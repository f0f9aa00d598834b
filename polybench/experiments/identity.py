"""Identity of an experiment: which runs are seeds of one row, and which rows can be ranked together.

`training_id` is a hash of everything that moves the weights, `evaluation_id` of everything else that moves a number,
both of the configuration's canonical form. Importing this module imports no torch.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Any, NamedTuple, Self

from polybench.data.folds import FOLD
from polybench.experiments.canonical import canonical
from polybench.results.facts import DatasetFacts, StartFacts

IDENTITY_VERSION = 2
"""Raised when the canonical form changes; records without ids are of version 1."""


class Batch(NamedTuple):
    """What an optimizer's step sees.

    Attributes:
        total: Samples of all processes and of all batches whose gradients are accumulated.
        normalised_over: Samples that a batch norm averages over.
    """

    total: int
    normalised_over: int

    @classmethod
    def of(cls, config: Mapping[str, Any], processes: int) -> Self:
        """Work it out from a resolved configuration.

        Args:
            config: The resolved configuration.
            processes: How many processes share a batch.
        """
        return cls.of_content(canonical(config), processes)

    @classmethod
    def of_content(cls, content: Mapping[str, Any], processes: int) -> Self:
        """Work it out from the canonical form of a configuration."""
        batch = content["batch"]
        shared = (sum(_batch_sizes(batch)) or 1) * (processes if batch.get("scale_batch", False) else 1)
        accumulated = batch.get("trainer.accumulate_grad_batches", 1)
        apart = 1 if batch.get("trainer.sync_batchnorm", False) else processes
        return cls(total=shared * accumulated, normalised_over=shared // apart)


def config_id(config: Mapping[str, Any]) -> str:
    """Hash the canonical form alone: which runs can be resumed with which configuration; needs no data."""
    return _digest(canonical(config))


def training_id(config: Mapping[str, Any], data: DatasetFacts, batch: Batch, start: StartFacts | None) -> str:
    """Hash everything that moves the weights, the seed excepted.

    Args:
        config: The resolved configuration.
        data: Which images, and under which split.
        batch: The global batch.
        start: What the weights began with; None where the net initialised them.

    Raises:
        ConfigError: See `canonical`.
        ValueError: If the configuration names start weights and `start` says nothing of them.
    """
    return training_id_of(canonical(config), data, batch, start)


def training_id_of(content: Mapping[str, Any], data: DatasetFacts, batch: Batch, start: StartFacts | None) -> str:
    """Hash what `training_id` hashes, from the canonical form of a configuration.

    Raises:
        ValueError: If the configuration names start weights and `start` says nothing of them.
    """
    content = dict(content)
    sizes = _batch_sizes(content.pop("batch"))
    del content["evaluation"]
    if content.pop("start") and start is None:
        raise ValueError("The configuration names start weights: training_id needs to know what they were.")
    return _digest(
        {
            "identity": IDENTITY_VERSION,
            "config": content,
            "manifest": data.manifest_sha256,
            "split": data.split_sha256,
            "batch": [batch.total, batch.normalised_over],
            "shares": [size // math.gcd(*sizes) for size in sizes] if len(sizes) > 1 else [],
            "start": _start_identity(start),
        }
    )


def evaluation_id(
    config: Mapping[str, Any], data: DatasetFacts, protocols: Sequence[str], thresholds: Mapping[str, Any] | None = None
) -> str:
    """Hash what moves a number of a trained net beside its weights.

    The test patches belong here, since they are known after a test only, and `training_id` is known before.

    Args:
        config: The resolved configuration; evaluation batches and how images are fitted to the net's input count.
        data: Which images; their size counts, the tiles of frames that are evaluated by tiles, and the test patches.
        protocols: `name@version` of each protocol.
        thresholds: Those that the evaluation was told, or chose on validation, and what else changed its predictions.
    """
    return evaluation_id_of(canonical(config), data, protocols, thresholds)


def evaluation_id_of(
    content: Mapping[str, Any],
    data: DatasetFacts,
    protocols: Sequence[str],
    thresholds: Mapping[str, Any] | None = None,
) -> str:
    """Hash what `evaluation_id` hashes, from the canonical form of a configuration."""
    tiling = {"tiles": {"scale": data.crop.scale, "overlap": data.crop.overlap}} if data.crop else {}
    return _digest(
        {
            **tiling,
            "identity": IDENTITY_VERSION,
            "batch": sorted(content["evaluation"].items()),
            **_fitting(content.get("data")),
            "size": list(data.size) if data.size else None,
            "patches": data.patches_sha256,
            "protocols": sorted(protocols),
            "thresholds": dict(thresholds or {}),
        }
    )


def folds_training_id(
    config: Mapping[str, Any], data: DatasetFacts, batch: Batch, start: StartFacts | None
) -> str | None:
    """Hash what the trainings on all folds share: `training_id` with the lists of all folds in place of the split.

    Start weights that were trained on folds stand for what the trainings on those share.

    Args:
        config: The resolved configuration.
        data: Which images, and under which split.
        batch: The global batch.
        start: What the weights began with; None where the net initialised them.

    Returns:
        The hash; None where the split is no fold.

    Raises:
        ConfigError: See `canonical`.
        ValueError: If the configuration names start weights and `start` says nothing of them.
    """
    if data.fold is None:
        return None
    if start is not None and start.source is not None and start.source.folds_id is not None:
        start = replace(start, source=replace(start.source, training_id=start.source.folds_id))
    anywhere = {**config, "data": _of_any_fold(config.get("data"), data.fold.number, data.fold.of)}
    return training_id(anywhere, replace(data, split_sha256=data.fold.lists_sha256), batch, start)


def folds_evaluation_id(config: Mapping[str, Any], data: DatasetFacts, protocols: Sequence[str]) -> str:
    """Hash what the tests of all folds share: `evaluation_id` without the test patches, which each fold has its own."""
    return evaluation_id(config, replace(data, patches_sha256=None), protocols)


def budget_id(images: int, size: tuple[int, int]) -> str:
    """Name a budget, such as "29280 images of 96x96": images that went through the net in training, and their size."""
    return f"{images} images of {size[0]}x{size[1]}"


def _batch_sizes(batch: Mapping[str, Any]) -> list[int]:
    """Samples that a batch has from each of its data modules, in the order of their paths."""
    return [batch[path] for path in sorted(batch) if path.startswith("data.")]


def _start_identity(start: StartFacts | None) -> dict[str, Any]:
    """What of the start weights counts: whose they are, by what trained them, and what matched if not all did."""
    if start is None or start.source is None:
        return {"kind": "initialised"}
    source = start.source
    identity: dict[str, Any] = {
        "kind": start.kind,
        "source": [source.training_id, source.point] if source.training_id and source.point else source.sha256,
        "seeds": start.seeds,
        "seed": source.seed if start.seeds == "shared" else None,
    }
    if start.missing or start.misshaped or start.unexpected:
        identity["tensors"] = [start.matched, start.missing, start.unexpected, start.misshaped]
    return identity


def _of_any_fold(data: Any, number: int, of: int) -> Any:
    """A copy of a data module's arguments in which the lists of this fold are those of any."""
    if not isinstance(data, Mapping):
        return data
    return {
        key: f"fold_*_of_{of}" if key == "split" and _is_fold(value, number, of) else _of_any_fold(value, number, of)
        for key, value in data.items()
    }


def _is_fold(split: object, number: int, of: int) -> bool:
    """Whether the name, or the path, of a list is that of a fold."""
    name = PurePath(split) if isinstance(split, str) else PurePath()
    found = FOLD.fullmatch(name.stem if name.suffix == ".csv" else name.name)
    return found is not None and (int(found[1]), int(found[2])) == (number, of)


def _fitting(data: Any) -> dict[str, Any]:
    """How a canonical data module, or the images in it, fits images to the net's input; empty for the default."""
    if not isinstance(data, Mapping):
        return {}
    arguments = data.get("arguments") or {}
    found = {name: arguments[name] for name in ("fit", "pad_value") if name in arguments}
    return found or _fitting(arguments.get("images"))


def _digest(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()

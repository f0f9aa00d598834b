"""Where a number comes from: source tree, versions, hardware, checkpoint."""

import inspect
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer

import polybench
from polybench.callbacks.dashboard import dashboards
from polybench.core.checksum import file_sha256
from polybench.core.processor import processor_fact
from polybench.experiments.class_versions import distributions, resolve
from polybench.experiments.local_modules import local_files, local_sha256
from polybench.results.facts import Provenance, StartFacts
from polybench.results.start import share_text, source_name

PACKAGES = (
    "torch",
    "torchvision",
    "lightning",
    "torchmetrics",
    "segmentation-models-pytorch",
    "timm",
    "kornia",
    "numpy",
    "scipy",
    "pillow",
)


def provenance(trainer: Trainer, checkpoint: Path | None) -> Provenance:
    """Describe a run that has just been tested.

    Args:
        trainer: The trainer that tested it.
        checkpoint: The file that was tested; None for a baseline.
    """
    commit, dirty = source_state(Path(polybench.__file__).parent)
    urls = [dashboard.url for dashboard in dashboards(trainer)]
    return Provenance(
        git_commit=commit,
        dirty=dirty,
        polybench=polybench.__version__,
        versions=package_versions(PACKAGES),
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        device=device_name(trainer.strategy.root_device),
        devices=trainer.world_size,
        precision=str(trainer.precision),
        deterministic=torch.are_deterministic_algorithms_enabled(),
        checkpoint_sha256=file_sha256(checkpoint) if checkpoint else None,
        logger_url=next((url for url in urls if url), None),
        finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
        threads=torch.get_num_threads(),
    )


def package_versions(packages: Sequence[str]) -> dict[str, str]:
    """Versions of those of the packages that are installed."""
    installed = {}
    for name in packages:
        try:
            installed[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return installed


def source_state(folder: Path) -> tuple[str | None, bool | None]:
    """The commit of the tree that a folder lies in, and whether the tree is changed (`leaderboards/` aside).

    Returns:
        (None, None) where the folder is not tracked by git, as in an installed package.
    """

    def git(*words: str) -> str | None:
        command = ["git", "-C", str(folder), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else None

    try:
        if git("ls-files", "--error-unmatch", "__init__.py") is None:
            return None, None
        commit = git("rev-parse", "HEAD")
        changes = git("status", "--porcelain", "--", ":/", ":(top,exclude)leaderboards")
    except OSError:
        return None, None
    return commit, None if changes is None else bool(changes)


def device_name(device: torch.device) -> str:
    """Name of an accelerator, or of the processor."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return processor_fact("model name") or platform.processor() or device.type


def net_version(class_path: str) -> str:
    """Version of a net's definition: its own, its package's, or the first digits of the hash of the user's files."""
    cls = resolve(class_path)
    if isinstance(version := getattr(cls, "version", None), int | str):
        return str(version)
    if local := local_files(cls.__module__):
        return f"{local_sha256(cls.__module__)[:12]} of {', '.join(sorted(path.name for path in local.values()))}"
    package = class_path.partition(".")[0]
    names = distributions().get(package, [package])
    return next(iter(package_versions(names).values()), "unknown")


def start_weights(net: Mapping[str, Any]) -> str:
    """Where a net's first weights come from, read off its configuration: `random`, or the name of the weights."""
    for key, value in (net.get("init_args") or {}).items():
        if key == "pretrained" and value is True:
            return "imagenet"
        if key in {"encoder_weights", "weights", "weights_backbone", "pretrained"} and value:
            return str(value)
    return "random"


def start_in_words(start: StartFacts) -> str | None:
    """Describe the run that start weights come from, and the share of tensors that it gave; None without one."""
    if start.source is None or start.kind == "initialised":
        return None
    known = source_name(start.source)
    share = f", {share_text(start.share)} of tensors" if start.share is not None else ""
    return f"backbone of {known}{share}" if start.kind == "backbone" else f"weights of {known}"


def net_summary(net: Mapping[str, Any]) -> str:
    """One line for tables: the class and its arguments that differ from their defaults."""
    class_path = str(net["class_path"])
    defaults = {name: p.default for name, p in inspect.signature(resolve(class_path)).parameters.items()}
    parts = [class_path.rpartition(".")[2]]
    for key, value in (net.get("init_args") or {}).items():
        if key in {"pretrained", "encoder_weights"}:
            continue
        if isinstance(value, Mapping) and "class_path" in value:
            parts.append(f"{key} {net_summary(value)}")
            continue
        plain = tuple(value) if isinstance(value, list) else value
        default = defaults.get(key)
        default = tuple(default) if isinstance(default, list) else default
        if key == "encoder_name" or plain != default:
            parts.append(f"{key} {'-'.join(map(str, value)) or 'none' if isinstance(value, list) else value}")
    return " ".join(parts[:1]) + (" " + ", ".join(parts[1:]) if parts[1:] else "")

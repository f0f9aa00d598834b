"""Callbacks of every run: selection, exact resume, metrics, costs, baselines and pictures."""

from polybench.callbacks.artifacts import ArtifactsCallback
from polybench.callbacks.baselines import BaselinesCallback
from polybench.callbacks.meter import MeterCallback
from polybench.callbacks.metrics import MetricsCallback
from polybench.callbacks.peers import PeersCallback
from polybench.callbacks.previews import PreviewsCallback
from polybench.callbacks.progress_file import ProgressFileCallback
from polybench.callbacks.resume import ResumeCallback
from polybench.callbacks.selection import BestCheckpoint
from polybench.callbacks.sigterm import SigtermCallback
from polybench.callbacks.training_curves import TrainingCurves
from polybench.moved import moved_name
from polybench.tasks.checkpoint import AtomicCheckpointIO

__all__ = [
    "ArtifactsCallback",
    "AtomicCheckpointIO",
    "BaselinesCallback",
    "BestCheckpoint",
    "MeterCallback",
    "MetricsCallback",
    "PeersCallback",
    "PreviewsCallback",
    "ProgressFileCallback",
    "ResumeCallback",
    "SigtermCallback",
    "TrainingCurves",
]


def __getattr__(name: str) -> object:
    """Import a class that moved to a method's package."""
    return moved_name(__name__, name)

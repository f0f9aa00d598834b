"""Layer-wise fine-tuning: how deep to tune a pretrained net, with how much data, against training from scratch."""

from polybench.methods.finetuning.candidate_module import CandidateDataModule
from polybench.methods.finetuning.depth import LayerwiseTuning
from polybench.methods.finetuning.interface_module import InterfaceDataModule
from polybench.methods.finetuning.interface_task import InterfaceTask
from polybench.methods.finetuning.labelled_module import LabelledImagesDataModule
from polybench.methods.finetuning.snapshots import Snapshots
from polybench.methods.finetuning.task import CandidateClassificationTask, ImageClassificationTask

__all__ = [
    "CandidateClassificationTask",
    "CandidateDataModule",
    "ImageClassificationTask",
    "InterfaceDataModule",
    "InterfaceTask",
    "LabelledImagesDataModule",
    "LayerwiseTuning",
    "Snapshots",
]

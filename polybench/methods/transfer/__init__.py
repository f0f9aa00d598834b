"""Weight transfer between segmentation and classification, and joint training, which it is compared with."""

from polybench.methods.transfer.callback import TransferCallback
from polybench.methods.transfer.joint_module import JointDataModule
from polybench.methods.transfer.joint_task import JointTask

__all__ = ["JointDataModule", "JointTask", "TransferCallback"]

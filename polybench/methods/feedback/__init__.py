"""Mask feedback of FANet: the mask predicted for an image is kept and given to the net with the image."""

from polybench.methods.feedback.codec import CodedMask, decode, decode_batch, encode, encode_batch, from_state, to_state
from polybench.methods.feedback.task import FeedbackSegmentationTask

__all__ = [
    "CodedMask",
    "FeedbackSegmentationTask",
    "decode",
    "decode_batch",
    "encode",
    "encode_batch",
    "from_state",
    "to_state",
]

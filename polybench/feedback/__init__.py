"""Mask feedback: what a net predicted for an image is kept, and given back to it with the image."""

from polybench.feedback.codec import CodedMask, decode, decode_batch, encode, encode_batch, from_state, to_state

__all__ = ["CodedMask", "decode", "decode_batch", "encode", "encode_batch", "from_state", "to_state"]

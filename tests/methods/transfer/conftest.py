"""Frames for the tests of the joint module, those of the tests of patches."""

from tests.data.conftest import frames

__all__ = ["frames"]

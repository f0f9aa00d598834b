"""Frames for the tests of candidates, those of the tests of patches."""

from tests.data.conftest import frames

__all__ = ["frames"]

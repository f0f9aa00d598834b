"""Pretrained weights of encoders: from an installed package, a cache on disk or a file of the user's, without network.

`find` looks for the file, `give` checks it and fills an encoder, and `given` says what an encoder was given.
"""

from polybench.models.pretrained.known import EXTRA, KNOWN, Known, known_file
from polybench.models.pretrained.provider import OWN_FILE, Found, Pretrained, find, give, given

__all__ = ["EXTRA", "KNOWN", "OWN_FILE", "Found", "Known", "Pretrained", "find", "give", "given", "known_file"]

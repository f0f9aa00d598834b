"""Writes the file that its argument names: a module for `python -m`."""

import sys
from pathlib import Path

Path(sys.argv[1]).write_text("made")

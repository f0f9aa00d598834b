"""The parts of `tools/break.py`: what runs a command under attack, and one module for each kind of attack."""

"""Rows of the leaderboards, and anyone's predictions, compared in pairs on the same images."""

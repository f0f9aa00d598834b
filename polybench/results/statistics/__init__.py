"""Intervals, paired tests and ranks of rows that were tested on the same images, with numpy and scipy."""

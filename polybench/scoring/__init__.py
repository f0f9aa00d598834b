"""Scores of predictions that any program wrote: find the files, pair them with the truth, read and score them."""

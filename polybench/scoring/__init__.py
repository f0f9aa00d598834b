"""Scoring of predictions by any program: find the files, pair them with the truth, read and score them."""

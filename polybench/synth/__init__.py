"""Generated images with the appearance and layout of the datasets, for tests, demonstrations and the quickstart.

No image shows a patient: a score on them shows that a program works, nothing about medicine.
"""

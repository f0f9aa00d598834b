"""Generated images in the look and the layout of the datasets, for tests, demonstrations and the quickstart.

No image shows a patient: a number on them says that the machinery works, nothing about medicine.
"""

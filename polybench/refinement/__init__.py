"""A classifier of patches looks again at what a segmentation found, and has what it takes for no object removed."""

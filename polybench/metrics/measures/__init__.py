"""Measures of one image's mask or probability map, one per module; protocols are built from them."""

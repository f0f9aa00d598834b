"""polybench: a benchmark of 2-D biomedical image segmentation whose numbers can be trusted."""

__version__ = "0.1.0"

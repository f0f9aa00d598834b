"""The datasets: one DataModule per file, on the layout of the official distribution."""

from polybench.datasets.clinicdb import ClinicDBDataModule
from polybench.datasets.synthetic_polyp import SyntheticPolypDataModule

__all__ = ["ClinicDBDataModule", "SyntheticPolypDataModule"]

"""Datasets: one DataModule per file, for the layout of the official distribution."""

from polybench.datasets.chase import CHASEDataModule
from polybench.datasets.clinicdb import ClinicDBDataModule
from polybench.datasets.colondb import ColonDBDataModule
from polybench.datasets.colondb300 import ColonDB300DataModule
from polybench.datasets.cvc300 import CVC300DataModule
from polybench.datasets.drive import DRIVEDataModule
from polybench.datasets.dsb2018 import DSB2018DataModule
from polybench.datasets.em import EMDataModule
from polybench.datasets.endoscenestill import EndoSceneStillDataModule
from polybench.datasets.etis import ETISDataModule
from polybench.datasets.folder import FolderDataModule
from polybench.datasets.isic2016 import ISIC2016DataModule
from polybench.datasets.isic2018 import ISIC2018DataModule
from polybench.datasets.kvasir import KvasirSEGDataModule
from polybench.datasets.ph2 import PH2DataModule
from polybench.datasets.polyp_pool import PolypPoolDataModule
from polybench.datasets.pranet import PraNetDataModule
from polybench.datasets.skin_pool import SkinPoolDataModule
from polybench.datasets.synthetic_polyp import SyntheticPolypDataModule

__all__ = [
    "CHASEDataModule",
    "CVC300DataModule",
    "ClinicDBDataModule",
    "ColonDB300DataModule",
    "ColonDBDataModule",
    "DRIVEDataModule",
    "DSB2018DataModule",
    "EMDataModule",
    "ETISDataModule",
    "EndoSceneStillDataModule",
    "FolderDataModule",
    "ISIC2016DataModule",
    "ISIC2018DataModule",
    "KvasirSEGDataModule",
    "PH2DataModule",
    "PolypPoolDataModule",
    "PraNetDataModule",
    "SkinPoolDataModule",
    "SyntheticPolypDataModule",
]

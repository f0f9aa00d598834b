"""Synthetic polyps: generated frames in CVC-ClinicDB's layout, for the quickstart, tests and demonstrations.

No patient, no camera: a number on these images says that the machinery works, nothing about medicine.
"""

from polybench.data.cache import ImageCache
from polybench.datasets.clinicdb import ClinicDBDataModule
from polybench.datasets.synth import write_clinicdb_like

IMAGES = 240
FRAMES_PER_SEQUENCE = 5
SEED = 0


class SyntheticPolypDataModule(ClinicDBDataModule):
    """240 generated frames, 48 sequences of 5, written on first use and then read like the real dataset."""

    short_name = "synthetic_polyp"
    folder = "synthetic-polyp"
    default_split = "sequence_disjoint"
    source_note = "it is generated on first use by `polybench fit --config conf/quickstart.yaml`"

    def prepare_data(self) -> None:
        """Write the frames if they are not there, then go the way of every dataset."""
        folder = self.root / self.folder
        write_clinicdb_like(folder, images=IMAGES, frames_per_sequence=FRAMES_PER_SEQUENCE, seed=SEED)
        super().prepare_data()

    def differences_from_official(self, cache: ImageCache) -> list[str]:
        """The generator's output is its own official copy."""
        return []

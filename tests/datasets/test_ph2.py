from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from polybench.core.errors import DataError
from polybench.datasets import PH2DataModule


def write_case(root: Path, name: str) -> Path:
    case = root / "PH2Dataset" / "PH2 Dataset images" / name
    for folder, image in (
        (f"{name}_Dermoscopic_Image", Image.new("RGB", (3, 2), (10, 20, 30))),
        (f"{name}_lesion", Image.fromarray(np.array([[0, 255, 255], [0, 0, 255]], dtype=np.uint8)).convert("1")),
    ):
        (case / folder).mkdir(parents=True)
        image.save(case / folder / f"{folder.removesuffix('_Dermoscopic_Image')}.bmp")
    return case


def test_cases_are_found_in_their_folders(tmp_path: Path) -> None:
    for name in ("IMD003", "IMD002"):
        write_case(tmp_path, name)
    data = PH2DataModule(str(tmp_path))
    sources = data.sources()
    assert [(source.id, source.group) for source in sources] == [("IMD002", "ph2/IMD002"), ("IMD003", "ph2/IMD003")]
    decoded = data.decode(sources[0])
    assert decoded.image[0, 0].tolist() == [10, 20, 30]
    assert decoded.mask.tolist() == [[0, 1, 1], [0, 0, 1]]


def test_case_without_lesion_is_named(tmp_path: Path) -> None:
    (write_case(tmp_path, "IMD002") / "IMD002_lesion" / "IMD002_lesion.bmp").unlink()
    with pytest.raises(DataError, match=r"IMD002' lacks .*IMD002_lesion\.bmp"):
        PH2DataModule(str(tmp_path)).sources()


def test_missing_folder_of_images_is_named(tmp_path: Path) -> None:
    (tmp_path / "PH2Dataset").mkdir()
    with pytest.raises(DataError, match=r"PH2 Dataset images': unpack PH2Dataset\.rar"):
        PH2DataModule(str(tmp_path)).sources()

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from polybench.core.errors import ConfigError, DataError
from polybench.datasets import FolderDataModule

NAMES = ("a", "b", "c", "d")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    root = tmp_path / "My Set (2024)"
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    for name in NAMES:
        Image.new("RGB", (4, 4), (9, 9, 9)).save(root / "images" / f"{name}.jpg")
        Image.fromarray(np.diag([255] * 4).astype(np.uint8)).save(root / "masks" / f"{name}.png")
    rows = [f"{name},{subset},p{name}" for name, subset in zip(NAMES, ("train", "train", "val", "test"), strict=True)]
    (root / "split.csv").write_text("\n".join(["id,subset,group", *rows]) + "\n")
    return root


def module(root: Path, **kwargs: object) -> FolderDataModule:
    arguments = {"split": str(root / "split.csv"), "size": (4, 4), "batch_size": 1, "eval_batch_size": 1, **kwargs}
    return FolderDataModule(str(root), **arguments)  # type: ignore[arg-type]


def test_images_and_masks_are_paired_by_stem_with_the_groups_of_the_split(own: Path) -> None:
    data = module(own)
    sources = data.sources()
    assert [(source.id, source.group) for source in sources] == [(name, f"p{name}") for name in NAMES]
    np.testing.assert_array_equal(data.decode(sources[0]).mask, np.eye(4))
    assert data.decode(sources[0]).valid is None


def test_fields_of_view_are_read_where_there_are_any(own: Path) -> None:
    (own / "valid").mkdir()
    for name in NAMES:
        Image.fromarray(np.array([[0] + [255] * 3] * 4, dtype=np.uint8)).save(own / "valid" / f"{name}.png")
    data = module(own)
    valid = data.decode(data.sources()[0]).valid
    assert valid is not None
    assert valid.tolist() == [[0, 1, 1, 1]] * 4
    (own / "valid" / "b.png").unlink()
    with pytest.raises(DataError, match=r"b\.jpg' has no field of view"):
        module(own).sources()


@pytest.mark.parametrize(("given", "name"), [(None, "my_set_2024"), ("lab-7", "lab-7")])
def test_records_call_it_by_its_name(own: Path, given: str | None, name: str) -> None:
    data = module(own, name=given)
    data.prepare_data()
    data.setup("fit")
    facts = data.facts()
    assert facts.name == name
    assert (facts.counts.train, facts.counts.val, facts.counts.test) == (2, 1, 1)


@pytest.mark.parametrize("split", [None, "official"])
def test_without_a_split_file_it_says_how_to_make_one(own: Path, split: str | None) -> None:
    with pytest.raises(ConfigError, match="polybench data split"):
        FolderDataModule(str(own), split=split)


@pytest.mark.parametrize("name", ["../up", "Upper", "", "clinicdb"])
def test_names_that_would_mislead_are_refused(own: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"--data\.name"):
        module(own, name=name)


def test_missing_folder_is_named(own: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"There is no folder '.*nowhere'"):
        FolderDataModule(str(tmp_path / "nowhere"), split=str(own / "split.csv")).sources()

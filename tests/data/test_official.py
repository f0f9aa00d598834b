from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from polybench.data.official import note_download
from polybench.data.sample import Decoded, Source
from polybench.datasets import ClinicDBDataModule, FolderDataModule, SyntheticPolypDataModule
from polybench.results.facts import DatasetFacts

UNCHECKED = "counts and sizes agree with the official copy; contents unchecked"


def facts(root: Path, split: str = "split.csv") -> DatasetFacts:
    data = ClinicDBDataModule(str(root), (48, 64), str(root / split))
    data.open_cache(data.size)
    return data.facts()


@pytest.fixture
def agreeing(data_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twelve frames of 64 x 48 pixels, and a card that says just so of the official copy."""
    know(monkeypatch, None)
    return data_root


def know(monkeypatch: pytest.MonkeyPatch, manifest: str | None) -> None:
    card = replace(ClinicDBDataModule.card, images=12, sizes=frozenset({(48, 64)}), manifest_sha256=manifest)
    monkeypatch.setattr(ClinicDBDataModule, "card", card)


def test_counts_and_sizes_alone_make_no_copy_official(agreeing: Path) -> None:
    found = facts(agreeing)
    assert (found.official_copy, found.copy_notes, found.copy) == (False, (UNCHECKED,), "contents unchecked")


def test_copy_with_the_hash_of_the_card_is_official(agreeing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    know(monkeypatch, facts(agreeing).manifest_sha256)
    found = facts(agreeing)
    assert (found.official_copy, found.copy_notes, found.copy) == (True, (), "official copy")


def encode_anew(root: Path) -> None:
    """Change one pixel of frame 3; its size stays."""
    path = root / "CVC-ClinicDB" / "Original" / "3.tif"
    pixels = np.array(Image.open(path))
    pixels[0, 0] ^= 1
    Image.fromarray(pixels).save(path)


def test_copy_that_was_encoded_anew_is_not(agreeing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    know(monkeypatch, facts(agreeing).manifest_sha256)
    encode_anew(agreeing)
    found = facts(agreeing)
    assert not found.official_copy
    assert found.copy_notes == ("other contents than the official copy, though counts and sizes agree",)
    assert found.copy == "NOT the official copy"


def test_downloaded_copy_is_official_as_long_as_nothing_is_changed(agreeing: Path) -> None:
    note_download(agreeing / "CVC-ClinicDB", ["a.zip"], facts(agreeing).manifest_sha256)
    assert facts(agreeing).official_copy
    encode_anew(agreeing)
    assert not facts(agreeing).official_copy


@pytest.mark.parametrize("content", [b"", b"manifest sha256: 12", b"\xff\xfe\x00"])
def test_note_of_a_download_that_was_spoilt_proves_nothing(agreeing: Path, content: bytes) -> None:
    (agreeing / "CVC-ClinicDB" / "DOWNLOADED.txt").write_bytes(content)
    assert facts(agreeing).copy_notes == (UNCHECKED,)


def test_ones_own_images_are_no_official_copy(data_root: Path) -> None:
    own = data_root / "CVC-ClinicDB"
    (own / "Original").rename(own / "images")
    (own / "Ground Truth").rename(own / "masks")
    data = FolderDataModule(str(own), str(data_root / "split.csv"), name="mine")
    data.open_cache(data.size)
    found = data.facts()
    assert (found.official_copy, found.copy) == (False, "images of one's own")


def test_reference_set_that_is_generated_says_so(tmp_path: Path) -> None:
    data = SyntheticPolypDataModule(str(tmp_path))
    (tmp_path / "synthetic-polyp").mkdir()
    notes = data.differences_from_official([(288, 384)] * 240, "0" * 64)
    assert notes == ["generated images, none of them real"]


def test_images_of_no_claimed_list_are_not_said_to_share_groups(data_root: Path) -> None:
    """A list without a claim, and EM's, which denies independence: False in a record means that groups cross."""
    lines = (data_root / "split.csv").read_text().splitlines()
    (data_root / "silent.csv").write_text("\n".join(lines[2:]) + "\n")
    assert facts(data_root, "silent.csv").group_disjoint is None
    (data_root / "crossing.csv").write_text("\n".join([*lines[2:-1], "12,test,frames/1"]) + "\n")
    assert facts(data_root, "crossing.csv").group_disjoint is False
    assert facts(data_root).group_disjoint is True


def test_classes_of_one_name_have_caches_of_their_own(data_root: Path) -> None:
    class Inverted(ClinicDBDataModule):
        short_name = "inverted"

        def decode(self, source: Source) -> Decoded:
            decoded = super().decode(source)
            return decoded._replace(mask=1 - decoded.mask)

    Inverted.__name__ = Inverted.__qualname__ = "ClinicDBDataModule"
    masks = []
    for module in (ClinicDBDataModule, Inverted):
        data = module(str(data_root), (48, 64), str(data_root / "split.csv"))
        masks.append(np.array(data.open_cache(data.size).masks))
    np.testing.assert_array_equal(masks[0], 1 - masks[1])

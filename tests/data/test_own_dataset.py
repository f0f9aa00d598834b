"""Dataset classes of the user's own: where their lists lie, and how they are kept apart from polybench's."""

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from polybench.core.errors import ConfigError
from polybench.data.card import Card
from polybench.data.module import SegmentationDataModule
from polybench.data.own_dataset import SPLITS, decode_rule, is_ours, list_names, split_folder
from polybench.data.sample import Source
from polybench.datasets import ClinicDBDataModule
from polybench.results.facts import OWN

CLASS = """
from polybench.data.module import SegmentationDataModule

class Mine(SegmentationDataModule):
    short_name = "mine"
    folder = "Mine"
    {extra}

    def sources(self):
        return []
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with lists `first` and `second` of the set `mine`, from which `ownset` is imported."""
    folder = tmp_path / "package"
    (folder / "splits" / "mine").mkdir(parents=True)
    for name in ("first", "second"):
        (folder / "splits" / "mine" / f"{name}.csv").write_text("id,subset,group\n1,train,a\n2,test,b\n")
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    sys.modules.pop("ownset", None)


def own_class(package: Path, extra: str = "") -> Any:
    (package / "ownset.py").write_text(CLASS.format(extra=extra))
    sys.modules.pop("ownset", None)
    return import_module("ownset").Mine


def test_lists_lie_beside_the_module(package: Path) -> None:
    cls = own_class(package, 'default_split = "second"')
    assert split_folder(cls) == package / "splits" / "mine"
    assert list_names(cls) == ["first", "second"]
    assert cls().split.name == "second"
    assert cls(split="first").split.name == "first"


def test_default_can_be_a_file_beside_the_module(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cls = own_class(package, 'default_split = "splits/mine/first.csv"')
    monkeypatch.chdir(package.parent)
    assert cls().split.name == "first"


def test_class_without_a_default_needs_a_split(package: Path) -> None:
    with pytest.raises(ConfigError, match=r"Mine has no default_split: set --data\.split .*splits/mine"):
        own_class(package)()


def test_class_without_lists_says_where_they_belong(package: Path) -> None:
    cls = own_class(package, 'short_name = "other"')
    with pytest.raises(ConfigError, match=r"no split 'official', since '.*splits/other' has no list"):
        cls(split="official")


def test_lists_of_polybench_stay_in_the_package() -> None:
    assert is_ours(ClinicDBDataModule)
    assert split_folder(ClinicDBDataModule) == SPLITS / "clinicdb"


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        ('short_name = "clinicdb"', "Mine has the short_name of one of polybench's own datasets, 'clinicdb'"),
        ('short_name = "My Set"', "short_name of Mine must be lower-case letters"),
        ("short_name = None", "Mine has no short_name"),
        ("folder = None", "Mine has no folder"),
    ],
)
def test_class_that_could_be_mistaken_is_refused(package: Path, extra: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        own_class(package, extra)(split="first")


def test_subclass_of_a_dataset_needs_a_name_of_its_own(data_root: Path) -> None:
    class Other(ClinicDBDataModule):
        pass

    class Named(ClinicDBDataModule):
        short_name = "myclinicdb"

    split = str(data_root / "split.csv")
    with pytest.raises(ConfigError, match="'clinicdb'"):
        Other(str(data_root), split=split)
    assert Named(str(data_root), split=split).short_name == "myclinicdb"


def test_cache_of_ones_own_class_holds_for_its_source(package: Path) -> None:
    one = decode_rule(own_class(package, 'default_split = "first"'))
    other = decode_rule(own_class(package, 'default_split = "second"'))
    again = decode_rule(own_class(package, 'default_split = "first"'))
    assert one == again != other
    assert one.startswith("ownset.Mine@1+")
    assert decode_rule(ClinicDBDataModule) == "polybench.datasets.clinicdb.ClinicDBDataModule@1"


def test_a_title_is_enough_of_a_card(tmp_path: Path) -> None:
    class Titled(SegmentationDataModule):
        short_name = "titled"
        folder = "Titled"
        card = Card(title="Titled")

        def sources(self) -> list[Source]:
            return []

    (tmp_path / "s.csv").write_text("id,subset,group\n1,test,a\n")
    data = Titled(str(tmp_path), split=str(tmp_path / "s.csv"))
    (tmp_path / "Titled").mkdir()
    assert data.differences_from_official([(4, 4)], "0" * 64) == [OWN]


def test_message_for_a_missing_folder_offers_no_download(package: Path) -> None:
    data = own_class(package)(split="first", root=str(package))
    with pytest.raises(Exception, match="There is no folder") as caught:
        _ = data.directory
    assert "download" not in str(caught.value)

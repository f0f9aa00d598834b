"""What holds for every dataset: a complete card, a fragment, and lists that fit card, groups and each other."""

import re
from collections import defaultdict
from pathlib import Path

import pytest
import yaml

from polybench import datasets
from polybench.core.errors import DataError
from polybench.data.module import SegmentationDataModule
from polybench.data.own_dataset import SPLITS
from polybench.data.pooled import PooledDataModule
from polybench.data.splits import load_split
from polybench.datasets import ColonDB300DataModule

CONF = Path(__file__).parents[2] / "conf" / "data"
MODULES: list[type[SegmentationDataModule]] = [getattr(datasets, name) for name in datasets.__all__]
WITH_LISTS = [module for module in MODULES if module.default_split]
LISTS = [(module, path.stem) for module in WITH_LISTS for path in sorted((SPLITS / module.short_name).glob("*.csv"))]

every_module = pytest.mark.parametrize("module", MODULES, ids=lambda module: module.short_name)
every_set = pytest.mark.parametrize("module", WITH_LISTS, ids=lambda module: module.short_name)
every_list = pytest.mark.parametrize(
    ("module", "name"), LISTS, ids=[f"{module.short_name}-{name}" for module, name in LISTS]
)


def test_short_names_and_folders_tell_datasets_apart() -> None:
    alone = [module for module in MODULES if not issubclass(module, PooledDataModule)]
    alone.remove(ColonDB300DataModule)  # a part of EndoSceneStill
    for names in ([module.short_name for module in MODULES], [module.folder for module in alone]):
        assert len(set(names)) == len(names)


@every_module
def test_card_is_complete(module: type[SegmentationDataModule]) -> None:
    card = module.card
    for field in ("title", "citation", "terms", "source", "mask_rule", "groups"):
        assert getattr(card, field).strip(), field
    assert all(line.strip() for line in (*card.defects, *card.steps))
    assert all(archive.url.startswith("https://") and "/" not in archive.name for archive in card.archives)
    assert card.images is None or card.images > 0


@every_module
def test_card_says_how_the_images_are_had(module: type[SegmentationDataModule]) -> None:
    made_or_owned = "generated" in module.card.source or module.card.images is None
    assert made_or_owned or module.card.archives or module.card.steps


@every_module
def test_docstrings_name_paper_and_layout(module: type[SegmentationDataModule]) -> None:
    assert module.__doc__
    assert module.sources.__doc__


@every_set
def test_default_split_loads(module: type[SegmentationDataModule]) -> None:
    assert module().split.name == module.default_split


@every_set
def test_fragment_names_the_module_and_a_split_of_it(module: type[SegmentationDataModule]) -> None:
    fragment = yaml.safe_load((CONF / f"{module.short_name}.yaml").read_text())["data"]
    assert fragment["class_path"] == module.__name__
    assert (SPLITS / module.short_name / f"{fragment['init_args'].get('split', module.default_split)}.csv").is_file()


def test_every_folder_of_lists_belongs_to_a_dataset() -> None:
    assert {path.name for path in SPLITS.iterdir() if path.is_dir()} == {module.short_name for module in WITH_LISTS}


@every_list
def test_list_says_what_to_know(module: type[SegmentationDataModule], name: str) -> None:
    split = load_split(SPLITS / module.short_name, name)
    assert len(split.note) > 40
    assert "test" in split.subsets.values()


@every_list
def test_groups_have_global_names(module: type[SegmentationDataModule], name: str) -> None:
    groups = load_split(SPLITS / module.short_name, name).groups.values()
    assert all(re.fullmatch(r"[a-z0-9_]+/[^,/]+", group) for group in groups)


@every_list
def test_list_whose_groups_stand_in_two_subsets_says_so(module: type[SegmentationDataModule], name: str) -> None:
    split = load_split(SPLITS / module.short_name, name)
    homes = defaultdict(set)
    for image, subset in split.subsets.items():
        homes[split.groups[image]].add(subset)
    if any(len(subsets) > 1 for subsets in homes.values()):
        assert split.group_disjoint is False
        assert "LEAKS" in split.note


@every_set
def test_lists_agree_on_groups_and_hold_every_image_of_the_card(module: type[SegmentationDataModule]) -> None:
    groups: dict[str, str] = {}
    for path in (SPLITS / module.short_name).glob("*.csv"):
        for image, group in load_split(path.parent, path.stem).groups.items():
            assert groups.setdefault(image, group) == group
    assert len(groups) == module.card.images


@every_module
def test_missing_dataset_says_what_to_do(module: type[SegmentationDataModule], tmp_path: Path) -> None:
    if not module.default_split or "generated" in module.card.source:
        return
    with pytest.raises(DataError, match=r"POLYBENCH_DATA.*polybench data download"):
        module(str(tmp_path)).sources()


@every_module
def test_vessel_sets_are_ranked_inside_their_field_of_view(module: type[SegmentationDataModule]) -> None:
    assert module.ranked_by.name == ("fov" if module.short_name in {"drive", "chase"} else "per_image")

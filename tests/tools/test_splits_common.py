import hashlib
import importlib
from pathlib import Path
from types import ModuleType

import pytest

TOOLS = Path(__file__).resolve().parents[2] / "tools"


@pytest.fixture
def common(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(TOOLS))
    return importlib.import_module("splits.common")


def test_hash_order_is_that_of_sha256_for_numbers_and_names(common: ModuleType) -> None:
    digests = {word: hashlib.sha256(f"polybench-0:{word}".encode()).hexdigest() for word in ("1", "2", "10", "b")}
    by_digest = sorted(digests, key=digests.__getitem__)
    assert common.hash_order(["1", "2", "10", "b"]) == by_digest
    assert common.hash_order([1, 2, 10]) == [int(word) for word in by_digest if word != "b"]


def test_cut_refuses_sizes_that_do_not_add_up(common: ModuleType) -> None:
    assert common.cut([7, 5, 6], {"train": 2, "test": 1}) == {7: "train", 5: "train", 6: "test"}
    with pytest.raises(ValueError, match="shorter"):
        common.cut([7, 5, 6], {"train": 2})


def test_text_is_in_natural_order_with_facts_first(common: ModuleType) -> None:
    text = common.as_csv({"b/10": "test", "b/2": "train"}, {"b/2": "b/1", "b/10": "b/3"}, disjoint=None, note="Short.")
    assert text == "# group_disjoint: unknown\n# note: Short.\nid,subset,group\nb/2,train,b/1\nb/10,test,b/3\n"


@pytest.mark.parametrize(("disjoint", "word"), [(True, "true"), (False, "false"), (None, "unknown")])
def test_claim_has_the_words_that_splits_read(common: ModuleType, disjoint: bool | None, word: str) -> None:
    assert common.as_csv({}, {}, disjoint=disjoint, note="-").startswith(f"# group_disjoint: {word}\n")


def test_whole_groups_stay_whole_and_fit_their_room(common: ModuleType) -> None:
    groups = {image: image // 4 for image in range(40)}
    home = common.whole_groups(groups, {"test": 9, "val": 5})
    assert sorted(home.values()).count("test") == 8
    assert sorted(home.values()).count("val") == 4
    assert all(home[image] == home[image - image % 4] for image in home)


def test_folds_keep_groups_whole_and_are_of_one_size(common: ModuleType) -> None:
    groups = {image: f"g/{image // 2}" for image in range(40)}
    folds = common.deal_folds(groups)
    assert [len(fold) for fold in folds] == [8] * 5
    assert sorted(image for fold in folds for image in fold) == list(range(40))
    assert all({image ^ 1 for image in fold} == set(fold) for fold in folds)


def test_each_fold_is_once_for_test_and_once_for_validation(common: ModuleType) -> None:
    files = common.fold_files("set", {image: f"set/{image}" for image in range(10)}, disjoint=True, note="N.")
    assert list(files) == [f"set/fold_{number}_of_5.csv" for number in range(1, 6)]
    subsets: dict[str, dict[str, set[str]]] = {}
    for name, make in files.items():
        for line in make().splitlines()[3:]:
            image, subset, _ = line.split(",")
            subsets.setdefault(subset, {}).setdefault(name, set()).add(image)
    for subset in ("test", "val"):
        assert sorted(image for images in subsets[subset].values() for image in images) == [str(n) for n in range(10)]
    names = list(files)
    assert [subsets["val"][name] for name in names] == [subsets["test"][name] for name in [*names[1:], names[0]]]
    assert all(len(images) == 6 for images in subsets["train"].values())


@pytest.mark.parametrize("path", sorted((TOOLS / "splits" / "ids").glob("*.txt")), ids=lambda path: path.stem)
def test_committed_ids_are_named_once(common: ModuleType, path: Path) -> None:
    ids = common.ids(path.stem)
    assert len(ids) == len(set(ids)) == len(path.read_text().splitlines())

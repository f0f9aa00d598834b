import json
import multiprocessing
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from polybench.core.errors import DataError
from polybench.results import record as record_module
from polybench.results.facts import Ancestor, IdentityFacts, MetricValue, StartFacts
from polybench.results.record import Record, read_records, record_name, write_record
from polybench.results.sections import Section
from tests.results.factory import PROTOCOL, baseline, dataset, digest, provenance, store, table, trained

ROWS = table([0.5, 1.0])


def test_json_survives_a_round_trip() -> None:
    record = trained(ROWS, config={"b": [1, 2.5, None], "a": {"x": "é"}})
    assert Record.from_json(record.to_json(), "x.json") == record


def test_json_keeps_the_order_of_the_fields_and_sorts_free_keys() -> None:
    text = trained(ROWS, config={"b": 1, "a": 2}).to_json()
    assert list(json.loads(text))[:4] == ["schema_version", "kind", "task", "recipe"]
    assert list(json.loads(text)["config"]) == ["a", "b"]
    assert text.startswith('{\n  "schema_version": 4,\n')
    assert text.endswith("}\n")


def test_json_keeps_the_order_of_protocols_and_metrics() -> None:
    rows = table([0.5, 1.0]).assign(**{"a@1/z": [0.0, 1.0], "a@1/b": [0.0, 1.0]})
    text = trained(rows, {"per_image@1": {"dice": "higher"}, "a@1": {"z": "lower", "b": "higher"}}).to_json()
    metrics = json.loads(text)["metrics"]
    assert list(metrics) == ["per_image@1", "a@1"]
    assert list(metrics["a@1"]["values"]) == ["z", "b"]


def test_a_record_of_schema_1_without_definitions_is_read() -> None:
    data = json.loads(trained(ROWS).to_json()) | {"schema_version": 1}
    del data["metrics"]["per_image@1"]["definition"]
    record = Record.from_json(json.dumps(data), "x.json")
    assert record.metrics["per_image@1"].definition is None
    assert record.metrics["per_image@1"].values["dice"].value == 0.75


def test_a_record_of_schema_2_without_identity_is_read_and_keeps_its_name() -> None:
    data = json.loads(trained(ROWS, recipe="unet", config_sha256="12345678" + "0" * 56).to_json())
    for key in ("identity", "start", "needs", "sections"):
        del data[key]
    for key in ("headline", "shown", "what"):
        del data["metrics"]["per_image@1"][key]
    record = Record.from_json(json.dumps(data | {"schema_version": 2}), "x.json")
    assert record.identity is None
    assert record_name(record) == "unet-12345678-s0"


def test_the_name_of_a_record_with_an_identity_has_its_row_id() -> None:
    # sha256sum of sixty-four "a" and sixty-four "b"
    identity = IdentityFacts("a" * 64, "b" * 64, "10 images of 64x64")
    assert record_name(trained(ROWS, recipe="unet", identity=identity)) == "unet-fa0dafbf-s0"


def test_start_identity_and_sections_survive_a_round_trip() -> None:
    source = Ancestor(digest("x"), "segmentation", "toy", "S1", training_id=digest("y"), seed=3)
    record = trained(
        ROWS,
        identity=IdentityFacts("a" * 64, "b" * 64, "10 images of 64x64"),
        start=StartFacts("backbone", source, "own", 23, 21, 2, 0, 23 / 44),
        needs=("The file 'mynet.py' beside the recipe.",),
        sections={"method": Section(title="A method", data={"numbers": [1, 2]})},
    )
    assert Record.from_json(record.to_json(), "x.json") == record


def test_distances_in_pixels_agree_with_their_six_digits(tmp_path: Path) -> None:
    rows = table([0.5]).assign(**{"boundary@1/hd95": [123.4565]})  # six digits: 123.456 or 123.457
    protocols = {PROTOCOL: {"dice": "higher"}, "boundary@1": {"hd95": "lower"}}
    write_record(trained(rows, protocols), rows, tmp_path)
    [stored] = read_records(tmp_path)
    stored.check()


def _drop(data: dict[str, Any]) -> None:
    del data["net"]["version"]


def _misspell(data: dict[str, Any]) -> None:
    data["net"]["parametres"] = 1


def _confuse(data: dict[str, Any]) -> None:
    data["seed"] = True


def _outdate(data: dict[str, Any]) -> None:
    data["schema_version"] = 5


def _disable(data: dict[str, Any]) -> None:
    data["budget"] = "cheap"


def _lengthen(data: dict[str, Any]) -> None:
    data["dataset"]["size"] = [1, 2, 3]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_drop, "net lacks the key 'version'"),
        (_misspell, "'parametres'.*Did you mean 'parameters'"),
        (_confuse, "seed is True, not int"),
        (_outdate, "schema version 5"),
        (_disable, "budget is 'cheap', not one of 'published'"),
        (_lengthen, "size has 3 items, not 2"),
    ],
)
def test_a_damaged_record_is_named_with_its_fault(damage: Callable[[dict[str, Any]], None], words: str) -> None:
    data = json.loads(trained(ROWS).to_json())
    damage(data)
    with pytest.raises(DataError, match=f"'some/x.json'.*{words}"):
        Record.from_json(json.dumps(data), "some/x.json")


@pytest.mark.parametrize("text", ["", "[]", '{"schema_version": NaN}'])
def test_text_that_is_no_record_is_refused(text: str) -> None:
    with pytest.raises(DataError, match=r"'x\.json' can't be read"):
        Record.from_json(text, "x.json")


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_metric_is_a_finite_number(number: float) -> None:
    with pytest.raises(DataError, match="finite"):
        MetricValue(number, None, None, "higher")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"recipe": "../x"}, "file name"),
        ({"config_sha256": "abc"}, "sha256"),
        ({"net": None}, "must have 'net'"),
        ({"identity": IdentityFacts("abc", "b" * 64, "10 images of 64x64")}, "training_id 'abc' is not a sha256"),
        ({"identity": IdentityFacts("a" * 64, "b" * 64, None)}, "must have 'identity.budget_id'"),
        ({"provenance": provenance(finished_at="2025-03-04T05:06:07")}, "UTC"),
        ({"provenance": provenance(finished_at="2025-03-04T05:06:07+02:00")}, "UTC"),
    ],
)
def test_contradictions_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        trained(ROWS, **changes)


def test_a_baseline_has_no_budget() -> None:
    with pytest.raises(DataError, match="must not have 'budget'"):
        baseline(ROWS, "otsu", budget="smoke")


@pytest.mark.parametrize(("variant", "name"), [(None, "unet-12345678-s3"), ("short", "unet-short-12345678-s3")])
def test_the_name_without_an_identity_says_recipe_variant_configuration_and_seed(
    variant: str | None, name: str
) -> None:
    config = "12345678" + "0" * 56
    record = trained(ROWS, recipe="unet", variant=variant, seed=3, config_sha256=config, identity=None)
    assert record_name(record) == name


def test_the_table_is_sorted_and_has_six_digits(tmp_path: Path) -> None:
    rows = pd.DataFrame({"m@1/dice": [1 / 3, 0.25], "m@1/tp": [12345678, 1], "id": ["b", "a"], "group": ["x", "y"]})
    path = write_record(trained(ROWS), rows, tmp_path)
    assert path.with_suffix(".csv").read_bytes() == (b"id,group,m@1/dice,m@1/tp\na,y,0.25,1\nb,x,0.333333,12345678\n")


def test_ids_that_look_like_numbers_or_nothing_stay_text(tmp_path: Path) -> None:
    rows = table([0.5, 1.0]).assign(id=["007", "nan"], group=["01", "NA"])
    write_record(trained(ROWS), rows, tmp_path)
    [stored] = read_records(tmp_path)
    assert stored.rows()[["id", "group"]].to_numpy().tolist() == [["007", "01"], ["nan", "NA"]]


def test_a_second_run_of_the_same_name_stands_beside_the_first(tmp_path: Path) -> None:
    first = store(tmp_path, ROWS)
    before = first.read_bytes()
    second = store(tmp_path, ROWS, provenance=provenance(dirty=True))
    third = store(tmp_path, ROWS)
    assert [path.stem for path in (second, third)] == [f"{first.stem}-r2", f"{first.stem}-r3"]
    assert first.read_bytes() == before
    assert [stored.repeat for stored in read_records(tmp_path)] == [1, 2, 3]


def _store_from_another_process(root: str) -> str:
    return store(Path(root), ROWS).name


def test_processes_that_write_one_name_lose_nothing(tmp_path: Path) -> None:
    with multiprocessing.get_context("fork").Pool(6) as pool:
        names = pool.map(_store_from_another_process, [str(tmp_path)] * 16, chunksize=1)
    stem = record_name(trained(ROWS))
    assert sorted(names) == sorted([f"{stem}.json", *(f"{stem}-r{number}.json" for number in range(2, 17))])
    assert len(read_records(tmp_path)) == 16
    assert len(list((tmp_path / "records" / "toy").iterdir())) == 32


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = record_module.atomic_write_text

    def full_disk(path: Path, text: str, *, exclusive: bool) -> None:
        if path.suffix == ".json":
            raise OSError("No space left on device")
        write(path, text, exclusive=exclusive)

    monkeypatch.setattr(record_module, "atomic_write_text", full_disk)
    with pytest.raises(OSError, match="No space"):
        store(tmp_path, ROWS)
    assert list((tmp_path / "records" / "toy").iterdir()) == []


def test_a_table_that_a_crash_left_is_not_a_record(tmp_path: Path) -> None:
    path = store(tmp_path, ROWS)
    path.unlink()
    assert read_records(tmp_path) == []
    assert store(tmp_path, table([0.5, 0.9])).stem == f"{path.stem}-r2"
    assert store(tmp_path, ROWS) == path  # of the very same rows, it is taken over


@pytest.mark.parametrize("rows", [ROWS.drop(columns="group"), pd.concat([ROWS, ROWS])], ids=["no group", "twice"])
def test_a_table_without_groups_or_with_an_id_twice_is_refused(rows: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="each id once"):
        write_record(trained(ROWS), rows, tmp_path)


def test_records_come_sorted_by_dataset_and_name(tmp_path: Path) -> None:
    for name, recipe in (("b", "x"), ("a", "z"), ("a", "y")):
        store(tmp_path, ROWS, dataset=dataset(name=name), recipe=recipe, config_sha256=digest("same"))
    found = [(stored.record.dataset.name, stored.record.recipe) for stored in read_records(tmp_path)]
    assert found == [("a", "y"), ("a", "z"), ("b", "x")]
    assert [stored.record.recipe for stored in read_records(tmp_path, "b")] == ["x"]


def test_a_renamed_record_is_refused(tmp_path: Path) -> None:
    path = store(tmp_path, ROWS)
    path.rename(path.with_name("best.json"))
    with pytest.raises(DataError, match=r"best\.json.*describes"):
        read_records(tmp_path)


def test_a_record_without_its_table_is_refused(tmp_path: Path) -> None:
    store(tmp_path, ROWS).with_suffix(".csv").unlink()
    with pytest.raises(DataError, match="lacks the per-image table"):
        read_records(tmp_path)


def test_a_record_can_not_be_changed() -> None:
    with pytest.raises(AttributeError):
        trained(ROWS).seed = 1  # type: ignore[misc]
    assert replace(trained(ROWS), seed=1).seed == 1

"""A cell knows its own folder again, and shows what has changed."""

from pathlib import Path

import pytest

from polybench.core.errors import ConfigError
from polybench.runs import read_plan
from polybench.runs.cell import Cell, cells_of
from polybench.runs.request import Request, note_record, noted_record
from tests.runs.test_plan import SCHEME, write


def cell(folder: Path, text: str = SCHEME, name: str = "C2-s0") -> Cell:
    cells = cells_of(read_plan(write(folder, text)), folder / "runs", folder / "leaderboards")
    return next(one for one in cells if one.name == name)


def give(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_same_run_is_known_again(tmp_path: Path) -> None:
    cell(tmp_path, name="S1-s0").claim()
    cell(tmp_path, name="S1-s0").claim()


def test_change_is_refused_and_shown(tmp_path: Path) -> None:
    cell(tmp_path, name="S1-s0").claim()
    with pytest.raises(ConfigError, match="was started as another run") as error:
        cell(tmp_path, SCHEME.replace("max_epochs: 3", "max_epochs: 4"), "S1-s0").claim()
    assert "---trainer.max_epochs 3" in str(error.value)
    assert "+--trainer.max_epochs 4" in str(error.value)


def test_other_donor_is_another_run(tmp_path: Path) -> None:
    donor = give(cell(tmp_path, name="S1-s0").encoder, b"one")
    cell(tmp_path).claim()
    donor.write_bytes(b"two")
    with pytest.raises(ConfigError, match="donor sha256"):
        cell(tmp_path).claim()


def test_stage_of_one_seed_gives_to_every_seed(tmp_path: Path) -> None:
    plan = read_plan(write(tmp_path, SCHEME.replace("S1: {recipe: a.yaml}", "S1: {recipe: a.yaml, seed: 7}")))
    cells = cells_of(plan, tmp_path, tmp_path)
    assert [one.name for one in cells] == ["S1-s7", "C2-s0", "S3-s0", "C2-s2", "S3-s2"]
    assert [one.donors() for one in cells if one.stage.name == "C2"] == 2 * [{"S1": cells[0].encoder}]


def test_stage_that_refines_tests_one_checkpoint_with_the_other(tmp_path: Path) -> None:
    one = cell(tmp_path, SCHEME + "  S3+C2: {refine: S3, with: C2, options: {refine_thresholds: released}}", "S3+C2-s2")
    words = one.words()
    assert words[:3] == ["test", "--config", str(tmp_path / "a.yaml")]
    assert words[words.index("--trainer.max_epochs") + 1] == "3"
    assert words[words.index("--variant") + 1] == "scheme-S3+C2"
    assert words[words.index("--refine_thresholds") + 1] == "released"
    assert words[-4:] == [
        *("--ckpt_path", str(tmp_path / "runs/scheme/S3-s2/checkpoints/best.ckpt")),
        *("--refine", str(tmp_path / "runs/scheme/C2-s2/checkpoints/best.ckpt")),
    ]
    assert "TransferCallback" not in words


def test_begun_run_goes_on(tmp_path: Path) -> None:
    one = cell(tmp_path)
    assert "--ckpt_path" not in one.words()
    one.encoder.parent.mkdir(parents=True)
    (one.encoder.parent / "last.ckpt").touch()
    assert one.words()[-2:] == ["--ckpt_path", "last"]


def test_run_without_record_is_not_finished(tmp_path: Path) -> None:
    one = cell(tmp_path)
    give(cell(tmp_path, name="S1-s0").encoder, b"one")
    one.claim()
    with pytest.raises(ConfigError, match="left no record"):
        one.finish()
    record = give(tmp_path / "leaderboards/records/kvasir_seg/patches-01234567-s0.json", b"{}")
    note_record(one.folder, record)
    assert one.finished() is None  # no backbone yet
    give(one.encoder, b"backbone")
    assert one.finish() == record
    assert one.finished() == record
    record.unlink()
    assert one.finished() is None


def test_request_names_the_file_that_the_run_starts_from(tmp_path: Path) -> None:
    one = cell(tmp_path)
    one.request("polybench transfer --config plan.yaml").write(one.folder)
    request = Request.read(one.folder)
    assert request == one.request("polybench transfer --config plan.yaml")
    place = len(request.words) - 1 - request.words[::-1].index("--trainer.callbacks.source")
    assert request.words[place + 1] == str(cell(tmp_path, name="S1-s0").encoder)
    assert not request.shared_start


@pytest.mark.parametrize(
    ("change", "shared"), [("S1: {recipe: a.yaml, seed: 7}", True), ("S1: {recipe: a.yaml}", False)]
)
def test_source_of_one_seed_is_shared_by_all(tmp_path: Path, change: str, shared: bool) -> None:
    plan = read_plan(write(tmp_path, SCHEME.replace("S1: {recipe: a.yaml}", change)))
    cells = cells_of(plan, tmp_path, tmp_path)
    assert {one.shared_start for one in cells if one.stage.name == "C2"} == {shared}


@pytest.mark.parametrize("text", ["", "[]", "{}", "[" * 100_000, '{"record": 1}'])
def test_note_of_a_finished_run_that_was_edited_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "done.json").write_text(text)
    with pytest.raises(ConfigError, match=r"done\.json' doesn't say where the record"):
        noted_record(tmp_path)

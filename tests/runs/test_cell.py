"""A cell knows its own folder again, and shows what has changed."""

from pathlib import Path

import pytest

from polybench.core.checksum import file_sha256
from polybench.core.errors import ConfigError
from polybench.experiments.again import Again
from polybench.runs import read_plan
from polybench.runs.cell import Cell, cells_of
from polybench.runs.plan import recipe_text
from polybench.runs.request import Request, note_record, noted_record
from tests.runs.test_plan import SCHEME, write


def cell(folder: Path, text: str = SCHEME, name: str = "C2-s0") -> Cell:
    cells = cells_of(read_plan(write(folder, text)), folder / "runs", folder / "leaderboards")
    return next(one for one in cells if one.name == name)


def encoder(cell: Cell) -> Path:
    return cell.folder / "checkpoints/encoder.safetensors"


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


def test_changed_source_is_another_run(tmp_path: Path) -> None:
    source = give(encoder(cell(tmp_path, name="S1-s0")), b"one")
    cell(tmp_path).claim()
    source.write_bytes(b"two")
    with pytest.raises(ConfigError, match="source sha256"):
        cell(tmp_path).claim()


def test_stage_of_one_seed_gives_to_every_seed(tmp_path: Path) -> None:
    plan = read_plan(write(tmp_path, SCHEME.replace("S1: {recipe: a.yaml}", "S1: {recipe: a.yaml, seed: 7}")))
    cells = cells_of(plan, tmp_path, tmp_path)
    assert [one.name for one in cells] == ["S1-s7", "C2-s0", "S3-s0", "C2-s2", "S3-s2"]
    assert [one.input_files() for one in cells if one.stage.name == "C2"] == 2 * [{"encoder": encoder(cells[0])}]


def test_stage_that_refines_tests_one_checkpoint_with_the_other(tmp_path: Path) -> None:
    one = cell(tmp_path, SCHEME + "  S3+C2: {refine: S3, with: C2, options: {refine_thresholds: released}}", "S3+C2-s2")
    words = one.words()
    assert words[:3] == ["test", "--config", str(tmp_path / "a.yaml")]
    assert words[words.index("--trainer.max_epochs") + 1] == "3"
    assert words[words.index("--variant") + 1] == "scheme-S3+C2"
    assert words[words.index("--refine_thresholds") + 1] == "released"
    assert words[words.index("--ckpt_path") + 1] == str(tmp_path / "runs/scheme/S3-s2/checkpoints/best.ckpt")
    assert words[words.index("--refine") + 1] == str(tmp_path / "runs/scheme/C2-s2/checkpoints/best.ckpt")
    assert "TransferCallback" not in words


NAMED = """
name: scheme
seeds: [0, 2]
options: {trainer.max_epochs: 3, model.net.encoder_weights: null}
stages:
  S3: {recipe: a.yaml, inputs: {encoder: C2}}
  C2: {recipe: a.yaml, inputs: {encoder: S1}, options: {trainer.max_epochs: 5, data.size: [8, 8]}}
  S1: {recipe: a.yaml}
  S3+C2: {command: test, inputs: {checkpoint: S3, classifier: C2}}
"""


def test_both_forms_of_a_plan_give_the_same_runs(tmp_path: Path) -> None:
    earlier = SCHEME + "  S3+C2: {refine: S3, with: C2}"
    found = []
    for text in (earlier, NAMED):
        cells = cells_of(read_plan(write(tmp_path, text)), tmp_path / "runs", tmp_path)
        for one in cells:
            for source in one.input_files().values():
                give(source, b"weights")
        found.append([(one.name, one.words(), one.description(), one.shared_start) for one in cells])
    assert found[0] == found[1]
    assert [name for name, *_ in found[0]][:4] == ["S1-s0", "C2-s0", "S3-s0", "S3+C2-s0"]


def test_folder_of_an_earlier_version_is_known_again(tmp_path: Path) -> None:
    one = cell(tmp_path)
    source = give(encoder(cell(tmp_path, name="S1-s0")), b"one")
    text = (
        f"stage C2, seed 0\ndonor sha256 {file_sha256(source)}\n--trainer.max_epochs 5\n"
        "--model.net.encoder_weights null\n--data.size [8, 8]\n--trainer.callbacks+ TransferCallback\n"
        f"--trainer.callbacks.source S1\n{recipe_text([tmp_path / 'a.yaml'])}"
    )
    one.folder.mkdir(parents=True)
    (one.folder / "cell.txt").write_text(text)
    one.claim()
    assert one.state() == "to do"


def test_options_of_the_callback_that_an_input_adds_come_after_it(tmp_path: Path) -> None:
    text = NAMED.replace("data.size: [8, 8]", "trainer.callbacks.strict: false")
    words = cell(tmp_path, text).words()
    assert words.index("--trainer.callbacks+") < words.index("--trainer.callbacks.strict")
    own = NAMED.replace("data.size: [8, 8]", "trainer.callbacks+: Own, trainer.callbacks.x: 1")
    words = cell(tmp_path, own).words()
    assert words.index("--trainer.callbacks.x") < words.index("TransferCallback")


def test_checkpoint_of_a_stage_starts_a_run_until_it_has_its_own(tmp_path: Path) -> None:
    one = cell(tmp_path, NAMED.replace("encoder: S1", "checkpoint: S1"))
    words = one.words()
    assert words[words.index("--ckpt_path") + 1] == str(tmp_path / "runs/scheme/S1-s0/checkpoints/best.ckpt")
    give(one.folder / "checkpoints/last.ckpt", b"")
    words = one.words()
    assert words.count("--ckpt_path") == 1
    assert words[words.index("--ckpt_path") + 1] == "last"


def test_changed_run_is_told_from_a_finished_one(tmp_path: Path) -> None:
    first, second = cell(tmp_path, name="S1-s0"), cell(tmp_path)
    give(encoder(first), b"one")
    give(encoder(second), b"two")
    for one in (first, second):
        assert one.state() == "to do"
        one.claim()
        assert one.state() == "to do"
        one.request(None).write(one.folder)
        assert one.state() == "interrupted"
        note_record(one.folder, give(tmp_path / "leaderboards" / f"{one.name}.json", b"{}"))
        assert one.state() == "finished"
    longer = SCHEME.replace("max_epochs: 3", "max_epochs: 4")
    assert cell(tmp_path, longer, "S1-s0").state() == "changed"
    assert cell(tmp_path, longer).state() == "takes a file of a changed run"
    assert cell(tmp_path).state() == "finished"


def test_begun_run_goes_on(tmp_path: Path) -> None:
    one = cell(tmp_path)
    assert "--ckpt_path" not in one.words()
    encoder(one).parent.mkdir(parents=True)
    (encoder(one).parent / "last.ckpt").touch()
    assert one.words()[-2:] == ["--ckpt_path", "last"]


def test_run_without_record_is_not_finished(tmp_path: Path) -> None:
    one = cell(tmp_path)
    give(encoder(cell(tmp_path, name="S1-s0")), b"one")
    one.claim()
    with pytest.raises(ConfigError, match="left no record"):
        one.finish()
    record = give(tmp_path / "leaderboards/records/kvasir_seg/patches-01234567-s0.json", b"{}")
    note_record(one.folder, record)
    assert one.finished() is None  # no backbone yet
    give(encoder(one), b"backbone")
    assert one.finish() == record
    assert one.finished() == record
    record.unlink()
    assert one.finished() is None


def test_request_names_the_file_that_the_run_starts_from(tmp_path: Path) -> None:
    one = cell(tmp_path)
    again = Again("polybench transfer --config plan.yaml", ("The file 'plan.yaml' (sha256 0...).",))
    one.request(again).write(one.folder)
    request = Request.read(one.folder)
    assert request == one.request(again)
    place = len(request.words) - 1 - request.words[::-1].index("--trainer.callbacks.source")
    assert request.words[place + 1] == str(encoder(cell(tmp_path, name="S1-s0")))
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

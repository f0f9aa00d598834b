"""The cells of a matrix are parsed as fit would parse each, and what they share is parsed once."""

from pathlib import Path
from typing import Any

import pytest

from polybench.core.errors import ConfigError
from polybench.experiments.parsed import ParsedSession
from polybench.runs.cell_config import parse_cells
from polybench.runs.silent import SilentSession
from tests.runs.test_matrix import cells, write_matrix

METHODS: dict[str, Any] = {
    "tiny": "tiny.yaml",
    "deep": {"config": "tiny.yaml", "options": {"model.net.decoder_channels": [16, 8, 8]}},
    "quick": {"config": "tiny.yaml", "options": {"model.optimizer": "torch.optim.SGD", "model.optimizer.lr": 0.5}},
}
DATASETS: dict[str, Any] = {
    "clinicdb": {"config": "frames.yaml", "options": {"data.batch_size": 2}},
    "small": {"config": "frames.yaml", "options": {"data.size": [16, 16], "images": 60}},
    "kvasir_seg": "gone.yaml",
}


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the recipes that were parsed as a whole, as they are parsed."""
    found: list[str] = []
    whole = ParsedSession._parse

    def parse(session: ParsedSession, parser: Any, composed: Any) -> Any:
        config = whole(session, parser, composed)
        found.append(config.name)
        return config

    monkeypatch.setattr(ParsedSession, "_parse", parse)
    return found


def test_each_cell_is_parsed_as_fit_would_and_most_from_parts_of_others(tmp_path: Path, counted: list[str]) -> None:
    found = cells(write_matrix(tmp_path, tmp_path, methods=METHODS, datasets=DATASETS))
    configs = parse_cells(found)
    assert len(counted) < len(found) / 2
    alone = {
        one.stage.name: SilentSession("fit", [*one.stage.words({}), "--seed_everything", "0"]).plain_config()
        for one in found
    }
    assert configs == alone
    assert [list(config) for config in configs.values()] == [list(config) for config in alone.values()]


def test_cell_with_an_interpolation_across_keys_is_parsed_as_a_whole(tmp_path: Path, counted: list[str]) -> None:
    linked = {"config": "tiny.yaml", "options": {"trainer.accumulate_grad_batches": "${data.init_args.batch_size}"}}
    found = cells(write_matrix(tmp_path, tmp_path, methods={"linked": linked}, datasets=DATASETS))
    steps = {name: config["trainer"]["accumulate_grad_batches"] for name, config in parse_cells(found).items()}
    assert steps == {"linked_clinicdb": 2, "linked_small": 3, "linked_kvasir_seg": 8}
    assert {"linked_clinicdb", "linked_small", "linked_kvasir_seg"} == set(counted)


def test_what_two_keys_contradict_is_refused_where_each_is_known(tmp_path: Path) -> None:
    options = {"choose.option": "model.optimizer.momentum", "choose.values": [0.1, 0.9], "images": 60}
    path = write_matrix(
        tmp_path,
        tmp_path,
        methods={"quick": METHODS["quick"], "tiny": METHODS["tiny"]},
        datasets={"clinicdb": "frames.yaml", "small": {"config": "frames.yaml", "options": options}},
    )
    with pytest.raises(ConfigError, match=r"cell 'tiny_small-s0': choose.option 'model.optimizer.momentum' is no"):
        parse_cells(cells(path))


def test_the_first_cell_that_is_refused_is_named(tmp_path: Path) -> None:
    broken = {"config": "tiny.yaml", "options": {"trainer.max_epoch": 1, "model.net.encoder_depth": 3}}
    path = write_matrix(tmp_path, tmp_path, methods={"tiny": "tiny.yaml", "broken": broken}, datasets=DATASETS)
    with pytest.raises(ConfigError, match="cell 'broken_clinicdb-s0'"):
        parse_cells(cells(path))

"""The record of a further test of a trained net, beside that of its training."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from polybench.core.errors import ConfigError
from polybench.experiments.further_test import further_record, trained_with
from polybench.results.facts import IdentityFacts
from polybench.results.record import Record, read_records, write_record
from polybench.results.sections import Section
from tests.results.factory import dataset, digest, provenance, table, trained

SECTION = Section(title="Softened masks", alters=True)


def further(base: Record, identity: Mapping[str, Any]) -> Record:
    return further_record(
        base,
        "softening",
        identity,
        identity,
        SECTION,
        base.metrics,
        variant="soft",
        command="polybench test --soften 2",
        needs=["A pillow."],
        provenance=provenance(),
    )


def test_record_of_a_further_test_is_read_again_as_a_row_of_its_own(tmp_path: Path) -> None:
    base = trained(table([0.5, 1.0]))
    path = write_record(further(base, {"radius": 2}), table([0.5, 1.0]), tmp_path)
    assert path.name.startswith("unet_toy-soft-")
    [stored] = read_records(tmp_path)
    assert stored.record.sections == {"softening": SECTION}
    assert stored.record.config["softening"] == {"radius": 2}
    assert stored.record.needs == ("A pillow.",)


def test_what_identifies_it_makes_its_configuration() -> None:
    base = trained(table([0.5, 1.0]))
    one, same, other = (further(base, {"radius": radius}).config_sha256 for radius in (2, 2, 3))
    assert one == same
    assert len({one, other, base.config_sha256}) == 3


def test_it_is_another_evaluation_of_the_same_training() -> None:
    base = trained(table([0.5, 1.0]), identity=IdentityFacts("a" * 64, "b" * 64, "10 images of 64x64"))
    found = [further(base, {"radius": radius}).identity for radius in (2, 3)]
    assert [one.training_id for one in found if one] == ["a" * 64] * 2
    assert len({one.evaluation_id for one in found if one} | {"b" * 64}) == 3


def test_training_is_found_by_the_checkpoint_that_it_left(tmp_path: Path) -> None:
    rows = table([0.5, 1.0])
    base = trained(rows)
    elsewhere = trained(rows, seed=1, provenance=provenance(checkpoint_sha256=digest("else")))
    for record in (base, further(base, {}), elsewhere):
        write_record(record, rows, tmp_path)
    found = trained_with(tmp_path, base.dataset, digest("checkpoint"))
    assert replace(found, table_sha256=None, record_sha256=None) == base
    with pytest.raises(ConfigError, match="is of the training that left this checkpoint"):
        trained_with(tmp_path, base.dataset, digest("unknown"))
    with pytest.raises(ConfigError, match="another split, copy or size"):
        trained_with(tmp_path, dataset(size=(64, 64)), digest("checkpoint"))

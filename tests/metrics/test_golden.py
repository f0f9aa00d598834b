"""Each protocol against numbers that `golden/derive.py` and `golden/derive_regions.py` derive without polybench."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from polybench.metrics import EXTRA_PROTOCOLS, PROTOCOLS, Protocol
from polybench.scoring.folder import StoredMap, stored_rows

GOLDEN = Path(__file__).parent / "golden"
IMAGES = {"membranes": "slices.json"}
"""Where a protocol's fixture has images of its own."""


def stored(pair: dict[str, Any]) -> StoredMap:
    arrays = {name: np.array(pair[name]) for name in ("levels", "mask", "valid", "labels") if name in pair}
    valid = arrays["valid"].astype(bool) if "valid" in arrays else None
    probability = (arrays["levels"] / 255).astype(np.float32)
    return StoredMap(pair["id"], pair["id"], probability, arrays["mask"].astype(bool), valid, arrays.get("labels"))


@pytest.mark.parametrize("protocol", [*PROTOCOLS, *EXTRA_PROTOCOLS], ids=lambda protocol: protocol.name)
def test_protocol_gives_its_golden_numbers(protocol: Protocol) -> None:
    expected = json.loads((GOLDEN / f"{protocol.name}.json").read_text())
    pairs = json.loads((GOLDEN / IMAGES.get(protocol.name, "images.json")).read_text())
    found = protocol.scores(stored_rows((stored(pair) for pair in reversed(pairs)), [protocol]))
    if "auc" in expected:
        tolerance = found.pop("auc_tolerance", 0.01)
        assert found.pop("auc") == pytest.approx(expected.pop("auc"), abs=tolerance)
        assert 0 < tolerance <= 0.01
    assert found == pytest.approx(expected, abs=1e-6)

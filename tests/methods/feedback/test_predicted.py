"""Predictions of crops come into the masks of their frames in one order, whatever the order of training."""

import io
from itertools import permutations

import numpy as np
import pytest
import torch

from polybench.core.errors import DataError
from polybench.data.crops import Cut
from polybench.data.sample import Batch
from polybench.methods.feedback.bank import MaskBank
from polybench.methods.feedback.predicted import Predicted, kept_masks

SIZES = {"a": (9, 14), "b": (12, 8)}
CUTS = [Cut("a", 2, 1, 3), Cut("a", 9, 3, 5), Cut("b", 0, 8, 4), Cut("a", 10, 4, 4), Cut("a", 0, 0, 10)]
MASKS = torch.rand(len(CUTS), 1, 4, 4, generator=torch.Generator().manual_seed(1)) > 0.5


def frames() -> MaskBank:
    """Masks of two frames of different sizes."""
    bank, random = MaskBank(), torch.Generator().manual_seed(0)
    for name, size in SIZES.items():
        bank.put([name], torch.rand(1, 1, *size, generator=random) > 0.5)
    return bank


def batch(rows: list[int], variant: int | None = None) -> Batch:
    """A batch of crops, of one of the variants of an expanded set where that is given."""
    names = [f"{CUTS[row].image}/c{CUTS[row].number}" for row in rows]
    found = {"id": names, "cut": [CUTS[row] for row in rows], "image": torch.zeros(len(rows), 3, 4, 4)}
    if variant is not None:
        found |= {"id": [f"{name}#{variant}" for name in names], "variant": [variant] * len(rows)}
    return found  # type: ignore[return-value]


def written(order: list[int]) -> dict[str, np.ndarray]:
    """The masks of the frames after crops were written in an order."""
    found = {name: frames().get([name])[0, 0].numpy().copy() for name in SIZES}
    for row in order:
        cut = CUTS[row]
        found[cut.image][cut.top : cut.top + 4, cut.left : cut.left + 4] = MASKS[row, 0].numpy()
    return found


def assert_bank(bank: MaskBank, expected: dict[str, np.ndarray]) -> None:
    for name, mask in expected.items():
        np.testing.assert_array_equal(bank.get([name])[0, 0], mask)


def test_a_crop_is_shown_its_window() -> None:
    found, masks = kept_masks(frames(), batch([3, 2])), frames()
    assert torch.equal(found[0, 0], masks.get(["a"])[0, 0, 4:8, 4:8])
    assert torch.equal(found[1, 0], masks.get(["b"])[0, 0, 8:12, 4:8])


def test_crops_are_written_in_the_order_of_their_numbers() -> None:
    expected = written([4, 0, 1, 3, 2])  # 10 after 9
    for order in permutations(range(5)):
        bank, predicted = frames(), Predicted()
        for rows in (list(order[:3]), list(order[3:])):
            predicted.put(batch(rows), MASKS[rows])
        predicted.write_into(bank)
        assert_bank(bank, expected)


def test_of_an_expanded_set_the_last_variant_counts() -> None:
    bank, predicted = frames(), Predicted()
    for variant in (10, 9, 0):
        predicted.put(batch([3], variant), MASKS[[3]] if variant == 10 else ~MASKS[[3]])
    predicted.write_into(bank)
    assert_bank(bank, written([3]))


def test_comes_back_from_a_checkpoint_to_the_bit() -> None:
    predicted, file, bank = Predicted(), io.BytesIO(), frames()
    predicted.put(batch([0, 2]), MASKS[[0, 2]])
    torch.save(predicted.state(), file)
    file.seek(0)
    found = Predicted.from_state(torch.load(file, weights_only=True))
    assert found == predicted
    found.write_into(bank)
    assert_bank(bank, written([0, 2]))


def test_masks_without_their_places_are_damaged() -> None:
    predicted = Predicted()
    predicted.put(batch([0, 2]), MASKS[[0, 2]])
    state = predicted.state()
    del state["places"]["a/c2"]
    with pytest.raises(DataError, match="places of feedback masks are damaged"):
        Predicted.from_state(state)


def test_a_crop_of_another_scale_is_refused() -> None:
    predicted = Predicted()
    predicted.put(batch([2]), torch.ones(1, 1, 5, 5, dtype=torch.bool))
    with pytest.raises(DataError, match=r"crop 'b/c0' reaches beyond .* crop\.scale"):
        predicted.write_into(frames())

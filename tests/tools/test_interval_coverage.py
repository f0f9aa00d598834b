"""How far intervals can be trusted, measured on populations whose coverage and power are known otherwise."""

from pathlib import Path

import interval_coverage as tool
import numpy as np
import pytest
from simulated.populations import Population, invented, recorded, resampled
from simulated.trials import ends_of, measure

from polybench.results.compare.rows import Rows
from polybench.results.statistics.aligned import Aligned
from polybench.results.statistics.pairs import pairs_of
from tests.results.factory import identity, store, table


def _normal(spread: float) -> Population:
    """Two methods on groups of one image, whose difference is normal with mean 0."""

    def draw(generator: np.random.Generator, groups: int) -> Aligned:
        names = [f"{group:03d}" for group in range(groups)]
        return Aligned({"a": generator.normal(0, spread, (1, groups)), "b": np.zeros((1, groups))}, names)

    return Population("normal", draw, np.zeros(2))


def test_with_four_groups_no_test_finds_anything_and_with_large_differences_every_interval_does() -> None:
    found = measure(_normal(0.001), groups=4, repeats=40, seed=0)
    assert (found.size, *found.by_test) == (0, 0, 0)  # the smallest p is .125
    assert found.by_interval == found.by_own == (1, 1)


def test_normal_differences_are_covered_and_the_test_keeps_its_size() -> None:
    found = measure(_normal(0.05), groups=20, repeats=200, seed=1)
    assert found.covered == pytest.approx(0.95, abs=0.04)
    assert found.size == pytest.approx(0.05, abs=0.04)
    assert found.by_test[1] == pytest.approx(0.92, abs=0.06)  # of Student's test with 20 values and .04 / .05


def test_invented_methods_are_skewed_and_equal_seeds_give_equal_tests() -> None:
    population = invented("missed", missed=0.1)
    one, other = (population.draw(np.random.default_rng(3), 10) for _ in range(2))
    np.testing.assert_array_equal(one.images, other.images)
    assert 1 <= one.sizes.min() <= one.sizes.max() <= 25
    assert population.difference == pytest.approx(0.02 + 0.1 * (population.means[0] - 0.02), abs=0.005)


def test_the_interval_that_is_judged_is_that_of_the_pages() -> None:
    test = invented("whole", missed=0).draw(np.random.default_rng(0), 7)
    assert ends_of(test) == pairs_of(test)[0].ends


def test_rows_are_resampled_by_whole_groups() -> None:
    scores = Aligned({"a": np.array([[0.1, 0.2, 0.9]]), "b": np.zeros((1, 3))}, ["v", "v", "w"])
    population = resampled("rows", scores)
    assert population.difference == pytest.approx(0.4)
    test = population.draw(np.random.default_rng(0), 50)
    assert len(test.sizes) == 50
    assert {(size, round(total, 6)) for size, total in zip(test.sizes, test.sums[0], strict=True)} == {
        (2, 0.3),
        (1, 0.9),
    }


def test_rows_of_a_board_make_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, dice in (("a", [0.9, 0.8, 0.7, 0.9]), ("b", [0.5, 0.8, 0.6, 0.7])):
        store(tmp_path, table(dice), recipe=name, identity=identity(name))
    assert recorded("pair", Rows(tmp_path), ["a", "b"]).difference == pytest.approx(0.175)
    monkeypatch.setattr(tool, "ROOT", tmp_path)
    page = tmp_path / "page.md"
    args = ["--rows", "a", "b", "--repeats", "4", "--groups", "3", "6", "--output", str(page)]
    assert tool.main(args) == 0
    text = page.read_text()
    assert text.count("\n| a and b, 4 groups | ") == 2
    tool.main(args)
    assert page.read_text() == text

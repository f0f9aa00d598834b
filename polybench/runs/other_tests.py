"""Tests of a checkpoint on several datasets that it was not trained on, prepared before any is run."""

from collections.abc import Sequence

from polybench.experiments.other_test import OtherTest, names_of, other_test
from polybench.runs.cell_data import open_test_data


def prepare_others(words: Sequence[str]) -> list[OtherTest]:
    """Prepare the tests that a command line asks for; whatever would stop one is found before the first is run.

    Args:
        words: The words of `polybench test` with `--on`.

    Raises:
        UserError: If a dataset is unknown, isn't there or has images of the training's, or a record that is asked for
            can't be written.
    """
    names, rest = names_of(words)
    tests = [other_test(rest, name) for name in names]
    for test in tests:
        open_test_data(test.session.plain_config())
    return tests

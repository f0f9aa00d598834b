"""The examples in the docstrings give the numbers that they print."""

import doctest
import importlib
import pkgutil

import pytest

from polybench import metrics

MODULES = sorted(module.name for module in pkgutil.walk_packages(metrics.__path__, "polybench.metrics."))
EXAMPLES = {name: doctest.DocTestFinder().find(importlib.import_module(name)) for name in MODULES}
WITH_EXAMPLES = [name for name, found in EXAMPLES.items() if any(part.examples for part in found)]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_are_true(name: str) -> None:
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    said: list[str] = []
    for example in EXAMPLES[name]:
        runner.run(example, out=said.append)
    assert runner.failures == 0, "".join(said)


def test_every_measure_and_protocol_has_an_example() -> None:
    rooms = {name for name in MODULES if name.startswith("polybench.metrics.measures.")}
    rooms |= {name for name in MODULES if name.startswith("polybench.metrics.protocols.")}
    assert rooms - set(WITH_EXAMPLES) == {"polybench.metrics.protocols.per_image"}  # its values are confusion's

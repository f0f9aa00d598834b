"""What methods offer to commands."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from polybench import methods
from polybench.core.errors import ConfigError
from polybench.experiments.options import own_options


class Softening:
    """A method with one option."""

    option = "--soften"
    file_options = ()

    def add_options(self, parser: Any, command: str) -> None:
        if command == "test":
            parser.add_argument("--soften", type=int, default=None)

    def is_asked(self, config: Namespace) -> bool:
        return getattr(config, "soften", None) is not None

    def attach(self, session: Any) -> str | None:
        return f"softened by {session.config.soften}" if self.is_asked(session.config) else None


@pytest.fixture
def _another_method(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder beside those of the package, whose package offers a method."""
    found = methods.import_all()
    monkeypatch.setattr(methods, "import_all", lambda: [*found, SimpleNamespace(METHOD=Softening())])
    own_options.cache_clear()  # what other tests have asked for
    yield
    own_options.cache_clear()


@pytest.mark.usefixtures("_another_method")
def test_options_of_a_method_belong_to_the_commands_that_it_names() -> None:
    assert {"soften", "refine"} <= own_options("test")
    assert "soften" not in own_options("predict")


@pytest.mark.usefixtures("_another_method")
def test_the_method_that_is_asked_for_is_attached() -> None:
    assert methods.attached(SimpleNamespace(config=Namespace(soften=2))) == "softened by 2"  # type: ignore[arg-type,comparison-overlap]
    assert methods.attached(SimpleNamespace(config=Namespace())) is None  # type: ignore[arg-type]


@pytest.mark.usefixtures("_another_method")
def test_two_methods_that_change_predictions_are_refused() -> None:
    with pytest.raises(ConfigError, match="--refine and --soften both change the predictions"):
        methods.asked_option(Namespace(soften=2, refine="best.ckpt"))


def test_a_folder_without_options_offers_none() -> None:
    parser = ArgumentParser()
    for method in methods.found_methods():
        method.add_options(parser, "fit")
    assert {package.__name__.rpartition(".")[2] for package in methods.import_all()} >= {"feedback", "transfer"}
    assert [action.dest for action in parser._actions] == ["help"]

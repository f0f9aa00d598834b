"""A command line as a list of options."""

import pytest

from polybench.experiments.argv import has, options_of, value_of, without


@pytest.mark.parametrize(
    ("words", "pairs"),
    [
        (["--name", "x", "--data.size=[8,8]"], [("--name", "x"), ("--data.size", "[8,8]")]),
        (["--lr", "-1e-3", "--offset", "-3"], [("--lr", "-1e-3"), ("--offset", "-3")]),
        (["--print_config", "-c", "x.yaml"], [("--print_config", None), ("-c", "x.yaml")]),
        (["--no_leaderboard", "images"], [("--no_leaderboard", None), ("images", None)]),
        (["fit", "--name", "x", "y"], [("fit", None), ("--name", "x"), ("y", None)]),
        (["--root=a=b", "--empty="], [("--root", "a=b"), ("--empty", "")]),
    ],
)
def test_each_option_has_at_most_one_value(words: list[str], pairs: list[tuple[str, str | None]]) -> None:
    options = options_of(words)
    assert [(one.name, one.value) for one in options] == pairs
    assert [word for one in options for word in one.words] == words


def test_keys_leave_out_init_args() -> None:
    (option,) = options_of(["--model.init_args.net.init_args.depth=3"])
    assert option.keys == ("model", "net", "depth")


def test_value_is_that_of_the_last_time_an_option_is_given() -> None:
    words = ["--name", "a", "--name=b", "--names", "c"]
    assert (value_of(words, "--name"), value_of(words, "--seed")) == ("b", None)


def test_option_is_left_out_with_its_value_and_a_value_is_no_option() -> None:
    words = ["--name", "a", "--seed=1", "--variant", "b"]
    assert without(words, "--name", "--seed") == ["--variant", "b"]
    assert has(["--name", "seed"], "--name")
    assert not has(["--name", "seed"], "seed")

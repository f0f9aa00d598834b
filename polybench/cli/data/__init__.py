"""`polybench data`: list, verify, download, audit, split and synthesise datasets, and draw augmented variants."""

from collections.abc import Sequence
from importlib import import_module

from polybench.core.errors import ConfigError, did_you_mean

ACTIONS = {
    "list": "the datasets, their counts and terms, and which of them are here",
    "verify": "decode every file of a copy, compare it with the official one, name each defect",
    "download": "download a dataset from an open source, or print how to get it by hand",
    "audit": "find exact and near-duplicate images, within and across subsets",
    "split": "make a split list for a folder of your own",
    "variants": "draw all variants of one image that an augmentation policy makes",
    "synth": "write generated images in a dataset's own layout",
}


def main(args: Sequence[str]) -> int:
    """Run the action that the first word names.

    Args:
        args: The arguments after `polybench data`.

    Returns:
        The exit code.

    Raises:
        UserError: For an unknown action, or whatever the action finds wrong.
    """
    if not args or args[0] in {"-h", "--help"}:
        lines = "\n".join(f"  {name:<10} {summary}" for name, summary in ACTIONS.items())
        print(f"usage: polybench data ACTION [OPTIONS]\n\nactions:\n{lines}\n\nEach explains itself: ACTION --help")
        return 0 if args else 2
    action, *rest = args
    if action not in ACTIONS:
        known = ", ".join(ACTIONS)
        raise ConfigError(f"polybench data has no action '{action}'; it has {known}.{did_you_mean(action, ACTIONS)}")
    code: int = import_module(f"polybench.cli.data.{action}").main(rest)
    return code

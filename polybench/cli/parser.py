"""An argument parser with errors of one sentence and a suggestion."""

import argparse
from pathlib import Path
from typing import NoReturn

from polybench.core.errors import ConfigError, did_you_mean


class Parser(argparse.ArgumentParser):
    """`argparse.ArgumentParser` without abbreviations of options, and with `ConfigError` instead of an exit.

    Args:
        prog: The command as the user types it, such as `polybench leaderboard`.
        description: What it does.
    """

    def __init__(self, prog: str, description: str) -> None:
        super().__init__(prog=prog, description=description, allow_abbrev=False)

    def add_leaderboard(self) -> None:
        """Add the folder of the leaderboards to a command that reads records, as `root`."""
        self.add_argument(
            "--leaderboard",
            "--root",
            dest="root",
            type=Path,
            default=Path("leaderboards"),
            metavar="DIR",
            help="folder with records/ (%(default)s)",
        )

    def error(self, message: str) -> NoReturn:
        """Raise the message.

        Raises:
            ConfigError: Always; with the nearest option when the message names an unknown one.
        """
        known = [option for action in self._actions for option in action.option_strings]
        named = [word.partition("=")[0].rstrip(":,") for word in message.split() if word.startswith("-")]
        words = [name for one in named for name in one.split("/")]  # --new/--old are one option
        unknown = [word for word in words if word not in known]
        hint = did_you_mean(unknown[0], known) if unknown else ""
        raise ConfigError(f"{self.prog}: {message}.{hint}")

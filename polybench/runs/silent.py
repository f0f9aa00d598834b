"""A parsed command line of a cell, whose notes the run itself prints."""

from polybench.experiments.parsed import ParsedSession


class SilentSession(ParsedSession):
    """A parsed command line without its notes."""

    def note(self, *sentences: str) -> None:
        """Print nothing."""

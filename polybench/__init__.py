"""polybench: a benchmark of 2-D biomedical image segmentation whose numbers can be trusted.

From Python: `polybench.run(config)` runs an experiment and returns its record, `polybench.load(checkpoint)` gives a
trained task that predicts on arrays. Both are imported when they are first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from polybench.core.version import __version__
from polybench.moved import install

if TYPE_CHECKING:
    from polybench.experiments.loading import load
    from polybench.experiments.run import run

install()

__all__ = ["__version__", "load", "run"]

_HOMES = {"load": "polybench.experiments.loading", "run": "polybench.experiments.run"}


def __getattr__(name: str) -> Any:
    """Import `run` or `load`, and with it torch and lightning, when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module 'polybench' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)

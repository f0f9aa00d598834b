"""The protocols of the field, each in a file whose first paragraph is its definition."""

from polybench.metrics.protocols.boundary import BOUNDARY
from polybench.metrics.protocols.candidates import CANDIDATES
from polybench.metrics.protocols.classes import CLASSES
from polybench.metrics.protocols.confusion import per_image_values
from polybench.metrics.protocols.efen import EFEN
from polybench.metrics.protocols.fanet import FANET
from polybench.metrics.protocols.fov import FOV
from polybench.metrics.protocols.instances import INSTANCES
from polybench.metrics.protocols.keras_fcn import KERAS_FCN
from polybench.metrics.protocols.membranes import MEMBRANES
from polybench.metrics.protocols.objects import OBJECTS
from polybench.metrics.protocols.patches import PATCHES
from polybench.metrics.protocols.per_image import PER_IMAGE
from polybench.metrics.protocols.pooled import POOLED
from polybench.metrics.protocols.pranet import PRANET
from polybench.metrics.protocols.protocol import Direction, Protocol, Values, columns_of
from polybench.metrics.protocols.sweep import SWEEP
from polybench.metrics.protocols.uacanet import UACANET

PROTOCOLS = (PER_IMAGE, FANET, KERAS_FCN, POOLED, EFEN, PRANET, FOV, SWEEP, BOUNDARY, OBJECTS)
"""Protocols of every dataset, in the order of `polybench score`."""

BY_NAME = (UACANET,)
"""Protocols of no dataset, which `polybench score --also` adds."""

EXTRA_PROTOCOLS = (INSTANCES, MEMBRANES, *BY_NAME)
"""Protocols of single datasets, and those of `BY_NAME`."""

SCORED = (PATCHES, CANDIDATES, CLASSES)
"""Protocols of classifiers, whose validation logs their metrics without their names, such as `val/auc`."""

__all__ = [
    "BOUNDARY",
    "BY_NAME",
    "CANDIDATES",
    "CLASSES",
    "EFEN",
    "EXTRA_PROTOCOLS",
    "FANET",
    "FOV",
    "INSTANCES",
    "KERAS_FCN",
    "MEMBRANES",
    "OBJECTS",
    "PATCHES",
    "PER_IMAGE",
    "POOLED",
    "PRANET",
    "PROTOCOLS",
    "SCORED",
    "SWEEP",
    "UACANET",
    "Direction",
    "Protocol",
    "Values",
    "columns_of",
    "per_image_values",
]

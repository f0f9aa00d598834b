"""FANet, a net with its previous mask as a second input, its ablations and its loss."""

from polybench.models.fanet.loss import FANetLoss
from polybench.models.fanet.mixpool import Precomputed
from polybench.models.fanet.net import FANet
from polybench.models.fanet.series import FANetSeries

__all__ = ["FANet", "FANetLoss", "FANetSeries", "Precomputed"]

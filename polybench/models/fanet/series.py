"""Several FANets in a row, each refining the mask of the one before it: table XI's "Four FANet (in series)".

Paper: Tomar et al., "FANet: A Feedback Attention Network for Improved Biomedical Image Segmentation", 2022, section
IV-F. It says no more than that the nets are concatenated "in contrast to" iterating one, with nearly four times the
parameters; the hand-over and the training below are our reading.
"""

from typing import ClassVar

from torch import Tensor, nn

from polybench.core.errors import ConfigError
from polybench.models.fanet.mixpool import Gating
from polybench.models.fanet.net import WIDTHS, FANet


class FANetSeries(nn.Module):
    """FANets with weights of their own; the paper's four have 30,881,064 parameters and 81.079 G MACs at 256x256.

    The first takes the initial mask, each other the thresholded prediction of the one before it. No gradient passes a
    threshold, so that in training each net has a loss of its own (deep supervision).

    Args:
        nets: Number of nets.
        gate: What the mask is united with, see `FANet`.
        widths: Channels of the four encoder stages of each net, multiples of 4.

    Raises:
        ConfigError: If there is no net, or its widths are unusable.
    """

    version: ClassVar[int] = 1

    def __init__(self, nets: int = 4, gate: Gating = "frozen", widths: tuple[int, int, int, int] = WIDTHS) -> None:
        super().__init__()
        if nets < 1:
            raise ConfigError(f"A series needs at least one FANet, not {nets}.")
        self.nets = nn.ModuleList(FANet(gate=gate, widths=widths) for _ in range(nets))

    def forward(self, images: Tensor, feedback: Tensor | None = None) -> Tensor | list[Tensor]:
        """Segment, given the initial mask.

        Args:
            images: (N, 3, H, W), sides divisible by 16.
            feedback: The initial mask, (N, 1, H, W), of any type; whatever isn't 0 is foreground. None
                for an empty one.

        Returns:
            Raw logits (N, 1, H, W) of the last net; in training those of all nets, the last first.

        Raises:
            ConfigError: If a side isn't divisible by 16.
        """
        outputs: list[Tensor] = []
        for net in self.nets:
            outputs.insert(0, net(images, feedback))
            feedback = outputs[0].detach() > 0
        return outputs if self.training else outputs[0]

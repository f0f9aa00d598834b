"""Several FANets in series, each refining the mask of the previous one: table XI's "Four FANet (in series)".

Paper: Tomar et al., "FANet: A Feedback Attention Network for Improved Biomedical Image Segmentation", 2022, section
IV-F. It only states that the nets are concatenated "in contrast to" iterating one, with nearly four times the
parameters; the connection and the training below are our choice.
"""

from typing import ClassVar

from torch import Tensor, nn

from polybench.core.errors import ConfigError
from polybench.models.fanet.mixpool import Gating
from polybench.models.fanet.net import WIDTHS, FANet


class FANetSeries(nn.Module):
    """FANets with separate weights; the paper's four have 30,881,064 parameters and 81.079 G MACs at 256x256.

    The first gets the initial mask, each other the thresholded prediction of the previous one. No gradient passes a
    threshold, so that in training each net has its own loss (deep supervision).

    Args:
        nets: Number of nets.
        gate: Gate that is combined with the mask, see `FANet`.
        widths: Channels of the four encoder stages of each net, multiples of 4.

    Raises:
        ConfigError: If there is no net, or its widths are invalid.
    """

    version: ClassVar[int] = 1

    def __init__(self, nets: int = 4, gate: Gating = "frozen", widths: tuple[int, int, int, int] = WIDTHS) -> None:
        super().__init__()
        if nets < 1:
            raise ConfigError(f"A series needs at least one FANet, not {nets}.")
        self.nets = nn.ModuleList(FANet(gate=gate, widths=widths) for _ in range(nets))

    def forward(self, images: Tensor, feedback: Tensor | None = None) -> Tensor | list[Tensor]:
        """Predict logits from images and the initial mask.

        Args:
            images: (N, 3, H, W), sides divisible by 16.
            feedback: The initial mask, (N, 1, H, W), of any type; non-zero is foreground. None for
                an empty one.

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

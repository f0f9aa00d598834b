"""Random start weights of convolutional and linear layers by name: Gaussian, Xavier and MSRA, as Caffe draws them.

Papers: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010
(Xavier); He et al., "Delving Deep into Rectifiers", ICCV 2015 (MSRA). Tajbakhsh et al., "Convolutional Neural Networks
for Medical Image Analysis: Full Training or Fine Tuning?", IEEE TMI 2016, compares the three and prints no deviations:
those of the Gaussian are of Caffe's AlexNet, as far as we know, and Xavier and MSRA count a layer's inputs, as Caffe
does.
"""

import math
from typing import Literal

from torch import nn

Initialiser = Literal["gaussian", "xavier", "msra"]

CONVOLUTION, HIDDEN, OUTPUT = 0.01, 0.005, 0.01
"""Standard deviations of the Gaussian: of convolutions, of linear layers, and of the last layer."""


def initialise(net: nn.Module, initialiser: Initialiser) -> None:
    """Draw new weights for the convolutional and linear layers of a net; their biases are 0.

    Other layers, such as batch normalisation, get their own defaults. A net on the meta device stays as it is.

    Args:
        net: The net, which is changed.
        initialiser: `gaussian` for N(0, 0.01), with 0.005 in linear layers before the last; `xavier` for the uniform
            distribution of variance 1 / n, `msra` for N(0, sqrt(2 / n)), where n is the number of inputs of an output.
    """
    layers = [part for part in net.modules() if isinstance(part, nn.Conv2d | nn.Linear)]
    for layer in layers:
        inputs = layer.weight[0].numel()
        if initialiser == "xavier":
            nn.init.uniform_(layer.weight, -math.sqrt(3 / inputs), math.sqrt(3 / inputs))
        elif initialiser == "msra":
            nn.init.normal_(layer.weight, std=math.sqrt(2 / inputs))
        else:
            hidden = HIDDEN if isinstance(layer, nn.Linear) else CONVOLUTION
            nn.init.normal_(layer.weight, std=OUTPUT if layer is layers[-1] else hidden)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    for part in net.modules():
        reset = getattr(part, "reset_parameters", None)
        if callable(reset) and not isinstance(part, nn.Conv2d | nn.Linear):
            reset()

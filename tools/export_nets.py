"""Export every net, narrow, with `torch.export`, and compare what the program predicts with the net: `[NET ...]`.

Three sentinels of these are tests; this runs over all, after a change of a net or of torch. The nets are those of the
golden numbers. After the export the net itself is called once more, in training too, since a net may keep tensors
without values that the export made. The exit code is 1 if one differs.
"""

import argparse
from typing import Any

import torch
from golden.classes import DEFAULTS, NETS
from torch import Tensor, nn

from polybench import models

SIDE = 64
TOLERANCE = 1e-4


def first(output: Any) -> Tensor:
    """The first tensor of an output."""
    while not isinstance(output, Tensor):
        output = next(iter(output.values())) if isinstance(output, dict) else output[0]
    return output


def largest_difference(net: nn.Module) -> float:
    """Export a net, and return how far its program's output is from the net's own, as a share of its largest value."""
    with torch.no_grad():
        for parameter in net.parameters():
            if not parameter.any():  # a layer that starts at zero would hide what is before it
                parameter.normal_(std=0.1)
    images = torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        program = torch.export.export(net.eval(), (images,)).module()
        found, expected = first(program(images)), first(net(images))
    first(net.train()(images)).mean().backward()  # type: ignore[no-untyped-call]
    return float((found - expected).abs().max() / expected.abs().max().clamp(min=1e-6))


def main(words: list[str] | None = None) -> int:
    """Export the nets that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NET", help="such as PraNet; all by default")
    names = parser.parse_args(words).names or models.__all__
    failed = []
    for name in names:
        for case, options in NETS.get(name, DEFAULTS).items():
            if options.get("head") == "flatten":
                continue  # for patches of another size
            torch.manual_seed(0)
            net = getattr(models, name)(**options)
            try:
                apart = largest_difference(net)
                said = f"{apart:.1e}"
            except Exception as error:  # whatever an export meets
                apart, said = float("inf"), f"{type(error).__name__}: {str(error).splitlines()[0][:80]}"
            print(f"{name:<20} {case:<18} {said}", flush=True)
            if apart > TOLERANCE:
                failed.append(f"{name} ({case})")
    if failed:
        print(f"not exported: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())

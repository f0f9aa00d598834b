"""Write the table that `polybench list models` prints, after a change of a method or a net.

Of each file of `conf/methods` the tool computes the columns `net`, `parameters`, `gmac` (of one image of 256x256),
`encoder` and `trained_by`. The others (`paper`, `title`, `year`, `published`, `status`) are written by hand, into
`polybench/models/nets.csv`, and kept: `python tools/net_table.py [METHOD ...]`. A new method gets a row to fill in.
"""

import argparse
import csv
import inspect
import io
from pathlib import Path
from typing import Any

import torch
from torch import nn

from polybench.core.atomic import atomic_write_text
from polybench.core.errors import ConfigError
from polybench.experiments.class_versions import resolve
from polybench.experiments.documents import Documents
from polybench.experiments.record import count_macs

ROOT = Path(__file__).parent.parent
METHODS = ROOT / "conf" / "methods"
TABLE = ROOT / "polybench" / "models" / "nets.csv"
COLUMNS = (
    *("method", "net", "paper", "title", "year", "parameters", "published", "gmac", "encoder", "trained_by", "status"),
)
WRITTEN = ("paper", "title", "year", "published", "status")
"""Columns that are written by hand."""

OF_NO_NET = {"finetuning", "library_net"}
"""Files that name no net."""

RANDOM_WEIGHTS = {"encoder_weights": None, "pretrained": False}
READS_VALUES = ("mit_",)
"""Encoders that read numbers off tensors while they are built, which the meta device can't give."""

SIZE = (256, 256)


def methods() -> list[str]:
    """Names of the methods that have a net."""
    return sorted({path.stem for path in METHODS.glob("*.yaml")} - OF_NO_NET)


def stored() -> dict[str, dict[str, str]]:
    """Method -> its row as it is in the table."""
    if not TABLE.is_file():
        return {}
    with TABLE.open(newline="", encoding="utf-8") as file:
        return {row["method"]: row for row in csv.DictReader(file)}


def computed(method: str, with_macs: bool = True) -> dict[str, str]:
    """The columns of a method that are computed, `gmac` among them where it is asked for."""
    model = Documents().configuration(METHODS / f"{method}.yaml")["model"]
    arguments = model["init_args"]
    net, options = arguments["net"]["class_path"], arguments["net"].get("init_args", {})
    built = built_net(net, options)
    macs = _macs(built) if with_macs else None
    loss = arguments.get("loss")
    loss = loss["class_path"] if isinstance(loss, dict) else loss
    return {
        "method": method,
        "net": net,
        "parameters": str(sum(parameter.numel() for parameter in built.parameters())),
        **({"gmac": "" if macs is None else f"{macs / 1e9:.2f}"} if with_macs else {}),
        "encoder": _encoder(net, options, built),
        "trained_by": ", ".join(_short(one) for one in (model["class_path"], loss) if one),
    }


def _macs(built: nn.Module) -> int | None:
    """Operations for one image; None where the net takes no image of that size."""
    try:
        return count_macs(built, SIZE)
    except ConfigError:
        return None


def built_net(net: str, options: dict[str, Any]) -> nn.Module:
    """Build a net without its weights, on the meta device where it can be."""
    cls = resolve(net)
    defaults = {key: one.default for key, one in inspect.signature(cls).parameters.items()}
    arguments = {**options, **{key: value for key, value in RANDOM_WEIGHTS.items() if key in defaults}}
    encoder = str(_named(defaults, options))
    with torch.device("cpu" if encoder.startswith(READS_VALUES) else "meta"):
        built: nn.Module = cls(**arguments)
    return built


def _named(defaults: dict[str, Any], options: dict[str, Any]) -> str | None:
    """The name of a net's encoder; None where it has its own."""
    found = {**defaults, **options}
    return next((found[key] for key in ("encoder_name", "encoder") if isinstance(found.get(key), str)), None)


def _encoder(net: str, options: dict[str, Any], built: nn.Module) -> str:
    defaults = {key: one.default for key, one in inspect.signature(resolve(net)).parameters.items()}
    name = _named(defaults, options)
    if name is not None:
        return name.removeprefix("tu-")
    return "vgg19" if type(getattr(built, "encoder", None)).__name__ == "VGG19Encoder" else "own"


def _short(path: str) -> str:
    return path.rpartition(".")[2]


def main(words: list[str] | None = None) -> int:
    """Compute the rows of all methods, or of those named, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="METHOD", help="all by default")
    names = parser.parse_args(words).names or methods()
    if unknown := sorted(set(names) - set(methods())):
        parser.error(f"unknown: {', '.join(unknown)}")
    rows = {name: row for name, row in stored().items() if name in methods()}
    for name in names:
        kept = {column: rows.get(name, {}).get(column, "") for column in WRITTEN}
        rows[name] = {**computed(name), **kept}
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows[name] for name in sorted(rows))
    atomic_write_text(TABLE, text.getvalue())
    print(f"{len(names)} of {len(rows)} written to {TABLE.name}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""The section on a post-processed test: its numbers after each step."""

from collections.abc import Mapping, Sequence
from typing import Any

from polybench.methods.postprocessing.crf import CRF
from polybench.methods.postprocessing.flips import FLIPS
from polybench.methods.postprocessing.table import Changed
from polybench.metrics import PER_IMAGE, Protocol, Rows
from polybench.results.readings import title
from polybench.results.sections import Column, Section, Value

WORDS = {"flips": "mean over flips", "crf": "CRF"}
"""Step -> its name in the table."""

NOTES = {
    "flips": f"Flips: the mean of the net's probabilities over an image and its {len(FLIPS)} flips, so that each image "
    f"goes through the net {1 + len(FLIPS)} times.",
    "crf": "CRF: mean field of a fully connected conditional random field on positions and colours at native size; "
    "protocols that read the network's size leave its rows out.",
}
METRICS = ("dice", "iou", "precision", "recall")


def postprocessing_section(
    rows: Mapping[str, Rows], changed: Sequence[Changed], crf: CRF, ranked_by: Protocol
) -> Section:
    """Describe a post-processed test.

    Args:
        rows: Step -> rows of the predictions after it, in order, `tested` before all.
        changed: What changed in each image.
        crf: The CRF.
        ranked_by: The protocol that ranks the dataset.
    """
    steps = [step for step in rows if step != "tested"]
    shown = (PER_IMAGE,) if ranked_by is PER_IMAGE else (PER_IMAGE, ranked_by)
    scores = {step: {one.key: one.scores(found) for one in shown} for step, found in rows.items()}
    shown_of = [(PER_IMAGE, name) for name in METRICS]
    shown_of += [(ranked_by, ranked_by.headline)] if ranked_by is not PER_IMAGE else []
    columns = [
        Column(
            key=f"{one.name}/{name}",
            header=title(name) if one is PER_IMAGE else f"{title(name)} of {one.name}",
            direction=one.directions[name],
        )
        for one, name in shown_of
    ]
    lines: list[dict[str, Value]] = [
        {"step": WORDS.get(step, "tested"), **{f"{one.name}/{name}": found[one.key][name] for one, name in shown_of}}
        for step, found in scores.items()
    ]
    facts = {"Steps": ", ".join(WORDS[step] for step in steps), "Changed": summary(changed)}
    if "crf" in steps:
        facts["CRF"] = ", ".join(f"{name} {value:g}" for name, value in crf.identity.items())
    data: dict[str, Any] = {"steps": steps, "crf": crf.identity if "crf" in steps else None, "scores": scores}
    return Section(
        title="Predictions before and after post-processing",
        note=" ".join(NOTES[step] for step in steps),
        columns=(Column(key="step", header="Predictions", kind="text"), *columns),
        rows=tuple(lines),
        facts=facts,
        data=data,
        alters=True,
        row_note=f"Another test of a net that is trained in its own row, with {' and '.join(WORDS[s] for s in steps)}.",
    )


def summary(changed: Sequence[Changed]) -> str:
    """Say how many pixels changed sides."""
    pixels, of = sum(one.changed for one in changed), sum(one.pixels for one in changed)
    return f"{pixels:,} of {of:,} pixels changed sides ({100 * pixels / max(of, 1):.2f} %)"

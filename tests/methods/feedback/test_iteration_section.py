"""What a record says of a test with mask feedback."""

from polybench.methods.feedback.curve import Curve
from polybench.methods.feedback.section import iteration_section

CURVE = Curve(
    {"per_image@2": {"dice": (0.25, 0.5), "iou": (0.2, 0.4)}, "fanet@1": {"dice": (0.3, 0.6)}},
    images=10,
    fixed_points=7,
    cycles=2,
    mean_iterations=2.5,
)
HEADLINES = {"per_image@2": "dice", "fanet@1": "dice", "pooled@1": "dice"}


def test_curves_of_the_headlines_and_ends_are_facts() -> None:
    section = iteration_section(CURVE, 2, HEADLINES)
    assert section.facts == {
        "Dice after each iteration, per_image@2": "0.2500, 0.5000",
        "Dice after each iteration, fanet@1": "0.3000, 0.6000",
        "Iterations": "reported is iteration 2; 7 of 10 images reached a fixed point, 2 a cycle; iterations computed "
        "for an image on average: 2.5",
    }
    assert section.evaluations == 2.5
    assert not section.alters


def test_every_metric_is_kept_for_machines() -> None:
    data = iteration_section(CURVE, None, HEADLINES).data
    assert data["curve"] == {"per_image@2": {"dice": [0.25, 0.5], "iou": [0.2, 0.4]}, "fanet@1": {"dice": [0.3, 0.6]}}
    assert (data["reported"], data["fixed_points"], data["cycles"]) == (None, 7, 2)

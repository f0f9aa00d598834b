"""The table of regions as a file."""

import numpy as np

from polybench.methods.refinement.refiner import Refined, Seconds
from polybench.methods.refinement.table import Region, regions_csv, regions_of


def test_every_region_has_its_box_and_probability() -> None:
    mask = np.ones((4, 6), np.bool_)
    boxes, probabilities = np.array([[0, 1, 2, 3], [1, 4, 4, 6]]), np.array([0.25, 0.75])
    refined = Refined(mask, mask, boxes, probabilities, np.array([True, False]), Seconds(0, 0))
    assert regions_of("a", refined) == [Region("a", 0, 1, 2, 3, 0.25, True), Region("a", 1, 4, 4, 6, 0.75, False)]


def test_file_has_six_digits_and_the_order_that_it_was_given() -> None:
    regions = [Region("b, left", 0, 1, 2, 3, 1 / 3, True), Region("a", 1, 4, 4, 6, 1.0, False)]
    assert regions_csv(regions) == (
        'image,top,left,bottom,right,probability,removed\n"b, left",0,1,2,3,0.333333,True\na,1,4,4,6,1,False\n'
    )


def test_without_regions_there_is_the_head_alone() -> None:
    assert regions_csv([]) == "image,top,left,bottom,right,probability,removed\n"


def test_name_that_is_no_text_can_be_written() -> None:
    name = b"pol\xffp.png".decode(errors="surrogateescape")
    assert regions_csv([Region(name, 0, 0, 1, 1, 0.5, False)]).splitlines()[1].startswith("pol\\udcffp.png,0")

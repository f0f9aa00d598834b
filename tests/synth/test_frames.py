from collections import Counter

import pytest

from polybench.core.errors import ConfigError
from polybench.datasets import CHASEDataModule, ClinicDBDataModule, EMDataModule, EndoSceneStillDataModule
from polybench.synth.frames import Frame, first, listed, polyp_frames, spread


def frame(name: str, group: str = "set/1") -> Frame:
    return Frame(name, "train", group, 0)


def test_parts_of_an_id() -> None:
    still = frame("CVC-612/25")
    assert (still.part, still.stem, still.number) == ("CVC-612", "25", 25)
    lone = frame("IMD002")
    assert (lone.part, lone.stem, lone.number) == ("", "IMD002", 2)


def test_scene_depends_on_the_group_alone() -> None:
    assert frame("1", "a/1").scene == frame("CVC-612/2", "a/1").scene != frame("1", "a/2").scene


@pytest.mark.parametrize("n", [6, 7, 50, 912])
def test_spread_takes_some_of_each_part_and_subset(n: int) -> None:
    frames = spread(EndoSceneStillDataModule, n)
    assert len({frame.id for frame in frames}) == n
    assert {(frame.part, frame.subset) for frame in frames} == {
        (part, subset) for part in ("CVC-300", "CVC-612") for subset in ("train", "val", "test")
    }


def test_spread_keeps_the_lists_proportions() -> None:
    counts = Counter(frame.subset for frame in spread(ClinicDBDataModule, 62))
    assert counts["train"] == pytest.approx(62 * 490 / 612, abs=1.5)
    assert counts["val"] == pytest.approx(62 * 61 / 612, abs=1.5)


def test_more_images_contain_the_fewer() -> None:
    assert {f.id for f in spread(ClinicDBDataModule, 20)} < {f.id for f in spread(ClinicDBDataModule, 21)}


def test_both_eyes_of_a_child_come_together() -> None:
    eyes = Counter(frame.group for frame in spread(CHASEDataModule, 14))
    assert Counter(eyes.values())[2] >= 5


def test_stack_begins_at_its_first_slice() -> None:
    assert [frame.id for frame in first(EMDataModule, 3)] == ["slice_00", "slice_01", "slice_02"]
    with pytest.raises(ConfigError, match="Of em 1 to 30 images can be generated, not 31"):
        first(EMDataModule, 31)


def test_whole_list_is_taken_in_its_order() -> None:
    assert spread(CHASEDataModule, 28) == listed(CHASEDataModule)


def test_folder_has_four_frames_of_each_polyp() -> None:
    frames = polyp_frames(5)
    assert [frame.id for frame in frames][-2:] == ["polyp001_frame4", "polyp002_frame1"]
    assert frames[0].scene == frames[3].scene != frames[4].scene
    with pytest.raises(ConfigError, match="not 0"):
        polyp_frames(0)

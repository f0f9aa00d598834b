import pytest

from tools.benchmark_augmentation import main


def test_every_contender_and_policy_is_timed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--batch", "2", "--size", "64", "--rounds", "1"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("kornia ") == 2  # without and with elastic deformation
    assert all(f" {name} " in printed for name in ("standard", "efen25", "fanet", "keras_fcn"))

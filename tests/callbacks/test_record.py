import numpy as np
import pandas as pd
import pytest
from segmentation_models_pytorch import Unet
from torch import nn

from polybench.callbacks.record import count_macs, rows_table
from polybench.metrics import Rows


def test_macs_of_a_convolution_by_hand() -> None:
    assert count_macs(nn.Conv2d(3, 8, 3, padding=1), (10, 20)) == 10 * 20 * 8 * 3 * 9


def test_macs_of_unet_resnet34_are_the_published_ones() -> None:
    macs = count_macs(Unet("resnet34", encoder_weights=None), (256, 256))
    assert macs == pytest.approx(7.813988e9, rel=1e-6)


def test_net_that_reads_values_has_no_macs() -> None:
    class Reads(nn.Conv2d):
        def forward(self, x):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            return super().forward(x) * x.mean().item()

    assert count_macs(Reads(3, 1, 1), (8, 8)) is None


def test_table_has_counts_and_values_of_each_image() -> None:
    table = rows_table(Rows(["a", "b"], ["g", "g"], np.array([[1, 1, 0, 2], [0, 0, 0, 4]])))
    assert table["per_image@1/tp"].tolist() == [1, 0]
    pd.testing.assert_series_equal(table["per_image@1/dice"], pd.Series([2 / 3, 1.0]), check_names=False)

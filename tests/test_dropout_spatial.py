"""Dropout of blocks, rectangles and pools. What all layers promise is in test_dropout_family.py."""

import itertools
import math

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.ops.dropout_base import keep_mask
from minigrad.ops.dropout_spatial import block_rate


def seeded(seed=0):
    return mg.Generator().manual_seed(seed)


def array(tensor):
    return tensor.numpy(force=True)


@pytest.mark.parametrize("size", [1, 3, 5, 7])
@pytest.mark.parametrize("per_channel", [True, False])
def test_drop_block_is_its_formula(size, per_channel):
    n, channels, height, width, p = 4, 3, 9, 8, 0.3
    x = mg.randn(n, channels, height, width, dtype=mg.float64)
    gamma = p / size**2 * (height * width) / ((height - size + 1) * (width - size + 1))
    assert block_rate(p, size, height, width) == pytest.approx(gamma)
    corners = (n, channels if per_channel else 1, height - size + 1, width - size + 1)
    kept = np.ones((n, corners[1], height, width), bool)
    for i, j, k, m in zip(*np.nonzero(~keep_mask(corners, gamma, seeded(4), "test")), strict=True):
        kept[i, j, k : k + size, m : m + size] = False
    out = F.drop_block2d(x, p, size, per_channel=per_channel, generator=seeded(4))
    np.testing.assert_allclose(array(out), array(x) * kept * kept.size / kept.sum(), rtol=1e-12)
    alone = F.drop_block2d(x, p, size, per_channel=per_channel, normalize="sample", generator=seeded(4))
    share = kept.mean((1, 2, 3), keepdims=True)
    np.testing.assert_allclose(array(alone), array(x) * kept / np.where(share == 0, 1, share), rtol=1e-12)


def test_drop_block_drops_about_its_share():
    shares = {size: (array(F.drop_block2d(mg.ones(200, 4, 14, 14), 0.1, size)) == 0).mean() for size in (1, 3, 5, 7)}
    assert abs(shares[1] - 0.1) < 0.005
    assert all(0.08 < share <= 0.105 for share in shares.values())  # blocks overlap
    one = F.drop_block2d(mg.ones(8, 2, 5, 5), 0.2, 5)  # a block as large as the map drops all of it or nothing
    assert {len(np.unique(part)) for part in array(one).reshape(16, 25)} == {1}


def test_drop_block_where_nothing_is_kept():
    out = F.drop_block2d(mg.ones(1, 1, 3, 3, requires_grad=True), 0.999999, 3, generator=seeded())
    assert not array(out).any()
    assert not np.isnan(array(out)).any()


def test_drop_block_keeps_its_sum_over_the_batch():
    out = array(F.drop_block2d(mg.ones(20, 4, 10, 10, dtype=mg.float64), 0.3, 3))
    assert out.mean() == pytest.approx(1)


def test_cutout_cuts_squares_of_its_size():
    x = mg.ones(300, 3, 12, 10)
    cut = array(nn.Cutout(4)(x)) == 0
    assert (cut == cut[:, :1]).all()  # all channels alike
    areas = cut[:, 0].sum((1, 2))
    assert areas.max() == 16
    assert areas.min() >= 4  # a corner: half a side each way
    assert set(areas) <= {i * j for i in range(2, 5) for j in range(2, 5)}
    for image in cut[areas == 16, 0][:20]:
        rows, columns = np.nonzero(image)
        assert np.ptp(rows) == np.ptp(columns) == 3
    centres = cut[:, 0].mean(0)  # squares are centred anywhere: the middle is cut most
    assert centres[6, 5] > centres[0, 0] > 0
    assert (array(nn.Cutout(20)(mg.ones(2, 1, 4, 4))) == 0).all()
    half = array(nn.Cutout(3, p=0.5)(x)).reshape(300, -1).min(1)
    assert 0.4 < (half == 0).mean() < 0.6
    single = array(nn.Cutout(3)(mg.ones(2, 9, 9)))
    assert single.shape == (2, 9, 9)
    assert (single == 0).any()


def test_random_erasing_fills_rectangles():
    x = mg.zeros(400, 2, 20, 24)
    out = array(nn.RandomErasing(0.5, scale=(0.1, 0.2), ratio=(0.5, 2.0), value=[1.0, 2.0])(x))
    assert set(np.unique(out[:, 0])) == {0.0, 1.0}
    assert np.array_equal(out[:, 1], 2 * out[:, 0])
    areas = out[:, 0].sum((1, 2))
    erased = areas > 0
    assert 0.4 < erased.mean() < 0.6
    assert areas[erased].min() / 480 > 0.08
    assert areas.max() / 480 < 0.23
    for image in out[erased, 0][:50]:
        rows, columns = np.nonzero(image)
        tall, wide = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert tall * wide == image.sum()
        assert 0.4 < tall / wide < 2.5
    noise = array(nn.RandomErasing(1.0, value="random")(x))
    values = noise[noise != 0]
    assert abs(values.mean()) < 0.05
    assert abs(values.std() - 1) < 0.05
    assert array(nn.RandomErasing(1.0, scale=(1.0, 1.0), ratio=(1.0, 1.0), value=3.0)(x)).max() == 0  # never fits
    for wrong in ({"scale": (0.5, 0.1)}, {"scale": (0.1, 1.5)}, {"ratio": (0.0, 1.0)}, {"value": "red"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            nn.RandomErasing(**wrong)
    for wrong in ({"scale": 0.3}, {"ratio": "ab"}, {"scale": (0.1, "0.2")}):
        with pytest.raises(TypeError, match=next(iter(wrong))):
            nn.RandomErasing(**wrong)
    with pytest.raises(ValueError, match="value has to be .* got None"):
        nn.RandomErasing(value=None)


def test_max_pool_dropout_evaluates_ties_and_what_is_not_finite():
    layer = nn.MaxPoolDropout2d(2, p=0.5).eval()
    ties = mg.full((1, 2, 2), 2.0, requires_grad=True)
    out = layer(ties)
    assert out.item() == pytest.approx(2 * (1 - 1 / 16))
    out.backward()
    assert sorted(ties.grad.numpy().ravel()) == [1 / 16, 1 / 8, 1 / 4, 1 / 2]
    assert layer(mg.tensor([[[-math.inf, 1.0], [2.0, 3.0]]])).item() == 3 / 2 + 2 / 4 + 1 / 8
    assert layer(mg.tensor([[[math.inf, 1.0], [2.0, 3.0]]])).item() == math.inf
    assert math.isnan(layer(mg.tensor([[[math.nan, 1.0], [2.0, 3.0]]])).item())


@pytest.mark.parametrize("p", [0.25, 0.5, 1.0])
@pytest.mark.parametrize("shift", [0, -5, -2])
def test_max_pool_dropout_evaluates_to_its_expectation(p, shift):
    """Over all 2^4 masks, also where units are negative."""
    window = mg.tensor([[[1.0, 4.0], [2.0, 0.5]]], dtype=mg.float64) + shift
    units = array(window).ravel()
    expected = sum(
        np.prod(np.where(mask, 1 - p, p)) * (units * np.array(mask)).max()
        for mask in itertools.product((0, 1), repeat=4)
    )
    layer = nn.MaxPoolDropout2d(2, p=p)
    assert layer.eval()(window).item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_max_pool_dropout_of_windows_that_do_not_fit():
    for wrong, error in ((0, ValueError), (2.5, TypeError), ((2, 2, 2), ValueError)):
        with pytest.raises(error, match="MaxPoolDropout2d: kernel_size"):
            nn.MaxPoolDropout2d(wrong)
        with pytest.raises(error, match="MaxPoolDropout2d: stride"):
            nn.MaxPoolDropout2d(2, wrong)
    for training in (True, False):
        with pytest.raises(RuntimeError, match=r"a window of \(5, 5\) is larger than the maps, 4 x 9"):
            nn.MaxPoolDropout2d(5).train(training)(mg.ones(1, 4, 9))


def test_max_pool_dropout_trains_on_pooled_masks():
    x = mg.randn(2, 3, 7, 9).relu()
    layer = nn.MaxPoolDropout2d((2, 3), 2, p=0.5, generator=seeded())
    kept = keep_mask(x.shape, 0.5, seeded(), "test")
    out = layer(x)
    assert np.array_equal(array(out), array(F.max_pool2d(mg.from_numpy(array(x) * kept), (2, 3), 2)))
    assert layer.eval()(x).shape == out.shape
    layer.p = 0.0
    assert np.array_equal(array(layer(x)), array(F.max_pool2d(x, (2, 3), 2)))
    assert repr(layer) == "MaxPoolDropout2d(kernel_size=(2, 3), stride=2, p=0.0)"

"""The quality of dropout's numbers as a program sees them: through layers, one call after the other, from one seed or several.

Seeds are fixed, so these tests don't fail by chance; bounds are those that a fair coin passes all but once in 10,000 times.
Known answers and single kernels are in tests/kernels/test_dropout.py.
"""

import math

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn

RATES = [0.1, 0.25, 0.5, 0.8, 0.999]
BOUND = 3.9  # of a normal number, once in 10,000


def kept(layer, *shape):
    return layer(mg.ones(*shape)).numpy() != 0


def seeded(seed):
    return mg.Generator().manual_seed(seed)


def chi_square_is_fair(observed, expected, variance):
    """Whether the sum of squared deviations is what it should be, by the normal approximation of chi-square."""
    statistic = ((observed - expected) ** 2 / variance).sum()
    freedom = observed.size
    return abs(statistic - freedom) < BOUND * math.sqrt(2 * freedom)


def correlation(a, b):
    """Of two masks of one rate, times sqrt(n): standard normal if they are independent."""
    a, b = (mask.ravel().astype(float) for mask in (a, b))
    return np.mean((a - a.mean()) * (b - b.mean())) / (a.std() * b.std()) * math.sqrt(a.size)


@pytest.mark.parametrize("p", RATES)
def test_keep_rate_over_calls(p):
    """Of 200 calls of one layer, as a training makes them."""
    layer = nn.Dropout(p, generator=seeded(1))
    n = 5003
    counts = np.array([kept(layer, n).sum() for _ in range(200)])
    assert chi_square_is_fair(counts, n * (1 - p), n * p * (1 - p))
    assert abs(counts.sum() - counts.size * n * (1 - p)) < BOUND * math.sqrt(counts.size * n * p * (1 - p))


@pytest.mark.parametrize("p", RATES)
def test_keep_rate_of_each_unit(p):
    """Each of 1000 units over 500 calls: none is favoured."""
    layer = nn.Dropout(p, generator=seeded(2))
    counts = sum(kept(layer, 1000).astype(int) for _ in range(500))
    assert chi_square_is_fair(counts, 500 * (1 - p), 500 * p * (1 - p))


@pytest.mark.parametrize("p", [0.2, 0.5])
def test_neighbours_at_any_lag_are_independent(p):
    mask = kept(nn.Dropout(p, generator=seeded(3)), 300_000)
    lags = [*range(1, 40), 63, 64, 65, 127, 128, 129, 255, 256, 257, 512, 1024, 2048, 4096, 65536]
    found = np.array([correlation(mask[:-lag], mask[lag:]) for lag in lags])
    assert np.abs(found).max() < BOUND + 1
    assert chi_square_is_fair(found, 0, 1)


def test_patterns_of_eight_neighbours_are_equally_likely():
    """Groups of neighbours with equal numbers would show here."""
    mask = kept(nn.Dropout(0.5, generator=seeded(4)), 8 * 100_000)
    counts = np.bincount(np.packbits(mask), minlength=256)
    assert chi_square_is_fair(counts, 100_000 / 256, 100_000 / 256)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [(nn.Dropout1d, (500, 64, 3)), (nn.Dropout2d, (500, 64, 2, 2)), (nn.Dropout3d, (500, 64, 1, 2, 2))],
)
def test_neighbouring_channels_and_examples_are_independent(layer, shape):
    mask = kept(layer(0.3, generator=seeded(5)), *shape).reshape(500, 64, -1)
    assert (mask == mask[..., :1]).all()
    mask = mask[..., 0]
    found = [correlation(mask[:, :-lag], mask[:, lag:]) for lag in (1, 2, 3, 4, 8, 16, 32)]
    found += [correlation(mask[:-lag], mask[lag:]) for lag in (1, 2, 3, 4, 8)]
    assert np.abs(found).max() < BOUND
    counts = mask.sum(0)
    assert chi_square_is_fair(counts, 500 * 0.7, 500 * 0.21)


def test_seeds_give_unrelated_masks():
    """Seeds that a program takes: small, consecutive, powers of 2, negative."""
    seeds = [*range(12), 42, 1234, 2**31, 2**32, 2**32 + 1, 2**63, -1]
    masks = [kept(nn.Dropout(0.5, generator=seeded(seed)), 20_000) for seed in seeds]
    found = np.array([correlation(a, b) for i, a in enumerate(masks) for b in masks[:i]])
    assert np.abs(found).max() < BOUND + 1
    assert chi_square_is_fair(found, 0, 1)


def test_calls_of_one_seed_give_unrelated_masks():
    layer = nn.Dropout(0.5, generator=seeded(6))
    masks = [kept(layer, 20_000) for _ in range(20)]
    found = np.array([correlation(a, b) for i, a in enumerate(masks) for b in masks[:i]])
    assert np.abs(found).max() < BOUND + 1
    assert chi_square_is_fair(found, 0, 1)


def test_layers_of_a_net_draw_unrelated_masks():
    """Two layers of one shape that share the default generator."""
    mg.manual_seed(7)
    first, second = nn.Dropout(0.5), nn.Dropout(0.5)
    pairs = [(kept(first, 5000), kept(second, 5000)) for _ in range(40)]
    found = np.array([correlation(*pair) for pair in pairs])
    assert chi_square_is_fair(found, 0, 1)


def test_masks_and_normal_numbers_of_one_seed_are_unrelated():
    noise = mg.randn(100_000, generator=seeded(8)).numpy()
    mask = kept(nn.Dropout(0.5, generator=seeded(8)), 100_000)
    assert abs(correlation(mask, noise > 0)) < BOUND
    assert abs(correlation(mask, mg.rand(100_000, generator=seeded(8)).numpy() > 0.5)) < BOUND


def test_backward_has_the_mask_of_its_own_forward():
    """Also when other calls came between."""
    x = mg.ones(3001, requires_grad=True)
    outs = [F.dropout(x, 0.4) for _ in range(5)]
    for out in reversed(outs):
        x.grad = None
        out.sum().backward()
        assert np.array_equal(x.grad.numpy(), out.numpy(force=True))
    assert len({out.numpy(force=True).tobytes() for out in outs}) == 5

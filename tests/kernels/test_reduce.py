"""Reductions against extended precision and against their twins, in one order whatever the threads."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad import _kernels
from minigrad._kernels.reference import reduce as reference

THEME = "reduce"
LEVELS = _kernels.built_levels()
KERNELS = {level: _kernels.load(level)["reduce"] for level in LEVELS}


def total(module, x):
    out = np.full((x.shape[0], x.shape[2]), 7, dtype=x.dtype)
    module.sum(x, out)
    return out


def check(module, x):
    """The stated bound: (300 + log2 n) * 2**-53 * sum|x|, and the rounding to x's type."""
    exact = x.astype(np.longdouble).sum(axis=1)
    absolute = np.abs(x).astype(np.longdouble).sum(axis=1)
    bound = (300 + np.log2(x.shape[1] + 1)) * 2.0**-53 * absolute + np.abs(exact) * np.finfo(x.dtype).eps / 2 + 1e-300
    assert (np.abs(total(module, x) - exact) <= bound).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@settings(max_examples=60, deadline=None)
@given(
    outer=st.sampled_from([1, 1, 2, 5]),
    n=st.one_of(st.integers(1, 40), st.sampled_from([127, 128, 129, 257, 1023, 1024, 1025, 2049, 5000])),
    inner=st.one_of(st.just(1), st.integers(2, 20), st.sampled_from([63, 64, 255, 256, 511, 512, 513, 1100])),
    seed=st.integers(0, 99),
)
def test_against_extended_precision(dtype, outer, n, inner, seed):
    n = min(n, 1 + 200_000 // inner)
    x = np.random.default_rng(seed).standard_normal((outer, n, inner)).astype(dtype)
    twin = total(reference, x)
    for module in KERNELS.values():
        module.set_threads(1)
        check(module, x)
        np.testing.assert_allclose(total(module, x), twin, rtol=1e-5 if dtype == np.float32 else 1e-10, atol=1e-10)


LARGE = [
    (1, 1_000_003, 1),
    (3, 300_000, 1),
    (5000, 201, 1),
    (1, 100_003, 10),
    (2, 5000, 130),
    (1, 700, 1500),
    (64, 50, 320),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", LARGE)
def test_threads_change_nothing(kernel, dtype, shape):
    x = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    one = total(kernel, x)
    check(kernel, x)
    for threads in (2, 3):
        kernel.set_threads(threads)
        np.testing.assert_array_equal(total(kernel, x), one)


def test_ill_conditioned_sums_keep_their_digits(kernel):
    # Naive float32 sums lose these entirely: a million of 0.1, and large numbers that cancel.
    tenth = np.full((1, 1_000_000, 1), 0.1, dtype=np.float32)
    assert total(kernel, tenth)[0, 0] == np.float32(np.float32(0.1) * 1_000_000.0)
    cancelling = np.zeros((1, 3000, 3), dtype=np.float32)
    cancelling[:, ::3] = 1e8
    cancelling[:, 1::3] = -1e8
    cancelling[:, 2::3] = 1.25
    np.testing.assert_array_equal(total(kernel, cancelling), 1250)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(2, 3000, 1), (1, 300, 20), (1, 40, 600)])
def test_nan_and_infinity(kernel, dtype, shape):
    x = np.ones(shape, dtype)
    x[0, 7, 0] = np.inf
    expected = np.full((shape[0], shape[2]), shape[1], dtype)
    expected[0, 0] = np.inf
    np.testing.assert_array_equal(total(kernel, x), expected)
    x[0, 9, 0] = -np.inf
    expected[0, 0] = np.nan
    np.testing.assert_array_equal(total(kernel, x), expected)


def test_overflow_goes_to_infinity(kernel):
    x = np.full((1, 4, 1), 3e38, dtype=np.float32)
    assert total(kernel, x)[0, 0] == np.inf
    x[0, 2:] = -3e38  # the partial sums exceed float32, their sum does not
    assert total(kernel, x)[0, 0] == 0


@pytest.mark.parametrize("shape", [(3, 0, 1), (2, 0, 5)])
def test_no_numbers_sum_to_zero(kernel, shape):
    assert not total(kernel, np.empty(shape, np.float32)).any()


# ---- the others

SHAPES = [
    ((1,), 0, 1), ((8, 8), 0, 2), ((5, 37), 1, 2), ((5, 37), 0, 1), ((3, 70, 20), 1, 2), ((2, 3, 4, 5), 1, 3),
    ((300, 600), 0, 1), ((4, 1000), 1, 2), ((70_001,), 0, 1), ((700, 3), 0, 1), ((2, 9000, 2), 1, 2), ((3, 4), 0, 0),
]  # fmt: skip


def call(module, name, x, run, *rest, dtype=None, before=()):
    first, last = run
    out = np.full(x.shape[:first] + x.shape[last:], 7, dtype or x.dtype)
    getattr(module, name)(x, *before, out, first, last, *rest)
    return out


def every(module, x, run):
    """What every reduction over the axes of `run` gives."""
    first, last = run
    n = int(np.prod(x.shape[first:last]))
    mean = call(reference, "sum_over", x, run, n)
    scale = np.random.default_rng(5).standard_normal(mean.shape).astype(x.dtype)
    found = {
        "mean": call(module, "sum_over", x, run, n),
        "largest": call(module, "extremum", x, run, True),
        "smallest": call(module, "extremum", x, run, False),
        "variance": call(module, "squares", x, run, n, False, before=(mean,)),
        "norm": call(module, "squares", x, run, 1.0, True, before=(None,)),
        "product": call(module, "product", np.exp(x / 50).astype(x.dtype), run),
    }
    for name, middle in (("dx", mean), ("dx about 0", None)):
        found[name] = np.full_like(x, 7)
        module.deviations(x, middle, scale, found[name], first, last)
    if last == first + 1:
        for largest in (True, False):
            places = np.full(mean.shape, 7)
            module.extremum_places(x, places, first, largest)
            found[f"places {largest}"] = places
            found[f"put {largest}"] = np.full_like(x, 7)
            module.extremum_places_backward(scale, places, found[f"put {largest}"], first)
    for spoils in (True, False):
        found[f"shares {spoils}"] = np.full_like(x, 7)
        largest = call(reference, "extremum", x, run, True)
        module.extremum_backward(scale, x, largest, found[f"shares {spoils}"], first, last, spoils)
    return found


def compare(found, expected, dtype):
    exact = ("largest", "smallest", "places True", "places False", "put True", "put False")
    for name, values in found.items():
        tolerance = (
            0 if name in exact else {np.float32: 2e-6, np.float64: 4e-15}[dtype] * (50 if name == "product" else 1)
        )
        np.testing.assert_allclose(values, expected[name], rtol=tolerance, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("shape", "first", "last"), SHAPES)
@pytest.mark.parametrize("special", [False, True])
def test_reductions_as_the_twins(kernel, dtype, shape, first, last, special):
    rng = np.random.default_rng(0)
    x = rng.standard_normal(shape).astype(dtype)
    if special:  # ties, infinities and NaN
        x = np.round(x * 2)
        flat = x.reshape(-1)
        flat[rng.integers(0, x.size, max(x.size // 40, 1))] = np.inf
        flat[rng.integers(0, x.size, max(x.size // 60, 1))] = -np.inf
        flat[rng.integers(0, x.size, max(x.size // 80, 1))] = np.nan
    with np.errstate(invalid="ignore", over="ignore"):
        compare(every(kernel, x, (first, last)), every(reference, x, (first, last)), dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(600_000,), (1500, 700), (2, 300_000), (300_000, 2), (3, 900, 400)])
def test_threads_change_no_reduction(kernel, dtype, shape):
    x = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    runs = [(0, 1), (len(shape) - 1, len(shape)), (0, len(shape))]
    for run in runs:
        one = every(kernel, x, run)
        for threads in (2, 3):
            kernel.set_threads(threads)
            for name, values in every(kernel, x, run).items():
                np.testing.assert_array_equal(values, one[name], err_msg=name)
        kernel.set_threads(1)


def test_a_product_of_nothing_is_one(kernel):
    assert (call(kernel, "product", np.empty((3, 0), np.float32), (1, 2)) == 1).all()


@pytest.mark.parametrize("where", [0, 31, 32, 40, 63, 1000, 1023])
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, 1e-45, -3e-42, 3e38, -0.0])
def test_sums_of_moved_bits_are_exact(kernel, where, value):
    """Floats whose exponents are the largest and the smallest there are, in a row long enough for vectors."""
    x = np.zeros((1, 1024, 1), np.float32)
    x[0, where] = value
    np.testing.assert_array_equal(total(kernel, x), [[np.float32(value)]])
    x[0, (where + 16) % 1024] = -value
    np.testing.assert_array_equal(total(kernel, x), [[0.0 if np.isfinite(value) else np.nan]])

"""The sum over an axis: against extended precision, in one order whatever the threads."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad import _kernels
from minigrad._kernels.reference import reduce as reference

LEVELS = _kernels.built_levels()
KERNELS = {level: _kernels.load(level)["reduce"] for level in LEVELS}


@pytest.fixture(params=LEVELS)
def kernel(request):
    module = KERNELS[request.param]
    module.set_threads(1)
    yield module
    module.set_threads(1)


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

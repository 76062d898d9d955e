"""Pooling kernels against their twins: windows of every kind, NaN and ties, every processor level and thread count."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad import _kernels
from minigrad._kernels.reference import pool as reference

LEVELS = _kernels.built_levels()
DTYPES = [np.float32, np.float64]
# shape, kernel, stride, padding, dilation, ceil_mode
CASES = [
    ((1, 1, 1, 1), (1, 1), (1, 1), (0, 0), (1, 1), False),
    ((2, 3, 8, 8), (2, 2), (2, 2), (0, 0), (1, 1), False),
    ((2, 2, 33, 71), (2, 2), (2, 2), (0, 0), (1, 1), False),  # the fast path, an odd row and column left over
    ((2, 2, 6, 100), (2, 2), (2, 2), (0, 0), (1, 1), False),  # covered by windows, with a broken vector of them
    ((1, 3, 12, 12), (2, 2), (2, 2), (0, 0), (1, 1), False),
    ((1, 2, 9, 37), (2, 2), (2, 2), (0, 0), (1, 1), True),  # windows hanging over
    ((2, 2, 14, 40), (3, 3), (2, 2), (1, 1), (1, 1), False),
    ((1, 2, 7, 300), (3, 5), (1, 1), (1, 2), (1, 1), False),  # more than one block of a row
    ((1, 2, 20, 50), (5, 3), (3, 4), (2, 1), (1, 1), True),
    ((1, 2, 20, 50), (3, 3), (2, 1), (1, 1), (2, 3), False),
    ((2, 3, 7, 7), (7, 7), (7, 7), (0, 0), (1, 1), False),  # the whole plane
    ((1, 2, 5, 6), (3, 2), (1, 2), (1, 1), (1, 1), True),
    ((1, 1, 2, 30), (2, 2), (1, 1), (1, 1), (3, 1), False),  # dilated over every element: empty windows
]


def out_size(size, kernel, stride, padding, dilation, ceil_mode):
    """PyTorch's rule: with ceil_mode the last window must begin inside the input or its left padding."""
    reach = size + 2 * padding - dilation * (kernel - 1) - 1
    count = (reach + (stride - 1 if ceil_mode else 0)) // stride + 1
    if ceil_mode and (count - 1) * stride >= size + padding:
        count -= 1
    return count


def out_shape(shape, kernel, stride, padding, dilation, ceil_mode):
    sizes = [out_size(shape[2 + a], kernel[a], stride[a], padding[a], dilation[a], ceil_mode) for a in (0, 1)]
    return (*shape[:2], *sizes)


def normal(shape, dtype, seed):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def max_pool(module, x, shape, g, kernel, stride, padding, dilation):
    out, indices, dx = np.full(shape, np.nan, x.dtype), np.full(shape, -7, np.int64), np.full_like(x, np.nan)
    module.max_pool2d_forward(x, out, indices, kernel, stride, padding, dilation)
    pairs = (kernel, stride, padding, dilation) == ((2, 2), (2, 2), (0, 0), (1, 1))
    module.max_pool2d_backward(g, indices, dx, pairs)
    return out, indices, dx


def avg_pool(module, x, shape, g, kernel, stride, padding, count_include_pad, divisor_override):
    out, dx = np.full(shape, np.nan, x.dtype), np.full_like(x, np.nan)
    module.avg_pool2d_forward(x, out, kernel, stride, padding, count_include_pad, divisor_override)
    module.avg_pool2d_backward(g, dx, kernel, stride, padding, count_include_pad, divisor_override)
    return out, dx


def check_max(x, case):
    shape = out_shape(*case)
    g = normal(shape, x.dtype, 1)
    expected = max_pool(reference, x, shape, g, *case[1:5])
    for level in LEVELS:
        found = max_pool(_kernels.load(level)["pool"], x, shape, g, *case[1:5])
        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_array_equal(found[1], expected[1])
        np.testing.assert_array_equal(found[2], expected[2])  # the same order of additions


def check_avg(x, case, count_include_pad, divisor_override):
    shape = out_shape(*case)
    g = normal(shape, x.dtype, 1)
    expected = avg_pool(reference, x, shape, g, *case[1:4], count_include_pad, divisor_override)
    tolerance = 1e-6 if x.dtype == np.float32 else 2e-15
    for level in LEVELS:
        found = avg_pool(_kernels.load(level)["pool"], x, shape, g, *case[1:4], count_include_pad, divisor_override)
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * 4)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_max_as_the_twin(case, dtype):
    check_max(normal(case[0], dtype, 0), case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_max_of_ties_nan_and_infinity(case):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 3, case[0]).astype(np.float32)  # ties: the first maximum
    check_max(x, case)
    x[rng.random(x.shape) < 0.3] = -np.inf
    x[rng.random(x.shape) < 0.1] = np.inf
    check_max(x, case)
    x[rng.random(x.shape) < 0.1] = np.nan
    check_max(x, case)
    check_max(np.full(case[0], -np.inf, np.float32), case)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("count_include_pad", "divisor_override"), [(True, 0), (False, 0), (False, 3)])
@pytest.mark.parametrize("case", [c for c in CASES if c[4] == (1, 1)], ids=str)
def test_avg_as_the_twin(case, count_include_pad, divisor_override, dtype):
    check_avg(normal(case[0], dtype, 0), case, count_include_pad, divisor_override)


@st.composite
def windows(draw):
    kernel, stride, dilation = (tuple(draw(st.integers(1, top)) for _ in range(2)) for top in (5, 4, 3))
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    sizes = [draw(st.integers(max(1, r - 2 * p), most)) for r, p, most in zip(reach, padding, (16, 45), strict=True)]
    shape = (draw(st.integers(1, 2)), draw(st.integers(1, 2)), *sizes)
    return shape, kernel, stride, padding, dilation, draw(st.booleans())


@settings(max_examples=60, deadline=None)
@given(case=windows(), dtype=st.sampled_from(DTYPES), count_include_pad=st.booleans())
def test_any_window(case, dtype, count_include_pad):
    x = normal(case[0], dtype, 0)
    check_max(x, case)
    undilated = (*case[:4], (1, 1), case[5])
    check_avg(x, undilated, count_include_pad, 0)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", [CASES[2], CASES[4], CASES[8]], ids=str)
def test_threads_change_no_bit(case, dtype, level):
    module = _kernels.load(level)["pool"]
    shape = (40, 37, *case[0][2:])
    x = normal(shape, dtype, 0)
    pooled = out_shape(shape, *case[1:])
    g = normal(pooled, dtype, 1)
    results = []
    for threads in (1, 2, 3):
        module.set_threads(threads)
        results.append(
            max_pool(module, x, pooled, g, *case[1:5]) + avg_pool(module, x, pooled, g, *case[1:4], False, 0)
        )
    module.set_threads(1)
    for result in results[1:]:
        assert all(a.tobytes() == b.tobytes() for a, b in zip(result, results[0], strict=True))


@pytest.mark.parametrize("level", LEVELS)
def test_a_large_float32_average_keeps_its_digits(level):
    module = _kernels.load(level)["pool"]
    x = (normal((1, 1, 700, 701), np.float32, 0) + 1000).astype(np.float32)
    for kernel in ((700, 701), (700, 700)):
        shape = out_shape(x.shape, kernel, (1, 1), (0, 0), (1, 1), False)
        out, exact = np.empty(shape, np.float32), np.empty(shape)
        module.avg_pool2d_forward(x, out, kernel, (1, 1), (0, 0), True, 0)
        reference.avg_pool2d_forward(x, exact, kernel, (1, 1), (0, 0), True, 0)
        np.testing.assert_allclose(out, exact, rtol=6e-8)

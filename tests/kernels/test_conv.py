"""Convolutions against their twins: every geometry, at every level and for several thread counts."""

import importlib

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from minigrad import _kernels

reference = importlib.import_module("minigrad._kernels.reference.conv")

THEME = "conv"
LEVELS = _kernels.built_levels()
DTYPES = (np.float32, np.float64)

# batch, channels, height, width, outputs, kernel, stride, padding, dilation, groups
CASES = (
    (1, 1, 1, 1, 1, (1, 1), (1, 1), (0, 0), (1, 1), 1),
    (2, 3, 7, 9, 5, (3, 3), (1, 1), (0, 0), (1, 1), 1),
    (2, 3, 9, 8, 5, (3, 3), (1, 1), (1, 1), (1, 1), 1),
    (2, 4, 12, 11, 6, (3, 2), (2, 3), (1, 2), (1, 1), 2),
    (2, 16, 14, 15, 20, (5, 3), (2, 1), (3, 4), (2, 2), 4),
    (2, 8, 9, 9, 8, (3, 3), (1, 1), (1, 1), (1, 1), 8),
    (2, 3, 9, 9, 5, (1, 1), (2, 2), (0, 0), (1, 1), 1),  # most of dx gets nothing
    (1, 2, 5, 5, 3, (2, 2), (3, 3), (4, 4), (1, 1), 1),  # whole patches in the border
    (2, 3, 11, 6, 4, (1, 2), (1, 1), (3, 5), (1, 1), 1),  # more padding than the kernel reaches
    (3, 2, 2, 1, 3, (2, 1), (4, 4), (0, 0), (1, 1), 1),  # a stride larger than the image
    (2, 3, 10, 10, 4, (2, 2), (3, 3), (0, 0), (4, 4), 1),
    (35, 3, 6, 6, 4, (3, 3), (1, 1), (0, 0), (1, 1), 1),  # more images than parts of the batch
    (2, 70, 9, 9, 40, (3, 3), (1, 1), (1, 1), (1, 1), 1),  # sums of several blocks, several panels
    (3, 6, 20, 30, 12, (3, 3), (1, 1), (1, 1), (1, 1), 6),  # depthwise, two outputs each
    (3, 6, 20, 30, 6, (3, 3), (1, 2), (1, 1), (1, 1), 6),
    (2, 5, 21, 17, 130, (1, 1), (1, 1), (0, 0), (1, 1), 1),
    # Winograd: whole images in a block, and parts of one; channels and outputs that fill no vector; tiles over the edge
    (9, 16, 8, 8, 16, (3, 3), (1, 1), (1, 1), (1, 1), 1),
    (3, 20, 13, 17, 33, (3, 3), (1, 1), (2, 2), (1, 1), 1),
    (1, 12, 7, 250, 12, (3, 3), (1, 1), (0, 2), (1, 1), 1),
    (70, 8, 3, 3, 18, (3, 3), (1, 1), (1, 1), (1, 1), 1),
    # channels as lanes
    (3, 16, 15, 16, 40, (3, 3), (2, 2), (1, 1), (1, 1), 1),
    (2, 40, 9, 16, 33, (1, 1), (1, 1), (0, 0), (1, 1), 1),
    (3, 33, 15, 16, 20, (1, 1), (3, 2), (0, 0), (1, 1), 1),
    (2, 36, 12, 11, 50, (3, 2), (1, 1), (2, 1), (2, 3), 1),
    (3, 18, 7, 9, 16, (2, 3), (1, 1), (1, 1), (1, 1), 1),
    (2, 14, 10, 12, 14, (3, 3), (4, 2), (5, 5), (1, 1), 1),
    (2, 200, 8, 8, 33, (1, 1), (1, 1), (0, 0), (1, 1), 1),  # as products of planes
    (9, 5, 4, 20, 7, (1, 1), (1, 1), (0, 0), (1, 1), 1),
    # outputs as lanes, few channels; pixels as lanes, few outputs
    (5, 3, 12, 19, 40, (3, 3), (1, 1), (1, 1), (1, 1), 1),
    (5, 6, 14, 14, 16, (5, 5), (1, 1), (0, 0), (1, 1), 1),
    (4, 2, 13, 14, 20, (3, 5), (2, 2), (1, 2), (2, 1), 1),
    (3, 2, 20, 19, 7, (3, 3), (1, 1), (1, 1), (1, 1), 1),
    (6, 1, 18, 32, 6, (5, 5), (1, 1), (2, 2), (1, 1), 1),
)


def out_shape(case):
    n, _, height, width, outputs, kernel, stride, padding, dilation, _ = case
    size = [
        (length + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1) // stride[i] + 1
        for i, length in enumerate((height, width))
    ]
    return (n, outputs, *size)


def arrays(case, dtype, seed=0):
    """x, weight, bias and g for one case."""
    n, channels, height, width, outputs, kernel, *_, groups = case
    rng = np.random.default_rng(seed)
    shapes = ((n, channels, height, width), (outputs, channels // groups, *kernel), (outputs,), out_shape(case))
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def run(module, case, x, weight, bias, g, dtype=None):
    """Forward with and without a bias, and both gradients."""
    *_, stride, padding, dilation, groups = case
    shapes = (g, g, x, weight)
    out, plain, dx, dweight = (np.full(like.shape, np.nan, dtype or like.dtype) for like in shapes)
    module.conv2d_forward(x, weight, bias, out, stride, padding, dilation, groups)
    module.conv2d_forward(x, weight, None, plain, stride, padding, dilation, groups)
    module.conv2d_backward_input(g, weight, dx, stride, padding, dilation, groups)
    module.conv2d_backward_weight(g, x, dweight, stride, padding, dilation, groups)
    return out, plain, dx, dweight


def check(module, case, dtype, seed=0):
    x, weight, bias, g = arrays(case, dtype, seed)
    actual = run(module, case, x, weight, bias, g)
    expected = run(reference, case, x, weight, bias, g, np.float64)
    scale = run(reference, case, *map(np.abs, (x, weight, bias, g)), np.float64)
    terms = max(weight[0].size, weight[:, 0].size, g[:, 0].size)
    for got, want, most in zip(actual, expected, scale, strict=True):
        bound = (min(terms, 192) + terms / 192 + 20) * np.finfo(dtype).eps * most
        assert np.all(np.abs(got - want) <= bound)
    return actual


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES)
def test_equals_twin(kernel, dtype, case):
    check(kernel, case, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "case",
    [
        (9, 8, 30, 30, 40, (3, 3), (1, 1), (1, 1), (1, 1), 1),
        (1, 16, 60, 60, 32, (3, 3), (1, 1), (0, 0), (1, 1), 1),
        (2, 16, 61, 40, 32, (3, 3), (2, 2), (1, 1), (1, 1), 2),
        (3, 64, 12, 12, 64, (3, 3), (1, 1), (1, 1), (1, 1), 1),
        (40, 32, 24, 40, 32, (3, 3), (1, 1), (1, 1), (1, 1), 32),
        (1, 64, 40, 40, 96, (3, 3), (2, 2), (1, 1), (1, 1), 1),
        (2, 64, 24, 24, 96, (1, 1), (1, 1), (0, 0), (1, 1), 1),
        (30, 3, 30, 30, 40, (3, 3), (1, 1), (1, 1), (1, 1), 1),
        (90, 2, 30, 30, 6, (5, 5), (1, 1), (2, 2), (1, 1), 1),
    ],
)
def test_bits_do_not_depend_on_threads(kernel, dtype, case):
    one = check(kernel, case, dtype)
    values = arrays(case, dtype)
    for threads in (2, 3):
        kernel.set_threads(threads)
        for got, want in zip(run(kernel, case, *values), one, strict=True):
            assert got.tobytes() == want.tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES)
def test_nan_and_infinity_reach_what_they_should_and_no_more(kernel, dtype, case):
    rng = np.random.default_rng(1)
    for value in (np.nan, np.inf):
        for place in (0, 1, 3):
            values = arrays(case, dtype)
            values[place].flat[rng.integers(values[place].size)] = value
            with np.errstate(invalid="ignore"):
                expected = run(reference, case, *values, np.float64)
            for i, (got, want) in enumerate(zip(run(kernel, case, *values), expected, strict=True)):
                if place == 1 and i == 2:  # dx meets the whole weight at its border too, against zeros
                    assert not np.isfinite(got[~np.isfinite(want)]).any()
                else:
                    assert np.array_equal(np.isfinite(got), np.isfinite(want))


WINOGRAD = (10, 32, 14, 13, 24, (3, 3), (1, 1), (1, 1), (1, 1), 1)


def test_winograd_error(kernel):
    """Far below the 1e-5 of the largest element that its users are promised."""
    for case in (WINOGRAD, (2, 256, 12, 12, 20, (3, 3), (1, 1), (0, 0), (1, 1), 1)):
        values = arrays(case, np.float32)
        for got, want in zip(run(kernel, case, *values), run(reference, case, *values, np.float64), strict=True):
            assert np.abs(got - want).max() <= 5e-6 * np.abs(want).max()


def test_winograd_has_no_overflow_of_its_own(kernel):
    x, weight, bias, g = arrays(WINOGRAD, np.float32)
    weight *= 1e-3
    x[3, 5, 7, 7] = 3e38
    g[4, 2, 6, 6] = -3e38
    expected = run(reference, WINOGRAD, x, weight, bias, g, np.float64)
    for got, want in zip(run(kernel, WINOGRAD, x, weight, bias, g), expected, strict=True):
        fits = np.abs(want) < 1e38
        assert np.isfinite(got[fits]).all()
        assert np.abs(got - want)[fits].max() <= 1e-5 * np.abs(want[fits]).max()


def test_an_image_does_not_change_with_its_batch(kernel):
    x, weight, bias, g = arrays(WINOGRAD, np.float32)
    one, _, gradient, _ = run(kernel, WINOGRAD, x, weight, bias, g)
    x[2], g[2] = np.nan, np.inf
    order = np.arange(len(x))[::-1]
    other, _, other_gradient, _ = run(kernel, WINOGRAD, x[order].copy(), weight, bias, g[order].copy())
    rest = order != 2
    assert one[order][rest].tobytes() == other[rest].tobytes()
    assert gradient[order][rest].tobytes() == other_gradient[rest].tobytes()


def test_writes_nothing_else(kernel):
    for case in CASES:
        *_, stride, padding, dilation, groups = case
        x, weight, _, g = arrays(case, np.float32)
        memory = [np.full(like.size + 64, 7, np.float32) for like in (g, x, weight)]
        out, dx, dweight = (m[32:-32].reshape(like.shape) for m, like in zip(memory, (g, x, weight), strict=True))
        kernel.conv2d_forward(x, weight, None, out, stride, padding, dilation, groups)
        kernel.conv2d_backward_input(g, weight, dx, stride, padding, dilation, groups)
        kernel.conv2d_backward_weight(g, x, dweight, stride, padding, dilation, groups)
        for m in memory:
            assert (m[:32] == 7).all()
            assert (m[-32:] == 7).all()


pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))


@settings(max_examples=40, deadline=None)
@given(batch=st.integers(1, 3), groups=st.integers(1, 3), channels=st.integers(1, 9), outputs=st.integers(1, 9),
       size=st.tuples(st.integers(1, 12), st.integers(1, 20)), kernel=pairs, stride=pairs, dilation=pairs,
       padding=st.tuples(st.integers(0, 3), st.integers(0, 3)))  # fmt: skip
def test_any_geometry(batch, groups, channels, outputs, size, kernel, stride, dilation, padding):
    case = (batch, channels * groups, *size, outputs * groups, kernel, stride, padding, dilation, groups)
    assume(min(out_shape(case)) > 0)
    for level in LEVELS:
        check(_kernels.load(level)["conv"], case, np.float32)

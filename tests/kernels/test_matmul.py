"""matmul against its twin: strides, tails, batches, bias and ReLU, at every level and for several thread counts."""

import importlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad import _kernels

reference = importlib.import_module("minigrad._kernels.reference.matmul")

THEME = "matmul"
LEVELS = _kernels.built_levels()
DTYPES = (np.float32, np.float64)
LAYOUTS = (
    ("plain", "plain"), ("transposed", "plain"), ("plain", "transposed"),
    ("transposed", "transposed"), ("strided", "reversed"), ("reversed", "strided"),
)  # fmt: skip


def operand(shape, dtype, layout, rng):
    """A random array of `shape` whose last two axes lie in memory as `layout` says."""
    *batch, rows, columns = shape
    if layout == "transposed":
        return rng.standard_normal((*batch, columns, rows)).astype(dtype).swapaxes(-1, -2)
    if layout == "strided":
        return rng.standard_normal((*batch, 2 * rows, 3 * columns)).astype(dtype)[..., ::2, ::3]
    if layout == "reversed":
        return rng.standard_normal(shape).astype(dtype)[..., ::-1, ::-1]
    return rng.standard_normal(shape).astype(dtype)


def bound(a, b, dtype):
    """The documented error bound, with a little room, for every element of a @ b."""
    k = a.shape[-1]
    scale = np.abs(a).astype(np.float64) @ np.abs(b).astype(np.float64)
    return (min(k, 192) + k / 192 + 4) * np.finfo(dtype).eps * scale + np.finfo(dtype).tiny


def run(kernel, a, b, bias=None, relu=False):
    batch = a.shape[:-2] if a.ndim > 2 else b.shape[:-2]
    out = np.full(batch + a.shape[-2:-1] + (b.shape[-1:] if b.ndim > 1 else ()), np.nan, a.dtype)
    kernel.matmul(a, b, out, bias, relu)
    return out


def check(kernel, a, b, bias=None, relu=False):
    out = run(kernel, a, b, bias, relu)
    expected = np.empty(out.shape)
    reference.matmul(a, b, expected, bias, relu)
    extra = 0 if bias is None else 4 * np.finfo(out.dtype).eps * np.abs(bias)
    assert np.all(np.abs(out - expected) <= bound(a, b, out.dtype) + extra)
    return out


# Tails of the register tiles, sums of several DEPTH blocks, more rows than BLOCK_ROWS, more columns than one packing.
SHAPES = (
    (1, 1, 1), (8, 8, 8), (3, 5, 2), (9, 193, 49), (65, 64, 63), (1, 300, 100), (100, 300, 1), (5, 400, 97),
    (30, 385, 130), (300, 200, 7), (260, 100, 150), (40, 20, 2100), (300, 20, 2100),
)  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layouts", LAYOUTS)
def test_equals_twin(kernel, dtype, layouts):
    rng = np.random.default_rng(0)
    for m, k, n in SHAPES:
        check(kernel, operand((m, k), dtype, layouts[0], rng), operand((k, n), dtype, layouts[1], rng))


@pytest.mark.parametrize("dtype", DTYPES)
def test_bias_and_relu(kernel, dtype):
    rng = np.random.default_rng(1)
    for m, k, n in SHAPES:
        a, b = operand((m, k), dtype, "plain", rng), operand((k, n), dtype, "plain", rng)
        bias = rng.standard_normal(n).astype(dtype)
        check(kernel, a, b, bias)
        check(kernel, a, b, bias, relu=True)
        out = check(kernel, a, b, relu=True)
        assert (out >= 0).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch", [(3,), (2, 3), (1, 4, 1), (0,)])
def test_batches(kernel, dtype, batch):
    rng = np.random.default_rng(2)
    for layout in ("plain", "transposed"):
        a, b = operand((*batch, 9, 20), dtype, layout, rng), operand((*batch, 20, 17), dtype, "plain", rng)
        check(kernel, a, b)
        check(kernel, a, np.broadcast_to(b[:1] if len(batch) == 1 else b[:, :1], b.shape))
        check(kernel, np.broadcast_to(a[..., :1, :], a.shape), b)
        shared = operand((20, 17), dtype, layout, rng)
        check(kernel, a, np.broadcast_to(shared, (*batch, 20, 17)), rng.standard_normal(17).astype(dtype))
        check(kernel, np.broadcast_to(a[..., :1], (*batch, 9, 20)), b)
        check(kernel, a[..., :1, :], b)
        check(kernel, a, b[..., :1])


@pytest.mark.parametrize("dtype", DTYPES)
def test_bits_do_not_depend_on_threads_rows_or_strides(kernel, dtype):
    rng = np.random.default_rng(3)
    cases = [((200, 250), (250, 300)), ((600, 100), (100, 130)), ((30, 700), (700, 1000)), ((2000, 2500), (2500, 1)),
             ((3, 70, 260), (3, 260, 300)), ((2, 70, 260), (2, 260, 300)), ((300, 20), (20, 2100))]  # fmt: skip
    for a_shape, b_shape in cases:
        a, b = operand(a_shape, dtype, "plain", rng), operand(b_shape, dtype, "plain", rng)
        bias = rng.standard_normal(b_shape[-1]).astype(dtype)
        one = check(kernel, a, b, bias)
        for threads in (2, 3):
            kernel.set_threads(threads)
            assert run(kernel, a, b, bias).tobytes() == one.tobytes()
            assert run(kernel, a.swapaxes(-1, -2).copy().swapaxes(-1, -2), b, bias).tobytes() == one.tobytes()
            assert run(kernel, a, b.swapaxes(-1, -2).copy().swapaxes(-1, -2), bias).tobytes() == one.tobytes()
        kernel.set_threads(1)
        assert run(kernel, a[..., 5:18, :], b, bias).tobytes() == one[..., 5:18, :].tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
def test_vectors(kernel, dtype):
    """Whole strips and their ends, columns that lie adjacent or not, dot products of several blocks."""
    rng = np.random.default_rng(4)
    for k in (1, 7, 64, 200, 1000, 9000):
        x, y = operand((1, 3 * k), dtype, "plain", rng)[0], operand((1, 2 * k), dtype, "plain", rng)[0]
        dot = check(kernel, x[:k], y[:k])
        assert dot.shape == ()
        assert dot.tobytes() == run(kernel, np.repeat(x[:k], 2)[::2], np.repeat(y[:k], 3)[::3]).tobytes()
        assert dot.tobytes() == run(kernel, x[None, :k], y[:k, None]).tobytes()
    for n, k in ((5, 300), (33, 17), (300, 100), (777, 250)):
        matrix, x, y = operand((n, k), dtype, "plain", rng), rng.standard_normal(k).astype(dtype), None
        one = check(kernel, matrix, x)
        assert one.tobytes() == check(kernel, x, matrix.T).tobytes()
        assert one.tobytes() == run(kernel, matrix.copy(order="F"), x).tobytes()
        assert one.tobytes() == run(kernel, np.repeat(matrix, 2, 1)[:, ::2], np.repeat(x, 2)[::2]).tobytes()
        y = np.stack([x, x[::-1]], 1)  # a column of a product is the product with that column
        assert one.tobytes() == run(kernel, matrix, y)[:, 0].tobytes()
        bias = rng.standard_normal(n).astype(dtype)
        biased = check(kernel, x[None], matrix.T, bias, relu=True)
        assert biased.tobytes() == run(kernel, np.stack([x, x[::-1]]), matrix.T, bias, relu=True)[:1].tobytes()
        assert biased.tobytes() == run(kernel, x[None], matrix.copy(order="F").T, bias, relu=True).tobytes()
    batch = operand((3, 4, 20), dtype, "plain", rng)
    check(kernel, batch, operand((1, 20), dtype, "plain", rng)[0])
    check(kernel, operand((1, 4), dtype, "plain", rng)[0], batch)
    check(kernel, operand((5, 4), dtype, "plain", rng), batch)


def test_empty_sum_is_the_bias(kernel):
    a, b, bias = np.empty((2, 3, 0), np.float32), np.empty((2, 0, 4), np.float32), np.float32([1, -2, 0, np.nan])
    assert (run(kernel, a, b) == 0).all()
    assert np.array_equal(run(kernel, a, b, bias)[1, 2], bias, equal_nan=True)
    assert np.array_equal(run(kernel, a, b, bias, relu=True)[0, 0], np.float32([1, 0, 0, np.nan]), equal_nan=True)


@pytest.mark.parametrize("dtype", DTYPES)
def test_nan_and_infinity_pass(kernel, dtype):
    for m, k, n in [(5, 7, 3), (70, 200, 60)]:
        a, b = np.ones((m, k), dtype), np.zeros((k, n), dtype)
        a[1, 2], a[2, 3], b[4, 1] = np.nan, np.inf, -np.inf
        expected = np.empty((m, n))
        with np.errstate(invalid="ignore"):
            reference.matmul(a, b, expected)
        assert np.array_equal(run(kernel, a, b), expected, equal_nan=True)
        assert np.isnan(run(kernel, a, b, relu=True)[1]).all()


def test_writes_nothing_else(kernel):
    for m, n in [(1, 1), (9, 50), (300, 17)]:
        memory = np.full(m * n + 64, 7, np.float32)
        out = memory[32:-32].reshape(m, n)
        kernel.matmul(np.zeros((m, 5), np.float32), np.zeros((5, n), np.float32), out)
        assert (memory[:32] == 7).all()
        assert (memory[-32:] == 7).all()
        assert (out == 0).all()


@settings(max_examples=30, deadline=None)
@given(m=st.integers(1, 70), k=st.integers(1, 400), n=st.integers(1, 120), seed=st.integers(0, 9),
       layouts=st.tuples(*[st.sampled_from(("plain", "transposed", "strided", "reversed"))] * 2))  # fmt: skip
def test_any_shape(m, k, n, seed, layouts):
    rng = np.random.default_rng(seed)
    for level in LEVELS:
        module = _kernels.load(level)["matmul"]
        check(module, operand((m, k), np.float32, layouts[0], rng), operand((k, n), np.float32, layouts[1], rng))

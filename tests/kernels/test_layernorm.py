"""Layer-norm kernels against their twins: every processor level, any number of threads, hard numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad import _kernels
from minigrad._kernels.reference import layernorm as reference

THEME = "layernorm"
LEVELS = _kernels.built_levels()
KERNELS = {level: _kernels.load(level)["layernorm"] for level in LEVELS}
DTYPES = [np.float32, np.float64]
SHAPES = [(1, 1), (1, 2), (3, 7), (5, 16), (8, 128), (9, 129), (67, 33), (200, 100), (3, 5000), (2, 70_000), (70, 3)]


def rows_of(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    x = (rng.standard_normal(shape) * 2 + 3).astype(dtype)
    weight, bias = rng.standard_normal((2, shape[1])).astype(dtype)
    return x, rng.standard_normal(shape).astype(dtype), weight, bias


def run_all(module, x, g, weight, bias, eps=1e-5):
    """Everything the kernels write, for one input."""
    mean, rstd = (np.full(len(x), np.nan, x.dtype) for _ in range(2))
    out, dx, dweight, dbias = (np.full(shape, np.nan, x.dtype) for shape in (x.shape, x.shape, x.shape[1], x.shape[1]))
    module.layer_norm_forward(x, weight, bias, eps, out, mean, rstd)
    wide = x.astype(np.float64)  # the same statistics for kernel and twin
    statistics = [a.astype(x.dtype) for a in (wide.mean(1), 1 / np.sqrt(wide.var(1) + eps))]
    module.layer_norm_backward(g, x, weight, *statistics, dx, dweight, dbias)
    return {"out": out, "mean": mean, "rstd": rstd, "dx": dx, "dweight": dweight, "dbias": dbias}


def compare(found, expected, dtype):
    tolerance = 2e-6 if dtype == np.float32 else 4e-14
    for name, array in found.items():
        size = max(1.0, float(np.abs(expected[name]).max()))
        if name == "dx":
            size *= max(1.0, float(expected["rstd"].max()))
        np.testing.assert_allclose(array, expected[name], rtol=tolerance, atol=tolerance * size, err_msg=name)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_as_the_twin(kernel, shape, dtype):
    arguments = rows_of(shape, dtype)
    compare(run_all(kernel, *arguments), run_all(reference, *arguments), dtype)


@settings(max_examples=25)
@given(
    shape=st.tuples(st.integers(1, 200), st.integers(1, 300)),
    dtype=st.sampled_from(DTYPES),
    scaled=st.booleans(),
    shifted=st.booleans(),
)
def test_any_shape(shape, dtype, scaled, shifted):
    x, g, weight, bias = rows_of(shape, dtype)
    arguments = x, g, weight if scaled else None, bias if shifted else None
    expected = run_all(reference, *arguments)
    for module in KERNELS.values():
        compare(run_all(module, *arguments), expected, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1000, 300), (37, 5000), (20_001, 9)], ids=str)
def test_threads_change_no_bit(kernel, shape, dtype):
    arguments = rows_of(shape, dtype)
    results = []
    for threads in (1, 2, 3):
        kernel.set_threads(threads)
        results.append(run_all(kernel, *arguments))
    for result in results[1:]:
        assert all(result[name].tobytes() == results[0][name].tobytes() for name in result)


@pytest.mark.parametrize("size", [10, 500, 4000])
@pytest.mark.parametrize("center", [-4000.0, 1e6])
def test_a_mean_far_from_zero_costs_no_accuracy(kernel, size, center):
    x = (np.random.default_rng(0).standard_normal((7, size)) * 3 + center).astype(np.float32)
    out, (mean, rstd) = np.empty_like(x), np.empty((2, 7), np.float32)
    kernel.layer_norm_forward(x, None, None, 0.0, out, mean, rstd)
    wide = x.astype(np.float64)
    np.testing.assert_allclose(mean, wide.mean(1), rtol=1e-7)
    np.testing.assert_allclose(rstd, 1 / wide.std(1), rtol=2e-6)
    np.testing.assert_allclose(out, (wide - wide.mean(1, keepdims=True)) / wide.std(1, keepdims=True), atol=1e-5)


@pytest.mark.parametrize("size", [3, 64, 300])
@pytest.mark.parametrize("scale", [1e-25, 1e25, 1e37])
def test_squares_that_overflow_or_vanish(kernel, size, scale):
    x, _, weight, bias = rows_of((6, size), np.float32)
    x *= np.float32(scale)
    x[:3] /= np.float32(scale)
    found, expected = np.empty_like(x), np.empty_like(x)
    kernel.layer_norm_forward(x, weight, bias, 1e-5, found, *np.empty((2, 6), np.float32))
    reference.layer_norm_forward(x, weight, bias, 1e-5, expected, *np.empty((2, 6), np.float32))
    if scale < 1e30:  # beyond, x * rstd leaves float32's range before they meet
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found[:3], expected[:3], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", [2, 33, 150])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_fill_their_row_only(kernel, value, size):
    x, g, weight, bias = rows_of((11, size), np.float32)
    x[4, 1] = value
    with np.errstate(invalid="ignore"):
        found = run_all(kernel, x, g, weight, bias)
    assert np.isnan(found["out"][4]).all()
    assert np.isnan(found["dx"][4]).all()
    for name in ("out", "dx"):
        assert np.isfinite(np.delete(found[name], 4, axis=0)).all()
    assert np.isnan(found["dweight"]).all()
    assert np.isfinite(found["dbias"]).all()


def test_a_constant_row_gives_the_bias(kernel):
    x = np.full((5, 100), 0.1, np.float32)
    bias = np.linspace(-1, 1, 100, dtype=np.float32)
    out, (mean, rstd) = np.empty_like(x), np.empty((2, 5), np.float32)
    kernel.layer_norm_forward(x, None, bias, 1e-5, out, mean, rstd)
    np.testing.assert_allclose(out, np.broadcast_to(bias, out.shape), atol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
def test_gradients_not_asked_for_are_not_needed(kernel, dtype):
    x, g, weight, _ = rows_of((100, 50), dtype)
    mean, rstd = x.mean(1), 1 / x.std(1)
    whole = [np.empty_like(x), np.empty(50, dtype), np.empty(50, dtype)]
    kernel.layer_norm_backward(g, x, weight, mean, rstd, *whole)
    for wanted in range(3):
        part = [np.empty_like(a) if i == wanted else None for i, a in enumerate(whole)]
        kernel.layer_norm_backward(g, x, weight, mean, rstd, *part)
        np.testing.assert_allclose(part[wanted], whole[wanted], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
def test_unaligned_memory(kernel, dtype):
    x, g, weight, bias = rows_of((9, 37), dtype)
    expected = run_all(kernel, x, g, weight, bias)
    room = np.empty(2 * x.size + 1, dtype)
    moved = [room[1 : 1 + x.size].reshape(x.shape), room[1 + x.size :].reshape(x.shape)]
    moved[0][...], moved[1][...] = x, g
    found = run_all(kernel, *moved, weight, bias)
    assert all(found[name].tobytes() == expected[name].tobytes() for name in found)


@pytest.mark.parametrize("n", [1024, 1023])
def test_large_outputs_are_written_past_the_caches_with_the_same_bits(kernel, n):
    """From 16 MiB on; each half is below that."""
    x, g, weight, bias = rows_of((4128, n), np.float32)
    whole = _kernels.empty_like(x)
    kernel.layer_norm_forward(x, weight, bias, 1e-5, whole, *np.empty((2, len(x)), np.float32))
    halves = np.empty_like(x)
    for part in (slice(0, 2064), slice(2064, 4128)):
        kernel.layer_norm_forward(x[part], weight, bias, 1e-5, halves[part], *np.empty((2, 2064), np.float32))
    assert whole.tobytes() == halves.tobytes()
    mean, rstd = x.mean(1), 1 / x.std(1)
    kernel.layer_norm_backward(g, x, weight, mean, rstd, whole, None, None)
    for part in (slice(0, 2064), slice(2064, 4128)):
        kernel.layer_norm_backward(g[part], x[part], weight, mean[part], rstd[part], halves[part], None, None)
    assert whole.tobytes() == halves.tobytes()

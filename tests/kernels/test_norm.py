"""Batch-norm kernels against their twins: long and short runs, every processor level, any number of threads."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad import _kernels
from minigrad._kernels.reference import norm as reference

LEVELS = _kernels.built_levels()
DTYPES = [np.float32, np.float64]
SHAPES = [
    (1, 1, 1), (2, 3, 1), (5, 700, 1), (33, 7, 49), (3, 300, 4), (4, 5, 127), (4, 5, 128), (3, 2, 1000), (9, 1, 15),
    (2, 2, 16), (2, 37, 33),
]  # fmt: skip


def batch(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    x = (rng.standard_normal(shape) * 2 + 3).astype(dtype)
    g = rng.standard_normal(shape).astype(dtype)
    weight, bias = rng.standard_normal((2, shape[1])).astype(dtype)
    return x, g, weight, bias


def run_all(module, x, g, weight, bias, eps=1e-5):
    """Everything the three kernels write, for one batch."""
    channels = x.shape[1]
    mean, rstd, var, dweight, dbias = (np.full(channels, np.nan, x.dtype) for _ in range(5))
    out, dx, inference = (np.full_like(x, np.nan) for _ in range(3))
    module.batch_norm_forward(x, weight, bias, eps, out, mean, rstd, var)
    statistics = [a.copy() for a in reference_statistics(x, eps)]  # the same ones for kernel and twin
    module.batch_norm_backward(g, x, weight, *statistics, dx, dweight, dbias)
    module.batch_norm_inference(x, weight, bias, *statistics, inference)
    return {"out": out, "mean": mean, "rstd": rstd, "var": var, "dx": dx, "dweight": dweight, "dbias": dbias,
            "inference": inference}  # fmt: skip


def reference_statistics(x, eps):
    mean = x.astype(np.float64).mean(axis=(0, 2))
    rstd = 1 / np.sqrt(x.astype(np.float64).var(axis=(0, 2)) + eps)
    return mean.astype(x.dtype), rstd.astype(x.dtype)


def compare(found, expected, dtype, scale):
    tolerance = 8e-7 if dtype == np.float32 else 2e-14
    for name, array in found.items():
        size = scale if name in ("dx", "out", "inference") else max(1.0, float(np.abs(expected[name]).max()))
        np.testing.assert_allclose(array, expected[name], rtol=tolerance, atol=tolerance * size, err_msg=name)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_as_the_twin(shape, dtype):
    arguments = batch(shape, dtype)
    expected = run_all(reference, *arguments)
    scale = 1 + 10 * float(np.abs(expected["rstd"]).max())
    for level in LEVELS:
        compare(run_all(_kernels.load(level)["norm"], *arguments), expected, dtype, scale)


@settings(max_examples=25, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 300), st.integers(1, 300)).filter(
        lambda s: s[0] * s[2] > 1 and s[0] * s[1] * s[2] < 40_000
    ),
    dtype=st.sampled_from(DTYPES),
    affine=st.booleans(),
)
def test_any_shape(shape, dtype, affine):
    x, g, weight, bias = batch(shape, dtype)
    if not affine:
        weight = bias = None
    expected = run_all(reference, x, g, weight, bias)
    scale = 1 + 10 * float(np.abs(expected["rstd"]).max())
    for level in LEVELS:
        compare(run_all(_kernels.load(level)["norm"], x, g, weight, bias), expected, dtype, scale)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(50, 600, 9), (10, 20, 700), (3000, 130, 1)], ids=str)
def test_threads_change_no_bit(shape, dtype, level):
    module = _kernels.load(level)["norm"]
    arguments = batch(shape, dtype)
    results = []
    for threads in (1, 2, 3):
        module.set_threads(threads)
        results.append(run_all(module, *arguments))
    module.set_threads(1)
    for result in results[1:]:
        assert all(result[name].tobytes() == results[0][name].tobytes() for name in result)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("shape", [(64, 3, 500), (500, 3, 8)], ids=str)
def test_a_mean_far_from_zero_costs_no_accuracy(shape, level):
    """One pass (mean of squares less squared mean) in float32 would lose every digit here."""
    module = _kernels.load(level)["norm"]
    rng = np.random.default_rng(0)
    x = (rng.standard_normal(shape) + 4000).astype(np.float32)
    out, (mean, rstd, var) = np.empty_like(x), np.empty((3, shape[1]), np.float32)
    module.batch_norm_forward(x, None, None, 0.0, out, mean, rstd, var)
    wide = x.astype(np.float64)
    np.testing.assert_allclose(var, wide.var(axis=(0, 2)), rtol=1e-6)
    np.testing.assert_allclose(mean, wide.mean(axis=(0, 2)), rtol=1e-7)
    exact = (wide - wide.mean(axis=(0, 2))[:, None]) / wide.std(axis=(0, 2))[:, None]
    np.testing.assert_allclose(out, exact, atol=2e-6)
    assert abs(out.astype(np.float64).mean(axis=(0, 2))).max() < 1e-7


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("shape", [(6, 4, 200), (6, 4, 3)], ids=str)
def test_gradients_not_asked_for_are_not_needed(shape, level):
    module = _kernels.load(level)["norm"]
    x, g, weight, _ = batch(shape, np.float32)
    mean, rstd = reference_statistics(x, 1e-5)
    whole = [np.empty_like(x), np.empty(4, np.float32), np.empty(4, np.float32)]
    module.batch_norm_backward(g, x, weight, mean, rstd, *whole)
    for wanted in range(3):
        part = [np.empty_like(a) if i == wanted else None for i, a in enumerate(whole)]
        module.batch_norm_backward(g, x, weight, mean, rstd, *part)
        assert part[wanted].tobytes() == whole[wanted].tobytes()


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("size", [2, 150])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_and_infinity_fill_their_channel_only(value, size, level):
    module = _kernels.load(level)["norm"]
    x, _, weight, bias = batch((7, 5, size), np.float32)
    x[3, 2, 1] = value
    out, (mean, rstd, var) = np.empty_like(x), np.empty((3, 5), np.float32)
    module.batch_norm_forward(x, weight, bias, 1e-5, out, mean, rstd, var)
    assert np.isnan(out[:, 2]).all()
    assert np.isnan(var[2])
    assert np.isfinite(np.delete(out, 2, axis=1)).all()


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("size", [1, 200])
def test_a_constant_channel_gives_its_bias(size, level):
    module = _kernels.load(level)["norm"]
    x = np.full((8, 2, size), 0.1, np.float32)
    bias = np.array([0.5, -1.0], np.float32)
    out, (mean, rstd, var) = np.empty_like(x), np.empty((3, 2), np.float32)
    module.batch_norm_forward(x, None, bias, 1e-5, out, mean, rstd, var)
    np.testing.assert_allclose(out, np.broadcast_to(bias[:, None], out.shape), atol=1e-6)
    assert (var < 1e-16).all()


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("size", [1, 20, 200])
def test_squares_that_overflow_float32(size, level):
    module = _kernels.load(level)["norm"]
    x, _, weight, bias = batch((20, 5, size), np.float32)
    x[:, 2] *= np.float32(1e25)
    found, expected = np.empty_like(x), np.empty_like(x)
    module.batch_norm_forward(x, weight, bias, 1e-5, found, *np.empty((3, 5), np.float32))
    with np.errstate(over="ignore"):  # of var, when it is rounded to float32
        reference.batch_norm_forward(x, weight, bias, 1e-5, expected, *np.empty((3, 5), np.float32))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_moving_a_statistic(dtype, level):
    now, running = np.random.default_rng(0).standard_normal((2, 37)).astype(dtype)
    expected = running.copy()
    reference.move_statistic(now, expected, 0.1, 64 / 63)
    _kernels.load(level)["norm"].move_statistic(now, running, 0.1, 64 / 63)
    np.testing.assert_allclose(running, expected, rtol=1e-6, atol=1e-7)

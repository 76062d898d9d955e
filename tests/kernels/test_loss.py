"""Softmax and cross-entropy kernels against their twins: rows, columns and gathered columns; exp in ulps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad import _kernels
from minigrad._kernels.reference import loss as reference

LEVELS = _kernels.built_levels()
DTYPES = [np.float32, np.float64]
SHAPES = [
    (1, 1, 1), (130, 10, 1), (3, 21, 1), (37, 33, 1), (9, 64, 1), (5, 300, 1), (2, 5003, 1),
    (4, 7, 3), (70, 20, 2), (3, 50, 5), (2, 5, 16), (3, 21, 300), (2, 130, 67),
]  # fmt: skip


def normal(shape, dtype, seed, scale=3.0):
    return (np.random.default_rng(seed).standard_normal(shape) * scale).astype(dtype)


def softmaxes(module, x, g):
    y, log_y, dx, log_dx = (np.full_like(x, np.nan) for _ in range(4))
    module.softmax_forward(x, y)
    module.log_softmax_forward(x, log_y)
    exact = np.empty_like(x)  # the same input of backward for kernel and twin
    reference.softmax_forward(x, exact)
    module.softmax_backward(g, exact, dx)
    reference.log_softmax_forward(x, exact)
    module.log_softmax_backward(g, exact, log_dx)
    return {"softmax": y, "log_softmax": log_y, "softmax dx": dx, "log_softmax dx": log_dx}


def cross_entropies(module, logits, target, weight, ignore_index, smoothing, scale):
    loss, lse = (np.full(target.shape, np.nan, logits.dtype) for _ in range(2))
    dx = np.full_like(logits, np.nan)
    module.cross_entropy_forward(logits, target, weight, ignore_index, smoothing, loss, lse)
    exact_loss, exact_lse = np.empty_like(loss), np.empty_like(lse)
    reference.cross_entropy_forward(logits, target, weight, ignore_index, smoothing, exact_loss, exact_lse)
    module.cross_entropy_backward(logits, target, weight, ignore_index, smoothing, exact_lse, scale, dx)
    return {"loss": loss, "lse": lse, "dx": dx}


def logsumexps(module, x, g, first, last):
    y = np.full(x.shape[:first] + x.shape[last:], 7, x.dtype)
    module.logsumexp_forward(x, y, first, last)
    exact, dx = np.empty_like(y), np.full_like(x, 7)
    reference.logsumexp_forward(x, exact, first, last)
    module.logsumexp_backward(g.reshape(-1)[: y.size].reshape(y.shape), x, exact, dx, first, last)
    return {"logsumexp": y, "logsumexp dx": dx}


def compare(found, expected, dtype):
    tolerance = 1e-6 if dtype == np.float32 else 4e-15
    for name, array in found.items():
        largest = float(np.abs(expected[name]).max())
        np.testing.assert_allclose(
            array, expected[name], rtol=4 * tolerance, atol=tolerance * max(1.0, largest), err_msg=name
        )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_softmax_as_the_twin(shape, dtype):
    x, g = normal(shape, dtype, 0), normal(shape, dtype, 1)
    expected = softmaxes(reference, x, g)
    for level in LEVELS:
        compare(softmaxes(_kernels.load(level)["loss"], x, g), expected, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [*SHAPES, (2, 3, 4, 5)], ids=str)
def test_logsumexp_and_any_axis_as_the_twin(shape, dtype):
    x, g = normal(shape, dtype, 0), normal(shape, dtype, 1)
    for level in LEVELS:
        module = _kernels.load(level)["loss"]
        for first, last in ((0, 1), (1, 2), (1, 3), (0, len(shape)), (len(shape) - 1, len(shape))):
            compare(logsumexps(module, x, g, first, last), logsumexps(reference, x, g, first, last), dtype)
        for axis in range(len(shape)):
            found, expected = np.empty_like(x), np.empty_like(x)
            module.softmax_forward(x, found, axis)
            reference.softmax_forward(x, expected, axis)
            compare({"softmax": found}, {"softmax": expected}, dtype)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("columns", [1, 3, 20])
def test_logsumexp_of_infinities_and_nan(columns, level):
    inf, nan = np.inf, np.nan
    rows = [[-inf] * 40, [inf] + [1.0] * 39, [-inf, 1.0] * 20, [nan] + [inf] * 39, [1e4] * 40]
    x = np.array(rows, np.float32)[:, :, None].repeat(columns, 2)
    y, dx = np.empty((5, columns), np.float32), np.empty_like(x)
    module = _kernels.load(level)["loss"]
    module.logsumexp_forward(x, y, 1, 2)
    expected = np.array([-inf, inf, 1 + np.log(20), nan, 1e4 + np.log(40)])
    np.testing.assert_allclose(y, expected[:, None].repeat(columns, 1), rtol=1e-6)
    module.logsumexp_backward(np.ones_like(y), x, y, dx, 1, 2)
    assert np.isnan(dx[0]).all()
    assert np.isnan(dx[1, 0]).all()
    assert (dx[1, 1:] == 0).all()  # as PyTorch's
    np.testing.assert_allclose(dx[2].sum(axis=0), 1, rtol=1e-6)


@pytest.mark.parametrize("level", [*LEVELS, "reference"])
def test_classes_are_weighed_and_checked(level):
    module = reference if level == "reference" else _kernels.load(level)["loss"]
    target = np.array([[2, 0, -100], [1, 2, 2]])
    assert module.weigh_classes(target, None, 3, -100) == 5
    for dtype in DTYPES:
        assert module.weigh_classes(target, np.array([0.5, 2.0, 4.0], dtype), 3, -100) == 14.5
    for wrong in (3, -1, 2**40, -(2**40)):
        target[1, 1] = wrong
        with pytest.raises(IndexError, match=f"Target {wrong} is out of bounds: there are 3 classes, 0 to 2"):
            module.weigh_classes(target, None, 3, -100)


@pytest.mark.parametrize("level", LEVELS)
def test_one_scale_for_all_positions(level):
    module = _kernels.load(level)["loss"]
    x, target = normal((6, 30, 4), np.float32, 0), np.random.default_rng(1).integers(0, 30, (6, 4))
    loss, lse = np.empty((2, 6, 4), np.float32)
    module.cross_entropy_forward(x, target, None, -100, 0.1, loss, lse)
    results = []
    for scale in (np.full((6, 4), 0.3, np.float32), np.array(0.3, np.float32)):
        results.append(np.empty_like(x))
        module.cross_entropy_backward(x, target, None, -100, 0.1, lse, scale, results[-1])
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_cross_entropy_as_the_twin(shape, weighted, smoothing, dtype):
    n, classes, size = shape
    rng = np.random.default_rng(2)
    target = rng.integers(0, classes, (n, size))
    target[rng.random((n, size)) < 0.2] = -100
    weight = rng.random(classes).astype(dtype) if weighted else None
    scale = rng.random((n, size)).astype(dtype)
    arguments = (normal(shape, dtype, 0), target, weight, -100, smoothing, scale)
    expected = cross_entropies(reference, *arguments)
    for level in LEVELS:
        compare(cross_entropies(_kernels.load(level)["loss"], *arguments), expected, dtype)


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 80), st.integers(1, 300), st.integers(1, 300)).filter(lambda s: np.prod(s) < 30_000),
    dtype=st.sampled_from(DTYPES),
    smoothing=st.sampled_from([0.0, 0.3]),
)
def test_any_shape(shape, dtype, smoothing):
    n, classes, size = shape
    x, g = normal(shape, dtype, 0), normal(shape, dtype, 1)
    target = np.random.default_rng(3).integers(0, classes, (n, size))
    arguments = (x, target, None, 0, smoothing, g[:, 0].copy())  # a class itself may be the one to ignore
    expected = softmaxes(reference, x, g) | cross_entropies(reference, *arguments)
    for level in LEVELS:
        module = _kernels.load(level)["loss"]
        compare(softmaxes(module, x, g) | cross_entropies(module, *arguments), expected, dtype)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(9001, 10, 1), (2000, 50, 1), (300, 400, 1), (5, 30, 777), (50, 100, 17)], ids=str)
def test_threads_change_no_bit(shape, dtype, level):
    module = _kernels.load(level)["loss"]
    x, g = normal(shape, dtype, 0), normal(shape, dtype, 1)
    target = np.random.default_rng(3).integers(0, shape[1], (shape[0], shape[2]))
    results = []
    for threads in (1, 2, 3):
        module.set_threads(threads)
        exponentials = np.empty_like(x)
        module.exp_forward(x, exponentials)
        results.append(softmaxes(module, x, g) | cross_entropies(module, x, target, None, -1, 0.1, g[:, 0].copy()))
        results[-1]["exp"] = exponentials
    module.set_threads(1)
    for result in results[1:]:
        assert all(result[name].tobytes() == results[0][name].tobytes() for name in result)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("shape", [(6, 5, 1), (6, 40, 1), (6, 5, 20), (6, 40, 3)], ids=str)
def test_nan_and_infinity_as_pytorch(shape, level):
    module = _kernels.load(level)["loss"]
    x = normal(shape, np.float32, 0)
    x[0] = -np.inf  # nothing to choose from: NaN
    x[1, 3] = np.inf  # inf - inf: NaN
    x[2, 2] = np.nan
    x[3, 1] = -np.inf  # impossible, the others are not
    x[4] *= 1e4  # exp would overflow without the maximum
    y, log_y = np.empty_like(x), np.empty_like(x)
    module.softmax_forward(x, y)
    module.log_softmax_forward(x, log_y)
    assert np.isnan(y[:3]).all()
    assert np.isnan(log_y[:3]).all()
    assert (y[3, 1] == 0).all()
    assert (log_y[3, 1] == -np.inf).all()
    np.testing.assert_allclose(y[3:].sum(axis=1), 1, rtol=1e-6)
    assert np.isfinite(log_y[4:]).all()
    target = np.ones((shape[0], shape[2]), np.int64)
    target[1] = -100
    loss, lse = np.empty((2, shape[0], shape[2]), np.float32)
    dx = np.empty_like(x)
    module.cross_entropy_forward(x, target, None, -100, 0.0, loss, lse)
    module.cross_entropy_backward(x, target, None, -100, 0.0, lse, np.ones_like(loss), dx)
    assert np.isnan(loss[[0, 2]]).all()
    assert (loss[1] == 0).all()
    assert (dx[1] == 0).all()  # ignored, whatever the logits
    assert (loss[3] == np.inf).all()  # the target was impossible
    assert np.isfinite(loss[4:]).all()
    assert np.isfinite(dx[3:]).all()


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("shape", [(4, 9, 1), (4, 90, 1), (4, 90, 20)], ids=str)
def test_a_large_lse_costs_the_gradient_nothing(shape, level):
    """lse = 5000 in float32 is rounded to 2^-11; probabilities straight from it would be off by 2e-4."""
    module = _kernels.load(level)["loss"]
    x = (normal(shape, np.float64, 0) + 5000.1).astype(np.float32)
    target = np.zeros((shape[0], shape[2]), np.int64)
    found = cross_entropies(module, x, target, None, -100, 0.0, np.ones(target.shape, np.float32))
    exact = cross_entropies(reference, x, target, None, -100, 0.0, np.ones(target.shape, np.float32))
    np.testing.assert_allclose(found["dx"], exact["dx"], rtol=2e-6, atol=1e-7)
    np.testing.assert_allclose(found["loss"], exact["loss"], rtol=2e-6, atol=1e-6)


def ulps(found, exact):
    """Errors in units of the last place of the exact value (a longdouble), all finite."""
    last_place = np.spacing(np.abs(exact).astype(found.dtype)).astype(np.longdouble)
    return np.abs(found.astype(np.longdouble) - exact) / last_place


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    ("dtype", "low", "high", "bound"),
    [(np.float32, -104, 88.722, 0.9889), (np.float64, -746, 709.78, 1.0)],  # float: the worst of all inputs
)
def test_exp_in_ulps(dtype, low, high, bound, level):
    module = _kernels.load(level)["loss"]
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.uniform(low, high, 300_000), rng.uniform(-1, 1, 100_000), rng.normal(0, 1e-5, 1001)])
    x = x.astype(dtype)
    out = np.empty_like(x)
    module.exp_forward(x, out)
    assert ulps(out, np.exp(x.astype(np.longdouble))).max() <= bound


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("repeats", [1, 3, 40])  # in the scalar tail and in vectors
def test_exp_at_the_edges(repeats, dtype, level):
    module = _kernels.load(level)["loss"]
    tops = {np.float32: (88.8, -103.9, -87.5), np.float64: (709.8, -745.1, -709.0)}[dtype]
    x = np.repeat(np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, *tops, 1e30, -1e30], dtype), repeats)
    out = np.empty_like(x)
    module.exp_forward(x, out)
    with np.errstate(over="ignore", under="ignore"):
        expected = np.exp(x.astype(np.longdouble)).astype(dtype)
    np.testing.assert_allclose(out, expected, rtol=3e-7, atol=float(np.finfo(dtype).smallest_subnormal))
    assert (out[3 * repeats : 5 * repeats] == 1).all()
    assert (out[5 * repeats : 6 * repeats] == np.inf).all()
    assert (out[7 * repeats : 8 * repeats] > 0).all()  # below the normal numbers, not flushed to zero

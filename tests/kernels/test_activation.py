"""The activations against float64 and the C library's erf, to their stated errors, and their special values."""

import math

import numpy as np
import pytest

from minigrad import _kernels
from minigrad._kernels.reference import activation as reference

THEME = "activation"
LEVELS = _kernels.built_levels()
KERNELS = {level: _kernels.load(level)["activation"] for level in LEVELS}

# name, further arguments, the largest error in float32 ulp
UNARY = [
    ("relu_forward", (), 0),
    ("leaky_relu_forward", (0.01,), 0),
    ("hardtanh_forward", (-1.0, 2.0), 0),
    ("sigmoid_forward", (), 3),
    ("tanh_forward", (), 3),
    ("elu_forward", (1.0,), 2),
    ("softplus_forward", (1.0, 20.0), 3),
    ("logsigmoid_forward", (), 3),
    ("silu_forward", (), 4),
    ("mish_forward", (), 5),
    ("erf_forward", (), 3),
    ("gelu_forward", (False,), 10),
    ("gelu_forward", (True,), 200),
]
BINARY = [
    ("relu_backward", ()),
    ("leaky_relu_backward", (0.01,)),
    ("hardtanh_backward", (-1.0, 2.0)),
    ("sigmoid_backward", ()),
    ("tanh_backward", ()),
    ("elu_backward", (0.7,)),
    ("softplus_backward", (2.0, 5.0)),
    ("logsigmoid_backward", ()),
    ("silu_backward", ()),
    ("mish_backward", ()),
    ("gelu_backward", (False,)),
    ("gelu_backward", (True,)),
]


def call(module, name, *arguments):
    *arrays, rest = arguments
    out = np.full_like(arrays[0], 7)
    getattr(module, name)(*arrays, out, *rest)
    return out


def samples(dtype):
    grid = np.linspace(-13, 13, 40_001)
    small = np.logspace(-30, 0, 2000)
    return np.concatenate([grid, small, -small, [-100, -88, 88, 100, 1e10, 0.0]]).astype(dtype)


@pytest.mark.parametrize(("name", "rest", "ulp"), UNARY)
def test_float32_to_the_stated_error(kernel, name, rest, ulp):
    x = samples(np.float32)
    exact = call(reference, name, x.astype(np.float64), rest)
    if name == "leaky_relu_forward":
        exact = call(reference, name, x, rest).astype(np.float64)
    smallest = 1.2e-38 * (
        np.maximum(np.abs(x), 1) if name in ("silu_forward", "mish_forward") else 1
    )  # x times a tiny factor
    unit = np.spacing(np.maximum(np.abs(exact), smallest).astype(np.float32)).astype(np.float64)
    error = np.abs(call(kernel, name, x, rest) - exact) / unit
    assert error.max() <= max(ulp, 0.5)


@pytest.mark.parametrize(("name", "rest", "ulp"), UNARY)
def test_float64(kernel, name, rest, ulp):
    x = samples(np.float64)
    np.testing.assert_allclose(call(kernel, name, x, rest), call(reference, name, x, rest), rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("name", "rest"), BINARY)
def test_backward(kernel, dtype, name, rest):
    x = samples(dtype)
    g = np.random.default_rng(0).standard_normal(x.size).astype(dtype)
    exact = call(reference, name, g.astype(np.float64), x.astype(np.float64), rest)
    tolerance = 4e-7 if dtype == np.float32 else 1e-14
    np.testing.assert_allclose(call(kernel, name, g, x, rest), exact, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("tanh", [False, True])
def test_gelu_backward_is_the_derivative(kernel, tanh):
    x = np.linspace(-6, 6, 1001)
    step = 1e-6
    slope = (call(kernel, "gelu_forward", x + step, (tanh,)) - call(kernel, "gelu_forward", x - step, (tanh,))) / (
        2 * step
    )
    np.testing.assert_allclose(call(kernel, "gelu_backward", np.ones_like(x), x, (tanh,)), slope, atol=1e-8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_special_values(kernel, dtype):
    inf, nan = np.inf, np.nan
    x = np.array([nan, inf, -inf, 0.0, -1000.0, 1000.0], dtype=dtype)

    def expect(name, rest, values):
        for copies in (1, 7):  # vectors and the tail after them
            out = call(kernel, name, np.tile(x, copies), rest)
            np.testing.assert_array_equal(out, np.tile(np.array(values, dtype), copies))

    expect("relu_forward", (), [nan, inf, 0, 0, 0, 1000])
    expect("leaky_relu_forward", (0.5,), [nan, inf, -inf, 0, -500, 1000])
    expect("sigmoid_forward", (), [nan, 1, 0, 0.5, 0, 1])
    expect("tanh_forward", (), [nan, 1, -1, 0, -1, 1])
    expect("hardtanh_forward", (-0.5, 2.0), [nan, 2, -0.5, 0, -0.5, 2])
    expect("elu_forward", (2.0,), [nan, inf, -2, 0, -2, 1000])
    expect("softplus_forward", (1.0, 20.0), [nan, inf, 0, np.log(dtype(2)), 0, 1000])
    expect("softplus_forward", (1.0, inf), [nan, inf, 0, np.log(dtype(2)), 0, 1000])
    expect("logsigmoid_forward", (), [nan, 0, -inf, -np.log(dtype(2)), -1000, 0])
    expect("silu_forward", (), [nan, inf, nan, 0, 0, 1000])
    expect("mish_forward", (), [nan, inf, nan, 0, 0, 1000])
    expect("erf_forward", (), [nan, 1, -1, 0, -1, 1])
    for tanh in (False, True):
        expect("gelu_forward", (tanh,), [nan, inf, nan, 0, 0, 1000])
    for name in ("erf_forward", "tanh_forward"):
        assert np.signbit(call(kernel, name, np.array([-0.0], dtype), ()))[0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_special_values_backward(kernel, dtype):
    # As PyTorch's gradients are
    inf, nan = np.inf, np.nan
    x = np.array([nan, inf, -inf, 0.0, -1000.0, 1000.0] * 7, dtype=dtype)

    def expect(name, rest, values):
        found = call(kernel, name, np.ones_like(x), x, rest)
        np.testing.assert_allclose(found, np.array(values * 7, dtype), rtol=2 * np.finfo(dtype).eps)

    expect("hardtanh_backward", (-0.5, 2.0), [0, 0, 0, 1, 0, 0])
    expect("hardtanh_backward", (0.0, inf), [0, 0, 0, 0, 0, 1])
    expect("elu_backward", (2.0,), [nan, 1, 0, 2, 0, 1])
    expect("softplus_backward", (1.0, 20.0), [nan, 1, 0, 0.5, 0, 1])
    expect("logsigmoid_backward", (), [nan, 0, 1, 0.5, 1, 0])
    expect("silu_backward", (), [nan, nan, nan, 0.5, 0, 1])
    expect("mish_backward", (), [nan, nan, nan, 0.6, 0, 1])
    expect("gelu_backward", (False,), [nan, nan, nan, 0.5, 0, 1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_backward_where_the_output_is_nan_or_zero(kernel, dtype):
    g = np.array([1, 2, 3, 4, np.nan, np.nan] * 5, dtype=dtype)
    y = np.array([np.nan, 0, 5, -0.0, 1, 0] * 5, dtype=dtype)
    expected = np.array([1, 0, 3, 0, np.nan, 0] * 5, dtype=dtype)
    np.testing.assert_array_equal(call(kernel, "relu_backward", g, y, ()), expected)
    expected = np.array([0.5, 1, 3, 2, np.nan, np.nan] * 5, dtype=dtype)
    np.testing.assert_array_equal(call(kernel, "leaky_relu_backward", g, y, (0.5,)), expected)


def test_erf_against_the_c_library(kernel):
    x = np.linspace(-4, 4, 4001).astype(np.float32)
    exact = np.array([math.erf(float(value)) for value in x])
    assert (
        np.abs(call(kernel, "erf_forward", x, ()) - exact) <= 3 * np.spacing(np.abs(exact).astype(np.float32))
    ).all()


@pytest.mark.parametrize("size", [1, 2, 15, 16, 17, 33, 1023, 1025])
@pytest.mark.parametrize(("name", "rest", "ulp"), UNARY)
def test_sizes_and_in_place(kernel, size, name, rest, ulp):
    x = np.linspace(-3, 3, size).astype(np.float32)
    whole = call(kernel, name, np.tile(x, 3), rest)[:size]  # where an element lies must not matter much
    out = call(kernel, name, x, rest)
    np.testing.assert_allclose(out, whole, rtol=1e-6)
    getattr(kernel, name)(x, x, *rest)
    np.testing.assert_array_equal(x, out)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name_rest", [(name, rest) for name, rest, _ in UNARY] + BINARY)
def test_threads_change_nothing(kernel, dtype, name_rest):
    name, rest = name_rest
    x = np.linspace(-9, 9, 700_001 if "relu" in name else 150_001).astype(dtype)
    arrays = (x[::-1].copy(), x) if "backward" in name else (x,)
    one = call(kernel, name, *arrays, rest)
    for threads in (2, 3):
        kernel.set_threads(threads)
        np.testing.assert_array_equal(call(kernel, name, *arrays, rest), one)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["squared", "absolute", "huber", "logistic"])
@pytest.mark.parametrize("size", [1, 17, 150_001])
def test_losses(kernel, dtype, name, size):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, size)).astype(dtype) * 3
    y[:1] = x[:1]  # no difference at all
    tolerance = 6e-7 if dtype == np.float32 else 2e-15
    for direction, rest in (("forward", (0.7,)), ("backward", (0.3, 0.7))):
        found = call(kernel, f"{name}_{direction}", x, y, rest)
        expected = call(reference, f"{name}_{direction}", x, y, rest)
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)
        for threads in (2, 3):
            kernel.set_threads(threads)
            np.testing.assert_array_equal(call(kernel, f"{name}_{direction}", x, y, rest), found)
        kernel.set_threads(1)
    x[:] = np.nan
    assert np.isnan(call(kernel, f"{name}_forward", x, y, (0.7,))).all()
    assert np.isnan(call(kernel, f"{name}_backward", x, y, (0.3, 0.7))).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_outputs_beyond_the_caches(kernel, dtype):
    x = np.resize(samples(dtype), 4_500_007)
    whole, parts = _kernels.empty(x.shape, x.dtype), np.empty_like(x)
    for start in range(0, x.size, 50_000):  # small pieces do not go past the caches
        part = np.ascontiguousarray(x[start : start + 50_000])
        out = np.empty_like(part)
        kernel.sigmoid_forward(part, out)
        parts[start : start + 50_000] = out
    for threads in (1, 2):
        kernel.set_threads(threads)
        whole.fill(7)
        kernel.sigmoid_forward(x, whole)
        np.testing.assert_array_equal(whole, parts)

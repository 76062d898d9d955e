"""The arithmetic of arrays against NumPy's, bit for bit, in every layout that has a loop of its own and in those that have none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigrad import _kernels
from minigrad._kernels.reference import elementwise as reference

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
THEME = "elementwise"
LEVELS = _kernels.built_levels()
KERNELS = {level: _kernels.load(level)["elementwise"] for level in LEVELS}
UFUNCS = [np.add, np.subtract, np.multiply, np.divide]
RULES = ["plus", "minus", "times", "over"]

SHAPES = [
    ((7, 5), (7, 5)),
    ((7, 5), (5,)),
    ((5,), (7, 5)),
    ((2, 3, 4, 5), (3, 1, 1)),
    ((3, 1, 1), (2, 3, 4, 5)),
    ((2, 3, 4, 5), (1, 3, 4, 1)),
    ((7, 5), (7, 1)),
    ((7, 5), (1, 1)),
    ((7, 5), ()),
    ((), ()),
    ((7, 1), (1, 5)),
    ((2, 1, 3), (5, 1)),
    ((2, 3, 2, 3), (3, 1, 3)),
    ((0, 5), (5,)),
    ((0,), (1,)),
    ((33, 129), (129,)),
    ((300, 300), (300,)),
]


def same(found, expected):
    assert isinstance(found, np.ndarray)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_array_equal(found, expected)


def draw(shape, dtype, seed):
    x = np.asarray(np.random.default_rng(seed).standard_normal(shape)).astype(dtype)
    if x.size > 6:
        x.flat[:5] = np.inf, -np.inf, np.nan, 0, -0.0
    return x


@pytest.mark.parametrize("ufunc", UFUNCS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_arrays_as_numpy(kernel, ufunc, dtype, shapes):
    x, y = (draw(shape, dtype, seed) for seed, shape in enumerate(shapes))
    same(kernel.binary(ufunc, x, y), reference.binary(ufunc, x, y))


@pytest.mark.parametrize("ufunc", UFUNCS)
@pytest.mark.parametrize("number", [3, 2.5, 0.0, -7, 1e300, float("nan"), 2**24 + 1])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numbers_as_numpy(kernel, ufunc, number, dtype):
    x = draw((5, 7), dtype, 0)
    same(kernel.binary(ufunc, x, number), reference.binary(ufunc, x, number))
    same(kernel.binary(ufunc, number, x), reference.binary(ufunc, number, x))


@pytest.mark.parametrize("rule", RULES)
def test_rules_on_arrays_and_on_whatever_has_operators(kernel, rule):
    x, y = draw((4, 5), np.float32, 0), draw((4, 5), np.float32, 1)
    same(getattr(kernel, rule)(x, y), getattr(reference, rule)(x, y))
    same(getattr(kernel, rule)(x, 2.0), getattr(reference, rule)(x, 2.0))
    assert getattr(kernel, rule)(6.0, 3.0) == {"plus": 9, "minus": 3, "times": 18, "over": 2}[rule]


def test_what_has_no_loop_is_left_to_numpy(kernel):
    x = draw((6, 8), np.float32, 0)
    same(kernel.binary(np.add, x.T, x.T), reference.binary(np.add, x.T, x.T))
    same(kernel.binary(np.add, x[:, ::2], x[:, ::2]), reference.binary(np.add, x[:, ::2], x[:, ::2]))
    same(kernel.binary(np.maximum, x, 0.5), reference.binary(np.maximum, x, 0.5))
    same(kernel.unary(np.exp, x), reference.unary(np.exp, x))
    whole = np.arange(12).reshape(3, 4)
    same(kernel.binary(np.multiply, whole, 3), whole * 3)
    same(kernel.binary(np.add, x, True), reference.binary(np.add, x, True))
    with pytest.raises(ValueError, match="broadcast"):
        kernel.binary(np.add, x, x[:5])
    with pytest.raises(TypeError):
        kernel.binary(np.subtract, np.ones(2, bool), np.ones(2, bool))


@pytest.mark.parametrize("ufunc", UFUNCS)
@pytest.mark.parametrize("part", [(700, 900), (900,), (700, 1)])
def test_threads_and_streaming_stores_change_nothing(kernel, ufunc, part):
    x, y = draw((700, 900), np.float32, 0), draw(part, np.float32, 1)
    expected = reference.binary(ufunc, x, y)
    for threads in (1, 2, 3):
        kernel.set_threads(threads)
        same(kernel.binary(ufunc, x, y), expected)


def test_outputs_beyond_the_caches(kernel):
    x = draw((9_000_011,), np.float32, 0)
    for threads in (1, 3):
        kernel.set_threads(threads)
        same(kernel.binary(np.add, x, 1.5), x + np.float32(1.5))
        for shapes in (((5000, 1008), (1008,)), ((40, 10, 12_608), (10, 1))):
            whole, part = draw(shapes[0], np.float32, 0), draw(shapes[1], np.float32, 1)
            same(kernel.binary(np.subtract, whole, part), reference.binary(np.subtract, whole, part))


@given(size=st.integers(0, 200), offset=st.integers(0, 17), seed=st.integers(0, 9))
def test_any_size_and_alignment(size, offset, seed):
    x, y = draw(size + offset, np.float32, seed)[offset:], draw(size + offset, np.float32, seed + 1)[offset:]
    for module in KERNELS.values():
        same(module.binary(np.multiply, x, y), reference.binary(np.multiply, x, y))


def test_broadcast_shapes(kernel):
    x = np.ones((2, 3))
    for pair in [(x, x), (x, np.ones(3)), (x, 2.0), (2.0, x), (x, np.ones((2, 3)))]:
        assert kernel.broadcast_shapes(*pair) == reference.broadcast_shapes(*pair)

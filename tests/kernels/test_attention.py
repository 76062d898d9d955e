"""Attention kernels against their twins: every processor level, any number of threads, masks, layouts, hard numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad import _kernels
from minigrad._kernels.reference import attention as reference

THEME = "attention"
LEVELS = _kernels.built_levels()
KERNELS = {level: _kernels.load(level)["attention"] for level in LEVELS}
DTYPES = [np.float32, np.float64]
# heads, queries, keys, features, values
SIZES = [
    ((1, 1, 1), 1, 1, 1, 1),
    ((1, 2, 2), 3, 5, 4, 6),
    ((2, 1, 3), 64, 64, 32, 32),
    ((1, 1, 2), 50, 300, 24, 17),
    ((1, 1, 2), 300, 50, 17, 24),
    ((1, 1, 1), 200, 259, 8, 70),
]
DRAWS = [None, (7, 2**40 + 3, 1001, round(0.7 * 2**32))]
NAMES = "out", "lse", "dq", "dk", "dv", "dmask"


def draw_arrays(size, dtype, kind=None, seed=0):
    """q, k, v, the mask and the gradient of the output."""
    heads, queries, keys, features, values = size
    rng = np.random.default_rng(seed)
    shapes = (queries, features), (keys, features), (keys, values), (queries, values)
    q, k, v, g = (rng.standard_normal((*heads, *shape)).astype(dtype) for shape in shapes)
    mask = None
    if kind == "bools":
        mask = rng.random((*heads, queries, keys)) < 0.7
        mask[:, :, 0, queries // 2] = False
    elif kind == "numbers":
        mask = rng.standard_normal((*heads, queries, keys)).astype(dtype)
    return q, k, v, mask, g


def run(module, q, k, v, mask, g, causal=False, scale=0.3, draw=None):
    """Everything the kernels write, by name."""
    out = np.full((*q.shape[:-1], v.shape[-1]), np.nan, q.dtype)
    lse = np.full(q.shape[:-1], np.nan, q.dtype)
    module.attention_forward(q, k, v, mask, out, lse, causal, scale, draw)
    gradients = [np.full(x.shape, np.nan, q.dtype) for x in (q, k, v)]
    dmask = np.zeros((*q.shape[:-1], k.shape[-2]), q.dtype)
    module.attention_backward(g, q, k, v, mask, out, lse, causal, scale, draw, *gradients, dmask)
    return dict(zip(NAMES, (out, lse, *gradients, dmask), strict=True))


def compare(found, expected, dtype):
    tolerance = 1e-5 if dtype == np.float32 else 1e-13
    for name, array in found.items():
        finite = expected[name][np.isfinite(expected[name])]
        size = max(1.0, float(np.abs(finite).max(initial=0)))
        np.testing.assert_allclose(array, expected[name], rtol=tolerance, atol=tolerance * size, err_msg=name)


def same_bits(found, expected):
    return all(found[name].tobytes() == expected[name].tobytes() for name in NAMES)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("kind", [None, "bools", "numbers"])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("draw", DRAWS, ids=["kept", "dropped"])
def test_as_the_twin(kernel, size, dtype, kind, causal, draw):
    arrays = draw_arrays(size, dtype, kind)
    compare(run(kernel, *arrays, causal, 0.3, draw), run(reference, *arrays, causal, 0.3, draw), dtype)


@settings(max_examples=25)
@given(
    heads=st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(1, 3)),
    sizes=st.tuples(st.integers(1, 120), st.integers(1, 280), st.integers(1, 40), st.integers(1, 40)),
    dtype=st.sampled_from(DTYPES),
    kind=st.sampled_from([None, "bools", "numbers"]),
    causal=st.booleans(),
    p=st.sampled_from([0.0, 0.1, 0.9]),
)
def test_any_shape(heads, sizes, dtype, kind, causal, p):
    arrays = draw_arrays((heads, *sizes), dtype, kind)
    draw = (3, 5, 77, round((1 - p) * 2**32)) if p else None
    expected = run(reference, *arrays, causal, 0.3, draw)
    for module in KERNELS.values():
        compare(run(module, *arrays, causal, 0.3, draw), expected, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "size", [((3, 1, 4), 150, 170, 32, 32), ((1, 1, 1), 1500, 300, 16, 16)], ids=["heads", "parts"]
)
def test_threads_change_no_bit(kernel, size, dtype):
    """With few heads, backward shares out the queries of each."""
    arrays = draw_arrays(size, dtype)
    results = []
    for threads in (1, 2, 3):
        kernel.set_threads(threads)
        results.append(run(kernel, *arrays, True, 0.3, DRAWS[1]))
    assert same_bits(results[0], results[1])
    assert same_bits(results[0], results[2])


@pytest.mark.parametrize("draw", DRAWS, ids=["kept", "dropped"])
def test_values_that_are_the_identity_show_the_weights(kernel, draw):
    """Which weights are dropped, exactly: those of the frozen format."""
    heads, queries, keys = (2, 1, 2), 70, 90
    q, k, _, _, _ = draw_arrays((heads, queries, keys, 8, 1), np.float32)
    v = np.broadcast_to(np.eye(keys, dtype=np.float32), (*heads, keys, keys))
    out = np.empty((*heads, queries, keys), np.float32)
    kernel.attention_forward(q, k, v, None, out, None, False, 0.3, draw)
    kept = np.ones(out.shape, bool) if draw is None else reference._dropped(out.shape, draw) > 0
    np.testing.assert_array_equal(out != 0, kept)


@pytest.mark.parametrize("dtype", DTYPES)
def test_strides_change_no_bit(kernel, dtype):
    """Heads inside of the length, as a projection leaves them; keys and masks shared by heads; columns of a wider array."""
    heads, length, features = 3, 70, 20
    rng = np.random.default_rng(0)
    projected = rng.standard_normal((2, length, 3, heads, features)).astype(dtype)
    q, k, v = (projected[:, :, part].transpose(0, 2, 1, 3)[None] for part in range(3))
    k = np.broadcast_to(k[:, :, :1], k.shape)
    mask = np.broadcast_to(rng.random(length) < 0.8, (1, 2, heads, length, length))
    g = rng.standard_normal((2, length, heads, features)).astype(dtype).transpose(0, 2, 1, 3)[None]
    strided = q, k, v, mask, g
    plain = [np.ascontiguousarray(x) for x in strided]
    assert same_bits(run(kernel, *strided), run(kernel, *plain))


@pytest.mark.parametrize("dtype", DTYPES)
def test_gradients_not_asked_for_are_not_needed(kernel, dtype):
    q, k, v, mask, g = draw_arrays(((1, 1, 2), 100, 90, 16, 16), dtype, "numbers")
    whole = run(kernel, q, k, v, mask, g)
    for wanted, name in enumerate(NAMES[2:]):
        part = [np.zeros_like(whole[name]) if index == wanted else None for index in range(4)]
        kernel.attention_backward(g, q, k, v, mask, whole["out"], whole["lse"], False, 0.3, None, *part)
        assert part[wanted].tobytes() == whole[name].tobytes()


def test_scores_of_any_size(kernel):
    """Exponentials that would overflow by far, and sums that move by hundreds from block to block."""
    q, k, v, _, g = draw_arrays(((1, 1, 1), 20, 700, 8, 8), np.float32)
    k *= np.linspace(-300, 300, 700, dtype=np.float32)[:, None]
    found, expected = (run(module, q, k, v, None, g) for module in (kernel, reference))
    np.testing.assert_allclose(found["out"], expected["out"], atol=2e-4)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_and_infinity_fill_their_row_only(kernel, value):
    q, k, v, _, g = draw_arrays(((1, 1, 1), 70, 300, 8, 8), np.float32)
    q[..., 33, 2] = value
    k = np.abs(k)
    out = run(kernel, q, k, v, None, g)["out"][0, 0, 0]
    assert np.isnan(out[33]).all()
    assert np.isfinite(np.delete(out, 33, 0)).all()


def test_a_query_that_sees_nothing_gives_nothing(kernel):
    q, k, v, mask, g = draw_arrays(((1, 1, 1), 60, 300, 8, 8), np.float32, "bools")
    mask[...] = True
    mask[0, 0, 0, 7] = False
    mask[0, 0, 0, 9, :299] = False
    found = run(kernel, q, k, v, mask, g)
    assert not found["out"][0, 0, 0, 7].any()
    assert not found["dq"][0, 0, 0, 7].any()
    assert not found["dmask"][0, 0, 0, 7].any()
    np.testing.assert_allclose(found["out"][0, 0, 0, 9], v[0, 0, 0, 299], rtol=1e-6)


def test_sums_stay_accurate_over_many_keys(kernel):
    keys = 100_000
    q, k = np.zeros((1, 1, 1, 1, 1), np.float32), np.zeros((1, 1, 1, keys, 1), np.float32)
    v = np.random.default_rng(0).uniform(0.5, 1.5, (1, 1, 1, keys, 1)).astype(np.float32)
    out, lse = np.empty((1, 1, 1, 1, 1), np.float32), np.empty((1, 1, 1, 1), np.float32)
    kernel.attention_forward(q, k, v, None, out, lse, False, 1.0, None)
    assert out.item() == pytest.approx(v.astype(np.float64).mean(), rel=3e-5)
    assert lse.item() == pytest.approx(np.log(keys), rel=1e-6)

"""Embedding kernels against their twins: every processor level, any number of threads."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad import _kernels
from minigrad._kernels.reference import embedding as reference

THEME = "embedding"
LEVELS = _kernels.built_levels()
KERNELS = {level: _kernels.load(level)["embedding"] for level in LEVELS}


def look_up(module, table, indices):
    out = np.full((len(indices), table.shape[1]), 7, table.dtype)
    assert module.embedding_forward(table, indices, out) == -1
    return out


def gradient(module, g, indices, rows, skip=-1, by_frequency=False):
    head, after = np.full(rows, 7), np.full(len(indices), 7)
    out = np.full((rows, g.shape[1]), 7, g.dtype)
    module.embedding_backward(g, indices, skip, by_frequency, head, after, out)
    return out


@settings(max_examples=40)
@given(
    rows=st.integers(1, 50),
    n=st.sampled_from([1, 2, 7, 63, 64, 65, 128, 200]),
    count=st.integers(1, 200),
    dtype=st.sampled_from([np.float32, np.float64]),
    skip=st.integers(-1, 0),
    by_frequency=st.booleans(),
)
def test_as_the_twins(rows, n, count, dtype, skip, by_frequency):
    rng = np.random.default_rng(rows * n + count)
    table, g = rng.standard_normal((rows, n)).astype(dtype), rng.standard_normal((count, n)).astype(dtype)
    indices = (rng.random(count) ** 2 * rows).astype(np.int64)
    tolerance = 1e-6 if dtype == np.float32 else 1e-14
    for module in KERNELS.values():
        assert np.array_equal(look_up(module, table, indices), look_up(reference, table, indices))
        np.testing.assert_allclose(
            gradient(module, g, indices, rows, skip, by_frequency),
            gradient(reference, g, indices, rows, skip, by_frequency),
            tolerance,
            tolerance,
        )


def test_any_dtype_is_looked_up(kernel):
    indices = np.array([3, 0, 3, 1])
    for dtype in (np.float16, np.int64, np.bool_):
        table = np.arange(20).reshape(4, 5).astype(dtype)
        assert np.array_equal(look_up(kernel, table, indices), table[indices])


def test_an_index_out_of_range_is_found_before_anything_is_read(kernel):
    for indices in ([0, 5], [5], [-1, 0], [0, 1, 2**62], [0, 1, -(2**63)], [3, 5, -1]):
        found = []
        for module in (kernel, reference):
            out = np.full((len(indices), 3), 7.0)
            found.append(module.embedding_forward(np.ones((5, 3)), np.array(indices), out))
            assert (out == 7).all()
        assert found[0] == found[1] >= 0
    assert kernel.embedding_forward(np.ones((5, 0)), np.array([1, 6]), np.ones((2, 0))) == 1
    assert kernel.embedding_forward(np.ones((0, 3)), np.zeros(0, np.int64), np.ones((0, 3))) == -1


def test_sums_are_as_exact_as_their_result(kernel):
    """A row used 100,000 times: added up in float32 it would be off in the fifth digit."""
    g = np.random.default_rng(0).random((100_000, 3), np.float32)
    found = gradient(kernel, g, np.zeros(len(g), np.int64), 2)
    np.testing.assert_allclose(found[0], g.astype(np.float64).sum(0), rtol=1e-7)
    assert not found[1].any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_threads_change_no_bit(kernel, dtype):
    rng = np.random.default_rng(0)
    table, g = rng.standard_normal((3000, 65)).astype(dtype), rng.standard_normal((20_000, 65)).astype(dtype)
    indices = (rng.random(len(g)) ** 3 * len(table)).astype(np.int64)
    results = []
    for threads in (1, 2, 3):
        kernel.set_threads(threads)
        results.append([look_up(kernel, table, indices), gradient(kernel, g, indices, len(table), 5)])
    for result in results[1:]:
        assert all(a.tobytes() == b.tobytes() for a, b in zip(result, results[0], strict=True))


def test_nan_and_infinity_stay_in_their_rows(kernel):
    g = np.ones((4, 3), np.float32)
    g[1, 0], g[3, 1] = np.nan, np.inf
    found = gradient(kernel, g, np.array([0, 1, 1, 2]), 4)
    np.testing.assert_array_equal(found, np.array([[1, 1, 1], [np.nan, 2, 2], [1, np.inf, 1], [0, 0, 0]], np.float32))

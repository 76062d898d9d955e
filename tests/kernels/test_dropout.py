"""The dropout kernels: the published answers of Philox, the frozen masks, and what a random mask must be like."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad import _kernels
from minigrad._kernels.reference import dropout as reference

THEME = "dropout"
LEVELS = _kernels.built_levels()
KERNELS = {level: _kernels.load(level)["dropout"] for level in LEVELS}
P20 = 0xCCCCCCCD  # round(0.8 * 2**32)
P10 = 0xE6666666  # round(0.9 * 2**32)

KNOWN_ANSWERS = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]

# (seed, call, offset, threshold, mask as bytes, the first element in the lowest bit). Published: they never change.
FROZEN = [
    (0x0, 0x0, 0, 0x80000000, "c0a225618e67ae5a3e4104344c9ceec2"),
    (0x123456789ABCDEF0, 0x1, 0, 0xCCCCCCCD, "faabbdddfdb8f79bfbfffbf31ff9fbf3"),
    (0x2A, 0x100000007, 127, 0xE6666666, "fdd7effefbfcffef"),
    (0xFFFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF, 12345678901, 0x1999999A, "10000000041000400008248001001000"),
    (0x1, 0x2, 0, 0x100000000, "ffffffffffffffff"),
    (0x5, 0x9, 100608, 0xFFFF, "00200000000000000000000000000000"),
]

# (element, kept) of elements of (seed 5, call 9) whose 16 bits tie with those of P20: a further draw decides them.
TIES = [(26672, 1), (35760, 0), (208373, 1), (316031, 1), (322505, 1), (368342, 1)]


def mask(module, size, seed, call, offset, threshold):
    out = np.full(size, 7, dtype=np.uint8)
    module.dropout_mask(out, seed, call, offset, threshold)
    return out


def drop(module, x, inner, seed, call, offset, threshold):
    out = np.full_like(x, 7)
    module.dropout(x, out, inner, seed, call, offset, threshold)
    return out


SPECIAL = [0.0, -0.0, np.nan, -np.nan, np.inf, -np.inf, 1e-45, -1e-45, 5e-324, 3e38, 1e308, 1.0, -1.0]


def special(size, dtype):
    """Random numbers among which every special one occurs often."""
    rng = np.random.default_rng(size)
    x = rng.standard_normal(size)
    x[::2] = rng.choice(SPECIAL, x[::2].size)
    with np.errstate(over="ignore"):
        return x.astype(dtype)


def relu_drop(module, x, g, seed, call, offset, threshold):
    """The output, the bits, and the gradient."""
    passed = np.full((offset % 256 + x.size + 255) // 256 * 32, 7, np.uint8)
    out, dx = np.full_like(x, 7), np.full_like(x, 7)
    module.relu_dropout(x, out, passed, seed, call, offset, threshold)
    module.relu_dropout_backward(g, passed, dx, offset, threshold)
    return out, passed, dx


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN_ANSWERS)
def test_known_answers(kernel, counter, key, answer):
    assert kernel.philox(counter, key) == answer
    assert reference.philox(counter, key) == answer


@pytest.mark.parametrize(("seed", "call", "offset", "threshold", "expected"), FROZEN)
def test_frozen_masks(kernel, seed, call, offset, threshold, expected):
    expected = np.unpackbits(np.frombuffer(bytes.fromhex(expected), dtype=np.uint8), bitorder="little")
    for module in (kernel, reference):
        np.testing.assert_array_equal(mask(module, expected.size, seed, call, offset, threshold), expected)


def test_random_bits_are_the_raw_stream(kernel):
    out = np.empty(203, dtype=np.uint32)
    kernel.random_bits(out, 0x299F31D0A4093822, 2**33 + 1)
    for index in (0, 3, 4, 63, 64, 127, 200, 202):
        block, word = divmod(index, 4)
        assert out[index] == kernel.philox((block, 0, 1, 2), (0xA4093822, 0x299F31D0))[word]
    for size in (1, 64, 129, 3001):
        ours, twin = np.empty(size, dtype=np.uint32), np.empty(size, dtype=np.uint32)
        kernel.random_bits(ours, 5, 7)
        reference.random_bits(twin, 5, 7)
        np.testing.assert_array_equal(ours, twin)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@settings(max_examples=25, deadline=None)
@given(
    size=st.integers(1, 700),
    inner=st.sampled_from([1, 1, 2, 5, 49, 128]),
    seed=st.integers(0, 2**64 - 1),
    call=st.integers(0, 2**64 - 1),
    offset=st.sampled_from([0, 1, 16, 127, 128, 12345678901, 2**35 - 64, 2**62]),
    threshold=st.sampled_from([1, 0xFFFF, 0x10000, 2**31, P20, P10, 2**32 - 1, 2**32]),
)
def test_against_the_twin(dtype, size, inner, seed, call, offset, threshold):
    x = np.linspace(-2, 3, size * inner).astype(dtype)
    twin = drop(reference, x, inner, seed, call, offset, threshold)
    for module in KERNELS.values():
        module.set_threads(1)
        np.testing.assert_array_equal(drop(module, x, inner, seed, call, offset, threshold), twin)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("threshold", [0x10000, P20, P10])
def test_kept_is_scaled_to_the_last_bit(kernel, dtype, threshold):
    x = np.linspace(-3, 5, 4001).astype(dtype)
    kept = mask(kernel, x.size, 2, 3, 40, threshold).astype(bool)
    expected = np.where(kept, x * dtype(2**32 / threshold), 0)
    np.testing.assert_array_equal(drop(kernel, x, 1, 2, 3, 40, threshold), expected)


@pytest.mark.parametrize(("element", "kept"), TIES)
def test_ties_draw_their_missing_bits(kernel, element, kept):
    group, place = divmod(element, 128)
    lane, word, half = place % 16, place // 32, place // 16 % 2
    assert (kernel.philox((16 * group + lane, 0, 9, 0), (5, 0))[word] >> (16 * half)) & 0xFFFF == P20 >> 16
    low = kernel.philox((element, 0x80000000, 9, 0), (5, 0))[0] & 0xFFFF
    assert (low < P20 & 0xFFFF) == bool(kept)
    assert mask(kernel, 1, 5, 9, element, P20)[0] == kept
    assert mask(kernel, 128, 5, 9, element - place, P20)[place] == kept
    # The threshold decides to its last bit: kept exactly from (upper, low + 1) on.
    decisive = (P20 & 0xFFFF0000) + low
    assert mask(kernel, 1, 5, 9, element, decisive)[0] == 0
    assert mask(kernel, 1, 5, 9, element, decisive + 1)[0] == 1


def test_smallest_and_largest_thresholds(kernel):
    x = np.linspace(1, 2, 100_000, dtype=np.float32)
    assert not drop(kernel, x, 1, 3, 4, 0, 1).any()
    np.testing.assert_array_equal(drop(kernel, x, 1, 3, 4, 0, 2**32), x)
    assert mask(kernel, 1000, 3, 4, 5, 2**32).all()
    assert mask(kernel, 1000, 3, 4, 5, 2**32 - 1).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("inner", [1, 3, 500])
def test_threads_change_nothing(kernel, dtype, inner):
    x = np.linspace(-1, 1, 999 * 500).astype(dtype)
    expected = drop(kernel, x, inner, 8, 1, 77, P10)
    pieces = mask(kernel, x.size, 8, 1, 77, P10)
    bits = np.empty(200_003, dtype=np.uint32)
    kernel.random_bits(bits, 1, 2)
    for threads in (2, 3):
        kernel.set_threads(threads)
        np.testing.assert_array_equal(drop(kernel, x, inner, 8, 1, 77, P10), expected)
        np.testing.assert_array_equal(mask(kernel, x.size, 8, 1, 77, P10), pieces)
        again = np.empty_like(bits)
        kernel.random_bits(again, 1, 2)
        np.testing.assert_array_equal(again, bits)


def test_float32_float64_and_bytes_share_the_mask(kernel):
    whole = mask(kernel, 5000, 6, 7, 1, P20)
    for dtype in (np.float32, np.float64):
        np.testing.assert_array_equal(drop(kernel, np.ones(5000, dtype), 1, 6, 7, 1, P20) != 0, whole)


@pytest.mark.parametrize("offset", [0, 1, 127, 128, 12345678901])
def test_parts_make_up_the_whole(kernel, offset):
    whole = mask(kernel, 3000, 6, 7, offset, P10)
    for begin, end in [(0, 1), (1, 127), (127, 129), (128, 256), (130, 2999), (1024, 3000)]:
        part = mask(kernel, end - begin, 6, 7, offset + begin, P10)
        np.testing.assert_array_equal(part, whole[begin:end])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("inner", [1, 4, 37])
def test_dropped_is_plus_zero_whatever_it_was(kernel, dtype, inner):
    numbers = mask(kernel, 300, 1, 1, 3, P20).astype(bool)
    kept = np.repeat(numbers, inner)
    for value in (np.inf, -np.inf, np.nan, -1.0):
        out = drop(kernel, np.full(kept.size, value, dtype), inner, 1, 1, 3, P20)
        np.testing.assert_array_equal(out[~kept], 0)
        assert not np.signbit(out[~kept]).any()
        np.testing.assert_array_equal(out[kept], dtype(value) * dtype(2**32 / P20))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("inner", [1, 7, 60])
@pytest.mark.parametrize("threshold", [P20, 2**32])
def test_in_place(kernel, dtype, inner, threshold):
    x = np.linspace(-1, 1, 60 * 77).astype(dtype)
    expected = drop(kernel, x, inner, 2, 3, 5, threshold)
    kernel.dropout(x, x, inner, 2, 3, 5, threshold)
    np.testing.assert_array_equal(x, expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("threshold", [1, 2**31, P20, 2**32])
@pytest.mark.parametrize(("size", "offset"), [(1, 0), (255, 3), (256, 0), (700, 255), (5000, 12345678901)])
def test_relu_dropout_is_dropout_of_relu(kernel, dtype, threshold, size, offset):
    x, g = special(size, dtype), special(size, dtype)[::-1].copy()
    y, g[:5] = np.where(x <= 0, dtype(0), x), 1
    expected = drop(kernel, y, 1, 4, 5, offset, threshold)
    slope = np.where(y <= 0, dtype(0), drop(kernel, g, 1, 4, 5, offset, threshold))
    for module in (kernel, reference):
        out, passed, dx = relu_drop(module, x, g, 4, 5, offset, threshold)
        assert out.tobytes() == expected.tobytes()
        assert dx.tobytes() == slope.tobytes()
        bits = np.unpackbits(passed, bitorder="little")[offset % 256 :][:size]
        np.testing.assert_array_equal(bits, expected != 0)  # nothing that is kept underflows
    again = x.copy()
    kernel.relu_dropout(again, again, passed, 4, 5, offset, threshold)
    assert again.tobytes() == expected.tobytes()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_relu_dropout_is_the_same_for_any_threads(kernel, dtype):
    x, g = special(300_001, dtype), special(300_001, dtype)
    expected = relu_drop(kernel, x, g, 8, 1, 77, P10)
    for threads in (2, 3):
        kernel.set_threads(threads)
        for ours, theirs in zip(relu_drop(kernel, x, g, 8, 1, 77, P10), expected, strict=True):
            assert ours.tobytes() == theirs.tobytes()


@pytest.mark.parametrize("threshold", [1 << 28, 1 << 31, P20, P10])
def test_keep_rate(threshold):
    # A chi-square over 64 stretches of 4096 elements, each of the 64 from a call of its own.
    size, calls, keep = 4096, 64, threshold / 2**32
    kernel = KERNELS[LEVELS[-1]]
    kept = np.array([mask(kernel, size, 11, call, 0, threshold).sum() for call in range(calls)], dtype=float)
    chi_square = ((kept - size * keep) ** 2 / (size * keep * (1 - keep))).sum()
    assert abs(chi_square - calls) < 5 * np.sqrt(2 * calls)
    assert abs(kept.sum() - size * calls * keep) < 5 * np.sqrt(size * calls * keep * (1 - keep))


def test_every_place_of_a_group_is_kept_as_often():
    kept = mask(KERNELS[LEVELS[-1]], 128 * 8192, 12, 0, 0, P20).reshape(-1, 128).sum(0)
    keep = P20 / 2**32
    deviation = (kept - 8192 * keep) / np.sqrt(8192 * keep * (1 - keep))
    assert np.abs(deviation).max() < 5
    assert (deviation**2).sum() < 128 + 5 * np.sqrt(256)


def test_neighbours_are_independent():
    kept = mask(KERNELS[LEVELS[-1]], 1 << 20, 13, 5, 0, 1 << 31).astype(float) * 2 - 1
    for lag in (1, 2, 3, 4, 8, 15, 16, 17, 32, 64, 127, 128, 129, 256, 1024, 65536):
        correlation = (kept[lag:] * kept[:-lag]).mean() * np.sqrt(kept.size - lag)
        assert abs(correlation) < 5, lag


def test_seeds_and_calls_give_unrelated_masks():
    kernel = KERNELS[LEVELS[-1]]
    streams = [(0, 0), (0, 1), (1, 0), (1, 1), (1 << 32, 0), (0, 1 << 32), (1 << 63, 0), (0, 1 << 63)]
    masks = [mask(kernel, 1 << 16, seed, call, 0, 1 << 31).astype(float) * 2 - 1 for seed, call in streams]
    for i in range(len(masks)):
        for j in range(i):
            assert abs((masks[i] * masks[j]).mean() * 2**8) < 5, (streams[i], streams[j])


def test_no_mask_number_wraps_at_32_bits(kernel):
    # Blocks 2**32 - 16 to 2**32 + 15: the counter's second word takes the carry.
    np.testing.assert_array_equal(
        mask(kernel, 300, 3, 4, 2**35 - 150, P20), mask(reference, 300, 3, 4, 2**35 - 150, P20)
    )
    assert (mask(kernel, 256, 3, 4, 2**35, P20) != mask(kernel, 256, 3, 4, 0, P20)).any()


@pytest.mark.parametrize(("dtype", "begin"), [(np.float32, 0), (np.float32, 1), (np.float64, 0)])
def test_large_outputs_are_written_past_the_caches_with_the_same_bits(kernel, dtype, begin):
    """From 16 MiB on, where memory is aligned; each half is below that."""
    size = 2**24 // np.dtype(dtype).itemsize + 300
    room = _kernels.empty((size + begin,), np.dtype(dtype))
    x = np.resize(special(5000, dtype), size)
    half, out = size // 2 // 256 * 256, room[begin:]
    for threads in (1, 2):
        kernel.set_threads(threads)
        kernel.dropout(x, out, 1, 3, 4, 0, P20)
        expected = [drop(kernel, x[:half], 1, 3, 4, 0, P20), drop(kernel, x[half:], 1, 3, 4, half, P20)]
        assert out.tobytes() == b"".join(part.tobytes() for part in expected)
        passed, dx = np.empty((size + 255) // 256 * 32, np.uint8), np.empty_like(x)
        kernel.relu_dropout(x, out, passed, 3, 4, 0, P20)
        kernel.relu_dropout_backward(x, passed, dx, 0, P20)
        parts = [relu_drop(kernel, x[s], x[s], 3, 4, s.start, P20) for s in (slice(0, half), slice(half, size))]
        for whole, place in ((out, 0), (passed, 1), (dx, 2)):
            assert whole.tobytes() == b"".join(part[place].tobytes() for part in parts)

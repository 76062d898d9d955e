"""The dropout kernels in NumPy: `docs/dropout_format.md` word by word, one element at a time in meaning."""

import numpy as np

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = 0x9E3779B9, 0xBB67AE85
_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)


def philox(counter, key):
    """Philox4x32-10; the words of the counter may be arrays."""
    a, b, c, d = (np.asarray(word, dtype=np.uint64) for word in counter)
    k0, k1 = int(key[0]), int(key[1])
    for _ in range(10):
        p0, p1 = a * _M0, c * _M1
        a, b, c, d = (p1 >> _32) ^ b ^ np.uint64(k0), p1 & _LOW, (p0 >> _32) ^ d ^ np.uint64(k1), p0 & _LOW
        k0, k1 = (k0 + _W0) & 0xFFFFFFFF, (k1 + _W1) & 0xFFFFFFFF
    return tuple(word if word.ndim else int(word) for word in (a, b, c, d))


def _words(number, seed, call, top=0):
    """The four words at counter (number, call), `top` set in the number's upper word: an array (4, len(number))."""
    counter = (number & _LOW, (number >> _32) | np.uint64(top), call & 0xFFFFFFFF, call >> 32)
    return np.stack(np.broadcast_arrays(*philox(counter, (seed & 0xFFFFFFFF, seed >> 32))))


def _kept(size, seed, call, offset, threshold):
    """The mask of elements offset to offset + size."""
    seed, call, offset, threshold = int(seed), int(call), int(offset), int(threshold)
    if threshold == 2**32:
        return np.ones(size, dtype=bool)
    element = np.uint64(offset) + np.arange(size, dtype=np.uint64)
    group, place = element // np.uint64(128), element % np.uint64(128)
    block = np.uint64(16) * group + place % np.uint64(16)
    word, half = (place // np.uint64(32)).astype(int), place // np.uint64(16) % np.uint64(2)
    words = np.take_along_axis(_words(block, seed, call), word[None], axis=0)[0]
    upper = (words >> (np.uint64(16) * half)) & np.uint64(0xFFFF)
    kept = upper < np.uint64(threshold >> 16)
    tie = upper == np.uint64(threshold >> 16)
    lower = _words(element[tie], seed, call, top=0x80000000)[0] & np.uint64(0xFFFF)
    kept[tie] = lower < np.uint64(threshold & 0xFFFF)
    return kept


def dropout(x, out, inner, seed, call, offset, threshold):
    kept = np.repeat(_kept(x.size // inner, seed, call, offset, threshold), inner).reshape(x.shape)
    scale = x.dtype.type(2**32 / int(threshold))
    with np.errstate(over="ignore", invalid="ignore"):
        out[...] = np.where(kept, x * scale, x.dtype.type(0))


def relu_dropout(x, out, passed, seed, call, offset, threshold):
    with np.errstate(invalid="ignore"):
        below = x <= 0  # NaN is not
    dropout(np.where(below, x.dtype.type(0), x), out, 1, seed, call, offset, threshold)
    kept = _kept(x.size, seed, call, offset, threshold) & ~below.reshape(-1)
    before = int(offset) % 256
    padded = np.zeros(8 * passed.size, dtype=bool)
    padded[before : before + x.size] = kept
    passed[...] = np.packbits(padded, bitorder="little")


def relu_dropout_backward(g, passed, out, offset, threshold):
    before = int(offset) % 256
    kept = np.unpackbits(passed, bitorder="little")[before : before + g.size].reshape(g.shape)
    scale = g.dtype.type(2**32 / int(threshold))
    with np.errstate(over="ignore", invalid="ignore"):
        out[...] = np.where(kept, g * scale, g.dtype.type(0))


def dropout_mask(out, seed, call, offset, threshold):
    out[...] = _kept(out.size, seed, call, offset, threshold).reshape(out.shape)


def random_bits(out, seed, call):
    block = np.arange((out.size + 3) // 4, dtype=np.uint64)
    out[...] = _words(block, int(seed), int(call)).T.reshape(-1)[: out.size]

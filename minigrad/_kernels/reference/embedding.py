"""Twins of embedding.pyx."""

import numpy as np


def embedding_forward(table, indices, out):
    bad = np.flatnonzero((indices < 0) | (indices >= len(table)))
    if bad.size:
        return int(bad[0])
    out[...] = table[indices]
    return -1


def embedding_backward(g, indices, skip, by_frequency, head, after, out):
    total = np.zeros(out.shape)
    np.add.at(total, indices, g.astype(np.float64))
    if by_frequency:
        total /= np.maximum(np.bincount(indices, minlength=len(out)), 1)[:, None]
    if skip >= 0:
        total[skip] = 0
    out[...] = total

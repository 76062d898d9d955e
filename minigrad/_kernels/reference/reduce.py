"""The reductions in NumPy."""

import numpy as np


def sum(x, out):
    with np.errstate(over="ignore", invalid="ignore"):
        out[...] = x.astype(np.longdouble).sum(axis=1)

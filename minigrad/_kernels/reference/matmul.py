"""Twin of matmul.pyx: the matrix product as NumPy says it, summed in float64."""

import numpy as np


def matmul(a, b, out, bias=None, relu=False):
    rows, columns = "m" if a.ndim > 1 else "", "n" if b.ndim > 1 else ""
    value = np.einsum(f"...{rows}k,...k{columns}->...{rows}{columns}", a.astype(np.float64), b.astype(np.float64))
    if bias is not None:
        value = value + bias
    if relu:
        value = np.where(value <= 0, 0, value)
    out[...] = value

"""Activations, forward and backward, in one pass each.

Each reads its inputs once and writes its output once, so in memory it runs at the speed of a copy. A comparison with
NaN is false, so the forms below are chosen to let NaN through, as PyTorch does.
"""

cimport cython
cimport numpy as cnp
from cython.parallel cimport prange

cnp.import_array()

include "threads.pxi"

ctypedef fused floating:
    float
    double


cdef void relu_loop(const floating* x, floating* out, Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t i
    for i in prange(size, schedule="static", num_threads=threads_for(size * 0.1)):
        out[i] = 0 if x[i] <= 0 else x[i]


def relu_forward(cnp.ndarray x, cnp.ndarray out):
    """out = max(x, 0); NaN stays NaN. x, out: contiguous, one shape and dtype (float32 or float64)."""
    cdef Py_ssize_t size = cnp.PyArray_SIZE(x)
    if cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT32:
        with nogil:
            relu_loop(<float*>cnp.PyArray_DATA(x), <float*>cnp.PyArray_DATA(out), size)
    else:
        with nogil:
            relu_loop(<double*>cnp.PyArray_DATA(x), <double*>cnp.PyArray_DATA(out), size)

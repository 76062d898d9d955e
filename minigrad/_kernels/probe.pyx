"""What the processor can do at most, for `benchmarks/` to compare with. `import minigrad` does not load this module."""

cimport numpy as cnp

cnp.import_array()

cdef extern from "probe.h":
    int PROBE_CHAINS
    int VECTOR_BYTES
    double probe_fma_float(Py_ssize_t rounds, float factor, float addend) nogil
    double probe_fma_double(Py_ssize_t rounds, double factor, double addend) nogil
    ctypedef int i32_vector
    void probe_copy(i32_vector* target, const i32_vector* source, Py_ssize_t vectors, Py_ssize_t rounds,
                    int stream) nogil


def multiply_adds(int itemsize, Py_ssize_t rounds) -> int:
    """Do `rounds` rounds of multiply-adds in registers on numbers of 4 or 8 bytes; returns how many operations
    these are, a multiplication and an addition each."""
    cdef double total
    with nogil:
        if itemsize == 4:
            total = probe_fma_float(rounds, 0.5, 1.0)
        else:
            total = probe_fma_double(rounds, 0.5, 1.0)
    assert total == total
    return 2 * rounds * PROBE_CHAINS * (VECTOR_BYTES // itemsize)


def copy(cnp.ndarray target, cnp.ndarray source, Py_ssize_t rounds, bint stream) -> int:
    """Copy `source` to `target` `rounds` times, past the caches if `stream`; returns the bytes read and written.

    Both are contiguous, on 64-byte boundaries, of one size: a multiple of 256 bytes.
    """
    cdef Py_ssize_t size = cnp.PyArray_NBYTES(source)
    cdef i32_vector* to = <i32_vector*>cnp.PyArray_DATA(target)
    cdef const i32_vector* start = <const i32_vector*>cnp.PyArray_DATA(source)
    with nogil:
        probe_copy(to, start, size // VECTOR_BYTES, rounds, stream)
    return 2 * rounds * size

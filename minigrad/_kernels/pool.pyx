"""Max and average pooling over the last two axes of (N, C, H, W), forward and backward.

Planes (one channel of one sample) are independent: threads share them, and within one the order is fixed.

Max pooling copies the rows under a row of outputs to scratch, padded with -inf and split by their place modulo the
stride: a tap of neighbouring windows is then one vector. BLOCK windows are taken together, their taps in reading order
(rows of fewer than NARROW outputs go window by window); a later tap must be larger to win (the first maximum stays), or
NaN. Windows of 2 x 2 at stride 2 go a vector of them at a time (pool_pairs.h). Backward adds g where the maximum was.

Average pooling is separable: the KH rows under a row of outputs are added up first, then KW neighbours of that sum:
KH + KW additions for an output at stride 1 instead of KH KW. Backward runs the same the other way round. Sums of a
window have double accumulators; backward's of at most ceil(KH / SH) rows per element are in the dtype. Windows of 2 x 2
at stride 2 have loops of their own: forward's float sum there is (a + b) + (c + d), an error of at most 2 u of the
magnitudes.

A window of a dilated max pooling that meets no element at all gives -inf and index -1, which backward passes over.
"""

cimport numpy as cnp
from cython.parallel cimport prange, threadid
from libc.math cimport INFINITY
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

cnp.import_array()

include "threads.pxi"

cdef extern from "tap.h":
    # One tap of `count` windows.
    void take_tap_float(const float* x, float* best, int32_t* which, Py_ssize_t count, int32_t tap) noexcept nogil
    void take_tap_double(const double* x, double* best, int32_t* which, Py_ssize_t count, int32_t tap) noexcept nogil

cdef extern from "pool.h" nogil:
    void pairs_forward_f32(const float* above, float* out, int64_t* indices, Py_ssize_t count, int64_t corner,
                           Py_ssize_t width)
    void pairs_forward_f64(const double* above, double* out, int64_t* indices, Py_ssize_t count, int64_t corner,
                           Py_ssize_t width)
    void pairs_backward_f32(const float* g, const int64_t* indices, float* above, Py_ssize_t count, int64_t corner,
                            Py_ssize_t width)
    void pairs_backward_f64(const double* g, const int64_t* indices, double* above, Py_ssize_t count, int64_t corner,
                            Py_ssize_t width)

ctypedef fused floating:
    float
    double

cdef enum:
    BLOCK = 128  # outputs of a row taken together in max pooling
    VECTOR = 16  # their number is rounded up to whole vectors: broken ones would cost more than the rest
    WIDE = 32  # from so many outputs in a row on, backward of 2 x 2 windows writes lines rather than scatters
    NARROW = 8  # rows of fewer outputs go window by window

cdef struct Pool:
    Py_ssize_t planes
    Py_ssize_t height
    Py_ssize_t width
    Py_ssize_t out_height
    Py_ssize_t out_width
    Py_ssize_t kh
    Py_ssize_t kw
    Py_ssize_t sh
    Py_ssize_t sw
    Py_ssize_t ph
    Py_ssize_t pw
    Py_ssize_t dh
    Py_ssize_t dw
    bint count_include_pad
    Py_ssize_t divisor_override
    double* columns  # average pooling: how many elements each column of outputs counts


cdef inline bint two_by_two(const Pool* p) noexcept nogil:
    # Windows of 2 x 2 at stride 2, all of them inside.
    return (p.width < 1 << 30 and p.kh == 2 and p.kw == 2 and p.sh == 2 and p.sw == 2 and p.ph == 0 and p.pw == 0
            and p.dh == 1 and p.dw == 1 and 2 * p.out_height <= p.height and 2 * p.out_width <= p.width)


cdef inline Py_ssize_t ceil_divide(Py_ssize_t a, Py_ssize_t b) noexcept nogil:
    # ceil(a / b) for a >= 0, and 0 for a < 0
    return (a + b - 1) // b if a > 0 else 0


include "pool_max.pxi"
include "pool_average.pxi"


# ------------------------------------------------------------------ calls

cdef void set_shape(Pool* p, cnp.ndarray x, cnp.ndarray out, tuple kernel, tuple stride, tuple padding,
                    tuple dilation) except *:
    p.planes = cnp.PyArray_DIM(x, 0) * cnp.PyArray_DIM(x, 1)
    p.height, p.width = cnp.PyArray_DIM(x, 2), cnp.PyArray_DIM(x, 3)
    p.out_height, p.out_width = cnp.PyArray_DIM(out, 2), cnp.PyArray_DIM(out, 3)
    p.kh, p.kw = kernel
    p.sh, p.sw = stride
    p.ph, p.pw = padding
    p.dh, p.dw = dilation


cdef void average(cnp.ndarray x, cnp.ndarray out, tuple kernel, tuple stride, tuple padding, bint count_include_pad,
                  Py_ssize_t divisor_override, bint backward) except *:
    # Forward from x to out; backward from the gradient at out to that at x.
    cdef Pool p
    cdef Py_ssize_t per_thread, j
    cdef int threads
    cdef double* scratch
    cdef bint is_float = cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT32
    cdef void* source = cnp.PyArray_DATA(out if backward else x)
    cdef void* goal = cnp.PyArray_DATA(x if backward else out)
    set_shape(&p, x, out, kernel, stride, padding, (1, 1))
    p.count_include_pad, p.divisor_override = count_include_pad, divisor_override
    threads = threads_for(
        <double>p.planes * (0.3 * p.height * p.width + 0.2 * p.out_height * p.out_width * (p.kh + p.kw)))
    if p.planes == 1:
        threads = 1
    per_thread = scratch_width(&p) + p.out_width + 8  # the 8 keep two threads off one cache line
    scratch = <double*>malloc((threads * per_thread + p.out_width) * sizeof(double))
    if scratch == NULL:
        raise MemoryError
    p.columns = scratch + threads * per_thread
    for j in range(p.out_width):
        p.columns[j] = 1.0 if divisor_override else counted(j, p.kw, p.sw, p.pw, p.width, count_include_pad)
    with nogil:
        if is_float:
            avg_planes(<const float*>source, <float*>goal, &p, scratch, per_thread, threads, backward)
        else:
            avg_planes(<const double*>source, <double*>goal, &p, scratch, per_thread, threads, backward)
    free(scratch)


def max_pool2d_forward(cnp.ndarray x, cnp.ndarray out, cnp.ndarray indices, tuple kernel, tuple stride, tuple padding,
                       tuple dilation):
    """The largest element of each window and its flat place in H * W (int64); the shape of out decides ceil_mode."""
    cdef Pool p
    cdef void* scratch = NULL
    cdef Py_ssize_t per_thread = 0
    cdef int threads
    cdef int64_t* places = <int64_t*>cnp.PyArray_DATA(indices)
    cdef bint is_float = cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT32
    cdef void* source = cnp.PyArray_DATA(x)
    cdef void* goal = cnp.PyArray_DATA(out)
    set_shape(&p, x, out, kernel, stride, padding, dilation)
    threads = threads_for(
        <double>p.planes * (0.3 * p.height * p.width + 0.2 * p.out_height * p.out_width * p.kh * p.kw))
    if p.planes == 1:
        threads = 1
    # Places within a window are kept in 32 bits; planes beyond that, like a failed malloc, go window by window.
    if (<double>p.height + <double>p.kh * p.dh) * p.width + <double>p.kw * p.dw < 2147483647.0:
        per_thread = max_scratch(&p) + 16  # the 16 keep two threads off one cache line
        scratch = malloc(threads * per_thread * x.itemsize)
    with nogil:
        if is_float:
            max_forward(<const float*>source, <float*>goal, places, &p, <float*>scratch, per_thread, threads)
        else:
            max_forward(<const double*>source, <double*>goal, places, &p, <double*>scratch, per_thread, threads)
    free(scratch)


def max_pool2d_backward(cnp.ndarray g, cnp.ndarray indices, cnp.ndarray dx, bint pairs=False):
    """dx = g where the maxima were, added up where windows share one, 0 elsewhere. `pairs` says that the windows were
    of 2 x 2 at stride 2, without padding: where they cover dx, it is then written in one pass."""
    cdef Pool p
    cdef const int64_t* places = <const int64_t*>cnp.PyArray_DATA(indices)
    cdef bint is_float = cnp.PyArray_TYPE(g) == cnp.NPY_FLOAT32
    cdef void* source = cnp.PyArray_DATA(g)
    cdef void* goal = cnp.PyArray_DATA(dx)
    p.planes = cnp.PyArray_DIM(dx, 0) * cnp.PyArray_DIM(dx, 1)
    p.height, p.width = cnp.PyArray_DIM(dx, 2), cnp.PyArray_DIM(dx, 3)
    p.out_height, p.out_width = cnp.PyArray_DIM(g, 2), cnp.PyArray_DIM(g, 3)
    p.kh = 2 if pairs and p.width < 1 << 30 else 0
    with nogil:
        if is_float:
            max_backward(<const float*>source, places, <float*>goal, &p)
        else:
            max_backward(<const double*>source, places, <double*>goal, &p)


def avg_pool2d_forward(cnp.ndarray x, cnp.ndarray out, tuple kernel, tuple stride, tuple padding,
                       bint count_include_pad, Py_ssize_t divisor_override):
    """The mean of each window; divided by divisor_override unless that is 0. The shape of out decides ceil_mode."""
    average(x, out, kernel, stride, padding, count_include_pad, divisor_override, False)


def avg_pool2d_backward(cnp.ndarray g, cnp.ndarray dx, tuple kernel, tuple stride, tuple padding,
                        bint count_include_pad, Py_ssize_t divisor_override):
    """dx = the sum over the windows an element is in of their g over their divisor."""
    average(dx, g, kernel, stride, padding, count_include_pad, divisor_override, True)

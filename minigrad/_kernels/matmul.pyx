"""Matrix products of any strides and batch shape, with a bias and a ReLU in the last pass.

Blocked and packed as in BLIS (Van Zee and van de Geijn, ACM TOMS 41(3), 2015): see gemm.pxi and gemm.h. 2 m n k
operations; what can be read where it lies is not copied.

Every element is a sum over k in order: float32 accumulates DEPTH (192) terms in one register and adds these partial
sums, so its error is at most about (192 + k / 192) eps sum |a| |b|. The element depends on its row of a and its column
of b alone: it is the same, bit for bit, for any number of threads, any other rows and any strides. Only where the
result is one element is the sum shared out over lanes, since a single sum in order would wait for itself.
"""

cimport numpy as cnp

cnp.import_array()

include "gemm.pxi"

cdef extern from "gemm.h":
    float gemm_inner_f32(Py_ssize_t size, const float* x, Py_ssize_t x_step, const float* y,
                         Py_ssize_t y_step) noexcept nogil
    double gemm_inner_f64(Py_ssize_t size, const double* x, Py_ssize_t x_step, const double* y,
                          Py_ssize_t y_step) noexcept nogil

DEF MAXDIMS = 64

# A batch of products: the shape of the batch, and the step of each operand along each of its axes, in elements.
cdef struct Batch:
    int ndim
    Py_ssize_t count
    Py_ssize_t shape[MAXDIMS]
    Py_ssize_t a[MAXDIMS]
    Py_ssize_t b[MAXDIMS]


cdef inline Product product_at(const Product* first, const Batch* batch, Py_ssize_t index,
                               const floating* dtype) noexcept nogil:
    """The product number `index` of the batch."""
    cdef Product g = first[0]
    cdef Py_ssize_t a = 0, b = 0, rest = index
    cdef int axis
    for axis in range(batch.ndim - 1, -1, -1):
        a += rest % batch.shape[axis] * batch.a[axis]
        b += rest % batch.shape[axis] * batch.b[axis]
        rest = rest // batch.shape[axis]
    g.a = <const floating*>g.a + a
    g.b = <const floating*>g.b + b
    g.c = <floating*>g.c + index * g.m * g.n
    return g


cdef void multiply_one(const Product* first, const Batch* batch, Py_ssize_t index, int threads,
                       floating* scratch) noexcept nogil:
    cdef Product g = product_at(first, batch, index, scratch)
    if g.m == 1 and g.n == 1:
        dot(&g, scratch)
        return
    if g.n == 1 and g.m > 1:  # a matrix times a vector: the tile wants the long side across
        transpose(&g)
        g.c_row = g.n
    multiply(&g, threads, scratch)


cdef void dot(const Product* g, const floating* dtype) noexcept nogil:
    """One element: the inner product of two vectors."""
    cdef floating value
    if floating is float:
        value = gemm_inner_f32(g.k, <const float*>g.a, g.a_step, <const float*>g.b, g.b_step)
    else:
        value = gemm_inner_f64(g.k, <const double*>g.a, g.a_step, <const double*>g.b, g.b_step)
    if g.bias != NULL:
        value += (<const floating*>g.bias)[0]
    (<floating*>g.c)[0] = 0 if g.flags & GEMM_RELU and value <= 0 else value


cdef void multiply_batch(const Product* g, const Batch* batch, int threads, bint share_batch,
                         floating* scratch) noexcept nogil:
    cdef Py_ssize_t index
    if share_batch:
        for index in prange(batch.count, schedule="static", num_threads=threads):
            multiply_one(g, batch, index, 1, scratch + threadid() * g.private)
    else:
        for index in range(batch.count):
            multiply_one(g, batch, index, threads, scratch)


cdef void empty_sum(const Product* g, Py_ssize_t rows, const floating* dtype) noexcept nogil:
    """k = 0: the bias, or 0."""
    cdef floating* c = <floating*>g.c
    cdef Py_ssize_t i, j
    cdef floating value
    for i in range(rows):
        for j in range(g.n):
            value = (<const floating*>g.bias)[j] if g.bias != NULL else 0
            c[i * g.n + j] = 0 if g.flags & GEMM_RELU and value <= 0 else value


cdef void fold_rows(Product* g, Batch* batch) noexcept:
    """Where every product of the batch has the same b and a is one tall matrix, they are one product."""
    cdef int axis
    cdef Py_ssize_t stride = g.a_row * g.m
    for axis in range(batch.ndim - 1, -1, -1):
        if batch.b[axis] != 0 or batch.a[axis] != stride:
            return
        stride *= batch.shape[axis]
    g.m *= batch.count
    batch.count = 1
    batch.ndim = 0


cdef void run(Product* g, Batch* batch, const floating* dtype) except *:
    cdef double work = 0.01 * batch.count * g.m * g.n * g.k
    cdef int threads
    cdef bint share_batch
    cdef Product longest
    cdef Scratch scratch
    if g.k == 0:
        empty_sum(g, batch.count * g.m, dtype)
        return
    if batch.ndim == 0 and work < 300 and (g.n > 1 or g.m == 1):  # small: no scratch, no threads, the GIL is kept
        if g.m == 1 and g.n == 1:
            dot(g, dtype)
            return
        plan(g, dtype)
        if g.private == 0:
            multiply_serial(g, <floating*>NULL)
            return
    threads = threads_for(work)
    share_batch = threads > 1 and batch.count >= threads
    longest = g[0]
    if g.n == 1 and g.m > 1:
        transpose(&longest)
    plan(&longest, dtype)
    g.swapped, g.copy_a, g.pack_b = longest.swapped, longest.copy_a, longest.pack_b
    g.block, g.slab, g.private = longest.block, longest.slab, longest.private
    scratch = take_scratch(sizeof(floating) * threads * g.private)
    with nogil:
        multiply_batch(g, batch, threads, share_batch, <floating*>scratch.data)
    give_scratch(scratch)


def matmul(cnp.ndarray a, cnp.ndarray b, cnp.ndarray out, cnp.ndarray bias=None, bint relu=False):
    """out = a @ b (+ bias) (then max(., 0) where relu; NaN stays NaN).

    a: (*B, m, k), b: (*B, k, n), of any strides; out: (*B, m, n), contiguous; bias: (n,), contiguous. Either operand
    may lack B, or be a vector of k elements: then out lacks m or n.
    """
    cdef Product g
    cdef Batch batch
    cdef int a_axes = cnp.PyArray_NDIM(a)
    cdef int b_axes = cnp.PyArray_NDIM(b)
    cdef int axes = cnp.PyArray_NDIM(out) - (a_axes > 1) - (b_axes > 1)
    cdef int axis
    cdef Py_ssize_t size = cnp.PyArray_ITEMSIZE(out)
    cdef Py_ssize_t length
    g.m = cnp.PyArray_DIM(a, a_axes - 2) if a_axes > 1 else 1
    g.k = cnp.PyArray_DIM(a, a_axes - 1)
    g.n = cnp.PyArray_DIM(b, b_axes - 1) if b_axes > 1 else 1
    g.a, g.b, g.c = cnp.PyArray_DATA(a), cnp.PyArray_DATA(b), cnp.PyArray_DATA(out)
    g.a_row = cnp.PyArray_STRIDE(a, a_axes - 2) // size if a_axes > 1 else g.k
    g.a_step = cnp.PyArray_STRIDE(a, a_axes - 1) // size
    g.b_step = cnp.PyArray_STRIDE(b, b_axes - 2 if b_axes > 1 else 0) // size
    g.b_column = cnp.PyArray_STRIDE(b, b_axes - 1) // size if b_axes > 1 else 1
    g.c_row = g.n
    g.flags = GEMM_RELU if relu else 0
    g.bias = NULL
    if bias is not None:
        g.bias = cnp.PyArray_DATA(bias)
        g.flags |= GEMM_BIAS_COLUMNS
    batch.ndim = 0
    batch.count = 1
    for axis in range(axes):
        length = cnp.PyArray_DIM(out, axis)
        batch.count *= length
        if length != 1:
            batch.shape[batch.ndim] = length
            batch.a[batch.ndim] = cnp.PyArray_STRIDE(a, axis) // size if a_axes > 2 else 0
            batch.b[batch.ndim] = cnp.PyArray_STRIDE(b, axis) // size if b_axes > 2 else 0
            batch.ndim += 1
    if batch.count == 0 or g.m == 0 or g.n == 0:
        return
    if batch.ndim:
        fold_rows(&g, &batch)
    if cnp.PyArray_TYPE(out) == cnp.NPY_FLOAT32:
        run(&g, &batch, <const float*>g.c)
    else:
        run(&g, &batch, <const double*>g.c)

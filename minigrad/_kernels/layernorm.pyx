"""Layer normalization: each row of (rows, n) by its own mean and variance, and the gradients.

Forward, per row: mean, then the mean square of x - mean (two passes, so no cancellation), then
out = x^ weight + bias with x^ = (x - mean) rstd, rstd = 1 / sqrt(var + eps). A row that fits the first cache is read
from memory once. Backward, per row, with h = g weight: dx = rstd (h - mean(h) - x^ mean(h x^)); per column:
dweight = sum g x^, dbias = sum g (Ba, Kiros, Hinton: "Layer normalization", arXiv 1607.06450).

Backward takes a group of rows at a time, few enough for the second cache: the two sums of each row, and then all rows
together, column by column, which gives dx and adds to dweight and dbias with one addition for the whole group. Rows
are shared out in chunks, each with totals of its own, which are added up in order: their number depends on the shape
alone, so results are the same for any number of threads.

Sums add at most 8 numbers in their own precision, and then in double: for float32 that spares seven of eight
conversions, and the error is 9 u of the sum of magnitudes. Forward's first pass is for the mean nearly; the second sums
x - mean too, which corrects it (Chan, Golub, LeVeque: "Algorithms for computing the sample variance", 1983). What
rounding cuts off the mean is made good in the shift. Squares that overflow float32 are computed again in double.

A few short rows are normalized together, so that none waits for another's sum and root. Outputs that no cache holds are
stored past the caches (stream.h).
"""

cimport numpy as cnp
from cython.parallel cimport prange
from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

cnp.import_array()

include "threads.pxi"

cdef extern from "layernorm.h" nogil:
    enum:
        FORWARD_ROWS
        NORM_ROWS
        STREAMED
    void end_streams()
    void normalize_rows_f32(const float* x, float* out, int64_t rows, int64_t size, const float* weight,
                            const float* bias, double eps, float* mean, float* rstd, int streaming)
    void normalize_rows_f64(const double* x, double* out, int64_t rows, int64_t size, const double* weight,
                            const double* bias, double eps, double* mean, double* rstd, int streaming)
    void gradient_rows_f32(const float* g, const float* x, const float* weight, const float* mean, const float* rstd,
                           float* dx, int64_t rows, int64_t size, double* dweight, double* dbias,
                           int streaming)
    void gradient_rows_f64(const double* g, const double* x, const double* weight, const double* mean,
                           const double* rstd, double* dx, int64_t rows, int64_t size, double* dweight, double* dbias,
                           int streaming)

ctypedef fused floating:
    float
    double

cdef enum:
    CHUNKS = 64  # the most that backward's rows are cut into
    LEAST = 64  # rows of a chunk: its totals are then small beside it
    GROUP = 65536  # the most elements of a group of rows, unless it is one row
    FORWARD_GROUP = 8192  # the same for forward


# What a call works on.
cdef struct Batch:
    const void* x
    const void* g
    const void* weight
    const void* bias
    void* mean
    void* rstd
    void* out  # the normalized rows, or dx
    void* dweight
    void* dbias
    double* totals  # of each chunk those of dweight, then those of dbias; NULL where neither is asked for
    double eps
    Py_ssize_t rows
    Py_ssize_t n
    Py_ssize_t chunk  # the rows of a task
    int streaming  # whether the output is larger than caches


cdef inline void forward_rows(const Batch* batch, Py_ssize_t begin, Py_ssize_t end, floating like) noexcept nogil:
    # As many at a time as stay in the first cache.
    cdef Py_ssize_t n = batch.n
    cdef Py_ssize_t group = FORWARD_ROWS if n * FORWARD_ROWS <= FORWARD_GROUP else 1
    cdef const floating* x = <const floating*>batch.x
    cdef floating* out = <floating*>batch.out
    cdef const floating* weight = <const floating*>batch.weight
    cdef const floating* bias = <const floating*>batch.bias
    cdef floating* mean = <floating*>batch.mean
    cdef floating* rstd = <floating*>batch.rstd
    cdef Py_ssize_t rows
    while begin < end:
        rows = min(group, end - begin)
        if floating is float:
            normalize_rows_f32(x + begin * n, out + begin * n, rows, n, weight, bias, batch.eps, mean + begin,
                               rstd + begin, batch.streaming)
        else:
            normalize_rows_f64(x + begin * n, out + begin * n, rows, n, weight, bias, batch.eps, mean + begin,
                               rstd + begin, batch.streaming)
        begin += rows


cdef inline void backward_rows(const Batch* batch, Py_ssize_t begin, Py_ssize_t end, double* totals,
                               floating like) noexcept nogil:
    # A group at a time.
    cdef Py_ssize_t n = batch.n
    cdef Py_ssize_t group = max(<Py_ssize_t>1, min(<Py_ssize_t>NORM_ROWS, GROUP // n))
    cdef const floating* g = <const floating*>batch.g
    cdef const floating* x = <const floating*>batch.x
    cdef const floating* weight = <const floating*>batch.weight
    cdef const floating* mean = <const floating*>batch.mean
    cdef const floating* rstd = <const floating*>batch.rstd
    cdef floating* dx = <floating*>batch.out
    cdef double* of_bias = NULL if totals == NULL else totals + n
    cdef Py_ssize_t rows
    while begin < end:
        rows = min(group, end - begin)
        if floating is float:
            gradient_rows_f32(g + begin * n, x + begin * n, weight, mean + begin, rstd + begin,
                              NULL if dx == NULL else dx + begin * n, rows, n, totals, of_bias,
                              batch.streaming)
        else:
            gradient_rows_f64(g + begin * n, x + begin * n, weight, mean + begin, rstd + begin,
                              NULL if dx == NULL else dx + begin * n, rows, n, totals, of_bias,
                              batch.streaming)
        begin += rows


cdef inline void run_task(const Batch* batch, Py_ssize_t task, floating like) noexcept nogil:
    cdef Py_ssize_t begin = task * batch.chunk
    cdef Py_ssize_t end = min(batch.rows, begin + batch.chunk)
    if batch.g == NULL:
        forward_rows(batch, begin, end, like)
    else:
        backward_rows(batch, begin, end, NULL if batch.totals == NULL else batch.totals + task * 2 * batch.n, like)
    end_streams()


cdef void run_tasks(const Batch* batch, int threads, floating like) noexcept nogil:
    cdef Py_ssize_t tasks = (batch.rows + batch.chunk - 1) // batch.chunk
    cdef Py_ssize_t task
    if threads == 1 or tasks == 1:
        for task in range(tasks):
            run_task(batch, task, like)
    else:
        for task in prange(tasks, schedule="static", num_threads=threads):
            run_task(batch, task, like)


cdef void add_chunks(const Batch* batch, floating like) noexcept nogil:
    # dweight and dbias from the totals of all chunks.
    cdef Py_ssize_t n = batch.n
    cdef Py_ssize_t c, j
    for c in range(1, (batch.rows + batch.chunk - 1) // batch.chunk):
        for j in range(2 * n):
            batch.totals[j] += batch.totals[c * 2 * n + j]
    for j in range(n):
        if batch.dweight != NULL:
            (<floating*>batch.dweight)[j] = <floating>batch.totals[j]
        if batch.dbias != NULL:
            (<floating*>batch.dbias)[j] = <floating>batch.totals[n + j]


cdef inline void* data_of(cnp.ndarray array) noexcept:
    return NULL if array is None else cnp.PyArray_DATA(array)


cdef void run(Batch* batch, cnp.ndarray x, double cost):
    # `cost`: about how many ns an element takes.
    cdef bint is_float = cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT32
    cdef int threads = threads_for(cost * <double>batch.rows * <double>batch.n)
    with nogil:
        if is_float:
            run_tasks(batch, threads, <float>0)
            if batch.totals != NULL:
                add_chunks(batch, <float>0)
        else:
            run_tasks(batch, threads, <double>0)
            if batch.totals != NULL:
                add_chunks(batch, <double>0)


cdef Batch batch_of(cnp.ndarray x, cnp.ndarray weight, cnp.ndarray mean, cnp.ndarray rstd, cnp.ndarray out):
    cdef Batch batch
    memset(&batch, 0, sizeof(Batch))
    batch.x, batch.weight = data_of(x), data_of(weight)
    batch.mean, batch.rstd, batch.out = data_of(mean), data_of(rstd), data_of(out)
    batch.rows = cnp.PyArray_SIZE(mean)
    batch.n = cnp.PyArray_SIZE(x) // batch.rows
    batch.streaming = cnp.PyArray_NBYTES(x) >= STREAMED
    batch.chunk = max(<Py_ssize_t>LEAST, (batch.rows + CHUNKS - 1) // CHUNKS)
    return batch


def layer_norm_forward(cnp.ndarray x, cnp.ndarray weight, cnp.ndarray bias, double eps, cnp.ndarray out,
                       cnp.ndarray mean, cnp.ndarray rstd):
    """out = (x - mean) * rstd * weight + bias, each row by its own mean and rstd = 1 / sqrt(var + eps), var biased.

    x, out: rows * n numbers, neither 0; weight, bias: n, or None; mean, rstd: (rows,). Contiguous, float32 or float64.
    """
    cdef Batch batch = batch_of(x, weight, mean, rstd, out)
    batch.bias, batch.eps = data_of(bias), eps
    batch.chunk = (batch.rows // CHUNKS // FORWARD_ROWS + 1) * FORWARD_ROWS
    run(&batch, x, 0.2)


def layer_norm_backward(cnp.ndarray g, cnp.ndarray x, cnp.ndarray weight, cnp.ndarray mean, cnp.ndarray rstd,
                        cnp.ndarray dx, cnp.ndarray dweight, cnp.ndarray dbias):
    """The gradients of layer_norm_forward; dx, dweight and dbias may each be None."""
    cdef Batch batch = batch_of(x, weight, mean, rstd, dx)
    cdef Py_ssize_t chunks = (batch.rows + batch.chunk - 1) // batch.chunk
    batch.g, batch.dweight, batch.dbias = data_of(g), data_of(dweight), data_of(dbias)
    if batch.dweight != NULL or batch.dbias != NULL:
        batch.totals = <double*>calloc(<size_t>(chunks * 2 * batch.n), sizeof(double))
        if batch.totals == NULL:
            raise MemoryError("no memory for partial sums")
    run(&batch, x, 0.4)
    free(batch.totals)

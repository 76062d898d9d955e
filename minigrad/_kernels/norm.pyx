"""Batch normalization of (N, C, S): statistics per channel over N and S, training and inference, and its gradients.

Forward, per channel: mean, then the mean square of x - mean (two passes, so no cancellation), then
out = (x - mean) * weight * rstd + bias. Backward with x^ = (x - mean) * rstd and M = N S, per channel:
dbias = sum g, dweight = sum g x^, dx = weight rstd (g - dbias / M - x^ dweight / M), in two passes (Ioffe and Szegedy
2015, section 3).

A channel is N runs of S numbers. Long runs (S >= LONG) are taken one channel at a time, whose second and third pass
then find it in the cache. Short runs are taken as columns: a block of neighbouring channels makes rows of at most
COLUMNS numbers, which are added up row by row, in vectors even where S = 1. Threads share channels
or blocks; which way is taken depends on S alone, so the sums are the same for any number of threads.

Sums have double accumulators. Error of a sum of M numbers: for float32 that of the final rounding (plus M 2^-53
relative to the sum of magnitudes); for float64 (N ceil(S/32) + 5) u for long runs, (N + S) u for short ones, u = 2^-53.
Short runs add 4 or 8 rows in pairs in their own precision first, which costs another 3 u; the second pass corrects the
mean by the sum of x - mean. What overflows float32 there is computed again in double precision throughout.
The mean's own rounding to float32 is made good: what it cuts off enters out through the shift.
"""

cimport numpy as cnp
from cython.parallel cimport prange
from libc.math cimport sqrt

cnp.import_array()

include "threads.pxi"

cdef extern from "norm.h" nogil:
    enum:
        SUM_LANES
    double fold_lanes(const double* lanes)
    void sum_powers_f32(const float* x, Py_ssize_t size, float pivot, double* total, double* squares)
    void sum_powers_f64(const double* x, Py_ssize_t size, double pivot, double* total, double* squares)
    void sum_products_f32(const float* g, const float* x, const float* weight, Py_ssize_t size, float mean,
                          double* total_g, double* total_gx)
    void sum_products_f64(const double* g, const double* x, const double* weight, Py_ssize_t size, double mean,
                          double* total_g, double* total_gx)

ctypedef fused floating:
    float
    double

cdef enum:
    LONG = 128  # the shortest run taken by itself
    COLUMNS = 256  # numbers per row of a block of short runs; at least LONG
    WIDE = 16  # the shortest run that inference takes by itself: it keeps no sums


# ------------------------------------------------------------------ runs: one channel of one sample

cdef inline void add_run(const floating* x, Py_ssize_t size, floating pivot, double* total,
                         double* squares) noexcept nogil:
    if floating is float:
        sum_powers_f32(x, size, pivot, total, squares)
    else:
        sum_powers_f64(x, size, pivot, total, squares)


cdef inline void add_products(const floating* g, const floating* x, Py_ssize_t size, floating mean, double* total_g,
                              double* total_gx) noexcept nogil:
    if floating is float:
        sum_products_f32(g, x, NULL, size, mean, total_g, total_gx)
    else:
        sum_products_f64(g, x, NULL, size, mean, total_g, total_gx)


cdef inline void add_wide_run(const floating* x, Py_ssize_t size, double pivot, double* total,
                              double* squares) noexcept nogil:
    # In double precision throughout, whose squares overflow for no float.
    cdef Py_ssize_t j
    for j in range(size):
        total[0] += <double>x[j] - pivot
        squares[0] += (<double>x[j] - pivot) * (<double>x[j] - pivot)


cdef inline void scale_run(const floating* x, floating* out, Py_ssize_t size, floating mean, floating scale,
                           floating shift) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(size):
        out[i] = (x[i] - mean) * scale + shift


cdef inline void gradient_run(const floating* g, const floating* x, floating* dx, Py_ssize_t size, floating mean,
                              floating of_g, floating of_x, floating shift) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(size):
        dx[i] = of_g * g[i] + (of_x * (x[i] - mean) + shift)


# ------------------------------------------------------------------ one channel of long runs

# What a call works on. A channel's statistics follow from it alone.
cdef struct Batch:
    const void* x
    const void* g
    const void* weight
    const void* bias
    void* mean
    void* rstd
    void* var
    void* out  # the normalized batch, or dx
    void* dweight
    void* dbias
    double eps
    Py_ssize_t samples
    Py_ssize_t channels
    Py_ssize_t size  # of a run
    Py_ssize_t together  # channels a task takes


cdef inline floating statistics(const Batch* batch, Py_ssize_t c, double mean, double var, floating* scale,
                                floating* shift, floating like) noexcept nogil:
    # Stores the channel's statistics; returns the rounded mean m, with out = (x - m) * scale + shift.
    cdef double rstd = 1.0 / sqrt(var + batch.eps)
    cdef double factor = rstd * (<const floating*>batch.weight)[c] if batch.weight != NULL else rstd
    cdef double bias = (<const floating*>batch.bias)[c] if batch.bias != NULL else 0.0
    cdef floating rounded = <floating>mean
    (<floating*>batch.mean)[c] = rounded
    (<floating*>batch.rstd)[c] = <floating>rstd
    (<floating*>batch.var)[c] = <floating>var
    scale[0] = <floating>factor
    shift[0] = <floating>(bias - (mean - <double>rounded) * factor)
    return rounded


cdef inline void gradients(const Batch* batch, Py_ssize_t c, double sum_g, double sum_gx, floating* of_g,
                           floating* of_x, floating* shift) noexcept nogil:
    # Stores dweight and dbias; dx = of_g * g + (of_x * (x - mean) + shift). sum_gx = sum g (x - mean).
    cdef double count = <double>batch.samples * <double>batch.size
    cdef double rstd = (<const floating*>batch.rstd)[c]
    cdef double factor = rstd * (<const floating*>batch.weight)[c] if batch.weight != NULL else rstd
    if batch.dweight != NULL:
        (<floating*>batch.dweight)[c] = <floating>(sum_gx * rstd)
    if batch.dbias != NULL:
        (<floating*>batch.dbias)[c] = <floating>sum_g
    of_g[0] = <floating>factor
    of_x[0] = <floating>(-factor * rstd * rstd * sum_gx / count)
    shift[0] = <floating>(-factor * sum_g / count)


cdef inline void clear(double* total, Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(size):
        total[j] = 0


cdef inline void forward_channel(const Batch* batch, Py_ssize_t c, floating like) noexcept nogil:
    cdef double total[SUM_LANES]
    cdef double squares[SUM_LANES]
    cdef Py_ssize_t size = batch.size
    cdef Py_ssize_t stride = batch.channels * size
    cdef const floating* x = <const floating*>batch.x + c * size
    cdef floating* out = <floating*>batch.out + c * size
    cdef double count = <double>batch.samples * <double>size
    cdef double mean, off, var
    cdef floating rounded, scale, shift
    cdef Py_ssize_t n
    clear(total, SUM_LANES)
    for n in range(batch.samples):
        add_run(x + n * stride, size, <floating>0, total, NULL)
    rounded = <floating>(fold_lanes(total) / count)  # nearly the mean
    clear(total, SUM_LANES)
    clear(squares, SUM_LANES)
    for n in range(batch.samples - 1, -1, -1):  # backwards: what was read last is still in the cache
        add_run(x + n * stride, size, rounded, total, squares)
    mean = rounded
    if not fold_lanes(squares) < 1e300:
        clear(total, SUM_LANES)
        for n in range(batch.samples):
            add_wide_run(x + n * stride, size, 0, total, squares)
        mean = fold_lanes(total) / count
        clear(total, SUM_LANES)
        clear(squares, SUM_LANES)
        for n in range(batch.samples):
            add_wide_run(x + n * stride, size, mean, total, squares)
    off = fold_lanes(total) / count
    var = fold_lanes(squares) / count - off * off
    rounded = statistics(batch, c, mean + off, 0 if var < 0 else var, &scale, &shift, like)
    for n in range(batch.samples):
        scale_run(x + n * stride, out + n * stride, size, rounded, scale, shift)


cdef inline void backward_channel(const Batch* batch, Py_ssize_t c, floating like) noexcept nogil:
    cdef double total_g[SUM_LANES]
    cdef double total_gx[SUM_LANES]
    cdef Py_ssize_t size = batch.size
    cdef Py_ssize_t stride = batch.channels * size
    cdef const floating* g = <const floating*>batch.g + c * size
    cdef const floating* x = <const floating*>batch.x + c * size
    cdef floating* dx = <floating*>batch.out + c * size
    cdef floating mean = (<floating*>batch.mean)[c]
    cdef floating of_g, of_x, shift
    cdef Py_ssize_t n
    clear(total_g, SUM_LANES)
    clear(total_gx, SUM_LANES)
    for n in range(batch.samples):
        add_products(g + n * stride, x + n * stride, size, mean, total_g, total_gx)
    gradients(batch, c, fold_lanes(total_g), fold_lanes(total_gx), &of_g, &of_x, &shift)
    if batch.out == NULL:
        return
    for n in range(batch.samples - 1, -1, -1):  # backwards: what was read last is still in the cache
        gradient_run(g + n * stride, x + n * stride, dx + n * stride, size, mean, of_g, of_x, shift)


cdef inline void inference_sample(const Batch* batch, Py_ssize_t n, floating like) noexcept nogil:
    # All channels of one sample, which lie one behind the other.
    cdef Py_ssize_t size = batch.size
    cdef const floating* x = <const floating*>batch.x + n * batch.channels * size
    cdef floating* out = <floating*>batch.out + n * batch.channels * size
    cdef floating scale, shift
    cdef Py_ssize_t c
    for c in range(batch.channels):
        scale = (<floating*>batch.rstd)[c]
        if batch.weight != NULL:
            scale = scale * (<const floating*>batch.weight)[c]
        shift = (<const floating*>batch.bias)[c] if batch.bias != NULL else 0
        scale_run(x + c * size, out + c * size, size, (<floating*>batch.mean)[c], scale, shift)


include "norm_columns.pxi"


# ------------------------------------------------------------------ all channels

cdef enum Pass:
    FORWARD
    BACKWARD
    INFERENCE


cdef void run_task(const Batch* batch, Pass which, Py_ssize_t task, floating like) noexcept nogil:
    cdef Py_ssize_t first = task * batch.together
    cdef Py_ssize_t count = batch.channels - first
    if count > batch.together:
        count = batch.together
    if which == FORWARD:
        if batch.size >= LONG:
            forward_channel(batch, first, like)
        else:
            forward_block(batch, first, count, like)
    elif which == BACKWARD:
        if batch.size >= LONG:
            backward_channel(batch, first, like)
        else:
            backward_block(batch, first, count, like)
    elif batch.size >= WIDE:
        inference_sample(batch, task, like)
    else:
        inference_block(batch, first, count, like)


cdef void run_tasks(Batch* batch, Pass which, floating like) noexcept nogil:
    cdef Py_ssize_t tasks, task
    cdef int threads = threads_for(0.5 * <double>batch.samples * <double>batch.channels * <double>batch.size)
    batch.together = 1 if batch.size >= LONG else COLUMNS // batch.size
    tasks = (batch.channels + batch.together - 1) // batch.together
    if which == INFERENCE and batch.size >= WIDE:
        tasks = batch.samples
    if threads == 1 or tasks == 1:
        for task in range(tasks):
            run_task(batch, which, task, like)
    else:
        for task in prange(tasks, schedule="static", num_threads=threads):
            run_task(batch, which, task, like)


cdef inline void* data_of(cnp.ndarray array) noexcept:
    return NULL if array is None else cnp.PyArray_DATA(array)


cdef void run(Batch* batch, Pass which, cnp.ndarray x):
    cdef bint is_float = cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT32
    cdef int axis
    batch.x = cnp.PyArray_DATA(x)
    batch.samples = cnp.PyArray_DIM(x, 0)
    batch.channels = cnp.PyArray_DIM(x, 1)
    batch.size = 1
    for axis in range(2, cnp.PyArray_NDIM(x)):
        batch.size *= cnp.PyArray_DIM(x, axis)
    with nogil:
        if is_float:
            run_tasks(batch, which, <float>0)
        else:
            run_tasks(batch, which, <double>0)


def batch_norm_forward(cnp.ndarray x, cnp.ndarray weight, cnp.ndarray bias, double eps, cnp.ndarray out,
                       cnp.ndarray mean, cnp.ndarray rstd, cnp.ndarray var):
    """Normalize by the batch's own statistics, which go to mean, rstd = 1 / sqrt(var + eps) and var (biased).

    x, out: (N, C) or (N, C, ...), contiguous; the others (C,); weight and bias may be None.
    """
    cdef Batch batch
    batch.weight, batch.bias, batch.eps = data_of(weight), data_of(bias), eps
    batch.out, batch.mean, batch.rstd, batch.var = data_of(out), data_of(mean), data_of(rstd), data_of(var)
    run(&batch, FORWARD, x)


def batch_norm_backward(cnp.ndarray g, cnp.ndarray x, cnp.ndarray weight, cnp.ndarray mean, cnp.ndarray rstd,
                        cnp.ndarray dx, cnp.ndarray dweight, cnp.ndarray dbias):
    """The gradients of batch_norm_forward; dx, dweight and dbias may each be None."""
    cdef Batch batch
    batch.g, batch.weight, batch.mean, batch.rstd = data_of(g), data_of(weight), data_of(mean), data_of(rstd)
    batch.out, batch.dweight, batch.dbias = data_of(dx), data_of(dweight), data_of(dbias)
    run(&batch, BACKWARD, x)


cdef void move(const floating* now, floating* running, Py_ssize_t size, floating momentum,
               floating factor) noexcept nogil:
    cdef Py_ssize_t c
    for c in range(size):
        running[c] += (now[c] * factor - running[c]) * momentum


def move_statistic(cnp.ndarray now, cnp.ndarray running, double momentum, double factor):
    """running += (now * factor - running) * momentum. Contiguous, of one dtype, float32 or float64."""
    cdef Py_ssize_t size = cnp.PyArray_SIZE(now)
    if cnp.PyArray_TYPE(now) == cnp.NPY_FLOAT32:
        move(<const float*>cnp.PyArray_DATA(now), <float*>cnp.PyArray_DATA(running), size, <float>momentum,
             <float>factor)
    else:
        move(<const double*>cnp.PyArray_DATA(now), <double*>cnp.PyArray_DATA(running), size, momentum, factor)


def batch_norm_inference(cnp.ndarray x, cnp.ndarray weight, cnp.ndarray bias, cnp.ndarray mean, cnp.ndarray rstd,
                         cnp.ndarray out):
    """out = (x - mean) * rstd * weight + bias, with given statistics."""
    cdef Batch batch
    batch.weight, batch.bias = data_of(weight), data_of(bias)
    batch.mean, batch.rstd, batch.out = data_of(mean), data_of(rstd), data_of(out)
    run(&batch, INFERENCE, x)

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

ctypedef fused floating:
    float
    double

cdef enum:
    LANES = 32  # independent partial sums of a long run: enough to keep two adders of 512 bits busy
    LONG = 128  # the shortest run taken by itself
    COLUMNS = 256  # numbers per row of a block of short runs; at least LONG
    WIDE = 16  # the shortest run that inference takes by itself: it keeps no sums


# ------------------------------------------------------------------ runs: one channel of one sample

cdef inline double fold(double* lane) noexcept nogil:
    # The sum of the lanes, pairwise.
    cdef Py_ssize_t width = LANES // 2
    cdef Py_ssize_t j
    while width:
        for j in range(width):
            lane[j] = lane[j] + lane[j + width]
        width = width // 2
    return lane[0]


cdef inline void add_run(const floating* x, Py_ssize_t size, double* total) noexcept nogil:
    cdef double lane[LANES]
    cdef Py_ssize_t _block, j
    for j in range(LANES):
        lane[j] = total[j]
    for _block in range(size // LANES):
        for j in range(LANES):
            lane[j] = lane[j] + <double>x[j]
        x += LANES
    for j in range(size % LANES):
        lane[j] = lane[j] + <double>x[j]
    for j in range(LANES):
        total[j] = lane[j]


cdef inline void add_squares(const floating* x, Py_ssize_t size, double mean, double* total) noexcept nogil:
    cdef double lane[LANES]
    cdef Py_ssize_t _block, j
    for j in range(LANES):
        lane[j] = total[j]
    for _block in range(size // LANES):
        for j in range(LANES):
            lane[j] = lane[j] + (<double>x[j] - mean) * (<double>x[j] - mean)
        x += LANES
    for j in range(size % LANES):
        lane[j] = lane[j] + (<double>x[j] - mean) * (<double>x[j] - mean)
    for j in range(LANES):
        total[j] = lane[j]


cdef inline void add_products(const floating* g, const floating* x, Py_ssize_t size, double mean,
                              double* total) noexcept nogil:
    # total += g * (x - mean)
    cdef double lane[LANES]
    cdef Py_ssize_t _block, j
    for j in range(LANES):
        lane[j] = total[j]
    for _block in range(size // LANES):
        for j in range(LANES):
            lane[j] = lane[j] + <double>g[j] * (<double>x[j] - mean)
        g += LANES
        x += LANES
    for j in range(size % LANES):
        lane[j] = lane[j] + <double>g[j] * (<double>x[j] - mean)
    for j in range(LANES):
        total[j] = lane[j]


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
    cdef double total[LANES]
    cdef Py_ssize_t size = batch.size
    cdef Py_ssize_t stride = batch.channels * size
    cdef const floating* x = <const floating*>batch.x + c * size
    cdef floating* out = <floating*>batch.out + c * size
    cdef double count = <double>batch.samples * <double>size
    cdef double mean, var
    cdef floating rounded, scale, shift
    cdef Py_ssize_t n
    clear(total, LANES)
    for n in range(batch.samples):
        add_run(x + n * stride, size, total)
    mean = fold(total) / count
    clear(total, LANES)
    for n in range(batch.samples - 1, -1, -1):  # backwards: what was read last is still in the cache
        add_squares(x + n * stride, size, mean, total)
    var = fold(total) / count
    rounded = statistics(batch, c, mean, var, &scale, &shift, like)
    for n in range(batch.samples):
        scale_run(x + n * stride, out + n * stride, size, rounded, scale, shift)


cdef inline void backward_channel(const Batch* batch, Py_ssize_t c, floating like) noexcept nogil:
    cdef double total_g[LANES]
    cdef double total_gx[LANES]
    cdef Py_ssize_t size = batch.size
    cdef Py_ssize_t stride = batch.channels * size
    cdef const floating* g = <const floating*>batch.g + c * size
    cdef const floating* x = <const floating*>batch.x + c * size
    cdef floating* dx = <floating*>batch.out + c * size
    cdef floating mean = (<floating*>batch.mean)[c]
    cdef floating of_g, of_x, shift
    cdef Py_ssize_t n
    clear(total_g, LANES)
    clear(total_gx, LANES)
    for n in range(batch.samples):
        add_run(g + n * stride, size, total_g)
        add_products(g + n * stride, x + n * stride, size, mean, total_gx)
    gradients(batch, c, fold(total_g), fold(total_gx), &of_g, &of_x, &shift)
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


# ------------------------------------------------------------------ a block of channels of short runs

cdef inline void spread(floating* column, const floating* value, Py_ssize_t count, Py_ssize_t size) noexcept nogil:
    # The values of the block's channels, for each of their columns.
    cdef Py_ssize_t j, k
    if size == 1:
        for k in range(count):
            column[k] = value[k]
    else:
        for k in range(count):
            for j in range(k * size, (k + 1) * size):
                column[j] = value[k]


cdef inline void fold_columns(double* total, Py_ssize_t count, Py_ssize_t size) noexcept nogil:
    # From the sums of the columns those of the channels.
    cdef double sum
    cdef Py_ssize_t j, k
    if size > 1:
        for k in range(count):
            sum = 0
            for j in range(k * size, (k + 1) * size):
                sum += total[j]
            total[k] = sum


cdef inline void load_channels(const void* given, Py_ssize_t first, Py_ssize_t count, floating otherwise,
                               floating* value) noexcept nogil:
    # The weights or biases of a block's channels, or what stands for them.
    cdef Py_ssize_t k
    for k in range(count):
        value[k] = otherwise
    if given != NULL:
        for k in range(count):
            value[k] = (<const floating*>given)[first + k]


cdef inline void scale_columns(const floating* x, floating* out, Py_ssize_t samples, Py_ssize_t stride,
                               Py_ssize_t width, const floating* mean, const floating* scale,
                               const floating* shift) noexcept nogil:
    cdef Py_ssize_t _n, j
    for _n in range(samples):
        for j in range(width):
            out[j] = (x[j] - mean[j]) * scale[j] + shift[j]
        x += stride
        out += stride


cdef inline void add_columns(const floating* x, Py_ssize_t samples, Py_ssize_t stride, Py_ssize_t width,
                             double* total) noexcept nogil:
    # total[j] += the sum of column j.
    cdef floating block
    cdef Py_ssize_t _n, j
    for _n in range(samples // 8):
        for j in range(width):
            block = (((x[j] + x[stride + j]) + (x[2 * stride + j] + x[3 * stride + j]))
                     + ((x[4 * stride + j] + x[5 * stride + j]) + (x[6 * stride + j] + x[7 * stride + j])))
            total[j] += <double>block
        x += 8 * stride
    for _n in range(samples % 8):
        for j in range(width):
            total[j] += <double>x[j]
        x += stride


cdef inline void add_powers(const floating* x, Py_ssize_t samples, Py_ssize_t stride, Py_ssize_t width,
                            const floating* pivot, double* total, double* squares) noexcept nogil:
    # total[j] += the sum of x - pivot over column j, squares[j] += that of its square.
    cdef floating a, b, c, d, first, second
    cdef Py_ssize_t _n, j
    for _n in range(samples // 4):
        for j in range(width):
            a = x[j] - pivot[j]
            b = x[stride + j] - pivot[j]
            c = x[2 * stride + j] - pivot[j]
            d = x[3 * stride + j] - pivot[j]
            first = (a + b) + (c + d)
            second = (a * a + b * b) + (c * c + d * d)
            total[j] += <double>first
            squares[j] += <double>second
        x += 4 * stride
    for _n in range(samples % 4):
        for j in range(width):
            a = x[j] - pivot[j]
            total[j] += <double>a
            squares[j] += <double>a * <double>a
        x += stride


cdef inline void add_wide(const floating* x, Py_ssize_t samples, Py_ssize_t stride, Py_ssize_t width,
                          const floating* pivot, double* total, double* squares) noexcept nogil:
    # The same in double precision throughout, whose squares overflow for no float.
    cdef Py_ssize_t _n, j
    for _n in range(samples):
        for j in range(width):
            total[j] += <double>x[j] - <double>pivot[j]
            squares[j] += (<double>x[j] - <double>pivot[j]) * (<double>x[j] - <double>pivot[j])
        x += stride


cdef inline void add_gradients(const floating* g, const floating* x, Py_ssize_t samples, Py_ssize_t stride,
                               Py_ssize_t width, const floating* mean, double* total_g,
                               double* total_gx) noexcept nogil:
    # total_g[j] += the sum of g over column j, total_gx[j] += that of g * (x - mean).
    cdef floating first, second
    cdef Py_ssize_t _n, j
    for _n in range(samples // 4):
        for j in range(width):
            first = (g[j] + g[stride + j]) + (g[2 * stride + j] + g[3 * stride + j])
            second = ((g[j] * (x[j] - mean[j]) + g[stride + j] * (x[stride + j] - mean[j]))
                      + (g[2 * stride + j] * (x[2 * stride + j] - mean[j])
                         + g[3 * stride + j] * (x[3 * stride + j] - mean[j])))
            total_g[j] += <double>first
            total_gx[j] += <double>second
        g += 4 * stride
        x += 4 * stride
    for _n in range(samples % 4):
        for j in range(width):
            total_g[j] += <double>g[j]
            total_gx[j] += <double>g[j] * (<double>x[j] - <double>mean[j])
        g += stride
        x += stride


cdef inline void nearly_means(double* total, Py_ssize_t count, Py_ssize_t size, double share, floating* center,
                              floating* pivot) noexcept nogil:
    # The means of channels from the sums of their columns, rounded; and spread over their columns.
    cdef Py_ssize_t k
    fold_columns(total, count, size)
    for k in range(count):
        center[k] = <floating>(total[k] * share)
    spread(pivot, center, count, size)


cdef inline void forward_block(const Batch* batch, Py_ssize_t first, Py_ssize_t count, floating like) noexcept nogil:
    cdef double total[COLUMNS]
    cdef double squares[COLUMNS]
    cdef floating pivot[COLUMNS]
    cdef floating scales[COLUMNS]
    cdef floating shifts[COLUMNS]
    cdef floating center[COLUMNS]
    cdef floating weight[COLUMNS]
    cdef floating bias[COLUMNS]
    cdef floating rstds[COLUMNS]
    cdef floating vars[COLUMNS]
    cdef Py_ssize_t size = batch.size
    cdef Py_ssize_t stride = batch.channels * size
    cdef Py_ssize_t width = count * size
    cdef const floating* x = <const floating*>batch.x + first * size
    cdef double share = 1.0 / (<double>batch.samples * <double>size)
    cdef double off, exact, var, rstd, factor
    cdef bint overflows = False
    cdef Py_ssize_t k
    clear(total, width)
    add_columns(x, batch.samples, stride, width, total)
    nearly_means(total, count, size, share, center, pivot)
    clear(total, width)
    clear(squares, width)
    add_powers(x, batch.samples, stride, width, pivot, total, squares)
    for k in range(width):
        overflows |= not squares[k] < 1e300
    if overflows:
        for k in range(width):
            pivot[k] = 0
        clear(total, width)
        add_wide(x, batch.samples, stride, width, pivot, total, squares)
        nearly_means(total, count, size, share, center, pivot)
        clear(total, width)
        clear(squares, width)
        add_wide(x, batch.samples, stride, width, pivot, total, squares)
    fold_columns(total, count, size)
    fold_columns(squares, count, size)
    load_channels(batch.weight, first, count, <floating>1, weight)
    load_channels(batch.bias, first, count, <floating>0, bias)
    for k in range(count):  # as in `statistics`, in vectors
        off = total[k] * share
        exact = <double>center[k] + off
        var = squares[k] * share - off * off
        var = 0 if var < 0 else var
        rstd = 1.0 / sqrt(var + batch.eps)
        factor = rstd * <double>weight[k]
        center[k] = <floating>exact
        rstds[k] = <floating>rstd
        vars[k] = <floating>var
        weight[k] = <floating>factor
        bias[k] = <floating>(<double>bias[k] - (exact - <double>center[k]) * factor)
    for k in range(count):
        (<floating*>batch.mean)[first + k] = center[k]
        (<floating*>batch.rstd)[first + k] = rstds[k]
        (<floating*>batch.var)[first + k] = vars[k]
    spread(pivot, center, count, size)
    spread(scales, weight, count, size)
    spread(shifts, bias, count, size)
    scale_columns(x, <floating*>batch.out + first * size, batch.samples, stride, width, pivot, scales, shifts)


cdef inline void backward_block(const Batch* batch, Py_ssize_t first, Py_ssize_t count, floating like) noexcept nogil:
    cdef double total_g[COLUMNS]
    cdef double total_gx[COLUMNS]
    cdef floating mean[COLUMNS]
    cdef floating of_gs[COLUMNS]
    cdef floating of_xs[COLUMNS]
    cdef floating shifts[COLUMNS]
    cdef Py_ssize_t size = batch.size
    cdef Py_ssize_t stride = batch.channels * size
    cdef Py_ssize_t width = count * size
    cdef const floating* g
    cdef const floating* x
    cdef floating* dx
    cdef floating of_g[COLUMNS]
    cdef floating of_x[COLUMNS]
    cdef floating shift[COLUMNS]
    cdef double share = 1.0 / (<double>batch.samples * <double>size)
    cdef double rstd, factor
    cdef Py_ssize_t n, j, k
    clear(total_g, width)
    clear(total_gx, width)
    spread(mean, <const floating*>batch.mean + first, count, size)
    add_gradients(<const floating*>batch.g + first * size, <const floating*>batch.x + first * size, batch.samples,
                  stride, width, mean, total_g, total_gx)
    fold_columns(total_g, count, size)
    fold_columns(total_gx, count, size)
    load_channels(batch.weight, first, count, <floating>1, of_g)
    load_channels(batch.rstd, first, count, <floating>1, of_x)
    if batch.dweight != NULL:
        for k in range(count):
            (<floating*>batch.dweight)[first + k] = <floating>(total_gx[k] * <double>of_x[k])
    if batch.dbias != NULL:
        for k in range(count):
            (<floating*>batch.dbias)[first + k] = <floating>total_g[k]
    for k in range(count):  # as in `gradients`, in vectors
        rstd = <double>of_x[k]
        factor = rstd * <double>of_g[k]
        of_g[k] = <floating>factor
        of_x[k] = <floating>(-factor * rstd * rstd * total_gx[k] * share)
        shift[k] = <floating>(-factor * total_g[k] * share)
    spread(of_gs, of_g, count, size)
    spread(of_xs, of_x, count, size)
    spread(shifts, shift, count, size)
    if batch.out == NULL:
        return
    for n in range(batch.samples - 1, -1, -1):
        g = <const floating*>batch.g + first * size + n * stride
        x = <const floating*>batch.x + first * size + n * stride
        dx = <floating*>batch.out + first * size + n * stride
        for j in range(width):
            dx[j] = of_gs[j] * g[j] + (of_xs[j] * (x[j] - mean[j]) + shifts[j])


cdef inline void inference_block(const Batch* batch, Py_ssize_t first, Py_ssize_t count, floating like) noexcept nogil:
    cdef floating mean[COLUMNS]
    cdef floating scales[COLUMNS]
    cdef floating shifts[COLUMNS]
    cdef floating scale[COLUMNS]
    cdef floating shift[COLUMNS]
    cdef Py_ssize_t size = batch.size
    cdef Py_ssize_t k
    load_channels(batch.weight, first, count, <floating>1, scale)
    load_channels(batch.bias, first, count, <floating>0, shift)
    for k in range(count):
        scale[k] = (<const floating*>batch.rstd)[first + k] * scale[k]
    spread(mean, <const floating*>batch.mean + first, count, size)
    spread(scales, scale, count, size)
    spread(shifts, shift, count, size)
    scale_columns(<const floating*>batch.x + first * size, <floating*>batch.out + first * size, batch.samples,
                  batch.channels * size, count * size, mean, scales, shifts)


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
    batch.x = cnp.PyArray_DATA(x)
    batch.samples = cnp.PyArray_DIM(x, 0)
    batch.channels = cnp.PyArray_DIM(x, 1)
    batch.size = cnp.PyArray_DIM(x, 2)
    with nogil:
        if is_float:
            run_tasks(batch, which, <float>0)
        else:
            run_tasks(batch, which, <double>0)


def batch_norm_forward(cnp.ndarray x, cnp.ndarray weight, cnp.ndarray bias, double eps, cnp.ndarray out,
                       cnp.ndarray mean, cnp.ndarray rstd, cnp.ndarray var):
    """Normalize by the batch's own statistics, which go to mean, rstd = 1 / sqrt(var + eps) and var (biased).

    x, out: (N, C, S); the others (C,); weight and bias may be None.
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


def batch_norm_inference(cnp.ndarray x, cnp.ndarray weight, cnp.ndarray bias, cnp.ndarray mean, cnp.ndarray rstd,
                         cnp.ndarray out):
    """out = (x - mean) * rstd * weight + bias, with given statistics."""
    cdef Batch batch
    batch.weight, batch.bias = data_of(weight), data_of(bias)
    batch.mean, batch.rstd, batch.out = data_of(mean), data_of(rstd), data_of(out)
    run(&batch, INFERENCE, x)

"""Softmax, log-softmax, logsumexp and cross-entropy over the middle axis of (outer, n, inner), with their gradients.

softmax = exp(x - max) / sum exp(x - max); log-softmax = (x - max) - log sum exp(x - max). Cross-entropy takes the
logits and never stores a softmax: forward keeps the log of the sum (`lse`) for each position, backward is one pass of
exp(x - lse). There the exponentials are divided by their own sum, which takes back the rounding of a large lse.

The work is cut into tiles, in one of three ways, chosen by shape alone:
- rows (inner = 1): one row of n numbers, or several short ones;
- columns (any other): up to WIDTH neighbours, n numbers each, inner apart; loops go along the columns;
- gathered columns (inner < 16 and n <= SHORT, such as ten classes): copied to a scratch tile of that form and back.
Threads share the tiles. exp is a polynomial (exp.h). Sums have double accumulators, which take four terms at a
time, added in the terms' precision (loss_rows.h). To the error of a sum the terms add that of exp (0.99 ulp) and
|x - max| 2^-24, from rounding x - max; summing float32 adds at most 2^-23, float64 (n/32 + 6) 2^-53 in a row and
n 2^-53 in a column, of the terms' magnitudes.
A row of -inf only, or one with +inf or NaN, gives NaN throughout, as in PyTorch.
"""

cimport numpy as cnp
from cython.parallel cimport prange
from libc.math cimport INFINITY, log
from libc.stdint cimport int64_t, uint64_t

cnp.import_array()

include "threads.pxi"

cdef extern from "loss.h" nogil:
    float row_peak_f32(const float* x, Py_ssize_t n)
    double row_peak_f64(const double* x, Py_ssize_t n)
    double row_weighted_f32(const float* x, const float* weight, Py_ssize_t n, float peak)
    double row_weighted_f64(const double* x, const double* weight, Py_ssize_t n, double peak)
    double row_exponentials_f32(const float* x, float* out, Py_ssize_t n, float peak)
    double row_exponentials_f64(const double* x, double* out, Py_ssize_t n, double peak)
    void column_exponentials_f32(const float* x, float* out, Py_ssize_t stride, Py_ssize_t rows, Py_ssize_t width,
                                 const float* peak, double* total)
    void column_exponentials_f64(const double* x, double* out, Py_ssize_t stride, Py_ssize_t rows, Py_ssize_t width,
                                 const double* peak, double* total)
    void softmax_row_f32(const float* x, float* out, Py_ssize_t n)
    void softmax_row_f64(const double* x, double* out, Py_ssize_t n)
    void softmax_slope_row_f32(const float* g, const float* y, float* dx, Py_ssize_t n)
    void softmax_slope_row_f64(const double* g, const double* y, double* dx, Py_ssize_t n)
    void log_softmax_row_f32(const float* x, float* out, Py_ssize_t n)
    void log_softmax_row_f64(const double* x, double* out, Py_ssize_t n)
    void log_softmax_slope_row_f32(const float* g, const float* y, float* dx, Py_ssize_t n)
    void log_softmax_slope_row_f64(const double* g, const double* y, double* dx, Py_ssize_t n)
    void log_softmax_slope_columns_f32(const float* g, const float* y, float* dx, Py_ssize_t width, const float* sum_g)
    void log_softmax_slope_columns_f64(const double* g, const double* y, double* dx, Py_ssize_t width,
                                       const double* sum_g)
    void exponentials_f32(const float* x, float* out, Py_ssize_t n)
    void exponentials_f64(const double* x, double* out, Py_ssize_t n)

ctypedef fused floating:
    float
    double

cdef enum:
    WIDTH = 256  # the most columns of a tile
    GATHERED = 64  # columns of a gathered tile
    SHORT = 20  # the longest columns that are gathered
    CHUNK = 16384  # elements a thread takes at a time where there are no tiles


# ------------------------------------------------------------------ tiles

cdef enum Op:
    SOFTMAX
    SOFTMAX_BACKWARD
    LOG_SOFTMAX
    LOG_SOFTMAX_BACKWARD
    CROSS_ENTROPY
    CROSS_ENTROPY_BACKWARD
    LOGSUMEXP
    LOGSUMEXP_BACKWARD

# What a call works on: up to two inputs of the large shape and one output (NULL where there is none).
cdef struct Call:
    Op op
    const void* a
    const void* b
    void* out
    Py_ssize_t outer
    Py_ssize_t n
    Py_ssize_t inner
    # cross-entropy only
    const int64_t* target
    const void* weight
    const void* scale
    void* lse  # logsumexp, too
    Py_ssize_t scale_step  # 0 where one scale serves all positions
    void* loss
    int64_t ignore_index
    double smoothing
    double total_weight

include "tiles.pxi"


# ------------------------------------------------------------------ softmax

cdef inline void softmax_tile(const floating* x, floating* out, const Tile* tile) noexcept nogil:
    cdef floating peak[WIDTH]
    cdef double total[WIDTH]
    cdef Py_ssize_t _i, j
    if tile.stride == 0:
        for j in range(tile.width):
            if floating is float:
                softmax_row_f32(x + j * tile.n, out + j * tile.n, tile.n)
            else:
                softmax_row_f64(x + j * tile.n, out + j * tile.n, tile.n)
        return
    find_peaks(x, tile, peak)
    sum_exponentials(x, tile, peak, out, total)
    for j in range(tile.width):
        peak[j] = <floating>(1.0 / total[j])
    for _i in range(tile.n):
        for j in range(tile.width):
            out[j] = out[j] * peak[j]
        out += tile.stride


cdef inline void softmax_backward_tile(const floating* g, const floating* y, floating* dx,
                                       const Tile* tile) noexcept nogil:
    # dx = y (g - sum g y)
    cdef double total[WIDTH]
    cdef floating dot[WIDTH]
    cdef Py_ssize_t _i, j
    if tile.stride == 0:
        for j in range(tile.width):
            if floating is float:
                softmax_slope_row_f32(g + j * tile.n, y + j * tile.n, dx + j * tile.n, tile.n)
            else:
                softmax_slope_row_f64(g + j * tile.n, y + j * tile.n, dx + j * tile.n, tile.n)
        return
    sum_products(g, y, tile, total)
    for j in range(tile.width):
        dot[j] = <floating>total[j]
    for _i in range(tile.n):
        for j in range(tile.width):
            dx[j] = y[j] * (g[j] - dot[j])
        g += tile.stride
        y += tile.stride
        dx += tile.stride


cdef inline void log_softmax_tile(const floating* x, floating* out, const Tile* tile) noexcept nogil:
    cdef floating peak[WIDTH]
    cdef floating log_total[WIDTH]
    cdef double total[WIDTH]
    cdef Py_ssize_t _i, j
    if tile.stride == 0:
        for j in range(tile.width):
            if floating is float:
                log_softmax_row_f32(x + j * tile.n, out + j * tile.n, tile.n)
            else:
                log_softmax_row_f64(x + j * tile.n, out + j * tile.n, tile.n)
        return
    find_peaks(x, tile, peak)
    sum_exponentials(x, tile, peak, <floating*>NULL, total)
    for j in range(tile.width):
        log_total[j] = <floating>log(total[j])
    for _i in range(tile.n):
        for j in range(tile.width):
            out[j] = (x[j] - peak[j]) - log_total[j]
        x += tile.stride
        out += tile.stride


cdef inline void log_softmax_backward_tile(const floating* g, const floating* y, floating* dx,
                                           const Tile* tile) noexcept nogil:
    # dx = g - exp(y) sum g
    cdef double total[WIDTH]
    cdef floating sum_g[WIDTH]
    cdef Py_ssize_t _i, j
    if tile.stride == 0:
        for j in range(tile.width):
            if floating is float:
                log_softmax_slope_row_f32(g + j * tile.n, y + j * tile.n, dx + j * tile.n, tile.n)
            else:
                log_softmax_slope_row_f64(g + j * tile.n, y + j * tile.n, dx + j * tile.n, tile.n)
        return
    sum_products(g, <const floating*>NULL, tile, total)
    for j in range(tile.width):
        sum_g[j] = <floating>total[j]
    for _i in range(tile.n):
        if floating is float:
            log_softmax_slope_columns_f32(g, y, dx, tile.width, sum_g)
        else:
            log_softmax_slope_columns_f64(g, y, dx, tile.width, sum_g)
        g += tile.stride
        y += tile.stride
        dx += tile.stride


# ------------------------------------------------------------------ logsumexp

cdef inline void logsumexp_tile(const floating* x, const Call* call, const Tile* tile) noexcept nogil:
    cdef floating peak[WIDTH]
    cdef double total[WIDTH]
    cdef floating* lse = <floating*>call.lse + tile.first
    cdef Py_ssize_t step = tile.stride if tile.stride else 1  # from number to number
    cdef Py_ssize_t pitch = 1 if tile.stride else tile.n  # from column to column
    cdef Py_ssize_t i, j
    cdef floating value
    find_peaks(x, tile, peak)
    sum_exponentials(x, tile, peak, <floating*>NULL, total)
    for j in range(tile.width):
        if peak[j] == INFINITY or peak[j] == -INFINITY:  # the result, unless there is a NaN
            lse[j] = peak[j]
            for i in range(tile.n):
                value = x[i * step + j * pitch]
                if value != value:
                    lse[j] = value
        else:
            lse[j] = <floating>(<double>peak[j] + log(total[j]))


cdef inline void logsumexp_backward_tile(const floating* x, floating* dx, const Call* call,
                                         const Tile* tile) noexcept nogil:
    # dx = g exp(x - lse)
    cdef double total[WIDTH]
    cdef const floating* lse = <const floating*>call.lse + tile.first
    cdef const floating* g = <const floating*>call.scale + tile.first
    cdef Py_ssize_t _i, i, j
    sum_exponentials(x, tile, lse, dx, total)
    if tile.stride == 0:
        for j in range(tile.width):
            for i in range(tile.n):
                dx[i] = dx[i] * g[j]
            dx += tile.n
    else:
        for _i in range(tile.n):
            for j in range(tile.width):
                dx[j] = dx[j] * g[j]
            dx += tile.stride


include "cross_entropy.pxi"


# ------------------------------------------------------------------ all tiles

cdef inline void run_tile(const Call* call, const floating* a, const floating* b, floating* out,
                          const Tile* tile) noexcept nogil:
    if call.op == SOFTMAX:
        softmax_tile(a, out, tile)
    elif call.op == SOFTMAX_BACKWARD:
        softmax_backward_tile(a, b, out, tile)
    elif call.op == LOG_SOFTMAX:
        log_softmax_tile(a, out, tile)
    elif call.op == LOG_SOFTMAX_BACKWARD:
        log_softmax_backward_tile(a, b, out, tile)
    elif call.op == LOGSUMEXP:
        logsumexp_tile(a, call, tile)
    elif call.op == LOGSUMEXP_BACKWARD:
        logsumexp_backward_tile(a, out, call, tile)
    elif call.op == CROSS_ENTROPY:
        cross_entropy_tile(a, call, tile)
    else:
        cross_entropy_backward_tile(a, out, call, tile)


cdef inline Py_ssize_t rows_together(const Call* call) noexcept nogil:
    # Short rows go several at a time: each step then has independent work while it waits for a result.
    return 1 if call.n > 256 else 16 if call.n <= 64 else 4


cdef inline Py_ssize_t columns_together(const Call* call) noexcept nogil:
    # Wide tiles read longer pieces of memory; narrow ones of long columns stay in the cache.
    return WIDTH if call.n <= 128 else 64


cdef inline bint gathers(const Call* call) noexcept nogil:
    # A row of 16 fills the widest vector, and is better off by itself.
    return call.inner < 16 and call.n <= SHORT and (call.inner > 1 or call.n < 16)


cdef inline void gather(const floating* x, const Call* call, const Tile* tile, floating* scratch) noexcept nogil:
    # The tile's columns, from wherever they lie, to scratch[i * GATHERED + j].
    cdef Py_ssize_t i, j, column
    cdef const floating* source
    for j in range(tile.width):
        column = tile.first + j
        source = x + column // call.inner * call.n * call.inner + column % call.inner
        for i in range(tile.n):
            scratch[i * GATHERED + j] = source[i * call.inner]


cdef inline void scatter(const floating* scratch, const Call* call, const Tile* tile, floating* out) noexcept nogil:
    cdef Py_ssize_t i, j, column
    cdef floating* goal
    for j in range(tile.width):
        column = tile.first + j
        goal = out + column // call.inner * call.n * call.inner + column % call.inner
        for i in range(tile.n):
            goal[i * call.inner] = scratch[i * GATHERED + j]


cdef inline void run_gathered(const Call* call, const Tile* tile, floating like) noexcept nogil:
    cdef floating a[SHORT * GATHERED]
    cdef floating b[SHORT * GATHERED]
    cdef floating out[SHORT * GATHERED]
    if tile.width < 1 or tile.n < 1:
        return
    gather(<const floating*>call.a, call, tile, a)
    if call.b != NULL:
        gather(<const floating*>call.b, call, tile, b)
    run_tile(call, a, b, out, tile)
    if call.out != NULL:
        scatter(out, call, tile, <floating*>call.out)


cdef void run_task(const Call* call, Py_ssize_t task, floating like) noexcept nogil:
    cdef Tile tile
    cdef Py_ssize_t blocks, start, left, width
    tile.n = call.n
    if gathers(call):
        tile.first = task * GATHERED
        left = call.outer * call.inner - tile.first
        tile.width = left if left < GATHERED else GATHERED
        tile.stride = GATHERED
        run_gathered(call, &tile, like)
        return
    if call.inner == 1:
        tile.first = task * rows_together(call)
        left = call.outer - tile.first
        tile.width = left if left < rows_together(call) else rows_together(call)
        tile.stride = 0
        start = tile.first * call.n
    else:
        width = columns_together(call)
        blocks = (call.inner + width - 1) // width
        tile.first = task % blocks * width
        tile.width = call.inner - tile.first if call.inner - tile.first < width else width
        tile.stride = call.inner
        start = task // blocks * call.n * call.inner + tile.first
        tile.first += task // blocks * call.inner
    run_tile(call, <const floating*>call.a + start, <const floating*>call.b + start, <floating*>call.out + start, &tile)


cdef void run_tasks(const Call* call, floating like) noexcept nogil:
    cdef Py_ssize_t tasks, task
    cdef int threads = threads_for(0.8 * <double>call.outer * <double>call.n * <double>call.inner)
    if gathers(call):
        tasks = (call.outer * call.inner + GATHERED - 1) // GATHERED
    elif call.inner == 1:
        tasks = (call.outer + rows_together(call) - 1) // rows_together(call)
    else:
        tasks = call.outer * ((call.inner + columns_together(call) - 1) // columns_together(call))
    if threads == 1 or tasks == 1:
        for task in range(tasks):
            run_task(call, task, like)
    else:
        for task in prange(tasks, schedule="static", num_threads=threads):
            run_task(call, task, like)


cdef inline void* data_of(cnp.ndarray array) noexcept:
    return NULL if array is None else cnp.PyArray_DATA(array)


cdef void run(Call* call, Op op, cnp.ndarray a, cnp.ndarray b, cnp.ndarray out, int first, int last):
    # Over the axes from `first` to before `last`.
    cdef int i
    cdef bint is_float = cnp.PyArray_TYPE(a) == cnp.NPY_FLOAT32
    call.op = op
    call.a, call.b, call.out = data_of(a), data_of(b), data_of(out)
    call.outer = call.n = call.inner = 1
    for i in range(first):
        call.outer *= cnp.PyArray_DIM(a, i)
    for i in range(first, last):
        call.n *= cnp.PyArray_DIM(a, i)
    for i in range(last, cnp.PyArray_NDIM(a)):
        call.inner *= cnp.PyArray_DIM(a, i)
    if call.outer == 0 or call.n == 0 or call.inner == 0:
        return
    with nogil:
        if is_float:
            run_tasks(call, <float>0)
        else:
            run_tasks(call, <double>0)


def softmax_forward(cnp.ndarray x, cnp.ndarray out, int axis=1):
    """out = softmax of x over `axis`."""
    cdef Call call
    run(&call, SOFTMAX, x, None, out, axis, axis + 1)


def softmax_backward(cnp.ndarray g, cnp.ndarray y, cnp.ndarray dx, int axis=1):
    """dx = y (g - sum g y), where y is the output of softmax_forward."""
    cdef Call call
    run(&call, SOFTMAX_BACKWARD, g, y, dx, axis, axis + 1)


def log_softmax_forward(cnp.ndarray x, cnp.ndarray out, int axis=1):
    """out = log softmax of x over `axis`."""
    cdef Call call
    run(&call, LOG_SOFTMAX, x, None, out, axis, axis + 1)


def log_softmax_backward(cnp.ndarray g, cnp.ndarray y, cnp.ndarray dx, int axis=1):
    """dx = g - exp(y) sum g, where y is the output of log_softmax_forward."""
    cdef Call call
    run(&call, LOG_SOFTMAX_BACKWARD, g, y, dx, axis, axis + 1)


def logsumexp_forward(cnp.ndarray x, cnp.ndarray out, int first, int last):
    """out = log sum exp(x) over the axes from `first` to before `last`."""
    cdef Call call
    call.lse = data_of(out)
    run(&call, LOGSUMEXP, x, None, None, first, last)


def logsumexp_backward(cnp.ndarray g, cnp.ndarray x, cnp.ndarray y, cnp.ndarray dx, int first, int last):
    """dx = g exp(x - y), where y is the output of logsumexp_forward."""
    cdef Call call
    call.lse, call.scale = data_of(y), data_of(g)
    run(&call, LOGSUMEXP_BACKWARD, x, None, dx, first, last)


cdef void set_classes(Call* call, cnp.ndarray logits, cnp.ndarray target, cnp.ndarray weight, int64_t ignore_index,
                      double label_smoothing, cnp.ndarray lse):
    cdef Py_ssize_t classes = cnp.PyArray_DIM(logits, 1)
    cdef Py_ssize_t i
    call.target = <const int64_t*>cnp.PyArray_DATA(target)
    call.weight, call.lse = data_of(weight), data_of(lse)
    call.ignore_index, call.smoothing, call.total_weight = ignore_index, label_smoothing, <double>classes
    if weight is not None and label_smoothing != 0:
        call.total_weight = 0
        for i in range(classes):
            if cnp.PyArray_TYPE(weight) == cnp.NPY_FLOAT32:
                call.total_weight += (<const float*>call.weight)[i]
            else:
                call.total_weight += (<const double*>call.weight)[i]


def cross_entropy_forward(cnp.ndarray logits, cnp.ndarray target, cnp.ndarray weight, int64_t ignore_index,
                          double label_smoothing, cnp.ndarray loss, cnp.ndarray lse):
    """The loss of each position, 0 where target is ignore_index, and lse = log sum exp of its logits.

    logits (N, C, ...); target (N, ...), int64, classes or ignore_index; weight (C,) or None; loss, lse like target.
    """
    cdef Call call
    set_classes(&call, logits, target, weight, ignore_index, label_smoothing, lse)
    call.loss = data_of(loss)
    run(&call, CROSS_ENTROPY, logits, None, None, 1, 2)


def cross_entropy_backward(cnp.ndarray logits, cnp.ndarray target, cnp.ndarray weight, int64_t ignore_index,
                           double label_smoothing, cnp.ndarray lse, cnp.ndarray scale, cnp.ndarray dx):
    """dx = the gradient of sum(scale * loss) for the logits; scale is like target, or one element for all. Ignored
    positions get 0."""
    cdef Call call
    set_classes(&call, logits, target, weight, ignore_index, label_smoothing, lse)
    call.scale, call.scale_step = data_of(scale), cnp.PyArray_SIZE(scale) > 1
    run(&call, CROSS_ENTROPY_BACKWARD, logits, None, dx, 1, 2)


def weigh_classes(cnp.ndarray target, cnp.ndarray weight, Py_ssize_t classes, int64_t ignore_index) -> float:
    """The sum of the weights (1 each for None) of the classes in target, ignore_index left out. IndexError for a class
    outside [0, classes)."""
    cdef const int64_t* labels = <const int64_t*>cnp.PyArray_DATA(target)
    cdef const float* floats = <const float*>data_of(weight)
    cdef const double* doubles = <const double*>data_of(weight)
    cdef bint is_float = weight is not None and cnp.PyArray_TYPE(weight) == cnp.NPY_FLOAT32
    cdef Py_ssize_t size = cnp.PyArray_SIZE(target)
    cdef Py_ssize_t i
    cdef Py_ssize_t kept = 0
    cdef double total = 0
    for i in range(size):
        if labels[i] == ignore_index:
            continue
        if <uint64_t>labels[i] >= <uint64_t>classes:
            raise IndexError(
                f"Target {labels[i]} is out of bounds: there are {classes} classes, 0 to {classes - 1}")
        kept += 1
        if weight is not None:
            total += floats[labels[i]] if is_float else doubles[labels[i]]
    return total if weight is not None else kept


# ------------------------------------------------------------------ exp by itself

cdef void exp_chunk(const floating* x, floating* out, Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    if floating is float:
        exponentials_f32(x + start, out + start, stop - start)
    else:
        exponentials_f64(x + start, out + start, stop - start)


cdef void exp_loop(const floating* x, floating* out, Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t chunks = (size + CHUNK - 1) // CHUNK
    cdef Py_ssize_t chunk
    cdef int threads = threads_for(size * 0.4)
    if threads == 1:
        exp_chunk(x, out, 0, size)
    else:
        for chunk in prange(chunks, schedule="static", num_threads=threads):
            exp_chunk(x, out, chunk * CHUNK, size if chunk + 1 == chunks else (chunk + 1) * CHUNK)


def exp_forward(cnp.ndarray x, cnp.ndarray out):
    """out = exp(x), as the kernels here take it. x, out: contiguous, one shape and dtype."""
    cdef Py_ssize_t size = cnp.PyArray_SIZE(x)
    cdef bint is_float = cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT32
    cdef const void* source = cnp.PyArray_DATA(x)
    cdef void* goal = cnp.PyArray_DATA(out)
    with nogil:
        if is_float:
            exp_loop(<const float*>source, <float*>goal, size)
        else:
            exp_loop(<const double*>source, <double*>goal, size)

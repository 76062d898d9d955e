"""Sums over an axis, accumulated in double precision, in an order that depends on shapes alone.

Numbers are summed in blocks (1024 neighbours of a row, or 128 rows of a column), and blocks in pairs, pairs of pairs
and so on, as a binary counter carries. The error of a sum of n numbers is at most (300 + log2(n)) * 2**-53 *
sum(|x|); float32 results are rounded once more, to float32. Every element is read once: large arrays run near the speed
of memory.

Rows (inner == 1) are summed along vectors, columns (inner > 1) across them: a tile of columns keeps its sums in the
first cache while rows stream past. Where there are too few rows or tiles to occupy threads, fixed chunks are summed
into a small table, which is then summed in the same way.

Source: pairwise summation, N. Higham, "The accuracy of floating point summation", SIAM J. Sci. Comput. 14, 1993.
"""

cimport numpy as cnp
from cython.parallel cimport prange
from libc.math cimport sqrt
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

cnp.import_array()

include "threads.pxi"

cdef extern from "reduce.h" nogil:
    const int SUM_BLOCK
    const int FOLD_LARGEST, FOLD_SMALLEST, FOLD_PRODUCT
    float fold_row_f32(const float* x, Py_ssize_t n, int op)
    double fold_row_f64(const double* x, Py_ssize_t n, int op)
    void fold_columns_f32(const float* x, Py_ssize_t stride, Py_ssize_t rows, float* kept, Py_ssize_t n, int op)
    void fold_columns_f64(const double* x, Py_ssize_t stride, Py_ssize_t rows, double* kept, Py_ssize_t n, int op)
    void take_place_f32(const float* x, float* best, int32_t* which, Py_ssize_t n, int32_t place, int largest)
    void take_place_f64(const double* x, double* best, int64_t* which, Py_ssize_t n, int64_t place, int largest)
    double row_squares_f32(const float* x, Py_ssize_t n, float mean)
    double row_squares_f64(const double* x, Py_ssize_t n, double mean)
    void column_squares_f32(const float* x, Py_ssize_t stride, Py_ssize_t rows, Py_ssize_t n, const float* mean,
                            double* sums)
    void column_squares_f64(const double* x, Py_ssize_t stride, Py_ssize_t rows, Py_ssize_t n, const double* mean,
                            double* sums)
    void share_row_f32(const float* x, float extreme, float g, float* dx, Py_ssize_t n, int spoils)
    void share_row_f64(const double* x, double extreme, double g, double* dx, Py_ssize_t n, int spoils)
    void share_columns_f32(const float* x, const float* extreme, const float* g, float* dx, float* share,
                           Py_ssize_t stride, Py_ssize_t rows, Py_ssize_t n, int spoils)
    void share_columns_f64(const double* x, const double* extreme, const double* g, double* dx, double* share,
                           Py_ssize_t stride, Py_ssize_t rows, Py_ssize_t n, int spoils)
    double sum_block_f32(const float* x, int64_t size)
    double sum_block_f64(const double* x, int64_t size)

ctypedef fused floating:
    float
    double

ctypedef fused result:
    float
    double

cdef enum:
    ROWS = 128              # rows of a block of column sums
    TILE = 512             # columns summed together
    CHUNK = 65536           # elements worth a thread's while
    ENOUGH = 64             # tasks that occupy any number of threads


cdef inline double sum_block(const floating* x, Py_ssize_t size) noexcept nogil:
    if floating is float:
        return sum_block_f32(x, size)
    else:
        return sum_block_f64(x, size)


cdef double sum_row(const floating* x, Py_ssize_t n) noexcept nogil:
    # The sum of n neighbours: blocks, then pairs. sums[0:depth] are the sums of the set bits of the blocks' count.
    cdef double[64] sums
    cdef Py_ssize_t block = 0
    cdef Py_ssize_t carry
    cdef int depth = 0
    if n <= SUM_BLOCK:
        return sum_block(x, n)
    while block * SUM_BLOCK < n:
        sums[depth] = sum_block(x + block * SUM_BLOCK, min(<Py_ssize_t>SUM_BLOCK, n - block * SUM_BLOCK))
        carry = block
        while carry & 1:
            depth -= 1
            sums[depth] += sums[depth + 1]
            carry >>= 1
        depth += 1
        block += 1
    while depth > 1:
        depth -= 1
        sums[depth - 1] += sums[depth]
    return sums[0]


cdef inline void add_rows(const floating* x, Py_ssize_t stride, Py_ssize_t rows, Py_ssize_t width,
                          double* sums) noexcept nogil:
    # sums = the column sums of `rows` rows, four at a time, which spares most of the traffic of `sums`.
    cdef const floating* a
    cdef const floating* b
    cdef const floating* c
    cdef const floating* d
    cdef Py_ssize_t i = 0
    cdef Py_ssize_t j
    for j in range(width):
        sums[j] = 0
    while i + 4 <= rows:
        a = x + i * stride
        b = a + stride
        c = b + stride
        d = c + stride
        for j in range(width):
            sums[j] += (<double>a[j] + <double>b[j]) + (<double>c[j] + <double>d[j])
        i += 4
    while i < rows:
        a = x + i * stride
        for j in range(width):
            sums[j] += <double>a[j]
        i += 1


cdef inline void add_sums(double* sums, const double* others, Py_ssize_t width) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(width):
        sums[j] += others[j]


cdef void sum_columns(const floating* x, Py_ssize_t stride, Py_ssize_t n, Py_ssize_t width,
                      double* sums) noexcept nogil:
    # sums[0:width] = the sums of n rows of `width` columns; `sums` has room for depth_for(n) rows. Pairs as in sum_row.
    cdef Py_ssize_t block = 0
    cdef Py_ssize_t carry
    cdef Py_ssize_t depth = 0
    while block * ROWS < n:
        add_rows(x + block * ROWS * stride, stride, min(<Py_ssize_t>ROWS, n - block * ROWS), width,
                 sums + depth * width)
        carry = block
        while carry & 1:
            depth -= 1
            add_sums(sums + depth * width, sums + (depth + 1) * width, width)
            carry >>= 1
        depth += 1
        block += 1
    while depth > 1:
        depth -= 1
        add_sums(sums + (depth - 1) * width, sums + depth * width, width)


cdef inline Py_ssize_t depth_for(Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t depth = 2
    while n > ROWS:
        n = (n + 1) >> 1
        depth += 1
    return depth


cdef inline Py_ssize_t chunks_of(Py_ssize_t n, Py_ssize_t chunk) noexcept nogil:
    return max(<Py_ssize_t>1, (n + chunk - 1) // chunk)


cdef inline void sum_rows_task(const floating* x, result* out, Py_ssize_t task, Py_ssize_t n, Py_ssize_t chunk,
                               Py_ssize_t chunks) noexcept nogil:
    cdef Py_ssize_t begin = task % chunks * chunk
    out[task] = <result>sum_row(x + task // chunks * n + begin, min(chunk, n - begin))


cdef void sum_rows(const floating* x, result* out, Py_ssize_t outer, Py_ssize_t n, Py_ssize_t chunk,
                   int threads) noexcept nogil:
    # out[o, c] = the sum of chunk c of row o.
    cdef Py_ssize_t chunks = chunks_of(n, chunk)
    cdef Py_ssize_t task
    if threads == 1:
        for task in range(outer * chunks):
            sum_rows_task(x, out, task, n, chunk, chunks)
    else:
        for task in prange(outer * chunks, num_threads=threads, schedule="static"):
            sum_rows_task(x, out, task, n, chunk, chunks)


cdef int sum_tile_task(const floating* x, result* out, Py_ssize_t task, Py_ssize_t n, Py_ssize_t inner,
                       Py_ssize_t chunk, Py_ssize_t folds) noexcept nogil:
    # Task (o, c, t): the rows of chunk c, the columns of tile t. Narrow rows are read `folds` at a time as one wide
    # row, whose sums are folded at the end. Returns 1 when there is no memory.
    cdef Py_ssize_t chunks = chunks_of(n, chunk)
    cdef Py_ssize_t tiles = (inner + TILE - 1) // TILE
    cdef Py_ssize_t column = task % tiles * TILE
    cdef Py_ssize_t begin = task // tiles % chunks * chunk
    cdef Py_ssize_t rows = min(chunk, n - begin)
    cdef Py_ssize_t width = min(<Py_ssize_t>TILE, inner - column)
    cdef Py_ssize_t wide = rows // folds
    cdef Py_ssize_t i, j
    cdef double[4096] small
    cdef size_t room = <size_t>(depth_for(wide) * width * folds)
    cdef double* sums = &small[0] if room <= 4096 else <double*>malloc(room * sizeof(double))
    if sums == NULL:
        return 1
    x += (task // tiles // chunks * n + begin) * inner + column
    out += task // tiles * inner + column
    if wide:
        sum_columns(x, inner * folds, wide, width * folds, sums)
    else:
        add_rows(x, inner, 0, width * folds, sums)
    for i in range(1, folds):
        add_sums(sums, sums + i * width, width)
    for i in range(wide * folds, rows):
        for j in range(width):
            sums[j] += <double>x[i * inner + j]
    for j in range(width):
        out[j] = <result>sums[j]
    if sums != &small[0]:
        free(sums)
    return 0


cdef int sum_tiles(const floating* x, result* out, Py_ssize_t outer, Py_ssize_t n, Py_ssize_t inner,
                   Py_ssize_t chunk, int threads) noexcept nogil:
    # out[o, c, :] = the column sums of chunk c of matrix o.
    cdef Py_ssize_t tasks = outer * chunks_of(n, chunk) * ((inner + TILE - 1) // TILE)
    cdef Py_ssize_t folds = max(<Py_ssize_t>1, min(TILE // 4 // inner, chunk // 8))
    cdef Py_ssize_t task
    cdef int failed = 0
    if threads == 1:
        for task in range(tasks):
            failed |= sum_tile_task(x, out, task, n, inner, chunk, folds)
    else:
        for task in prange(tasks, num_threads=threads, schedule="static"):
            failed |= sum_tile_task(x, out, task, n, inner, chunk, folds)
    return failed


cdef int sum_all(const floating* x, floating* out, Py_ssize_t outer, Py_ssize_t n, Py_ssize_t inner,
                 int threads) noexcept nogil:
    cdef Py_ssize_t tasks = outer * ((inner + TILE - 1) // TILE)
    cdef Py_ssize_t chunk = max(<Py_ssize_t>1, n)
    cdef Py_ssize_t chunks
    cdef double* table
    cdef int failed = 0
    if tasks < ENOUGH:
        chunk = max(<Py_ssize_t>1, min(chunk, max(<Py_ssize_t>1024, CHUNK // min(inner, TILE))))
    chunks = chunks_of(n, chunk)
    if chunks <= 1:
        if inner == 1:
            sum_rows(x, out, outer, n, chunk, threads)
            return 0
        return sum_tiles(x, out, outer, n, inner, chunk, threads)
    table = <double*>malloc(<size_t>(outer * chunks * inner) * sizeof(double))
    if table == NULL:
        return 1
    if inner == 1:
        sum_rows(x, table, outer, n, chunk, threads)
        sum_rows(table, out, outer, chunks, chunks, 1)
    else:
        failed = sum_tiles(x, table, outer, n, inner, chunk, threads)
        failed |= sum_tiles(table, out, outer, chunks, inner, chunks, 1)
    free(table)
    return failed


include "folds.pxi"


# ------------------------------------------------------------------ sums

cdef int run_sum(cnp.ndarray x, cnp.ndarray out, Py_ssize_t outer, Py_ssize_t n, Py_ssize_t inner) except -1:
    cdef int threads = threads_for(<double>outer * n * inner * 0.05)
    cdef bint is_float = cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT32
    cdef void* source = cnp.PyArray_DATA(x)
    cdef void* goal = cnp.PyArray_DATA(out)
    cdef int failed
    if outer * inner == 0:
        return 0
    if is_float and outer == 1 and inner == 1 and n <= SUM_BLOCK:  # letting other threads in costs more than this
        (<float*>goal)[0] = <float>sum_block(<const float*>source, n)
        return 0
    with nogil:
        if is_float:
            failed = sum_all(<const float*>source, <float*>goal, outer, n, inner, threads)
        else:
            failed = sum_all(<const double*>source, <double*>goal, outer, n, inner, threads)
    if failed:
        raise MemoryError("no memory for partial sums")
    return 0


def sum(cnp.ndarray x, cnp.ndarray out):
    """out[o, j] = sum of x[o, :, j]. x (outer, n, inner), out (outer, inner): contiguous, float32 or float64."""
    run_sum(x, out, cnp.PyArray_DIM(x, 0), cnp.PyArray_DIM(x, 1), cnp.PyArray_DIM(x, 2))


cdef void divide(floating* out, Py_ssize_t size, floating divisor) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(size):
        out[i] = out[i] / divisor


def sum_over(cnp.ndarray x, cnp.ndarray out, int first, int last, double divisor):
    """out = the sum of x over the axes from `first` to before `last`, divided by `divisor` (in out's precision)."""
    cdef Shape shape = shape_around(x, first, last)
    run_sum(x, out, shape.outer, shape.n, shape.inner)
    if divisor != 1:
        if cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT32:
            divide(<float*>cnp.PyArray_DATA(out), cnp.PyArray_SIZE(out), <float>divisor)
        else:
            divide(<double*>cnp.PyArray_DATA(out), cnp.PyArray_SIZE(out), divisor)

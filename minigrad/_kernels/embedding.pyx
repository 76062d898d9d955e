"""Rows of a table at given indices, and the gradient of the table: for each row the sum of what came back to it.

Forward copies rows. Backward first links the positions of each index into a list, in order (from the last position to
the first, each becomes the head of its list); then it goes through the table once and writes every row once: zeros
where there is no position, a copy where there is one, else the sum, in double precision. Rows are shared out among
threads, and the order of a sum is that of the positions, so results are the same for any number of threads.

Cost: forward reads and writes each row asked for; backward reads the gradient and writes the whole table, which is
what a dense gradient costs even where few rows are used.
"""

cimport numpy as cnp
from cython.parallel cimport prange
from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset

cnp.import_array()

include "threads.pxi"

cdef extern from "prefetch.h" nogil:
    void prefetch(const void* place)

ctypedef fused floating:
    float
    double

cdef enum:
    COLUMNS = 512  # columns that are added up together while a list is followed
    LINE = 64  # bytes of a line of the cache
    AHEAD = 8  # rows of a list that are asked for before they are added


cdef Py_ssize_t outside(const int64_t* index, Py_ssize_t size, Py_ssize_t rows) noexcept nogil:
    # The position of the first index that is not in [0, rows), or -1.
    cdef Py_ssize_t i
    cdef bint bad = False
    for i in range(size):
        bad |= <size_t>index[i] >= <size_t>rows
    if bad:
        for i in range(size):
            if <size_t>index[i] >= <size_t>rows:
                return i
    return -1


cdef void copy_rows(const char* table, const int64_t* index, char* out, Py_ssize_t begin, Py_ssize_t end,
                    size_t size) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(begin, end):
        memcpy(out + <size_t>i * size, table + <size_t>index[i] * size, size)


def embedding_forward(cnp.ndarray table, cnp.ndarray indices, cnp.ndarray out):
    """out[i] = table[indices[i]]; returns -1, or the position of the first index out of range, having written nothing.

    table (rows, n) and out (k, n) contiguous, of one dtype; indices (k,) int64.
    """
    cdef const char* source = <const char*>cnp.PyArray_DATA(table)
    cdef const int64_t* index = <const int64_t*>cnp.PyArray_DATA(indices)
    cdef char* target = <char*>cnp.PyArray_DATA(out)
    cdef size_t size = <size_t>cnp.PyArray_DIM(table, 1) * <size_t>cnp.PyArray_ITEMSIZE(table)
    cdef Py_ssize_t count = cnp.PyArray_SIZE(indices)
    cdef int threads = threads_for(<double>count * (10.0 + 0.03 * <double>size))
    cdef Py_ssize_t share = count // threads + 1
    cdef Py_ssize_t bad
    cdef int t
    with nogil:
        bad = outside(index, count, cnp.PyArray_DIM(table, 0))
        if bad >= 0:
            pass
        elif threads == 1:
            copy_rows(source, index, target, 0, count, size)
        else:
            for t in prange(threads, num_threads=threads, schedule="static", chunksize=1):
                copy_rows(source, index, target, min(count, t * share), min(count, (t + 1) * share), size)
    return bad


cdef void link(const int64_t* index, Py_ssize_t count, int64_t skip, int64_t* head, Py_ssize_t rows,
               int64_t* after) noexcept nogil:
    # The positions of index r, ascending: head[r], after[head[r]], ... until -1.
    cdef Py_ssize_t i
    memset(head, 255, <size_t>rows * sizeof(int64_t))
    for i in range(count - 1, -1, -1):
        if index[i] != skip:
            after[i] = head[index[i]]
            head[index[i]] = i


cdef inline void fetch(const floating* row, Py_ssize_t width) noexcept nogil:
    # Have a row of g brought to the cache: the rows of a list lie anywhere.
    cdef Py_ssize_t j = 0
    while j < width:
        prefetch(row + j)
        j += LINE // <Py_ssize_t>sizeof(floating)


cdef inline void fetch_first(const floating* g, int64_t first, const int64_t* after, Py_ssize_t n) noexcept nogil:
    # Have the first rows of a list brought to the cache.
    cdef int64_t i = first
    cdef int _row
    for _row in range(AHEAD):
        if i < 0:
            return
        fetch(g + i * n, min(n, <Py_ssize_t>COLUMNS))
        i = after[i]


cdef inline void sum_list(const floating* g, int64_t first, const int64_t* after, floating* out, Py_ssize_t n,
                          Py_ssize_t width, bint by_frequency) noexcept nogil:
    # The sums of `width` columns, at most COLUMNS, over the positions of a list; by_frequency: their means.
    cdef double total[COLUMNS]
    cdef const floating* row
    cdef double count = 0
    cdef Py_ssize_t j
    cdef int64_t i = first
    cdef int64_t ahead = first
    cdef int _row
    for _row in range(AHEAD):  # these have been asked for
        if ahead >= 0:
            ahead = after[ahead]
    for j in range(width):
        total[j] = 0
    while i >= 0:
        row = g + i * n
        i = after[i]
        if ahead >= 0:
            fetch(g + ahead * n, width)
            ahead = after[ahead]
        for j in range(width):
            total[j] += <double>row[j]
        count += 1
    if not by_frequency:
        count = 1
    for j in range(width):
        out[j] = <floating>(total[j] / count)


cdef void sum_rows(const floating* g, const int64_t* head, const int64_t* after, floating* out, Py_ssize_t begin,
                   Py_ssize_t end, Py_ssize_t n, bint by_frequency) noexcept nogil:
    cdef Py_ssize_t r = begin
    cdef Py_ssize_t start, column
    while r < end:
        start = r
        while r < end and head[r] < 0:
            r += 1
        if r > start:
            memset(out + start * n, 0, <size_t>((r - start) * n) * sizeof(floating))
            continue
        if r + 1 < end:
            fetch_first(g, head[r + 1], after, n)
        if after[head[r]] < 0:
            memcpy(out + r * n, g + head[r] * n, <size_t>n * sizeof(floating))
        else:
            column = 0
            while column + COLUMNS <= n:
                sum_list(g + column, head[r], after, out + r * n + column, n, COLUMNS, by_frequency)
                column += COLUMNS
            if column < n:
                sum_list(g + column, head[r], after, out + r * n + column, n, n - column, by_frequency)
        r += 1


cdef void share_rows(const floating* g, const int64_t* head, const int64_t* after, floating* out, Py_ssize_t rows,
                     Py_ssize_t n, bint by_frequency, int threads) noexcept nogil:
    cdef Py_ssize_t share = rows // threads + 1
    cdef int t
    if threads == 1:
        sum_rows(g, head, after, out, 0, rows, n, by_frequency)
        return
    for t in prange(threads, num_threads=threads, schedule="static", chunksize=1):
        sum_rows(g, head, after, out, min(rows, t * share), min(rows, (t + 1) * share), n, by_frequency)


def embedding_backward(cnp.ndarray g, cnp.ndarray indices, int64_t skip, bint by_frequency, cnp.ndarray head,
                       cnp.ndarray after, cnp.ndarray out):
    """out[r] = the sum of g[i] over all i with indices[i] == r, or with by_frequency their mean; 0 for r == skip.

    g (k, n) and out (rows, n) contiguous, float32 or float64; indices (k,) int64, in range; skip: -1 for none.
    head (rows,) and after (k,), int64, are room for the lists.
    """
    cdef const int64_t* index = <const int64_t*>cnp.PyArray_DATA(indices)
    cdef int64_t* heads = <int64_t*>cnp.PyArray_DATA(head)
    cdef int64_t* afters = <int64_t*>cnp.PyArray_DATA(after)
    cdef Py_ssize_t count = cnp.PyArray_SIZE(indices)
    cdef Py_ssize_t rows = cnp.PyArray_DIM(out, 0)
    cdef Py_ssize_t n = cnp.PyArray_DIM(out, 1)
    cdef int threads = threads_for(0.1 * <double>n * <double>(rows + count))
    with nogil:
        link(index, count, skip, heads, rows, afters)
        if cnp.PyArray_TYPE(out) == cnp.NPY_FLOAT32:
            share_rows(<const float*>cnp.PyArray_DATA(g), heads, afters, <float*>cnp.PyArray_DATA(out), rows, n,
                       by_frequency, threads)
        else:
            share_rows(<const double*>cnp.PyArray_DATA(g), heads, afters, <double*>cnp.PyArray_DATA(out), rows, n,
                       by_frequency, threads)

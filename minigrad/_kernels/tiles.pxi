# Largest numbers and sums over the tiles of loss.pyx, along rows (loss_rows.h) or along columns, side by side.

# `width` columns of n numbers, the numbers of one `stride` apart; or, with stride 0, `width` rows one behind the other.
# `first` is the number of the first column or row.
cdef struct Tile:
    Py_ssize_t first
    Py_ssize_t n
    Py_ssize_t width
    Py_ssize_t stride


cdef inline floating larger(floating a, floating b) noexcept nogil:
    return a if a > b else b


cdef inline double row_exponentials(const floating* x, floating* out, Py_ssize_t n, floating peak) noexcept nogil:
    if floating is float:
        return row_exponentials_f32(x, out, n, peak)
    else:
        return row_exponentials_f64(x, out, n, peak)


cdef inline void column_exponentials(const floating* x, floating* out, Py_ssize_t rows, const Tile* tile,
                                     const floating* peak, double* total) noexcept nogil:
    if floating is float:
        column_exponentials_f32(x, out, tile.stride, rows, tile.width, peak, total)
    else:
        column_exponentials_f64(x, out, tile.stride, rows, tile.width, peak, total)


cdef inline void find_peaks(const floating* x, const Tile* tile, floating* peak) noexcept nogil:
    # The largest number of each column. NaN is passed over here: it comes through the exponentials.
    cdef Py_ssize_t i, k
    if tile.stride == 0:
        for k in range(tile.width):
            if floating is float:
                peak[k] = row_peak_f32(x + k * tile.n, tile.n)
            else:
                peak[k] = row_peak_f64(x + k * tile.n, tile.n)
        return
    for k in range(tile.width):
        peak[k] = x[k]
    for i in range(1, tile.n):
        x += tile.stride
        for k in range(tile.width):
            peak[k] = larger(x[k], peak[k])


cdef inline void sum_exponentials(const floating* x, const Tile* tile, const floating* peak, floating* out,
                                  double* total) noexcept nogil:
    # out = exp(x - peak) (not stored if out is NULL) and its sum over each column.
    cdef Py_ssize_t i, k
    if tile.stride == 0:
        for k in range(tile.width):
            total[k] = row_exponentials(x + k * tile.n, out + k * tile.n if out != NULL else NULL, tile.n, peak[k])
        return
    for k in range(tile.width):
        total[k] = 0
    for i in range(0, tile.n, 4):
        column_exponentials(x + i * tile.stride, out + i * tile.stride if out != NULL else NULL,
                            min(<Py_ssize_t>4, tile.n - i), tile, peak, total)


cdef inline void sum_products(const floating* a, const floating* b, const Tile* tile, double* total) noexcept nogil:
    # The sum of a b over each column of a tile of columns; that of a alone if b is NULL.
    cdef Py_ssize_t _i, k
    for k in range(tile.width):
        total[k] = 0
    for _i in range(tile.n):
        if b == NULL:
            for k in range(tile.width):
                total[k] += <double>a[k]
        else:
            for k in range(tile.width):
                total[k] += <double>a[k] * <double>b[k]
            b += tile.stride
        a += tile.stride

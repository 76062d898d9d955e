# Largest numbers and sums over the tiles of loss.pyx: along rows in LANES independent parts (a loop of known length is
# what the compiler turns into vectors; a row's last, broken block becomes masked loads), along columns side by side.

cdef enum:
    LANES = 32  # independent partial results along a row

# `width` columns of n numbers, the numbers of one `stride` apart; or, with stride 0, `width` rows one behind the other.
# `first` is the number of the first column or row.
cdef struct Tile:
    Py_ssize_t first
    Py_ssize_t n
    Py_ssize_t width
    Py_ssize_t stride


cdef inline double fold(double* lane) noexcept nogil:
    # The sum of the lanes, pairwise. (Loops of known length become vector code without branches.)
    cdef int j
    for j in range(16):
        lane[j] = lane[j] + lane[j + 16]
    for j in range(8):
        lane[j] = lane[j] + lane[j + 8]
    for j in range(4):
        lane[j] = lane[j] + lane[j + 4]
    return (lane[0] + lane[2]) + (lane[1] + lane[3])


cdef inline floating larger(floating a, floating b) noexcept nogil:
    return a if a > b else b


cdef inline floating row_peak(const floating* x, Py_ssize_t n) noexcept nogil:
    cdef floating lane[LANES]
    cdef Py_ssize_t block
    cdef int rest = <int>(n % LANES)
    cdef int j
    for j in range(LANES):
        lane[j] = <floating>-INFINITY
    for block in range(n // LANES):
        for j in range(LANES):
            lane[j] = larger(x[j], lane[j])
        x += LANES
    if rest:
        for j in range(LANES):
            lane[j] = larger(x[j] if j < rest else <floating>-INFINITY, lane[j])
    for j in range(16):
        lane[j] = larger(lane[j], lane[j + 16])
    for j in range(8):
        lane[j] = larger(lane[j], lane[j + 8])
    for j in range(4):
        lane[j] = larger(lane[j], lane[j + 4])
    return larger(larger(lane[0], lane[1]), larger(lane[2], lane[3]))


cdef inline void find_peaks(const floating* x, const Tile* tile, floating* peak) noexcept nogil:
    # The largest number of each column. NaN is passed over here: it comes through the exponentials.
    cdef Py_ssize_t i, k
    if tile.stride == 0:
        for k in range(tile.width):
            peak[k] = row_peak(x + k * tile.n, tile.n)
        return
    for k in range(tile.width):
        peak[k] = x[k]
    for i in range(1, tile.n):
        x += tile.stride
        for k in range(tile.width):
            peak[k] = larger(x[k], peak[k])


cdef inline double row_exponentials(const floating* x, floating* out, Py_ssize_t n, floating peak) noexcept nogil:
    cdef double lane[LANES]
    cdef floating last[LANES]
    cdef Py_ssize_t block
    cdef int rest = <int>(n % LANES)
    cdef int j
    for j in range(LANES):
        lane[j] = 0
    if out == NULL:
        for block in range(n // LANES):
            for j in range(LANES):
                lane[j] = lane[j] + exponential(x[j] - peak)
            x += LANES
    else:
        for block in range(n // LANES):
            for j in range(LANES):
                last[j] = <floating>exponential(x[j] - peak)
            for j in range(LANES):
                out[j] = last[j]
                lane[j] = lane[j] + <double>last[j]
            x += LANES
            out += LANES
    if rest:
        for j in range(LANES):
            last[j] = <floating>exponential((x[j] if j < rest else peak) - peak)
        for j in range(LANES):
            lane[j] = lane[j] + (<double>last[j] if j < rest else 0.0)
        if out != NULL:
            for j in range(LANES):
                if j < rest:
                    out[j] = last[j]
    return fold(lane)


cdef inline void sum_exponentials(const floating* x, const Tile* tile, const floating* peak, floating* out,
                                  double* total) noexcept nogil:
    # out = exp(x - peak) (not stored if out is NULL) and its sum over each column.
    cdef floating e
    cdef Py_ssize_t i, k
    if tile.stride == 0:
        for k in range(tile.width):
            total[k] = row_exponentials(x + k * tile.n, out + k * tile.n if out != NULL else NULL, tile.n, peak[k])
        return
    for k in range(tile.width):
        total[k] = 0
    for i in range(tile.n):
        if out == NULL:
            for k in range(tile.width):
                total[k] += exponential(x[k] - peak[k])
        else:
            for k in range(tile.width):
                e = <floating>exponential(x[k] - peak[k])
                out[k] = e
                total[k] += <double>e
            out += tile.stride
        x += tile.stride


cdef inline double row_products(const floating* a, const floating* b, Py_ssize_t n) noexcept nogil:
    cdef double lane[LANES]
    cdef Py_ssize_t block
    cdef int rest = <int>(n % LANES)
    cdef int j
    for j in range(LANES):
        lane[j] = 0
    for block in range(n // LANES):
        for j in range(LANES):
            lane[j] = lane[j] + <double>a[j] * <double>b[j]
        a += LANES
        b += LANES
    if rest:
        for j in range(LANES):
            lane[j] = lane[j] + <double>(a[j] if j < rest else <floating>0) * <double>(
                b[j] if j < rest else <floating>0)
    return fold(lane)


cdef inline double row_sum(const floating* a, Py_ssize_t n) noexcept nogil:
    cdef double lane[LANES]
    cdef Py_ssize_t block
    cdef int rest = <int>(n % LANES)
    cdef int j
    for j in range(LANES):
        lane[j] = 0
    for block in range(n // LANES):
        for j in range(LANES):
            lane[j] = lane[j] + <double>a[j]
        a += LANES
    if rest:
        for j in range(LANES):
            lane[j] = lane[j] + <double>(a[j] if j < rest else <floating>0)
    return fold(lane)


cdef inline void sum_products(const floating* a, const floating* b, const Tile* tile, double* total) noexcept nogil:
    # The sum of a b over each column; that of a alone if b is NULL.
    cdef Py_ssize_t i, k
    if tile.stride == 0:
        for k in range(tile.width):
            if b == NULL:
                total[k] = row_sum(a + k * tile.n, tile.n)
            else:
                total[k] = row_products(a + k * tile.n, b + k * tile.n, tile.n)
        return
    for k in range(tile.width):
        total[k] = 0
    for i in range(tile.n):
        if b == NULL:
            for k in range(tile.width):
                total[k] += <double>a[k]
        else:
            for k in range(tile.width):
                total[k] += <double>a[k] * <double>b[k]
            b += tile.stride
        a += tile.stride

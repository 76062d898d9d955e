# Average pooling of one plane and of all; the method is told in pool.pyx, which includes this file.

cdef inline double counted(Py_ssize_t place, Py_ssize_t kernel, Py_ssize_t stride, Py_ssize_t padding,
                           Py_ssize_t size, bint include_pad) noexcept nogil:
    # How many rows (or columns) a window counts: clipped to the padded input first, to the input unless include_pad.
    cdef Py_ssize_t begin = place * stride - padding
    cdef Py_ssize_t end = begin + kernel if begin + kernel < size + padding else size + padding
    cdef Py_ssize_t padded = end - begin
    begin = begin if begin > 0 else 0
    end = end if end < size else size
    if begin >= end:
        return 1  # an empty window: its sum is 0 whatever it is divided by
    return padded if include_pad else end - begin


cdef inline double rows_counted(const Pool* p, Py_ssize_t row) noexcept nogil:
    if p.divisor_override:
        return p.divisor_override
    return counted(row, p.kh, p.sh, p.ph, p.height, p.count_include_pad)


cdef inline Py_ssize_t scratch_width(const Pool* p) noexcept nogil:
    # A row with its padding, as far as the last window reaches.
    cdef Py_ssize_t reach = (p.out_width - 1) * p.sw + p.kw
    return reach if reach > p.width + 2 * p.pw else p.width + 2 * p.pw


cdef inline void gather_taps(const double* sums, double* total, Py_ssize_t outputs, Py_ssize_t taps,
                             Py_ssize_t stride) noexcept nogil:
    # total[j] = sum over k of sums[j stride + k]
    cdef Py_ssize_t j, k
    cdef double value
    if outputs < NARROW:
        for j in range(outputs):
            value = 0
            for k in range(taps):
                value += sums[j * stride + k]
            total[j] = value
        return
    for j in range(outputs):
        total[j] = sums[j * stride]
    for k in range(1, taps):
        for j in range(outputs):
            total[j] += sums[j * stride + k]


cdef inline void spread_taps(const double* share, double* sums, Py_ssize_t outputs, Py_ssize_t taps,
                             Py_ssize_t stride) noexcept nogil:
    # sums[j stride + k] += share[j] for each k
    cdef Py_ssize_t j, k
    for k in range(taps):
        for j in range(outputs):
            sums[j * stride + k] += share[j]


cdef inline void avg_two_by_two(const floating* x, floating* out, const Pool* p) noexcept nogil:
    cdef const floating* above
    cdef const floating* below
    cdef floating divisor = <floating>(p.divisor_override if p.divisor_override else 4)
    cdef Py_ssize_t row, j
    for row in range(p.out_height):
        above = x + 2 * row * p.width
        below = above + p.width
        for j in range(p.out_width):
            out[j] = ((above[2 * j] + above[2 * j + 1]) + (below[2 * j] + below[2 * j + 1])) / divisor
        out += p.out_width


cdef inline bint whole_plane(const Pool* p) noexcept nogil:
    # One window, the whole plane.
    return (p.out_height == 1 and p.out_width == 1 and p.ph == 0 and p.pw == 0 and p.kh == p.height
            and p.kw == p.width)


cdef inline double sum_plane(const floating* x, Py_ssize_t size) noexcept nogil:
    cdef double lane[16]
    cdef Py_ssize_t block
    cdef int rest = <int>(size % 16)
    cdef int j
    for j in range(16):
        lane[j] = 0
    for block in range(size // 16):
        for j in range(16):
            lane[j] = lane[j] + <double>x[j]
        x += 16
    if rest:
        for j in range(16):
            lane[j] = lane[j] + <double>(x[j] if j < rest else <floating>0)
    for j in range(8):
        lane[j] = lane[j] + lane[j + 8]
    for j in range(4):
        lane[j] = lane[j] + lane[j + 4]
    return (lane[0] + lane[2]) + (lane[1] + lane[3])


cdef void avg_forward_plane(const floating* x, floating* out, const Pool* p, double* scratch,
                            Py_ssize_t plane) noexcept nogil:
    cdef double* sums = scratch
    cdef double* total = scratch + scratch_width(p)
    cdef const floating* line
    cdef Py_ssize_t row, i, j, top, bottom
    cdef double rows
    x += plane * p.height * p.width
    out += plane * p.out_height * p.out_width
    if two_by_two(p):
        avg_two_by_two(x, out, p)
        return
    if whole_plane(p):
        out[0] = <floating>(sum_plane(x, p.kh * p.kw) / (rows_counted(p, 0) * p.columns[0]))
        return
    for row in range(p.out_height):
        top = row * p.sh - p.ph
        bottom = top + p.kh if top + p.kh < p.height else p.height
        top = top if top > 0 else 0
        memset(sums, 0, scratch_width(p) * sizeof(double))
        for i in range(top, bottom):
            line = x + i * p.width
            for j in range(p.width):
                sums[p.pw + j] += <double>line[j]
        if p.sw == 1:
            gather_taps(sums, total, p.out_width, p.kw, 1)
        elif p.sw == 2:
            gather_taps(sums, total, p.out_width, p.kw, 2)
        else:
            gather_taps(sums, total, p.out_width, p.kw, p.sw)
        rows = rows_counted(p, row)
        for j in range(p.out_width):
            out[j] = <floating>(total[j] / (rows * p.columns[j]))
        out += p.out_width


cdef inline void avg_backward_two_by_two(const floating* g, floating* dx, const Pool* p) noexcept nogil:
    cdef floating* above
    cdef floating* below
    cdef floating divisor = <floating>(p.divisor_override if p.divisor_override else 4)
    cdef floating share
    cdef Py_ssize_t row, j
    if 2 * p.out_height != p.height or 2 * p.out_width != p.width:
        memset(dx, 0, p.height * p.width * sizeof(floating))
    for row in range(p.out_height):
        above = dx + 2 * row * p.width
        below = above + p.width
        for j in range(p.out_width):
            share = g[j] / divisor
            above[2 * j] = share
            above[2 * j + 1] = share
            below[2 * j] = share
            below[2 * j + 1] = share
        g += p.out_width


cdef void avg_backward_plane(const floating* g, floating* dx, const Pool* p, double* scratch,
                             Py_ssize_t plane) noexcept nogil:
    cdef double* sums = scratch
    cdef double* share = scratch + scratch_width(p)
    cdef floating* line
    cdef Py_ssize_t row, i, j, top, bottom
    cdef double rows
    g += plane * p.out_height * p.out_width
    dx += plane * p.height * p.width
    if two_by_two(p):
        avg_backward_two_by_two(g, dx, p)
        return
    if whole_plane(p):
        for j in range(p.kh * p.kw):
            dx[j] = <floating>(g[0] / (rows_counted(p, 0) * p.columns[0]))
        return
    memset(dx, 0, p.height * p.width * sizeof(floating))
    for row in range(p.out_height):
        rows = rows_counted(p, row)
        for j in range(p.out_width):
            share[j] = <double>g[j] / (rows * p.columns[j])
        memset(sums, 0, scratch_width(p) * sizeof(double))
        if p.sw == 1:
            spread_taps(share, sums, p.out_width, p.kw, 1)
        elif p.sw == 2:
            spread_taps(share, sums, p.out_width, p.kw, 2)
        else:
            spread_taps(share, sums, p.out_width, p.kw, p.sw)
        top = row * p.sh - p.ph
        bottom = top + p.kh if top + p.kh < p.height else p.height
        top = top if top > 0 else 0
        for i in range(top, bottom):
            line = dx + i * p.width
            for j in range(p.width):
                line[j] = line[j] + <floating>sums[p.pw + j]
        g += p.out_width


cdef void avg_planes(const floating* source, floating* goal, const Pool* p, double* scratch, Py_ssize_t per_thread,
                     int threads, bint backward) noexcept nogil:
    cdef Py_ssize_t plane
    if threads == 1:
        for plane in range(p.planes):
            if backward:
                avg_backward_plane(source, goal, p, scratch, plane)
            else:
                avg_forward_plane(source, goal, p, scratch, plane)
    else:
        for plane in prange(p.planes, schedule="static", num_threads=threads):
            if backward:
                avg_backward_plane(source, goal, p, scratch + threadid() * per_thread, plane)
            else:
                avg_forward_plane(source, goal, p, scratch + threadid() * per_thread, plane)

# Max pooling of one plane and of all; the method is told in pool.pyx, which includes this file.

cdef inline bint beats(floating value, floating best) noexcept nogil:
    return (value > best) | (value != value)


cdef inline void max_two_by_two(const floating* x, floating* out, int64_t* indices, const Pool* p) noexcept nogil:
    cdef Py_ssize_t row, corner
    for row in range(p.out_height):
        corner = 2 * row * p.width
        if floating is float:
            pairs_forward_f32(x + corner, out, indices, p.out_width, corner, p.width)
        else:
            pairs_forward_f64(x + corner, out, indices, p.out_width, corner, p.width)
        out += p.out_width
        indices += p.out_width


cdef inline void max_window(const floating* x, floating* out, int64_t* index, const Pool* p, Py_ssize_t top,
                            Py_ssize_t left) noexcept nogil:
    cdef floating best = <floating>-INFINITY
    cdef int64_t which = -1
    cdef Py_ssize_t first = ceil_divide(-left, p.dw)
    cdef Py_ssize_t i, k, place
    for i in range(ceil_divide(-top, p.dh), p.kh):
        if top + i * p.dh >= p.height:
            break
        for k in range(first, p.kw):
            if left + k * p.dw >= p.width:
                break
            place = (top + i * p.dh) * p.width + left + k * p.dw
            if which < 0 or beats(x[place], best):
                best = x[place]
                which = place
    out[0] = best
    index[0] = which


cdef inline Py_ssize_t phase_length(const Pool* p) noexcept nogil:
    # The length of one phase of a line in scratch: the outputs in whole vectors, and as far as the last tap reaches.
    return (p.out_width + VECTOR - 1) // VECTOR * VECTOR + (p.kw - 1) * p.dw // p.sw + 1


cdef inline Py_ssize_t max_scratch(const Pool* p) noexcept nogil:
    return p.kh * p.sw * phase_length(p)


cdef inline void split_phases(const floating* x, floating* line, const Pool* p) noexcept nogil:
    # line[f * length + t] = the padded row's element t * sw + f, so that one tap of neighbouring windows is contiguous.
    cdef Py_ssize_t length = phase_length(p)
    cdef Py_ssize_t phase, j, first, last
    cdef const floating* source
    for phase in range(p.sw):
        first = ceil_divide(p.pw - phase, p.sw)
        last = ceil_divide(p.width + p.pw - phase, p.sw)
        if last > length:
            last = length
        if first > last:
            first = last
        source = x + phase - p.pw
        for j in range(first):
            line[j] = <floating>-INFINITY
        if p.sw == 1:
            for j in range(first, last):
                line[j] = source[j]
        elif p.sw == 2:
            for j in range(first, last):
                line[j] = source[2 * j]
        else:
            for j in range(first, last):
                line[j] = source[p.sw * j]
        for j in range(last, length):
            line[j] = <floating>-INFINITY
        line += length


cdef inline void max_block(const floating* lines, const Pool* p, Py_ssize_t first_row, Py_ssize_t last_row,
                           Py_ssize_t count, floating* best, int32_t* which) noexcept nogil:
    # The winners of neighbouring windows and their places relative to the windows' corners, -1 if all are -inf.
    cdef Py_ssize_t length = phase_length(p)
    cdef Py_ssize_t i, j, k
    cdef const floating* line
    cdef int32_t tap
    for j in range(count):
        best[j] = <floating>-INFINITY
        which[j] = -1
    for i in range(first_row, last_row):
        for k in range(p.kw):
            line = lines + (i * p.sw + k * p.dw % p.sw) * length + k * p.dw // p.sw
            tap = <int32_t>(i * p.dh * p.width + k * p.dw)
            if floating is float:
                take_tap_float(line, best, which, count, tap)
            else:
                take_tap_double(line, best, which, count, tap)


cdef inline void max_row(const floating* x, floating* out, int64_t* indices, const Pool* p, Py_ssize_t row,
                         floating* lines) noexcept nogil:
    cdef floating best[BLOCK]
    cdef int32_t which[BLOCK]
    cdef Py_ssize_t top = row * p.sh - p.ph
    cdef Py_ssize_t first_row = ceil_divide(-top, p.dh)
    cdef Py_ssize_t last_row = ceil_divide(p.height - top, p.dh)
    cdef Py_ssize_t i, j, block, start, count, corner
    if last_row > p.kh:
        last_row = p.kh
    for i in range(first_row, last_row):
        split_phases(x + (top + i * p.dh) * p.width, lines + i * p.sw * phase_length(p), p)
    for block in range((p.out_width + BLOCK - 1) // BLOCK):
        start = block * BLOCK
        count = p.out_width - start if p.out_width - start < BLOCK else BLOCK
        corner = top * p.width + start * p.sw - p.pw
        max_block(lines + start, p, first_row, last_row, (count + VECTOR - 1) // VECTOR * VECTOR, best, which)
        for j in range(count):
            out[start + j] = best[j]
            indices[start + j] = corner + j * p.sw + which[j]
        for j in range(count):
            if which[j] < 0:  # nothing but -inf: the first element that is no padding
                max_window(x, out + start + j, indices + start + j, p, top, (start + j) * p.sw - p.pw)


cdef inline void max_plane(const floating* x, floating* out, int64_t* indices, const Pool* p,
                           floating* scratch) noexcept nogil:
    cdef Py_ssize_t row, j
    if two_by_two(p):
        max_two_by_two(x, out, indices, p)
    elif scratch == NULL or p.out_width < NARROW:
        for row in range(p.out_height):
            for j in range(p.out_width):
                max_window(x, out + j, indices + j, p, row * p.sh - p.ph, j * p.sw - p.pw)
            out += p.out_width
            indices += p.out_width
    else:
        for row in range(p.out_height):
            max_row(x, out + row * p.out_width, indices + row * p.out_width, p, row, scratch)


cdef void max_forward_plane(const floating* x, floating* out, int64_t* indices, const Pool* p, floating* scratch,
                            Py_ssize_t plane) noexcept nogil:
    max_plane(x + plane * p.height * p.width, out + plane * p.out_height * p.out_width,
              indices + plane * p.out_height * p.out_width, p, scratch)


cdef void max_forward(const floating* x, floating* out, int64_t* indices, const Pool* p, floating* scratch,
                      Py_ssize_t per_thread, int threads) noexcept nogil:
    cdef Py_ssize_t plane
    if threads == 1:
        for plane in range(p.planes):
            max_forward_plane(x, out, indices, p, scratch, plane)
    else:
        for plane in prange(p.planes, schedule="static", num_threads=threads):
            max_forward_plane(x, out, indices, p, scratch + threadid() * per_thread if scratch != NULL else NULL, plane)


cdef void max_backward_plane(const floating* g, const int64_t* indices, floating* dx, const Pool* p,
                             Py_ssize_t plane) noexcept nogil:
    cdef Py_ssize_t outputs = p.out_height * p.out_width
    cdef Py_ssize_t j, row
    g += plane * outputs
    indices += plane * outputs
    dx += plane * p.height * p.width
    if p.kh == 2 and 2 * p.out_height == p.height and 2 * p.out_width == p.width and p.out_width >= WIDE:
        for row in range(p.out_height):
            if floating is float:
                pairs_backward_f32(g, indices, dx, p.out_width, 2 * row * p.width, p.width)
            else:
                pairs_backward_f64(g, indices, dx, p.out_width, 2 * row * p.width, p.width)
            g += p.out_width
            indices += p.out_width
            dx += 2 * p.width
        return
    memset(dx, 0, p.height * p.width * sizeof(floating))
    for j in range(outputs):
        if indices[j] >= 0:
            dx[indices[j]] += g[j]


cdef void max_backward(const floating* g, const int64_t* indices, floating* dx, const Pool* p) noexcept nogil:
    cdef Py_ssize_t plane
    cdef int threads = threads_for(<double>p.planes * (1.0 * p.out_height * p.out_width + 0.1 * p.height * p.width))
    if threads == 1 or p.planes == 1:
        for plane in range(p.planes):
            max_backward_plane(g, indices, dx, p, plane)
    else:
        for plane in prange(p.planes, schedule="static", num_threads=threads):
            max_backward_plane(g, indices, dx, p, plane)

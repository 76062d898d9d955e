# Cross-entropy over a tile, and its gradient; the method is told in loss.pyx, which includes this file.

cdef inline double smooth_sum(const floating* x, const floating* weight, Py_ssize_t n, Py_ssize_t step,
                              floating peak) noexcept nogil:
    # sum over classes of weight (x - peak)
    cdef double result = 0
    cdef Py_ssize_t i
    if step == 1:
        if floating is float:
            return row_weighted_f32(x, weight, n, peak)
        else:
            return row_weighted_f64(x, weight, n, peak)
    if weight == NULL:
        for i in range(n):
            result += <double>(x[i * step] - peak)
    else:
        for i in range(n):
            result += <double>weight[i] * <double>(x[i * step] - peak)
    return result


cdef inline void cross_entropy_tile(const floating* x, const Call* call, const Tile* tile) noexcept nogil:
    # loss = -(1 - s) w_t log p_t - s / n sum_c w_c log p_c, s the label smoothing
    cdef floating peak[WIDTH]
    cdef double total[WIDTH]
    cdef const floating* weight = <const floating*>call.weight
    cdef floating* lse = <floating*>call.lse + tile.first
    cdef floating* loss = <floating*>call.loss + tile.first
    cdef Py_ssize_t step = tile.stride if tile.stride else 1  # from class to class
    cdef Py_ssize_t pitch = 1 if tile.stride else tile.n  # from position to position
    cdef double log_total, value
    cdef int64_t target
    cdef Py_ssize_t j
    find_peaks(x, tile, peak)
    sum_exponentials(x, tile, peak, <floating*>NULL, total)
    for j in range(tile.width):
        log_total = log(total[j])
        lse[j] = <floating>(<double>peak[j] + log_total)
        target = call.target[tile.first + j]
        if target == call.ignore_index:
            loss[j] = 0
            continue
        value = log_total - <double>(x[target * step + j * pitch] - peak[j])
        if weight != NULL:
            value *= weight[target]
        if call.smoothing != 0:
            value = (1 - call.smoothing) * value + call.smoothing / <double>tile.n * (
                call.total_weight * log_total - smooth_sum(x + j * pitch, weight, tile.n, step, peak[j]))
        loss[j] = <floating>value


cdef inline void cross_entropy_backward_tile(const floating* x, floating* dx, const Call* call,
                                             const Tile* tile) noexcept nogil:
    # dx_c = scale ((1 - s) w_t (p_c - [c = t]) + s / n (W p_c - w_c)), W the sum of the weights
    cdef double total[WIDTH]
    cdef floating of_p[WIDTH]
    cdef floating of_w[WIDTH]
    cdef floating of_target[WIDTH]
    cdef const floating* weight = <const floating*>call.weight
    cdef const floating* lse = <const floating*>call.lse + tile.first
    cdef const floating* scales = <const floating*>call.scale
    cdef const int64_t* target = call.target + tile.first
    cdef Py_ssize_t step = tile.stride if tile.stride else 1  # from class to class
    cdef Py_ssize_t pitch = 1 if tile.stride else tile.n  # from position to position
    cdef double even = call.smoothing / <double>tile.n
    cdef double of_class
    cdef floating w, scale
    cdef floating* row = dx
    cdef Py_ssize_t i, j
    sum_exponentials(x, tile, lse, dx, total)
    for j in range(tile.width):
        of_class = 0
        scale = scales[(tile.first + j) * call.scale_step]
        if target[j] != call.ignore_index:
            of_class = (1 - call.smoothing) * (<double>weight[target[j]] if weight != NULL else 1.0)
        of_p[j] = <floating>(scale * (of_class + even * call.total_weight) / total[j])
        of_w[j] = <floating>(scale * even)
        of_target[j] = <floating>(scale * of_class)
    if tile.stride == 0:
        for j in range(tile.width):
            if call.smoothing == 0:
                for i in range(tile.n):
                    row[i] = row[i] * of_p[j]
            elif weight == NULL:
                for i in range(tile.n):
                    row[i] = row[i] * of_p[j] - of_w[j]
            else:
                for i in range(tile.n):
                    row[i] = row[i] * of_p[j] - of_w[j] * weight[i]
            row += tile.n
    else:
        for i in range(tile.n):
            if call.smoothing == 0:
                for j in range(tile.width):
                    row[j] = row[j] * of_p[j]
            else:
                w = weight[i] if weight != NULL else 1
                for j in range(tile.width):
                    row[j] = row[j] * of_p[j] - of_w[j] * w
            row += tile.stride
    for j in range(tile.width):
        if target[j] == call.ignore_index:  # zero whatever the logits are
            for i in range(tile.n):
                dx[i * step + j * pitch] = 0
        else:
            dx[target[j] * step + j * pitch] -= of_target[j]

# Batch normalization of short runs: a block of neighbouring channels, whose runs make rows of up to COLUMNS numbers.
#
# Columns are added up several rows at a time, in pairs and in their own precision, and then in double, so that a sum is
# converted rather than each number. Where S = 1 a channel has few numbers, and its own arithmetic (a root, divisions)
# would cost as much as they do; so that too is done for all channels of the block together, in vectors.

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

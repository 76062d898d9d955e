# Correlations with pixels as lanes: the copies of the images they read, and the loops over the tiles of their pixels.

from libc.string cimport memset

cdef extern from "gemm.h":
    const Py_ssize_t GEMM_WIDE_ROWS
    const Py_ssize_t GEMM_WIDE_VECTORS
    void gemm_tile_b_in_place_f32(int rows, Py_ssize_t depth, const float* a, const float* b,
                                  const Py_ssize_t* b_offset, float* c, Py_ssize_t c_row, Py_ssize_t columns,
                                  const float* bias, int flags) noexcept nogil
    void gemm_tile_b_in_place_f64(int rows, Py_ssize_t depth, const double* a, const double* b,
                                  const Py_ssize_t* b_offset, double* c, Py_ssize_t c_row, Py_ssize_t columns,
                                  const double* bias, int flags) noexcept nogil
    void gemm_tile_a_in_place_f32(int rows, Py_ssize_t depth, const float* a, const Py_ssize_t* row_offset,
                                  const Py_ssize_t* a_offset, const float* b, Py_ssize_t b_step, float* c,
                                  Py_ssize_t c_row, Py_ssize_t columns, int flags) noexcept nogil
    void gemm_tile_a_in_place_f64(int rows, Py_ssize_t depth, const double* a, const Py_ssize_t* row_offset,
                                  const Py_ssize_t* a_offset, const double* b, Py_ssize_t b_step, double* c,
                                  Py_ssize_t c_row, Py_ssize_t columns, int flags) noexcept nogil
    void gemm_transpose_to_f32(const float* source, Py_ssize_t source_row, Py_ssize_t rows, Py_ssize_t columns,
                               float* target, Py_ssize_t target_row) noexcept nogil
    void gemm_transpose_to_f64(const double* source, Py_ssize_t source_row, Py_ssize_t rows, Py_ssize_t columns,
                               double* target, Py_ssize_t target_row) noexcept nogil
    float gemm_dot_f32(const float* x, Py_ssize_t x_row, Py_ssize_t x_step, const float* y, Py_ssize_t y_row,
                       Py_ssize_t rows, Py_ssize_t columns) noexcept nogil
    double gemm_dot_f64(const double* x, Py_ssize_t x_row, Py_ssize_t x_step, const double* y, Py_ssize_t y_row,
                        Py_ssize_t rows, Py_ssize_t columns) noexcept nogil
    void gemm_copy_rows_f32(const float* source, Py_ssize_t source_row, Py_ssize_t rows, Py_ssize_t columns,
                            float* target, Py_ssize_t target_row) noexcept nogil
    void gemm_copy_rows_f64(const double* source, Py_ssize_t source_row, Py_ssize_t rows, Py_ssize_t columns,
                            double* target, Py_ssize_t target_row) noexcept nogil

# What a tile may read beyond an image, in elements.
DEF SLACK = 64


cdef inline void tile_b_in_place(Py_ssize_t rows, Py_ssize_t depth, const floating* a, const floating* b,
                                 const Py_ssize_t* b_offset, floating* c, Py_ssize_t c_row, Py_ssize_t columns,
                                 const floating* bias, int flags) noexcept nogil:
    if floating is float:
        gemm_tile_b_in_place_f32(<int>rows, depth, a, b, b_offset, c, c_row, columns, bias, flags)
    else:
        gemm_tile_b_in_place_f64(<int>rows, depth, a, b, b_offset, c, c_row, columns, bias, flags)


cdef inline void tile_a_in_place(Py_ssize_t rows, Py_ssize_t depth, const floating* a, const Py_ssize_t* row_offset,
                                 const Py_ssize_t* a_offset, const floating* b, Py_ssize_t b_step, floating* c,
                                 Py_ssize_t c_row, Py_ssize_t columns, int flags) noexcept nogil:
    if floating is float:
        gemm_tile_a_in_place_f32(<int>rows, depth, a, row_offset, a_offset, b, b_step, c, c_row, columns, flags)
    else:
        gemm_tile_a_in_place_f64(<int>rows, depth, a, row_offset, a_offset, b, b_step, c, c_row, columns, flags)


cdef inline void transpose_to(const floating* source, Py_ssize_t source_row, Py_ssize_t rows, Py_ssize_t columns,
                              floating* target, Py_ssize_t target_row) noexcept nogil:
    if floating is float:
        gemm_transpose_to_f32(source, source_row, rows, columns, target, target_row)
    else:
        gemm_transpose_to_f64(source, source_row, rows, columns, target, target_row)


cdef inline void copy_rows(const floating* source, Py_ssize_t source_row, Py_ssize_t rows, Py_ssize_t columns,
                           floating* target, Py_ssize_t target_row) noexcept nogil:
    if floating is float:
        gemm_copy_rows_f32(source, source_row, rows, columns, target, target_row)
    else:
        gemm_copy_rows_f64(source, source_row, rows, columns, target, target_row)


cdef inline floating dot(const floating* x, Py_ssize_t x_row, Py_ssize_t x_step, const floating* y, Py_ssize_t y_row,
                         Py_ssize_t rows, Py_ssize_t columns) noexcept nogil:
    if floating is float:
        return gemm_dot_f32(x, x_row, x_step, y, y_row, rows, columns)
    else:
        return gemm_dot_f64(x, x_row, x_step, y, y_row, rows, columns)


cdef inline Py_ssize_t floor_div(Py_ssize_t a, Py_ssize_t b) noexcept nogil:
    return a // b if a >= 0 else -((b - 1 - a) // b)


# How the images that patches are read from are copied: each plane with a border, in phase_h x phase_w phases.
cdef struct Images:
    const void* data
    Py_ssize_t planes
    Py_ssize_t height
    Py_ssize_t width
    Py_ssize_t top         # the border above and on the left
    Py_ssize_t left
    Py_ssize_t phase_h
    Py_ssize_t phase_w
    Py_ssize_t rows        # the size of one phase, with the border
    Py_ssize_t pitch
    Py_ssize_t plane       # the elements of one plane: all its phases


cdef void lay_out(Images* images, Py_ssize_t top, Py_ssize_t left, Py_ssize_t rows, Py_ssize_t columns,
                  Py_ssize_t grid, Py_ssize_t phase_h, Py_ssize_t phase_w) noexcept nogil:
    """Give the copy a border above and on the left, and `rows` x `columns` in all.

    In a copy of one phase the zeros on the right of a row are those on the left of the next, as far as they go, but
    rows stay at least `grid` pixels apart.
    """
    if phase_w == 1:
        columns = max(grid, images.width + max(left, columns - images.width - left))
    images.top, images.left = top, left
    images.phase_h, images.phase_w = phase_h, phase_w
    images.rows, images.pitch = blocks_of(rows, phase_h), blocks_of(columns, phase_w)
    images.plane = images.rows * images.pitch * phase_h * phase_w


cdef inline Py_ssize_t copy_size(const Images* images) noexcept nogil:
    return round_up(images.planes * images.plane + images.left + SLACK, 16)


cdef inline Py_ssize_t place_in(const Images* images, Py_ssize_t h, Py_ssize_t w) noexcept nogil:
    """Where the element (h, w) of a plane, border included, lies in its copy."""
    return (((h % images.phase_h * images.phase_w + w % images.phase_w) * images.rows + h // images.phase_h)
            * images.pitch + w // images.phase_w)


cdef void copy_image(const Images* images, Py_ssize_t n, const floating* data, floating* target) noexcept nogil:
    """Image n with its border of zeros, phase by phase."""
    cdef const floating* source = data + n * images.planes * images.height * images.width
    cdef const floating* row
    cdef Py_ssize_t _plane, a, b, i, j, h, first, last
    for _plane in range(images.planes):
        for a in range(images.phase_h):
            for b in range(images.phase_w):
                # The columns first..last of this phase lie in the image: w = j * phase_w + b - left.
                first = max(0, -floor_div(b - images.left, images.phase_w))
                last = min(images.pitch, floor_div(images.width - 1 + images.left - b, images.phase_w) + 1)
                for i in range(images.rows):
                    h = i * images.phase_h + a - images.top
                    if h < 0 or h >= images.height or last <= first:
                        memset(target, 0, images.pitch * sizeof(floating))
                    else:
                        row = source + h * images.width + b - images.left
                        for j in range(first):
                            target[j] = 0
                        if images.phase_w == 1:
                            copy_rows(row + first, 0, 1, last - first, target + first, 0)
                        elif images.phase_w == 2:  # a constant step vectorizes
                            for j in range(first, last):
                                target[j] = row[2 * j]
                        else:
                            for j in range(first, last):
                                target[j] = row[j * images.phase_w]
                        for j in range(last, images.pitch):
                            target[j] = 0
                    target += images.pitch
        source += images.height * images.width
    memset(target, 0, (images.left + SLACK) * sizeof(floating))


# out[row][pixel] = bias[row] + sum over p of weights[row][p] * image[pixel + offset[p]], where pixel (h, w) of the grid
# is number h * pitch + w of the copied image.
cdef struct Correlation:
    Py_ssize_t depth
    Py_ssize_t rows              # of one group
    Py_ssize_t padded            # rounded up to whole panels
    Py_ssize_t groups
    Py_ssize_t height            # the grid of pixels
    Py_ssize_t width
    const Py_ssize_t* offset
    const void* weights          # packed, for every group
    const void* bias             # or NULL
    void* out
    Py_ssize_t out_start         # where the grid lies in a plane of the output
    Py_ssize_t out_row
    Py_ssize_t out_column
    Py_ssize_t out_plane


cdef void store_pixels(const Correlation* t, Py_ssize_t pitch, Py_ssize_t start, Py_ssize_t count, const floating* sums,
                       Py_ssize_t sums_row, floating* out) noexcept nogil:
    """The pixels start..start+count, without the border, of every row."""
    cdef Py_ssize_t h = start // pitch
    cdef Py_ssize_t w = start % pitch
    cdef Py_ssize_t done = 0
    cdef Py_ssize_t run, _row, i
    cdef const floating* source
    cdef floating* target
    while done < count:
        run = min(count - done, t.width - w)
        if t.width == pitch and t.out_row == pitch and t.out_column == 1:
            run = count
        source = sums + done
        target = out + t.out_start + h * t.out_row + w * t.out_column
        if t.out_column == 1:
            copy_rows(source, sums_row, t.rows, run, target, t.out_plane)
        else:
            for _row in range(t.rows):
                for i in range(run):
                    target[i * t.out_column] = source[i]
                source += sums_row
                target += t.out_plane
        done += max(run, pitch - w)
        w = 0
        h += 1


cdef void correlate_pixels(const Correlation* t, const floating* image, Py_ssize_t pitch, Py_ssize_t group,
                           Py_ssize_t start, Py_ssize_t stop, floating* out, floating* sums) noexcept nogil:
    """Pixels start..stop of one group of one image. `sums` holds padded x NR elements."""
    cdef const floating* weights = <const floating*>t.weights + group * t.depth * t.padded
    cdef const floating* bias = NULL
    cdef Py_ssize_t nr = GEMM_VECTORS * lanes_of(image)
    cdef Py_ssize_t p, i, j, steps, wide, p_block, i_block, j_block
    cdef int flags
    if t.bias != NULL:
        bias = <const floating*>t.bias + group * t.rows
    for j_block in range(blocks_of(stop - start, nr)):
        j = start + j_block * nr
        wide = min(nr, stop - j)
        for p_block in range(blocks_of(t.depth, DEPTH)):
            p = p_block * DEPTH
            steps = min(DEPTH, t.depth - p)
            flags = GEMM_STORE if p == 0 else 0
            if bias != NULL and p + steps == t.depth:
                flags |= GEMM_BIAS_ROWS
            for i_block in range(t.padded // MR):
                i = i_block * MR
                tile_b_in_place(min(MR, t.rows - i), steps, weights + p * t.padded + i * steps, image + j, t.offset + p,
                                sums + i * nr, nr, round_up(wide, lanes_of(image)), bias + i if bias != NULL else NULL,
                                flags)
        store_pixels(t, pitch, j, wide, sums, nr, out)


cdef void zero_grid(const Correlation* t, floating* out) noexcept nogil:
    """The grid of a correlation without terms, for one group of one image."""
    cdef Py_ssize_t row, h, w
    for row in range(t.rows):
        for h in range(t.height):
            for w in range(t.width):
                out[row * t.out_plane + t.out_start + h * t.out_row + w * t.out_column] = 0


cdef void correlate_image(const Correlation* phases, Py_ssize_t count, const Images* images, Py_ssize_t n,
                          Py_ssize_t share, Py_ssize_t shares, floating* private) noexcept nogil:
    """One share of the pixels of image n, for each of `count` correlations. `private` holds the sums and the copy."""
    cdef Py_ssize_t nr = GEMM_VECTORS * lanes_of(private)
    cdef floating* copy = private + phases.padded * nr
    cdef floating* out
    cdef const Correlation* t
    cdef Py_ssize_t phase, group, pixels, part, start
    copy_image(images, n, <const floating*>images.data, copy)
    for phase in range(count):
        t = phases + phase
        pixels = (t.height - 1) * images.pitch + t.width
        part = round_up(blocks_of(pixels, shares), nr) if shares > 1 else pixels
        start = share * part
        for group in range(t.groups):
            out = <floating*>t.out + (n * t.groups + group) * t.rows * t.out_plane
            if t.depth == 0:
                if share == 0:
                    zero_grid(t, out)
            elif start < pixels:
                correlate_pixels(t, copy + group * (images.planes // t.groups) * images.plane, images.pitch, group,
                                 start, min(pixels, start + part), out, private)


cdef void correlate(const Correlation* phases, Py_ssize_t count, const Images* images, Py_ssize_t batch, int threads,
                    floating* private, Py_ssize_t private_size) noexcept nogil:
    """Every image; the threads share out images, and pixels where there are few."""
    cdef Py_ssize_t shares = 1 if threads == 1 or batch >= 2 * threads else blocks_of(2 * threads, batch)
    cdef Py_ssize_t task
    if threads == 1:
        for task in range(batch):
            correlate_image(phases, count, images, task, 0, 1, private)
    else:
        for task in prange(batch * shares, schedule="dynamic", num_threads=threads):
            correlate_image(phases, count, images, task // shares, task % shares, shares,
                            private + threadid() * private_size)

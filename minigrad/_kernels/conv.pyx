"""Two-dimensional convolution (cross-correlation), forward and backward, as matrix products of patches in place.

No matrix of patches is ever made. A tile of the product has pixels as its rows and channels as its lanes; the element of
a patch is read where it lies, at (offset of the pixel) + (offset of the channel and kernel position), both from small
tables, in a copy of the image with its border of zeros (or in the image itself where there is no padding).

- forward: rows = output pixels, sum over (channel, kernel position), lanes = output channels;
- backward_input: the same with g in place of x. With stride s the pixels of dx fall into s x s phases, each a
  convolution of stride 1 with the kernel positions that reach it, so no zero is ever multiplied;
- backward_weight: rows = (channel, kernel position), sum over output pixels, lanes = output channels.

2 N O (C / groups) KH KW OH OW operations each. Sums run in blocks of DEPTH (192) terms, added one after the other, so
with K terms the error is at most about (192 + K / 192) eps sum |a| |b|. backward_weight cuts the batch into at most 16
parts whose sums are added in order; the parts depend on the shapes alone, so no result depends on the threads.

The product of patches in place follows Georganas et al., "Anatomy of high-performance deep learning convolutions on SIMD
architectures" (SC 2018); the register tile is that of gemm.h.
"""

cimport numpy as cnp

cnp.import_array()

include "gemm.pxi"

from libc.string cimport memcpy, memset

cdef extern from "gemm.h":
    void gemm_tile_in_place_f32(int rows, Py_ssize_t depth, const float* a, const Py_ssize_t* row_offset,
                                const Py_ssize_t* step_offset, const float* b, Py_ssize_t b_step, float* c,
                                Py_ssize_t c_row, Py_ssize_t columns, const float* bias, int flags) noexcept nogil
    void gemm_tile_in_place_f64(int rows, Py_ssize_t depth, const double* a, const Py_ssize_t* row_offset,
                                const Py_ssize_t* step_offset, const double* b, Py_ssize_t b_step, double* c,
                                Py_ssize_t c_row, Py_ssize_t columns, const double* bias, int flags) noexcept nogil
    void gemm_transpose_to_f32(const float* source, Py_ssize_t source_row, Py_ssize_t rows, Py_ssize_t columns,
                               float* target, Py_ssize_t target_row) noexcept nogil
    void gemm_transpose_to_f64(const double* source, Py_ssize_t source_row, Py_ssize_t rows, Py_ssize_t columns,
                               double* target, Py_ssize_t target_row) noexcept nogil

# Pixels worked on together: their sums stay in the second-level cache.
DEF BLOCK = 512
# Elements of padded images made at once.
DEF PADDED_ELEMENTS = 1 << 20
# backward_weight: the parts of the batch, and the elements of their sums together.
DEF PARTS = 16
DEF PART_ELEMENTS = 1 << 21


cdef inline void tile_in_place(Py_ssize_t rows, Py_ssize_t depth, const floating* a, const Py_ssize_t* row_offset,
                               const Py_ssize_t* step_offset, const floating* b, Py_ssize_t b_step, floating* c,
                               Py_ssize_t c_row, Py_ssize_t columns, const floating* bias, int flags) noexcept nogil:
    if floating is float:
        gemm_tile_in_place_f32(<int>rows, depth, a, row_offset, step_offset, b, b_step, c, c_row, columns, bias, flags)
    else:
        gemm_tile_in_place_f64(<int>rows, depth, a, row_offset, step_offset, b, b_step, c, c_row, columns, bias, flags)


cdef inline void transpose_to(const floating* source, Py_ssize_t source_row, Py_ssize_t rows, Py_ssize_t columns,
                              floating* target, Py_ssize_t target_row) noexcept nogil:
    if floating is float:
        gemm_transpose_to_f32(source, source_row, rows, columns, target, target_row)
    else:
        gemm_transpose_to_f64(source, source_row, rows, columns, target, target_row)


cdef inline Py_ssize_t panel_width(Py_ssize_t padded, Py_ssize_t lanes) noexcept nogil:
    """`padded` lanes in as few panels as fit the tile, of about one width."""
    cdef Py_ssize_t vectors = padded // lanes
    return blocks_of(vectors, blocks_of(vectors, GEMM_VECTORS)) * lanes


cdef inline Py_ssize_t floor_div(Py_ssize_t a, Py_ssize_t b) noexcept nogil:
    return a // b if a >= 0 else -((b - 1 - a) // b)


# The images that patches are read from: `planes` planes each, with a border, `count` of them at once.
cdef struct Images:
    const void* data       # the planes as given
    Py_ssize_t planes
    Py_ssize_t height
    Py_ssize_t width
    Py_ssize_t top         # the border above and on the left
    Py_ssize_t left
    Py_ssize_t pitch       # the size with the border
    Py_ssize_t rows
    bint copied            # whether there is a border, and so a copy
    Py_ssize_t count


cdef void border(Images* images, Py_ssize_t top, Py_ssize_t left, Py_ssize_t rows, Py_ssize_t pitch, Py_ssize_t batch,
                 int threads) noexcept nogil:
    """Say what border `images` needs, and how many are made at once."""
    images.copied = top != 0 or left != 0 or rows > images.height or pitch > images.width
    images.top = top
    images.left = left
    images.rows = max(rows, images.height + top) if images.copied else images.height
    images.pitch = max(pitch, images.width + left) if images.copied else images.width
    images.count = batch
    if images.copied:
        images.count = max(threads, PADDED_ELEMENTS // max(1, images.planes * images.rows * images.pitch))
        images.count = min(batch, images.count)


cdef inline Py_ssize_t image_size(const Images* images) noexcept nogil:
    return images.planes * images.rows * images.pitch


cdef inline Py_ssize_t copied_size(const Images* images) noexcept nogil:
    return round_up(images.count * image_size(images), 16) if images.copied else 0


cdef void copy_plane(const Images* images, Py_ssize_t plane, const floating* source, floating* target) noexcept nogil:
    """One plane with its border of zeros."""
    cdef Py_ssize_t h
    cdef Py_ssize_t right = images.pitch - images.left - images.width
    source += plane * images.height * images.width
    target += plane * images.rows * images.pitch
    memset(target, 0, images.top * images.pitch * sizeof(floating))
    target += images.top * images.pitch
    for h in range(images.height):
        memset(target, 0, images.left * sizeof(floating))
        memcpy(target + images.left, source, images.width * sizeof(floating))
        memset(target + images.left + images.width, 0, right * sizeof(floating))
        source += images.width
        target += images.pitch
    memset(target, 0, (images.rows - images.top - images.height) * images.pitch * sizeof(floating))


cdef const floating* images_from(const Images* images, Py_ssize_t first, Py_ssize_t count, int threads,
                                 floating* copy) noexcept nogil:
    """Where images first..first+count lie, with their border: in `copy`, if they need one."""
    cdef const floating* source = <const floating*>images.data + first * images.planes * images.height * images.width
    cdef Py_ssize_t plane
    if not images.copied:
        return source
    if threads == 1:
        for plane in range(count * images.planes):
            copy_plane(images, plane, source, copy)
    else:
        for plane in prange(count * images.planes, schedule="static", num_threads=threads):
            copy_plane(images, plane, source, copy)
    return copy


# out[lane][pixel] = bias[lane] + sum over p of weights[p][lane] * image[pixel_offset[pixel] + step_offset[p]]
cdef struct Correlation:
    Py_ssize_t depth
    Py_ssize_t lanes
    Py_ssize_t padded            # lanes, rounded up to whole vectors
    Py_ssize_t height            # the grid of pixels
    Py_ssize_t width
    const Py_ssize_t* pixel_offset
    const Py_ssize_t* step_offset
    const void* weights          # packed, for every group
    const void* bias             # padded lanes for every group, or NULL
    Py_ssize_t out_start         # where the grid lies in a plane of the output
    Py_ssize_t out_row
    Py_ssize_t out_column
    Py_ssize_t out_plane


cdef void correlate_block(const Correlation* t, const floating* image, Py_ssize_t group, Py_ssize_t start,
                          Py_ssize_t stop, floating* out, floating* sums) noexcept nogil:
    """Pixels start..stop of one group of one image. `sums` holds BLOCK x padded elements."""
    cdef const floating* weights = <const floating*>t.weights + group * t.depth * t.padded
    cdef const floating* bias = NULL
    cdef Py_ssize_t across = panel_width(t.padded, lanes_of(image))
    cdef Py_ssize_t p, i, j, steps, wide, p_block, i_block, j_block
    cdef int flags
    if t.bias != NULL:
        bias = <const floating*>t.bias + group * t.padded
    for p_block in range(blocks_of(t.depth, DEPTH)):
        p = p_block * DEPTH
        steps = min(DEPTH, t.depth - p)
        flags = GEMM_STORE if p == 0 else 0
        if bias != NULL and p + steps == t.depth:
            flags |= GEMM_BIAS_COLUMNS
        for j_block in range(blocks_of(t.padded, across)):
            j = j_block * across
            wide = min(across, t.padded - j)
            for i_block in range(blocks_of(stop - start, MR)):
                i = i_block * MR
                tile_in_place(min(MR, stop - start - i), steps, image, t.pixel_offset + start + i, t.step_offset + p,
                              weights + p * t.padded + j * steps, wide, sums + i * t.padded + j, t.padded, wide,
                              bias + j if bias != NULL else NULL, flags)
    if t.out_column == 1 and t.out_row == t.width:
        transpose_to(sums, t.padded, stop - start, t.lanes, out + t.out_start + start, t.out_plane)
        return
    for j in range(t.lanes):
        for i in range(start, stop):
            out[t.out_start + j * t.out_plane + i // t.width * t.out_row + i % t.width * t.out_column] = (
                sums[(i - start) * t.padded + j])


cdef void zero_grid(const Correlation* t, Py_ssize_t planes, floating* out) noexcept nogil:
    """The grid of a correlation without terms."""
    cdef Py_ssize_t plane, h, w
    for plane in range(planes):
        for h in range(t.height):
            for w in range(t.width):
                out[plane * t.out_plane + t.out_start + h * t.out_row + w * t.out_column] = 0


cdef void correlate_task(const Correlation* t, const Images* images, const floating* image, Py_ssize_t groups,
                         Py_ssize_t task, Py_ssize_t tasks, floating* out, floating* sums) noexcept nogil:
    """Task number `task`: a block of pixels of a group of an image."""
    cdef Py_ssize_t group = task // tasks % groups
    cdef Py_ssize_t n = task // tasks // groups
    cdef Py_ssize_t pixels = t.height * t.width
    cdef Py_ssize_t share = round_up(blocks_of(pixels, tasks), MR)
    cdef Py_ssize_t start = task % tasks * share
    if start >= pixels:
        return
    image += n * image_size(images) + group * (images.planes // groups) * images.rows * images.pitch
    out += (n * groups + group) * t.lanes * t.out_plane
    correlate_block(t, image, group, start, min(pixels, start + share), out, sums)


cdef void correlate(const Correlation* t, const Images* images, const floating* image, Py_ssize_t count,
                    Py_ssize_t groups, int threads, floating* out, floating* sums) noexcept nogil:
    """All pixels of `count` images, with BLOCK x padded elements of `sums` for each thread."""
    cdef Py_ssize_t tasks = blocks_of(t.height * t.width, BLOCK)
    cdef Py_ssize_t task
    if t.height * t.width == 0:
        return
    if t.depth == 0:
        zero_grid(t, count * groups * t.lanes, out)
        return
    if threads > 1 and count * groups * tasks < 2 * threads:
        tasks = max(tasks, min(blocks_of(2 * threads, count * groups), blocks_of(t.height * t.width, MR)))
    if threads == 1:
        for task in range(count * groups * tasks):
            correlate_task(t, images, image, groups, task, tasks, out, sums)
    else:
        for task in prange(count * groups * tasks, schedule="dynamic", num_threads=threads):
            correlate_task(t, images, image, groups, task, tasks, out, sums + threadid() * BLOCK * t.padded)


# The sizes of one convolution, in the names of its definition.
cdef struct Convolution:
    Py_ssize_t batch
    Py_ssize_t groups
    Py_ssize_t channels    # of a group
    Py_ssize_t outputs     # of a group
    Py_ssize_t height
    Py_ssize_t width
    Py_ssize_t out_height
    Py_ssize_t out_width
    Py_ssize_t kernel_h
    Py_ssize_t kernel_w
    Py_ssize_t stride_h
    Py_ssize_t stride_w
    Py_ssize_t padding_h
    Py_ssize_t padding_w
    Py_ssize_t dilation_h
    Py_ssize_t dilation_w


cdef Convolution convolution(cnp.ndarray x, cnp.ndarray weight, cnp.ndarray out, stride, padding, dilation,
                             Py_ssize_t groups):
    cdef Convolution v
    v.groups = groups
    v.batch, v.height, v.width = cnp.PyArray_DIM(x, 0), cnp.PyArray_DIM(x, 2), cnp.PyArray_DIM(x, 3)
    v.out_height, v.out_width = cnp.PyArray_DIM(out, 2), cnp.PyArray_DIM(out, 3)
    v.outputs, v.channels = cnp.PyArray_DIM(weight, 0) // groups, cnp.PyArray_DIM(weight, 1)
    v.kernel_h, v.kernel_w = cnp.PyArray_DIM(weight, 2), cnp.PyArray_DIM(weight, 3)
    v.stride_h, v.stride_w = stride
    v.padding_h, v.padding_w = padding
    v.dilation_h, v.dilation_w = dilation
    return v


cdef int threads_of(const Convolution* v) noexcept nogil:
    return threads_for(0.01 * v.batch * v.groups * v.channels * v.outputs * v.kernel_h * v.kernel_w
                       * v.out_height * v.out_width)


cdef inline Py_ssize_t table_size(Py_ssize_t entries, const floating* dtype) noexcept nogil:
    """A table of offsets, counted in elements."""
    return round_up(entries * sizeof(Py_ssize_t) // sizeof(floating), 16)


cdef Images padded_input(const Convolution* v, const void* x, int threads) noexcept nogil:
    """x with the border of the padding, as far as the kernel reaches."""
    cdef Images images
    images.data = x
    images.planes = v.groups * v.channels
    images.height, images.width = v.height, v.width
    border(&images, v.padding_h, v.padding_w,
           (v.out_height - 1) * v.stride_h + (v.kernel_h - 1) * v.dilation_h + 1,
           (v.out_width - 1) * v.stride_w + (v.kernel_w - 1) * v.dilation_w + 1, v.batch, threads)
    return images


cdef void input_tables(const Convolution* v, const Images* images, Py_ssize_t* pixels, Py_ssize_t* steps) noexcept nogil:
    """Where the patch of each output pixel begins, and where in it each (channel, kernel position) lies."""
    cdef Py_ssize_t h, w, c, i = 0
    for h in range(v.out_height):
        for w in range(v.out_width):
            pixels[i] = h * v.stride_h * images.pitch + w * v.stride_w
            i += 1
    i = 0
    for c in range(v.channels):
        for h in range(v.kernel_h):
            for w in range(v.kernel_w):
                steps[i] = (c * images.rows + h * v.dilation_h) * images.pitch + w * v.dilation_w
                i += 1


cdef void forward(const Convolution* v, const floating* x, const floating* weight, const floating* bias,
                  floating* out) except *:
    cdef int threads = threads_of(v)
    cdef Images images = padded_input(v, x, threads)
    cdef Py_ssize_t lanes = lanes_of(x)
    cdef Py_ssize_t depth = v.channels * v.kernel_h * v.kernel_w
    cdef Py_ssize_t pixels = v.out_height * v.out_width
    cdef Py_ssize_t padded = round_up(v.outputs, lanes)
    cdef Py_ssize_t across = panel_width(padded, lanes)
    cdef Py_ssize_t p, j, n, count, group, steps, wide, p_block, j_block, n_block
    cdef Correlation t
    cdef floating* weights
    cdef floating* padded_bias
    cdef floating* copy
    cdef floating* sums
    cdef const floating* source
    cdef Scratch scratch = take_scratch(sizeof(floating) * (
        table_size(pixels, x) + table_size(depth, x) + v.groups * padded * (round_up(depth, 16) + 1)
        + copied_size(&images) + threads * BLOCK * padded))
    with nogil:
        t.pixel_offset = <Py_ssize_t*>scratch.data
        t.step_offset = <Py_ssize_t*>(<floating*>t.pixel_offset + table_size(pixels, x))
        weights = <floating*>t.step_offset + table_size(depth, x)
        padded_bias = weights + v.groups * padded * round_up(depth, 16)
        sums = padded_bias + v.groups * padded
        copy = sums + threads * BLOCK * padded
        input_tables(v, &images, <Py_ssize_t*>t.pixel_offset, <Py_ssize_t*>t.step_offset)
        for group in range(v.groups):
            for p_block in range(blocks_of(depth, DEPTH)):
                p = p_block * DEPTH
                steps = min(DEPTH, depth - p)
                for j_block in range(blocks_of(padded, across)):
                    j = j_block * across
                    wide = min(across, padded - j)
                    pack(weight + (group * v.outputs + j) * depth + p, depth, 1, min(wide, v.outputs - j), steps,
                         weights + group * depth * padded + p * padded + j * steps, wide)
            for j in range(padded):
                padded_bias[group * padded + j] = bias[group * v.outputs + j] if bias != NULL and j < v.outputs else 0
        t.depth, t.lanes, t.padded = depth, v.outputs, padded
        t.height, t.width = v.out_height, v.out_width
        t.weights = weights
        t.bias = padded_bias if bias != NULL else NULL
        t.out_start, t.out_row, t.out_column, t.out_plane = 0, v.out_width, 1, pixels
        for n_block in range(blocks_of(v.batch, images.count)):
            n = n_block * images.count
            count = min(images.count, v.batch - n)
            source = images_from(&images, n, count, threads, copy)
            correlate(&t, &images, source, count, v.groups, threads, out + n * v.groups * v.outputs * pixels, sums)
    give_scratch(scratch)


def conv2d_forward(cnp.ndarray x, cnp.ndarray weight, cnp.ndarray bias, cnp.ndarray out, stride, padding, dilation,
                   Py_ssize_t groups):
    """out (N, O, OH, OW) = the cross-correlation of x (N, C, H, W) with weight (O, C / groups, KH, KW), plus bias (O,)
    unless it is None. stride, padding, dilation: pairs."""
    cdef Convolution v = convolution(x, weight, out, stride, padding, dilation, groups)
    cdef void* b = NULL if bias is None else cnp.PyArray_DATA(bias)
    if cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT32:
        forward(&v, <float*>cnp.PyArray_DATA(x), <float*>cnp.PyArray_DATA(weight), <float*>b,
                <float*>cnp.PyArray_DATA(out))
    else:
        forward(&v, <double*>cnp.PyArray_DATA(x), <double*>cnp.PyArray_DATA(weight), <double*>b,
                <double*>cnp.PyArray_DATA(out))


# One phase of the pixels of dx: those at h = first_h + i * stride_h, w = first_w + j * stride_w. The kernel positions
# that reach it are those for which the output pixel is whole: h + padding - kh * dilation a multiple of the stride.
cdef Py_ssize_t phase_taps(const Convolution* v, const Images* images, Py_ssize_t first_h, Py_ssize_t first_w,
                           Py_ssize_t* place, Py_ssize_t* tap) noexcept nogil:
    """How many kernel positions reach the phase; where each reads g, and its place in the kernel."""
    cdef Py_ssize_t kh, kw, h, w, count = 0
    for kh in range(v.kernel_h):
        h = first_h + v.padding_h - kh * v.dilation_h
        if floor_div(h, v.stride_h) * v.stride_h != h:
            continue
        for kw in range(v.kernel_w):
            w = first_w + v.padding_w - kw * v.dilation_w
            if floor_div(w, v.stride_w) * v.stride_w != w:
                continue
            place[count] = ((images.top + floor_div(h, v.stride_h)) * images.pitch
                            + images.left + floor_div(w, v.stride_w))
            tap[count] = kh * v.kernel_w + kw
            count += 1
    return count


cdef void pack_phase(const Convolution* v, const floating* weight, Py_ssize_t taps, const Py_ssize_t* tap,
                     Py_ssize_t padded, floating* weights) noexcept nogil:
    """The weights of a phase: a row for each (output channel, kernel position), a lane for each input channel."""
    cdef Py_ssize_t across = panel_width(padded, lanes_of(weight))
    cdef Py_ssize_t kernel = v.kernel_h * v.kernel_w
    cdef Py_ssize_t depth = v.outputs * taps
    cdef Py_ssize_t group, i, p, j, c, wide, steps, j_block
    cdef const floating* source
    cdef floating* target
    for group in range(v.groups):
        for i in range(depth):
            p = i // DEPTH * DEPTH
            steps = min(DEPTH, depth - p)
            source = weight + (group * v.outputs + i // taps) * v.channels * kernel + tap[i % taps]
            for j_block in range(blocks_of(padded, across)):
                j = j_block * across
                wide = min(across, padded - j)
                target = weights + (group * depth + p) * padded + j * steps + (i - p) * wide
                for c in range(wide):
                    target[c] = source[(j + c) * kernel] if j + c < v.channels else 0


cdef Images padded_gradient(const Convolution* v, const void* g, int threads) noexcept nogil:
    """g with zeros around it, as far as the pixels of dx reach."""
    cdef Images images
    cdef Py_ssize_t top = -floor_div(v.padding_h - (v.kernel_h - 1) * v.dilation_h, v.stride_h)
    cdef Py_ssize_t left = -floor_div(v.padding_w - (v.kernel_w - 1) * v.dilation_w, v.stride_w)
    images.data = g
    images.planes = v.groups * v.outputs
    images.height, images.width = v.out_height, v.out_width
    top, left = max(top, 0), max(left, 0)
    border(&images, top, left, top + (v.height - 1 + v.padding_h) // v.stride_h + 1,
           left + (v.width - 1 + v.padding_w) // v.stride_w + 1, v.batch, threads)
    return images


cdef void backward_input(const Convolution* v, const floating* g, const floating* weight, floating* dx) except *:
    cdef int threads = threads_of(v)
    cdef Images images = padded_gradient(v, g, threads)
    cdef Py_ssize_t padded = round_up(v.channels, lanes_of(g))
    cdef Py_ssize_t kernel = v.kernel_h * v.kernel_w
    cdef Py_ssize_t plane = v.height * v.width
    cdef Py_ssize_t phases = v.stride_h * v.stride_w
    cdef Py_ssize_t n, count, phase, first_h, first_w, taps, i, j, n_block
    cdef Correlation t
    cdef floating* weights
    cdef floating* copy
    cdef floating* sums
    cdef const floating* source
    cdef Py_ssize_t* pixel
    cdef Py_ssize_t* step
    cdef Py_ssize_t* place
    cdef Py_ssize_t* tap
    cdef Scratch scratch = take_scratch(sizeof(floating) * (
        table_size(plane, g) + table_size(v.outputs * kernel, g) + 2 * table_size(kernel, g)
        + v.groups * padded * v.outputs * kernel + copied_size(&images) + threads * BLOCK * padded))
    with nogil:
        pixel = <Py_ssize_t*>scratch.data
        step = <Py_ssize_t*>(<floating*>pixel + table_size(plane, g))
        place = <Py_ssize_t*>(<floating*>step + table_size(v.outputs * kernel, g))
        tap = <Py_ssize_t*>(<floating*>place + table_size(kernel, g))
        sums = <floating*>tap + table_size(kernel, g)
        weights = sums + threads * BLOCK * padded
        copy = weights + v.groups * padded * v.outputs * kernel
        t.lanes, t.padded, t.out_plane = v.channels, padded, plane
        t.out_row, t.out_column = v.stride_h * v.width, v.stride_w
        t.weights, t.bias = weights, NULL
        t.pixel_offset, t.step_offset = pixel, step
        for n_block in range(blocks_of(v.batch, images.count)):
            n = n_block * images.count
            count = min(images.count, v.batch - n)
            source = images_from(&images, n, count, threads, copy)
            for phase in range(phases):
                first_h, first_w = phase // v.stride_w, phase % v.stride_w
                if first_h >= v.height or first_w >= v.width:
                    continue
                if n == 0 or phases > 1:
                    taps = phase_taps(v, &images, first_h, first_w, place, tap)
                    pack_phase(v, weight, taps, tap, padded, weights)
                    for i in range(v.outputs):
                        for j in range(taps):
                            step[i * taps + j] = i * images.rows * images.pitch + place[j]
                    t.depth = v.outputs * taps
                    t.out_start = first_h * v.width + first_w
                    t.height = blocks_of(v.height - first_h, v.stride_h)
                    t.width = blocks_of(v.width - first_w, v.stride_w)
                    for i in range(t.height * t.width):
                        pixel[i] = i // t.width * images.pitch + i % t.width
                correlate(&t, &images, source, count, v.groups, threads, dx + n * v.groups * v.channels * plane, sums)
    give_scratch(scratch)


def conv2d_backward_input(cnp.ndarray g, cnp.ndarray weight, cnp.ndarray dx, stride, padding, dilation,
                          Py_ssize_t groups):
    """dx, the gradient of x, from g, the gradient of out."""
    cdef Convolution v = convolution(dx, weight, g, stride, padding, dilation, groups)
    if cnp.PyArray_TYPE(g) == cnp.NPY_FLOAT32:
        backward_input(&v, <float*>cnp.PyArray_DATA(g), <float*>cnp.PyArray_DATA(weight), <float*>cnp.PyArray_DATA(dx))
    else:
        backward_input(&v, <double*>cnp.PyArray_DATA(g), <double*>cnp.PyArray_DATA(weight),
                       <double*>cnp.PyArray_DATA(dx))


# backward_weight: part `part` of the batch, taps start..stop of every group; each part sums for itself.
cdef struct WeightSum:
    Py_ssize_t depth             # (channel, kernel position) pairs
    Py_ssize_t padded            # output channels of a group, rounded up to whole vectors
    Py_ssize_t parts
    const Py_ssize_t* pixel_offset
    const Py_ssize_t* step_offset
    const void* g
    void* sums                   # part, group, depth, padded
    Py_ssize_t private


cdef void weight_image(const Convolution* v, const WeightSum* t, const Images* images, const floating* image,
                       Py_ssize_t n, Py_ssize_t group, Py_ssize_t start, Py_ssize_t stop, bint first,
                       floating* sums, floating* panels) noexcept nogil:
    """Add the pixels of one image: a sum over pixels, DEPTH at a time, of (element of the patch) x (row of g)."""
    cdef Py_ssize_t across = panel_width(t.padded, lanes_of(image))
    cdef Py_ssize_t pixels = v.out_height * v.out_width
    cdef const floating* g = <const floating*>t.g + (n * v.groups + group) * v.outputs * pixels
    cdef Py_ssize_t p, i, j, steps, wide, p_block, i_block, j_block
    for p_block in range(blocks_of(pixels, DEPTH)):
        p = p_block * DEPTH
        steps = min(DEPTH, pixels - p)
        for j_block in range(blocks_of(t.padded, across)):
            j = j_block * across
            wide = min(across, t.padded - j)
            pack(g + j * pixels + p, pixels, 1, min(wide, v.outputs - j), steps, panels, wide)
            for i_block in range(blocks_of(stop - start, MR)):
                i = start + i_block * MR
                tile_in_place(min(MR, stop - i), steps, image, t.step_offset + i, t.pixel_offset + p, panels, wide,
                              sums + i * t.padded + j, t.padded, wide, <const floating*>NULL,
                              GEMM_STORE if first and p == 0 else 0)


cdef void weight_task(const Convolution* v, const WeightSum* t, const Images* images, const floating* source,
                      Py_ssize_t first, Py_ssize_t count, Py_ssize_t task, Py_ssize_t splits,
                      floating* private) noexcept nogil:
    """The images first..first+count of one part, for one group and one share of the taps."""
    cdef Py_ssize_t split = task % splits
    cdef Py_ssize_t group = task // splits % v.groups
    cdef Py_ssize_t part = task // splits // v.groups
    cdef Py_ssize_t share = round_up(blocks_of(t.depth, splits), MR)
    cdef Py_ssize_t start = split * share
    cdef Py_ssize_t stop = min(t.depth, start + share)
    cdef Py_ssize_t each = blocks_of(v.batch, t.parts)
    cdef Py_ssize_t n
    cdef floating* sums = <floating*>t.sums + (part * v.groups + group) * t.depth * t.padded
    if start >= t.depth:
        return
    for n in range(max(first, part * each), min(min(first + count, v.batch), (part + 1) * each)):
        weight_image(v, t, images, source + (n - first) * image_size(images)
                     + group * v.channels * images.rows * images.pitch, n, group, start, stop, n == part * each, sums,
                     private)


cdef void add_parts(const Convolution* v, const WeightSum* t, Py_ssize_t group, floating* dweight) noexcept nogil:
    """dweight of one group: its parts added in order, and transposed."""
    cdef Py_ssize_t size = t.depth * t.padded
    cdef floating* total = <floating*>t.sums + group * size
    cdef const floating* sums
    cdef Py_ssize_t part, i
    for part in range(1, blocks_of(v.batch, blocks_of(v.batch, t.parts))):
        sums = <const floating*>t.sums + (part * v.groups + group) * size
        for i in range(size):
            total[i] += sums[i]
    transpose_to(total, t.padded, t.depth, v.outputs, dweight + group * v.outputs * t.depth, t.depth)


cdef void backward_weight(const Convolution* v, const floating* g, const floating* x, floating* dweight) except *:
    cdef int threads = threads_of(v)
    cdef Images images = padded_input(v, x, threads)
    cdef Py_ssize_t pixels = v.out_height * v.out_width
    cdef Py_ssize_t n, count, task, splits, each, tasks, n_block
    cdef WeightSum t
    cdef floating* private
    cdef floating* copy
    cdef const floating* source
    cdef Scratch scratch
    t.depth = v.channels * v.kernel_h * v.kernel_w
    t.padded = round_up(v.outputs, lanes_of(g))
    t.parts = max(1, min(min(v.batch, PARTS), PART_ELEMENTS // (t.depth * t.padded * v.groups)))
    t.private = GEMM_VECTORS * lanes_of(g) * DEPTH
    each = blocks_of(v.batch, t.parts)
    tasks = blocks_of(v.batch, each) * v.groups
    splits = 1 if tasks >= threads else blocks_of(2 * threads, tasks)
    if images.copied:  # every part goes on at the same time
        images.count = v.batch
    scratch = take_scratch(sizeof(floating) * (
        table_size(pixels, g) + table_size(t.depth, g) + t.parts * v.groups * t.depth * t.padded
        + threads * t.private + copied_size(&images)))
    with nogil:
        t.g = g
        t.pixel_offset = <Py_ssize_t*>scratch.data
        t.step_offset = <Py_ssize_t*>(<floating*>t.pixel_offset + table_size(pixels, g))
        private = <floating*>t.step_offset + table_size(t.depth, g)
        t.sums = private + threads * t.private
        copy = <floating*>t.sums + t.parts * v.groups * t.depth * t.padded
        input_tables(v, &images, <Py_ssize_t*>t.pixel_offset, <Py_ssize_t*>t.step_offset)
        for n_block in range(blocks_of(v.batch, images.count)):
            n = n_block * images.count
            count = min(images.count, v.batch - n)
            source = images_from(&images, n, count, threads, copy)
            if threads == 1:
                for task in range(tasks * splits):
                    weight_task(v, &t, &images, source, n, count, task, splits, private)
            else:
                for task in prange(tasks * splits, schedule="dynamic", num_threads=threads):
                    weight_task(v, &t, &images, source, n, count, task, splits, private + threadid() * t.private)
        for task in range(v.groups):
            add_parts(v, &t, task, dweight)
    give_scratch(scratch)


def conv2d_backward_weight(cnp.ndarray g, cnp.ndarray x, cnp.ndarray dweight, stride, padding, dilation,
                           Py_ssize_t groups):
    """dweight, the gradient of weight, from g, the gradient of out."""
    cdef Convolution v = convolution(x, dweight, g, stride, padding, dilation, groups)
    if cnp.PyArray_TYPE(g) == cnp.NPY_FLOAT32:
        backward_weight(&v, <float*>cnp.PyArray_DATA(g), <float*>cnp.PyArray_DATA(x),
                        <float*>cnp.PyArray_DATA(dweight))
    else:
        backward_weight(&v, <double*>cnp.PyArray_DATA(g), <double*>cnp.PyArray_DATA(x),
                        <double*>cnp.PyArray_DATA(dweight))

# Convolutions of any shape as matrix products of patches in place.
#
# No matrix of patches is ever made: an image is copied once, with its border of zeros, into the second-level cache, and
# the element of every patch is read there, at (offset of the pixel) + (offset of the channel and kernel position), the
# latter from a small table.
#
# - forward: rows = output channels, sum over (channel, kernel position), lanes = output pixels. Pixels are counted
#   along the copy, border included, so that neighbours are always adjacent there; what falls on the border is not
#   stored. With stride s the copy holds s x s phases of the image, in each of which the stride is 1;
# - backward_input: the same with g in place of x. With stride s the pixels of dx fall into s x s phases, each a
#   convolution of stride 1 with the kernel positions that reach it, so no zero is ever put between the elements of g;
# - backward_weight: rows = (channel, kernel position), sum over output pixels, lanes = output channels; or, with one or
#   two output channels in a group, dot products of rows of pixels. The batch is cut into at most PARTS parts.
#
# 2 N O (C / groups) KH KW OH OW operations each, and somewhat more for the border.
#
# Products of patches in place follow Georganas et al., "Anatomy of high-performance deep learning convolutions on SIMD
# architectures" (SC 2018); the register tile is that of gemm.h.

# The parts of the batch in backward_weight.
DEF PARTS = 16


cdef inline Py_ssize_t table_size(Py_ssize_t entries, const floating* dtype) noexcept nogil:
    """A table of offsets, counted in elements."""
    return round_up(entries * sizeof(Py_ssize_t) // sizeof(floating), 16)


cdef void tap_offsets(const Convolution* v, const Images* images, Py_ssize_t* offset) noexcept nogil:
    """Where in a patch each (channel, kernel position) lies."""
    cdef Py_ssize_t c, h, w, i = 0
    for c in range(v.channels):
        for h in range(v.kernel_h):
            for w in range(v.kernel_w):
                offset[i] = c * images.plane + place_in(images, h * v.dilation_h, w * v.dilation_w)
                i += 1


cdef void forward(const Convolution* v, const floating* x, const floating* weight, const floating* bias,
                  floating* out) except *:
    cdef int threads = threads_of(v)
    cdef Images images = padded_input(v, x, True)
    cdef Py_ssize_t depth = v.channels * v.kernel_h * v.kernel_w
    cdef Py_ssize_t padded = round_up(v.outputs, MR)
    cdef Py_ssize_t private_size = padded * GEMM_VECTORS * lanes_of(x) + copy_size(&images)
    cdef Py_ssize_t p, i, group, steps, p_block, i_block
    cdef Correlation t
    cdef floating* weights
    cdef floating* private
    cdef Scratch scratch = take_scratch(sizeof(floating) * (
        table_size(depth, x) + round_up(v.groups * padded * depth, 16) + threads * private_size))
    with nogil:
        t.offset = <Py_ssize_t*>scratch.data
        weights = <floating*>scratch.data + table_size(depth, x)
        private = weights + round_up(v.groups * padded * depth, 16)
        tap_offsets(v, &images, <Py_ssize_t*>scratch.data)
        for group in range(v.groups):
            for p_block in range(blocks_of(depth, DEPTH)):
                p = p_block * DEPTH
                steps = min(DEPTH, depth - p)
                for i_block in range(padded // MR):
                    i = i_block * MR
                    pack(weight + (group * v.outputs + i) * depth + p, depth, 1, min(MR, v.outputs - i), steps,
                         weights + (group * depth + p) * padded + i * steps, MR)
        t.depth, t.rows, t.padded, t.groups = depth, v.outputs, padded, v.groups
        t.height, t.width = v.out_height, v.out_width
        t.weights, t.bias, t.out = weights, bias, out
        t.out_start, t.out_row, t.out_column, t.out_plane = 0, v.out_width, 1, v.out_height * v.out_width
        correlate(&t, 1, &images, v.batch, threads, private, private_size)
    give_scratch(scratch)


# One phase of the pixels of dx: those at h = first_h + i * stride_h, w = first_w + j * stride_w. The kernel positions
# that reach it are those from which the output pixel is whole: h + padding - kh * dilation a multiple of the stride.
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
            place[count] = place_in(images, images.top + floor_div(h, v.stride_h),
                                    images.left + floor_div(w, v.stride_w))
            tap[count] = kh * v.kernel_w + kw
            count += 1
    return count


cdef void pack_phase(const Convolution* v, const floating* weight, Py_ssize_t taps, const Py_ssize_t* tap,
                     Py_ssize_t padded, floating* weights) noexcept nogil:
    """The weights of a phase: rows are input channels, steps are (output channel, kernel position)."""
    cdef Py_ssize_t kernel = v.kernel_h * v.kernel_w
    cdef Py_ssize_t depth = v.outputs * taps
    cdef Py_ssize_t group, i, p, j, c, steps, j_block
    cdef const floating* source
    cdef floating* target
    for group in range(v.groups):
        for i in range(depth):
            p = i // DEPTH * DEPTH
            steps = min(DEPTH, depth - p)
            source = weight + (group * v.outputs + i // taps) * v.channels * kernel + tap[i % taps]
            for j_block in range(padded // MR):
                j = j_block * MR
                target = weights + (group * depth + p) * padded + j * steps + (i - p) * MR
                for c in range(min(MR, v.channels - j)):
                    target[c] = source[(j + c) * kernel]


cdef Images padded_gradient(const Convolution* v, const void* g) noexcept nogil:
    """g with zeros around it, as far as the pixels of dx reach."""
    cdef Images images
    cdef Py_ssize_t top = max(0, -floor_div(v.padding_h - (v.kernel_h - 1) * v.dilation_h, v.stride_h))
    cdef Py_ssize_t left = max(0, -floor_div(v.padding_w - (v.kernel_w - 1) * v.dilation_w, v.stride_w))
    images.data = g
    images.planes = v.groups * v.outputs
    images.height, images.width = v.out_height, v.out_width
    lay_out(&images, top, left, top + max(v.out_height, (v.height - 1 + v.padding_h) // v.stride_h + 1),
            left + max(v.out_width, (v.width - 1 + v.padding_w) // v.stride_w + 1),
            blocks_of(v.width, v.stride_w), 1, 1)
    return images


cdef void backward_input(const Convolution* v, const floating* g, const floating* weight, floating* dx) except *:
    cdef int threads = threads_of(v)
    cdef Images images = padded_gradient(v, g)
    cdef Py_ssize_t padded = round_up(v.channels, MR)
    cdef Py_ssize_t kernel = v.kernel_h * v.kernel_w
    cdef Py_ssize_t private_size = padded * GEMM_VECTORS * lanes_of(g) + copy_size(&images)
    cdef Py_ssize_t phases = min(v.stride_h, v.height) * min(v.stride_w, v.width)
    cdef Py_ssize_t first_h, first_w, taps, i, j, count = 0
    cdef Correlation* t
    cdef floating* weights
    cdef floating* private
    cdef Py_ssize_t* offset
    cdef Py_ssize_t* place
    cdef Py_ssize_t* tap
    # The phases share out the kernel positions, so their weights and tables take what those of the whole kernel would.
    cdef Scratch scratch = take_scratch(
        round_up(phases * sizeof(Correlation), 64) + sizeof(floating) * (
            table_size(v.outputs * kernel, g) + 2 * table_size(kernel, g)
            + round_up(v.groups * padded * v.outputs * kernel, 16) + threads * private_size))
    with nogil:
        t = <Correlation*>scratch.data
        offset = <Py_ssize_t*>(<char*>scratch.data + round_up(phases * sizeof(Correlation), 64))
        place = <Py_ssize_t*>(<floating*>offset + table_size(v.outputs * kernel, g))
        tap = <Py_ssize_t*>(<floating*>place + table_size(kernel, g))
        weights = <floating*>tap + table_size(kernel, g)
        private = weights + round_up(v.groups * padded * v.outputs * kernel, 16)
        for first_h in range(min(v.stride_h, v.height)):
            for first_w in range(min(v.stride_w, v.width)):
                taps = phase_taps(v, &images, first_h, first_w, place, tap)
                pack_phase(v, weight, taps, tap, padded, weights)
                for i in range(v.outputs):
                    for j in range(taps):
                        offset[i * taps + j] = i * images.plane + place[j]
                t[count].depth = v.outputs * taps
                t[count].rows, t[count].padded, t[count].groups = v.channels, padded, v.groups
                t[count].height = blocks_of(v.height - first_h, v.stride_h)
                t[count].width = blocks_of(v.width - first_w, v.stride_w)
                t[count].offset, t[count].weights, t[count].bias, t[count].out = offset, weights, NULL, dx
                t[count].out_start = first_h * v.width + first_w
                t[count].out_row, t[count].out_column = v.stride_h * v.width, v.stride_w
                t[count].out_plane = v.height * v.width
                offset += v.outputs * taps
                weights += v.groups * padded * v.outputs * taps
                count += 1
        correlate(t, count, &images, v.batch, threads, private, private_size)
    give_scratch(scratch)


# backward_weight: the batch in `parts` parts, each of which sums for itself.
cdef struct WeightSum:
    Py_ssize_t depth             # (channel, kernel position) pairs of a group
    Py_ssize_t padded            # output channels of a group, rounded up to whole vectors
    Py_ssize_t parts
    Py_ssize_t each              # images of a part
    Py_ssize_t across            # output channels of a tile
    const Py_ssize_t* pixel_offset
    const Py_ssize_t* tap_offset
    const void* g
    void* sums                   # part, group, depth, padded


cdef void weight_image(const Convolution* v, const WeightSum* t, const floating* image, Py_ssize_t n, Py_ssize_t group,
                       Py_ssize_t start, Py_ssize_t stop, bint first, floating* sums, floating* panel) noexcept nogil:
    """Add the pixels of one image: a sum over pixels, DEPTH at a time, of (element of the patch) x (row of g)."""
    cdef Py_ssize_t pixels = v.out_height * v.out_width
    cdef const floating* g = <const floating*>t.g + (n * v.groups + group) * v.outputs * pixels
    cdef Py_ssize_t p, i, j, steps, wide, rows, p_block, i_block, j_block
    for p_block in range(blocks_of(pixels, DEPTH)):
        p = p_block * DEPTH
        steps = min(DEPTH, pixels - p)
        for j_block in range(blocks_of(t.padded, t.across)):
            j = j_block * t.across
            wide = min(t.across, t.padded - j)
            rows = GEMM_WIDE_ROWS if wide > GEMM_VECTORS * lanes_of(image) else MR
            pack(g + j * pixels + p, pixels, 1, min(wide, v.outputs - j), steps, panel, wide)
            for i_block in range(blocks_of(stop - start, rows)):
                i = start + i_block * rows
                tile_a_in_place(min(rows, stop - i), steps, image, t.tap_offset + i, t.pixel_offset + p, panel, wide,
                                sums + i * t.padded + j, t.padded, wide, GEMM_STORE if first and p == 0 else 0)


cdef void weight_image_by_dots(const Convolution* v, const WeightSum* t, const floating* image, Py_ssize_t pitch,
                               Py_ssize_t n, Py_ssize_t group, Py_ssize_t start, Py_ssize_t stop, bint first,
                               floating* sums) noexcept nogil:
    """The same where output channels would leave most lanes empty (depthwise): the lanes are pixels of a row."""
    cdef Py_ssize_t pixels = v.out_height * v.out_width
    cdef Py_ssize_t rows = max(1, DEPTH * lanes_of(image) // v.out_width)  # a lane sums some DEPTH pixels
    cdef Py_ssize_t i, j, h, h_block
    cdef const floating* g
    cdef floating total
    for j in range(v.outputs):
        g = <const floating*>t.g + ((n * v.groups + group) * v.outputs + j) * pixels
        for i in range(start, stop):
            total = 0 if first else sums[i * t.padded + j]
            for h_block in range(blocks_of(v.out_height, rows)):
                h = h_block * rows
                total += dot(image + t.tap_offset[i] + h * v.stride_h * pitch, v.stride_h * pitch, v.stride_w,
                             g + h * v.out_width, v.out_width, min(rows, v.out_height - h), v.out_width)
            sums[i * t.padded + j] = total


cdef void weight_task(const Convolution* v, const WeightSum* t, const Images* images, Py_ssize_t task,
                      Py_ssize_t shares, floating* private) noexcept nogil:
    """One part of the batch, and one share of the rows of every group."""
    cdef Py_ssize_t part = task // shares
    cdef Py_ssize_t share = blocks_of(t.depth, shares)
    cdef Py_ssize_t start = task % shares * share
    cdef Py_ssize_t stop = min(t.depth, start + share)
    cdef Py_ssize_t n, group
    cdef floating* copy = private + DEPTH * t.across
    cdef floating* sums
    cdef const floating* image
    if start >= stop:
        return
    for n in range(part * t.each, min(v.batch, (part + 1) * t.each)):
        copy_image(images, n, <const floating*>images.data, copy)
        for group in range(v.groups):
            sums = <floating*>t.sums + (part * v.groups + group) * t.depth * t.padded
            image = copy + group * v.channels * images.plane
            if v.outputs <= 2 and v.groups > 1:
                weight_image_by_dots(v, t, image, images.pitch, n, group, start, stop, n == part * t.each, sums)
            else:
                weight_image(v, t, image, n, group, start, stop, n == part * t.each, sums, private)


cdef void add_parts(const Convolution* v, const WeightSum* t, Py_ssize_t group, floating* dweight) noexcept nogil:
    """dweight of one group: its parts added in order, and transposed."""
    cdef Py_ssize_t size = t.depth * t.padded
    cdef floating* total = <floating*>t.sums + group * size
    cdef const floating* sums
    cdef Py_ssize_t part, i
    for part in range(1, t.parts):
        sums = <const floating*>t.sums + (part * v.groups + group) * size
        for i in range(size):  # with the unused lanes, whatever they hold
            total[i] += sums[i]
    transpose_to(total, t.padded, t.depth, v.outputs, dweight + group * v.outputs * t.depth, t.depth)


cdef void backward_weight(const Convolution* v, const floating* g, const floating* x, floating* dweight) except *:
    cdef int threads = threads_of(v)
    cdef Images images = padded_input(v, x, False)
    cdef Py_ssize_t pixels = v.out_height * v.out_width
    cdef Py_ssize_t lanes = lanes_of(g)
    cdef Py_ssize_t private_size, sums, task, shares, h, w, i = 0
    cdef WeightSum t
    cdef floating* private
    cdef Scratch scratch
    t.depth = v.channels * v.kernel_h * v.kernel_w
    t.padded = round_up(v.outputs, lanes)
    t.across = (GEMM_WIDE_VECTORS if t.padded // lanes % GEMM_WIDE_VECTORS == 0 else GEMM_VECTORS) * lanes
    t.each = blocks_of(v.batch, max(1, min(PARTS, PART_ELEMENTS // (t.depth * t.padded * v.groups))))
    t.parts = blocks_of(v.batch, t.each)
    shares = 1 if t.parts >= threads else blocks_of(threads, t.parts)
    private_size = DEPTH * t.across + copy_size(&images)
    sums = round_up(t.parts * v.groups * t.depth * t.padded, 16)
    scratch = take_scratch(sizeof(floating) * (
        table_size(pixels, g) + table_size(t.depth, g) + sums + threads * private_size))
    with nogil:
        t.g = g
        t.pixel_offset = <Py_ssize_t*>scratch.data
        t.tap_offset = <Py_ssize_t*>(<floating*>t.pixel_offset + table_size(pixels, g))
        t.sums = <floating*>t.tap_offset + table_size(t.depth, g)
        private = <floating*>t.sums + sums
        tap_offsets(v, &images, <Py_ssize_t*>t.tap_offset)
        for h in range(v.out_height):
            for w in range(v.out_width):
                (<Py_ssize_t*>t.pixel_offset)[i] = h * v.stride_h * images.pitch + w * v.stride_w
                i += 1
        if threads == 1:
            for task in range(t.parts):
                weight_task(v, &t, &images, task, 1, private)
        else:
            for task in prange(t.parts * shares, schedule="dynamic", num_threads=threads):
                weight_task(v, &t, &images, task, shares, private + threadid() * private_size)
        for task in range(v.groups):
            add_parts(v, &t, task, dweight)
    give_scratch(scratch)

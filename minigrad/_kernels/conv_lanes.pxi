# Convolutions in float32 with channels as lanes (lanes.h), where neither stride nor small images leave lanes empty.
#
# An image is copied once, its channels becoming lanes and its border zeros; products of its pixels with packed weights
# give outputs as lanes, and these are copied to the planes of the output:
#
# - forward: rows = the pixels of an output row, sum over (kernel position, channel), lanes = outputs;
# - the gradient of the input: the same with g in place of x. With stride s the pixels fall into s x s phases, each a
#   convolution of stride 1 with the kernel positions that reach it;
# - the gradient of the weight: for each kernel position rows = channels, sum over output pixels, lanes = outputs.
#
# Where there are few channels, as in a first layer, they would leave lanes empty: then the copy keeps the planes, and
# the outputs alone are lanes (`thin`); with few outputs too, pixels are, in the gradient of the weight (`dots`). With a
# 1x1 kernel of stride 1 they are where whole vectors of them are adjacent, and nothing is copied (`planes`).
#
# Sums run in blocks of some DEPTH terms, as those of conv.pyx do, and the same zeros of the border take part.

from libc.string cimport memcpy

# The most parts of the batch in the gradient of the weight.
DEF LANE_PARTS = 4

cdef extern from "lanes.h":
    const Py_ssize_t LANES
    const float* NO_BIAS "LANES_NO_BIAS"
    void to_lanes(const float* source, Py_ssize_t row, Py_ssize_t lanes, Py_ssize_t count, const Py_ssize_t* place,
                  float* target) noexcept nogil
    void from_lanes(const float* source, const Py_ssize_t* place, Py_ssize_t count, Py_ssize_t lanes, float* target,
                    Py_ssize_t row) noexcept nogil
    void lanes_row(int vectors, int step, Py_ssize_t pixels, const float* image, const Py_ssize_t* offset,
                   Py_ssize_t positions, Py_ssize_t channels, Py_ssize_t block, const float* weights, const float* bias,
                   float* out, Py_ssize_t out_step, Py_ssize_t out_block) noexcept nogil
    void lanes_sums(int vectors, Py_ssize_t height, Py_ssize_t width, const float* x, Py_ssize_t x_row, Py_ssize_t step,
                    const float* g, Py_ssize_t g_row, Py_ssize_t g_block, float* s, Py_ssize_t s_block,
                    int first) noexcept nogil
    void lanes_taps(int kernel, int vectors, Py_ssize_t height, Py_ssize_t width, const float* x, Py_ssize_t x_row,
                    const float* g, Py_ssize_t g_row, Py_ssize_t g_block, float* s, Py_ssize_t s_block,
                    int first) noexcept nogil
    const Py_ssize_t PLANES "LANES_PLANES"
    void lanes_planes(Py_ssize_t rows, int vectors, Py_ssize_t depth, const float* weights, const float* x,
                      Py_ssize_t plane, const float* bias, float* out) noexcept nogil
    void lanes_dots(int kernel, Py_ssize_t outputs, Py_ssize_t height, Py_ssize_t width, const float* x,
                    Py_ssize_t x_row, const float* g, Py_ssize_t g_plane, float* s, Py_ssize_t s_output,
                    int first) noexcept nogil


cdef void gather(const float* planes, Py_ssize_t plane, Py_ssize_t row, Py_ssize_t height, Py_ssize_t width,
                 Py_ssize_t lanes, Py_ssize_t top, Py_ssize_t left, Py_ssize_t rows, Py_ssize_t pitch,
                 const Py_ssize_t* place, float* copy) noexcept nogil:
    """rows x pitch pixels from (top, left) on, with zeros outside of the planes; their channels become lanes.

    `plane` and `row` are the elements from one plane or row to the next; place[p] is where pixel p of whole rows goes.
    """
    cdef Py_ssize_t first = max(0, -left), last = min(pitch, width - left)
    cdef Py_ssize_t first_row = max(0, -top), last_row = min(rows, height - top)
    cdef Py_ssize_t i
    cdef float* target
    if last <= first:
        first_row = last_row = rows
    for i in range(rows):
        target = copy + i * pitch * LANES
        if i < first_row or i >= last_row:
            memset(target, 0, pitch * LANES * sizeof(float))
            continue
        memset(target, 0, first * LANES * sizeof(float))
        memset(target + last * LANES, 0, (pitch - last) * LANES * sizeof(float))
        if last - first < row:
            to_lanes(planes + (top + i) * row + left + first, plane, lanes, last - first, place, target + first * LANES)
    if last - first == row and last_row > first_row:  # whole rows lie one after the other
        to_lanes(planes + (top + first_row) * row, plane, lanes, (last_row - first_row) * row, place,
                 copy + (first_row * pitch + first) * LANES)


cdef void swap_weights(const float* weight, Py_ssize_t outputs, Py_ssize_t channels, Py_ssize_t kernel,
                       float* swapped) noexcept nogil:
    """swapped[c][o] = weight[o][c], kernel by kernel."""
    cdef Py_ssize_t o, c, k
    for o in range(outputs):
        for c in range(channels):
            for k in range(kernel):
                swapped[(c * outputs + o) * kernel + k] = weight[(o * channels + c) * kernel + k]


cdef void pack_lanes(const float* weight, Py_ssize_t outputs, Py_ssize_t channels, Py_ssize_t kernel,
                     const Py_ssize_t* rank, Py_ssize_t* place, float* packed) noexcept nogil:
    """Weights (outputs, channels, kernel) as [pair of vectors of outputs][rank[position]][channel][vector][lane]."""
    cdef Py_ssize_t depth = channels * kernel
    cdef Py_ssize_t block, i, vectors
    for block in range(blocks_of(outputs, LANES)):
        vectors = min(2, blocks_of(outputs, LANES) - block // 2 * 2)
        for i in range(depth):
            place[i] = (rank[i % kernel] * channels + i // kernel) * vectors * LANES
        to_lanes(weight + block * LANES * depth, depth, min(LANES, outputs - block * LANES), depth, place,
                 packed + (block // 2 * 2 * depth + block % 2) * LANES)


# The images that pixels are read from: where they lie in memory, and in the copy.
cdef struct LaneImages:
    const float* data
    Py_ssize_t channels
    Py_ssize_t image           # elements from one image, plane and row to the next
    Py_ssize_t plane
    Py_ssize_t row
    Py_ssize_t height
    Py_ssize_t width
    Py_ssize_t top
    Py_ssize_t left
    Py_ssize_t rows            # of the copy
    Py_ssize_t pitch
    Py_ssize_t block           # the elements of one vector of channels
    const Py_ssize_t* place
    bint thin                  # the copy keeps the planes: a pixel is one number, not a vector
    Images planes              # and is made as these


cdef LaneImages lane_images(const float* data, Py_ssize_t channels, Py_ssize_t height, Py_ssize_t width, Py_ssize_t top,
                            Py_ssize_t left, Py_ssize_t rows, Py_ssize_t columns) noexcept nogil:
    cdef LaneImages t
    t.data, t.channels, t.height, t.width, t.top, t.left = data, channels, height, width, top, left
    t.row, t.plane, t.image = width, height * width, channels * height * width
    t.rows, t.pitch = rows, max(columns, left + width)
    t.block = t.rows * t.pitch * LANES
    t.thin = False
    return t


cdef inline Py_ssize_t lane_pixel(const LaneImages* t) noexcept nogil:
    """The elements from one pixel of the copy to the next."""
    return 1 if t.thin else LANES


cdef inline Py_ssize_t lane_copy(const LaneImages* t) noexcept nogil:
    """The elements of a copy."""
    if t.thin:
        return copy_size(&t.planes)
    return blocks_of(t.channels, LANES) * t.block


cdef void copy_lanes(const LaneImages* t, Py_ssize_t n, Py_ssize_t start, Py_ssize_t stop, float* copy) noexcept nogil:
    """The blocks start..stop of the channels of image n; thin: all of them."""
    cdef Py_ssize_t i
    if t.thin:
        copy_image(&t.planes, n, t.data, copy)
        return
    for i in range(start, stop):
        gather(t.data + n * t.image + i * LANES * t.plane, t.plane, t.row, t.height, t.width,
               min(LANES, t.channels - i * LANES), -t.top, -t.left, t.rows, t.pitch, t.place, copy + i * t.block)


cdef LaneImages lane_input(const Convolution* v, const float* x, bint thin, Py_ssize_t* step) noexcept nogil:
    """x with its border; step: what is left of the stride from one row of pixels to the next."""
    cdef LaneImages t = lane_images(
        x, v.channels, v.height, v.width, v.padding_h, v.padding_w,
        (v.out_height - 1) * v.stride_h + (v.kernel_h - 1) * v.dilation_h + 1,
        (v.out_width - 1) * v.stride_w + (v.kernel_w - 1) * v.dilation_w + 1)
    step[0] = v.stride_h
    if thin:
        t.thin, t.planes = True, padded_input(v, x, False)
        t.pitch, t.channels = t.planes.pitch, 1  # every channel has kernel positions of its own
    elif v.kernel_h == 1 and v.padding_h == 0:  # the rows between are never read
        t.row, t.height, t.rows, step[0] = v.stride_h * v.width, v.out_height, v.out_height, 1
        t.block = t.rows * t.pitch * LANES
    return t


# out[pixel][o] = bias[o] + sum over (k, c) of weights[k][c][o] * image[pixel + offset[k]][c], for the pixels of a grid.
cdef struct LaneGrid:
    Py_ssize_t height
    Py_ssize_t width
    Py_ssize_t step_h          # in the image
    Py_ssize_t step_w
    Py_ssize_t start           # in the output, in pixels
    Py_ssize_t out_row
    Py_ssize_t out_step
    Py_ssize_t positions
    Py_ssize_t first           # its kernel positions in `offset` and in the weights


# One or more grids that make up the output.
cdef struct LaneCorrelation:
    LaneImages images
    LaneGrid* grids
    Py_ssize_t count
    Py_ssize_t kernel
    Py_ssize_t outputs
    Py_ssize_t pixels          # of the output
    const Py_ssize_t* offset
    const Py_ssize_t* place
    const float* weights
    const float* bias
    float* out


cdef void lane_task(const LaneCorrelation* t, Py_ssize_t n, Py_ssize_t start, Py_ssize_t stop,
                    float* private) noexcept nogil:
    """Image n, the pairs start..stop of vectors of outputs."""
    cdef const LaneImages* images = &t.images
    cdef Py_ssize_t blocks = blocks_of(t.outputs, LANES)
    cdef Py_ssize_t block = t.pixels * LANES
    cdef Py_ssize_t most = max(1, DEPTH // images.channels)
    cdef const LaneGrid* grid
    cdef Py_ssize_t pixel = lane_pixel(images)
    cdef float* copy = private + 2 * block
    cdef const float* weights
    cdef Py_ssize_t pair, vectors, i, k, h, part
    copy_lanes(images, n, 0, blocks_of(images.channels, LANES), copy)
    for pair in range(start, stop):
        vectors = min(2, blocks - 2 * pair)
        for i in range(t.count):
            grid = t.grids + i
            for part in range(max(1, blocks_of(grid.positions, most))):
                k = part * most
                weights = t.weights + (2 * pair * t.kernel + (grid.first + k) * vectors) * images.channels * LANES
                for h in range(grid.height):
                    lanes_row(<int>vectors, <int>(grid.step_w * pixel), grid.width,
                              copy + h * grid.step_h * images.pitch * pixel, t.offset + grid.first + k,
                              min(most, grid.positions - k), images.channels, images.block, weights,
                              t.bias + 2 * pair * LANES if k == 0 else NULL,
                              private + (grid.start + h * grid.out_row) * LANES, grid.out_step * LANES, block)
        for i in range(vectors):
            from_lanes(private + i * block, t.place, t.pixels, min(LANES, t.outputs - (2 * pair + i) * LANES),
                       t.out + (n * t.outputs + (2 * pair + i) * LANES) * t.pixels, t.pixels)


cdef void lane_correlation(LaneCorrelation* t, Py_ssize_t batch, const float* weight, const Py_ssize_t* rank,
                           const float* bias, bint swapped, int threads) except *:
    """Every image. weight: (outputs, channels, kernel), or, swapped, (channels, outputs, kernel)."""
    cdef Py_ssize_t channels = t.images.channels
    cdef Py_ssize_t size = round_up(t.outputs * channels * t.kernel, 16)
    cdef Py_ssize_t blocks = blocks_of(t.outputs, LANES)
    cdef Py_ssize_t pairs = blocks_of(blocks, 2)
    cdef Py_ssize_t packed = blocks * LANES * channels * t.kernel
    cdef Py_ssize_t places = max(t.images.height * t.images.width, t.pixels, channels * t.kernel)
    cdef Py_ssize_t private = 2 * t.pixels * LANES + lane_copy(&t.images)
    cdef Py_ssize_t shares = 1 if batch >= 2 * threads else min(pairs, blocks_of(2 * threads, batch))
    cdef Py_ssize_t share = blocks_of(pairs, shares)
    cdef Py_ssize_t i, task
    cdef float* data
    cdef Py_ssize_t* place
    cdef Scratch scratch = take_scratch(sizeof(float) * (
        round_up(4 * places, 16) + blocks * LANES + size + packed + threads * private))
    with nogil:
        place = <Py_ssize_t*>scratch.data
        data = <float*>scratch.data + round_up(4 * places, 16)
        memset(data, 0, blocks * LANES * sizeof(float))
        if bias != NULL:
            memcpy(data, bias, t.outputs * sizeof(float))
        t.bias = data
        data += blocks * LANES
        if swapped:
            swap_weights(weight, channels, t.outputs, t.kernel, data)
            weight = data
        data += size
        pack_lanes(weight, t.outputs, channels, t.kernel, rank, place, data)
        t.weights = data
        data += packed
        t.images.place, t.place = place, place + places
        for i in range(places):
            place[i] = (i // t.images.width * t.images.pitch + i % t.images.width) * LANES
            place[places + i] = i * LANES
        if threads == 1:
            for task in range(batch):
                lane_task(t, task, 0, pairs, data)
        else:
            for task in prange(batch * shares, schedule="dynamic", num_threads=threads):
                lane_task(t, task // shares, task % shares * share, min(pairs, (task % shares + 1) * share),
                          data + threadid() * private)
    give_scratch(scratch)


cdef void lane_forward(const Convolution* v, const float* x, const float* weight, const float* bias, float* out,
                       bint thin) except *:
    cdef Py_ssize_t positions = v.kernel_h * v.kernel_w * (v.channels if thin else 1)
    cdef LaneCorrelation t
    cdef LaneGrid grid
    cdef Py_ssize_t* offset
    cdef Py_ssize_t k, c, h, w
    cdef Scratch scratch = take_scratch(2 * positions * sizeof(Py_ssize_t))
    t.images = lane_input(v, x, thin, &grid.step_h)
    t.grids, t.count, t.kernel, t.outputs, t.out = &grid, 1, positions, v.outputs, out
    t.pixels = v.out_height * v.out_width
    grid.height, grid.width, grid.step_w = v.out_height, v.out_width, v.stride_w
    grid.start, grid.out_row, grid.out_step, grid.positions, grid.first = 0, v.out_width, 1, positions, 0
    offset = <Py_ssize_t*>scratch.data
    t.offset = offset
    for k in range(positions):
        c, h, w = k // (v.kernel_h * v.kernel_w), k // v.kernel_w % v.kernel_h, k % v.kernel_w
        offset[k] = (h * v.dilation_h * t.images.pitch + w * v.dilation_w) * lane_pixel(&t.images)
        if thin:
            offset[k] += c * t.images.planes.plane
        offset[positions + k] = k
    lane_correlation(&t, v.batch, weight, offset + positions, bias, False, threads_of(v))
    give_scratch(scratch)


cdef void lane_backward_input(const Convolution* v, const float* g, const float* weight, float* dx) except *:
    cdef Py_ssize_t kernel = v.kernel_h * v.kernel_w
    cdef Py_ssize_t top = max(0, -floor_div(v.padding_h - (v.kernel_h - 1) * v.dilation_h, v.stride_h))
    cdef Py_ssize_t left = max(0, -floor_div(v.padding_w - (v.kernel_w - 1) * v.dilation_w, v.stride_w))
    cdef Py_ssize_t phases = v.stride_h * v.stride_w
    cdef LaneCorrelation t
    cdef LaneGrid* grid
    cdef Py_ssize_t* offset
    cdef Py_ssize_t phase, first_h, first_w, h, w, k, done = 0
    cdef Scratch scratch = take_scratch(2 * kernel * sizeof(Py_ssize_t) + phases * sizeof(LaneGrid))
    t.images = lane_images(g, v.outputs, v.out_height, v.out_width, top, left,
                           top + max(v.out_height, (v.height - 1 + v.padding_h) // v.stride_h + 1),
                           left + max(v.out_width, (v.width - 1 + v.padding_w) // v.stride_w + 1))
    t.grids = <LaneGrid*>(<char*>scratch.data + 2 * kernel * sizeof(Py_ssize_t))
    t.count, t.kernel, t.outputs, t.out, t.pixels = phases, kernel, v.channels, dx, v.height * v.width
    offset = <Py_ssize_t*>scratch.data
    t.offset = offset
    for phase in range(phases):
        grid = t.grids + phase
        first_h, first_w = phase // v.stride_w, phase % v.stride_w
        grid.height = max(0, floor_div(v.height - 1 - first_h, v.stride_h) + 1)
        grid.width = max(0, floor_div(v.width - 1 - first_w, v.stride_w) + 1)
        grid.step_h = grid.step_w = 1
        grid.start, grid.out_row, grid.out_step = first_h * v.width + first_w, v.stride_h * v.width, v.stride_w
        grid.first = done
        for k in range(kernel):  # those from which the output pixel is whole reach this phase
            h = first_h + v.padding_h - k // v.kernel_w * v.dilation_h
            w = first_w + v.padding_w - k % v.kernel_w * v.dilation_w
            if h % v.stride_h == 0 and w % v.stride_w == 0:
                offset[kernel + k] = done
                offset[done] = ((top + floor_div(h, v.stride_h)) * t.images.pitch + left
                                + floor_div(w, v.stride_w)) * LANES
                done += 1
        grid.positions = done - grid.first
    lane_correlation(&t, v.batch, weight, offset + kernel, NULL, True, threads_of(v))
    give_scratch(scratch)


# The gradient of the weight: the batch in parts, each of which sums for itself.
cdef struct LaneSum:
    LaneImages x
    LaneImages g
    Py_ssize_t step_h
    Py_ssize_t each            # images of a part
    Py_ssize_t size            # the elements of the sums
    float* sums                # part, block of outputs, kernel position, channel, lane


cdef void lane_part(const Convolution* v, const LaneSum* t, Py_ssize_t part, Py_ssize_t start, Py_ssize_t stop,
                    float* private) noexcept nogil:
    """The sums of one part, for the blocks start..stop of the channels of x."""
    cdef Py_ssize_t kernel = v.kernel_h * v.kernel_w
    cdef Py_ssize_t blocks = blocks_of(v.outputs, LANES)
    cdef Py_ssize_t depth = t.size // (blocks * kernel * LANES)  # the rows of sums for a kernel position
    cdef Py_ssize_t rows = max(1, DEPTH // v.out_width)
    cdef bint first
    cdef float* x = private
    cdef float* g = x + lane_copy(&t.x)
    cdef const float* pixels
    cdef Py_ssize_t n, i, j, k, h, h_block
    for n in range(part * t.each, min(v.batch, (part + 1) * t.each)):
        copy_lanes(&t.x, n, start, stop, x)
        copy_lanes(&t.g, n, 0, blocks, g)
        for h_block in range(blocks_of(v.out_height, rows)):
            h = h_block * rows
            first = n == part * t.each and h == 0
            for j in range(start, stop if t.x.thin else start):
                for i in range(blocks_of(blocks, 2)):
                    lanes_taps(<int>v.kernel_w, <int>min(2, blocks - 2 * i), min(rows, v.out_height - h), v.out_width,
                               x + j * t.x.planes.plane + h * t.x.pitch, t.x.pitch,
                               g + 2 * i * t.g.block + h * t.g.pitch * LANES, t.g.pitch * LANES, t.g.block,
                               t.sums + part * t.size + (2 * i * depth + j) * kernel * LANES, kernel * depth * LANES,
                               first)
            for j in range(start, start if t.x.thin else stop):
                for k in range(kernel):
                    pixels = x + j * t.x.block + ((h * t.step_h + k // v.kernel_w * v.dilation_h) * t.x.pitch
                                                  + k % v.kernel_w * v.dilation_w) * LANES
                    for i in range(blocks_of(blocks, 2)):
                        lanes_sums(<int>min(2, blocks - 2 * i), min(rows, v.out_height - h), v.out_width, pixels,
                                   t.step_h * t.x.pitch * LANES, v.stride_w,
                                   g + 2 * i * t.g.block + h * t.g.pitch * LANES, t.g.pitch * LANES, t.g.block,
                                   t.sums + part * t.size + ((2 * i * kernel + k) * depth + j * LANES) * LANES,
                                   kernel * depth * LANES, first)


cdef void lane_backward_weight(const Convolution* v, const float* g, const float* x, float* dweight,
                               bint thin) except *:
    cdef int threads = threads_of(v)
    cdef Py_ssize_t kernel = v.kernel_h * v.kernel_w
    cdef Py_ssize_t blocks = blocks_of(v.outputs, LANES)
    cdef Py_ssize_t x_blocks = v.channels if thin else blocks_of(v.channels, LANES)
    cdef Py_ssize_t depth = v.channels if thin else x_blocks * LANES
    cdef Py_ssize_t places = max(v.height * v.width, v.out_height * v.out_width, v.channels * kernel)
    cdef Py_ssize_t parts, shares, share, private, task, part, i
    cdef LaneSum t
    cdef Py_ssize_t* place
    cdef float* data
    cdef Scratch scratch
    t.x = lane_input(v, x, thin, &t.step_h)
    t.g = lane_images(g, v.outputs, v.out_height, v.out_width, 0, 0, v.out_height, v.out_width)
    t.size = blocks * kernel * depth * LANES
    t.each = blocks_of(v.batch, min(v.batch, max(1, min(LANE_PARTS, PART_ELEMENTS // t.size))))
    parts = blocks_of(v.batch, t.each)
    shares = 1 if parts >= threads else min(x_blocks, blocks_of(threads, parts))
    share = blocks_of(x_blocks, shares)
    private = lane_copy(&t.x) + lane_copy(&t.g)
    scratch = take_scratch(sizeof(float) * (round_up(4 * places, 16) + parts * t.size + threads * private))
    with nogil:
        place = <Py_ssize_t*>scratch.data
        t.sums = <float*>scratch.data + round_up(4 * places, 16)
        data = t.sums + parts * t.size
        t.x.place, t.g.place = place, place + places
        for i in range(places):
            place[i] = (i // v.width * t.x.pitch + i % v.width) * LANES
            place[places + i] = i * LANES
        if threads == 1:
            for task in range(parts):
                lane_part(v, &t, task, 0, x_blocks, data)
        else:
            for task in prange(parts * shares, schedule="dynamic", num_threads=threads):
                lane_part(v, &t, task // shares, task % shares * share,
                          min(x_blocks, (task % shares + 1) * share), data + threadid() * private)
        for part in range(1, parts):
            for i in range(t.size):
                t.sums[i] += t.sums[part * t.size + i]
        for i in range(v.channels * kernel):
            place[i] = (i if thin else i % kernel * depth + i // kernel) * LANES
        for i in range(blocks):
            from_lanes(t.sums + i * (t.size // blocks), place, v.channels * kernel,
                       min(LANES, v.outputs - i * LANES), dweight + i * LANES * v.channels * kernel,
                       v.channels * kernel)
    give_scratch(scratch)


cdef void dots_part(const Convolution* v, const LaneSum* t, Py_ssize_t part, float* copy) noexcept nogil:
    """The sums of one part, output by output: (channel, kernel position, lane)."""
    cdef Py_ssize_t depth = v.channels * v.kernel_h * v.kernel_w
    cdef Py_ssize_t pixels = v.out_height * v.out_width
    cdef Py_ssize_t n, c, k
    for n in range(part * t.each, min(v.batch, (part + 1) * t.each)):
        copy_lanes(&t.x, n, 0, 0, copy)
        for c in range(v.channels):
            for k in range(v.kernel_h):
                lanes_dots(<int>v.kernel_w, v.outputs, v.out_height, v.out_width,
                           copy + c * t.x.planes.plane + k * t.x.pitch, t.x.pitch,
                           t.g.data + n * v.outputs * pixels, pixels,
                           t.sums + part * t.size + (c * v.kernel_h + k) * v.kernel_w * LANES, depth * LANES,
                           n == part * t.each)


cdef void dots_backward_weight(const Convolution* v, const float* g, const float* x, float* dweight) except *:
    """With few outputs too: the lanes are pixels, and are added up at the end."""
    cdef int threads = threads_of(v)
    cdef Py_ssize_t count = v.outputs * v.channels * v.kernel_h * v.kernel_w
    cdef Py_ssize_t parts, private, part, i, j
    cdef LaneSum t
    cdef float* copy
    cdef float total
    cdef Scratch scratch
    t.x = lane_input(v, x, True, &t.step_h)
    t.g.data = g
    t.size = count * LANES
    t.each = blocks_of(v.batch, min(v.batch, max(1, min(LANE_PARTS, PART_ELEMENTS // t.size))))
    parts = blocks_of(v.batch, t.each)
    private = lane_copy(&t.x)
    scratch = take_scratch(sizeof(float) * (parts * t.size + threads * private))
    with nogil:
        t.sums = <float*>scratch.data
        copy = t.sums + parts * t.size
        if threads == 1:
            for part in range(parts):
                dots_part(v, &t, part, copy)
        else:
            for part in prange(parts, schedule="dynamic", num_threads=threads):
                dots_part(v, &t, part, copy + threadid() * private)
        for part in range(1, parts):
            for i in range(t.size):
                t.sums[i] += t.sums[part * t.size + i]
        for i in range(count):
            total = 0
            for j in range(LANES):
                total += t.sums[i * LANES + j]
            dweight[i] = total
    give_scratch(scratch)


# A 1x1 kernel of stride 1: a matrix product for each image, planes and weights as they are.
cdef struct PlaneProduct:
    Py_ssize_t depth
    Py_ssize_t outputs
    Py_ssize_t pixels          # a multiple of LANES
    const float* x
    const float* weights       # panels of PLANES outputs: [channel][output]
    const float* bias
    float* out


cdef void plane_task(const PlaneProduct* t, Py_ssize_t n, Py_ssize_t j) noexcept nogil:
    """Four vectors of pixels of image n, from pixel j on."""
    cdef Py_ssize_t vectors = min(4, (t.pixels - j) // LANES)
    cdef Py_ssize_t i, k, k_block, i_block
    for k_block in range(blocks_of(t.depth, DEPTH)):
        k = k_block * DEPTH
        for i_block in range(blocks_of(t.outputs, PLANES)):
            i = i_block * PLANES
            lanes_planes(min(PLANES, t.outputs - i), <int>vectors, min(DEPTH, t.depth - k),
                         t.weights + i * t.depth + k * PLANES, t.x + (n * t.depth + k) * t.pixels + j, t.pixels,
                         t.bias + i if k == 0 else NULL, t.out + (n * t.outputs + i) * t.pixels + j)


cdef void plane_products(const Convolution* v, const float* x, const float* weight, const float* bias, float* out,
                         bint gradient) except *:
    """The convolution, or, with gradient, the gradient of its input from x to out."""
    cdef int threads = threads_of(v)
    cdef PlaneProduct t
    cdef Py_ssize_t o, c, i, padded, blocks
    cdef float* data
    cdef Scratch scratch
    t.depth, t.outputs = v.channels, v.outputs
    if gradient:
        t.depth, t.outputs = v.outputs, v.channels
    padded = round_up(t.outputs, PLANES)
    t.pixels, t.x, t.out = v.height * v.width, x, out
    blocks = blocks_of(t.pixels, 4 * LANES)
    scratch = take_scratch(sizeof(float) * padded * (t.depth + 1))
    with nogil:
        data = <float*>scratch.data
        t.weights, t.bias = data, data + padded * t.depth
        for i in range(t.outputs):
            data[padded * t.depth + i] = 0 if bias == NULL else bias[i]
        for o in range(v.outputs):
            for c in range(v.channels):
                if gradient:
                    data[c // PLANES * PLANES * t.depth + o * PLANES + c % PLANES] = weight[o * v.channels + c]
                else:
                    data[o // PLANES * PLANES * t.depth + c * PLANES + o % PLANES] = weight[o * v.channels + c]
        if threads == 1:
            for i in range(v.batch * blocks):
                plane_task(&t, i // blocks, i % blocks * 4 * LANES)
        else:
            for i in prange(v.batch * blocks, schedule="dynamic", num_threads=threads):
                plane_task(&t, i // blocks, i % blocks * 4 * LANES)
    give_scratch(scratch)

# 3x3 correlations of stride 1 in float32 by Winograd's minimal filtering F(4x4, 3x3).
#
# Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks" (CVPR 2016): a 4x4 tile of the output and the 6x6
# patch d it comes from are, for every channel c and output o,
#
#     Y[o] = A' (sum over c of (G g[o][c] G') * (B' d[c] B)) A
#
# with 36 multiplications in the middle where the definition has 144. The sums over c are 36 matrix products
# (tiles x channels) (channels x outputs), one for each position of the 6x6 square. The transforms are linear, so the
# gradient of g is their transpose, G' (sum over tiles of (A y A') * (B' d B)) G, and that of the input is the
# correlation of y with g turned by half a circle. The matrices stand in winograd.h.
#
# Work goes in blocks of tiles, chosen so that the block's patches and sums stay in the second-level cache: copy the
# pixels, channels as lanes (`gather`) - transform - multiply - transform back - copy to the planes of the output.
#
# Cost: 36 / 16 instead of 9 multiplications for each output, channel and pixel, and some 15 additions for each pixel of
# each channel and output. Error: measured 1e-6 to 3e-6 of the largest output, where the direct way has 4e-7.
# Measured on AVX-512 at 16 to 64 channels of 8 x 8 to 32 x 32 pixels: 300 to 680 GFLOP/s of the definition's
# operations, 1.9 to 3.7 times the direct way; `suits_winograd` says when it is chosen.
#
# No infinity or NaN spreads to where the definition has none: every non-finite number on the way, an overflow too,
# reaches some output of its tile, and an image with such an output is computed again in the direct way (`spoiled`).
# So is the gradient of g.
#
# An image's output does not depend on its neighbours in a block, nor on the threads.

from libc.stdint cimport uint8_t

cdef extern from "winograd.h":
    void winograd_input(const float* image, Py_ssize_t pitch, float* out, Py_ssize_t position) noexcept nogil
    void winograd_gradient(const float* image, Py_ssize_t pitch, float* out, Py_ssize_t position) noexcept nogil
    void winograd_output(const float* sums, Py_ssize_t position, const float* bias, float* image, Py_ssize_t pitch,
                         float* check) noexcept nogil
    void winograd_weight(const float* weights, Py_ssize_t step, float* out, Py_ssize_t position) noexcept nogil
    void winograd_kernel(const float* sums, Py_ssize_t position, float* weights, float* check) noexcept nogil

# The positions of a transformed tile; the most tiles of a block, and the elements of their patches and sums (800 KiB).
DEF POSITIONS = 36
DEF BLOCK_TILES = 48
DEF BLOCK_ELEMENTS = 200 * 1024
# The most parts of the batch in the gradient of the weight.
DEF WINOGRAD_PARTS = 4


# One correlation and how its tiles are cut into blocks: images x rows x columns of tiles.
cdef struct Winograd:
    Py_ssize_t batch
    Py_ssize_t channels
    Py_ssize_t outputs
    Py_ssize_t height          # of the input
    Py_ssize_t width
    Py_ssize_t out_height
    Py_ssize_t out_width
    Py_ssize_t top             # the zeros above and on the left of the input
    Py_ssize_t left
    Py_ssize_t tiles_h         # of one image
    Py_ssize_t tiles_w
    Py_ssize_t images          # of a block
    Py_ssize_t rows
    Py_ssize_t columns
    Py_ssize_t blocks_n        # how many blocks there are along each
    Py_ssize_t blocks_h
    Py_ssize_t blocks_w
    Py_ssize_t channel_blocks  # vectors of channels and of outputs
    Py_ssize_t output_blocks
    Py_ssize_t span            # the elements of all tiles of a block, one vector each
    Py_ssize_t v_position      # from one position to the next: an odd number of vectors, over all the cache's sets
    Py_ssize_t m_position
    Py_ssize_t copy            # the elements of a copy of the block's pixels
    const Py_ssize_t* in_place
    const Py_ssize_t* out_place
    const float* x
    const float* u
    const float* bias
    float* out
    uint8_t* spoiled           # for each image, whether its output holds a number that is not finite


cdef void plan_winograd(Winograd* t, Py_ssize_t batch, Py_ssize_t channels, Py_ssize_t outputs, Py_ssize_t height,
                        Py_ssize_t width, Py_ssize_t top, Py_ssize_t left) noexcept nogil:
    cdef Py_ssize_t most, tiles
    t.batch, t.channels, t.outputs = batch, channels, outputs
    t.height, t.width, t.top, t.left = height, width, top, left
    t.out_height, t.out_width = height + 2 * top - 2, width + 2 * left - 2
    t.tiles_h, t.tiles_w = blocks_of(t.out_height, 4), blocks_of(t.out_width, 4)
    t.channel_blocks, t.output_blocks = blocks_of(channels, LANES), blocks_of(outputs, LANES)
    most = max(12, min(BLOCK_TILES, BLOCK_ELEMENTS // (POSITIONS * LANES * (t.channel_blocks + t.output_blocks))))
    tiles = t.tiles_h * t.tiles_w
    t.columns = blocks_of(t.tiles_w, blocks_of(t.tiles_w, most))
    t.rows = max(1, most // t.columns)
    t.rows = blocks_of(t.tiles_h, blocks_of(t.tiles_h, t.rows))
    t.images = min(batch, max(1, most // tiles))
    t.blocks_n, t.blocks_h = blocks_of(batch, t.images), blocks_of(t.tiles_h, t.rows)
    t.blocks_w = blocks_of(t.tiles_w, t.columns)
    t.span = t.images * t.rows * t.columns * LANES
    t.v_position = (t.channel_blocks * t.span // LANES | 1) * LANES
    t.m_position = (t.output_blocks * t.span // LANES | 1) * LANES
    t.copy = (4 * t.rows + 2) * (4 * t.columns + 2) * LANES


cdef Py_ssize_t fill_places(Winograd* t, Py_ssize_t* place) noexcept nogil:
    """Where each pixel of a block's image, and of its output, lies in the copy; how many entries that takes."""
    cdef Py_ssize_t inputs = min(4 * t.rows + 2, t.height) * t.width
    cdef Py_ssize_t outputs = min(4 * t.rows, t.out_height) * t.out_width
    cdef Py_ssize_t i
    if place != NULL:
        t.in_place, t.out_place = place, place + inputs
        for i in range(inputs):
            place[i] = (i // t.width * (4 * t.columns + 2) + i % t.width) * LANES
        for i in range(outputs):
            place[inputs + i] = (i // t.out_width * 4 * t.columns + i % t.out_width) * LANES
    return inputs + outputs


# The tiles of one block.
cdef struct Block:
    Py_ssize_t n
    Py_ssize_t h       # in tiles
    Py_ssize_t w
    Py_ssize_t images
    Py_ssize_t rows
    Py_ssize_t columns
    Py_ssize_t tiles


cdef Block block_of(const Winograd* t, Py_ssize_t number) noexcept nogil:
    cdef Block b
    b.n = number // (t.blocks_h * t.blocks_w) * t.images
    b.h = number // t.blocks_w % t.blocks_h * t.rows
    b.w = number % t.blocks_w * t.columns
    b.images = min(t.images, t.batch - b.n)
    b.rows, b.columns = min(t.rows, t.tiles_h - b.h), min(t.columns, t.tiles_w - b.w)
    b.tiles = b.images * b.rows * b.columns
    return b


cdef void transform_input(const Winograd* t, const Block* b, Py_ssize_t start, Py_ssize_t stop, float* v,
                          float* copy) noexcept nogil:
    """V of a block, for the blocks start..stop of its channels."""
    cdef Py_ssize_t pitch = 4 * t.columns + 2
    cdef Py_ssize_t i, j, h, w, block
    cdef float* target
    for block in range(start, stop):
        target = v + block * t.span
        for i in range(b.images):
            gather(t.x + ((b.n + i) * t.channels + block * LANES) * t.height * t.width, t.height * t.width, t.width,
                   t.height, t.width, min(LANES, t.channels - block * LANES), 4 * b.h - t.top, 4 * b.w - t.left,
                   4 * b.rows + 2, pitch, t.in_place, copy)
            for h in range(b.rows):
                for w in range(b.columns):
                    winograd_input(copy + (h * pitch + w) * 4 * LANES, pitch * LANES, target, t.v_position)
                    target += LANES


cdef void winograd_block(const Winograd* t, Py_ssize_t number, float* private) noexcept nogil:
    """The output of one block."""
    cdef Block b = block_of(t, number)
    cdef float* copy = private
    cdef float* v = copy + t.copy
    cdef float* m = v + POSITIONS * t.v_position
    cdef float* check = m + POSITIONS * t.m_position
    cdef const float* sums
    cdef float* out
    cdef Py_ssize_t pitch = 4 * t.columns
    cdef Py_ssize_t plane = t.out_height * t.out_width
    cdef Py_ssize_t rows = min(4 * b.rows, t.out_height - 4 * b.h)
    cdef Py_ssize_t columns = min(4 * b.columns, t.out_width - 4 * b.w)
    cdef Py_ssize_t nowhere = 0
    cdef Py_ssize_t lanes, i, k, h, w, block
    transform_input(t, &b, 0, t.channel_blocks, v, copy)
    for k in range(POSITIONS):
        for i in range(blocks_of(t.output_blocks, 2)):
            lanes_row(<int>min(2, t.output_blocks - 2 * i), LANES, b.tiles, v + k * t.v_position, &nowhere, 1,
                      t.channels, t.span, t.u + (k * t.output_blocks + 2 * i) * t.channels * LANES, NO_BIAS,
                      m + k * t.m_position + 2 * i * t.span, LANES, t.span)
    for block in range(t.output_blocks):
        sums = m + block * t.span
        lanes = min(LANES, t.outputs - block * LANES)
        for i in range(b.images):
            memset(check, 0, LANES * sizeof(float))
            for h in range(b.rows):
                for w in range(b.columns):
                    winograd_output(sums, t.m_position, t.bias + block * LANES, copy + (h * pitch + w) * 4 * LANES,
                                    pitch * LANES, check)
                    sums += LANES
            if not winograd_finite(check):
                t.spoiled[b.n + i] = 1
            out = t.out + ((b.n + i) * t.outputs + block * LANES) * plane + 4 * b.h * t.out_width + 4 * b.w
            if columns == t.out_width:
                from_lanes(copy, t.out_place, rows * columns, lanes, out, plane)
            else:
                for h in range(rows):
                    from_lanes(copy + h * pitch * LANES, t.out_place, columns, lanes, out + h * t.out_width, plane)


cdef inline bint winograd_finite(const float* check) noexcept nogil:
    """Whether every lane is finite."""
    cdef float total = 0
    cdef Py_ssize_t i
    for i in range(LANES):
        total += check[i] - check[i]
    return total == 0


cdef void transform_weights(const Winograd* t, const float* weight, float* u, float* lanes,
                            const Py_ssize_t* place) noexcept nogil:
    """U from weight (outputs, channels, 3, 3). `lanes` holds those of one vector of outputs."""
    cdef Py_ssize_t depth = t.channels * 9
    cdef Py_ssize_t block, c, vectors
    for block in range(t.output_blocks):
        to_lanes(weight + block * LANES * depth, depth, min(LANES, t.outputs - block * LANES), depth, place, lanes)
        vectors = min(2, t.output_blocks - block // 2 * 2)
        for c in range(t.channels):
            winograd_weight(lanes + c * 9 * LANES, LANES,
                            u + (block // 2 * 2 * t.channels + c * vectors + block % 2) * LANES,
                            t.output_blocks * t.channels * LANES)


cdef void winograd_correlation(Winograd* t, const float* x, const float* weight, const float* bias, float* out,
                               bint turned, int threads, uint8_t* spoiled) except *:
    """out = the correlation of x with weight, plus bias unless it is NULL; or, turned, the gradient of an input. Marks
    the images that are to be computed in another way."""
    cdef Py_ssize_t depth = t.channels * 9
    cdef Py_ssize_t places = round_up(2 * (fill_places(t, NULL) + depth), 16)
    cdef Py_ssize_t weights = round_up(t.outputs * depth, 16)
    cdef Py_ssize_t u = POSITIONS * t.output_blocks * t.channels * LANES
    cdef Py_ssize_t private = t.copy + POSITIONS * (t.v_position + t.m_position) + LANES
    cdef Py_ssize_t blocks = t.blocks_n * t.blocks_h * t.blocks_w
    cdef Py_ssize_t i
    cdef Py_ssize_t* place
    cdef float* data
    cdef Scratch scratch = take_scratch(sizeof(float) * (
        places + weights + (depth + t.output_blocks) * LANES + u + threads * private))
    with nogil:
        place = <Py_ssize_t*>scratch.data
        fill_places(t, place + depth)
        data = <float*>scratch.data + places
        for i in range(depth):
            place[i] = (i // 9 * 9 + 8 - i % 9 if turned else i) * LANES
        if turned:
            swap_weights(weight, t.channels, t.outputs, 9, data)
            weight = data
        data += weights
        memset(data, 0, t.output_blocks * LANES * sizeof(float))
        if bias != NULL:
            memcpy(data, bias, t.outputs * sizeof(float))
        t.x, t.bias, t.out, t.spoiled = x, data, out, spoiled
        data += t.output_blocks * LANES
        t.u = data + depth * LANES
        transform_weights(t, weight, <float*>t.u, data, place)
        data = <float*>t.u + u
        if threads == 1:
            for i in range(blocks):
                winograd_block(t, i, data)
        else:
            for i in prange(blocks, schedule="dynamic", num_threads=threads):
                winograd_block(t, i, data + threadid() * private)
    give_scratch(scratch)


# The gradient of the weight: the blocks in `parts` parts, each of which sums for itself.
cdef struct WinogradSum:
    Py_ssize_t parts
    Py_ssize_t each        # blocks of a part
    Py_ssize_t position    # the elements of the sums of one position
    Py_ssize_t size        # and of all
    const float* g
    float* sums            # part, position, block of outputs, channel, lane


cdef void winograd_part(const Winograd* t, const WinogradSum* s, Py_ssize_t part, Py_ssize_t start, Py_ssize_t stop,
                        float* private) noexcept nogil:
    """The sums of one part, for the blocks start..stop of the channels of x."""
    cdef Py_ssize_t pitch = 4 * t.columns
    cdef Py_ssize_t channels = t.channel_blocks * LANES
    cdef float* copy = private
    cdef float* v = copy + t.copy
    cdef float* q = v + POSITIONS * t.v_position
    cdef float* sums = s.sums + part * s.size
    cdef float* target
    cdef Block b
    cdef Py_ssize_t number, block, i, j, k, h, w
    for number in range(part * s.each, min(t.blocks_n * t.blocks_h * t.blocks_w, (part + 1) * s.each)):
        b = block_of(t, number)
        transform_input(t, &b, start, stop, v, copy)
        for block in range(t.output_blocks):
            target = q + block * t.span
            for i in range(b.images):
                gather(s.g + ((b.n + i) * t.outputs + block * LANES) * t.out_height * t.out_width,
                       t.out_height * t.out_width, t.out_width, t.out_height, t.out_width,
                       min(LANES, t.outputs - block * LANES), 4 * b.h, 4 * b.w, 4 * b.rows, pitch, t.out_place, copy)
                for h in range(b.rows):
                    for w in range(b.columns):
                        winograd_gradient(copy + (h * pitch + w) * 4 * LANES, pitch * LANES, target, t.m_position)
                        target += LANES
        for k in range(POSITIONS):
            for j in range(start, stop):
                for i in range(blocks_of(t.output_blocks, 2)):
                    lanes_sums(<int>min(2, t.output_blocks - 2 * i), 1, b.tiles, v + k * t.v_position + j * t.span, 0,
                               1, q + k * t.m_position + 2 * i * t.span, 0, t.span,
                               sums + k * s.position + (2 * i * channels + j * LANES) * LANES, channels * LANES,
                               number == part * s.each)


cdef bint winograd_weight_gradient(Winograd* t, const float* g, const float* x, float* dweight,
                                   int threads) except? False:
    """dweight; whether all of it is finite. If not, it is to be computed in another way."""
    cdef Py_ssize_t depth = t.channels * 9
    cdef Py_ssize_t places = round_up(2 * (fill_places(t, NULL) + depth), 16)
    cdef Py_ssize_t blocks = t.blocks_n * t.blocks_h * t.blocks_w
    cdef Py_ssize_t private = t.copy + POSITIONS * (t.v_position + t.m_position)
    cdef Py_ssize_t channels = t.channel_blocks * LANES
    cdef Py_ssize_t i, task, part, share, shares, block
    cdef Py_ssize_t* place
    cdef float* data
    cdef float* lanes
    cdef float* check
    cdef WinogradSum s
    cdef bint finite
    cdef Scratch scratch
    s.position = t.output_blocks * channels * LANES
    s.size = POSITIONS * s.position
    s.each = blocks_of(blocks, min(blocks, max(1, min(WINOGRAD_PARTS, PART_ELEMENTS // s.size))))
    s.parts = blocks_of(blocks, s.each)
    shares = 1 if s.parts >= threads else min(t.channel_blocks, blocks_of(threads, s.parts))
    share = blocks_of(t.channel_blocks, shares)
    scratch = take_scratch(sizeof(float) * (
        places + (depth + 1) * LANES + s.parts * s.size + threads * private))
    with nogil:
        place = <Py_ssize_t*>scratch.data
        fill_places(t, place + depth)
        for i in range(depth):
            place[i] = i * LANES
        check = <float*>scratch.data + places
        lanes = check + LANES
        s.g, s.sums = g, lanes + depth * LANES
        t.x = x
        data = s.sums + s.parts * s.size
        if threads == 1:
            for task in range(s.parts):
                winograd_part(t, &s, task, 0, t.channel_blocks, data)
        else:
            for task in prange(s.parts * shares, schedule="dynamic", num_threads=threads):
                winograd_part(t, &s, task // shares, task % shares * share,
                              min(t.channel_blocks, (task % shares + 1) * share), data + threadid() * private)
        for part in range(1, s.parts):
            for i in range(s.size):
                s.sums[i] += s.sums[part * s.size + i]
        memset(check, 0, LANES * sizeof(float))
        for block in range(t.output_blocks):
            for i in range(t.channels):
                winograd_kernel(s.sums + (block * channels + i) * LANES, s.position, lanes + i * 9 * LANES, check)
            from_lanes(lanes, place, depth, min(LANES, t.outputs - block * LANES), dweight + block * LANES * depth,
                       depth)
        finite = winograd_finite(check)
    give_scratch(scratch)
    return finite

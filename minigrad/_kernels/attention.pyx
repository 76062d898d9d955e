"""Scaled dot-product attention: softmax(q k' scale + mask) v with dropout of the weights, and its gradients.

The matrix of weights, L x S, is never stored: memory is linear in both. Forward takes a block of queries against one
block of keys after the other and keeps, for each query, the largest score so far, the sum of exponentials relative to
it and the output so far, which are scaled down when a larger score turns up (the online softmax). It stores the
logarithm of each query's sum; from that backward computes the weights again, block by block, and from the same random
numbers the same dropout mask: dv = w' g, dw = g v', ds = w (dw - dot), dq = ds k scale, dk = ds' q scale, where dot,
the sum of w dw over the keys, is that of g and the output over the features.

Blocks of scores lie transposed, keys by queries. Then k and v are read where they lie, and of each block of queries
only the transposes of q and g are copied (attention.h). With a causal mask, blocks after the diagonal are left out.

Forward shares out blocks of queries; backward shares out heads, and where these are few, runs of query blocks, each
with sums of its own for dk and dv, which are added up in order. Their number depends on the shapes alone, as does the
order of every sum: results are the same for any number of threads. Sums of exponentials add four rows of a block side
by side; products add in the precision of their operands, a block at a time.

Cost: 2 L S E multiply-adds forward and 5 L S E backward, half of that under a causal mask; an exponential for each
score in both.
Sources: Rabe and Staats: "Self-attention does not need O(n^2) memory", arXiv 2112.05682; Dao et al.: "FlashAttention",
arXiv 2205.14135; Milakov and Gimelshein: "Online normalizer calculation for softmax", arXiv 1805.02867.
"""

cimport numpy as cnp
from libc.math cimport INFINITY
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memset

cnp.import_array()

include "gemm.pxi"

cdef extern from "attention.h" nogil:
    enum:
        SPAN
    ctypedef struct mask_stream:
        double scale
    void stream_start(mask_stream* stream, uint64_t seed, uint64_t call, uint64_t threshold)
    void attention_draw(const mask_stream* stream, uint64_t first, Py_ssize_t queries, Py_ssize_t keys,
                        Py_ssize_t needed, Py_ssize_t slope, uint8_t* bits)
    void attention_words(const uint8_t* bits, uint64_t first, Py_ssize_t queries, Py_ssize_t keys, Py_ssize_t used,
                         Py_ssize_t needed, Py_ssize_t slope, uint32_t* words, Py_ssize_t width)
    void attention_mask_f32(float* scores, Py_ssize_t width, Py_ssize_t keys, const float* bias, Py_ssize_t behind)
    void attention_mask_f64(double* scores, Py_ssize_t width, Py_ssize_t keys, const double* bias, Py_ssize_t behind)
    void attention_bias_f32(const void* mask, int is_bool, Py_ssize_t q_step, Py_ssize_t k_step, Py_ssize_t queries,
                            Py_ssize_t keys, float* bias, Py_ssize_t width)
    void attention_bias_f64(const void* mask, int is_bool, Py_ssize_t q_step, Py_ssize_t k_step, Py_ssize_t queries,
                            Py_ssize_t keys, double* bias, Py_ssize_t width)
    int attention_exponentials_f32(float* scores, Py_ssize_t width, Py_ssize_t keys, float* largest, float* total,
                                   float* shrink, const uint32_t* words, Py_ssize_t first_key)
    int attention_exponentials_f64(double* scores, Py_ssize_t width, Py_ssize_t keys, double* largest, double* total,
                                   double* shrink, const uint32_t* words, Py_ssize_t first_key)
    void attention_scale_f32(float* x, Py_ssize_t width, Py_ssize_t rows, const float* factor)
    void attention_scale_f64(double* x, Py_ssize_t width, Py_ssize_t rows, const double* factor)
    void attention_finish_f32(float* total, const float* largest, Py_ssize_t queries, float keep_scale, float* lse)
    void attention_finish_f64(double* total, const double* largest, Py_ssize_t queries, double keep_scale, double* lse)
    void attention_slopes_f32(float* scores, float* slopes, Py_ssize_t width, Py_ssize_t keys, const float* lse,
                              const float* dot, float keep_scale, const uint32_t* words, Py_ssize_t first_key)
    void attention_slopes_f64(double* scores, double* slopes, Py_ssize_t width, Py_ssize_t keys, const double* lse,
                              const double* dot, double keep_scale, const uint32_t* words, Py_ssize_t first_key)
    void attention_store_f32(const float* slopes, Py_ssize_t width, Py_ssize_t queries, Py_ssize_t keys, float* target,
                             Py_ssize_t row)
    void attention_store_f64(const double* slopes, Py_ssize_t width, Py_ssize_t queries, Py_ssize_t keys,
                             double* target, Py_ssize_t row)
    void attention_times_f32(float* x, Py_ssize_t size, float factor)
    void attention_times_f64(double* x, Py_ssize_t size, double factor)
    float gemm_dot_f32(const float* x, Py_ssize_t x_row, Py_ssize_t x_step, const float* y, Py_ssize_t y_row,
                       Py_ssize_t rows, Py_ssize_t columns)
    double gemm_dot_f64(const double* x, Py_ssize_t x_row, Py_ssize_t x_step, const double* y, Py_ssize_t y_row,
                        Py_ssize_t rows, Py_ssize_t columns)

cdef enum:
    QUERIES = 48  # of a block, about
    FORWARD_KEYS = 128
    BACKWARD_KEYS = 64
    HEADS = 8  # with fewer, backward also shares out the queries of a head, in as many parts at most


# An array of five axes: three of heads, then rows and columns. Steps count elements.
cdef struct View:
    char* data
    Py_ssize_t[5] step
    Py_ssize_t itemsize


# A call. Views whose data is NULL are not there.
cdef struct Attention:
    Py_ssize_t[3] heads
    Py_ssize_t queries
    Py_ssize_t keys
    Py_ssize_t features     # of q and k
    Py_ssize_t values       # the features of v
    View q
    View k
    View v
    View mask
    View out
    View g
    View dq
    View dk
    View dv
    View dmask
    void* lse               # a number for each query, its sum's logarithm
    void* dot
    void* sums              # for each part but the first: dk, then dv
    Py_ssize_t parts        # of the queries of a head, in backward
    bint mask_is_bool
    bint causal
    bint drops
    double scale
    uint64_t offset         # the number of the first weight's random bits
    mask_stream stream
    Py_ssize_t width        # of a block of queries, in whole vectors
    Py_ssize_t block        # keys of a block
    Py_ssize_t private      # bytes of scratch for each thread


# What a thread works with: blocks, `width` elements a row.
cdef struct Room:
    void* qt        # features x queries, times the scale
    void* gt        # values x queries; in forward, the output so far
    void* scores    # keys x queries
    void* slopes
    void* bias
    void* largest   # one for each query: in forward, or lse in backward
    void* total     # in forward, or dot in backward
    void* shrink
    uint32_t* words
    uint8_t* bits


cdef View view_of(array, Py_ssize_t itemsize):
    cdef View view
    cdef int axis
    view.data = NULL
    view.itemsize = itemsize
    if array is not None:
        view.data = <char*>cnp.PyArray_DATA(<cnp.ndarray>array)
        for axis in range(5):
            view.step[axis] = cnp.PyArray_STRIDE(<cnp.ndarray>array, axis) // itemsize
    return view


cdef inline void* head_of(const Attention* call, const View* view, Py_ssize_t head) noexcept nogil:
    """Where a head of an array begins; NULL where there is no array."""
    cdef Py_ssize_t inner = head % call.heads[2]
    cdef Py_ssize_t rest = head // call.heads[2]
    if view.data == NULL:
        return NULL
    return view.data + view.itemsize * (rest // call.heads[1] * view.step[0] + rest % call.heads[1] * view.step[1]
                                        + inner * view.step[2])


cdef inline void product(Py_ssize_t rows, Py_ssize_t columns, Py_ssize_t depth, const floating* a, Py_ssize_t a_row,
                         Py_ssize_t a_step, const floating* b, Py_ssize_t b_step, floating* c, Py_ssize_t c_row,
                         int flags) noexcept nogil:
    """C {=, +=} A B, tile by tile; the columns of B are adjacent."""
    cdef Py_ssize_t lanes = lanes_of(a)
    cdef Py_ssize_t i, j = 0, wide, high
    while j < columns:
        wide = panel_columns(columns - j, lanes)
        i = 0
        while i < rows:
            high = tile_rows(rows - i)
            tile(wide % lanes != 0, high, depth, a + i * a_row, a_row, a_step, b + j, b_step, c + i * c_row + j, c_row,
                 wide, NULL, flags)
            i += high
        j += wide


cdef inline void transposed(const floating* x, Py_ssize_t row, Py_ssize_t queries, Py_ssize_t columns, floating factor,
                            floating* out, Py_ssize_t width) noexcept nogil:
    """out[e][q] = x[q][e] * factor, 0 in the lanes behind the last query."""
    if queries < width:
        memset(out, 0, <size_t>(columns * width) * sizeof(floating))
    transpose_lines(x, row, queries, columns, out, width)
    if factor != 1:
        if floating is float:
            attention_times_f32(out, columns * width, factor)
        else:
            attention_times_f64(out, columns * width, factor)


cdef inline void score(const Attention* call, const Room* room, Py_ssize_t head, Py_ssize_t q0, Py_ssize_t queries,
                       Py_ssize_t lanes, Py_ssize_t k0, Py_ssize_t keys, const floating* k) noexcept nogil:
    """The masked scores of a block, of `lanes` queries of which `queries` are there."""
    cdef floating* scores = <floating*>room.scores
    cdef floating* bias = NULL
    cdef const char* mask = <const char*>head_of(call, &call.mask, head)
    cdef Py_ssize_t behind = k0 - q0 if call.causal else -keys
    product(keys, lanes, call.features, k + k0 * call.k.step[3], call.k.step[3], 1, <floating*>room.qt, call.width,
            scores, call.width, GEMM_STORE)
    if mask != NULL:
        bias = <floating*>room.bias
        mask += (q0 * call.mask.step[3] + k0 * call.mask.step[4]) * call.mask.itemsize
        if floating is float:
            attention_bias_f32(mask, call.mask_is_bool, call.mask.step[3], call.mask.step[4], queries, keys, bias,
                               call.width)
        else:
            attention_bias_f64(mask, call.mask_is_bool, call.mask.step[3], call.mask.step[4], queries, keys, bias,
                               call.width)
    if bias != NULL or behind + keys > 0:
        if floating is float:
            attention_mask_f32(scores, call.width, keys, bias, behind)
        else:
            attention_mask_f64(scores, call.width, keys, bias, behind)


cdef inline const uint32_t* draw(const Attention* call, const Room* room, Py_ssize_t head, Py_ssize_t q0,
                                 Py_ssize_t queries, Py_ssize_t keys) noexcept nogil:
    """The dropout mask of a block of queries and their first `keys` keys; NULL without dropout."""
    cdef uint64_t first = call.offset + <uint64_t>((head * call.queries + q0) * call.keys)
    cdef Py_ssize_t needed = q0 + 1 if call.causal else call.keys
    cdef Py_ssize_t slope = 1 if call.causal else 0
    if not call.drops:
        return NULL
    attention_draw(&call.stream, first, queries, call.keys, needed, slope, room.bits)
    attention_words(room.bits, first, queries, call.keys, keys, needed, slope, room.words, call.width)
    return room.words


cdef inline Py_ssize_t keys_seen(const Attention* call, Py_ssize_t q0, Py_ssize_t queries) noexcept nogil:
    return min(call.keys, q0 + queries) if call.causal else call.keys


cdef void forward_block(const Attention* call, Py_ssize_t head, Py_ssize_t q0, const Room* room,
                        const floating* like) noexcept nogil:
    """The output of a block of queries."""
    cdef Py_ssize_t queries = min(call.width, call.queries - q0)
    cdef Py_ssize_t lanes = round_up(queries, lanes_of(like))
    cdef Py_ssize_t seen = keys_seen(call, q0, queries)
    cdef const floating* k = <const floating*>head_of(call, &call.k, head)
    cdef const floating* v = <const floating*>head_of(call, &call.v, head)
    cdef floating* out = <floating*>head_of(call, &call.out, head)
    cdef floating* lse = <floating*>call.lse
    cdef floating* so_far = <floating*>room.gt
    cdef floating* scores = <floating*>room.scores
    cdef floating* largest = <floating*>room.largest
    cdef floating* total = <floating*>room.total
    cdef floating* shrink = <floating*>room.shrink
    cdef const uint32_t* words = draw(call, room, head, q0, queries, seen)
    cdef Py_ssize_t k0 = 0, keys, i
    cdef bint changed
    transposed(<const floating*>head_of(call, &call.q, head) + q0 * call.q.step[3], call.q.step[3], queries,
               call.features, <floating>call.scale, <floating*>room.qt, call.width)
    for i in range(call.width):
        largest[i] = -<floating>INFINITY
        total[i] = 0
    while k0 < seen:
        keys = min(call.block, seen - k0)
        score(call, room, head, q0, queries, lanes, k0, keys, k)
        if floating is float:
            changed = attention_exponentials_f32(scores, call.width, keys, largest, total, shrink, words, k0)
            if changed and k0:
                attention_scale_f32(so_far, call.width, call.values, shrink)
        else:
            changed = attention_exponentials_f64(scores, call.width, keys, largest, total, shrink, words, k0)
            if changed and k0:
                attention_scale_f64(so_far, call.width, call.values, shrink)
        product(call.values, lanes, keys, v + k0 * call.v.step[3], 1, call.v.step[3], scores, call.width, so_far,
                call.width, 0 if k0 else GEMM_STORE)
        k0 += keys
    if lse != NULL:
        lse += head * call.queries + q0
    if floating is float:
        attention_finish_f32(total, largest, queries, <float>call.stream.scale, lse)
        attention_scale_f32(so_far, call.width, call.values, total)
    else:
        attention_finish_f64(total, largest, queries, call.stream.scale, lse)
        attention_scale_f64(so_far, call.width, call.values, total)
    transpose_lines(so_far, call.width, call.values, queries, out + q0 * call.out.step[3], call.out.step[3])


cdef void backward_block(const Attention* call, Py_ssize_t head, Py_ssize_t q0, const Room* room, floating* dk,
                         Py_ssize_t dk_row, floating* dv, Py_ssize_t dv_row) noexcept nogil:
    """dq of a block of queries, and what it adds to dk and dv; each of these may be NULL."""
    cdef Py_ssize_t queries = min(call.width, call.queries - q0)
    cdef Py_ssize_t lanes = round_up(queries, lanes_of(dk))
    cdef Py_ssize_t seen = keys_seen(call, q0, queries)
    cdef const floating* q = <const floating*>head_of(call, &call.q, head) + q0 * call.q.step[3]
    cdef const floating* k = <const floating*>head_of(call, &call.k, head)
    cdef const floating* v = <const floating*>head_of(call, &call.v, head)
    cdef const floating* g = <const floating*>head_of(call, &call.g, head) + q0 * call.g.step[3]
    cdef const floating* out = <const floating*>head_of(call, &call.out, head) + q0 * call.out.step[3]
    cdef floating* dq = <floating*>head_of(call, &call.dq, head)
    cdef floating* dmask = <floating*>head_of(call, &call.dmask, head)
    cdef floating* scores = <floating*>room.scores
    cdef floating* slopes = <floating*>room.slopes
    cdef floating* lse = <floating*>room.largest
    cdef floating* dot = <floating*>room.total
    cdef const uint32_t* words = draw(call, room, head, q0, queries, seen)
    cdef Py_ssize_t k0 = 0, keys, i
    transposed(q, call.q.step[3], queries, call.features, <floating>call.scale, <floating*>room.qt, call.width)
    transposed(g, call.g.step[3], queries, call.values, <floating>1, <floating*>room.gt, call.width)
    for i in range(call.width):
        lse[i] = (<const floating*>call.lse)[head * call.queries + q0 + i] if i < queries else 0
        dot[i] = 0
    for i in range(queries):
        if floating is float:
            dot[i] = gemm_dot_f32(g + i * call.g.step[3], 0, 1, out + i * call.out.step[3], 0, 1, call.values)
        else:
            dot[i] = gemm_dot_f64(g + i * call.g.step[3], 0, 1, out + i * call.out.step[3], 0, 1, call.values)
    if dq != NULL:
        dq += q0 * call.dq.step[3]
    if dmask != NULL:
        dmask += q0 * call.dmask.step[3]
    while k0 < seen:
        keys = min(call.block, seen - k0)
        score(call, room, head, q0, queries, lanes, k0, keys, k)
        product(keys, lanes, call.values, v + k0 * call.v.step[3], call.v.step[3], 1, <floating*>room.gt, call.width,
                slopes, call.width, GEMM_STORE)
        if floating is float:
            attention_slopes_f32(scores, slopes, call.width, keys, lse, dot, <float>call.stream.scale, words, k0)
        else:
            attention_slopes_f64(scores, slopes, call.width, keys, lse, dot, call.stream.scale, words, k0)
        if dv != NULL:
            product(keys, call.values, queries, scores, call.width, 1, g, call.g.step[3], dv + k0 * dv_row, dv_row, 0)
        if dmask != NULL:
            if floating is float:
                attention_store_f32(slopes, call.width, queries, keys, dmask + k0, call.dmask.step[3])
            else:
                attention_store_f64(slopes, call.width, queries, keys, dmask + k0, call.dmask.step[3])
        if floating is float:
            attention_times_f32(slopes, keys * call.width, <float>call.scale)
        else:
            attention_times_f64(slopes, keys * call.width, call.scale)
        if dk != NULL:
            product(keys, call.features, queries, slopes, call.width, 1, q, call.q.step[3], dk + k0 * dk_row, dk_row, 0)
        if dq != NULL:
            product(queries, call.features, keys, slopes, 1, call.width, k + k0 * call.k.step[3], call.k.step[3], dq,
                    call.dq.step[3], 0 if k0 else GEMM_STORE)
        k0 += keys


cdef inline char* part_of(char** scratch, size_t size) noexcept nogil:
    """The next `size` bytes, rounded up so that the part after it is aligned."""
    cdef char* part = scratch[0]
    scratch[0] += (size + 63) // 64 * 64
    return part


cdef size_t furnish(const Attention* call, char* scratch, bint backward, Room* room,
                    const floating* like) noexcept nogil:
    """Cut a thread's scratch into parts; returns how many bytes they take."""
    cdef char* start = scratch
    cdef size_t row = <size_t>call.width * sizeof(floating)
    room.qt = part_of(&scratch, <size_t>call.features * row)
    room.gt = part_of(&scratch, <size_t>call.values * row)
    room.scores = part_of(&scratch, <size_t>call.block * row)
    room.slopes = part_of(&scratch, <size_t>call.block * row if backward else 0)
    room.bias = part_of(&scratch, <size_t>call.block * row if call.mask.data != NULL else 0)
    room.largest = part_of(&scratch, row)
    room.total = part_of(&scratch, row)
    room.shrink = part_of(&scratch, row)
    room.words = <uint32_t*>part_of(&scratch, <size_t>(blocks_of(call.keys, 32) * call.width * 4 if call.drops else 0))
    room.bits = <uint8_t*>part_of(&scratch, <size_t>((call.width * call.keys + 2 * SPAN) // 8 + 8 if call.drops else 0))
    return <size_t>(scratch - start)


cdef void forward_task(const Attention* call, Py_ssize_t task, char* scratch, const floating* like) noexcept nogil:
    cdef Room room
    cdef Py_ssize_t blocks = blocks_of(call.queries, call.width)
    furnish(call, scratch, False, &room, like)
    forward_block(call, task // blocks, task % blocks * call.width, &room, like)


cdef inline void clear(floating* x, Py_ssize_t rows, Py_ssize_t columns, Py_ssize_t row) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(rows):
        memset(x + i * row, 0, <size_t>columns * sizeof(floating))


cdef void backward_task(const Attention* call, Py_ssize_t task, char* scratch, const floating* like) noexcept nogil:
    """The queries of one part of a head."""
    cdef Room room
    cdef Py_ssize_t head = task // call.parts, part = task % call.parts
    cdef Py_ssize_t blocks = blocks_of(call.queries, call.width)
    cdef Py_ssize_t block
    cdef floating* dk = <floating*>head_of(call, &call.dk, head)
    cdef floating* dv = <floating*>head_of(call, &call.dv, head)
    cdef floating* own
    cdef Py_ssize_t dk_row = call.dk.step[3], dv_row = call.dv.step[3]
    furnish(call, scratch, True, &room, like)
    if part:
        own = <floating*>call.sums + (head * (call.parts - 1) + part - 1) * call.keys * (call.features + call.values)
        if dk != NULL:
            dk, dk_row = own, call.features
        if dv != NULL:
            dv, dv_row = own + call.keys * call.features, call.values
    if dk != NULL:
        clear(dk, call.keys, call.features, dk_row)
    if dv != NULL:
        clear(dv, call.keys, call.values, dv_row)
    for block in range(part * blocks // call.parts, (part + 1) * blocks // call.parts):
        backward_block(call, head, block * call.width, &room, dk, dk_row, dv, dv_row)


cdef void add_parts(const Attention* call, Py_ssize_t head, const floating* like) noexcept nogil:
    """dk and dv of a head: the sums of all its parts, in order."""
    cdef floating* dk = <floating*>head_of(call, &call.dk, head)
    cdef floating* dv = <floating*>head_of(call, &call.dv, head)
    cdef const floating* own = <const floating*>call.sums
    cdef Py_ssize_t i, j, _part
    own += head * (call.parts - 1) * call.keys * (call.features + call.values)
    for _part in range(1, call.parts):
        for i in range(call.keys if dk != NULL else 0):
            for j in range(call.features):
                dk[i * call.dk.step[3] + j] += own[i * call.features + j]
        own += call.keys * call.features
        for i in range(call.keys if dv != NULL else 0):
            for j in range(call.values):
                dv[i * call.dv.step[3] + j] += own[i * call.values + j]
        own += call.keys * call.values


cdef void run(Attention* call, bint backward, const floating* like) except *:
    cdef Room room
    cdef Py_ssize_t heads = call.heads[0] * call.heads[1] * call.heads[2]
    cdef Py_ssize_t blocks = blocks_of(call.queries, QUERIES)
    cdef Py_ssize_t tasks, task, private, own
    cdef double work
    cdef Scratch scratch
    cdef char* room_of_all
    cdef int threads
    call.width = round_up(blocks_of(call.queries, blocks), lanes_of(like))
    blocks = blocks_of(call.queries, call.width)
    call.block = min(<Py_ssize_t>(BACKWARD_KEYS if backward else FORWARD_KEYS), call.keys)
    call.parts = min(blocks, blocks_of(HEADS, heads)) if backward else 1
    tasks = heads * (call.parts if backward else blocks)
    work = <double>heads * call.queries * call.keys * (call.features + call.values) / 16 * (3 if backward else 1)
    threads = min(threads_for(work), <int>min(tasks, <Py_ssize_t>1 << 20))
    private = <Py_ssize_t>furnish(call, NULL, backward, &room, like)
    own = heads * (call.parts - 1) * call.keys * (call.features + call.values) * <Py_ssize_t>sizeof(floating)
    scratch = take_scratch(<size_t>(threads * private + own))
    room_of_all = <char*>scratch.data
    call.sums = room_of_all + threads * private
    with nogil:
        if threads == 1:
            for task in range(tasks):
                if backward:
                    backward_task(call, task, room_of_all, like)
                else:
                    forward_task(call, task, room_of_all, like)
        elif backward:
            for task in prange(tasks, schedule="dynamic", num_threads=threads):
                backward_task(call, task, room_of_all + threadid() * private, like)
        else:
            for task in prange(tasks, schedule="dynamic", num_threads=threads):
                forward_task(call, task, room_of_all + threadid() * private, like)
        for task in range(heads if call.parts > 1 else 0):
            add_parts(call, task, like)
    give_scratch(scratch)


cdef void start(Attention* call, q, k, v, mask, out, lse, bint causal, double scale, draw):
    cdef Py_ssize_t itemsize = q.itemsize
    cdef int axis
    for axis in range(3):
        call.heads[axis] = q.shape[axis]
    call.queries, call.keys = q.shape[3], k.shape[3]
    call.features, call.values = q.shape[4], v.shape[4]
    call.q, call.k, call.v = view_of(q, itemsize), view_of(k, itemsize), view_of(v, itemsize)
    call.mask_is_bool = mask is not None and mask.itemsize == 1
    call.mask = view_of(mask, 1 if call.mask_is_bool else itemsize)
    call.out = view_of(out, itemsize)
    call.lse = cnp.PyArray_DATA(<cnp.ndarray>lse) if lse is not None else NULL
    call.g = call.dq = call.dk = call.dv = call.dmask = view_of(None, itemsize)
    call.causal = causal
    call.scale = scale
    call.drops = draw is not None
    call.stream.scale = 1
    call.offset = 0
    if draw is not None:
        seed, number, offset, threshold = draw
        call.offset = offset
        stream_start(&call.stream, seed, number, threshold)


def attention_forward(q, k, v, mask, out, lse, bint causal, double scale, draw):
    """out = dropout(softmax(q k' scale + mask)) v, and the logarithm of each row's sum to lse unless that is None.

    q (a, b, c, L, E), k (a, b, c, S, E), v (a, b, c, S, V), out (a, b, c, L, V), of one floating dtype, the elements
    of a row adjacent; mask (a, b, c, L, S), of bools (True is seen) or that dtype, of any strides, or None; lse has
    heads x L elements. `draw` is (seed, call, offset, threshold) of the dropout, or None. No axis is 0.
    """
    cdef Attention call
    cdef float single = 0
    cdef double wide = 0
    start(&call, q, k, v, mask, out, lse, causal, scale, draw)
    if q.itemsize == 4:
        run(&call, False, &single)
    else:
        run(&call, False, &wide)


def attention_backward(g, q, k, v, mask, out, lse, bint causal, double scale, draw, dq, dk, dv, dmask):
    """The gradients of `attention_forward`, each unless it is None, from g, that of out, and what forward has written.

    Rows of g, dq, dk, dv and dmask (a, b, c, L, S) have adjacent elements; dmask holds zeros where a causal mask hides.
    """
    cdef Attention call
    cdef float single = 0
    cdef double wide = 0
    start(&call, q, k, v, mask, out, lse, causal, scale, draw)
    cdef Py_ssize_t itemsize = q.itemsize
    call.g = view_of(g, itemsize)
    call.dq, call.dk, call.dv = view_of(dq, itemsize), view_of(dk, itemsize), view_of(dv, itemsize)
    call.dmask = view_of(dmask, itemsize)
    if q.itemsize == 4:
        run(&call, True, &single)
    else:
        run(&call, True, &wide)

# The blocked matrix product that matmul and the convolutions share.
#
# C = A B is cut as in BLIS: panels of B (DEPTH x NR) and of A (MR x DEPTH) are packed in the order in which the
# register tile of gemm.h reads them, and every element of C is summed over k in order, DEPTH terms at a time. So its
# value depends on its row of A, its column of B and k alone: not on the threads, the other rows, or the strides.

cimport cython
from cython.parallel cimport prange, threadid

include "threads.pxi"

ctypedef fused floating:
    float
    double

cdef extern from "gemm.h":
    const Py_ssize_t MR "GEMM_ROWS"
    const Py_ssize_t DEPTH "GEMM_DEPTH"
    const Py_ssize_t BLOCK_ROWS "GEMM_BLOCK_ROWS"
    const Py_ssize_t GEMM_WIDTH
    const Py_ssize_t GEMM_VECTORS
    const Py_ssize_t GEMM_LANES_F32
    const Py_ssize_t GEMM_LANES_F64
    const int GEMM_STORE
    const int GEMM_RELU
    const int GEMM_BIAS_COLUMNS
    const int GEMM_BIAS_ROWS
    void gemm_tile_f32(int rows, Py_ssize_t depth, const float* a, const float* b, Py_ssize_t b_step, float* c,
                       Py_ssize_t c_row, Py_ssize_t columns, const float* bias, int flags) noexcept nogil
    void gemm_tile_f64(int rows, Py_ssize_t depth, const double* a, const double* b, Py_ssize_t b_step, double* c,
                       Py_ssize_t c_row, Py_ssize_t columns, const double* bias, int flags) noexcept nogil
    void gemm_pack_f32(const float* source, Py_ssize_t lane, Py_ssize_t along, Py_ssize_t lanes, Py_ssize_t depth,
                       float* panel, Py_ssize_t step) noexcept nogil
    void gemm_pack_f64(const double* source, Py_ssize_t lane, Py_ssize_t along, Py_ssize_t lanes, Py_ssize_t depth,
                       double* panel, Py_ssize_t step) noexcept nogil

cdef extern from "aligned.h":
    void* aligned_allocate(size_t size) nogil
    void aligned_release(void* pointer) nogil

# The most elements an operand takes when it is packed whole (8 MiB of float32): longer sums and wider matrices are
# worked through in several parts.
cdef Py_ssize_t PACKED = 1 << 21
# With so few rows, reading a row-major B in place is cheaper than packing it.
cdef Py_ssize_t DIRECT_ROWS = 2 * MR


cdef inline Py_ssize_t round_up(Py_ssize_t size, Py_ssize_t unit) noexcept nogil:
    return (size + unit - 1) // unit * unit


cdef inline Py_ssize_t blocks_of(Py_ssize_t size, Py_ssize_t unit) noexcept nogil:
    return (size + unit - 1) // unit


cdef inline Py_ssize_t lanes_of(const floating* array) noexcept nogil:
    """The elements of one vector."""
    if floating is float:
        return GEMM_LANES_F32
    else:
        return GEMM_LANES_F64


cdef inline void tile(Py_ssize_t rows, Py_ssize_t depth, const floating* a, const floating* b, Py_ssize_t b_step,
                      floating* c, Py_ssize_t c_row, Py_ssize_t columns, const floating* bias,
                      int flags) noexcept nogil:
    if floating is float:
        gemm_tile_f32(<int>rows, depth, a, b, b_step, c, c_row, columns, bias, flags)
    else:
        gemm_tile_f64(<int>rows, depth, a, b, b_step, c, c_row, columns, bias, flags)


cdef inline void pack(const floating* source, Py_ssize_t lane, Py_ssize_t along, Py_ssize_t lanes, Py_ssize_t depth,
                      floating* panel, Py_ssize_t step) noexcept nogil:
    if floating is float:
        gemm_pack_f32(source, lane, along, lanes, depth, panel, step)
    else:
        gemm_pack_f64(source, lane, along, lanes, depth, panel, step)


# Scratch memory: a few buffers kept warm between calls. Taken and given back with the GIL held.
DEF SCRATCH = 4
cdef void* SCRATCH_DATA[SCRATCH]
cdef size_t SCRATCH_SIZE[SCRATCH]
cdef size_t SCRATCH_LIMIT = 64 << 20


cdef struct Scratch:
    void* data
    size_t size


cdef Scratch take_scratch(size_t size) except *:
    """A 64-byte aligned buffer of at least `size` bytes."""
    cdef Scratch scratch
    cdef int slot, found = -1
    for slot in range(SCRATCH):  # the smallest that fits
        if SCRATCH_SIZE[slot] >= size and SCRATCH_DATA[slot] != NULL and (
                found < 0 or SCRATCH_SIZE[slot] < SCRATCH_SIZE[found]):
            found = slot
    if found >= 0:
        scratch.data = SCRATCH_DATA[found]
        scratch.size = SCRATCH_SIZE[found]
        SCRATCH_DATA[found] = NULL
        return scratch
    scratch.size = size + size // 4 + 4096
    scratch.data = aligned_allocate(scratch.size)
    if scratch.data == NULL:
        raise MemoryError(f"cannot allocate {scratch.size} bytes")
    return scratch


cdef void give_scratch(Scratch scratch) noexcept:
    """Keep the buffer in place of the smallest one held, or free it."""
    cdef int slot, smallest = 0
    if scratch.size <= SCRATCH_LIMIT:
        for slot in range(SCRATCH):
            if SCRATCH_DATA[slot] == NULL:
                SCRATCH_DATA[slot] = scratch.data
                SCRATCH_SIZE[slot] = scratch.size
                return
            if SCRATCH_SIZE[slot] < SCRATCH_SIZE[smallest]:
                smallest = slot
        if SCRATCH_SIZE[smallest] < scratch.size:
            aligned_release(SCRATCH_DATA[smallest])
            SCRATCH_DATA[smallest] = scratch.data
            SCRATCH_SIZE[smallest] = scratch.size
            return
    aligned_release(scratch.data)


# One product C = A B, strides in elements, and how it is cut (`plan`).
cdef struct Product:
    Py_ssize_t m
    Py_ssize_t n
    Py_ssize_t k
    Py_ssize_t a_row
    Py_ssize_t a_step
    Py_ssize_t b_step
    Py_ssize_t b_column
    Py_ssize_t c_row
    const void* a
    const void* b
    void* c
    const void* bias
    int flags              # GEMM_RELU, GEMM_BIAS_COLUMNS or GEMM_BIAS_ROWS: applied after the last term
    bint by_columns        # A is packed whole and shared, threads share out columns; otherwise B, and rows
    Py_ssize_t depth       # the part of k packed at once, a multiple of DEPTH
    Py_ssize_t width       # by rows: the part of n packed at once
    Py_ssize_t shared      # elements of scratch all threads share
    Py_ssize_t private     # and those of each


cdef void plan(Product* g, int threads, const floating* dtype) noexcept nogil:
    """Choose which operand is packed whole. It changes the speed, never the result."""
    cdef Py_ssize_t lanes = lanes_of(dtype)
    cdef Py_ssize_t padded
    g.by_columns = g.m <= BLOCK_ROWS and (threads == 1 or g.n >= 2 * threads * lanes or g.n >= g.m)
    if g.by_columns:
        padded = round_up(g.m, MR)
        g.width = g.n
    else:
        g.width = min(round_up(g.n, lanes), round_up(GEMM_WIDTH, GEMM_VECTORS * lanes))
        padded = g.width
    g.depth = min(round_up(g.k, DEPTH), max(DEPTH, PACKED // padded // DEPTH * DEPTH))
    # The last block of k needs no padding: nothing is packed beyond k.
    g.shared = round_up(padded * min(g.depth, g.k), 16)
    g.private = (GEMM_VECTORS * lanes if g.by_columns else BLOCK_ROWS) * min(DEPTH, g.k)
    g.private = round_up(g.private, 16)


cdef inline int tile_flags(const Product* g, Py_ssize_t k0, Py_ssize_t depth) noexcept nogil:
    return (GEMM_STORE if k0 == 0 else 0) | (g.flags if k0 + depth == g.k else 0)


cdef inline const floating* bias_at(const Product* g, Py_ssize_t i, Py_ssize_t j, const floating* dtype) noexcept nogil:
    if g.bias == NULL:
        return NULL
    return <const floating*>g.bias + (i if g.flags & GEMM_BIAS_ROWS else j)


cdef void pack_a_rows(const Product* g, Py_ssize_t i0, Py_ssize_t rows, Py_ssize_t k0, Py_ssize_t depth,
                      floating* panels) noexcept nogil:
    """Panels of MR rows, each `depth` steps long, one after the other."""
    cdef Py_ssize_t i, i_block
    for i_block in range(blocks_of(rows, MR)):
        i = i_block * MR
        pack(<const floating*>g.a + (i0 + i) * g.a_row + k0 * g.a_step, g.a_row, g.a_step, min(MR, rows - i), depth,
             panels + i * depth, MR)


cdef inline void pack_b_panel(const Product* g, Py_ssize_t j, Py_ssize_t columns, Py_ssize_t k0, Py_ssize_t depth,
                              floating* panel) noexcept nogil:
    pack(<const floating*>g.b + k0 * g.b_step + j * g.b_column, g.b_column, g.b_step, columns, depth, panel,
         round_up(columns, lanes_of(panel)))


cdef void multiply_rows(const Product* g, Py_ssize_t start, Py_ssize_t stop, Py_ssize_t j0, Py_ssize_t columns,
                        Py_ssize_t k0, Py_ssize_t depth, const floating* b_panels, floating* a_panels) noexcept nogil:
    """Rows start..stop of C, columns j0.., for the part of k from k0 whose panels of B are packed."""
    cdef Py_ssize_t nr = GEMM_VECTORS * lanes_of(b_panels)
    cdef Py_ssize_t padded = round_up(columns, lanes_of(b_panels))
    cdef Py_ssize_t i0, i, j, p, rows, wide, steps, i0_block, i_block, j_block, p_block
    cdef const floating* b
    cdef int flags
    for i0_block in range(blocks_of(stop - start, BLOCK_ROWS)):
        i0 = start + i0_block * BLOCK_ROWS
        rows = min(BLOCK_ROWS, stop - i0)
        for p_block in range(blocks_of(depth, DEPTH)):
            p = p_block * DEPTH
            steps = min(DEPTH, depth - p)
            flags = tile_flags(g, k0 + p, steps)
            pack_a_rows(g, i0, rows, k0 + p, steps, a_panels)
            for j_block in range(blocks_of(columns, nr)):
                j = j_block * nr
                wide = min(nr, columns - j)
                b = b_panels + p * padded + j * steps
                for i_block in range(blocks_of(rows, MR)):
                    i = i_block * MR
                    tile(min(MR, rows - i), steps, a_panels + i * steps, b, round_up(wide, lanes_of(b)),
                         <floating*>g.c + (i0 + i) * g.c_row + j0 + j, g.c_row, wide,
                         bias_at(g, i0 + i, j0 + j, b_panels), flags)


cdef void multiply_columns(const Product* g, Py_ssize_t start, Py_ssize_t stop, Py_ssize_t k0, Py_ssize_t depth,
                           const floating* a_panels, floating* b_panel) noexcept nogil:
    """Columns start..stop of C for the part of k from k0 whose panels of A are packed."""
    cdef Py_ssize_t nr = GEMM_VECTORS * lanes_of(a_panels)
    cdef Py_ssize_t padded = round_up(g.m, MR)
    cdef Py_ssize_t i, j, p, wide, steps, b_step, i_block, j_block, p_block
    cdef const floating* b
    cdef int flags
    for p_block in range(blocks_of(depth, DEPTH)):
        p = p_block * DEPTH
        steps = min(DEPTH, depth - p)
        flags = tile_flags(g, k0 + p, steps)
        for j_block in range(blocks_of(stop - start, nr)):
            j = start + j_block * nr
            wide = min(nr, stop - j)
            if g.b_column == 1 and g.m <= DIRECT_ROWS and wide % lanes_of(a_panels) == 0:
                b = <const floating*>g.b + (k0 + p) * g.b_step + j
                b_step = g.b_step
            else:
                pack_b_panel(g, j, wide, k0 + p, steps, b_panel)
                b = b_panel
                b_step = round_up(wide, lanes_of(a_panels))
            for i_block in range(blocks_of(g.m, MR)):
                i = i_block * MR
                tile(min(MR, g.m - i), steps, a_panels + p * padded + i * steps, b, b_step,
                     <floating*>g.c + i * g.c_row + j, g.c_row, wide, bias_at(g, i, j, a_panels), flags)


cdef void pack_shared_a(const Product* g, Py_ssize_t k0, Py_ssize_t depth, int threads,
                        floating* panels) noexcept nogil:
    cdef Py_ssize_t padded = round_up(g.m, MR)
    cdef Py_ssize_t p, p_block, block
    if threads == 1 or padded * depth < 20000:
        for p_block in range(blocks_of(depth, DEPTH)):
            p = p_block * DEPTH
            pack_a_rows(g, 0, g.m, k0 + p, min(DEPTH, depth - p), panels + p * padded)
    else:
        for block in prange(blocks_of(depth, DEPTH) * (padded // MR), schedule="static", num_threads=threads):
            pack_a_task(g, block, k0, depth, panels)


cdef void pack_a_task(const Product* g, Py_ssize_t block, Py_ssize_t k0, Py_ssize_t depth,
                      floating* panels) noexcept nogil:
    cdef Py_ssize_t padded = round_up(g.m, MR)
    cdef Py_ssize_t p = block // (padded // MR) * DEPTH
    cdef Py_ssize_t i = block % (padded // MR) * MR
    cdef Py_ssize_t steps = min(DEPTH, depth - p)
    pack_a_rows(g, i, min(MR, g.m - i), k0 + p, steps, panels + p * padded + i * steps)


cdef void pack_b_task(const Product* g, Py_ssize_t block, Py_ssize_t j0, Py_ssize_t columns, Py_ssize_t k0,
                      Py_ssize_t depth, floating* panels) noexcept nogil:
    cdef Py_ssize_t nr = GEMM_VECTORS * lanes_of(panels)
    cdef Py_ssize_t across = blocks_of(columns, nr)
    cdef Py_ssize_t p = block // across * DEPTH
    cdef Py_ssize_t j = block % across * nr
    cdef Py_ssize_t steps = min(DEPTH, depth - p)
    pack_b_panel(g, j0 + j, min(nr, columns - j), k0 + p, steps,
                 panels + p * round_up(columns, lanes_of(panels)) + j * steps)


cdef void pack_shared_b(const Product* g, Py_ssize_t j0, Py_ssize_t columns, Py_ssize_t k0, Py_ssize_t depth,
                        int threads, floating* panels) noexcept nogil:
    cdef Py_ssize_t nr = GEMM_VECTORS * lanes_of(panels)
    cdef Py_ssize_t blocks = blocks_of(depth, DEPTH) * (blocks_of(columns, nr))
    cdef Py_ssize_t block
    if threads == 1 or columns * depth < 20000:
        for block in range(blocks):
            pack_b_task(g, block, j0, columns, k0, depth, panels)
    else:
        for block in prange(blocks, schedule="static", num_threads=threads):
            pack_b_task(g, block, j0, columns, k0, depth, panels)


cdef void multiply(const Product* g, int threads, floating* scratch) noexcept nogil:
    """C = A B with the scratch that `plan` asked for: g.shared + threads * g.private elements."""
    cdef floating* private = scratch + g.shared
    cdef Py_ssize_t k0, j0, depth, columns, task, share, k0_block, j0_block
    for k0_block in range(blocks_of(g.k, g.depth)):
        k0 = k0_block * g.depth
        depth = min(g.depth, g.k - k0)
        if g.by_columns:
            pack_shared_a(g, k0, depth, threads, scratch)
            if threads == 1:
                multiply_columns(g, 0, g.n, k0, depth, scratch, private)
                continue
            share = share_of(g.n, threads, lanes_of(scratch), GEMM_VECTORS * lanes_of(scratch))
            for task in prange(blocks_of(g.n, share), schedule="dynamic", num_threads=threads):
                multiply_columns(g, task * share, min(g.n, (task + 1) * share), k0, depth, scratch,
                                 private + threadid() * g.private)
        else:
            for j0_block in range(blocks_of(g.n, g.width)):
                j0 = j0_block * g.width
                columns = min(g.width, g.n - j0)
                pack_shared_b(g, j0, columns, k0, depth, threads, scratch)
                if threads == 1:
                    multiply_rows(g, 0, g.m, j0, columns, k0, depth, scratch, private)
                    continue
                share = share_of(g.m, threads, MR, BLOCK_ROWS)
                for task in prange(blocks_of(g.m, share), schedule="dynamic", num_threads=threads):
                    multiply_rows(g, task * share, min(g.m, (task + 1) * share), j0, columns, k0, depth, scratch,
                                  private + threadid() * g.private)


cdef inline Py_ssize_t share_of(Py_ssize_t size, int threads, Py_ssize_t unit, Py_ssize_t most) noexcept nogil:
    """How much one task takes, so that the threads get as many tasks each, of at most `most` or so."""
    cdef Py_ssize_t rounds = (size + threads * most - 1) // (threads * most)
    return round_up((size + threads * rounds - 1) // (threads * rounds), unit)

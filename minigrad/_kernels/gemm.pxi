# The blocked matrix product that matmul and the convolutions share.
#
# C = A B is cut as in BLIS, but nothing is packed that can be read where it lies. The register tile of gemm.h takes
# elements of A of any strides, one at a time, and vectors of B along its rows; a panel of B (DEPTH x NR) stays in the
# first-level cache while a block of A passes by. Packed are: a panel of B whose columns are not adjacent; and where
# there are many rows and columns, so that the copy is used often, every panel of B and every block of A. Where A has
# several blocks, the panels of a slab of B (DEPTH rows) are packed once for all of them.
#
# Every element of C is summed over k in order, DEPTH terms at a time. So its value depends on its row of A, its column
# of B and k alone: not on the threads, the other rows, or the strides.

cimport cython
from cython.parallel cimport prange, threadid

include "threads.pxi"

ctypedef fused floating:
    float
    double

cdef extern from "gemm.h":
    const Py_ssize_t MR "GEMM_ROWS"
    const Py_ssize_t DEPTH "GEMM_DEPTH"
    const Py_ssize_t BLOCK_BYTES "GEMM_BLOCK_BYTES"
    const Py_ssize_t DIRECT_ROWS "GEMM_DIRECT_ROWS"
    const Py_ssize_t GEMM_VECTORS
    const Py_ssize_t GEMM_LANES_F32
    const Py_ssize_t GEMM_LANES_F64
    const int GEMM_STORE
    const int GEMM_RELU
    const int GEMM_BIAS_COLUMNS
    const int GEMM_BIAS_ROWS
    const bint GEMM_MASKED
    void gemm_fetch(const void* address) noexcept nogil
    void gemm_tile_f32(int rows, Py_ssize_t depth, const float* a, Py_ssize_t a_row, Py_ssize_t a_step,
                       const float* b, Py_ssize_t b_step, float* c, Py_ssize_t c_row, Py_ssize_t columns,
                       const float* bias, int flags) noexcept nogil
    void gemm_tile_f64(int rows, Py_ssize_t depth, const double* a, Py_ssize_t a_row, Py_ssize_t a_step,
                       const double* b, Py_ssize_t b_step, double* c, Py_ssize_t c_row, Py_ssize_t columns,
                       const double* bias, int flags) noexcept nogil
    void gemm_tile_partial_f32(int rows, Py_ssize_t depth, const float* a, Py_ssize_t a_row, Py_ssize_t a_step,
                               const float* b, Py_ssize_t b_step, float* c, Py_ssize_t c_row, Py_ssize_t columns,
                               const float* bias, int flags) noexcept nogil
    void gemm_tile_partial_f64(int rows, Py_ssize_t depth, const double* a, Py_ssize_t a_row, Py_ssize_t a_step,
                               const double* b, Py_ssize_t b_step, double* c, Py_ssize_t c_row, Py_ssize_t columns,
                               const double* bias, int flags) noexcept nogil
    void gemm_pack_f32(const float* source, Py_ssize_t lane, Py_ssize_t along, Py_ssize_t lanes, Py_ssize_t depth,
                       float* panel, Py_ssize_t step) noexcept nogil
    void gemm_pack_f64(const double* source, Py_ssize_t lane, Py_ssize_t along, Py_ssize_t lanes, Py_ssize_t depth,
                       double* panel, Py_ssize_t step) noexcept nogil

    void gemm_transpose_lines_f32 "gemm_transpose_to_f32"(const float* source, Py_ssize_t source_row,
                                                          Py_ssize_t rows, Py_ssize_t columns, float* target,
                                                          Py_ssize_t target_row) noexcept nogil
    void gemm_transpose_lines_f64 "gemm_transpose_to_f64"(const double* source, Py_ssize_t source_row,
                                                          Py_ssize_t rows, Py_ssize_t columns, double* target,
                                                          Py_ssize_t target_row) noexcept nogil

    const Py_ssize_t GEMM_STRIP_VECTORS
    const Py_ssize_t GEMM_STRIP_COLUMNS
    void gemm_strip_f32(Py_ssize_t depth, const float* a, Py_ssize_t a_step, const float* b, Py_ssize_t b_step,
                        float* c, const float* bias, int flags) noexcept nogil
    void gemm_strip_f64(Py_ssize_t depth, const double* a, Py_ssize_t a_step, const double* b, Py_ssize_t b_step,
                        double* c, const double* bias, int flags) noexcept nogil
    void gemm_columns_f32(Py_ssize_t depth, const float* a, Py_ssize_t a_step, const float* b, Py_ssize_t b_column,
                          Py_ssize_t columns, float* c, const float* bias, int flags) noexcept nogil
    void gemm_columns_f64(Py_ssize_t depth, const double* a, Py_ssize_t a_step, const double* b,
                          Py_ssize_t b_column, Py_ssize_t columns, double* c, const double* bias,
                          int flags) noexcept nogil

cdef extern from "aligned.h":
    void* aligned_allocate(size_t size) nogil
    void aligned_release(void* pointer) nogil


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


cdef inline void tile(bint partial, Py_ssize_t rows, Py_ssize_t depth, const floating* a, Py_ssize_t a_row,
                      Py_ssize_t a_step, const floating* b, Py_ssize_t b_step, floating* c, Py_ssize_t c_row,
                      Py_ssize_t columns, const floating* bias, int flags) noexcept nogil:
    if floating is float:
        if partial:
            gemm_tile_partial_f32(<int>rows, depth, a, a_row, a_step, b, b_step, c, c_row, columns, bias, flags)
        else:
            gemm_tile_f32(<int>rows, depth, a, a_row, a_step, b, b_step, c, c_row, columns, bias, flags)
    elif partial:
        gemm_tile_partial_f64(<int>rows, depth, a, a_row, a_step, b, b_step, c, c_row, columns, bias, flags)
    else:
        gemm_tile_f64(<int>rows, depth, a, a_row, a_step, b, b_step, c, c_row, columns, bias, flags)


cdef inline void pack(const floating* source, Py_ssize_t lane, Py_ssize_t along, Py_ssize_t lanes, Py_ssize_t depth,
                      floating* panel, Py_ssize_t step) noexcept nogil:
    if floating is float:
        gemm_pack_f32(source, lane, along, lanes, depth, panel, step)
    else:
        gemm_pack_f64(source, lane, along, lanes, depth, panel, step)


cdef inline void transpose_lines(const floating* source, Py_ssize_t source_row, Py_ssize_t rows, Py_ssize_t columns,
                                 floating* target, Py_ssize_t target_row) noexcept nogil:
    if floating is float:
        gemm_transpose_lines_f32(source, source_row, rows, columns, target, target_row)
    else:
        gemm_transpose_lines_f64(source, source_row, rows, columns, target, target_row)


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
    if size == 0:
        scratch.size = 0
        scratch.data = NULL
        return scratch
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
    if scratch.data == NULL:
        return
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


DEF SLAB_PANELS = 64  # 2.3 MiB at most, which the third-level cache keeps


# One product C = A B, strides in elements, and what of it is copied (`plan`).
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
    bint swapped           # what is computed is C^T = B^T A^T
    bint copy_a            # a block of A is copied before it is used
    bint pack_b            # every panel of B is packed before it is used; otherwise only what cannot be read in place
    Py_ssize_t block       # rows of A that pass by one panel of B
    Py_ssize_t slab        # columns of B that are packed together, 0 where each panel is packed when it is used
    Py_ssize_t private     # elements of scratch for each thread


cdef void plan(Product* g, const floating* dtype) noexcept nogil:
    """Choose what to copy. It changes the speed, never the result."""
    cdef Product h
    # The columns of B must be adjacent. Where they are not, B is packed, unless to transpose A and C is less work.
    g.swapped = g.b_column != 1 and g.n > 1 and g.m > 1 and (
        g.m < g.k if g.a_row == 1 else MR < g.m <= 128 and g.m < g.n and g.m * (g.n + g.k) < g.n * g.k)
    if g.swapped:
        h = g[0]
        transpose(&h)
        plan_copies(&h, dtype)
        g.block, g.slab = h.block, 0
        g.private = h.private + round_up(min(h.block, h.m) * round_up(h.n, lanes_of(dtype)), 16)
    else:
        plan_copies(g, dtype)


cdef void plan_copies(Product* g, const floating* dtype) noexcept nogil:
    cdef Py_ssize_t lanes = lanes_of(dtype)
    cdef Py_ssize_t panels = blocks_of(g.n, GEMM_VECTORS * lanes)
    g.block = min(g.m, BLOCK_BYTES // (DEPTH * <Py_ssize_t>sizeof(floating)))
    g.pack_b = (g.b_column != 1 and (g.m > 1 or g.b_step != 1)) or g.m > DIRECT_ROWS
    g.copy_a = panels > 4 and g.m > DIRECT_ROWS
    g.private = 0
    if g.pack_b or g.copy_a or not (GEMM_MASKED or g.n % lanes == 0):
        g.private = round_up(GEMM_VECTORS * lanes * min(DEPTH, g.k), 16)
    if g.copy_a:
        g.private += round_up(min(DEPTH, g.k) * round_up(g.block, MR), 16)
    g.slab = 0
    if g.copy_a and g.m > g.block:
        g.slab = min(round_up(g.n, lanes), SLAB_PANELS * GEMM_VECTORS * lanes)
        g.private += min(DEPTH, g.k) * g.slab


cdef inline void transpose(Product* g) noexcept nogil:
    """C^T = B^T A^T; c_row is as before."""
    g.a, g.b = g.b, g.a
    g.m, g.n = g.n, g.m
    g.a_row, g.a_step, g.b_step, g.b_column = g.b_column, g.b_step, g.a_step, g.a_row
    if g.flags & (GEMM_BIAS_COLUMNS | GEMM_BIAS_ROWS):
        g.flags ^= GEMM_BIAS_COLUMNS | GEMM_BIAS_ROWS


cdef void multiply_swapped(const Product* g, floating* scratch) noexcept nogil:
    """C^T, some rows at a time, and their transpose to C."""
    cdef Product h = g[0]
    cdef Product part
    cdef Py_ssize_t i = 0
    cdef floating* rows = scratch
    transpose(&h)
    plan_copies(&h, scratch)
    h.c = rows
    h.c_row = round_up(h.n, lanes_of(scratch))
    while i < h.m:
        part = h
        part.m = min(h.block, h.m - i)
        part.a = <const floating*>h.a + i * h.a_row
        if h.bias != NULL and h.flags & GEMM_BIAS_ROWS:
            part.bias = <const floating*>h.bias + i
        multiply_serial(&part, scratch + round_up(h.block * h.c_row, 16))
        transpose_lines(rows, h.c_row, part.m, h.n, <floating*>g.c + i, g.c_row)
        i += part.m


cdef Py_ssize_t multiply_row(const Product* g, const floating* dtype) noexcept nogil:
    """The first columns of C = A B where A is one row and B lies so that it can be read as it is; returns how many.

    Whole strips of adjacent columns, or all columns, if it is their elements that are adjacent.
    """
    cdef Py_ssize_t width, columns, j = 0, p
    cdef const floating* a
    cdef const floating* b
    cdef const floating* bias
    cdef floating* c
    cdef int flags
    if g.b_column == 1:
        width = GEMM_STRIP_VECTORS * lanes_of(dtype)
        columns = g.n // width * width
    elif g.b_step == 1:
        width = GEMM_STRIP_COLUMNS
        columns = g.n
    else:
        return 0
    while j < columns:
        p = 0
        while p < g.k:
            a = <const floating*>g.a + p * g.a_step
            b = <const floating*>g.b + p * g.b_step + j * g.b_column
            c = <floating*>g.c + j
            bias = <const floating*>g.bias
            if bias != NULL and g.flags & GEMM_BIAS_COLUMNS:
                bias += j
            flags = (GEMM_STORE if p == 0 else 0) | (g.flags if p + DEPTH >= g.k else 0)
            if g.b_column == 1:
                if floating is float:
                    gemm_strip_f32(min(DEPTH, g.k - p), a, g.a_step, b, g.b_step, c, bias, flags)
                else:
                    gemm_strip_f64(min(DEPTH, g.k - p), a, g.a_step, b, g.b_step, c, bias, flags)
            elif floating is float:
                gemm_columns_f32(min(DEPTH, g.k - p), a, g.a_step, b, g.b_column, min(width, g.n - j), c, bias, flags)
            else:
                gemm_columns_f64(min(DEPTH, g.k - p), a, g.a_step, b, g.b_column, min(width, g.n - j), c, bias, flags)
            p += DEPTH
        j += width
    return min(columns, g.n)


cdef inline Py_ssize_t panel_columns(Py_ssize_t rest, Py_ssize_t lanes) noexcept nogil:
    """How many of `rest` columns the next tile takes: all vectors of a tile, but two and two for the last four."""
    if GEMM_VECTORS == 3 and 3 * lanes < rest <= 4 * lanes:
        return 2 * lanes
    return min(rest, GEMM_VECTORS * lanes)


cdef inline Py_ssize_t tile_rows(Py_ssize_t rest) noexcept nogil:
    """How many of `rest` rows the next tile takes: all it can, but no fewer than half of them at the end."""
    if MR < rest < MR + MR // 2:
        return (rest + 1) // 2
    return min(rest, MR)


cdef void multiply_serial(const Product* g, floating* scratch) noexcept nogil:
    """C = A B on one thread, with g.private elements of scratch."""
    cdef Py_ssize_t lanes = lanes_of(scratch)
    cdef Py_ssize_t i0, p, i, j, rows, steps, wide, high, a_row, a_step, a_next, b_step
    cdef floating* panel = scratch
    cdef floating* copy = scratch + round_up(GEMM_VECTORS * lanes * min(DEPTH, g.k), 16)
    cdef const floating* a
    cdef const floating* b
    cdef const floating* bias
    cdef Py_ssize_t ahead, done = multiply_row(g, scratch) if g.m == 1 else 0
    cdef bint partial
    cdef int flags
    i0 = 0
    while i0 < g.m and done < g.n:
        rows = min(g.block, g.m - i0)
        p = 0
        while p < g.k:
            steps = min(DEPTH, g.k - p)
            flags = (GEMM_STORE if p == 0 else 0) | (g.flags if p + steps == g.k else 0)
            a = <const floating*>g.a + i0 * g.a_row + p * g.a_step
            a_row = a_next = g.a_row
            a_step = g.a_step
            if g.copy_a:
                copy_block(g, a, rows, steps, copy)
                a = copy
                a_row = 1
                a_step = MR
                a_next = steps
            j = done
            while j < g.n:
                wide = panel_columns(g.n - j, lanes)
                b = <const floating*>g.b + p * g.b_step + j * g.b_column
                b_step = g.b_step
                partial = wide % lanes != 0
                if g.pack_b or (partial and not GEMM_MASKED):
                    b_step = round_up(wide, lanes)
                    pack(b, g.b_column, g.b_step, wide, steps, panel, b_step)
                    b = panel
                    partial = False
                # The next panel that is read in place is asked for, a bit before each tile of this one.
                ahead = 0
                if j + wide < g.n and not g.pack_b:
                    ahead = blocks_of(steps, rows // MR + 1)
                i = 0
                while i < rows:
                    high = min(MR, rows - i) if g.copy_a else tile_rows(rows - i)
                    if ahead:
                        fetch(g, p, p + steps, i // MR * ahead, ahead, j + wide, scratch)
                    bias = <const floating*>g.bias
                    if bias != NULL:
                        bias += i0 + i if g.flags & GEMM_BIAS_ROWS else j
                    tile(partial, high, steps, a + i * a_next, a_row, a_step, b, b_step,
                         <floating*>g.c + (i0 + i) * g.c_row + j, g.c_row, wide, bias, flags)
                    i += high
                j += wide
            p += steps
        i0 += rows


cdef void multiply_slabs(const Product* g, floating* scratch) noexcept nogil:
    """The same where A has several blocks."""
    cdef Py_ssize_t lanes = lanes_of(scratch)
    cdef Py_ssize_t j0 = 0
    cdef Py_ssize_t i0, p, i, j, rows, steps, columns, wide
    cdef Py_ssize_t block = round_up(blocks_of(g.m, blocks_of(g.m, g.block)), MR)  # all of about one size
    cdef floating* copy = scratch + round_up(GEMM_VECTORS * lanes * min(DEPTH, g.k), 16)
    cdef floating* slab = copy + round_up(min(DEPTH, g.k) * round_up(g.block, MR), 16)
    cdef const floating* b
    cdef const floating* bias
    cdef int flags
    while j0 < g.n:
        columns = min(g.slab, g.n - j0)
        p = 0
        while p < g.k:
            steps = min(DEPTH, g.k - p)
            flags = (GEMM_STORE if p == 0 else 0) | (g.flags if p + steps == g.k else 0)
            j = 0
            while j < columns:
                wide = panel_columns(columns - j, lanes)
                b = <const floating*>g.b + p * g.b_step + (j0 + j) * g.b_column
                pack(b, g.b_column, g.b_step, wide, steps, slab + j * steps, round_up(wide, lanes))
                j += wide
            i0 = 0
            while i0 < g.m:
                rows = min(block, g.m - i0)
                copy_block(g, <const floating*>g.a + i0 * g.a_row + p * g.a_step, rows, steps, copy)
                j = 0
                while j < columns:
                    wide = panel_columns(columns - j, lanes)
                    i = 0
                    while i < rows:
                        bias = <const floating*>g.bias
                        if bias != NULL:
                            bias += i0 + i if g.flags & GEMM_BIAS_ROWS else j0 + j
                        tile(False, min(MR, rows - i), steps, copy + i * steps, 1, MR, slab + j * steps,
                             round_up(wide, lanes), <floating*>g.c + (i0 + i) * g.c_row + j0 + j, g.c_row, wide, bias,
                             flags)
                        i += MR
                    j += wide
                i0 += rows
            p += steps
        j0 += columns


cdef inline void fetch(const Product* g, Py_ssize_t first, Py_ssize_t last, Py_ssize_t step, Py_ssize_t steps,
                       Py_ssize_t j, const floating* dtype) noexcept nogil:
    """Ask for `steps` steps of the panel of B at column j."""
    cdef const char* row
    cdef Py_ssize_t line, q
    cdef Py_ssize_t bytes = min(g.n - j, GEMM_VECTORS * lanes_of(dtype)) * <Py_ssize_t>sizeof(floating)
    for q in range(first + step, min(first + step + steps, last)):
        row = <const char*>(<const floating*>g.b + q * g.b_step + j * g.b_column)
        for line in range(blocks_of(bytes, 64) + 1):
            gemm_fetch(row + 64 * line)


cdef void copy_block(const Product* g, const floating* a, Py_ssize_t rows, Py_ssize_t steps,
                     floating* panels) noexcept nogil:
    """Copy rows x steps of A in the order in which tiles read them: panels of MR rows, step by step."""
    cdef Py_ssize_t i = 0
    while i < rows:
        pack(a + i * g.a_row, g.a_row, g.a_step, min(MR, rows - i), steps, panels + i * steps, MR)
        i += MR


cdef inline void multiply_either(const Product* g, floating* scratch) noexcept nogil:
    if g.swapped:
        multiply_swapped(g, scratch)
    elif g.slab and g.m > g.block:
        multiply_slabs(g, scratch)
    else:
        multiply_serial(g, scratch)


cdef void multiply(const Product* g, int threads, floating* scratch) noexcept nogil:
    """C = A B with threads * g.private elements of scratch; each thread works out parts of C by itself."""
    cdef Py_ssize_t lanes = lanes_of(scratch)
    cdef bint by_columns = g.n >= g.m
    cdef Py_ssize_t share, task
    if threads == 1:
        multiply_either(g, scratch)
        return
    if by_columns:
        share = share_of(g.n, threads, lanes * (GEMM_STRIP_VECTORS if g.m == 1 else 1))
        for task in prange(blocks_of(g.n, share), schedule="dynamic", num_threads=threads):
            multiply_part(g, 0, g.m, task * share, min(g.n, (task + 1) * share), scratch + threadid() * g.private)
    else:
        share = share_of(g.m, threads, MR)
        for task in prange(blocks_of(g.m, share), schedule="dynamic", num_threads=threads):
            multiply_part(g, task * share, min(g.m, (task + 1) * share), 0, g.n, scratch + threadid() * g.private)


cdef void multiply_part(const Product* whole, Py_ssize_t i0, Py_ssize_t i1, Py_ssize_t j0, Py_ssize_t j1,
                        floating* scratch) noexcept nogil:
    """Rows i0..i1, columns j0..j1 of C."""
    cdef Product g = whole[0]
    g.m = i1 - i0
    g.n = j1 - j0
    g.a = <const floating*>g.a + i0 * g.a_row
    g.b = <const floating*>g.b + j0 * g.b_column
    g.c = <floating*>g.c + i0 * g.c_row + j0
    if g.bias != NULL:
        g.bias = <const floating*>g.bias + (i0 if g.flags & GEMM_BIAS_ROWS else j0)
    multiply_either(&g, scratch)


cdef inline Py_ssize_t share_of(Py_ssize_t size, int threads, Py_ssize_t unit) noexcept nogil:
    """How much one task takes: as many tasks for each thread, two where they stay large."""
    cdef Py_ssize_t tasks = 2 * threads if size >= 50 * threads * unit else threads
    return round_up(blocks_of(size, tasks), unit)

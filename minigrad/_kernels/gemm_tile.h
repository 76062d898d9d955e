/* The register tile, the packing and the dot products of gemm.h for one type; gemm.h includes this file once for each.
   GEMM_REAL, GEMM_INTEGER (as wide), GEMM_LANES (of a vector) and GEMM_NAME say which. */

typedef GEMM_REAL GEMM_NAME(vector) __attribute__((vector_size(GEMM_BYTES)));
/* The same vector anywhere in memory. */
typedef GEMM_REAL GEMM_NAME(unaligned) __attribute__((vector_size(GEMM_BYTES), aligned(sizeof(GEMM_REAL)), may_alias));
typedef GEMM_INTEGER GEMM_NAME(mask) __attribute__((vector_size(GEMM_BYTES)));
/* ROWS lanes: what is transposed to pack a panel, ROWS x ROWS at a time. */
typedef GEMM_REAL GEMM_NAME(column) __attribute__((vector_size(GEMM_ROWS * sizeof(GEMM_REAL))));
typedef GEMM_INTEGER GEMM_NAME(indices) __attribute__((vector_size(GEMM_ROWS * sizeof(GEMM_REAL))));
typedef GEMM_REAL GEMM_NAME(unaligned_column)
    __attribute__((vector_size(GEMM_ROWS * sizeof(GEMM_REAL)), aligned(sizeof(GEMM_REAL)), may_alias));
#if GEMM_SIZE == 4
typedef GEMM_REAL GEMM_NAME(half) __attribute__((vector_size(16), aligned(sizeof(GEMM_REAL)), may_alias));
#endif

#define GEMM_EACH_ROW _Pragma("GCC unroll 8") for (int i = 0; i < rows; i++)
#define GEMM_EACH_VECTOR _Pragma("GCC unroll 4") for (int j = 0; j < vectors; j++)
#define GEMM_AT(base, j) (*(GEMM_NAME(unaligned) *)((base) + (j) * GEMM_LANES))
#define GEMM_READ(base, j) (*(const GEMM_NAME(unaligned) *)((base) + (j) * GEMM_LANES))
/* max(x, 0); a comparison with NaN is false, so NaN stays. */
#define GEMM_POSITIVE(x) \
    ((GEMM_NAME(vector))((GEMM_NAME(mask))(x) & ~(GEMM_NAME(mask))((x) <= (GEMM_REAL)0)))
#include "gemm_part.h"

/* The end of a tile at the edge of C: from the buffer `tile` (rows `vectors` vectors long) to C. */
static __attribute__((noinline)) void GEMM_NAME(finish)(int rows, int vectors, ptrdiff_t columns, const GEMM_REAL *tile,
                                                        GEMM_REAL *c, ptrdiff_t c_row, const GEMM_REAL *bias,
                                                        int flags) {
    const GEMM_NAME(part) part = GEMM_NAME(part_of)(columns - (vectors - 1) * GEMM_LANES);
    const GEMM_NAME(part) whole = GEMM_NAME(part_of)(GEMM_LANES);
    for (int j = 0; j < vectors; j++) {
        const GEMM_NAME(part) lanes = j == vectors - 1 ? part : whole;
        GEMM_NAME(vector) added = {0};
        if (flags & GEMM_BIAS_COLUMNS) added = GEMM_NAME(load_part)(bias + j * GEMM_LANES, lanes);
        for (int i = 0; i < rows; i++) {
            GEMM_REAL *to = c + i * c_row + j * GEMM_LANES;
            GEMM_NAME(vector) sum = GEMM_READ(tile + i * vectors * GEMM_LANES, j);
            if (!(flags & GEMM_STORE)) sum += GEMM_NAME(load_part)(to, lanes);
            if (flags & GEMM_BIAS_COLUMNS) sum += added;
            if (flags & GEMM_BIAS_ROWS) sum += bias[i];
            if (flags & GEMM_RELU) sum = GEMM_POSITIVE(sum);
            GEMM_NAME(store_part)(to, lanes, sum);
        }
    }
}

/* C (rows x columns, `columns` filling `vectors` vectors) {=, +=} A B over `depth`. A[i][p] is a[i * a_row + p *
   a_step], and B has `b_step` elements between its steps; but with `a_offset`, A[i][p] is a[row_offset[i] +
   a_offset[p]], and with `b_offset` step p of B begins at b + b_offset[p]. B is whole vectors, unless `partial`: then
   its rows end where those of C do. `rows`, `vectors`, `partial` and whether there are offsets are constants wherever
   this is inlined, so the sums live in registers. */
GEMM_INLINE void GEMM_NAME(accumulate)(const int rows, const int vectors, const int partial, ptrdiff_t depth,
                                       const GEMM_REAL *a, ptrdiff_t a_row, ptrdiff_t a_step,
                                       const ptrdiff_t *row_offset, const ptrdiff_t *a_offset, const GEMM_REAL *b,
                                       ptrdiff_t b_step, const ptrdiff_t *b_offset, GEMM_REAL *c, ptrdiff_t c_row,
                                       ptrdiff_t columns, const GEMM_REAL *bias, int flags) {
    GEMM_NAME(vector) sum[GEMM_ROWS][GEMM_WIDE_VECTORS];
    GEMM_NAME(part) part = {0};
    const GEMM_REAL *start[GEMM_ROWS];
    if (partial) part = GEMM_NAME(part_of)(columns - (vectors - 1) * GEMM_LANES);
    GEMM_EACH_ROW {
        GEMM_EACH_VECTOR sum[i][j] = (GEMM_NAME(vector)){0};
        start[i] = a_offset ? a + row_offset[i] : a;
        /* As far as the second-level cache: the first holds the panel. Every line of doubles, which come from further. */
        __builtin_prefetch(c + i * c_row, 0, 2);
        if (GEMM_SIZE == 8) GEMM_EACH_VECTOR __builtin_prefetch(c + i * c_row + j * GEMM_LANES, 0, 2);
        __builtin_prefetch(c + i * c_row + columns - 1, 0, 2);
    }
    for (ptrdiff_t p = 0; p < depth; p++) {
        GEMM_NAME(vector) row[GEMM_WIDE_VECTORS];
        const GEMM_REAL *step = b_offset ? b + b_offset[p] : b;
        GEMM_EACH_VECTOR {
            if (partial && j == vectors - 1) row[j] = GEMM_NAME(load_part)(step + j * GEMM_LANES, part);
            else row[j] = GEMM_READ(step, j);
        }
        if (rows == 1 && !b_offset) {  /* a vector times a matrix read in place waits for memory: ask early */
            GEMM_EACH_VECTOR __builtin_prefetch(b + 8 * b_step + j * GEMM_LANES);
        }
        GEMM_EACH_ROW {
            const GEMM_REAL element = a_offset ? start[i][a_offset[p]] : a[i * a_row];
            GEMM_EACH_VECTOR sum[i][j] += element * row[j];
        }
        a += a_step;
        b += b_step;
    }
    if (columns != vectors * GEMM_LANES || (rows != GEMM_ROWS && flags & ~GEMM_STORE)) {
        GEMM_REAL tile[GEMM_ROWS * GEMM_WIDE_VECTORS * GEMM_LANES];
        GEMM_EACH_ROW {
            GEMM_EACH_VECTOR GEMM_AT(tile + i * vectors * GEMM_LANES, j) = sum[i][j];
        }
        GEMM_NAME(finish)(rows, vectors, columns, tile, c, c_row, bias, flags);
        return;
    }
    if (!(flags & GEMM_STORE)) {
        GEMM_EACH_ROW {
            GEMM_EACH_VECTOR sum[i][j] += GEMM_READ(c + i * c_row, j);
        }
    }
    if (rows == GEMM_ROWS && flags & GEMM_BIAS_COLUMNS) {
        GEMM_EACH_ROW {
            GEMM_EACH_VECTOR sum[i][j] += GEMM_READ(bias, j);
        }
    }
    if (rows == GEMM_ROWS && flags & GEMM_BIAS_ROWS) {
        GEMM_EACH_ROW {
            GEMM_EACH_VECTOR sum[i][j] += bias[i];
        }
    }
    if (rows == GEMM_ROWS && flags & GEMM_RELU) {
        GEMM_EACH_ROW {
            GEMM_EACH_VECTOR sum[i][j] = GEMM_POSITIVE(sum[i][j]);
        }
    }
    GEMM_EACH_ROW {
        GEMM_EACH_VECTOR GEMM_AT(c + i * c_row, j) = sum[i][j];
    }
}

/* A switch over the sizes, each with its own inlined copy of `accumulate`. */
#define GEMM_CASE(rows, vectors) \
    case rows: GEMM_NAME(accumulate)(rows, vectors, GEMM_PARTIAL, GEMM_ARGUMENTS); break;
#if GEMM_ROWS == 8
#define GEMM_CASES(vectors) \
    switch (rows) { \
        GEMM_CASE(8, vectors) GEMM_CASE(7, vectors) GEMM_CASE(6, vectors) GEMM_CASE(5, vectors) \
        GEMM_CASE(4, vectors) GEMM_CASE(3, vectors) GEMM_CASE(2, vectors) GEMM_CASE(1, vectors) \
    }
#else
#define GEMM_CASES(vectors) \
    switch (rows) { GEMM_CASE(4, vectors) GEMM_CASE(3, vectors) GEMM_CASE(2, vectors) GEMM_CASE(1, vectors) }
#endif
#if GEMM_VECTORS == 3
#define GEMM_SIZES \
    if (columns > 2 * GEMM_LANES) GEMM_CASES(3) \
    else if (columns > GEMM_LANES) GEMM_CASES(2) \
    else GEMM_CASES(1)
#else
#define GEMM_SIZES \
    if (columns > GEMM_LANES) GEMM_CASES(2) \
    else GEMM_CASES(1)
#endif

/* One tile of any size up to ROWS x (VECTORS * LANES). */
#define GEMM_ARGUMENTS depth, a, a_row, a_step, NULL, NULL, b, b_step, NULL, c, c_row, columns, bias, flags
#define GEMM_PARTIAL 0
static void GEMM_NAME(tile)(int rows, ptrdiff_t depth, const GEMM_REAL *a, ptrdiff_t a_row, ptrdiff_t a_step,
                            const GEMM_REAL *b, ptrdiff_t b_step, GEMM_REAL *c, ptrdiff_t c_row, ptrdiff_t columns,
                            const GEMM_REAL *bias, int flags) {
    GEMM_SIZES
}
#undef GEMM_PARTIAL

/* The same where B has `columns` columns and no more may be read. */
#define GEMM_PARTIAL 1
static void GEMM_NAME(tile_partial)(int rows, ptrdiff_t depth, const GEMM_REAL *a, ptrdiff_t a_row, ptrdiff_t a_step,
                                    const GEMM_REAL *b, ptrdiff_t b_step, GEMM_REAL *c, ptrdiff_t c_row,
                                    ptrdiff_t columns, const GEMM_REAL *bias, int flags) {
    GEMM_SIZES
}
#undef GEMM_PARTIAL
#undef GEMM_ARGUMENTS

#define GEMM_PARTIAL 0
/* A a packed panel, ROWS elements for each step, and B in place: step p of B begins at b + b_offset[p]. */
#define GEMM_ARGUMENTS depth, a, 1, GEMM_ROWS, NULL, NULL, b, 0, b_offset, c, c_row, columns, bias, flags
static void GEMM_NAME(tile_b_in_place)(int rows, ptrdiff_t depth, const GEMM_REAL *a, const GEMM_REAL *b,
                                       const ptrdiff_t *b_offset, GEMM_REAL *c, ptrdiff_t c_row, ptrdiff_t columns,
                                       const GEMM_REAL *bias, int flags) {
    GEMM_SIZES
}
#undef GEMM_ARGUMENTS

/* A in place: A[i][p] = a[row_offset[i] + a_offset[p]]; also up to WIDE_ROWS x (WIDE_VECTORS * LANES). */
#define GEMM_ARGUMENTS depth, a, 0, 0, row_offset, a_offset, b, b_step, NULL, c, c_row, columns, NULL, flags
static void GEMM_NAME(tile_a_in_place)(int rows, ptrdiff_t depth, const GEMM_REAL *a, const ptrdiff_t *row_offset,
                                       const ptrdiff_t *a_offset, const GEMM_REAL *b, ptrdiff_t b_step, GEMM_REAL *c,
                                       ptrdiff_t c_row, ptrdiff_t columns, int flags) {
#if GEMM_WIDE_VECTORS > GEMM_VECTORS
    if (columns > GEMM_VECTORS * GEMM_LANES)
        switch (rows) {
            GEMM_CASE(6, 4) GEMM_CASE(5, 4) GEMM_CASE(4, 4) GEMM_CASE(3, 4) GEMM_CASE(2, 4) GEMM_CASE(1, 4)
        }
    else
#endif
    GEMM_SIZES
}
#undef GEMM_ARGUMENTS
#undef GEMM_PARTIAL
#undef GEMM_CASE
#undef GEMM_CASES
#undef GEMM_SIZES

/* x[l][i] = start[i][p + l], or 0 for i >= lanes: a square is transposed on its way from memory. */
GEMM_INLINE void GEMM_NAME(load_transposed)(const GEMM_REAL *const *start, ptrdiff_t p, const int lanes,
                                            GEMM_NAME(column) *x) {
#if defined(__clang__) || __GNUC__ >= 12
#define GEMM_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define GEMM_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (GEMM_NAME(indices)){__VA_ARGS__})
#endif
#if GEMM_ROWS == 8 && GEMM_SIZE == 4 && (defined(__clang__) || __GNUC__ >= 12)
    /* Two halves of 128 bits, each a square of 4 x 4: loads put them in place, shuffles stay within them. */
    for (int half = 0; half < 2; half++) {
        GEMM_NAME(column) y[4], low, high;
        _Pragma("GCC unroll 4") for (int i = 0; i < 4; i++) {
            const GEMM_NAME(half) none = {0};
            const GEMM_NAME(half) a = i < lanes ? *(const GEMM_NAME(half) *)(start[i] + p + 4 * half) : none;
            const GEMM_NAME(half) b = i + 4 < lanes ? *(const GEMM_NAME(half) *)(start[i + 4] + p + 4 * half) : none;
            y[i] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7);
        }
        low = GEMM_SHUFFLE(y[0], y[1], 0, 8, 1, 9, 4, 12, 5, 13);
        high = GEMM_SHUFFLE(y[2], y[3], 0, 8, 1, 9, 4, 12, 5, 13);
        x[4 * half] = GEMM_SHUFFLE(low, high, 0, 1, 8, 9, 4, 5, 12, 13);
        x[4 * half + 1] = GEMM_SHUFFLE(low, high, 2, 3, 10, 11, 6, 7, 14, 15);
        low = GEMM_SHUFFLE(y[0], y[1], 2, 10, 3, 11, 6, 14, 7, 15);
        high = GEMM_SHUFFLE(y[2], y[3], 2, 10, 3, 11, 6, 14, 7, 15);
        x[4 * half + 2] = GEMM_SHUFFLE(low, high, 0, 1, 8, 9, 4, 5, 12, 13);
        x[4 * half + 3] = GEMM_SHUFFLE(low, high, 2, 3, 10, 11, 6, 7, 14, 15);
    }
#else
    /* log2(ROWS) rounds of a perfect shuffle */
    GEMM_NAME(column) y[GEMM_ROWS];
#pragma GCC unroll 8
    for (int i = 0; i < GEMM_ROWS; i++) {
        if (i < lanes) x[i] = *(const GEMM_NAME(unaligned_column) *)(start[i] + p);
        else x[i] = (GEMM_NAME(column)){0};
    }
#if GEMM_ROWS == 8
#define GEMM_LOW(a, b) GEMM_SHUFFLE(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define GEMM_HIGH(a, b) GEMM_SHUFFLE(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#define GEMM_ROUNDS 3
#else
#define GEMM_LOW(a, b) GEMM_SHUFFLE(a, b, 0, 4, 1, 5)
#define GEMM_HIGH(a, b) GEMM_SHUFFLE(a, b, 2, 6, 3, 7)
#define GEMM_ROUNDS 2
#endif
#pragma GCC unroll 4
    for (int round = 0; round < GEMM_ROUNDS; round++) {
#pragma GCC unroll 4
        for (int i = 0; i < GEMM_ROWS / 2; i++) {
            y[2 * i] = GEMM_LOW(x[i], x[i + GEMM_ROWS / 2]);
            y[2 * i + 1] = GEMM_HIGH(x[i], x[i + GEMM_ROWS / 2]);
        }
#pragma GCC unroll 8
        for (int i = 0; i < GEMM_ROWS; i++) x[i] = y[i];
    }
#undef GEMM_LOW
#undef GEMM_HIGH
#undef GEMM_ROUNDS
#endif
#undef GEMM_SHUFFLE
}

/* ROWS lanes, `lane` elements apart in memory, whose steps are adjacent: panel[p * step + l] = source[l * lane + p]; 0
   for l >= lanes. */
GEMM_INLINE void GEMM_NAME(pack_transposed)(const GEMM_REAL *source, ptrdiff_t lane, const int lanes, ptrdiff_t depth,
                                            GEMM_REAL *panel, ptrdiff_t step) {
    const GEMM_REAL *start[GEMM_ROWS];
    ptrdiff_t p = 0;
#pragma GCC unroll 8
    for (int l = 0; l < GEMM_ROWS; l++) start[l] = source + l * lane;
    for (; p + GEMM_ROWS <= depth; p += GEMM_ROWS) {
        GEMM_NAME(column) x[GEMM_ROWS];
        GEMM_NAME(load_transposed)(start, p, lanes, x);
#pragma GCC unroll 8
        for (int l = 0; l < GEMM_ROWS; l++) *(GEMM_NAME(unaligned_column) *)(panel + (p + l) * step) = x[l];
    }
    for (; p < depth; p++)
        for (int l = 0; l < GEMM_ROWS; l++) panel[p * step + l] = l < lanes ? source[l * lane + p] : 0;
}

/* A panel in the order in which tiles read it: panel[p * step + l] = source[l * lane + p * along], for l < lanes, and 0
   for the rest of `step`. */
static void GEMM_NAME(pack)(const GEMM_REAL *source, ptrdiff_t lane, ptrdiff_t along, ptrdiff_t lanes, ptrdiff_t depth,
                            GEMM_REAL *panel, ptrdiff_t step) {
    ptrdiff_t done = 0;
    if (lane == 1 && lanes == step && step == GEMM_VECTORS * GEMM_LANES) {
        for (ptrdiff_t p = 0; p < depth; p++) {
#pragma GCC unroll 4
            for (int j = 0; j < GEMM_VECTORS; j++)
                GEMM_AT(panel + p * step, j) = GEMM_READ(source + p * along, j);
        }
        return;
    }
    if (lane == 1 && step - lanes < GEMM_LANES && step % GEMM_LANES == 0) {
        const ptrdiff_t last = step / GEMM_LANES - 1;
        const GEMM_NAME(part) part = GEMM_NAME(part_of)(lanes - last * GEMM_LANES);
        for (ptrdiff_t p = 0; p < depth; p++) {
            for (ptrdiff_t j = 0; j < last; j++) GEMM_AT(panel + p * step, j) = GEMM_READ(source + p * along, j);
            GEMM_AT(panel + p * step, last) = GEMM_NAME(load_part)(source + p * along + last * GEMM_LANES, part);
        }
        return;
    }
    if (lane == 1) {
        for (; done + GEMM_ROWS <= lanes; done += GEMM_ROWS)
            for (ptrdiff_t p = 0; p < depth; p++)
                *(GEMM_NAME(unaligned_column) *)(panel + p * step + done) =
                    *(const GEMM_NAME(unaligned_column) *)(source + p * along + done);
    } else if (along == 1) {
        for (; done + GEMM_ROWS <= lanes; done += GEMM_ROWS)
            GEMM_NAME(pack_transposed)(source + done * lane, lane, GEMM_ROWS, depth, panel + done, step);
        if (done < lanes && done + GEMM_ROWS <= step) {
            GEMM_NAME(pack_transposed)(source + done * lane, lane, (int)(lanes - done), depth, panel + done, step);
            done += GEMM_ROWS;
        }
    }
    if (done == step) return;
    for (ptrdiff_t p = 0; p < depth; p++) {
        ptrdiff_t l = done;
        for (; l < lanes; l++) panel[p * step + l] = source[l * lane + p * along];
        for (; l < step; l++) panel[p * step + l] = 0;
    }
}

/* The transpose of `rows` x `columns`: target[j * target_row + i] = source[i * source_row + j]. The lines of the target
   are written from end to end, a few at a time. */
static void GEMM_NAME(transpose_to)(const GEMM_REAL *source, ptrdiff_t source_row, ptrdiff_t rows, ptrdiff_t columns,
                                    GEMM_REAL *target, ptrdiff_t target_row) {
    const ptrdiff_t whole = rows / GEMM_ROWS * GEMM_ROWS;
    ptrdiff_t j = 0;
    for (; j + GEMM_ROWS <= columns; j += GEMM_ROWS)
        for (ptrdiff_t i = 0; i < whole; i += GEMM_ROWS)
            GEMM_NAME(pack_transposed)(source + i * source_row + j, source_row, GEMM_ROWS, GEMM_ROWS,
                                       target + j * target_row + i, target_row);
    for (ptrdiff_t l = j; l < columns; l++)
        for (ptrdiff_t i = 0; i < whole; i++) target[l * target_row + i] = source[i * source_row + l];
    for (ptrdiff_t i = whole; i < rows; i++)
        for (ptrdiff_t l = 0; l < columns; l++) target[l * target_row + i] = source[i * source_row + l];
}

/* Rows of a few to a few dozen elements, where a call of memcpy for each would cost more than the copy. */
static void GEMM_NAME(copy_rows)(const GEMM_REAL *source, ptrdiff_t source_row, ptrdiff_t rows, ptrdiff_t columns,
                                 GEMM_REAL *target, ptrdiff_t target_row) {
#define GEMM_COPY(type, at) *(GEMM_NAME(type) *)(target + (at)) = *(const GEMM_NAME(type) *)(source + (at))
    for (ptrdiff_t i = 0; i < rows; i++, source += source_row, target += target_row) {
        ptrdiff_t j = 0;
        if (columns >= GEMM_LANES) {
            for (; j + GEMM_LANES < columns; j += GEMM_LANES) GEMM_COPY(unaligned, j);
            GEMM_COPY(unaligned, columns - GEMM_LANES);  /* the last vector overlaps the one before */
        } else if (columns >= GEMM_ROWS) {
            GEMM_COPY(unaligned_column, 0);
            GEMM_COPY(unaligned_column, columns - GEMM_ROWS);
        } else {
            for (; j < columns; j++) target[j] = source[j];
        }
    }
#undef GEMM_COPY
}

/* The sum of x[i * x_row + j * x_step] * y[i * y_row + j]: each lane sums its share, and these are added. */
static GEMM_REAL GEMM_NAME(dot)(const GEMM_REAL *x, ptrdiff_t x_row, ptrdiff_t x_step, const GEMM_REAL *y,
                                ptrdiff_t y_row, ptrdiff_t rows, ptrdiff_t columns) {
    GEMM_NAME(vector) sum = {0};
    GEMM_NAME(column) half = {0};
    GEMM_REAL total = 0, lanes[GEMM_LANES];
    for (ptrdiff_t i = 0; i < rows; i++, x += x_row, y += y_row) {
        ptrdiff_t j = 0;
        if (x_step == 1) {
            for (; j + GEMM_LANES <= columns; j += GEMM_LANES)
                sum += *(const GEMM_NAME(unaligned) *)(x + j) * *(const GEMM_NAME(unaligned) *)(y + j);
            for (; j + GEMM_ROWS <= columns; j += GEMM_ROWS)
                half += *(const GEMM_NAME(unaligned_column) *)(x + j) * *(const GEMM_NAME(unaligned_column) *)(y + j);
        }
        for (; j < columns; j++) total += x[j * x_step] * y[j];
    }
    memcpy(lanes, &sum, sizeof(lanes));
    for (int width = GEMM_LANES / 2; width; width /= 2)
        for (int l = 0; l < width; l++) lanes[l] += lanes[l + width];
    for (int l = 0; l < GEMM_ROWS; l++) total += half[l];
    return total + lanes[0];
}

#include "gemm_vector.h"

#undef GEMM_EACH_ROW
#undef GEMM_EACH_VECTOR
#undef GEMM_AT
#undef GEMM_READ
#undef GEMM_POSITIVE

/* Products with a vector, which wait for memory: gemm.h includes this file once for each type, after the tile.
   Every sum runs in order, as in the tile, so that a row is the same whether it is multiplied alone or among others;
   only the dot product of two vectors has an order of its own. */

#define GEMM_GROUPS (GEMM_STRIP_COLUMNS / GEMM_ROWS)  /* independent sums, which hide each other's latency */
#define GEMM_DOT_SUMS 8
#define GEMM_DOT_BLOCK 4096

/* c[0..STRIP_VECTORS * LANES) {=, +=} the sum over p of a[p * a_step] times the row b + p * b_step. */
static void GEMM_NAME(strip)(ptrdiff_t depth, const GEMM_REAL *a, ptrdiff_t a_step, const GEMM_REAL *b,
                             ptrdiff_t b_step, GEMM_REAL *c, const GEMM_REAL *bias, int flags) {
    GEMM_NAME(vector) sum[GEMM_STRIP_VECTORS];
#pragma GCC unroll 16
    for (int j = 0; j < GEMM_STRIP_VECTORS; j++) sum[j] = (GEMM_NAME(vector)){0};
    for (ptrdiff_t p = 0; p < depth; p++, a += a_step, b += b_step) {
        const GEMM_REAL element = *a;
#pragma GCC unroll 16
        for (int j = 0; j < GEMM_STRIP_VECTORS; j++) {
            __builtin_prefetch(b + 6 * b_step + j * GEMM_LANES);
            sum[j] += element * GEMM_READ(b, j);
        }
    }
    GEMM_NAME(finish)(1, GEMM_STRIP_VECTORS, GEMM_STRIP_VECTORS * GEMM_LANES, (const GEMM_REAL *)sum, c, 0, bias,
                      flags);
}

/* c[j] {=, +=} the sum over p of a[p * a_step] * b[j * b_column + p], for j < columns <= STRIP_COLUMNS: squares of B
   are transposed in registers. */
static void GEMM_NAME(columns)(ptrdiff_t depth, const GEMM_REAL *a, ptrdiff_t a_step, const GEMM_REAL *b,
                               ptrdiff_t b_column, ptrdiff_t columns, GEMM_REAL *c, const GEMM_REAL *bias, int flags) {
    GEMM_NAME(column) sum[GEMM_GROUPS];
    const GEMM_REAL *start[GEMM_STRIP_COLUMNS];
    GEMM_REAL tile[GEMM_STRIP_COLUMNS + GEMM_LANES];
    const ptrdiff_t line = 64 / GEMM_SIZE;
    ptrdiff_t p = 0;
    for (int j = 0; j < GEMM_STRIP_COLUMNS; j++) start[j] = b + (j < columns ? j : columns - 1) * b_column;
#pragma GCC unroll 4
    for (int group = 0; group < GEMM_GROUPS; group++) sum[group] = (GEMM_NAME(column)){0};
    for (; p + line <= depth; p += line) {  /* a cache line of every column: many may share a set of the cache */
        for (int group = 0; group < GEMM_GROUPS; group++) {
            const GEMM_REAL *const *const first = start + group * GEMM_ROWS;
            GEMM_NAME(column) total = sum[group];
#pragma GCC unroll 4
            for (ptrdiff_t q = 0; q < line; q += GEMM_ROWS) {
                GEMM_NAME(column) x[GEMM_ROWS];
                GEMM_NAME(load_transposed)(first, p + q, GEMM_ROWS, x);
#pragma GCC unroll 8
                for (int l = 0; l < GEMM_ROWS; l++) total += a[(p + q + l) * a_step] * x[l];
            }
#pragma GCC unroll 8
            for (int l = 0; l < GEMM_ROWS; l++) __builtin_prefetch(first[l] + p + 4 * line);
            sum[group] = total;
        }
    }
    for (; p < depth; p++) {
        for (int group = 0; group < GEMM_GROUPS; group++) {
            GEMM_NAME(column) x;
            for (int l = 0; l < GEMM_ROWS; l++) x[l] = start[group * GEMM_ROWS + l][p];
            sum[group] += a[p * a_step] * x;
        }
    }
    memcpy(tile, sum, sizeof(sum));
    GEMM_NAME(finish)(1, (int)((columns + GEMM_LANES - 1) / GEMM_LANES), columns, tile, c, 0, bias, flags);
}

/* The sum of x[i * x_step] * y[i * y_step]: DOT_SUMS vectors of partial sums for each DOT_BLOCK, added as a tree, and
   the blocks in order. */
static GEMM_REAL GEMM_NAME(inner)(ptrdiff_t size, const GEMM_REAL *x, ptrdiff_t x_step, const GEMM_REAL *y,
                                  ptrdiff_t y_step) {
    GEMM_REAL total = 0;
    for (ptrdiff_t start = 0; start < size; start += GEMM_DOT_BLOCK) {
        const ptrdiff_t count = size - start < GEMM_DOT_BLOCK ? size - start : GEMM_DOT_BLOCK;
        GEMM_NAME(vector) sum[GEMM_DOT_SUMS];
        GEMM_REAL lanes[GEMM_DOT_SUMS * GEMM_LANES];
        ptrdiff_t i = 0;
#pragma GCC unroll 8
        for (int s = 0; s < GEMM_DOT_SUMS; s++) sum[s] = (GEMM_NAME(vector)){0};
        if (x_step == 1 && y_step == 1) {
            for (; i + GEMM_DOT_SUMS * GEMM_LANES <= count; i += GEMM_DOT_SUMS * GEMM_LANES) {
#pragma GCC unroll 8
                for (int s = 0; s < GEMM_DOT_SUMS; s++)
                    sum[s] += GEMM_READ(x + start + i, s) * GEMM_READ(y + start + i, s);
            }
        }
        memcpy(lanes, sum, sizeof(lanes));
        for (; i < count; i++) {
            GEMM_REAL *lane = lanes + i % (GEMM_DOT_SUMS * GEMM_LANES);
            *lane += x[(start + i) * x_step] * y[(start + i) * y_step];
        }
        for (int width = GEMM_DOT_SUMS * GEMM_LANES / 2; width; width /= 2)
            for (int l = 0; l < width; l++) lanes[l] += lanes[l + width];
        total += lanes[0];
    }
    return total;
}

#undef GEMM_GROUPS
#undef GEMM_DOT_SUMS
#undef GEMM_DOT_BLOCK

/* The inner loops of folds.pxi: largest, smallest and product of a row of neighbours or of columns side by side, sums
   of squared deviations, and what share of a gradient ties get. A template like exp.h. NaN wins over any number.

   Squares are rounded to their own precision, added in fours there, and these sums in double precision. Nothing
   cancels, so the sum has a relative error of 2^-22 for float whatever its length. */

/* One step of a fold: kept (op) next */
INLINE VECTOR FN(fold_step)(VECTOR next, VECTOR kept, int op) {
    if (op == FOLD_PRODUCT)
        return kept * next;
    return FN(pick)(op == FOLD_LARGEST ? FN(above)(next, kept) : FN(above)(kept, next), next,
                    FN(pick)(FN(unordered)(next, next), next, kept));
}

INLINE REAL FN(fold_two)(REAL next, REAL kept, int op) {
    if (op == FOLD_PRODUCT)
        return kept * next;
    return (op == FOLD_LARGEST ? next > kept : next < kept) || next != next ? next : kept;
}

INLINE REAL FN(fold_row_by)(const REAL *x, ptrdiff_t n, int op) {
    const REAL neutral = op == FOLD_PRODUCT ? 1 : op == FOLD_LARGEST ? -(REAL)INFINITY : (REAL)INFINITY;
    VECTOR kept[4];
    FN(mask) bad = FN(unordered)(FN(splat)(0), FN(splat)(0));
    ptrdiff_t i = 0;
    for (int k = 0; k < 4; k++)
        kept[k] = FN(splat)(neutral);
    for (; i + 4 * FN(LANES) <= n; i += 4 * FN(LANES))
        for (int k = 0; k < 4; k++) {
            VECTOR next = FN(load)(x + i + k * FN(LANES));
            if (op == FOLD_PRODUCT) {
                kept[k] *= next;
            } else { /* NaN is passed over, and noted: cheaper than to carry it along */
                kept[k] = op == FOLD_LARGEST ? FN(larger)(next, kept[k]) : FN(smaller)(next, kept[k]);
                bad |= FN(unordered)(next, next);
            }
        }
    if (FN(some)(bad))
        return (REAL)NAN;
    for (int k = 0; i < n; i += FN(LANES), k = (k + 1) & 3) {
        ptrdiff_t count = n - i < FN(LANES) ? n - i : FN(LANES);
        kept[k] = FN(fold_step)(FN(load_part)(x + i, count, neutral), kept[k], op);
    }
    VECTOR folded = FN(fold_step)(FN(fold_step)(kept[0], kept[1], op), FN(fold_step)(kept[2], kept[3], op), op);
    REAL lanes[FN(LANES)];
    FN(store)(lanes, folded);
    for (int width = FN(LANES) / 2; width; width /= 2)
        for (int lane = 0; lane < width; lane++)
            lanes[lane] = FN(fold_two)(lanes[lane + width], lanes[lane], op);
    return lanes[0];
}

/* The fold of n numbers */
static REAL FN(fold_row)(const REAL *x, ptrdiff_t n, int op) {
    return op == FOLD_PRODUCT   ? FN(fold_row_by)(x, n, FOLD_PRODUCT)
           : op == FOLD_LARGEST ? FN(fold_row_by)(x, n, FOLD_LARGEST)
                                : FN(fold_row_by)(x, n, FOLD_SMALLEST);
}

INLINE void FN(fold_into)(const REAL *x, ptrdiff_t stride, ptrdiff_t rows, REAL *kept, ptrdiff_t count, int op) {
    VECTOR folded = FN(load_part)(kept, count, 0);
    for (ptrdiff_t i = 0; i < rows; i++)
        folded = FN(fold_step)(FN(load_part)(x + i * stride, count, 0), folded, op);
    FN(store_part)(kept, folded, count);
}

/* kept = kept (op) each of `rows` rows of n columns, `stride` apart */
static void FN(fold_columns)(const REAL *x, ptrdiff_t stride, ptrdiff_t rows, REAL *kept, ptrdiff_t n, int op) {
    if (op == FOLD_PRODUCT)
        OVER_ROW(FN(fold_into)(x + i, stride, rows, kept + i, count, FOLD_PRODUCT));
    else if (op == FOLD_LARGEST)
        OVER_ROW(FN(fold_into)(x + i, stride, rows, kept + i, count, FOLD_LARGEST));
    else
        OVER_ROW(FN(fold_into)(x + i, stride, rows, kept + i, count, FOLD_SMALLEST));
}

/* Where x beats best, or is the first NaN, it and its place replace them, n columns side by side. Never inlined: merged
   with the loops around it, GCC 12 turns the choices into branches (as in tap.h). */
static NOINLINE void FN(take_place)(const REAL *restrict x, REAL *restrict best, INDEX *restrict which, ptrdiff_t n,
                                    INDEX place, int largest) {
    const REAL sign = largest ? 1 : -1;
    for (ptrdiff_t j = 0; j < n; j++) {
        REAL value = sign * x[j], old = best[j];
        int better = (value > old) | ((value != value) & (old == old));
        INDEX kept = which[j];
        best[j] = better ? value : old;
        which[j] = better ? place : kept;
    }
}

/* The sum of (x - mean)^2 over a row */
static double FN(row_squares)(const REAL *x, ptrdiff_t n, REAL mean) {
    const ptrdiff_t lanes = FN(LANES);
    const VECTOR middle = FN(splat)(mean);
    f64_vector sums[2] = {{0}, {0}};
    ptrdiff_t i = 0;
    for (; i + 4 * lanes <= n; i += 4 * lanes) {
        VECTOR a = FN(load)(x + i) - middle, b = FN(load)(x + i + lanes) - middle;
        VECTOR c = FN(load)(x + i + 2 * lanes) - middle, d = FN(load)(x + i + 3 * lanes) - middle;
        FN(widen)(sums, (a * a + b * b) + (c * c + d * d));
    }
    for (; i + lanes <= n; i += lanes) {
        VECTOR a = FN(load)(x + i) - middle;
        FN(widen)(sums, a * a);
    }
    if (i < n) {
        VECTOR a = FN(load_part)(x + i, n - i, mean) - middle;
        REAL terms[FN(LANES)]; /* by itself: inf - inf in the lanes beyond would be NaN */
        FN(store)(terms, a);
        double rest = 0;
        for (ptrdiff_t j = 0; j < n - i; j++)
            rest += (double)(terms[j] * terms[j]);
        return sum_lanes(sums[0] + sums[1]) + rest;
    }
    return sum_lanes(sums[0] + sums[1]);
}

/* sums += (x - mean)^2 for up to four rows of n columns, `stride` apart; no mean (NULL) is 0 */
static NOINLINE void FN(column_squares)(const REAL *restrict x, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t n,
                                        const REAL *restrict mean, double *restrict sums) {
    ptrdiff_t i = 0;
    for (; i + 4 <= rows; i += 4, x += 4 * stride)
        for (ptrdiff_t j = 0; j < n; j++) {
            REAL m = mean ? mean[j] : 0;
            REAL a = x[j] - m, b = x[j + stride] - m, c = x[j + 2 * stride] - m, d = x[j + 3 * stride] - m;
            sums[j] += (double)((a * a + b * b) + (c * c + d * d));
        }
    for (; i < rows; i++, x += stride)
        for (ptrdiff_t j = 0; j < n; j++) {
            REAL a = x[j] - (mean ? mean[j] : 0);
            sums[j] += (double)(a * a);
        }
}

/* dx = g where x is `extreme` (or both NaN), shared equally, else 0; where that is NaN and `spoils`, all NaN */
static void FN(share_row)(const REAL *x, REAL extreme, REAL g, REAL *dx, ptrdiff_t n, int spoils) {
    ptrdiff_t ties = 0;
    int is_nan = extreme != extreme;
    if (is_nan && spoils)
        g = extreme;
    for (ptrdiff_t start = 0; start < n; start += 1 << 20) { /* counted in 32 bits, which are as wide as the floats */
        ptrdiff_t end = n - start < 1 << 20 ? n : start + (1 << 20);
        int32_t found = 0;
        if (is_nan)
            for (ptrdiff_t i = start; i < end; i++)
                found += x[i] != x[i];
        else
            for (ptrdiff_t i = start; i < end; i++)
                found += x[i] == extreme;
        ties += found;
    }
    REAL share = g / (REAL)ties, none = is_nan && spoils ? extreme : 0;
    if (is_nan)
        for (ptrdiff_t i = 0; i < n; i++)
            dx[i] = x[i] != x[i] ? share : none;
    else
        for (ptrdiff_t i = 0; i < n; i++)
            dx[i] = x[i] == extreme ? share : none;
}

/* The same for n columns of `rows` rows, `stride` apart; share is scratch for n numbers */
static void FN(share_columns)(const REAL *x, const REAL *extreme, const REAL *g, REAL *dx, REAL *share,
                              ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t n, int spoils) {
    for (ptrdiff_t j = 0; j < n; j++)
        share[j] = 0;
    for (ptrdiff_t i = 0; i < rows; i++)
        for (ptrdiff_t j = 0; j < n; j++) {
            REAL value = x[i * stride + j];
            share[j] += (REAL)((value == extreme[j]) | ((value != value) & (extreme[j] != extreme[j])));
        }
    for (ptrdiff_t j = 0; j < n; j++)
        share[j] = spoils && extreme[j] != extreme[j] ? extreme[j] : g[j] / share[j];
    for (ptrdiff_t i = 0; i < rows; i++)
        for (ptrdiff_t j = 0; j < n; j++) {
            REAL value = x[i * stride + j], part = share[j];
            int tied = (value == extreme[j]) | ((value != value) & (extreme[j] != extreme[j])) | (part != part);
            dx[i * stride + j] = tied ? part : 0;
        }
}

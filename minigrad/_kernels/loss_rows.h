/* What softmax and cross-entropy need of a row of n neighbours, or of columns side by side. A template like exp.h.

   Sums: four terms in their own precision, pairwise, and these sums in double precision, so that a sum of floats has a
   relative error of 2^-23 of the terms' magnitudes whatever its length. The last, broken vector is filled up with what
   changes nothing. */

/* sums[0] + sums[1] += the sum of four vectors */
INLINE void FN(add_four)(f64_vector *sums, VECTOR a, VECTOR b, VECTOR c, VECTOR d) {
    FN(widen)(sums, (a + b) + (c + d));
}

INLINE REAL FN(peak)(const REAL *x, ptrdiff_t n) {
    /* The largest number; NaN is passed over here: it comes through the exponentials. */
    const VECTOR lowest = FN(splat)(-(REAL)INFINITY);
    VECTOR peaks[4] = {lowest, lowest, lowest, lowest};
    ptrdiff_t i = 0;
    for (; i + 4 * FN(LANES) <= n; i += 4 * FN(LANES))
        for (int k = 0; k < 4; k++)
            peaks[k] = FN(larger)(FN(load)(x + i + k * FN(LANES)), peaks[k]);
    for (; i + FN(LANES) <= n; i += FN(LANES))
        peaks[0] = FN(larger)(FN(load)(x + i), peaks[0]);
    if (i < n)
        peaks[1] = FN(larger)(FN(load_part)(x + i, n - i, -(REAL)INFINITY), peaks[1]);
    return FN(largest_lane)(FN(larger)(FN(larger)(peaks[0], peaks[1]), FN(larger)(peaks[2], peaks[3])));
}

/* exp(x - peak) of `count` <= LANES numbers, 0 in lanes beyond; it goes to out unless that is NULL. */
INLINE VECTOR FN(exponential_of)(const REAL *x, REAL *out, ptrdiff_t count, VECTOR peak) {
    VECTOR e = FN(exp_below)(FN(load_part)(x, count, -(REAL)INFINITY) - peak);
    if (out)
        FN(store_part)(out, e, count);
    return e;
}

/* The sum of exp(x - peak) */
INLINE double FN(sum_exponentials)(const REAL *x, REAL *out, ptrdiff_t n, REAL peak) {
    const VECTOR highest = FN(splat)(peak);
    const ptrdiff_t lanes = FN(LANES);
    f64_vector sums[2] = {{0}, {0}};
    ptrdiff_t i = 0;
    for (; i + 4 * lanes <= n; i += 4 * lanes) {
        VECTOR e[4];
        for (int k = 0; k < 4; k++)
            e[k] = FN(exponential_of)(x + i + k * lanes, out ? out + i + k * lanes : NULL, lanes, highest);
        FN(add_four)(sums, e[0], e[1], e[2], e[3]);
    }
    for (; i + lanes <= n; i += lanes)
        FN(widen)(sums, FN(exponential_of)(x + i, out ? out + i : NULL, lanes, highest));
    if (i < n)
        FN(widen)(sums, FN(exponential_of)(x + i, out ? out + i : NULL, n - i, highest));
    return sum_lanes(sums[0] + sums[1]);
}

/* a b of `count` <= LANES numbers, or a where b is NULL; 0 in lanes beyond */
INLINE VECTOR FN(product_of)(const REAL *a, const REAL *b, ptrdiff_t count) {
    VECTOR product = FN(load_part)(a, count, 0);
    if (b)
        product *= FN(load_part)(b, count, 0);
    return product;
}

INLINE double FN(sum_products)(const REAL *a, const REAL *b, ptrdiff_t n) {
    const ptrdiff_t lanes = FN(LANES);
    f64_vector sums[2] = {{0}, {0}};
    ptrdiff_t i = 0;
    for (; i + 4 * lanes <= n; i += 4 * lanes) {
        VECTOR p[4];
        for (int k = 0; k < 4; k++)
            p[k] = FN(product_of)(a + i + k * lanes, b ? b + i + k * lanes : NULL, lanes);
        FN(add_four)(sums, p[0], p[1], p[2], p[3]);
    }
    for (; i + lanes <= n; i += lanes)
        FN(widen)(sums, FN(product_of)(a + i, b ? b + i : NULL, lanes));
    if (i < n)
        FN(widen)(sums, FN(product_of)(a + i, b ? b + i : NULL, n - i));
    return sum_lanes(sums[0] + sums[1]);
}

static REAL FN(row_peak)(const REAL *x, ptrdiff_t n) {
    return FN(peak)(x, n);
}

/* The sum of exp(x - peak); the terms go to out unless it is NULL. */
static double FN(row_exponentials)(const REAL *x, REAL *out, ptrdiff_t n, REAL peak) {
    return out ? FN(sum_exponentials)(x, out, n, peak) : FN(sum_exponentials)(x, NULL, n, peak);
}

/* The sum of weight (x - peak); of x - peak where weight is NULL */
static double FN(row_weighted)(const REAL *x, const REAL *weight, ptrdiff_t n, REAL peak) {
    f64_vector sums[2] = {{0}, {0}};
    REAL last[FN(LANES)];
    ptrdiff_t i = 0;
    for (; i + FN(LANES) <= n; i += FN(LANES)) {
        VECTOR shifted = FN(load)(x + i) - peak;
        if (weight)
            shifted *= FN(load)(weight + i);
        FN(widen)(sums, shifted);
    }
    double total = sum_lanes(sums[0] + sums[1]);
    if (i < n)
        FN(store)(last, FN(load_part)(x + i, n - i, peak) - peak);
    for (ptrdiff_t j = 0; j < n - i; j++)
        total += (double)(weight ? last[j] * weight[i + j] : last[j]);
    return total;
}

static void FN(softmax_row)(const REAL *x, REAL *out, ptrdiff_t n) {
    REAL inverse = (REAL)(1.0 / FN(sum_exponentials)(x, out, n, FN(peak)(x, n)));
    OVER_ROW(FN(store_part)(out + i, FN(load_part)(out + i, count, 0) * inverse, count));
}

/* y (g - sum g y) */
static void FN(softmax_slope_row)(const REAL *g, const REAL *y, REAL *out, ptrdiff_t n) {
    REAL dot = (REAL)FN(sum_products)(g, y, n);
    OVER_ROW(FN(store_part)(out + i, FN(load_part)(y + i, count, 0) * (FN(load_part)(g + i, count, 0) - dot), count));
}

static void FN(log_softmax_row)(const REAL *x, REAL *out, ptrdiff_t n) {
    REAL peak = FN(peak)(x, n);
    REAL log_total = (REAL)log(FN(sum_exponentials)(x, NULL, n, peak));
    OVER_ROW(FN(store_part)(out + i, (FN(load_part)(x + i, count, 0) - peak) - log_total, count));
}

/* g - exp(y) q of `count` <= LANES numbers */
INLINE void FN(log_softmax_slope_of)(const REAL *g, const REAL *y, REAL *out, ptrdiff_t count, VECTOR q) {
    FN(store_part)(out, FN(load_part)(g, count, 0) - FN(exp_below)(FN(load_part)(y, count, 0)) * q, count);
}

static void FN(log_softmax_slope_row)(const REAL *g, const REAL *y, REAL *out, ptrdiff_t n) {
    VECTOR sum = FN(splat)((REAL)FN(sum_products)(g, NULL, n));
    OVER_ROW(FN(log_softmax_slope_of)(g + i, y + i, out + i, count, sum));
}

/* Columns side by side: one row of them at a time, n their number, with a q or peak for each */
static void FN(log_softmax_slope_columns)(const REAL *g, const REAL *y, REAL *out, ptrdiff_t n, const REAL *q) {
    OVER_ROW(FN(log_softmax_slope_of)(g + i, y + i, out + i, count, FN(load_part)(q + i, count, 0)));
}

/* total += exp(x - peak) of `count` <= LANES columns and four or `rows` < 4 rows of them, `stride` apart */
INLINE void FN(add_exponentials)(const REAL *x, REAL *out, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t count,
                                 const REAL *peak, double *total) {
    VECTOR highest = FN(load_part)(peak, count, 0);
    VECTOR e = FN(exponential_of)(x, out, count, highest);
    f64_vector sums[2] = {{0}, {0}};
    ptrdiff_t low = count < LANES_f64 ? count : LANES_f64;
    if (rows == 4) {
        VECTOR second = FN(exponential_of)(x + stride, out ? out + stride : NULL, count, highest);
        VECTOR third = FN(exponential_of)(x + 2 * stride, out ? out + 2 * stride : NULL, count, highest);
        VECTOR fourth = FN(exponential_of)(x + 3 * stride, out ? out + 3 * stride : NULL, count, highest);
        e = (e + second) + (third + fourth);
    } else {
        for (ptrdiff_t i = 1; i < rows; i++)
            e += FN(exponential_of)(x + i * stride, out ? out + i * stride : NULL, count, highest);
    }
    sums[0] = load_part_f64(total, low, 0);
    sums[1] = load_part_f64(total + low, count - low, 0);
    FN(widen)(sums, e);
    store_part_f64(total, sums[0], low);
    store_part_f64(total + low, sums[1], count - low);
}

/* total += exp(x - peak) of up to four rows; the terms go to out unless it is NULL. */
static void FN(column_exponentials)(const REAL *x, REAL *out, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t n,
                                    const REAL *peak, double *total) {
    if (rows == 4)
        OVER_ROW(FN(add_exponentials)(x + i, out ? out + i : NULL, stride, 4, count, peak + i, total + i));
    else
        OVER_ROW(FN(add_exponentials)(x + i, out ? out + i : NULL, stride, rows, count, peak + i, total + i));
}

static void FN(exponentials)(const REAL *x, REAL *out, ptrdiff_t n) {
    OVER_ROW(FN(store_part)(out + i, FN(exp)(FN(load_part)(x + i, count, 0)), count));
}

/* The steps between the products, on a block of scores: `keys` rows of `width` queries. A template like exp.h. */

#undef EACH_VECTOR
#define EACH_VECTOR(j) for (ptrdiff_t j = 0; j < width; j += FN(LANES))

/* scores += bias, unless that is NULL; and no query sees a key after its own place, which is `behind` keys before that of
   its lane (so that a causal mask does nothing where `behind` <= -keys). */
static void FN(attention_mask)(REAL *scores, ptrdiff_t width, ptrdiff_t keys, const REAL *bias, ptrdiff_t behind) {
    const VECTOR hidden = FN(splat)(-(REAL)INFINITY);
    VECTOR lane;
    for (int l = 0; l < FN(LANES); l++)
        lane[l] = (REAL)l;
    for (ptrdiff_t r = 0; r < keys; r++) {
        EACH_VECTOR(j) {
            REAL *at = scores + r * width + j;
            VECTOR x = FN(load)(at);
            if (bias)
                x += FN(load)(bias + r * width + j);
            if (r + behind > j) /* some lane is before this key */
                x = FN(pick)(FN(above)(FN(splat)((REAL)(r + behind - j)), lane), hidden, x);
            FN(store)(at, x);
        }
    }
}

/* bias[k][q] = mask[q][k], its elements q_step and k_step apart; of bools, 0 where true, otherwise -infinity. */
static void FN(attention_bias)(const void *mask, int is_bool, ptrdiff_t q_step, ptrdiff_t k_step, ptrdiff_t queries,
                               ptrdiff_t keys, REAL *bias, ptrdiff_t width) {
    for (ptrdiff_t q = 0; q < width; q++) {
        for (ptrdiff_t k = 0; k < keys; k++) {
            const ptrdiff_t at = (q < queries ? q : 0) * q_step + k * k_step;
            bias[k * width + q] =
                !is_bool ? ((const REAL *)mask)[at] : ((const uint8_t *)mask)[at] ? 0 : -(REAL)INFINITY;
        }
    }
}

/* One step of the online softmax: the largest score so far and the sum of exp(score - largest), moved on by a block of
   scores, which become these exponentials; 0 where dropout drops them, after they have been added up. `shrink` is what
   sums so far are to be multiplied with; returns whether any of it is not 1. `words` are NULL without dropout. */
static int FN(attention_exponentials)(REAL *scores, ptrdiff_t width, ptrdiff_t keys, REAL *largest, REAL *total,
                                      REAL *shrink, const uint32_t *words, ptrdiff_t first_key) {
    const VECTOR lowest = FN(splat)(-(REAL)INFINITY), zero = FN(splat)(0);
    int changed = 0;
    EACH_VECTOR(j) {
        const VECTOR before = FN(load)(largest + j);
        VECTOR peaks[4] = {before, lowest, lowest, lowest}, sums[4] = {zero, zero, zero, zero};
        ptrdiff_t r = 0;
        for (; r + 4 <= keys; r += 4)
            for (int i = 0; i < 4; i++)
                peaks[i] = FN(larger)(FN(load)(scores + (r + i) * width + j), peaks[i]);
        for (; r < keys; r++)
            peaks[0] = FN(larger)(FN(load)(scores + r * width + j), peaks[0]);
        const VECTOR peak = FN(larger)(FN(larger)(peaks[0], peaks[1]), FN(larger)(peaks[2], peaks[3]));
        /* Where nothing has been seen yet, -infinity - -infinity would be NaN. */
        const VECTOR base = FN(pick)(FN(above)(peak, lowest), peak, zero);
        const VECTOR factor = FN(exp_below)(before - base);
        FN(store)(largest + j, peak);
        FN(store)(shrink + j, factor);
        changed |= FN(some)(FN(above)(peak, before));
#undef STEP
#define STEP(r, i)                                                                                                    \
    do {                                                                                                              \
        REAL *at = scores + (r) * width + j;                                                                          \
        VECTOR e = FN(exp_below)(FN(load)(at) - base);                                                                \
        sums[i] += e;                                                                                                 \
        if (words) {                                                                                                  \
            const ptrdiff_t k = first_key + (r);                                                                      \
            e = (VECTOR)((FN(bits_vector))e & FN(kept)(words + k / 32 * width + j, 1u << k % 32));                    \
        }                                                                                                             \
        FN(store)(at, e);                                                                                             \
    } while (0)
        for (r = 0; r + 4 <= keys; r += 4) {
            STEP(r, 0);
            STEP(r + 1, 1);
            STEP(r + 2, 2);
            STEP(r + 3, 3);
        }
        for (; r < keys; r++)
            STEP(r, 0);
        FN(store)(total + j, FN(load)(total + j) * factor + ((sums[0] + sums[1]) + (sums[2] + sums[3])));
    }
    return changed;
}

/* x[e][q] *= factor[q] */
static void FN(attention_scale)(REAL *x, ptrdiff_t width, ptrdiff_t rows, const REAL *factor) {
    EACH_VECTOR(j) {
        const VECTOR by = FN(load)(factor + j);
        for (ptrdiff_t r = 0; r < rows; r++)
            FN(store)(x + r * width + j, FN(load)(x + r * width + j) * by);
    }
}

/* What sums are to be multiplied with at the end, keep_scale / total, to `total`; 0 for a query that sees no key. And
   log(sum of exp(score)) to lse, infinity for such a query: its weights are then 0 in the gradient too. */
static void FN(attention_finish)(REAL *total, const REAL *largest, ptrdiff_t queries, REAL keep_scale, REAL *lse) {
    for (ptrdiff_t q = 0; q < queries; q++) {
        const int sees_none = largest[q] == -(REAL)INFINITY && total[q] == 0;
        if (lse)
            lse[q] = sees_none ? (REAL)INFINITY : (REAL)(largest[q] + FN(scalar_log)(total[q]));
        total[q] = sees_none ? 0 : keep_scale / total[q];
    }
}

/* From scores and d(weights after dropout) to weights after dropout and d(scores): with weights w = exp(score - lse) and
   the mask m, 0 or keep_scale, these are w m and w (m dw - dot). */
static void FN(attention_slopes)(REAL *scores, REAL *slopes, ptrdiff_t width, ptrdiff_t keys, const REAL *lse,
                                 const REAL *dot, REAL keep_scale, const uint32_t *words, ptrdiff_t first_key) {
    EACH_VECTOR(j) {
        const VECTOR base = FN(load)(lse + j), share = FN(load)(dot + j);
        for (ptrdiff_t r = 0; r < keys; r++) {
            const ptrdiff_t k = first_key + r;
            VECTOR w = FN(exp_below)(FN(load)(scores + r * width + j) - base), dw = FN(load)(slopes + r * width + j);
            VECTOR out = w;
            if (words) {
                const FN(bits_vector) kept = FN(kept)(words + k / 32 * width + j, 1u << k % 32);
                dw = (VECTOR)((FN(bits_vector))(dw * keep_scale) & kept);
                out = (VECTOR)((FN(bits_vector))(w * keep_scale) & kept);
            }
            FN(store)(scores + r * width + j, out);
            FN(store)(slopes + r * width + j, w * (dw - share));
        }
    }
}

/* target[q][k] = slopes[k][q], the gradient of a mask */
static void FN(attention_store)(const REAL *slopes, ptrdiff_t width, ptrdiff_t queries, ptrdiff_t keys, REAL *target,
                                ptrdiff_t row) {
    for (ptrdiff_t q = 0; q < queries; q++)
        for (ptrdiff_t k = 0; k < keys; k++)
            target[q * row + k] = slopes[k * width + q];
}

static void FN(attention_times)(REAL *x, ptrdiff_t size, REAL factor) {
    for (ptrdiff_t i = 0; i < size; i++)
        x[i] *= factor;
}

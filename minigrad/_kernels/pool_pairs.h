/* Max pooling by windows of 2 x 2 at stride 2, a row of windows at a time, forward and backward. A template like exp.h.

   Neighbouring windows are neighbouring lanes: of each of the two lines the elements at even and at odd places are
   taken apart by shuffles. The last, broken vector is loaded and stored in part. */

#if REAL_BITS == 32
#define PLACES i32_vector
#else
#define PLACES i64_vector
#endif

#if defined(__clang__) /* no shuffle by a variable there: lane by lane */
INLINE VECTOR FN(shuffle)(VECTOR a, VECTOR b, PLACES order) {
    VECTOR out;
    for (int lane = 0; lane < FN(LANES); lane++)
        out[lane] = order[lane] < FN(LANES) ? a[order[lane]] : b[order[lane] - FN(LANES)];
    return out;
}
#else
INLINE VECTOR FN(shuffle)(VECTOR a, VECTOR b, PLACES order) { return __builtin_shuffle(a, b, order); }
#endif

/* begin + step * lane */
INLINE PLACES FN(steps)(INDEX begin, INDEX step) {
    PLACES out;
    for (int lane = 0; lane < FN(LANES); lane++)
        out[lane] = begin + step * lane;
    return out;
}

/* Where other beats value, or is NaN, it and its place replace them. */
INLINE void FN(beat)(VECTOR other, INDEX place, VECTOR *value, PLACES *which) {
    FN(mask) better = FN(above)(other, *value) | FN(unordered)(other, other);
    *value = FN(pick)(better, other, *value);
    *which = (PLACES)FN(pick)(better, (VECTOR)(place - (PLACES){0}), (VECTOR)*which);
}

/* The elements of `count` windows in a line: those at even places and those at odd ones */
INLINE void FN(take_apart)(const REAL *line, ptrdiff_t count, VECTOR *even, VECTOR *odd) {
    ptrdiff_t low = 2 * count < FN(LANES) ? 2 * count : FN(LANES);
    VECTOR first = FN(load_part)(line, low, 0), second = FN(load_part)(line + low, 2 * count - low, 0);
    *even = FN(shuffle)(first, second, FN(steps)(0, 2));
    *odd = FN(shuffle)(first, second, FN(steps)(1, 2));
}

/* `count` <= LANES windows; `corner` is the place of the first one's corner */
INLINE void FN(pairs_forward_of)(const REAL *above, const REAL *below, REAL *out, int64_t *indices, ptrdiff_t count,
                                 int64_t corner, INDEX width) {
    VECTOR value, odd, even_below, odd_below;
    PLACES which = {0};
    FN(take_apart)(above, count, &value, &odd);
    FN(take_apart)(below, count, &even_below, &odd_below);
    FN(beat)(odd, 1, &value, &which);
    FN(beat)(even_below, width, &value, &which);
    FN(beat)(odd_below, width + 1, &value, &which);
    which += FN(steps)(0, 2);
    FN(store_part)(out, value, count);
#if REAL_BITS == 32
    i32_half_vector half;
    ptrdiff_t low = count < LANES_f64 ? count : LANES_f64;
    memcpy(&half, &which, sizeof half);
    store_part_f64((double *)indices, (f64_vector)(__builtin_convertvector(half, i64_vector) + corner), low);
    memcpy(&half, (char *)&which + sizeof half, sizeof half);
    store_part_f64((double *)(indices + low), (f64_vector)(__builtin_convertvector(half, i64_vector) + corner),
                   count - low);
#else
    store_part_f64((double *)indices, (f64_vector)(which + corner), count);
#endif
}

static void FN(pairs_forward)(const REAL *above, REAL *out, int64_t *indices, ptrdiff_t count, int64_t corner,
                              ptrdiff_t width) {
    ptrdiff_t j = 0;
    for (; j + FN(LANES) <= count; j += FN(LANES))
        FN(pairs_forward_of)(above + 2 * j, above + width + 2 * j, out + j, indices + j, FN(LANES), corner + 2 * j,
                             (INDEX)width);
    if (j < count)
        FN(pairs_forward_of)(above + 2 * j, above + width + 2 * j, out + j, indices + j, count - j, corner + 2 * j,
                             (INDEX)width);
}

/* One line of `count` <= LANES windows: g where the index is that of the place, else 0 */
INLINE void FN(put_together)(REAL *line, ptrdiff_t count, VECTOR g, PLACES which, INDEX place) {
    const INDEX half = FN(LANES) / 2;
    PLACES low_order, high_order;
    for (int lane = 0; lane < FN(LANES); lane++) {
        low_order[lane] = lane / 2 + (lane & 1) * FN(LANES);
        high_order[lane] = low_order[lane] + half;
    }
    VECTOR even = (VECTOR)((PLACES)g & (which == place)), odd = (VECTOR)((PLACES)g & (which == place + 1));
    ptrdiff_t low = 2 * count < FN(LANES) ? 2 * count : FN(LANES);
    FN(store_part)(line, FN(shuffle)(even, odd, low_order), low);
    FN(store_part)(line + low, FN(shuffle)(even, odd, high_order), 2 * count - low);
}

INLINE void FN(pairs_backward_of)(const REAL *g, const int64_t *indices, REAL *above, REAL *below, ptrdiff_t count,
                                  int64_t corner, INDEX width) {
    PLACES which;
#if REAL_BITS == 32
    ptrdiff_t low = count < LANES_f64 ? count : LANES_f64;
    i64_vector first = (i64_vector)load_part_f64((const double *)indices, low, 0) - corner;
    i64_vector second = (i64_vector)load_part_f64((const double *)(indices + low), count - low, 0) - corner;
    i32_half_vector half = __builtin_convertvector(first, i32_half_vector);
    memcpy(&which, &half, sizeof half);
    half = __builtin_convertvector(second, i32_half_vector);
    memcpy((char *)&which + sizeof half, &half, sizeof half);
#else
    which = (i64_vector)load_part_f64((const double *)indices, count, 0) - corner;
#endif
    which -= FN(steps)(0, 2);
    VECTOR gradient = FN(load_part)(g, count, 0);
    FN(put_together)(above, count, gradient, which, 0);
    FN(put_together)(below, count, gradient, which, width);
}

static void FN(pairs_backward)(const REAL *g, const int64_t *indices, REAL *above, ptrdiff_t count, int64_t corner,
                               ptrdiff_t width) {
    ptrdiff_t j = 0;
    for (; j + FN(LANES) <= count; j += FN(LANES))
        FN(pairs_backward_of)(g + j, indices + j, above + 2 * j, above + width + 2 * j, FN(LANES), corner + 2 * j,
                              (INDEX)width);
    if (j < count)
        FN(pairs_backward_of)(g + j, indices + j, above + 2 * j, above + width + 2 * j, count - j, corner + 2 * j,
                              (INDEX)width);
}
#undef PLACES

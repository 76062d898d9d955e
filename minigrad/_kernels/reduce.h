/* Sums of up to SUM_BLOCK neighbouring numbers, in double precision.

   Converting floats to doubles takes longer than adding them. With AVX-512 the bits are moved instead: those of a
   float in the upper half of 64, shifted right by three, are a double of the same sign and digits whose exponent is
   off by 1023 - 127. It is 2^896 times smaller, exactly, zeros and subnormal numbers included, for a shift and a mask.
   Only infinity and NaN come out wrong, which a sum of floats beside it tells; then the block is converted. */
#ifndef MINIGRAD_REDUCE_H
#define MINIGRAD_REDUCE_H

#include <math.h>
#include "simd.h"

enum { SUM_BLOCK = 1024, SUM_LANES = VECTOR_BYTES / 8 };

/* SUM_LANES floats in double precision. GCC 12 makes two conversions and an insertion of __builtin_convertvector. */
static inline f64_vector load_doubles_f32(const float *x) {
#if VECTOR_BYTES == 64
    return _mm512_cvtps_pd(_mm256_loadu_ps(x));
#elif VECTOR_BYTES == 32
    return _mm256_cvtps_pd(_mm_loadu_ps(x));
#else
    return __builtin_convertvector(*(const f32_half_unaligned *)x, f64_vector);
#endif
}

static inline f64_vector load_doubles_f64(const double *x) {
    return *(const f64_unaligned *)x;
}

/* Four lanes serve short rows better than eight: less is left over, and less is to be folded at the end. */
typedef double f64_four __attribute__((vector_size(32), may_alias));
typedef float f32_four_unaligned __attribute__((vector_size(16), may_alias, aligned(4)));
typedef double f64_four_unaligned __attribute__((vector_size(32), may_alias, aligned(8)));

#define LOAD_FOUR_f32(x) __builtin_convertvector(*(const f32_four_unaligned *)(x), f64_four)
#define LOAD_FOUR_f64(x) (*(const f64_four_unaligned *)(x))

/* Eight vectors of partial sums hide the latency of an addition. */
#define DEFINE_SUM_BLOCK(suffix, real)                                                \
    static inline double converted_sum_##suffix(const real *x, int64_t size) {            \
        double sum = 0;                                                               \
        int64_t i = 0;                                                                \
        if (size >= 8 * SUM_LANES) {                                                  \
            f64_vector sums[8] = {{0}};                                               \
            for (; i + 8 * SUM_LANES <= size; i += 8 * SUM_LANES)                     \
                for (int k = 0; k < 8; k++)                                           \
                    sums[k] += load_doubles_##suffix(x + i + k * SUM_LANES);          \
            sums[0] = ((sums[0] + sums[1]) + (sums[2] + sums[3])) +                   \
                      ((sums[4] + sums[5]) + (sums[6] + sums[7]));                    \
            for (int lane = 0; lane < SUM_LANES; lane += 2)                           \
                sum += sums[0][lane] + sums[0][lane + 1];                             \
        }                                                                             \
        if (i + 8 <= size) {                                                          \
            f64_four a = {0}, b = {0};                                                \
            for (; i + 8 <= size; i += 8) {                                           \
                a += LOAD_FOUR_##suffix(x + i);                                       \
                b += LOAD_FOUR_##suffix(x + i + 4);                                   \
            }                                                                         \
            a += b;                                                                   \
            sum += (a[0] + a[1]) + (a[2] + a[3]);                                     \
        }                                                                             \
        for (; i < size; i++)                                                         \
            sum += (double)x[i];                                                      \
        return sum;                                                                   \
    }

DEFINE_SUM_BLOCK(f32, float)
DEFINE_SUM_BLOCK(f64, double)

#if VECTOR_BYTES == 64
/* sums[0] + sums[1] += 2^-896 v */
INLINE void add_moved(f64_vector *sums, f32_vector v) {
    const __m512i zero = _mm512_setzero_si512(), mask = _mm512_set1_epi64((int64_t)0x8fffffffffffffffu);
    __m512i low = _mm512_srai_epi64(_mm512_unpacklo_epi32(zero, (__m512i)v), 3);
    __m512i high = _mm512_srai_epi64(_mm512_unpackhi_epi32(zero, (__m512i)v), 3);
    sums[0] += (f64_vector)_mm512_and_si512(low, mask);
    sums[1] += (f64_vector)_mm512_and_si512(high, mask);
}

static double sum_block_f32(const float *x, int64_t size) {
    f64_vector sums[4] = {{0}};
    f32_vector finite = {0};
    int64_t i = 0;
    for (; i + 32 <= size; i += 32) {
        f32_vector a = load_f32(x + i), b = load_f32(x + i + 16);
        finite += a + b;
        add_moved(sums, a);
        add_moved(sums + 2, b);
    }
    for (; i < size; i += 16) {
        f32_vector rest = load_part_f32(x + i, size - i < 16 ? size - i : 16, 0);
        finite += rest;
        add_moved(sums, rest);
    }
    if (some_f32(~equal_f32(finite - finite, (f32_vector){0})))
        return converted_sum_f32(x, size);
    return sum_lanes((sums[0] + sums[1]) + (sums[2] + sums[3])) * 0x1p896;
}
#else
static double sum_block_f32(const float *x, int64_t size) { return converted_sum_f32(x, size); }
#endif

static double sum_block_f64(const double *x, int64_t size) { return converted_sum_f64(x, size); }

enum { FOLD_LARGEST, FOLD_SMALLEST, FOLD_PRODUCT };

#if defined(__GNUC__) || defined(__clang__)
#define NOINLINE __attribute__((noinline))
#else
#define NOINLINE
#endif

#define TEMPLATE "folds.h"
#include "both_types.h"

#endif

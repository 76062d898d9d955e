/* Sums of up to SUM_BLOCK neighbouring numbers, in double precision. */
#ifndef MINIGRAD_REDUCE_H
#define MINIGRAD_REDUCE_H

#include "vectors.h"

enum { SUM_BLOCK = 1024, SUM_LANES = VECTOR_BYTES / 8 };

static inline f64_vector load_doubles_f32(const float *x) {
    return __builtin_convertvector(*(const f32_half_unaligned *)x, f64_vector);
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
    static inline double sum_block_##suffix(const real *x, int64_t size) {            \
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

#endif

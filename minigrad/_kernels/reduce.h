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

static inline double sum_lanes(f64_vector total) {
    double sum = 0;
    for (int lane = 0; lane < SUM_LANES; lane += 2)
        sum += total[lane] + total[lane + 1];
    return sum;
}

/* Eight vectors of partial sums hide the latency of an addition. */
#define DEFINE_SUM_BLOCK(suffix, real)                                         \
    static inline double sum_block_##suffix(const real *x, int64_t size) {     \
        double sum = 0;                                                        \
        int64_t i = 0;                                                         \
        if (size >= SUM_LANES) {                                               \
            f64_vector sums[8] = {{0}};                                        \
            for (; i + 8 * SUM_LANES <= size; i += 8 * SUM_LANES)              \
                for (int k = 0; k < 8; k++)                                    \
                    sums[k] += load_doubles_##suffix(x + i + k * SUM_LANES);   \
            for (; i + SUM_LANES <= size; i += SUM_LANES)                      \
                sums[0] += load_doubles_##suffix(x + i);                       \
            sum = sum_lanes(((sums[0] + sums[1]) + (sums[2] + sums[3])) +      \
                            ((sums[4] + sums[5]) + (sums[6] + sums[7])));      \
        }                                                                      \
        for (; i < size; i++)                                                  \
            sum += (double)x[i];                                               \
        return sum;                                                            \
    }

DEFINE_SUM_BLOCK(f32, float)
DEFINE_SUM_BLOCK(f64, double)

#endif

/* The sums over a run of neighbours that normalizations need, with vectors. A block of vectors is added up in its own
 * precision, and blocks in double: for float32 that spares seven of eight conversions, the dearest part of a sum. */
#ifndef MINIGRAD_NORM_H
#define MINIGRAD_NORM_H

#include "reduce.h"
#include "stream.h"

enum { NORM_BLOCK = 8 /* the vectors of a block */ };

/* The lanes of a vector in double precision; those of floats are added in pairs before. */
INLINE f64_vector paired_f32(f32_vector x) {
    float lanes[LANES_f32] __attribute__((aligned(64)));
    *(f32_vector *)lanes = x;
    *(f32_half_vector *)lanes += *(f32_half_vector *)(lanes + LANES_f32 / 2);
    return load_doubles_f32(lanes);
}

INLINE f64_vector paired_f64(f64_vector x) {
    return x;
}

/* The sum of SUM_LANES partial sums, in pairs. */
static inline double fold_lanes(const double *lanes) {
    double sums[SUM_LANES];
    for (int lane = 0; lane < SUM_LANES; lane++)
        sums[lane] = lanes[lane];
    for (int width = SUM_LANES / 2; width; width /= 2)
        for (int lane = 0; lane < width; lane++)
            sums[lane] += sums[lane + width];
    return sums[0];
}

#define DEFINE_NORM_SUMS(suffix, real, vector)                                                                      \
    INLINE void add_powers_##suffix(vector d, vector *sum, vector *squares) {                                       \
        *sum += d;                                                                                                  \
        *squares += d * d;                                                                                          \
    }                                                                                                               \
                                                                                                                    \
    /* Adds x - pivot to the SUM_LANES partial sums of `sum`, its square to those of `squares` (NULL: left out). */ \
    INLINE void sum_powers_##suffix(const real *x, int64_t size, real pivot, double *sum, double *squares) {        \
        f64_vector wide = {0}, wide_squares = {0};                                                                  \
        int64_t i = 0;                                                                                              \
        while (i + LANES_##suffix <= size) {                                                                        \
            vector block = {0}, block_squares = {0};                                                                \
            int64_t vectors = (size - i) / LANES_##suffix;                                                          \
            if (vectors >= NORM_BLOCK) /* a constant, by which the loop is unrolled */                              \
                for (int64_t end = i + NORM_BLOCK * LANES_##suffix; i < end; i += LANES_##suffix)                   \
                    add_powers_##suffix(load_##suffix(x + i) - pivot, &block, &block_squares);                      \
            else                                                                                                    \
                for (; i + LANES_##suffix <= size; i += LANES_##suffix)                                             \
                    add_powers_##suffix(load_##suffix(x + i) - pivot, &block, &block_squares);                      \
            wide += paired_##suffix(block);                                                                          \
            if (squares)                                                                                            \
                wide_squares += paired_##suffix(block_squares);                                                      \
        }                                                                                                           \
        for (; i < size; i++) {                                                                                     \
            double d = (double)x[i] - (double)pivot;                                                                \
            wide[0] += d;                                                                                           \
            wide_squares[0] += d * d;                                                                               \
        }                                                                                                           \
        *(f64_unaligned *)sum += wide;                                                                              \
        if (squares)                                                                                                \
            *(f64_unaligned *)squares += wide_squares;                                                              \
    }                                                                                                               \
                                                                                                                    \
    INLINE void add_products_##suffix(const real *g, const real *x, const real *weight, int64_t i, real mean,       \
                                      vector *sum_g, vector *sum_gx) {                                              \
        vector p = load_##suffix(g + i);                                                                            \
        if (weight)                                                                                                 \
            p *= load_##suffix(weight + i);                                                                         \
        *sum_g += p;                                                                                                \
        *sum_gx += p * (load_##suffix(x + i) - mean);                                                               \
    }                                                                                                               \
                                                                                                                    \
    /* Adds g w, and g w (x - mean), to the SUM_LANES partial sums of `sum_g` and `sum_gx`; w may be NULL. */       \
    INLINE void sum_products_##suffix(const real *g, const real *x, const real *weight, int64_t size, real mean,    \
                                      double *sum_g, double *sum_gx) {                                              \
        f64_vector of_g = {0}, of_gx = {0};                                                                         \
        int64_t i = 0;                                                                                              \
        while (i + LANES_##suffix <= size) {                                                                        \
            vector block_g = {0}, block_gx = {0};                                                                   \
            int64_t vectors = (size - i) / LANES_##suffix;                                                          \
            if (vectors >= NORM_BLOCK)                                                                              \
                for (int64_t end = i + NORM_BLOCK * LANES_##suffix; i < end; i += LANES_##suffix)                   \
                    add_products_##suffix(g, x, weight, i, mean, &block_g, &block_gx);                              \
            else                                                                                                    \
                for (; i + LANES_##suffix <= size; i += LANES_##suffix)                                             \
                    add_products_##suffix(g, x, weight, i, mean, &block_g, &block_gx);                              \
            of_g += paired_##suffix(block_g);                                                                        \
            of_gx += paired_##suffix(block_gx);                                                                      \
        }                                                                                                           \
        for (; i < size; i++) {                                                                                     \
            real p = weight ? g[i] * weight[i] : g[i];                                                              \
            of_g[0] += (double)p;                                                                                   \
            of_gx[0] += (double)p * (x[i] - mean);                                                                  \
        }                                                                                                           \
        *(f64_unaligned *)sum_g += of_g;                                                                            \
        *(f64_unaligned *)sum_gx += of_gx;                                                                          \
    }

DEFINE_NORM_SUMS(f32, float, f32_vector)
DEFINE_NORM_SUMS(f64, double, f64_vector)

#endif

/* One row of layer normalization, and the gradients of several, with vectors. layernorm.pyx says what is computed. */
#ifndef MINIGRAD_LAYERNORM_H
#define MINIGRAD_LAYERNORM_H

#include "reduce.h"

enum {
    NORM_ROWS = 8,  /* the most rows whose columns are added up in their own precision */
    NORM_BLOCK = 8, /* the vectors of a row that are */
};

#define ALWAYS static inline __attribute__((always_inline))

#define DEFINE_LAYER_NORM(suffix, real, vector, unaligned)                                                          \
    enum { WIDTH_##suffix = VECTOR_BYTES / sizeof(real) };                                                          \
                                                                                                                    \
    /* What the gradient of a row is made of: dx = rstd g w - (shift + slope x^), x^ = (x - mean) rstd. */          \
    typedef struct {                                                                                                \
        real mean, rstd, shift, slope;                                                                              \
    } row_terms_##suffix;                                                                                           \
                                                                                                                    \
    ALWAYS vector load_##suffix(const real *x) {                                                                    \
        return *(const unaligned *)x;                                                                               \
    }                                                                                                               \
                                                                                                                    \
    /* The sum of (x - mean)^2. */                                                                                  \
    static inline double sum_squares_##suffix(const real *x, int64_t size, double mean) {                           \
        f64_vector sums[4] = {{0}};                                                                                 \
        double sum = 0;                                                                                             \
        int64_t i = 0;                                                                                              \
        for (; i + 4 * SUM_LANES <= size; i += 4 * SUM_LANES)                                                       \
            for (int k = 0; k < 4; k++) {                                                                           \
                f64_vector d = load_doubles_##suffix(x + i + k * SUM_LANES) - mean;                                 \
                sums[k] += d * d;                                                                                   \
            }                                                                                                       \
        for (; i + SUM_LANES <= size; i += SUM_LANES) {                                                             \
            f64_vector d = load_doubles_##suffix(x + i) - mean;                                                     \
            sums[0] += d * d;                                                                                       \
        }                                                                                                           \
        for (; i < size; i++)                                                                                       \
            sum += ((double)x[i] - mean) * ((double)x[i] - mean);                                                   \
        sums[0] = (sums[0] + sums[1]) + (sums[2] + sums[3]);                                                        \
        for (int lane = 0; lane < SUM_LANES; lane++)                                                                \
            sum += sums[0][lane];                                                                                   \
        return sum;                                                                                                 \
    }                                                                                                               \
                                                                                                                    \
    /* out = ((x - mean) rstd + shift) w + b; w and b may be NULL. */                                               \
    ALWAYS void affine_row_##suffix(const real *x, real *out, int64_t size, const real *weight, const real *bias,   \
                                    real mean, real rstd, real shift) {                                             \
        int64_t i = 0;                                                                                              \
        for (; i + WIDTH_##suffix <= size; i += WIDTH_##suffix) {                                                   \
            vector y = (load_##suffix(x + i) - mean) * rstd + shift;                                                \
            if (weight)                                                                                             \
                y *= load_##suffix(weight + i);                                                                     \
            if (bias)                                                                                               \
                y += load_##suffix(bias + i);                                                                       \
            *(unaligned *)(out + i) = y;                                                                            \
        }                                                                                                           \
        for (; i < size; i++) {                                                                                     \
            real y = (x[i] - mean) * rstd + shift;                                                                  \
            y = weight ? y * weight[i] : y;                                                                         \
            out[i] = bias ? y + bias[i] : y;                                                                        \
        }                                                                                                           \
    }                                                                                                               \
                                                                                                                    \
    static inline void normalize_row_##suffix(const real *x, real *out, int64_t size, const real *weight,           \
                                              const real *bias, real mean, real rstd, real shift) {                 \
        if (weight && bias)                                                                                         \
            affine_row_##suffix(x, out, size, weight, bias, mean, rstd, shift);                                     \
        else if (weight)                                                                                            \
            affine_row_##suffix(x, out, size, weight, NULL, mean, rstd, shift);                                     \
        else                                                                                                        \
            affine_row_##suffix(x, out, size, NULL, bias, mean, rstd, shift);                                       \
    }                                                                                                               \
                                                                                                                    \
    /* Adds a vector to `total`, in double precision. */                                                            \
    ALWAYS void add_wide_##suffix(vector x, f64_vector *total) {                                                    \
        real lanes[WIDTH_##suffix] __attribute__((aligned(64)));                                                    \
        *(vector *)lanes = x;                                                                                       \
        for (int lane = 0; lane < WIDTH_##suffix; lane += SUM_LANES)                                                \
            *total += load_doubles_##suffix(lanes + lane);                                                          \
    }                                                                                                               \
                                                                                                                    \
    /* The sums of g w and of g w (x - mean): blocks in their own precision, then in double. */                     \
    ALWAYS void sum_products_##suffix(const real *g, const real *x, const real *weight, int64_t size, real mean,    \
                                      double *sum_g, double *sum_gx) {                                              \
        f64_vector of_g = {0}, of_gx = {0};                                                                         \
        double g_rest = 0, gx_rest = 0;                                                                             \
        int64_t i = 0;                                                                                              \
        while (i + WIDTH_##suffix <= size) {                                                                        \
            vector block_g = {0}, block_gx = {0};                                                                   \
            int64_t end = i + NORM_BLOCK * WIDTH_##suffix;                                                          \
            for (; i + WIDTH_##suffix <= size && i < end; i += WIDTH_##suffix) {                                    \
                vector p = load_##suffix(g + i);                                                                    \
                if (weight)                                                                                         \
                    p *= load_##suffix(weight + i);                                                                 \
                block_g += p;                                                                                       \
                block_gx += p * (load_##suffix(x + i) - mean);                                                      \
            }                                                                                                       \
            add_wide_##suffix(block_g, &of_g);                                                                      \
            add_wide_##suffix(block_gx, &of_gx);                                                                    \
        }                                                                                                           \
        for (; i < size; i++) {                                                                                     \
            real p = weight ? g[i] * weight[i] : g[i];                                                              \
            g_rest += p;                                                                                            \
            gx_rest += (double)p * (x[i] - mean);                                                                   \
        }                                                                                                           \
        for (int lane = 0; lane < SUM_LANES; lane++) {                                                              \
            g_rest += of_g[lane];                                                                                   \
            gx_rest += of_gx[lane];                                                                                 \
        }                                                                                                           \
        *sum_g = g_rest;                                                                                            \
        *sum_gx = gx_rest;                                                                                          \
    }                                                                                                               \
                                                                                                                    \
    /* dx of `rows` rows (NULL: not asked for), and dweight and dbias added to (NULL: neither is asked for). */     \
    ALWAYS void gradient_columns_##suffix(const real *g, const real *x, const real *weight, real *dx, int64_t rows, \
                                          int64_t size, const row_terms_##suffix *terms, double *dweight,           \
                                          double *dbias) {                                                          \
        int64_t i = 0;                                                                                              \
        for (; i + WIDTH_##suffix <= size; i += WIDTH_##suffix) {                                                   \
            vector of_weight = {0}, of_bias = {0};                                                                  \
            vector w = (vector){0} + 1;                                                                             \
            if (weight)                                                                                             \
                w = load_##suffix(weight + i);                                                                      \
            for (int64_t r = 0; r < rows; r++) {                                                                    \
                vector of_g = load_##suffix(g + r * size + i);                                                      \
                vector normal = (load_##suffix(x + r * size + i) - terms[r].mean) *                                 \
                                terms[r].rstd;                                                                      \
                of_weight += of_g * normal;                                                                         \
                of_bias += of_g;                                                                                    \
                if (dx)                                                                                             \
                    *(unaligned *)(dx + r * size + i) =                                                             \
                        of_g * w * terms[r].rstd - (normal * terms[r].slope + terms[r].shift);                      \
            }                                                                                                       \
            if (dweight) {                                                                                          \
                real lanes[2][WIDTH_##suffix] __attribute__((aligned(64)));                                         \
                *(vector *)lanes[0] = of_weight;                                                                    \
                *(vector *)lanes[1] = of_bias;                                                                      \
                for (int lane = 0; lane < WIDTH_##suffix; lane += SUM_LANES) {                                      \
                    *(f64_unaligned *)(dweight + i + lane) += load_doubles_##suffix(lanes[0] + lane);               \
                    *(f64_unaligned *)(dbias + i + lane) += load_doubles_##suffix(lanes[1] + lane);                 \
                }                                                                                                   \
            }                                                                                                       \
        }                                                                                                           \
        for (; i < size; i++) {                                                                                     \
            for (int64_t r = 0; r < rows; r++) {                                                                    \
                real of_g = g[r * size + i];                                                                        \
                real normal = (x[r * size + i] - terms[r].mean) * terms[r].rstd;                                    \
                if (dweight) {                                                                                      \
                    dweight[i] += (double)(of_g * normal);                                                          \
                    dbias[i] += (double)of_g;                                                                       \
                }                                                                                                   \
                if (dx)                                                                                             \
                    dx[r * size + i] = of_g * (weight ? weight[i] : (real)1) * terms[r].rstd -                      \
                                       (normal * terms[r].slope + terms[r].shift);                                  \
            }                                                                                                       \
        }                                                                                                           \
    }                                                                                                               \
                                                                                                                    \
    /* The gradients of up to NORM_ROWS rows: their sums, one after the other, then all of them column by column. */\
    ALWAYS void gradient_rows_as_##suffix(const real *g, const real *x, const real *weight, const real *mean,       \
                                          const real *rstd, real *dx, int64_t rows, int64_t size, double *dweight,  \
                                          double *dbias) {                                                          \
        row_terms_##suffix terms[NORM_ROWS];                                                                        \
        for (int64_t r = 0; r < rows; r++) {                                                                        \
            double sum_g = 0, sum_gx = 0, scale = (double)rstd[r];                                                  \
            if (dx)                                                                                                 \
                sum_products_##suffix(g + r * size, x + r * size, weight, size, mean[r], &sum_g, &sum_gx);          \
            terms[r].mean = mean[r];                                                                                \
            terms[r].rstd = rstd[r];                                                                                \
            terms[r].shift = (real)(scale * sum_g / (double)size);                                                  \
            terms[r].slope = (real)(scale * scale * sum_gx / (double)size);                                         \
        }                                                                                                           \
        gradient_columns_##suffix(g, x, weight, dx, rows, size, terms, dweight, dbias);                             \
    }                                                                                                               \
                                                                                                                    \
    static inline void gradient_rows_##suffix(const real *g, const real *x, const real *weight, const real *mean,   \
                                              const real *rstd, real *dx, int64_t rows, int64_t size,               \
                                              double *dweight, double *dbias) {                                     \
        if (!dx)                                                                                                    \
            gradient_rows_as_##suffix(g, x, weight, mean, rstd, NULL, rows, size, dweight, dbias);                  \
        else if (weight)                                                                                            \
            gradient_rows_as_##suffix(g, x, weight, mean, rstd, dx, rows, size, dweight, dbias);                    \
        else                                                                                                        \
            gradient_rows_as_##suffix(g, x, NULL, mean, rstd, dx, rows, size, dweight, dbias);                      \
    }

DEFINE_LAYER_NORM(f32, float, f32_vector, f32_unaligned)
DEFINE_LAYER_NORM(f64, double, f64_vector, f64_unaligned)

#endif

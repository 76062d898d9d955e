/* Rows of layer normalization and their gradients, several at a time. layernorm.pyx says what is computed. */
#ifndef MINIGRAD_LAYERNORM_H
#define MINIGRAD_LAYERNORM_H

#include <math.h>
#include "norm.h"
#include "stream.h"

enum {
    FORWARD_ROWS = 4, /* the most rows normalized together */
    NORM_ROWS = 8,    /* the most rows whose columns are added up in their own precision */
};

#define DEFINE_LAYER_NORM(suffix, real, vector, unaligned)                                                          \
    /* What the gradient of a row is made of: dx = rstd g w - (shift + slope x^), x^ = (x - mean) rstd. */          \
    typedef struct {                                                                                                \
        real mean, rstd, shift, slope;                                                                              \
    } row_terms_##suffix;                                                                                           \
                                                                                                                    \
    /* out = ((x - mean) rstd + shift) w + b; w and b may be NULL. */                                               \
    INLINE void affine_row_##suffix(const real *x, real *out, int64_t size, const real *weight, const real *bias,   \
                                    real mean, real rstd, real shift, int streaming) {                              \
        int64_t i = 0;                                                                                              \
        for (; i + LANES_##suffix <= size; i += LANES_##suffix) {                                                   \
            vector y = (load_##suffix(x + i) - mean) * rstd + shift;                                                \
            if (weight)                                                                                             \
                y *= load_##suffix(weight + i);                                                                     \
            if (bias)                                                                                               \
                y += load_##suffix(bias + i);                                                                       \
            put_##suffix(out + i, y, streaming);                                                                  \
        }                                                                                                           \
        for (; i < size; i++) {                                                                                     \
            real y = (x[i] - mean) * rstd + shift;                                                                  \
            y = weight ? y * weight[i] : y;                                                                         \
            out[i] = bias ? y + bias[i] : y;                                                                        \
        }                                                                                                           \
    }                                                                                                               \
                                                                                                                    \
    static inline void normalize_row_##suffix(const real *x, real *out, int64_t size, const real *weight,           \
                                              const real *bias, real mean, real rstd, real shift, int streaming) {  \
        if (weight && bias && streaming && (uintptr_t)out % VECTOR_BYTES == 0)                                      \
            affine_row_##suffix(x, out, size, weight, bias, mean, rstd, shift, 1);                                  \
        else if (weight && bias)                                                                                    \
            affine_row_##suffix(x, out, size, weight, bias, mean, rstd, shift, 0);                                  \
        else                                                                                                        \
            affine_row_##suffix(x, out, size, weight, bias, mean, rstd, shift, 0);                                  \
    }                                                                                                               \
                                                                                                                    \
    /* Mean and variance from the sums of x - pivot and of its square: the first corrects the pivot, which is nearly\
     * the mean. Where a square was too large for the row's precision they are computed anew, in double. */         \
    static inline double moments_##suffix(const real *x, int64_t size, real pivot, double sum, double squares,      \
                                          double *variance) {                                                       \
        double mean = sum / (double)size;                                                                           \
        *variance = squares / (double)size - mean * mean;                                                           \
        mean += (double)pivot;                                                                                      \
        if (*variance < 0)                                                                                          \
            *variance = 0;                                                                                          \
        if (!(*variance < 1e300)) {                                                                                 \
            mean = sum_block_##suffix(x, size) / (double)size;                                                      \
            squares = 0;                                                                                            \
            for (int64_t i = 0; i < size; i++)                                                                      \
                squares += ((double)x[i] - mean) * ((double)x[i] - mean);                                           \
            *variance = squares / (double)size;                                                                     \
        }                                                                                                           \
        return mean;                                                                                                \
    }                                                                                                               \
                                                                                                                    \
    /* Up to FORWARD_ROWS rows, each step for all: while the sum of one is waited for, the next one is read. */     \
    static inline void normalize_rows_##suffix(const real *x, real *out, int64_t rows, int64_t size,                \
                                               const real *weight, const real *bias, double eps, real *mean,        \
                                               real *rstd, int streaming) {                                         \
        double nearly[FORWARD_ROWS][SUM_LANES] = {{0}}, sum[FORWARD_ROWS][SUM_LANES] = {{0}};                       \
        double squares[FORWARD_ROWS][SUM_LANES] = {{0}}, variance;                                                  \
        real shift[FORWARD_ROWS];                                                                                   \
        for (int64_t r = 0; r < rows; r++)                                                                          \
            sum_powers_##suffix(x + r * size, size, 0, nearly[r], NULL);                                            \
        for (int64_t r = 0; r < rows; r++) {                                                                        \
            mean[r] = (real)(fold_lanes(nearly[r]) / (double)size);                                                 \
            sum_powers_##suffix(x + r * size, size, mean[r], sum[r], squares[r]);                                   \
        }                                                                                                           \
        for (int64_t r = 0; r < rows; r++) {                                                                        \
            double exact = moments_##suffix(x + r * size, size, mean[r], fold_lanes(sum[r]), fold_lanes(squares[r]),\
                                            &variance);                                                             \
            double scale = 1 / sqrt(variance + eps);                                                                \
            mean[r] = (real)exact;                                                                                  \
            rstd[r] = (real)scale;                                                                                  \
            shift[r] = (real)(((double)mean[r] - exact) * scale);                                                   \
        }                                                                                                           \
        for (int64_t r = 0; r < rows; r++)                                                                          \
            normalize_row_##suffix(x + r * size, out + r * size, size, weight, bias, mean[r], rstd[r], shift[r],    \
                                   streaming);                                                                      \
    }                                                                                                               \
                                                                                                                    \
    /* dx of `rows` rows (NULL: not asked for), and dweight and dbias added to (NULL: neither is asked for). */     \
    INLINE void gradient_columns_##suffix(const real *g, const real *x, const real *weight, real *dx, int64_t rows, \
                                          int64_t size, const row_terms_##suffix *terms, double *dweight,           \
                                          double *dbias, int streaming) {                                           \
        int64_t i = 0;                                                                                              \
        for (; i + LANES_##suffix <= size; i += LANES_##suffix) {                                                   \
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
                    put_##suffix(dx + r * size + i,                                                               \
                                   of_g * w * terms[r].rstd - (normal * terms[r].slope + terms[r].shift), streaming);\
            }                                                                                                       \
            if (dweight) {                                                                                          \
                real lanes[2][LANES_##suffix] __attribute__((aligned(64)));                                         \
                *(vector *)lanes[0] = of_weight;                                                                    \
                *(vector *)lanes[1] = of_bias;                                                                      \
                for (int lane = 0; lane < LANES_##suffix; lane += SUM_LANES) {                                      \
                    *(f64_unaligned *)(dweight + i + lane) += load_doubles_##suffix(lanes[0] + lane);                    \
                    *(f64_unaligned *)(dbias + i + lane) += load_doubles_##suffix(lanes[1] + lane);                      \
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
    INLINE void gradient_rows_as_##suffix(const real *g, const real *x, const real *weight, const real *mean,       \
                                          const real *rstd, real *dx, int64_t rows, int64_t size, double *dweight,  \
                                          double *dbias, int streaming) {                                           \
        row_terms_##suffix terms[NORM_ROWS] = {{0}};                                                                \
        for (int64_t r = 0; r < rows; r++) {                                                                        \
            double sum_g[SUM_LANES] = {0}, sum_gx[SUM_LANES] = {0}, scale = (double)rstd[r];                        \
            if (dx)                                                                                                 \
                sum_products_##suffix(g + r * size, x + r * size, weight, size, mean[r], sum_g, sum_gx);            \
            terms[r].mean = mean[r];                                                                                \
            terms[r].rstd = rstd[r];                                                                                \
            terms[r].shift = (real)(scale * fold_lanes(sum_g) / (double)size);                                      \
            terms[r].slope = (real)(scale * scale * fold_lanes(sum_gx) / (double)size);                             \
        }                                                                                                           \
        if (rows < NORM_ROWS)                                                                                       \
            gradient_columns_##suffix(g, x, weight, dx, rows, size, terms, dweight, dbias, 0);                      \
        else if (streaming && size % LANES_##suffix == 0 && (uintptr_t)dx % VECTOR_BYTES == 0)                      \
            gradient_columns_##suffix(g, x, weight, dx, NORM_ROWS, size, terms, dweight, dbias, 1);                 \
        else /* a constant number of rows, by which loops are unrolled */                                           \
            gradient_columns_##suffix(g, x, weight, dx, NORM_ROWS, size, terms, dweight, dbias, 0);                 \
    }                                                                                                               \
                                                                                                                    \
    static inline void gradient_rows_##suffix(const real *g, const real *x, const real *weight, const real *mean,   \
                                              const real *rstd, real *dx, int64_t rows, int64_t size,               \
                                              double *dweight, double *dbias, int streaming) {                      \
        if (!dx)                                                                                                    \
            gradient_rows_as_##suffix(g, x, weight, mean, rstd, NULL, rows, size, dweight, dbias, streaming);       \
        else if (weight)                                                                                            \
            gradient_rows_as_##suffix(g, x, weight, mean, rstd, dx, rows, size, dweight, dbias, streaming);         \
        else                                                                                                        \
            gradient_rows_as_##suffix(g, x, NULL, mean, rstd, dx, rows, size, dweight, dbias, streaming);           \
    }

DEFINE_LAYER_NORM(f32, float, f32_vector, f32_unaligned)
DEFINE_LAYER_NORM(f64, double, f64_vector, f64_unaligned)

#endif

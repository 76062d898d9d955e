/* One row of layer normalization, and the gradients of several, with vectors. layernorm.pyx says what is computed. */
#ifndef MINIGRAD_LAYERNORM_H
#define MINIGRAD_LAYERNORM_H

#include <math.h>
#include "reduce.h"

enum {
    LANES = VECTOR_BYTES / 4,
    FORWARD_ROWS = 4, /* the most rows normalized together */
    NORM_ROWS = 8,  /* the most rows whose columns are added up in their own precision */
    NORM_BLOCK = 8, /* the vectors of a row that are */
};

#define ALWAYS static inline __attribute__((always_inline))

/* SUM_LANES floats in double precision. GCC 12 makes two conversions and an insertion of __builtin_convertvector. */
ALWAYS f64_vector doubles_f32(const float *x) {
#if VECTOR_BYTES == 64
    return _mm512_cvtps_pd(_mm256_loadu_ps(x));
#elif VECTOR_BYTES == 32
    return _mm256_cvtps_pd(_mm_loadu_ps(x));
#else
    return load_doubles_f32(x);
#endif
}

ALWAYS f64_vector doubles_f64(const double *x) {
    return *(const f64_unaligned *)x;
}

/* Stores past the cache, for arrays that it does not hold: the lines written need not be read before. Aligned memory. */
ALWAYS void stream_f32(float *place, f32_vector x) {
#if VECTOR_BYTES == 64
    _mm512_stream_ps(place, (__m512)x);
#elif VECTOR_BYTES == 32
    _mm256_stream_ps(place, (__m256)x);
#elif defined(__SSE2__)
    _mm_stream_ps(place, (__m128)x);
#else
    *(f32_vector *)place = x;
#endif
}

ALWAYS void stream_f64(double *place, f64_vector x) {
#if VECTOR_BYTES == 64
    _mm512_stream_pd(place, (__m512d)x);
#elif VECTOR_BYTES == 32
    _mm256_stream_pd(place, (__m256d)x);
#elif defined(__SSE2__)
    _mm_stream_pd(place, (__m128d)x);
#else
    *(f64_vector *)place = x;
#endif
}

/* Orders them before whatever follows. */
ALWAYS void end_streams(void) {
#if defined(__SSE2__)
    _mm_sfence();
#endif
}

/* The lanes of a vector in double precision; those of floats are added in pairs before. */
ALWAYS f64_vector widen_f32(f32_vector x) {
    float lanes[LANES] __attribute__((aligned(64)));
    *(f32_vector *)lanes = x;
    *(f32_half_vector *)lanes += *(f32_half_vector *)(lanes + LANES / 2);
    return doubles_f32(lanes);
}

ALWAYS f64_vector widen_f64(f64_vector x) {
    return x;
}

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
    ALWAYS void add_powers_##suffix(vector d, vector *sum, vector *squares) {                                       \
        *sum += d;                                                                                                  \
        *squares += d * d;                                                                                          \
    }                                                                                                               \
                                                                                                                    \
    /* The sums of x - pivot and of its square: blocks in their own precision, then in double. */                   \
    ALWAYS void sum_powers_##suffix(const real *x, int64_t size, real pivot, double *sum, double *squares) {        \
        f64_vector wide = {0}, wide_squares = {0};                                                                  \
        double rest = 0, rest_squares = 0;                                                                          \
        int64_t i = 0;                                                                                              \
        while (i + WIDTH_##suffix <= size) {                                                                        \
            vector block = {0}, block_squares = {0};                                                                \
            int64_t vectors = (size - i) / WIDTH_##suffix;                                                          \
            if (vectors >= NORM_BLOCK) /* a constant, by which the loop is unrolled */                              \
                for (int64_t end = i + NORM_BLOCK * WIDTH_##suffix; i < end; i += WIDTH_##suffix)                   \
                    add_powers_##suffix(load_##suffix(x + i) - pivot, &block, &block_squares);                      \
            else                                                                                                    \
                for (; i + WIDTH_##suffix <= size; i += WIDTH_##suffix)                                             \
                    add_powers_##suffix(load_##suffix(x + i) - pivot, &block, &block_squares);                      \
            wide += widen_##suffix(block);                                                                          \
            if (squares)                                                                                            \
                wide_squares += widen_##suffix(block_squares);                                                      \
        }                                                                                                           \
        for (; i < size; i++) {                                                                                     \
            double d = (double)x[i] - (double)pivot;                                                                \
            rest += d;                                                                                              \
            rest_squares += d * d;                                                                                  \
        }                                                                                                           \
        for (int lane = 0; lane < SUM_LANES; lane++) {                                                              \
            rest += wide[lane];                                                                                     \
            rest_squares += wide_squares[lane];                                                                     \
        }                                                                                                           \
        *sum = rest;                                                                                                \
        if (squares)                                                                                                \
            *squares = rest_squares;                                                                                \
    }                                                                                                               \
                                                                                                                    \
    ALWAYS void store_##suffix(real *place, vector x, int streaming) {                                              \
        if (streaming)                                                                                              \
            stream_##suffix(place, x);                                                                              \
        else                                                                                                        \
            *(unaligned *)place = x;                                                                                \
    }                                                                                                               \
                                                                                                                    \
    /* out = ((x - mean) rstd + shift) w + b; w and b may be NULL. */                                               \
    ALWAYS void affine_row_##suffix(const real *x, real *out, int64_t size, const real *weight, const real *bias,   \
                                    real mean, real rstd, real shift, int streaming) {                              \
        int64_t i = 0;                                                                                              \
        for (; i + WIDTH_##suffix <= size; i += WIDTH_##suffix) {                                                   \
            vector y = (load_##suffix(x + i) - mean) * rstd + shift;                                                \
            if (weight)                                                                                             \
                y *= load_##suffix(weight + i);                                                                     \
            if (bias)                                                                                               \
                y += load_##suffix(bias + i);                                                                       \
            store_##suffix(out + i, y, streaming);                                                                  \
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
        double sum[FORWARD_ROWS], squares[FORWARD_ROWS], variance;                                                  \
        real shift[FORWARD_ROWS];                                                                                   \
        for (int64_t r = 0; r < rows; r++)                                                                          \
            sum_powers_##suffix(x + r * size, size, 0, &sum[r], NULL);                                              \
        for (int64_t r = 0; r < rows; r++) {                                                                        \
            mean[r] = (real)(sum[r] / (double)size);                                                                \
            sum_powers_##suffix(x + r * size, size, mean[r], &sum[r], &squares[r]);                                 \
        }                                                                                                           \
        for (int64_t r = 0; r < rows; r++) {                                                                        \
            double exact = moments_##suffix(x + r * size, size, mean[r], sum[r], squares[r], &variance);            \
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
    ALWAYS void add_products_##suffix(const real *g, const real *x, const real *weight, int64_t i, real mean,       \
                                      vector *sum_g, vector *sum_gx) {                                              \
        vector p = load_##suffix(g + i);                                                                            \
        if (weight)                                                                                                 \
            p *= load_##suffix(weight + i);                                                                         \
        *sum_g += p;                                                                                                \
        *sum_gx += p * (load_##suffix(x + i) - mean);                                                               \
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
            int64_t vectors = (size - i) / WIDTH_##suffix;                                                          \
            if (vectors >= NORM_BLOCK)                                                                              \
                for (int64_t end = i + NORM_BLOCK * WIDTH_##suffix; i < end; i += WIDTH_##suffix)                   \
                    add_products_##suffix(g, x, weight, i, mean, &block_g, &block_gx);                              \
            else                                                                                                    \
                for (; i + WIDTH_##suffix <= size; i += WIDTH_##suffix)                                             \
                    add_products_##suffix(g, x, weight, i, mean, &block_g, &block_gx);                              \
            of_g += widen_##suffix(block_g);                                                                        \
            of_gx += widen_##suffix(block_gx);                                                                      \
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
                                          double *dbias, int streaming) {                                           \
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
                    store_##suffix(dx + r * size + i,                                                               \
                                   of_g * w * terms[r].rstd - (normal * terms[r].slope + terms[r].shift), streaming);\
            }                                                                                                       \
            if (dweight) {                                                                                          \
                real lanes[2][WIDTH_##suffix] __attribute__((aligned(64)));                                         \
                *(vector *)lanes[0] = of_weight;                                                                    \
                *(vector *)lanes[1] = of_bias;                                                                      \
                for (int lane = 0; lane < WIDTH_##suffix; lane += SUM_LANES) {                                      \
                    *(f64_unaligned *)(dweight + i + lane) += doubles_##suffix(lanes[0] + lane);                    \
                    *(f64_unaligned *)(dbias + i + lane) += doubles_##suffix(lanes[1] + lane);                      \
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
                                          double *dbias, int streaming) {                                           \
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
        if (rows < NORM_ROWS)                                                                                       \
            gradient_columns_##suffix(g, x, weight, dx, rows, size, terms, dweight, dbias, 0);                      \
        else if (streaming && size % WIDTH_##suffix == 0 && (uintptr_t)dx % VECTOR_BYTES == 0)                      \
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

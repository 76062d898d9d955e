/* Images whose channels are the lanes of vectors: [block of LANES channels][row][column][lane], float32 only.

   There the pixels of a patch are whole vectors, wherever it lies and whatever the stride, and a product has pixels
   as rows and outputs as lanes: every element is read as it lies and broadcast. The layout follows Georganas et al.,
   "Anatomy of high-performance deep learning convolutions on SIMD architectures" (SC 2018). */
#ifndef MINIGRAD_LANES_H
#define MINIGRAD_LANES_H

#include <stddef.h>
#include <string.h>

#include "vectors.h"

#define LANES_INLINE static inline __attribute__((always_inline))
#define LANES (VECTOR_BYTES / 4)

/* The rows of a product whose sums live in registers, two vectors of outputs each. */
#if defined(__AVX512F__) || defined(__aarch64__)
#define LANES_ROWS 12
#else
#define LANES_ROWS 6
#endif

#define LANES_EACH(i, count) _Pragma("GCC unroll 25") for (int i = 0; i < (count); i++)
#define LANES_AT(base, i) (*(f32_vector *)((base) + (i) * LANES))
#define LANES_READ(base, i) (*(const f32_vector *)((base) + (i) * LANES))

/* x[0..LANES) as the rows of a square, replaced by its columns. A round exchanges bit b of the row's number with bit
   b of the column's: pieces of 2^b elements of two rows 2^b apart. */
#if defined(__clang__) || __GNUC__ >= 12
#define LANES_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define LANES_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (i32_vector){__VA_ARGS__})
#endif
#define LANES_ROUND(distance, low, high) \
    LANES_EACH(i, LANES) { \
        if (!(i & (distance))) { \
            const f32_vector a = x[i], b = x[i + (distance)]; \
            x[i] = LANES_SHUFFLE(a, b, low); \
            x[i + (distance)] = LANES_SHUFFLE(a, b, high); \
        } \
    }
#define LANES_LIST(...) __VA_ARGS__

LANES_INLINE void lanes_transpose(f32_vector *x) {
#if LANES == 16
    LANES_ROUND(1, LANES_LIST(0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30),
                   LANES_LIST(1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31))
    LANES_ROUND(2, LANES_LIST(0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29),
                   LANES_LIST(2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31))
    LANES_ROUND(4, LANES_LIST(0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27),
                   LANES_LIST(4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31))
    LANES_ROUND(8, LANES_LIST(0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),
                   LANES_LIST(8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31))
#elif LANES == 8
    LANES_ROUND(1, LANES_LIST(0, 8, 2, 10, 4, 12, 6, 14), LANES_LIST(1, 9, 3, 11, 5, 13, 7, 15))
    LANES_ROUND(2, LANES_LIST(0, 1, 8, 9, 4, 5, 12, 13), LANES_LIST(2, 3, 10, 11, 6, 7, 14, 15))
    LANES_ROUND(4, LANES_LIST(0, 1, 2, 3, 8, 9, 10, 11), LANES_LIST(4, 5, 6, 7, 12, 13, 14, 15))
#else
    LANES_ROUND(1, LANES_LIST(0, 4, 2, 6), LANES_LIST(1, 5, 3, 7))
    LANES_ROUND(2, LANES_LIST(0, 1, 4, 5), LANES_LIST(2, 3, 6, 7))
#endif
}

/* Channels become lanes: target[place[p] + l] = source[l * row + p] for p < count; 0 for the lanes from `lanes` on. */
static void to_lanes(const float *source, ptrdiff_t row, ptrdiff_t lanes, ptrdiff_t count,
                              const ptrdiff_t *place, float *target) {
    for (ptrdiff_t done = 0; done < count && count >= LANES; done += LANES) {
        const ptrdiff_t p = done + LANES <= count ? done : count - LANES;
        f32_vector x[LANES];
        if (lanes == LANES) {
            LANES_EACH(l, LANES) {
                x[l] = *(const f32_unaligned *)(source + l * row + p);
            }
        } else {
            LANES_EACH(l, LANES) {
                x[l] = (f32_vector){0};
                if (l < lanes) x[l] = *(const f32_unaligned *)(source + l * row + p);
            }
        }
        lanes_transpose(x);
        LANES_EACH(l, LANES) *(f32_vector *)(target + place[p + l]) = x[l];
    }
    for (ptrdiff_t p = 0; p < count && count < LANES; p++)
        for (ptrdiff_t l = 0; l < LANES; l++)
            target[place[p] + l] = l < lanes ? source[l * row + p] : 0;
}

/* And back: target[l * row + p] = source[place[p] + l] for p < count and l < lanes. */
static void from_lanes(const float *source, const ptrdiff_t *place, ptrdiff_t count, ptrdiff_t lanes,
                                float *target, ptrdiff_t row) {
    for (ptrdiff_t done = 0; done < count && count >= LANES; done += LANES) {
        const ptrdiff_t p = done + LANES <= count ? done : count - LANES;
        f32_vector x[LANES];
        LANES_EACH(l, LANES) x[l] = *(const f32_vector *)(source + place[p + l]);
        lanes_transpose(x);
        if (lanes == LANES) {
            LANES_EACH(l, LANES) {
                *(f32_unaligned *)(target + l * row + p) = x[l];
            }
        } else {
            LANES_EACH(l, LANES) {
                if (l < lanes) *(f32_unaligned *)(target + l * row + p) = x[l];
            }
        }
    }
    for (ptrdiff_t p = 0; p < count && count < LANES; p++)
        for (ptrdiff_t l = 0; l < lanes; l++) target[l * row + p] = source[place[p] + l];
}

static const float LANES_NO_BIAS[2 * LANES] __attribute__((aligned(VECTOR_BYTES)));

/* The sums of `rows` pixels, `step` elements apart in the image, and `vectors` vectors of outputs: over the kernel
   positions, which lie at image + offset[k], and the channels, whose blocks lie `block` elements apart. The weights
   lie as [kernel position][channel][vector][lane]; with a step of 1 or 2 there is one channel, and pixels are
   numbers. The sums go to `out`, out_step elements apart, the vectors of outputs out_block apart: plus the bias, or,
   where that is NULL, added to what is there. */
LANES_INLINE void lanes_tile(const int rows, const int vectors, const int step, const float *image,
                             const ptrdiff_t *offset, ptrdiff_t positions, ptrdiff_t channels, ptrdiff_t block,
                             const float *weights, const float *bias, float *out, ptrdiff_t out_step,
                             ptrdiff_t out_block) {
    f32_vector sum[LANES_ROWS][2];
    LANES_EACH(i, rows) LANES_EACH(j, vectors) sum[i][j] = (f32_vector){0};
#define LANES_STEP(pixels) { \
        f32_vector row[2]; \
        LANES_EACH(j, vectors) row[j] = LANES_READ(weights, j); \
        LANES_EACH(i, rows) { \
            const float element = (pixels)[i * step]; \
            LANES_EACH(j, vectors) sum[i][j] += element * row[j]; \
        } \
        weights += vectors * LANES; \
    }
    for (ptrdiff_t k = 0; k < positions; k++) {
        const float *pixels = image + offset[k];
        if (step < LANES) {
            LANES_STEP(pixels)
        } else {
            for (ptrdiff_t left = channels; left > 0; left -= LANES, pixels += block)
                for (const float *at = pixels; at < pixels + (left < LANES ? left : LANES); at++) LANES_STEP(at)
        }
    }
#undef LANES_STEP
    LANES_EACH(i, rows) LANES_EACH(j, vectors) {
        f32_vector *target = (f32_vector *)(out + j * out_block + i * out_step);
        *target = sum[i][j] + (bias ? LANES_READ(bias, j) : *target);
    }
}

/* A row of `pixels` pixels, in even shares of at most ROWS. */
LANES_INLINE void lanes_row_of(const int vectors, const int step, ptrdiff_t pixels, const float *image,
                               const ptrdiff_t *offset, ptrdiff_t positions, ptrdiff_t channels, ptrdiff_t block,
                               const float *weights, const float *bias, float *out, ptrdiff_t out_step,
                               ptrdiff_t out_block) {
#define LANES_CASE(rows) \
    case rows: \
        lanes_tile(rows, vectors, step, image, offset, positions, channels, block, weights, bias, out, out_step, \
                   out_block); \
        break;
    for (ptrdiff_t shares = (pixels + LANES_ROWS - 1) / LANES_ROWS; shares > 0; shares--) {
        const ptrdiff_t rows = (pixels + shares - 1) / shares;
        switch (rows) {
            LANES_CASE(1) LANES_CASE(2) LANES_CASE(3) LANES_CASE(4) LANES_CASE(5) LANES_CASE(6)
#if LANES_ROWS == 12
            LANES_CASE(7) LANES_CASE(8) LANES_CASE(9) LANES_CASE(10) LANES_CASE(11) LANES_CASE(12)
#endif
        }
        image += rows * step;
        out += rows * out_step;
        pixels -= rows;
    }
#undef LANES_CASE
}

static void lanes_row(int vectors, int step, ptrdiff_t pixels, const float *image, const ptrdiff_t *offset,
                      ptrdiff_t positions, ptrdiff_t channels, ptrdiff_t block, const float *weights, const float *bias,
                      float *out, ptrdiff_t out_step, ptrdiff_t out_block) {
#define LANES_ROW(vectors, step) \
    lanes_row_of(vectors, step, pixels, image, offset, positions, channels, block, weights, bias, out, out_step, \
                 out_block)
#define LANES_STEPS(vectors) \
    if (step == LANES) LANES_ROW(vectors, LANES); \
    else if (step == 2 * LANES) LANES_ROW(vectors, 2 * LANES); \
    else if (step == 1) LANES_ROW(vectors, 1); \
    else LANES_ROW(vectors, 2);
    if (vectors == 2) {
        LANES_STEPS(2)
    } else {
        LANES_STEPS(1)
    }
#undef LANES_STEPS
#undef LANES_ROW
}

/* s += x' g, summed over height x width pixels: for `rows` channels of x, whose pixels are `step` vectors apart, and
   `vectors` vectors of g, g_block elements apart. s lies as [vector][channel][lane], its vectors s_block apart. */
LANES_INLINE void lanes_sum(const int rows, const int vectors, ptrdiff_t height, ptrdiff_t width, const float *x,
                            ptrdiff_t x_row, ptrdiff_t step, const float *g, ptrdiff_t g_row, ptrdiff_t g_block,
                            float *s, ptrdiff_t s_block, int first) {
    f32_vector sum[LANES][2];
    LANES_EACH(i, rows) LANES_EACH(j, vectors) sum[i][j] = (f32_vector){0};
    for (ptrdiff_t h = 0; h < height; h++) {
        const float *pixels = x + h * x_row, *from = g + h * g_row;
        for (ptrdiff_t w = 0; w < width; w++, pixels += step * LANES, from += LANES) {
            f32_vector row[2];
            LANES_EACH(j, vectors) row[j] = LANES_READ(from + j * g_block, 0);
            LANES_EACH(i, rows) {
                const float element = pixels[i];
                LANES_EACH(j, vectors) sum[i][j] += element * row[j];
            }
        }
    }
    LANES_EACH(i, rows) LANES_EACH(j, vectors) {
        f32_vector *target = &LANES_AT(s + j * s_block, i);
        if (!first) sum[i][j] += *target;
        *target = sum[i][j];
    }
}

/* The same for all the channels of one block. */
static void lanes_sums(int vectors, ptrdiff_t height, ptrdiff_t width, const float *x, ptrdiff_t x_row, ptrdiff_t step,
                       const float *g, ptrdiff_t g_row, ptrdiff_t g_block, float *s, ptrdiff_t s_block, int first) {
    if (vectors == 1) {
        lanes_sum(LANES, 1, height, width, x, x_row, step, g, g_row, g_block, s, s_block, first);
        return;
    }
    for (int half = 0; half < LANES; half += LANES / 2)
        lanes_sum(LANES / 2, 2, height, width, x + half, x_row, step, g, g_row, g_block, s + half * LANES, s_block,
                  first);
}

/* s += x' g for a plane x of numbers: the rows are the positions of a square kernel of stride 1. */
LANES_INLINE void lanes_tap_sums(const int kernel, const int vectors, ptrdiff_t height, ptrdiff_t width, const float *x,
                                 ptrdiff_t x_row, const float *g, ptrdiff_t g_row, ptrdiff_t g_block, float *s,
                                 ptrdiff_t s_block, int first) {
    f32_vector sum[25][2];
    LANES_EACH(k, kernel * kernel) LANES_EACH(j, vectors) sum[k][j] = (f32_vector){0};
    for (ptrdiff_t h = 0; h < height; h++) {
        const float *pixels[5], *from = g + h * g_row;
        LANES_EACH(k, kernel) pixels[k] = x + (h + k) * x_row;
        for (ptrdiff_t w = 0; w < width; w++, from += LANES) {
            f32_vector row[2];
            LANES_EACH(j, vectors) row[j] = LANES_READ(from + j * g_block, 0);
            LANES_EACH(k, kernel) LANES_EACH(l, kernel) {
                const float element = pixels[k][w + l];
                LANES_EACH(j, vectors) sum[k * kernel + l][j] += element * row[j];
            }
        }
    }
    LANES_EACH(k, kernel * kernel) LANES_EACH(j, vectors) {
        f32_vector *target = &LANES_AT(s + j * s_block, k);
        if (!first) sum[k][j] += *target;
        *target = sum[k][j];
    }
}

static void lanes_taps(int kernel, int vectors, ptrdiff_t height, ptrdiff_t width, const float *x, ptrdiff_t x_row,
                       const float *g, ptrdiff_t g_row, ptrdiff_t g_block, float *s, ptrdiff_t s_block, int first) {
#define LANES_TAPS(kernel, vectors, from) \
    lanes_tap_sums(kernel, vectors, height, width, x, x_row, g + (from) * g_block, g_row, g_block, \
                   s + (from) * s_block, s_block, first)
    if (kernel == 3 && vectors == 2) LANES_TAPS(3, 2, 0);
    else if (kernel == 3) LANES_TAPS(3, 1, 0);
    else for (int j = 0; j < vectors; j++) LANES_TAPS(5, 1, j);
#undef LANES_TAPS
}

/* Pixels as lanes: s[o][k] += the lanes of x g for one plane of x, one row of a kernel and `outputs` planes of g.
   The last pixels of a row of at least LANES overlap those before; there the lanes that were summed already are
   cleared. */
LANES_INLINE void lanes_dot_sums(const int kernel, const int outputs, ptrdiff_t height, ptrdiff_t width, const float *x,
                                 ptrdiff_t x_row, const float *g, ptrdiff_t g_plane, float *s, ptrdiff_t s_output,
                                 int first) {
    f32_vector sum[5][5];
    i32_vector fresh;
    LANES_EACH(o, outputs) LANES_EACH(k, kernel) sum[o][k] = (f32_vector){0};
    for (int l = 0; l < LANES; l++) fresh[l] = l < (LANES - width % LANES) % LANES ? 0 : -1;
    for (ptrdiff_t h = 0; h < height; h++, x += x_row, g += width) {
        for (ptrdiff_t w = 0; w < width; w += LANES) {
            const int last = w + LANES > width;
            const ptrdiff_t at = last ? width - LANES : w;
            f32_vector rows[5];
            LANES_EACH(o, outputs) {
                rows[o] = *(const f32_unaligned *)(g + o * g_plane + at);
                if (last) rows[o] = (f32_vector)((i32_vector)rows[o] & fresh);
            }
            LANES_EACH(k, kernel) {
                f32_vector pixels = *(const f32_unaligned *)(x + at + k);
                if (last) pixels = (f32_vector)((i32_vector)pixels & fresh);
                LANES_EACH(o, outputs) sum[o][k] += pixels * rows[o];
            }
        }
    }
    LANES_EACH(o, outputs) LANES_EACH(k, kernel) {
        f32_vector *target = &LANES_AT(s + o * s_output, k);
        if (!first) sum[o][k] += *target;
        *target = sum[o][k];
    }
}

static void lanes_dots(int kernel, ptrdiff_t outputs, ptrdiff_t height, ptrdiff_t width, const float *x,
                       ptrdiff_t x_row, const float *g, ptrdiff_t g_plane, float *s, ptrdiff_t s_output, int first) {
#define LANES_DOTS(kernel, outputs) \
    lanes_dot_sums(kernel, outputs, height, width, x, x_row, g, g_plane, s, s_output, first)
    for (ptrdiff_t shares = (outputs + 3) / 4; shares > 0; shares--) {
        const ptrdiff_t share = (outputs + shares - 1) / shares;
        if (kernel == 3 && share == 4) LANES_DOTS(3, 4);
        else if (kernel == 3 && share == 3) LANES_DOTS(3, 3);
        else if (kernel == 3 && share == 2) LANES_DOTS(3, 2);
        else if (kernel == 3) LANES_DOTS(3, 1);
        else if (share == 4) LANES_DOTS(5, 4);
        else if (share == 3) LANES_DOTS(5, 3);
        else if (share == 2) LANES_DOTS(5, 2);
        else LANES_DOTS(5, 1);
        outputs -= share;
        g += share * g_plane;
        s += share * s_output;
    }
#undef LANES_DOTS
}

/* Planes of numbers, pixels as lanes: out[i] = the sum over c of weights[c][i] x[c], plus bias[i], or, where that is
   NULL, added to what is there; for `rows` of the PLANES outputs of a panel and `vectors` vectors of pixels. */
#define LANES_PLANES (LANES_ROWS / 2)

LANES_INLINE void lanes_plane_tile(const int rows, const int vectors, ptrdiff_t depth, const float *weights,
                                   const float *x, ptrdiff_t plane, const float *bias, float *out) {
    f32_vector sum[LANES_PLANES][4];
    LANES_EACH(i, rows) LANES_EACH(j, vectors) sum[i][j] = (f32_vector){0};
    for (ptrdiff_t c = 0; c < depth; c++, weights += LANES_PLANES, x += plane) {
        f32_vector row[4];
        LANES_EACH(j, vectors) row[j] = *(const f32_unaligned *)(x + j * LANES);
        LANES_EACH(i, rows) {
            const float element = weights[i];
            LANES_EACH(j, vectors) sum[i][j] += element * row[j];
        }
    }
    LANES_EACH(i, rows) LANES_EACH(j, vectors) {
        f32_unaligned *target = (f32_unaligned *)(out + i * plane + j * LANES);
        *target = bias ? sum[i][j] + bias[i] : sum[i][j] + *target;
    }
}

static void lanes_planes(ptrdiff_t rows, int vectors, ptrdiff_t depth, const float *weights, const float *x,
                         ptrdiff_t plane, const float *bias, float *out) {
#define LANES_CASE(rows, vectors) \
    case rows: lanes_plane_tile(rows, vectors, depth, weights, x, plane, bias, out); break;
#if LANES_PLANES == 6
#define LANES_CASES(vectors) \
    switch (rows) { \
        LANES_CASE(1, vectors) LANES_CASE(2, vectors) LANES_CASE(3, vectors) \
        LANES_CASE(4, vectors) LANES_CASE(5, vectors) LANES_CASE(6, vectors) \
    }
#else
#define LANES_CASES(vectors) \
    switch (rows) { LANES_CASE(1, vectors) LANES_CASE(2, vectors) LANES_CASE(3, vectors) }
#endif
    if (vectors == 4) LANES_CASES(4)
    else if (vectors == 3) LANES_CASES(3)
    else if (vectors == 2) LANES_CASES(2)
    else LANES_CASES(1)
#undef LANES_CASES
#undef LANES_CASE
}

#endif

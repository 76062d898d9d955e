/* The arithmetic of conv_winograd.pxi: the transforms of Winograd's F(4x4, 3x3) and the products between them.

   Everything is vectors over channels, LANES at a time, so no transform ever shuffles. In one dimension, with the points
   0, a, -a, b, -b and infinity, of which NEAR (a) and FAR (b) are free:

       B' = a2 b2   0    -a2-b2   0    1  0    G = 1/(a2 b2)  0    0      A' = 1  1   1   1   1  0
             0    -a b2    -b2    a    1  0        1/na     a/na  a2/na        0  a  -a   b  -b  0
             0     a b2    -b2   -a    1  0        1/na    -a/na  a2/na        0  a2  a2  b2  b2 0
             0    -a2 b    -a2    b    1  0        1/nb     b/nb  b2/nb        0  a3 -a3  b3 -b3 1
             0     a2 b    -a2   -b    1  0        1/nb    -b/nb  b2/nb
             0     a2 b2    0  -a2-b2  0  1          0       0     1       na = 2 a2 (a2 - b2), nb = 2 b2 (b2 - a2)

   The points of the textbook, 1 and 2, make errors three times those of 5/8 and 3/2: the further the powers of a point are
   from 1, the more digits cancel (Barabasz et al., "Error analysis and improving the accuracy of Winograd convolution for
   deep neural networks", 2020). All of B' and A' is exact in float32. A transform in two dimensions does the columns, then
   the rows. */
#ifndef MINIGRAD_WINOGRAD_H
#define MINIGRAD_WINOGRAD_H

#include <stddef.h>
#include <string.h>

#include "vectors.h"

#define WINOGRAD_INLINE static inline __attribute__((always_inline))
#define WINOGRAD_LANES (VECTOR_BYTES / 4)

/* The tiles of a product whose sums live in registers, two vectors of outputs each. */
#if defined(__AVX512F__) || defined(__aarch64__)
#define WINOGRAD_ROWS 12
#else
#define WINOGRAD_ROWS 6
#endif

#define WINOGRAD_EACH(i, count) _Pragma("GCC unroll 16") for (int i = 0; i < (count); i++)
#define WINOGRAD_AT(base, i) (*(f32_vector *)((base) + (i) * WINOGRAD_LANES))
#define WINOGRAD_READ(base, i) (*(const f32_vector *)((base) + (i) * WINOGRAD_LANES))

/* x[0..LANES) as the rows of a square, replaced by its columns. A round exchanges bit b of the row's number with bit b of
   the column's: pieces of 2^b elements of two rows 2^b apart. */
#if defined(__clang__) || __GNUC__ >= 12
#define WINOGRAD_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define WINOGRAD_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (i32_vector){__VA_ARGS__})
#endif
#define WINOGRAD_ROUND(distance, low, high) \
    WINOGRAD_EACH(i, WINOGRAD_LANES) { \
        if (!(i & (distance))) { \
            const f32_vector a = x[i], b = x[i + (distance)]; \
            x[i] = WINOGRAD_SHUFFLE(a, b, low); \
            x[i + (distance)] = WINOGRAD_SHUFFLE(a, b, high); \
        } \
    }
#define WINOGRAD_LIST(...) __VA_ARGS__

WINOGRAD_INLINE void winograd_transpose(f32_vector *x) {
#if WINOGRAD_LANES == 16
    WINOGRAD_ROUND(1, WINOGRAD_LIST(0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30),
                   WINOGRAD_LIST(1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31))
    WINOGRAD_ROUND(2, WINOGRAD_LIST(0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29),
                   WINOGRAD_LIST(2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31))
    WINOGRAD_ROUND(4, WINOGRAD_LIST(0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27),
                   WINOGRAD_LIST(4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31))
    WINOGRAD_ROUND(8, WINOGRAD_LIST(0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),
                   WINOGRAD_LIST(8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31))
#elif WINOGRAD_LANES == 8
    WINOGRAD_ROUND(1, WINOGRAD_LIST(0, 8, 2, 10, 4, 12, 6, 14), WINOGRAD_LIST(1, 9, 3, 11, 5, 13, 7, 15))
    WINOGRAD_ROUND(2, WINOGRAD_LIST(0, 1, 8, 9, 4, 5, 12, 13), WINOGRAD_LIST(2, 3, 10, 11, 6, 7, 14, 15))
    WINOGRAD_ROUND(4, WINOGRAD_LIST(0, 1, 2, 3, 8, 9, 10, 11), WINOGRAD_LIST(4, 5, 6, 7, 12, 13, 14, 15))
#else
    WINOGRAD_ROUND(1, WINOGRAD_LIST(0, 4, 2, 6), WINOGRAD_LIST(1, 5, 3, 7))
    WINOGRAD_ROUND(2, WINOGRAD_LIST(0, 1, 4, 5), WINOGRAD_LIST(2, 3, 6, 7))
#endif
}

/* Channels become lanes: target[place[p] + l] = source[l * row + p] for p < count; 0 for the lanes from `lanes` on. */
static void winograd_to_lanes(const float *source, ptrdiff_t row, ptrdiff_t lanes, ptrdiff_t count,
                              const ptrdiff_t *place, float *target) {
    for (ptrdiff_t done = 0; done < count && count >= WINOGRAD_LANES; done += WINOGRAD_LANES) {
        const ptrdiff_t p = done + WINOGRAD_LANES <= count ? done : count - WINOGRAD_LANES;
        f32_vector x[WINOGRAD_LANES];
        if (lanes == WINOGRAD_LANES) {
            WINOGRAD_EACH(l, WINOGRAD_LANES) {
                x[l] = *(const f32_unaligned *)(source + l * row + p);
            }
        } else {
            WINOGRAD_EACH(l, WINOGRAD_LANES) {
                x[l] = (f32_vector){0};
                if (l < lanes) x[l] = *(const f32_unaligned *)(source + l * row + p);
            }
        }
        winograd_transpose(x);
        WINOGRAD_EACH(l, WINOGRAD_LANES) *(f32_vector *)(target + place[p + l]) = x[l];
    }
    for (ptrdiff_t p = 0; p < count && count < WINOGRAD_LANES; p++)
        for (ptrdiff_t l = 0; l < WINOGRAD_LANES; l++)
            target[place[p] + l] = l < lanes ? source[l * row + p] : 0;
}

/* And back: target[l * row + p] = source[place[p] + l] for p < count and l < lanes. */
static void winograd_from_lanes(const float *source, const ptrdiff_t *place, ptrdiff_t count, ptrdiff_t lanes,
                                float *target, ptrdiff_t row) {
    for (ptrdiff_t done = 0; done < count && count >= WINOGRAD_LANES; done += WINOGRAD_LANES) {
        const ptrdiff_t p = done + WINOGRAD_LANES <= count ? done : count - WINOGRAD_LANES;
        f32_vector x[WINOGRAD_LANES];
        WINOGRAD_EACH(l, WINOGRAD_LANES) x[l] = *(const f32_vector *)(source + place[p + l]);
        winograd_transpose(x);
        if (lanes == WINOGRAD_LANES) {
            WINOGRAD_EACH(l, WINOGRAD_LANES) {
                *(f32_unaligned *)(target + l * row + p) = x[l];
            }
        } else {
            WINOGRAD_EACH(l, WINOGRAD_LANES) {
                if (l < lanes) *(f32_unaligned *)(target + l * row + p) = x[l];
            }
        }
    }
    for (ptrdiff_t p = 0; p < count && count < WINOGRAD_LANES; p++)
        for (ptrdiff_t l = 0; l < lanes; l++) target[l * row + p] = source[place[p] + l];
}

/* In one dimension: B' x (6 to 6), A' x (6 to 4), A x (4 to 6), G x (3 to 6), G' x (6 to 3); elements `step` apart. */
#define WINOGRAD_NEAR 0.625f
#define WINOGRAD_FAR 1.5f
#define WINOGRAD_NEAR_2 (WINOGRAD_NEAR * WINOGRAD_NEAR)
#define WINOGRAD_FAR_2 (WINOGRAD_FAR * WINOGRAD_FAR)
#define WINOGRAD_NORM_0 (1.0f / (WINOGRAD_NEAR_2 * WINOGRAD_FAR_2))
#define WINOGRAD_NORM_NEAR (0.5f / (WINOGRAD_NEAR_2 * (WINOGRAD_NEAR_2 - WINOGRAD_FAR_2)))
#define WINOGRAD_NORM_FAR (0.5f / (WINOGRAD_FAR_2 * (WINOGRAD_FAR_2 - WINOGRAD_NEAR_2)))

WINOGRAD_INLINE void winograd_input_line(const f32_vector *x, const int step, f32_vector *y, const int y_step) {
    const f32_vector x1 = x[step], x2 = x[2 * step], x3 = x[3 * step], x4 = x[4 * step];
    const f32_vector a = x4 - WINOGRAD_FAR_2 * x2, b = x3 - WINOGRAD_FAR_2 * x1;
    const f32_vector c = x4 - WINOGRAD_NEAR_2 * x2, d = x3 - WINOGRAD_NEAR_2 * x1;
    const float all = WINOGRAD_NEAR_2 * WINOGRAD_FAR_2, sum = WINOGRAD_NEAR_2 + WINOGRAD_FAR_2;
    y[0] = all * x[0] + (x4 - sum * x2);
    y[y_step] = a + WINOGRAD_NEAR * b;
    y[2 * y_step] = a - WINOGRAD_NEAR * b;
    y[3 * y_step] = c + WINOGRAD_FAR * d;
    y[4 * y_step] = c - WINOGRAD_FAR * d;
    y[5 * y_step] = all * x1 + (x[5 * step] - sum * x3);
}

WINOGRAD_INLINE void winograd_output_line(const f32_vector *x, const int step, f32_vector *y, const int y_step) {
    const f32_vector a = x[step] + x[2 * step], b = x[step] - x[2 * step];
    const f32_vector c = x[3 * step] + x[4 * step], d = x[3 * step] - x[4 * step];
    y[0] = x[0] + (a + c);
    y[y_step] = WINOGRAD_NEAR * b + WINOGRAD_FAR * d;
    y[2 * y_step] = WINOGRAD_NEAR_2 * a + WINOGRAD_FAR_2 * c;
    y[3 * y_step] = WINOGRAD_NEAR_2 * WINOGRAD_NEAR * b + (x[5 * step] + WINOGRAD_FAR_2 * WINOGRAD_FAR * d);
}

WINOGRAD_INLINE void winograd_gradient_line(const f32_vector *x, const int step, f32_vector *y, const int y_step) {
    const f32_vector a = x[0] + WINOGRAD_NEAR_2 * x[2 * step], b = x[step] + WINOGRAD_NEAR_2 * x[3 * step];
    const f32_vector c = x[0] + WINOGRAD_FAR_2 * x[2 * step], d = x[step] + WINOGRAD_FAR_2 * x[3 * step];
    y[0] = x[0];
    y[y_step] = a + WINOGRAD_NEAR * b;
    y[2 * y_step] = a - WINOGRAD_NEAR * b;
    y[3 * y_step] = c + WINOGRAD_FAR * d;
    y[4 * y_step] = c - WINOGRAD_FAR * d;
    y[5 * y_step] = x[3 * step];
}

WINOGRAD_INLINE void winograd_weight_line(const f32_vector *x, const int step, f32_vector *y, const int y_step) {
    const f32_vector a = WINOGRAD_NORM_NEAR * (x[0] + WINOGRAD_NEAR_2 * x[2 * step]);
    const f32_vector b = WINOGRAD_NORM_NEAR * WINOGRAD_NEAR * x[step];
    const f32_vector c = WINOGRAD_NORM_FAR * (x[0] + WINOGRAD_FAR_2 * x[2 * step]);
    const f32_vector d = WINOGRAD_NORM_FAR * WINOGRAD_FAR * x[step];
    y[0] = WINOGRAD_NORM_0 * x[0];
    y[y_step] = a + b;
    y[2 * y_step] = a - b;
    y[3 * y_step] = c + d;
    y[4 * y_step] = c - d;
    y[5 * y_step] = x[2 * step];
}

WINOGRAD_INLINE void winograd_kernel_line(const f32_vector *x, const int step, f32_vector *y, const int y_step) {
    const f32_vector a = WINOGRAD_NORM_NEAR * (x[step] + x[2 * step]), b = x[step] - x[2 * step];
    const f32_vector c = WINOGRAD_NORM_FAR * (x[3 * step] + x[4 * step]), d = x[3 * step] - x[4 * step];
    y[0] = WINOGRAD_NORM_0 * x[0] + (a + c);
    y[y_step] = WINOGRAD_NORM_NEAR * WINOGRAD_NEAR * b + WINOGRAD_NORM_FAR * WINOGRAD_FAR * d;
    y[2 * y_step] = x[5 * step] + (WINOGRAD_NEAR_2 * a + WINOGRAD_FAR_2 * c);
}

/* V = B' d B for a 6x6 patch d of an image whose pixels are vectors, its rows `pitch` elements apart; the 36 elements of V
   go `position` elements apart. */
static void winograd_input(const float *image, ptrdiff_t pitch, float *out, ptrdiff_t position) {
    f32_vector x[6], t[36], y[6];
    WINOGRAD_EACH(j, 6) {
        WINOGRAD_EACH(i, 6) x[i] = WINOGRAD_READ(image + i * pitch, j);
        winograd_input_line(x, 1, t + j, 6);
    }
    WINOGRAD_EACH(i, 6) {
        winograd_input_line(t + 6 * i, 1, y, 1);
        WINOGRAD_EACH(j, 6) *(f32_vector *)(out + (6 * i + j) * position) = y[j];
    }
}

/* A g A' for a 4x4 patch of a gradient. */
static void winograd_gradient(const float *image, ptrdiff_t pitch, float *out, ptrdiff_t position) {
    f32_vector x[4], t[24], y[6];
    WINOGRAD_EACH(j, 4) {
        WINOGRAD_EACH(i, 4) x[i] = WINOGRAD_READ(image + i * pitch, j);
        winograd_gradient_line(x, 1, t + j, 4);
    }
    WINOGRAD_EACH(i, 6) {
        winograd_gradient_line(t + 4 * i, 1, y, 1);
        WINOGRAD_EACH(j, 6) *(f32_vector *)(out + (6 * i + j) * position) = y[j];
    }
}

/* A' m A + bias: 4x4 pixels. Adds them all to `check`, which stays finite only if they are. */
static void winograd_output(const float *sums, ptrdiff_t position, const float *bias, float *image, ptrdiff_t pitch,
                            float *check) {
    f32_vector x[6], t[24], y[4];
    const f32_vector shift = WINOGRAD_READ(bias, 0);
    f32_vector total = WINOGRAD_READ(check, 0);
    WINOGRAD_EACH(j, 6) {
        WINOGRAD_EACH(i, 6) x[i] = *(const f32_vector *)(sums + (6 * i + j) * position);
        winograd_output_line(x, 1, t + j, 6);
    }
    WINOGRAD_EACH(i, 4) {
        winograd_output_line(t + 6 * i, 1, y, 1);
        WINOGRAD_EACH(j, 4) WINOGRAD_AT(image + i * pitch, j) = y[j] + shift;
        total += (y[0] + y[1]) + (y[2] + y[3]);
    }
    WINOGRAD_AT(check, 0) = total;
}

/* U = G g G' for one input channel and a vector of outputs: kernel position k lies at weights + k * step. */
static void winograd_weight(const float *weights, ptrdiff_t step, float *out, ptrdiff_t position) {
    f32_vector x[3], t[18], y[6];
    WINOGRAD_EACH(j, 3) {
        WINOGRAD_EACH(i, 3) x[i] = *(const f32_vector *)(weights + (3 * i + j) * step);
        winograd_weight_line(x, 1, t + j, 3);
    }
    WINOGRAD_EACH(i, 6) {
        winograd_weight_line(t + 3 * i, 1, y, 1);
        WINOGRAD_EACH(j, 6) *(f32_vector *)(out + (6 * i + j) * position) = y[j];
    }
}

/* G' s G: the nine positions of a kernel, one vector after the other. Adds them to `check` as well. */
static void winograd_kernel(const float *sums, ptrdiff_t position, float *weights, float *check) {
    f32_vector x[6], t[18], y[3];
    f32_vector total = WINOGRAD_READ(check, 0);
    WINOGRAD_EACH(j, 6) {
        WINOGRAD_EACH(i, 6) x[i] = *(const f32_vector *)(sums + (6 * i + j) * position);
        winograd_kernel_line(x, 1, t + j, 6);
    }
    WINOGRAD_EACH(i, 3) {
        winograd_kernel_line(t + 6 * i, 1, y, 1);
        WINOGRAD_EACH(j, 3) WINOGRAD_AT(weights, 3 * i + j) = y[j];
        total += y[0] + (y[1] + y[2]);
    }
    WINOGRAD_AT(check, 0) = total;
}

/* M = V U at one position, for `rows` tiles and `vectors` vectors of outputs. V lies as [block of channels][tile][lane],
   its blocks `block` elements apart, and M alike; U as [channel][vector][lane]. */
WINOGRAD_INLINE void winograd_multiply_tile(const int rows, const int vectors, ptrdiff_t channels, const float *v,
                                            const float *u, float *m, ptrdiff_t block) {
    f32_vector sum[WINOGRAD_ROWS][2];
    WINOGRAD_EACH(i, rows) WINOGRAD_EACH(j, vectors) sum[i][j] = (f32_vector){0};
    for (; channels > 0; channels -= WINOGRAD_LANES, v += block) {
        const ptrdiff_t steps = channels < WINOGRAD_LANES ? channels : WINOGRAD_LANES;
        for (ptrdiff_t c = 0; c < steps; c++, u += vectors * WINOGRAD_LANES) {
            f32_vector row[2];
            WINOGRAD_EACH(j, vectors) row[j] = WINOGRAD_READ(u, j);
            WINOGRAD_EACH(i, rows) {
                const float element = v[i * WINOGRAD_LANES + c];
                WINOGRAD_EACH(j, vectors) sum[i][j] += element * row[j];
            }
        }
    }
    WINOGRAD_EACH(i, rows) WINOGRAD_EACH(j, vectors) WINOGRAD_AT(m + j * block, i) = sum[i][j];
}

/* All the tiles of a block, in even shares of at most ROWS. */
WINOGRAD_INLINE void winograd_multiply_tiles(const int vectors, ptrdiff_t tiles, ptrdiff_t channels, const float *v,
                                             const float *u, float *m, ptrdiff_t block) {
    ptrdiff_t shares = (tiles + WINOGRAD_ROWS - 1) / WINOGRAD_ROWS;
#define WINOGRAD_CASE(rows) case rows: winograd_multiply_tile(rows, vectors, channels, v, u, m, block); break;
    for (; shares > 0; shares--) {
        const ptrdiff_t rows = (tiles + shares - 1) / shares;
        switch (rows) {
            WINOGRAD_CASE(1) WINOGRAD_CASE(2) WINOGRAD_CASE(3) WINOGRAD_CASE(4) WINOGRAD_CASE(5) WINOGRAD_CASE(6)
#if WINOGRAD_ROWS == 12
            WINOGRAD_CASE(7) WINOGRAD_CASE(8) WINOGRAD_CASE(9) WINOGRAD_CASE(10) WINOGRAD_CASE(11) WINOGRAD_CASE(12)
#endif
        }
        v += rows * WINOGRAD_LANES;
        m += rows * WINOGRAD_LANES;
        tiles -= rows;
    }
#undef WINOGRAD_CASE
}

static void winograd_multiply(int vectors, ptrdiff_t tiles, ptrdiff_t channels, const float *v, const float *u, float *m,
                              ptrdiff_t block) {
    if (vectors == 2) winograd_multiply_tiles(2, tiles, channels, v, u, m, block);
    else winograd_multiply_tiles(1, tiles, channels, v, u, m, block);
}

/* S += V' Q at one position, for one block of channels of V and `vectors` of Q, which lie `block` elements apart. S lies
   as [block of outputs][channel][lane], its blocks `s_block` apart. */
WINOGRAD_INLINE void winograd_correlate_tile(const int rows, const int vectors, ptrdiff_t tiles, const float *v,
                                             const float *q, ptrdiff_t block, float *s, ptrdiff_t s_block, int first) {
    f32_vector sum[WINOGRAD_LANES][2];
    WINOGRAD_EACH(i, rows) WINOGRAD_EACH(j, vectors) sum[i][j] = (f32_vector){0};
    for (ptrdiff_t t = 0; t < tiles; t++, v += WINOGRAD_LANES, q += WINOGRAD_LANES) {
        f32_vector row[2];
        WINOGRAD_EACH(j, vectors) row[j] = WINOGRAD_READ(q + j * block, 0);
        WINOGRAD_EACH(i, rows) {
            const float element = v[i];
            WINOGRAD_EACH(j, vectors) sum[i][j] += element * row[j];
        }
    }
    WINOGRAD_EACH(i, rows) WINOGRAD_EACH(j, vectors) {
        f32_vector *target = &WINOGRAD_AT(s + j * s_block, i);
        if (!first) sum[i][j] += *target;
        *target = sum[i][j];
    }
}

static void winograd_correlate(int vectors, ptrdiff_t tiles, const float *v, const float *q, ptrdiff_t block, float *s,
                               ptrdiff_t s_block, int first) {
    const int half = WINOGRAD_LANES / 2;
    if (vectors == 1) {
        winograd_correlate_tile(WINOGRAD_LANES, 1, tiles, v, q, block, s, s_block, first);
        return;
    }
    winograd_correlate_tile(half, 2, tiles, v, q, block, s, s_block, first);
    winograd_correlate_tile(half, 2, tiles, v + half, q, block, s + half * WINOGRAD_LANES, s_block, first);
}

#endif

/* The arithmetic of conv_winograd.pxi: the transforms of Winograd's F(4x4, 3x3). The products between
   them are those of lanes.h.

   Everything is vectors over channels, LANES at a time, so no transform ever shuffles. In one dimension, with the
   points 0, a, -a, b, -b and infinity, of which NEAR (a) and FAR (b) are free:

       B' = a2 b2   0    -a2-b2   0    1  0    G = 1/(a2 b2)  0    0      A' = 1  1   1   1   1  0
             0    -a b2    -b2    a    1  0        1/na     a/na  a2/na        0  a  -a   b  -b  0
             0     a b2    -b2   -a    1  0        1/na    -a/na  a2/na        0  a2  a2  b2  b2 0
             0    -a2 b    -a2    b    1  0        1/nb     b/nb  b2/nb        0  a3 -a3  b3 -b3 1
             0     a2 b    -a2   -b    1  0        1/nb    -b/nb  b2/nb
             0     a2 b2    0  -a2-b2  0  1          0       0     1       na = 2 a2 (a2 - b2), nb = 2 b2 (b2 - a2)

   The points of the textbook, 1 and 2, make errors three times those of 5/8 and 3/2: the further the powers of a
   point are from 1, the more digits cancel (Barabasz et al., "Error analysis and improving the accuracy of Winograd
   convolution for deep neural networks", 2020). All of B' and A' is exact in float32. A transform in two dimensions
   does the columns, then the rows. */
#ifndef MINIGRAD_WINOGRAD_H
#define MINIGRAD_WINOGRAD_H

#include "lanes.h"

/* In one dimension: B' x (6 to 6), A' x (6 to 4), A x (4 to 6), G x (3 to 6), G' x (6 to 3); elements `step` apart. */
#define WINOGRAD_NEAR 0.625f
#define WINOGRAD_FAR 1.5f
#define WINOGRAD_NEAR_2 (WINOGRAD_NEAR * WINOGRAD_NEAR)
#define WINOGRAD_FAR_2 (WINOGRAD_FAR * WINOGRAD_FAR)
#define WINOGRAD_NORM_0 (1.0f / (WINOGRAD_NEAR_2 * WINOGRAD_FAR_2))
#define WINOGRAD_NORM_NEAR (0.5f / (WINOGRAD_NEAR_2 * (WINOGRAD_NEAR_2 - WINOGRAD_FAR_2)))
#define WINOGRAD_NORM_FAR (0.5f / (WINOGRAD_FAR_2 * (WINOGRAD_FAR_2 - WINOGRAD_NEAR_2)))

LANES_INLINE void winograd_input_line(const f32_vector *x, const int step, f32_vector *y, const int y_step) {
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

LANES_INLINE void winograd_output_line(const f32_vector *x, const int step, f32_vector *y, const int y_step) {
    const f32_vector a = x[step] + x[2 * step], b = x[step] - x[2 * step];
    const f32_vector c = x[3 * step] + x[4 * step], d = x[3 * step] - x[4 * step];
    y[0] = x[0] + (a + c);
    y[y_step] = WINOGRAD_NEAR * b + WINOGRAD_FAR * d;
    y[2 * y_step] = WINOGRAD_NEAR_2 * a + WINOGRAD_FAR_2 * c;
    y[3 * y_step] = WINOGRAD_NEAR_2 * WINOGRAD_NEAR * b + (x[5 * step] + WINOGRAD_FAR_2 * WINOGRAD_FAR * d);
}

LANES_INLINE void winograd_gradient_line(const f32_vector *x, const int step, f32_vector *y, const int y_step) {
    const f32_vector a = x[0] + WINOGRAD_NEAR_2 * x[2 * step], b = x[step] + WINOGRAD_NEAR_2 * x[3 * step];
    const f32_vector c = x[0] + WINOGRAD_FAR_2 * x[2 * step], d = x[step] + WINOGRAD_FAR_2 * x[3 * step];
    y[0] = x[0];
    y[y_step] = a + WINOGRAD_NEAR * b;
    y[2 * y_step] = a - WINOGRAD_NEAR * b;
    y[3 * y_step] = c + WINOGRAD_FAR * d;
    y[4 * y_step] = c - WINOGRAD_FAR * d;
    y[5 * y_step] = x[3 * step];
}

LANES_INLINE void winograd_weight_line(const f32_vector *x, const int step, f32_vector *y, const int y_step) {
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

LANES_INLINE void winograd_kernel_line(const f32_vector *x, const int step, f32_vector *y, const int y_step) {
    const f32_vector a = WINOGRAD_NORM_NEAR * (x[step] + x[2 * step]), b = x[step] - x[2 * step];
    const f32_vector c = WINOGRAD_NORM_FAR * (x[3 * step] + x[4 * step]), d = x[3 * step] - x[4 * step];
    y[0] = WINOGRAD_NORM_0 * x[0] + (a + c);
    y[y_step] = WINOGRAD_NORM_NEAR * WINOGRAD_NEAR * b + WINOGRAD_NORM_FAR * WINOGRAD_FAR * d;
    y[2 * y_step] = x[5 * step] + (WINOGRAD_NEAR_2 * a + WINOGRAD_FAR_2 * c);
}

/* V = B' d B for a 6x6 patch d of an image whose pixels are vectors, its rows `pitch` elements apart; the 36
   elements of V go `position` elements apart. */
static void winograd_input(const float *image, ptrdiff_t pitch, float *out, ptrdiff_t position) {
    f32_vector x[6], t[36], y[6];
    LANES_EACH(j, 6) {
        LANES_EACH(i, 6) x[i] = LANES_READ(image + i * pitch, j);
        winograd_input_line(x, 1, t + j, 6);
    }
    LANES_EACH(i, 6) {
        winograd_input_line(t + 6 * i, 1, y, 1);
        LANES_EACH(j, 6) *(f32_vector *)(out + (6 * i + j) * position) = y[j];
    }
}

/* A g A' for a 4x4 patch of a gradient. */
static void winograd_gradient(const float *image, ptrdiff_t pitch, float *out, ptrdiff_t position) {
    f32_vector x[4], t[24], y[6];
    LANES_EACH(j, 4) {
        LANES_EACH(i, 4) x[i] = LANES_READ(image + i * pitch, j);
        winograd_gradient_line(x, 1, t + j, 4);
    }
    LANES_EACH(i, 6) {
        winograd_gradient_line(t + 4 * i, 1, y, 1);
        LANES_EACH(j, 6) *(f32_vector *)(out + (6 * i + j) * position) = y[j];
    }
}

/* A' m A + bias: 4x4 pixels. Adds them all to `check`, which stays finite only if they are. */
static void winograd_output(const float *sums, ptrdiff_t position, const float *bias, float *image, ptrdiff_t pitch,
                            float *check) {
    f32_vector x[6], t[24], y[4];
    const f32_vector shift = LANES_READ(bias, 0);
    f32_vector total = LANES_READ(check, 0);
    LANES_EACH(j, 6) {
        LANES_EACH(i, 6) x[i] = *(const f32_vector *)(sums + (6 * i + j) * position);
        winograd_output_line(x, 1, t + j, 6);
    }
    LANES_EACH(i, 4) {
        winograd_output_line(t + 6 * i, 1, y, 1);
        LANES_EACH(j, 4) LANES_AT(image + i * pitch, j) = y[j] + shift;
        total += (y[0] + y[1]) + (y[2] + y[3]);
    }
    LANES_AT(check, 0) = total;
}

/* U = G g G' for one input channel and a vector of outputs: kernel position k lies at weights + k * step. */
static void winograd_weight(const float *weights, ptrdiff_t step, float *out, ptrdiff_t position) {
    f32_vector x[3], t[18], y[6];
    LANES_EACH(j, 3) {
        LANES_EACH(i, 3) x[i] = *(const f32_vector *)(weights + (3 * i + j) * step);
        winograd_weight_line(x, 1, t + j, 3);
    }
    LANES_EACH(i, 6) {
        winograd_weight_line(t + 3 * i, 1, y, 1);
        LANES_EACH(j, 6) *(f32_vector *)(out + (6 * i + j) * position) = y[j];
    }
}

/* G' s G: the nine positions of a kernel, one vector after the other. Adds them to `check` as well. */
static void winograd_kernel(const float *sums, ptrdiff_t position, float *weights, float *check) {
    f32_vector x[6], t[18], y[3];
    f32_vector total = LANES_READ(check, 0);
    LANES_EACH(j, 6) {
        LANES_EACH(i, 6) x[i] = *(const f32_vector *)(sums + (6 * i + j) * position);
        winograd_kernel_line(x, 1, t + j, 6);
    }
    LANES_EACH(i, 3) {
        winograd_kernel_line(t + 6 * i, 1, y, 1);
        LANES_EACH(j, 3) LANES_AT(weights, 3 * i + j) = y[j];
        total += y[0] + (y[1] + y[2]);
    }
    LANES_AT(check, 0) = total;
}

#endif

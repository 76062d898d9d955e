/* Masking and scaling whole spans, with vectors. x and out may be the same array: every vector is read before it is
 * written. A dropped element becomes +0 by clearing its bits, whatever they were (infinities and NaNs too). */
#ifndef MINIGRAD_DROPOUT_H
#define MINIGRAD_DROPOUT_H

#include "philox.h"

static inline void apply_span_f32(const float *x, float *out, const int32_t *keep, float scale) {
    for (int i = 0; i < SPAN; i += LANES) {
        f32_vector scaled = *(const f32_unaligned *)(x + i) * scale;
        *(f32_unaligned *)(out + i) = (f32_vector)((i32_vector)scaled & *(const i32_vector *)(keep + i));
    }
}

static inline void apply_span_f64(const double *x, double *out, const int32_t *keep, double scale) {
    for (int i = 0; i < SPAN; i += LANES / 2) {
        f64_vector scaled = *(const f64_unaligned *)(x + i) * scale;
        i64_vector mask = __builtin_convertvector(*(const i32_half_vector *)(keep + i), i64_vector);
        *(f64_unaligned *)(out + i) = (f64_vector)((i64_vector)scaled & mask);
    }
}

static inline void scale_run_f32(const float *x, float *out, int64_t size, float scale) {
    int64_t i = 0;
    for (; i + LANES <= size; i += LANES)
        *(f32_unaligned *)(out + i) = *(const f32_unaligned *)(x + i) * scale;
    for (; i < size; i++)
        out[i] = x[i] * scale;
}

static inline void scale_run_f64(const double *x, double *out, int64_t size, double scale) {
    int64_t i = 0;
    for (; i + LANES / 2 <= size; i += LANES / 2)
        *(f64_unaligned *)(out + i) = *(const f64_unaligned *)(x + i) * scale;
    for (; i < size; i++)
        out[i] = x[i] * scale;
}

#endif

/* Masking and scaling whole spans, with vectors. x and out may be the same array: every vector is read before it is
 * written. A dropped element becomes +0 by clearing its bits, whatever they were (infinities and NaNs too).
 *
 * ReLU before dropout clears more of them, where x <= 0 (NaN is not). Which elements got through is noted in SPAN bits,
 * that of element r in byte r / 8 at 1 << r % 8: all that the gradient needs to know. */
#ifndef MINIGRAD_DROPOUT_H
#define MINIGRAD_DROPOUT_H

#include <string.h>
#include "philox.h"
#include "stream.h"

INLINE void apply_span_f32(const float *x, float *out, const int32_t *keep, float scale, int streaming) {
    for (int i = 0; i < SPAN; i += LANES) {
        f32_vector scaled = *(const f32_unaligned *)(x + i) * scale;
        put_f32(out + i, (f32_vector)((i32_vector)scaled & *(const i32_vector *)(keep + i)), streaming);
    }
}

INLINE void apply_span_f64(const double *x, double *out, const int32_t *keep, double scale, int streaming) {
    for (int i = 0; i < SPAN; i += LANES / 2) {
        f64_vector scaled = *(const f64_unaligned *)(x + i) * scale;
        i64_vector mask = __builtin_convertvector(*(const i32_half_vector *)(keep + i), i64_vector);
        put_f64(out + i, (f64_vector)((i64_vector)scaled & mask), streaming);
    }
}

/* A bit for each lane of a comparison's result. */
static inline uint32_t lane_bits_f32(i32_vector mask) {
#if VECTOR_BYTES == 64
    return _mm512_movepi32_mask((__m512i)mask);
#elif VECTOR_BYTES == 32
    return (uint32_t)_mm256_movemask_ps((__m256)mask);
#elif defined(__SSE2__)
    return (uint32_t)_mm_movemask_ps((__m128)mask);
#else
    uint32_t bits = 0;
    for (int lane = 0; lane < LANES; lane++)
        bits |= (uint32_t)(mask[lane] & 1) << lane;
    return bits;
#endif
}

static inline uint32_t lane_bits_f64(i64_vector mask) {
#if VECTOR_BYTES == 64
    return _mm512_movepi64_mask((__m512i)mask);
#elif VECTOR_BYTES == 32
    return (uint32_t)_mm256_movemask_pd((__m256d)mask);
#elif defined(__SSE2__)
    return (uint32_t)_mm_movemask_pd((__m128d)mask);
#else
    uint32_t bits = 0;
    for (int lane = 0; lane < LANES / 2; lane++)
        bits |= (uint32_t)(mask[lane] & 1) << lane;
    return bits;
#endif
}

INLINE void relu_span_f32(const float *x, float *out, const int32_t *keep, float scale, uint8_t *passed, int streaming) {
    for (int i = 0; i < SPAN; i += 16) {
        uint16_t bits = 0;
        for (int j = 0; j < 16; j += LANES) {
            f32_vector value = *(const f32_unaligned *)(x + i + j);
            i32_vector mask = ~(i32_vector)(value <= 0) & *(const i32_vector *)(keep + i + j);
            put_f32(out + i + j, (f32_vector)((i32_vector)(value * scale) & mask), streaming);
            bits |= (uint16_t)(lane_bits_f32(mask) << j);
        }
        memcpy(passed + i / 8, &bits, 2);
    }
}

INLINE void relu_span_f64(const double *x, double *out, const int32_t *keep, double scale, uint8_t *passed, int streaming) {
    for (int i = 0; i < SPAN; i += 8) {
        uint8_t bits = 0;
        for (int j = 0; j < 8; j += LANES / 2) {
            f64_vector value = *(const f64_unaligned *)(x + i + j);
            i64_vector kept = __builtin_convertvector(*(const i32_half_vector *)(keep + i + j), i64_vector);
            i64_vector mask = ~(i64_vector)(value <= 0) & kept;
            put_f64(out + i + j, (f64_vector)((i64_vector)(value * scale) & mask), streaming);
            bits |= (uint8_t)(lane_bits_f64(mask) << j);
        }
        passed[i / 8] = bits;
    }
}

/* g * scale where the bit is set, elsewhere +0. */
INLINE void passed_span_f32(const float *g, float *out, const uint8_t *passed, float scale, int streaming) {
    i32_vector place;
    for (int lane = 0; lane < LANES; lane++)
        place[lane] = 1 << lane;
    for (int i = 0; i < SPAN; i += 16) {
        uint16_t bits;
        memcpy(&bits, passed + i / 8, 2);
        if (streaming)
            fetch_page_ahead(g + i);
        for (int j = 0; j < 16; j += LANES) {
            i32_vector mask = (i32_vector)((((i32_vector){0} + (bits >> j)) & place) != 0);
            f32_vector scaled = *(const f32_unaligned *)(g + i + j) * scale;
            put_f32(out + i + j, (f32_vector)((i32_vector)scaled & mask), streaming);
        }
    }
}

INLINE void passed_span_f64(const double *g, double *out, const uint8_t *passed, double scale, int streaming) {
    i64_vector place;
    for (int lane = 0; lane < LANES / 2; lane++)
        place[lane] = 1 << lane;
    for (int i = 0; i < SPAN; i += 8) {
        if (streaming)
            fetch_page_ahead(g + i);
        for (int j = 0; j < 8; j += LANES / 2) {
            i64_vector mask = (i64_vector)((((i64_vector){0} + (passed[i / 8] >> j)) & place) != 0);
            f64_vector scaled = *(const f64_unaligned *)(g + i + j) * scale;
            put_f64(out + i + j, (f64_vector)((i64_vector)scaled & mask), streaming);
        }
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

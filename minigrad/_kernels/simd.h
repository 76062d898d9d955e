/* What GCC's vector extensions do not say portably about vectors of float (_f32) and double (_f64): largest and
   smallest, choice by a comparison, scaling by a power of two, and loads of what is left at an end. One instruction
   each where the level has one. */
#ifndef MINIGRAD_SIMD_H
#define MINIGRAD_SIMD_H

#include <stddef.h>
#include <string.h>
#include "vectors.h"

/* Inlined everywhere: a call in a loop would cost more than what it computes. */
#if defined(__GNUC__) || defined(__clang__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

enum { LANES_f32 = VECTOR_BYTES / 4, LANES_f64 = VECTOR_BYTES / 8 };

/* larger(a, b) is a > b ? a : b and smaller(a, b) is a < b ? a : b: where either is NaN, b. */
#if VECTOR_BYTES == 64
typedef __mmask16 mask_f32;
typedef __mmask8 mask_f64;
#define DEFINE_CHOICES(suffix, vector, native, kind)                                                                  \
    INLINE vector larger_##suffix(vector a, vector b) { return (vector)_mm512_max_##kind((native)a, (native)b); }     \
    INLINE vector smaller_##suffix(vector a, vector b) { return (vector)_mm512_min_##kind((native)a, (native)b); }    \
    INLINE mask_##suffix above_##suffix(vector a, vector b) {                                                         \
        return _mm512_cmp_##kind##_mask((native)a, (native)b, _CMP_GT_OQ);                                            \
    }                                                                                                                 \
    INLINE mask_##suffix upto_##suffix(vector a, vector b) {                                                          \
        return _mm512_cmp_##kind##_mask((native)a, (native)b, _CMP_LE_OQ);                                            \
    }                                                                                                                 \
    INLINE mask_##suffix equal_##suffix(vector a, vector b) {                                                         \
        return _mm512_cmp_##kind##_mask((native)a, (native)b, _CMP_EQ_OQ);                                            \
    }                                                                                                                 \
    INLINE mask_##suffix unordered_##suffix(vector a, vector b) {                                                     \
        return _mm512_cmp_##kind##_mask((native)a, (native)b, _CMP_UNORD_Q);                                          \
    }                                                                                                                 \
    INLINE vector pick_##suffix(mask_##suffix choice, vector a, vector b) {                                           \
        return (vector)_mm512_mask_blend_##kind(choice, (native)b, (native)a);                                        \
    }                                                                                                                 \
    INLINE int some_##suffix(mask_##suffix choice) { return choice != 0; }
DEFINE_CHOICES(f32, f32_vector, __m512, ps)
DEFINE_CHOICES(f64, f64_vector, __m512d, pd)
#else
typedef i32_vector mask_f32;
typedef i64_vector mask_f64;
#if VECTOR_BYTES == 32
#define NATIVE(operation, kind) _mm256_##operation##_##kind
typedef __m256 native_f32;
typedef __m256d native_f64;
#elif defined(__SSE4_1__)
#define NATIVE(operation, kind) _mm_##operation##_##kind
typedef __m128 native_f32;
typedef __m128d native_f64;
#endif
#ifdef NATIVE
#define DEFINE_PICKS(suffix, vector, kind)                                                                            \
    INLINE vector larger_##suffix(vector a, vector b) {                                                               \
        return (vector)NATIVE(max, kind)((native_##suffix)a, (native_##suffix)b);                                     \
    }                                                                                                                 \
    INLINE vector smaller_##suffix(vector a, vector b) {                                                              \
        return (vector)NATIVE(min, kind)((native_##suffix)a, (native_##suffix)b);                                     \
    }                                                                                                                 \
    INLINE vector pick_##suffix(mask_##suffix choice, vector a, vector b) {                                           \
        return (vector)NATIVE(blendv, kind)((native_##suffix)b, (native_##suffix)a, (native_##suffix)choice);         \
    }                                                                                                                 \
    INLINE int some_##suffix(mask_##suffix choice) { return NATIVE(movemask, kind)((native_##suffix)choice) != 0; }
#else
#define DEFINE_PICKS(suffix, vector, kind)                                                                            \
    INLINE vector pick_##suffix(mask_##suffix choice, vector a, vector b) {                                           \
        return (vector)((choice & (mask_##suffix)a) | (~choice & (mask_##suffix)b));                                  \
    }                                                                                                                 \
    INLINE vector larger_##suffix(vector a, vector b) { return pick_##suffix(a > b, a, b); }                          \
    INLINE vector smaller_##suffix(vector a, vector b) { return pick_##suffix(a < b, a, b); }                         \
    INLINE int some_##suffix(mask_##suffix choice) {                                                                  \
        int found = 0;                                                                                                \
        for (int i = 0; i < LANES_##suffix; i++)                                                                      \
            found |= choice[i] != 0;                                                                                  \
        return found;                                                                                                 \
    }
#endif
#define DEFINE_CHOICES(suffix, vector, kind)                                                                          \
    DEFINE_PICKS(suffix, vector, kind)                                                                                \
    INLINE mask_##suffix above_##suffix(vector a, vector b) { return a > b; }                                         \
    INLINE mask_##suffix upto_##suffix(vector a, vector b) { return a <= b; }                                         \
    INLINE mask_##suffix equal_##suffix(vector a, vector b) { return a == b; }                                        \
    INLINE mask_##suffix unordered_##suffix(vector a, vector b) { return ~((a == a) & (b == b)); }
DEFINE_CHOICES(f32, f32_vector, ps)
DEFINE_CHOICES(f64, f64_vector, pd)
#endif

/* 1.5 * 2^23 and 1.5 * 2^52: adding it rounds to an integer and leaves that integer in the low bits. */
#define ROUND_f32 12582912.0f
#define ROUND_f64 6755399441055744.0

/* 2^n, -127 < n < 128 (or 1024), from ROUND + n */
INLINE f32_vector power_of_two_f32(f32_vector rounded) {
    return (f32_vector)(((u32_vector)rounded << 23) + 0x3f800000u);
}

INLINE f64_vector power_of_two_f64(f64_vector rounded) {
    return (f64_vector)(((u64_vector)rounded << 52) + 0x3ff0000000000000u);
}

/* p 2^n for a whole n and p near 1, gradual underflow and overflow to infinity included. */
#if VECTOR_BYTES == 64
INLINE f32_vector scale_f32(f32_vector p, f32_vector n) {
    return (f32_vector)_mm512_scalef_ps((__m512)p, (__m512)n);
}

INLINE f64_vector scale_f64(f64_vector p, f64_vector n) {
    return (f64_vector)_mm512_scalef_pd((__m512d)p, (__m512d)n);
}
#else
/* 2^n in two factors: n itself may be 128 or -150. */
INLINE f32_vector scale_f32(f32_vector p, f32_vector n) {
    f32_vector half = n * 0.5f + ROUND_f32;
    return p * power_of_two_f32(half) * power_of_two_f32(n - (half - ROUND_f32) + ROUND_f32);
}

INLINE f64_vector scale_f64(f64_vector p, f64_vector n) {
    f64_vector half = n * 0.5 + ROUND_f64;
    return p * power_of_two_f64(half) * power_of_two_f64(n - (half - ROUND_f64) + ROUND_f64);
}
#endif

/* z^2 - square, the rounding error of square = z * z for floats */
INLINE f32_vector rest_of_square_f32(f32_vector z, f32_vector square) {
#if VECTOR_BYTES == 64
    return (f32_vector)_mm512_fmsub_ps((__m512)z, (__m512)z, (__m512)square);
#elif VECTOR_BYTES == 32
    return (f32_vector)_mm256_fmsub_ps((__m256)z, (__m256)z, (__m256)square);
#else
    /* Dekker's product: the upper 12 bits of z have an exact square */
    f32_vector upper = (f32_vector)((u32_vector)z & 0xfffff000u), lower = z - upper;
    return ((upper * upper - square) + 2.0f * upper * lower) + lower * lower;
#endif
}

/* |x|, and the magnitude of x with the sign of y */
INLINE f32_vector magnitude_f32(f32_vector x) { return (f32_vector)((u32_vector)x & 0x7fffffffu); }
INLINE f64_vector magnitude_f64(f64_vector x) { return (f64_vector)((u64_vector)x & 0x7fffffffffffffffu); }

INLINE f32_vector signed_as_f32(f32_vector x, f32_vector y) {
    return (f32_vector)(((u32_vector)x & 0x7fffffffu) | ((u32_vector)y & 0x80000000u));
}

INLINE f64_vector signed_as_f64(f64_vector x, f64_vector y) {
    return (f64_vector)(((u64_vector)x & 0x7fffffffffffffffu) | ((u64_vector)y & 0x8000000000000000u));
}

/* sums[0] + sums[1] += v, in double precision */
INLINE void widen_f32(f64_vector *sums, f32_vector v) {
    f32_half_vector half;
    memcpy(&half, &v, sizeof half);
    sums[0] += __builtin_convertvector(half, f64_vector);
    memcpy(&half, (char *)&v + sizeof half, sizeof half);
    sums[1] += __builtin_convertvector(half, f64_vector);
}

INLINE void widen_f64(f64_vector *sums, f64_vector v) { sums[0] += v; }

/* The largest lane (if none is NaN), and the sum of the lanes, pairwise. */
#if VECTOR_BYTES == 64
INLINE float largest_lane_f32(f32_vector v) { return _mm512_reduce_max_ps((__m512)v); }
INLINE double largest_lane_f64(f64_vector v) { return _mm512_reduce_max_pd((__m512d)v); }
INLINE double sum_lanes(f64_vector v) { return _mm512_reduce_add_pd((__m512d)v); }
#else
#define DEFINE_LARGEST(suffix, real, vector)                                                                          \
    INLINE real largest_lane_##suffix(vector v) {                                                                     \
        real largest = v[0];                                                                                          \
        for (int lane = 1; lane < LANES_##suffix; lane++)                                                             \
            largest = v[lane] > largest ? v[lane] : largest;                                                          \
        return largest;                                                                                               \
    }
DEFINE_LARGEST(f32, float, f32_vector)
DEFINE_LARGEST(f64, double, f64_vector)

INLINE double sum_lanes(f64_vector v) {
#if VECTOR_BYTES == 32
    return (v[0] + v[2]) + (v[1] + v[3]);
#else
    return v[0] + v[1];
#endif
}
#endif

#if VECTOR_BYTES == 64 /* masked loads and stores: nothing goes through the stack */
#define DEFINE_PARTS(suffix, real, vector, native, kind, mask)                                                        \
    INLINE vector load_part_##suffix(const real *from, ptrdiff_t count, real value) {                                 \
        return (vector)_mm512_mask_loadu_##kind(_mm512_set1_##kind(value), (mask)((1u << count) - 1), from);          \
    }                                                                                                                 \
    INLINE void store_part_##suffix(real *to, vector value, ptrdiff_t count) {                                        \
        _mm512_mask_storeu_##kind(to, (mask)((1u << count) - 1), (native)value);                                      \
    }
#else
#define DEFINE_PARTS(suffix, real, vector, native, kind, mask)                                                        \
    INLINE vector load_part_##suffix(const real *from, ptrdiff_t count, real value) {                                 \
        vector part = splat_##suffix(value);                                                                          \
        memcpy(&part, from, (size_t)count * sizeof(real));                                                            \
        return part;                                                                                                  \
    }                                                                                                                 \
    INLINE void store_part_##suffix(real *to, vector value, ptrdiff_t count) {                                        \
        memcpy(to, &value, (size_t)count * sizeof(real));                                                             \
    }
#endif

/* Whole vectors, and the first `count` <= LANES elements of one, the rest `value`. */
#define DEFINE_MEMORY(suffix, real, vector, native, kind, mask)                                                       \
    INLINE vector splat_##suffix(real value) { return value - (vector){0}; }                                          \
    INLINE vector load_##suffix(const real *from) { return *(const suffix##_unaligned *)from; }                       \
    INLINE void store_##suffix(real *to, vector value) { *(suffix##_unaligned *)to = value; }                         \
    DEFINE_PARTS(suffix, real, vector, native, kind, mask)
DEFINE_MEMORY(f32, float, f32_vector, __m512, ps, __mmask16)
DEFINE_MEMORY(f64, double, f64_vector, __m512d, pd, __mmask8)

#endif

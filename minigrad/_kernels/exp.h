/* exp for float and double, without branches, calls or tables, so that a plain loop around it is vectorized at any
   width (and a scalar tail rounds like the vectors). With n = round(x / ln 2) and r = x - n ln 2, |r| <= ln 2 / 2:
   exp(x) = 2^n exp(r), exp(r) by a polynomial, ln 2 in two parts (Cody and Waite 1980). Errors, subnormal results
   included: float 1.0103 ulp with fused multiply-add and 0.9903 without, over every float; double 0.995 and 0.970,
   the largest among 2 * 10^7 random inputs (a sample, not a bound). Gradual underflow, infinity and NaN as in C.
   The polynomial for float is Cephes' (S. Moshier), that for double the Taylor series to the 13th power, whose
   remainder is below 2^-57. */
#ifndef MINIGRAD_EXP_H
#define MINIGRAD_EXP_H

#include <stdint.h>
#include <string.h>

/* Inlined everywhere: a call in a loop would keep it from being vectorized. */
#if defined(__GNUC__) || defined(__clang__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

#ifdef __FMA__
#define MADD_FLOAT(a, b, c) __builtin_fmaf(a, b, c)
#define MADD_DOUBLE(a, b, c) __builtin_fma(a, b, c)
#else
#define MADD_FLOAT(a, b, c) ((a) * (b) + (c))
#define MADD_DOUBLE(a, b, c) ((a) * (b) + (c))
#endif

/* 1.5 * 2^23: adding it rounds a float to an integer and leaves that integer in the low bits. */
#define ROUND_FLOAT 12582912.0f
#define ROUND_DOUBLE 6755399441055744.0

/* 2^n, -127 < n < 128, where rounded = ROUND + n */
INLINE float power_of_two_float(float rounded) {
    uint32_t bits;
    float power;
    memcpy(&bits, &rounded, sizeof bits);
    bits = (bits << 23) + 0x3f800000u;
    memcpy(&power, &bits, sizeof bits);
    return power;
}

INLINE double power_of_two_double(double rounded) {
    uint64_t bits;
    double power;
    memcpy(&bits, &rounded, sizeof bits);
    bits = (bits << 52) + 0x3ff0000000000000u;
    memcpy(&power, &bits, sizeof bits);
    return power;
}

INLINE float exp_float(float x) {
    float n, half, r, p;
    x = x > 89.0f ? 89.0f : x; /* comparisons with NaN are false: it stays */
    x = x < -104.0f ? -104.0f : x;
    n = MADD_FLOAT(x, 1.44269504088896341f, ROUND_FLOAT) - ROUND_FLOAT;
    r = MADD_FLOAT(n, -0.693359375f, x);
    r = MADD_FLOAT(n, 2.12194440e-4f, r);
    p = 1.9875691500e-4f;
    p = MADD_FLOAT(p, r, 1.3981999507e-3f);
    p = MADD_FLOAT(p, r, 8.3334519073e-3f);
    p = MADD_FLOAT(p, r, 4.1665795894e-2f);
    p = MADD_FLOAT(p, r, 1.6666665459e-1f);
    p = MADD_FLOAT(p, r, 5.0000001201e-1f);
    p = MADD_FLOAT(p, r * r, r) + 1.0f;
    half = MADD_FLOAT(n, 0.5f, ROUND_FLOAT); /* 2^n in two factors: n itself may be 128 or -150 */
    return p * power_of_two_float(half) * power_of_two_float(n - (half - ROUND_FLOAT) + ROUND_FLOAT);
}

INLINE double exp_double(double x) {
    double n, half, r, p;
    x = x > 710.0 ? 710.0 : x;
    x = x < -746.0 ? -746.0 : x;
    n = MADD_DOUBLE(x, 1.4426950408889634074, ROUND_DOUBLE) - ROUND_DOUBLE;
    r = MADD_DOUBLE(n, -6.93147180369123816490e-01, x);
    r = MADD_DOUBLE(n, -1.90821492927058770002e-10, r);
    p = 1.0 / 6227020800.0;
    p = MADD_DOUBLE(p, r, 1.0 / 479001600.0);
    p = MADD_DOUBLE(p, r, 1.0 / 39916800.0);
    p = MADD_DOUBLE(p, r, 1.0 / 3628800.0);
    p = MADD_DOUBLE(p, r, 1.0 / 362880.0);
    p = MADD_DOUBLE(p, r, 1.0 / 40320.0);
    p = MADD_DOUBLE(p, r, 1.0 / 5040.0);
    p = MADD_DOUBLE(p, r, 1.0 / 720.0);
    p = MADD_DOUBLE(p, r, 1.0 / 120.0);
    p = MADD_DOUBLE(p, r, 1.0 / 24.0);
    p = MADD_DOUBLE(p, r, 1.0 / 6.0);
    p = MADD_DOUBLE(p, r, 0.5);
    p = MADD_DOUBLE(p, r * r, r) + 1.0;
    half = MADD_DOUBLE(n, 0.5, ROUND_DOUBLE);
    return p * power_of_two_double(half) * power_of_two_double(n - (half - ROUND_DOUBLE) + ROUND_DOUBLE);
}

/* The one of the two that fits x. A macro, since a wrapping function would be a call again. */
#define exponential(x) _Generic((x), float: exp_float, double: exp_double)(x)
#endif

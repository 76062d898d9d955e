/* The normal distribution's tail and the error function, for float and double. The float forms have no branches, calls
   or tables, so that a plain loop around them is vectorized at any width; double goes to the C library.

   tail(z) = P(N(0, 1) > z) = exp(-z^2/2) R(z), where R (half the scaled complementary error function) is smooth and is
   approximated in s = 1 / (1 + 0.27 z) by s times a polynomial of degree 8, to a relative 2.4e-8. z^2 is kept in two
   parts: the rounding of a single one would be magnified z^2/2 times by exp. Both fits were made for minigrad: weighted
   least squares at Chebyshev nodes, reweighted towards equal ripples (Lawson 1961), against 40 digits. */
#ifndef MINIGRAD_SPECIAL_H
#define MINIGRAD_SPECIAL_H

#include <math.h>
#include "exp.h"

/* tail(z) for z >= 0, to 6 ulp; `density` becomes exp(-z^2/2), to 3 ulp. Beyond 15 both are 0 in float. */
static inline float normal_tail_float(float z, float *density) {
    float square, rest, s, p;
    z = z > 15.0f ? 15.0f : z; /* also spares infinity - infinity below; NaN stays */
    square = z * z;
#ifdef __FMA__
    rest = __builtin_fmaf(z, z, -square);
#else
    uint32_t bits; /* Dekker's product: the upper 12 bits of z have an exact square */
    float upper, lower;
    memcpy(&bits, &z, sizeof bits);
    bits &= 0xfffff000u;
    memcpy(&upper, &bits, sizeof upper);
    lower = z - upper;
    rest = ((upper * upper - square) + 2.0f * upper * lower) + lower * lower;
#endif
    float power = exp_float(-0.5f * square);
    power = MADD_FLOAT(power, -0.5f * rest, power);
    s = 1.0f / MADD_FLOAT(0.27f, z, 1.0f);
    p = 2.8996439650654793e-2f;
    p = MADD_FLOAT(p, s, -1.2666304409503937e-1f);
    p = MADD_FLOAT(p, s, 1.7016483843326569e-1f);
    p = MADD_FLOAT(p, s, -6.9660231471061707e-2f);
    p = MADD_FLOAT(p, s, 1.0814885795116425e-1f);
    p = MADD_FLOAT(p, s, 7.1905776858329773e-2f);
    p = MADD_FLOAT(p, s, 1.0184917598962784e-1f);
    p = MADD_FLOAT(p, s, 1.0753719508647919e-1f);
    p = MADD_FLOAT(p, s, 1.0772100836038589e-1f);
    *density = power;
    return power * (p * s);
}

static inline double normal_tail_double(double z, double *density) {
    *density = exp_double(-0.5 * z * z);
    return 0.5 * erfc(z * 0.70710678118654752440);
}

/* erf to 2 ulp: odd powers up to 1 (relative 1.2e-9 before rounding), then 1 minus both tails. */
static inline float erf_float(float x) {
    float density, size = fabsf(x), square = x * x, p, outer;
    p = 7.8541306720580906e-5f;
    p = MADD_FLOAT(p, square, -8.0102763604372740e-4f);
    p = MADD_FLOAT(p, square, 5.1883370615541935e-3f);
    p = MADD_FLOAT(p, square, -2.6853816583752632e-2f);
    p = MADD_FLOAT(p, square, 1.1283585429191589e-1f);
    p = MADD_FLOAT(p, square, -3.7612625956535339e-1f);
    p = MADD_FLOAT(p, square, 1.2837910652160645e-1f); /* 2 / sqrt(pi) - 1 */
    outer = copysignf(1.0f - 2.0f * normal_tail_float(size * 1.41421356237309505f, &density), x);
    return size < 1.0f ? MADD_FLOAT(p, x, x) : outer;
}

static inline double erf_double(double x) {
    return erf(x);
}

#endif

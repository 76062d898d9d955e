/* exp, expm1 and log1p for vectors, without branches, calls or tables. A template: both_types.h includes it once for
   float and once for double, where REAL, REAL_BITS, VECTOR and FN(name) are the type's.

   With n = round(x / ln 2) and r = x - n ln 2, |r| <= ln 2 / 2: exp(x) = 2^n exp(r), exp(r) by a polynomial, ln 2 in
   two parts (Cody and Waite 1980); and expm1(x) = 2^n expm1(r) + (2^n - 1), where nothing cancels, since the second
   term is the larger unless n is 0. log1p(e) = 2 artanh(s), s = e / (2 + e), an odd function of s <= 1/3. The
   polynomials (degree 6 and 12 for exp, 4 and 11 in s^2) were fitted for minigrad: weighted least squares at Chebyshev
   nodes, reweighted towards equal ripples (Lawson 1961); their own error is below 2^-27 for float and 2^-58 for double.

   Errors of exp, subnormal results included: float 0.9091 ulp with fused multiply-add and 0.9888 without, over every
   float; double 0.847 and 0.942, the largest among 4 * 10^6 random inputs (a sample, not a bound). Gradual underflow,
   infinity and NaN as in C. */

#undef K
#define K(constant) ((REAL)(constant)) /* in a template: 1.5 alone would be a double */

/* (exp(r) - 1 - r) / r^2 for |r| <= ln 2 / 2 */
INLINE VECTOR FN(exp_rest)(VECTOR r) {
#if REAL_BITS == 32
    VECTOR p = r * 1.3814467e-3f + 8.368781e-3f;
    p = p * r + 4.1668393e-2f;
    p = p * r + 1.6666520e-1f;
    p = p * r + 4.9999994e-1f;
#else
    VECTOR p = r * 2.0886092282340455e-09 + 2.5112169515508213e-08;
    p = p * r + 2.7557360820654357e-07;
    p = p * r + 2.7557234307736822e-06;
    p = p * r + 2.480158723324103e-05;
    p = p * r + 1.9841269897210805e-04;
    p = p * r + 1.3888888888922753e-03;
    p = p * r + 8.333333333316522e-03;
    p = p * r + 4.1666666666666616e-02;
    p = p * r + 1.6666666666666685e-01;
    p = p * r + 0.5;
#endif
    return p;
}

/* round(x / ln 2) + ROUND, and what x is then more than n ln 2 */
INLINE VECTOR FN(reduce)(VECTOR x, VECTOR *r) {
    VECTOR rounded = x * K(1.4426950408889634074) + FN(ROUND);
    VECTOR n = rounded - FN(ROUND);
#if REAL_BITS == 32
    *r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
#else
    *r = (x - n * 6.93147180369123816490e-01) - n * 1.90821492927058770002e-10;
#endif
    return rounded;
}

/* exp(x) for LOWEST <= x <= HIGHEST, whose exponentials are 0 and infinity, or NaN */
#undef LOWEST
#undef HIGHEST
#if REAL_BITS == 32
#define LOWEST (-104.0f)
#define HIGHEST 89.0f
#else
#define LOWEST (-746.0)
#define HIGHEST 710.0
#endif

INLINE VECTOR FN(exp_within)(VECTOR x) {
    VECTOR r, rounded = FN(reduce)(x, &r);
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
    VECTOR p = (FN(exp_rest)(r) * r + K(1)) * r + K(1); /* the last rounding is nearly the only one */
#else
    VECTOR p = (FN(exp_rest)(r) * (r * r) + r) + K(1); /* rounds the smaller terms more often, and the larger less */
#endif
    return FN(scale)(p, rounded - FN(ROUND));
}

/* exp(x) for x <= 0 or NaN; for other x, too, up to HIGHEST */
INLINE VECTOR FN(exp_below)(VECTOR x) {
    return FN(exp_within)(FN(larger)(FN(splat)(LOWEST), x));
}

INLINE VECTOR FN(exp)(VECTOR x) {
    return FN(exp_below)(FN(smaller)(FN(splat)(HIGHEST), x));
}

/* expm1(x) for x <= 0 or NaN */
INLINE VECTOR FN(expm1_below)(VECTOR x) {
    VECTOR r, rounded = FN(reduce)(FN(larger)(FN(splat)(K(-50)), x), &r); /* exp(-50) is lost beside 1 */
    VECTOR power = FN(power_of_two)(rounded);
    return power * ((FN(exp_rest)(r) * r) * r + r) + (power - K(1));
}

/* log(1 + e) for 0 <= e <= 1 or NaN */
INLINE VECTOR FN(log1p_unit)(VECTOR e) {
    VECTOR s = e / (e + K(2));
    VECTOR square = s * s;
#if REAL_BITS == 32
    VECTOR p = square * 2.8178334e-1f + 2.7960600e-1f;
    p = p * square + 4.0024910e-1f;
    p = p * square + 6.6666317e-1f;
#else
    VECTOR p = square * 0.16597169871974515 + 0.06906628729668508;
    p = p * square + 0.10997884875856408;
    p = p * square + 0.11711867175985372;
    p = p * square + 0.13337208807247192;
    p = p * square + 0.15384426860616973;
    p = p * square + 0.18181824177236774;
    p = p * square + 0.22222222103065473;
    p = p * square + 0.28571428572772184;
    p = p * square + 0.3999999999999316;
    p = p * square + 0.6666666666666667;
#endif
    return (p * square) * s + (s + s);
}

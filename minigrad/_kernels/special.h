/* The normal distribution's tail and the error function for vectors of float, without branches, calls or tables; double
   goes to the C library, lane by lane. A template like exp.h.

   tail(z) = P(N(0, 1) > z) = exp(-z^2/2) R(z), where R (half the scaled complementary error function) is smooth and is
   approximated in s = 1 / (1 + 0.27 z) by s times a polynomial of degree 8, to a relative 2.4e-8. z^2 is kept in two
   parts: the rounding of a single one would be magnified z^2/2 times by exp. Both fits were made for minigrad: weighted
   least squares at Chebyshev nodes, reweighted towards equal ripples (Lawson 1961), against 40 digits. */

#if REAL_BITS == 32
/* tail(z) for z >= 0, to 6 ulp; `density` becomes exp(-z^2/2), to 3 ulp. Beyond 15 both are 0 in float. */
INLINE VECTOR FN(normal_tail)(VECTOR z, VECTOR *density) {
    z = FN(smaller)(FN(splat)(15.0f), z); /* also spares infinity - infinity below; NaN stays */
    VECTOR square = z * z;
    VECTOR rest = FN(rest_of_square)(z, square);
    VECTOR power = FN(exp_within)(square * -0.5f);
    power = power + power * (rest * -0.5f);
    VECTOR s = 1.0f / (z * 0.27f + 1.0f);
    VECTOR p = s * 2.8996439650654793e-2f + -1.2666304409503937e-1f;
    p = p * s + 1.7016483843326569e-1f;
    p = p * s + -6.9660231471061707e-2f;
    p = p * s + 1.0814885795116425e-1f;
    p = p * s + 7.1905776858329773e-2f;
    p = p * s + 1.0184917598962784e-1f;
    p = p * s + 1.0753719508647919e-1f;
    p = p * s + 1.0772100836038589e-1f;
    *density = power;
    return power * (p * s);
}

/* erf to 2 ulp: odd powers up to 1 (relative 1.2e-9 before rounding), then 1 minus both tails. */
INLINE VECTOR FN(erf)(VECTOR x) {
    VECTOR density, size = FN(magnitude)(x), square = x * x;
    VECTOR p = square * 7.8541306720580906e-5f + -8.0102763604372740e-4f;
    p = p * square + 5.1883370615541935e-3f;
    p = p * square + -2.6853816583752632e-2f;
    p = p * square + 1.1283585429191589e-1f;
    p = p * square + -3.7612625956535339e-1f;
    p = p * square + 1.2837910652160645e-1f; /* 2 / sqrt(pi) - 1 */
    VECTOR outer = 1.0f - 2.0f * FN(normal_tail)(size * 1.41421356237309505f, &density);
    return FN(pick)(FN(above)(FN(splat)(1.0f), size), p * x + x, FN(signed_as)(outer, x));
}
#else
INLINE VECTOR FN(normal_tail)(VECTOR z, VECTOR *density) {
    VECTOR tail;
    for (int lane = 0; lane < FN(LANES); lane++)
        tail[lane] = 0.5 * erfc(z[lane] * 0.70710678118654752440);
    *density = FN(exp_below)(z * z * -0.5);
    return tail;
}

INLINE VECTOR FN(erf)(VECTOR x) {
    for (int lane = 0; lane < FN(LANES); lane++)
        x[lane] = erf(x[lane]);
    return x;
}
#endif

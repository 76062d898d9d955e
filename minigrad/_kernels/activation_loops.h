/* Each activation and the gradient of each, on one vector; and a loop around it. A template like exp.h.

   The arguments are x, or g and then x (or y, the output), and up to two parameters p and q. A comparison with NaN is
   false, and larger and smaller return their second argument then: what stands there lets NaN through. */

#include "special.h"

#define CONSTANT(value) FN(splat)(K(value))

/* A loop over `size` elements of one or two arrays (one alone comes twice); out may be one of them. */
#define LOOP(name)                                                                                                    \
    static void FN(name##_loop)(const REAL *a, const REAL *b, REAL *out, ptrdiff_t size, REAL p, REAL q) {            \
        VECTOR first = FN(splat)(p), second = FN(splat)(q);                                                           \
        ptrdiff_t i = 0;                                                                                              \
        for (; i + FN(LANES) <= size; i += FN(LANES))                                                                 \
            FN(store)(out + i, FN(name##_of)(FN(load)(a + i), FN(load)(b + i), first, second));                       \
        if (i < size) {                                                                                               \
            VECTOR rest_a = FN(load_part)(a + i, size - i, 0), rest_b = FN(load_part)(b + i, size - i, 0);            \
            FN(store_part)(out + i, FN(name##_of)(rest_a, rest_b, first, second), size - i);                          \
        }                                                                                                             \
    }

/* VECTOR name(x), as the loop calls it; and the gradient name_slope(g, x) or name_slope(g, y) */
#define FORWARD(name) INLINE VECTOR FN(name##_of)(VECTOR x, VECTOR unused, VECTOR p, VECTOR q)
#define BACKWARD(name) INLINE VECTOR FN(name##_slope_of)(VECTOR g, VECTOR x, VECTOR p, VECTOR q)

FORWARD(relu) {
    return FN(larger)(CONSTANT(0), x) + CONSTANT(0); /* -0 becomes 0 */
}

BACKWARD(relu) { /* from x or y */
    return FN(pick)(FN(upto)(x, CONSTANT(0)), CONSTANT(0), g);
}

FORWARD(leaky_relu) {
    return FN(pick)(FN(above)(x, CONSTANT(0)), x, x * p);
}

BACKWARD(leaky_relu) {
    return FN(pick)(FN(above)(x, CONSTANT(0)), g, g * p);
}

FORWARD(hardtanh) { /* between p and q */
    return FN(smaller)(q, FN(larger)(p, x));
}

BACKWARD(hardtanh) { /* 0 at the bounds and at NaN */
    return FN(pick)(FN(above)(x, p) & FN(above)(q, x), g, CONSTANT(0));
}

/* 1 / (1 + e) and e / (1 + e), e = exp(-|x|), are the sigmoids of |x| and -|x|: nothing overflows. */
FORWARD(sigmoid) {
    VECTOR e = FN(exp_below)(-FN(magnitude)(x));
    return FN(pick)(FN(above)(CONSTANT(0), x), e, CONSTANT(1)) / (e + K(1));
}

BACKWARD(sigmoid) { /* from y */
    return g * ((K(1) - x) * x);
}

/* |tanh x| = -t / (2 + t), t = expm1(-2 |x|) */
FORWARD(tanh) {
    VECTOR t = FN(expm1_below)(FN(magnitude)(x) * K(-2));
    return FN(signed_as)(t / (t + K(2)), x);
}

BACKWARD(tanh) { /* from y */
    return g * (K(1) - x * x);
}

FORWARD(elu) {
    return FN(pick)(FN(above)(x, CONSTANT(0)), x, FN(expm1_below)(x) * p);
}

BACKWARD(elu) {
    return FN(pick)(FN(above)(x, CONSTANT(0)), g, g * (FN(exp_below)(x) * p));
}

/* log(1 + exp x) = max(x, 0) + log(1 + exp(-|x|)); p is beta, q the threshold */
FORWARD(softplus) {
    VECTOR scaled = x * p;
    VECTOR soft = FN(larger)(CONSTANT(0), scaled) + FN(log1p_unit)(FN(exp_below)(-FN(magnitude)(scaled)));
    return FN(pick)(FN(above)(scaled, q), x, soft * (K(1) / p));
}

BACKWARD(softplus) {
    VECTOR scaled = x * p;
    return FN(pick)(FN(above)(scaled, q), g, g * FN(sigmoid_of)(scaled, x, p, q));
}

FORWARD(logsigmoid) {
    return FN(smaller)(CONSTANT(0), x) - FN(log1p_unit)(FN(exp_below)(-FN(magnitude)(x)));
}

BACKWARD(logsigmoid) {
    return g * FN(sigmoid_of)(-x, x, p, q);
}

FORWARD(silu) {
    return x * FN(sigmoid_of)(x, x, p, q);
}

BACKWARD(silu) { /* s + x s (1 - s), where s (1 - s) = e / (1 + e)^2 */
    VECTOR e = FN(exp_below)(-FN(magnitude)(x));
    VECTOR inverse = K(1) / (e + K(1));
    VECTOR other = e * inverse;
    return g * (FN(pick)(FN(above)(CONSTANT(0), x), other, inverse) + x * (other * inverse));
}

/* tanh(softplus x) = n / d: with e = exp(-|x|), n = 1 + 2e and d = n + 2e^2 for x > 0, else n = e (2 + e), d = n + 2 */
FORWARD(mish) {
    VECTOR e = FN(exp_below)(-FN(magnitude)(x));
    VECTOR n = FN(pick)(FN(above)(x, CONSTANT(0)), e * K(2) + K(1), e * (e + K(2)));
    VECTOR d = n + FN(pick)(FN(above)(x, CONSTANT(0)), e * e * K(2), CONSTANT(2));
    return x * (n / d);
}

BACKWARD(mish) { /* n / d + x (1 - (n / d)^2) s, s the sigmoid; one division for all */
    VECTOR e = FN(exp_below)(-FN(magnitude)(x));
    VECTOR n = FN(pick)(FN(above)(x, CONSTANT(0)), e * K(2) + K(1), e * (e + K(2)));
    VECTOR rest = FN(pick)(FN(above)(x, CONSTANT(0)), e * e * K(2), CONSTANT(2));
    VECTOR d = n + rest, of_sigmoid = FN(pick)(FN(above)(x, CONSTANT(0)), CONSTANT(1), e);
    VECTOR inverse = K(1) / (d * d * (e + K(1)));
    return g * ((n * d * (e + K(1)) + x * (rest * (n + d) * of_sigmoid)) * inverse);
}

/* x P(N(0, 1) <= x), from the tail on x's side: far below zero it keeps its digits */
FORWARD(gelu) {
    VECTOR density, tail = FN(normal_tail)(FN(magnitude)(x), &density);
    return x * FN(pick)(FN(above)(CONSTANT(0), x), tail, K(1) - tail);
}

BACKWARD(gelu) { /* P + x p, p the density of N(0, 1) */
    VECTOR density, tail = FN(normal_tail)(FN(magnitude)(x), &density);
    return g * (FN(pick)(FN(above)(CONSTANT(0), x), tail, K(1) - tail) + x * density * K(0.3989422804014327));
}

/* (1 + tanh u) / 2 = sigmoid(v), v = 2u = 2 sqrt(2 / pi) (x + 0.044715 x^3) */
INLINE VECTOR FN(gelu_argument)(VECTOR x) {
    return (x + (x * K(0.044715)) * x * x) * K(1.5957691216057308);
}

FORWARD(gelu_tanh) {
    return x * FN(sigmoid_of)(FN(gelu_argument)(x), x, p, q);
}

BACKWARD(gelu_tanh) { /* s + x s (1 - s) v' */
    VECTOR v = FN(gelu_argument)(x), slope = (x * x * K(0.134145) + K(1)) * K(1.5957691216057308);
    VECTOR e = FN(exp_below)(-FN(magnitude)(v));
    VECTOR inverse = K(1) / (e + K(1));
    VECTOR other = e * inverse;
    return g * (FN(pick)(FN(above)(CONSTANT(0), v), other, inverse) + x * slope * (other * inverse));
}

FORWARD(erf) {
    return FN(erf)(x);
}

/* Losses of x and a target y, element by element, and their slopes in x times p; q is huber's delta. */
#define LOSS(name) INLINE VECTOR FN(name##_of)(VECTOR x, VECTOR y, VECTOR p, VECTOR q)

LOSS(squared) {
    return (x - y) * (x - y);
}

LOSS(squared_slope) {
    return (x - y) * (p + p);
}

LOSS(absolute) {
    return FN(magnitude)(x - y);
}

LOSS(absolute_slope) { /* 0 at 0, and NaN stays */
    VECTOR d = x - y;
    return FN(pick)(FN(above)(FN(magnitude)(d), CONSTANT(0)), FN(signed_as)(CONSTANT(1), d), d) * p;
}

LOSS(huber) {
    VECTOR size = FN(magnitude)(x - y);
    return FN(pick)(FN(above)(q, size), size * size * K(0.5), (size - q * K(0.5)) * q);
}

LOSS(huber_slope) {
    return FN(smaller)(q, FN(larger)(-q, x - y)) * p;
}

LOSS(logistic) { /* log(1 + exp x) - x y */
    return (FN(larger)(CONSTANT(0), x) - x * y) + FN(log1p_unit)(FN(exp_below)(-FN(magnitude)(x)));
}

LOSS(logistic_slope) {
    return (FN(sigmoid_of)(x, x, p, q) - y) * p;
}

LOOP(squared)
LOOP(squared_slope)
LOOP(absolute)
LOOP(absolute_slope)
LOOP(huber)
LOOP(huber_slope)
LOOP(logistic)
LOOP(logistic_slope)
LOOP(relu)
LOOP(relu_slope)
LOOP(leaky_relu)
LOOP(leaky_relu_slope)
LOOP(hardtanh)
LOOP(hardtanh_slope)
LOOP(sigmoid)
LOOP(sigmoid_slope)
LOOP(tanh)
LOOP(tanh_slope)
LOOP(elu)
LOOP(elu_slope)
LOOP(softplus)
LOOP(softplus_slope)
LOOP(logsigmoid)
LOOP(logsigmoid_slope)
LOOP(silu)
LOOP(silu_slope)
LOOP(mish)
LOOP(mish_slope)
LOOP(gelu)
LOOP(gelu_slope)
LOOP(gelu_tanh)
LOOP(gelu_tanh_slope)
LOOP(erf)

#undef CONSTANT
#undef LOOP
#undef LOSS
#undef FORWARD
#undef BACKWARD

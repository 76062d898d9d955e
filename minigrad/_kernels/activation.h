/* The loops of activation.pyx, for both types. */
#ifndef MINIGRAD_ACTIVATION_H
#define MINIGRAD_ACTIVATION_H

#include <math.h>
#include "simd.h"

#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)

#define REAL float
#define REAL_BITS 32
#define VECTOR f32_vector
#define FN(name) JOIN(name, f32)
#include "exp.h"
#include "special.h"
#include "activation_loops.h"
#undef REAL
#undef REAL_BITS
#undef VECTOR
#undef FN
#undef K
#undef LOWEST
#undef HIGHEST

#define REAL double
#define REAL_BITS 64
#define VECTOR f64_vector
#define FN(name) JOIN(name, f64)
#include "exp.h"
#include "special.h"
#include "activation_loops.h"

/* An operation's loops over float and double. */
typedef struct {
    void (*floats)(const float *a, const float *b, float *out, ptrdiff_t size, float p, float q);
    void (*doubles)(const double *a, const double *b, double *out, ptrdiff_t size, double p, double q);
} loops;

#define LOOPS(name) static const loops name##_loops = {name##_loop_f32, name##_loop_f64};
LOOPS(relu)
LOOPS(relu_slope)
LOOPS(leaky_relu)
LOOPS(leaky_relu_slope)
LOOPS(hardtanh)
LOOPS(hardtanh_slope)
LOOPS(sigmoid)
LOOPS(sigmoid_slope)
LOOPS(tanh)
LOOPS(tanh_slope)
LOOPS(elu)
LOOPS(elu_slope)
LOOPS(softplus)
LOOPS(softplus_slope)
LOOPS(logsigmoid)
LOOPS(logsigmoid_slope)
LOOPS(silu)
LOOPS(silu_slope)
LOOPS(mish)
LOOPS(mish_slope)
LOOPS(gelu)
LOOPS(gelu_slope)
LOOPS(gelu_tanh)
LOOPS(gelu_tanh_slope)
LOOPS(erf)
#endif

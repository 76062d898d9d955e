/* The loops of activation.pyx, for both types. */
#ifndef MINIGRAD_ACTIVATION_H
#define MINIGRAD_ACTIVATION_H

#include <math.h>
#define TEMPLATE "activation_loops.h"
#include "both_types.h"

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
LOOPS(squared)
LOOPS(squared_slope)
LOOPS(absolute)
LOOPS(absolute_slope)
LOOPS(huber)
LOOPS(huber_slope)
LOOPS(logistic)
LOOPS(logistic_slope)
#endif

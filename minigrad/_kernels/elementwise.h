/* out[i] = x[i] + y[i], and the same for -, * and /, over one run of memory.
 *
 * A step of 0 repeats one vector of equal numbers, which makes an operand a constant. Outputs beyond the last cache are
 * written past it (`stream`): an ordinary store reads the line it is about to overwrite, which would make four streams
 * of three. Runs of `out` begin on a 64-byte boundary then.
 */
#ifndef MINIGRAD_ELEMENTWISE_H
#define MINIGRAD_ELEMENTWISE_H

#include "stream.h"

#define ELEMENTWISE_LOOP(NAME, TYPE, VECTOR, UNALIGNED, OPERATOR)                                                        \
    static void NAME(const TYPE* x, long x_step, const TYPE* y, long y_step, TYPE* out, long size, int stream) {          \
        const long lanes = sizeof(VECTOR) / sizeof(TYPE);                                                                 \
        long i = 0;                                                                                                       \
        if (stream)                                                                                                       \
            for (; i + lanes <= size; i += lanes)                                                                         \
                STREAM(out + i, *(const UNALIGNED*)(x + i * x_step) OPERATOR *(const UNALIGNED*)(y + i * y_step));        \
        else                                                                                                              \
            for (; i + lanes <= size; i += lanes)                                                                         \
                *(UNALIGNED*)(out + i) =                                                                                  \
                    *(const UNALIGNED*)(x + i * x_step) OPERATOR *(const UNALIGNED*)(y + i * y_step);                     \
        for (; i < size; i++) out[i] = x[i * x_step] OPERATOR y[i * y_step];                                              \
    }

ELEMENTWISE_LOOP(add_float, float, f32_vector, f32_unaligned, +)
ELEMENTWISE_LOOP(sub_float, float, f32_vector, f32_unaligned, -)
ELEMENTWISE_LOOP(mul_float, float, f32_vector, f32_unaligned, *)
ELEMENTWISE_LOOP(div_float, float, f32_vector, f32_unaligned, /)
ELEMENTWISE_LOOP(add_double, double, f64_vector, f64_unaligned, +)
ELEMENTWISE_LOOP(sub_double, double, f64_vector, f64_unaligned, -)
ELEMENTWISE_LOOP(mul_double, double, f64_vector, f64_unaligned, *)
ELEMENTWISE_LOOP(div_double, double, f64_vector, f64_unaligned, /)

#endif

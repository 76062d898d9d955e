/* The limits of a processor: multiply-adds that never leave the registers, and copies. */
#ifndef MINIGRAD_PROBE_H
#define MINIGRAD_PROBE_H

#include <stddef.h>

#include "stream.h"

/* Independent chains of multiply-adds: enough for two units of four or five cycles, and few enough for 16 registers. None
 * begins at the fixed point of its step, which a compiler would notice and leave out. */
#define PROBE_CHAINS 12

#define DEFINE_PROBE_FMA(real, vector)                                                                         \
    static double probe_fma_##real(ptrdiff_t rounds, real factor, real addend) {                               \
        vector chain[PROBE_CHAINS];                                                                            \
        double total = 0;                                                                                      \
        _Pragma("GCC unroll 12") for (int i = 0; i < PROBE_CHAINS; i++) chain[i] = (vector){0} + (real)(i + 0.37);     \
        for (ptrdiff_t round = 0; round < rounds; round++) {                                                   \
            _Pragma("GCC unroll 12") for (int i = 0; i < PROBE_CHAINS; i++) chain[i] = chain[i] * factor + addend; \
        }                                                                                                      \
        _Pragma("GCC unroll 12") for (int i = 0; i < PROBE_CHAINS; i++) total += chain[i][0];                  \
        return total;                                                                                          \
    }

DEFINE_PROBE_FMA(float, f32_vector)
DEFINE_PROBE_FMA(double, f64_vector)

/* `rounds` copies of `vectors` vectors, a multiple of 4; `stream` past the caches, where the processor can. */
static void probe_copy(i32_vector *restrict target, const i32_vector *restrict source, ptrdiff_t vectors,
                       ptrdiff_t rounds, int stream) {
    for (ptrdiff_t round = 0; round < rounds; round++) {
        if (stream) {
            for (ptrdiff_t i = 0; i < vectors; i += 4) {
                _Pragma("GCC unroll 4") for (int j = 0; j < 4; j++) STREAM(target + i + j, source[i + j]);
            }
        } else {
            for (ptrdiff_t i = 0; i < vectors; i += 4) {
                i32_vector held[4];
                _Pragma("GCC unroll 4") for (int j = 0; j < 4; j++) held[j] = source[i + j];
                _Pragma("GCC unroll 4") for (int j = 0; j < 4; j++) target[i + j] = held[j];
            }
        }
        __asm__ volatile("" ::: "memory");  /* every round happens */
    }
}
#endif

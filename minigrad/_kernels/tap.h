/* One tap of many pooling windows: where x[j] beats best[j], or is NaN, it and its place replace them. A function of its
   own, never inlined: merged with the loops around it GCC 12 turns the two choices into branches, and pooling 3 x 3 at
   stride 2 took about six times as long. */
#ifndef MINIGRAD_TAP_H
#define MINIGRAD_TAP_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__) || defined(__clang__)
#define NOINLINE __attribute__((noinline))
#else
#define NOINLINE
#endif

#define DEFINE_TAKE_TAP(real)                                                                               \
    static NOINLINE void take_tap_##real(const real *restrict x, real *restrict best, int32_t *restrict which, \
                                         ptrdiff_t count, int32_t tap) {                                    \
        for (ptrdiff_t j = 0; j < count; j++) {                                                             \
            real value = x[j], old = best[j];                                                               \
            int better = (value > old) | (value != value);                                                  \
            int32_t place = which[j];                                                                       \
            best[j] = better ? value : old;                                                                 \
            which[j] = better ? tap : place;                                                                \
        }                                                                                                   \
    }

DEFINE_TAKE_TAP(float)
DEFINE_TAKE_TAP(double)
#endif

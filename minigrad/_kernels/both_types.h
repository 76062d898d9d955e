/* Includes TEMPLATE for float and for double, with exp.h before it: see exp.h for what a template is given. */
#include "simd.h"

#ifndef JOIN
#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)

/* For templates: a step for each whole vector of n elements, and once more for the last, broken one, of `count`. */
#define OVER_ROW(step)                                                                                                \
    do {                                                                                                              \
        ptrdiff_t i = 0, count = FN(LANES);                                                                           \
        for (; i + FN(LANES) <= n; i += FN(LANES))                                                                    \
            step;                                                                                                     \
        count = n - i;                                                                                                \
        if (count)                                                                                                    \
            step;                                                                                                     \
    } while (0)
#endif

#define REAL float
#define REAL_BITS 32
#define VECTOR f32_vector
#define INDEX int32_t
#define FN(name) JOIN(name, f32)
#include "exp.h"
#include TEMPLATE
#undef REAL
#undef REAL_BITS
#undef VECTOR
#undef INDEX
#undef FN

#define REAL double
#define REAL_BITS 64
#define VECTOR f64_vector
#define INDEX int64_t
#define FN(name) JOIN(name, f64)
#include "exp.h"
#include TEMPLATE
#undef REAL
#undef REAL_BITS
#undef VECTOR
#undef INDEX
#undef FN
#undef TEMPLATE

/* Stores past the caches, for arrays that they do not hold: no line is read before it is written. They need memory
 * aligned to vectors. */
#ifndef MINIGRAD_STREAM_H
#define MINIGRAD_STREAM_H

#include "prefetch.h"
#include "vectors.h"

#define ALWAYS static inline __attribute__((always_inline))

enum { STREAMED = 1 << 24 }; /* bytes from which on an array is written like that */

ALWAYS void stream_f32(float *place, f32_vector x) {
#if VECTOR_BYTES == 64
    _mm512_stream_ps(place, (__m512)x);
#elif VECTOR_BYTES == 32
    _mm256_stream_ps(place, (__m256)x);
#elif defined(__SSE2__)
    _mm_stream_ps(place, (__m128)x);
#else
    *(f32_vector *)place = x;
#endif
}

ALWAYS void stream_f64(double *place, f64_vector x) {
#if VECTOR_BYTES == 64
    _mm512_stream_pd(place, (__m512d)x);
#elif VECTOR_BYTES == 32
    _mm256_stream_pd(place, (__m256d)x);
#elif defined(__SSE2__)
    _mm_stream_pd(place, (__m128d)x);
#else
    *(f64_vector *)place = x;
#endif
}

/* Orders them before whatever follows. */
ALWAYS void end_streams(void) {
#if defined(__SSE2__)
    _mm_sfence();
#endif
}

/* Asks for the line one page behind `place`, for loops that do little else than read and write: the processor's own
 * prefetching begins anew at every page. Past the end of an array it does nothing. */
ALWAYS void fetch_page_ahead(const void *place) {
    prefetch((const char *)place + 4096);
}

ALWAYS void store_f32(float *place, f32_vector x, int streaming) {
    if (streaming)
        stream_f32(place, x);
    else
        *(f32_unaligned *)place = x;
}

ALWAYS void store_f64(double *place, f64_vector x, int streaming) {
    if (streaming)
        stream_f64(place, x);
    else
        *(f64_unaligned *)place = x;
}

#endif

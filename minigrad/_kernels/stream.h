/* Stores past the caches, for arrays that they do not hold: an ordinary store first reads the line that it is about to
 * overwrite. They need memory aligned to vectors. */
#ifndef MINIGRAD_STREAM_H
#define MINIGRAD_STREAM_H

#include "prefetch.h"
#include "simd.h"

enum { STREAMED = 1 << 24 }; /* bytes from which on an array is written like that */

#if VECTOR_BYTES == 64
#define STREAM(place, vector) _mm512_stream_si512((void *)(place), (__m512i)(vector))
#elif VECTOR_BYTES == 32
#define STREAM(place, vector) _mm256_stream_si256((void *)(place), (__m256i)(vector))
#elif defined(__SSE2__)
#define STREAM(place, vector) _mm_stream_si128((void *)(place), (__m128i)(vector))
#else
#define STREAM(place, vector) (*(__typeof__(vector) *)(place) = (vector))
#endif

/* Orders them before whatever follows. */
INLINE void end_streams(void) {
#if defined(__SSE2__)
    _mm_sfence();
#endif
}

/* Asks for the line one page behind `place`, for loops that do little else than read and write: the processor's own
 * prefetching begins anew at every page. Past the end of an array it does nothing. */
INLINE void fetch_page_ahead(const void *place) {
    prefetch((const char *)place + 4096);
}

/* Copies `bytes` to memory aligned to vectors; what is left at the end goes there in the ordinary way. */
static inline void stream_bytes(void *target, const void *source, size_t bytes) {
    char *to = (char *)target;
    const char *from = (const char *)source;
    size_t i = 0;
    for (; i + VECTOR_BYTES <= bytes; i += VECTOR_BYTES)
        STREAM(to + i, *(const f32_unaligned *)(from + i));
    memcpy(to + i, from + i, bytes - i);
}

INLINE void put_f32(float *place, f32_vector x, int streaming) {
    if (streaming)
        STREAM(place, x);
    else
        *(f32_unaligned *)place = x;
}

INLINE void put_f64(double *place, f64_vector x, int streaming) {
    if (streaming)
        STREAM(place, x);
    else
        *(f64_unaligned *)place = x;
}

#endif

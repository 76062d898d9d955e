/* STREAM(pointer, vector) stores one of vectors.h's vectors on a 64-byte boundary past the caches: an ordinary store first
 * reads the line that it is about to overwrite. FENCE() after the last one, before another thread may read. */
#ifndef MINIGRAD_STREAM_H
#define MINIGRAD_STREAM_H

#include "vectors.h"

#if defined(__AVX512BW__)
#define STREAM(pointer, vector) _mm512_stream_si512((void*)(pointer), (__m512i)(vector))
#elif defined(__AVX2__)
#define STREAM(pointer, vector) _mm256_stream_si256((void*)(pointer), (__m256i)(vector))
#elif defined(__SSE2__)
#define STREAM(pointer, vector) _mm_stream_si128((void*)(pointer), (__m128i)(vector))
#else
#define STREAM(pointer, vector) (*(__typeof__(vector)*)(pointer) = (vector))
#endif

#if defined(__SSE2__)
#define FENCE() _mm_sfence()
#else
#define FENCE() ((void)0)
#endif

#endif

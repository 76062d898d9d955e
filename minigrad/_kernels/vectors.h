/* The widest vectors of the level a source is compiled for, as GCC's and Clang's vector extensions say them. */
#ifndef MINIGRAD_VECTORS_H
#define MINIGRAD_VECTORS_H

#include <stdint.h>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#if defined(__AVX512BW__)
#define VECTOR_BYTES 64
#elif defined(__AVX2__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif

typedef uint64_t u64_vector __attribute__((vector_size(VECTOR_BYTES), may_alias));
typedef uint32_t u32_vector __attribute__((vector_size(VECTOR_BYTES), may_alias));
typedef uint16_t u16_vector __attribute__((vector_size(VECTOR_BYTES), may_alias));
typedef int64_t i64_vector __attribute__((vector_size(VECTOR_BYTES), may_alias));
typedef int32_t i32_vector __attribute__((vector_size(VECTOR_BYTES), may_alias));
typedef float f32_vector __attribute__((vector_size(VECTOR_BYTES), may_alias));
typedef double f64_vector __attribute__((vector_size(VECTOR_BYTES), may_alias));

/* As many 32-bit numbers as a vector of 64-bit ones has lanes. */
typedef int32_t i32_half_vector __attribute__((vector_size(VECTOR_BYTES / 2), may_alias));
typedef float f32_half_vector __attribute__((vector_size(VECTOR_BYTES / 2), may_alias));

/* For memory that is aligned to its elements only. */
typedef f32_vector f32_unaligned __attribute__((aligned(4)));
typedef f64_vector f64_unaligned __attribute__((aligned(8)));
typedef f32_half_vector f32_half_unaligned __attribute__((aligned(4)));

#endif

/* The innermost part of the matrix products: a register tile and the packing of its operands, for float and double.

   The sizes of the tile are facts of the machine: ROWS x (VECTORS vectors) accumulators must fit the registers, beside
   one row of B and one broadcast element of A. DEPTH rows of a panel of B (36 KiB) stay in a 48 KiB first-level cache,
   a block of A (768 KiB) in a second-level one of 1 MiB. */
#ifndef MINIGRAD_GEMM_H
#define MINIGRAD_GEMM_H

#include <stddef.h>
#include <string.h>

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

#define GEMM_INLINE static inline __attribute__((always_inline))

#if defined(__AVX512F__)
#define GEMM_BYTES 64
#define GEMM_ROWS 8
#define GEMM_VECTORS 3
#elif defined(__AVX2__)
#define GEMM_BYTES 32
#define GEMM_ROWS 4
#define GEMM_VECTORS 3
#elif defined(__aarch64__)
#define GEMM_BYTES 16
#define GEMM_ROWS 8
#define GEMM_VECTORS 3
#else
#define GEMM_BYTES 16
#define GEMM_ROWS 4
#define GEMM_VECTORS 2
#endif

#if GEMM_ROWS == 8 && GEMM_VECTORS == 3  /* the same number of sums, for four vectors across */
#define GEMM_WIDE_ROWS 6
#define GEMM_WIDE_VECTORS 4
#else
#define GEMM_WIDE_ROWS GEMM_ROWS
#define GEMM_WIDE_VECTORS GEMM_VECTORS
#endif

#define GEMM_DEPTH 192
#define GEMM_BLOCK_BYTES (768 << 10)
/* With so few rows, reading operands in place is cheaper than packing them. */
#define GEMM_DIRECT_ROWS (GEMM_BYTES == 64 ? 128 : 8 * GEMM_ROWS)
#define GEMM_STRIP_VECTORS 16  /* of a row of B that a vector is multiplied with at once */
#define GEMM_STRIP_COLUMNS (4 * GEMM_ROWS)  /* and of columns, where these lie adjacent in memory */
#define GEMM_LANES_F32 (GEMM_BYTES / 4)
#define GEMM_LANES_F64 (GEMM_BYTES / 8)

/* What a tile does to C: STORE overwrites it (the first block of the sum), BIAS_* and RELU come with the last block. */
#define GEMM_STORE 1
#define GEMM_RELU 2
#define GEMM_BIAS_COLUMNS 4
#define GEMM_BIAS_ROWS 8

/* Ask for a cache line to come as far as the second-level cache. */
GEMM_INLINE void gemm_fetch(const void *address) { __builtin_prefetch(address, 0, 2); }

#define GEMM_REAL float
#define GEMM_INTEGER int
#define GEMM_SIZE 4
#define GEMM_LANES GEMM_LANES_F32
#define GEMM_NAME(name) gemm_##name##_f32
#define GEMM_AVX(name) _mm256_##name##_ps
#define GEMM_AVX512(name) _mm512_##name##_ps
#include "gemm_tile.h"
#undef GEMM_REAL
#undef GEMM_INTEGER
#undef GEMM_SIZE
#undef GEMM_LANES
#undef GEMM_NAME
#undef GEMM_AVX
#undef GEMM_AVX512

#define GEMM_REAL double
#define GEMM_INTEGER long long
#define GEMM_SIZE 8
#define GEMM_LANES GEMM_LANES_F64
#define GEMM_NAME(name) gemm_##name##_f64
#define GEMM_AVX(name) _mm256_##name##_pd
#define GEMM_AVX512(name) _mm512_##name##_pd
#include "gemm_tile.h"
#undef GEMM_REAL
#undef GEMM_INTEGER
#undef GEMM_SIZE
#undef GEMM_LANES
#undef GEMM_NAME
#undef GEMM_AVX
#undef GEMM_AVX512
#endif

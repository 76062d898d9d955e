/* The innermost part of the matrix products: a register tile and the packing of its operands, for float and double.

   The sizes of the tile are facts of the machine: ROWS x (VECTORS vectors) accumulators must fit the registers, beside
   one row of B and one broadcast element of A. DEPTH rows of a panel of B (36 KiB) stay in a 48 KiB first-level cache,
   BLOCK_ROWS x DEPTH elements of A and BLOCK_ROWS x WIDTH of C in the second-level one. */
#ifndef MINIGRAD_GEMM_H
#define MINIGRAD_GEMM_H

#include <stddef.h>
#include <string.h>

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
#define GEMM_BLOCK_ROWS 256
#define GEMM_WIDTH 960
#define GEMM_LANES_F32 (GEMM_BYTES / 4)
#define GEMM_LANES_F64 (GEMM_BYTES / 8)

/* What a tile does to C: STORE overwrites it (the first block of the sum), BIAS_* and RELU come with the last block. */
#define GEMM_STORE 1
#define GEMM_RELU 2
#define GEMM_BIAS_COLUMNS 4
#define GEMM_BIAS_ROWS 8

#define GEMM_REAL float
#define GEMM_INTEGER int
#define GEMM_LANES GEMM_LANES_F32
#define GEMM_NAME(name) gemm_##name##_f32
#include "gemm_tile.h"
#undef GEMM_REAL
#undef GEMM_INTEGER
#undef GEMM_LANES
#undef GEMM_NAME

#define GEMM_REAL double
#define GEMM_INTEGER long long
#define GEMM_LANES GEMM_LANES_F64
#define GEMM_NAME(name) gemm_##name##_f64
#include "gemm_tile.h"
#undef GEMM_REAL
#undef GEMM_INTEGER
#undef GEMM_LANES
#undef GEMM_NAME
#endif

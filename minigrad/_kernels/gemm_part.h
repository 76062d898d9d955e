/* Loads and stores of the first few lanes of a vector, for the edge of a matrix: what lies beyond is neither read nor
   written. gemm.h includes this file once for each type, after its vectors. A `part` says which lanes: AVX-512 and AVX
   have instructions for it, elsewhere memcpy does it. */

#if defined(__AVX512F__) || defined(__AVX2__)
#define GEMM_MASKED 1
#else
#define GEMM_MASKED 0
#endif

#if defined(__AVX512F__)
typedef unsigned GEMM_NAME(part);
GEMM_INLINE GEMM_NAME(part) GEMM_NAME(part_of)(ptrdiff_t lanes) { return (1u << lanes) - 1u; }
GEMM_INLINE GEMM_NAME(vector) GEMM_NAME(load_part)(const GEMM_REAL *from, GEMM_NAME(part) part) {
    return (GEMM_NAME(vector))GEMM_AVX512(maskz_loadu)(part, from);
}
GEMM_INLINE void GEMM_NAME(store_part)(GEMM_REAL *to, GEMM_NAME(part) part, GEMM_NAME(vector) value) {
    GEMM_AVX512(mask_storeu)(to, part, value);
}
#elif defined(__AVX2__)
typedef GEMM_NAME(mask) GEMM_NAME(part);
GEMM_INLINE GEMM_NAME(part) GEMM_NAME(part_of)(ptrdiff_t lanes) {
    GEMM_NAME(mask) lane;
    for (int l = 0; l < GEMM_LANES; l++) lane[l] = l;
    return (GEMM_NAME(mask))(lane < (GEMM_INTEGER)lanes);
}
GEMM_INLINE GEMM_NAME(vector) GEMM_NAME(load_part)(const GEMM_REAL *from, GEMM_NAME(part) part) {
    return (GEMM_NAME(vector))GEMM_AVX(maskload)(from, (__m256i)part);
}
GEMM_INLINE void GEMM_NAME(store_part)(GEMM_REAL *to, GEMM_NAME(part) part, GEMM_NAME(vector) value) {
    GEMM_AVX(maskstore)(to, (__m256i)part, value);
}
#else
typedef ptrdiff_t GEMM_NAME(part);
GEMM_INLINE GEMM_NAME(part) GEMM_NAME(part_of)(ptrdiff_t lanes) { return lanes; }
GEMM_INLINE GEMM_NAME(vector) GEMM_NAME(load_part)(const GEMM_REAL *from, GEMM_NAME(part) part) {
    GEMM_NAME(vector) value = {0};
    memcpy(&value, from, (size_t)part * sizeof(GEMM_REAL));
    return value;
}
GEMM_INLINE void GEMM_NAME(store_part)(GEMM_REAL *to, GEMM_NAME(part) part, GEMM_NAME(vector) value) {
    memcpy(to, &value, (size_t)part * sizeof(GEMM_REAL));
}
#endif

/* Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011) and the dropout
 * masks made from it. docs/dropout_format.md specifies and freezes them: what this file computes never changes.
 *
 * Philox maps a counter of four 32-bit words and a key of two to four random words. Nothing is carried from one counter
 * to the next, so a vector of consecutive counters is enciphered at once. Each 32-bit word sits in a 64-bit lane whose
 * upper half is never looked at: a multiplication then leaves both halves of its product where the next round wants
 * them, and a round is two multiplications, two shifts and two three-way xors, with no shuffle. */
#ifndef MINIGRAD_PHILOX_H
#define MINIGRAD_PHILOX_H

#include <stdint.h>
#include "vectors.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the vectors below take the first of two 32-bit lanes for the lower half of a 64-bit one"
#endif

enum {
    ROUNDS = 10,
    ROW = 16,                       /* the counters of a group */
    GROUP = 128,                    /* the elements they decide: 16 counters x 4 words x 2 halves */
    GROUPS = 2,                     /* groups drawn together: one alone leaves 512-bit units waiting for products */
    SPAN = GROUPS * GROUP,
    BLOCKS = GROUPS * ROW,
    LANES = VECTOR_BYTES / 4,       /* words in a vector */
    PARTS = BLOCKS / LANES,         /* vectors in BLOCKS words */
    CHAINS = 4,                     /* vectors enciphered side by side */
};

#define PHILOX_M0 0xD2511F53u
#define PHILOX_M1 0xCD9E8D57u
#define PHILOX_W0 0x9E3779B9u
#define PHILOX_W1 0xBB67AE85u

/* What every element of one call shares. */
typedef struct {
    uint32_t keys[ROUNDS][2];
    uint64_t seed, call;
    uint32_t bound;       /* the upper 16 bits of the threshold, in place: a half below it is kept */
    uint32_t low;         /* the lower 16 bits of the threshold: they decide a tie with the upper */
    int keeps_all;        /* threshold 2**32 */
    double scale;         /* 2**32 / threshold, the inverse of the probability to be kept */
} mask_stream;

static inline void philox4x32(const uint32_t counter[4], uint64_t seed, uint32_t out[4]) {
    uint32_t a = counter[0], b = counter[1], c = counter[2], d = counter[3];
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < ROUNDS; round++, k0 += PHILOX_W0, k1 += PHILOX_W1) {
        uint64_t p0 = (uint64_t)PHILOX_M0 * a, p1 = (uint64_t)PHILOX_M1 * c;
        a = (uint32_t)(p1 >> 32) ^ b ^ k0;
        b = (uint32_t)p1;
        c = (uint32_t)(p0 >> 32) ^ d ^ k1;
        d = (uint32_t)p0;
    }
    out[0] = a, out[1] = b, out[2] = c, out[3] = d;
}

static inline void stream_start(mask_stream *stream, uint64_t seed, uint64_t call, uint64_t threshold) {
    for (int round = 0; round < ROUNDS; round++) {
        stream->keys[round][0] = (uint32_t)seed + (uint32_t)round * PHILOX_W0;
        stream->keys[round][1] = (uint32_t)(seed >> 32) + (uint32_t)round * PHILOX_W1;
    }
    stream->seed = seed;
    stream->call = call;
    stream->bound = (uint32_t)threshold & 0xffff0000u;
    stream->low = (uint32_t)threshold & 0xffffu;
    stream->keeps_all = threshold >> 32 != 0;
    stream->scale = 4294967296.0 / (double)threshold;
}

/* The product of the lower halves of each lane. The compilers know the instruction but not when it is enough. */
static inline u64_vector multiply_low(u64_vector x, uint32_t y) {
#if VECTOR_BYTES == 64
    return (u64_vector)_mm512_mul_epu32((__m512i)x, _mm512_set1_epi64(y));
#elif VECTOR_BYTES == 32
    return (u64_vector)_mm256_mul_epu32((__m256i)x, _mm256_set1_epi64x(y));
#elif defined(__SSE2__)
    return (u64_vector)_mm_mul_epu32((__m128i)x, _mm_set1_epi64x(y));
#else
    return (x & 0xffffffffull) * (uint64_t)y;
#endif
}

/* Whether any 16-bit half of `words` equals `half` in all its lanes. */
static inline int any_half_equals(u32_vector words, u16_vector half) {
#if VECTOR_BYTES == 64
    return _mm512_cmpeq_epi16_mask((__m512i)words, (__m512i)half) != 0;
#elif VECTOR_BYTES == 32
    return _mm256_movemask_epi8(_mm256_cmpeq_epi16((__m256i)words, (__m256i)half)) != 0;
#elif defined(__SSE2__)
    return _mm_movemask_epi8(_mm_cmpeq_epi16((__m128i)words, (__m128i)half)) != 0;
#else
    u64_vector equal = (u64_vector)((u16_vector)words == half);
    return (equal[0] | equal[1]) != 0;
#endif
}

/* The words of the BLOCKS blocks from `block`, a multiple of BLOCKS: lane l of words[w] is word w of block + l. */
static inline __attribute__((always_inline)) void philox_blocks(const mask_stream *stream, uint64_t block,
                                                                u32_vector words[4][PARTS]) {
    /* Only the lowest counter word varies here: half of the first two rounds is the same for all blocks. */
    const uint32_t(*keys)[2] = stream->keys;
    uint64_t p1 = (uint64_t)PHILOX_M1 * (uint32_t)stream->call;
    uint64_t p0 = (uint64_t)PHILOX_M0 * ((uint32_t)(p1 >> 32) ^ (uint32_t)(block >> 32) ^ keys[0][0]);
    uint32_t first_c = (uint32_t)(stream->call >> 32) ^ keys[0][1];
    uint32_t second_a = (uint32_t)p1 ^ keys[1][0];
    uint32_t second_c = (uint32_t)(p0 >> 32) ^ keys[1][1];
    uint32_t second_d = (uint32_t)p0;
    u64_vector steps;
    for (int lane = 0; lane < LANES / 2; lane++)
        steps[lane] = 2 * (uint64_t)lane;

    for (int part = 0; part < PARTS; part += CHAINS / 2) {
        u64_vector a[CHAINS], b[CHAINS], c[CHAINS], d[CHAINS];
        /* Even chains hold the even blocks of a vector of words, odd ones the odd. */
        for (int i = 0; i < CHAINS; i++) {
            u64_vector product = multiply_low(steps + (block + (uint64_t)((part + i / 2) * LANES + i % 2)), PHILOX_M0);
            c[i] = (product >> 32) ^ first_c;
            d[i] = product;
        }
        for (int i = 0; i < CHAINS; i++) {
            u64_vector product = multiply_low(c[i], PHILOX_M1);
            a[i] = (product >> 32) ^ second_a;
            b[i] = product;
            c[i] = d[i] ^ second_c;
            d[i] = (u64_vector){0} + second_d;
        }
        for (int round = 2; round < ROUNDS; round++) {
            for (int i = 0; i < CHAINS; i++) {
                u64_vector product0 = multiply_low(a[i], PHILOX_M0), product1 = multiply_low(c[i], PHILOX_M1);
                a[i] = (product1 >> 32) ^ b[i] ^ keys[round][0];
                b[i] = product1;
                c[i] = (product0 >> 32) ^ d[i] ^ keys[round][1];
                d[i] = product0;
            }
        }
        for (int i = 0; i < CHAINS; i += 2) {
            words[0][part + i / 2] = (u32_vector)((a[i] & 0xffffffffull) | (a[i + 1] << 32));
            words[1][part + i / 2] = (u32_vector)((b[i] & 0xffffffffull) | (b[i + 1] << 32));
            words[2][part + i / 2] = (u32_vector)((c[i] & 0xffffffffull) | (c[i + 1] << 32));
            words[3][part + i / 2] = (u32_vector)((d[i] & 0xffffffffull) | (d[i + 1] << 32));
        }
    }
}

/* The mask of a span: -1 (all bits) where an element is kept, else 0. */
typedef struct {
    int32_t keep[SPAN];
} __attribute__((aligned(64))) span_mask;

/* Decide the elements of a span whose 16 bits tie with the threshold's: one span in 256 has any. */
static __attribute__((noinline)) void resolve_ties(const mask_stream *stream, uint64_t span, int32_t *keep) {
    const uint32_t call_low = (uint32_t)stream->call, call_high = (uint32_t)(stream->call >> 32);
    for (uint32_t b = 0; b < BLOCKS; b++) {
        uint64_t block = span * BLOCKS + b;
        uint32_t words[4], tie[4];
        philox4x32((uint32_t[4]){(uint32_t)block, (uint32_t)(block >> 32), call_low, call_high}, stream->seed, words);
        for (uint32_t place = 0; place < GROUP / ROW; place++) {
            uint32_t half = (words[place / 2] >> (16 * (place % 2))) & 0xffff;
            uint32_t at = b / ROW * GROUP + place * ROW + b % ROW;
            uint64_t element = span * SPAN + at;
            if (half != stream->bound >> 16)
                continue;
            philox4x32((uint32_t[4]){(uint32_t)element, (uint32_t)(element >> 32) | 0x80000000u, call_low, call_high},
                       stream->seed, tie);
            keep[at] = -((tie[0] & 0xffff) < stream->low);
        }
    }
}

/* The mask of elements span * SPAN to span * SPAN + SPAN - 1; `keep` is a span_mask's. */
static inline __attribute__((always_inline)) void mask_span(const mask_stream *stream, uint64_t span, int32_t *keep) {
    u32_vector words[4][PARTS];
    u32_vector bound = (u32_vector){0} + stream->bound;
    u16_vector tie = (u16_vector){0} + (uint16_t)(stream->bound >> 16);
    int ties = 0;
    philox_blocks(stream, span * BLOCKS, words);
    for (int word = 0; word < 4; word++) {
        for (int part = 0; part < PARTS; part++) {
            int group = part * LANES / ROW, lane = part * LANES % ROW;
            int32_t *row = keep + group * GROUP + 2 * word * ROW + lane;
            *(i32_vector *)row = (i32_vector)(words[word][part] << 16 < bound);
            *(i32_vector *)(row + ROW) = (i32_vector)(words[word][part] < bound);
            ties |= any_half_equals(words[word][part], tie);
        }
    }
    if (__builtin_expect(ties, 0) && stream->low)
        resolve_ties(stream, span, keep);
}

/* The words of blocks BLOCKS * span to BLOCKS * (span + 1) - 1, block by block. */
static inline void random_span(const mask_stream *stream, uint64_t span, uint32_t *out) {
    u32_vector words[4][PARTS];
    const uint32_t *word = (const uint32_t *)words;
    philox_blocks(stream, span * BLOCKS, words);
    for (int block = 0; block < BLOCKS; block++)
        for (int w = 0; w < 4; w++)
            out[4 * block + w] = word[w * BLOCKS + block];
}

#endif

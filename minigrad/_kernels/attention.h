/* Scores of attention, a block of keys by a block of queries at a time, and the dropout mask of the weights.

   Blocks lie transposed, a row for each key and a lane for each query: the largest score and the sum of exponentials
   of a query are then taken lane by lane, without shuffles. The mask of dropout counts the elements of (..., L, S) in
   order, so a row of the mask belongs to a query: its bits are drawn in that order, and then put in words of 32 keys
   that lie query beside query. */
#ifndef MINIGRAD_ATTENTION_H
#define MINIGRAD_ATTENTION_H

#include <math.h>
#include "dropout.h"

typedef u32_vector u32_unaligned __attribute__((aligned(4)));
typedef uint32_t u32_half_vector __attribute__((vector_size(VECTOR_BYTES / 2), may_alias));
typedef u32_half_vector u32_half_unaligned __attribute__((aligned(4)));

/* For each lane, all bits if that bit of its word is set, otherwise none. */
INLINE i32_vector kept_f32(const uint32_t *words, uint32_t bit) {
    return (i32_vector)((*(const u32_unaligned *)words & bit) != 0);
}

INLINE i64_vector kept_f64(const uint32_t *words, uint32_t bit) {
    u64_vector wide = __builtin_convertvector(*(const u32_half_unaligned *)words, u64_vector);
    return (i64_vector)((wide & (uint64_t)bit) != 0);
}

/* The bits of `queries` rows of the mask, row after row; `first` is the number of the first one's first element. A row
   is `keys` long, but of row r only the first `needed` + r * `slope` are looked at. Spans lie where they are in the
   whole mask: the first element is bit first % SPAN. */
static void attention_draw(const mask_stream *stream, uint64_t first, ptrdiff_t queries, ptrdiff_t keys,
                           ptrdiff_t needed, ptrdiff_t slope, uint8_t *bits) {
    span_mask mask;
    const uint64_t base = first / SPAN;
    uint64_t next = base;
    for (ptrdiff_t r = 0; r < queries; r++, first += (uint64_t)keys) {
        const ptrdiff_t length = needed + r * slope < keys ? needed + r * slope : keys;
        const uint64_t last = (first + (uint64_t)length - 1) / SPAN;
        for (uint64_t span = first / SPAN > next ? first / SPAN : next; span <= last; span++) {
            uint8_t *to = bits + (span - base) * (SPAN / 8);
            mask_span(stream, span, mask.keep);
            for (int i = 0; i < SPAN; i += 16, to += 2) {
                uint16_t lanes = 0;
                for (int j = 0; j < 16; j += LANES)
                    lanes |= (uint16_t)(lane_bits_f32(*(const i32_vector *)(mask.keep + i + j)) << j);
                memcpy(to, &lanes, 2);
            }
            next = span + 1;
        }
    }
}

/* words[k / 32 * width + r] = the bits of keys k to k + 31 of row r, 0 for keys that it does not look at. Up to eight bytes
   behind the last bit are read. */
static void attention_words(const uint8_t *bits, uint64_t first, ptrdiff_t queries, ptrdiff_t keys, ptrdiff_t used,
                            ptrdiff_t needed, ptrdiff_t slope, uint32_t *words, ptrdiff_t width) {
    uint64_t at = first % SPAN;
    for (ptrdiff_t r = 0; r < queries; r++, at += (uint64_t)keys) {
        uint64_t bit = at;
        for (ptrdiff_t k = 0; k < used; k += 32, bit += 32) {
            const ptrdiff_t left = needed + r * slope - k;
            uint64_t word = 0;
            if (left > 0)
                memcpy(&word, bits + bit / 8, 8);
            word >>= bit % 8;
            words[k / 32 * width + r] = (uint32_t)(left < 32 && left > 0 ? word & ((1u << left) - 1) : word);
        }
    }
}

typedef i32_vector bits_vector_f32;
typedef i64_vector bits_vector_f64;

INLINE float scalar_log_f32(float x) { return logf(x); }
INLINE double scalar_log_f64(double x) { return log(x); }

#define TEMPLATE "attention_scores.h"
#include "both_types.h"

#endif

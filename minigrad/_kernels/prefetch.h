/* Asks for the line of memory at `place`, and does not wait for it. */
#ifndef MINIGRAD_PREFETCH_H
#define MINIGRAD_PREFETCH_H

static inline void prefetch(const void *place) {
#if defined(__GNUC__) || defined(__clang__)
    __builtin_prefetch(place);
#else
    (void)place;
#endif
}

#endif

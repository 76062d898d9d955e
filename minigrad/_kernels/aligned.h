/* 64-byte aligned memory on POSIX and Windows. */
#ifndef MINIGRAD_ALIGNED_H
#define MINIGRAD_ALIGNED_H

#include <stdlib.h>

#ifdef _WIN32
#include <malloc.h>
static void *aligned_allocate(size_t size) { return _aligned_malloc(size, 64); }
static void aligned_release(void *pointer) { _aligned_free(pointer); }
#else
static void *aligned_allocate(size_t size) {
    void *pointer;
    return posix_memalign(&pointer, 64, size) ? NULL : pointer;
}
static void aligned_release(void *pointer) { free(pointer); }
#endif
#endif

/* What the compiler and the processor offer. Compiled at the baseline level, so that it runs everywhere. */
#ifndef MINIGRAD_CPU_H
#define MINIGRAD_CPU_H

#include <stdlib.h>

#ifdef _OPENMP
#include <omp.h>
static int minigrad_openmp(void) { return _OPENMP; }
static int minigrad_processors(void) { return omp_get_num_procs(); }
#else
static int minigrad_openmp(void) { return 0; }
static int minigrad_processors(void) { return 1; }
#endif

#if defined(__clang__)
#define MINIGRAD_COMPILER "Clang " __clang_version__
#elif defined(__GNUC__)
#define MINIGRAD_COMPILER "GCC " __VERSION__
#elif defined(_MSC_VER)
#define MINIGRAD_COMPILER "MSVC"
#else
#define MINIGRAD_COMPILER "unknown"
#endif

/* The x86-64 micro-architecture level (psABI, section 3.1.1) this processor and operating system run: 2, 3 or 4;
   1 below that, 0 on other architectures. */
static int minigrad_x86_level(void) {
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("sse4.2") || !__builtin_cpu_supports("popcnt")) return 1;
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !__builtin_cpu_supports("bmi")
        || !__builtin_cpu_supports("bmi2")) return 2;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw")
        || !__builtin_cpu_supports("avx512cd") || !__builtin_cpu_supports("avx512dq")
        || !__builtin_cpu_supports("avx512vl")) return 3;
    return 4;
#elif defined(__x86_64__) || defined(_M_X64)
    return 1;
#else
    return 0;
#endif
}
#endif

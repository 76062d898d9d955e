"""What this build and this processor are: compiler, OpenMP, the level of the instruction set."""

cdef extern from "cpu.h":
    const char* MINIGRAD_COMPILER
    int minigrad_openmp() nogil
    int minigrad_processors() nogil
    int minigrad_x86_level() nogil


def compiler() -> str:
    """The compiler that built the kernels, such as 'GCC 12.2.0'."""
    return MINIGRAD_COMPILER.decode()


def openmp() -> int:
    """The OpenMP version the kernels were built with (a date such as 201511), 0 without OpenMP."""
    return minigrad_openmp()


def processors() -> int:
    """How many processors this process may use; 1 without OpenMP."""
    return minigrad_processors()


def x86_level() -> int:
    """The x86-64 level this machine runs: 1 to 4; 0 on other architectures."""
    return minigrad_x86_level()

"""What this build is, and how many threads it may use."""

from __future__ import annotations

import platform

import numpy as np

from . import _kernels as kernels
from .version import __version__


def set_num_threads(count: int) -> None:
    """Let kernels use up to `count` threads; results do not depend on it, bit for bit.

    At first it is the number of processors, or what MINIGRAD_NUM_THREADS or OMP_NUM_THREADS says. RuntimeError for less
    than 1, and for more than 1 in a process forked after its parent had used threads.
    """
    if isinstance(count, bool) or not isinstance(count, int):
        raise TypeError(f"set_num_threads expects an int, but got {type(count).__name__}")
    if count < 1:
        raise RuntimeError(f"set_num_threads expects a positive integer, got {count}")
    kernels.set_num_threads(count)


def get_num_threads() -> int:
    """How many threads kernels may use."""
    return kernels.get_num_threads()


def show_config() -> str:
    """Print and return the version, the processor level of the kernels, threads, compiler and NumPy."""
    openmp = kernels.system.openmp()
    lines = [
        f"minigrad {__version__}",
        f"  kernels    {kernels.LEVEL} (built: {', '.join(kernels.built_levels())}), {kernels.system.compiler()}, "
        + (f"OpenMP {openmp}" if openmp else "no OpenMP: one thread"),
        f"  threads    {kernels.get_num_threads()}",
        f"  python     {platform.python_version()} on {platform.system()} {platform.machine()}",
        f"  numpy      {np.__version__}",
    ]
    text = "\n".join(lines)
    print(text)
    return text

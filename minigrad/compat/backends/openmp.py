"""OpenMP, which shares out the kernels' work."""

from ..._kernels import system


def is_available() -> bool:
    """Whether the kernels were built with OpenMP."""
    return bool(system.openmp())

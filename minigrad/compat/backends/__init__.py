"""`torch.backends`: libraries that PyTorch may be built with. minigrad has kernels of its own, with OpenMP or without.

The switches can be set and change nothing: results are always deterministic and never of reduced precision.
"""

from . import cpu, cuda, cudnn, mkl, mkldnn, mps, openmp

__all__ = ["cpu", "cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp"]

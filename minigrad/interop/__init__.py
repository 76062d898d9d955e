"""Between minigrad and PyTorch: modules, states and Tensors, copied one way or the other.

A satellite: `import minigrad` does not load it, and PyTorch is imported when a function here is called.
"""

from __future__ import annotations

from .torch import from_torch, to_torch

__all__ = ["from_torch", "to_torch"]

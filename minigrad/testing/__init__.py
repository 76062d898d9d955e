"""For tests: gradients checked against finite differences or beside PyTorch, and the writer of the type stubs.

A satellite: `import minigrad` does not load it.
"""

from __future__ import annotations

from ..autograd.gradcheck import GradcheckError, gradcheck, gradgradcheck
from .compare import Report, Row, compare_with_torch

__all__ = ["GradcheckError", "Report", "Row", "compare_with_torch", "gradcheck", "gradgradcheck"]

"""For tests: gradients checked against finite differences, and the writer of the type stubs.

A satellite: `import minigrad` does not load it.
"""

from __future__ import annotations

from ..autograd.gradcheck import GradcheckError, gradcheck, gradgradcheck

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]

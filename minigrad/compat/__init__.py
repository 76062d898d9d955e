"""What exists only so that code written for PyTorch runs as it is: questions about devices that minigrad does not have.

Each module here is importable under PyTorch's path too: `import minigrad.backends.cudnn as cudnn`.
"""

import sys

from . import accelerator, amp, backends, cuda, fx, jit, mps, xpu

__all__ = ["accelerator", "amp", "backends", "cuda", "fx", "jit", "mps", "xpu"]

for _path, _module in list(sys.modules.items()):
    if _path.startswith(f"{__name__}."):
        sys.modules[_path.replace(".compat.", ".", 1)] = _module
sys.modules["minigrad.cuda.amp"] = amp

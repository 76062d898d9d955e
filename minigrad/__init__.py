"""minigrad: PyTorch's everyday API in a few megabytes.

A reverse-mode autograd graph in readable Python on fast Cython kernels, with layers, optimizers and dropout on top.
Names, arguments and behaviour are PyTorch's wherever it has them: `import minigrad as torch` is a fair start.
"""

from __future__ import annotations

import sys as _sys
import warnings as _warnings

# 1 / 0 is inf and log(-1) is NaN without a warning, as in PyTorch; only warnings that arise in our own code are meant.
_warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"minigrad\.")

from . import autograd, ops  # noqa: E402
from .compat import accelerator, amp, backends, cuda, fx, jit, mps, xpu  # noqa: E402
from .compat.absent import bfloat16  # noqa: E402
from .compat.absent import explain as _explain  # noqa: E402
from .compat.amp import autocast  # noqa: E402
from .compat.formats import (  # noqa: E402
    channels_last,
    channels_last_3d,
    contiguous_format,
    memory_format,
    preserve_format,
)
from .compat.settings import (  # noqa: E402
    _assert,  # noqa: F401
    are_deterministic_algorithms_enabled,
    compile,
    get_default_device,
    get_float32_matmul_precision,
    set_default_device,
    set_float32_matmul_precision,
    use_deterministic_algorithms,
)
from .config import get_num_threads, set_num_threads, show_config  # noqa: E402
from .device import device  # noqa: E402
from .dtypes import (  # noqa: E402
    double,
    finfo,
    float16,
    float32,
    float64,
    get_default_dtype,
    half,
    iinfo,
    int8,
    int16,
    int32,
    int64,
    long,
    promote_types,
    set_default_dtype,
    short,
    uint8,
)
from .grad_mode import (  # noqa: E402
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from .ops.queries import Layout as layout  # noqa: E402
from .ops.queries import strided  # noqa: E402
from .ops.typed import (  # noqa: E402
    BoolTensor,
    ByteTensor,
    CharTensor,
    DoubleTensor,
    FloatTensor,
    HalfTensor,
    IntTensor,
    LongTensor,
    ShortTensor,
)
from .printing import set_printoptions  # noqa: E402
from .random import Generator, default_generator, initial_seed, manual_seed, seed  # noqa: E402
from .size import Size  # noqa: E402
from .tensor import Tensor  # noqa: E402
from .version import __version__  # noqa: E402

globals().update(ops.FUNCTIONS)  # add, matmul, zeros, ...: see the declarations in minigrad/ops

from . import linalg, nn, optim, random, utils  # noqa: E402
from .serialization import load, save  # noqa: E402

for _module in (
    nn, nn.functional, nn.init, nn.utils, nn.utils.rnn, optim, optim.lr_scheduler, optim.swa_utils, utils, utils.data, autograd,
    autograd.functional, linalg, random, accelerator, amp, backends, cuda, fx, jit, mps, xpu,
):  # fmt: skip
    _explain(_module)
_explain(_sys.modules[__name__], lazy=("distributions",))

random.get_rng_state, random.set_rng_state = ops.FUNCTIONS["get_rng_state"], ops.FUNCTIONS["set_rng_state"]

from math import e, inf, nan, pi  # noqa: E402

float = float32
int = int32
newaxis = None
bool = ops.creation.np.dtype("bool")

__all__ = [
    "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "Generator", "HalfTensor", "IntTensor",
    "LongTensor", "ShortTensor", "Size", "Tensor", "__version__", "accelerator", "amp",
    "are_deterministic_algorithms_enabled", "autocast", "autograd", "backends", "bfloat16", "bool", "channels_last",
    "channels_last_3d", "compile", "contiguous_format", "cuda", "default_generator", "device", "double", "e",
    "enable_grad", "finfo", "fx", "float", "float16", "float32", "float64", "get_default_device", "get_default_dtype",
    "get_float32_matmul_precision", "get_num_threads", "half", "iinfo", "inf", "inference_mode", "initial_seed", "int",
    "int16", "int32", "int64", "int8", "is_grad_enabled", "is_inference_mode_enabled", "jit", "layout", "linalg",
    "load", "long", "manual_seed", "memory_format", "mps", "nan", "newaxis", "nn", "no_grad", "ops", "optim", "pi",
    "preserve_format", "promote_types", "random", "save", "seed", "set_default_device", "set_default_dtype",
    "set_float32_matmul_precision", "set_grad_enabled", "set_num_threads", "set_printoptions", "short", "show_config",
    "strided", "uint8", "use_deterministic_algorithms", "utils", "xpu", *ops.FUNCTIONS,
]  # fmt: skip

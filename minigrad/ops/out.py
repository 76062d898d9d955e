"""`out=`: the result of a function written into a Tensor that is there already."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any

from ..dtypes import category
from ..grad_mode import mode
from ..tensor import Tensor
from .declare import FUNCTIONS
from .inplace import check_writable

NAMES = (
    "abs", "acos", "add", "addcdiv", "addcmul", "addmm", "all",
    "amax", "amin", "any", "arange", "argmax", "argmin", "asin", "atan", "atan2",
    "baddbmm", "bmm", "cat", "ceil", "clamp", "cos", "cosh", "cumprod", "cumsum", "diag", "div", "dot", "eq", "erf", "exp", "expm1",
    "eye", "floor", "floor_divide", "fmod", "full", "gather", "ge", "gt", "index_select", "le", "lerp", "linspace", "log", "log10",
    "log1p", "log2", "logical_and", "logical_not", "logical_or", "logical_xor", "lt", "masked_select", "matmul", "max",
    "maximum", "mean", "min", "minimum", "mm", "mul", "multinomial", "mv", "ne", "neg", "norm", "normal", "ones", "outer", "pow",
    "prod", "rand", "randint", "randn", "randperm", "reciprocal", "remainder", "round", "rsqrt", "sigmoid", "sign", "sin", "sinh",
    "sort", "sqrt", "square", "stack", "std", "sub", "sum", "tan", "tanh", "topk", "tril", "triu", "trunc", "var", "where", "zeros",
)  # fmt: skip


def write_out(name: str, result: Tensor, out: Tensor) -> Tensor:
    """Write `result` into `out`, which takes its shape; returns `out`.

    RuntimeError where a gradient would be lost, or the dtype cannot hold the result. A warning where `out` had other elements.
    """
    if not isinstance(out, Tensor):
        raise TypeError(f"{name}(): argument 'out' must be Tensor, not {type(out).__name__}")
    if mode.recording and (out._tracked or result._tracked):
        raise RuntimeError(
            f"{name}(): functions with out=... arguments don't support automatic differentiation, but one of the arguments requires grad."
        )
    if category(result.dtype) > category(out.dtype):
        raise RuntimeError(f"{name}(): result type {result.dtype} can't be cast to the desired output type {out.dtype}")
    check_writable(out, name, "the result without out=")
    if out.shape != result.shape:
        if out.numel():
            message = f"{name}(): an out= of shape {list(out.shape)} is resized to {list(result.shape)}"
            warnings.warn(message, stacklevel=3)
        out.data = out.new_empty(result.shape)
    return out.copy_(result) if out.dtype == result.dtype else out.zero_().add_(result)


def taking_out(function: Callable) -> Callable:
    """`function` with an argument `out`: a Tensor, or as many as it returns."""

    @wraps(function)
    def call(*args: Any, out: Any = None, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        if out is None:
            return result
        if isinstance(result, Tensor):
            return write_out(function.__name__, result, out)
        return type(result)(*(write_out(function.__name__, part, o) for part, o in zip(result, out, strict=True)))

    call.takes_more = True  # type: ignore[attr-defined]
    return call


def let_functions_take_out() -> None:
    """Let minigrad's functions of these names take `out`; their methods do not."""
    for name in NAMES:
        FUNCTIONS[name] = taking_out(FUNCTIONS[name])

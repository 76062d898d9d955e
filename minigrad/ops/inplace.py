"""In-place operations: `add_`, `x[index] = v`, ...

An in-place operation computes its out-of-place form, writes the result into the Tensor's memory, and makes the Tensor the
output of that one Function (it is rebased). That a backward still needs the overwritten values is found out by the number
of the memory's last write. Writing through a view of a tracked Tensor would have to rebase the base too, so that raises
and names the out-of-place form.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._kernels import memory
from ..dtypes import category
from ..engine import Function, mark_written, stale_view
from ..grad_mode import mode
from ..random import Generator
from ..tensor import Tensor
from . import arithmetic, creation, elementwise
from .activation import relu, sigmoid
from .border import as_tensor, cast
from .declare import op
from .indexing import SetIndex, index_add, index_fill, masked_fill, one_by_one, plain_index, scatter, scatter_add


def check_writable(x: Tensor, name: str, instead: str, records: bool) -> None:
    """Raise if writing into `x` is impossible, or would make gradients wrong. `records`: the new values are tracked."""
    if not x._value.flags.writeable:
        raise RuntimeError(
            f"{name}: unsupported operation: this tensor's memory is read-only (an expanded tensor, whose elements share memory, or an "
            f"import that may not be written to); clone() it first, or use {instead}"
        )
    if x._inference and not mode.inference:
        raise RuntimeError(
            "Inplace update to inference tensor outside InferenceMode is not allowed. You can make a clone to get a normal tensor"
        )
    if not mode.recording:
        return
    if x._base is not None:
        if x._base.grad_fn is not x._base_fn:
            raise RuntimeError(stale_view(name))
        if records or x._tracked or x._base._tracked:
            raise RuntimeError(
                f"{name}: this tensor is a view of one that takes part in a gradient, and writing through the view would change it behind "
                f"the graph's back. Use the out-of-place form {instead} (for x[i], where() or cat()), or write under no_grad()"
            )
    elif x._tracked and x.grad_fn is None:
        raise RuntimeError(
            f"a leaf Variable that requires grad is being used in an in-place operation ({name}): write under no_grad(), or use {instead}"
        )


def assign(x: Tensor, result: Tensor, name: str, instead: str) -> Tensor:
    """Write `result` into `x`'s memory and rebase `x` on what computed it; returns x."""
    check_writable(x, name, instead, result._tracked)
    if result.shape != x.shape:
        raise RuntimeError(
            f"{name}: output with shape {list(x.shape)} doesn't match the broadcast shape {list(result.shape)}; use {instead}"
        )
    if category(result._value.dtype) > category(x._value.dtype):
        raise RuntimeError(
            f"{name}: result type {result.dtype} can't be cast to the desired output type {x.dtype}; use {instead}"
        )
    result = cast(result, x._value.dtype)
    if mode.recording and result._tracked:
        _keep_saved(x, result)
    np.copyto(x._value, result._value)
    mark_written(x)
    if mode.recording:
        x._rebase(result)
    return x


def _keep_saved(x: Tensor, result: Tensor) -> None:
    """Give the nodes between `x` and `result` a copy of what they saved of x's memory, which is about to be overwritten."""
    owner = memory.owner(x._value)
    since = max(x.grad_fn.number if x.grad_fn else 0, memory.last_write(x._value))
    stack: list[Any] = [result.grad_fn]
    seen = set()
    while stack:
        node = stack.pop()
        if not isinstance(node, Function) or node.number <= since or node in seen:
            continue
        seen.add(node)
        stack.extend(node.inputs)
        for name, value in node.__dict__.items():
            if type(value) is np.ndarray and memory.owner(value) is owner:
                node.__dict__[name] = value.copy()


def _in_place(function: Callable, *names: str) -> None:
    """Declare `Tensor.<name>_` (and operators) as the in-place form of `function`."""
    name = names[0]

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        result = function(self, *args, **kwargs)
        return assign(self, result, name, f"x = x.{name.rstrip('_')}(...)")

    method.__name__ = name
    method.__doc__ = f"The in-place form of `{function.__name__}`; returns self."
    method.__wrapped__ = function  # type: ignore[attr-defined]
    op(*(f".{other}" for other in names))(method)


_in_place(arithmetic.add, "add_", "__iadd__")
_in_place(arithmetic.sub, "sub_", "__isub__")
_in_place(arithmetic.mul, "mul_", "__imul__")
_in_place(arithmetic.div, "div_", "__itruediv__")
_in_place(arithmetic.pow, "pow_", "__ipow__")
_in_place(arithmetic.neg, "neg_")
_in_place(arithmetic.clamp, "clamp_")
_in_place(arithmetic.clamp_min, "clamp_min_")
_in_place(arithmetic.clamp_max, "clamp_max_")
_in_place(arithmetic.lerp, "lerp_")
_in_place(arithmetic.addcmul, "addcmul_")
_in_place(arithmetic.addcdiv, "addcdiv_")
_in_place(arithmetic.reciprocal, "reciprocal_")
_in_place(arithmetic.remainder, "remainder_")
_in_place(elementwise.exp, "exp_")
_in_place(elementwise.log, "log_")
_in_place(elementwise.sqrt, "sqrt_")
_in_place(elementwise.rsqrt, "rsqrt_")
_in_place(elementwise.abs, "abs_")
_in_place(elementwise.square, "square_")
_in_place(elementwise.floor, "floor_")
_in_place(elementwise.ceil, "ceil_")
_in_place(elementwise.round, "round_")
_in_place(elementwise.sin, "sin_")
_in_place(elementwise.cos, "cos_")
_in_place(elementwise.tanh, "tanh_")
_in_place(relu, "relu_")
_in_place(sigmoid, "sigmoid_")
_in_place(masked_fill, "masked_fill_")
_in_place(index_add, "index_add_")
_in_place(index_fill, "index_fill_")
_in_place(scatter, "scatter_")
_in_place(scatter_add, "scatter_add_")


@op(".copy_")
def copy_(input: Tensor, src: Tensor) -> Tensor:
    """Write `src`, broadcast and converted, into `input`; returns it."""
    source = cast(as_tensor(src, "src"), input.dtype)
    if source.shape != input.shape:
        source = source.expand(input.shape)
    return assign(input, source.clone() if source._tracked else source, "copy_", "src.clone()")


@op(".fill_")
def fill_(input: Tensor, value: Any) -> Tensor:
    """Write one number everywhere; returns `input`."""
    return copy_(input, value if isinstance(value, Tensor) else as_tensor(np.asarray(value, input.dtype)))


@op(".zero_")
def zero_(input: Tensor) -> Tensor:
    """Write 0 everywhere; returns `input`."""
    return fill_(input, 0)


def _drawn(input: Tensor, array: np.ndarray) -> Tensor:
    return copy_(input, as_tensor(np.asarray(array).astype(input.dtype, copy=False)))


@op(".uniform_")
def uniform_(input: Tensor, low: float = 0.0, high: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Write uniform numbers in [low, high); returns `input`."""
    if low > high:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={low} > to={high}")
    array = creation.uniform_array(input.shape, input.dtype, generator)
    return _drawn(input, array * (high - low) + low)


@op(".normal_")
def normal_(input: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Write normal numbers; returns `input`."""
    if std < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    array = creation.normal_array(input.shape, input.dtype, generator)
    return _drawn(input, array * std + mean)


@op(".bernoulli_")
def bernoulli_(input: Tensor, p: float = 0.5, *, generator: Generator | None = None) -> Tensor:
    """Write 1 with probability `p`, else 0; returns `input`."""
    if not 0 <= p <= 1:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
    return _drawn(input, creation.uniform_array(input.shape, np.dtype(np.float64), generator) < p)


@op(".__setitem__")
def setitem(input: Tensor, index: Any, value: Any) -> None:
    """input[index] = value, broadcast and converted to the dtype of `input`."""
    index = one_by_one(plain_index(index, input.ndim), input.shape)
    if isinstance(value, Tensor):
        value = cast(value, input.dtype)
    records = mode.recording and (input._tracked or (isinstance(value, Tensor) and value._tracked))
    check_writable(input, "x[index] = v", "where(), cat() or index_fill()", records)
    try:
        if records:
            assign(input, SetIndex.apply(input, value, index), "x[index] = v", "where(), cat() or index_fill()")
        else:
            input._value[index] = value._value if isinstance(value, Tensor) else value
            mark_written(input)
    except ValueError:
        shape = list(np.shape(getattr(value, "_value", value)))
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {shape} cannot be broadcast to indexing result of shape "
            f"{list(input._value[index].shape)}"
        ) from None

"""In-place operations: `add_`, `x[index] = v`, ...

An in-place operation computes its out-of-place form, writes the result into the Tensor's memory, and makes the Tensor the
output of that one Function (it is rebased). That a backward still needs the overwritten values is found out by the number
of the memory's last write. A write through a view rebases the view's base too (`views.py`).
"""

from __future__ import annotations

import numbers
from collections.abc import Callable
from typing import Any

import numpy as np

from .._kernels import memory
from ..custom_function import made_by_user
from ..dtypes import category
from ..engine import Function, mark_written
from ..grad_mode import mode
from ..random import Generator, default_generator
from ..tensor import Tensor
from . import (
    activation,
    arithmetic,
    compare,
    creation,
    elementwise,
    indexing,
    matmul,
    reduce,
    scattering,
    shape,
    statistics,
)
from .border import as_tensor, cast
from .declare import op
from .indexing import SetIndex, one_by_one, plain_index
from .views import write_through


def check_writable(x: Tensor, name: str, instead: str) -> None:
    """Raise if writing into `x` is impossible, or would make gradients wrong."""
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
    x._refresh()
    base: Any = x._base
    if base is not None and base._tracked and not x._tracked:
        raise RuntimeError(
            f"{name}: a view was created in no_grad mode and is being modified inplace with grad mode enabled. Use {instead}, or write "
            "under no_grad()"
        )
    if base is not None and made_by_user(x.grad_fn):
        raise RuntimeError(
            f"{name}: this tensor is a view that a custom Function or a hook of a module returned, and is being modified inplace: "
            f"use {instead}, or clone() it"
        )
    if base is not None and base._tracked and base.grad_fn is None:
        raise RuntimeError(
            f"a view of a leaf Variable that requires grad is being used in an in-place operation ({name}): write under no_grad(), or "
            f"use {instead}"
        )
    if x._tracked and x.grad_fn is None:
        raise RuntimeError(
            f"a leaf Variable that requires grad is being used in an in-place operation ({name}): write under no_grad(), or use {instead}"
        )


def assign(x: Tensor, result: Tensor, name: str, instead: str) -> Tensor:
    """Write `result` into `x`'s memory and rebase `x` on what computed it; returns x."""
    check_writable(x, name, instead)
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
    if mode.recording and x._base is not None:
        write_through(x, result)
    elif mode.recording:
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
    """Declare `Tensor.<name>_`, operators, and functions (`torch.` or `F.` before the name) that are the in-place form of `function`."""
    name = names[0].rpartition(".")[2]

    def method(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        result = function(input, *args, **kwargs)
        return assign(input, result, name, f"x = x.{name.rstrip('_')}(...)")

    method.__name__ = name
    method.__doc__ = f"The in-place form of `{function.__name__}`; returns `input`."
    method.__wrapped__ = function  # type: ignore[attr-defined]
    op(*(other.removeprefix("torch.") if "." in other else f".{other}" for other in names))(method)


_ALSO_FUNCTIONS: tuple[Any, ...] = (  # PyTorch has their in-place forms as functions too
    elementwise.abs, elementwise.acos, elementwise.asin, elementwise.atan, elementwise.ceil, elementwise.cos, elementwise.cosh,
    elementwise.erf, elementwise.exp, elementwise.exp2, elementwise.expm1, elementwise.floor, elementwise.log, elementwise.log10,
    elementwise.log1p, elementwise.log2, elementwise.round, elementwise.rsqrt, elementwise.sin, elementwise.sinh,
    elementwise.sqrt, elementwise.square, elementwise.tan, elementwise.tanh, elementwise.trunc, arithmetic.clamp,
    arithmetic.clamp_max, arithmetic.clamp_min, arithmetic.frac, arithmetic.nan_to_num, arithmetic.neg, arithmetic.reciprocal,
    activation.sigmoid,
)  # fmt: skip
for _function in _ALSO_FUNCTIONS:
    _in_place(_function, f"{_function.__name__}_", f"torch.{_function.__name__}_")

_METHODS_ALONE: tuple[Any, ...] = (
    arithmetic.addcdiv, arithmetic.addcmul, arithmetic.atan2, arithmetic.fmod, arithmetic.lerp, arithmetic.logit, elementwise.sign,
    compare.eq, compare.ge, compare.gt, compare.le, compare.lt, compare.ne, compare.logical_and, compare.logical_not,
    compare.logical_or, compare.logical_xor, matmul.addmm, matmul.baddbmm, reduce.cumsum, shape.tril, shape.triu,
    indexing.index_add, indexing.index_copy, indexing.index_fill, indexing.index_put, indexing.masked_scatter,
    statistics.cumprod, indexing.masked_fill, scattering.scatter, scattering.scatter_add, scattering.scatter_reduce,
)  # fmt: skip
for _function in _METHODS_ALONE:
    _in_place(_function, f"{_function.__name__}_")

_in_place(elementwise.sign, "sgn_")
_in_place(arithmetic.add, "add_", "__iadd__")
_in_place(arithmetic.sub, "sub_", "subtract_", "__isub__")
_in_place(arithmetic.mul, "mul_", "multiply_", "__imul__")
_in_place(arithmetic.div, "div_", "divide_", "true_divide_", "__itruediv__")
_in_place(arithmetic.floor_divide, "floor_divide_", "__ifloordiv__")
_in_place(arithmetic.remainder, "remainder_", "__imod__")
_in_place(arithmetic.pow, "pow_", "__ipow__")
_in_place(compare.bitwise_and, "bitwise_and_", "__iand__")
_in_place(compare.bitwise_or, "bitwise_or_", "__ior__")
_in_place(compare.bitwise_xor, "bitwise_xor_", "__ixor__")
_in_place(activation.relu, "relu_", "torch.relu_", "F.relu_")
_in_place(activation.selu, "torch.selu_", "F.selu_")
_in_place(activation.celu, "torch.celu_", "F.celu_")
_in_place(activation.threshold, "torch.threshold_", "F.threshold_")
_in_place(activation.elu, "F.elu_")
_in_place(activation.leaky_relu, "F.leaky_relu_")
_in_place(activation.hardtanh, "F.hardtanh_")


def _reshaped_in_place(function: Callable) -> None:
    """Declare `Tensor.<name>_`, after which the Tensor sees its memory as `function` does."""
    name = f"{function.__name__}_"

    def method(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        check_writable(input, name, f"x = x.{function.__name__}(...)")
        result = function(input, *args, **kwargs)
        input._value = result._value
        if mode.recording:
            input._rebase(result)
        return input

    method.__name__ = name
    method.__doc__ = f"The in-place form of `{function.__name__}`: no element moves; returns `input`."
    method.__wrapped__ = function  # type: ignore[attr-defined]
    op(f".{name}")(method)


_VIEWS: tuple[Any, ...] = (shape.squeeze, shape.unsqueeze, shape.transpose, shape.t)
for _function in _VIEWS:
    _reshaped_in_place(_function)


@op(".copy_")
def copy_(input: Tensor, src: Tensor) -> Tensor:
    """Write `src`, broadcast and converted, into `input`; returns it."""
    source = cast(as_tensor(src, "src"), input.dtype)
    if source.shape != input.shape:
        source = source.expand(input.shape)
    return assign(input, source.clone() if source._tracked else source, "copy_", "src.clone()")


@op(".fill_")
def fill_(input: Tensor, value: Any) -> Tensor:
    """Write one number everywhere; returns `input`. RuntimeError for a Tensor with axes, TypeError for what is no number."""
    if isinstance(value, Tensor):
        if value.ndim:
            raise RuntimeError(
                f"fill_ only supports 0-dimension value tensor but got tensor with {value.ndim} dimensions."
            )
    elif not isinstance(value, (numbers.Number, np.generic)):
        raise TypeError(f"fill_(): argument 'value' must be a number or a Tensor, not {type(value).__name__}")
    return copy_(input, value if isinstance(value, Tensor) else as_tensor(np.asarray(value, input.dtype)))


@op(".zero_")
def zero_(input: Tensor) -> Tensor:
    """Write 0 everywhere; returns `input`."""
    return fill_(input, 0)


def _check_continuous(input: Tensor, name: str) -> None:
    if category(input.dtype) != 2:
        raise NotImplementedError(f"{name} draws numbers with fractions, which a Tensor of {input.dtype} cannot hold")


def _drawn(input: Tensor, array: np.ndarray) -> Tensor:
    return copy_(input, as_tensor(np.asarray(array).astype(input.dtype, copy=False)))


@op(".uniform_")
def uniform_(input: Tensor, low: float = 0.0, high: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Write uniform numbers in [low, high); returns `input`."""
    _check_continuous(input, "uniform_")
    if not low <= high:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={low} > to={high}")
    array = creation.uniform_array(input.shape, input.dtype, generator)
    return _drawn(input, array * (high - low) + low)


@op(".normal_")
def normal_(input: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Write normal numbers; returns `input`."""
    _check_continuous(input, "normal_")
    if not std >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    array = creation.normal_array(input.shape, input.dtype, generator)
    return _drawn(input, array * std + mean)


@op(".bernoulli_")
def bernoulli_(input: Tensor, p: float | Tensor = 0.5, *, generator: Generator | None = None) -> Tensor:
    """Write 1 with probability `p`, else 0; returns `input`. A Tensor `p` has a probability for each element, broadcast."""
    rates = p._value if isinstance(p, Tensor) else np.asarray(p, np.float64)
    if not ((rates >= 0) & (rates <= 1)).all():
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
    return _drawn(input, creation.uniform_array(input.shape, np.dtype(np.float64), generator) < rates)


@op(".random_")
def random_(
    input: Tensor, from_: int | None = None, to: int | None = None, *, generator: Generator | None = None
) -> Tensor:
    """Write integers in [from_, to), or in [0, from_) if only one is given, or all that the dtype can hold; returns `input`."""
    if input.is_floating_point():
        least, most = None, 2 ** (np.finfo(input.dtype).nmant + 1)
    else:
        least, most = (0, 1) if input.dtype.kind == "b" else (np.iinfo(input.dtype).min, np.iinfo(input.dtype).max)
    low, high = (0, from_) if to is None else (from_ or 0, to)
    if high is None:
        high = most + (most < np.iinfo(np.int64).max)
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    if least is not None and not least <= low < high <= most + 1:
        raise RuntimeError(f"random_: from={low} to={high} is out of bounds for {input.dtype}")
    rng = (generator or default_generator).numpy()
    return _drawn(input, rng.integers(low, high, input.shape))


@op(".exponential_")
def exponential_(input: Tensor, lambd: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Write numbers of density lambd exp(-lambd x); returns `input`."""
    _check_continuous(input, "exponential_")
    if lambd <= 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd}")
    return _drawn(input, (generator or default_generator).numpy().exponential(1 / lambd, input.shape))


@op(".geometric_")
def geometric_(input: Tensor, p: float, *, generator: Generator | None = None) -> Tensor:
    """Write how many trials of probability `p` it takes to succeed once; returns `input`."""
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p}")
    return _drawn(input, (generator or default_generator).numpy().geometric(p, input.shape))


@op(".log_normal_")
def log_normal_(input: Tensor, mean: float = 1.0, std: float = 2.0, *, generator: Generator | None = None) -> Tensor:
    """Write numbers whose logarithms are normal; returns `input`."""
    _check_continuous(input, "log_normal_")
    if std <= 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std}")
    return _drawn(input, (generator or default_generator).numpy().lognormal(mean, std, input.shape))


@op(".cauchy_")
def cauchy_(input: Tensor, median: float = 0.0, sigma: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Write numbers of Cauchy's distribution; returns `input`."""
    _check_continuous(input, "cauchy_")
    if sigma <= 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma}")
    return _drawn(input, (generator or default_generator).numpy().standard_cauchy(input.shape) * sigma + median)


@op(".fill_diagonal_")
def fill_diagonal_(input: Tensor, fill_value: float, wrap: bool = False) -> Tensor:
    """Write one number on the main diagonal (of more than 2 axes, all must have one length); returns `input`.

    With `wrap` the diagonal of a tall matrix begins again after its end.
    """
    if input.ndim < 2:
        raise RuntimeError("dimensions must larger than 1")
    if input.ndim > 2 and len(set(input.shape)) > 1:
        raise RuntimeError("all dimensions of input must be of equal length")
    on = np.zeros(input.shape, bool)
    np.fill_diagonal(on, True, wrap)
    return assign(input, indexing.masked_fill(input, as_tensor(on), fill_value), "fill_diagonal_", "masked_fill()")


@op(".__setitem__")
def setitem(input: Tensor, index: Any, value: Any) -> None:
    """input[index] = value, broadcast and converted to the dtype of `input`."""
    index = one_by_one(plain_index(index, input.ndim), input.shape)
    if isinstance(value, Tensor):
        value = cast(value, input.dtype)
    elif value is None or isinstance(value, (str, bytes)):
        raise TypeError(f"can't assign a {type(value).__name__} to a Tensor of {input.dtype}")
    check_writable(input, "x[index] = v", "where(), cat() or index_fill()")
    records = mode.recording and (input._tracked or (isinstance(value, Tensor) and value._tracked))
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

"""The border between Tensors and kernels: what may be mixed, and in which form arrays reach a kernel."""

from __future__ import annotations

import warnings
from numbers import Real
from typing import Any

import numpy as np

from .._kernels import elementwise
from .._kernels.memory import contiguous, empty, empty_like  # noqa: F401 - for the operations
from ..dtypes import as_array, category, float32, float64, get_default_dtype, number_type, result_type
from ..grad_mode import mode
from ..tensor import Function, Tensor, wrap
from .declare import NUMBERS, is_operand

KERNEL_DTYPES = (float32, float64)


class Cast(Function):
    """x in another dtype; its gradient goes back in x's."""

    def forward(self, x: np.ndarray, dtype: np.dtype) -> np.ndarray:
        self.dtype = (x.dtype,)
        out = empty(x.shape, dtype)
        np.copyto(out, x, casting="unsafe")
        return out

    def backward(self, g: Any) -> Any:
        return Cast.on(g, self.dtype[0])


def cast(x: Tensor, dtype: np.dtype) -> Tensor:
    """`x` in `dtype`; itself when it has that dtype already. Gradients flow between floating dtypes only."""
    if x._value.dtype == dtype:
        return x
    return Cast.apply(x if category(dtype) == 2 else x.detach(), dtype)


def as_tensor(x: Any, name: str = "input") -> Tensor:
    """`x` if it is a Tensor, an array or number as one; anything else is a TypeError that names the argument."""
    if isinstance(x, Tensor):
        return x
    if is_operand(x):
        return wrap(as_array(x))
    raise TypeError(f"argument '{name}' must be Tensor, not {type(x).__name__}")


def floating(x: Any, name: str = "input") -> Tensor:
    """`x` as a Tensor of floating dtype: integers and bools take the default one."""
    x = as_tensor(x, name)
    return x if x._value.dtype.kind == "f" else cast(x, get_default_dtype())


def number_first(name: str, scalar: str, number: Any, tensors: tuple, count: int) -> tuple:
    """The `tensors` and then the `number`, from a call in the order of PyTorch before 1.5; TypeError if it is not one."""
    if len(tensors) != count or not isinstance(number, Real) or not all(map(is_operand, tensors)):
        given = ", ".join(type(arg).__name__ for arg in (number, *tensors))
        raise TypeError(
            f"{name}() received an invalid combination of arguments: ({given}); {scalar} is given by its name"
        )
    warnings.warn(f"{name}({scalar}, ...) is deprecated: give the number last, as {scalar}={number}", stacklevel=4)
    return *tensors, number


def operands(x: Any, y: Any) -> tuple[Any, Any]:
    """`x` and `y` as PyTorch mixes them: Tensors of one dtype, or one Tensor and a Python number that adapts to it."""
    if isinstance(x, Tensor):
        if isinstance(y, Tensor):
            a, b = x._value.dtype, y._value.dtype
            if a is b or a == b:
                return x, y
            dtype = result_type(x._value, y._value)
            return cast(x, dtype), cast(y, dtype)
        if type(y) in NUMBERS:
            kind = x._value.dtype.kind
            if kind == "f" or (kind != "b" and type(y) is int):
                return x, y
            return cast(x, result_type(x._value, y)), y
        if isinstance(y, np.generic):
            return operands(x, y.item())
        return operands(x, as_tensor(y, "other"))
    if isinstance(y, Tensor):
        b, a = operands(y, x)
        return a, b
    return operands(as_tensor(x), y)


def scalar_or_tensor_dtype(x: Any) -> np.dtype:
    """The dtype of a Tensor, or the one a Python number stands for."""
    return x._value.dtype if isinstance(x, Tensor) else number_type(x)


def check_tensors(name: str, **tensors: Any) -> None:
    """TypeError unless each is a Tensor or None."""
    for key, tensor in tensors.items():
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"{name}(): argument '{key}' must be Tensor, not {type(tensor).__name__}")


def values(x: Any) -> Any:
    """The array of a Tensor; an array or number as it is."""
    return x._value if isinstance(x, Tensor) else x


def check_number(value: Any, what: str) -> float:
    """`value` as a float; TypeError unless it is a number, which a bool (often a misplaced `training`) is not."""
    if not isinstance(value, Real) or isinstance(value, bool | np.bool_):
        raise TypeError(f"{what} has to be a number, not {type(value).__name__}")
    return float(value)


def same_dtype(name: str, **tensors: Tensor | None) -> None:
    """Raise unless all Tensors given have one dtype, and one that kernels know."""
    check_tensors(name, **tensors)
    given = {key: tensor for key, tensor in tensors.items() if tensor is not None}
    dtypes = {tensor._value.dtype for tensor in given.values()}
    if len(dtypes) > 1:
        listed = ", ".join(f"{key} is {tensor.dtype}" for key, tensor in given.items())
        raise RuntimeError(f"{name}: expected all arguments to have the same dtype, but {listed}")
    if not dtypes <= set(KERNEL_DTYPES):
        raise RuntimeError(
            f"{name} is implemented for float32 and float64, not for {dtypes.pop()}; convert with .float()"
        )


def not_differentiable(name: str, **tensors: Tensor | None) -> None:
    """Raise if a Tensor that gets no gradient asks for one."""
    for key, tensor in tensors.items():
        if mode.recording and tensor is not None and tensor._tracked:
            raise RuntimeError(
                f"{name} is not differentiable with respect to argument '{key}', which requires grad: pass {key}.detach()"
            )


def no_kernel(name: str, dtype: np.dtype) -> NotImplementedError:
    """The error of an operation that is not defined for a dtype."""
    return NotImplementedError(f"{name} is not implemented for {dtype}")


def common_shape(name: str, *shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that `shapes` broadcast to; RuntimeError, naming them, where they do not."""
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        raise RuntimeError(
            f"{name}: shapes {' and '.join(str(list(shape)) for shape in shapes)} do not broadcast: aligned at the right, each pair "
            "of sizes must be equal or one of them 1"
        ) from None


def named(given: tuple[Any, ...], keyword: Any) -> tuple[Any, ...]:
    """Sizes or axes given one by one or as one sequence; or by keyword, which must be alone."""
    if keyword is None:
        return given
    if given:
        raise TypeError(f"got both {given} and, by keyword, {keyword}")
    return (keyword,)


def unary(function: np.ufunc, x: np.ndarray) -> np.ndarray:
    """A NumPy function of one array, into pooled memory."""
    try:
        return elementwise.unary(function, x)
    except TypeError:
        raise no_kernel(function.__name__, x.dtype) from None


def binary(function: np.ufunc, x: Any, y: Any) -> np.ndarray:
    """A NumPy function of two arrays of one dtype, or of an array and a number, into pooled memory."""
    try:
        return elementwise.binary(function, x, y)
    except ValueError:
        common_shape(function.__name__, x.shape, y.shape)  # raises, naming them
        raise
    except TypeError:
        raise no_kernel(function.__name__, x.dtype if type(x) is np.ndarray else y.dtype) from None


def shape_of(x: Any) -> tuple[int, ...]:
    """The shape of an array; () for a number."""
    return x.shape if type(x) is np.ndarray else ()


def axis_of(dim: Any, ndim: int) -> int:
    """`dim` counted from the front; IndexError when out of range."""
    try:
        dim = dim.__index__()
    except AttributeError:
        raise TypeError(f"dim must be an int, not {type(dim).__name__}") from None
    bound = max(ndim, 1)
    if not -bound <= dim < bound:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-bound}, {bound - 1}], but got {dim})")
    return dim % bound


def axes_of(dim: Any, ndim: int) -> tuple[int, ...]:
    """The axes `dim` names (an int, several, or None for all), ascending."""
    if dim is None or (isinstance(dim, tuple | list) and not dim):
        return tuple(range(ndim))
    axes = [axis_of(d, ndim) for d in (dim if isinstance(dim, tuple | list) else (dim,))]
    if len(set(axes)) < len(axes):
        raise RuntimeError(f"dim {axes[0]} appears multiple times in the list of dims")
    return tuple(sorted(axis for axis in axes if axis < ndim))

"""Arithmetic of two operands: + - * / // % **, and what is made of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._kernels import elementwise
from ..compat.formats import check_memory_format
from ..device import KINDS
from ..dtypes import as_dtype, check_device
from ..tensor import Function, Tensor
from .border import (
    as_tensor,
    binary,
    cast,
    floating,
    number_first,
    operands,
    scalar_or_tensor_dtype,
    shape_of,
    unary,
    values,
)
from .broadcast import fit, fit_both
from .declare import op
from .elementwise import Exp, Log, trunc, zero_slope
from .indexing import Where, where

broadcast_shapes, over, times = elementwise.broadcast_shapes, elementwise.over, elementwise.times


class Add(Function):
    def forward(self, x: Any, y: Any) -> np.ndarray:
        self.shapes = broadcast_shapes(x, y)
        return binary(np.add, x, y)

    def backward(self, g: Any) -> Any:
        return fit_both(g, g if self.needs(1) else None, self.shapes)


class Sub(Function):
    def forward(self, x: Any, y: Any) -> np.ndarray:
        self.shapes = broadcast_shapes(x, y)
        return binary(np.subtract, x, y)

    def backward(self, g: Any) -> Any:
        return fit_both(g if self.needs(0) else None, -g if self.needs(1) else None, self.shapes)


class Mul(Function):
    def forward(self, x: Any, y: Any) -> np.ndarray:
        self.shapes = broadcast_shapes(x, y)
        if self.needs(1):
            self.x = x
        if self.needs(0):
            self.y = y
        return binary(np.multiply, x, y)

    def backward(self, g: Any) -> Any:
        gx = times(g, self.y) if self.needs(0) else None
        gy = times(g, self.x) if self.needs(1) else None
        return fit_both(gx, gy, self.shapes)


class Div(Function):
    def forward(self, x: Any, y: Any) -> np.ndarray:
        self.shapes = broadcast_shapes(x, y)
        if self.needs(1):
            self.x = x
        self.y = y
        return binary(np.divide, x, y)

    def backward(self, g: Any) -> Any:
        gx = over(g, self.y)
        gy = times(-gx, over(self.x, self.y)) if self.needs(1) else None
        return fit_both(gx if self.needs(0) else None, gy, self.shapes)


class PowNumber(Function):
    """x ** n for a number n."""

    def forward(self, x: np.ndarray, n: float) -> np.ndarray:
        self.x, self.n = x, n
        return unary(np.square, x) if n == 2 else binary(np.power, x, n)

    def backward(self, g: Any) -> Any:
        if self.n == 0:
            return zero_slope(g)
        return g * (self.x * 2 if self.n == 2 else PowNumber.on(self.x, self.n - 1) * self.n)


class Pow(Function):
    """x ** y where y, and perhaps x, is a Tensor."""

    def forward(self, x: Any, y: np.ndarray) -> np.ndarray:
        self.shapes = shape_of(x), y.shape
        self.x, self.y = x, y
        self.out = binary(np.power, x, y)
        return self.out

    def backward(self, g: Any) -> Any:
        x, y = self.shapes
        gx = gy = None
        if self.needs(0):  # y x^(y-1); at y = 0 the derivative is 0 even where x^-1 is infinite
            gx = fit(Where.on(values(self.y) == 0, zero_slope(g * self.y), g * self.y * power(self.x, self.y - 1)), x)
        if self.needs(1):  # x^y log x; at x = 0 and y >= 0 the limit is 0
            log = (
                Log.on(self.x)
                if np.ndim(values(self.x)) or not isinstance(self.x, int | float)
                else float(np.log(self.x))
            )
            at_zero = (values(self.x) == 0) & (values(self.y) >= 0)
            gy = fit(Where.on(at_zero, zero_slope(g * self.out), g * self.out * log), y)
        return gx, gy


def power(x: Any, y: Any) -> Any:
    """x ** y for Tensors or for arrays."""
    return Pow.on(x, y) if isinstance(x, Tensor) or isinstance(y, Tensor) else binary(np.power, x, y)


@op("add", ".add", ".__add__", ".__radd__")
def add(input: Any, other: Any, *older: Any, alpha: float = 1) -> Tensor:
    """input + alpha * other, broadcast. The order of PyTorch before 1.5, add(alpha, other), warns."""
    if older:
        other, alpha = number_first("add", "alpha", other, older, 1)
    x, y = operands(input, other)
    if alpha != 1 or type(alpha) is bool:
        y = _times_alpha(x, y, alpha)
    return Add.apply(x, y) if isinstance(x, Tensor) else Add.apply(y, x)


@op("sub", "subtract", ".sub", ".subtract", ".__sub__")
def sub(input: Any, other: Any, *older: Any, alpha: float = 1) -> Tensor:
    """input - alpha * other, broadcast. Bool Tensors cannot be subtracted: use logical_xor or logical_not."""
    if older:
        other, alpha = number_first("sub", "alpha", other, older, 1)
    for t in (input, other):
        if type(t) is bool or (isinstance(t, Tensor) and t._value.dtype.kind == "b"):
            raise RuntimeError(
                "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, use the "
                "`~` or `logical_not()` operator instead."
            )
    x, y = operands(input, other)
    if alpha != 1 or type(alpha) is bool:
        y = _times_alpha(x, y, alpha)
    return Sub.apply(x, y)


def _times_alpha(x: Any, y: Any, alpha: float) -> Any:
    """alpha * y, in the dtype that x and y have."""
    dtype = scalar_or_tensor_dtype(x if isinstance(x, Tensor) else y)
    if type(alpha) is bool and dtype.kind != "b":
        raise RuntimeError("Boolean alpha only supported for Boolean results.")
    if type(alpha) is float and dtype.kind != "f":
        raise RuntimeError(
            f"For integral input tensors, argument alpha must not be a floating point number (got {dtype})"
        )
    return mul(y, bool(alpha) if dtype.kind == "b" else alpha) if isinstance(y, Tensor) else y * alpha


@op("rsub", ".__rsub__")
def rsub(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """other - alpha * input, broadcast."""
    return sub(other, input, alpha=alpha)


@op("mul", "multiply", ".mul", ".multiply", ".__mul__", ".__rmul__")
def mul(input: Any, other: Any) -> Tensor:
    """input * other, broadcast."""
    x, y = operands(input, other)
    return Mul.apply(x, y)


@op("div", "divide", "true_divide", ".div", ".divide", ".true_divide", ".__truediv__")
def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """input / other, broadcast; integers give floats. `rounding_mode` 'floor' or 'trunc' rounds the quotient."""
    if rounding_mode == "floor":
        return floor_divide(input, other)
    if rounding_mode not in (None, "trunc"):
        raise RuntimeError(
            f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'"
        )
    x, y = operands(input, other)
    if rounding_mode == "trunc":
        _check_integer_divisor(scalar_or_tensor_dtype(x if isinstance(x, Tensor) else y), y)
        return TruncDivide.apply(x, y)
    return Div.apply(floating(x) if isinstance(x, Tensor) else x, floating(y) if isinstance(y, Tensor) else y)


@op(".__rtruediv__", ".__rdiv__")
def rdiv(input: Any, other: Any) -> Tensor:
    """other / input."""
    return div(other, input)


@op("reciprocal", ".reciprocal")
def reciprocal(input: Tensor) -> Tensor:
    """1 / input."""
    return div(1, input)


def _check_integer_divisor(dtype: np.dtype, y: Any) -> None:
    if dtype.kind in "iub" and not np.all(values(y)):
        raise RuntimeError("ZeroDivisionError: integer division by zero")


class FloorDivide(Function):
    def forward(self, x: Any, y: Any) -> np.ndarray:
        self.shapes = shape_of(x), shape_of(y)
        return binary(np.floor_divide, x, y)

    def backward(self, g: Any) -> Any:
        x, y = self.shapes
        return zero_slope(fit(g, x)), zero_slope(fit(g, y))


class TruncDivide(FloorDivide):
    def forward(self, x: Any, y: Any) -> np.ndarray:
        self.shapes = np.shape(x), np.shape(y)
        if (x if isinstance(x, np.ndarray) else y).dtype.kind == "f":
            return np.trunc(binary(np.divide, x, y))
        down = binary(np.floor_divide, x, y)  # one too low where the quotient is negative and not whole
        return down + ((down < 0) & (down * y != x)).astype(down.dtype)


@op("floor_divide", ".floor_divide", ".__floordiv__")
def floor_divide(input: Any, other: Any) -> Tensor:
    """floor(input / other); its gradient is 0. Division of integers by zero raises RuntimeError."""
    x, y = operands(input, other)
    _check_integer_divisor(scalar_or_tensor_dtype(x if isinstance(x, Tensor) else y), y)
    return FloorDivide.apply(x, y)


@op(".__rfloordiv__")
def rfloordiv(input: Any, other: Any) -> Tensor:
    """floor(other / input)."""
    return floor_divide(other, input)


@op("remainder", ".remainder", ".__mod__")
def remainder(input: Any, other: Any) -> Tensor:
    """input - other * floor(input / other): it has the sign of `other`, as Python's %."""
    x, y = operands(input, other)
    dtype = scalar_or_tensor_dtype(x if isinstance(x, Tensor) else y)
    _check_integer_divisor(dtype, y)
    return Remainder.apply(x, y)


class Remainder(Function):
    def forward(self, x: Any, y: Any) -> np.ndarray:
        self.shapes = shape_of(x), shape_of(y)
        self.quotient = binary(np.floor_divide, x, y)
        return binary(np.remainder, x, y)

    def backward(self, g: Any) -> Any:
        x, y = self.shapes
        return (fit(g, x) if self.needs(0) else None), (fit(g * -self.quotient, y) if self.needs(1) else None)


class Fmod(Remainder):
    quotient: Any

    def forward(self, x: Any, y: Any) -> np.ndarray:
        self.shapes = np.shape(x), np.shape(y)
        with np.errstate(all="ignore"):
            self.quotient = np.trunc(np.divide(x, y)) if self.needs(1) else None
        return binary(np.fmod, x, y)


@op("fmod", ".fmod")
def fmod(input: Any, other: Any) -> Tensor:
    """input - other * trunc(input / other): it has the sign of `input`, as C's fmod."""
    x, y = operands(input, other)
    _check_integer_divisor(scalar_or_tensor_dtype(x if isinstance(x, Tensor) else y), y)
    return Fmod.apply(x, y)


@op("frac", ".frac")
def frac(input: Tensor) -> Tensor:
    """x - trunc(x): what follows the point, with the sign of x."""
    return input - trunc(input)


@op(".__rmod__")
def rremainder(input: Any, other: Any) -> Tensor:
    """other % input."""
    return remainder(other, input)


@op("pow", ".pow", ".__pow__")
def pow(input: Any, exponent: Any) -> Tensor:
    """input ** exponent, broadcast. Integers to negative integer powers raise RuntimeError."""
    x, y = operands(input, exponent)
    dtype = scalar_or_tensor_dtype(x if isinstance(x, Tensor) else y)
    if dtype.kind in "iu" and np.any(np.asarray(values(y)) < 0):
        raise RuntimeError("Integers to negative integer powers are not allowed.")
    if not isinstance(y, Tensor):
        return PowNumber.apply(x, y)
    return Pow.apply(x, y)


@op(".__rpow__")
def rpow(input: Any, base: Any) -> Tensor:
    """base ** input."""
    return pow(base, input)


@op("lerp", ".lerp")
def lerp(input: Tensor, end: Tensor, weight: Any) -> Tensor:
    """input + weight * (end - input)."""
    return input + (end - input) * weight


@op("addcmul", ".addcmul")
def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *older: Any, value: float = 1) -> Tensor:
    """input + value * tensor1 * tensor2. The order of PyTorch before 1.5, addcmul(value, tensor1, tensor2), warns."""
    if older:
        tensor1, tensor2, value = number_first("addcmul", "value", tensor1, (tensor2, *older), 2)
    return input + tensor1 * tensor2 * value


@op("addcdiv", ".addcdiv")
def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *older: Any, value: float = 1) -> Tensor:
    """input + value * tensor1 / tensor2. The order of PyTorch before 1.5, addcdiv(value, tensor1, tensor2), warns."""
    if older:
        tensor1, tensor2, value = number_first("addcdiv", "value", tensor1, (tensor2, *older), 2)
    return input + tensor1 / tensor2 * value


class Atan2(Function):
    def forward(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        self.shapes = y.shape, x.shape
        self.y, self.x = y, x
        return binary(np.arctan2, y, x)

    def backward(self, g: Any) -> Any:
        y, x = self.shapes
        square = self.y * self.y + self.x * self.x
        scaled = Where.on(values(square) == 0, zero_slope(g), g / square)  # at the origin 0, as in PyTorch
        return fit(scaled * self.x, y), fit(-(scaled * self.y), x)


@op("atan2", ".atan2")
def atan2(input: Tensor, other: Tensor) -> Tensor:
    """The angle of the point (other, input), in (-pi, pi]."""
    x, y = operands(input, other)
    return Atan2.apply(floating(x), floating(y))


class Maximum(Function):
    """The larger of two; where they are equal each gets half of the gradient, as in PyTorch. NaN wins."""

    ufunc: Any = np.maximum

    def forward(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        self.shapes = x.shape, y.shape
        loses = np.less if self.ufunc is np.maximum else np.greater
        self.x_loses, self.y_loses, self.ties = loses(x, y), loses(y, x), x == y
        return binary(self.ufunc, x, y)

    def backward(self, g: Any) -> Any:
        x, y = self.shapes
        zero, shared = zero_slope(g), Where.on(self.ties, g * 0.5, g)
        return fit(Where.on(self.x_loses, zero, shared), x), fit(Where.on(self.y_loses, zero, shared), y)


class Minimum(Maximum):
    ufunc = np.minimum


class LogAddExp(Function):
    def forward(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        self.shapes, self.x, self.y = (x.shape, y.shape), x, y
        return binary(np.logaddexp, x, y)

    def backward(self, g: Any) -> Any:
        x, y = self.shapes
        return fit(g / (Exp.on(self.y - self.x) + 1), x), fit(g / (Exp.on(self.x - self.y) + 1), y)


@op("logaddexp", ".logaddexp")
def logaddexp(input: Tensor, other: Tensor) -> Tensor:
    """log(exp(input) + exp(other)), without overflow."""
    x, y = operands(input, other)
    return LogAddExp.apply(floating(x), floating(y))


@op("xlogy", ".xlogy")
def xlogy(input: Any, other: Any) -> Tensor:
    """input * log(other), 0 where input is 0 and other is not NaN."""
    x, y = (floating(t) for t in operands(as_tensor(input), as_tensor(other, "other")))
    nothing = (x == 0) & (y == y)
    return where(nothing, 0.0, x * where(nothing, 1.0, y).log())


@op("logit", ".logit")
def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """log(x / (1 - x)), x first limited to [eps, 1 - eps] if that is given."""
    x = floating(input)
    x = x if eps is None else clamp(x, eps, 1 - eps)
    return x.log() - (-x).log1p()


@op("nan_to_num", ".nan_to_num")
def nan_to_num(
    input: Tensor, nan: float | None = None, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """`nan` (0 unless given) in place of NaN, `posinf` and `neginf` (the dtype's limits) in place of infinities."""
    x = as_tensor(input)
    if x._value.dtype.kind != "f":
        return x.clone()
    limits = np.finfo(x.dtype)
    for places, given, usual in (
        (np.isnan(x._value), nan, 0.0),
        (np.isposinf(x._value), posinf, limits.max),
        (np.isneginf(x._value), neginf, limits.min),
    ):
        x = where(as_tensor(places), float(usual if given is None else given), x)
    return x


@op("maximum", ".maximum")
def maximum(input: Tensor, other: Tensor) -> Tensor:
    """The larger of two, elementwise; NaN wins."""
    return Maximum.apply(*(as_tensor(t) for t in operands(input, other)))


@op("minimum", ".minimum")
def minimum(input: Tensor, other: Tensor) -> Tensor:
    """The smaller of two, elementwise; NaN wins."""
    return Minimum.apply(*(as_tensor(t) for t in operands(input, other)))


class Clamp(Function):
    def forward(self, x: np.ndarray, low: Any, high: Any) -> np.ndarray:
        out = x
        if low is not None:
            out = binary(np.maximum, out, low)
        if high is not None:
            out = binary(np.minimum, out, high)
        self.inside = x == out
        return out

    def backward(self, g: Any) -> Any:
        return Where.on(self.inside, g, zero_slope(g))  # not g * 0, which is NaN where g is infinite


@op("clamp", "clip", ".clamp", ".clip")
def clamp(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """`input` limited to [min, max], numbers or Tensors; gradients flow where it already was inside."""
    if min is None and max is None:
        raise RuntimeError("clamp: At least one of 'min' or 'max' must not be None")
    input = as_tensor(input)
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        out = input if min is None else _limited(input, min, np.less)
        return out if max is None else _limited(out, max, np.greater)
    for bound in (min, max):
        if bound is not None:
            input = operands(input, bound)[0]
    return Clamp.apply(input, min, max)


def _limited(x: Tensor, bound: Any, beyond: np.ufunc) -> Tensor:
    """x, or `bound` where x is beyond it or it is NaN."""
    x, bound = (as_tensor(t) for t in operands(x, bound))
    limit = bound._value
    return where(as_tensor(beyond(x._value, limit) | (limit != limit)), bound, x)


@op("clamp_min", ".clamp_min")
def clamp_min(input: Tensor, min: Any) -> Tensor:
    """`input`, or `min` where it is smaller."""
    return clamp(input, min=min)


@op("clamp_max", ".clamp_max")
def clamp_max(input: Tensor, max: Any) -> Tensor:
    """`input`, or `max` where it is larger."""
    return clamp(input, max=max)


@op("neg", "negative", ".neg", ".negative", ".__neg__")
def neg(input: Tensor) -> Tensor:
    """-input."""
    input = as_tensor(input)
    if input._value.dtype.kind == "b":
        raise RuntimeError(
            "Negation, the `-` operator, on a bool tensor is not supported; use the `~` operator instead."
        )
    return Neg.apply(input)


class Neg(Function):
    def forward(self, x: np.ndarray) -> np.ndarray:
        return unary(np.negative, x)

    def backward(self, g: Any) -> Any:
        return -g


@op(".to")
def to(
    input: Tensor,
    *args: Any,
    dtype: Any = None,
    device: Any = None,
    copy: bool = False,
    non_blocking: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """`input` in another dtype (given as such, or as that of another Tensor); itself when nothing changes and not `copy`.

    The only device is 'cpu'; any other raises RuntimeError.
    """
    for arg in args:
        if isinstance(arg, Tensor):
            dtype = arg.dtype
        elif isinstance(arg, str) and arg.split(":")[0] in KINDS:
            device = arg
        elif arg is not None:
            dtype = as_dtype(arg)
    check_device(device)
    check_memory_format(memory_format)
    target = input.dtype if dtype is None else as_dtype(dtype)
    if input.dtype == target:
        return input.clone() if copy else input
    return cast(input, target)

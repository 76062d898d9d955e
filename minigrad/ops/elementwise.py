"""Functions of one operand, element by element: exp, log, sqrt, sin, ..., each with its derivative under it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import _kernels as kernels
from .._kernels import memory
from ..dtypes import int64
from ..tensor import Function, Tensor, wrap
from .border import KERNEL_DTYPES, as_tensor, cast, contiguous, empty_like, floating, no_kernel, unary
from .declare import op

minus, times = kernels.elementwise.minus, kernels.elementwise.times


def zero_slope(g: Any) -> Any:
    """Zeros like `g`, an array or Tensor: the gradient of a step function."""
    return wrap(np.zeros_like(g._value)) if isinstance(g, Tensor) else np.zeros_like(g)


class Exp(Function):
    def forward(self, x: np.ndarray) -> np.ndarray:
        self.out = unary(np.exp, x)
        return self.out

    def backward(self, g: Any) -> Any:
        return g * self.out


class Expm1(Function):
    def forward(self, x: np.ndarray) -> np.ndarray:
        self.out = unary(np.expm1, x)
        return self.out

    def backward(self, g: Any) -> Any:
        return g * (self.out + 1)


class Exp2(Function):
    def forward(self, x: np.ndarray) -> np.ndarray:
        self.out = unary(np.exp2, x)
        return self.out

    def backward(self, g: Any) -> Any:
        return g * self.out * math.log(2)


class Log(Function):
    def forward(self, x: np.ndarray) -> np.ndarray:
        self.x = x
        return unary(np.log, x)

    def backward(self, g: Any) -> Any:
        return g / self.x


class Log2(Function):
    def forward(self, x: np.ndarray) -> np.ndarray:
        self.x = x
        return unary(np.log2, x)

    def backward(self, g: Any) -> Any:
        return g / (self.x * math.log(2))


class Log10(Function):
    def forward(self, x: np.ndarray) -> np.ndarray:
        self.x = x
        return unary(np.log10, x)

    def backward(self, g: Any) -> Any:
        return g / (self.x * math.log(10))


class Log1p(Function):
    def forward(self, x: np.ndarray) -> np.ndarray:
        self.x = x
        return unary(np.log1p, x)

    def backward(self, g: Any) -> Any:
        return g / (self.x + 1)


class Sqrt(Function):
    def forward(self, x: np.ndarray) -> np.ndarray:
        self.out = unary(np.sqrt, x)
        return self.out

    def backward(self, g: Any) -> Any:
        return g / (self.out * 2)


class Rsqrt(Function):
    def forward(self, x: np.ndarray) -> np.ndarray:
        self.out = unary(np.reciprocal, unary(np.sqrt, x))
        return self.out

    def backward(self, g: Any) -> Any:
        return g * (self.out * self.out * self.out) * -0.5


class Square(Function):
    def forward(self, x: np.ndarray) -> np.ndarray:
        self.x = x
        return unary(np.square, x)

    def backward(self, g: Any) -> Any:
        return g * (self.x * 2)


class Abs(Function):
    def forward(self, x: np.ndarray) -> np.ndarray:
        self.x = x
        return unary(np.abs, x)

    def backward(self, g: Any) -> Any:
        return g * Sign.on(self.x)


class Sign(Function):
    def forward(self, x: np.ndarray) -> np.ndarray:
        return unary(np.sign, x)

    def backward(self, g: Any) -> Any:
        return zero_slope(g)


class Floor(Sign):
    def forward(self, x: np.ndarray) -> np.ndarray:
        return unary(np.floor, x)


class Ceil(Sign):
    def forward(self, x: np.ndarray) -> np.ndarray:
        return unary(np.ceil, x)


class Trunc(Sign):
    def forward(self, x: np.ndarray) -> np.ndarray:
        return unary(np.trunc, x)


class Round(Sign):
    def forward(self, x: np.ndarray, decimals: int = 0) -> np.ndarray:
        return np.round(x, decimals, empty_like(x))


class Sin(Function):
    def forward(self, x: np.ndarray) -> np.ndarray:
        self.x = x
        return unary(np.sin, x)

    def backward(self, g: Any) -> Any:
        return g * Cos.on(self.x)


class Cos(Function):
    def forward(self, x: np.ndarray) -> np.ndarray:
        self.x = x
        return unary(np.cos, x)

    def backward(self, g: Any) -> Any:
        return -(g * Sin.on(self.x))


class Tan(Function):
    def forward(self, x: np.ndarray) -> np.ndarray:
        self.out = unary(np.tan, x)
        return self.out

    def backward(self, g: Any) -> Any:
        return g * (self.out * self.out + 1)


class Asin(Function):
    def forward(self, x: np.ndarray) -> np.ndarray:
        self.x = x
        return unary(np.arcsin, x)

    def backward(self, g: Any) -> Any:
        return g * Rsqrt.on(1 - self.x * self.x)


class Acos(Function):
    def forward(self, x: np.ndarray) -> np.ndarray:
        self.x = x
        return unary(np.arccos, x)

    def backward(self, g: Any) -> Any:
        return -(g * Rsqrt.on(1 - self.x * self.x))


class Atan(Function):
    def forward(self, x: np.ndarray) -> np.ndarray:
        self.x = x
        return unary(np.arctan, x)

    def backward(self, g: Any) -> Any:
        return g / (self.x * self.x + 1)


class Sinh(Function):
    def forward(self, x: np.ndarray) -> np.ndarray:
        self.x = x
        return unary(np.sinh, x)

    def backward(self, g: Any) -> Any:
        return g * Cosh.on(self.x)


class Cosh(Function):
    def forward(self, x: np.ndarray) -> np.ndarray:
        self.x = x
        return unary(np.cosh, x)

    def backward(self, g: Any) -> Any:
        return g * Sinh.on(self.x)


class Asinh(Function):
    def forward(self, x: np.ndarray) -> np.ndarray:
        self.x = x
        return unary(np.arcsinh, x)

    def backward(self, g: Any) -> Any:
        return g * Rsqrt.on(self.x * self.x + 1)


class Acosh(Function):
    def forward(self, x: np.ndarray) -> np.ndarray:
        self.x = x
        return unary(np.arccosh, x)

    def backward(self, g: Any) -> Any:
        return g * Rsqrt.on(self.x * self.x - 1)


class Atanh(Function):
    def forward(self, x: np.ndarray) -> np.ndarray:
        self.x = x
        return unary(np.arctanh, x)

    def backward(self, g: Any) -> Any:
        return g / (1 - self.x * self.x)


class Tanh(Function):
    def forward(self, x: np.ndarray) -> np.ndarray:
        if memory.is_plain(x):
            self.out = empty_like(x)
            kernels.activation.tanh_forward(x, self.out)
        else:
            self.out = unary(np.tanh, x)
        return self.out

    def backward(self, g: Any) -> Any:
        if memory.are_alike(g, self.out):
            dx = empty_like(g)
            kernels.activation.tanh_backward(g, self.out, dx)
            return dx
        return times(g, minus(1, times(self.out, self.out)))


class Erf(Function):
    """(2 / sqrt(pi)) times the integral of exp(-t^2) from 0 to x."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        self.x = x
        out = empty_like(x)
        if x.dtype not in KERNEL_DTYPES:
            raise RuntimeError(f"erf is implemented for float32 and float64, not for {x.dtype}")
        if x.size:
            kernels.activation.erf_forward(contiguous(x), out)
        return out

    def backward(self, g: Any) -> Any:
        return g * Exp.on(-(self.x * self.x)) * (2 / math.sqrt(math.pi))


@op("exp", ".exp")
def exp(input: Tensor) -> Tensor:
    """e ** x."""
    return Exp.apply(floating(input))


@op("expm1", ".expm1")
def expm1(input: Tensor) -> Tensor:
    """e ** x - 1, exact near 0."""
    return Expm1.apply(floating(input))


@op("exp2", ".exp2")
def exp2(input: Tensor) -> Tensor:
    """2 ** x."""
    return Exp2.apply(floating(input))


@op("log", ".log")
def log(input: Tensor) -> Tensor:
    """The natural logarithm; -inf at 0, NaN below."""
    return Log.apply(floating(input))


@op("log2", ".log2")
def log2(input: Tensor) -> Tensor:
    """The logarithm to base 2."""
    return Log2.apply(floating(input))


@op("log10", ".log10")
def log10(input: Tensor) -> Tensor:
    """The logarithm to base 10."""
    return Log10.apply(floating(input))


@op("log1p", ".log1p")
def log1p(input: Tensor) -> Tensor:
    """log(1 + x), exact near 0."""
    return Log1p.apply(floating(input))


@op("sqrt", ".sqrt")
def sqrt(input: Tensor) -> Tensor:
    """The square root; NaN below 0."""
    return Sqrt.apply(floating(input))


@op("rsqrt", ".rsqrt")
def rsqrt(input: Tensor) -> Tensor:
    """1 / sqrt(x)."""
    return Rsqrt.apply(floating(input))


@op("square", ".square")
def square(input: Tensor) -> Tensor:
    """x * x; of bools int64."""
    input = as_tensor(input)
    return Square.apply(cast(input, int64) if input._value.dtype.kind == "b" else input)


@op("abs", "absolute", ".abs", ".absolute", ".__abs__")
def abs(input: Tensor) -> Tensor:
    """The absolute value; its slope at 0 is 0."""
    return Abs.apply(as_tensor(input))


@op("sign", "sgn", ".sign", ".sgn")
def sign(input: Tensor) -> Tensor:
    """-1, 0 or 1; its gradient is 0. NaN stays NaN (PyTorch gives 0). Bools stay as they are."""
    input = as_tensor(input)
    return input.clone() if input._value.dtype.kind == "b" else Sign.apply(input)


@op("floor", ".floor")
def floor(input: Tensor) -> Tensor:
    """The largest integer not above x; its gradient is 0."""
    return Floor.apply(as_tensor(input))


@op("ceil", ".ceil")
def ceil(input: Tensor) -> Tensor:
    """The smallest integer not below x; its gradient is 0."""
    return Ceil.apply(as_tensor(input))


@op("trunc", "fix", ".trunc", ".fix")
def trunc(input: Tensor) -> Tensor:
    """x without its fraction; its gradient is 0."""
    return Trunc.apply(as_tensor(input))


@op("round", ".round")
def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """The nearest integer, halves to the even one; its gradient is 0."""
    input = as_tensor(input)
    if input._value.dtype.kind == "b":
        raise no_kernel("round", input.dtype)
    return Round.apply(input, decimals)


@op("sin", ".sin")
def sin(input: Tensor) -> Tensor:
    """The sine of x in radians."""
    return Sin.apply(floating(input))


@op("cos", ".cos")
def cos(input: Tensor) -> Tensor:
    """The cosine of x in radians."""
    return Cos.apply(floating(input))


@op("tan", ".tan")
def tan(input: Tensor) -> Tensor:
    """The tangent of x in radians."""
    return Tan.apply(floating(input))


@op("asin", "arcsin", ".asin", ".arcsin")
def asin(input: Tensor) -> Tensor:
    """The angle in [-pi/2, pi/2] whose sine is x."""
    return Asin.apply(floating(input))


@op("acos", "arccos", ".acos", ".arccos")
def acos(input: Tensor) -> Tensor:
    """The angle in [0, pi] whose cosine is x."""
    return Acos.apply(floating(input))


@op("atan", "arctan", ".atan", ".arctan")
def atan(input: Tensor) -> Tensor:
    """The angle in (-pi/2, pi/2) whose tangent is x."""
    return Atan.apply(floating(input))


@op("sinh", ".sinh")
def sinh(input: Tensor) -> Tensor:
    """(e^x - e^-x) / 2."""
    return Sinh.apply(floating(input))


@op("cosh", ".cosh")
def cosh(input: Tensor) -> Tensor:
    """(e^x + e^-x) / 2."""
    return Cosh.apply(floating(input))


@op("asinh", "arcsinh", ".asinh", ".arcsinh")
def asinh(input: Tensor) -> Tensor:
    """The number whose sinh is x."""
    return Asinh.apply(floating(input))


@op("acosh", "arccosh", ".acosh", ".arccosh")
def acosh(input: Tensor) -> Tensor:
    """The positive number whose cosh is x; NaN below 1."""
    return Acosh.apply(floating(input))


@op("atanh", "arctanh", ".atanh", ".arctanh")
def atanh(input: Tensor) -> Tensor:
    """The number whose tanh is x; infinite at 1 and -1, NaN beyond."""
    return Atanh.apply(floating(input))


@op("deg2rad", ".deg2rad")
def deg2rad(input: Tensor) -> Tensor:
    """Degrees as radians."""
    return floating(input) * (math.pi / 180)


@op("rad2deg", ".rad2deg")
def rad2deg(input: Tensor) -> Tensor:
    """Radians as degrees."""
    return floating(input) * (180 / math.pi)


@op("tanh", ".tanh", "F.tanh")
def tanh(input: Tensor) -> Tensor:
    """sinh(x) / cosh(x), between -1 and 1."""
    return Tanh.apply(floating(input))


@op("erf", ".erf")
def erf(input: Tensor) -> Tensor:
    """The error function: (2 / sqrt(pi)) times the integral of exp(-t^2) from 0 to x."""
    return Erf.apply(floating(input))

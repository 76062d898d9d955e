"""Activations of neural networks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import _kernels as kernels
from ..tensor import Function, Fused, Tensor
from .arithmetic import Clamp
from .border import KERNEL_DTYPES, as_tensor, axis_of, cast, contiguous, empty_like, floating, same_dtype
from .declare import op
from .elementwise import Exp, erf, tanh
from .indexing import Where, where


class Relu(Function):
    def forward(self, x: np.ndarray) -> np.ndarray:
        self.out = out = empty_like(x)
        if x.dtype not in KERNEL_DTYPES:
            np.maximum(x, 0, out=out)
        elif x.size:
            kernels.activation.relu_forward(contiguous(x), out)
        return out

    def backward(self, g: Any) -> Any:
        return ReluMask.on(g, self.out)


class ReluMask(Function):
    """g where y > 0 (or NaN), elsewhere 0: the gradient of ReLU from its output y."""

    def forward(self, g: np.ndarray, y: np.ndarray) -> np.ndarray:
        self.y = y
        out = empty_like(g)
        if g.dtype not in KERNEL_DTYPES:
            np.copyto(out, np.where(y <= 0, 0, g))
        elif g.size:
            kernels.activation.relu_backward(contiguous(g), contiguous(y), out)
        return out

    def backward(self, h: Any) -> Any:
        return ReluMask.on(h, self.y)


@op("relu", ".relu", "F.relu")
def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0); NaN stays NaN. The gradient at 0 is 0."""
    input = as_tensor(input)
    if input._value.dtype.kind == "b":
        raise RuntimeError("Boolean inputs not supported for relu")
    return maybe_in_place(input, Relu.apply(input), inplace, "relu")


def maybe_in_place(input: Tensor, result: Tensor, inplace: bool, name: str) -> Tensor:
    """`result`, written into `input` first when `inplace`."""
    if not inplace:
        return result
    from .inplace import assign

    return assign(input, result, f"{name}(inplace=True)", f"{name}(inplace=False)")


class LeakyRelu(Function):
    def forward(self, x: np.ndarray, slope: float) -> np.ndarray:
        self.x, self.slope = x, slope
        out = empty_like(x)
        if x.dtype not in KERNEL_DTYPES:
            np.copyto(out, np.where(x > 0, x, x * slope))
        elif x.size:
            kernels.activation.leaky_relu_forward(contiguous(x), out, slope)
        return out

    def backward(self, g: Any) -> Any:
        return LeakyReluMask.on(g, self.x, self.slope)


class LeakyReluMask(Function):
    """g where x > 0, elsewhere slope * g."""

    def forward(self, g: np.ndarray, x: np.ndarray, slope: float) -> np.ndarray:
        self.x, self.slope = x, slope
        out = empty_like(g)
        if g.dtype not in KERNEL_DTYPES:
            np.copyto(out, np.where(x > 0, g, g * slope))
        elif g.size:
            kernels.activation.leaky_relu_backward(contiguous(g), contiguous(x), out, slope)
        return out

    def backward(self, h: Any) -> Any:
        return LeakyReluMask.on(h, self.x, self.slope)


@op("F.leaky_relu")
def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where x > 0, elsewhere negative_slope * x."""
    input = floating(input)
    return maybe_in_place(input, LeakyRelu.apply(input, float(negative_slope)), inplace, "leaky_relu")


class Sigmoid(Function):
    def forward(self, x: np.ndarray) -> np.ndarray:
        self.out = out = empty_like(x)
        if x.dtype not in KERNEL_DTYPES:
            np.copyto(out, 1 / (1 + np.exp(-x.astype(np.float32))))
        elif x.size:
            kernels.activation.sigmoid_forward(contiguous(x), out)
        return out

    def backward(self, g: Any) -> Any:
        return g * (self.out * (1 - self.out))


@op("sigmoid", ".sigmoid", "F.sigmoid")
def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + exp(-x)), without overflow."""
    return Sigmoid.apply(floating(input))


class Gelu(Fused):
    def forward(self, x: np.ndarray, approximate: str) -> np.ndarray:
        self.x, self.approximate = x, approximate
        out = empty_like(x)
        if x.dtype not in KERNEL_DTYPES:
            raise RuntimeError(f"gelu is implemented for float32 and float64, not for {x.dtype}")
        if x.size:
            kernels.activation.gelu_forward(contiguous(x), out, approximate == "tanh")
        return out

    def backward(self, g: np.ndarray) -> np.ndarray:
        g = contiguous(g)
        out = empty_like(g)
        if g.size:
            kernels.activation.gelu_backward(g, contiguous(self.x), out, self.approximate == "tanh")
        return out

    @staticmethod
    def definition(x: Tensor, approximate: str) -> Tensor:
        if approximate == "tanh":
            return x * 0.5 * (tanh((x + x * x * x * 0.044715) * math.sqrt(2 / math.pi)) + 1)
        return x * 0.5 * (erf(x * math.sqrt(0.5)) + 1)


@op("F.gelu")
def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """x times the standard normal distribution function at x (Hendrycks & Gimpel 2016), or its 'tanh' approximation."""
    if approximate not in ("none", "tanh"):
        raise RuntimeError("approximate argument must be either none or tanh.")
    return Gelu.apply(floating(input), approximate)


class Softplus(Function):
    """log(1 + exp(beta x)) / beta, linear above the threshold."""

    def forward(self, x: np.ndarray, beta: float, threshold: float) -> np.ndarray:
        self.x, self.beta, self.linear = x, beta, x * beta > threshold
        soft = np.logaddexp(x * beta, x.dtype.type(0)) / x.dtype.type(beta)
        return np.where(self.linear, x, soft)

    def backward(self, g: Any) -> Any:
        return Where.on(self.linear, g, g * Sigmoid.on(self.x * self.beta))


@op("F.softplus")
def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta x)) / beta; x itself where beta x > threshold."""
    return Softplus.apply(floating(input), beta, threshold)


@op("F.logsigmoid")
def logsigmoid(input: Tensor) -> Tensor:
    """log(sigmoid(x)), without overflow."""
    return -softplus(-floating(input), threshold=math.inf)


@op("F.elu")
def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x > 0, elsewhere alpha (e^x - 1)."""
    x = floating(input)
    return maybe_in_place(x, where(x > 0, x, x.clamp(max=0).expm1() * alpha), inplace, "elu")


@op("F.silu")
def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x sigmoid(x)."""
    x = floating(input)
    return maybe_in_place(x, x * sigmoid(x), inplace, "silu")


@op("F.mish")
def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """x tanh(softplus(x))."""
    x = floating(input)
    return maybe_in_place(x, x * tanh(softplus(x)), inplace, "mish")


class Hardtanh(Clamp):
    """Clamp whose gradient at the bounds themselves is 0, as in PyTorch."""

    def forward(self, x: np.ndarray, low: float, high: float) -> np.ndarray:
        out = super().forward(x, low, high)
        self.inside = (low < x) & (x < high)
        return out


@op("F.hardtanh")
def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """x limited to [min_val, max_val]."""
    x = floating(input)
    return maybe_in_place(x, Hardtanh.apply(x, min_val, max_val), inplace, "hardtanh")


@op("F.relu6")
def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """min(max(x, 0), 6)."""
    return hardtanh(input, 0.0, 6.0, inplace)


@op("F.softsign")
def softsign(input: Tensor) -> Tensor:
    """x / (1 + |x|)."""
    x = floating(input)
    return x / (x.abs() + 1)


def _outer_n_inner(x: np.ndarray, axis: int) -> np.ndarray:
    """x seen as (outer, n, inner) around `axis`."""
    outer = math.prod(x.shape[:axis])
    return contiguous(x).reshape(outer, x.shape[axis], math.prod(x.shape[axis + 1 :]))


def along(kernel: Any, axis: int, *arrays: np.ndarray) -> np.ndarray:
    """A kernel of arrays seen as (outer, n, inner), into a new array."""
    out = empty_like(arrays[0])
    if out.size:
        kernel(*(_outer_n_inner(x, axis) for x in arrays), _outer_n_inner(out, axis))
    return out


def dotted(a: Any, b: Any, axis: int) -> Any:
    """The sum of a * b along `axis`, kept."""
    if isinstance(a, Tensor):
        return (a * b).sum(axis, True)
    return (a * b).sum(axis, keepdims=True)


class Softmax(Function):
    def forward(self, x: np.ndarray, axis: int) -> np.ndarray:
        self.axis = axis
        self.out = along(kernels.loss.softmax_forward, axis, x)
        return self.out

    def backward(self, g: Any) -> Any:
        if isinstance(g, Tensor):
            return self.out * (g - dotted(g, self.out, self.axis))
        return along(kernels.loss.softmax_backward, self.axis, g, self.out)


class LogSoftmax(Function):
    def forward(self, x: np.ndarray, axis: int) -> np.ndarray:
        self.axis = axis
        self.out = along(kernels.loss.log_softmax_forward, axis, x)
        return self.out

    def backward(self, g: Any) -> Any:
        if isinstance(g, Tensor):
            return g - Exp.on(self.out) * g.sum(self.axis, True)
        return along(kernels.loss.log_softmax_backward, self.axis, g, self.out)


def _softmax(function: type[Function], name: str, input: Tensor, dim: int | None, dtype: Any) -> Tensor:
    from ..dtypes import as_dtype

    x = floating(input) if dtype is None else cast(as_tensor(input), as_dtype(dtype))
    if dim is None:
        raise TypeError(f"{name}() needs dim: the axis along which the probabilities sum to 1")
    same_dtype(name, input=x)
    if x.ndim == 0:
        axis_of(dim, 0)
        return function.apply(x.reshape(1), 0).reshape(())
    return function.apply(x, axis_of(dim, x.ndim))


@op("softmax", ".softmax", "F.softmax")
def softmax(input: Tensor, dim: int | None = None, *, dtype: Any = None) -> Tensor:
    """exp(x) / sum(exp(x)) along `dim`, without overflow.

    >>> F.softmax(minigrad.tensor([0.0, 0.0, 1000.0]), dim=0)
    tensor([0., 0., 1.])
    """
    return _softmax(Softmax, "softmax", input, dim, dtype)


@op("log_softmax", ".log_softmax", "F.log_softmax")
def log_softmax(input: Tensor, dim: int | None = None, *, dtype: Any = None) -> Tensor:
    """log(softmax(x)) along `dim`, without overflow."""
    return _softmax(LogSoftmax, "log_softmax", input, dim, dtype)

"""Activations of neural networks.

Those with a kernel compute float32 and float64 in one pass each way; other dtypes go through NumPy or plain operations.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from .._kernels import activation as kernel
from .._kernels import loss as rows
from ..dtypes import as_dtype
from ..tensor import Function, Fused, Tensor
from .arithmetic import clamp
from .border import (
    KERNEL_DTYPES,
    as_tensor,
    axis_of,
    cast,
    check_tensors,
    contiguous,
    empty_like,
    floating,
    same_dtype,
    values,
)
from .creation import rand_like
from .declare import op
from .elementwise import Exp, erf, tanh
from .indexing import Where, where
from .joining import chunk
from .reduce import argmax


def mapped(function: Callable[..., None], x: np.ndarray, *parameters: Any) -> np.ndarray:
    """A kernel of one array, into a new one."""
    out = empty_like(x)
    function(contiguous(x), out, *parameters)
    return out


def pulled(function: Callable[..., None], g: Any, x: np.ndarray, *parameters: Any) -> np.ndarray:
    """A kernel of a gradient and what it depends on, into a new array."""
    g = contiguous(g)
    out = empty_like(g)
    function(g, contiguous(x), out, *parameters)
    return out


def fused(function: type[Fused], x: Tensor, *parameters: Any) -> Tensor:
    """The function, or what it is composed of where x's dtype has no kernel."""
    return (function.apply if x._value.dtype in KERNEL_DTYPES else function.definition)(x, *parameters)


class Relu(Function):
    def forward(self, x: np.ndarray) -> np.ndarray:
        if x.dtype in KERNEL_DTYPES:
            self.out = out = mapped(kernel.relu_forward, x)
        else:
            self.out = out = np.maximum(x, 0, out=empty_like(x))
        return out

    def backward(self, g: Any) -> Any:
        if isinstance(g, Tensor) or g.dtype not in KERNEL_DTYPES:
            return ReluMask.on(g, self.out)
        return pulled(kernel.relu_backward, g, self.out)


class ReluMask(Function):
    """g where y > 0 (or NaN), elsewhere 0: the gradient of ReLU from its output y."""

    def forward(self, g: np.ndarray, y: np.ndarray) -> np.ndarray:
        self.y = y
        return pulled(kernel.relu_backward, g, y) if g.dtype in KERNEL_DTYPES else np.where(y <= 0, g.dtype.type(0), g)

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
        if x.dtype in KERNEL_DTYPES:
            return mapped(kernel.leaky_relu_forward, x, slope)
        return np.where(x > 0, x, x * x.dtype.type(slope))

    def backward(self, g: Any) -> Any:
        if isinstance(g, Tensor) or g.dtype not in KERNEL_DTYPES:
            return LeakyReluMask.on(g, self.x, self.slope)
        return pulled(kernel.leaky_relu_backward, g, self.x, self.slope)


class LeakyReluMask(Function):
    """g where x > 0, elsewhere slope * g."""

    def forward(self, g: np.ndarray, x: np.ndarray, slope: float) -> np.ndarray:
        self.x, self.slope = x, slope
        if g.dtype in KERNEL_DTYPES:
            return pulled(kernel.leaky_relu_backward, g, x, slope)
        return np.where(x > 0, g, g * g.dtype.type(slope))

    def backward(self, h: Any) -> Any:
        return LeakyReluMask.on(h, self.x, self.slope)


@op("F.leaky_relu")
def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where x > 0, elsewhere negative_slope * x."""
    input = floating(input)
    return maybe_in_place(input, LeakyRelu.apply(input, float(negative_slope)), inplace, "leaky_relu")


class Hardtanh(Function):
    def forward(self, x: np.ndarray, low: float, high: float) -> np.ndarray:
        self.x, self.low, self.high = x, low, high
        if x.dtype in KERNEL_DTYPES:
            return mapped(kernel.hardtanh_forward, x, low, high)
        return np.clip(x, x.dtype.type(low), x.dtype.type(high))

    def backward(self, g: Any) -> Any:
        if isinstance(g, Tensor) or g.dtype not in KERNEL_DTYPES:
            return HardtanhMask.on(g, self.x, self.low, self.high)
        return pulled(kernel.hardtanh_backward, g, self.x, self.low, self.high)


class HardtanhMask(Function):
    """g where low < x < high, elsewhere 0, also at the bounds themselves, as in PyTorch."""

    def forward(self, g: np.ndarray, x: np.ndarray, low: float, high: float) -> np.ndarray:
        self.x, self.low, self.high = x, low, high
        if g.dtype in KERNEL_DTYPES:
            return pulled(kernel.hardtanh_backward, g, x, low, high)
        return np.where((low < x) & (x < high), g, g.dtype.type(0))

    def backward(self, h: Any) -> Any:
        return HardtanhMask.on(h, self.x, self.low, self.high)


@op("F.hardtanh")
def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """x limited to [min_val, max_val]."""
    x = floating(input)
    return maybe_in_place(x, Hardtanh.apply(x, float(min_val), float(max_val)), inplace, "hardtanh")


@op("F.relu6")
def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """min(max(x, 0), 6)."""
    return hardtanh(input, 0.0, 6.0, inplace)


class Sigmoid(Function):
    def forward(self, x: np.ndarray) -> np.ndarray:
        if x.dtype in KERNEL_DTYPES:
            self.out = out = mapped(kernel.sigmoid_forward, x)
        else:
            self.out = out = (1 / (1 + np.exp(-x.astype(np.float32)))).astype(x.dtype)
        return out

    def backward(self, g: Any) -> Any:
        if isinstance(g, Tensor) or g.dtype not in KERNEL_DTYPES:
            return g * (self.out * (1 - self.out))
        return pulled(kernel.sigmoid_backward, g, self.out)


@op("sigmoid", ".sigmoid", "F.sigmoid")
def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + exp(-x)), without overflow."""
    return Sigmoid.apply(floating(input))


class Gelu(Fused):
    def forward(self, x: np.ndarray, approximate: str) -> np.ndarray:
        self.x, self.approximate = x, approximate
        if x.dtype not in KERNEL_DTYPES:
            raise RuntimeError(f"gelu is implemented for float32 and float64, not for {x.dtype}")
        return mapped(kernel.gelu_forward, x, approximate == "tanh")

    def backward(self, g: np.ndarray) -> np.ndarray:
        return pulled(kernel.gelu_backward, g, self.x, self.approximate == "tanh")

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
        self.x, self.beta, self.threshold = x, beta, threshold
        if x.dtype in KERNEL_DTYPES:
            return mapped(kernel.softplus_forward, x, beta, threshold)
        soft = np.logaddexp(x * x.dtype.type(beta), x.dtype.type(0)) / x.dtype.type(beta)
        return np.where(x * beta > threshold, x, soft)

    def backward(self, g: Any) -> Any:
        if isinstance(g, Tensor) or g.dtype not in KERNEL_DTYPES:
            return Where.on(values(self.x) * self.beta > self.threshold, g, g * Sigmoid.on(self.x * self.beta))
        return pulled(kernel.softplus_backward, g, self.x, self.beta, self.threshold)


@op("F.softplus")
def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta x)) / beta; x itself where beta x > threshold."""
    return Softplus.apply(floating(input), float(beta), float(threshold))


class LogSigmoid(Function):
    def forward(self, x: np.ndarray) -> np.ndarray:
        self.x = x
        if x.dtype in KERNEL_DTYPES:
            return mapped(kernel.logsigmoid_forward, x)
        return -np.logaddexp(-x, x.dtype.type(0))

    def backward(self, g: Any) -> Any:
        if isinstance(g, Tensor) or g.dtype not in KERNEL_DTYPES:
            return g * Sigmoid.on(-self.x)
        return pulled(kernel.logsigmoid_backward, g, self.x)


@op("F.logsigmoid")
def logsigmoid(input: Tensor) -> Tensor:
    """log(sigmoid(x)), without overflow."""
    return LogSigmoid.apply(floating(input))


class Elu(Fused):
    def forward(self, x: np.ndarray, alpha: float) -> np.ndarray:
        self.x, self.alpha = x, alpha
        return mapped(kernel.elu_forward, x, alpha)

    def backward(self, g: np.ndarray) -> np.ndarray:
        return pulled(kernel.elu_backward, g, self.x, self.alpha)

    @staticmethod
    def definition(x: Tensor, alpha: float) -> Tensor:
        return where(x > 0, x, x.clamp(max=0).expm1() * alpha)


@op("F.elu")
def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x > 0, elsewhere alpha (e^x - 1) (Clevert, Unterthiner & Hochreiter 2015)."""
    x = floating(input)
    return maybe_in_place(x, fused(Elu, x, float(alpha)), inplace, "elu")


class Silu(Fused):
    def forward(self, x: np.ndarray) -> np.ndarray:
        self.x = x
        return mapped(kernel.silu_forward, x)

    def backward(self, g: np.ndarray) -> np.ndarray:
        return pulled(kernel.silu_backward, g, self.x)

    @staticmethod
    def definition(x: Tensor) -> Tensor:
        return x * sigmoid(x)


@op("F.silu")
def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x sigmoid(x) (Hendrycks & Gimpel 2016)."""
    x = floating(input)
    return maybe_in_place(x, fused(Silu, x), inplace, "silu")


class Mish(Fused):
    def forward(self, x: np.ndarray) -> np.ndarray:
        self.x = x
        return mapped(kernel.mish_forward, x)

    def backward(self, g: np.ndarray) -> np.ndarray:
        return pulled(kernel.mish_backward, g, self.x)

    @staticmethod
    def definition(x: Tensor) -> Tensor:
        return x * tanh(softplus(x))


@op("F.mish")
def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """x tanh(softplus(x)) (Misra 2019)."""
    x = floating(input)
    return maybe_in_place(x, fused(Mish, x), inplace, "mish")


@op("F.softsign")
def softsign(input: Tensor) -> Tensor:
    """x / (1 + |x|)."""
    x = floating(input)
    return x / (x.abs() + 1)


SELU_ALPHA, SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


@op("selu", "F.selu")
def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """1.0507 x where x > 0, elsewhere 1.7581 (e^x - 1): it keeps mean 0 and variance 1 (Klambauer et al. 2017)."""
    x = floating(input)
    return maybe_in_place(x, elu(x, SELU_ALPHA) * SELU_SCALE, inplace, "selu")


@op("celu", "F.celu")
def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x > 0, elsewhere alpha (e^(x / alpha) - 1) (Barron 2017)."""
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    x = floating(input)
    return maybe_in_place(x, elu(x / alpha) * alpha, inplace, "celu")


@op("F.hardsigmoid")
def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """relu6(x + 3) / 6: the sigmoid in three straight pieces."""
    x = floating(input)
    return maybe_in_place(x, relu6(x + 3) / 6, inplace, "hardsigmoid")


@op("F.hardswish")
def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """x relu6(x + 3) / 6 (Howard et al. 2019)."""
    x = floating(input)
    return maybe_in_place(x, x * relu6(x + 3) / 6, inplace, "hardswish")


@op("prelu", ".prelu", "F.prelu")
def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """x where x > 0, elsewhere weight * x (He et al. 2015): one weight, or one for each channel of (N, C, ...)."""
    check_tensors("prelu", input=input, weight=weight)
    same_dtype("prelu", input=input, weight=weight)
    if weight.ndim > 1:
        raise RuntimeError(f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}")
    channels = input.shape[1] if input.ndim > 1 else 1
    if weight.numel() not in (1, channels) or (input.ndim == 0 and weight.ndim):
        raise RuntimeError(
            f"prelu: Mismatch of parameter numbers and input channel size. Found parameter numbers = {weight.numel()} and channel size = "
            f"{channels}."
        )
    slope = weight.reshape(1, -1, *[1] * (input.ndim - 2)) if input.ndim > 1 else weight
    positive = input > 0  # each factor apart: 0 times an infinite x would make the weight's gradient NaN
    return where(positive, input, 0.0) + slope * where(positive, 0.0, input)


@op("F.glu")
def glu(input: Tensor, dim: int = -1) -> Tensor:
    """The first half along `dim` times the sigmoid of the second half (Dauphin et al. 2016)."""
    x = floating(input)
    if x.ndim == 0:
        raise RuntimeError("glu does not support 0-dimensional tensors")
    axis = axis_of(dim, x.ndim)
    if x.shape[axis] % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {axis} is size {x.shape[axis]}")
    value, gate = (x, x) if x.shape[axis] == 0 else chunk(x, 2, axis)
    return value * sigmoid(gate)


@op("threshold", "F.threshold")
def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """x where x > threshold, elsewhere `value`."""
    x = as_tensor(input)
    fill = as_tensor(np.asarray(value).astype(x.dtype))
    return maybe_in_place(x, where(x <= threshold, fill, x), inplace, "threshold")


@op("hardshrink", ".hardshrink", "F.hardshrink")
def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x where |x| > lambd, elsewhere 0."""
    x = floating(input)
    return where((x >= -lambd) & (x <= lambd), 0.0, x)


@op("F.softshrink")
def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x moved towards 0 by lambd, at most to 0."""
    if lambd < 0:
        raise RuntimeError(f"lambda must be greater or equal to 0, but found to be {lambd}.")
    x = floating(input)
    return x - clamp(x, -lambd, lambd)


@op("F.tanhshrink")
def tanhshrink(input: Tensor) -> Tensor:
    """x - tanh(x)."""
    x = floating(input)
    return x - tanh(x)


def dotted(a: Any, b: Any, axis: int) -> Any:
    """The sum of a * b along `axis`, kept."""
    if isinstance(a, Tensor):
        return (a * b).sum(axis, True)
    return (a * b).sum(axis, keepdims=True)


class Softmax(Function):
    def forward(self, x: np.ndarray, axis: int) -> np.ndarray:
        self.axis = axis
        self.out = mapped(rows.softmax_forward, x, axis)
        return self.out

    def backward(self, g: Any) -> Any:
        if isinstance(g, Tensor):
            return self.out * (g - dotted(g, self.out, self.axis))
        return pulled(rows.softmax_backward, g, self.out, self.axis)


class LogSoftmax(Function):
    def forward(self, x: np.ndarray, axis: int) -> np.ndarray:
        self.axis = axis
        self.out = mapped(rows.log_softmax_forward, x, axis)
        return self.out

    def backward(self, g: Any) -> Any:
        if isinstance(g, Tensor):
            return g - Exp.on(self.out) * g.sum(self.axis, True)
        return pulled(rows.log_softmax_backward, g, self.out, self.axis)


def _softmax(function: type[Function], name: str, input: Tensor, dim: int | None, dtype: Any) -> Tensor:
    x = floating(input) if dtype is None else cast(as_tensor(input), as_dtype(dtype))
    if dim is None:
        raise TypeError(f"{name}() needs dim: the axis along which the probabilities sum to 1")
    if x._value.dtype not in KERNEL_DTYPES:
        same_dtype(name, input=x)  # raises
    axis = axis_of(dim, x._value.ndim)
    if x._value.ndim == 0:
        return function.apply(x.reshape(1), 0).reshape(())
    return function.apply(x, axis)


@op("softmax", ".softmax")
def softmax(input: Tensor, dim: int | None = None, *, dtype: Any = None) -> Tensor:
    """exp(x) / sum(exp(x)) along `dim`, without overflow.

    >>> F.softmax(minigrad.tensor([0.0, 0.0, 1000.0]), dim=0)
    tensor([0., 0., 1.])
    """
    return _softmax(Softmax, "softmax", input, dim, dtype)


@op("log_softmax", ".log_softmax")
def log_softmax(input: Tensor, dim: int | None = None, *, dtype: Any = None) -> Tensor:
    """log(softmax(x)) along `dim`, without overflow."""
    return _softmax(LogSoftmax, "log_softmax", input, dim, dtype)


def _axis_of_classes(name: str, ndim: int) -> int:
    """The axis that PyTorch takes where none is given: 0 for 0, 1 or 3 axes, else 1. It warns, since that is easily wrong."""
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an argument.",
        stacklevel=4,
    )
    return 0 if ndim in (0, 1, 3) else 1


@op("F.softmax")
def softmax_of(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """`softmax`; without `dim` it warns, and takes axis 0 of an input with 0, 1 or 3 axes, axis 1 of any other."""
    return softmax(input, _axis_of_classes("softmax", input.ndim) if dim is None else dim, dtype=dtype)


@op("F.log_softmax")
def log_softmax_of(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """`log_softmax`; without `dim` as `softmax`."""
    return log_softmax(input, _axis_of_classes("log_softmax", input.ndim) if dim is None else dim, dtype=dtype)


@op("F.softmin")
def softmin(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """softmax(-x) along `dim`; without `dim` as `softmax`."""
    axis = _axis_of_classes("softmin", input.ndim) if dim is None else dim
    return _softmax(Softmax, "softmin", -floating(input), axis, dtype)


@op("F.gumbel_softmax")
def gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    """A sample of softmax(logits) that can be differentiated (Jang, Gu & Poole 2016): softmax((logits + Gumbel noise) / tau).

    With `hard` it is one-hot, and its gradient that of the soft sample. `eps` is deprecated in PyTorch, and unused there too.
    """
    logits = floating(logits)
    noise = -(-(1 - rand_like(logits)).log()).log()  # 1 - u lies in (0, 1]
    soft = softmax((logits + noise) / tau, dim)
    if not hard:
        return soft
    axis = axis_of(dim, soft.ndim)
    chosen = as_tensor(np.arange(soft.shape[axis]).reshape([-1 if a == axis else 1 for a in range(soft.ndim)]))
    return (chosen == argmax(soft, axis, True)).to(soft.dtype) - soft.detach() + soft

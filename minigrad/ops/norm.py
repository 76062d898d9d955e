"""Normalization: batch norm, layer norm, and normalizing vectors."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from .. import _kernels as kernels
from ..engine import mark_written
from ..tensor import Fused, Tensor
from .arithmetic import clamp_min
from .border import as_tensor, contiguous, empty, empty_like, floating, not_differentiable, same_dtype
from .declare import op
from .elementwise import rsqrt
from .reduce import mean, norm


def per_channel(v: Tensor | None, x: Tensor) -> Any:
    """A vector of one number a channel, shaped to be broadcast with x (N, C, ...)."""
    return None if v is None else v.reshape((1, -1, *[1] * (x.ndim - 2)))


def _clear(*totals: np.ndarray | None) -> None:
    """The gradients of a weight and a bias that nothing was multiplied with or added to: zeros."""
    for total in totals:
        if total is not None:
            total.fill(0)


class BatchNorm(Fused):
    """(x - mean) / sqrt(var + eps) * weight + bias, with the mean and variance of each channel of this batch."""

    def forward(self, x: np.ndarray, weight: Any, bias: Any, eps: float, statistics: Any) -> np.ndarray:
        self.x, self.weight, self.bias, self.eps, self.statistics = x, contiguous(weight), contiguous(bias), eps, None
        out = empty_like(x)
        channels = x.shape[1:2]
        self.mean, self.rstd, var = empty(channels, x.dtype), empty(channels, x.dtype), empty(channels, x.dtype)
        if x.size:
            kernels.norm.batch_norm_forward(contiguous(x), self.weight, self.bias, eps, out, self.mean, self.rstd, var)
        else:  # the statistics of nothing
            for statistic in (self.mean, self.rstd, var):
                statistic.fill(np.nan)
        statistics.append((self.mean, var))
        return out

    def backward(self, g: np.ndarray) -> Any:
        dx = empty_like(self.x) if self.needs(0) else None
        dweight = empty_like(self.mean) if self.needs(1) else None
        dbias = empty_like(self.mean) if self.needs(2) else None
        if g.size:
            kernels.norm.batch_norm_backward(
                contiguous(g), contiguous(self.x), self.weight, self.mean, self.rstd, dx, dweight, dbias
            )
        else:
            _clear(dweight, dbias)
        return dx, dweight, dbias

    @staticmethod
    def definition(x: Tensor, weight: Any, bias: Any, eps: float, statistics: Any = None) -> Tensor:
        axes = (0, *range(2, x.ndim))
        centered = x - mean(x, axes, True)
        out = centered * rsqrt(mean(centered * centered, axes, True) + eps)
        return affine(out, per_channel(weight, x), per_channel(bias, x))


def affine(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    """x * weight + bias, each of which may be None."""
    x = x if weight is None else x * weight
    return x if bias is None else x + bias


class BatchNormInference(Fused):
    """(x - mean) * rstd * weight + bias with a given mean and rstd for each channel."""

    def forward(self, x: np.ndarray, weight: Any, bias: Any, mean: np.ndarray, rstd: np.ndarray) -> np.ndarray:
        self.x, self.weight, self.bias, self.mean, self.rstd = x, weight, bias, mean, rstd
        out = empty_like(x)
        if x.size:
            vectors = (contiguous(vector) for vector in (weight, bias, mean, rstd))
            kernels.norm.batch_norm_inference(contiguous(x), *vectors, out)
        return out

    def backward(self, g: np.ndarray) -> Any:
        shape = (1, -1, *[1] * (g.ndim - 2))
        axes = (0, *range(2, g.ndim))
        scale = self.rstd if self.weight is None else self.rstd * self.weight
        dx = g * scale.reshape(shape) if self.needs(0) else None
        dweight = None
        if self.needs(1):
            normal = (self.x - self.mean.reshape(shape)) * self.rstd.reshape(shape)
            dweight = (g * normal).sum(axes, dtype=np.float64).astype(g.dtype)
        return dx, dweight, (g.sum(axes, dtype=np.float64).astype(g.dtype) if self.needs(2) else None)

    @staticmethod
    def definition(x: Tensor, weight: Any, bias: Any, mean: Tensor, rstd: Tensor) -> Tensor:
        out = (x - per_channel(mean, x)) * per_channel(rstd, x)
        return affine(out, per_channel(weight, x), per_channel(bias, x))


@op("F.batch_norm", "batch_norm")
def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Each channel normalized over the batch (Ioffe & Szegedy 2015).

    Shapes: input (N, C, ...), the others (C,). In training the batch's own mean and (biased) variance are used, and the
    running ones move towards them by `momentum` (with the unbiased variance); otherwise the running ones are used.
    The variance is computed in two passes. ValueError for one value a channel in training.
    """
    input = as_tensor(input)
    if input.ndim < 2:
        raise ValueError(f"batch_norm: expected at least 2 axes (N, C, ...), got shape {list(input.shape)}")
    channels = input.shape[1]
    for name, value in (
        ("running_mean", running_mean),
        ("running_var", running_var),
        ("weight", weight),
        ("bias", bias),
    ):
        if value is not None and value._value.shape != (channels,):
            raise RuntimeError(
                f"{name} should contain {channels} elements not {value.numel()} (input {list(input.shape)})"
            )
    same_dtype("batch_norm", input=input, weight=weight, bias=bias)
    not_differentiable("batch_norm", running_mean=running_mean, running_var=running_var)
    if not training:
        if running_mean is None or running_var is None:
            raise RuntimeError("Expected running_mean and running_var to be defined when training=False")
        rstd = 1 / np.sqrt(running_var._value + running_var.dtype.type(eps))
        return BatchNormInference.apply(  # on copies: the statistics may move before backward
            input, weight, bias, running_mean._value.astype(input.dtype), rstd.astype(input.dtype)
        )
    count = input.shape[0] * prod(input.shape[2:])
    if count == 1:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {list(input.shape)}")
    statistics: list[tuple[np.ndarray, np.ndarray]] = []
    out = BatchNorm.apply(input, weight, bias, eps, statistics)
    if input._value.size == 0:
        return out
    now, var = statistics[0]
    if running_mean is not None:
        move_statistic(running_mean, now, momentum, 1.0)
    if running_var is not None:
        move_statistic(running_var, var, momentum, count / (count - 1))
    return out


def move_statistic(running: Tensor, now: np.ndarray, momentum: float, factor: float) -> None:
    """Move a running statistic towards `factor` times that of a batch."""
    into = running._value
    if into.dtype == now.dtype and into.flags.c_contiguous and into.flags.writeable:
        kernels.norm.move_statistic(now, into, momentum, factor)
    else:
        into += (now * factor - into) * into.dtype.type(momentum)
    mark_written(running)


class LayerNorm(Fused):
    """(x - mean) / sqrt(var + eps) * weight + bias, with the mean and variance of each row: of the last `axes` axes."""

    def forward(self, x: np.ndarray, weight: Any, bias: Any, axes: int, eps: float) -> np.ndarray:
        self.x, self.weight, self.bias, self.axes, self.eps = x, contiguous(weight), contiguous(bias), axes, eps
        out = empty_like(x)
        rows = prod(x.shape[: x.ndim - axes])
        self.mean, self.rstd = empty((rows,), x.dtype), empty((rows,), x.dtype)
        if x.size:
            kernels.layernorm.layer_norm_forward(contiguous(x), self.weight, self.bias, eps, out, self.mean, self.rstd)
        return out

    def backward(self, g: np.ndarray) -> Any:
        row = self.x.shape[self.x.ndim - self.axes :]
        dx = empty_like(self.x) if self.needs(0) else None
        dweight = empty(row, g.dtype) if self.needs(1) else None
        dbias = empty(row, g.dtype) if self.needs(2) else None
        if g.size:
            kernels.layernorm.layer_norm_backward(
                contiguous(g), contiguous(self.x), self.weight, self.mean, self.rstd, dx, dweight, dbias
            )
        else:
            _clear(dweight, dbias)
        return dx, dweight, dbias

    @staticmethod
    def definition(x: Tensor, weight: Any, bias: Any, axes: int, eps: float) -> Tensor:
        last = tuple(range(x.ndim - axes, x.ndim))
        centered = x - mean(x, last, True)
        return affine(centered * rsqrt(mean(centered * centered, last, True) + eps), weight, bias)


@op("F.layer_norm", "layer_norm")
def layer_norm(
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Each row normalized to mean 0 and variance 1, times `weight`, plus `bias` (Ba, Kiros, Hinton 2016).

    A row is what the last axes hold, whose lengths are `normalized_shape` (a tuple or list of ints); weight and bias have
    that shape. The variance is the biased one, computed in two passes. float32 or float64; RuntimeError for shapes that do
    not fit.

    >>> x = minigrad.tensor([[1.0, 2.0, 3.0], [10.0, 10.0, 40.0]])
    >>> F.layer_norm(x, (3,))
    tensor([[-1.2247,  0.0000,  1.2247],
            [-0.7071, -0.7071,  1.4142]])
    """
    input = as_tensor(input)
    if not isinstance(normalized_shape, tuple | list):
        raise TypeError(
            f"layer_norm(): argument 'normalized_shape' must be tuple of ints, not {type(normalized_shape).__name__}"
        )
    row = tuple(normalized_shape)
    if not row:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element"
        )
    same_dtype("layer_norm", input=input, weight=weight, bias=bias)
    for name, value in (("weight", weight), ("bias", bias)):
        if value is not None and value.shape != row:
            raise RuntimeError(
                f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape {list(value.shape)} and "
                f"normalized_shape = {list(row)}"
            )
    if input.shape[-len(row) :] != row:
        expected = ", ".join(["*", *map(str, row)])
        raise RuntimeError(
            f"Given normalized_shape={list(row)}, expected input with shape [{expected}], but got input of size "
            f"{list(input.shape)}"
        )
    return LayerNorm.apply(input, weight, bias, len(row), eps)


@op("F.normalize")
def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """`input` divided by its p-norm along `dim` (by `eps` where that is smaller)."""
    input = floating(input)
    return input / clamp_min(norm(input, p, dim, True), eps)

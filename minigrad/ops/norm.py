"""Normalization: over the batch, rows, groups and instances, and of vectors; and how alike vectors are."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from .. import _kernels as kernels
from ..engine import mark_written
from ..tensor import Fused, Tensor
from .arithmetic import clamp_min
from .border import (
    as_tensor,
    axis_of,
    common_shape,
    contiguous,
    empty,
    empty_like,
    floating,
    not_differentiable,
    same_dtype,
)
from .broadcast import expand
from .declare import op
from .elementwise import rsqrt
from .pad import pad
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
    channels = input._value.shape[1]
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
    count = input._value.shape[0] * prod(input._value.shape[2:])
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


def _row_axes(name: str, input: Tensor, normalized_shape: Any, **parameters: Tensor | None) -> int:
    """How many last axes `normalized_shape` says, after checking it, and the shapes and dtypes of the parameters."""
    if not isinstance(normalized_shape, tuple | list):
        raise TypeError(
            f"{name}(): argument 'normalized_shape' must be tuple of ints, not {type(normalized_shape).__name__}"
        )
    row = tuple(normalized_shape)
    if not row:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element"
        )
    same_dtype(name, input=input, **parameters)
    for key, value in parameters.items():
        if value is not None and value.shape != row:
            raise RuntimeError(
                f"Expected {key} to be of same shape as normalized_shape, but got {key} of shape {list(value.shape)} and "
                f"normalized_shape = {list(row)}"
            )
    if input._value.shape[-len(row) :] != row:
        expected = ", ".join(["*", *map(str, row)])
        raise RuntimeError(
            f"Given normalized_shape={list(row)}, expected input with shape [{expected}], but got input of size "
            f"{list(input.shape)}"
        )
    return len(row)


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
    axes = _row_axes("layer_norm", input, normalized_shape, weight=weight, bias=bias)
    return LayerNorm.apply(input, weight, bias, axes, eps)


@op("F.rms_norm", "rms_norm")
def rms_norm(input: Tensor, normalized_shape: Any, weight: Tensor | None = None, eps: float | None = None) -> Tensor:
    """Each row divided by its root mean square, times `weight` (Zhang & Sennrich 2019); rows as in `layer_norm`.

    `eps`, added to the mean square, is the dtype's machine epsilon unless given.

    >>> F.rms_norm(minigrad.tensor([3.0, 4.0]), (2,)) ** 2
    tensor([0.7200, 1.2800])
    """
    input = as_tensor(input)
    axes = _row_axes("rms_norm", input, normalized_shape, weight=weight)
    square = mean(input * input, tuple(range(input.ndim - axes, input.ndim)), True)
    return affine(input * rsqrt(square + (np.finfo(input.dtype).eps if eps is None else eps)), weight, None)


def _check_affine(name: str, input: Tensor, **parameters: Tensor | None) -> None:
    """Raise unless the parameters are vectors of one number for each channel, in the dtype of `input`."""
    same_dtype(name, input=input, **parameters)
    for key, value in parameters.items():
        if value is not None and value.shape != input.shape[1:2]:
            raise RuntimeError(
                f"{name}: expected {key} to be a vector of size equal to the number of channels in input, but got {key} of shape "
                f"{list(value.shape)} and input of shape {list(input.shape)}"
            )


@op("F.group_norm", "group_norm")
def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Each of `num_groups` groups of channels of each example normalized to mean 0 and variance 1 (Wu & He 2018).

    Input (N, C, ...); weight and bias (C,). RuntimeError unless the groups divide the channels.
    """
    input = as_tensor(input)
    if input.ndim < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {input.ndim}")
    if num_groups < 1:
        raise RuntimeError(f"Expected num groups to be greater than 0, got {num_groups}")
    count, channels = input.shape[:2]
    if channels % num_groups:
        raise RuntimeError(
            f"Expected number of channels in input to be divisible by num_groups, but got input of shape {list(input.shape)} and "
            f"num_groups={num_groups}"
        )
    _check_affine("group_norm", input, weight=weight, bias=bias)
    if count * channels // num_groups * prod(input.shape[2:]) == 1:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {list(input.shape)} and num_groups={num_groups}"
        )
    row = channels // num_groups * prod(input.shape[2:])
    rows = LayerNorm.apply(input.reshape(count, num_groups, row), None, None, 1, eps)
    return affine(rows.reshape(input.shape), per_channel(weight, input), per_channel(bias, input))


@op("F.instance_norm", "instance_norm")
def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Each channel of each example normalized to mean 0 and variance 1 (Ulyanov, Vedaldi & Lempitsky 2016).

    Input (N, C, ...), the others (C,). Running statistics, if given, move by `momentum` towards the means over the batch of
    each example's mean and unbiased variance; with `use_input_stats=False` they are used instead, as `batch_norm` does.
    """
    input = as_tensor(input)
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    count = prod(input.shape[2:])
    if count == 1:
        raise ValueError(f"Expected more than 1 spatial element when training, got input size {list(input.shape)}")
    running = {"running_mean": running_mean, "running_var": running_var}
    _check_affine("instance_norm", input, weight=weight, bias=bias, **running)
    not_differentiable("instance_norm", **running)
    x = input._value.reshape(*input.shape[:2], count)
    if running_mean is not None and x.size:
        move_statistic(running_mean, x.mean(2, dtype=np.float64).mean(0).astype(x.dtype), momentum, 1.0)
    if running_var is not None and x.size:
        move_statistic(running_var, x.var(2, dtype=np.float64, ddof=1).mean(0).astype(x.dtype), momentum, 1.0)
    rows = LayerNorm.apply(input.reshape(x.shape), None, None, 1, eps)
    return affine(rows.reshape(input.shape), per_channel(weight, input), per_channel(bias, input))


@op("F.local_response_norm")
def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """x / (k + alpha m)^beta, m the mean square over `size` neighbouring channels (Krizhevsky et al. 2012)."""
    input = as_tensor(input)
    if input.ndim < 3:
        raise ValueError(f"Expected 3D or higher dimensionality input (got {input.ndim} dimensions)")
    if not input.numel():
        return input
    borders = [0, 0] * (input.ndim - 2) + [size // 2, (size - 1) // 2]
    around = mean(pad(input * input, borders).unfold(1, size, 1), -1)
    return input / (around * alpha + k) ** beta


@op("F.normalize")
def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """`input` divided by its p-norm along `dim` (by `eps` where that is smaller)."""
    return as_tensor(input) / clamp_min(norm(input, p, dim, True), eps)


@op("cosine_similarity", "F.cosine_similarity")
def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """x1 . x2 / (|x1| |x2|) along `dim`, broadcast; norms below `eps` count as `eps`.

    >>> F.cosine_similarity(minigrad.tensor([[1.0, 0.0]]), minigrad.tensor([[1.0, 1.0]]))
    tensor([0.7071])
    """
    a, b = as_tensor(x1, "x1"), as_tensor(x2, "x2")
    if not (a.is_floating_point() or b.is_floating_point()):
        raise RuntimeError(f"cosine_similarity: expected a floating point dtype, got {a.dtype} and {b.dtype}")
    shape = common_shape("cosine_similarity", a.shape, b.shape)
    axis = axis_of(dim, len(shape))
    a, b = (expand(x, shape) for x in (a, b))
    a, b = (x / clamp_min(norm(x, 2, axis, True), eps) for x in (a, b))
    return (a * b).sum(axis)


@op("pairwise_distance", "F.pairwise_distance")
def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The p-norm of x1 - x2 + eps along the last axis, broadcast."""
    return norm(floating(x1, "x1") - floating(x2, "x2") + eps, p, -1, keepdim)

"""Losses: how far predictions are from targets, with the fused softmax + cross-entropy."""

from __future__ import annotations

import math
from math import prod
from typing import Any

import numpy as np

from .._kernels import activation as elements
from .._kernels import loss as kernel
from ..dtypes import int64
from ..tensor import Fused, Tensor, wrap
from .activation import log_softmax, softplus
from .border import (
    KERNEL_DTYPES,
    as_tensor,
    contiguous,
    empty,
    empty_like,
    floating,
    not_differentiable,
    same_dtype,
)
from .declare import op
from .indexing import where
from .reduce import kernel as sums
from .reduce import sum as total

REDUCTIONS = ("none", "mean", "sum")


def check_reduction(reduction: str) -> None:
    """Raise ValueError for anything but 'none', 'mean' and 'sum'."""
    if reduction not in REDUCTIONS:
        raise ValueError(f"{reduction} is not a valid value for reduction; it is one of 'none', 'mean' and 'sum'")


def _weighed(losses: Tensor, weight: Tensor, reduction: str) -> Tensor:
    """The losses times a weight for each; the mean is the weighted one."""
    check_reduction(reduction)
    if weight.shape != losses.shape:
        raise ValueError(
            f"Weights and input must have the same size, got {list(weight.shape)} and {list(losses.shape)}"
        )
    losses = losses * weight
    return losses.sum() / weight.sum() if reduction == "mean" else reduced(losses, reduction)


def reduced(losses: Tensor, reduction: str) -> Tensor:
    """The losses as they are, their mean or their sum."""
    check_reduction(reduction)
    return losses if reduction == "none" else losses.mean() if reduction == "mean" else losses.sum()


def _same_shape(name: str, input: Tensor, target: Tensor) -> None:
    if input.shape != target.shape:
        raise ValueError(
            f"{name}: the target has shape {list(target.shape)} and the input {list(input.shape)}: they must be equal (broadcasting "
            "here is nearly always a mistake; expand() one if it is meant)"
        )


def _divided(losses: np.ndarray, divisor: float | None) -> np.ndarray:
    """The sum of `losses` over `divisor`; the losses themselves if that is None."""
    if divisor is None:
        return losses
    out = empty((), losses.dtype)
    sums.sum_over(losses, out, 0, losses.ndim, divisor)
    return out


class ElementLoss(Fused):
    """A loss of each element of x and its target, all of them or their sum over `divisor`; `delta` is huber's."""

    def forward(self, x: np.ndarray, target: np.ndarray, kind: str, delta: float, divisor: float | None) -> np.ndarray:
        self.x, self.target, self.kind, self.delta, self.divisor = x, target, kind, delta, divisor
        losses = empty_like(x)
        getattr(elements, f"{kind}_forward")(contiguous(x), contiguous(target), losses, delta)
        return _divided(losses, divisor)

    def backward(self, g: Any) -> Any:
        dx = empty_like(self.x)
        factor = 1.0 if self.divisor is None else float(g) / self.divisor
        slope = getattr(elements, f"{self.kind}_backward")
        slope(contiguous(self.x), contiguous(self.target), dx, factor, self.delta)
        if self.divisor is None:
            dx *= g
        return (dx if self.needs(0) else None), (np.negative(dx, empty_like(dx)) if self.needs(1) else None)

    @staticmethod
    def definition(x: Tensor, target: Tensor, kind: str, delta: float, divisor: float | None) -> Tensor:
        if kind == "logistic":
            losses = (1 - target) * x + softplus(-x, threshold=math.inf)
        elif kind == "squared":
            losses = (x - target).square()
        else:
            size = losses = (x - target).abs()
            if kind == "huber":
                losses = where(size < delta, size.square() * 0.5, (size - 0.5 * delta) * delta)
        return losses if divisor is None else losses.sum() / divisor


def _of_elements(kind: str, input: Tensor, target: Tensor, reduction: str, delta: float = 0.0) -> Tensor:
    """The loss by its kernel where there is one, otherwise composed."""
    check_reduction(reduction)
    input, target = as_tensor(input), as_tensor(target, "target")
    x = input._value
    if x.dtype not in KERNEL_DTYPES or target._value.dtype != x.dtype or not x.size:
        return reduced(ElementLoss.definition(input, target, kind, delta, None), reduction)
    divisor = None if reduction == "none" else 1.0 if reduction == "sum" else float(x.size)
    return ElementLoss.apply(input, target, kind, delta, divisor)


@op("F.mse_loss")
def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean", weight: Tensor | None = None) -> Tensor:
    """The squared difference, times `weight` of its shape. Unlike PyTorch's, which warns, other shapes of `target` are a ValueError."""
    _same_shape("mse_loss", input, target)
    if weight is not None:
        return _weighed(_of_elements("squared", input, target, "none"), weight, reduction)
    return _of_elements("squared", input, target, reduction)


@op("F.l1_loss")
def l1_loss(input: Tensor, target: Tensor, reduction: str = "mean", weight: Tensor | None = None) -> Tensor:
    """The absolute difference, times `weight` of its shape."""
    _same_shape("l1_loss", input, target)
    if weight is not None:
        return _weighed(_of_elements("absolute", input, target, "none"), weight, reduction)
    return _of_elements("absolute", input, target, reduction)


@op("F.huber_loss")
def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """d^2 / 2 for |d| < delta, elsewhere delta (|d| - delta / 2); times `weight` of its shape."""
    _same_shape("huber_loss", input, target)
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    if weight is not None:
        return _weighed(_of_elements("huber", input, target, "none", float(delta)), weight, reduction)
    return _of_elements("huber", input, target, reduction, float(delta))


@op("F.smooth_l1_loss")
def smooth_l1_loss(input: Tensor, target: Tensor, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """d^2 / (2 beta) for |d| < beta, elsewhere |d| - beta / 2."""
    _same_shape("smooth_l1_loss", input, target)
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    if beta == 0:
        return l1_loss(input, target, reduction)
    return huber_loss(input, target, reduction, beta) / beta


@op("F.binary_cross_entropy_with_logits")
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """-target log sigmoid(input) - (1 - target) log(1 - sigmoid(input)), without overflow; `pos_weight` weighs the first term."""
    _same_shape("binary_cross_entropy_with_logits", input, target)
    input, target = as_tensor(input), as_tensor(target, "target")
    if weight is None and pos_weight is None and not target._tracked:
        return _of_elements("logistic", input, target, reduction)
    softened = softplus(-input, threshold=np.inf)  # -log sigmoid(input); and -log(1 - sigmoid) is that plus input
    if pos_weight is None:
        losses = (1 - target) * input + softened
    else:
        losses = (1 - target) * input + (target * (pos_weight - 1) + 1) * softened
    return reduced(losses if weight is None else losses * weight, reduction)


@op("F.binary_cross_entropy")
def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """-target log(input) - (1 - target) log(1 - input), logarithms limited below by -100; input in [0, 1]."""
    _same_shape("binary_cross_entropy", input, target)
    if input.numel() and not (input._value.min() >= 0 and input._value.max() <= 1):
        raise RuntimeError(
            "all elements of input should be between 0 and 1; use binary_cross_entropy_with_logits for logits"
        )
    losses = -(target * input.log().clamp(min=-100) + (1 - target) * (1 - input).log().clamp(min=-100))
    return reduced(losses if weight is None else losses * weight, reduction)


@op("F.kl_div")
def kl_div(input: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """target (log target - input), where `input` holds log-probabilities; 'batchmean' divides the sum by the batch size."""
    if log_target:
        losses = target.exp() * (target - input)
    else:
        positive = target > 0
        losses = where(positive, target * where(positive, target, 1.0).log(), 0.0) - target * input
    if reduction == "batchmean":
        return losses.sum() / input.shape[0]
    return reduced(losses, reduction)


class CrossEntropy(Fused):
    """-log softmax(x)[target] for x (N, C, ...), times a weight of the class: all of them, or their sum over `divisor`."""

    def forward(
        self,
        x: np.ndarray,
        target: np.ndarray,
        weight: Any,
        ignore_index: int,
        label_smoothing: float,
        divisor: float | None,
    ) -> np.ndarray:
        self.x, self.target, self.weight, self.ignore_index = x, target, weight, ignore_index
        self.label_smoothing, self.divisor = label_smoothing, divisor
        losses, self.lse = empty(target.shape, x.dtype), empty(target.shape, x.dtype)
        kernel.cross_entropy_forward(contiguous(x), target, weight, ignore_index, label_smoothing, losses, self.lse)
        return _divided(losses, divisor)

    def backward(self, g: Any) -> Any:
        dx = empty_like(self.x)
        scale = contiguous(g if self.divisor is None else g / self.divisor)
        kernel.cross_entropy_backward(
            contiguous(self.x), self.target, self.weight, self.ignore_index, self.label_smoothing, self.lse, scale, dx
        )
        return dx

    @staticmethod
    def definition(
        x: Tensor, target: Tensor, weight: Any, ignore_index: int, label_smoothing: float, divisor: float | None
    ) -> Tensor:
        shape = target.shape
        x = x.reshape(x.shape[0], x.shape[1], -1)
        target = target.reshape(x.shape[0], -1)
        log_p = log_softmax(x, 1)
        kept = target._value != ignore_index
        index = wrap(np.where(kept, target._value, 0)).unsqueeze(1)
        classes = wrap(np.ones(x.shape[1], x.dtype)) if weight is None else weight
        picked = classes.reshape(1, -1, 1).expand(x.shape).gather(1, index).squeeze(1)
        losses = -log_p.gather(1, index).squeeze(1) * picked * (1 - label_smoothing)
        if label_smoothing:
            losses = losses - (log_p * classes.reshape(1, -1, 1)).sum(1) * (label_smoothing / x.shape[1])
        losses = losses * wrap(kept.astype(x.dtype))
        return losses.reshape(shape) if divisor is None else losses.sum() / divisor


@op("F.cross_entropy")
def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Softmax and negative log-likelihood in one pass.

    Shapes: `input` holds logits, (C,), (N, C) or (N, C, ...); `target` holds either class indices (integers, the shape
    without C) or class probabilities (floats, the shape of `input`). `weight` (C,) weighs classes, and the mean is then
    weighted; positions whose target is `ignore_index` count nothing. IndexError for a class outside [0, C).

    >>> logits, labels = minigrad.zeros(4, 10), minigrad.tensor([3, 1, 4, 1])
    >>> F.cross_entropy(logits, labels)  # log 10: every class is as likely
    tensor(2.3026)
    """
    check_reduction(reduction)
    input = floating(input)
    target = as_tensor(target, "target")
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    shape, labels = input._value.shape, target._value
    if not shape:
        raise RuntimeError("cross_entropy: the input needs an axis of classes, got a 0-d tensor")
    class_axis = 0 if len(shape) == 1 else 1
    classes = shape[class_axis]
    if weight is not None and weight.shape != (classes,):
        raise RuntimeError(
            f"cross_entropy: weight tensor should be defined either for all {classes} classes or no classes but got shape "
            f"{list(weight.shape)}"
        )
    if labels.dtype.kind == "f":
        return _soft_targets(input, target, weight, reduction, label_smoothing, class_axis)
    expected = shape[:class_axis] + shape[class_axis + 1 :]
    if labels.shape != expected:
        raise ValueError(
            f"Expected input batch_size and the axes after the classes to match the target: input {list(shape)} needs a target of "
            f"shape {list(expected)} (class indices), got {list(labels.shape)}"
        )
    if labels.dtype != int64:
        raise RuntimeError(
            f"expected scalar type Long but found {labels.dtype}: class indices are int64; convert with .long()"
        )
    if weight is not None or input._value.dtype not in KERNEL_DTYPES:
        same_dtype("cross_entropy", input=input, weight=weight)
        not_differentiable("cross_entropy", weight=weight)
    weights = None if weight is None else np.array(weight._value)
    labels = np.array(labels, order="C")  # a copy: the kernels trust what is checked now
    total_weight = kernel.weigh_classes(labels, weights, classes, ignore_index)
    if 0 in shape:
        empty_losses = input.reshape(shape[0] if len(shape) > 1 else 1, classes, prod(shape[2:])).sum(1)
        return (
            empty_losses.reshape(expected)
            if reduction == "none"
            else empty_losses.sum() * (np.nan if reduction == "mean" else 1)
        )
    divisor = None if reduction == "none" else 1.0 if reduction == "sum" else total_weight or math.nan
    if len(shape) == 1:
        input, labels = input.unsqueeze(0), labels.reshape(1)
    out = CrossEntropy.apply(input, labels, weights, ignore_index, label_smoothing, divisor)
    return out.reshape(expected) if len(shape) == 1 and reduction == "none" else out


def _soft_targets(
    input: Tensor, target: Tensor, weight: Tensor | None, reduction: str, label_smoothing: float, axis: int
) -> Tensor:
    if target.shape != input.shape:
        raise ValueError(
            f"cross_entropy: a target of {target.dtype} holds class probabilities, in the input's shape {list(input.shape)}, but this "
            f"one has shape {list(target.shape)}; if it holds class indices, convert it with .long()"
        )
    classes = input.shape[axis]
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / classes
    if weight is not None:
        target = target * weight.reshape([-1 if a == axis else 1 for a in range(input.ndim)])
    losses = -total(log_softmax(input, axis) * target, axis)
    return losses.sum() / max(losses.numel(), 1) if reduction == "mean" else reduced(losses, reduction)


@op("F.nll_loss")
def nll_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """-input[target] * weight[target] for log-probabilities `input` (C,), (N, C) or (N, C, ...); see `cross_entropy`."""
    check_reduction(reduction)
    axis = 0 if input.ndim == 1 else 1
    classes = input.shape[axis]
    expected = tuple(n for a, n in enumerate(input.shape) if a != axis)
    if target.shape != expected:
        raise ValueError(
            f"nll_loss: input {list(input.shape)} needs a target of shape {list(expected)}, got {list(target.shape)}"
        )
    if target.dtype != int64:
        raise RuntimeError(
            f"expected scalar type Long but found {target.dtype}: class indices are int64; convert with .long()"
        )
    not_differentiable("nll_loss", weight=weight)
    kept = target._value != ignore_index
    wrong = kept & ((target._value < 0) | (target._value >= classes))
    if wrong.any():
        raise IndexError(
            f"Target {int(target._value[wrong].ravel()[0])} is out of bounds: there are {classes} classes, 0 to {classes - 1}"
        )
    index = np.where(kept, target._value, 0)
    weights = kept.astype(input.dtype) if weight is None else weight._value[index] * kept
    losses = -input.gather(axis, wrap(np.expand_dims(index, axis))).squeeze(axis) * wrap(weights)
    if reduction == "mean":
        return losses.sum() / float(weights.sum(dtype=np.float64))
    return reduced(losses, reduction)

"""Dropout in closed form: the moments of what dropout makes random (fast dropout), and the divergence of two of its passes."""

from __future__ import annotations

import math

import numpy as np

from ..tensor import Tensor, wrap
from .activation import log_softmax, sigmoid
from .border import as_tensor
from .declare import op
from .dropout_base import Masked, check_floating, check_probability, check_scale
from .elementwise import erf
from .indexing import where
from .loss import cross_entropy
from .matmul import linear


@op("F.fast_dropout")
def fast_dropout(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    p: float = 0.5,
    *,
    variance: Tensor | None = None,
    rescale: bool = True,
) -> tuple[Tensor, Tensor]:
    """Mean and variance over all masks of `linear(dropout(input, p), weight, bias)`, without drawing one (Wang & Manning 2013).

    With q = 1 - p: mean = x W^T + b, variance = p/q x^2 (W^2)^T. By the central limit theorem the result is nearly normal, so
    training on it is training on all masks at once; at test time use it alike. Where the input is itself random, its
    mean and `variance` (of one shape) give mean^2 p/q + variance/q in place of p/q x^2. `rescale=False` is the convention of the
    paper, which doesn't divide by q: mean q x W^T + b, variance p q x^2 (W^2)^T. Shapes as `linear`; float32 or float64.
    ValueError unless 0 <= p < 1 (p = 1 is possible without rescaling).

    >>> x, w = minigrad.tensor([[1.0, 2.0]]), minigrad.tensor([[3.0, 1.0]])
    >>> F.fast_dropout(x, w, p=0.5)  # of 0, 2 * 3, 2 * 2 and 2 * (3 + 2)
    (tensor([[5.]]), tensor([[13.]]))
    """
    input, weight = as_tensor(input), as_tensor(weight, "weight")
    p = check_probability(p, "fast_dropout", below_one=rescale)
    check_floating(input, "fast_dropout")
    variance = None if variance is None else as_tensor(variance, "variance")
    if variance is not None and variance.shape != input.shape:
        raise RuntimeError(
            f"fast_dropout: variance has shape {list(variance.shape)}, expected that of input, {list(input.shape)}"
        )
    q = 1 - p
    spread = input * input * (p / q if rescale else p * q)
    if variance is not None:
        spread = spread + variance * (1 / q if rescale else q)
    return linear(input if rescale else input * q, weight, bias), linear(spread, weight * weight)


@op("F.sigmoid_mean")
def sigmoid_mean(mean: Tensor, variance: Tensor) -> Tensor:
    """E sigmoid(Z) for normal Z, to about 0.02: sigmoid(mean / sqrt(1 + pi variance / 8)) (MacKay 1992).

    >>> F.sigmoid_mean(minigrad.tensor(0.0), minigrad.tensor(3.0))
    tensor(0.5000)
    """
    mean, variance = as_tensor(mean, "mean"), as_tensor(variance, "variance")
    return sigmoid(mean / (variance * (math.pi / 8) + 1).sqrt())


FAR = 1e4  # standard deviations


@op("F.relu_moments")
def relu_moments(mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of max(Z, 0) for normal Z, exactly; variance 0 stands for a constant.

    With s^2 the variance, a = mean / s, and the normal density phi and distribution function Phi at a (Wang & Manning
    2013, section 4): E = mean Phi + s phi, and the variance is s^2 (Phi + a^2 Phi (1 - Phi) + a phi (1 - 2 Phi) - phi^2), which is
    E of the square minus E^2 without the digits that this difference would lose.

    >>> F.relu_moments(minigrad.tensor([0.0, 2.0]), minigrad.tensor([6.2832, 0.0]))[0]
    tensor([1.0000, 2.0000])
    """
    mean, variance = as_tensor(mean, "mean"), as_tensor(variance, "variance")
    certain = variance <= 0
    safe = where(certain, wrap(np.ones((), variance.dtype)), variance)
    s = safe.sqrt()
    a = (mean / s).clamp(-FAR, FAR)  # beyond, nothing changes but that its square would overflow
    density = (a * a * -0.5).exp() * (1 / math.sqrt(2 * math.pi))
    below = (erf(a * math.sqrt(0.5)) + 1) * 0.5
    first = mean * below + s * density
    spread = below + a * a * below * (1 - below) + a * density * (1 - below * 2) - density * density
    return where(certain, mean.clamp(min=0), first), where(certain, variance * 0, (safe * spread).clamp(min=0))


IGNORED = -100  # the target that `cross_entropy` leaves out


@op("F.r_drop_loss")
def r_drop_loss(input: Tensor, other: Tensor, target: Tensor, alpha: float = 1.0) -> Tensor:
    """The objective of R-Drop (Liang et al. 2021) from the logits (N, C) of two passes with masks of their own.

    Mean of the two cross-entropies, plus alpha times (KL(p1 || p2) + KL(p2 || p1)) / 2, the mean over examples. `target` as
    in `cross_entropy`: those of -100, the padding of sequences, count in neither term. Logits have to be finite. ValueError
    unless alpha is finite and at least 0; RuntimeError unless the logits have one shape. `nn.r_drop` makes the two passes.

    >>> logits, target = minigrad.randn(4, 3), minigrad.tensor([0, 1, 2, 1])
    >>> bool(F.r_drop_loss(logits, logits, target) == F.cross_entropy(logits, target))
    True
    """
    input, other, target = as_tensor(input), as_tensor(other, "other"), as_tensor(target, "target")
    alpha = check_scale(alpha, "r_drop_loss: alpha")
    if input.ndim < 1 or input.shape != other.shape:
        raise RuntimeError(
            f"r_drop_loss: the logits have to have one shape, (N, C), got {list(input.shape)} and {list(other.shape)}"
        )
    fit = (cross_entropy(input, target) + cross_entropy(other, target)) * 0.5
    if alpha == 0:
        return fit
    axis = 0 if input.ndim == 1 else 1
    one, two = log_softmax(input, axis), log_softmax(other, axis)
    # sum of p1 (l1 - l2) and p2 (l2 - l1)
    divergence = ((one.exp() - two.exp()) * (one - two)).sum(axis)
    if target.dtype.kind == "f":
        return fit + divergence.mean() * (alpha / 2)
    counted = target._value != IGNORED
    return fit + Masked.apply(divergence, counted).sum() / np.count_nonzero(counted) * (alpha / 2)

"""Losses that compare: which of two is larger, how near vectors are, on which side of a margin a score lies."""

from __future__ import annotations

import math

from ..tensor import Tensor
from .arithmetic import clamp_min, minimum
from .border import as_tensor
from .declare import op
from .indexing import where
from .loss import reduced
from .norm import pairwise_distance


@op("F.cosine_embedding_loss")
def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0, reduction: str = "mean"
) -> Tensor:
    """1 - cos where the target is 1, max(0, cos - margin) where it is -1, cos that of the angle between the rows.

    Inputs (N, D) and target (N,), or (D,) and ().
    """
    input1, input2, target = as_tensor(input1, "input1"), as_tensor(input2, "input2"), as_tensor(target, "target")
    if target.ndim > 1 or input1.ndim != target.ndim + 1 or input2.ndim != target.ndim + 1:
        raise RuntimeError(
            f"cosine_embedding_loss: {target.ndim}D target tensor expects {target.ndim + 1}D input tensors, but found inputs with sizes "
            f"{list(input1.shape)} and {list(input2.shape)}."
        )
    product, size1, size2 = ((a * b).sum(-1) for a, b in ((input1, input2), (input1, input1), (input2, input2)))
    cosine = product / ((size1 + 1e-12) * (size2 + 1e-12)).sqrt()
    losses = where(target == 1, 1 - cosine, 0.0) + where(target == -1, clamp_min(cosine - margin, 0), 0.0)
    return reduced(losses, reduction)


@op("F.margin_ranking_loss")
def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0, reduction: str = "mean"
) -> Tensor:
    """max(0, -target (input1 - input2) + margin): with target 1 input1 is to be the larger, with -1 input2."""
    input1, input2, target = as_tensor(input1, "input1"), as_tensor(input2, "input2"), as_tensor(target, "target")
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError(
            f"margin_ranking_loss : All input tensors should have same dimension but got sizes: input1: {list(input1.shape)}, input2: "
            f"{list(input2.shape)}, target: {list(target.shape)} "
        )
    return reduced(clamp_min(-target * (input1 - input2) + margin, 0), reduction)


@op("F.triplet_margin_loss")
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """max(0, |anchor - positive| - |anchor - negative| + margin), p-norms over the last axis (Balntas et al. 2016).

    With `swap` the distance to the negative is also measured from the positive, and the smaller one counts.
    """
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    anchor, positive = as_tensor(anchor, "anchor"), as_tensor(positive, "positive")
    negative = as_tensor(negative, "negative")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: anchor "
            f"{anchor.ndim}D, positive {positive.ndim}D, and negative {negative.ndim}D inputs"
        )
    near = pairwise_distance(anchor, positive, p, eps)
    far = pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = minimum(far, pairwise_distance(positive, negative, p, eps))
    return reduced(clamp_min(near - far + margin, 0), reduction)


@op("F.hinge_embedding_loss")
def hinge_embedding_loss(input: Tensor, target: Tensor, margin: float = 1.0, reduction: str = "mean") -> Tensor:
    """The input where the target is 1, max(0, margin - input) where it is -1."""
    input, target = as_tensor(input), as_tensor(target, "target")
    losses = where(target == 1, 0.0, clamp_min(margin - input, 0)) + where(target == -1, 0.0, input)
    return reduced(losses, reduction)


@op("F.soft_margin_loss")
def soft_margin_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """log(1 + exp(-target input)) for targets 1 and -1."""
    return reduced((-as_tensor(target, "target") * as_tensor(input)).exp().log1p(), reduction)


@op("F.gaussian_nll_loss")
def gaussian_nll_loss(
    input: Tensor, target: Tensor, var: Tensor | float, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Tensor:
    """(log var + (input - target)^2 / var) / 2, plus log(2 pi) / 2 with `full`: the target as normal around the input.

    `var` has the input's shape, or 1 or nothing in place of its last axis, or is a number; it counts as `eps` below that, to
    which no gradient belongs. ValueError for a negative one.
    """
    input, target = as_tensor(input), as_tensor(target, "target")
    spread = input.detach() * 0 + var if not isinstance(var, Tensor) else var
    if spread.shape != input.shape:
        if input.shape[:-1] == spread.shape:
            spread = spread.unsqueeze(-1)
        elif input.shape[:-1] != spread.shape[:-1] or spread.shape[-1:] != (1,):
            raise ValueError("var is of incorrect size")
    if (spread._value < 0).any():
        raise ValueError("var has negative entry/entries")
    spread = spread + (spread.detach().clamp(min=eps) - spread.detach())
    losses = (spread.log() + (input - target) ** 2 / spread) * 0.5
    return reduced(losses + 0.5 * math.log(2 * math.pi) if full else losses, reduction)


@op("poisson_nll_loss", "F.poisson_nll_loss")
def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Tensor:
    """exp(input) - target input for a logarithmic rate, input - target log(input + eps) otherwise.

    With `full` Stirling's approximation of log(target!) is added where the target is above 1.
    """
    input, target = as_tensor(input), as_tensor(target, "target")
    losses = input.exp() - target * input if log_input else input - target * (input + eps).log()
    if full:
        safe = where(target > 1, target, 1.0)
        stirling = safe * safe.log() - safe + 0.5 * (safe * (2 * math.pi)).log()
        losses = losses + where(target > 1, stirling, 0.0)
    return reduced(losses, reduction)

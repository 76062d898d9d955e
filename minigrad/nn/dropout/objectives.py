"""Dropout as an objective."""

from __future__ import annotations

import warnings
from typing import Any

from ...ops.dropout_closed import r_drop_loss
from ...ops.loss import cross_entropy
from ...tensor import Tensor
from ..module import Module


def r_drop(model: Module, input: Any, target: Tensor, alpha: float = 1.0) -> Tensor:
    """The loss of R-Drop (Liang et al. 2021): two passes of `model(input)`, their cross-entropies and how far they differ.

    `F.r_drop_loss` of the two, with logits (N, C); the paper takes alpha from 0.3 (images) to 5 (translation). For fine-tuning
    and training where dropout is used anyway, at twice the cost. A model in evaluation makes one pass, whose cross-entropy it
    is. RuntimeWarning if two passes in training give the same, bit for bit: then there is no dropout, or every pass
    seeds its generator anew, and the second term is 0.

    >>> model = nn.Sequential(nn.Dropout(0.5), nn.Linear(8, 3))
    >>> loss = nn.r_drop(model, minigrad.randn(4, 8), minigrad.tensor([0, 1, 2, 1]), alpha=0.5)
    >>> loss.shape
    ()
    """
    first = model(input)
    if not model.training:
        return cross_entropy(first, target)
    second = model(input)
    if alpha and first.shape == second.shape and first.numel() and not (first != second).any():
        warnings.warn(
            "r_drop: both passes gave the same result, with nothing to compare: has the model dropout, and does each pass draw anew?",
            RuntimeWarning,
            stacklevel=2,
        )
    return r_drop_loss(first, second, target, alpha)

"""Functions of many parameters at once: limits on their gradients, and all of them as one vector.

`foreach`, which says how PyTorch computes, is taken and means nothing here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ...engine import mark_written
from ...grad_mode import no_grad
from ...ops.creation import zeros
from ...ops.joining import cat, stack
from ...ops.reduce import norm
from ...tensor import Tensor
from . import rnn
from .norms import remove_spectral_norm, remove_weight_norm, spectral_norm, weight_norm

__all__ = [
    "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm", "parameters_to_vector",
    "remove_spectral_norm", "remove_weight_norm", "rnn", "spectral_norm", "vector_to_parameters", "weight_norm",
]  # fmt: skip


def _gradients(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    parameters = [parameters] if isinstance(parameters, Tensor) else parameters
    return [parameter.grad for parameter in parameters if parameter.grad is not None]


@no_grad()
def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: Any = None,
) -> Tensor:
    """Scale all gradients, in place, so that their norm as one vector is at most `max_norm`; returns the norm before.

    RuntimeError for a norm that is infinite or NaN if `error_if_nonfinite`; nothing has changed then.

    >>> w = minigrad.zeros(2, requires_grad=True)
    >>> (w * minigrad.tensor([3.0, 4.0])).sum().backward()
    >>> nn.utils.clip_grad_norm_([w], max_norm=1.0)
    tensor(5.)
    >>> w.grad
    tensor([0.6000, 0.8000])
    """
    grads = _gradients(parameters)
    total = _norm(grads, norm_type, error_if_nonfinite)
    _scale(grads, max_norm, total)
    return total


@no_grad()
def get_total_norm(
    tensors: Tensor | Iterable[Tensor], norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: Any = None
) -> Tensor:
    """The norm of all Tensors as one vector; RuntimeError if it is infinite or NaN and `error_if_nonfinite`."""
    return _norm([tensors] if isinstance(tensors, Tensor) else list(tensors), norm_type, error_if_nonfinite)


def _norm(tensors: list[Tensor], norm_type: float, error_if_nonfinite: bool) -> Tensor:
    if not tensors:
        return zeros(())
    total = norm(stack([norm(tensor, norm_type) for tensor in tensors]), norm_type)
    if error_if_nonfinite and not np.isfinite(total._value):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, so it cannot be clipped. To disable this "
            "error and scale the gradients by the non-finite norm anyway, set `error_if_nonfinite=False`"
        )
    return total


@no_grad()
def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, total_norm: Tensor, foreach: Any = None
) -> None:
    """Scale all gradients, in place, as `clip_grad_norm_` does, by a norm that is known."""
    _scale(_gradients(parameters), max_norm, total_norm)


def _scale(grads: list[Tensor], max_norm: float, total: Tensor) -> None:
    scale = float(max_norm) / (total.item() + 1e-6)
    if not scale >= 1:  # NaN is not
        for grad in grads:
            grad.mul_(scale)


@no_grad()
def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: Any = None) -> None:
    """Limit every element of the gradients, in place, to [-clip_value, clip_value]."""
    for grad in _gradients(parameters):
        grad.clamp_(-float(clip_value), float(clip_value))


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All parameters, flattened, as one vector (differentiable)."""
    return cat([parameter.reshape(-1) for parameter in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Write a vector as `parameters_to_vector` made it back into the parameters' memory.

    ValueError if its length is not the number of their elements, which PyTorch lets pass when it is longer.
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected Tensor, but got: {type(vec).__name__}")
    parameters = list(parameters)
    needed = sum(parameter.numel() for parameter in parameters)
    if vec.shape != (needed,):
        raise ValueError(f"the parameters have {needed} elements and the vector shape {list(vec.shape)}")
    start = 0
    source: Any = vec._value.copy()  # it may share memory with a parameter
    for parameter in parameters:
        end = start + parameter.numel()
        np.copyto(parameter._value, source[start:end].reshape(parameter.shape), casting="same_kind")
        mark_written(parameter)
        start = end

"""Stochastic gradient descent, with momentum and Nesterov's variant (Sutskever et al. 2013)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _kernels as kernels
from .optimizer import Optimizer, refuse, require


class SGD(Optimizer):
    """v = momentum v + (1 - dampening) g; param -= lr v, or lr (g + momentum v) with `nesterov`.

    g is the gradient (its negative to `maximize`) plus weight_decay times the parameter; the first v is g. `foreach` and
    `fused` are accepted for PyTorch's sake: every step is fused. `differentiable=True` raises NotImplementedError.

    >>> w = minigrad.tensor([1.0], requires_grad=True)
    >>> optimizer = optim.SGD([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.8000], requires_grad=True)
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        refuse("SGD", differentiable=differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
                "maximize": maximize,
            },
        )

    def _check_options(self, options: dict[str, Any]) -> None:
        require(options["lr"] >= 0, "learning rate", options["lr"])
        require(options["momentum"] >= 0, "momentum value", options["momentum"])
        require(options["weight_decay"] >= 0, "weight_decay value", options["weight_decay"])
        if options["nesterov"] and (options["momentum"] <= 0 or options["dampening"] != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")

    def _buffer_names(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("momentum_buffer",) if group["momentum"] else ()

    def _update(
        self, group: dict[str, Any], params: list[np.ndarray], grads: list[np.ndarray], states: list[dict[str, Any]]
    ) -> None:
        first = [state.get("momentum_buffer") is None for state in states]
        kernels.optim.sgd_step(
            params,
            grads,
            self._buffers(states, "momentum_buffer", params) if group["momentum"] else None,
            group["lr"],
            group["momentum"],
            group["dampening"],
            group["weight_decay"],
            group["nesterov"],
            group["maximize"],
            first,
        )

"""Adadelta (Zeiler 2012)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .optimizer import Optimizer, decay, gradient_of, refuse, require


class Adadelta(Optimizer):
    """v = rho v + (1 - rho) g^2; d = sqrt(u + eps) / sqrt(v + eps) g; u = rho u + (1 - rho) d^2; param -= lr d.

    The step has the parameter's unit, so lr is 1 in the paper. g is the gradient (its negative to `maximize`) plus
    weight_decay times the parameter. `foreach` is accepted for PyTorch's sake; `capturable=True` and
    `differentiable=True` raise NotImplementedError.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        refuse("Adadelta", capturable=capturable, differentiable=differentiable)
        super().__init__(params, {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize})

    def _check_options(self, options: dict[str, Any]) -> None:
        require(options["lr"] >= 0, "learning rate", options["lr"])
        require(0 <= options["rho"] <= 1, "rho value", options["rho"])
        require(options["eps"] >= 0, "epsilon value", options["eps"])
        require(options["weight_decay"] >= 0, "weight_decay value", options["weight_decay"])

    def _buffer_names(self, group: dict[str, Any]) -> tuple[str, ...]:
        return "square_avg", "acc_delta"

    def _update(
        self, group: dict[str, Any], params: list[np.ndarray], grads: list[np.ndarray], states: list[dict[str, Any]]
    ) -> None:
        rho, eps = group["rho"], group["eps"]
        squares, deltas = (self._buffers(states, name, params) for name in self._buffer_names(group))
        self._count_steps(states)
        for p, grad, v, u in zip(params, grads, squares, deltas, strict=True):
            g = gradient_of(group, p, grad)
            decay(v, rho, g * g)
            d = np.sqrt(u + eps) / np.sqrt(v + eps) * g
            decay(u, rho, d * d)
            p -= group["lr"] * d

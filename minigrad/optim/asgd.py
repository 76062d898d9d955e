"""Averaged stochastic gradient descent (Polyak and Juditsky 1992, with Bottou's rates)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .optimizer import Optimizer, gradient_of, refuse, require


class ASGD(Optimizer):
    """param = (1 - lambd eta) param - eta g, with eta = lr / (1 + lambd lr t)^alpha; the state's `ax` is the mean of the
    parameter since step t0 + 2, and until then the parameter itself.

    g is the gradient (its negative to `maximize`) plus weight_decay times the parameter. eta and the weight of the newest
    parameter in the mean are kept in float32, as in PyTorch. `foreach` is accepted for PyTorch's sake; `capturable=True`
    and `differentiable=True` raise NotImplementedError.
    """

    _numbers = ("eta", "mu")

    def __init__(
        self,
        params: Any,
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        refuse("ASGD", capturable=capturable, differentiable=differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "lambd": lambd,
                "alpha": alpha,
                "t0": t0,
                "weight_decay": weight_decay,
                "maximize": maximize,
            },
        )

    def _check_options(self, options: dict[str, Any]) -> None:
        require(options["lr"] >= 0, "learning rate", options["lr"])
        require(options["weight_decay"] >= 0, "weight_decay value", options["weight_decay"])

    def _buffer_names(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("ax",)

    def _update(
        self, group: dict[str, Any], params: list[np.ndarray], grads: list[np.ndarray], states: list[dict[str, Any]]
    ) -> None:
        lr, lambd = group["lr"], group["lambd"]
        means = self._buffers(states, "ax", params)
        steps = self._count_steps(states)
        for p, grad, mean, step, state in zip(params, grads, means, steps, states, strict=True):
            g = gradient_of(group, p, grad)
            eta, mu = state.get("eta", float(np.float32(lr))), state.get("mu", 1.0)
            p *= 1 - lambd * eta
            p -= eta * g
            if mu == 1:
                mean[...] = p
            else:
                mean += (p - mean) * mu
            state["eta"] = float(np.float32(lr / (1 + lambd * lr * step) ** group["alpha"]))
            state["mu"] = float(np.float32(1 / max(1, step - group["t0"])))

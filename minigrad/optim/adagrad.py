"""Adagrad (Duchi, Hazan and Singer 2011)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tensor import wrap
from .optimizer import Optimizer, gradient_of, refuse, require, step_dtype


class Adagrad(Optimizer):
    """sum += g^2; param -= lr / (1 + (t - 1) lr_decay) g / (sqrt(sum) + eps), with t the number of the step.

    g is the gradient (its negative to `maximize`) plus weight_decay times the parameter; `sum` begins at
    `initial_accumulator_value` when the optimizer is made, a group's own if it has one (PyTorch takes the
    constructor's for all). `foreach` and `fused` are accepted for PyTorch's sake; `differentiable=True` raises
    NotImplementedError.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        refuse("Adagrad", differentiable=differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "lr_decay": lr_decay,
                "eps": eps,
                "weight_decay": weight_decay,
                "initial_accumulator_value": initial_accumulator_value,
                "maximize": maximize,
            },
        )

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        for p in group["params"]:
            start = np.full(p.shape, group["initial_accumulator_value"], step_dtype(p._value))
            self.state[p] = {"step": 0, "sum": wrap(start)}

    def _check_options(self, options: dict[str, Any]) -> None:
        require(options["lr"] >= 0, "learning rate", options["lr"])
        require(options["lr_decay"] >= 0, "lr_decay value", options["lr_decay"])
        require(options["weight_decay"] >= 0, "weight_decay value", options["weight_decay"])
        start = options["initial_accumulator_value"]
        require(start >= 0, "initial_accumulator_value value", start)
        require(options["eps"] >= 0, "epsilon value", options["eps"])

    def _buffer_names(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("sum",)

    def _update(
        self, group: dict[str, Any], params: list[np.ndarray], grads: list[np.ndarray], states: list[dict[str, Any]]
    ) -> None:
        sums = self._buffers(states, "sum", params, start=group["initial_accumulator_value"])
        for p, grad, total, step in zip(params, grads, sums, self._count_steps(states), strict=True):
            g = gradient_of(group, p, grad)
            total += g * g
            p -= group["lr"] / (1 + (step - 1) * group["lr_decay"]) * g / (np.sqrt(total) + group["eps"])

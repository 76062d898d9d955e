"""Relatives of Adam: Adamax (Kingma and Ba 2015, section 7.1), NAdam (Dozat 2016) and RAdam (Liu et al. 2020)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .adam import check_adam_options
from .optimizer import Optimizer, decay, gradient_of, refuse, require


class Adamax(Optimizer):
    """m = beta1 m + (1 - beta1) g; u = max(beta2 u, |g| + eps); param -= lr / (1 - beta1^t) m / u.

    Adam with the largest gradient of late in place of the root of the mean square. g is the gradient (its negative to
    `maximize`) plus weight_decay times the parameter. `foreach` is accepted for PyTorch's sake; `capturable=True` and
    `differentiable=True` raise NotImplementedError.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        refuse("Adamax", capturable=capturable, differentiable=differentiable)
        super().__init__(
            params,
            {"lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay, "maximize": maximize},
        )

    _check_options = staticmethod(check_adam_options)

    def _buffer_names(self, group: dict[str, Any]) -> tuple[str, ...]:
        return "exp_avg", "exp_inf"

    def _update(
        self, group: dict[str, Any], params: list[np.ndarray], grads: list[np.ndarray], states: list[dict[str, Any]]
    ) -> None:
        beta1, beta2 = group["betas"]
        averages, largest = (self._buffers(states, name, params) for name in self._buffer_names(group))
        steps = self._count_steps(states)
        for p, grad, m, u, step in zip(params, grads, averages, largest, steps, strict=True):
            g = gradient_of(group, p, grad)
            decay(m, beta1, g)
            u[...] = np.maximum(beta2 * u, np.abs(g) + group["eps"])
            p -= group["lr"] / (1 - beta1**step) * m / u


class NAdam(Optimizer):
    """Adam with Nesterov's momentum: the step looks ahead by the momentum that the next one will have.

    mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2), M_t = mu_1 ... mu_t;
    param -= lr (mu_(t+1) m / (1 - M_(t+1)) + (1 - mu_t) g / (1 - M_t)) / (sqrt(v / (1 - beta2^t)) + eps), with Adam's m and v.
    g is the gradient (its negative to `maximize`) plus weight_decay times the parameter; with `decoupled_weight_decay` the
    parameter shrinks by lr weight_decay instead. M_t is kept in float32, as in PyTorch. `foreach` is accepted for
    PyTorch's sake; `capturable=True` and `differentiable=True` raise NotImplementedError.
    """

    _numbers = ("mu_product",)

    def __init__(
        self,
        params: Any,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        refuse("NAdam", capturable=capturable, differentiable=differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": tuple(betas),
                "eps": eps,
                "weight_decay": weight_decay,
                "momentum_decay": momentum_decay,
                "decoupled_weight_decay": decoupled_weight_decay,
                "maximize": maximize,
            },
        )

    def _check_options(self, options: dict[str, Any]) -> None:
        check_adam_options(options)
        require(options["momentum_decay"] >= 0, "momentum_decay value", options["momentum_decay"])

    def _buffer_names(self, group: dict[str, Any]) -> tuple[str, ...]:
        return "exp_avg", "exp_avg_sq"

    def _update(
        self, group: dict[str, Any], params: list[np.ndarray], grads: list[np.ndarray], states: list[dict[str, Any]]
    ) -> None:
        lr, (beta1, beta2), fall = group["lr"], group["betas"], group["momentum_decay"]
        averages, squares = (self._buffers(states, name, params) for name in self._buffer_names(group))
        steps = self._count_steps(states)
        for p, grad, m, v, step, state in zip(params, grads, averages, squares, steps, states, strict=True):
            g = gradient_of(group, p, grad)
            mu, ahead = (beta1 * (1 - 0.5 * 0.96 ** (t * fall)) for t in (step, step + 1))
            product = float(np.float32(state.get("mu_product", 1.0)) * np.float32(mu))
            state["mu_product"] = product
            decay(m, beta1, g)
            decay(v, beta2, g * g)
            denominator = np.sqrt(v / (1 - beta2**step)) + group["eps"]
            p -= lr * (1 - mu) / (1 - product) * g / denominator
            p -= lr * ahead / (1 - product * ahead) * m / denominator


class RAdam(Optimizer):
    """Adam that warms up by itself: while too few gradients have been seen to know their variance, steps are lr m alone.

    rho = 2 / (1 - beta2) - 1 and rho_t = rho - 2 t beta2^t / (1 - beta2^t) say how many gradients v stands for; above 5,
    Adam's step is taken times sqrt((rho_t - 4)(rho_t - 2) rho / ((rho - 4)(rho - 2) rho_t)). g is the gradient (its negative to
    `maximize`) plus weight_decay times the parameter; with `decoupled_weight_decay` the parameter shrinks by lr
    weight_decay instead. `foreach` is accepted for PyTorch's sake; `capturable=True` and `differentiable=True` raise
    NotImplementedError.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        refuse("RAdam", capturable=capturable, differentiable=differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": tuple(betas),
                "eps": eps,
                "weight_decay": weight_decay,
                "decoupled_weight_decay": decoupled_weight_decay,
                "maximize": maximize,
            },
        )

    _check_options = staticmethod(check_adam_options)

    def _buffer_names(self, group: dict[str, Any]) -> tuple[str, ...]:
        return "exp_avg", "exp_avg_sq"

    def _update(
        self, group: dict[str, Any], params: list[np.ndarray], grads: list[np.ndarray], states: list[dict[str, Any]]
    ) -> None:
        lr, (beta1, beta2) = group["lr"], group["betas"]
        averages, squares = (self._buffers(states, name, params) for name in self._buffer_names(group))
        steps = self._count_steps(states)
        most = 2 / (1 - beta2) - 1
        for p, grad, m, v, step in zip(params, grads, averages, squares, steps, strict=True):
            g = gradient_of(group, p, grad)
            decay(m, beta1, g)
            decay(v, beta2, g * g)
            rest = 1 - beta2**step
            seen = most - 2 * step * beta2**step / rest
            move = lr / (1 - beta1**step) * m
            if seen > 5:
                trust = math.sqrt((seen - 4) * (seen - 2) * most / ((most - 4) * (most - 2) * seen))
                move = move * (trust * math.sqrt(rest)) / (np.sqrt(v) + group["eps"])
            p -= move

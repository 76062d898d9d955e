"""RMSprop (Hinton's lecture 6e; centered: Graves 2013)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _kernels as kernels
from .optimizer import Optimizer, refuse, require


class RMSprop(Optimizer):
    """v = alpha v + (1 - alpha) g^2; param -= lr g / (sqrt(v) + eps), with `momentum` a running sum of such steps.

    `centered`, the variance of g stands under the root: v less the square of the running mean of g (0 where rounding
    makes it negative; PyTorch gets NaN there). g is the gradient (its negative to `maximize`) plus weight_decay times
    the parameter. `foreach` is accepted for PyTorch's sake: every step is fused. `capturable=True` and `differentiable=True`
    raise NotImplementedError.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        refuse("RMSprop", capturable=capturable, differentiable=differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "alpha": alpha,
                "eps": eps,
                "centered": centered,
                "weight_decay": weight_decay,
                "maximize": maximize,
            },
        )

    def _check_options(self, options: dict[str, Any]) -> None:
        require(options["lr"] >= 0, "learning rate", options["lr"])
        require(options["eps"] >= 0, "epsilon value", options["eps"])
        require(options["momentum"] >= 0, "momentum value", options["momentum"])
        require(options["weight_decay"] >= 0, "weight_decay value", options["weight_decay"])
        require(options["alpha"] >= 0, "alpha value", options["alpha"])

    def _buffer_names(self, group: dict[str, Any]) -> tuple[str, ...]:
        names = ["square_avg"]
        if group["momentum"]:
            names.append("momentum_buffer")
        if group["centered"]:
            names.append("grad_avg")
        return tuple(names)

    def _update(
        self, group: dict[str, Any], params: list[np.ndarray], grads: list[np.ndarray], states: list[dict[str, Any]]
    ) -> None:
        buffers = {name: self._buffers(states, name, params) for name in self._buffer_names(group)}
        self._count_steps(states)
        kernels.optim.rmsprop_step(
            params,
            grads,
            buffers["square_avg"],
            buffers.get("momentum_buffer"),
            buffers.get("grad_avg"),
            group["lr"],
            group["alpha"],
            group["eps"],
            group["weight_decay"],
            group["momentum"],
            group["maximize"],
        )

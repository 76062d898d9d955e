"""Adam (Kingma and Ba 2015), AMSGrad (Reddi et al. 2018) and AdamW (Loshchilov and Hutter 2019)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _kernels as kernels
from .optimizer import Optimizer, refuse, require


class Adam(Optimizer):
    """m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; both divided by 1 - beta^t for their start at zero;
    param -= lr m / (sqrt(v) + eps).

    g is the gradient (its negative to `maximize`) plus weight_decay times the parameter. `amsgrad` takes the largest v so
    far; with `decoupled_weight_decay` it is AdamW. `foreach` and `fused` are accepted for PyTorch's sake: every step is fused.
    `capturable=True` and `differentiable=True` raise NotImplementedError.

    >>> w = minigrad.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = optim.Adam([w], lr=0.1)
    >>> for _ in range(200):
    ...     optimizer.zero_grad()
    ...     (w * w).sum().backward()
    ...     optimizer.step()
    >>> bool((w.abs() < 0.01).all())
    True
    """

    _may_lack = frozenset({"decoupled_weight_decay"})

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        refuse(type(self).__name__, capturable=capturable, differentiable=differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": tuple(betas),
                "eps": eps,
                "weight_decay": weight_decay,
                "amsgrad": amsgrad,
                "maximize": maximize,
                "decoupled_weight_decay": decoupled_weight_decay,
            },
        )

    def _check_options(self, options: dict[str, Any]) -> None:
        check_adam_options(options)

    def _buffer_names(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq", "max_exp_avg_sq") if group["amsgrad"] else ("exp_avg", "exp_avg_sq")

    def _update(
        self, group: dict[str, Any], params: list[np.ndarray], grads: list[np.ndarray], states: list[dict[str, Any]]
    ) -> None:
        buffers = {name: self._buffers(states, name, params) for name in self._buffer_names(group)}
        beta1, beta2 = group["betas"]
        kernels.optim.adam_step(
            params,
            grads,
            buffers["exp_avg"],
            buffers["exp_avg_sq"],
            buffers.get("max_exp_avg_sq"),
            self._count_steps(states),
            group["lr"],
            beta1,
            beta2,
            group["eps"],
            group["weight_decay"],
            group["decoupled_weight_decay"],
            group["maximize"],
        )


class AdamW(Adam):
    """Adam whose weight decay is apart from its gradient: param *= 1 - lr weight_decay, before each step."""

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            decoupled_weight_decay=True,
        )

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True  # also when the state is an Adam's, as in PyTorch


def check_adam_options(options: dict[str, Any]) -> None:
    """Raise ValueError for options out of range that Adam and its relatives share."""
    require(options["lr"] >= 0, "learning rate", options["lr"])
    require(options["eps"] >= 0, "epsilon value", options["eps"])
    for index, beta in enumerate(options["betas"]):
        require(0 <= beta < 1, f"beta parameter at index {index}", beta)
    require(options["weight_decay"] >= 0, "weight_decay value", options["weight_decay"])

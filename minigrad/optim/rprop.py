"""Resilient backpropagation (Riedmiller and Braun 1993)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .optimizer import Optimizer, refuse, require


class Rprop(Optimizer):
    """param -= sign(g) step_size, where each element has a step size of its own, from lr on.

    It grows by etas[1] while the sign of g stays and shrinks by etas[0] when it changes, within `step_sizes`; after a change
    one step is left out. For gradients of the whole training set: the noise of batches changes signs. `maximize` takes
    the negative gradient. `foreach` is accepted for PyTorch's sake; `capturable=True` and `differentiable=True` raise
    NotImplementedError.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        refuse("Rprop", capturable=capturable, differentiable=differentiable)
        super().__init__(params, {"lr": lr, "etas": tuple(etas), "step_sizes": tuple(step_sizes), "maximize": maximize})

    def _check_options(self, options: dict[str, Any]) -> None:
        require(options["lr"] >= 0, "learning rate", options["lr"])
        shrink, grow = options["etas"]
        require(0 < shrink < 1 < grow, "eta values", f"{shrink}, {grow}")

    def _buffer_names(self, group: dict[str, Any]) -> tuple[str, ...]:
        return "prev", "step_size"

    def _update(
        self, group: dict[str, Any], params: list[np.ndarray], grads: list[np.ndarray], states: list[dict[str, Any]]
    ) -> None:
        shrink, grow = group["etas"]
        previous = self._buffers(states, "prev", params)
        sizes = self._buffers(states, "step_size", params, start=group["lr"])
        self._count_steps(states)
        for p, grad, prev, size in zip(params, grads, previous, sizes, strict=True):
            g = -grad if group["maximize"] else grad
            agreement = np.sign(g * prev)
            size *= np.where(agreement > 0, grow, np.where(agreement < 0, shrink, 1.0)).astype(p.dtype)
            np.clip(size, *group["step_sizes"], out=size)
            prev[...] = np.where(agreement < 0, 0, g)
            p -= np.sign(prev) * size

"""The schedule that looks at a metric."""

from __future__ import annotations

import math
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler, for_groups


class ReduceLROnPlateau(LRScheduler):
    """Times `factor` when the number given to `step(metrics)` has not improved for more than `patience` epochs.

    Better is lower (`mode` 'min') or higher ('max') than the best by `threshold`: a fraction of it ('rel') or a difference
    ('abs'). After a reduction `cooldown` epochs pass without counting; rates do not fall below `min_lr`, nor by less than `eps`.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | list[float] = 0,
        eps: float = 1e-8,
    ) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
        if not factor < 1:
            raise ValueError("Factor should be < 1.0.")
        if mode not in ("min", "max"):
            raise ValueError(f"mode {mode} is unknown!")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"threshold mode {threshold_mode} is unknown!")
        self.optimizer, self.mode, self.factor, self.patience = optimizer, mode, factor, patience
        self.threshold, self.threshold_mode, self.cooldown, self.eps = threshold, threshold_mode, cooldown, eps
        self.min_lrs = for_groups("min_lr", optimizer, min_lr)
        self.best = math.inf if mode == "min" else -math.inf
        self.cooldown_counter = self.num_bad_epochs = self.last_epoch = 0
        self.base_lrs = self._last_lr = self._current()

    def step(self, metrics: Any) -> None:  # type: ignore[override]
        """Note the metric of an epoch, and reduce the rates if it has stopped improving."""
        metric = float(metrics)
        self.last_epoch += 1
        if self._is_better(metric):
            self.best, self.num_bad_epochs = metric, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            for group, lowest in zip(self.optimizer.param_groups, self.min_lrs, strict=True):
                rate = max(group["lr"] * self.factor, lowest)
                if group["lr"] - rate > self.eps:
                    group["lr"] = rate
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._last_lr = self._current()

    def _is_better(self, metric: float) -> bool:
        sign = 1 if self.mode == "min" else -1
        needed = (
            self.best * (1 - sign * self.threshold)
            if self.threshold_mode == "rel"
            else self.best - sign * self.threshold
        )
        return sign * metric < sign * needed

    def _in_our_names(self, state: dict[str, Any]) -> dict[str, Any]:
        ours = {key: value for key, value in state.items() if key not in ("default_min_lr", "mode_worse")}
        if "mode_worse" in state:
            ours["base_lrs"] = self.base_lrs
        return ours

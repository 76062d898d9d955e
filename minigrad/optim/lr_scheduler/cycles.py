"""Schedules that go along cosines or straight lines, once or in cycles."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler, Resettable, attributes, for_groups, positive_int


class CosineAnnealingLR(Resettable):
    """Half a cosine from the initial rate down to `eta_min` in `T_max` epochs, then up again
    (Loshchilov and Hutter 2017, without the restarts)."""

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self._is_initial:
            return self._current()
        if (self.last_epoch - 1 - self.T_max) % (2 * self.T_max) == 0:  # leaving the minimum, where the ratio is 0 / 0
            rise = (1 - math.cos(math.pi / self.T_max)) / 2
            return [
                rate + (base - self.eta_min) * rise for rate, base in zip(self._current(), self.base_lrs, strict=True)
            ]
        here, before = (1 + math.cos(math.pi * epoch / self.T_max) for epoch in (self.last_epoch, self.last_epoch - 1))
        return [here / before * (rate - self.eta_min) + self.eta_min for rate in self._current()]


class CosineAnnealingWarmRestarts(LRScheduler):
    """Half a cosine from the initial rate down to `eta_min`, again and again (Loshchilov and Hutter 2017): the first in `T_0`
    epochs, each later one `T_mult` times as long as the one before.

    `step(epoch)` goes to any epoch, also within one: `step(epoch + batch / batches)`.

    >>> optimizer = optim.SGD([minigrad.zeros(1, requires_grad=True)], lr=1.0)
    >>> scheduler = optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=2)
    >>> for epoch in (0.5, 1.5, 2.0):
    ...     optimizer.step()
    ...     scheduler.step(epoch)
    ...     print(f"{scheduler.get_last_lr()[0]:.2f}")
    0.85
    0.15
    1.00
    """

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        positive_int("T_0", T_0)
        if not isinstance(T_mult, int) or T_mult < 1:
            raise ValueError(f"Expected integer T_mult >= 1, but got {T_mult}")
        if not isinstance(eta_min, int | float):
            raise ValueError(f"Expected float or int eta_min, but got {eta_min} of type {type(eta_min)}")
        self.T_0, self.T_mult, self.eta_min = T_0, T_mult, eta_min
        self.T_i = T_0  # how long the present cosine is,
        self.T_cur: float = last_epoch  # and how far in it this epoch is
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        height = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return [self.eta_min + (rate - self.eta_min) * height for rate in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Go to the next epoch, or to `epoch` (which need not be whole), and set its rates. ValueError if it is negative."""
        if epoch is None and self.last_epoch >= 0:
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur %= self.T_i
                self.T_i *= self.T_mult
            self.last_epoch += 1
        else:
            epoch = 0 if epoch is None else epoch
            if epoch < 0:
                raise ValueError(f"Expected non-negative epoch, but got {epoch}")
            begin: float = 0
            length = self.T_0
            if self.T_mult == 1:
                begin = epoch // length * length
            while epoch >= begin + length:
                begin, length = begin + length, length * self.T_mult
            self.T_cur, self.T_i = epoch - begin, length
            self.last_epoch = math.floor(epoch)
        self._set(self.get_lr())


class CyclicLR(LRScheduler):
    """Up and down between `base_lr` and `max_lr` along straight lines, stepped after each batch (Smith 2017).

    A cycle is `step_size_up` steps up and `step_size_down` (as many, unless given) down. Its height is times
    `scale_fn(cycle)`, cycles counted from 1, or `scale_fn(step)` with scale_mode='iterations'; without `scale_fn` it is as
    `mode` says: 'triangular' (always whole), 'triangular2' (halved each cycle), or 'exp_range' (times gamma^step). With
    `cycle_momentum` the momentum, or Adam's beta1, moves against the rate from `max_momentum` down to `base_momentum`.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
        base_lrs = for_groups("base_lr", optimizer, base_lr)
        self.max_lrs = for_groups("max_lr", optimizer, max_lr)
        down = step_size_up if step_size_down is None else step_size_down
        self.total_size = float(step_size_up + down)
        self.step_ratio = step_size_up / self.total_size
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ValueError("mode is invalid and scale_fn is None")
        self.mode, self.gamma, self._scale_fn_custom = mode, gamma, scale_fn
        self.scale_mode = scale_mode if scale_fn else "iterations" if mode == "exp_range" else "cycle"
        self.cycle_momentum, self.use_beta1 = cycle_momentum, "betas" in optimizer.defaults
        if cycle_momentum:
            if not self.use_beta1 and "momentum" not in optimizer.defaults:
                raise ValueError("optimizer must support momentum or beta1 with `cycle_momentum` option enabled")
            self.base_momentums = for_groups("base_momentum", optimizer, base_momentum)
            self.max_momentums = for_groups("max_momentum", optimizer, max_momentum)
        if last_epoch == -1:
            for i, group in enumerate(optimizer.param_groups):
                group["lr"] = base_lrs[i]
                if cycle_momentum:
                    group.update(max_momentum=self.max_momentums[i], base_momentum=self.base_momentums[i])
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def scale_fn(self, x: float) -> float:
        """How high cycle number (or step) `x` is, as a part of the whole."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        return {"triangular": 1.0, "triangular2": 0.5 ** (x - 1), "exp_range": self.gamma**x}[self.mode]

    def get_lr(self) -> list[float]:
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1 + self.last_epoch / self.total_size - cycle
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        height *= self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            bounds = zip(self.max_momentums, self.base_momentums, strict=True)
            for group, (high, low) in zip(self.optimizer.param_groups, bounds, strict=True):
                set_momentum(group, high - (high - low) * height, self.use_beta1)
        return [low + (high - low) * height for low, high in zip(self.base_lrs, self.max_lrs, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        state = super().state_dict()
        custom = state["_scale_fn_custom"]
        state["_scale_fn_custom"] = None if custom is None else attributes(custom)
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        custom = self._scale_fn_custom
        super().load_state_dict(state_dict)
        self._scale_fn_custom = custom
        if custom is not None and state_dict["_scale_fn_custom"] is not None:
            custom.__dict__.update(state_dict["_scale_fn_custom"])


class OneCycleLR(LRScheduler):
    """One cycle over a whole training, stepped after each batch: from max_lr / div_factor up to `max_lr`, then down to
    max_lr / div_factor / final_div_factor (Smith and Topin 2018).

    The rise takes `pct_start` of the `total_steps` (or `epochs` times `steps_per_epoch`). With `three_phase` the fall
    first mirrors the rise. `anneal_strategy` is 'cos' or 'linear'. With `cycle_momentum` the momentum, or Adam's beta1,
    moves against the rate, between `max_momentum` and `base_momentum`. A step beyond the last raises ValueError.

    >>> optimizer = optim.SGD([minigrad.zeros(1, requires_grad=True)], lr=0.1, momentum=0.9)
    >>> scheduler = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=10)
    >>> rates = []
    >>> for _ in range(9):
    ...     rates.append(round(scheduler.get_last_lr()[0], 2))
    ...     optimizer.step()
    ...     scheduler.step()
    >>> rates
    [0.04, 0.52, 1.0, 0.95, 0.81, 0.61, 0.39, 0.19, 0.05]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
        if total_steps is not None:
            self.total_steps = positive_int("total_steps", total_steps)
        elif epochs is not None and steps_per_epoch is not None:
            self.total_steps = positive_int("epochs", epochs) * positive_int("steps_per_epoch", steps_per_epoch)
        else:
            raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
        if not (isinstance(pct_start, float) and 0 <= pct_start <= 1):
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        self.anneal_strategy, self.cycle_momentum = anneal_strategy, cycle_momentum
        self.use_beta1 = "betas" in optimizer.defaults
        if cycle_momentum and not self.use_beta1 and "momentum" not in optimizer.defaults:
            raise ValueError("optimizer must support momentum or beta1 with `cycle_momentum` option enabled")

        # The phases: (last step, rates from and to, momenta from and to), by the names the groups keep the numbers under.
        rise_ends = float(pct_start * self.total_steps) - 1
        rise = (rise_ends, "initial_lr", "max_lr", "max_momentum", "base_momentum")
        if three_phase:
            mirrored = float(2 * pct_start * self.total_steps) - 2
            self._phases = [
                rise,
                (mirrored, "max_lr", "initial_lr", "base_momentum", "max_momentum"),
                (self.total_steps - 1, "initial_lr", "min_lr", "max_momentum", "max_momentum"),
            ]
        else:
            self._phases = [rise, (self.total_steps - 1, "max_lr", "min_lr", "base_momentum", "max_momentum")]

        rates = for_groups("max_lr", optimizer, max_lr)
        highest, lowest = (
            for_groups("max_momentum", optimizer, max_momentum),
            for_groups("base_momentum", optimizer, base_momentum),
        )
        if last_epoch == -1:
            for group, rate, high, low in zip(optimizer.param_groups, rates, highest, lowest, strict=True):
                start = rate / div_factor
                group.update(initial_lr=start, max_lr=rate, min_lr=start / final_div_factor)
                if cycle_momentum:
                    group.update(max_momentum=high, base_momentum=low)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        step = self.last_epoch
        if step > self.total_steps:
            raise ValueError(f"Tried to step {step} times. The specified number of total steps is {self.total_steps}")
        which = next((i for i, phase in enumerate(self._phases) if step <= phase[0]), len(self._phases) - 1)
        begin = self._phases[which - 1][0] if which else 0.0
        end, *names = self._phases[which]
        done = (step - begin) / (end - begin) if end != begin else 1.0  # PyTorch divides by zero there
        rates = []
        for group in self.optimizer.param_groups:
            rates.append(self._anneal(group[names[0]], group[names[1]], done))
            if self.cycle_momentum:
                momentum = self._anneal(group[names[2]], group[names[3]], done)
                set_momentum(group, momentum, self.use_beta1)
        return rates

    def _anneal(self, start: float, end: float, done: float) -> float:
        if self.anneal_strategy == "linear":
            return (end - start) * done + start
        return end + (start - end) / 2 * (math.cos(math.pi * done) + 1)

    def _in_our_names(self, state: dict[str, Any]) -> dict[str, Any]:
        ours = super()._in_our_names(state)
        if "_schedule_phases" in ours:
            names = ("end_step", "start_lr", "end_lr", "start_momentum", "end_momentum")
            ours["_phases"] = [tuple(phase.get(name) for name in names) for phase in ours.pop("_schedule_phases")]
            ours["anneal_strategy"] = ours.pop("_anneal_func_type", None)
        return ours


def set_momentum(group: dict[str, Any], momentum: float, beta1: bool) -> None:
    """Set a group's momentum, or Adam's beta1, which is its like."""
    if beta1:
        group["betas"] = (momentum, *group["betas"][1:])
    else:
        group["momentum"] = momentum

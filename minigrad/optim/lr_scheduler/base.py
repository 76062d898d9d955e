"""What all schedules share: the epoch, the rates, and the state."""

from __future__ import annotations

import types
import warnings
from typing import Any

from ..optimizer import Optimizer


class LRScheduler:
    """Base of schedules: a subclass writes `get_lr`, the rates of epoch `last_epoch`, one for each group.

    The constructor makes the initial step, to epoch 0; or, with `last_epoch` given, to the epoch after it, for groups
    that have kept their 'initial_lr'.
    """

    _is_initial = False  # whether the constructor's step is being made

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{i}] when resuming scheduler with last_epoch >= 0: "
                    "load the optimizer's state first"
                )
        self.optimizer = optimizer
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._initial_step()

    def _initial_step(self) -> None:
        """The step to the first epoch, for which most schedules leave the rates as they are."""
        self._step_count = 0
        self._is_initial = True
        self.step()
        del self._is_initial

    def get_lr(self) -> list[float]:
        """The rates of epoch `last_epoch`, computed from those of the one before it."""
        raise NotImplementedError

    def _first_lr(self) -> list[float]:
        """The rates of epoch 0, whatever the rates are now."""
        return self.get_lr()

    def _begin(self) -> None:
        """Go to epoch 0, as the next schedule of a `SequentialLR`."""
        self.last_epoch = 0
        self._set(self._first_lr())

    def _unstep(self) -> None:
        """Take back the constructor's step."""
        self.last_epoch -= 1

    def get_last_lr(self) -> list[float]:
        """The rates that the last step has set, one for each group."""
        return self._last_lr

    def step(self) -> None:
        """Go to the next epoch and set its rates. If it has none (ValueError), nothing changes."""
        untouched = type(self.optimizer).step is Optimizer.step and not self.optimizer._stepped
        if self._step_count == 1 and untouched:
            warnings.warn(
                "Detected call of `lr_scheduler.step()` before `optimizer.step()`. Call them in the opposite order: otherwise "
                "the first value of the learning rate schedule is skipped.",
                UserWarning,
                stacklevel=2,
            )
        self.last_epoch += 1
        try:
            rates = self.get_lr()
        except BaseException:
            self.last_epoch -= 1
            raise
        self._step_count += 1
        self._set(rates)

    def _set(self, rates: list[float]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        self._last_lr = self._current()

    def _current(self) -> list[float]:
        return [group["lr"] for group in self.optimizer.param_groups]

    def _scaled(self, factor: float) -> list[float]:
        return [rate * factor for rate in self._current()]

    def state_dict(self) -> dict[str, Any]:
        """All that the schedule knows, except its optimizer."""
        return {key: value for key, value in self.__dict__.items() if key != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go back to a state that `state_dict` returned, PyTorch's included; one of another schedule raises ValueError
        and changes nothing."""
        expected = self.state_dict()
        state_dict = self._in_our_names(state_dict)
        if state_dict.keys() != expected.keys() or len(state_dict["base_lrs"]) != len(self.base_lrs):
            raise ValueError(
                f"the state dict of a {type(self).__name__} of {len(self.base_lrs)} groups holds {', '.join(expected)}; this one "
                f"holds {', '.join(state_dict)}"
                + (f" of {len(state_dict['base_lrs'])} groups" if "base_lrs" in state_dict else "")
            )
        self.__dict__.update(state_dict)

    def _in_our_names(self, state: dict[str, Any]) -> dict[str, Any]:
        """A state that PyTorch's schedule of this name may have written, as one of this class."""
        return {key: value for key, value in state.items() if key not in ("_is_initial", "_get_lr_called_within_step")}


class Resettable(LRScheduler):
    """A schedule whose rates at epoch 0 are the initial ones times `_first_factor`."""

    def _first_factor(self) -> float:
        return 1.0

    def _first_lr(self) -> list[float]:
        return [rate * self._first_factor() for rate in self.base_lrs]


def positive_int(name: str, value: Any) -> int:
    if not isinstance(value, int) or value <= 0:
        raise ValueError(f"Expected positive integer {name}, but got {value}")
    return value


def for_groups(name: str, optimizer: Optimizer, value: float | list[float]) -> list[float]:
    """A value for each group: a list of them, or one for all."""
    groups = len(optimizer.param_groups)
    if not isinstance(value, list | tuple):
        return [value] * groups
    if len(value) != groups:
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups: expected {groups} values, got {len(value)}"
        )
    return list(value)


def attributes(function: Any) -> dict[str, Any] | None:
    """What a state keeps of a callable: an object's attributes, of a function nothing."""
    return None if isinstance(function, types.FunctionType) else function.__dict__.copy()

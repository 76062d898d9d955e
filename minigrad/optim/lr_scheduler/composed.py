"""Schedules made of schedules: one after another, or all at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler
from .plateau import ReduceLROnPlateau


class _Composed(LRScheduler):
    """Schedules of one optimizer, whose states are saved with this one's."""

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None) -> None:
        name = type(self).__name__
        if len(schedulers) < 1:
            raise ValueError(f"{name} expects at least one scheduler, but got no scheduler.")
        for i, scheduler in enumerate(schedulers):
            if not hasattr(scheduler, "optimizer"):
                raise TypeError(f"{name} at index {i} should have `optimizer` as its attribute.")
            if isinstance(scheduler, ReduceLROnPlateau):
                raise ValueError(
                    f"{name} does not support `ReduceLROnPlateau` scheduler as it requires additional kwargs to be specified when "
                    f"calling `step`, but got one at index {i} in the given schedulers sequence."
                )
            optimizer = scheduler.optimizer if optimizer is None else optimizer
            if scheduler.optimizer is not optimizer:
                raise ValueError(
                    f"{name} expects all schedulers to belong to the same optimizer, but got scheduler {type(scheduler).__name__} at "
                    f"index {i} that belongs to another."
                )
        self.optimizer: Any = optimizer
        self._schedulers = list(schedulers)

    def _unstep(self) -> None:
        for scheduler in self._schedulers:
            scheduler._unstep()

    def state_dict(self) -> dict[str, Any]:
        state = super().state_dict()
        state["_schedulers"] = [scheduler.state_dict() for scheduler in self._schedulers]
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        saved = state_dict.get("_schedulers", ())
        if state_dict.keys() != self.state_dict().keys() or len(saved) != len(self._schedulers):
            raise ValueError(
                f"the state dict of a {type(self).__name__} of {len(self._schedulers)} schedulers holds "
                f"{', '.join(self.state_dict())}; this one holds {', '.join(state_dict)} of {len(saved)} schedulers"
            )
        before = self.state_dict()["_schedulers"]
        for i, (scheduler, state) in enumerate(zip(self._schedulers, saved, strict=True)):
            try:
                scheduler.load_state_dict(state)
            except ValueError:
                for undone, earlier in zip(self._schedulers[:i], before, strict=False):
                    undone.load_state_dict(earlier)
                raise
        self.__dict__.update({key: value for key, value in state_dict.items() if key != "_schedulers"})


class SequentialLR(_Composed):
    """The first of `schedulers` until epoch milestones[0], the second until milestones[1], and so on.

    Each begins with its epoch 0, from the initial rates. There is one milestone fewer than there are schedulers.

    >>> optimizer = optim.SGD([minigrad.zeros(1, requires_grad=True)], lr=1.0)
    >>> warmup = optim.lr_scheduler.LinearLR(optimizer, start_factor=0.5, total_iters=2)
    >>> decay = optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.9)
    >>> scheduler = optim.lr_scheduler.SequentialLR(optimizer, [warmup, decay], milestones=[2])
    >>> for _ in range(4):
    ...     print(f"{scheduler.get_last_lr()[0]:.2f}")
    ...     optimizer.step()
    ...     scheduler.step()
    0.50
    0.75
    1.00
    0.90
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: list[LRScheduler], milestones: list[int], last_epoch: int = -1
    ) -> None:
        super().__init__(schedulers, optimizer)
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                "Sequential Schedulers expects number of schedulers provided to be one more than the number of milestone points, "
                f"but got number of schedulers {len(schedulers)} and the number of milestones to be equal to {len(milestones)}"
            )
        self._milestones = milestones
        self.last_epoch = last_epoch + 1
        for group in optimizer.param_groups:  # from before the constructors of all those schedules stepped
            group["lr"] = group["initial_lr"]
        self._unstep()
        first = self._schedulers[bisect_right(milestones, 0)]
        first._initial_step()
        self._last_lr = first.get_last_lr()

    def step(self) -> None:
        """Go to the next epoch of the schedule whose turn it is."""
        self.last_epoch += 1
        turn = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[turn]
        if turn > 0 and self._milestones[turn - 1] == self.last_epoch:
            scheduler._begin()
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()


class ChainedScheduler(_Composed):
    """All of `schedulers` at each step: what they do to the rates multiplies."""

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        super().__init__(schedulers, optimizer)
        self._last_lr = self._current()

    def step(self) -> None:
        """Step each schedule, in their order."""
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = self._current()

"""Averages of weights over the steps: stochastic weight averaging (Izmailov et al. 2018) and exponential moving averages."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from itertools import chain
from typing import Any

import numpy as np

from ..dtypes import category, check_device
from ..grad_mode import no_grad
from ..nn.batchnorm import BatchNorm1d, BatchNorm2d, BatchNorm3d
from ..nn.module import Module
from ..tensor import Tensor, wrap
from .lr_scheduler import LRScheduler
from .lr_scheduler.base import for_groups
from .optimizer import Optimizer


class AveragedModel(Module):
    """A copy of `model` whose parameters are averages of those that `model` has had at each `update_parameters`.

    The mean of all, unless `avg_fn(averaged, current, number averaged so far)` gives another, or `multi_avg_fn` of lists of
    Tensors, which changes the first in place: `get_ema_multi_avg_fn(0.999)` is an exponential moving average. Buffers are
    copied, or averaged too with `use_buffers`; otherwise `update_bn` computes the statistics of batch norm anew at the end.
    The state_dict is PyTorch's: `n_averaged`, and the model's under `module.`.

    >>> from minigrad.optim.swa_utils import AveragedModel
    >>> model = nn.Linear(1, 1, bias=False)
    >>> averaged = AveragedModel(model)
    >>> for value in (1.0, 2.0, 6.0):
    ...     with minigrad.no_grad():
    ...         weight = model.weight.fill_(value)
    ...     averaged.update_parameters(model)
    >>> averaged(minigrad.ones(1)).item()
    3.0
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Callable[[Tensor, Tensor, Tensor], Tensor] | None = None,
        multi_avg_fn: Callable[[Sequence[Tensor], Sequence[Tensor], Tensor], None] | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if device is not None:
            check_device(device)
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model)
        self.register_buffer("n_averaged", wrap(np.zeros((), np.int64)))
        self.avg_fn, self.multi_avg_fn, self.use_buffers = avg_fn, multi_avg_fn, use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    @no_grad()
    def update_parameters(self, model: Module) -> None:
        """Take `model`'s parameters into the average; the first call copies them."""
        ours, theirs = ([part.detach() for part in self._averaged(module)] for module in (self.module, model))
        count = self.n_averaged
        if count == 0:
            for average, current in zip(ours, theirs, strict=True):
                average.copy_(current)
        elif self.avg_fn is not None:
            for average, current in zip(ours, theirs, strict=True):
                average.copy_(self.avg_fn(average, current, count))
        else:
            (self.multi_avg_fn or get_swa_multi_avg_fn())(ours, theirs, count)
        if not self.use_buffers:
            for ours_, theirs_ in zip(self.module.buffers(), model.buffers(), strict=True):
                ours_.detach().copy_(theirs_.detach())
        self.n_averaged += 1

    def _averaged(self, module: Module) -> Iterable[Tensor]:
        return chain(module.parameters(), module.buffers()) if self.use_buffers else module.parameters()


def get_ema_avg_fn(decay: float = 0.999) -> Callable[[Tensor, Tensor, Any], Tensor]:
    """An `avg_fn`: decay averaged + (1 - decay) current. ValueError unless 0 <= decay <= 1."""
    _check_decay(decay)

    def average(averaged: Tensor, current: Tensor, count: Any) -> Tensor:
        return decay * averaged + (1 - decay) * current

    return no_grad()(average)


def get_swa_avg_fn() -> Callable[[Tensor, Tensor, Any], Tensor]:
    """An `avg_fn`: the mean."""

    def average(averaged: Tensor, current: Tensor, count: Any) -> Tensor:
        return averaged + (current - averaged) / (count + 1)

    return no_grad()(average)


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable[[Sequence[Tensor], Sequence[Tensor], Any], None]:
    """A `multi_avg_fn`: decay averaged + (1 - decay) current. ValueError unless 0 <= decay <= 1."""
    _check_decay(decay)
    return _in_place(lambda count: 1 - decay)


def get_swa_multi_avg_fn() -> Callable[[Sequence[Tensor], Sequence[Tensor], Any], None]:
    """A `multi_avg_fn`: the mean."""
    return _in_place(lambda count: 1 / (int(count) + 1))


def _check_decay(decay: float) -> None:
    if not 0 <= decay <= 1:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")


def _in_place(share: Callable[[Any], float]) -> Callable[[Sequence[Tensor], Sequence[Tensor], Any], None]:
    """Moves each average towards the current value by `share(count)` of their distance; integers are rounded towards 0."""

    def update(averaged: Sequence[Tensor], current: Sequence[Tensor], count: Any) -> None:
        for average, now in zip(averaged, current, strict=True):
            moved = average + (now - average) * share(count)
            average.copy_(moved if category(average.dtype) == 2 else moved.to(average.dtype))

    return no_grad()(update)


@no_grad()
def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Compute the running statistics of all batch norms of `model` anew, as plain means over the batches of `loader`.

    A batch is a Tensor, or a list or tuple that begins with one; `model` is called with it, in training mode.
    """
    if device is not None:
        check_device(device)
    norms = [module for module in model.modules() if isinstance(module, BatchNorm1d | BatchNorm2d | BatchNorm3d)]
    if not norms:
        return
    was_training, momenta = model.training, [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    model.train()
    for batch in loader:
        model(batch[0] if isinstance(batch, list | tuple) else batch)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    model.train(was_training)


class SWALR(LRScheduler):
    """From the present rates to `swa_lr` (one, or one for each group) in `anneal_epochs` epochs, and no further.

    `anneal_strategy` is 'cos' or 'linear'.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | list[float],
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        rates = for_groups("swa_lr", optimizer, swa_lr)
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["swa_lr"] = rate
        self._anneal_strategy, self.anneal_epochs = anneal_strategy, anneal_epochs
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        step = self._step_count
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._done(step - 1), self._done(step)
        rates = []
        for group in self.optimizer.param_groups:
            goal = group["swa_lr"]
            begin = goal if before == 1 else (group["lr"] - before * goal) / (1 - before)
            rates.append(goal * now + begin * (1 - now))
        return rates

    def _done(self, step: int) -> float:
        """How much of the way is behind after `step` steps."""
        part = max(0, min(1, step / max(1, self.anneal_epochs)))
        return part if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * part)) / 2


__all__ = [
    "SWALR", "AveragedModel", "get_ema_avg_fn", "get_ema_multi_avg_fn", "get_swa_avg_fn", "get_swa_multi_avg_fn", "update_bn",
]  # fmt: skip

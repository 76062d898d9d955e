"""Metrics: functions of a batch's predictions and targets, and their means over an epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..tensor import Tensor

Metric = Callable[[Tensor, Tensor], Any]
RESERVED = ("loss", "lr", "seconds")  # other columns of a History


def accuracy(pred: Tensor, target: Tensor) -> float:
    """The share of samples whose largest score is that of their class.

    `pred` holds scores (N, C) or (N, C, ...), logits or probabilities; `target` class indices (N) or (N, ...), or class
    probabilities of the shape of `pred`. ValueError for other shapes.
    """
    scores, labels = pred._value, target._value
    if scores.ndim < 2 or scores.shape[1] < 2:
        raise ValueError(
            f"accuracy compares classes: it takes scores of shape (N, C) with C of at least 2, got {list(pred.shape)}; for a "
            "single logit give a function, such as metrics={'accuracy': lambda p, t: ((p > 0) == (t > 0.5)).float().mean()}"
        )
    if labels.shape == scores.shape:
        labels = labels.argmax(1)
    found = scores.argmax(1)
    if found.shape != labels.shape:
        raise ValueError(
            f"accuracy: scores {list(pred.shape)} need targets {list(found.shape)}, got {list(target.shape)}"
        )
    return float((found == labels).mean())


BUILT_IN: dict[str, Metric] = {"accuracy": accuracy}


def by_name(metrics: str | Metric | Iterable[str | Metric] | Mapping[str, str | Metric]) -> dict[str, Metric]:
    """The metrics by name: given as a name, a function, several of them, or a mapping of names to them."""
    if isinstance(metrics, str) or callable(metrics):
        metrics = (metrics,)
    if not isinstance(metrics, Mapping):
        named: dict[str, str | Metric] = {}
        for metric in metrics:
            name = metric if isinstance(metric, str) else getattr(metric, "__name__", type(metric).__name__)
            if name in named:
                raise ValueError(f"two metrics are called {name!r}: give a mapping of names to functions")
            named[name] = metric
        metrics = named
    for name in metrics:
        if name in RESERVED or name.startswith("val_"):
            raise ValueError(f"a metric cannot be called {name!r}: History has that column already")
    return {name: _function(metric) for name, metric in metrics.items()}


def _function(metric: str | Metric) -> Metric:
    if callable(metric):
        return metric
    if metric not in BUILT_IN:
        raise ValueError(
            f"no metric is called {metric!r}; there is {', '.join(BUILT_IN)}, or give a function (pred, target) -> number"
        )
    return BUILT_IN[metric]


class Means:
    """Running means of named values over samples: sums of Python floats, which a checkpoint keeps exactly."""

    def __init__(self, sums: Mapping[str, float] | None = None, samples: int = 0) -> None:
        self.sums = dict(sums or {})
        self.samples = samples

    def add(self, values: Mapping[str, float], samples: int) -> None:
        """Add a batch: the means over its `samples` samples."""
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value * samples
        self.samples += samples

    def means(self) -> dict[str, float]:
        """The mean of each value over all samples so far."""
        return {name: total / self.samples for name, total in self.sums.items()}

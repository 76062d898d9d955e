"""A watcher that finds where a NaN came from."""

from __future__ import annotations

import os
import traceback
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import engine
from ..grad_mode import mode

_PACKAGE = os.path.dirname(os.path.dirname(__file__))


class detect_anomaly:
    """Find the operation whose backward makes a NaN: raises there, with the place in the user's code that called it.

    Costs a stack trace for each operation, so it is for debugging. As in PyTorch, a context manager around forward and
    backward.

    >>> x = minigrad.tensor(0.0, requires_grad=True)
    >>> with minigrad.autograd.detect_anomaly():
    ...     (x.sqrt() * 0).backward()
    Traceback (most recent call last):
    RuntimeError: Function 'SqrtBackward' returned nan values in its 0th output.
    ...
    """

    def __init__(self, check_nan: bool = True) -> None:
        self.check_nan = check_nan

    def __enter__(self) -> None:
        self.before = mode.anomaly
        mode.anomaly = self

    def __exit__(self, *exc: object) -> None:
        mode.anomaly = self.before

    def remember(self, node: engine.Function) -> None:
        """Note where the user's code made `node`."""
        frames = [frame for frame in traceback.extract_stack() if not frame.filename.startswith(_PACKAGE)]
        node.where = "Traceback of forward call that caused the error:\n" + "".join(traceback.format_list(frames[-3:]))

    def check(self, node: engine.Function, grads: Sequence[Any]) -> None:
        """Raise if one of the gradients that `node` returned holds a NaN."""
        if not self.check_nan:
            return
        for index, gradient in enumerate(grads):
            value = np.asarray(getattr(gradient, "_value", gradient)) if gradient is not None else None
            if value is not None and value.dtype.kind == "f" and np.isnan(value).any():
                raise RuntimeError(
                    f"Function '{node.name()}' returned nan values in its {index}th output.\n{node.where}"
                )


class set_detect_anomaly(detect_anomaly):
    """Turn `detect_anomaly` on or off from this call on; used as a context manager, until its end.

    >>> watcher = minigrad.autograd.set_detect_anomaly(True)
    >>> minigrad.autograd.is_anomaly_enabled()
    True
    >>> watcher = minigrad.autograd.set_detect_anomaly(False)
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        super().__init__(check_nan)
        self.before = _set(self if mode else None)

    def __enter__(self) -> None:
        pass


def _set(watcher: detect_anomaly | None) -> Any:
    before, mode.anomaly = mode.anomaly, watcher
    return before


def is_anomaly_enabled() -> bool:
    """Whether the current thread is watched for anomalies."""
    return mode.anomaly is not None


def is_anomaly_check_nan_enabled() -> bool:
    """Whether gradients are searched for NaN in the current thread."""
    return mode.anomaly is not None and mode.anomaly.check_nan

"""What is recorded: `no_grad`, `enable_grad`, `set_grad_enabled` and `inference_mode`, each a context manager and a
decorator, for the current thread."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class _Mode(threading.local):
    """What the engine records, for each thread."""

    recording = True
    inference = False
    anomaly: Any = None  # the watcher of `autograd.detect_anomaly`, if it is on


mode = _Mode()


class _GradMode:
    recording: bool | None = None  # None leaves it as it is
    inference: bool | None = None

    def __init__(self, function: Callable | None = None) -> None:
        self.before: list[tuple[bool, bool]] = []

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if args and callable(args[0]):  # @no_grad without brackets
            return cls()(args[0])
        return super().__new__(cls)

    def __enter__(self) -> None:
        self.before.append((mode.recording, mode.inference))
        if self.recording is not None:
            mode.recording = (
                self.recording and not mode.inference
            )  # inference mode records nothing, whatever is enabled
        if self.inference is not None:
            mode.inference = self.inference

    def __exit__(self, *exc: object) -> None:
        mode.recording, mode.inference = self.before.pop()

    def __call__(self, function: F) -> F:
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            inner = object.__new__(_GradMode)  # of its own, since calls may nest and threads may meet
            inner.before, inner.recording, inner.inference = [], self.recording, self.inference
            with inner:
                return function(*args, **kwargs)

        return wrapped  # type: ignore[return-value]


class no_grad(_GradMode):
    """Record nothing: results do not require gradients.

    >>> weight = minigrad.ones(2, requires_grad=True)
    >>> with minigrad.no_grad():
    ...     weight -= 0.5
    >>> weight
    tensor([0.5000, 0.5000], requires_grad=True)
    """

    recording = False


class enable_grad(_GradMode):
    """Record, also inside `no_grad`."""

    recording = True


class set_grad_enabled(_GradMode):
    """Record or not from this call on; used as a context manager, until its end."""

    def __init__(self, enabled: bool) -> None:
        super().__init__()
        self.recording = bool(enabled)
        self.outer = mode.recording
        mode.recording = self.recording and not mode.inference

    def __enter__(self) -> None:
        self.before.append((self.outer, mode.inference))
        mode.recording = bool(self.recording) and not mode.inference

    def __call__(self, function: F) -> F:
        mode.recording = self.outer  # as a decorator it concerns the function alone
        return super().__call__(function)


class inference_mode(_GradMode):
    """`no_grad`, and what is made inside is marked so that no gradient can ever need it."""

    def __init__(self, enabled: bool = True) -> None:
        super().__init__()
        self.recording, self.inference = (False, True) if enabled else (None, False)


def refuse_inference(node: Any, variables: Any) -> None:
    """Raise if the new node keeps one of its arguments for backward that was made in inference mode."""
    for index, variable in enumerate(variables):
        if getattr(variable, "_inference", False) and node.saves(index):
            raise RuntimeError(f"Inference tensors cannot be saved for backward ({node.name()}): clone() it first")


def is_grad_enabled() -> bool:
    """Whether the current thread records."""
    return mode.recording


def is_inference_mode_enabled() -> bool:
    """Whether the current thread is inside `inference_mode`."""
    return mode.inference

"""`torch.jit`: there is no compiler. What marks code for it returns that code, which runs as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

__all__ = ["Final", "annotate", "export", "ignore", "is_scripting", "is_tracing", "script", "trace", "unused"]

T = TypeVar("T")


def is_scripting() -> bool:
    """False."""
    return False


def is_tracing() -> bool:
    """False."""
    return False


def script(obj: T, optimize: Any = None, _frames_up: int = 0, _rcb: Any = None, example_inputs: Any = None) -> T:
    """`obj` itself, a function or module."""
    return obj


def trace(func: T, example_inputs: Any = None, **options: Any) -> T:
    """`func` itself, a function or module."""
    return func


def export(fn: T) -> T:
    """`fn` itself."""
    return fn


unused = _overload = _overload_method = export


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """The function itself; with an option, such as `drop=True`, a decorator that returns what it is given."""
    return drop if isinstance(drop, Callable) else export  # type: ignore[arg-type]


def annotate(the_type: Any, the_value: T) -> T:
    """`the_value`."""
    return the_value

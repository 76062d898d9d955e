"""Switches of PyTorch that have one position here: the CPU, full precision, deterministic results, no compiler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..device import CPU, device
from ..dtypes import check_device


def _assert(condition: Any, message: str) -> None:
    """AssertionError with `message` unless `condition` holds."""
    assert condition, message


def set_default_device(device: Any) -> None:
    """Nothing for 'cpu' and None; RuntimeError for any other device."""
    check_device(device)


def get_default_device() -> device:
    """`device('cpu')`."""
    return CPU


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Nothing: results are deterministic."""


def are_deterministic_algorithms_enabled() -> bool:
    """True."""
    return True


def set_float32_matmul_precision(precision: str) -> None:
    """Nothing: float32 products are computed in float32. ValueError unless 'highest', 'high' or 'medium'."""
    if precision not in ("highest", "high", "medium"):
        raise ValueError(f"{precision!r} is not one of 'highest', 'high', or 'medium'")


def get_float32_matmul_precision() -> str:
    """'highest'."""
    return "highest"


def compile(
    model: Callable | None = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: Any = "inductor",
    mode: str | None = None,
    options: dict | None = None,
    disable: bool = False,
) -> Any:
    """`model` itself, a module or function, which runs as it is; without one, a decorator that returns what it is given.

    >>> @minigrad.compile(mode="max-autotune")
    ... def double(x):
    ...     return 2 * x
    >>> double(minigrad.ones(2))
    tensor([2., 2.])
    """
    if model is None:
        return compile
    if not callable(model):
        raise AssertionError(f"A callable function is expected, but {type(model)} is provided.")
    return model

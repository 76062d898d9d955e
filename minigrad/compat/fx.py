"""`torch.fx`: nothing is traced, so what marks functions for it changes nothing."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")

__all__ = ["wrap"]


def wrap(fn_or_name: T) -> T:
    """`fn_or_name` itself."""
    return fn_or_name

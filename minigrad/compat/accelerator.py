"""`torch.accelerator`: there is none. What would use one raises RuntimeError, as in PyTorch."""

from __future__ import annotations

from typing import Any, NoReturn


def is_available() -> bool:
    """False."""
    return False


def device_count() -> int:
    """0."""
    return 0


def current_accelerator(check_available: bool = False) -> None:
    """None: there is no accelerator."""


def _absent(*args: Any, **kwargs: Any) -> NoReturn:
    """RuntimeError: there is no accelerator."""
    raise RuntimeError("Cannot access accelerator device when none is available.")


synchronize = current_device_index = set_device_index = current_stream = set_stream = empty_cache = _absent
memory_allocated = max_memory_allocated = memory_reserved = memory_stats = reset_peak_memory_stats = _absent

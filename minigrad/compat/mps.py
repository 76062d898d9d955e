"""`torch.mps`: there is no such device."""

from __future__ import annotations

from typing import NoReturn


def is_available() -> bool:
    """False."""
    return False


def device_count() -> int:
    """0."""
    return 0


def manual_seed(seed: int) -> None:
    """Nothing: there is no device to seed."""
    int(seed)


def _absent() -> NoReturn:
    """RuntimeError: there is no MPS device."""
    raise RuntimeError("minigrad computes on the CPU alone: there is no MPS device")


synchronize = empty_cache = current_allocated_memory = _absent

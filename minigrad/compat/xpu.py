"""`torch.xpu`: there is no such device."""

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


manual_seed_all = manual_seed


def empty_cache() -> None:
    """Nothing: there is no cache."""


def _absent(*args: object) -> NoReturn:
    """RuntimeError: there is no XPU device."""
    raise RuntimeError("minigrad computes on the CPU alone: there is no XPU device")


synchronize = current_device = set_device = get_device_name = _absent

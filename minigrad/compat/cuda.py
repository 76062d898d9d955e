"""`torch.cuda`: there is no such device. Questions are answered with no, 0 or None; what would use one raises.

The exceptions are those of a PyTorch that was built for the CPU: AssertionError, RuntimeError for streams and events.
"""

from __future__ import annotations

from typing import Any, NoReturn

from . import amp

__all__ = [
    "Event", "Stream", "amp", "current_device", "current_stream", "device", "device_count", "empty_cache",
    "get_device_capability", "get_device_name", "get_device_properties", "get_rng_state", "get_rng_state_all", "init",
    "initial_seed", "is_available", "is_bf16_supported", "is_initialized", "manual_seed", "manual_seed_all",
    "max_memory_allocated", "max_memory_reserved", "mem_get_info", "memory_allocated", "memory_reserved",
    "memory_summary", "reset_peak_memory_stats", "seed", "seed_all", "set_device", "set_rng_state", "set_rng_state_all",
    "synchronize",
]  # fmt: skip


def is_available() -> bool:
    """False."""
    return False


is_initialized = is_available


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """False."""
    return False


def device_count() -> int:
    """0."""
    return 0


def manual_seed(seed: int) -> None:
    """Nothing: there is no device to seed."""
    int(seed)  # so that what is no number raises


def manual_seed_all(seed: int) -> None:
    """Nothing: there is no device to seed."""
    int(seed)


def seed() -> None:
    """Nothing: there is no device to seed."""


def seed_all() -> None:
    """Nothing: there is no device to seed."""


def empty_cache() -> None:
    """Nothing: there is no cache."""


def get_rng_state_all() -> list:
    """No states."""
    return []


def set_rng_state_all(new_states: Any) -> None:
    """RuntimeError for any state, since there is no device to take it."""
    if len(new_states):
        _absent()


def memory_allocated(device: Any = None) -> int:
    """0."""
    return 0


max_memory_allocated = memory_reserved = max_memory_reserved = memory_allocated


def _absent(*args: Any, **kwargs: Any) -> NoReturn:
    """AssertionError: there is no CUDA device."""
    raise AssertionError("minigrad computes on the CPU alone: there is no CUDA device")


synchronize = current_device = set_device = get_device_name = get_device_capability = get_device_properties = _absent
current_stream = init = initial_seed = get_rng_state = set_rng_state = mem_get_info = memory_summary = _absent
reset_peak_memory_stats = _absent


class _Absent:
    """RuntimeError: there is no CUDA device."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError(f"{type(self).__name__} requires CUDA: minigrad computes on the CPU alone")


class Stream(_Absent):
    """RuntimeError: there is no CUDA device."""


class Event(_Absent):
    """RuntimeError: there is no CUDA device."""


class device(_Absent):
    """RuntimeError: there is no CUDA device."""

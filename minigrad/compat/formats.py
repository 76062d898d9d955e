"""`torch.contiguous_format` and the rest: how the axes of a new Tensor lie in memory. Here always in order."""

from __future__ import annotations

from typing import Any


class memory_format:
    """A layout of memory. Contiguous is the only one; what would make another raises."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"minigrad.{self.name}"


contiguous_format, preserve_format = memory_format("contiguous_format"), memory_format("preserve_format")
channels_last, channels_last_3d = memory_format("channels_last"), memory_format("channels_last_3d")


def check_memory_format(format: Any) -> None:
    """TypeError unless `format` is a memory format, or None; NotImplementedError for channels last."""
    if format is None or format is contiguous_format or format is preserve_format:
        return
    if not isinstance(format, memory_format):
        raise TypeError(f"memory_format must be a minigrad.memory_format, not {type(format).__name__}")
    raise NotImplementedError(f"memory_format={format}: minigrad keeps the axes in order; leave it out")

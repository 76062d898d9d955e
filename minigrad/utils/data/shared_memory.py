"""Memory that two processes share, for a batch on its way.

It is a file without a name: no process has to remember to unlink it, and it is gone with the last process that has it
open, however that one ends.
"""

from __future__ import annotations

import io
import mmap
import os
import pickle
import struct
import tempfile
from typing import Any

import numpy as np

from ..._kernels import empty
from ...tensor import Tensor, wrap

_COUNTS = struct.Struct("<QQ")  # bytes of the pickle, number of arrays; after it the size of each array, and the pickle
_ALIGNMENT = 64


class Slot:
    """Room for one object at a time, as large as the largest that has been in it. The reader copies it out."""

    def __init__(self) -> None:
        self.file, self.memory = _nameless(), None

    memory: mmap.mmap | None

    def __getstate__(self) -> Any:
        from multiprocessing.reduction import DupFd

        return DupFd(self.file)  # to a process that is being spawned

    def __setstate__(self, state: Any) -> None:
        self.file, self.memory = state.detach(), None

    def write(self, item: Any) -> None:
        """Put `item` in, in place of what was there."""
        arrays: list[Any] = []
        stream = io.BytesIO()
        _Pickler(stream, protocol=5, buffer_callback=lambda buffer: arrays.append(buffer.raw())).dump(item)
        pickled = stream.getbuffer()
        sizes = [array.nbytes for array in arrays]
        start, places, end = _layout(len(pickled), sizes)
        memory = self._mapped(end)
        _COUNTS.pack_into(memory, 0, len(pickled), len(sizes))
        struct.pack_into(f"<{len(sizes)}Q", memory, _COUNTS.size, *sizes)
        memory[start : start + len(pickled)] = pickled
        for array, place in zip(arrays, places, strict=True):
            memory[place : place + array.nbytes] = array

    def read(self) -> Any:
        """A copy of what was put in."""
        memory = self._mapped(_COUNTS.size)
        length, count = _COUNTS.unpack_from(memory, 0)
        sizes = struct.unpack_from(f"<{count}Q", memory, _COUNTS.size)
        start, places, _ = _layout(length, sizes)
        arrays = []
        for place, size in zip(places, sizes, strict=True):
            arrays.append(empty((size,), np.dtype(np.uint8)))
            arrays[-1][...] = np.frombuffer(memory, np.uint8, size, place)
        return pickle.loads(memory[start : start + length], buffers=arrays)

    def close(self) -> None:
        """Let go of the memory."""
        if self.memory is not None:
            self.memory.close()
        os.close(self.file)

    def _mapped(self, size: int) -> mmap.mmap:
        """The memory, of at least `size` bytes and all that the other process may have made of it."""
        there = os.fstat(self.file).st_size
        if there < size:
            there = 1 << max(16, (size - 1).bit_length())
            os.ftruncate(self.file, there)
        if self.memory is None or len(self.memory) < there:
            if self.memory is not None:
                self.memory.close()
            self.memory = mmap.mmap(self.file, there)
        return self.memory


class _Pickler(pickle.Pickler):
    """Sends a plain Tensor as its array, which is copied into shared memory and nowhere else."""

    def reducer_override(self, obj: Any) -> Any:
        if type(obj) is Tensor and not obj._tracked and obj.grad_fn is None and not obj.__dict__:
            return wrap, (np.ascontiguousarray(obj._value).reshape(obj.shape),)
        return NotImplemented


def _layout(pickled: int, sizes: Any) -> tuple[int, list[int], int]:
    """Where the pickle begins, where each array begins, and where all ends."""
    start = _COUNTS.size + 8 * len(sizes)
    end, places = start + pickled, []
    for size in sizes:
        places.append(-(-end // _ALIGNMENT) * _ALIGNMENT)
        end = places[-1] + size
    return start, places, end


def _nameless() -> int:
    """The descriptor of a new file that has no name: in memory where the system knows such files."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("minigrad-batch")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


__all__ = ["Slot"]

"""From indices to a batch, in any process: the items, their random numbers, and how they are put together."""

from __future__ import annotations

import contextlib
import operator
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from ..._kernels import empty
from ...random import default_generator
from ...tensor import Tensor, wrap
from .collate import default_collate, default_convert
from .dataset import ConcatDataset, IterableDataset, Subset, TensorDataset

Key = tuple[int, int]  # the seed and the call number of a pass over the data
COLLATE, STREAM = 2**64 - 1, 2**64 - 2  # mark the seeds of batches and of streams among those of items
_COLLATES = (default_collate, default_convert)


class Task(NamedTuple):
    """What to load for one batch."""

    number: int  # of the batch in its pass
    indices: Any  # a list of them, or a single one where no batches are made
    repeats: list[int] | None = None  # for each index, how often it has come before in this pass


class Fetcher:
    """Loads the batch of a task; the same in the main process and in workers."""

    def __init__(self, dataset: Any, collate_fn: Callable[[Any], Any], batched: bool, drop_last: bool) -> None:
        self.dataset, self.collate_fn, self.batched, self.drop_last = dataset, collate_fn, batched, drop_last
        self.streams = isinstance(dataset, IterableDataset)
        self.items_draw = not self.streams and not _is_plain(dataset)
        self.collate_draws = not self.streams and collate_fn not in _COLLATES

    @property
    def draws(self) -> bool:
        """Whether code that we don't know is run, which may draw random numbers."""
        return self.streams or self.items_draw or self.collate_draws

    def tasks(self, sampler: Iterable[Any]) -> Iterator[Task]:
        """The tasks of a pass in the sampler's order."""
        seen: dict[int, int] = {}
        for number, indices in enumerate(sampler):
            repeats = None
            if self.items_draw:
                repeats = []
                for index in map(_number, indices if self.batched else [indices]):
                    repeats.append(seen.get(index, 0))
                    seen[index] = repeats[-1] + 1
            yield Task(number, indices, repeats)

    def fetch(self, task: Task, key: Key) -> Any:
        """The batch of `task`, from a data set with indices."""
        if self.batched and self.collate_fn is default_collate:
            taken = take(self.dataset, task.indices)
            if taken is not None:
                return taken
        items = []
        for i, index in enumerate(task.indices if self.batched else [task.indices]):
            if task.repeats is not None:
                seed_all(*key, _number(index), task.repeats[i])
            items.append(self.dataset[index])
        if self.collate_draws:
            seed_all(*key, task.number, COLLATE)
        return self.collate_fn(items if self.batched else items[0])

    def stream(self, sampler: Iterable[Any], key: Key) -> Iterator[Any]:
        """The batches of an IterableDataset in this process, which draws as a single worker's would."""
        stream, drawn = None, None
        for indices in sampler:
            with preserved():
                if drawn is None:
                    seed_all(*key, 0, STREAM)
                    stream = iter(self.dataset)
                else:
                    restore(drawn)
                more, batch = self.next_of(stream, indices)
                drawn = states()
            if not more:
                return
            yield batch

    def next_of(self, stream: Any, indices: Any) -> tuple[bool, Any]:
        """(True, the next batch of `stream`), or (False, None) at its end; `indices` are as many as the batch's items."""
        items = list(islice(stream, len(indices) if self.batched else 1))
        if not items or (self.batched and self.drop_last and len(items) < len(indices)):
            return False, None
        return True, self.collate_fn(items if self.batched else items[0])


def mixed(*numbers: int) -> bytes:
    """20 bytes that numbers of 64 bits give."""
    from hashlib import blake2b

    return blake2b(struct.pack(f"<{len(numbers)}Q", *(number % 2**64 for number in numbers)), digest_size=20).digest()


def _others() -> tuple[Any, Any]:
    """What Python's `random` and NumPy's `np.random.rand` draw from. Imported here, and so is hashlib above: with secrets, which
    NumPy's asks for, they would take a tenth of the time that importing minigrad takes."""
    import random

    return random, np.random.mtrand._rand


def seed_all(*numbers: int) -> None:
    """Seed minigrad's, Python's and NumPy's default generators with numbers of 64 bits."""
    ours, pythons, numpys = struct.unpack("<QQI", mixed(*numbers))
    default_generator.manual_seed(ours)
    random, legacy = _others()
    random.seed(pythons)
    legacy.seed(numpys)


def states() -> tuple[Any, Any, Any]:
    """Where the default generators stand."""
    random, legacy = _others()
    return default_generator.get_state(), random.getstate(), legacy.get_state()


def restore(states: tuple[Any, Any, Any]) -> None:
    """Put the default generators back to where they stood."""
    default_generator.set_state(states[0])
    random, legacy = _others()
    random.setstate(states[1])
    legacy.set_state(states[2])


@contextlib.contextmanager
def preserved(active: bool = True) -> Iterator[None]:
    """Put the default generators back afterwards."""
    before = states() if active else None
    try:
        yield
    finally:
        if before is not None:
            restore(before)


def take(dataset: Any, indices: Sequence[int]) -> list[Tensor] | None:
    """What default_collate makes of the items at `indices`, if that is one indexing of arrays; otherwise None."""
    while type(dataset) is Subset:
        indices = [dataset.indices[i] for i in indices]
        dataset = dataset.dataset
    if type(dataset) is not TensorDataset or not len(indices) or any(tensor._tracked for tensor in dataset.tensors):
        return None
    rows = np.asarray(indices)
    if rows.dtype.kind != "i" or rows.ndim != 1 or rows.min() < -len(dataset) or rows.max() >= len(dataset):
        return None  # the items will say what is wrong
    batch = []
    for tensor in dataset.tensors:
        array = tensor._value
        out = empty((len(rows), *array.shape[1:]), array.dtype)
        batch.append(wrap(np.take(array, rows, axis=0, out=out, mode="wrap")))
    return batch


def _is_plain(dataset: Any) -> bool:
    """Whether indexing `dataset` runs no code but ours and Python's, so that nothing random is in it."""
    while type(dataset) is Subset:
        dataset = dataset.dataset
    if type(dataset) is ConcatDataset:
        return all(map(_is_plain, dataset.datasets))
    return type(dataset) in (TensorDataset, Tensor, np.ndarray, list, tuple, range, str, dict)


def _number(index: Any) -> int:
    try:
        return operator.index(index)
    except TypeError:  # a name, or several indices at once
        return zlib.crc32(repr(index).encode())


__all__ = ["COLLATE", "STREAM", "Fetcher", "Key", "Task", "mixed", "preserved", "restore", "seed_all", "states", "take"]

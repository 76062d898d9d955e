"""DataLoader: batches of a data set, in order or shuffled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from ..._kernels import empty
from ...random import Generator
from ...tensor import Tensor, wrap
from .collate import default_collate, default_convert
from .dataset import Dataset, Subset, TensorDataset
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler

T = TypeVar("T", covariant=True)
_FIXED = frozenset({"batch_size", "batch_sampler", "sampler", "drop_last", "dataset"})


class DataLoader(Generic[T]):
    """Iterates over batches of `dataset`, each put together by `collate_fn`.

    With `shuffle` every epoch has an order of its own, drawn as one call number of `generator` (the default one unless
    given) when its first batch is asked for; without, nothing is drawn. `batch_size=None` gives single items. A
    `sampler` says the order instead, a `batch_sampler` the order and the batches.

    Loading runs in this process: `num_workers` other than 0 raises ValueError. A TensorDataset (or Subset of one) is
    indexed once for a batch rather than once for an item. `pin_memory`, `timeout` and `worker_init_fn` have no effect here.

    >>> data = minigrad.utils.data.TensorDataset(minigrad.arange(5), minigrad.arange(5) * 10)
    >>> for x, y in minigrad.utils.data.DataLoader(data, batch_size=2):
    ...     print(x.tolist(), y.tolist())
    [0, 1] [0, 10]
    [2, 3] [20, 30]
    [4] [40]
    """

    def __init__(
        self,
        dataset: Dataset[T],
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Sampler | Iterable | None = None,
        batch_sampler: Sampler[list[int]] | Iterable[list[int]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
    ) -> None:
        if num_workers != 0 or multiprocessing_context is not None or prefetch_factor is not None or persistent_workers:
            raise ValueError(
                f"minigrad's DataLoader loads in this process: leave out num_workers={num_workers} and what concerns workers "
                "(multiprocessing_context, prefetch_factor, persistent_workers)"
            )
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last"
                )
            batch_size = None
        elif batch_size is None and drop_last:
            raise ValueError("batch_size=None option disables auto-batching and is mutually exclusive with drop_last")
        if sampler is None:
            sampler = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)  # type: ignore[arg-type]
        if batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.dataset, self.batch_size, self.drop_last, self.num_workers = dataset, batch_size, drop_last, num_workers
        self.sampler, self.batch_sampler, self.generator = sampler, batch_sampler, generator
        self.collate_fn = collate_fn or (default_convert if batch_sampler is None else default_collate)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _FIXED and name in self.__dict__:  # the samplers are made: it would have no effect
            raise ValueError(f"{name} attribute should not be set after {type(self).__name__} is initialized")
        super().__setattr__(name, value)

    def __iter__(self) -> Iterator[Any]:
        if self.batch_sampler is None:
            for index in self.sampler:
                yield self.collate_fn(self.dataset[index])  # type: ignore[arg-type]
            return
        for indices in self.batch_sampler:
            batch = _take(self.dataset, indices) if self.collate_fn is default_collate else None
            yield self.collate_fn([self.dataset[i] for i in indices]) if batch is None else batch

    def __len__(self) -> int:
        return len(self.sampler if self.batch_sampler is None else self.batch_sampler)  # type: ignore[arg-type]


def _take(dataset: Any, indices: Sequence[int]) -> list[Tensor] | None:
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


__all__ = ["DataLoader"]

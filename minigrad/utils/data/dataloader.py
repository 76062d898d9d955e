"""DataLoader: batches of a data set, in order or shuffled."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from ...random import Generator, default_generator
from .collate import default_collate, default_convert
from .dataset import Dataset, IterableDataset
from .fetch import STREAM, Fetcher, Key, mixed, preserved
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler

T = TypeVar("T", covariant=True)
_FIXED = frozenset({"batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"})


class DataLoader(Generic[T]):
    """Iterates over batches of `dataset`, each put together by `collate_fn`.

    With `shuffle` every epoch has an order of its own, drawn as one call number of `generator` (the default one unless
    given) when its first batch is asked for. `batch_size=None` gives single items. A `sampler` says the order instead, a
    `batch_sampler` the order and the batches; an IterableDataset comes as it is.

    `num_workers` processes load ahead, `prefetch_factor` batches each (2 unless given), and hand over batches in shared
    memory. Batches, their order and all random numbers are the same for any number of workers, 0 included: before item i
    is loaded the default generators of minigrad, Python and NumPy are seeded from the seed of `generator`, a call number
    that the epoch takes from it, i, and how often i came before in the epoch; before a `collate_fn` of one's own, from the
    number of the batch. In this process they are put back afterwards. Nothing is taken or seeded where no code but
    minigrad's runs: for arrays, lists and a TensorDataset with the default `collate_fn`. Two things depend on the workers:
    what an IterableDataset gives to each of them, and generators that a data set holds itself, of which each worker has a
    copy.

    Workers are started as Python's `multiprocessing` does on this system, unless `multiprocessing_context` names a method
    ('fork', 'spawn', 'forkserver') or is a context. Each computes on one thread, so 'fork' is safe with kernels' threads.
    They end with the epoch, with `persistent_workers` when the loader is deleted, and at once when this process ends. An
    error in a worker is raised here as it was, with the worker's traceback as its cause; a worker that dies, or needs more
    than `timeout` seconds for a batch, is a RuntimeError that names it. `worker_init_fn(id)` runs first in each worker;
    `get_worker_info()` tells code there where it is. `pin_memory` has no effect here.

    >>> data = minigrad.utils.data.TensorDataset(minigrad.arange(5), minigrad.arange(5) * 10)
    >>> for x, y in minigrad.utils.data.DataLoader(data, batch_size=2):
    ...     print(x.tolist(), y.tolist())
    [0, 1] [0, 10]
    [2, 3] [20, 30]
    [4] [40]
    """

    __slots__ = ("__dict__", "__weakref__", "_pool")  # workers are no part of what the loader's state is

    _pool: Any

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
        _check_workers(num_workers, prefetch_factor, persistent_workers, timeout, multiprocessing_context)
        if isinstance(dataset, IterableDataset):
            for name, value in (("shuffle", shuffle or None), ("sampler", sampler), ("batch_sampler", batch_sampler)):
                if value is not None:
                    raise ValueError(
                        f"DataLoader with IterableDataset: expected unspecified {name} option, but got {name}={value}"
                    )
            sampler = _Endless()
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
        self.prefetch_factor = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self.persistent_workers, self.timeout, self.worker_init_fn = persistent_workers, timeout, worker_init_fn
        self.multiprocessing_context, self.pin_memory = multiprocessing_context, pin_memory
        self._pool = None

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _FIXED and name in self.__dict__:  # the samplers are made: it would have no effect
            raise ValueError(f"{name} attribute should not be set after {type(self).__name__} is initialized")
        super().__setattr__(name, value)

    def __iter__(self) -> Iterator[Any]:
        batched = self.batch_sampler is not None
        fetcher = Fetcher(self.dataset, self.collate_fn, batched, self.drop_last)
        sampler: Any = self.batch_sampler if batched else self.sampler
        if self.num_workers:
            batches = self._from_workers(fetcher, sampler)
        elif fetcher.streams:
            batches = fetcher.stream(sampler, self._key(fetcher))
        else:
            batches = self._from_here(fetcher, sampler)
        return _Batches(self, batches)

    def __len__(self) -> int:
        if isinstance(self.dataset, IterableDataset):
            size, each = len(self.dataset), self.batch_size or 1  # type: ignore[arg-type]
            return size // each if self.drop_last else -(-size // each)
        return len(self.sampler if self.batch_sampler is None else self.batch_sampler)  # type: ignore[arg-type]

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._pool = None

    def _key(self, fetcher: Fetcher) -> Key:
        """What the random numbers of a pass are seeded from: taken as one call number, if there may be any."""
        generator = self.generator or default_generator
        return generator.next_call()[:2] if fetcher.draws else (generator.initial_seed(), generator.call)

    def _from_here(self, fetcher: Fetcher, sampler: Any) -> Iterator[Any]:
        key = None
        for task in fetcher.tasks(sampler):
            key = key or self._key(fetcher)
            with preserved(fetcher.draws):
                batch = fetcher.fetch(task, key)
            yield batch

    def _from_workers(self, fetcher: Fetcher, sampler: Any) -> Iterator[Any]:
        from .pool import Pool  # multiprocessing is imported only here

        pool = self._pool
        if pool is None or not pool.alive:
            generator = self.generator or default_generator
            seed = int.from_bytes(mixed(generator.initial_seed(), generator.call, STREAM)[:8], "little")
            pool = Pool(
                fetcher,
                self.num_workers,
                self.prefetch_factor or 1,
                self.timeout,
                self.worker_init_fn,
                self.multiprocessing_context,
                seed,
            )
            self._pool = pool if self.persistent_workers else None
        try:
            yield from pool.run(fetcher.tasks(sampler), lambda: self._key(fetcher))
        finally:
            if not self.persistent_workers:
                pool.close()


class _Batches:
    """A pass over a loader, which has its length."""

    def __init__(self, loader: DataLoader, batches: Iterator[Any]) -> None:
        self.loader, self.batches = loader, batches

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return next(self.batches)

    def __len__(self) -> int:
        return len(self.loader)


class _Endless(Sampler[None]):
    """In the place of indices, for a data set that has none."""

    def __iter__(self) -> Iterator[None]:
        return itertools.repeat(None)


def _check_workers(count: Any, prefetch: Any, persistent: Any, timeout: Any, context: Any) -> None:
    if not isinstance(count, int) or isinstance(count, bool):
        raise TypeError(f"num_workers should be an int, but got {type(count).__name__}")
    if count < 0:
        raise ValueError(
            "num_workers option should be non-negative; use num_workers=0 to disable multiprocessing, "
            f"but got num_workers={count}"
        )
    if timeout < 0:
        raise ValueError(f"timeout option should be non-negative, but got timeout={timeout}")
    if count == 0:
        if prefetch is not None:
            raise ValueError(
                "prefetch_factor option could only be specified in multiprocessing: let num_workers > 0, or leave it out"
            )
        if persistent:
            raise ValueError("persistent_workers option needs num_workers > 0")
        if context is not None:
            raise ValueError("multiprocessing_context can only be used with num_workers > 0, but got num_workers=0")
        return
    if os.name != "posix":
        raise ValueError(f"num_workers={count}: worker processes need a POSIX system; use num_workers=0")
    if prefetch is not None and (not isinstance(prefetch, int) or prefetch < 1):
        raise ValueError(f"prefetch_factor option should be a positive integer, but got prefetch_factor={prefetch}")
    if isinstance(context, str):
        import multiprocessing

        methods = multiprocessing.get_all_start_methods()
        if context not in methods:
            raise ValueError(
                f"multiprocessing_context option should specify a valid start method in {methods}, "
                f"but got multiprocessing_context={context!r}"
            )
    elif context is not None and not hasattr(context, "Process"):
        raise TypeError(
            "multiprocessing_context option should be a context or the name of a start method, "
            f"but got {type(context).__name__}"
        )


__all__ = ["DataLoader"]

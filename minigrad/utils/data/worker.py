"""What runs in a worker process of a DataLoader."""

from __future__ import annotations

import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ... import _kernels as kernels
from .fetch import STREAM, Fetcher, Key, Task, seed_all

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from .shared_memory import Slot

BATCH, END, ERROR = range(3)  # kinds of answers


@dataclass(frozen=True)
class WorkerInfo:
    """Which worker this is: number `id` of `num_workers`, its `seed`, and its own copy of the `dataset`."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


_info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """In a worker process of a DataLoader its WorkerInfo, by which an IterableDataset gives each worker its share of the
    data; None in the main process.
    """
    return _info


@dataclass
class Job:
    """What a worker process is started with."""

    info: WorkerInfo
    fetcher: Fetcher
    init: Callable[[int], Any] | None
    slots: Sequence[Slot]
    tasks: Connection
    answers: Connection
    parent: int | None  # the process to end with, where it is the one that forks


def work(job: Job) -> None:
    """Answer tasks until there are no more, or the parent process has ended."""
    global _info
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all processes of a terminal: the main one ends us
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, args=(job.parent,), daemon=True).start()
    kernels.set_num_threads(1)
    _info = job.info
    try:
        _Worker(job).run()
    except (EOFError, OSError):  # the main process has gone
        os._exit(1)


class _Worker:
    def __init__(self, job: Job) -> None:
        self.job, self.failed, self.stream, self.number = job, None, None, 0
        seed_all(job.info.seed)
        if job.init is not None:
            try:
                job.init(job.info.id)
            except Exception as error:
                self.failed = error

    failed: Exception | None
    stream: Any  # of pass `number`, where the data set is one

    def run(self) -> None:
        while (number := self.job.tasks.recv()) is not None:
            slot = self.job.slots[number]
            kind, item = self.answer(*slot.read())
            try:
                slot.write(item)
            except Exception as error:  # it can't be pickled
                kind = ERROR
                slot.write(_portable(error))
            self.job.answers.send(kind)

    def answer(self, number: int, key: Key, task: Task) -> tuple[int, Any]:
        """The kind of the answer to a task of pass `number`, and what it holds."""
        try:
            if self.failed is not None:
                raise self.failed
            fetcher = self.job.fetcher
            if not fetcher.streams:
                return BATCH, fetcher.fetch(task, key)
            if self.number != number:
                seed_all(*key, self.job.info.id, STREAM)
                self.number, self.stream = number, iter(fetcher.dataset)
            more, batch = fetcher.next_of(self.stream, task.indices)
            return (BATCH, batch) if more else (END, None)
        except Exception as error:
            return ERROR, _portable(error)


def _portable(error: Exception) -> tuple[bytes | None, str, str]:
    """(the pickled error, or None where that can't be, its type and message, its traceback)."""
    text = "".join(traceback.format_exception(error))
    try:
        pickled = pickle.dumps(error)
        pickle.loads(pickled)
    except Exception:
        pickled = None
    return pickled, f"{type(error).__name__}: {error}", text


def _end_with_parent(parent: int | None) -> None:
    """End this process, whatever it does, when the main one has ended."""
    from multiprocessing import connection, parent_process

    main = parent_process()
    while main is not None:
        ended = connection.wait([main.sentinel], timeout=1)
        if ended or (parent is not None and os.getppid() != parent):  # a process forked later may hold the sentinel
            os._exit(1)


__all__ = ["WorkerInfo", "get_worker_info"]

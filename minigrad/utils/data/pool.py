"""The worker processes of a DataLoader, seen from the main process.

Tasks go to the workers in turn, and their answers are read in the same turn, so what comes out does not depend on which
worker was fast. A worker has `prefetch` tasks at most, and as many slots of shared memory for its answers; what travels
through its pipes is small, so no side ever waits for the other one to read.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from multiprocessing import connection
from typing import Any, NoReturn

from .fetch import Fetcher, Key, Task
from .shared_memory import Slot
from .worker import END, ERROR, Job, WorkerInfo, work

PATIENCE = 2.0  # seconds in which workers may finish what they do, before they are ended


class WorkerTraceback(Exception):
    """The traceback in a worker process, as the cause of the error that it raised."""

    def __str__(self) -> str:
        return str(self.args[0])


class Pool:
    """`count` worker processes."""

    def __init__(
        self,
        fetcher: Fetcher,
        count: int,
        prefetch: int,
        timeout: float,
        init: Callable[[int], Any] | None,
        context: Any,
        seed: int,
    ) -> None:
        context = multiprocessing.get_context(context) if isinstance(context, str | None) else context
        self.method = context.get_start_method()
        self.count, self.prefetch, self.timeout = count, prefetch, timeout
        self.passes = 0
        self.pending: deque[tuple[int, int]] = deque()  # worker and slot of each task that is under way, in their order
        self.processes: list[Any] = []
        self.tasks: list[Any] = []
        self.answers: list[Any] = []
        self.slots = [[Slot() for _ in range(prefetch)] for _ in range(count)]
        self.close = weakref.finalize(self, _end, os.getpid(), self.processes, self.tasks, self.answers, self.slots)
        parent = None if self.method == "forkserver" else os.getpid()
        try:
            for i in range(count):
                theirs, task_end = context.Pipe(duplex=False)
                answer_end, sends = context.Pipe(duplex=False)
                self.tasks.append(task_end)
                self.answers.append(answer_end)
                info = WorkerInfo(i, count, (seed + i) % 2**64, fetcher.dataset)
                job = Job(info, fetcher, init, self.slots[i], theirs, sends, parent)
                process = context.Process(target=work, args=(job,), name=f"DataLoader worker {i}", daemon=True)
                try:
                    process.start()
                finally:
                    theirs.close()
                    sends.close()
                self.processes.append(process)
        except BaseException:
            self.close()
            raise

    def run(self, tasks: Iterator[Task], key_of: Callable[[], Key]) -> Iterator[Any]:
        """The batches of `tasks`, in order. `key_of` is called once the first task is there."""
        self.passes += 1
        number = self.passes
        try:
            while self.pending:  # of a pass that was left early
                self._answer(self.pending.popleft()[0])
            yield from self._in_turn(*self._started(tasks, key_of, number))
        except GeneratorExit:
            raise
        except BaseException as error:  # after any but a worker's own, who has answered what is no longer known
            if self.passes == number and not isinstance(error.__cause__, WorkerTraceback):
                self.close()
            raise

    def _started(self, tasks: Iterator[Task], key_of: Callable[[], Key], number: int) -> Any:
        """How a slot gets its next task, once each has its first, and the number of the pass."""
        key: Key | None = None

        def send(worker: int, slot: int) -> None:
            nonlocal key
            task = next(tasks, None)
            if task is not None:
                key = key or key_of()
                self.slots[worker][slot].write((number, key, task))
                try:
                    self.tasks[worker].send(slot)
                except OSError:
                    self._raise_dead(worker)
                self.pending.append((worker, slot))

        for slot in range(self.prefetch):
            for worker in range(self.count):
                send(worker, slot)
        return send, number

    def _in_turn(self, send: Callable[[int, int], None], number: int) -> Iterator[Any]:
        """The batches of pass `number`; after each, its worker and slot get the next task."""
        ended: set[int] = set()
        while self.pending:
            worker, slot = self.pending.popleft()
            kind = self._answer(worker)
            item = self.slots[worker][slot].read()
            if kind == END:
                ended.add(worker)
                continue
            if worker not in ended:
                send(worker, slot)
            if kind == ERROR:
                self._raise(worker, *item)
            yield item
            if self.passes != number:
                raise RuntimeError("this pass over the data has ended: another one of the same workers began after it")

    def _answer(self, worker: int) -> int:
        """The kind of the next answer of `worker`."""
        sentinels = [process.sentinel for process in self.processes]
        ready = connection.wait([self.answers[worker], *sentinels], self.timeout or None)
        if self.answers[worker] in ready:
            try:
                return self.answers[worker].recv()
            except (EOFError, OSError):
                self._raise_dead(worker)
        if ready:
            self._raise_dead(sentinels.index(ready[0]))
        pid = self.processes[worker].pid
        raise RuntimeError(f"DataLoader timed out after {self.timeout} seconds waiting for worker {worker} (pid {pid})")

    @property
    def alive(self) -> bool:
        """Whether all workers are."""
        return self.close.alive and all(process.is_alive() for process in self.processes)

    def _raise(self, worker: int, pickled: bytes | None, what: str, text: str) -> NoReturn:
        where = f"DataLoader worker {worker} (pid {self.processes[worker].pid})"
        error = RuntimeError(f"{what} (in {where})") if pickled is None else pickle.loads(pickled)
        raise error from WorkerTraceback(f"in {where}:\n\n{text}")

    def _raise_dead(self, worker: int) -> NoReturn:
        process = self.processes[worker]
        process.join(1)
        code = process.exitcode
        if code is not None and code < 0:
            how = f"was killed by {_signal_name(-code)}"
            if -code == getattr(signal, "SIGKILL", 9):
                how += " (by the system, if memory ran out)"
        else:
            how = f"exited unexpectedly with code {code}"
            if self.method != "fork" and code == 1:
                how += (
                    f". With start method {self.method!r} a worker imports the main script: its code must stand under "
                    "if __name__ == '__main__':"
                )
        raise RuntimeError(f"DataLoader worker {worker} (pid {process.pid}) {how}")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _end(owner: int, processes: list[Any], tasks: list[Any], answers: list[Any], slots: list[list[Slot]]) -> None:
    """End the processes: those that are asked and don't, by signals."""
    if os.getpid() == owner:  # not in a process that was forked from it
        for pipe in tasks:
            with contextlib.suppress(OSError):  # it may have ended already
                pipe.send(None)
        deadline = time.monotonic() + PATIENCE
        for process in processes:
            process.join(max(0.0, deadline - time.monotonic()))
        for end in (lambda process: process.terminate(), lambda process: process.kill()):
            for process in processes:
                if process.is_alive():
                    end(process)
                    process.join(1)
    for pipe in (*tasks, *answers):
        pipe.close()
    for slot in (slot for of_worker in slots for slot in of_worker):
        slot.close()


__all__ = ["Pool"]

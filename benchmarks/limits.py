"""What this machine can do at most, measured: multiply-adds in registers, and copies of any size."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module

import numpy as np

from minigrad import _kernels

from .timing import lasting

LEAST_COPY, LARGEST_COPY = 2**12, 2**27  # bytes of one array


class Limits:
    """Limits of `threads` threads together, each the best of a few tries of about `seconds`."""

    def __init__(self, threads: int = 1, seconds: float = 0.02, tries: int = 7) -> None:
        self.threads, self.seconds, self.tries = threads, seconds, tries
        self.peaks: dict[int, float] = {}
        self.copies: dict[int, float] = {}
        try:
            self._probe = import_module(f"minigrad._kernels.probe_{_kernels.LEVEL}")
        except ImportError as error:
            raise ImportError(
                "the benchmarks need a kernel of their own: python setup.py build_ext --inplace"
            ) from error

    def peak(self, itemsize: int) -> float:
        """Floating-point operations a second on numbers of 4 or 8 bytes, a multiply-add being two."""
        if itemsize not in self.peaks:
            self.peaks[itemsize] = self._best([partial(self._probe.multiply_adds, itemsize)] * self.threads)
        return self.peaks[itemsize]

    def bandwidth(self, moved: float) -> float:
        """Bytes a second, read and written, of a copy that moves about `moved` bytes: more where that fits a cache."""
        size = LEAST_COPY
        while size < min(moved / 2, LARGEST_COPY):
            size *= 2
        if size not in self.copies:
            part = max(size // self.threads // 256 * 256, 256)
            arrays = [_kernels.empty((part,), np.dtype(np.uint8)) for _ in range(2 * self.threads)]
            for array in arrays:
                array.fill(1)
            pairs = list(zip(arrays[::2], arrays[1::2], strict=True))
            self.copies[size] = max(
                self._best([partial(self._copy, stream, *pair) for pair in pairs]) for stream in (False, True)
            )
        return self.copies[size]

    def seconds_for(self, flop: float, moved: float, itemsize: int) -> float | None:
        """The least time for so much work; None where it is not counted."""
        least = max(flop / self.peak(itemsize) if flop else 0.0, moved / self.bandwidth(moved) if moved else 0.0)
        return least or None

    def _copy(self, stream: bool, target: np.ndarray, source: np.ndarray, rounds: int) -> int:
        return self._probe.copy(target, source, rounds, stream)

    def _best(self, work: list[Callable[[int], int]]) -> float:
        """The most that all of `work` got done a second: functions of a number of rounds, a thread each."""

        def seconds_of(function: Callable[[int], object], rounds: int) -> float:
            start = time.perf_counter()
            function(rounds)
            return time.perf_counter() - start

        rounds = lasting(partial(seconds_of, work[0]), self.seconds)
        done = sum(function(rounds) for function in work)
        with ThreadPoolExecutor(len(work)) as pool:

            def together(rounds: int) -> None:
                list(pool.map(lambda function: function(rounds), work))

            return done / min(seconds_of(together, rounds) for _ in range(self.tries))

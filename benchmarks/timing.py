"""Timing by the clock on the wall: repetitions that last long enough, in rounds that take turns."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from itertools import repeat


def repetitions_for(call: Callable[[], object], seconds: float) -> int:
    """How many calls last about `seconds`: 1 at least."""
    return lasting(lambda count: sample(call, count) * count, seconds)


def lasting(run: Callable[[int], float], seconds: float) -> int:
    """The count for which `run(count)`, which returns the seconds it took, takes about `seconds`: 1 at least."""
    count = 1
    while True:
        elapsed = run(count)
        if elapsed < 2 * seconds:  # again: it may have been interrupted
            elapsed = min(elapsed, run(count), run(count))
        if elapsed >= seconds / 4:
            return max(1, math.ceil(count * seconds / elapsed))
        count *= 4


def sample(call: Callable[[], object], repetitions: int) -> float:
    """Seconds that one of `repetitions` calls takes, after some untimed ones that bring caches and branches back."""
    for _ in repeat(None, repetitions // 10 + 1):
        call()
    start = time.perf_counter()
    for _ in repeat(None, repetitions):
        call()
    return (time.perf_counter() - start) / repetitions


def alternate(samplers: Mapping[str, Callable[[], float]], rounds: int, pause: float = 0.0) -> dict[str, list[float]]:
    """One sample of each in turn, `rounds` times, each round beginning with another one.

    `pause` seconds pass before each, so that threads which the last one left spinning have gone to sleep.
    """
    samples: dict[str, list[float]] = {name: [] for name in samplers}
    names = list(samplers)
    for turn in range(rounds):
        first = turn % len(names) if names else 0
        for name in names[first:] + names[:first]:
            time.sleep(pause)
            samples[name].append(samplers[name]())
    return samples

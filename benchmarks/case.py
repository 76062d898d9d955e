"""What is measured: a case, and how each library computes it; and what came out: a result."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from statistics import median
from typing import Any

Call = Callable[[], object]


@dataclass(frozen=True)
class Case:
    """One computation. `build` sets it up for a library (see `peers.LIBRARIES`) and returns the call to time.

    `flop` are its floating-point operations and `moved` the bytes it has to read and write at least; `itemsize` is that of
    its numbers. `per` counts what its time is told in, such as (1000, "element").
    """

    name: str
    build: dict[str, Callable[[], Call]]
    flop: float | Callable[[], float] = 0.0
    moved: float = 0.0
    itemsize: int = 4
    per: tuple[float, str] | None = None


def torch_like(
    setup: Callable[..., Call], *args: Any, libraries: Iterable[str] = ("minigrad", "torch"), suffix: str = ""
) -> dict[str, Callable[[], Call]]:
    """`setup(torch, *args)` for libraries whose module can stand for `torch`: the same code for each. `suffix` tells apart
    what a library does with other arguments."""
    return {name + suffix: partial(_setup, name, setup, args) for name in libraries}


def _setup(module: str, setup: Callable[..., Call], args: tuple) -> Call:
    torch = import_module(module)
    torch.manual_seed(0)
    return setup(torch, *args)


@dataclass
class Result:
    """What was measured of one case: `samples` of each library, in `unit`, where less is better.

    `peers` are the libraries that minigrad is compared with; `limit` is the least the machine would allow.
    """

    suite: str
    case: str
    samples: dict[str, list[float]]
    peers: list[str]
    unit: str = "s"
    limit: float | None = None
    flop: float = 0.0
    moved: float = 0.0
    itemsize: int = 4
    per: tuple[float, str] | None = None
    medians: dict[str, float] = field(init=False)

    def __post_init__(self) -> None:
        self.medians = {name: median(values) for name, values in self.samples.items() if values}

    @property
    def own(self) -> float:
        """minigrad's median."""
        return self.medians["minigrad"]

    @property
    def best_peer(self) -> str | None:
        """The peer with the least median, if any was measured."""
        measured = [name for name in self.peers if name in self.medians]
        return min(measured, key=self.medians.__getitem__, default=None)

    @property
    def ratio(self) -> float | None:
        """The best peer's median over minigrad's: above 1, minigrad is better."""
        return self.medians[self.best_peer] / self.own if self.best_peer and self.own > 0 else None

    @property
    def share(self) -> float | None:
        """The part of the machine's limit that minigrad reaches."""
        return self.limit / self.own if self.limit else None


def geometric_mean(values: Iterable[float]) -> float:
    """exp of the mean logarithm; NaN of nothing."""
    logarithms = [math.log(value) for value in values]
    return math.exp(sum(logarithms) / len(logarithms)) if logarithms else math.nan

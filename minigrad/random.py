"""Randomness as a value.

A `Generator` is a seed and the number of the next call. Every random operation takes one call number, and what it draws
is a pure function of (seed, call, index of the element): the same on any machine, for any number of threads and for any
memory layout. Dropout draws with Philox4x32-10 in the kernel (`docs/dropout_format.md`); other distributions
draw with NumPy's generators, keyed by seed and call.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .dtypes import check_device

_LIMIT = 2**64


class Generator:
    """A stream of random calls: a seed, and the number of the next call.

    `generator.at(call, offset)` is the same stream from another place: with an `offset` the elements drawn are those
    that a larger call would have drawn from that index on, so a part of a batch can be given its part of the mask.

    >>> whole = F.dropout(minigrad.ones(100), generator=minigrad.Generator().manual_seed(7))
    >>> part = F.dropout(minigrad.ones(40), generator=minigrad.Generator().manual_seed(7).at(0, offset=60))
    >>> minigrad.equal(whole[60:], part)
    True
    """

    def __init__(self, device: Any = "cpu") -> None:
        check_device(device)
        self._lock = threading.Lock()
        self._seed = int.from_bytes(os.urandom(8), "little")
        self._call = 0
        self._offset = 0

    @property
    def call(self) -> int:
        """The number the next random operation will take."""
        return self._call

    def manual_seed(self, seed: int) -> Generator:
        """Restart at call 0 of the stream of `seed` (an int; taken modulo 2**64); returns self."""
        seed = _integer(seed)
        if not -(2**63) <= seed < _LIMIT:
            raise RuntimeError(f"Overflow when unpacking long: a seed lies in [-2**63, 2**64), got {seed}")
        with self._lock:
            self._seed, self._call, self._offset = seed % _LIMIT, 0, 0
        return self

    def seed(self) -> int:
        """Restart from a seed that the operating system draws; returns it."""
        self.manual_seed(int.from_bytes(os.urandom(8), "little"))
        return self._seed

    def initial_seed(self) -> int:
        """The seed of the stream."""
        return self._seed

    def at(self, call: int, offset: int = 0) -> Generator:
        """A generator of the same seed whose next call is number `call`, its elements counted from `offset`."""
        call, offset = _integer(call), _integer(offset)
        if not (0 <= call < _LIMIT and 0 <= offset < 2**63):
            raise ValueError(f"a call number lies in [0, 2**64) and an offset in [0, 2**63), got {call} and {offset}")
        other = Generator()
        other._seed, other._call, other._offset = self._seed, call, offset
        return other

    def __deepcopy__(self, memo: dict) -> Generator:
        return self.at(self._call, self._offset)

    def next_call(self) -> tuple[int, int, int]:
        """(seed, call, offset) of the next random operation, which is then taken."""
        with self._lock:
            call = self._call
            self._call = (call + 1) % _LIMIT
            return self._seed, call, self._offset

    def numpy(self) -> np.random.Generator:
        """A NumPy generator for the next random operation, which is then taken."""
        seed, call, offset = self.next_call()
        if offset:
            raise ValueError("only dropout can be drawn from an offset")
        return np.random.Generator(np.random.Philox(key=np.array([seed, call], np.uint64)))

    def get_state(self) -> np.ndarray:
        """The state as 24 bytes: seed, call, offset, each a little-endian 64-bit integer."""
        return np.frombuffer(np.array([self._seed, self._call, self._offset], "<u8").tobytes(), np.uint8).copy()

    def set_state(self, state: Any) -> Generator:
        """Go back to a state that `get_state` returned."""
        array = np.asarray(state)
        if array.dtype != np.uint8 or array.shape != (24,):
            raise TypeError(
                f"expected a generator state, 24 elements of uint8, got shape {array.shape} of {array.dtype}"
            )
        seed, call, offset = (int(part) for part in np.frombuffer(array.tobytes(), "<u8"))
        with self._lock:
            self._seed, self._call, self._offset = seed, call, offset
        return self

    def __repr__(self) -> str:
        return f"<minigrad.Generator seed={self._seed} call={self._call}{f' offset={self._offset}' if self._offset else ''}>"


def _integer(value: Any) -> int:
    try:
        return int(value.__index__())
    except AttributeError:
        raise TypeError(f"expected an int, got {type(value).__name__}") from None


default_generator = Generator()


def manual_seed(seed: int) -> Generator:
    """Seed the default generator, from which everything random draws unless given `generator=`; returns it.

    >>> generator = minigrad.manual_seed(0)
    >>> first = minigrad.rand(3)
    >>> generator = minigrad.manual_seed(0)
    >>> minigrad.equal(first, minigrad.rand(3))
    True
    """
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Seed the default generator from the operating system; returns the seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed of the default generator."""
    return default_generator.initial_seed()


@contextmanager
def fork_rng(devices: Any = None, enabled: bool = True) -> Iterator[None]:
    """A context at whose end the default generator is put back to where it was."""
    state = default_generator.get_state()
    try:
        yield
    finally:
        if enabled:
            default_generator.set_state(state)

"""Ctrl-C: the first asks for a stop after the current step, the second stops at once."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupt:
    """Within `with Interrupt() as interrupt`, the first SIGINT or SIGTERM sets `interrupt.signal`; the next one raises
    KeyboardInterrupt.

    Handlers are installed in the main thread alone (Python knows no other place for them), not for signals that are
    being ignored (as under nohup), and the former ones come back at the end. With `active=False` nothing is installed.
    """

    def __init__(self, active: bool = True) -> None:
        self.active = active
        self.signal: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupt:
        if self.active and threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                before = signal.getsignal(number)
                if before not in (signal.SIG_IGN, None):  # None: not installed by Python, which could not put it back
                    self._before[number] = before
                    signal.signal(number, self._handle)
        return self

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number

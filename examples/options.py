"""Values on a command line, as the examples' options take them: functions of the text, for argparse's `type`."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable


def at_least(least: int) -> Callable[[str], int]:
    def integer(text: str) -> int:
        value = int(text)
        if value < least:
            raise ArgumentTypeError(f"must be at least {least}, not {value}")
        return value

    return integer


count = at_least(1)


def positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise ArgumentTypeError(f"must be a positive number, not {text}")
    return value


def probability(text: str) -> float:
    """A rate of dropout at which something is left."""
    value = float(text)
    if not 0 <= value < 1:
        raise ArgumentTypeError(f"must be at least 0 and below 1, not {text}")
    return value

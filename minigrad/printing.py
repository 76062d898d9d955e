"""How a Tensor prints: as PyTorch prints it, digit for digit and line for line.

A format is found for all numbers shown: whole numbers, 4 decimals, or 4 decimals and an exponent where the largest is more
than 1000 times the smallest, above 1e8 or below 1e-4. More than 1000 elements are summarized by the ends of each axis.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .dtypes import get_default_dtype

WIDTH, THRESHOLD, EDGE = 80, 1000, 3


def tensor_repr(array: np.ndarray, grad_fn: str | None, requires_grad: bool) -> str:
    """`tensor([...], dtype=..., grad_fn=<...>)`."""
    notes = []
    if array.size == 0 and array.ndim != 1:
        notes.append(f"size={array.shape}")
    shown = array.dtype == get_default_dtype() or (array.size and array.dtype.name in ("int64", "bool"))
    if not shown:  # by the numbers themselves
        notes.append(f"dtype=minigrad.{array.dtype.name}")
    if grad_fn is not None:
        notes.append(f"grad_fn=<{grad_fn}0>")
    elif requires_grad:
        notes.append("requires_grad=True")
    prefix = "tensor("
    text = prefix + ("[]" if array.size == 0 else _numbers(array, len(prefix)))
    length = len(text) - text.rfind("\n")
    for note in notes:
        if length + len(note) + 2 > WIDTH:
            text += ",\n" + " " * len(prefix) + note
            length = len(prefix) + len(note)
        else:
            text += ", " + note
            length += len(note) + 2
    return text + ")"


def _numbers(array: np.ndarray, indent: int) -> str:
    summarize = array.size > THRESHOLD
    shown = array
    if summarize:
        for axis, size in enumerate(array.shape):
            if size > 2 * EDGE:
                shown = np.take(shown, [*range(EDGE), *range(-EDGE, 0)], axis)
    plain = _plain_format(shown)
    width = max(map(len, map(plain, _that_set_the_width(shown))), default=0)
    return _nested(array, indent, summarize, lambda x: plain(x).rjust(width))


def _that_set_the_width(array: np.ndarray) -> Iterable[Any]:
    """The numbers by whose longest all are aligned; zeros and what is not finite do not widen a column."""
    return (array[np.isfinite(array) & (array != 0)] if array.dtype.kind == "f" else array).ravel().tolist()


def _plain_format(array: np.ndarray) -> Callable[[Any], str]:
    """The format for all elements of `array`, without alignment."""
    if array.dtype.kind != "f":
        return str
    sizes = np.abs(array[np.isfinite(array) & (array != 0)].astype(np.float64))
    whole = bool(np.all(sizes == np.ceil(sizes)))
    if sizes.size and (sizes.max() / sizes.min() > 1000 or sizes.max() > 1e8 or (not whole and sizes.min() < 1e-4)):
        return lambda x: f"{x:.4e}"
    if whole:
        return lambda x: f"{x:.0f}." if math.isfinite(x) else f"{x:.0f}"
    return lambda x: f"{x:.4f}"


def _nested(array: np.ndarray, indent: int, summarize: bool, text: Callable[[Any], str]) -> str:
    if array.ndim == 0:
        return text(array.item())
    cut = summarize and len(array) > 2 * EDGE
    rows = [*array[:EDGE], *array[-EDGE:]] if cut else list(array)
    if array.ndim == 1:
        items = [text(x.item()) for x in rows]
        per_line = max(1, (WIDTH - indent) // (len(items[0]) + 2)) if items else 1
        if cut:
            items.insert(EDGE, " ...")
        lines = [", ".join(items[i : i + per_line]) for i in range(0, len(items), per_line)]
        return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
    blocks = [_nested(row, indent + 1, summarize, text) for row in rows]
    if cut:
        blocks.insert(EDGE, "...")
    return "[" + ("," + "\n" * (array.ndim - 1) + " " * (indent + 1)).join(blocks) + "]"

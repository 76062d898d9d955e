"""How a Tensor prints: as PyTorch prints it, digit for digit and line for line.

A format is found for all numbers shown: whole numbers, 4 decimals, or 4 decimals and an exponent where the largest is more
than 1000 times the smallest, above 1e8 or below 1e-4. More than 1000 elements are summarized by the ends of each axis.
`set_printoptions` changes these numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .dtypes import get_default_dtype


@dataclass
class _Options:
    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_PROFILES = {"default": _Options(), "short": _Options(precision=2, edgeitems=2), "full": _Options(threshold=math.inf)}
_options = _Options()


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """How Tensors print: decimals (4), the number of elements above which they are summarized (1000) by how many at each end (3).

    `linewidth` (80) is where lines break; `profile` ('default', 'short' or 'full') is taken first; `sci_mode` says whether
    numbers have an exponent, None: where they need it.

    >>> minigrad.set_printoptions(precision=2)
    >>> minigrad.tensor([1 / 3])
    tensor([0.33])
    >>> minigrad.set_printoptions(profile="default")
    """
    global _options
    if profile is not None:
        if profile not in _PROFILES:
            raise ValueError(f"profile is one of {', '.join(_PROFILES)}, not {profile!r}")
        _options = replace(_PROFILES[profile])
    given: dict[str, Any] = {
        "precision": precision,
        "threshold": threshold,
        "edgeitems": edgeitems,
        "linewidth": linewidth,
    }
    _options = replace(_options, sci_mode=sci_mode, **{k: v for k, v in given.items() if v is not None})


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
        if length + len(note) + 2 > _options.linewidth:
            text += ",\n" + " " * len(prefix) + note
            length = len(prefix) + len(note)
        else:
            text += ", " + note
            length += len(note) + 2
    return text + ")"


def _numbers(array: np.ndarray, indent: int) -> str:
    summarize = array.size > _options.threshold
    shown = array
    if summarize:
        for axis, size in enumerate(array.shape):
            if size > 2 * _options.edgeitems:
                shown = np.take(shown, [*range(_options.edgeitems), *range(-_options.edgeitems, 0)], axis)
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
    wide = sizes.size and (sizes.max() / sizes.min() > 1000 or sizes.max() > 1e8 or (not whole and sizes.min() < 1e-4))
    digits = _options.precision
    if wide if _options.sci_mode is None else _options.sci_mode:
        return lambda x: f"{x:.{digits}e}"
    if whole:
        return lambda x: f"{x:.0f}." if math.isfinite(x) else f"{x:.0f}"
    return lambda x: f"{x:.{digits}f}"


def _nested(array: np.ndarray, indent: int, summarize: bool, text: Callable[[Any], str]) -> str:
    if array.ndim == 0:
        return text(array.item())
    cut = summarize and len(array) > 2 * _options.edgeitems
    rows = [*array[: _options.edgeitems], *array[-_options.edgeitems :]] if cut else list(array)
    if array.ndim == 1:
        items = [text(x.item()) for x in rows]
        per_line = max(1, (_options.linewidth - indent) // (len(items[0]) + 2)) if items else 1
        if cut:
            items.insert(_options.edgeitems, " ...")
        lines = [", ".join(items[i : i + per_line]) for i in range(0, len(items), per_line)]
        return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
    blocks = [_nested(row, indent + 1, summarize, text) for row in rows]
    if cut:
        blocks.insert(_options.edgeitems, "...")
    return "[" + ("," + "\n" * (array.ndim - 1) + " " * (indent + 1)).join(blocks) + "]"

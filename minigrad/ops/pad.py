"""Padding of the last axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._kernels import empty
from ..tensor import Function, Tensor
from .declare import op
from .indexing import Index


class Pad(Function):
    """x in the middle of a larger array filled with a number."""

    def forward(self, x: np.ndarray, widths: tuple[tuple[int, int], ...], value: float) -> np.ndarray:
        self.place = tuple(slice(before, before + n) for (before, _), n in zip(widths, x.shape, strict=True))
        out = empty(tuple(n + sum(width) for n, width in zip(x.shape, widths, strict=True)), x.dtype)
        out.fill(value)
        out[self.place] = x
        return out

    def backward(self, g: Any) -> Any:
        return Index.on(g, self.place)


@op("F.pad")
def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """`input` with borders: `pad` is (left, right) of the last axis, then of the one before, and so on.

    `mode`: 'constant' (filled with `value`, 0 unless given; negative widths crop), 'reflect', 'replicate' or 'circular'.
    """
    widths = [int(width) for width in pad]
    if len(widths) % 2 or len(widths) > 2 * input.ndim:
        raise RuntimeError(
            f"Padding length must be divisible by two and at most twice the number of dimensions, got {widths}"
        )
    pairs = [(0, 0)] * (input.ndim - len(widths) // 2) + [
        (widths[i], widths[i + 1]) for i in range(len(widths) - 2, -1, -2)
    ]
    for n, (a, b) in zip(input.shape, pairs, strict=True):
        if n + a + b < 0:
            raise RuntimeError(
                f"pad: {widths} of an input of shape {list(input.shape)} would give the size {n + a + b}"
            )
    if mode == "constant":
        if any(width < 0 for width in widths):
            input = input[
                tuple(slice(max(-a, 0), n - max(-b, 0)) for (a, b), n in zip(pairs, input.shape, strict=True))
            ]
            pairs = [(max(a, 0), max(b, 0)) for a, b in pairs]
        return Pad.apply(input, tuple(pairs), 0.0 if value is None else value)
    if mode not in ("reflect", "replicate", "circular"):
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    for axis, (before, after) in enumerate(pairs):
        if before or after:
            input = input.index_select(axis, _places(mode, input.shape[axis], before, after))
    return input


def _places(mode: str, size: int, before: int, after: int) -> np.ndarray:
    if mode == "reflect" and max(before, after) >= size:
        raise RuntimeError(
            f"Padding size should be less than the corresponding input dimension, but got: padding ({before}, {after}) of {size}"
        )
    places = np.arange(-before, size + after)
    if mode == "replicate":
        return places.clip(0, size - 1)
    if mode == "circular":
        return places % size
    return (size - 1) - np.abs((size - 1) - np.abs(places))

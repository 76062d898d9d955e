"""Patches of images as columns, and columns laid back as images: each is the other's gradient."""

from __future__ import annotations

from math import prod
from typing import Any

from ..tensor import Tensor
from .border import as_tensor, same_dtype
from .conv import output_size as positions
from .conv import pair
from .declare import op
from .indexing import IndexAdd
from .pad import pad
from .shape import WindowsScatter

Pair = tuple[int, int]


def _window(kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> tuple[Pair, Pair, Pair, Pair]:
    return (
        pair(kernel_size, "kernel_size"), pair(dilation, "dilation"), pair(padding, "padding", 0), pair(stride, "stride"),
    )  # fmt: skip


def _counts(name: str, size: tuple[int, ...], window: tuple[Pair, Pair, Pair, Pair]) -> Pair:
    """How many patches there are along each axis of an image of `size`; RuntimeError if none."""
    kernel, dilation, padding, stride = window
    counts = tuple(positions(size[a], kernel[a], stride[a], padding[a], dilation[a]) for a in (0, 1))
    if min(counts) < 1:
        raise RuntimeError(
            f"{name}: Given an image of spatial size {list(size)}, kernel_size={kernel}, dilation={dilation}, padding={padding}, "
            f"stride={stride}, calculated shape of the array of sliding blocks as {counts}, but its components must be at least one."
        )
    return counts  # type: ignore[return-value]


@op("F.unfold")
def unfold(input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """Each patch that a convolution would see as a column: (N, C, H, W) to (N, C * KH * KW, L), or without N.

    A convolution is a matrix product with these columns (im2col).

    >>> image = minigrad.arange(9.0).reshape(1, 1, 3, 3)
    >>> F.unfold(image, 2)[0, :, 0]  # the upper left patch
    tensor([0., 1., 3., 4.])
    """
    input = as_tensor(input)
    if input.ndim not in (3, 4):
        raise RuntimeError(f"Expected 3D or 4D (batch mode) tensor for input, but got size {list(input.shape)}")
    if input.ndim == 3:
        return unfold(input.unsqueeze(0), kernel_size, dilation, padding, stride).squeeze(0)
    window = kernel, spread, border, step = _window(kernel_size, dilation, padding, stride)
    counts = _counts("unfold", input.shape[2:], window)
    if any(border):
        input = pad(input, (border[1], border[1], border[0], border[0]))
    patches = input
    for a in (0, 1):  # (N, C, H', W', KH, KW)
        patches = patches.unfold(a + 2, spread[a] * (kernel[a] - 1) + 1, step[a])[..., :: spread[a]]
    n, c = input.shape[:2]
    return patches.permute(0, 1, 4, 5, 2, 3).reshape(n, c * prod(kernel), prod(counts))


@op("F.fold")
def fold(
    input: Tensor, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:
    """The columns that `unfold` makes, each added to the place it came from: (N, C * KH * KW, L) to (N, C, *output_size)."""
    input = as_tensor(input)
    if input.ndim not in (2, 3):
        raise RuntimeError(f"Expected 2D or 3D (batch mode) tensor for input, but got size {list(input.shape)}")
    if input.ndim == 2:
        return fold(input.unsqueeze(0), output_size, kernel_size, dilation, padding, stride).squeeze(0)
    same_dtype("fold", input=input)
    window = kernel, spread, border, step = _window(kernel_size, dilation, padding, stride)
    size = pair(output_size, "output_size")
    counts = _counts("fold", size, window)
    n, columns, blocks = input.shape
    if columns % prod(kernel) or blocks != prod(counts):
        raise RuntimeError(
            f"fold: expected input of shape (N, C * {prod(kernel)}, {prod(counts)}) for output_size={size}, kernel_size={kernel}, "
            f"dilation={spread}, padding={border}, stride={step}, but got {list(input.shape)}"
        )
    channels = columns // prod(kernel)
    patches = input.reshape(n, channels, *kernel, *counts).permute(0, 1, 4, 5, 2, 3)
    high, wide = (size[a] + 2 * border[a] for a in (0, 1))
    reach = [spread[a] * (kernel[a] - 1) + 1 for a in (0, 1)]
    # The adjoint of what unfold does, backwards: first along W, then along H
    apart = IndexAdd.apply(patches, (*patches.shape[:5], reach[1]), (..., slice(None, None, spread[1])))
    rows = WindowsScatter.apply(apart, (n, channels, counts[0], wide, kernel[0]), (3, reach[1], step[1]))
    apart = IndexAdd.apply(rows, (*rows.shape[:4], reach[0]), (..., slice(None, None, spread[0])))
    image = WindowsScatter.apply(apart, (n, channels, high, wide), (2, reach[0], step[0]))
    return image[:, :, border[0] : high - border[0], border[1] : wide - border[1]].clone()

"""Images in another size: interpolation, and channels exchanged for pixels.

Interpolation is linear and goes axis by axis: along each, an output is a weighted sum of a few inputs.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..tensor import Tensor, wrap
from .border import as_tensor
from .declare import op
from .indexing import index_select
from .pool import adaptive_avg_pool1d, adaptive_avg_pool2d

AXES = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3}  # of the modes that weigh neighbours
CUBIC = -0.75  # the slope of Keys' kernel, as PyTorch has it


@op("F.interpolate")
def interpolate(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """`input` (N, C, L), (N, C, H, W) or (N, C, D, H, W) in the spatial `size`, or in its own times `scale_factor`.

    `mode`: 'nearest', 'nearest-exact', 'linear' (of signals), 'bilinear' and 'bicubic' (of images), 'trilinear' (of volumes),
    'area' (the means of regions; of signals and images). With `align_corners` the centres of the corner elements coincide,
    otherwise the corners themselves do. A `scale_factor` is also the distance of the samples, unless
    `recompute_scale_factor`. antialias=True raises NotImplementedError.

    >>> F.interpolate(minigrad.tensor([[[0.0, 1.0, 2.0]]]), size=5, mode="linear", align_corners=True)
    tensor([[[0.0000, 0.5000, 1.0000, 1.5000, 2.0000]]])
    """
    input = as_tensor(input)
    if mode not in ("nearest", "nearest-exact", "area", *AXES):
        raise NotImplementedError(
            f"interpolate: mode {mode!r} is not available: it is one of nearest, nearest-exact, area, {', '.join(AXES)}"
        )
    if mode not in AXES and align_corners is not None:
        raise ValueError(f"align_corners option can only be set with the interpolating modes: {' | '.join(AXES)}")
    if antialias:
        raise NotImplementedError("interpolate: antialias=True is not available")
    spatial = input.ndim - 2
    if spatial not in (1, 2, 3) or AXES.get(mode, spatial) != spatial:
        needed = f"{AXES[mode] + 2}D" if mode in AXES else "3D, 4D or 5D"
        raise NotImplementedError(f"Got {input.ndim}D input, but {mode} mode needs {needed} input")
    sizes, factors = _target(input.shape[2:], size, scale_factor, recompute_scale_factor)
    if min(sizes) < 1 or min(input.shape[2:]) < 1:
        raise RuntimeError(
            f"Input and output sizes should be greater than 0, but got input {list(input.shape[2:])} and output {list(sizes)}"
        )
    if mode == "area":
        if spatial == 3:
            raise NotImplementedError("interpolate: mode 'area' is not available for volumes")
        return adaptive_avg_pool1d(input, sizes) if spatial == 1 else adaptive_avg_pool2d(input, sizes)
    for axis, (n, factor) in enumerate(zip(sizes, factors, strict=True), 2):
        input = _along(input, axis, n, factor, mode, bool(align_corners))
    return input


def _target(
    shape: tuple[int, ...], size: Any, scale_factor: Any, recompute: bool | None
) -> tuple[tuple[int, ...], tuple[float | None, ...]]:
    """The output size, and for each axis the factor that says where the samples lie (None: the sizes do)."""
    if (size is None) == (scale_factor is None):
        raise ValueError(
            "either size or scale_factor should be defined"
            if size is None
            else "only one of size or scale_factor should be defined"
        )
    given = scale_factor if size is None else size
    each = tuple(given) if isinstance(given, tuple | list) else (given,) * len(shape)
    if len(each) != len(shape):
        raise ValueError(
            f"Input and output must have the same number of spatial dimensions, but got input with spatial dimensions of {list(shape)} and "
            f"output size or scale factor {given}"
        )
    if size is not None:
        if recompute:
            raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
        return tuple(int(n.__index__()) for n in each), (None,) * len(shape)
    sizes = tuple(math.floor(n * factor) for n, factor in zip(shape, each, strict=True))
    return sizes, (None,) * len(shape) if recompute else tuple(float(factor) for factor in each)


def _along(x: Tensor, axis: int, n: int, factor: float | None, mode: str, align_corners: bool) -> Tensor:
    """`x` with `n` elements along `axis`."""
    size = x.shape[axis]
    step = 1 / factor if factor is not None else size / n
    out = np.arange(n)
    if size == n and mode in ("nearest", *AXES) and mode != "bicubic":  # whatever the factor, as in PyTorch
        return x.clone() if axis == 2 else x
    if mode.startswith("nearest"):
        shifted = out + (0.5 if mode == "nearest-exact" else 0)
        places = np.floor(shifted.astype(np.float32) * np.float32(step))  # in float32 whatever the dtype, as in PyTorch
        return index_select(x, axis, np.minimum(places.astype(np.int64), size - 1))
    if align_corners:
        at = out * ((size - 1) / (n - 1) if n > 1 else 0.0)
    else:
        at = (out + 0.5) * step - 0.5
    if mode != "bicubic":
        at = np.maximum(at, 0)
    first = np.floor(at)
    t = at - first
    if mode == "bicubic":
        weights = [_cubic_far(1 + t), _cubic_near(t), _cubic_near(1 - t), _cubic_far(2 - t)]
        first = first - 1
    else:
        weights = [1 - t, t]
    shape = [-1 if a == axis else 1 for a in range(x.ndim)]
    total: Any = None
    for offset, weight in enumerate(weights):
        places = (first + offset).clip(0, size - 1).astype(np.int64)
        part = index_select(x, axis, places) * wrap(weight.astype(x.dtype).reshape(shape))
        total = part if total is None else total + part
    return total


def _cubic_near(t: np.ndarray) -> np.ndarray:
    """Keys' cubic kernel (1981) at distances up to 1."""
    return ((CUBIC + 2) * t - (CUBIC + 3)) * t * t + 1


def _cubic_far(t: np.ndarray) -> np.ndarray:
    """Keys' cubic kernel at distances from 1 to 2."""
    return ((CUBIC * t - 5 * CUBIC) * t + 8 * CUBIC) * t - 4 * CUBIC


def _factor(name: str, input: Tensor, factor: int, smallest: int) -> Tensor:
    input = as_tensor(input)
    if input.ndim < smallest:
        raise RuntimeError(
            f"{name} expects input to have at least {smallest} dimensions, but got input with {input.ndim} dimension(s)"
        )
    if factor < 1:
        raise RuntimeError(f"{name} expects a positive factor, but got {factor}")
    return input


@op("pixel_shuffle", "F.pixel_shuffle")
def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Channels laid out as pixels: (*, C r^2, H, W) to (*, C, H r, W r) for a factor r (Shi et al. 2016)."""
    r = upscale_factor
    input = _factor("pixel_shuffle", input, r, 3)
    *batch, channels, height, width = input.shape
    if channels % (r * r):
        raise RuntimeError(
            f"pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, but "
            f"input.size(-3)={channels} is not divisible by {r * r}"
        )
    b = len(batch)
    apart = input.reshape(*batch, channels // (r * r), r, r, height, width)
    order = (*range(b), b, b + 3, b + 1, b + 4, b + 2)
    return apart.permute(order).reshape(*batch, channels // (r * r), height * r, width * r)


@op("pixel_unshuffle", "F.pixel_unshuffle")
def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """The inverse of `pixel_shuffle`: (*, C, H r, W r) to (*, C r^2, H, W)."""
    r = downscale_factor
    input = _factor("pixel_unshuffle", input, r, 3)
    *batch, channels, height, width = input.shape
    if height % r or width % r:
        raise RuntimeError(
            f"pixel_unshuffle expects height and width to be divisible by downscale_factor, but {height} x {width} are not by {r}"
        )
    b = len(batch)
    apart = input.reshape(*batch, channels, height // r, r, width // r, r)
    order = (*range(b), b, b + 2, b + 4, b + 1, b + 3)
    return apart.permute(order).reshape(*batch, channels * r * r, height // r, width // r)


@op("channel_shuffle", "F.channel_shuffle")
def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Channels (N, C, ...) in the order that deals them out of `groups` groups in turn (Zhang et al. 2018)."""
    input = _factor("channel_shuffle", input, groups, 3)
    channels = input.shape[1]
    if channels % groups:
        raise RuntimeError(
            f"Number of channels must be divisible by groups. Got {channels} channels and {groups} groups."
        )
    n, _, *rest = input.shape
    return input.reshape(n, groups, channels // groups, *rest).transpose(1, 2).reshape(input.shape)

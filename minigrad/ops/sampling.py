"""Sampling images at the points of a grid, as spatial transformers do (Jaderberg et al. 2015)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from ..tensor import Tensor, wrap
from .border import as_tensor, check_tensors
from .declare import op
from .indexing import where
from .joining import stack
from .shape import meshgrid


def _default_corners(name: str, align_corners: bool | None) -> bool:
    if align_corners is None:
        warnings.warn(
            f"Default {name} behavior has changed to align_corners=False since PyTorch 1.3. Specify align_corners=True if the old "
            "behavior is desired.",
            stacklevel=3,
        )
    return bool(align_corners)


@op("F.affine_grid")
def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """The points (N, H, W, 2) that `grid_sample` takes so that an image is transformed by `theta` (N, 2, 3); `size` is (N, C, H, W).

    Coordinates go from -1 to 1: over the centres of the corner pixels with `align_corners`, else over their outer edges. The
    form for volumes raises NotImplementedError.
    """
    theta = as_tensor(theta, "theta")
    if len(size) == 5:
        raise NotImplementedError("affine_grid: volumes, with a size of 5 numbers, are not available")
    if len(size) != 4:
        raise NotImplementedError(
            f"affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, got {size}"
        )
    if not theta.is_floating_point():
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    if theta.ndim != 3 or theta.shape[1:] != (2, 3):
        raise ValueError(
            f"Expected a batch of 2D affine matrices of shape Nx2x3 for size {list(size)}. Got {list(theta.shape)}."
        )
    if len(theta) != size[0]:
        raise RuntimeError(f"affine_grid: expected {size[0]} matrices for size {list(size)}, got {len(theta)}")
    if min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {list(size)}")
    corners = _default_corners("affine_grid", align_corners)
    rows, columns = (
        wrap(np.linspace(-1, 1, n, dtype=theta.dtype) * (1 if corners else (n - 1) / n) * (n > 1)) for n in size[2:]
    )
    y, x = meshgrid(rows, columns, indexing="ij")
    points = stack([x, y, x * 0 + 1], -1).reshape(1, -1, 3)
    return (points @ theta.transpose(1, 2)).reshape(size[0], size[2], size[3], 2)


@op("F.grid_sample")
def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """Images (N, C, H, W) at the points (x, y) of a `grid` (N, H_out, W_out, 2), -1 and 1 at the borders: (N, C, H_out, W_out).

    `mode` is 'bilinear' or 'nearest'; beyond the border there are 'zeros', the 'border' itself, or its 'reflection'. Whether
    -1 and 1 are centres of pixels says `align_corners`. Volumes and 'bicubic' raise NotImplementedError.

    >>> image = minigrad.arange(4.0).reshape(1, 1, 2, 2)
    >>> F.grid_sample(image, minigrad.tensor([[[[0.0, 0.0]]]]), align_corners=True)
    tensor([[[[1.5000]]]])
    """
    check_tensors("grid_sample", input=input, grid=grid)
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError(f"grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: '{mode}'")
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(
            f"grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', but got: '{padding_mode}'"
        )
    if mode == "bicubic" or input.ndim == 5:
        raise NotImplementedError("grid_sample: mode='bicubic' and volumes are not available")
    if input.ndim != 4 or grid.ndim != 4 or grid.shape[-1] != 2 or grid.shape[0] != input.shape[0]:
        raise RuntimeError(
            f"grid_sample(): expected images (N, C, H, W) and a grid (N, H_out, W_out, 2), but got shapes {list(input.shape)} and "
            f"{list(grid.shape)}"
        )
    if input.dtype != grid.dtype:
        raise RuntimeError(
            f"grid_sample(): expected input and grid to have one dtype, got {input.dtype} and {grid.dtype}"
        )
    if 0 in input.shape[2:]:
        raise RuntimeError(
            f"grid_sample(): expected input to have non-empty spatial dimensions, got {list(input.shape)}"
        )
    corners = _default_corners("grid_sample", align_corners)
    n, channels, height, width = input.shape
    points = grid.reshape(n, -1, 2)
    x, y = (_pixels(points[..., axis], size, padding_mode, corners) for axis, size in ((0, width), (1, height)))
    image = input.reshape(n, channels, height * width)
    if mode == "nearest":
        sampled = _at(image, x.detach().round(), y.detach().round(), height, width)
    else:
        left, top = x.detach().floor(), y.detach().floor()
        right, below = x - left, y - top
        sampled = (
            _at(image, left, top, height, width) * ((1 - right) * (1 - below)).unsqueeze(1)
            + _at(image, left + 1, top, height, width) * (right * (1 - below)).unsqueeze(1)
            + _at(image, left, top + 1, height, width) * ((1 - right) * below).unsqueeze(1)
            + _at(image, left + 1, top + 1, height, width) * (right * below).unsqueeze(1)
        )
    return sampled.reshape(n, channels, *grid.shape[1:3])


def _pixels(points: Tensor, size: int, padding_mode: str, corners: bool) -> Tensor:
    """Coordinates in [-1, 1] as pixels, brought into the image unless what is outside is 0."""
    x = (points + 1) * ((size - 1) / 2) if corners else ((points + 1) * size - 1) * 0.5
    if padding_mode == "reflection":
        low, span = (0.0, float(size - 1)) if corners else (-0.5, float(size))
        if span == 0:
            return x * 0
        away = where(x < low, low - x, x - low)
        extra = away.fmod(span)
        x = where((away.detach() / span).floor() % 2 == 0, extra + low, span - extra + low)
    if padding_mode != "zeros":
        x = where((x > 0) & (x < size - 1), x, x.detach().clamp(0, size - 1))
    return x


def _at(image: Tensor, x: Tensor, y: Tensor, height: int, width: int) -> Tensor:
    """The pixels (N, C, points) of flat images at whole numbers `x` and `y`, 0 outside."""
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    places = where(inside, y * width + x, 0.0).long().unsqueeze(1).expand(len(x), image.shape[1], x.shape[1])
    return where(inside.unsqueeze(1), image.gather(2, places), 0.0)

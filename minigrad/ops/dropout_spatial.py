"""The dropout family on images and feature maps: blocks, rectangles, and pooling of what is left.

Compositions like those of `dropout_family`; all take (N, C, H, W), and where it says so a single (C, H, W).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..random import Generator
from ..tensor import Tensor, wrap
from .border import as_tensor
from .declare import op
from .dropout import DropAll
from .dropout_base import (
    Masked,
    check_floating,
    check_generator,
    check_number,
    check_one_of,
    check_probability,
    check_size,
    drop_shared,
    keep_mask,
    keep_share,
    normals,
    uniforms,
)
from .indexing import where
from .joining import stack
from .pool import max_pool2d


def _images(input: Tensor, name: str, ranks: tuple[int, ...] = (4,)) -> np.ndarray:
    """The array of `input`; RuntimeError unless it is floating and has one of these numbers of axes."""
    if input.ndim not in ranks:
        single = " or (C, H, W)" if 3 in ranks else ""
        raise RuntimeError(f"{name}: expected (N, C, H, W){single}, got a {input.ndim}-D input")
    return check_floating(input, name)


# ---- DropBlock -----------------------------------------------------------------------------------------------------------


def block_rate(p: float, block_size: int, height: int, width: int) -> float:
    """gamma: how often a block begins at each place where one fits, so that about a share p of a map is dropped; at most 1."""
    fitting = (height - block_size + 1) * (width - block_size + 1)
    return min(1.0, p / block_size**2 * (height * width) / fitting)


def check_block_size(block_size: Any, name: str) -> int:
    """`block_size` as an int; TypeError unless it is one, ValueError unless it is odd and positive."""
    size = check_size(block_size, f"{name}: block_size")
    if size % 2 == 0:
        raise ValueError(f"{name}: block_size has to be odd, for a block has a centre, but got {size}")
    return size


def _covered(corners: np.ndarray, size: int) -> np.ndarray:
    """What squares of `size` cover, of maps (..., H, W), that begin at the True places of corners (..., H - size + 1, W - size + 1)."""
    *outer, height, width = corners.shape
    out = np.zeros((*outer, height + size - 1, width + size - 1), bool)
    out[..., :height, :width] = corners
    flat = out.reshape(-1)  # a block ends within its row and its map, so shifts need not mind where these end
    for stride in (width + size - 1, 1):
        reach = 1
        while reach < size:  # blocks of `reach` are joined to larger ones
            step = min(reach, size - reach)
            flat[step * stride :] |= flat[: -step * stride]
            reach += step
    return out


@op("F.drop_block2d")
def drop_block2d(
    input: Tensor,
    p: float = 0.1,
    block_size: int = 7,
    training: bool = True,
    *,
    per_channel: bool = True,
    normalize: str = "batch",
    generator: Generator | None = None,
) -> Tensor:
    """Drops square blocks of feature maps, which takes away what neighbours would still tell (Ghiasi et al. 2018).

    Each place where a block of block_size x block_size fits into input (N, C, H, W) begins one with probability
    gamma = p / block_size^2 * H W / ((H - block_size + 1) (W - block_size + 1)); elements in any block become 0, the others are
    multiplied by (number of elements) / (number kept). That count is of the whole batch, as in the paper, or with
    `normalize="sample"` of each example, whose result then doesn't depend on its batch-mates. With `per_channel=False`
    all channels share one mask. Overlapping blocks leave the dropped share somewhat below p, and borders are dropped less
    than the middle. Float32 or float64; without `training` or at p = 0 `input` itself; p = 1 drops all. RuntimeError for
    other numbers of axes; ValueError unless 0 <= p <= 1 and block_size is odd and at most H and W.

    >>> y = F.drop_block2d(minigrad.ones(1, 1, 6, 6), 0.2, 3, generator=minigrad.Generator().manual_seed(8))
    >>> (y[0, 0] > 0).long()
    tensor([[1, 1, 1, 1, 1, 1],
            [1, 0, 0, 0, 1, 1],
            [1, 0, 0, 0, 1, 1],
            [1, 0, 0, 0, 1, 1],
            [1, 1, 1, 1, 1, 1],
            [1, 1, 1, 1, 1, 1]])
    """
    input = as_tensor(input)
    p = check_probability(p, "drop_block2d")
    size = check_block_size(block_size, "drop_block2d")
    check_one_of(normalize, ("batch", "sample"), "drop_block2d: normalize")
    check_generator(generator, "drop_block2d")
    x = _images(input, "drop_block2d")
    n, channels, height, width = x.shape
    if size > min(height, width):
        raise ValueError(f"drop_block2d: block_size {size} is larger than the feature maps, {height} x {width}")
    if not training or p == 0:
        return input
    if p == 1 or x.size == 0:
        return DropAll.apply(input)
    corners = (n, channels if per_channel else 1, height - size + 1, width - size + 1)
    begins = ~keep_mask(corners, block_rate(p, size, height, width), generator, "drop_block2d")
    kept = ~_covered(begins, size)
    count = np.array(np.count_nonzero(kept)) if normalize == "batch" else kept.sum((1, 2, 3), keepdims=True)
    scale = kept.size // count.size / np.maximum(count, 1)
    return Masked.apply(input, kept) * wrap(scale.astype(x.dtype))


# ---- rectangles of an image ----------------------------------------------------------------------------------------------


def _inside(
    top: np.ndarray, left: np.ndarray, bottom: np.ndarray, right: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    """(N, 1, H, W) bools: True in the rectangle [top, bottom) x [left, right) of each example."""
    rows, columns = np.arange(size[0])[:, None], np.arange(size[1])
    top, left, bottom, right = (edge[:, None, None] for edge in (top, left, bottom, right))
    return ((top <= rows) & (rows < bottom) & (left <= columns) & (columns < right))[:, None]


@op("F.cutout")
def cutout(
    input: Tensor,
    size: int,
    training: bool = True,
    *,
    p: float = 1.0,
    holes: int = 1,
    generator: Generator | None = None,
) -> Tensor:
    """Sets a square of each image to 0, `size` wide and centred on any pixel, so part of it may lie outside (DeVries 2017).

    Input (N, C, H, W) or (C, H, W), float32 or float64; all channels share the `holes` squares of an example. An example is cut
    with probability p (the paper's 1). Nothing is rescaled. Without `training` or at p = 0 `input` itself.
    RuntimeError for other numbers of axes; ValueError unless 0 <= p <= 1, size >= 1 and holes >= 1.

    >>> y = F.cutout(minigrad.ones(1, 5, 5), 2, generator=minigrad.Generator().manual_seed(0))
    >>> (y == 0).sum().item()  # half of it lies outside
    2
    """
    input = as_tensor(input)
    p = check_probability(p, "cutout")
    size, holes = check_size(size, "cutout: size"), check_size(holes, "cutout: holes")
    check_generator(generator, "cutout")
    x = _images(input, "cutout", (3, 4))
    if not training or p == 0 or x.size == 0:
        return input
    n, (height, width) = 1 if x.ndim == 3 else x.shape[0], x.shape[-2:]
    draw = uniforms((n, 1 + 2 * holes), generator, "cutout")
    cut = np.zeros((n, 1, height, width), bool)
    for hole in range(holes):
        top = (draw[:, 1 + 2 * hole] * height).astype(np.int64) - size // 2
        left = (draw[:, 2 + 2 * hole] * width).astype(np.int64) - size // 2
        cut |= _inside(top, left, top + size, left + size, (height, width))
    cut &= (draw[:, 0] < p)[:, None, None, None]
    return Masked.apply(input, ~(cut if x.ndim == 4 else cut[0]))


def check_rectangle(scale: Sequence[float], ratio: Sequence[float], value: Any) -> None:
    """TypeError or ValueError unless `random_erasing` can work with these."""
    for what, pair in (("scale", scale), ("ratio", ratio)):
        if isinstance(pair, str) or not isinstance(pair, Sequence):
            raise TypeError(f"random_erasing: {what} has to be a pair of numbers, got {pair!r}")
        for number in pair:
            check_number(number, f"random_erasing: {what}")
    if not (len(scale) == 2 and 0 <= scale[0] <= scale[1] <= 1):
        raise ValueError(f"random_erasing: scale has to be two shares of the area, the smaller first, but got {scale}")
    if not (len(ratio) == 2 and 0 < ratio[0] <= ratio[1] < math.inf):
        raise ValueError(f"random_erasing: ratio has to be two positive numbers, the smaller first, but got {ratio}")
    random = isinstance(value, str) and value == "random"
    if not (random or np.asarray(value).dtype.kind in "fiu"):
        raise ValueError(f"random_erasing: value has to be a number, one for each channel or 'random', got {value!r}")


TRIES = 10  # rectangles drawn for each image before it is left as it is


@op("F.random_erasing")
def random_erasing(
    input: Tensor,
    p: float = 0.5,
    scale: Sequence[float] = (0.02, 0.33),
    ratio: Sequence[float] = (0.3, 3.3),
    value: Any = 0.0,
    training: bool = True,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """With probability p fills a rectangle of each image with `value` (Zhong et al. 2017).

    The rectangle's area is uniform in `scale` (shares of the image's), the logarithm of its height by its width in
    that of `ratio`; of 10 draws the first that fits is taken, and an image for which none fits is left. Input (N, C, H, W) or
    (C, H, W), float32 or float64; each example has its own rectangle, shared by its channels. `value` is a number, one for each
    channel, or "random" for normal numbers (a second call of the generator). Without `training` or at p = 0 `input` itself.
    ValueError unless 0 <= p <= 1, 0 <= scale[0] <= scale[1] <= 1 and 0 < ratio[0] <= ratio[1].

    >>> y = F.random_erasing(minigrad.zeros(8, 3, 32, 32), 1.0, value=1.0)
    >>> share = y.mean((1, 2, 3))
    >>> bool(share.min() > 0.01), bool(share.max() < 0.4)
    (True, True)
    """
    input = as_tensor(input)
    p = check_probability(p, "random_erasing")
    check_rectangle(scale, ratio, value)
    check_generator(generator, "random_erasing")
    x = _images(input, "random_erasing", (3, 4))
    channels = x.shape[-3]
    filling = np.asarray(0.0 if isinstance(value, str) else value, x.dtype).reshape(-1)
    if filling.size not in (1, channels):
        raise ValueError(f"random_erasing: value has {filling.size} numbers for {channels} channels")
    if not training or p == 0 or x.size == 0:
        return input
    n, (height, width) = 1 if x.ndim == 3 else x.shape[0], x.shape[-2:]
    draw = uniforms((n, 1 + 4 * TRIES), generator, "random_erasing")
    area, aspect, down, across = draw[:, 1:].reshape(n, 4, TRIES).transpose(1, 0, 2)
    area = height * width * (scale[0] + area * (scale[1] - scale[0]))
    aspect = np.exp(math.log(ratio[0]) + aspect * (math.log(ratio[1]) - math.log(ratio[0])))
    tall, wide = np.rint(np.sqrt(area * aspect)), np.rint(np.sqrt(area / aspect))
    fits = (tall < height) & (wide < width)
    chosen = (np.arange(n), fits.argmax(1))
    tall, wide = tall[chosen].astype(np.int64), wide[chosen].astype(np.int64)
    top = (down[chosen] * (height - tall + 1)).astype(np.int64)
    left = (across[chosen] * (width - wide + 1)).astype(np.int64)
    cut = _inside(top, left, top + tall, left + wide, (height, width))
    cut &= ((draw[:, 0] < p) & fits.any(1))[:, None, None, None]
    cut = cut if x.ndim == 4 else cut[0]
    fill = filling.reshape(-1, 1, 1)
    if isinstance(value, str):
        places = np.broadcast_to(cut, x.shape)
        fill = np.zeros_like(x)
        fill[places] = normals((int(np.count_nonzero(places)),), x.dtype, generator, "random_erasing")._value
    return where(wrap(cut), wrap(fill), input)


# ---- pooling -------------------------------------------------------------------------------------------------------------


def check_pair(value: Any, what: str) -> tuple[int, int]:
    """An int for both sides, or two of them; TypeError unless they are ints, ValueError unless they are at least 1."""
    both = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(both) != 2:
        raise ValueError(f"{what} has to be an int or two, got {value}")
    return check_size(both[0], what), check_size(both[1], what)


@op("F.max_pool_dropout2d")
def max_pool_dropout2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    p: float = 0.5,
    training: bool = True,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Max-pooling of units that are dropped first (Wu & Gu 2015): (N, C, H, W) or (C, H, W) to (..., H', W').

    In training dropped units are 0 and kept ones are not rescaled; it draws the mask of `dropout`. Otherwise the result is the
    expectation of that: with the n units of a window in order a_(1) <= ... <= a_(n) it is the sum of q p^(n - i) a_(i), q = 1 - p, which is
    what the paper calls probabilistic weighted pooling. The paper's units are not negative; for those that are, this counts 0
    in their place unless all are kept, and so stays the exact expectation. Windows don't reach over the border; `stride` is
    `kernel_size` unless given. Float32 or float64. RuntimeError for other numbers of axes or maps smaller than a
    window, ValueError unless 0 <= p <= 1 and the sizes are positive.

    >>> x = minigrad.tensor([[[1.0, 2.0], [3.0, 4.0]]])
    >>> F.max_pool_dropout2d(x, 2, p=0.5, training=False)  # 4/2 + 3/4 + 2/8 + 1/16
    tensor([[[3.0625]]])
    """
    input = as_tensor(input)
    p = check_probability(p, "max_pool_dropout2d")
    check_generator(generator, "max_pool_dropout2d")
    x = _images(input, "max_pool_dropout2d", (3, 4))
    kernel = check_pair(kernel_size, "max_pool_dropout2d: kernel_size")
    step = kernel if stride is None else check_pair(stride, "max_pool_dropout2d: stride")
    out = [(x.shape[a - 2] - kernel[a]) // step[a] + 1 for a in (0, 1)]
    if min(out) < 1:
        raise RuntimeError(
            f"max_pool_dropout2d: a window of {kernel} is larger than the maps, {x.shape[-2]} x {x.shape[-1]}"
        )
    if training or p == 0:
        kept = drop_shared(input, p, training, x.shape, generator, "max_pool_dropout2d", rescale=False)
        return max_pool2d(kept, kernel, step)
    rows, columns = ([slice(i, i + (out[a] - 1) * step[a] + 1, step[a]) for i in range(kernel[a])] for a in (0, 1))
    units = stack([input[..., row, column] for row in rows for column in columns])  # (n, ..., H', W')
    values, n = units._value, len(units._value)
    above = np.zeros(values.shape, np.int32)  # how many units of the window are larger, or equal and later
    for i in range(n):
        for j in range(i):
            later = values[i] >= values[j]
            above[j] += later
            above[i] += ~later
    q = keep_share(p)
    # a positive unit counts when it is kept and no larger one is; of the others the largest, when all are kept
    table = np.array([q * (1 - q) ** larger for larger in range(n)] + [q**n] + [0.0] * (n - 1), x.dtype)
    weights = table.take(above + (values <= 0) * np.int32(n))
    return (Masked.apply(units, weights != 0) * wrap(weights)).sum(0)

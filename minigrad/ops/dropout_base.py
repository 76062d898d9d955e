"""What the operations of the dropout family share: checks of arguments, numbers that are drawn, and masks that are applied.

Masks follow the format of `dropout` (docs/dropout_format.md): a call of the generator, and one number for each element of the
mask. Other noise is drawn in float64 and rounded, so that a net in float32 meets the noise of the same net in float64.
"""

from __future__ import annotations

import math
from itertools import takewhile
from typing import Any

import numpy as np

from .. import _kernels as kernels
from ..dtypes import float64
from ..random import Generator
from ..tensor import Function, Tensor, wrap
from .border import KERNEL_DTYPES, check_number, empty_like
from .creation import normal_array, uniform_array
from .dropout import ALL, DropAll, Dropout, keep_threshold, next_place

# ---- arguments -----------------------------------------------------------------------------------------------------------


def check_generator(generator: Any, name: str) -> None:
    """TypeError unless it is None or a Generator."""
    if generator is not None and not isinstance(generator, Generator):
        raise TypeError(f"{name}: generator has to be a minigrad.Generator, not {type(generator).__name__}")


def check_finite(value: Any, what: str) -> float:
    """`value` as a float; ValueError unless it is finite."""
    number = check_number(value, what)
    if not math.isfinite(number):
        raise ValueError(f"{what} has to be finite, but got {value}")
    return number


def check_share(value: Any, what: str) -> float:
    """`value` as a float; ValueError unless 0 <= value <= 1, so also for NaN."""
    number = check_number(value, what)
    if not 0.0 <= number <= 1.0:
        raise ValueError(f"{what} has to be between 0 and 1, but got {value}")
    return number


def check_probability(p: Any, name: str, below_one: bool = False) -> float:
    """`p` as a float; ValueError unless 0 <= p <= 1, or 0 <= p < 1 for formulas that divide by 1 - p."""
    what = f"{name}: dropout probability"
    value = check_share(p, what)
    if below_one and value == 1.0:
        raise ValueError(f"{what} has to be below 1, but got {p}")
    return value


def check_scale(value: Any, what: str) -> float:
    """`value` as a float; ValueError unless it is finite and not negative."""
    number = check_finite(value, what)
    if number < 0.0:
        raise ValueError(f"{what} has to be at least 0, but got {value}")
    return number


def check_positive(value: Any, what: str) -> float:
    """`value` as a float; ValueError unless it is finite and positive."""
    number = check_finite(value, what)
    if number <= 0.0:
        raise ValueError(f"{what} has to be positive, but got {value}")
    return number


def check_size(size: Any, what: str, least: int = 1) -> int:
    """`size` as an int; TypeError unless it is one, ValueError unless it is at least `least`."""
    if isinstance(size, bool) or not hasattr(size, "__index__"):
        raise TypeError(f"{what} has to be an int, got {size!r} of type {type(size).__name__}")
    value = int(size.__index__())
    if value < least:
        raise ValueError(f"{what} has to be at least {least}, got {value}")
    return value


def check_one_of(value: Any, choices: tuple[str, ...], what: str) -> None:
    """ValueError unless `value` is one of `choices`."""
    if not (isinstance(value, str) and value in choices):
        raise ValueError(f"{what} has to be {' or '.join(map(repr, choices))}, not {value!r}")


def check_floating(input: Tensor, name: str) -> np.ndarray:
    """The array of `input`; RuntimeError unless it is float32 or float64."""
    x = input._value
    if x.dtype not in KERNEL_DTYPES:
        raise RuntimeError(f"{name} takes float32 or float64, not {x.dtype}; convert with .float()")
    return x


# ---- what is drawn -------------------------------------------------------------------------------------------------------


def normals(shape: tuple[int, ...], dtype: np.dtype, generator: Generator | None, name: str) -> Tensor:
    """Standard normal numbers: a call of the generator."""
    check_generator(generator, name)
    return wrap(normal_array(shape, float64, generator).astype(dtype, copy=False))


def uniforms(shape: tuple[int, ...], generator: Generator | None, name: str) -> np.ndarray:
    """Uniform numbers in [0, 1), float64: a call of the generator."""
    check_generator(generator, name)
    return uniform_array(shape, float64, generator)


def keep_mask(shape: tuple[int, ...], p: float, generator: Generator | None, name: str) -> np.ndarray:
    """Bools, each True with probability 1 - p (exact to 2**-32): a call of the generator, in dropout's format.

    p = 0, p = 1 and empty shapes take no call.
    """
    threshold = keep_threshold(float(p))
    mask = np.empty(shape, bool)
    if threshold == 0 or p == 0 or mask.size == 0:
        mask.fill(p == 0)
    else:
        kernels.dropout.dropout_mask(mask.reshape(-1), *next_place(generator, name), threshold)
    return mask


def keep_share(p: float) -> float:
    """The keep probability that masks really have: 1 - p, rounded to a multiple of 2**-32."""
    return keep_threshold(float(p)) / ALL


# ---- masks of any shape --------------------------------------------------------------------------------------------------


class Masked(Function):
    """x where the mask (bool, of a shape that broadcasts to that of x) is True, elsewhere 0, whatever x is.

    The bits of x are combined with all ones or all zeros: `np.where` jumps, and on a random mask is 15 times slower.
    """

    def forward(self, x: np.ndarray, mask: np.ndarray) -> np.ndarray:
        self.mask = mask
        bits = np.dtype(f"i{x.itemsize}")
        out = empty_like(x)
        np.bitwise_and(x.view(bits), np.negative(mask.view(np.int8), dtype=bits), out=out.view(bits))
        return out

    def backward(self, g: Any) -> Any:
        return Masked.on(g, self.mask)


def leading(shape: tuple[int, ...], axes: int) -> tuple[int, ...]:
    """The shape of a mask with one number for all elements that share their first `axes` indices."""
    return shape[:axes] + (1,) * (len(shape) - axes)


def drop_shared(
    input: Tensor,
    p: float,
    training: bool,
    shape: tuple[int, ...],
    generator: Generator | None,
    name: str,
    *,
    rescale: bool = True,
) -> Tensor:
    """Dropout whose mask has any `shape` that broadcasts to that of `input`; without `training` or at p = 0, `input` itself.

    What is kept is multiplied by 1 / (1 - p) if `rescale`; what is dropped becomes 0, whatever it was.
    """
    p = check_probability(p, name)
    check_generator(generator, name)
    if not training or p == 0:
        return input
    x = check_floating(input, name)
    threshold = keep_threshold(p)
    if threshold == 0 or x.size == 0:
        return DropAll.apply(input)
    whole = sum(1 for _ in takewhile(lambda sizes: sizes[0] == sizes[1], zip(shape, x.shape, strict=True)))
    if rescale and all(size == 1 for size in shape[whole:]):  # a number decides on neighbours: dropout's own kernel
        return Dropout.apply(input, (math.prod(x.shape[whole:]), *next_place(generator, name), threshold))
    kept = Masked.apply(input, keep_mask(shape, p, generator, name))
    return kept * (ALL / threshold) if rescale else kept

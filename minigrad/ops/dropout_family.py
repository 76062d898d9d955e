"""The dropout family on activations: masks of other shapes, other noises, other values for what is dropped.

All are compositions; what is drawn is a constant of the graph. Masks follow the format of `dropout` (docs/dropout_format.md): a
call of the generator, and one number for each element of the mask. Normal and uniform numbers come from the generator's arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _kernels as kernels
from ..random import Generator
from ..tensor import Tensor, wrap
from .border import KERNEL_DTYPES
from .creation import normal_array, uniform_array
from .dropout import ALL, DropAll, keep_threshold, next_place
from .indexing import where


def check_generator(generator: Any, name: str) -> None:
    """TypeError unless it is None or a Generator."""
    if generator is not None and not isinstance(generator, Generator):
        raise TypeError(f"{name}: generator has to be a minigrad.Generator, not {type(generator).__name__}")


def check_probability(p: Any, name: str, below_one: bool = False) -> float:
    """`p` as a float; ValueError unless 0 <= p <= 1 (0 <= p < 1 if `below_one`), so also for NaN."""
    value = float(p)
    if not (0.0 <= value < 1.0 or (value == 1.0 and not below_one)):
        end = " and below 1" if below_one else ""
        raise ValueError(f"{name}: dropout probability has to be between 0 and 1{end}, but got {p}")
    return value


def check_floating(input: Tensor, name: str) -> np.ndarray:
    """The array of `input`; RuntimeError unless it is float32 or float64."""
    x = input._value
    if x.dtype not in KERNEL_DTYPES:
        raise RuntimeError(f"{name} takes float32 or float64, not {x.dtype}; convert with .float()")
    return x


def keep_mask(shape: tuple[int, ...], p: float, generator: Generator | None, name: str) -> np.ndarray:
    """Bools, each True with probability 1 - p (exact to 2**-32): a call of the generator, in dropout's format.

    p = 0, p = 1 and empty shapes take no call.
    """
    threshold = keep_threshold(float(p))
    mask = np.empty(shape, bool)
    if threshold in (0, ALL) or mask.size == 0:
        mask.fill(threshold == ALL)
    else:
        kernels.dropout.dropout_mask(mask.reshape(-1), *next_place(generator, name), threshold)
    return mask


def inverse_keep(p: float) -> float:
    """1 / (1 - p) for the keep probability that masks really have; 0 if nothing is kept."""
    threshold = keep_threshold(float(p))
    return ALL / threshold if threshold else 0.0


def normals(shape: tuple[int, ...], dtype: np.dtype, generator: Generator | None, name: str) -> Tensor:
    """Standard normal numbers: a call of the generator."""
    check_generator(generator, name)
    return wrap(normal_array(shape, dtype, generator))


def uniforms(shape: tuple[int, ...], dtype: np.dtype, generator: Generator | None, name: str) -> Tensor:
    """Uniform numbers in [0, 1): a call of the generator."""
    check_generator(generator, name)
    return wrap(uniform_array(shape, dtype, generator))


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
    threshold = keep_threshold(float(p))
    if not training or p == 0:
        return input
    x = check_floating(input, name)
    if threshold == 0 or x.size == 0:
        return DropAll.apply(input)
    mask = keep_mask(shape, p, generator, name)
    return where(wrap(mask), input * (ALL / threshold) if rescale else input, wrap(np.zeros((), x.dtype)))

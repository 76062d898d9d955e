"""Dropout: one operation, mask-and-scale, whose gradient is the same operation on the gradient.

The mask is a pure function of the generator's seed, the number of the call and the index of the element
(docs/dropout_format.md), so forward stores nothing and backward draws the same numbers again. Element-wise dropout draws
a number for each element; Dropout1d/2d/3d one for each channel.
"""

from __future__ import annotations

import math
import warnings
from functools import lru_cache
from typing import Any

import numpy as np

from .. import _kernels as kernels
from ..random import Generator, default_generator
from ..tensor import Function, Tensor, wrap
from .activation import maybe_in_place, relu
from .border import KERNEL_DTYPES, as_tensor, check_number, contiguous, empty, empty_like
from .declare import op
from .elementwise import zero_slope
from .indexing import where

ALL = 2**32  # the keep threshold at which every element is kept
SPAN = 256  # the elements whose bits the kernels keep together
BYTE = np.dtype(np.uint8)


class Dropout(Function):
    """x * 2^32 / threshold where the element's random 32 bits are below the threshold, elsewhere 0.

    `draw` is (inner, seed, call, offset, threshold): one number decides `inner` neighbours.
    """

    def forward(self, x: np.ndarray, draw: tuple[int, ...]) -> np.ndarray:
        self.draw = draw
        out = empty_like(x)
        kernels.dropout.dropout(contiguous(x), out, *draw)
        return out

    def backward(self, g: Any) -> Any:
        return Dropout.on(g, self.draw)


class ReluDropout(Function):
    """`Dropout` of max(x, 0) in one pass, which keeps a bit for each element: whether it got through both.

    That bit is all the gradient needs. It equals "the output is not 0", since a kept number is multiplied by at least 1 and
    so never underflows; but the output belongs to the user, who may write to it (`y += 1`), as after any dropout.
    `draw` is (seed, call, offset, threshold).
    """

    def forward(self, x: np.ndarray, draw: tuple[int, ...]) -> np.ndarray:
        self.offset, self.threshold = draw[2:]
        spans = (self.offset % SPAN + x.size + SPAN - 1) // SPAN
        self.passed = empty((spans * (SPAN // 8),), BYTE)
        out = empty_like(x)
        kernels.dropout.relu_dropout(contiguous(x), out, self.passed, *draw)
        return out

    def backward(self, g: Any) -> Any:
        return Passed.on(g, self.passed, self.offset, self.threshold)


class Passed(Function):
    """g * 2^32 / threshold where the bit is set, elsewhere 0."""

    def forward(self, g: np.ndarray, passed: np.ndarray, offset: int, threshold: int) -> np.ndarray:
        self.passed, self.offset, self.threshold = passed, offset, threshold
        out = empty_like(g)
        kernels.dropout.relu_dropout_backward(contiguous(g), passed, out, offset, threshold)
        return out

    def backward(self, h: Any) -> Any:
        return Passed.on(h, self.passed, self.offset, self.threshold)


class DropAll(Function):
    """Zeros, whatever x holds; p = 1."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        out = empty_like(x)
        out.fill(0)
        return out

    def backward(self, g: Any) -> Any:
        return zero_slope(g)


@lru_cache
def keep_threshold(p: float) -> int:
    """T = round((1 - p) 2^32): an element is kept when its 32 random bits are below T. ValueError unless p is a
    probability."""
    if not 0.0 <= p <= 1.0:  # NaN is not
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    return round((1 - p) * ALL)


def next_place(generator: Generator | None, name: str) -> tuple[int, int, int]:
    """(seed, call, offset) of the next call of `generator`, of the default one if it is None."""
    if generator is None:
        return default_generator.next_call()
    if not isinstance(generator, Generator):
        raise TypeError(f"{name}: generator has to be a minigrad.Generator, not {type(generator).__name__}")
    return generator.next_call()


def drop(
    input: Tensor,
    p: float,
    training: bool,
    inplace: bool,
    mask_axes: int,
    generator: Generator | None,
    mask: Any,
    return_mask: bool,
    name: str,
) -> Any:
    """The dropout that all forms share: the mask has the first `mask_axes` axes of `input`, so one number decides on all
    elements of the others."""
    threshold = keep_threshold(p if type(p) is float else check_number(p, f"{name}: dropout probability"))
    if mask is not None:
        mask = _given_mask(mask, input.shape[:mask_axes], name)
    x = input._value
    if not training or (p == 0 and mask is None):
        return (input, wrap(np.ones(x.shape[:mask_axes], bool))) if return_mask else input
    if x.dtype not in KERNEL_DTYPES:
        raise RuntimeError(
            f"{name} scales what it keeps, so it takes float32 or float64, not {x.dtype}; convert with .float()"
        )
    place: tuple[int, int, int] | None = None
    if mask is not None:
        shaped = mask._value.reshape(mask.shape + (1,) * (x.ndim - mask_axes))
        result = where(wrap(shaped), input * (ALL / threshold if threshold else 0.0), wrap(np.zeros((), x.dtype)))
    elif threshold == 0 or x.size == 0:
        result = DropAll.apply(input)
    else:
        place = next_place(generator, name)
        inner = 1 if mask_axes == x.ndim else math.prod(x.shape[mask_axes:])
        result = Dropout.apply(input, (inner, *place, threshold))
    if inplace:
        result = maybe_in_place(input, result, inplace, name)
    if not return_mask:
        return result
    if mask is None:
        drawn = empty(x.shape[:mask_axes], np.dtype(bool))
        drawn.fill(False)
        if place is not None:
            kernels.dropout.dropout_mask(drawn.reshape(-1), *place, threshold)
        mask = wrap(drawn)
    return result, mask


def _given_mask(mask: Any, shape: tuple[int, ...], name: str) -> Tensor:
    mask = as_tensor(mask, "mask")
    if mask._value.dtype.kind != "b":
        raise TypeError(f"{name}: mask has to be a bool tensor, True where an element is kept, got {mask.dtype}")
    if mask.shape != shape:
        raise ValueError(f"{name}: mask has shape {list(mask.shape)}, expected {list(shape)}")
    return mask


@op("dropout", "F.dropout")
def dropout(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    generator: Generator | None = None,
    mask: Tensor | None = None,
    return_mask: bool = False,
) -> Any:
    """Zeroes each element with probability `p` and scales the others by 1 / (1 - p) (Srivastava et al. 2014, inverted form).

    Without `training`, or with p = 0, `input` itself is returned. Each call takes the next call number of `generator` (the
    default one unless given); p = 1 and empty inputs need none. A given bool `mask` (True keeps) draws nothing;
    `return_mask` adds the mask to the result. A dropped element is 0 whatever it held: infinities and NaN included,
    where PyTorch's CPU gives NaN.
    The keep probability is exact to 2**-32. ValueError unless 0 <= p <= 1.

    >>> generator = minigrad.Generator().manual_seed(0)
    >>> x = minigrad.ones(8, requires_grad=True)
    >>> y = F.dropout(x, 0.5, generator=generator)
    >>> y.tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0, 2.0]
    >>> y.sum().backward()  # the same mask, computed again
    >>> x.grad
    tensor([0., 0., 0., 0., 0., 0., 2., 2.])
    """
    input = as_tensor(input)
    return drop(input, p, training, inplace, input._value.ndim, generator, mask, return_mask, "dropout")


@op("F.relu_dropout")
def relu_dropout(input: Tensor, p: float = 0.5, training: bool = True, *, generator: Generator | None = None) -> Tensor:
    """`dropout(relu(input), p, training, generator=generator)` in one pass over memory, bit for bit, and so its gradients.

    Input: float32 or float64, any shape. Between forward and backward it keeps one bit an element, and it may be written to
    in place. `nn.Sequential` uses it where a ReLU is followed by a Dropout. Errors as those of `dropout`.

    >>> generator = minigrad.Generator().manual_seed(2)
    >>> x = minigrad.tensor([-1.0, 2.0, -3.0, 4.0], requires_grad=True)
    >>> y = F.relu_dropout(x, 0.5, generator=generator)
    >>> minigrad.equal(y, F.dropout(F.relu(x), 0.5, generator=generator.at(0)))
    True
    """
    input = as_tensor(input)
    threshold = keep_threshold(p if type(p) is float else check_number(p, "relu_dropout: dropout probability"))
    x = input._value
    if not training or p == 0 or threshold == 0 or x.size == 0 or x.dtype not in KERNEL_DTYPES:
        return dropout(relu(input), p, training, generator=generator)
    return ReluDropout.apply(input, (*next_place(generator, "relu_dropout"), threshold))


@op("F.dropout1d")
def dropout1d(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    generator: Generator | None = None,
    mask: Tensor | None = None,
    return_mask: bool = False,
) -> Any:
    """`dropout` of whole channels: input (N, C, L) or (C, L); the mask has shape (N, C) or (C,).

    RuntimeError for any other number of axes.
    """
    input = as_tensor(input)
    if input.ndim not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.ndim}D input. Note that (C, L) or (N, C, L) is meant."
        )
    return drop(input, p, training, inplace, input.ndim - 1, generator, mask, return_mask, "dropout1d")


@op("F.dropout2d")
def dropout2d(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    generator: Generator | None = None,
    mask: Tensor | None = None,
    return_mask: bool = False,
) -> Any:
    """`dropout` of whole feature maps (spatial dropout, Tompson et al. 2015): input (N, C, H, W); the mask has shape (N, C).

    A 3-D input is taken as (N, C, L), as PyTorch takes it, with its warning; use `dropout1d` to say so, or add
    a batch axis to a single image (C, H, W). RuntimeError for fewer than 3 or more than 4 axes, where PyTorch only warns.

    >>> maps = minigrad.ones(2, 3, 4, 4)
    >>> dropped, mask = F.dropout2d(maps, 0.5, return_mask=True)
    >>> mask.shape
    (2, 3)
    >>> minigrad.equal(dropped, maps * mask.reshape(2, 3, 1, 1) * 2)
    True
    """
    input = as_tensor(input)
    if input.ndim == 3:
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior is desired - input is "
            "interpreted as shape (N, C, L), where C is the channel dim. Please use dropout1d instead for it; for one image (C, H, W), "
            "add a batch axis.",
            stacklevel=2,
        )
    elif input.ndim != 4:
        raise RuntimeError(
            f"dropout2d: Received a {input.ndim}-D input, expected (N, C, H, W): it would drop along the wrong axes"
        )
    return drop(input, p, training, inplace, 2, generator, mask, return_mask, "dropout2d")


@op("F.dropout3d")
def dropout3d(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    generator: Generator | None = None,
    mask: Tensor | None = None,
    return_mask: bool = False,
) -> Any:
    """`dropout` of whole channels: input (N, C, D, H, W) or (C, D, H, W); the mask has shape (N, C) or (C,).

    RuntimeError for any other number of axes, where PyTorch only warns.
    """
    input = as_tensor(input)
    if input.ndim not in (4, 5):
        raise RuntimeError(f"dropout3d: Received a {input.ndim}-D input, expected (N, C, D, H, W) or (C, D, H, W)")
    return drop(input, p, training, inplace, input.ndim - 3, generator, mask, return_mask, "dropout3d")

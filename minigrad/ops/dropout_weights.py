"""The dropout family on weights and on the states of recurrent nets.

DropConnect has a mask for each example, N x out x in bits in all, which are never held at once: each of its three products draws
the mask of one example, uses it, and draws that of the next over it. The others are compositions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _kernels as kernels
from ..dtypes import float64
from ..random import Generator
from ..tensor import Function, Tensor
from .border import as_tensor, contiguous, empty, same_dtype
from .declare import op
from .dropout import DropAll, Dropout, keep_threshold, next_place
from .dropout_base import (
    Masked,
    check_floating,
    check_generator,
    check_one_of,
    check_probability,
    check_share,
    check_size,
    keep_mask,
    keep_share,
    leading,
    normals,
)
from .matmul import linear


def drop_at(input: Tensor, p: float, place: tuple[int, int, int] | None) -> Tensor:
    """Element-wise dropout that draws at a given (seed, call, offset): the same mask whenever the place and shape are."""
    x = check_floating(input, "dropout")
    threshold = keep_threshold(float(p))
    if p == 0:
        return input
    if threshold == 0 or x.size == 0:
        return DropAll.apply(input)
    if place is None:
        raise RuntimeError(
            "no mask was drawn for this sequence: its begin() saw eval mode, or p = 0 or 1; begin it anew"
        )
    return Dropout.apply(input, (1, *place, threshold))


# ---- DropConnect -----------------------------------------------------------------------------------------------------------


def _examples(weight: np.ndarray, count: int, draw: tuple[int, ...]) -> Any:
    """The dropped weight of each example in turn, each in the memory of the one before."""
    dropped = empty(weight.shape, weight.dtype)
    for n in range(count):
        _drop(weight, dropped, n, draw)
        yield n, dropped


def _drop(weight: np.ndarray, out: np.ndarray, n: int, draw: tuple[int, ...]) -> None:
    seed, call, offset, threshold = draw
    kernels.dropout.dropout(weight, out, 1, seed, call, offset + n * weight.size, threshold)


class MaskedProduct(Function):
    """y[n, o] = sum over i of m[n, o, i] weight[o, i] x[n, i], where m is dropout's mask and scale of example n.

    With `MaskedInput` and `MaskedWeight` it is one trilinear form, of x, weight and the gradient of y: each of the three is
    its derivative by one of them, so each one's gradient is the other two.
    """

    def forward(self, x: np.ndarray, weight: np.ndarray, draw: tuple[int, ...]) -> np.ndarray:
        self.x, self.weight, self.draw = x, weight, draw
        out = empty((x.shape[0], weight.shape[0]), x.dtype)
        for n, dropped in _examples(contiguous(weight), x.shape[0], draw):
            kernels.matmul.matmul(x[n : n + 1], dropped.T, out[n : n + 1], None)
        return out

    def backward(self, g: Any) -> Any:
        gx = MaskedInput.on(g, self.weight, self.draw) if self.needs(0) else None
        return gx, (MaskedWeight.on(self.x, g, self.draw) if self.needs(1) else None)


class MaskedInput(Function):
    """gx[n, i] = sum over o of m[n, o, i] weight[o, i] g[n, o]."""

    def forward(self, g: np.ndarray, weight: np.ndarray, draw: tuple[int, ...]) -> np.ndarray:
        self.g, self.weight, self.draw = g, weight, draw
        out = empty((g.shape[0], weight.shape[1]), g.dtype)
        for n, dropped in _examples(contiguous(weight), g.shape[0], draw):
            kernels.matmul.matmul(g[n : n + 1], dropped, out[n : n + 1], None)
        return out

    def backward(self, h: Any) -> Any:
        gg = MaskedProduct.on(h, self.weight, self.draw) if self.needs(0) else None
        return gg, (MaskedWeight.on(h, self.g, self.draw) if self.needs(1) else None)


class MaskedWeight(Function):
    """gw[o, i] = sum over n of m[n, o, i] x[n, i] g[n, o], summed in float64."""

    def forward(self, x: np.ndarray, g: np.ndarray, draw: tuple[int, ...]) -> np.ndarray:
        self.x, self.g, self.draw = x, g, draw
        outer = empty((g.shape[1], x.shape[1]), x.dtype)
        total = empty(outer.shape, float64)
        total.fill(0)
        for n in range(x.shape[0]):
            np.multiply(g[n, :, None], x[n], out=outer)
            _drop(outer, outer, n, draw)
            total += outer
        out = empty(outer.shape, outer.dtype)
        out[...] = total
        return out

    def backward(self, h: Any) -> Any:
        gx = MaskedInput.on(self.g, h, self.draw) if self.needs(0) else None
        return gx, (MaskedProduct.on(self.x, h, self.draw) if self.needs(1) else None)


@op("F.dropconnect")
def dropconnect(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    p: float = 0.5,
    training: bool = True,
    *,
    activation: Callable[[Tensor], Tensor] | None = None,
    eval_samples: int = 0,
    generator: Generator | None = None,
) -> Tensor:
    """A linear map with a mask on its weights for each example: f(((M * weight) x) / (1 - p) + bias) (Wan et al. 2013).

    M[n, o, i] is 1 with probability 1 - p. It is drawn again in backward and never stored. `activation` is f (None: the
    identity). Input (..., in), each row of it an example; weight (out, in); bias (out,); result (..., out).

    Without `training` the mean weight is used, or, with `eval_samples` = K > 0, the paper's inference: the mean of K values of f(u)
    where u is normal with the mean and variance that masks would give, weight x + bias and p / (1 - p) (weight^2) (x^2).
    Kept weights are scaled in training, where the paper scales in inference, and the bias is not dropped, where the paper
    drops it too. M is the mask of a dropout of an (N, out, in) array, N the number of rows: `Generator.at(call, n * out * in)` gives
    the part of a batch that begins at row n its part.

    RuntimeError for shapes that do not fit; ValueError unless 0 <= p <= 1 (p = 1 leaves the bias alone in training, and cannot be
    sampled) and `eval_samples` is an int of at least 0.

    >>> x, weight = minigrad.ones(3, 4), minigrad.ones(2, 4)
    >>> F.dropconnect(x, weight, generator=minigrad.Generator().manual_seed(0))  # each example has a mask of its own
    tensor([[0., 4.],
            [2., 4.],
            [4., 2.]])
    >>> F.dropconnect(x[:1], weight, training=False)
    tensor([[4., 4.]])
    """
    input = as_tensor(input)
    check_probability(p, "dropconnect")
    check_generator(generator, "dropconnect")
    check_size(eval_samples, "dropconnect: eval_samples", least=0)
    same_dtype("dropconnect", input=input, weight=weight, bias=bias)
    check_linear("dropconnect", input, weight, bias)
    if not training and eval_samples and p > 0:
        return _dropconnect_sampled(input, weight, bias, p, activation, eval_samples, generator)
    if not training or p == 0 or input.numel() == 0 or weight.numel() == 0:
        out = linear(input, weight, bias)
    else:
        threshold = keep_threshold(float(p))
        rows = input.reshape(-1, input.shape[-1])
        if threshold == 0:
            out = DropAll.apply(linear(rows, weight))
        else:
            out = MaskedProduct.apply(rows, weight, (*next_place(generator, "dropconnect"), threshold))
        out = out.reshape(*input.shape[:-1], weight.shape[0])
        out = out if bias is None else out + bias
    return out if activation is None else activation(out)


def _dropconnect_sampled(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    p: float,
    activation: Callable[[Tensor], Tensor] | None,
    samples: int,
    generator: Generator | None,
) -> Tensor:
    keep = keep_share(p)
    if keep == 0:
        raise ValueError("dropconnect: p = 1 has no moments to sample from (their variance p / (1 - p) is infinite)")
    mean = linear(input, weight, bias)
    variance = linear(input * input, weight * weight) * (1 / keep - 1)
    smallest = float(np.finfo(mean.dtype).tiny)  # where x is 0 the root has a gradient too
    drawn = normals((samples, *mean.shape), mean.dtype, generator, "dropconnect")
    u = mean + (variance + smallest).sqrt() * drawn
    return (u if activation is None else activation(u)).mean(0)


def check_linear(name: str, input: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    fits = input.ndim > 0 and weight.ndim == 2 and input.shape[-1] == weight.shape[1]
    if not fits or (bias is not None and bias.shape != weight.shape[:1]):
        given = f"{list(input.shape)}, {list(weight.shape)}" + ("" if bias is None else f" and {list(bias.shape)}")
        raise RuntimeError(
            f"{name}: input (..., in), weight (out, in) and bias (out,) are needed, got shapes {given}: they do not fit"
        )


# ---- weights and states ----------------------------------------------------------------------------------------------------


@op("F.targeted_dropout")
def targeted_dropout(
    input: Tensor,
    p: float = 0.5,
    fraction: float = 0.5,
    training: bool = True,
    *,
    target: str = "weight",
    eval_mode: str = "prune",
    generator: Generator | None = None,
) -> Tensor:
    """Drops from a weight, with probability `p`, what pruning would take: the `fraction` that is smallest (Gomez et al. 2019).

    Input: a weight (out, ...). With target 'weight' the candidates are, for each of the `out` rows, its int(fraction * size)
    elements of smallest magnitude (of equals, the first); with 'unit' the int(fraction * out) rows of smallest norm, each of which
    is dropped whole. What is kept is not rescaled. Without `training` the candidates are all dropped (`eval_mode` 'prune',
    as in the authors' code), or none are ('identity').

    RuntimeError for an input without axes; ValueError unless p and fraction lie in [0, 1].

    >>> weight = minigrad.tensor([[3.0, -1.0, 2.0, 0.5]])
    >>> F.targeted_dropout(weight, 0.5, 0.5, training=False)
    tensor([[3., 0., 2., 0.]])
    """
    input = as_tensor(input)
    check_probability(p, "targeted_dropout")
    fraction = check_share(fraction, "targeted_dropout: fraction")
    check_one_of(target, ("weight", "unit"), "targeted_dropout: target")
    check_one_of(eval_mode, ("prune", "identity"), "targeted_dropout: eval_mode")
    check_generator(generator, "targeted_dropout")
    w = check_floating(input, "targeted_dropout")
    if w.ndim == 0:
        raise RuntimeError("targeted_dropout: expected a weight (out, ...), got one without axes")
    if w.size == 0 or (training and p == 0) or (not training and eval_mode == "identity"):
        return input
    if target == "weight":
        size, shape = np.abs(w).reshape(w.shape[0], -1), w.shape
    else:
        size = np.square(w, dtype=float64).reshape(1, w.shape[0], -1).sum(2)
        shape = leading(w.shape, 1)
    count = int(fraction * size.shape[1] + 1e-9)  # 0.29 of 100 are 29, though 0.29 * 100 is less
    kept = ~_smallest(size, count).reshape(shape)
    if training:
        kept |= keep_mask(shape, p, generator, "targeted_dropout")
    return Masked.apply(input, kept)


def _smallest(size: np.ndarray, count: int) -> np.ndarray:
    """Where the `count` smallest of each row stand; of equals, the first."""
    if count == 0:
        return np.zeros(size.shape, bool)
    bound = np.partition(size, count - 1, axis=1)[:, count - 1 : count]
    below = size < bound
    equal = size == bound
    if np.count_nonzero(equal) > len(size):  # the bound is met more than once in some row
        equal &= np.cumsum(equal, axis=1) <= count - below.sum(1, keepdims=True)
    return below | equal


@op("F.zoneout")
def zoneout(
    input: Tensor,
    previous: Tensor,
    p: float = 0.1,
    training: bool = True,
    *,
    eval_mode: str = "expectation",
    generator: Generator | None = None,
) -> Tensor:
    """Each element of a state is, with probability `p`, left at its `previous` value instead of `input` (Krueger et al. 2017).

    Without `training` it is the expectation p * previous + (1 - p) * input, or, with `eval_mode` 'identity', `input`. Both of the same
    shape. What is taken is taken to the bit (-0 as 0). RuntimeError where shapes differ; ValueError unless 0 <= p <= 1.

    >>> new, old = minigrad.ones(8), minigrad.zeros(8)
    >>> F.zoneout(new, old, 0.25, generator=minigrad.Generator().manual_seed(0))
    tensor([0., 0., 1., 0., 0., 1., 1., 1.])
    >>> F.zoneout(new, old, 0.25, training=False)[:2]
    tensor([0.7500, 0.7500])
    """
    input, previous = as_tensor(input), as_tensor(previous, "previous")
    check_probability(p, "zoneout")
    check_one_of(eval_mode, ("expectation", "identity"), "zoneout: eval_mode")
    check_generator(generator, "zoneout")
    same_dtype("zoneout", input=input, previous=previous)
    if input.shape != previous.shape:
        raise RuntimeError(f"zoneout: states of shapes {list(input.shape)} and {list(previous.shape)} differ")
    if p == 0 or (not training and eval_mode == "identity"):
        return input
    if not training and p < 1:
        return previous * p + input * (1 - p)
    new = keep_mask(input.shape, p, generator, "zoneout")
    return Masked.apply(input, new) + Masked.apply(previous, ~new)

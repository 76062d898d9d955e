"""The dropout family on activations: masks of other shapes, other noises, other values for what is dropped.

All are compositions; what is drawn is a constant of the graph. Masks follow the format of `dropout` (docs/dropout_format.md).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..random import Generator
from ..tensor import Function, Tensor, wrap
from .activation import maybe_in_place
from .border import as_tensor, empty_like
from .declare import op
from .dropout import DropAll
from .dropout_base import (
    Masked,
    check_floating,
    check_generator,
    check_one_of,
    check_probability,
    check_scale,
    drop_shared,
    keep_mask,
    keep_share,
    leading,
    normals,
    uniforms,
)
from .embedding import embedding
from .indexing import where

# ---- other values for what is dropped, and other noises ------------------------------------------------------------------

ALPHA = -1.7580993408473766  # the negative saturation of SELU, -scale * alpha: what alpha dropout sets dropped units to


def _alpha(
    input: Tensor, p: float, training: bool, inplace: bool, axes: int, generator: Generator | None, name: str
) -> Tensor:
    p = check_probability(p, name)
    check_generator(generator, name)
    if not training or p == 0:
        return input
    check_floating(input, name)
    keep = keep_share(p)
    if keep == 0:
        result = DropAll.apply(input)
    else:  # a (x m + alpha' (1 - m)) + b: dropout around alpha', scaled
        a = (keep * (1 + (1 - keep) * ALPHA**2)) ** -0.5
        kept = drop_shared(input - ALPHA, p, True, leading(input.shape, axes), generator, name)
        result = (kept + ALPHA) * (a * keep)
    return maybe_in_place(input, result, inplace, name)


@op("F.alpha_dropout")
def alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """Dropout that keeps mean 0 and variance 1 (Klambauer et al. 2017, section 3): for networks of SELUs.

    y = a x + b where an element is kept, a alpha' + b where it is dropped, with alpha' = -1.7581 (what SELU saturates to),
    a = (q + p q alpha'^2)^(-1/2), b = -a p alpha' and q = 1 - p. Float32 or float64 of any shape. Without `training` (as in
    PyTorch the default here) or at p = 0 `input` itself; p = 1 gives zeros. ValueError unless 0 <= p <= 1.

    >>> x = minigrad.randn(100_000)
    >>> y = F.alpha_dropout(x, 0.3, training=True)
    >>> bool(abs(y.mean()) < 0.02), bool(abs(y.var() - 1) < 0.02)
    (True, True)
    """
    input = as_tensor(input)
    return _alpha(input, p, training, inplace, input.ndim, generator, "alpha_dropout")


@op("F.feature_alpha_dropout")
def feature_alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """`alpha_dropout` of whole channels: input (N, C, ...), one number for each example and channel.

    The first two axes are always taken as examples and channels, as PyTorch's function takes them: give an example of its own
    a batch axis. RuntimeError for fewer than 2 axes.

    >>> y = F.feature_alpha_dropout(minigrad.zeros(2, 3, 4), 0.5, training=True)
    >>> bool((y == y[:, :, :1]).all())
    True
    """
    input = as_tensor(input)
    if input.ndim < 2:
        raise RuntimeError(
            f"feature_alpha_dropout: Feature dropout requires at least 2 dimensions in the input, got {input.ndim}"
        )
    return _alpha(input, p, training, inplace, 2, generator, "feature_alpha_dropout")


@op("F.gaussian_dropout")
def gaussian_dropout(
    input: Tensor, p: float = 0.5, training: bool = True, *, generator: Generator | None = None
) -> Tensor:
    """x times normal numbers of mean 1 and variance p / (1 - p) (Srivastava et al. 2014, section 10).

    Those are the mean and variance of dropout's own factors, without its zeros. Float32 or float64 of any shape. Without
    `training` or at p = 0 `input` itself. ValueError unless 0 <= p < 1.

    >>> y = F.gaussian_dropout(minigrad.full((100_000,), 3.0), 0.2)
    >>> bool(abs(y.mean() - 3) < 0.03), bool(abs(y.var() - 9 * 0.25) < 0.1)
    (True, True)
    """
    input = as_tensor(input)
    p = check_probability(p, "gaussian_dropout", below_one=True)
    check_generator(generator, "gaussian_dropout")
    if not training or p == 0:
        return input
    x = check_floating(input, "gaussian_dropout")
    noise = normals(x.shape, x.dtype, generator, "gaussian_dropout")
    return input * (noise * math.sqrt(p / (1 - p)) + 1)


@op("F.gaussian_noise")
def gaussian_noise(
    input: Tensor, std: float = 0.1, training: bool = True, *, generator: Generator | None = None
) -> Tensor:
    """x plus normal numbers of mean 0 and standard deviation `std` (Bishop 1995: for small noise, a Tikhonov penalty).

    Float32 or float64 of any shape. Without `training` or at std = 0 `input` itself. ValueError unless `std` is finite and
    not negative.

    >>> bool(abs(F.gaussian_noise(minigrad.zeros(100_000), 0.5).std() - 0.5) < 0.01)
    True
    """
    input = as_tensor(input)
    std = check_scale(std, "gaussian_noise: std")
    check_generator(generator, "gaussian_noise")
    if not training or std == 0:
        return input
    x = check_floating(input, "gaussian_noise")
    return input + normals(x.shape, x.dtype, generator, "gaussian_noise") * std


@op("F.hinton_dropout")
def hinton_dropout(
    input: Tensor, p: float = 0.5, training: bool = True, *, generator: Generator | None = None
) -> Tensor:
    """Dropout in the original convention (Hinton et al. 2012): in training x m, otherwise (1 - p) x.

    The mask m is that of `dropout`, bit for bit. A net W(m x) of this convention and a net W'(m x) / q of the inverted one are
    the same if W' = q W, q = 1 - p, for the weights that the dropped numbers meet; SGD then goes the same way if the
    learning rate of W' is q^2 times that of W and its max-norm bound q times (biases keep theirs). So rates of papers of
    that time don't carry over as written. Float32 or float64 of any shape; p = 0 returns `input`.

    >>> F.hinton_dropout(minigrad.tensor([2.0, 4.0]), 0.25, training=False)
    tensor([1.5000, 3.0000])
    """
    input = as_tensor(input)
    if training:
        return drop_shared(input, p, True, input.shape, generator, "hinton_dropout", rescale=False)
    p = check_probability(p, "hinton_dropout")
    check_generator(generator, "hinton_dropout")
    if p == 0:
        return input
    check_floating(input, "hinton_dropout")
    keep = keep_share(p)
    return input * keep if keep else DropAll.apply(input)


# ---- masks of other shapes -----------------------------------------------------------------------------------------------


def examples_shape(shape: tuple[int, ...], mode: str, name: str) -> tuple[int, ...]:
    """The shape of a mask with a number for each example ("row"), or one for all ("batch")."""
    check_one_of(mode, ("row", "batch"), f"{name}: mode")
    if mode == "row" and not shape:
        raise RuntimeError(f"{name}: mode 'row' needs an axis of examples, got a 0-D input")
    return leading(shape, 1 if mode == "row" else 0)


@op("F.stochastic_depth", "F.drop_path")
def stochastic_depth(
    input: Tensor,
    p: float = 0.5,
    mode: str = "row",
    training: bool = True,
    *,
    rescale: bool = True,
    generator: Generator | None = None,
) -> Tensor:
    """Drops the residual branch `input` (N, ...) of whole examples, or of the whole batch (Huang et al. 2016).

    With `mode` "row" there is a number for each example, with "batch" one for all. What is kept is multiplied by 1 / (1 - p),
    as torchvision does; the paper multiplies by 1 - p at test time instead, which `rescale=False` leaves to the caller.
    Float32 or float64. Without `training` or at p = 0 `input` itself. ValueError for another mode or unless 0 <= p <= 1;
    RuntimeError for rows of a 0-d input.

    >>> y = F.stochastic_depth(minigrad.ones(1000, 3), 0.2, "row")
    >>> set(y[:, 0].tolist()), bool((y[:, 0] == y[:, 2]).all())
    ({0.0, 1.25}, True)
    """
    input = as_tensor(input)
    shape = examples_shape(input.shape, mode, "stochastic_depth")
    return drop_shared(input, p, training, shape, generator, "stochastic_depth", rescale=rescale)


@op("F.locked_dropout")
def locked_dropout(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    batch_first: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Dropout with one mask for all time steps ("variational": Gal & Ghahramani 2016; "locked": Merity et al. 2017).

    Input (T, N, H), or (N, T, H) with `batch_first`, or (T, H); the mask has one number for each (N, H) or (H).
    RuntimeError for other numbers of axes; otherwise as `dropout`.

    >>> y = F.locked_dropout(minigrad.ones(5, 2, 3))
    >>> bool((y == y[:1]).all())
    True
    """
    input = as_tensor(input)
    if input.ndim not in (2, 3):
        raise RuntimeError(f"locked_dropout: expected (T, N, H), (N, T, H) or (T, H), got a {input.ndim}-D input")
    shape = list(input.shape)
    shape[1 if batch_first and input.ndim == 3 else 0] = 1
    return drop_shared(input, p, training, tuple(shape), generator, "locked_dropout")


@op("F.word_dropout")
def word_dropout(
    input: Tensor,
    weight: Tensor,
    p: float = 0.1,
    training: bool = True,
    padding_idx: int | None = None,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """`embedding` of words whose rows are dropped by type: a dropped word is 0 wherever it stands (Gal & Ghahramani 2016).

    Input: int64 or int32 of any shape; weight (V, D), float32 or float64; result (*input.shape, D), that of
    embedding(input, weight * mask / (1 - p)) with a mask of (V, 1). Only rows that occur are touched. Without `training` or at
    p = 0 a plain `embedding`. Errors as those of `embedding`; ValueError unless 0 <= p <= 1.

    >>> words = minigrad.tensor([3, 1, 3, 1, 3])
    >>> y = F.word_dropout(words, minigrad.ones(5, 2), 0.5)
    >>> bool((y[0] == y[2]).all() and (y[0] == y[4]).all() and (y[1] == y[3]).all())
    True
    """
    return drop_words(embedding(input, weight, padding_idx), input, weight.shape[0], p, training, generator)


def drop_words(
    rows: Tensor, words: Tensor, vocabulary: int, p: float, training: bool, generator: Generator | None
) -> Tensor:
    """`rows` (*words.shape, D) that were looked up for `words`, dropped by word type."""
    p = check_probability(p, "word_dropout")
    check_generator(generator, "word_dropout")
    if not training or p == 0:
        return rows
    check_floating(rows, "word_dropout")
    keep = keep_share(p)
    if keep == 0:
        return DropAll.apply(rows)
    kept = keep_mask((vocabulary,), p, generator, "word_dropout")[words._value, None]
    return Masked.apply(rows, kept) * (1 / keep)


@op("F.drop_head")
def drop_head(input: Tensor, p: float = 0.1, training: bool = True, *, generator: Generator | None = None) -> Tensor:
    """Drops whole attention heads of input (N, heads, ...), a number for each example and head (Zhou et al. 2020).

    The input is what the heads give, (N, heads, L, D), or their weights, (N, heads, L, S). What is kept is multiplied by
    1 / (1 - p), so the expectation is the input; the paper divides by the share of heads that were kept in this draw.
    RuntimeError for fewer than 2 axes; otherwise as `dropout`.

    >>> y = F.drop_head(minigrad.ones(2, 8, 4, 16), 0.5)
    >>> bool((y == y[:, :, :1, :1]).all())
    True
    """
    input = as_tensor(input)
    if input.ndim < 2:
        raise RuntimeError(f"drop_head: expected (N, heads, ...), got a {input.ndim}-D input")
    return drop_shared(input, p, training, leading(input.shape, 2), generator, "drop_head")


@op("F.attention_dropout")
def attention_dropout(
    weights: Tensor,
    p: float = 0.1,
    training: bool = True,
    *,
    renormalize: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """Dropout of attention weights (..., L, S), the result of a softmax over the last axis (Radford et al. 2018, section 4.1).

    As `dropout`: each weight is dropped with probability p and the others are multiplied by 1 / (1 - p), so rows sum to 1
    only on average; show users the weights from before. With `renormalize` rows are divided by what is left of their sum, and
    sum to 1 unless all of a row is dropped. `training` has to be passed on by whoever calls this.

    >>> weights = F.softmax(minigrad.zeros(2, 64), -1)
    >>> F.attention_dropout(weights, 0.5, training=False) is weights
    True
    >>> F.attention_dropout(weights, 0.5, renormalize=True).sum(-1)
    tensor([1., 1.])
    """
    weights = as_tensor(weights, "weights")
    dropped = drop_shared(weights, p, training, weights.shape, generator, "attention_dropout", rescale=not renormalize)
    if not renormalize or dropped is weights or weights.ndim == 0:
        return dropped
    total = dropped.sum(-1, keepdim=True)
    return dropped / where(total == 0, wrap(np.ones((), weights.dtype)), total)


# ---- mixing --------------------------------------------------------------------------------------------------------------


class Mix(Function):
    """a x + (1 - a) y, whose gradient is that of b x + (1 - b) y."""

    def forward(self, x: np.ndarray, y: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        self.b = b
        return np.add(x * a, y * (1 - a), out=empty_like(x))

    def backward(self, g: Any) -> Any:
        return g * self.b, g * (1 - self.b)


@op("F.shake_shake")
def shake_shake(
    input: Tensor, other: Tensor, training: bool = True, mode: str = "row", *, generator: Generator | None = None
) -> Tensor:
    """a `input` + (1 - a) `other`, a uniform in [0, 1): the two branches of a residual block (Gastaldi 2017).

    Backward uses a b of its own in place of a, so the gradient is on purpose not that of the result. With `mode` "row" there
    is an a and a b for each example (the paper's "image"), with "batch" one for all. Without `training` the mean of the
    two. Float32 or float64; takes two calls of the generator. RuntimeError unless both have one shape and dtype, ValueError
    for another mode.

    >>> F.shake_shake(minigrad.ones(2, 3), minigrad.zeros(2, 3), training=False)
    tensor([[0.5000, 0.5000, 0.5000],
            [0.5000, 0.5000, 0.5000]])
    """
    input, other = as_tensor(input), as_tensor(other, "other")
    check_generator(generator, "shake_shake")
    shape = examples_shape(input.shape, mode, "shake_shake")
    x, y = check_floating(input, "shake_shake"), check_floating(other, "shake_shake")
    if x.shape != y.shape or x.dtype != y.dtype:
        raise RuntimeError(
            f"shake_shake: the branches have to have one shape and dtype, got {list(x.shape)} of {x.dtype} and {list(y.shape)} of "
            f"{y.dtype}"
        )
    if not training:
        return (input + other) * 0.5
    a, b = (uniforms(shape, generator, "shake_shake").astype(x.dtype) for _ in range(2))
    return Mix.apply(input, other, a, b)

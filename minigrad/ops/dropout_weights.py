"""The dropout family on weights and recurrences, and with noise that is learned.

DropConnect has a mask for each example, N x out x in bits in all, which are never held at once: each of its three products draws
the mask of one example, uses it, and draws that of the next over it. The others are compositions. Noise (normal, uniform)
is drawn in float64 and rounded, so that a net in float32 meets the noise of the same net in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _kernels as kernels
from ..dtypes import float64
from ..random import Generator
from ..tensor import Function, Tensor, wrap
from .activation import logsigmoid
from .border import as_tensor, contiguous, empty, same_dtype
from .creation import normal_array, uniform_array
from .declare import op
from .dropout import DropAll, Dropout, keep_threshold, next_place
from .dropout_family import check_floating, check_generator, check_probability, inverse_keep, keep_mask
from .indexing import where
from .matmul import linear

TINY = 1e-7  # uniform numbers are kept this far from 0 and 1, where their logit is infinite (Gal et al. 2017)
FLOOR = 1e-8  # added to variances and squares before their root or logarithm (Molchanov et al. 2017)
CLIP = 8.0  # ln alpha is kept in [-8, 8]
K1, K2, K3 = 0.63576, 1.87320, 1.48695  # Molchanov et al. 2017, equation 14


def check_one_of(value: Any, choices: tuple[str, ...], what: str) -> None:
    """ValueError unless `value` is one of `choices`."""
    if value not in choices:
        raise ValueError(f"{what} has to be {' or '.join(map(repr, choices))}, not {value!r}")


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


def noise(draw: Callable, shape: tuple[int, ...], dtype: np.dtype, generator: Generator | None, name: str) -> Tensor:
    """Numbers that `draw` (`normal_array` or `uniform_array`) gives in float64, rounded to `dtype`: a call of the generator."""
    check_generator(generator, name)
    return wrap(draw(shape, float64, generator).astype(dtype, copy=False))


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
    if type(eval_samples) is not int or eval_samples < 0:
        raise ValueError(f"dropconnect: eval_samples has to be an int of at least 0, got {eval_samples!r}")
    same_dtype("dropconnect", input=input, weight=weight, bias=bias)
    _check_linear("dropconnect", input, weight, bias)
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
    keep = inverse_keep(p)
    if keep == 0:
        raise ValueError("dropconnect: p = 1 has no moments to sample from (their variance p / (1 - p) is infinite)")
    mean = linear(input, weight, bias)
    variance = linear(input * input, weight * weight) * (keep - 1)
    smallest = float(np.finfo(mean.dtype).tiny)  # where x is 0 the root has a gradient too
    drawn = noise(normal_array, (samples, *mean.shape), mean.dtype, generator, "dropconnect")
    u = mean + (variance + smallest).sqrt() * drawn
    return (u if activation is None else activation(u)).mean(0)


def _check_linear(name: str, input: Tensor, weight: Tensor, bias: Tensor | None) -> None:
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
    if not 0.0 <= float(fraction) <= 1.0:
        raise ValueError(f"targeted_dropout: fraction has to be between 0 and 1, but got {fraction}")
    check_one_of(target, ("weight", "unit"), "targeted_dropout: target")
    check_one_of(eval_mode, ("prune", "identity"), "targeted_dropout: eval_mode")
    check_generator(generator, "targeted_dropout")
    w = check_floating(input, "targeted_dropout")
    if w.ndim == 0:
        raise RuntimeError("targeted_dropout: expected a weight (out, ...), got one without axes")
    if w.size == 0 or (training and p == 0) or (not training and eval_mode == "identity"):
        return input
    if target == "weight":
        size, chosen = np.abs(w).reshape(w.shape[0], -1), w.shape
    else:
        size, chosen = (
            np.square(w, dtype=float64).reshape(1, w.shape[0], -1).sum(2),
            (w.shape[0],) + (1,) * (w.ndim - 1),
        )
    count = int(float(fraction) * size.shape[1])
    candidates = np.zeros(size.shape, bool)
    np.put_along_axis(candidates, np.argsort(size, axis=1, kind="stable")[:, :count], True, axis=1)
    kept = ~candidates.reshape(chosen)
    if training:
        kept |= keep_mask(chosen, p, generator, "targeted_dropout")
    return where(wrap(kept), input, wrap(np.zeros((), w.dtype)))


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
    shape. What is taken is taken bit for bit. RuntimeError where shapes differ; ValueError unless 0 <= p <= 1.

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
    return where(wrap(keep_mask(input.shape, p, generator, "zoneout")), input, previous)


# ---- learned ---------------------------------------------------------------------------------------------------------------


@op("F.concrete_dropout")
def concrete_dropout(
    input: Tensor,
    p_logit: Tensor,
    temperature: float = 0.1,
    training: bool = True,
    *,
    spatial: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """Dropout that can be differentiated by its probability p = sigmoid(p_logit) (Gal, Hron & Kendall 2017, section 3).

    input * (1 - z) / (1 - p) with z = sigmoid((logit p + logit u) / temperature), u uniform: nearly 0 or 1 at a low temperature.
    Input: any shape, or (N, C, ...) with `spatial`, where a channel has one z; `p_logit` has one element. The gradient goes to
    both. Without `training`, `input` itself. RuntimeError for shapes that do not fit; ValueError unless temperature > 0.

    >>> p_logit = minigrad.tensor(0.0, requires_grad=True)  # p = 0.5
    >>> F.concrete_dropout(minigrad.ones(1000), p_logit).mean().backward()
    >>> p_logit.grad.shape
    ()
    """
    input = as_tensor(input)
    check_generator(generator, "concrete_dropout")
    same_dtype("concrete_dropout", input=input, p_logit=p_logit)
    if p_logit.numel() != 1:
        raise RuntimeError(f"concrete_dropout: p_logit has to have one element, got shape {list(p_logit.shape)}")
    if not 0 < temperature < float("inf"):
        raise ValueError(f"concrete_dropout: temperature has to be positive, got {temperature}")
    if spatial and input.ndim < 2:
        raise RuntimeError(f"concrete_dropout: spatial takes (N, C, ...), got shape {list(input.shape)}")
    if not training:
        return input
    shape = input.shape[:2] + (1,) * (input.ndim - 2) if spatial else input.shape
    u = noise(uniform_array, shape, float64, generator, "concrete_dropout")._value.clip(TINY, 1 - TINY)
    logit = p_logit.reshape(())
    kept = (-(logit + wrap(np.log(u / (1 - u)).astype(input.dtype, copy=False))) / temperature).sigmoid()
    return input * kept / (-logit).sigmoid()


@op("F.variational_gaussian_dropout")
def variational_gaussian_dropout(
    input: Tensor, log_alpha: Tensor, training: bool = True, *, generator: Generator | None = None
) -> Tensor:
    """Gaussian dropout whose variance alpha is learned: input * (1 + sqrt(alpha) e), e normal (Kingma et al. 2015, section 3.2).

    Alpha is at most 1: a larger `log_alpha` counts as 0 and gets no gradient. Input (..., C); `log_alpha` (C,), or of one element.
    The gradient goes to both. Without `training`, `input` itself. RuntimeError for shapes that do not fit.

    >>> y = F.variational_gaussian_dropout(minigrad.ones(10000, 2), minigrad.tensor([0.25, 1.0]).log())
    >>> [round(value, 1) for value in y.var(0).tolist()]
    [0.2, 1.0]
    """
    input = as_tensor(input)
    check_generator(generator, "variational_gaussian_dropout")
    same_dtype("variational_gaussian_dropout", input=input, log_alpha=log_alpha)
    if log_alpha.numel() != 1 and log_alpha.shape != input.shape[-1:]:
        raise RuntimeError(
            f"variational_gaussian_dropout: log_alpha of shape {list(log_alpha.shape)} does not fit the last axis of {list(input.shape)}"
        )
    if not training:
        return input
    alpha = log_alpha.reshape(()) if log_alpha.numel() == 1 else log_alpha
    spread = (alpha.clamp(max=0.0) * 0.5).exp()
    return input * (
        1 + spread * noise(normal_array, input.shape, input.dtype, generator, "variational_gaussian_dropout")
    )


def clipped_log_alpha(weight: Tensor, log_sigma2: Tensor) -> Tensor:
    """ln alpha = ln(sigma^2 / weight^2), in [-8, 8]."""
    return (log_sigma2 - (weight * weight + FLOOR).log()).clamp(-CLIP, CLIP)


def sparse_kl(log_alpha: Tensor) -> Tensor:
    """The sum of KL(q || log-uniform prior) over weights, by the approximation of Molchanov et al. 2017, equation 14."""
    # ln(1 + 1 / alpha) = -logsigmoid(ln alpha)
    return (K1 - K1 * (log_alpha * K3 + K2).sigmoid() - 0.5 * logsigmoid(log_alpha)).sum()


@op("F.sparse_vd_linear")
def sparse_vd_linear(
    input: Tensor,
    weight: Tensor,
    log_sigma2: Tensor,
    bias: Tensor | None = None,
    training: bool = True,
    *,
    threshold: float = 3.0,
    generator: Generator | None = None,
) -> Tensor:
    """A linear map whose weights are normal with learned means and variances (Molchanov, Ashukha & Vetrov 2017).

    The result is drawn, not the weights (local reparameterization): normal with mean weight x + bias and variance (alpha weight^2) x^2,
    where ln alpha = log_sigma2 - ln weight^2, kept in [-8, 8]. Without `training` the means are used, and those with
    ln alpha >= `threshold` are 0: noise has drowned them.

    Input (..., in); weight and log_sigma2 (out, in); bias (out,); result (..., out). RuntimeError for shapes that do not fit.

    >>> weight, log_sigma2 = minigrad.tensor([[2.0, 0.1]]), minigrad.tensor([[-1.0, -1.0]])
    >>> F.sparse_vd_linear(minigrad.eye(2), weight, log_sigma2, training=False)  # ln alpha is -2.4 and 3.6
    tensor([[2.],
            [0.]])
    """
    input = as_tensor(input)
    check_generator(generator, "sparse_vd_linear")
    same_dtype("sparse_vd_linear", input=input, weight=weight, log_sigma2=log_sigma2, bias=bias)
    _check_linear("sparse_vd_linear", input, weight, bias)
    if log_sigma2.shape != weight.shape:
        raise RuntimeError(
            f"sparse_vd_linear: log_sigma2 has shape {list(log_sigma2.shape)}, its weight {list(weight.shape)}"
        )
    log_alpha = clipped_log_alpha(weight, log_sigma2)
    if not training:
        kept = wrap(log_alpha._value < threshold)
        return linear(input, where(kept, weight, wrap(np.zeros((), weight.dtype))), bias)
    mean = linear(input, weight, bias)
    variance = linear(input * input, log_alpha.exp() * weight * weight) + FLOOR
    return mean + variance.sqrt() * noise(normal_array, mean.shape, mean.dtype, generator, "sparse_vd_linear")


@op("F.standout")
def standout(
    input: Tensor,
    logits: Tensor,
    alpha: float = 1.0,
    beta: float = 0.0,
    training: bool = True,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Keeps each activation with a probability of its own, sigmoid(alpha * logits + beta) (Ba & Frey 2013).

    `logits` are the activation's own inputs, or those of a net beside it, of its shape. Kept ones are not rescaled. The gradient
    does not pass through the choice. Without `training`, input * sigmoid(...). RuntimeError where shapes differ; ValueError
    for an alpha or beta that is not finite.

    >>> F.standout(minigrad.ones(2), minigrad.tensor([0.0, 100.0]), training=False)
    tensor([0.5000, 1.0000])
    """
    input, logits = as_tensor(input), as_tensor(logits, "logits")
    check_generator(generator, "standout")
    same_dtype("standout", input=input, logits=logits)
    if input.shape != logits.shape:
        raise RuntimeError(f"standout: input has shape {list(input.shape)}, its logits {list(logits.shape)}")
    if not np.isfinite([alpha, beta]).all():
        raise ValueError(f"standout: alpha and beta have to be finite, got {alpha} and {beta}")
    if not training:
        return input * (logits * alpha + beta).sigmoid()
    keep = (logits.detach() * alpha + beta).sigmoid()
    kept = noise(uniform_array, input.shape, float64, generator, "standout")._value < keep._value
    return where(wrap(kept), input, wrap(np.zeros((), input.dtype)))


@op("F.information_dropout")
def information_dropout(
    input: Tensor, alpha: Tensor, training: bool = True, *, generator: Generator | None = None
) -> Tensor:
    """input * exp(alpha * e), e normal: noise whose strength `alpha` is computed for each activation (Achille & Soatto 2018).

    Alpha has a shape that broadcasts to that of `input`. The gradient goes to both. Without `training`, `input` itself: the
    noise is off, as in the authors' code, though its mean is exp(alpha^2 / 2). RuntimeError for shapes that do not fit.

    >>> y = F.information_dropout(minigrad.ones(10000), minigrad.tensor([0.5]))
    >>> round(y.log().std().item(), 1)
    0.5
    """
    input, alpha = as_tensor(input), as_tensor(alpha, "alpha")
    check_generator(generator, "information_dropout")
    same_dtype("information_dropout", input=input, alpha=alpha)
    try:
        fits = np.broadcast_shapes(input.shape, alpha.shape) == input.shape
    except ValueError:
        fits = False
    if not fits:
        raise RuntimeError(
            f"information_dropout: alpha of shape {list(alpha.shape)} does not broadcast to an input of {list(input.shape)}"
        )
    if not training:
        return input
    return input * (alpha * noise(normal_array, input.shape, input.dtype, generator, "information_dropout")).exp()

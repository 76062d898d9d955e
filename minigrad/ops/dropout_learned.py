"""Dropout whose noise is learned, or computed from the input.

Compositions; what is drawn is a constant of the graph, and the gradient goes to what shapes it.
"""

from __future__ import annotations

import numpy as np

from ..random import Generator
from ..tensor import Tensor, wrap
from .activation import logsigmoid
from .border import as_tensor, same_dtype
from .declare import op
from .dropout_base import Masked, check_finite, check_generator, check_positive, leading, normals, uniforms
from .dropout_weights import check_linear
from .matmul import linear

TINY = 1e-7  # uniform numbers are kept this far from 0 and 1, where their logit is infinite (Gal et al. 2017)
FLOOR = 1e-8  # added to variances and squares before their root or logarithm (Molchanov et al. 2017)
CLIP = 8.0  # ln alpha is kept in [-8, 8]
K1, K2, K3 = 0.63576, 1.87320, 1.48695  # Molchanov et al. 2017, equation 14


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
    temperature = check_positive(temperature, "concrete_dropout: temperature")
    if spatial and input.ndim < 2:
        raise RuntimeError(f"concrete_dropout: spatial takes (N, C, ...), got shape {list(input.shape)}")
    if not training:
        return input
    shape = leading(input.shape, 2) if spatial else input.shape
    u = uniforms(shape, generator, "concrete_dropout").clip(TINY, 1 - TINY)
    logit = p_logit.reshape(())
    kept = (-(logit + wrap(np.log(u / (1 - u)).astype(input.dtype, copy=False))) / temperature).sigmoid()
    return input * (kept / (-logit).sigmoid())


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
    return input * (1 + spread * normals(input.shape, input.dtype, generator, "variational_gaussian_dropout"))


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
    check_linear("sparse_vd_linear", input, weight, bias)
    if log_sigma2.shape != weight.shape:
        raise RuntimeError(
            f"sparse_vd_linear: log_sigma2 has shape {list(log_sigma2.shape)}, its weight {list(weight.shape)}"
        )
    log_alpha = clipped_log_alpha(weight, log_sigma2)
    if not training:
        return linear(input, Masked.apply(weight, log_alpha._value < threshold), bias)
    mean = linear(input, weight, bias)
    variance = linear(input * input, log_alpha.exp() * weight * weight) + FLOOR
    return mean + variance.sqrt() * normals(mean.shape, mean.dtype, generator, "sparse_vd_linear")


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
    alpha, beta = check_finite(alpha, "standout: alpha"), check_finite(beta, "standout: beta")
    if not training:
        return input * (logits * alpha + beta).sigmoid()
    keep = (logits.detach() * alpha + beta).sigmoid()
    return Masked.apply(input, uniforms(input.shape, generator, "standout") < keep._value)


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
    return input * (alpha * normals(input.shape, input.dtype, generator, "information_dropout")).exp()

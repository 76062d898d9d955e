"""Dropout at test time: passes with dropout on and everything else as in evaluation (MC dropout), and what they say.

The closed forms are functions: `F.fast_dropout`, and `HintonDropout` for weight scaling.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

from ...grad_mode import no_grad
from ...ops.border import as_tensor
from ...ops.dropout_base import check_positive, check_size
from ...ops.dropout_closed import fast_dropout as fast_dropout
from ...ops.indexing import where as choose
from ...ops.joining import stack
from ...ops.reduce import logsumexp
from ...tensor import Tensor, wrap
from ..module import Module
from .base import RandomModule, check_module
from .insert import selected

M = TypeVar("M", bound=Module)


@contextmanager
def mc_dropout(model: M, where: Any = None) -> Iterator[M]:
    """Within, dropout is on and all else is in evaluation, batch norm included (Gal & Ghahramani 2016).

    Dropout is every layer of the family but those that augment images; or the modules that `where` names, as in `add_dropout`
    (a class, a name, a function of (name, module), a list of such): for some layers alone, or for modules of one's own that call
    F.dropout. Afterwards, also after an exception, each module is in the mode it was in. It can be nested. Gradients are recorded
    as ever; use `no_grad`, or `mc_samples`, which does. ValueError if there is no dropout to turn on.

    >>> model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5)).eval()
    >>> with nn.mc_dropout(model):
    ...     [layer.training for layer in model]
    [False, False, False, True]
    >>> model[3].training
    False
    """
    check_module(model, "mc_dropout")
    if where is None:
        chosen: list[Module] = [m for m in model.modules() if isinstance(m, RandomModule) and m.in_mc_dropout]
        if not chosen:
            raise ValueError(
                f"mc_dropout: {type(model).__name__} has no dropout layers; name modules that call F.dropout themselves by where="
            )
    else:
        chosen = [module for _, module in selected(model, where, added=True)]
    before = [(module, module.training) for module in model.modules()]
    try:
        for module, _ in before:
            module.training = False
        for module in chosen:
            module.training = True
        yield model
    finally:
        for module, was in before:
            module.training = was


def mc_samples(model: Module, *inputs: Any, samples: int = 50, where: Any = None, **options: Any) -> Tensor:
    """What `samples` passes of `model(*inputs, **options)` under `mc_dropout` give, stacked: (samples, ...), without gradients.

    TypeError or ValueError unless samples is an int of at least 1.

    >>> model = nn.Sequential(nn.Dropout(0.5), nn.Linear(4, 3))
    >>> nn.mc_samples(model, minigrad.ones(2, 4), samples=10).shape
    (10, 2, 3)
    """
    samples = check_size(samples, "mc_samples: samples")
    with no_grad(), mc_dropout(model, where):
        outputs = [model(*inputs, **options) for _ in range(samples)]
    if not isinstance(outputs[0], Tensor):
        given = type(outputs[0]).__name__
        raise TypeError(
            f"mc_samples: {type(model).__name__} returned a {given}, and only Tensors can be stacked: loop under mc_dropout"
        )
    return stack(outputs)


def _probabilities(samples: Any, name: str) -> Tensor:
    """`samples` as a Tensor; ValueError unless it is of shape (samples, ..., classes) and its last axis holds probabilities."""
    probabilities = as_tensor(samples, "probabilities")
    p = probabilities._value
    if p.ndim < 2:
        raise ValueError(f"{name}: expected probabilities (samples, ..., classes), got shape {list(p.shape)}")
    if p.size and not (p.min() >= 0 and np.abs(p.sum(-1) - 1).max() < 1e-3):
        raise ValueError(
            f"{name}: the last axis has to hold probabilities; average these, and neither logits nor their logarithms: F.softmax(x, -1)"
        )
    return probabilities


def _entropy(p: Tensor) -> Tensor:
    positive = p > 0
    one = wrap(np.ones((), p.dtype))
    return -(p * choose(positive, p, one).log()).sum(-1)


def predictive_mean(samples: Tensor) -> Tensor:
    """The mean over the first axis: of probabilities (samples, N, C), or of a regression's outputs (samples, N, ...).

    >>> nn.predictive_mean(minigrad.tensor([[[1.0, 0.0]], [[0.5, 0.5]]]))
    tensor([[0.7500, 0.2500]])
    """
    return as_tensor(samples, "samples").mean(0)


def predictive_entropy(probabilities: Tensor) -> Tensor:
    """H[mean p], in nats: all of the uncertainty about the class. Probabilities (samples, ..., C) to (...).

    The one number of a sigmoid is two classes: `minigrad.stack([p, 1 - p], -1)`. ValueError if the last axis doesn't hold
    probabilities.

    >>> nn.predictive_entropy(minigrad.tensor([[[1.0, 0.0]], [[0.0, 1.0]]]))  # log 2
    tensor([0.6931])
    """
    probabilities = _probabilities(probabilities, "predictive_entropy")
    return _entropy(probabilities.mean(0))


def mutual_information(probabilities: Tensor) -> Tensor:
    """H[mean p] - mean H[p]: the part of the uncertainty that is about the model, on which samples disagree (BALD, Houlsby 2011).

    Probabilities (samples, ..., C) to (...), in nats, at least 0 but for rounding. ValueError if the last axis doesn't hold
    probabilities.

    >>> both = minigrad.tensor([[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]])
    >>> nn.mutual_information(both)  # the samples disagree; they agree that it is open
    tensor([0.6931, 0.0000])
    """
    probabilities = _probabilities(probabilities, "mutual_information")
    return _entropy(probabilities.mean(0)) - _entropy(probabilities).mean(0)


def predictive_variance(samples: Tensor, precision: float | None = None) -> Tensor:
    """The variance of a regression's outputs over the first axis (samples, ...), plus the noise 1 / precision if given.

    Gal & Ghahramani 2016, equation 7 (divided by the number of samples). ValueError unless precision > 0.

    >>> nn.predictive_variance(minigrad.tensor([[1.0], [3.0]]), precision=2.0)
    tensor([1.5000])
    """
    spread = as_tensor(samples, "samples").var(0, correction=0)
    return spread if precision is None else spread + 1 / check_positive(precision, "predictive_variance: precision")


def predictive_log_likelihood(samples: Tensor, target: Tensor, precision: float) -> Tensor:
    """log of the mean over samples of the normal density of `target` around each, with variance 1 / precision.

    Samples (samples, ...), target (...) and the result too (Gal & Ghahramani 2016, equation 8). ValueError unless
    precision > 0, or if the shapes don't fit.

    >>> nn.predictive_log_likelihood(minigrad.zeros(5, 1), minigrad.zeros(1), 1.0)  # -log(2 pi) / 2
    tensor([-0.9189])
    """
    precision = check_positive(precision, "predictive_log_likelihood: precision")
    if samples.shape[1:] != target.shape:
        raise ValueError(
            f"predictive_log_likelihood: target has shape {list(target.shape)}, expected {list(samples.shape[1:])}"
        )
    exponents = (samples - target) ** 2 * (-precision / 2)
    return logsumexp(exponents, 0) + (0.5 * math.log(precision / (2 * math.pi)) - math.log(samples.shape[0]))

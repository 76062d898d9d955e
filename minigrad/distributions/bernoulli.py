"""The Bernoulli distribution."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from ..grad_mode import no_grad
from ..ops import FUNCTIONAL, FUNCTIONS
from ..tensor import Tensor
from . import constraints
from .distribution import Distribution, Shape, broadcast_all, clamp_probs, one_of


class Bernoulli(Distribution):
    """1 with probability `probs`, else 0, in its dtype. `logits`, log(probs / (1 - probs)), may be given instead.

    >>> coin = minigrad.distributions.Bernoulli(minigrad.tensor([0.5, 0.75]))
    >>> coin.log_prob(minigrad.ones(2)), coin.entropy()
    (tensor([-0.6931, -0.2877]), tensor([0.6931, 0.5623]))
    """

    arg_constraints: ClassVar = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.boolean
    has_enumerate_support = True

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        one_of(probs, logits)
        if probs is not None:
            (self.probs,) = broadcast_all(probs)
        else:
            (self.logits,) = broadcast_all(logits)
        super().__init__(self.param_shape, validate_args=validate_args)

    @cached_property
    def logits(self) -> Tensor:
        """log(probs / (1 - probs)), finite also where `probs` is 0 or 1."""
        probs = clamp_probs(self.probs)
        return probs.log() - (-probs).log1p()

    @cached_property
    def probs(self) -> Tensor:
        """The probability of 1."""
        return self.logits.sigmoid()

    @property
    def param_shape(self) -> tuple[int, ...]:
        """The shape of the parameter."""
        return (self.probs if "probs" in self.__dict__ else self.logits).shape

    @property
    def mean(self) -> Tensor:
        """`probs`."""
        return self.probs

    @property
    def mode(self) -> Tensor:
        """1 or 0, whichever is more probable; NaN if neither is."""
        likely = (self.probs >= 0.5).to(self.probs.dtype)
        return likely.masked_fill(self.probs == 0.5, float("nan"))

    @property
    def variance(self) -> Tensor:
        """probs * (1 - probs)."""
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Samples of shape sample_shape + batch_shape, through which no gradient flows."""
        with no_grad():
            return FUNCTIONS["bernoulli"](self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the probability of `value`, which is 0 or 1."""
        self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        return -FUNCTIONAL["binary_cross_entropy_with_logits"](logits, value, reduction="none")

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """0 and 1 along a new first axis, for each of the batch if `expand`."""
        parameter = self.probs if "probs" in self.__dict__ else self.logits
        return self._enumerated(FUNCTIONS["arange"](2, dtype=parameter.dtype), expand)

    def entropy(self) -> Tensor:
        """The entropy in nats."""
        return FUNCTIONAL["binary_cross_entropy_with_logits"](self.logits, self.probs, reduction="none")

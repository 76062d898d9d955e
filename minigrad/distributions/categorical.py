"""The categorical distribution."""

from __future__ import annotations

import math
from functools import cached_property
from typing import ClassVar

from ..dtypes import finfo
from ..grad_mode import no_grad
from ..ops import FUNCTIONS
from ..tensor import Tensor
from . import constraints
from .distribution import Distribution, Shape, clamp_probs, one_of


class Categorical(Distribution):
    """A class from 0 to K - 1, int64, with probabilities proportional to `probs` (..., K), or to the exponential of `logits`.

    `probs` and `logits` read back are normalized. ValueError for parameters without axes, negative, NaN, or that sum to 0.

    >>> policy = minigrad.distributions.Categorical(logits=minigrad.zeros(4))
    >>> policy.probs, policy.log_prob(minigrad.tensor(2))
    (tensor([0.2500, 0.2500, 0.2500, 0.2500]), tensor(-1.3863))
    """

    arg_constraints: ClassVar = {"probs": constraints.simplex, "logits": constraints.real_vector}
    has_enumerate_support = True

    def __init__(
        self, probs: Tensor | None = None, logits: Tensor | None = None, validate_args: bool | None = None
    ) -> None:
        one_of(probs, logits)
        for name, parameter in (("probs", probs), ("logits", logits)):
            if parameter is not None and parameter.dim() < 1:
                raise ValueError(f"`{name}` parameter must be at least one-dimensional.")
        if probs is not None:
            self.probs = probs / probs.sum(-1, keepdim=True)
        elif logits is not None:
            self.logits = logits - logits.logsumexp(-1, keepdim=True)
        super().__init__(self.param_shape[:-1], validate_args=validate_args)

    @cached_property
    def logits(self) -> Tensor:
        """The logarithms of `probs`, finite also where one is 0."""
        return clamp_probs(self.probs).log()

    @cached_property
    def probs(self) -> Tensor:
        """The probability of each class."""
        return self.logits.softmax(-1)

    @property
    def param_shape(self) -> tuple[int, ...]:
        """The shape of the parameter: batch_shape, and the number of classes."""
        return (self.probs if "probs" in self.__dict__ else self.logits).shape

    @property
    def support(self) -> constraints.Constraint:
        """The classes."""
        return constraints.integer_interval(0, self.param_shape[-1] - 1)

    @property
    def mean(self) -> Tensor:
        """NaN: classes are not numbers."""
        return FUNCTIONS["full"](self._batch_shape, math.nan, dtype=self.probs.dtype)

    variance = mean

    @property
    def mode(self) -> Tensor:
        """The most probable class."""
        return self.probs.argmax(-1)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Classes, of shape sample_shape + batch_shape, through which no gradient flows."""
        with no_grad():
            rows = self.probs.reshape(-1, self.param_shape[-1])
            drawn = FUNCTIONS["multinomial"](rows, math.prod(sample_shape), True)
            return drawn.T.reshape(self._extended_shape(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the probability of the classes in `value`."""
        self._validate_sample(value)
        value, logits = FUNCTIONS["broadcast_tensors"](value.long().unsqueeze(-1), self.logits)
        return logits.gather(-1, value[..., :1]).squeeze(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All classes along a new first axis, for each of the batch if `expand`."""
        return self._enumerated(FUNCTIONS["arange"](self.param_shape[-1]), expand)

    def entropy(self) -> Tensor:
        """The entropy in nats."""
        logits = self.logits.clamp(min=finfo(self.logits.dtype).min)  # where a class is impossible, 0 and not NaN
        return -(logits * self.probs).sum(-1)

"""The normal distribution."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from ..ops import FUNCTIONS
from ..tensor import Tensor
from . import constraints
from .distribution import Distribution, Shape, broadcast_all


class Normal(Distribution):
    """Normal distributions of mean `loc` and standard deviation `scale`, Tensors or numbers that broadcast.

    >>> normal = minigrad.distributions.Normal(0.0, minigrad.tensor([1.0, 2.0]))
    >>> normal.log_prob(minigrad.tensor([0.0, 1.0]))
    tensor([-0.9189, -1.7371])
    """

    arg_constraints: ClassVar = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """`loc`."""
        return self.loc

    mode = mean

    @property
    def stddev(self) -> Tensor:
        """`scale`."""
        return self.scale

    @property
    def variance(self) -> Tensor:
        """`scale` squared."""
        return self.scale**2

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        """loc + scale * noise: samples that are differentiable in both."""
        noise = FUNCTIONS["randn"](self._extended_shape(sample_shape), dtype=self.loc.dtype)
        return self.loc + noise * self.scale

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density at `value`."""
        self._validate_sample(value)
        return -((value - self.loc) ** 2) / (2 * self.variance) - self.scale.log() - math.log(math.sqrt(2 * math.pi))

    def cdf(self, value: Tensor) -> Tensor:
        """The probability of a sample of at most `value`."""
        self._validate_sample(value)
        return 0.5 * (1 + ((value - self.loc) * self.scale.reciprocal() / math.sqrt(2)).erf())

    def entropy(self) -> Tensor:
        """The entropy in nats."""
        return 0.5 + 0.5 * math.log(2 * math.pi) + self.scale.log()

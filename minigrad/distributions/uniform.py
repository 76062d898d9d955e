"""The uniform distribution."""

from __future__ import annotations

from typing import Any

from ..ops import FUNCTIONS
from ..tensor import Tensor
from . import constraints
from .distribution import Distribution, Shape, broadcast_all


class Uniform(Distribution):
    """Uniform distributions on [low, high), Tensors or numbers that broadcast. ValueError unless low < high."""

    has_rsample = True

    def __init__(self, low: Any, high: Any, validate_args: bool | None = None) -> None:
        self.low, self.high = broadcast_all(low, high)
        super().__init__(self.low.shape, validate_args=validate_args)

    @property
    def arg_constraints(self) -> dict[str, constraints.Constraint]:  # type: ignore[override]
        """`low` is less than `high`."""
        return {"low": constraints.less_than(self.high), "high": constraints.greater_than(self.low)}

    @property
    def support(self) -> constraints.Constraint:
        """From `low` to `high`."""
        return constraints.interval(self.low, self.high)

    @property
    def mean(self) -> Tensor:
        """The middle."""
        return (self.high + self.low) / 2

    @property
    def mode(self) -> Tensor:
        """NaN: all values are as probable."""
        return float("nan") * self.high

    @property
    def variance(self) -> Tensor:
        """The width squared, by 12."""
        return (self.high - self.low) ** 2 / 12

    @property
    def stddev(self) -> Tensor:
        """The width by the square root of 12."""
        return (self.high - self.low) / 12**0.5

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        """low + (high - low) * noise: samples that are differentiable in both."""
        noise = FUNCTIONS["rand"](self._extended_shape(sample_shape), dtype=self.low.dtype)
        return self.low + noise * (self.high - self.low)

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density at `value`; -inf at `high`, and outside where values are not checked."""
        self._validate_sample(value)
        inside = (self.low <= value) & (self.high > value)
        return inside.to(self.low.dtype).log() - (self.high - self.low).log()

    def cdf(self, value: Tensor) -> Tensor:
        """The probability of a sample of at most `value`."""
        self._validate_sample(value)
        return ((value - self.low) / (self.high - self.low)).clamp(0, 1)

    def icdf(self, value: Tensor) -> Tensor:
        """The value below which a sample is with probability `value`."""
        return value * (self.high - self.low) + self.low

    def entropy(self) -> Tensor:
        """The logarithm of the width."""
        return (self.high - self.low).log()

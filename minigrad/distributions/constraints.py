"""Which values a parameter, or a sample, may have: `constraint.check(value)` says it for each.

A constraint on vectors (`event_dim` 1) answers once for each row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..tensor import Tensor


class Constraint:
    """A condition on Tensors, and the name by which errors speak of it."""

    def __init__(
        self, name: str, check: Callable[[Tensor], Any], event_dim: int = 0, is_discrete: bool = False
    ) -> None:
        self.name, self._check, self.event_dim, self.is_discrete = name, check, event_dim, is_discrete

    def check(self, value: Tensor) -> Tensor:
        """Whether each element, or each row, of `value` satisfies the constraint."""
        return self._check(value)

    def __repr__(self) -> str:
        return self.name


def interval(lower_bound: Any, upper_bound: Any) -> Constraint:
    """From `lower_bound` to `upper_bound`, both included."""
    name = f"Interval(lower_bound={lower_bound}, upper_bound={upper_bound})"
    return Constraint(name, lambda x: (lower_bound <= x) & (x <= upper_bound))


def integer_interval(lower_bound: int, upper_bound: int) -> Constraint:
    """The whole numbers from `lower_bound` to `upper_bound`."""
    return Constraint(
        f"IntegerInterval(lower_bound={lower_bound}, upper_bound={upper_bound})",
        lambda x: (x % 1 == 0) & (lower_bound <= x) & (x <= upper_bound),
        is_discrete=True,
    )


def greater_than(lower_bound: Any) -> Constraint:
    """Above `lower_bound`."""
    return Constraint(f"GreaterThan(lower_bound={lower_bound})", lambda x: lower_bound < x)


def less_than(upper_bound: Any) -> Constraint:
    """Below `upper_bound`."""
    return Constraint(f"LessThan(upper_bound={upper_bound})", lambda x: x < upper_bound)


real = Constraint("Real()", lambda x: x == x)  # NaN is not equal to itself
real_vector = Constraint("IndependentConstraint(Real(), 1)", lambda x: (x == x).all(-1), event_dim=1)
boolean = Constraint("Boolean()", lambda x: (x == 0) | (x == 1), is_discrete=True)
positive = greater_than(0.0)
unit_interval = interval(0.0, 1.0)
simplex = Constraint("Simplex()", lambda x: (x >= 0).all(-1) & ((x.sum(-1) - 1).abs() < 1e-6), event_dim=1)

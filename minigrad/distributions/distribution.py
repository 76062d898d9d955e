"""What all distributions share: shapes, the checking of arguments, and what follows from mean and variance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ..dtypes import finfo, get_default_dtype
from ..grad_mode import no_grad
from ..ops import FUNCTIONS
from ..tensor import Tensor
from .constraints import Constraint

Shape = Sequence[int]


class Distribution:
    """A batch of distributions of one kind.

    `validate_args` (True unless Python runs with -O) checks parameters and values: ValueError that shows what is wrong.
    """

    arg_constraints: ClassVar[dict[str, Constraint]] = {}
    has_rsample = False
    has_enumerate_support = False
    _validate_args: bool = __debug__

    def __init__(self, batch_shape: Shape = (), event_shape: Shape = (), validate_args: bool | None = None) -> None:
        self._batch_shape, self._event_shape = tuple(batch_shape), tuple(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            for name, constraint in self.arg_constraints.items():
                if name in self.__dict__ and not constraint.check(self.__dict__[name]).all():
                    value = self.__dict__[name]
                    raise ValueError(
                        f"Expected parameter {name} (Tensor of shape {value.shape}) of distribution {self!r} to satisfy "
                        f"the constraint {constraint!r}, but found invalid values:\n{value}"
                    )

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Whether arguments are checked where a distribution is not told."""
        if value not in (True, False):
            raise ValueError(f"expected True or False, got {value!r}")
        Distribution._validate_args = value

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The shape of the batch of parameters."""
        return self._batch_shape

    @property
    def event_shape(self) -> tuple[int, ...]:
        """The shape of one sample of one distribution."""
        return self._event_shape

    @property
    def support(self) -> Constraint:
        """The values that samples may have."""
        raise NotImplementedError

    @property
    def mean(self) -> Tensor:
        """The mean of each distribution."""
        raise NotImplementedError

    @property
    def mode(self) -> Tensor:
        """The most probable value of each distribution."""
        raise NotImplementedError(f"{type(self).__name__} has no mode")

    @property
    def variance(self) -> Tensor:
        """The variance of each distribution."""
        raise NotImplementedError

    @property
    def stddev(self) -> Tensor:
        """The standard deviation of each distribution."""
        return self.variance.sqrt()

    def expand(self, batch_shape: Shape) -> Distribution:
        """The same distribution with its parameters expanded to `batch_shape`, without copying them."""
        new = object.__new__(type(self))
        for name, constraint in self.arg_constraints.items():
            if name in self.__dict__:
                parameter = self.__dict__[name]
                event = parameter.shape[parameter.ndim - constraint.event_dim :]
                new.__dict__[name] = parameter.expand(*batch_shape, *event)
        Distribution.__init__(new, batch_shape, self._event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Samples of shape sample_shape + batch_shape + event_shape, through which no gradient flows."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        """Samples that are differentiable in the parameters, where the distribution has them (`has_rsample`)."""
        raise NotImplementedError(f"{type(self).__name__} has no rsample: its samples have no gradient")

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density, or probability, of `value`."""
        raise NotImplementedError

    def cdf(self, value: Tensor) -> Tensor:
        """The probability of a sample of at most `value`."""
        raise NotImplementedError(f"{type(self).__name__} has no cdf")

    def icdf(self, value: Tensor) -> Tensor:
        """The value below which a sample is with probability `value`."""
        raise NotImplementedError(f"{type(self).__name__} has no icdf")

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All values of a discrete distribution along a new first axis, for each of the batch if `expand`."""
        raise NotImplementedError(f"{type(self).__name__} has no enumerable support")

    def entropy(self) -> Tensor:
        """The entropy in nats."""
        raise NotImplementedError

    def perplexity(self) -> Tensor:
        """The exponential of the entropy."""
        return self.entropy().exp()

    def _extended_shape(self, sample_shape: Shape = ()) -> tuple[int, ...]:
        return (*sample_shape, *self._batch_shape, *self._event_shape)

    def _enumerated(self, values: Tensor, expand: bool) -> Tensor:
        """`values` along a first axis before those of the batch."""
        values = values.reshape(-1, *(1 for _ in self._batch_shape))
        return values.expand(-1, *self._batch_shape) if expand else values

    def _validate_sample(self, value: Tensor) -> None:
        """ValueError unless `value` broadcasts with the batch and lies in the support."""
        if not self._validate_args:
            return
        if not isinstance(value, Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        expected = self._extended_shape()
        for actual, wanted in zip(reversed(value.shape), reversed(expected), strict=False):
            if 1 not in (actual, wanted) and actual != wanted:
                raise ValueError(
                    f"Value is not broadcastable with batch_shape+event_shape: {value.shape} vs {expected}."
                )
        if not self.support.check(value).all():
            raise ValueError(
                f"Expected value argument (Tensor of shape {value.shape}) to be within the support ({self.support!r}) of "
                f"the distribution {self!r}, but found invalid values:\n{value}"
            )

    def __repr__(self) -> str:
        shown = (name for name in self.arg_constraints if name in self.__dict__)
        parameters = ((name, self.__dict__[name]) for name in shown)
        listed = ", ".join(f"{name}: {x if x.numel() == 1 else x.shape}" for name, x in parameters)
        return f"{type(self).__name__}({listed})"


def broadcast_all(*values: Any) -> list[Tensor]:
    """Tensors and numbers as Tensors of one shape; numbers take the dtype of the first Tensor, or else the default one."""
    for value in values:
        if not isinstance(value, Tensor | int | float):
            raise ValueError(f"Input arguments must all be instances of Number or Tensor, got {type(value).__name__}")
    dtype = next((value.dtype for value in values if isinstance(value, Tensor)), get_default_dtype())
    tensors = [x if isinstance(x, Tensor) else FUNCTIONS["tensor"](x, dtype=dtype) for x in values]
    return FUNCTIONS["broadcast_tensors"](*tensors)


def one_of(probs: Any, logits: Any) -> None:
    """ValueError unless exactly one of the two is given."""
    if (probs is None) == (logits is None):
        raise ValueError("Either `probs` or `logits` must be specified, but not both.")


def clamp_probs(probs: Tensor) -> Tensor:
    """`probs` kept from 0 and 1 by the dtype's epsilon, so that their logarithms are finite."""
    eps = finfo(probs.dtype).eps
    return probs.clamp(eps, 1 - eps)

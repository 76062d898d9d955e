"""Initial values of parameters, written in place; every function returns its tensor, and draws from `generator`."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import numpy as np

from ..grad_mode import no_grad
from ..random import Generator, default_generator
from ..tensor import Tensor, wrap

F = TypeVar("F", bound=Callable[..., Tensor])

_GAINS = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2.0), "selu": 0.75}
_GAINS |= {f"conv{transposed}{n}d": 1.0 for n in (1, 2, 3) for transposed in ("", "_transpose")}


def _unrecorded(function: F) -> F:
    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Tensor:
        with no_grad():
            return function(*args, **kwargs)

    return call  # type: ignore[return-value]


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor by which weights before `nonlinearity` are to be larger, so that activations keep their variance.

    `param` is the slope of 'leaky_relu' (0.01 unless given). ValueError for a nonlinearity that is not known.
    """
    if nonlinearity == "leaky_relu":
        if param is not None and (isinstance(param, bool) or not isinstance(param, int | float)):
            raise ValueError(f"negative_slope {param} not a valid number")
        return math.sqrt(2.0 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in _GAINS:
        raise ValueError(f"Unsupported nonlinearity {nonlinearity}; it is one of leaky_relu, {', '.join(_GAINS)}")
    return _GAINS[nonlinearity]


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """How many inputs an output sums, and how many outputs an input reaches, for a weight (out, in, ...)."""
    if tensor.ndim < 2:
        raise ValueError("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions")
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


@_unrecorded
def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Uniform numbers in [a, b)."""
    return tensor.uniform_(a, b, generator=generator)


@_unrecorded
def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normal numbers."""
    return tensor.normal_(mean, std, generator=generator)


@_unrecorded
def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """Normal numbers drawn again until they lie in [a, b] (values, not multiples of `std`). ValueError unless a < b."""
    if not a < b or std <= 0:
        raise ValueError(f"trunc_normal_ needs a < b and std > 0, got a={a}, b={b}, std={std}")
    low, high = (a - mean) / std, (b - mean) / std
    rng = (generator or default_generator).numpy()
    # The interval's share of all normal numbers. Where it is small, uniform proposals are thinned to the normal density.
    share = (math.erf(high / math.sqrt(2)) - math.erf(low / math.sqrt(2))) / 2
    peak = min(max(0.0, low), high)
    out = np.empty(tensor.numel())
    todo = np.arange(out.size)
    while todo.size:
        if share > 0.2:
            drawn = rng.standard_normal(todo.size)
            accepted = (drawn >= low) & (drawn <= high)
        else:
            drawn = rng.uniform(low, high, todo.size)
            accepted = rng.random(todo.size) <= np.exp((peak * peak - drawn * drawn) / 2)
        out[todo[accepted]] = drawn[accepted]
        todo = todo[~accepted]
    values = (out * std + mean).astype(tensor.dtype).reshape(tensor.shape)
    return tensor.copy_(wrap(values))


@_unrecorded
def constant_(tensor: Tensor, val: float) -> Tensor:
    """One number everywhere."""
    return tensor.fill_(val)


def ones_(tensor: Tensor) -> Tensor:
    """Ones."""
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """Zeros."""
    return constant_(tensor, 0.0)


@_unrecorded
def eye_(tensor: Tensor) -> Tensor:
    """The identity matrix: ones on the diagonal. ValueError unless `tensor` has 2 axes."""
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    return tensor.copy_(wrap(np.eye(*tensor.shape, dtype=tensor.dtype)))


@_unrecorded
def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Filters (out, in, ...) of convolutions that leave their input as it is, as many channels as there are of both.

    With `groups` each group of filters does so. ValueError for other than 3, 4 or 5 axes, or groups that do not divide out.
    """
    if tensor.ndim not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    if tensor.shape[0] % groups:
        raise ValueError(f"dim 0 must be divisible by groups, got {tensor.shape[0]} and {groups}")
    values = np.zeros(tensor.shape, tensor.dtype)
    filters = tensor.shape[0] // groups
    channels = np.arange(min(filters, tensor.shape[1]))
    middle = tuple(size // 2 for size in tensor.shape[2:])
    for group in range(groups):
        place: Any = (group * filters + channels, channels, *middle)
        values[place] = 1
    return tensor.copy_(wrap(values))


@_unrecorded
def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None) -> Tensor:
    """Normal numbers in a matrix, of which the share `sparsity` of each column is 0 (Martens 2010)."""
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    rows, columns = tensor.shape
    rng = (generator or default_generator).numpy()
    values = rng.standard_normal((rows, columns)) * std
    order = rng.random((rows, columns)).argsort(0)  # of each column a random order of its rows
    values[order < math.ceil(sparsity * rows)] = 0
    return tensor.copy_(wrap(values.astype(tensor.dtype)))


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Uniform with variance gain^2 * 2 / (fan_in + fan_out) (Glorot & Bengio 2010)."""
    bound = gain * math.sqrt(6.0 / max(sum(_calculate_fan_in_and_fan_out(tensor)), 1))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normal with variance gain^2 * 2 / (fan_in + fan_out) (Glorot & Bengio 2010)."""
    std = gain * math.sqrt(2.0 / max(sum(_calculate_fan_in_and_fan_out(tensor)), 1))
    return normal_(tensor, 0.0, std, generator)


def _calculate_correct_fan(tensor: Tensor, mode: str) -> int:
    """The fan that `mode` names."""
    if mode.lower() not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {mode} not supported, please use one of ['fan_in', 'fan_out']")
    return _calculate_fan_in_and_fan_out(tensor)[mode.lower() == "fan_out"]


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    return calculate_gain(nonlinearity, a) / math.sqrt(max(_calculate_correct_fan(tensor, mode), 1))


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Uniform with variance gain^2 / fan (He et al. 2015); `a` is the slope of 'leaky_relu', `mode` 'fan_in' or 'fan_out'."""
    bound = math.sqrt(3.0) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Normal with variance gain^2 / fan (He et al. 2015); `a` is the slope of 'leaky_relu', `mode` 'fan_in' or 'fan_out'."""
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


@_unrecorded
def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """A (semi-)orthogonal matrix (Saxe et al. 2013), of `tensor` seen as (first axis, all others), times `gain`."""
    if tensor.ndim < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    rows = tensor.shape[0]
    columns = tensor.numel() // max(rows, 1)
    if not tensor.numel():
        return tensor
    normal = (generator or default_generator).numpy().standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(normal)
    q *= np.sign(np.diagonal(r))  # makes the decomposition unique, and so the matrix uniformly distributed
    values = (q.T if rows < columns else q) * gain
    return tensor.copy_(wrap(values.astype(tensor.dtype).reshape(tensor.shape)))


def _older(function: F) -> F:
    """`function` under the name that PyTorch had before the underscore, with a warning."""
    name = function.__name__.rstrip("_")

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Tensor:
        message = f"`nn.init.{name}` is now deprecated in favor of `nn.init.{name}_`."
        warnings.warn(message, FutureWarning, stacklevel=2)
        return function(*args, **kwargs)

    call.__name__ = name
    call.__doc__ = f"Deprecated: `{name}_`."
    return call  # type: ignore[return-value]


uniform, normal, constant = _older(uniform_), _older(normal_), _older(constant_)
eye, dirac, sparse, orthogonal = _older(eye_), _older(dirac_), _older(sparse_), _older(orthogonal_)
xavier_uniform, xavier_normal = _older(xavier_uniform_), _older(xavier_normal_)
kaiming_uniform, kaiming_normal = _older(kaiming_uniform_), _older(kaiming_normal_)

"""Making Tensors: from data, filled, in sequence, and at random."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._kernels import empty as aligned_empty
from ..compat.formats import check_memory_format
from ..dtypes import as_array, as_dtype, check_device, get_default_dtype, int64
from ..random import Generator, default_generator
from ..tensor import Tensor, _fresh, wrap
from .border import as_tensor, named, values
from .declare import op


def _finish(array: np.ndarray, requires_grad: bool, device: Any = None) -> Tensor:
    check_device(device)
    tensor = wrap(array)
    if requires_grad:
        tensor.requires_grad = True
    return tensor


def _shape(size: Sequence[Any]) -> tuple[int, ...]:
    """Sizes given one by one, or as one sequence."""
    sizes = tuple(size[0]) if len(size) == 1 and isinstance(size[0], tuple | list) else tuple(size)
    try:
        shape = tuple(int(n.__index__()) for n in sizes)
    except AttributeError:
        raise TypeError(f"sizes have to be ints, got {sizes}") from None
    if any(n < 0 for n in shape):
        raise RuntimeError(f"Trying to create tensor with negative dimension {min(shape)}: {list(shape)}")
    return shape


def _kind(dtype: Any) -> np.dtype:
    """The dtype asked for, or the default one."""
    return get_default_dtype() if dtype is None else as_dtype(dtype)


def _filled(size: Sequence[Any], value: Any, dtype: Any, requires_grad: bool, device: Any) -> Tensor:
    array = aligned_empty(_shape(size), _kind(dtype))
    if value is not None:
        array.fill(value)
    return _finish(array, requires_grad, device)


@op("tensor")
def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A Tensor holding a copy of `data`: a number, nested sequences, an array or a Tensor.

    Python floats take the default dtype (float32 unless set otherwise), ints int64; arrays keep their dtype, unless `dtype` says otherwise.

    >>> minigrad.tensor([[1, 2.5], [3, 4]])
    tensor([[1.0000, 2.5000],
            [3.0000, 4.0000]])
    >>> minigrad.tensor([0, 1], dtype=minigrad.bool)
    tensor([False,  True])
    """
    return _finish(_fresh(as_array(data, dtype)), requires_grad, device)


@op("as_tensor", "asarray")
def as_tensor_(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """`data` as a Tensor, sharing memory where that is possible."""
    check_device(device)
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(as_dtype(dtype))
    array = as_array(data, dtype)
    return _share(array) if isinstance(data, np.ndarray) else wrap(array)


@op("from_numpy")
def from_numpy(ndarray: np.ndarray) -> Tensor:
    """A Tensor that shares memory with an array; one that may not be written to refuses in-place operations."""
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    return _share(as_array(ndarray))


@op("from_dlpack")
def from_dlpack(ext_tensor: Any) -> Tensor:
    """A Tensor that shares memory with any object that speaks DLPack (a NumPy, PyTorch or JAX array on the CPU)."""
    return _share(as_array(np.from_dlpack(ext_tensor)))


def _share(array: np.ndarray) -> Tensor:
    return wrap(array[...])  # a view is never moved


@op("zeros")
def zeros(*sizes: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A Tensor of zeros, the default dtype unless `dtype` says otherwise."""
    return _filled(named(sizes, size), 0, dtype, requires_grad, device)


@op("ones")
def ones(*sizes: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A Tensor of ones, the default dtype unless `dtype` says otherwise."""
    return _filled(named(sizes, size), 1, dtype, requires_grad, device)


@op("empty")
def empty(*sizes: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A Tensor whose elements are whatever was in memory."""
    return _filled(named(sizes, size), None, dtype, requires_grad, device)


@op("full")
def full(
    size: Sequence[int], fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A Tensor of one number; its dtype is that of the number (floats: the default one) unless given."""
    kind = as_array(fill_value).dtype if dtype is None else dtype
    return _filled((tuple(size),), fill_value, kind, requires_grad, device)


@op("zeros_like")
def zeros_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, memory_format: Any = None
) -> Tensor:
    """Zeros of the shape and dtype of `input`."""
    check_memory_format(memory_format)
    return _filled((input.shape,), 0, dtype or input.dtype, requires_grad, device)


@op("ones_like")
def ones_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, memory_format: Any = None
) -> Tensor:
    """Ones of the shape and dtype of `input`."""
    check_memory_format(memory_format)
    return _filled((input.shape,), 1, dtype or input.dtype, requires_grad, device)


@op("empty_like")
def empty_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, memory_format: Any = None
) -> Tensor:
    """Uninitialized memory of the shape and dtype of `input`."""
    check_memory_format(memory_format)
    return _filled((input.shape,), None, dtype or input.dtype, requires_grad, device)


@op("full_like")
def full_like(
    input: Tensor,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """One number in the shape and dtype of `input`."""
    check_memory_format(memory_format)
    return _filled((input.shape,), fill_value, dtype or input.dtype, requires_grad, device)


@op(".new_zeros")
def new_zeros(
    input: Tensor, *sizes: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Zeros of the dtype of `input`."""
    return _filled(named(sizes, size), 0, dtype or input.dtype, requires_grad, device)


@op(".new_ones")
def new_ones(
    input: Tensor, *sizes: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Ones of the dtype of `input`."""
    return _filled(named(sizes, size), 1, dtype or input.dtype, requires_grad, device)


@op(".new_empty")
def new_empty(
    input: Tensor, *sizes: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Uninitialized memory of the dtype of `input`."""
    return _filled(named(sizes, size), None, dtype or input.dtype, requires_grad, device)


@op(".new_full")
def new_full(
    input: Tensor, size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """One number, in the dtype of `input`."""
    return _filled((size,), fill_value, dtype or input.dtype, requires_grad, device)


@op(".new_tensor")
def new_tensor(
    input: Tensor, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A copy of `data` in the dtype of `input`."""
    return _finish(_fresh(as_array(data, dtype or input.dtype)), requires_grad, device)


@op("arange")
def arange(
    start: Any, end: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """start, start + step, ... up to but not including `end`; int64 for ints, otherwise the default dtype. `arange(n)` begins at 0."""
    if end is None:
        start, end = 0, start
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    if dtype is None:
        dtype = int64 if all(isinstance(part, int) for part in (start, end, step)) else get_default_dtype()
    count = math.ceil((end - start) / step)
    return _finish((start + np.arange(count) * step).astype(as_dtype(dtype)), requires_grad, device)


@op("linspace")
def linspace(
    start: float, end: float, steps: int, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """`steps` evenly spaced numbers from `start` to `end`, both included."""
    if steps < 0:
        raise RuntimeError(f"number of steps must be non-negative, got {steps}")
    return _finish(np.linspace(start, end, steps).astype(_kind(dtype)), requires_grad, device)


@op("logspace")
def logspace(
    start: float,
    end: float,
    steps: int,
    base: float = 10.0,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`steps` numbers from base**start to base**end, evenly spaced on a logarithmic scale."""
    if steps < 0:
        raise RuntimeError(f"number of steps must be non-negative, got {steps}")
    return _finish(base ** np.linspace(start, end, steps), False, device).to(_kind(dtype)).requires_grad_(requires_grad)


@op("tril_indices")
def tril_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None) -> Tensor:
    """The (2, count) int64 indices of a matrix's elements on and below a diagonal, row by row."""
    return _corner(np.tril_indices, row, col, offset, dtype, device)


@op("triu_indices")
def triu_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None) -> Tensor:
    """The (2, count) int64 indices of a matrix's elements on and above a diagonal, row by row."""
    return _corner(np.triu_indices, row, col, offset, dtype, device)


def _corner(indices: Any, row: int, col: int, offset: int, dtype: Any, device: Any) -> Tensor:
    _shape((row, col))
    return _finish(
        np.stack(indices(row, offset, col)).astype(int64 if dtype is None else as_dtype(dtype)), False, device
    )


@op("eye")
def eye(n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """The n x m matrix with ones on its diagonal."""
    _shape((n, n if m is None else m))
    return _finish(np.eye(n, m, dtype=_kind(dtype)), requires_grad, device)


def _float_dtype(dtype: Any) -> np.dtype:
    kind = _kind(dtype)
    if kind.kind != "f":
        raise RuntimeError(f"random real numbers need a floating dtype, not {kind}")
    return kind


def uniform_array(shape: tuple[int, ...], dtype: np.dtype, generator: Generator | None) -> np.ndarray:
    """Uniform numbers in [0, 1)."""
    rng = (generator or default_generator).numpy()
    kind = np.dtype(np.float64) if dtype == np.float64 else np.dtype(np.float32)
    return np.asarray(rng.random(shape, dtype=kind.type)).astype(dtype, copy=False)


def normal_array(shape: tuple[int, ...], dtype: np.dtype, generator: Generator | None) -> np.ndarray:
    """Standard normal numbers."""
    rng = (generator or default_generator).numpy()
    kind = np.dtype(np.float64) if dtype == np.float64 else np.dtype(np.float32)
    return np.asarray(rng.standard_normal(shape, dtype=kind.type)).astype(dtype, copy=False)


@op("rand")
def rand(
    *sizes: Any,
    size: Any = None,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Uniform numbers in [0, 1)."""
    return _finish(uniform_array(_shape(named(sizes, size)), _float_dtype(dtype), generator), requires_grad, device)


@op("randn")
def randn(
    *sizes: Any,
    size: Any = None,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Standard normal numbers.

    >>> generator = minigrad.Generator().manual_seed(0)
    >>> x = minigrad.randn(2, 3, generator=generator)
    >>> minigrad.equal(x, minigrad.randn(2, 3, generator=generator.at(0)))  # call 0 of the same seed
    True
    """
    return _finish(normal_array(_shape(named(sizes, size)), _float_dtype(dtype), generator), requires_grad, device)


@op("rand_like")
def rand_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Uniform numbers in [0, 1) in the shape and dtype of `input`."""
    check_memory_format(memory_format)
    return rand(
        input.shape, generator=generator, dtype=dtype or input.dtype, device=device, requires_grad=requires_grad
    )


@op("randn_like")
def randn_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Standard normal numbers in the shape and dtype of `input`."""
    check_memory_format(memory_format)
    return randn(
        input.shape, generator=generator, dtype=dtype or input.dtype, device=device, requires_grad=requires_grad
    )


@op("randint")
def randint(
    low: int,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Integers in [low, high), each as likely; `randint(high, size)` begins at 0."""
    if size is None:
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    if not isinstance(size, tuple | list):
        raise TypeError(f"randint needs a size, a tuple of ints, got {size!r}")
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    rng = (generator or default_generator).numpy()
    return _finish(
        rng.integers(low, high, _shape(size)).astype(int64 if dtype is None else as_dtype(dtype)), requires_grad, device
    )


@op("randint_like")
def randint_like(
    input: Tensor,
    low: int,
    high: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Integers in [low, high), or [0, low), in the shape and dtype of `input`."""
    low, high = (0, low) if high is None else (low, high)
    kind = dtype or input.dtype
    return randint(low, high, input.shape, generator=generator, dtype=kind, device=device, requires_grad=requires_grad)


@op("randperm")
def randperm(
    n: int, *, generator: Generator | None = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """The numbers 0 to n - 1 in random order."""
    if n < 0:
        raise RuntimeError(f"n must be non-negative, got {n}")
    rng = (generator or default_generator).numpy()
    return _finish(rng.permutation(n).astype(int64 if dtype is None else as_dtype(dtype)), requires_grad, device)


@op("bernoulli", ".bernoulli")
def bernoulli(input: Tensor, *, generator: Generator | None = None) -> Tensor:
    """1 with probability `input` (elementwise, in [0, 1]), else 0, in the dtype of `input`."""
    p = as_tensor(input)._value
    if p.size and not (p.min() >= 0 and p.max() <= 1):
        raise RuntimeError("Expected p_in >= 0 && p_in <= 1 to be true: every probability has to lie in [0, 1]")
    return wrap((uniform_array(p.shape, np.dtype(np.float64), generator) < p).astype(p.dtype))


@op("normal")
def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Normal numbers of the given means and standard deviations: Tensors (broadcast), or numbers and a `size`.

    No gradient flows to the means and deviations. `dtype`, `device` and `requires_grad` go with a `size`, else TypeError;
    RuntimeError for a negative deviation.
    """
    parts = [part for part in (mean, std) if isinstance(part, Tensor)]
    if (size is None) != bool(parts):
        raise TypeError(
            f"normal() takes Tensors, or numbers and a size; got {type(mean).__name__}, {type(std).__name__}, {size=}"
        )
    if size is None and (dtype is not None or device is not None or requires_grad):
        raise TypeError("normal() takes dtype, device and requires_grad only together with a size")
    loc, scale = values(mean), values(std)
    if np.any(scale < 0):
        raise RuntimeError(f"normal expects all elements of std >= 0.0, but found {float(np.min(scale))}")
    kind = np.result_type(*(part.dtype for part in parts)) if parts else _kind(dtype)
    shape = np.broadcast_shapes(np.shape(loc), np.shape(scale)) if parts else _shape((size,))
    drawn = normal_array(shape, _float_dtype(kind), generator)
    return _finish(np.asarray(drawn * scale + loc, kind), requires_grad, device)


@op("multinomial", ".multinomial")
def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """Indices drawn with probabilities proportional to `input` (C,) or (N, C): (num_samples,) or (N, num_samples), int64."""
    weights = as_tensor(input)._value.astype(np.float64)
    if weights.ndim not in (1, 2):
        raise RuntimeError("prob_dist must be 1 or 2 dim")
    if num_samples <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    rows = weights.reshape(-1, weights.shape[-1])
    if not np.isfinite(rows).all() or (rows < 0).any() or (rows.sum(1) <= 0).any():
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0, or sums to 0")
    if not replacement and num_samples > int((rows > 0).sum(1).min(initial=rows.shape[1])):
        raise RuntimeError("cannot sample n_sample > prob_dist.size(-1) samples without replacement")
    rng = (generator or default_generator).numpy()
    drawn = _with_replacement(rows, num_samples, rng) if replacement else _without(rows, num_samples, rng)
    return wrap(drawn.astype(int64, copy=False).reshape((*weights.shape[:-1], num_samples)))


def _with_replacement(weights: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """In each row `count` numbers by inversion: where a uniform number falls among the cumulated probabilities."""
    share = weights.cumsum(1)
    share /= share[:, -1:]
    row = np.arange(len(weights))[
        :, None
    ]  # added to shares and numbers alike, so that one sorted search serves all rows
    places = (share + row).ravel().searchsorted(rng.random((len(weights), count)) + row, "right") - row * weights.shape[
        1
    ]
    last = weights.shape[1] - 1 - (weights[:, ::-1] > 0).argmax(1)
    return np.minimum(places, last[:, None])


def _without(weights: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """In each row the first `count` arrivals, where element i arrives at an exponential time of rate weights[i]."""
    times = np.full(weights.shape, np.inf)
    np.divide(rng.standard_exponential(weights.shape), weights, out=times, where=weights > 0)
    first = np.argpartition(times, count - 1, 1)[:, :count]
    return np.take_along_axis(first, np.take_along_axis(times, first, 1).argsort(1), 1)


@op("is_tensor")
def is_tensor(obj: Any) -> bool:
    """Whether `obj` is a Tensor."""
    return isinstance(obj, Tensor)


@op("is_floating_point")
def is_floating_point(input: Tensor) -> bool:
    """Whether the dtype of `input` is a floating one."""
    return input.is_floating_point()


def _converter(name: str, dtype: Any) -> None:
    def convert(input: Tensor) -> Tensor:
        return input.to(dtype)

    convert.__name__ = name
    convert.__doc__ = f"`input` as {dtype}."
    op(f".{name}")(convert)


for _name, _dtype in {
    "float": "float32", "double": "float64", "half": "float16", "int": "int32", "long": "int64", "short": "int16", "char": "int8",
    "byte": "uint8", "bool": "bool",
}.items():  # fmt: skip
    _converter(_name, np.dtype(_dtype))


@op(".cpu")
def cpu(input: Tensor) -> Tensor:
    """`input` itself: it is on the CPU."""
    return input


@op("get_rng_state")
def get_rng_state() -> Tensor:
    """The state of the default generator, 24 elements of uint8."""
    return wrap(default_generator.get_state())


@op("set_rng_state")
def set_rng_state(new_state: Tensor) -> None:
    """Bring the default generator back to a state that `get_rng_state` returned."""
    default_generator.set_state(as_tensor(new_state, "new_state")._value)

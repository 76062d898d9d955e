"""Comparisons and logic: bool Tensors, through which no gradient flows."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tensor import Tensor, wrap
from .border import as_tensor, common_shape, operands, values
from .declare import op


def _both(function: np.ufunc, x: Any, y: Any) -> Tensor:
    common_shape(function.__name__, np.shape(x), np.shape(y))
    return wrap(np.asarray(function(x, y)))


def _compare(function: np.ufunc, x: Any, y: Any) -> Tensor:
    return _both(function, *(values(t) for t in operands(x, y)))


@op("eq", ".eq", ".__eq__")
def eq(input: Any, other: Any) -> Tensor:
    """input == other, elementwise."""
    return _compare(np.equal, input, other)


@op("ne", "not_equal", ".ne", ".not_equal", ".__ne__")
def ne(input: Any, other: Any) -> Tensor:
    """input != other, elementwise."""
    return _compare(np.not_equal, input, other)


@op("lt", "less", ".lt", ".less", ".__lt__")
def lt(input: Any, other: Any) -> Tensor:
    """input < other, elementwise."""
    return _compare(np.less, input, other)


@op("le", "less_equal", ".le", ".less_equal", ".__le__")
def le(input: Any, other: Any) -> Tensor:
    """input <= other, elementwise."""
    return _compare(np.less_equal, input, other)


@op("gt", "greater", ".gt", ".greater", ".__gt__")
def gt(input: Any, other: Any) -> Tensor:
    """input > other, elementwise."""
    return _compare(np.greater, input, other)


@op("ge", "greater_equal", ".ge", ".greater_equal", ".__ge__")
def ge(input: Any, other: Any) -> Tensor:
    """input >= other, elementwise."""
    return _compare(np.greater_equal, input, other)


@op("isnan", ".isnan")
def isnan(input: Tensor) -> Tensor:
    """Whether each element is NaN."""
    return wrap(np.isnan(as_tensor(input)._value))


@op("isinf", ".isinf")
def isinf(input: Tensor) -> Tensor:
    """Whether each element is infinite."""
    return wrap(np.isinf(as_tensor(input)._value))


@op("isfinite", ".isfinite")
def isfinite(input: Tensor) -> Tensor:
    """Whether each element is neither infinite nor NaN."""
    return wrap(np.isfinite(as_tensor(input)._value))


@op("logical_not", ".logical_not")
def logical_not(input: Tensor) -> Tensor:
    """True where `input` is 0."""
    return wrap(np.logical_not(as_tensor(input)._value))


@op("logical_and", ".logical_and")
def logical_and(input: Tensor, other: Tensor) -> Tensor:
    """Whether both are nonzero."""
    return _both(np.logical_and, as_tensor(input)._value, as_tensor(other)._value)


@op("logical_or", ".logical_or")
def logical_or(input: Tensor, other: Tensor) -> Tensor:
    """Whether one is nonzero."""
    return _both(np.logical_or, as_tensor(input)._value, as_tensor(other)._value)


@op("logical_xor", ".logical_xor")
def logical_xor(input: Tensor, other: Tensor) -> Tensor:
    """Whether exactly one is nonzero."""
    return _both(np.logical_xor, as_tensor(input)._value, as_tensor(other)._value)


def _bits(name: str, function: np.ufunc, x: Any, y: Any) -> Tensor:
    a, b = (values(t) for t in operands(x, y))
    if any(np.asarray(t).dtype.kind == "f" for t in (a, b)):
        raise RuntimeError(f"{name} is defined for integers and bools, not for floating point")
    return _both(function, a, b)


@op("bitwise_and", ".bitwise_and", ".__and__", ".__rand__")
def bitwise_and(input: Any, other: Any) -> Tensor:
    """input & other, of integers or bools."""
    return _bits("bitwise_and", np.bitwise_and, input, other)


@op("bitwise_or", ".bitwise_or", ".__or__", ".__ror__")
def bitwise_or(input: Any, other: Any) -> Tensor:
    """input | other, of integers or bools."""
    return _bits("bitwise_or", np.bitwise_or, input, other)


@op("bitwise_xor", ".bitwise_xor", ".__xor__", ".__rxor__")
def bitwise_xor(input: Any, other: Any) -> Tensor:
    """input ^ other, of integers or bools."""
    return _bits("bitwise_xor", np.bitwise_xor, input, other)


@op("bitwise_not", ".bitwise_not", ".__invert__")
def bitwise_not(input: Tensor) -> Tensor:
    """~input, of integers or bools."""
    x = as_tensor(input)._value
    if x.dtype.kind == "f":
        raise RuntimeError("bitwise_not is defined for integers and bools, not for floating point")
    return wrap(np.invert(x))


@op("isclose", ".isclose")
def isclose(input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Where |input - other| <= atol + rtol * |other|."""
    x, y = as_tensor(input)._value, as_tensor(other)._value
    common_shape("isclose", x.shape, y.shape)
    return wrap(np.array(np.isclose(x, y, rtol, atol, equal_nan)))


@op("allclose", ".allclose")
def allclose(input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether |input - other| <= atol + rtol * |other| everywhere."""
    return bool(isclose(input, other, rtol, atol, equal_nan)._value.all())


@op("equal", ".equal")
def equal(input: Tensor, other: Tensor) -> bool:
    """Whether two Tensors have the same shape and elements."""
    return bool(np.array_equal(as_tensor(input)._value, as_tensor(other)._value))

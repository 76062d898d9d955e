"""Data types: NumPy's own dtype objects under PyTorch's names, and PyTorch's rules for mixing them.

PyTorch: "Tensor Attributes", section "torch.dtype". A result has the highest category (bool < integer < float) among its
operands; within that category tensors with dimensions outrank 0-d tensors, which outrank Python numbers.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

float16 = half = np.dtype("float16")
float32 = np.dtype("float32")
float64 = double = np.dtype("float64")
int8 = np.dtype("int8")
int16 = short = np.dtype("int16")
int32 = np.dtype("int32")
int64 = long = np.dtype("int64")
uint8 = np.dtype("uint8")
bool_ = np.dtype("bool")

SUPPORTED = frozenset({float16, float32, float64, int8, int16, int32, int64, uint8, bool_})
_PYTHON = {float: float64, int: int64, bool: bool_}
_default = float32  # of Tensors made from Python floats, or without data


def set_default_dtype(d: Any) -> None:
    """Make `d` the dtype of Tensors made from Python floats and of those made without data; float32 to begin with.

    TypeError unless it is a floating one.
    """
    global _default
    dtype = as_dtype(d)
    if dtype.kind != "f":
        raise TypeError(f"only floating-point types are supported as the default type, not {dtype}")
    _default = dtype


def get_default_dtype() -> np.dtype:
    """The dtype of Tensors made from Python floats and of those made without data."""
    return _default


def as_dtype(dtype: Any) -> np.dtype:
    """The dtype that `dtype` names: a dtype, a Python type (`float` is float64, as in PyTorch), LongTensor and such, or a name."""
    found: Any = _PYTHON.get(dtype) if isinstance(dtype, type) else None
    if found is None:
        named = getattr(dtype, "dtype", None)  # LongTensor has one; NumPy's own types have a descriptor there
        found = np.dtype(named if isinstance(named, np.dtype) else dtype)
    if found not in SUPPORTED:
        raise TypeError(f"minigrad has no dtype {found}; it has {', '.join(sorted(map(str, SUPPORTED)))}")
    return found


def check_device(device: Any) -> None:
    """RuntimeError for any device but None and 'cpu'."""
    if device is not None and str(device).split(":")[0] != "cpu":
        raise RuntimeError(f"minigrad computes on the CPU alone: there is no device {str(device)!r}")


def category(dtype: np.dtype) -> int:
    """0 for bool, 1 for integers, 2 for floating point."""
    return {"b": 0, "i": 1, "u": 1}.get(dtype.kind, 2)


def promote_types(a: np.dtype, b: np.dtype) -> np.dtype:
    """The smallest dtype to which both may be promoted, such as float32 for int64 and float32."""
    if a == b:
        return a
    if category(a) != category(b):
        return a if category(a) > category(b) else b
    return np.promote_types(a, b)


def result_type(*operands: Any) -> np.dtype:
    """The dtype of a result of `operands`: arrays, Tensors and Python numbers."""
    ranked: list[np.dtype | None] = [None, None, None]  # with dimensions, 0-d, Python numbers
    for operand in operands:
        dtype = getattr(operand, "dtype", None)
        if dtype is None:
            rank, dtype = 2, number_type(operand)
        else:
            rank = 0 if operand.ndim else 1
        known = ranked[rank]
        ranked[rank] = dtype if known is None else promote_types(known, dtype)
    result: np.dtype | None = None
    for dtype in ranked:
        if dtype is not None and (result is None or category(dtype) > category(result)):
            result = dtype
    assert result is not None
    return result


def number_type(number: Any) -> np.dtype:
    """The dtype a Python number stands for."""
    for python, dtype in ((bool, bool_), (int, int64), (float, _default)):
        if isinstance(number, python):
            return dtype
    raise TypeError(f"expected a Tensor or a real number, got {type(number).__name__}")


def as_array(data: Any, dtype: Any = None) -> np.ndarray:
    """`data` as an array of a supported dtype: Python floats take the default dtype, other arrays keep their dtype."""
    value = getattr(data, "_value", data)
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
    else:
        array, promoted = _from_python(value)
        dtype = promoted if dtype is None else dtype
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if dtype is not None:
        return array.astype(as_dtype(dtype), copy=False)
    if array.dtype not in SUPPORTED:
        raise TypeError(f"a Tensor cannot hold {array.dtype} values; it holds {', '.join(sorted(map(str, SUPPORTED)))}")
    return array


def _from_python(data: Any) -> tuple[np.ndarray, np.dtype | None]:
    """Numbers, or nested sequences of numbers, arrays and Tensors, as an array, and the dtype to which theirs are promoted."""
    kinds: set[Any] = set()
    try:
        array = np.array(_plain(data, kinds))
    except ValueError as error:
        raise ValueError(f"cannot make a Tensor of a ragged sequence: {error}") from None
    if array.dtype == object:
        raise TypeError(f"cannot make a Tensor of {type(data).__name__} data")
    if array.dtype.kind != "f":
        return array, None
    python = {bool: bool_, int: int64}
    dtypes: list[Any] = [python.get(kind, _default) if isinstance(kind, type) else kind for kind in kinds]
    return array, reduce(promote_types, dtypes) if dtypes else _default


def _plain(data: Any, kinds: set[Any]) -> Any:
    """Nested sequences with Tensors replaced by their arrays; the dtypes or Python types they hold go to `kinds`."""
    if isinstance(data, list | tuple):
        return [_plain(item, kinds) for item in data]
    value = getattr(data, "_value", data)
    kinds.add(getattr(value, "dtype", None) or type(value))
    return value


class finfo:
    """Limits of a floating-point dtype: bits, eps, max, min, tiny, resolution."""

    def __init__(self, dtype: Any = float32) -> None:
        info = np.finfo(as_dtype(dtype))
        self.dtype, self.bits = str(info.dtype), info.bits
        self.eps, self.max, self.min = float(info.eps), float(info.max), float(info.min)
        self.tiny = self.smallest_normal = float(info.tiny)
        self.resolution = float(info.resolution)


class iinfo:
    """Limits of an integer dtype: bits, max, min."""

    def __init__(self, dtype: Any) -> None:
        info = np.iinfo(as_dtype(dtype))
        self.dtype, self.bits, self.max, self.min = str(info.dtype), info.bits, int(info.max), int(info.min)

"""FloatTensor, LongTensor and the rest: older names for making a Tensor of one dtype, and for asking whether it has it."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import dtypes
from ..dtypes import as_array
from ..size import Size
from ..tensor import Tensor
from .arithmetic import to
from .creation import empty, tensor
from .declare import op


class TensorType(type):
    """The type of FloatTensor and the rest: called it makes a Tensor, and `isinstance` compares dtypes."""

    dtype: np.dtype

    def __call__(cls, *data: Any) -> Tensor:
        """From sequences or an array a Tensor of this dtype; from sizes one that is not initialized.

        TypeError for a Tensor of another dtype.
        """
        if len(data) == 1 and not isinstance(data[0], int | Size):
            if isinstance(data[0], Tensor) and data[0].dtype != cls.dtype:
                raise TypeError(
                    f"{cls.__name__}: expected a Tensor of {cls.dtype}, got {data[0].dtype}; convert with .to()"
                )
            return tensor(as_array(data[0]).astype(cls.dtype))
        return empty(*(data or (0,)), dtype=cls.dtype)

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor) and instance.dtype == cls.dtype

    def __repr__(cls) -> str:
        return f"<class 'minigrad.{cls.__name__}'>"


class FloatTensor(metaclass=TensorType):
    """A Tensor of float32."""

    dtype = dtypes.float32


class DoubleTensor(metaclass=TensorType):
    """A Tensor of float64."""

    dtype = dtypes.float64


class HalfTensor(metaclass=TensorType):
    """A Tensor of float16."""

    dtype = dtypes.float16


class LongTensor(metaclass=TensorType):
    """A Tensor of int64."""

    dtype = dtypes.int64


class IntTensor(metaclass=TensorType):
    """A Tensor of int32."""

    dtype = dtypes.int32


class ShortTensor(metaclass=TensorType):
    """A Tensor of int16."""

    dtype = dtypes.int16


class CharTensor(metaclass=TensorType):
    """A Tensor of int8."""

    dtype = dtypes.int8


class ByteTensor(metaclass=TensorType):
    """A Tensor of uint8."""

    dtype = dtypes.uint8


class BoolTensor(metaclass=TensorType):
    """A Tensor of bool."""

    dtype = dtypes.bool_


TYPES = {
    kind.__name__: kind
    for kind in (
        FloatTensor, DoubleTensor, HalfTensor, LongTensor, IntTensor, ShortTensor, CharTensor, ByteTensor, BoolTensor,
    )
}  # fmt: skip
_NAME_OF = {kind.dtype: name for name, kind in TYPES.items()}


@op(".type")
def type_(input: Tensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    """The name of the Tensor's type, such as 'minigrad.FloatTensor'; with `dtype` (or such a name or type) it converts.

    >>> minigrad.tensor([1, 2]).type(), minigrad.tensor([1, 2]).type("minigrad.FloatTensor")
    ('minigrad.LongTensor', tensor([1., 2.]))
    """
    if dtype is None:
        return f"minigrad.{_NAME_OF[input.dtype]}"
    if isinstance(dtype, str) and dtype.rpartition(".")[2] in TYPES:
        dtype = TYPES[dtype.rpartition(".")[2]]
    return to(input, dtype)


@op(".new")
def new(input: Tensor, *data: Any) -> Tensor:
    """A Tensor of the dtype of `input`, from sizes (then it is not initialized), a sequence or an array; an older name."""
    kind: Any = TYPES[_NAME_OF[input.dtype]]
    return kind(*data)


@op(".type_as")
def type_as(input: Tensor, other: Tensor) -> Tensor:
    """`input` in the dtype of `other`."""
    return to(input, other.dtype)

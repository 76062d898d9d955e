"""FloatTensor, LongTensor and the rest: older names for making a Tensor of one dtype, and for asking whether it has it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import as_array
from ..tensor import Tensor
from .arithmetic import to
from .creation import empty, tensor
from .declare import op

NAMES = {
    "FloatTensor": "float32", "DoubleTensor": "float64", "HalfTensor": "float16", "LongTensor": "int64", "IntTensor": "int32",
    "ShortTensor": "int16", "CharTensor": "int8", "ByteTensor": "uint8", "BoolTensor": "bool",
}  # fmt: skip


class TensorType(type):
    """The type of FloatTensor and the rest: called it makes a Tensor, and `isinstance` compares dtypes."""

    dtype: np.dtype

    def __call__(cls, *data: Any) -> Tensor:
        """From sequences or an array a Tensor of this dtype; from sizes one that is not initialized.

        TypeError for a Tensor of another dtype.
        """
        if len(data) == 1 and not isinstance(data[0], int):
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


TYPES = {name: TensorType(name, (), {"dtype": np.dtype(kind)}) for name, kind in NAMES.items()}
_NAME_OF = {np.dtype(kind): name for name, kind in NAMES.items()}


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


@op(".type_as")
def type_as(input: Tensor, other: Tensor) -> Tensor:
    """`input` in the dtype of `other`."""
    return to(input, other.dtype)

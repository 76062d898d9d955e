"""`torch.Size`: a shape, which is a tuple here."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any


class _Shape(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, tuple) and all(isinstance(n, int) for n in instance)


class Size(tuple, metaclass=_Shape):
    """A tuple of ints with `numel()`, their product. Any tuple of ints, such as `x.shape`, is an instance.

    >>> minigrad.Size([2, 3]).numel(), minigrad.Size([2, 3]) == minigrad.ones(2, 3).shape
    (6, True)
    """

    __slots__ = ()

    def __new__(cls, size: Iterable[int] = ()) -> Size:
        """TypeError unless all are ints."""
        numbers = tuple(size)
        for i, n in enumerate(numbers):
            if not hasattr(n, "__index__"):
                raise TypeError(f"Size() takes an iterable of 'int' (item {i} is {type(n).__name__!r})")
        return tuple.__new__(cls, (n.__index__() for n in numbers))

    def numel(self) -> int:
        """The number of elements of a Tensor of this shape."""
        return math.prod(self)

    def __getitem__(self, index: Any) -> Any:
        found = tuple.__getitem__(self, index)
        return Size(found) if isinstance(index, slice) else found

    def __add__(self, other: Any) -> Size:
        return Size(tuple(self) + tuple(other))

    def __repr__(self) -> str:
        return f"minigrad.Size({list(self)})"

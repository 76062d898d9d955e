"""`torch.Size`: what `x.shape` is."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any


class Size(tuple):
    """The shape of a Tensor: a tuple of ints with `numel()`, their product. It prints as the tuple that it is.

    >>> shape = minigrad.ones(2, 3, 4).shape
    >>> shape, shape.numel(), shape[1:].numel(), isinstance(shape, minigrad.Size)
    ((2, 3, 4), 24, 12, True)
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
        return tuple.__new__(Size, found) if type(index) is slice else found

    def __add__(self, other: Any) -> Size:
        return tuple.__new__(Size, tuple.__add__(self, tuple(other)))

"""`Variable`, what a Tensor in a graph was called before PyTorch 0.4."""

from __future__ import annotations

import warnings
from typing import Any

from ..tensor import Tensor


class _AnyTensor(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor)


class Variable(metaclass=_AnyTensor):
    """A Tensor on the memory of `data`, outside its graph; every Tensor is an instance.

    As in PyTorch `volatile` warns that it has no effect: `no_grad()` is what it was for. TypeError if `data` is no Tensor.

    >>> x = minigrad.autograd.Variable(minigrad.ones(2), requires_grad=True)
    >>> x, isinstance(x, minigrad.autograd.Variable)
    (tensor([1., 1.], requires_grad=True), True)
    """

    def __new__(cls, data: Tensor, requires_grad: bool = False, volatile: bool = False) -> Tensor:  # type: ignore[misc]
        if not isinstance(data, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(data).__name__}")
        if volatile:
            warnings.warn(
                "volatile was removed and now has no effect. Use `with torch.no_grad():` instead.", stacklevel=2
            )
        return data.detach().requires_grad_(requires_grad)

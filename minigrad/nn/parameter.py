"""Parameters: Tensors that a module learns."""

from __future__ import annotations

import numpy as np

from ..dtypes import get_default_dtype
from ..engine import Variable
from ..tensor import Tensor, wrap


class Parameter(Tensor):
    """A Tensor that a Module registers when it is assigned as an attribute, and that `parameters()` then lists.

    It shares memory with `data` (a Tensor of any shape; nothing makes an empty one) and is a leaf, whatever computed `data`.
    TypeError for anything but a Tensor; RuntimeError for integers and bools, unless `requires_grad=False`.
    """

    def __init__(self, data: Tensor | None = None, requires_grad: bool = True) -> None:
        if data is None:
            data = wrap(np.empty(0, get_default_dtype()))
        if not isinstance(data, Tensor):
            raise TypeError(
                f"Parameter data has to be a Tensor, not {type(data).__name__}: wrap it in minigrad.tensor(...)"
            )
        Variable.__init__(self, data._value)
        self._inference = data._inference
        self.requires_grad = requires_grad

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()

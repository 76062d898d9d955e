"""How an operation says what it is called.

`@op("add", ".add", ".__add__")` above a function declares it as `minigrad.add`, as the method `Tensor.add` and as the
operator `+`; `"F.relu"` is a name in `minigrad.nn.functional`. `minigrad.ops` attaches the declared methods to Tensor,
and the stubs that editors read are written from the same declarations (`python -m minigrad.testing.stubs`).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import numpy as np

from ..tensor import Tensor

F = TypeVar("F", bound=Callable[..., Any])

FUNCTIONS: dict[str, Callable] = {}  # minigrad.<name>
METHODS: dict[str, Callable] = {}  # Tensor.<name>
FUNCTIONAL: dict[str, Callable] = {}  # minigrad.nn.functional.<name>
# Methods that are read without brackets
PROPERTIES = {"T", "mT", "H", "layout", "is_meta", "is_mps", "is_quantized", "is_sparse", "is_xpu"}

_BINARY = (
    "add radd sub rsub mul rmul truediv rtruediv floordiv rfloordiv mod rmod pow rpow matmul rmatmul and rand or ror xor rxor "
    "lshift rshift eq ne lt le gt ge iadd isub imul itruediv ifloordiv imod ipow iand ior ixor"
)
_BINARY_OPERATORS = {f"__{name}__" for name in _BINARY.split()}


NUMBERS = frozenset({int, float, bool})
_OPERANDS = (Tensor, np.ndarray, np.generic)


def is_operand(x: Any) -> bool:
    """Whether `x` is a Tensor, an array or a number: what operators take. They let anything else try itself."""
    return isinstance(x, _OPERANDS) or type(x) in NUMBERS


def op(*names: str) -> Callable[[F], F]:
    """Declare a function under `names`: 'add' for minigrad.add, '.add' for Tensor.add, 'F.relu' for functional.relu."""

    def declare(function: F) -> F:
        for name in names:
            if name.startswith("."):
                method = name[1:]
                METHODS[method] = _operator(method, function) if method in _BINARY_OPERATORS else function
            elif name.startswith("F."):
                FUNCTIONAL[name[2:]] = function
            else:
                FUNCTIONS[name] = function
        return function

    return declare


def _operator(name: str, function: Callable) -> Callable:
    repeats = name in ("__mul__", "__rmul__")

    def operator(self: Tensor, other: Any) -> Any:
        try:
            return function(self, other)
        except TypeError:
            if is_operand(other):
                raise
            if repeats and isinstance(other, str | bytes | list | tuple) and (self.ndim or self.dtype.kind == "f"):
                # Python would try to repeat the sequence, and speak of that
                kinds = [type(x).__name__ for x in ((self, other) if name == "__mul__" else (other, self))]
                raise TypeError(f"unsupported operand type(s) for *: '{kinds[0]}' and '{kinds[1]}'") from None
            return NotImplemented

    operator.__doc__ = function.__doc__
    return operator


def numpy_names(function: Callable) -> Callable:
    """`function`, in which NumPy's names `axis` and `keepdims` also stand for `dim` and `keepdim`, as in PyTorch."""

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        for theirs, ours in (("axis", "dim"), ("keepdims", "keepdim")) if kwargs else ():
            if theirs in kwargs:
                if ours in kwargs:
                    raise TypeError(f"{function.__name__}() got both {ours} and {theirs}")
                kwargs[ours] = kwargs.pop(theirs)
        return function(*args, **kwargs)

    return call


def take_numpy_names(but: frozenset[str]) -> None:
    """Let all declared functions with a `dim` take NumPy's names too, `but` a few that are called too often for it."""
    renamed: dict[Callable, Callable] = {}
    for table in (FUNCTIONS, METHODS):
        for name, function in table.items():
            parameters = function.__code__.co_varnames[
                : function.__code__.co_argcount + function.__code__.co_kwonlyargcount
            ]
            if "dim" in parameters and "axis" not in parameters and name not in but:
                table[name] = renamed.setdefault(function, numpy_names(function))
    for name, function in FUNCTIONAL.items():
        FUNCTIONAL[name] = renamed.get(function, function)


def older_reduction(function: F) -> F:
    """`function`, in which `size_average` and `reduce`, as before PyTorch 0.4.1, stand for `reduction`: with a warning."""

    @wraps(function)
    def call(*args: Any, size_average: bool | None = None, reduce: bool | None = None, **kwargs: Any) -> Any:
        if size_average is not None or reduce is not None:
            whole = size_average is None or size_average
            kwargs["reduction"] = "none" if reduce is not None and not reduce else "mean" if whole else "sum"
            message = f"size_average and reduce args will be deprecated, please use reduction='{kwargs['reduction']}' instead."
            warnings.warn(message, stacklevel=2)
        return function(*args, **kwargs)

    call.takes_more = True  # type: ignore[attr-defined]
    return call  # type: ignore[return-value]


def take_older_reductions() -> None:
    """Let all losses take `size_average` and `reduce`."""
    for name, function in FUNCTIONAL.items():
        if name.endswith(("_loss", "_cross_entropy", "_with_logits", "kl_div")) or name == "cross_entropy":
            FUNCTIONAL[name] = older_reduction(function)


def attach() -> None:
    """Give Tensor the methods that have been declared."""
    for name, method in METHODS.items():
        setattr(Tensor, name, property(method) if name in PROPERTIES else method)

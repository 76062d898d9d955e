"""What a name that minigrad does not have raises: an error that names it and says where the list is."""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

_FROM = dis.opmap["IMPORT_FROM"]


def explain(module: ModuleType, lazy: tuple[str, ...] = ()) -> None:
    """Let `module` say what it lacks; its submodules in `lazy` are imported when they are first asked for."""
    module.__getattr__ = _getattr(module, lazy)  # type: ignore[method-assign]


def _getattr(module: ModuleType, lazy: tuple[str, ...]) -> Callable[[str], Any]:
    public = module.__name__.replace(".compat", "")

    def __getattr__(name: str) -> Any:
        if name in lazy:
            return import_module(f"{module.__name__}.{name}")
        message = f"module {public!r} has no attribute {name!r}"
        if name.startswith("__"):  # asked for by Python itself
            raise AttributeError(message, name=name, obj=module)
        message += ": minigrad has no such part of PyTorch; docs/api.md lists what it has"
        frame = sys._getframe(1)
        if frame.f_code.co_code[frame.f_lasti] == _FROM:
            # `from module import name` would replace an AttributeError, and its message, by its own
            raise ImportError(f"cannot import name {name!r}: {message}", name=name, path=module.__file__)
        raise AttributeError(message, name=name, obj=module)

    return __getattr__


class AbsentDtype:
    """A dtype that minigrad does not have: code may name it and compare with it; a Tensor of it raises TypeError."""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def dtype(self) -> Any:
        """TypeError: this is where NumPy and minigrad look for what a dtype is."""
        raise TypeError(f"minigrad has no {self.name}: Tensors hold float16, float32 and float64, integers and bool")

    def __repr__(self) -> str:
        return f"minigrad.{self.name}"


bfloat16 = AbsentDtype("bfloat16")

"""Modules that hold modules: in a row, as a list, as a dict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from ..ops.dropout import relu_dropout
from .activation import ReLU
from .dropout import Dropout
from .module import Module, indented

L = TypeVar("L", bound="_Listed")


class _Listed(Module):
    """Children in an order, reached by index."""

    _modules: dict[str, Module]  # type: ignore[assignment]

    def _key(self, index: Any) -> str:
        try:
            place = index.__index__()
        except AttributeError:
            raise TypeError(
                f"{type(self).__name__} indices must be ints or slices, not {type(index).__name__}"
            ) from None
        if not -len(self) <= place < len(self):
            raise IndexError(f"index {place} is out of range")
        return list(self._modules)[place]

    def _replace(self, modules: Iterable[Module]) -> None:
        """Hold `modules` from now on, numbered from 0."""
        modules = list(modules)
        for module in modules:
            if not isinstance(module, Module):
                raise TypeError(f"{type(module).__name__} is not a Module subclass")
        for name in list(self._modules):
            delattr(self, name)
        for place, module in enumerate(modules):
            self.add_module(str(place), module)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(list(self)[index])  # type: ignore[call-arg]
        return self._modules[self._key(index)]

    def __setitem__(self, index: int, module: Module) -> None:
        self.add_module(self._key(index), module)

    def __delitem__(self, index: Any) -> None:
        modules = list(self)
        del modules[index]
        self._replace(modules)

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules.values())

    def append(self: L, module: Module) -> L:
        """Add `module` at the end; returns self."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self: L, modules: Iterable[Module]) -> L:
        """Add `modules` at the end; returns self."""
        if not isinstance(modules, Iterable):
            raise TypeError(
                f"{type(self).__name__}.extend should be called with an iterable, but got {type(modules).__name__}"
            )
        for module in list(modules):
            self.append(module)
        return self

    __iadd__ = extend

    def insert(self, index: int, module: Module) -> None:
        """Put `module` before the one at `index`."""
        modules = list(self)
        modules.insert(index, module)
        self._replace(modules)

    def pop(self, index: int = -1) -> Module:
        """Take the module at `index` out, and return it."""
        module = self[index]
        del self[index]
        return module


def _fusible(relu: ReLU, dropout: Dropout) -> bool:
    """Whether one pass may stand for the two calls: no one watches what passes between them, or has changed a forward."""
    return (
        dropout.training
        and relu._hooks is None
        and dropout._hooks is None
        and not (relu.inplace or dropout.inplace or "forward" in relu.__dict__ or "forward" in dropout.__dict__)
    )


class Sequential(_Listed):
    """Modules in a row, each called with what the one before returned: `Sequential(a, b)`, or a dict of named ones.

    A ReLU directly before a Dropout that is training is computed with it in one pass (`F.relu_dropout`), with the same
    results to the bit, unless one of them has hooks, works in place, or is of a class derived from these.

    >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 2))
    >>> model(minigrad.ones(3, 4)).shape
    (3, 2)
    >>> list(model.state_dict())
    ['0.weight', '0.bias', '3.weight', '3.bias']
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        named = len(args) == 1 and isinstance(args[0], dict)
        for name, module in args[0].items() if named else enumerate(args):
            self.add_module(str(name), module)

    def forward(self, input: Any) -> Any:
        waiting: ReLU | None = None  # what follows it may be a Dropout
        for module in self._modules.values():
            if waiting is not None:
                if type(module) is Dropout and _fusible(waiting, module):
                    input = relu_dropout(input, module.p, generator=module.generator)
                    waiting = None
                    continue
                input = waiting(input)
                waiting = None
            if type(module) is ReLU:
                waiting = module
            else:
                input = module(input)
        return input if waiting is None else waiting(input)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(dict(list(self._modules.items())[index]))  # the names stay
        return super().__getitem__(index)

    def __add__(self, other: Sequential) -> Sequential:
        if not isinstance(other, Sequential):
            return NotImplemented
        return Sequential(*self, *other)


class ModuleList(_Listed):
    """A list whose modules are registered; what calls them is up to whoever holds it."""

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.extend(modules)

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList([*self, *other])

    def _child_reprs(self) -> list[str]:
        lines: list[tuple[int, int, str]] = []  # first and last index of a run of equal modules
        for place, module in enumerate(self):
            text = repr(module)
            if lines and lines[-1][2] == text:
                lines[-1] = (lines[-1][0], place, text)
            else:
                lines.append((place, place, text))
        return [
            f"({first}): {indented(text)}"
            if first == last
            else f"({first}-{last}): {last - first + 1} x {indented(text)}"
            for first, last, text in lines
        ]


class ModuleDict(Module):
    """A dict whose modules are registered, by names that are strings."""

    _modules: dict[str, Module]  # type: ignore[assignment]

    def __init__(self, modules: Any = None) -> None:
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key: str) -> Module:
        return self._modules[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        if key not in self._modules:
            raise KeyError(key)
        delattr(self, key)

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: str) -> bool:
        return key in self._modules

    def clear(self) -> None:
        """Take all modules out."""
        for key in list(self):
            del self[key]

    def pop(self, key: str) -> Module:
        """Take the module `key` out, and return it."""
        module = self[key]
        del self[key]
        return module

    def keys(self) -> Any:
        """The names."""
        return self._modules.keys()

    def values(self) -> Any:
        """The modules."""
        return self._modules.values()

    def items(self) -> Any:
        """(name, module) pairs."""
        return self._modules.items()

    def update(self, modules: Any) -> None:
        """Add modules from a mapping, or from (name, module) pairs."""
        if isinstance(modules, ModuleDict | Mapping):
            pairs = list(modules.items())
        elif isinstance(modules, Iterable):
            pairs = [tuple(pair) for pair in modules]
        else:
            raise TypeError(
                f"ModuleDict.update should be called with an iterable of key/value pairs, but got {type(modules).__name__}"
            )
        for place, pair in enumerate(pairs):
            if len(pair) != 2:
                raise ValueError(f"ModuleDict update sequence element #{place} has length {len(pair)}; 2 is required")
        for key, module in pairs:
            self[key] = module

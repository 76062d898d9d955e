"""What random numbers are drawn from while training, found wherever the run's objects keep it, and its state."""

from __future__ import annotations

import copy
import functools
import inspect
import random
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..nn import Module
from ..random import Generator, default_generator
from ..tensor import Tensor
from ..utils.data import Dataset, Sampler
from .checkpoint import CheckpointError

DEPTH = 16  # steps from an object to another that it holds
ITEMS = 1000  # longer containers hold data, not sources of random numbers
_LEAVES = (Tensor, np.ndarray, np.generic, str, bytes, int, float, complex, type, types.ModuleType, type(None))
_OF_MODULES = ("_parameters", "_buffers", "_modules")  # all of them are attributes too

Access = tuple[Callable[[], Any], Callable[[Any], Any]]  # to read a state, and to go back to it


class Randomness:
    """The sources of random numbers that can be reached from `roots`, and the default ones of minigrad, Python and NumPy.

    Ways lead through attributes, lists, tuples, dicts, functools.partial, bound methods, and the closures, defaults and
    global variables of functions. Besides generators, samplers and data sets with `state_dict` and `load_state_dict` are
    sources, and of other samplers the ints among their attributes, which may count epochs.
    """

    def __init__(self, **roots: Any) -> None:
        self.sources: dict[str, Access] = {}
        self._seen: dict[int, Any] = {}  # keeps what was made on the way, so that no id is used again
        defaults = {"default": default_generator, "python": random.getstate.__self__, "numpy": np.random.mtrand._rand}  # type: ignore[attr-defined]
        for name, root in {**defaults, **roots}.items():
            self._find(name, root, DEPTH)
        self._seen.clear()

    def _find(self, name: str, found: Any, depth: int) -> None:
        if depth == 0 or isinstance(found, _LEAVES) or id(found) in self._seen:
            return
        self._seen[id(found)] = found
        access = _access(found, is_sampler=isinstance(found, Sampler) or name.endswith("sampler"))
        if access is not None:
            self.sources[name] = access
        for key, part in _parts(found):
            self._find(f"{name}.{key}", part, depth - 1)

    def state_dict(self) -> dict[str, Any]:
        """All states, as `minigrad.save` takes them."""
        return {name: read() for name, (read, _) in self.sources.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to what `state_dict` returned; CheckpointError if that is of other sources."""
        if state.keys() != self.sources.keys():
            other = ", ".join(sorted(state.keys() ^ self.sources.keys()))
            raise CheckpointError(f"the checkpoint and this fit do not draw from the same generators: {other}")
        for name, (_, go_back) in self.sources.items():
            go_back(state[name])


def _access(source: Any, is_sampler: bool) -> Access | None:
    """How to read and set the state of `source`, or None if it is none."""
    if isinstance(source, Generator):
        return (
            lambda: source.get_state().tobytes().hex(),
            lambda state: source.set_state(np.frombuffer(bytes.fromhex(state), np.uint8)),
        )
    if isinstance(source, np.random.Generator):
        bits: Any = source.bit_generator
        return lambda: _plain(bits.state), lambda state: setattr(bits, "state", state)
    if isinstance(source, np.random.RandomState):
        return lambda: _plain(source.get_state(legacy=False)), source.set_state
    if isinstance(source, random.Random) and not isinstance(source, random.SystemRandom):
        return source.getstate, source.setstate
    if (
        (is_sampler or isinstance(source, Dataset))
        and hasattr(source, "state_dict")
        and hasattr(source, "load_state_dict")
    ):
        return lambda: copy.deepcopy(source.state_dict()), source.load_state_dict
    if is_sampler and _counters(source):
        return lambda: _counters(source), lambda state: _set_counters(source, state)
    return None


def _plain(state: Any) -> Any:
    """A NumPy state without arrays: its setters take lists as well."""
    if isinstance(state, dict):
        return {key: _plain(value) for key, value in state.items()}
    return state.tolist() if isinstance(state, np.ndarray | np.generic) else state


def _counters(sampler: Any) -> dict[str, int]:
    return {key: value for key, value in getattr(sampler, "__dict__", {}).items() if type(value) is int}


def _set_counters(sampler: Any, state: dict[str, int]) -> None:
    if state.keys() != _counters(sampler).keys() or any(type(value) is not int for value in state.values()):
        raise ValueError(f"a {type(sampler).__name__} has the ints {', '.join(_counters(sampler))}, not {state}")
    vars(sampler).update(state)


def _parts(whole: Any) -> Iterator[tuple[Any, Any]]:
    """What `whole` holds, by name."""
    if isinstance(whole, list | tuple):
        yield from enumerate(whole if len(whole) <= ITEMS else ())
    elif isinstance(whole, dict):
        yield from list(whole.items()) if len(whole) <= ITEMS else ()
    elif isinstance(whole, functools.partial):
        yield from (("func", whole.func), ("args", whole.args), ("keywords", whole.keywords))
    elif isinstance(whole, types.FunctionType):
        names = inspect.getclosurevars(whole)
        yield from {**names.globals, **names.nonlocals}.items()
        yield from (("defaults", whole.__defaults__), ("kwdefaults", whole.__kwdefaults__))
    elif isinstance(whole, types.MethodType):
        yield from (("self", whole.__self__), ("func", whole.__func__))
    elif isinstance(whole, types.BuiltinMethodType):  # as a generator's own `normal`
        yield "self", whole.__self__
    else:
        of_module = isinstance(whole, Module)
        for key, part in list(getattr(whole, "__dict__", {}).items()):
            if not (of_module and key in _OF_MODULES):
                yield key, part

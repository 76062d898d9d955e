"""The state of a module, by name: what `state_dict` gives and `load_state_dict` takes, all of it or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..dtypes import SUPPORTED, category
from ..engine import mark_written
from ..grad_mode import mode
from ..tensor import Tensor, wrap


class _Keys(NamedTuple):
    missing_keys: list[str]
    unexpected_keys: list[str]


class IncompatibleKeys(_Keys):
    """The keys that a state lacked, and those that nothing asked for."""

    __slots__ = ()

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return super().__repr__()


def named_state(module: Any, prefix: str = "") -> Iterator[tuple[str, Tensor, bool]]:
    """(key, Tensor, whether a state may lack it) of the parameters and persistent buffers, a shared one under every name."""
    for name, module_ in module.named_modules(prefix=prefix.removesuffix("."), remove_duplicate=False):
        front = f"{name}." if name else ""
        for key, parameter in module_._parameters.items():
            if parameter is not None:
                yield front + key, parameter, False
        for key, buffer in module_._buffers.items():
            if buffer is not None and key not in module_._non_persistent:
                yield front + key, buffer, key in module_.optional_state


def extra_states(module: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(key, module) of the modules that define `get_extra_state`."""
    for name, part in module.named_modules(prefix=prefix.removesuffix("."), remove_duplicate=False):
        if part.has_extra_state():
            yield (f"{name}." if name else "") + "_extra_state", part


def load(
    module: Any,
    state: Mapping[str, Any],
    strict: bool,
    assign: bool,
    missing: list[str],
    also_unexpected: list[str],
    misfits: list[str],
) -> IncompatibleKeys:
    """Copy `state` into `module` (or with `assign` take over its memory), or raise and change nothing.

    The lists hold what hooks found to be missing, unexpected and wrong.
    """
    if not isinstance(state, Mapping):
        raise TypeError(f"Expected state_dict to be dict-like, got {type(state)}.")
    known = set()
    writes: list[tuple[Tensor, np.ndarray]] = []
    for key, tensor, optional in named_state(module):
        known.add(key)
        unknown = hasattr(tensor, "materialize")  # a lazy module's: any shape will do
        if unknown and hasattr(state.get(key), "materialize"):
            continue
        if key in state:
            array = getattr(state[key], "_value", state[key])
            misfit = _misfit(key, tensor, array, unknown, assign)
            if misfit:
                misfits.append(misfit)
            else:
                writes.append((tensor, array))
        elif not optional:
            missing.append(key)
    extras = dict(extra_states(module))
    known.update(extras)
    missing += [key for key in extras if key not in state]
    unexpected = also_unexpected + [key for key in state if key not in known]
    if strict and unexpected:
        misfits.insert(0, f"Unexpected key(s) in state_dict: {_quoted(unexpected)}. ")
    if strict and missing:
        misfits.insert(0, f"Missing key(s) in state_dict: {_quoted(missing)}. ")
    if misfits:
        raise RuntimeError(f"Error(s) in loading state_dict for {type(module).__name__}:\n\t" + "\n\t".join(misfits))
    for tensor, array in writes:
        if hasattr(tensor, "materialize"):
            tensor.materialize(array.shape)
        if assign:
            tensor.data = wrap(array[...])
    if not assign:
        _copy(writes)
    for key, part in extras.items():
        if key in state:
            part.set_extra_state(state[key])
    return IncompatibleKeys(missing, unexpected)


def _quoted(keys: list[str]) -> str:
    return ", ".join(f'"{key}"' for key in keys)


def _misfit(key: str, tensor: Tensor, array: Any, unknown: bool, assign: bool) -> str | None:
    """Why `array` cannot be copied into `tensor`, if it cannot."""
    if not isinstance(array, np.ndarray | np.generic):
        return f'While copying the parameter named "{key}", expected Tensor or array from checkpoint but received {type(array)}'
    if not unknown and array.shape != tensor.shape:
        return (
            f"size mismatch for {key}: copying a param with shape {list(array.shape)} from checkpoint, the shape in current model is "
            f"{list(tensor.shape)}."
        )
    if array.dtype.newbyteorder("=") not in SUPPORTED or category(array.dtype) > category(tensor.dtype):
        return (
            f"dtype mismatch for {key}: copying {array.dtype} from checkpoint, the dtype in current model is {tensor.dtype}, which cannot "
            "hold it."
        )
    if assign:
        return None
    if not tensor._value.flags.writeable or (tensor._inference and not mode.inference):
        return f"{key} cannot be written to: its memory is read-only, or an inference tensor's."
    return None


def _copy(writes: list[tuple[Tensor, np.ndarray]]) -> None:
    owners = {_owner(tensor._value) for tensor, _ in writes}
    # A source in a module's own memory (a state_dict with its entries exchanged) would be overwritten before its turn
    sources = [array.copy() if _owner(array) in owners else array for _, array in writes]
    for (tensor, _), source in zip(writes, sources, strict=True):
        np.copyto(tensor._value, source, casting="unsafe")
        mark_written(tensor)


def _owner(array: Any) -> int:
    """Identifies the memory that `array` is a view of."""
    while isinstance(array, np.ndarray) and array.base is not None:
        array = array.base
    return id(array)

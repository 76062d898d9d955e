"""What all optimizers share: groups of parameters with options, a state for each parameter, and the step over a group.

An optimizer here writes `_update`: arrays in, one kernel call for the whole group. An optimizer of the user's own may
override `step` instead, as in PyTorch, and use `param_groups` and `state` in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from itertools import chain
from typing import Any

import numpy as np

from .._kernels import empty_like, memory
from ..engine import mark_written
from ..grad_mode import enable_grad
from ..tensor import Tensor, _fresh, wrap


class _Required:
    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()
"""A default that says that each group of parameters has to give the option."""


class Optimizer:
    """Groups of parameters, their options, and the state that steps leave behind.

    `params` is an iterable of Tensors, of (name, Tensor) pairs, or of dicts with the key 'params' and options of their
    own; `defaults` are the options of groups that do not say otherwise. In contrast to PyTorch the options of every
    group are checked, and a parameter given twice raises ValueError.
    """

    _numbers: tuple[str, ...] = ()  # what else the state of a parameter holds: floats, which PyTorch keeps as Tensors
    _may_lack: frozenset[str] = frozenset()  # options that a loaded state may lack, since earlier PyTorch had none
    _stepped = False  # whether `step` has been called: a scheduler warns if it is not

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got a Tensor"
            )
        _plain_rate(defaults)
        self._check_options(defaults)
        self.defaults = defaults
        self.state: dict[Any, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    # ---- what an optimizer says of itself ----------------------------------------------------------------------------

    def _check_options(self, options: dict[str, Any]) -> None:
        """Raise ValueError if the options of a group make no sense."""

    def _buffer_names(self, group: dict[str, Any]) -> tuple[str, ...]:
        """The buffers, of a parameter's shape, that the options of a group call for."""
        return ()

    def _update(
        self, group: dict[str, Any], params: list[np.ndarray], grads: list[np.ndarray], states: list[dict[str, Any]]
    ) -> None:
        """Step the parameters of one group in place, given as contiguous float32 or float64 arrays."""
        raise NotImplementedError

    # ---- stepping ----------------------------------------------------------------------------------------------------

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move every parameter that has a gradient, in place; returns what `closure` returns.

        `closure`, if given, is called first, with gradients enabled, to compute the loss and its gradients anew.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        self._stepped = True
        work = []
        for group in self.param_groups:  # all arrays are looked at before the first one is changed
            moving = [p for p in group["params"] if p._grad is not None]
            params = [_plain(p._value) for p in moving]
            grads = [_gradient(p, array) for p, array in zip(moving, params, strict=True)]
            for name in self._buffer_names(group):
                for p, array in zip(moving, params, strict=True):
                    buffer = self.state[p].get(name) if p in self.state else None
                    if buffer is not None:
                        _check_buffer(name, buffer._value, array)
            work.append((group, moving, params, grads))
        for group, moving, params, grads in work:
            if moving:
                self._update(group, params, grads, [self.state[p] for p in moving])
            for p, array in zip(moving, params, strict=True):
                if array is not p._value:
                    p._value[...] = array
                mark_written(p)
        return loss

    def _buffers(
        self, states: list[dict[str, Any]], name: str, params: list[np.ndarray], start: float = 0.0
    ) -> list[np.ndarray]:
        """The arrays under `name`, one of `_buffer_names`, in `states`; one that is missing begins at `start`."""
        arrays = []
        for state, param in zip(states, params, strict=True):
            if state.get(name) is None:
                state[name] = _filled_like(param, start)
            arrays.append(state[name]._value)
        return arrays

    def _count_steps(self, states: list[dict[str, Any]]) -> list[int]:
        """Add one to the step count of each state."""
        for state in states:
            state["step"] = state.get("step", 0) + 1
        return [state["step"] for state in states]

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or fill them with zeros."""
        for p in chain.from_iterable(group["params"] for group in self.param_groups):
            if set_to_none:
                p.grad = None
            elif p.grad is not None:
                grad = p.grad
                if grad._tracked or not grad._value.flags.writeable:
                    p.grad = _filled_like(grad._value, 0)
                else:
                    grad._value.fill(0)
                    mark_written(grad)

    # ---- groups ------------------------------------------------------------------------------------------------------

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with options of their own: {'params': ..., 'lr': ..., ...}."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but the ordering of tensors in sets will "
                "change between runs. Please use a list instead."
            )
        given = [params] if isinstance(params, Tensor) else list(params)
        tensors = [item[1] if isinstance(item, tuple) else item for item in given]
        names = [item[0] for item in given if isinstance(item, tuple)]
        for tensor in tensors:
            if not isinstance(tensor, Tensor):
                raise TypeError(
                    f"optimizer can only optimize Tensors, but one of the params is {type(tensor).__name__}"
                )
            if not (tensor.is_leaf or tensor.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor")
        if len(set(tensors)) != len(tensors):
            raise ValueError("a parameter group contains the same parameter twice, which would be stepped twice")
        if not {p for group in self.param_groups for p in group["params"]}.isdisjoint(tensors):
            raise ValueError("some parameters appear in more than one parameter group")
        group = {**self.defaults, **param_group, "params": tensors}
        for option, value in group.items():
            if value is required:
                raise ValueError(f"parameter group didn't specify a value of required optimization parameter {option}")
        _plain_rate(group)
        if names:
            group["param_names"] = names
        if len(names) not in (0, len(tensors)) or any(
            ("param_names" in other) != bool(names) for other in self.param_groups
        ):
            raise ValueError("all optimizer params should be with/without names. Some param names are missing")
        self._check_options(group)
        self.param_groups.append(group)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key not in ("params", "param_names")]
        return "\n".join([*lines, ")"])

    # ---- saving and loading ------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """{'state': {number of a parameter: its state}, 'param_groups': [options, and the numbers of the parameters]}.

        Numbers, strings and Tensors only, so that `minigrad.save` can write it. The Tensors are the live ones.
        """
        order = list(chain.from_iterable(group["params"] for group in self.param_groups))
        numbers = {p: i for i, p in enumerate(order)}
        groups = [{**group, "params": [numbers[p] for p in group["params"]]} for group in self.param_groups]
        return {
            "state": {numbers.get(key, key): dict(state) for key, state in self.state.items()},
            "param_groups": groups,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over options and states that `state_dict` returned; the Tensors are copied.

        Raises ValueError, and changes nothing, when groups, options or shapes do not fit this optimizer's.
        """
        saved_groups, saved_state = state_dict["param_groups"], state_dict["state"]
        if len(saved_groups) != len(self.param_groups):
            raise ValueError(
                f"loaded state dict has a different number of parameter groups: {len(saved_groups)}, expected {len(self.param_groups)}"
            )
        state: dict[Any, dict[str, Any]] = defaultdict(dict)
        groups = []
        owners: dict[Any, tuple[Tensor, dict[str, Any]]] = {}
        for i, (saved, group) in enumerate(zip(saved_groups, self.param_groups, strict=True)):
            if len(saved["params"]) != len(group["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group that doesn't match the size of optimizer's group: "
                    f"{len(saved['params'])} parameters in group {i}, expected {len(group['params'])}"
                )
            missing = [name for name in self.defaults if name not in saved and name not in self._may_lack]
            if missing:
                raise ValueError(
                    f"group {i} of the loaded state dict lacks {', '.join(missing)}: is it of another optimizer?"
                )
            kept = {name: group[name] for name in self._may_lack if name in group}
            loaded = {**kept, **saved, "params": group["params"]}
            if "param_names" in group:
                loaded.setdefault("param_names", group["param_names"])
            _plain_rate(loaded)
            self._check_options(loaded)
            groups.append(loaded)
            owners.update((number, (p, loaded)) for number, p in zip(saved["params"], group["params"], strict=True))
        for number, entry in saved_state.items():
            if number in owners:
                p, group = owners[number]
                state[p] = self._fitting_state(number, entry, p, group)
            elif isinstance(number, int):
                raise ValueError(
                    f"the loaded state dict has a state for parameter {number}, which is in none of its groups"
                )
            else:
                state[number] = entry
        self.state, self.param_groups = state, groups

    def _fitting_state(self, number: Any, entry: dict[str, Any], p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        """A copy of one parameter's saved state in the parameter's dtype; raises ValueError if it does not fit."""
        fitting: dict[str, Any] = {}
        names = self._buffer_names(group)
        for name, value in entry.items():
            if name == "step":
                value = int(value)  # PyTorch keeps a Tensor here
            elif name in self._numbers:
                value = float(value)
            elif isinstance(value, Tensor):
                if name in names and value.shape != p.shape:
                    raise ValueError(
                        f"{name} of parameter {number} in the loaded state dict has shape {list(value.shape)}, the parameter "
                        f"{list(p.shape)}"
                    )
                value = wrap(_fresh(value._value.astype(step_dtype(p._value)) if name in names else value._value))
            if value is not None:
                fitting[name] = value
        missing = [name for name in names if name not in fitting]
        if missing and "step" in fitting:
            raise ValueError(f"the state of parameter {number} in the loaded state dict lacks {', '.join(missing)}")
        return fitting


def gradient_of(group: dict[str, Any], param: np.ndarray, grad: np.ndarray) -> np.ndarray:
    """What a step goes down by: the gradient, its negative to `maximize`, plus the weight decay of the group.

    With `decoupled_weight_decay` the parameter is shrunk here instead, in place.
    """
    if group["maximize"]:
        grad = -grad
    if group["weight_decay"] == 0:
        return grad
    if group.get("decoupled_weight_decay"):
        param *= 1 - group["lr"] * group["weight_decay"]
        return grad
    return grad + group["weight_decay"] * param


def decay(average: np.ndarray, beta: float, new: np.ndarray) -> None:
    """average = beta average + (1 - beta) new, in place."""
    average *= beta
    average += (1 - beta) * new


def refuse(optimizer: str, **options: bool) -> None:
    """Raise for an option of PyTorch's that is asked for and means nothing here."""
    for name, asked in options.items():
        if asked:
            raise NotImplementedError(f"{optimizer} does not support {name}=True: leave it out")


def require(valid: bool, what: str, value: Any) -> None:
    """Raise PyTorch's ValueError for an option out of its range; a NaN is in no range."""
    if not valid:
        raise ValueError(f"Invalid {what}: {value}")


def _plain_rate(options: dict[str, Any]) -> None:
    """Make a learning rate that is given as a Tensor, as PyTorch allows, a number."""
    rate = options.get("lr")
    if isinstance(rate, Tensor):
        if rate.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        options["lr"] = rate.item()


def _plain(array: np.ndarray) -> np.ndarray:
    """`array` itself, or a copy where kernels cannot work on it: not contiguous, or float16 (computed in float32)."""
    if memory.is_plain(array) and array.flags.writeable:
        return array
    if array.dtype.kind != "f":
        raise RuntimeError(f"an optimizer can only step parameters of floating point dtype, and one is {array.dtype}")
    if not array.flags.writeable:
        raise RuntimeError("a parameter's memory is read-only (an import that may not be written to): clone() it first")
    return np.array(array, step_dtype(array), order="C")


def _check_buffer(name: str, buffer: np.ndarray, param: np.ndarray) -> None:
    """Raise unless a kernel can work on `buffer` beside `param`."""
    if memory.are_alike(buffer, param) and buffer.flags.writeable:
        return
    if buffer.shape != param.shape or buffer.dtype != param.dtype:
        raise RuntimeError(
            f"the optimizer's {name} is {list(buffer.shape)} of {buffer.dtype}, its parameter {list(param.shape)} of "
            f"{param.dtype}: a parameter that changes its shape or dtype needs a new optimizer"
        )
    flags = buffer.flags
    fault = "read-only" if not flags.writeable else "not contiguous" if not flags.c_contiguous else "not aligned"
    raise RuntimeError(f"the optimizer's {name} is {fault}: put a clone() of it into the state")


def step_dtype(array: np.ndarray) -> np.dtype:
    """The dtype in which a parameter is stepped and its buffers are kept: float32, or float64 for itself."""
    return np.result_type(array.dtype, np.float32)


def _gradient(p: Tensor, array: np.ndarray) -> np.ndarray:
    """The gradient of `p` in the layout of `array`."""
    grad = p._grad._value  # type: ignore[union-attr]
    if memory.are_alike(grad, array):
        return grad
    if grad.shape != array.shape:
        raise RuntimeError(f"a parameter of shape {list(array.shape)} has a gradient of shape {list(grad.shape)}")
    return np.array(grad, array.dtype, order="C")


def _filled_like(array: np.ndarray, value: float) -> Tensor:
    filled = empty_like(array)
    filled.fill(value)
    return wrap(filled)


__all__ = ["Optimizer", "decay", "gradient_of", "refuse", "require", "step_dtype"]

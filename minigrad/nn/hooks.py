"""Hooks of a module: functions called before and after its forward, and when gradients pass it on their way back."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from ..custom_function import Function
from ..grad_mode import mode
from ..tensor import RemovableHandle, Tensor

Hooks = OrderedDict[int, Callable]


class ModuleHooks:
    """The hooks of one module, each kind in the order of its calls."""

    def __init__(self) -> None:
        self.forward_pre: Hooks = OrderedDict()
        self.forward: Hooks = OrderedDict()
        self.backward_pre: Hooks = OrderedDict()
        self.backward: Hooks = OrderedDict()

    def call(self, module: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
        """`module.forward(*args, **kwargs)`, with the hooks around it."""
        for hook in tuple(self.forward_pre.values()):
            args, kwargs = hook(module, args, kwargs)
        watch = Watch(module, self) if mode.recording and (self.backward or self.backward_pre) else None
        if watch:
            args = watch.enter(args)
        result = module.forward(*args, **kwargs)
        for hook in tuple(self.forward.values()):
            replaced = hook(module, args, kwargs, result)
            result = result if replaced is None else replaced
        return watch.leave(result) if watch else result


def register(hooks: Hooks, hook: Callable, prepend: bool) -> RemovableHandle:
    """Add a hook, as the last one or the first."""
    handle = RemovableHandle(hooks, hook)
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


def forward_pre_hook(hook: Callable, with_kwargs: bool) -> Callable:
    """A user's hook as (module, args, kwargs) -> (args, kwargs)."""

    def call(module: Any, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
        result = hook(module, args, kwargs) if with_kwargs else hook(module, args)
        if result is None:
            return args, kwargs
        if not with_kwargs:
            return (result if isinstance(result, tuple) else (result,)), kwargs
        if isinstance(result, tuple) and len(result) == 2:
            return result
        raise RuntimeError(f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {result}.")

    return call


def forward_hook(hook: Callable, with_kwargs: bool) -> Callable:
    """A user's hook as (module, args, kwargs, output) -> the new output or None."""
    if with_kwargs:
        return hook
    return lambda module, args, kwargs, output: hook(module, args, output)


class Watch:
    """Sees the gradients of one call of a module: those of its outputs first, then those of its positional inputs.

    Both the inputs and the outputs pass through an identity whose backward is called once all of their gradients are there.
    """

    def __init__(self, module: Any, hooks: ModuleHooks) -> None:
        self.module = module
        self.pre_hooks, self.hooks = tuple(hooks.backward_pre.values()), tuple(hooks.backward.values())
        self.grad_output: tuple = ()
        self.no_inputs: tuple | None = None  # what stands for the inputs' gradients when none is asked for

    def enter(self, args: tuple) -> tuple:
        passed = passing(args, self.at_inputs)
        if passed is args:
            self.no_inputs = (None,) * len(args)
        return passed

    def leave(self, result: Any) -> Any:
        if not isinstance(result, tuple):
            return passing((result,), self.at_outputs)[0]
        passed = passing(result, self.at_outputs)
        return type(result)(*passed) if hasattr(result, "_fields") else passed  # a named tuple stays one

    def at_outputs(self, grads: tuple) -> tuple:
        for hook in self.pre_hooks:
            grads = replacing(grads, hook(self.module, grads), "grad_output")
        self.grad_output = grads
        if self.no_inputs is not None:
            for hook in self.hooks:
                replaced = hook(self.module, self.no_inputs, grads)
                if replaced is not None and any(grad is not None for grad in replaced):
                    raise RuntimeError(
                        "Backward hook for Modules where no input requires gradient should always return None or None for all gradients."
                    )
        return grads

    def at_inputs(self, grads: tuple) -> tuple:
        for hook in self.hooks:
            grads = replacing(grads, hook(self.module, grads, self.grad_output), "grad_input")
        return grads


def replacing(grads: tuple, replaced: Any, name: str) -> tuple:
    """What a hook returned in place of `grads`, unless it was None."""
    if replaced is None:
        return grads
    replaced = replaced if isinstance(replaced, tuple) else (replaced,)
    if len(replaced) != len(grads):
        raise RuntimeError(
            f"Backward hook returned an invalid number of {name}, got {len(replaced)}, but expected {len(grads)}"
        )
    return replaced


class Passage(Function):
    """The identity of several Tensors, whose gradients pass through `arrived` together."""

    @staticmethod
    def forward(ctx: Any, arrived: Callable[[tuple], tuple], *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.arrived = arrived
        ctx.set_materialize_grads(False)
        return tensors

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple:
        return None, *ctx.arrived(grads)


def passing(values: tuple, arrived: Callable[[tuple], tuple]) -> tuple:
    """`values`, those that gradients flow to as views on which `arrived` (a gradient, or None, for each value) is called."""
    places = [i for i, value in enumerate(values) if isinstance(value, Tensor) and value._tracked]
    if not places:
        return values

    def spread(grads: tuple) -> tuple:
        everywhere: list[Any] = [None] * len(values)
        for place, grad in zip(places, grads, strict=True):
            everywhere[place] = grad
        everywhere = list(arrived(tuple(everywhere)))
        return tuple(everywhere[place] for place in places)

    passed = list(values)
    for place, out in zip(places, Passage.apply(spread, *(values[place] for place in places)), strict=True):
        out._become_view(values[place])
        passed[place] = out
    return tuple(passed)

"""Gradient checkpointing: less memory for more time (Chen et al. 2016).

What a checkpointed function saves for backward is dropped after forward, and computed again when backward comes to it. Random
calls draw the same numbers again, so dropout has the same masks.

Without re-entrance, forward looks at the graph that the function has made: where it begins (arguments, parameters, whatever
else the function reached) become the edges of one node, and the rest is dropped. Backward runs the function again, cuts the
new graph at the same places, and carries the gradients through it. So everything works that works without checkpoints:
`autograd.grad`, keyword arguments, gradients of gradients. With re-entrance, forward records nothing, and backward calls
`autograd.backward` on the function's second run.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import autograd, engine
from ..autograd.gradients import reaches_all_leaves
from ..custom_function import Parts, _Output
from ..grad_mode import enable_grad, mode
from ..random import Generator, default_generator
from ..tensor import Alias, Tensor
from ..tensor import Function as ArrayFunction


class CheckpointError(RuntimeError):
    """A checkpointed function has done something else the second time."""


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable[[], tuple[Any, Any]] | None = None,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """function(*args, **kwargs), whose intermediate results are computed again in backward instead of being kept.

    With `preserve_rng_state` the second run draws the random numbers of the first: from the default generator, from those of
    a module's layers, and from Generators among the arguments. use_reentrant=False is recommended, and what `None` means
    here. use_reentrant=True works with `backward()` alone, not with `autograd.grad` or second derivatives, takes no keyword
    arguments, and gives no gradients at all unless one of the arguments requires them (a warning says so).

    `context_fn` returns the two contexts to run the function in, the first and the second time. CheckpointError if the second
    run gives outputs of other shapes or dtypes, or uses other Tensors, unless determinism_check='none'. `early_stop` is
    accepted for PyTorch's sake; `debug=True` raises NotImplementedError.

    >>> from minigrad.utils.checkpoint import checkpoint
    >>> block = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Dropout(0.5))
    >>> x = minigrad.ones(2, 4, requires_grad=True)
    >>> y = checkpoint(block, x, use_reentrant=False)
    >>> y.sum().backward()  # runs the block again, with the same mask
    """
    if use_reentrant:
        if kwargs:
            raise ValueError(f"Unexpected keyword arguments: {','.join(kwargs)}")
        if context_fn is not None or debug:
            raise ValueError("Passing `context_fn` or `debug` is only supported when use_reentrant=False.")
        if not any(isinstance(arg, Tensor) and arg.requires_grad for arg in args):
            warnings.warn("None of the inputs have requires_grad=True. Gradients will be None", stacklevel=2)
        return _Reentrant.apply(function, RandomState(function, args) if preserve_rng_state else None, *args)
    if determinism_check not in ("default", "none"):
        raise ValueError(f"determinism_check should be one of ['default', 'none'], but got {determinism_check}")
    if debug:
        raise NotImplementedError("checkpoint does not support debug=True: leave it out")
    first, second = context_fn() if context_fn else (contextlib.nullcontext(), contextlib.nullcontext())
    if not mode.recording:
        with first:
            return function(*args, **kwargs)
    state = RandomState(function, (*args, *kwargs.values())) if preserve_rng_state else None
    begin = _now()
    with first:
        result = function(*args, **kwargs)
    outputs = _made_since(result, begin)
    if not outputs:
        return result
    node = _Recompute(lambda: function(*args, **kwargs), second, state, outputs, begin, determinism_check == "default")
    node.kept = [arg for arg in _leaves((args, kwargs)) if isinstance(arg, Tensor)]
    if any(node.last_write(arg._value) > begin for arg in node.kept):
        raise RuntimeError(
            "checkpoint: the function changes one of its arguments in place, and could not run on it again: let it begin with an "
            "out-of-place operation (inplace=False)"
        )
    total = len(outputs)
    new = {}
    for index, out in enumerate(outputs):
        new[id(out)] = out.detach()
        new[id(out)].grad_fn = node if total == 1 else _Output(node, index, total)
        new[id(out)]._tracked = True
    return _replaced(result, new)


def checkpoint_sequential(
    functions: Any,
    segments: int,
    input: Any,
    use_reentrant: bool | None = None,
    *,
    preserve_rng_state: bool = True,
) -> Any:
    """`input` through `functions` (a Sequential, or a list) one after another, in `segments` parts of about equal length.

    All but the last part are checkpointed; see `checkpoint`. ValueError unless there are 1 to len(functions) parts.

    >>> from minigrad.utils.checkpoint import checkpoint_sequential
    >>> net = nn.Sequential(*(nn.Linear(3, 3) for _ in range(6)))
    >>> y = checkpoint_sequential(net, 3, minigrad.ones(2, 3), use_reentrant=False)
    >>> bool((y == net(minigrad.ones(2, 3))).all())
    True
    """
    steps = list(functions.children()) if hasattr(functions, "children") else list(functions)
    if not 1 <= segments <= max(1, len(steps)):
        raise ValueError(
            f"checkpoint_sequential: segments has to be 1 to {len(steps)}, the number of functions, not {segments}"
        )
    size = len(steps) // segments
    for part in range(segments - 1):
        run = _Segment(steps[part * size : (part + 1) * size])
        input = checkpoint(run, input, use_reentrant=use_reentrant, preserve_rng_state=preserve_rng_state)
    return _Segment(steps[(segments - 1) * size :])(input)


class _Segment:
    """Functions one after another."""

    def __init__(self, steps: list[Callable]) -> None:
        self.steps = steps

    def __call__(self, x: Any) -> Any:
        for step in self.steps:
            x = step(x)
        return x

    def modules(self) -> Iterator[Any]:
        for step in self.steps:
            yield from getattr(step, "modules", tuple)()


class RandomState:
    """Where the generators that a function may draw from stood when it was first called."""

    def __init__(self, function: Callable, args: tuple) -> None:
        owner = getattr(function, "__self__", function)  # of a bound method, or a module itself
        holders = [vars(module).values() for module in getattr(owner, "modules", tuple)()]
        drawn = {id(value): value for values in (args, *holders) for value in values if isinstance(value, Generator)}
        drawn[id(default_generator)] = default_generator
        self.states = [(generator, generator.get_state()) for generator in drawn.values()]

    @contextlib.contextmanager
    def again(self) -> Iterator[None]:
        """Inside, they stand where they stood; afterwards, where they were."""
        before = [(generator, generator.get_state()) for generator, _ in self.states]
        for generator, state in self.states:
            generator.set_state(state)
        try:
            yield
        finally:
            for generator, state in before:
                generator.set_state(state)


def _again(state: RandomState | None) -> Any:
    return state.again() if state else contextlib.nullcontext()


# ---- without re-entrance -------------------------------------------------------------------------------------------------


class _Recompute(ArrayFunction):
    """The node of a checkpointed call. Its edges are those at which the call's own graph ended."""

    kept: list[Tensor]  # the arguments, which may not be written to before the second run

    def __init__(
        self,
        call: Callable[[], Any],
        context: Any,
        state: RandomState | None,
        outputs: list[Tensor],
        begin: int,
        strict: bool,
    ) -> None:
        self.call, self.context, self.state, self.strict = call, context, state, strict
        self.like = [(out.shape, out.dtype) for out in outputs]
        # By these the places to cut are known again; the inputs are what this node itself may be cut at
        self.edges = list(dict.fromkeys(edge for _, edge in _ends(outputs, begin)))
        self.inputs = list(self.edges)
        self.record()

    def name(self) -> str:  # type: ignore[override]
        return "CheckpointBackward"

    def check_saved(self) -> None:
        for tensor in (*self.kept, *(edge for edge in self.edges if isinstance(edge, Tensor))):
            if self.last_write(tensor._value) > self.number:
                raise RuntimeError(
                    f"{self.name()} has to compute again with a tensor of shape {list(tensor.shape)} that has been modified by an "
                    "inplace operation since: use the out-of-place form there, or clone() the value first"
                )

    def backward(self, grad: Any) -> tuple:
        seen = {id(part) for part in (grad if isinstance(grad, Parts) else (grad,))}
        result = []
        for gradient in self.gradients(grad, False):
            # One array may be several gradients: then only the first may be kept by whoever gets it
            shared = gradient is not None and id(gradient) in seen
            seen.add(id(gradient))
            result.append(np.asarray(gradient)[...] if shared else gradient)
        return tuple(result)

    def differentiable_backward(self, grad: Any) -> tuple:
        return self.gradients(grad, True)

    def gradients(self, grad: Any, create: bool) -> tuple:
        """Run the call again, and carry `grad` back through its graph to the edges."""
        stops = [_stop() for _ in self.edges]  # older than what the second run makes
        begin = _now()
        with enable_grad(), _again(self.state), self.context:
            outputs = _made_since(self.call(), begin)
        places = dict(zip(self.edges, stops, strict=True))
        unknown = 0
        for node, edge in list(_ends(outputs, begin)):
            if edge in places:
                node.inputs = [places[edge] if other is edge else other for other in node.inputs]
            else:
                unknown += isinstance(edge, engine.Function)  # leaves that the call itself makes are its own affair
        if self.strict and (unknown or [(out.shape, out.dtype) for out in outputs] != self.like):
            found = ", ".join(f"{list(out.shape)} of {out.dtype}" for out in outputs)
            expected = ", ".join(f"{list(shape)} of {dtype}" for shape, dtype in self.like)
            raise CheckpointError(
                f"checkpoint: the function does not do the same a second time: it gave {expected} at first, and now {found}"
                + (f", from {unknown} other tensors" if unknown else "")
            )
        parts = grad if isinstance(grad, Parts) else (grad,)
        live = [(out.grad_fn, part) for out, part in zip(outputs, parts, strict=False) if part is not None]
        arrived = engine.run_backward([root for root, _ in live], [part for _, part in live], stops, create, create)
        for stop, edge in zip(stops, self.edges, strict=True):
            stop.inputs = [edge]  # where gradients of these gradients go on
        return tuple(arrived.get(stop) for stop in stops)


def _now() -> int:
    """A number between those of the nodes made before and after."""
    return next(engine._numbers)


def _stop() -> Alias:
    """A node that stands for an edge in the graph of the second run."""
    node = Alias()
    node.inputs = []
    node.record()
    return node


def _leaves(structure: Any) -> Iterator[Any]:
    """What tuples, lists and dicts hold."""
    if isinstance(structure, tuple | list | dict):
        for item in structure.values() if isinstance(structure, dict) else structure:
            yield from _leaves(item)
    else:
        yield structure


def _replaced(structure: Any, new: dict[int, Tensor]) -> Any:
    if isinstance(structure, dict):
        return type(structure)((key, _replaced(item, new)) for key, item in structure.items())
    if isinstance(structure, tuple | list):
        items = [_replaced(item, new) for item in structure]
        return type(structure)(*items) if hasattr(structure, "_fields") else type(structure)(items)
    return new.get(id(structure), structure)


def _made_since(structure: Any, begin: int) -> list[Tensor]:
    """The Tensors in `structure` that nodes made since `begin` have computed, each once."""
    made = {
        id(x): x
        for x in _leaves(structure)
        if isinstance(x, Tensor) and x.grad_fn is not None and x.grad_fn.number > begin
    }
    return list(made.values())


def _ends(outputs: list[Tensor], begin: int) -> Iterator[tuple[engine.Function, Any]]:
    """(node, edge) for each edge that leads out of the graph made since `begin`: to a leaf, or to an older node."""
    stack: list[Any] = [out.grad_fn for out in outputs]
    seen = set()
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        for edge in node.inputs:
            if isinstance(edge, engine.Function) and edge.number > begin:
                stack.append(edge)
            elif edge is not None:
                yield node, edge


# ---- with re-entrance ----------------------------------------------------------------------------------------------------


class _Reentrant(autograd.Function):
    """Runs its function twice: unrecorded, and in backward, where it calls backward on it."""

    @staticmethod
    def forward(ctx: Any, function: Callable, state: RandomState | None, *args: Any) -> Any:
        ctx.function, ctx.state = function, state
        ctx.constants = [None if isinstance(arg, Tensor) else arg for arg in args]
        ctx.save_for_backward(*(arg if isinstance(arg, Tensor) else None for arg in args))
        return function(*args)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple:
        if not reaches_all_leaves():
            raise RuntimeError(
                "When use_reentrant=True, checkpoint is incompatible with .grad() or passing an `inputs` parameter to "
                ".backward(). To resolve this error, you can either set use_reentrant=False, or call .backward() without passing "
                "the `inputs` argument."
            )
        if mode.recording:
            raise RuntimeError("a checkpoint with use_reentrant=True has no second derivative: set use_reentrant=False")
        tensors = [None if saved is None else saved.detach() for saved in ctx.saved_tensors]
        for tensor, saved in zip(tensors, ctx.saved_tensors, strict=True):
            if tensor is not None:
                tensor.requires_grad = saved.requires_grad
        inputs = [other if tensor is None else tensor for tensor, other in zip(tensors, ctx.constants, strict=True)]
        with enable_grad(), _again(ctx.state):
            outputs = ctx.function(*inputs)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        pairs = [
            (out, g) for out, g in zip(outputs, grads, strict=True) if isinstance(out, Tensor) and out.requires_grad
        ]
        if not pairs:
            raise RuntimeError("none of output has requires_grad=True, this checkpoint() is not necessary")
        autograd.backward([out for out, _ in pairs], [g for _, g in pairs])
        return None, None, *(None if tensor is None else tensor.grad for tensor in tensors)


__all__ = ["CheckpointError", "checkpoint", "checkpoint_sequential"]

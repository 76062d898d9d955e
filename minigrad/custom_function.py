"""Differentiable functions of one's own: `autograd.Function`, as PyTorch has it.

The user writes static methods on Tensors; `_Node` fits them to the engine, whose functions work on plain arrays. Several
outputs are one node whose gradient has several `Parts`; each output hangs on it by an `_Output`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import engine
from .dtypes import category
from .grad_mode import mode, no_grad
from .tensor import Function as ArrayFunction
from .tensor import Tensor, wrap


class Parts(tuple):
    """The gradients of several outputs; None where none has arrived."""

    def __add__(self, other: Any) -> Parts:
        return Parts(b if a is None else a if b is None else a + b for a, b in zip(self, other, strict=True))


class _Output(ArrayFunction):
    """One output of several: passes its gradient on as one part of the whole."""

    def __init__(self, node: engine.Function, index: int, total: int) -> None:
        self.inputs, self.index, self.total = [node], index, total
        self.record()

    def name(self) -> str:  # type: ignore[override]
        return self.inputs[0].name()

    def backward(self, grad: Any) -> Parts:
        return Parts(grad if index == self.index else None for index in range(self.total))

    differentiable_backward = backward


class Context:
    """What `Function.forward` hands to `Function.backward`; attributes of one's own may be set on it."""

    def __init__(self, needs_input_grad: tuple[bool, ...]) -> None:
        self.needs_input_grad = needs_input_grad
        self._saved: tuple | None = ()
        self._non_differentiable: tuple = ()
        self._dirty: tuple = ()
        self._materialize = True

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep inputs and outputs of forward for `saved_tensors`; TypeError for what is neither a Tensor nor None."""
        for index, tensor in enumerate(tensors):
            if not isinstance(tensor, Tensor | None):
                raise TypeError(
                    f"save_for_backward can only save variables, but argument {index} is of type {type(tensor).__name__}: keep it as an "
                    "attribute of ctx"
                )
        self._saved = tensors

    @property
    def saved_tensors(self) -> tuple:
        """What `save_for_backward` kept; RuntimeError once a backward has freed it."""
        if self._saved is None:
            raise RuntimeError(
                "Trying to backward through the graph a second time: the saved tensors were freed by the first backward. "
                "Specify retain_graph=True in that call if you need another"
            )
        return self._saved

    def mark_non_differentiable(self, *outputs: Tensor) -> None:
        """Say that no gradient flows to these outputs."""
        self._non_differentiable = outputs

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Say that forward has changed these inputs in place."""
        self._dirty = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether missing gradients reach backward as zeros (the default) or as None."""
        self._materialize = value


class _Node(ArrayFunction):
    """The node of a user's Function: calls its static backward with Tensors."""

    def __init__(
        self, function: type[Function], context: Context, args: Sequence[Any], outputs: Sequence[Tensor]
    ) -> None:
        self.function, self.context = function, context
        needed = zip(args, context.needs_input_grad, strict=True)
        self.inputs = [(arg.grad_fn or arg) if needs else None for arg, needs in needed]
        self.shapes = [arg.shape if isinstance(arg, Tensor) else () for arg in args]
        # what a missing gradient is like; an output that is no Tensor gets None
        self.outputs = [(out.shape, out.dtype) if isinstance(out, Tensor) else None for out in outputs]
        self.record()
        # (tensor, its index among the outputs or None): outputs are kept without their node, which would be a cycle
        self.saved: list[tuple[Any, int | None]] | None = []
        for tensor in context._saved or ():
            index = next((i for i, out in enumerate(outputs) if tensor is out and not _among(out, args)), None)
            self.saved.append((tensor if index is None or tensor is None else tensor.detach(), index))

    def name(self) -> str:  # type: ignore[override]
        return f"{self.function.__name__}Backward"

    def check_saved(self) -> None:
        for tensor, _ in self.saved or ():
            if tensor is not None and self.last_write(tensor._value) > self.number:
                raise RuntimeError(
                    f"{self.name()} needs a saved tensor of shape {list(tensor.shape)} for its gradient, but that has been "
                    "modified by an inplace operation since: use the out-of-place form there, or clone() the value first"
                )

    def unpacked(self) -> tuple | None:
        """The saved tensors, outputs back in their place in the graph."""
        if self.saved is None:
            return None
        total = len(self.outputs)
        edges = [self if total == 1 else _Output(self, i, total) for i in range(total)] if mode.recording else []
        return tuple(
            tensor if index is None or not edges else engine.as_variable(wrap, tensor._value, edges[index])
            for tensor, index in self.saved
        )

    def backward(self, grad: Any) -> Any:
        grads = []
        for part, like in zip(grad if isinstance(grad, Parts) else (grad,), self.outputs, strict=True):
            if part is None and like is not None and self.context._materialize:
                part = np.zeros(*like)
            grads.append(part if part is None or isinstance(part, Tensor) else wrap(part))
        self.context._saved = self.unpacked()
        try:
            results = self.function.backward(self.context, *grads)
        finally:
            self.context._saved = ()
        results = results if isinstance(results, tuple) else (results,)
        if len(results) < len(self.inputs) or any(g is not None for g in results[len(self.inputs) :]):
            raise RuntimeError(
                f"function {self.name()} returned an incorrect number of gradients (expected {len(self.inputs)}, got "
                f"{len(results)})"
            )
        return tuple(self.checked(index, gradient) for index, gradient in enumerate(results[: len(self.inputs)]))

    differentiable_backward = backward

    def checked(self, index: int, gradient: Any) -> Any:
        """One gradient that the user's backward returned, in its input's shape."""
        if gradient is None or self.inputs[index] is None:
            return None
        if not isinstance(gradient, Tensor):
            raise TypeError(
                f"{self.name()}: expected a Tensor or None as gradient {index}, got {type(gradient).__name__}"
            )
        shape = self.shapes[index]
        if gradient.shape != shape:
            if not _broadcasts(shape, gradient.shape):
                raise RuntimeError(
                    f"Function {self.name()} returned an invalid gradient at index {index} - got {list(gradient.shape)} but "
                    f"expected shape compatible with {list(shape)}"
                )
            from .ops.broadcast import SumTo

            gradient = SumTo.apply(gradient, shape)
        # A view, since the user may return one Tensor twice, or one he still holds
        return gradient if mode.recording else gradient._value[...]

    def release(self) -> None:
        if self.saved:
            self.saved = None


def _among(tensor: Tensor, others: Sequence[Any]) -> bool:
    return any(tensor is other for other in others)


def _broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(shape, to) == to
    except ValueError:
        return False


def made_by_user(node: Any) -> bool:
    """Whether `node` is of a custom Function: what it returns may be a view whose relation to its base nobody knows."""
    return isinstance(node, _Node | _Output)


class Function:
    """A differentiable function of one's own, as in PyTorch.

    Write `forward(ctx, *args)` and `backward(ctx, *grad_outputs)` as static methods on Tensors (or `forward(*args)` with
    `setup_context(ctx, inputs, output)`), and call `apply(*args)`. Operations inside forward are not recorded; those in
    backward are when `create_graph` is set. backward returns a gradient (or None) for each argument of forward.

    >>> class Square(minigrad.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x
    ...
    ...     @staticmethod
    ...     def backward(ctx, grad):
    ...         (x,) = ctx.saved_tensors
    ...         return 2 * x * grad
    >>> x = minigrad.tensor(3.0, requires_grad=True)
    >>> Square.apply(x).backward()
    >>> x.grad
    tensor(6.)
    """

    setup_context: Any = None

    @staticmethod
    def forward(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs: a Tensor, or a tuple of them; what else a tuple holds is passed on as it is."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """The gradient of each argument of forward, None for those without."""
        raise NotImplementedError("You must implement the backward for your custom autograd.Function.")

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run forward and record the call."""
        context = Context(tuple(mode.recording and isinstance(arg, Tensor) and arg._tracked for arg in args))
        with no_grad():
            if cls.setup_context is None:
                result = cls.forward(context, *args, **kwargs)
            else:
                result = cls.forward(*args, **kwargs)
                cls.setup_context(context, args, result)
        outputs = result if isinstance(result, tuple) else (result,)
        for changed in context._dirty:
            if mode.recording and changed._tracked and changed.is_leaf:
                raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
            engine.mark_written(changed)
            if changed._base is not None and any(context.needs_input_grad):
                raise RuntimeError(
                    f"{cls.__name__}: mark_dirty() of a view, whose base does not know of the change: give the Function a clone()"
                )
        if not any(context.needs_input_grad):
            return result
        node = _Node(cls, context, args, outputs)
        results = []
        for index, out in enumerate(outputs):
            if not isinstance(out, Tensor):
                results.append(out)
                continue
            tensor = out if _among(out, context._dirty) else out.detach()
            if tensor is not out and (out._base is not None or _among(out, args)):
                tensor._become_view(out)  # so that a write to it, or to its base, is noticed
            if category(out.dtype) == 2 and not _among(out, context._non_differentiable):
                tensor.grad_fn = node if len(outputs) == 1 else _Output(node, index, len(outputs))
                tensor._tracked = True
            results.append(tensor)
        context._saved = ()
        return tuple(results) if isinstance(result, tuple) else results[0]

"""Gradients on request: `grad`, `backward`, functions of one's own, and a watcher that finds where a NaN came from."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import engine
from .dtypes import category
from .engine import mode, run_backward
from .grad_mode import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from .tensor import Function as _Node
from .tensor import Tensor, wrap

_PACKAGE = str(Path(__file__).parent)


def _as_tuple(value: Any) -> tuple:
    return tuple(value) if isinstance(value, tuple | list) else (value,)


def _roots(tensors: tuple, gradients: Any, create_graph: bool) -> tuple[list, list]:
    """The edges and gradients a backward pass starts from."""
    gradients = (None,) * len(tensors) if gradients is None else _as_tuple(gradients)
    if len(gradients) != len(tensors):
        raise RuntimeError(f"got {len(tensors)} tensors and {len(gradients)} gradients")
    edges, values = [], []
    for i, (tensor, gradient) in enumerate(zip(tensors, gradients, strict=True)):
        if not isinstance(tensor, Tensor):
            raise TypeError(f"backward of a {type(tensor).__name__}: expected a Tensor")
        if not tensor._tracked:
            raise RuntimeError(f"element {i} of tensors does not require grad and does not have a grad_fn")
        if gradient is None:
            if tensor._value.size != 1:
                raise RuntimeError(
                    f"grad can be implicitly created only for scalar outputs, and this one has shape {list(tensor.shape)}: "
                    "reduce it (loss.sum(), loss.mean()) or pass gradient="
                )
            gradient = np.ones_like(tensor._value)
        else:
            given = tuple(np.shape(getattr(gradient, "_value", gradient)))
            if given != tensor.shape:
                raise RuntimeError(
                    f"Mismatch in shape: grad_output[{i}] has a shape of {list(given)} and output[{i}] has a shape of "
                    f"{list(tensor.shape)}"
                )
        if create_graph:
            gradient = gradient if isinstance(gradient, Tensor) else wrap(np.asarray(gradient, tensor.dtype))
        else:
            gradient = np.asarray(getattr(gradient, "_value", gradient), tensor.dtype)
        edges.append(tensor.grad_fn or tensor)
        values.append(gradient)
    return edges, values


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Accumulate the gradients of `tensors` in the `.grad` of the leaves they came from (or of `inputs` alone)."""
    tensors = _as_tuple(tensors)
    edges, values = _roots(tensors, grad_tensors, create_graph)
    retain = create_graph if retain_graph is None else retain_graph
    with _recording(create_graph):
        if inputs is None:
            run_backward(edges, values, None, retain, create_graph)
            return
        inputs = _as_tuple(inputs)
        if not inputs:
            raise RuntimeError("'inputs' argument to backward() cannot be empty.")
        found = run_backward(edges, values, [_edge(i, x) for i, x in enumerate(inputs)], retain, create_graph)
        for x in inputs:
            gradient = found.get(x.grad_fn or x)
            if gradient is not None:
                x.accumulate(gradient, True)


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of the sum of `outputs` with respect to `inputs`, one for each; `.grad` is left alone.

    `grad_outputs` weighs non-scalar outputs. `create_graph=True` records the result, for gradients of any order. An input
    the outputs do not depend on raises, unless `allow_unused` (its gradient is None) or `materialize_grads` (zeros).
    Only the part of the graph between outputs and inputs is run.
    """
    outputs, inputs = _as_tuple(outputs), _as_tuple(inputs)
    if materialize_grads and allow_unused is False:
        raise ValueError("Expected allow_unused to be True or not passed when materialize_grads=True, but got: False.")
    edges, values = _roots(outputs, grad_outputs, create_graph)
    targets = [_edge(i, x) for i, x in enumerate(inputs)]
    retain = create_graph if retain_graph is None else retain_graph
    with _recording(create_graph):
        found = run_backward(edges, values, targets, retain, create_graph)
    results: list[Tensor | None] = []
    seen: set[int] = set()
    for i, (x, target) in enumerate(zip(inputs, targets, strict=True)):
        gradient = found.get(target)
        if gradient is None and materialize_grads:
            gradient = np.zeros_like(x._value)
        if gradient is None and not allow_unused:
            raise RuntimeError(
                f"One of the differentiated Tensors (inputs[{i}]) appears to not have been used in the graph. Set "
                "allow_unused=True if this is the desired behavior."
            )
        if gradient is not None and not isinstance(gradient, Tensor):
            array = np.asarray(gradient)
            shared = id(array) in seen or not array.flags.writeable or any(array is value for value in values)
            seen.add(id(array))
            gradient = wrap(array.copy() if shared else array)
        results.append(gradient)
    return tuple(results)


def _edge(index: int, x: Any) -> Any:
    if not isinstance(x, Tensor):
        raise TypeError(f"inputs[{index}] is a {type(x).__name__}: expected a Tensor")
    if not x._tracked:
        raise RuntimeError(f"One of the differentiated Tensors (inputs[{index}]) does not require grad")
    return x.grad_fn or x


def _recording(create_graph: bool) -> Any:
    return enable_grad() if create_graph else no_grad()


class Context:
    """What `Function.forward` hands to `Function.backward`; attributes of one's own may be set on it."""

    def __init__(self, needs_input_grad: tuple[bool, ...]) -> None:
        self.needs_input_grad = needs_input_grad
        self._saved: tuple = ()
        self._non_differentiable: tuple = ()
        self._dirty: tuple = ()
        self._materialize = True

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep inputs and outputs of forward for `saved_tensors`."""
        self._saved = tensors

    @property
    def saved_tensors(self) -> tuple:
        """What `save_for_backward` kept."""
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


class _UserNode(_Node):
    """The node of a user's Function: calls its static forward and backward with Tensors."""

    def __init__(self, function: type[Function]) -> None:
        self.function = function

    def name(self) -> str:  # type: ignore[override]
        return f"{self.function.__name__}Backward"

    def saved(self) -> tuple:
        if self.released:
            raise RuntimeError(
                f"Trying to backward through the graph a second time: what {self.name()} had saved was freed by the first "
                "backward. Specify retain_graph=True in that call if you need another"
            )
        return self.context._saved

    def check_saved(self) -> None:
        for tensor, written in self.versions:
            if written is not None and written[0] > self.number:
                raise RuntimeError(
                    f"{self.name()} needs a saved tensor of shape {list(tensor.shape)} for its gradient, but that has been "
                    "modified by an inplace operation since: use the out-of-place form there, or clone() the value first"
                )

    def backward(self, grad: Any) -> Any:
        context = self.context
        if self.released:
            self.saved()
        parts = grad if isinstance(grad, engine.Parts) else (grad,)
        grads = []
        for part, (shape, dtype) in zip(parts, self.outputs, strict=True):
            if part is None and context._materialize:
                part = np.zeros(shape, dtype)
            grads.append(part if part is None or isinstance(part, Tensor) else wrap(part))
        results = self.function.backward(context, *grads)
        results = results if isinstance(results, tuple) else (results,)
        if len(results) < len(self.inputs) or any(g is not None for g in results[len(self.inputs) :]):
            raise RuntimeError(
                f"function {self.name()} returned an incorrect number of gradients (expected {len(self.inputs)}, got "
                f"{len(results)})"
            )
        checked = []
        for i, (gradient, x) in enumerate(zip(results, self.shapes, strict=False)):
            if gradient is None or self.inputs[i] is None:
                checked.append(None)
                continue
            if not isinstance(gradient, Tensor):
                raise TypeError(f"{self.name()}: expected a Tensor or None as gradient {i}, got {type(gradient).__name__}")
            if gradient.shape != x:
                gradient = _fit(gradient, x, self.name(), i)
            checked.append(gradient if mode.recording else gradient._value[...])
        return tuple(checked)

    differentiable_backward = backward

    def release(self) -> None:
        if self.context._saved:
            self.context._saved, self.versions, self.released = (), (), True


def _fit(gradient: Tensor, shape: tuple[int, ...], name: str, index: int) -> Tensor:
    from .ops.broadcast import SumTo

    try:
        fits = np.broadcast_shapes(shape, gradient.shape) == gradient.shape
    except ValueError:
        fits = False
    if not fits:
        raise RuntimeError(
            f"Function {name} returned an invalid gradient at index {index} - got {list(gradient.shape)} but expected shape "
            f"compatible with {list(shape)}"
        )
    return SumTo.apply(gradient, shape)


class Function:
    """A differentiable function of one's own, as in PyTorch.

    Write `forward(ctx, *args)` and `backward(ctx, *grad_outputs)` as static methods on Tensors, and call
    `apply(*args)`. Operations inside forward are not recorded; those in backward are when `create_graph` is set.
    """

    @staticmethod
    def forward(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """The gradient of each argument of forward, None for those without."""
        raise NotImplementedError("You must implement the backward for your custom autograd.Function.")

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run forward and record the call."""
        tracked = [mode.recording and isinstance(arg, Tensor) and arg._tracked for arg in args]
        context = Context(tuple(tracked))
        setup = getattr(cls, "setup_context", None)
        with no_grad():
            if setup is None:
                result = cls.forward(context, *args, **kwargs)
            else:
                result = cls.forward(*args, **kwargs)
                setup(context, args, result)
        if not any(tracked):
            return result
        outputs = result if isinstance(result, tuple) else (result,)
        for i, out in enumerate(outputs):
            if not isinstance(out, Tensor):
                raise TypeError(f"{cls.__name__}.forward: expected a Tensor as output {i}, got {type(out).__name__}")
        node = _UserNode(cls)
        node.inputs = [(arg.grad_fn or arg) if needed else None for arg, needed in zip(args, tracked, strict=True)]
        node.written, node.context, node.released = [], context, False
        node.shapes = [arg.shape if isinstance(arg, Tensor) else None for arg in args]
        node.outputs = [(out.shape, out.dtype) for out in outputs]
        for changed in context._dirty:
            engine.mark_written(changed)
        results = []
        for out in outputs:
            dirty = any(out is changed for changed in context._dirty)
            if dirty and out._tracked and out.is_leaf:
                raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
            results.append(out if dirty else out.detach())
        node._enter_graph(args, results[0])
        node.versions = _saved_versions(context, args, outputs, results)
        differentiable = [
            category(out.dtype) == 2 and not any(out is other for other in context._non_differentiable) for out in outputs
        ]
        for i, out in enumerate(results):
            if differentiable[i]:
                out.grad_fn = node if len(results) == 1 else _output(node, i, len(results))
                out._tracked = True
        return tuple(results) if isinstance(result, tuple) else results[0]


def _output(node: _UserNode, index: int, total: int) -> engine.Function:
    out = engine.Output()
    out.inputs, out.written, out.index, out.total = [node], [], index, total
    out.number = next(engine._numbers)
    return out


def _saved_versions(context: Context, args: Sequence, outputs: Sequence, results: Sequence) -> tuple:
    """What was saved, with its write counter; a saved output is stored without its node, which would be a cycle."""
    versions, saved = [], []
    for tensor in context._saved:
        for out, result in zip(outputs, results, strict=True):
            if tensor is out and not any(tensor is arg for arg in args):
                tensor = result.detach() if result is not out else out.detach()
        if tensor is not None:
            if tensor._written is None:
                tensor._written = [0]
            versions.append((tensor, tensor._written))
        saved.append(tensor)
    context._saved = tuple(saved)
    return tuple(versions)


class detect_anomaly:
    """Find the operation whose backward makes a NaN: raises there, with the place in the user's code that called it.

    Costs a stack trace for each operation, so it is for debugging. As in PyTorch, a context manager around forward and
    backward.
    """

    def __init__(self, check_nan: bool = True) -> None:
        self.check_nan = check_nan

    def __enter__(self) -> None:
        self.before = mode.anomaly
        mode.anomaly = self

    def __exit__(self, *exc: object) -> None:
        mode.anomaly = self.before

    def remember(self, node: engine.Function) -> None:
        """Note where the user's code made `node`."""
        frames = [frame for frame in traceback.extract_stack() if not frame.filename.startswith(_PACKAGE)]
        node.where = "Traceback of forward call that caused the error:\n" + "".join(traceback.format_list(frames[-3:]))

    def check(self, node: engine.Function, grads: Sequence[Any]) -> None:
        """Raise if one of the gradients that `node` returned holds a NaN."""
        if not self.check_nan:
            return
        for index, gradient in enumerate(grads):
            value = np.asarray(getattr(gradient, "_value", gradient)) if gradient is not None else None
            if value is not None and value.dtype.kind == "f" and np.isnan(value).any():
                raise RuntimeError(f"Function '{node.name()}' returned nan values in its {index}th output.\n{node.where}")


__all__ = [
    "Function",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "grad",
    "inference_mode",
    "is_grad_enabled",
    "no_grad",
    "set_grad_enabled",
]

"""Gradients on request: `grad`, `backward`, and a watcher that finds where a NaN came from."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import engine
from ._kernels import empty_like
from .custom_function import Function
from .engine import run_backward
from .grad_mode import enable_grad, inference_mode, is_grad_enabled, mode, no_grad, set_grad_enabled
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
            gradient = empty_like(tensor._value)
            gradient.fill(1)
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
    if create_graph:
        warnings.warn(
            "backward(create_graph=True) makes each leaf's .grad a part of a graph that holds the leaf: a reference cycle, freed by "
            "the garbage collector alone. autograd.grad(..., create_graph=True) makes none; or set .grad to None after use",
            stacklevel=3,
        )
    tensors = _as_tuple(tensors)
    edges, values = _roots(tensors, grad_tensors, create_graph)
    retain = create_graph if retain_graph is None else retain_graph
    if inputs is None:
        _run(edges, values, None, retain, create_graph)
        return
    inputs = _as_tuple(inputs)
    if not inputs:
        raise RuntimeError("'inputs' argument to backward() cannot be empty.")
    found = _run(edges, values, [_edge(i, x) for i, x in enumerate(inputs)], retain, create_graph)
    with set_grad_enabled(create_graph):
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

    >>> x = minigrad.tensor(3.0, requires_grad=True)
    >>> (first,) = minigrad.autograd.grad(x**3, x, create_graph=True)
    >>> (second,) = minigrad.autograd.grad(first, x)
    >>> first.item(), second.item()
    (27.0, 18.0)
    """
    outputs, inputs = _as_tuple(outputs), _as_tuple(inputs)
    if materialize_grads and allow_unused is False:
        raise ValueError("Expected allow_unused to be True or not passed when materialize_grads=True, but got: False.")
    edges, values = _roots(outputs, grad_outputs, create_graph)
    targets = [_edge(i, x) for i, x in enumerate(inputs)]
    retain = create_graph if retain_graph is None else retain_graph
    found = _run(edges, values, targets, retain, create_graph)
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


def _run(edges: list, values: list, targets: list | None, retain: bool, create_graph: bool) -> dict[Any, Any]:
    """`run_backward`, recorded only to `create_graph`."""
    before, mode.recording = mode.recording, create_graph
    try:
        return run_backward(edges, values, targets, retain, create_graph)
    finally:
        mode.recording = before


class detect_anomaly:
    """Find the operation whose backward makes a NaN: raises there, with the place in the user's code that called it.

    Costs a stack trace for each operation, so it is for debugging. As in PyTorch, a context manager around forward and
    backward.

    >>> x = minigrad.tensor(0.0, requires_grad=True)
    >>> with minigrad.autograd.detect_anomaly():
    ...     (x.sqrt() * 0).backward()
    Traceback (most recent call last):
    RuntimeError: Function 'SqrtBackward' returned nan values in its 0th output.
    ...
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
                raise RuntimeError(
                    f"Function '{node.name()}' returned nan values in its {index}th output.\n{node.where}"
                )


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

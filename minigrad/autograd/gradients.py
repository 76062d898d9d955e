"""Gradients on request: `grad` and `backward`."""

from __future__ import annotations

import threading
import warnings
from typing import Any

import numpy as np

from .._kernels import empty_like
from ..engine import run_backward
from ..grad_mode import mode, set_grad_enabled
from ..tensor import Tensor, wrap


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
        tensor._refresh()
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
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of the sum of `outputs` with respect to `inputs`, one for each; `.grad` is left alone.

    `grad_outputs` weighs non-scalar outputs. `create_graph=True` records the result, for gradients of any order. An input
    the outputs do not depend on raises, unless `allow_unused` (its gradient is None) or `materialize_grads` (zeros).
    Only the part of the graph between outputs and inputs is run. `only_inputs=False`, which PyTorch no longer has either, and
    `is_grads_batched=True` raise NotImplementedError.

    >>> x = minigrad.tensor(3.0, requires_grad=True)
    >>> (first,) = minigrad.autograd.grad(x**3, x, create_graph=True)
    >>> (second,) = minigrad.autograd.grad(first, x)
    >>> first.item(), second.item()
    (27.0, 18.0)
    """
    if not only_inputs or is_grads_batched:
        refused = "is_grads_batched=True" if is_grads_batched else "only_inputs=False"
        raise NotImplementedError(f"autograd.grad does not support {refused}: leave it out")
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
    x._refresh()
    if not x._tracked:
        raise RuntimeError(f"One of the differentiated Tensors (inputs[{index}]) does not require grad")
    return x.grad_fn or x


def _run(edges: list, values: list, targets: list | None, retain: bool, create_graph: bool) -> dict[Any, Any]:
    """`run_backward`, recorded only to `create_graph`."""
    before, mode.recording = mode.recording, create_graph
    whole, _pass.whole = _pass.whole, targets is None
    try:
        return run_backward(edges, values, targets, retain, create_graph)
    finally:
        mode.recording, _pass.whole = before, whole


class _Pass(threading.local):
    """Of the backward pass that this thread is in: whether it goes to all leaves, or only to the inputs that were named."""

    whole = True


_pass = _Pass()


def reaches_all_leaves() -> bool:
    """Whether the present backward pass accumulates in every leaf."""
    return _pass.whole

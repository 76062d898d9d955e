"""Derivatives of functions: Jacobians, Hessians, and their products with vectors.

A function takes Tensors and returns a Tensor or a tuple of them; `inputs` is a Tensor or a tuple. One backward pass gives one
row of a Jacobian, or one product v'J. The product Jv is had by differentiating v'J, which is linear in v.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..grad_mode import enable_grad
from ..ops.joining import stack
from ..tensor import Alias, Tensor, wrap
from .gradients import grad

Tensors = tuple[Tensor, ...]


def jacobian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian of `func` at `inputs`, of shape (*output.shape, *input.shape).

    A tuple of outputs gives a tuple of them, and so does a tuple of inputs, inside it. With `create_graph` the result can be
    differentiated. An output that does not depend on an input gives zeros, or with `strict` raises RuntimeError.
    `vectorize` changes nothing here: rows are computed one by one. NotImplementedError for strategy='forward-mode'.

    >>> from minigrad.autograd.functional import jacobian
    >>> jacobian(lambda x: x * x.flip(0), minigrad.tensor([2.0, 3.0]))
    tensor([[3., 2.],
            [3., 2.]])
    """
    _check_strategy("jacobian", "strategy", strategy, strict and vectorize)
    with enable_grad():
        tensors, one_input = _prepared(inputs, "jacobian", create_graph)
        outputs, one_output = _computed(func, tensors, "jacobian", strict)
        rows = []
        for index, out in enumerate(outputs):
            columns: list[list[Tensor]] = [[] for _ in tensors]
            for place in range(out.numel()):
                seed = np.zeros(out.shape, out.dtype)
                seed.flat[place] = 1
                found = _gradients((out,), tensors, (wrap(seed),), create_graph)
                for column, x, gradient in zip(columns, tensors, found, strict=True):
                    column.append(_present(gradient, x, strict, f"Output {index}", create_graph))
            rows.append(tuple(_stacked(column, out, x) for column, x in zip(columns, tensors, strict=True)))
        result = tuple(_single(row, one_input) for row in rows)
        return _single(result, one_output)


def hessian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The Hessian of `func`, which returns a single element, of shape (*input.shape, *input.shape).

    For a tuple of inputs, a tuple of tuples: [i][j] is the derivative by input i and then by input j. The other arguments
    are those of `jacobian`.

    >>> from minigrad.autograd.functional import hessian
    >>> hessian(lambda x: x[0] ** 2 * x[1], minigrad.tensor([2.0, 3.0]))
    tensor([[6., 4.],
            [4., 0.]])
    """
    _check_strategy("hessian", "outer_jacobian_strategy", outer_jacobian_strategy, strict and vectorize)
    _, one_input = _as_tuple(inputs, "inputs", "hessian")

    def slope(*tensors: Tensor) -> Any:
        _, gradients = _gradient(func, tensors, "hessian", strict)
        return _single(gradients, one_input)

    return jacobian(slope, inputs, create_graph, strict)


def vjp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """(func(*inputs), v'J): the product of `v`, which is like the outputs, with the Jacobian.

    `v` may be left out for an output of a single element.

    >>> from minigrad.autograd.functional import vjp
    >>> vjp(lambda x: x * x, minigrad.tensor([2.0, 3.0]), minigrad.tensor([1.0, 10.0]))
    (tensor([4., 9.]), tensor([ 4., 60.]))
    """
    with enable_grad():
        tensors, one_input = _prepared(inputs, "vjp", create_graph)
        outputs, one_output = _computed(func, tensors, "vjp", strict)
        vectors = _vectors(v, outputs, "vjp", "the user-provided function returns")
        found = _gradients(outputs, tensors, vectors, create_graph)
        products = _all_present(found, tensors, strict, "The outputs", create_graph)
    return _finished(outputs, one_output, create_graph), _finished(products, one_input, create_graph)


def jvp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """(func(*inputs), Jv): the product of the Jacobian with `v`, which is like the inputs.

    `v` may be left out for an input of a single element. Computed by differentiating twice, so that every operation in
    `func` has to be twice differentiable.

    >>> from minigrad.autograd.functional import jvp
    >>> jvp(lambda x: x * x, minigrad.tensor([2.0, 3.0]), minigrad.tensor([1.0, 10.0]))
    (tensor([4., 9.]), tensor([ 4., 60.]))
    """
    with enable_grad():
        tensors, _ = _prepared(inputs, "jvp", create_graph)
        vectors = _vectors(v, tensors, "jvp", "the input to the user-provided function is")
        outputs, one_output = _computed(func, tensors, "jvp", strict)
        seeds = tuple(wrap(np.zeros(out.shape, out.dtype)).requires_grad_() for out in outputs)
        found = _gradients(outputs, tensors, seeds, True)
        products = _all_present(found, tensors, strict, "The outputs", True)
        turned = _gradients(products, seeds, vectors, create_graph)
        results = _all_present(turned, seeds, strict, "The Jacobian", create_graph)
    return _finished(outputs, one_output, create_graph), _finished(results, one_output, create_graph)


def vhp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """(func(*inputs), v'H): the product of `v`, which is like the inputs, with the Hessian of `func`.

    `func` returns a single element; `v` may be left out for an input of one.
    """
    return _hessian_product("vhp", func, inputs, v, create_graph, strict)


def hvp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """(func(*inputs), Hv): the product of the Hessian of `func` with `v`, which is like the inputs.

    `func` returns a single element; `v` may be left out for an input of one. Hessians are symmetric, so this is `vhp`.

    >>> from minigrad.autograd.functional import hvp
    >>> hvp(lambda x: (x**3).sum(), minigrad.tensor([2.0, 3.0]), minigrad.tensor([1.0, 10.0]))
    (tensor(35.), tensor([ 12., 180.]))
    """
    return _hessian_product("hvp", func, inputs, v, create_graph, strict)


def _hessian_product(
    name: str, func: Callable, inputs: Any, v: Any, create_graph: bool, strict: bool
) -> tuple[Any, Any]:
    with enable_grad():
        tensors, one_input = _prepared(inputs, name, create_graph)
        vectors = _vectors(v, tensors, name, "the input to the user-provided function is")
        output, gradients = _gradient(func, tensors, name, strict)
        found = _gradients(gradients, tensors, vectors, create_graph)
        products = _all_present(found, tensors, strict, "The gradient", create_graph)
    return _finished((output,), True, create_graph), _finished(products, one_input, create_graph)


# ---- what these share ----------------------------------------------------------------------------------------------------


def _as_tuple(value: Any, what: str, name: str) -> tuple[Tensors, bool]:
    """`value` as a tuple, and whether it was a single Tensor. TypeError for anything else."""
    one = not isinstance(value, tuple)
    tensors = (value,) if one else value
    for i, tensor in enumerate(tensors):
        if not isinstance(tensor, Tensor):
            subject = f"given {what}" if one else f"value at index {i}"
            raise TypeError(
                f"The {what} given to {name} must be either a Tensor or a tuple of Tensors but the {subject} has type "
                f"{type(tensor)}."
            )
    return tensors, one


def _single(values: tuple, one: bool) -> Any:
    return values[0] if one else values


def _prepared(inputs: Any, name: str, create_graph: bool) -> tuple[Tensors, bool]:
    """The inputs to differentiate by: leaves of their own, or, where the graph is to go on behind them, their aliases."""
    tensors, one = _as_tuple(inputs, "inputs", name)
    return tuple(
        Alias.apply(x) if create_graph and x.requires_grad else x.detach().requires_grad_() for x in tensors
    ), one


def _computed(func: Callable, tensors: Tensors, name: str, strict: bool) -> tuple[Tensors, bool]:
    outputs, one = _as_tuple(func(*tensors), "outputs of the user-provided function", name)
    for i, out in enumerate(outputs):
        if strict and not out.requires_grad:
            raise RuntimeError(
                f"Output {i} of the user-provided function does not require gradients. The outputs must be computed in a "
                f"differentiable manner from the input when running in strict mode."
            )
    return outputs, one


def _gradient(func: Callable, tensors: Tensors, name: str, strict: bool) -> tuple[Tensor, Tensors]:
    """The single element that `func` gives, and its gradients, recorded."""
    outputs, one = _as_tuple(func(*tensors), f"outputs of the function given to {name}", name)
    if not one:
        raise RuntimeError(f"The function given to {name} should return a single Tensor")
    out = outputs[0]
    if out.numel() != 1:
        raise RuntimeError(f"The Tensor returned by the function given to {name} should contain a single element")
    if strict and not out.requires_grad:
        raise RuntimeError(f"The output of the function given to {name} does not depend on its inputs (strict mode)")
    seed = wrap(np.ones(out.shape, out.dtype))
    found = _gradients((out,), tensors, (seed,), True)
    return out, _all_present(found, tensors, strict, "The output", True)


def _gradients(outputs: Tensors, tensors: Tensors, seeds: Sequence[Tensor], create_graph: bool) -> tuple:
    """`grad`, with None where nothing flows."""
    live = [(out, seed) for out, seed in zip(outputs, seeds, strict=True) if out.requires_grad]
    if not live:
        return (None,) * len(tensors)
    roots, weights = zip(*live, strict=True)
    return grad(roots, tensors, weights, retain_graph=True, create_graph=create_graph, allow_unused=True)


def _all_present(found: tuple, tensors: Tensors, strict: bool, what: str, graph: bool) -> Tensors:
    return tuple(_present(gradient, x, strict, what, graph) for gradient, x in zip(found, tensors, strict=True))


def _present(gradient: Tensor | None, x: Tensor, strict: bool, what: str, graph: bool) -> Tensor:
    """The gradient for `x`, zeros for None; in strict mode that is an error, as is one that the graph would end in."""
    if gradient is None:
        if strict:
            raise RuntimeError(
                f"{what} of the user-provided function is independent of an input of shape {list(x.shape)}. This is not allowed in "
                "strict mode."
            )
        return wrap(np.zeros(x.shape, x.dtype))
    if strict and graph and not gradient.requires_grad:
        raise RuntimeError(
            f"{what} of the user-provided function has a gradient that is independent of the inputs. This is not allowed in strict "
            "mode when create_graph=True."
        )
    return gradient


def _stacked(column: list[Tensor], out: Tensor, x: Tensor) -> Tensor:
    shape = (*out.shape, *x.shape)
    return stack(column).reshape(shape) if column else wrap(np.zeros(shape, out.dtype))


def _vectors(v: Any, like: Tensors, name: str, where: str) -> Tensors:
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            raise RuntimeError(f"The vector v can only be None if {where} a single Tensor with a single element.")
        return (wrap(np.ones(like[0].shape, like[0].dtype)),)
    vectors, _ = _as_tuple(v, "v", name)
    if len(vectors) != len(like):
        raise RuntimeError(f"v is a tuple of invalid length: should be {len(like)} but got {len(vectors)}.")
    for i, (vector, other) in enumerate(zip(vectors, like, strict=True)):
        if vector.shape != other.shape:
            entry = f"Entry {i} in " if len(like) > 1 else ""
            raise RuntimeError(
                f"{entry}v has invalid size: should be {list(other.shape)} but got {list(vector.shape)}."
            )
    return vectors


def _finished(values: Tensors, one: bool, create_graph: bool) -> Any:
    return _single(values if create_graph else tuple(value.detach() for value in values), one)


def _check_strategy(function: str, name: str, strategy: str, strict_and_vectorized: bool) -> None:
    if strategy not in ("forward-mode", "reverse-mode"):
        raise ValueError(
            f'{function}: expected {name} to be either "forward-mode" or "reverse-mode", but got {strategy!r}'
        )
    if strategy == "forward-mode":
        raise NotImplementedError(f'{function} does not support {name}="forward-mode": leave it out')
    if strict_and_vectorized:
        raise RuntimeError(f"{function}: strict=True and vectorize=True are not supported together")


__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

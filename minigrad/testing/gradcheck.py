"""Gradients compared with finite differences.

The derivative of f in direction u is (f(x + eps u) - f(x - eps u)) / (2 eps) + O(eps^2). For small inputs u runs over all
unit vectors, which gives the whole Jacobian; for larger ones a few random directions are taken, and what is compared
is v'Ju for random v: a wrong entry of J shows in it with certainty up to rounding.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..autograd import grad
from ..grad_mode import enable_grad
from ..tensor import Tensor, wrap

WHOLE = 4096  # Jacobians with at most so many entries are compared entry by entry
DIRECTIONS = 4  # pairs of random directions for larger ones


class GradcheckError(RuntimeError):
    """A gradient differs from the finite difference."""


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
) -> bool:
    """Whether the gradients of `func(*inputs)` agree with central differences: |analytic - numeric| <= atol + rtol |numeric|.

    `inputs` is a Tensor or a tuple of arguments; those Tensors that require grad are checked, and should be float64. They are
    moved by +-`eps` in place and put back, so that `func` may also reach them otherwise (the parameters of a module). Outputs
    are a Tensor or a sequence of them; those without a gradient are left out.

    Raises GradcheckError with the indices of output and input and both values, or returns False with `raise_exception=False`.
    ValueError if no input and no output requires grad.

    >>> from minigrad.testing import gradcheck
    >>> x = minigrad.randn(3, dtype=minigrad.float64, requires_grad=True)
    >>> gradcheck(lambda x: (x * x.exp()).sum(), x)
    True
    """
    arguments = inputs if isinstance(inputs, tuple | list) else (inputs,)
    checked = {i: x for i, x in enumerate(arguments) if isinstance(x, Tensor) and x.requires_grad}
    _check_inputs(checked)
    with enable_grad():
        outputs = _outputs(func(*arguments))
    if not outputs:
        raise ValueError("gradcheck expects at least one output that requires grad")
    try:
        for i, x in checked.items():
            _check_input(func, arguments, outputs, i, x, eps, atol, rtol)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
) -> bool:
    """Whether the gradients of the gradients of `func(*inputs)` agree with central differences; see `gradcheck`.

    What is checked is the map from inputs and `grad_outputs` (random unless given, one for each output) to the gradients.
    """
    arguments = tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)
    with enable_grad():
        outputs = _outputs(func(*arguments))
    if grad_outputs is None:
        rng = np.random.default_rng(0)
        grad_outputs = [
            wrap(rng.standard_normal(out.shape).astype(out.dtype)).requires_grad_() for out in outputs.values()
        ]
    weights = tuple(grad_outputs) if isinstance(grad_outputs, tuple | list) else (grad_outputs,)
    count = len(arguments)

    def gradients(*both: Any) -> tuple[Tensor, ...]:
        tracked = [x for x in both[:count] if isinstance(x, Tensor) and x.requires_grad]
        results = list(_outputs(func(*both[:count])).values())
        found = grad(results, tracked, both[count:], create_graph=True, allow_unused=True)
        return tuple(g for g in found if g is not None)

    return gradcheck(gradients, arguments + weights, eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception)


def _check_inputs(checked: dict[int, Tensor]) -> None:
    if not checked:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of them have requires_grad=True."
        )
    for i, x in checked.items():
        if x.dtype != np.float64:
            warnings.warn(
                f"Input #{i} requires gradient and is {x.dtype}: finite differences need float64", stacklevel=3
            )
        if not x._value.flags.writeable:
            raise ValueError(
                f"gradcheck moves its inputs in place, and input {i} is read-only (an expanded tensor?): clone() it"
            )


def _outputs(result: Any) -> dict[int, Tensor]:
    """The outputs that have a gradient, by index."""
    parts = result if isinstance(result, tuple | list) else (result,)
    return {i: part for i, part in enumerate(parts) if isinstance(part, Tensor) and part.requires_grad}


def _check_input(
    func: Callable,
    arguments: Sequence,
    outputs: dict[int, Tensor],
    index: int,
    x: Tensor,
    eps: float,
    atol: float,
    rtol: float,
) -> None:
    whole = all(out.numel() * x.numel() <= WHOLE for out in outputs.values())
    rng = np.random.default_rng(index)
    directions = np.eye(x.numel()) if whole else rng.standard_normal((DIRECTIONS, x.numel()))
    differences = _differences(func, arguments, outputs, x, directions, eps)
    for k, out in outputs.items():
        weights = np.eye(out.numel()) if whole else rng.standard_normal((DIRECTIONS, out.numel()))
        numeric = _product(differences[k], weights.T)
        analytic = _product(directions, _gradients(out, x, weights).T)
        wrong = ~(np.abs(analytic - numeric) <= atol + rtol * np.abs(numeric))
        if wrong.any():
            place = np.unravel_index(
                np.argmax(np.where(wrong, np.nan_to_num(np.abs(analytic - numeric), nan=np.inf), -1)), wrong.shape
            )
            where = (
                f"entry {tuple(map(int, place))} (of input, of output)"
                if whole
                else f"random directions {tuple(map(int, place))}"
            )
            raise GradcheckError(
                f"Jacobian mismatch for output {k} with respect to input {index}, largest at {where}:\n"
                f"numerical: {numeric[place]!r}\nanalytical: {analytic[place]!r}\n"
                f"all numerical:\n{numeric}\nall analytical:\n{analytic}"
            )


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The matrix product, in a fixed order."""
    return np.einsum("ij,jk->ik", a, b)


def _differences(
    func: Callable, arguments: Sequence, outputs: dict[int, Tensor], x: Tensor, directions: np.ndarray, eps: float
) -> dict[int, np.ndarray]:
    """(f(x + eps u) - f(x - eps u)) / (2 eps) for each direction u and each output, flattened."""
    before = x._value.copy()
    rows: dict[int, list[np.ndarray]] = {k: [] for k in outputs}
    try:
        for direction in directions:
            ends = []
            for step in (eps, -eps):
                x._value[...] = before + (direction * step).reshape(before.shape)
                with enable_grad():  # a function may ask for gradients itself
                    results = func(*arguments)
                parts = results if isinstance(results, tuple | list) else (results,)
                ends.append([parts[k]._value.astype(np.float64, copy=True).ravel() for k in outputs])
            for k, forth, back in zip(outputs, *ends, strict=True):
                rows[k].append((forth - back) / (2 * eps))
    finally:
        x._value[...] = before  # bit for bit, so the graph need not be told of a write
    return {k: np.array(rows[k]).reshape(len(directions), outputs[k].numel()) for k in outputs}


def _gradients(out: Tensor, x: Tensor, weights: np.ndarray) -> np.ndarray:
    """The gradient of v'out for x, for each row v of `weights`, flattened."""
    rows = []
    for v in weights:
        seed = wrap(v.reshape(out.shape).astype(out.dtype))
        found = grad(out, x, seed, retain_graph=True, allow_unused=True)[0]
        rows.append(np.zeros(x.numel()) if found is None else found._value.astype(np.float64).ravel())
    return np.array(rows).reshape(len(weights), x.numel())


__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]

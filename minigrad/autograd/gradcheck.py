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

from ..grad_mode import enable_grad
from ..tensor import Tensor, wrap
from .gradients import grad

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
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Whether the gradients of `func(*inputs)` agree with central differences: |analytic - numeric| <= atol + rtol |numeric|.

    `inputs` is a Tensor or a tuple of arguments; those Tensors that require grad are checked, and should be float64. They are
    moved by +-`eps` in place and put back, so that `func` may also reach them otherwise (the parameters of a module). Outputs
    are a Tensor or a sequence of them; those without a gradient are left out.

    A gradient that is computed twice may differ by `nondet_tol`. `check_grad_dtypes` asks that gradients have their inputs'
    dtypes. `fast_mode` compares products with a few random vectors, as is done anyway for large Jacobians. Outputs are
    differentiated one at a time, which is what `check_undefined_grad` asks for. Batched and forward-mode gradients and masked
    inputs, which there are none of here, raise NotImplementedError when their check is asked for.

    Raises GradcheckError with the indices of output and input and both values, or returns False with `raise_exception=False`.
    ValueError if no input and no output requires grad.

    >>> from minigrad.autograd import gradcheck
    >>> x = minigrad.randn(3, dtype=minigrad.float64, requires_grad=True)
    >>> gradcheck(lambda x: (x * x.exp()).sum(), x)
    True
    """
    if not (check_forward_ad or check_backward_ad):
        raise AssertionError("Expected at least one of check_forward_ad or check_backward_ad to be True")
    _refuse(
        check_batched_grad=check_batched_grad,
        check_batched_forward_grad=check_batched_forward_grad,
        check_forward_ad=check_forward_ad,
        masked=masked,
    )
    arguments = inputs if isinstance(inputs, tuple | list) else (inputs,)
    checked = {i: x for i, x in enumerate(arguments) if isinstance(x, Tensor) and x.requires_grad}
    _check_inputs(checked)
    with enable_grad():
        outputs = _outputs(func(*arguments))
    if not outputs:
        raise ValueError("gradcheck expects at least one output that requires grad")
    try:
        for i, x in checked.items():
            _check_repeatable(outputs, i, x, nondet_tol, check_grad_dtypes)
            _check_input(func, arguments, outputs, i, x, eps, atol, rtol, fast_mode)
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
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Whether the gradients of the gradients of `func(*inputs)` agree with central differences; see `gradcheck`.

    What is checked is the map from inputs and `grad_outputs` (random unless given, one for each output; not contiguous in
    memory with `gen_non_contig_grad_outputs`) to the gradients.
    """
    if not (check_fwd_over_rev or check_rev_over_rev):
        raise AssertionError("Expected at least one of check_fwd_over_rev or check_rev_over_rev to be True")
    _refuse(check_fwd_over_rev=check_fwd_over_rev)
    arguments = tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)
    with enable_grad():
        outputs = _outputs(func(*arguments))
    if grad_outputs is None:
        rng = np.random.default_rng(0)
        step = 2 if gen_non_contig_grad_outputs else 1
        grad_outputs = [
            wrap(rng.standard_normal((*out.shape, step)).astype(out.dtype)[..., 0]).requires_grad_()
            for out in outputs.values()
        ]
    weights = tuple(grad_outputs) if isinstance(grad_outputs, tuple | list) else (grad_outputs,)
    count = len(arguments)

    def gradients(*both: Any) -> tuple[Tensor, ...]:
        tracked = [x for x in both[:count] if isinstance(x, Tensor) and x.requires_grad]
        results = list(_outputs(func(*both[:count])).values())
        found = grad(results, tracked, both[count:], create_graph=True, allow_unused=True)
        return tuple(g for g in found if g is not None)

    return gradcheck(
        gradients,
        arguments + weights,
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad,
        fast_mode=fast_mode,
        masked=masked,
    )


def _refuse(**checks: bool | None) -> None:
    for name, asked in checks.items():
        if asked:
            raise NotImplementedError(f"gradcheck does not support {name}=True: leave it out")


def _check_repeatable(outputs: dict[int, Tensor], index: int, x: Tensor, tolerance: float, dtypes: bool) -> None:
    """Raise if the gradient comes out otherwise a second time, or (where it matters) in another dtype."""
    for k, out in outputs.items():
        seed = wrap(np.random.default_rng(k).standard_normal(out.shape).astype(out.dtype))
        first, second = (grad(out, x, seed, retain_graph=True, allow_unused=True)[0] for _ in range(2))
        if first is None or second is None:
            continue
        if dtypes and first.dtype != x.dtype:
            raise GradcheckError(f"the gradient of output {k} for input {index} is {first.dtype}, the input {x.dtype}")
        apart = np.abs(first._value - second._value).max(initial=0)
        if apart > tolerance:  # NaN is left to the comparison with differences
            raise GradcheckError(
                f"Backward is not reentrant: the gradient of output {k} for input {index} was computed twice from the same values, "
                f"and differs by {apart}; nondet_tol allows {tolerance}"
            )


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
    fast: bool,
) -> None:
    whole = not fast and all(out.numel() * x.numel() <= WHOLE for out in outputs.values())
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

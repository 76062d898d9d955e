"""Functions of one's own, and the decorator for those whose gradient has none."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..custom_function import Context as FunctionCtx
from ..custom_function import Function
from ..grad_mode import mode, no_grad
from ..tensor import Function as ArrayFunction
from ..tensor import Tensor


class _Once(ArrayFunction):
    """The node of a gradient that cannot be differentiated in turn."""

    def forward(self, out: Any, *inputs: Any) -> Any:
        return out[...]

    def backward(self, grad: Any) -> Any:
        raise RuntimeError("trying to differentiate twice a function that was marked with @once_differentiable")

    differentiable_backward = backward


def once_differentiable(fn: Callable) -> Callable:
    """Decorates the backward of a `Function` that computes with other means than Tensors: it is not recorded, and a second
    derivative through it raises RuntimeError instead of being wrong.

    >>> from minigrad.autograd.function import once_differentiable
    >>> class Exp(minigrad.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x.exp()
    ...
    ...     @staticmethod
    ...     @once_differentiable
    ...     def backward(ctx, grad):
    ...         return minigrad.from_numpy(grad.numpy() * np.exp(ctx.saved_tensors[0].numpy(force=True)))
    >>> x = minigrad.zeros(1, requires_grad=True)
    >>> (slope,) = minigrad.autograd.grad(Exp.apply(x), x, create_graph=True)
    >>> slope.backward()
    Traceback (most recent call last):
    RuntimeError: trying to differentiate twice a function that was marked with @once_differentiable
    """

    @functools.wraps(fn)
    def wrapper(ctx: Any, *args: Any) -> Any:
        with no_grad():
            outputs = fn(ctx, *args)
        sources = [arg for arg in (*args, *ctx.saved_tensors) if isinstance(arg, Tensor) and arg._tracked]
        if not mode.recording or not sources:
            return outputs
        marked = [
            _Once.apply(out.detach(), *sources) if isinstance(out, Tensor) else out
            for out in (outputs if isinstance(outputs, tuple) else (outputs,))
        ]
        return tuple(marked) if isinstance(outputs, tuple) else marked[0]

    return wrapper


__all__ = ["Function", "FunctionCtx", "once_differentiable"]

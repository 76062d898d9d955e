"""L-BFGS (Liu and Nocedal 1989), with a line search for the strong Wolfe conditions (Nocedal and Wright 2006, section 3.5).

An iteration goes in the direction -H g, where H, an estimate of the inverse Hessian, is never stored: it is what the last
`history_size` steps s and changes of the gradient y say (the two-loop recursion, algorithm 7.4 there).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..engine import mark_written
from ..grad_mode import enable_grad
from ..tensor import Tensor, _fresh, wrap
from .optimizer import Optimizer, require, step_dtype

SMALLEST_CURVATURE = 1e-10  # pairs with less y's are not remembered: H has to stay positive definite


class LBFGS(Optimizer):
    """Quasi-Newton steps from full-batch gradients: `step(closure)` makes up to `max_iter` iterations.

    The closure clears the gradients, computes the loss, calls backward and returns the loss; an iteration calls it once, or
    with line_search_fn='strong_wolfe' as often as the search needs, in all at most `max_eval` times (1.25 max_iter by default).
    Iterations end when the largest gradient is at most `tolerance_grad`, or step or loss change by less than
    `tolerance_change`. There is one group of parameters; what is learned about them is the state of the first.

    >>> x = minigrad.tensor([-1.0, 2.0], requires_grad=True)
    >>> optimizer = optim.LBFGS([x], line_search_fn="strong_wolfe", max_iter=50)
    >>> def closure():  # Rosenbrock's valley, whose lowest point is (1, 1)
    ...     optimizer.zero_grad()
    ...     loss = (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
    ...     loss.backward()
    ...     return loss
    >>> for _ in range(2):
    ...     loss = optimizer.step(closure)
    >>> x
    tensor([1.0000, 1.0000], requires_grad=True)
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "max_iter": max_iter,
                "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
                "tolerance_grad": tolerance_grad,
                "tolerance_change": tolerance_change,
                "history_size": history_size,
                "line_search_fn": line_search_fn,
            },
        )

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        if self.param_groups:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")
        super().add_param_group(param_group)

    def _check_options(self, options: dict[str, Any]) -> None:
        require(options["lr"] >= 0, "learning rate", options["lr"])
        if options["line_search_fn"] not in (None, "strong_wolfe"):
            raise RuntimeError(f"only 'strong_wolfe' is supported as line_search_fn, not {options['line_search_fn']!r}")

    def step(self, closure: Callable[[], Any]) -> Any:  # type: ignore[override]
        """Up to `max_iter` iterations; returns the loss at the start. `closure` is called with gradients enabled."""
        self._stepped = True
        group = self.param_groups[0]
        state = self.state[group["params"][0]]
        lr, smallest, max_iter = group["lr"], group["tolerance_change"], group["max_iter"]

        def evaluate() -> tuple[Any, float, np.ndarray]:
            with enable_grad():
                loss = closure()
            state["func_evals"] = state.get("func_evals", 0) + 1
            return loss, float(loss), self._flat_gradient()

        first_loss, loss, g = evaluate()
        calls = 1
        state.setdefault("n_iter", 0)
        if _largest(g) <= group["tolerance_grad"]:
            return first_loss

        memory = _Memory(state)
        for iteration in range(1, max_iter + 1):
            state["n_iter"] += 1
            if state["n_iter"] == 1:
                direction, length = -g, min(1.0, 1.0 / float(np.abs(g).sum())) * lr
            else:
                memory.learn(g, group["history_size"])
                direction, length = memory.direction(g), lr
            slope = _dot(g, direction)
            memory.move(g, direction, length, loss)
            if slope > -smallest:
                break

            if group["line_search_fn"] is None:
                self._move(length, direction)
                if iteration < max_iter:  # after the last the next step evaluates anyway
                    _, loss, g = evaluate()
                    calls += 1
            else:
                begin = [p._value.copy() for p in group["params"]]

                def at(t: float, begin: Any = begin, direction: Any = direction) -> _Point:
                    self._move(t, direction)
                    _, loss, g = evaluate()
                    self._put(begin)
                    return _Point(t, loss, g, _dot(g, direction))

                start = _Point(0.0, loss, g, slope)
                point, tried = strong_wolfe(at, start, length, _largest(direction), smallest, group["max_eval"] - calls)
                calls += tried
                length, loss, g = point.t, point.loss, point.g
                self._move(length, direction)
            change = abs(loss - memory.loss)
            memory.length = length
            if calls >= group["max_eval"] or _largest(g) <= group["tolerance_grad"]:
                break
            if _largest(direction * length) <= smallest or change < smallest:
                break
        if memory.d is not None:
            state.update(memory.as_state())
        return first_loss

    def _flat_gradient(self) -> np.ndarray:
        parts = [
            np.zeros(p.numel(), p.dtype) if p._grad is None else p._grad._value.reshape(-1)
            for p in self.param_groups[0]["params"]
        ]
        flat = np.concatenate(parts)
        return flat.astype(step_dtype(flat), copy=False)

    def _move(self, length: float, direction: np.ndarray) -> None:
        """Add `length` times `direction` to the parameters."""
        begin = 0
        for p in self.param_groups[0]["params"]:
            p._value += (length * direction[begin : begin + p.numel()]).reshape(p.shape).astype(p.dtype, copy=False)
            begin += p.numel()
            mark_written(p)

    def _put(self, values: list[np.ndarray]) -> None:
        for p, value in zip(self.param_groups[0]["params"], values, strict=True):
            p._value[...] = value
            mark_written(p)

    def _fitting_state(self, number: Any, entry: dict[str, Any], p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        known = ("func_evals", "n_iter", *_Memory.KEYS)
        return {name: _copied(entry[name]) for name in known if entry.get(name) is not None}


def _copied(value: Any) -> Any:
    """A copy of a state's value: Tensors of numbers become numbers, as PyTorch keeps some that we do not."""
    if isinstance(value, list):
        return [_copied(item) for item in value]
    if isinstance(value, Tensor):
        return value.item() if value.ndim == 0 else wrap(_fresh(value._value))
    return value


class _Memory:
    """What the iterations so far tell about the Hessian, and the last step."""

    KEYS = ("d", "t", "old_dirs", "old_stps", "ro", "H_diag", "prev_flat_grad", "prev_loss")  # PyTorch's names

    def __init__(self, saved: dict[str, Any]) -> None:
        arrays = [[item._value for item in saved.get(name, ())] for name in ("old_dirs", "old_stps")]
        self.changes, self.steps = arrays  # y and s
        self.inverses: list[float] = list(saved.get("ro", ()))  # 1 / y's
        self.scale: float = saved.get("H_diag", 1)
        self.d: Any = saved["d"]._value if "d" in saved else None  # the last direction
        self.g: Any = saved["prev_flat_grad"]._value if "d" in saved else None  # the gradient where it began
        self.length: float = saved.get("t", 0.0)
        self.loss: float = saved.get("prev_loss", 0.0)

    def as_state(self) -> dict[str, Any]:
        """The entries of a state_dict."""
        lists = [[wrap(array) for array in arrays] for arrays in (self.changes, self.steps)]
        values = (wrap(self.d), self.length, *lists, self.inverses, self.scale, wrap(self.g), self.loss)
        return dict(zip(self.KEYS, values, strict=True))

    def move(self, g: np.ndarray, direction: np.ndarray, length: float, loss: float) -> None:
        """Note the step that is about to be made, and what the loss and its gradient are before it."""
        self.g, self.d, self.length, self.loss = g, direction, length, loss

    def learn(self, g: np.ndarray, size: int) -> None:
        """Remember the last step and how it changed the gradient; the oldest of more than `size` is forgotten."""
        y, s = g - self.g, self.d * self.length
        curvature = _dot(y, s)
        if curvature > SMALLEST_CURVATURE:
            if len(self.changes) == size:
                del self.changes[0], self.steps[0], self.inverses[0]
            self.changes.append(y)
            self.steps.append(s)
            self.inverses.append(1 / curvature)
            self.scale = curvature / _dot(y, y)

    def direction(self, g: np.ndarray) -> np.ndarray:
        """-H g, by the two-loop recursion."""
        pairs = list(zip(self.steps, self.changes, self.inverses, strict=True))
        q = -g
        weights = []
        for s, y, inverse in reversed(pairs):
            weights.append(_dot(s, q) * inverse)
            q = q - weights[-1] * y
        q = q * self.scale
        for (s, y, inverse), weight in zip(pairs, reversed(weights), strict=True):
            q = q + (weight - _dot(y, q) * inverse) * s
        return q


class _Point(NamedTuple):
    """Where the line search has been: the length of the step, the loss there, its gradient and its slope along the line."""

    t: float
    loss: float
    g: np.ndarray
    slope: float


def strong_wolfe(
    at: Callable[[float], _Point],
    start: _Point,
    length: float,
    largest: float,
    shortest: float,
    most: int,
    c1: float = 1e-4,
    c2: float = 0.9,
) -> tuple[_Point, int]:
    """A point on the line with loss <= start + c1 t slope and |its slope| <= c2 |slope|, and how many were tried.

    First steps grow until two points enclose one such (algorithm 3.5); then the interval is narrowed by cubic
    interpolation (3.6). After `most` points, or when the interval moves no element by `shortest`, the lowest point is it.
    """

    def too_high(point: _Point) -> bool:
        return point.loss > start.loss + c1 * point.t * start.slope

    def flat(point: _Point) -> bool:
        return abs(point.slope) <= -c2 * start.slope

    previous, point, tried, grown = start, at(length), 1, 0
    bracket = None
    while grown < most:
        if too_high(point) or (grown > 1 and point.loss >= previous.loss):
            bracket = [previous, point]
            break
        if flat(point):
            return point, tried
        if point.slope >= 0:
            bracket = [previous, point]
            break
        t = point.t
        longer = _cubic_minimum(previous, point, (t + 0.01 * (t - previous.t), t * 10))
        previous, point = point, at(longer)
        tried += 1
        grown += 1
    if bracket is None:
        bracket = [start, point]

    low, high = sorted(bracket, key=lambda point: point.loss)
    stuck = False  # whether the last point was close to an end of the interval
    while grown < most and abs(high.t - low.t) * largest >= shortest:
        left, right = min(low.t, high.t), max(low.t, high.t)
        t = _cubic_minimum(low, high)
        margin = 0.1 * (right - left)
        close = min(right - t, t - left) < margin
        if close and (stuck or t >= right or t <= left):
            t = right - margin if abs(t - right) < abs(t - left) else left + margin
            close = False
        stuck = close
        point = at(t)
        tried += 1
        grown += 1
        if too_high(point) or point.loss >= low.loss:
            low, high = sorted((low, point), key=lambda point: point.loss)
            continue
        if flat(point):
            return point, tried
        if point.slope * (high.t - low.t) >= 0:
            high = low
        low = point
    return low, tried


def _cubic_minimum(a: _Point, b: _Point, bounds: tuple[float, float] | None = None) -> float:
    """Where the cubic through two points with their slopes is lowest, within `bounds` (or between the points)."""
    left, right = bounds or (min(a.t, b.t), max(a.t, b.t))
    first, last = (a, b) if a.t <= b.t else (b, a)
    mean = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = mean**2 - a.slope * b.slope
    if not square >= 0:
        return (left + right) / 2
    root = math.sqrt(square)
    t = last.t - (last.t - first.t) * ((last.slope + root - mean) / (last.slope - first.slope + 2 * root))
    return min(max(t, left), right)


def _largest(array: np.ndarray) -> float:
    return float(np.abs(array).max()) if array.size else 0.0


def _dot(a: np.ndarray, b: np.ndarray) -> float:
    return float((a * b).sum())


__all__ = ["LBFGS"]

"""What a row of the table is: a line of PyTorch, and the inputs it names."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Input:
    """How an argument of a row is drawn."""

    kind: str
    shape: tuple[int, ...] = ()
    low: float = 0.0
    high: float = 1.0
    tracked: bool = True  # whether it gets a gradient
    data: Any = None

    @property
    def floating(self) -> bool:
        return self.kind in ("real", "between", "spread", "simplex")

    def draw(self, rng: np.random.Generator, dtype: Any) -> np.ndarray:
        """An array of the kind; those of real kinds have `dtype`."""
        if self.kind == "given":
            return np.array(self.data)
        if self.kind == "ints":
            return rng.integers(int(self.low), int(self.high), self.shape)
        if self.kind == "bools":
            return rng.random(self.shape) < 0.5
        if self.kind == "real":
            x = rng.standard_normal(self.shape)
        elif self.kind == "between":
            x = rng.uniform(self.low, self.high, self.shape)
        elif self.kind == "simplex":
            x = rng.uniform(0.1, 1.0, self.shape)
            x = x / x.sum(-1, keepdims=True)
        else:
            size = int(np.prod(self.shape))
            x = (rng.permutation(size) - size // 2 + 0.25).reshape(self.shape)
        # Rounded to float32 first, so that float32 and float64 see the same numbers
        return np.asarray(x).astype(np.float32).astype(dtype)

    def constant(self) -> Input:
        """The same without a gradient."""
        return replace(self, tracked=False)


def real(*shape: int) -> Input:
    """Standard normal numbers."""
    return Input("real", shape)


def between(low: float, high: float, *shape: int) -> Input:
    """Uniform numbers in an interval."""
    return Input("between", shape, low, high)


def positive(*shape: int) -> Input:
    """Numbers in [0.5, 2]."""
    return between(0.5, 2.0, *shape)


def spread(*shape: int) -> Input:
    """Numbers at least 1 apart and 0.25 from integers and halves: no ties, no kinks, no steps near them."""
    return Input("spread", shape)


def simplex(*shape: int) -> Input:
    """Positive numbers whose last axis sums to 1."""
    return Input("simplex", shape)


def ints(low: int, high: int, *shape: int) -> Input:
    """Integers in [low, high), int64."""
    return Input("ints", shape, low, high, tracked=False)


def bools(*shape: int) -> Input:
    return Input("bools", shape, tracked=False)


def given(data: Any) -> Input:
    """These very values, integers or bools."""
    return Input("given", np.shape(data), tracked=False, data=data)


@dataclass(frozen=True)
class Row:
    """A line of PyTorch in which `torch` and `F` stand for minigrad and its functional, or for PyTorch's own."""

    line: str
    inputs: dict[str, Input]
    order: int = 2  # up to which derivative it is checked: 0 where the result has none, 1 where the first is constant 0
    torch: str | None = ""  # the line for PyTorch where it differs; None where it has no such thing
    strided: bool = True  # whether any memory layout will do
    rtol: float = 1.0  # how many times the usual tolerance between float32 and float64
    code: Any = field(default=None, compare=False, repr=False)

    @property
    def id(self) -> str:
        return f"{self.line} {' '.join(f'{name}{list(x.shape)}' for name, x in self.inputs.items())}".replace(" []", "")

    def draw(self, dtype: Any = np.float64, seed: int = 0) -> dict[str, np.ndarray]:
        """The inputs as arrays."""
        rng = np.random.default_rng(seed)
        return {name: x.draw(rng, dtype) for name, x in self.inputs.items()}

    @property
    def tracked(self) -> list[str]:
        """The inputs that get a gradient."""
        return [name for name, x in self.inputs.items() if x.floating and x.tracked]

    def run(self, torch: Any, functional: Any, inputs: dict[str, Any], line: str | None = None) -> Any:
        """What the line gives: the value of its last expression."""
        tree = ast.parse(line or self.line)
        *statements, last = tree.body
        scope = {"torch": torch, "F": functional, "inf": np.inf, "nan": np.nan, **inputs}
        if statements:
            exec(compile(ast.Module(statements, []), self.line, "exec"), scope)
        assert isinstance(last, ast.Expr)
        return eval(compile(ast.Expression(last.value), self.line, "eval"), scope)


def row(
    line: str, /, *, order: int = 2, torch: str | None = "", strided: bool = True, rtol: float = 1.0, **inputs: Input
) -> Row:
    """A row of the table."""
    return Row(line, inputs, order, torch, strided, rtol)


def minigrad_functional() -> SimpleNamespace:
    """The declared functions of minigrad.nn.functional."""
    from minigrad import ops

    return SimpleNamespace(**ops.FUNCTIONAL)


_BINARY = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "truediv", ast.FloorDiv: "floordiv", ast.Mod: "mod", ast.Pow: "pow",
    ast.MatMult: "matmul", ast.BitAnd: "and", ast.BitOr: "or", ast.BitXor: "xor",
}  # fmt: skip
_COMPARE = {ast.Eq: "eq", ast.NotEq: "ne", ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge"}
_UNARY = {ast.USub: "neg", ast.Invert: "invert"}


def names_used(line: str) -> set[tuple[str, str]]:
    """What a line calls: ('torch', 'add'), ('F', 'relu'), ('method', '__radd__'), ..."""
    found: set[tuple[str, str]] = set()
    for node in ast.walk(ast.parse(line)):
        if isinstance(node, ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) and node.value.id in ("torch", "F") else "method"
            found.add((owner, node.attr))
        elif isinstance(node, ast.BinOp):
            name = _BINARY[type(node.op)]
            found.add(("method", f"__r{name}__" if isinstance(node.left, ast.Constant | ast.List) else f"__{name}__"))
        elif isinstance(node, ast.AugAssign):
            found.add(("method", f"__i{_BINARY[type(node.op)]}__"))
        elif isinstance(node, ast.Compare):
            found.add(("method", f"__{_COMPARE[type(node.ops[0])]}__"))
        elif isinstance(node, ast.UnaryOp) and type(node.op) in _UNARY and not isinstance(node.operand, ast.Constant):
            found.add(("method", f"__{_UNARY[type(node.op)]}__"))
        elif isinstance(node, ast.Subscript):
            found.add(("method", "__setitem__" if isinstance(node.ctx, ast.Store) else "__getitem__"))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "abs":
            found.add(("method", "__abs__"))
    return found

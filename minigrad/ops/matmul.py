"""Matrix products: matmul and its relatives, `linear`, einsum."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from .. import _kernels as kernels
from ..tensor import Function, Tensor
from .arithmetic import Mul
from .border import KERNEL_DTYPES, as_tensor, axis_of, check_tensors, common_shape, contiguous, empty, same_dtype
from .broadcast import SumTo, fit, sum_array
from .declare import op


def product(a: np.ndarray, b: np.ndarray, bias: np.ndarray | None = None) -> np.ndarray:
    """a @ b (+ bias) for arrays of one dtype, batches broadcast; no operand is copied to transpose it.

    A vector a counts as one row, a vector b as one column, and that axis is not in the result.
    """
    if a.ndim == 2 and b.ndim == 2:
        shape: tuple[int, ...] = (a.shape[0], b.shape[1])
    else:
        batch = a.shape[:-2]
        if b.ndim > 2 and b.shape[:-2] != batch:
            batch = np.broadcast_shapes(batch, b.shape[:-2])
            a = a if a.ndim < 3 else np.broadcast_to(a, batch + a.shape[-2:])
            b = np.broadcast_to(b, batch + b.shape[-2:])
        shape = batch + a.shape[-2:-1] + (b.shape[-1:] if b.ndim > 1 else ())
    out = empty(shape, a.dtype)
    if a.dtype in KERNEL_DTYPES:
        _kernel(a, b, out, bias if bias is None else contiguous(bias))
    else:  # integers; einsum without optimize calls no BLAS
        rows, columns = "i" if a.ndim > 1 else "", "k" if b.ndim > 1 else ""
        np.einsum(f"...{rows}j,...j{columns}->...{rows}{columns}", a, b, out=out)
    return out


_kernel = kernels.matmul.matmul


def _times(a: Any, b: Any) -> Any:
    """a @ b for arrays, or for Tensors in a backward that is recorded."""
    return product(a, b) if type(a) is np.ndarray and type(b) is np.ndarray else MatMul.on(a, b)


class MatMul(Function):
    """x @ y for matrices, batches of them, and vectors."""

    shapes: Any = None  # where not both are matrices

    def forward(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        if x.ndim != 2 or y.ndim != 2:
            self.shapes = x.shape, y.shape
        if self.needs(1):
            self.x = x
        if self.needs(0):
            self.y = y
        return product(x, y)

    def backward(self, g: Any) -> Any:
        if self.shapes is not None:
            return self._backward_in_batches(g)
        gx = _times(g, self.y.T) if self.needs(0) else None
        return gx, (_times(self.x.T, g) if self.needs(1) else None)

    def _backward_in_batches(self, g: Any) -> Any:
        x, y = self.shapes
        a, b = x if len(x) > 1 else (1, *x), y if len(y) > 1 else (*y, 1)
        if len(b) == 2:  # all rows of all batches are one matrix
            a = (prod(a[:-1]), a[-1])
        batch = g.shape[: g.ndim - (len(x) > 1) - (len(y) > 1)] if len(b) > 2 else ()
        g = g.reshape((*batch, a[-2], b[-1]))
        gx = gy = None
        if self.needs(0):
            gx = fit(_times(g, self.y.reshape(b).swapaxes(-2, -1)), a).reshape(x)
        if self.needs(1):
            gy = fit(_times(self.x.reshape(a).swapaxes(-2, -1), g), b).reshape(y)
        return gx, gy


def _mismatch(x: Tensor, y: Tensor, name: str) -> RuntimeError:
    return RuntimeError(
        f"{name}: shapes {list(x.shape)} and {list(y.shape)} cannot be multiplied: the last size of the first "
        f"({x.shape[-1]}) must equal the {'last but one' if y.ndim > 1 else 'only'} size of the second "
        f"({y.shape[-2] if y.ndim > 1 else y.shape[0]})"
    )


@op("matmul", ".matmul", ".__matmul__")
def matmul(input: Tensor, other: Tensor) -> Tensor:
    """The matrix product of the last two axes; leading axes are broadcast; a vector counts as one row or column.

    Shapes (..., m, k) and (..., k, n) give (..., m, n). RuntimeError where k differs, naming both shapes.

    >>> minigrad.tensor([[1.0, 2.0], [3.0, 4.0]]) @ minigrad.tensor([1.0, 10.0])
    tensor([21., 43.])
    >>> minigrad.matmul(minigrad.ones(5, 2, 3), minigrad.ones(3, 4)).shape
    (5, 2, 4)
    """
    if not (isinstance(input, Tensor) and isinstance(other, Tensor)):
        for operand in (input, other):
            if not isinstance(operand, Tensor | np.ndarray):
                raise TypeError(f"matmul: expected Tensors, got {type(operand).__name__}")
        input, other = as_tensor(input), as_tensor(other)
    x, y = input._value, other._value
    m, n = x.ndim, y.ndim
    if m == 0 or n == 0:
        raise RuntimeError(
            f"both arguments to matmul need to be at least 1D, but they are {m}D and {n}D; use * for numbers"
        )
    if x.dtype is not y.dtype and x.dtype != y.dtype:
        raise RuntimeError(f"expected m1 and m2 to have the same dtype, but got: {x.dtype} != {y.dtype}")
    if x.shape[-1] != y.shape[-2 if n > 1 else 0]:
        raise _mismatch(input, other, "matmul")
    if m > 2 and n > 2 and x.shape[:-2] != y.shape[:-2]:
        try:
            np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
        except ValueError:
            raise RuntimeError(
                f"matmul: the batch axes of shapes {list(x.shape)} and {list(y.shape)} do not broadcast"
            ) from None
    return MatMul.apply(input, other)


@op(".__rmatmul__")
def rmatmul(input: Tensor, other: Any) -> Tensor:
    """other @ input."""
    return matmul(other, input)


@op("mm", ".mm")
def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """The product of two matrices."""
    if input.ndim != 2 or mat2.ndim != 2:
        raise RuntimeError(
            f"mm: both arguments must be matrices, got {input.ndim}D and {mat2.ndim}D; use matmul to broadcast"
        )
    return matmul(input, mat2)


@op("bmm", ".bmm")
def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """The products of two batches of matrices, (b, m, k) and (b, k, n)."""
    if input.ndim != 3 or mat2.ndim != 3:
        raise RuntimeError(f"batch1 must be a 3D tensor: bmm got {input.ndim}D and {mat2.ndim}D")
    if input.shape[0] != mat2.shape[0]:
        raise RuntimeError(f"bmm: batches of different sizes: {list(input.shape)} and {list(mat2.shape)}")
    return matmul(input, mat2)


@op("mv", ".mv")
def mv(input: Tensor, vec: Tensor) -> Tensor:
    """The product of a matrix and a vector."""
    if input.ndim != 2 or vec.ndim != 1:
        raise RuntimeError(f"mv: expected a matrix and a vector, got {input.ndim}D and {vec.ndim}D")
    return matmul(input, vec)


@op("dot", ".dot")
def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """The inner product of two vectors."""
    if input.ndim != 1 or tensor.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {input.ndim}D and {tensor.ndim}D tensors")
    return matmul(input, tensor)


@op("inner", ".inner")
def inner(input: Tensor, other: Tensor) -> Tensor:
    """The inner products over the last axes."""
    if input.ndim == 0 or other.ndim == 0:
        return input * other
    return tensordot(input, other, ([-1], [-1]))


@op("vdot", ".vdot")
def vdot(input: Tensor, other: Tensor) -> Tensor:
    """`dot`, of real vectors."""
    return dot(input, other)


@op("kron", ".kron")
def kron(input: Tensor, other: Tensor) -> Tensor:
    """Kronecker's product: each element of `input` times the whole of `other`."""
    rank = max(input.ndim, other.ndim)
    a, b = (x.reshape((1,) * (rank - x.ndim) + x.shape) for x in (input, other))
    apart = a.reshape([n for size in a.shape for n in (size, 1)]) * b.reshape(
        [n for size in b.shape for n in (1, size)]
    )
    return apart.reshape([n * m for n, m in zip(a.shape, b.shape, strict=True)])


@op("cross", ".cross")
def cross(input: Tensor, other: Tensor, dim: int = -1) -> Tensor:
    """The cross product of vectors of 3 elements along `dim`, broadcast."""
    shape = common_shape("cross", input.shape, other.shape)
    axis = axis_of(dim, len(shape))
    if shape[axis] != 3:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. Got {list(input.shape)} and {list(other.shape)}"
        )
    a, b = input.expand(shape), other.expand(shape)
    return a.roll(-1, axis) * b.roll(-2, axis) - a.roll(-2, axis) * b.roll(-1, axis)


@op("chain_matmul")
def chain_matmul(*matrices: Tensor) -> Tensor:
    """The product of matrices, from the left."""
    if not matrices:
        raise RuntimeError("chain_matmul: expected at least one matrix")
    out = matrices[0]
    for matrix in matrices[1:]:
        out = mm(out, matrix)
    return out


@op("outer", "ger", ".outer", ".ger")
def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """The outer product of two vectors."""
    if input.ndim != 1 or vec2.ndim != 1:
        raise RuntimeError(f"outer: Expected 1-D arguments, but got {input.ndim}-D and {vec2.ndim}-D")
    return input.unsqueeze(1) * vec2


@op("addmm", ".addmm")
def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * (mat1 @ mat2)."""
    return input * beta + mm(mat1, mat2) * alpha


@op("baddbmm", ".baddbmm")
def baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * bmm(batch1, batch2)."""
    return input * beta + bmm(batch1, batch2) * alpha


class Linear(Function):
    """x @ weight.T + bias in one kernel call, for rows of any number of axes."""

    shape: Any = None  # of an x that is no matrix

    def forward(self, x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
        if x.ndim != 2:
            self.shape = x.shape
        if self.needs(1):
            self.x = x
        if self.needs(0):
            self.weight = weight
        return product(x, weight.T, bias)

    def backward(self, g: Any) -> Any:
        shape = self.shape
        if shape is not None:
            g = g.reshape((prod(shape[:-1]), g.shape[-1]))
        gx = gw = None
        if self.needs(0):
            gx = _times(g, self.weight)
            if shape is not None:
                gx = gx.reshape(shape)
        if self.needs(1):
            gw = _times(g.T, self.x if shape is None else self.x.reshape((g.shape[0], shape[-1])))
        if not self.needs(2):
            return gx, gw
        return gx, gw, sum_array(g, (0,)) if type(g) is np.ndarray else SumTo.on(g, g.shape[1:])


def _fits(input: Any, weight: Any, bias: Any) -> bool:
    """Whether these are plainly right for `linear`; if not, it finds out what is wrong."""
    if not (isinstance(input, Tensor) and isinstance(weight, Tensor)):
        return False
    x, w = input._value, weight._value
    if (
        x.ndim == 0
        or w.ndim != 2
        or x.shape[-1] != w.shape[1]
        or x.dtype is not w.dtype
        or x.dtype not in KERNEL_DTYPES
    ):
        return False
    return bias is None or (isinstance(bias, Tensor) and bias._value.shape == w.shape[:1] and bias.dtype is w.dtype)


@op("F.linear")
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input @ weight.T + bias.

    Shapes: input (..., in), weight (out, in), bias (out); result (..., out).
    """
    if _fits(input, weight, bias):
        return Linear.apply(input, weight, bias)
    input = as_tensor(input)
    check_tensors("linear", weight=weight, bias=bias)
    if weight.ndim != 2 or input.ndim == 0:
        raise RuntimeError(
            f"linear: expected an input of at least 1 axis and a weight of 2, got {list(input.shape)}, {list(weight.shape)}"
        )
    if input.shape[-1] != weight.shape[1]:
        raise RuntimeError(
            f"linear: input of shape {list(input.shape)} and weight of shape {list(weight.shape)} do not fit: the input's last size "
            f"({input.shape[-1]}) must equal the weight's last size ({weight.shape[1]})"
        )
    if bias is not None and bias.shape != weight.shape[:1]:
        raise RuntimeError(
            f"linear: bias has shape {list(bias.shape)}, expected {list(weight.shape[:1])} for weight {list(weight.shape)}"
        )
    same_dtype("linear", input=input, weight=weight, bias=bias)
    return Linear.apply(input, weight, bias)


@op("bilinear", "F.bilinear")
def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input1 @ weight[o] @ input2 + bias[o] for each output o.

    Shapes: (..., in1), (..., in2), weight (out, in1, in2), bias (out,); result (..., out).
    """
    check_tensors("bilinear", input1=input1, input2=input2, weight=weight, bias=bias)
    if weight.ndim != 3 or input1.ndim == 0 or input1.shape[:-1] != input2.shape[:-1]:
        raise RuntimeError(
            f"bilinear(): inputs (..., in1) and (..., in2) with equal leading sizes and a weight (out, in1, in2) are needed, got "
            f"{list(input1.shape)}, {list(input2.shape)} and {list(weight.shape)}"
        )
    for place, (x, size) in enumerate(((input1, weight.shape[1]), (input2, weight.shape[2])), 1):
        if x.shape[-1] != size:
            raise RuntimeError(
                f"bilinear(): input{place} size does not match weight size: got {x.shape[-1]} but expected {size}"
            )
    if bias is not None and bias.shape != weight.shape[:1]:
        raise RuntimeError(
            f"bilinear(): bias size does not match weight size: got {list(bias.shape)}, expected {list(weight.shape[:1])}"
        )
    same_dtype("bilinear", input1=input1, input2=input2, weight=weight, bias=bias)
    out = einsum("...i,oij,...j->...o", input1, weight, input2)
    return out if bias is None else out + bias


@op("tensordot")
def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Tensor:
    """Products summed over axes: the last `dims` of a with the first of b, or the axes that two lists name."""
    if isinstance(dims, int):
        first, second = list(range(a.ndim - dims, a.ndim)), list(range(dims))
    else:
        first, second = ([d % t.ndim for d in part] for t, part in zip((a, b), dims, strict=True))
    if [a.shape[i] for i in first] != [b.shape[i] for i in second]:
        raise RuntimeError(
            f"tensordot: contracted dimensions of shapes {list(a.shape)} and {list(b.shape)} need to match: axes {first} and {second}"
        )
    free_a = [i for i in range(a.ndim) if i not in first]
    free_b = [i for i in range(b.ndim) if i not in second]
    k = int(np.prod([a.shape[i] for i in first]))
    shape = (*(a.shape[i] for i in free_a), *(b.shape[i] for i in free_b))
    left = a.permute(*free_a, *first) if a.ndim else a
    right = b.permute(*second, *free_b) if b.ndim else b
    m = int(np.prod([a.shape[i] for i in free_a]))
    n = int(np.prod([b.shape[i] for i in free_b]))
    return matmul(left.reshape(m, k), right.reshape(k, n)).reshape(shape)


@op("einsum")
def einsum(equation: str, *operands: Any) -> Tensor:
    """The sum of products that `equation` states in Einstein's notation, such as 'bij,bjk->bik'.

    Operands are contracted two at a time, from the left, each pair as a batched matmul.

    >>> a, b = minigrad.arange(6).reshape(2, 3), minigrad.arange(3)
    >>> minigrad.einsum("ij,j->i", a, b)
    tensor([ 5, 14])
    """
    tensors = list(operands[0]) if len(operands) == 1 and isinstance(operands[0], tuple | list) else list(operands)
    inputs, output = _parse(equation.replace(" ", ""), [t.ndim for t in tensors])
    sizes: dict[str, int] = {}
    for letters, tensor in zip(inputs, tensors, strict=True):
        for letter, size in zip(letters, tensor.shape, strict=True):
            if sizes.setdefault(letter, size) not in (size, 1) and size != 1:
                raise RuntimeError(
                    f"einsum(): subscript {letter} has size {size} which does not match {sizes[letter]} in {equation!r}"
                )
            sizes[letter] = max(sizes[letter], size)
    pending = [_diagonals(letters, tensor) for letters, tensor in zip(inputs, tensors, strict=True)]
    letters, result = pending[0]
    for i, (other_letters, other) in enumerate(pending[1:], 2):
        later = set(output).union(*(names for names, _ in pending[i:]))
        letters, result = _contract(letters, result, other_letters, other, later, sizes)
    drop = [i for i, letter in enumerate(letters) if letter not in output]
    if drop:
        result = result.sum(tuple(drop))
        letters = [letter for letter in letters if letter in output]
    return result.permute(*(letters.index(letter) for letter in output)) if output else result


def _parse(equation: str, ndims: list[int]) -> tuple[list[list[str]], list[str]]:
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    if len(terms) != len(ndims):
        raise RuntimeError(f"einsum(): {len(terms)} terms in {equation!r} but {len(ndims)} operands")
    inputs = []
    width = 0
    for term, ndim in zip(terms, ndims, strict=True):
        named = len(term.replace("...", ""))
        if named > ndim or ("..." not in term and named != ndim):
            raise RuntimeError(f"einsum(): the term {term!r} does not name the {ndim} axes of its operand")
        count = ndim - named if "..." in term else 0
        width = max(width, count)
        ellipsis = [str(i) for i in range(count - 1, -1, -1)]  # digits, counted from the right, name broadcast axes
        before, _, after = term.partition("...")
        inputs.append([*before, *ellipsis, *after] if "..." in term else list(term))
    every = "".join("".join(t) for t in terms).replace(".", "")
    broadcast = [str(i) for i in range(width - 1, -1, -1)]
    if arrow:
        before, dots, after = right.partition("...")
        output = [*before, *(broadcast if dots else []), *after]
    else:
        output = broadcast + sorted(letter for letter in set(every) if every.count(letter) == 1)
    unknown = [letter for letter in output if letter not in every and not letter.isdigit()]
    if unknown or len(set(output)) < len(output):
        raise RuntimeError(f"einsum(): output subscripts {right!r} repeat or do not occur in the operands")
    return inputs, output


def _diagonals(letters: list[str], tensor: Tensor) -> tuple[list[str], Tensor]:
    """A repeated letter takes the diagonal."""
    for letter in sorted(set(letters)):
        while letters.count(letter) > 1:
            i = letters.index(letter)
            j = letters.index(letter, i + 1)
            tensor = tensor.diagonal(0, i, j)
            letters = [name for k, name in enumerate(letters) if k not in (i, j)] + [letter]
    return letters, tensor


def _contract(
    a: list[str], x: Tensor, b: list[str], y: Tensor, later: set[str], sizes: dict[str, int]
) -> tuple[list[str], Tensor]:
    """Multiply two operands and sum what neither the output nor a later operand needs."""
    alone_a = [letter for letter in a if letter not in b and letter not in later]
    alone_b = [letter for letter in b if letter not in a and letter not in later]
    if alone_a:
        x, a = x.sum(tuple(a.index(n) for n in alone_a)), [n for n in a if n not in alone_a]
    if alone_b:
        y, b = y.sum(tuple(b.index(n) for n in alone_b)), [n for n in b if n not in alone_b]
    batch = [n for n in a if n in b and n in later]
    summed = [n for n in a if n in b and n not in later]
    rows, columns = [n for n in a if n not in b], [n for n in b if n not in a]

    def arranged(names: list[str], tensor: Tensor, order: list[str], groups: list[list[str]]) -> Tensor:
        if any(n != sizes[letter] for n, letter in zip(tensor.shape, names, strict=True) if letter in batch + summed):
            tensor = tensor.expand(
                [
                    sizes[letter] if letter in batch + summed else n
                    for n, letter in zip(tensor.shape, names, strict=True)
                ]
            )
        tensor = tensor.permute(*(names.index(letter) for letter in order)) if names else tensor
        shape = [int(np.prod([tensor.shape[order.index(letter)] for letter in group])) for group in groups]
        return tensor.reshape(shape)

    left = arranged(a, x, batch + rows + summed, [batch, rows, summed])
    right = arranged(b, y, batch + summed + columns, [batch, summed, columns])
    row_sizes = [x.shape[a.index(n)] for n in rows]
    column_sizes = [y.shape[b.index(n)] for n in columns]
    out = matmul(left, right) if summed else Mul.apply(left, right)
    return batch + rows + columns, out.reshape([*(sizes[n] for n in batch), *row_sizes, *column_sizes])

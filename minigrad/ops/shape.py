"""Shapes: views of the same memory in another form, and joins of several Tensors."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from .._kernels import empty
from ..compat.formats import check_memory_format
from ..tensor import Function, Tensor
from .border import axes_of, axis_of, contiguous, named
from .declare import op


class Reshape(Function):
    """The same elements in logical order under another shape: a view if the memory allows it, otherwise a copy."""

    def forward(self, x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        self.shape = x.shape
        self.view = True
        try:
            return x.reshape(shape, copy=False)
        except ValueError:
            self.view = False
            return contiguous(x).reshape(shape)

    def backward(self, g: Any) -> Any:
        return g.reshape(self.shape)


def resolve_shape(sizes: Sequence[Any], numel: int) -> tuple[int, ...]:
    """`sizes`, given one by one or as a sequence, with a -1 replaced by what is left of `numel`."""
    shape = tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], tuple | list) else tuple(sizes)
    shape = tuple(int(size) for size in shape)
    known = prod(size for size in shape if size != -1)
    if shape.count(-1) > 1:
        raise RuntimeError("only one dimension can be inferred")
    if any(size < -1 for size in shape):
        raise RuntimeError(f"invalid shape dimension {min(shape)}")
    if -1 in shape:
        if known == 0 and numel == 0:
            raise RuntimeError(
                f"cannot reshape tensor of 0 elements into shape {list(shape)} because the unspecified dimension size -1 can be "
                "any value and is ambiguous"
            )
        if known and numel % known == 0:
            return tuple(numel // known if size == -1 else size for size in shape)
    elif known == numel:
        return shape
    raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {numel}")


@op("reshape", ".reshape")
def reshape(input: Tensor, *sizes: Any, shape: Any = None) -> Tensor:
    """The elements in logical order under `shape`; one size may be -1. A view where the memory allows it, else a copy.

    >>> x = minigrad.arange(6)
    >>> x.reshape(2, -1)
    tensor([[0, 1, 2],
            [3, 4, 5]])
    """
    return Reshape.apply(input, resolve_shape(named(sizes, shape), input._value.size))


@op(".reshape_as")
def reshape_as(input: Tensor, other: Tensor) -> Tensor:
    """`input` under the shape of `other`."""
    return reshape(input, other.shape)


@op(".view")
def view(input: Tensor, *shape: Any, size: Any = None) -> Tensor:
    """A view of the same memory under `shape`; RuntimeError where that needs a copy (use `reshape`)."""
    shape = named(shape, size)
    if len(shape) == 1 and isinstance(shape[0], np.dtype):
        raise NotImplementedError(
            "view(dtype) reinterprets bytes, which minigrad does not do; use .to(dtype) to convert"
        )
    out = Reshape.apply(input, resolve_shape(shape, input._value.size))
    if not np.may_share_memory(out._value, input._value) and input._value.size:
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one dimension spans across two contiguous "
            "subspaces). Use .reshape(...) instead."
        )
    return out


@op(".view_as")
def view_as(input: Tensor, other: Tensor) -> Tensor:
    """A view of `input` under the shape of `other`."""
    return view(input, other.shape)


@op("flatten", ".flatten")
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Axes `start_dim` to `end_dim` joined into one."""
    if input.ndim == 0:
        return reshape(input, 1)
    start, end = axis_of(start_dim, input.ndim), axis_of(end_dim, input.ndim)
    if start > end:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    shape = input.shape
    return reshape(input, (*shape[:start], prod(shape[start : end + 1]), *shape[end + 1 :]))


@op("ravel", ".ravel")
def ravel(input: Tensor) -> Tensor:
    """All elements in one axis."""
    return reshape(input, -1) if input._value.size else reshape(input, 0)


@op("unflatten", ".unflatten")
def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """Axis `dim` split into axes of `sizes`; one may be -1."""
    axis = axis_of(dim, input.ndim)
    inner = resolve_shape((tuple(sizes),), input.shape[axis])
    return reshape(input, (*input.shape[:axis], *inner, *input.shape[axis + 1 :]))


@op("squeeze", ".squeeze")
def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """Without its axes of length 1, or without those of `dim` that have length 1."""
    axes = axes_of(dim, input.ndim)
    return reshape(input, tuple(n for axis, n in enumerate(input.shape) if n != 1 or axis not in axes))


@op("unsqueeze", ".unsqueeze")
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """With a new axis of length 1 at position `dim`."""
    axis = axis_of(dim, input.ndim + 1)
    return reshape(input, (*input.shape[:axis], 1, *input.shape[axis:]))


class Permute(Function):
    view = True

    def forward(self, x: np.ndarray, order: tuple[int, ...]) -> np.ndarray:
        self.order = order
        return x.transpose(order)

    def backward(self, g: Any) -> Any:
        inverse = [0] * len(self.order)
        for to, axis in enumerate(self.order):
            inverse[axis] = to
        return Permute.on(g, tuple(inverse))


@op("permute", ".permute")
def permute(input: Tensor, *axes: Any, dims: Any = None) -> Tensor:
    """A view with the axes in the order `dims`."""
    axes = named(axes, dims)
    given = tuple(axes[0]) if len(axes) == 1 and isinstance(axes[0], tuple | list) else axes
    order = tuple(axis_of(dim, input.ndim) for dim in given)
    if len(order) != input.ndim:
        raise RuntimeError(
            f"permute: number of dimensions in the tensor input does not match the length of the desired ordering of "
            f"dimensions i.e. input.dim() = {input.ndim} is not equal to len(dims) = {len(order)}"
        )
    if len(set(order)) < len(order):
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return Permute.apply(input, order)


@op("transpose", "swapaxes", "swapdims", ".transpose", ".swapaxes", ".swapdims")
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """A view with two axes exchanged."""
    a, b = axis_of(dim0, input.ndim), axis_of(dim1, input.ndim)
    order = list(range(input.ndim))
    if order:
        order[a], order[b] = order[b], order[a]
    return Permute.apply(input, tuple(order))


@op("t", ".t")
def t(input: Tensor) -> Tensor:
    """The transpose of a matrix; vectors stay as they are."""
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return Permute.apply(input, tuple(reversed(range(input.ndim))))


@op(".T")
def T(input: Tensor) -> Tensor:
    """The transpose of a matrix (of more axes: all reversed)."""
    return Permute.apply(input, tuple(reversed(range(input.ndim))))


@op(".mT")
def mT(input: Tensor) -> Tensor:
    """The transposes of a batch of matrices: the last two axes exchanged."""
    if input.ndim < 2:
        raise RuntimeError(
            f"tensor.mT is only supported on matrices or batches of matrices. Got {input.ndim}-D tensor."
        )
    return transpose(input, -2, -1)


@op("movedim", "moveaxis", ".movedim", ".moveaxis")
def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """A view with axes moved from `source` to `destination`; the others keep their order."""
    sources = [axis_of(d, input.ndim) for d in (source if isinstance(source, tuple | list) else (source,))]
    targets = [
        axis_of(d, input.ndim) for d in (destination if isinstance(destination, tuple | list) else (destination,))
    ]
    for name, axes in (("source", sources), ("destination", targets)):
        if len(set(axes)) < len(axes) or len(sources) != len(targets):
            raise RuntimeError(
                f"movedim: repeated dim in `{name}`, or not as many sources as destinations: {source} and {destination}"
            )
    order = [axis for axis in range(input.ndim) if axis not in sources]
    for target, axis in sorted(zip(targets, sources, strict=True)):
        order.insert(target, axis)
    return Permute.apply(input, tuple(order))


class Clone(Function):
    def forward(self, x: np.ndarray) -> np.ndarray:
        out = empty(x.shape, x.dtype)
        np.copyto(out, x)
        return out

    def backward(self, g: Any) -> Any:
        return g


@op("clone", ".clone")
def clone(input: Tensor, *, memory_format: Any = None) -> Tensor:
    """A copy with its own memory; gradients flow through."""
    check_memory_format(memory_format)
    return Clone.apply(input)


@op(".contiguous")
def contiguous_(input: Tensor, memory_format: Any = None) -> Tensor:
    """`input` if its elements lie in order, otherwise a copy in which they do."""
    check_memory_format(memory_format)
    return input if input._value.flags.c_contiguous else Clone.apply(input)


@op("narrow", ".narrow")
def narrow(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """A view of elements start to start + length - 1 along `dim`."""
    axis = axis_of(dim, input.ndim)
    size = input.shape[axis]
    begin = start + size if start < 0 else start
    if length < 0 or not 0 <= begin <= size - length:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({size}).")
    return input[(slice(None),) * axis + (slice(begin, begin + length),)]


@op("select", ".select")
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """A view of the slice at `index` along `dim`, which disappears."""
    axis = axis_of(dim, input.ndim)
    if not -input.shape[axis] <= index < input.shape[axis]:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(input.shape)} at dimension {axis}"
        )
    return input[(slice(None),) * axis + (index,)]


class Flip(Function):
    def forward(self, x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
        self.axes = axes
        return contiguous(np.flip(x, axes))

    def backward(self, g: Any) -> Any:
        return Flip.on(g, self.axes)


@op("flip", ".flip")
def flip(input: Tensor, *axes: Any, dims: Any = None) -> Tensor:
    """A copy with the order of elements along `dims` reversed."""
    axes = named(axes, dims)
    given = axes[0] if len(axes) == 1 and isinstance(axes[0], tuple | list) else axes
    return Flip.apply(input, axes_of(given, input.ndim) if given else ())


class Roll(Function):
    def forward(self, x: np.ndarray, shifts: tuple[int, ...], axes: tuple[int, ...]) -> np.ndarray:
        self.shifts, self.axes = shifts, axes
        return np.roll(x, shifts, axes)

    def backward(self, g: Any) -> Any:
        return Roll.on(g, tuple(-shift for shift in self.shifts), self.axes)


@op("roll", ".roll")
def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """Elements shifted along `dims`, those pushed out coming in at the other end."""
    if dims is None:
        return roll(ravel(input), shifts, 0).reshape(input.shape)
    shifts = tuple(shifts) if isinstance(shifts, tuple | list) else (shifts,)
    axes = tuple(axis_of(d, input.ndim) for d in (dims if isinstance(dims, tuple | list) else (dims,)))
    if len(shifts) != len(axes):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(shifts)}, dims:{len(axes)}")
    return Roll.apply(input, shifts, axes)


@op(".repeat")
def repeat(input: Tensor, *sizes: Any, repeats: Any = None) -> Tensor:
    """The Tensor laid out `sizes` times along each axis; more sizes than axes add axes in front."""
    sizes = named(sizes, repeats)
    given = tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], tuple | list) else sizes
    added = len(given) - input.ndim
    if added < 0:
        raise RuntimeError("Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor")
    if any(times < 0 for times in given):
        raise RuntimeError(f"repeat: Trying to create tensor with negative dimension: sizes {list(given)}")
    old = (1,) * added + input.shape
    apart = input.reshape(tuple(n for size in old for n in (1, size)))
    wide = apart.expand(tuple(n for times, size in zip(given, old, strict=True) for n in (times, size)))
    return Clone.apply(wide).reshape(tuple(times * size for times, size in zip(given, old, strict=True)))


@op("tile", ".tile")
def tile(input: Tensor, *times: Any, dims: Any = None) -> Tensor:
    """As `repeat`; fewer times than axes concern the last ones."""
    times = named(times, dims)
    given = tuple(times[0]) if len(times) == 1 and isinstance(times[0], tuple | list) else times
    return repeat(input, (1,) * (input.ndim - len(given)) + tuple(given))


@op("repeat_interleave", ".repeat_interleave")
def repeat_interleave(input: Tensor, repeats: Any, dim: int | None = None) -> Tensor:
    """Each element along `dim` repeated `repeats` times (an int, or one for each)."""
    if dim is None:
        return repeat_interleave(ravel(input), repeats, 0)
    axis = axis_of(dim, input.ndim)
    counts = repeats._value if isinstance(repeats, Tensor) else repeats
    return input.index_select(axis, np.repeat(np.arange(input.shape[axis]), counts))


class Triangle(Function):
    def forward(self, x: np.ndarray, diagonal: int, upper: bool) -> np.ndarray:
        self.diagonal, self.upper = diagonal, upper
        return (np.triu if upper else np.tril)(x, diagonal)

    def backward(self, g: Any) -> Any:
        return Triangle.on(g, self.diagonal, self.upper)


@op("tril", ".tril")
def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """The elements on and below a diagonal of the last two axes; the others are 0."""
    return _triangle("tril", input, diagonal, False)


@op("triu", ".triu")
def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """The elements on and above a diagonal of the last two axes; the others are 0."""
    return _triangle("triu", input, diagonal, True)


def _triangle(name: str, input: Tensor, diagonal: int, upper: bool) -> Tensor:
    if input.ndim < 2:
        raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions, got {input.ndim}")
    return Triangle.apply(input, diagonal, upper)


class Diagonal(Function):
    """The diagonal of two axes as a last axis, read from a view."""

    view = True

    def forward(self, x: np.ndarray, offset: int, dim1: int, dim2: int) -> np.ndarray:
        self.shape, self.place = x.shape, (offset, dim1, dim2)
        return x.diagonal(offset, dim1, dim2)

    def backward(self, g: Any) -> Any:
        return DiagonalScatter.on(g, self.shape, self.place)


class DiagonalScatter(Function):
    """Zeros of `shape` with x on a diagonal."""

    def forward(self, x: np.ndarray, shape: tuple[int, ...], place: tuple[int, int, int]) -> np.ndarray:
        self.place = place
        out = np.zeros(shape, x.dtype)
        target = out.diagonal(*place)
        target.flags.writeable = True
        target[...] = x
        return out

    def backward(self, g: Any) -> Any:
        return Diagonal.on(g, *self.place)


@op("diagonal", ".diagonal")
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A read-only view of a diagonal of axes dim1 and dim2, appended as the last axis."""
    first, second = axis_of(dim1, input.ndim), axis_of(dim2, input.ndim)
    if first == second or input.ndim < 2:
        raise RuntimeError(
            f"diagonal dimensions cannot be identical {dim1}, {dim2} (of a tensor of shape {list(input.shape)})"
        )
    return Diagonal.apply(input, offset, first, second)


@op("diag", ".diag")
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """Of a matrix, a diagonal; of a vector, the matrix with it on that diagonal."""
    if input.ndim == 1:
        side = input.shape[0] + abs(diagonal)
        return DiagonalScatter.apply(input, (side, side), (diagonal, 0, 1))
    if input.ndim != 2:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.ndim}D")
    return Diagonal.apply(input, diagonal, 0, 1).clone()


class Windows(Function):
    """Windows of `size` along an axis, every `step` elements, as a view with a new last axis."""

    view = True

    def forward(self, x: np.ndarray, axis: int, size: int, step: int) -> np.ndarray:
        self.shape, self.place = x.shape, (axis, size, step)
        windows = np.lib.stride_tricks.sliding_window_view(x, size, axis)
        return windows[(slice(None),) * axis + (slice(None, None, step),)]

    def backward(self, g: Any) -> Any:
        return WindowsScatter.on(g, self.shape, self.place)


class WindowsScatter(Function):
    """The adjoint of Windows: each window added where it was."""

    def forward(self, g: np.ndarray, shape: tuple[int, ...], place: tuple[int, int, int]) -> np.ndarray:
        self.place = place
        axis, size, step = place
        out = np.zeros(shape, g.dtype)
        rows = np.moveaxis(out, axis, 0)
        count = g.shape[axis]
        windows = np.moveaxis(g, (axis, -1), (0, 1))
        for offset in range(size):
            rows[offset : offset + step * (count - 1) + 1 : step] += windows[:, offset]
        return out

    def backward(self, g: Any) -> Any:
        return Windows.on(g, *self.place)


@op(".unfold")
def unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """A read-only view of all windows of `size` along `dimension`, every `step` elements, as a new last axis."""
    axis = axis_of(dimension, input.ndim)
    if size > input.shape[axis]:
        raise RuntimeError(f"maximum size for tensor at dimension {axis} is {input.shape[axis]} but size is {size}")
    if step < 1:
        raise RuntimeError(f"step is {step} but must be > 0")
    return Windows.apply(input, axis, size, step)


@op("meshgrid")
def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """Coordinates of the grid that vectors span: the i-th result varies along axis i ('xy' exchanges the first two)."""
    vectors = list(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], tuple | list) else list(tensors)
    if indexing not in ("ij", "xy"):
        raise RuntimeError(f"meshgrid: indexing must be one of 'xy' or 'ij', but received: {indexing}")
    order = [1, 0, *range(2, len(vectors))] if indexing == "xy" and len(vectors) > 1 else list(range(len(vectors)))
    shape = tuple(vectors[i].numel() for i in order)
    grids = []
    for position, vector in enumerate(vectors):
        axis = order.index(position)
        grids.append(vector.reshape([-1 if a == axis else 1 for a in range(len(vectors))]).expand(shape))
    return tuple(grids)


@op("numel")
def numel(input: Tensor) -> int:
    """The number of elements."""
    return input.numel()

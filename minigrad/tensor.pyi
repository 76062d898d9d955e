# Written by `python -m minigrad.testing.stubs` from the declarations in minigrad/ops: change those.
from builtins import bool as _bool
from builtins import float as _float
from builtins import int as _int
from collections.abc import Sequence
from minigrad.ops.queries import Layout
from minigrad.ops.reduce import ValuesIndices
from minigrad.random import Generator
from typing import Any
import math
import weakref
from collections.abc import Callable, Iterator
from typing import Any
import numpy as np
from . import engine
from ._kernels import aligned, empty_like, memory, owns_memory
from .device import CPU
from .device import device as Device
from .dtypes import as_array, category, get_default_dtype
from .engine import Variable
from .grad_mode import mode
from .printing import tensor_repr
from .size import Size

def _holding(value: Any) -> Tensor:
    """A Tensor on an array (or number) just computed; moved to a 64-byte boundary if it is not a view."""

def wrap(value: Any) -> Tensor:
    """A Tensor on an array (or number), an inference tensor in that mode."""

class Tensor(Variable):
    """An n-dimensional array that can be differentiated through."""
    _value: np.ndarray
    _grad: Tensor | None
    _post_hooks: dict[_float, Callable] | None

    def __init__(self, *data: Any, dtype: Any=None, requires_grad: _bool=False) -> None:
        """From a sequence or an array a copy, in the default dtype; from sizes, or a Size, memory that is not initialized."""

    @property
    def shape(self) -> Size:
        """The lengths of the axes."""

    @property
    def dtype(self) -> np.dtype:
        """The type of the elements, such as `minigrad.float32`."""

    @property
    def ndim(self) -> _int:
        """The number of axes."""

    @property
    def device(self) -> Device:
        """Always `device('cpu')`."""

    @property
    def is_cuda(self) -> _bool:
        """False."""

    @property
    def itemsize(self) -> _int:
        """Bytes of one element."""

    @property
    def nbytes(self) -> _int:
        """Bytes of all elements."""

    def size(self, dim: _int | None=None) -> Any:
        """The shape, or the length of axis `dim`."""

    def dim(self) -> _int:
        """The number of axes."""

    def numel(self) -> _int:
        """The number of elements."""

    def element_size(self) -> _int:
        """Bytes of one element."""

    def stride(self, dim: _int | None=None) -> Any:
        """Steps between neighbours along each axis (or `dim`), in elements."""

    def is_contiguous(self) -> _bool:
        """Whether the elements lie in memory in logical order without gaps."""

    def data_ptr(self) -> _int:
        """The address of the first element."""

    def is_floating_point(self) -> _bool:
        """Whether the dtype is float16, float32 or float64."""

    @property
    def requires_grad(self) -> _bool:
        """Whether gradients flow to this Tensor."""

    @requires_grad.setter
    def requires_grad(self, value: _bool) -> None:
        ...

    def requires_grad_(self, requires_grad: _bool=True) -> Tensor:
        """Set `requires_grad`; returns self."""

    @property
    def is_leaf(self) -> _bool:
        """Whether no recorded operation made this Tensor."""

    @property
    def _version(self) -> _int:
        """The number of the last in-place write to this memory, 0 if there was none."""

    @property
    def grad(self) -> Tensor | None:
        """The gradient that `backward` calls have accumulated here; None before the first."""

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        ...

    def backward(self, gradient: Any=None, retain_graph: _bool | None=None, create_graph: _bool=False, inputs: Any=None) -> None:
        """Accumulate the gradient of this Tensor in the `.grad` of the leaves it came from."""

    def accumulate(self, grad: Any, borrowed: _bool) -> None:
        """Add `grad` (an array, or a Tensor under create_graph) to `.grad`."""

    def detach(self) -> Tensor:
        """The same memory, outside the graph."""

    def detach_(self) -> Tensor:
        """Cut this Tensor from its history, making it a leaf."""

    @property
    def data(self) -> Tensor:
        """The same memory as a Tensor without history, whose in-place changes the graph does not notice."""

    @data.setter
    def data(self, value: Tensor) -> None:
        ...

    def note_write(self, number: _int) -> None:
        """Remember in the memory, which views share, that in-place write `number` went to it."""

    @property
    def retains_grad(self) -> _bool:
        """Whether a non-leaf keeps its gradient in `.grad`."""

    def retain_grad(self) -> None:
        """Keep the gradient of this non-leaf Tensor in `.grad` during backward."""

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call `hook(grad)` when the gradient of this Tensor is known; what it returns, if anything, replaces it."""

    def _hooks_of_gradient(self) -> dict[_float, Callable]:
        """The hooks by number: a leaf has them itself, the others at the node that made them."""

    def _rebase(self, result: Tensor) -> None:
        """Become the output of what computed `result`, after an in-place write; a retained gradient follows."""

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> RemovableHandle:
        """Call `hook(self)` each time `.grad` of this leaf has been added to."""

    def item(self) -> Any:
        """The one element as a Python number."""

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers."""

    def numpy(self, *, force: _bool=False) -> np.ndarray:
        """The array itself, sharing memory. A Tensor that requires grad refuses, unless `force` detaches it."""

    def __array__(self, dtype: Any=None, copy: _bool | None=None) -> np.ndarray:
        ...

    def __array_wrap__(self, array: np.ndarray, context: Any=None, return_scalar: _bool=False) -> Tensor:
        ...

    def __dlpack__(self, *, stream: Any=None, max_version: Any=None, dl_device: Any=None, copy: _bool | None=None) -> Any:
        ...

    def __dlpack_device__(self) -> tuple[_int, _int]:
        ...

    def __bool__(self) -> _bool:
        ...

    def __float__(self) -> _float:
        ...

    def __int__(self) -> _int:
        ...

    def __complex__(self) -> complex:
        ...

    def __index__(self) -> _int:
        ...

    def __len__(self) -> _int:
        ...

    def __iter__(self) -> Iterator[Tensor]:
        ...

    def __contains__(self, element: Any) -> _bool:
        ...

    def __repr__(self) -> str:
        ...

    def __format__(self, spec: str) -> str:
        ...

    def __copy__(self) -> Tensor:
        ...

    def __deepcopy__(self, memo: dict) -> Tensor:
        ...

    def __reduce_ex__(self, protocol: Any) -> Any:
        ...

    @property
    def H(self) -> Tensor:
        """The transpose of a matrix, which is real."""
    @property
    def T(self) -> Tensor:
        """The transpose of a matrix (of more axes: all reversed)."""
    def __abs__(self) -> Tensor:
        """The absolute value; its slope at 0 is 0."""
    def __add__(self, other: Any) -> Tensor:
        """input + alpha * other, broadcast. The order of PyTorch before 1.5, add(alpha, other), warns."""
    def __and__(self, other: Any) -> Tensor:
        """input & other, of integers or bools."""
    def __eq__(self, other: Any) -> Tensor:  # type: ignore[override]
        """input == other, elementwise."""
    def __floordiv__(self, other: Any) -> Tensor:
        """floor(input / other); its gradient is 0. Division of integers by zero raises RuntimeError."""
    def __ge__(self, other: Any) -> Tensor:
        """input >= other, elementwise."""
    def __getitem__(self, index: Any) -> Tensor:
        """input[index], by PyTorch's (and NumPy's) rules: a view for ints, slices, None and ..., otherwise a copy."""
    def __gt__(self, other: Any) -> Tensor:
        """input > other, elementwise."""
    def __iadd__(self, other: Any) -> Tensor:
        """The in-place form of `add`; returns `input`."""
    def __iand__(self, other: Any) -> Tensor:
        """The in-place form of `bitwise_and`; returns `input`."""
    def __ifloordiv__(self, other: Any) -> Tensor:
        """The in-place form of `floor_divide`; returns `input`."""
    def __imod__(self, other: Any) -> Tensor:
        """The in-place form of `remainder`; returns `input`."""
    def __imul__(self, other: Any) -> Tensor:
        """The in-place form of `mul`; returns `input`."""
    def __invert__(self) -> Tensor:
        """~input, of integers or bools."""
    def __ior__(self, other: Any) -> Tensor:
        """The in-place form of `bitwise_or`; returns `input`."""
    def __ipow__(self, other: Any) -> Tensor:
        """The in-place form of `pow`; returns `input`."""
    def __isub__(self, other: Any) -> Tensor:
        """The in-place form of `sub`; returns `input`."""
    def __itruediv__(self, other: Any) -> Tensor:
        """The in-place form of `div`; returns `input`."""
    def __ixor__(self, other: Any) -> Tensor:
        """The in-place form of `bitwise_xor`; returns `input`."""
    def __le__(self, other: Any) -> Tensor:
        """input <= other, elementwise."""
    def __lt__(self, other: Any) -> Tensor:
        """input < other, elementwise."""
    def __matmul__(self, other: Any) -> Tensor:
        """The matrix product of the last two axes; leading axes are broadcast; a vector counts as one row or column."""
    def __mod__(self, other: Any) -> Tensor:
        """input - other * floor(input / other): it has the sign of `other`, as Python's %."""
    def __mul__(self, other: Any) -> Tensor:
        """input * other, broadcast."""
    def __ne__(self, other: Any) -> Tensor:  # type: ignore[override]
        """input != other, elementwise."""
    def __neg__(self) -> Tensor:
        """-input."""
    def __or__(self, other: Any) -> Tensor:
        """input | other, of integers or bools."""
    def __pow__(self, other: Any) -> Tensor:
        """input ** exponent, broadcast. Integers to negative integer powers raise RuntimeError."""
    def __radd__(self, other: Any) -> Tensor:
        """input + alpha * other, broadcast. The order of PyTorch before 1.5, add(alpha, other), warns."""
    def __rand__(self, other: Any) -> Tensor:
        """input & other, of integers or bools."""
    def __rdiv__(self, other: Any) -> Tensor:
        """other / input."""
    def __rfloordiv__(self, other: Any) -> Tensor:
        """floor(other / input)."""
    def __rmatmul__(self, other: Any) -> Tensor:
        """other @ input."""
    def __rmod__(self, other: Any) -> Tensor:
        """other % input."""
    def __rmul__(self, other: Any) -> Tensor:
        """input * other, broadcast."""
    def __ror__(self, other: Any) -> Tensor:
        """input | other, of integers or bools."""
    def __rpow__(self, other: Any) -> Tensor:
        """base ** input."""
    def __rsub__(self, other: Any) -> Tensor:
        """other - alpha * input, broadcast."""
    def __rtruediv__(self, other: Any) -> Tensor:
        """other / input."""
    def __rxor__(self, other: Any) -> Tensor:
        """input ^ other, of integers or bools."""
    def __setitem__(self, index: Any, value: Any) -> None:
        """input[index] = value, broadcast and converted to the dtype of `input`."""
    def __sub__(self, other: Any) -> Tensor:
        """input - alpha * other, broadcast. Bool Tensors cannot be subtracted: use logical_xor or logical_not."""
    def __truediv__(self, other: Any) -> Tensor:
        """input / other, broadcast; integers give floats. `rounding_mode` 'floor' or 'trunc' rounds the quotient."""
    def __xor__(self, other: Any) -> Tensor:
        """input ^ other, of integers or bools."""
    def abs(self) -> Tensor:
        """The absolute value; its slope at 0 is 0."""
    def abs_(self) -> Tensor:
        """The in-place form of `abs`; returns `input`."""
    def absolute(self) -> Tensor:
        """The absolute value; its slope at 0 is 0."""
    def acos(self) -> Tensor:
        """The angle in [0, pi] whose cosine is x."""
    def acos_(self) -> Tensor:
        """The in-place form of `acos`; returns `input`."""
    def acosh(self) -> Tensor:
        """The positive number whose cosh is x; NaN below 1."""
    def add(self, other: Any, *older: Any, alpha: _float = 1) -> Tensor:
        """input + alpha * other, broadcast. The order of PyTorch before 1.5, add(alpha, other), warns."""
    def add_(self, other: Any, *older: Any, alpha: _float = 1) -> Tensor:
        """The in-place form of `add`; returns `input`."""
    def addcdiv(self, tensor1: Tensor, tensor2: Tensor, *older: Any, value: _float = 1) -> Tensor:
        """input + value * tensor1 / tensor2. The order of PyTorch before 1.5, addcdiv(value, tensor1, tensor2), warns."""
    def addcdiv_(self, tensor1: Tensor, tensor2: Tensor, *older: Any, value: _float = 1) -> Tensor:
        """The in-place form of `addcdiv`; returns `input`."""
    def addcmul(self, tensor1: Tensor, tensor2: Tensor, *older: Any, value: _float = 1) -> Tensor:
        """input + value * tensor1 * tensor2. The order of PyTorch before 1.5, addcmul(value, tensor1, tensor2), warns."""
    def addcmul_(self, tensor1: Tensor, tensor2: Tensor, *older: Any, value: _float = 1) -> Tensor:
        """The in-place form of `addcmul`; returns `input`."""
    def addmm(self, mat1: Tensor, mat2: Tensor, *, beta: _float = 1, alpha: _float = 1) -> Tensor:
        """beta * input + alpha * (mat1 @ mat2)."""
    def addmm_(self, mat1: Tensor, mat2: Tensor, *, beta: _float = 1, alpha: _float = 1) -> Tensor:
        """The in-place form of `addmm`; returns `input`."""
    def adjoint(self) -> Tensor:
        """The transposes of a batch of matrices, which are real."""
    def all(self, dim: Any = None, keepdim: _bool = False) -> Tensor:
        """Whether all elements (over `dim`) are nonzero."""
    def allclose(self, other: Tensor, rtol: _float = 1e-05, atol: _float = 1e-08, equal_nan: _bool = False) -> _bool:
        """Whether |input - other| <= atol + rtol * |other| everywhere."""
    def amax(self, dim: Any = (), keepdim: _bool = False) -> Tensor:
        """The largest element over `dim` (an int, several, or all). Ties share the gradient equally."""
    def amin(self, dim: Any = (), keepdim: _bool = False) -> Tensor:
        """The smallest element over `dim` (an int, several, or all). Ties share the gradient equally."""
    def aminmax(self, *, dim: _int | None = None, keepdim: _bool = False) -> tuple[Tensor, Tensor]:
        """`amin` and `amax`."""
    def any(self, dim: Any = None, keepdim: _bool = False) -> Tensor:
        """Whether an element (over `dim`) is nonzero."""
    def arccos(self) -> Tensor:
        """The angle in [0, pi] whose cosine is x."""
    def arccosh(self) -> Tensor:
        """The positive number whose cosh is x; NaN below 1."""
    def arcsin(self) -> Tensor:
        """The angle in [-pi/2, pi/2] whose sine is x."""
    def arcsinh(self) -> Tensor:
        """The number whose sinh is x."""
    def arctan(self) -> Tensor:
        """The angle in (-pi/2, pi/2) whose tangent is x."""
    def arctanh(self) -> Tensor:
        """The number whose tanh is x; infinite at 1 and -1, NaN beyond."""
    def argmax(self, dim: _int | None = None, keepdim: _bool = False) -> Tensor:
        """The index (int64) of the first largest element along `dim`, or in the flattened Tensor."""
    def argmin(self, dim: _int | None = None, keepdim: _bool = False) -> Tensor:
        """The index (int64) of the first smallest element along `dim`, or in the flattened Tensor."""
    def argsort(self, dim: _int = -1, descending: _bool = False, stable: _bool = True) -> Tensor:
        """The indices that sort `input` along `dim`."""
    def argwhere(self) -> Tensor:
        """The indices of nonzero elements, (count, ndim) int64."""
    def as_strided(self, size: Sequence[_int], stride: Sequence[_int], storage_offset: _int | None = None) -> Tensor:
        """A view of the memory of `input` (contiguous) with any size, steps and offset, counted in elements."""
    def asin(self) -> Tensor:
        """The angle in [-pi/2, pi/2] whose sine is x."""
    def asin_(self) -> Tensor:
        """The in-place form of `asin`; returns `input`."""
    def asinh(self) -> Tensor:
        """The number whose sinh is x."""
    def atan(self) -> Tensor:
        """The angle in (-pi/2, pi/2) whose tangent is x."""
    def atan2(self, other: Tensor) -> Tensor:
        """The angle of the point (other, input), in (-pi, pi]."""
    def atan2_(self, other: Tensor) -> Tensor:
        """The in-place form of `atan2`; returns `input`."""
    def atan_(self) -> Tensor:
        """The in-place form of `atan`; returns `input`."""
    def atanh(self) -> Tensor:
        """The number whose tanh is x; infinite at 1 and -1, NaN beyond."""
    def baddbmm(self, batch1: Tensor, batch2: Tensor, *, beta: _float = 1, alpha: _float = 1) -> Tensor:
        """beta * input + alpha * bmm(batch1, batch2)."""
    def baddbmm_(self, batch1: Tensor, batch2: Tensor, *, beta: _float = 1, alpha: _float = 1) -> Tensor:
        """The in-place form of `baddbmm`; returns `input`."""
    def bernoulli(self, *, generator: Generator | None = None) -> Tensor:
        """1 with probability `input` (elementwise, in [0, 1]), else 0, in the dtype of `input`."""
    def bernoulli_(self, p: _float | Tensor = 0.5, *, generator: Generator | None = None) -> Tensor:
        """Write 1 with probability `p`, else 0; returns `input`. A Tensor `p` has a probability for each element, broadcast."""
    def bincount(self, weights: Tensor | None = None, minlength: _int = 0) -> Tensor:
        """How often each of 0, 1, 2, ... occurs in a vector of integers, or the sums of their `weights`; at least `minlength` of them."""
    def bitwise_and(self, other: Any) -> Tensor:
        """input & other, of integers or bools."""
    def bitwise_and_(self, other: Any) -> Tensor:
        """The in-place form of `bitwise_and`; returns `input`."""
    def bitwise_not(self) -> Tensor:
        """~input, of integers or bools."""
    def bitwise_or(self, other: Any) -> Tensor:
        """input | other, of integers or bools."""
    def bitwise_or_(self, other: Any) -> Tensor:
        """The in-place form of `bitwise_or`; returns `input`."""
    def bitwise_xor(self, other: Any) -> Tensor:
        """input ^ other, of integers or bools."""
    def bitwise_xor_(self, other: Any) -> Tensor:
        """The in-place form of `bitwise_xor`; returns `input`."""
    def bmm(self, mat2: Tensor) -> Tensor:
        """The products of two batches of matrices, (b, m, k) and (b, k, n)."""
    def bool(self) -> Tensor:
        """`input` as bool."""
    def broadcast_to(self, shape: tuple[_int, ...]) -> Tensor:
        """A read-only view of `input` with `shape`, repeated along axes of length 1."""
    def byte(self) -> Tensor:
        """`input` as uint8."""
    def cauchy_(self, median: _float = 0.0, sigma: _float = 1.0, *, generator: Generator | None = None) -> Tensor:
        """Write numbers of Cauchy's distribution; returns `input`."""
    def ceil(self) -> Tensor:
        """The smallest integer not below x; its gradient is 0."""
    def ceil_(self) -> Tensor:
        """The in-place form of `ceil`; returns `input`."""
    def char(self) -> Tensor:
        """`input` as int8."""
    def chunk(self, chunks: _int, dim: _int = 0) -> tuple[Tensor, ...]:
        """At most `chunks` views of equal size along `dim` (the last may be smaller)."""
    def clamp(self, min: Any = None, max: Any = None) -> Tensor:
        """`input` limited to [min, max], numbers or Tensors; gradients flow where it already was inside."""
    def clamp_(self, min: Any = None, max: Any = None) -> Tensor:
        """The in-place form of `clamp`; returns `input`."""
    def clamp_max(self, max: Any) -> Tensor:
        """`input`, or `max` where it is larger."""
    def clamp_max_(self, max: Any) -> Tensor:
        """The in-place form of `clamp_max`; returns `input`."""
    def clamp_min(self, min: Any) -> Tensor:
        """`input`, or `min` where it is smaller."""
    def clamp_min_(self, min: Any) -> Tensor:
        """The in-place form of `clamp_min`; returns `input`."""
    def clip(self, min: Any = None, max: Any = None) -> Tensor:
        """`input` limited to [min, max], numbers or Tensors; gradients flow where it already was inside."""
    def clone(self, *, memory_format: Any = None) -> Tensor:
        """A copy with its own memory; gradients flow through."""
    def contiguous(self, memory_format: Any = None) -> Tensor:
        """`input` if its elements lie in order, otherwise a copy in which they do."""
    def copy_(self, src: Tensor) -> Tensor:
        """Write `src`, broadcast and converted, into `input`; returns it."""
    def corrcoef(self) -> Tensor:
        """Pearson's correlations of variables, which are the rows of (variables, observations)."""
    def cos(self) -> Tensor:
        """The cosine of x in radians."""
    def cos_(self) -> Tensor:
        """The in-place form of `cos`; returns `input`."""
    def cosh(self) -> Tensor:
        """(e^x + e^-x) / 2."""
    def cosh_(self) -> Tensor:
        """The in-place form of `cosh`; returns `input`."""
    def count_nonzero(self, dim: Any = None) -> Tensor:
        """How many elements (over `dim`) are nonzero, int64."""
    def cov(self, *, correction: _int = 1) -> Tensor:
        """The covariances of variables, which are the rows of (variables, observations); `fweights` and `aweights` are absent."""
    def cpu(self) -> Tensor:
        """`input` itself: it is on the CPU."""
    def cross(self, other: Tensor, dim: _int = -1) -> Tensor:
        """The cross product of vectors of 3 elements along `dim`, broadcast."""
    def cuda(self, device: Any = None, non_blocking: _bool = False) -> Tensor:
        """RuntimeError: there is no such device."""
    def cummax(self, dim: _int) -> ValuesIndices:
        """`(values, indices)` of the largest element so far along `dim`, the last of equal ones."""
    def cummin(self, dim: _int) -> ValuesIndices:
        """`(values, indices)` of the smallest element so far along `dim`, the last of equal ones."""
    def cumprod(self, dim: _int, *, dtype: Any = None) -> Tensor:
        """Running products along `dim`; integers and bools give int64."""
    def cumprod_(self, dim: _int, *, dtype: Any = None) -> Tensor:
        """The in-place form of `cumprod`; returns `input`."""
    def cumsum(self, dim: _int, *, dtype: Any = None) -> Tensor:
        """Running sums along `dim`; integers and bools sum to int64."""
    def cumsum_(self, dim: _int, *, dtype: Any = None) -> Tensor:
        """The in-place form of `cumsum`; returns `input`."""
    def deg2rad(self) -> Tensor:
        """Degrees as radians."""
    def diag(self, diagonal: _int = 0) -> Tensor:
        """Of a matrix, a diagonal; of a vector, the matrix with it on that diagonal."""
    def diag_embed(self, offset: _int = 0, dim1: _int = -2, dim2: _int = -1) -> Tensor:
        """Matrices, in axes dim1 and dim2 of the result, with the last axis of `input` on a diagonal and zeros elsewhere."""
    def diagonal(self, offset: _int = 0, dim1: _int = 0, dim2: _int = 1) -> Tensor:
        """A read-only view of a diagonal of axes dim1 and dim2, appended as the last axis."""
    def diff(self, n: _int = 1, dim: _int = -1, prepend: Tensor | None = None, append: Tensor | None = None) -> Tensor:
        """The n-th differences of neighbours along `dim`, after joining `prepend` and `append` to it."""
    def dist(self, other: Tensor, p: _float = 2) -> Tensor:
        """The p-norm of input - other."""
    def div(self, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        """input / other, broadcast; integers give floats. `rounding_mode` 'floor' or 'trunc' rounds the quotient."""
    def div_(self, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        """The in-place form of `div`; returns `input`."""
    def divide(self, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        """input / other, broadcast; integers give floats. `rounding_mode` 'floor' or 'trunc' rounds the quotient."""
    def divide_(self, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        """The in-place form of `div`; returns `input`."""
    def dot(self, tensor: Tensor) -> Tensor:
        """The inner product of two vectors."""
    def double(self) -> Tensor:
        """`input` as float64."""
    def dsplit(self, indices_or_sections: Any) -> tuple[Tensor, ...]:
        """`tensor_split` along the third axis into equal pieces, or at indices."""
    def eq(self, other: Any) -> Tensor:
        """input == other, elementwise."""
    def eq_(self, other: Any) -> Tensor:
        """The in-place form of `eq`; returns `input`."""
    def equal(self, other: Tensor) -> _bool:
        """Whether two Tensors have the same shape and elements."""
    def erf(self) -> Tensor:
        """The error function: (2 / sqrt(pi)) times the integral of exp(-t^2) from 0 to x."""
    def erf_(self) -> Tensor:
        """The in-place form of `erf`; returns `input`."""
    def exp(self) -> Tensor:
        """e ** x."""
    def exp2(self) -> Tensor:
        """2 ** x."""
    def exp2_(self) -> Tensor:
        """The in-place form of `exp2`; returns `input`."""
    def exp_(self) -> Tensor:
        """The in-place form of `exp`; returns `input`."""
    def expand(self, *sizes: Any, size: Any = None) -> Tensor:
        """A read-only view of `input` with the given sizes; -1 keeps a size. New axes are added in front."""
    def expand_as(self, other: Tensor) -> Tensor:
        """A view of `input` with the shape of `other`."""
    def expm1(self) -> Tensor:
        """e ** x - 1, exact near 0."""
    def expm1_(self) -> Tensor:
        """The in-place form of `expm1`; returns `input`."""
    def exponential_(self, lambd: _float = 1.0, *, generator: Generator | None = None) -> Tensor:
        """Write numbers of density lambd exp(-lambd x); returns `input`."""
    def fill_(self, value: Any) -> Tensor:
        """Write one number everywhere; returns `input`. RuntimeError for a Tensor with axes, TypeError for what is no number."""
    def fill_diagonal_(self, fill_value: _float, wrap: _bool = False) -> Tensor:
        """Write one number on the main diagonal (of more than 2 axes, all must have one length); returns `input`."""
    def fix(self) -> Tensor:
        """x without its fraction; its gradient is 0."""
    def flatten(self, start_dim: _int = 0, end_dim: _int = -1) -> Tensor:
        """Axes `start_dim` to `end_dim` joined into one."""
    def flip(self, *axes: Any, dims: Any = None) -> Tensor:
        """A copy with the order of elements along `dims` reversed."""
    def fliplr(self) -> Tensor:
        """The second axis reversed."""
    def flipud(self) -> Tensor:
        """The first axis reversed."""
    def float(self) -> Tensor:
        """`input` as float32."""
    def floor(self) -> Tensor:
        """The largest integer not above x; its gradient is 0."""
    def floor_(self) -> Tensor:
        """The in-place form of `floor`; returns `input`."""
    def floor_divide(self, other: Any) -> Tensor:
        """floor(input / other); its gradient is 0. Division of integers by zero raises RuntimeError."""
    def floor_divide_(self, other: Any) -> Tensor:
        """The in-place form of `floor_divide`; returns `input`."""
    def fmod(self, other: Any) -> Tensor:
        """input - other * trunc(input / other): it has the sign of `input`, as C's fmod."""
    def fmod_(self, other: Any) -> Tensor:
        """The in-place form of `fmod`; returns `input`."""
    def frac(self) -> Tensor:
        """x - trunc(x): what follows the point, with the sign of x."""
    def frac_(self) -> Tensor:
        """The in-place form of `frac`; returns `input`."""
    def gather(self, dim: _int, index: Tensor, *, sparse_grad: _bool = False) -> Tensor:
        """out[i][j] = input[index[i][j]][j] for dim 0, and so on; `index` (int64) gives the shape of the result."""
    def ge(self, other: Any) -> Tensor:
        """input >= other, elementwise."""
    def ge_(self, other: Any) -> Tensor:
        """The in-place form of `ge`; returns `input`."""
    def geometric_(self, p: _float, *, generator: Generator | None = None) -> Tensor:
        """Write how many trials of probability `p` it takes to succeed once; returns `input`."""
    def ger(self, vec2: Tensor) -> Tensor:
        """The outer product of two vectors."""
    def get_device(self) -> _int:
        """-1: the CPU has no number."""
    def greater(self, other: Any) -> Tensor:
        """input > other, elementwise."""
    def greater_equal(self, other: Any) -> Tensor:
        """input >= other, elementwise."""
    def gt(self, other: Any) -> Tensor:
        """input > other, elementwise."""
    def gt_(self, other: Any) -> Tensor:
        """The in-place form of `gt`; returns `input`."""
    def half(self) -> Tensor:
        """`input` as float16."""
    def hardshrink(self, lambd: _float = 0.5) -> Tensor:
        """x where |x| > lambd, elsewhere 0."""
    def histc(self, bins: _int = 100, min: _float = 0, max: _float = 0) -> Tensor:
        """How many elements lie in each of `bins` equal parts of [min, max]; of the data's own range where both are 0."""
    def hsplit(self, indices_or_sections: Any) -> tuple[Tensor, ...]:
        """`tensor_split` along the second axis (of a vector the only one) into equal pieces, or at indices."""
    def index_add(self, dim: _int, index: Tensor, source: Tensor, *, alpha: _float = 1) -> Tensor:
        """A copy of `input` with alpha * source[i] added to the slice index[i] along `dim`."""
    def index_add_(self, dim: _int, index: Tensor, source: Tensor, *, alpha: _float = 1) -> Tensor:
        """The in-place form of `index_add`; returns `input`."""
    def index_copy(self, dim: _int, index: Tensor, source: Tensor) -> Tensor:
        """A copy of `input` in which the slices at `index` along `dim` are those of `source`."""
    def index_copy_(self, dim: _int, index: Tensor, source: Tensor) -> Tensor:
        """The in-place form of `index_copy`; returns `input`."""
    def index_fill(self, dim: _int, index: Tensor, value: Any) -> Tensor:
        """A copy of `input` with `value` in the slices at `index` along `dim`."""
    def index_fill_(self, dim: _int, index: Tensor, value: Any) -> Tensor:
        """The in-place form of `index_fill`; returns `input`."""
    def index_put(self, indices: Any, values: Tensor, accumulate: _bool = False) -> Tensor:
        """A copy of `input` in which input[indices] is `values`, or with `accumulate` has them added; `indices` is a tuple of Tensors."""
    def index_put_(self, indices: Any, values: Tensor, accumulate: _bool = False) -> Tensor:
        """The in-place form of `index_put`; returns `input`."""
    def index_select(self, dim: _int, index: Any) -> Tensor:
        """The slices of `input` at `index` (1-D integers) along `dim`."""
    def inner(self, other: Tensor) -> Tensor:
        """The inner products over the last axes."""
    def int(self) -> Tensor:
        """`input` as int32."""
    def is_complex(self) -> _bool:
        """False: there are no complex numbers."""
    @property
    def is_meta(self) -> _bool:
        """False: every Tensor has memory."""
    @property
    def is_mps(self) -> _bool:
        """False."""
    def is_nonzero(self) -> _bool:
        """Whether the one element is not 0; RuntimeError for another number of elements."""
    @property
    def is_quantized(self) -> _bool:
        """False."""
    def is_same_size(self, other: Tensor) -> _bool:
        """Whether both have the same shape."""
    def is_signed(self) -> _bool:
        """Whether the dtype has negative numbers."""
    @property
    def is_sparse(self) -> _bool:
        """False: every element is stored."""
    @property
    def is_xpu(self) -> _bool:
        """False."""
    def isclose(self, other: Tensor, rtol: _float = 1e-05, atol: _float = 1e-08, equal_nan: _bool = False) -> Tensor:
        """Where |input - other| <= atol + rtol * |other|."""
    def isfinite(self) -> Tensor:
        """Whether each element is neither infinite nor NaN."""
    def isinf(self) -> Tensor:
        """Whether each element is infinite."""
    def isnan(self) -> Tensor:
        """Whether each element is NaN."""
    def kron(self, other: Tensor) -> Tensor:
        """Kronecker's product: each element of `input` times the whole of `other`."""
    def kthvalue(self, k: _int, dim: _int = -1, keepdim: _bool = False) -> ValuesIndices:
        """`(values, indices)` of the k-th smallest elements along `dim`, k from 1; NaN counts as largest."""
    @property
    def layout(self) -> Layout:
        """`minigrad.strided`."""
    def le(self, other: Any) -> Tensor:
        """input <= other, elementwise."""
    def le_(self, other: Any) -> Tensor:
        """The in-place form of `le`; returns `input`."""
    def lerp(self, end: Tensor, weight: Any) -> Tensor:
        """input + weight * (end - input)."""
    def lerp_(self, end: Tensor, weight: Any) -> Tensor:
        """The in-place form of `lerp`; returns `input`."""
    def less(self, other: Any) -> Tensor:
        """input < other, elementwise."""
    def less_equal(self, other: Any) -> Tensor:
        """input <= other, elementwise."""
    def log(self) -> Tensor:
        """The natural logarithm; -inf at 0, NaN below."""
    def log10(self) -> Tensor:
        """The logarithm to base 10."""
    def log10_(self) -> Tensor:
        """The in-place form of `log10`; returns `input`."""
    def log1p(self) -> Tensor:
        """log(1 + x), exact near 0."""
    def log1p_(self) -> Tensor:
        """The in-place form of `log1p`; returns `input`."""
    def log2(self) -> Tensor:
        """The logarithm to base 2."""
    def log2_(self) -> Tensor:
        """The in-place form of `log2`; returns `input`."""
    def log_(self) -> Tensor:
        """The in-place form of `log`; returns `input`."""
    def log_normal_(self, mean: _float = 1.0, std: _float = 2.0, *, generator: Generator | None = None) -> Tensor:
        """Write numbers whose logarithms are normal; returns `input`."""
    def log_softmax(self, dim: _int | None = None, *, dtype: Any = None) -> Tensor:
        """log(softmax(x)) along `dim`, without overflow."""
    def logaddexp(self, other: Tensor) -> Tensor:
        """log(exp(input) + exp(other)), without overflow."""
    def logical_and(self, other: Tensor) -> Tensor:
        """Whether both are nonzero."""
    def logical_and_(self, other: Tensor) -> Tensor:
        """The in-place form of `logical_and`; returns `input`."""
    def logical_not(self) -> Tensor:
        """True where `input` is 0."""
    def logical_not_(self) -> Tensor:
        """The in-place form of `logical_not`; returns `input`."""
    def logical_or(self, other: Tensor) -> Tensor:
        """Whether one is nonzero."""
    def logical_or_(self, other: Tensor) -> Tensor:
        """The in-place form of `logical_or`; returns `input`."""
    def logical_xor(self, other: Tensor) -> Tensor:
        """Whether exactly one is nonzero."""
    def logical_xor_(self, other: Tensor) -> Tensor:
        """The in-place form of `logical_xor`; returns `input`."""
    def logit(self, eps: _float | None = None) -> Tensor:
        """log(x / (1 - x)), x first limited to [eps, 1 - eps] if that is given."""
    def logit_(self, eps: _float | None = None) -> Tensor:
        """The in-place form of `logit`; returns `input`."""
    def logsumexp(self, dim: Any, keepdim: _bool = False) -> Tensor:
        """log(sum(exp(x))) over `dim`, without overflow."""
    def long(self) -> Tensor:
        """`input` as int64."""
    def lt(self, other: Any) -> Tensor:
        """input < other, elementwise."""
    def lt_(self, other: Any) -> Tensor:
        """The in-place form of `lt`; returns `input`."""
    @property
    def mT(self) -> Tensor:
        """The transposes of a batch of matrices: the last two axes exchanged."""
    def masked_fill(self, mask: Tensor, value: Any) -> Tensor:
        """`input` with `value` where `mask` (bool) holds."""
    def masked_fill_(self, mask: Tensor, value: Any) -> Tensor:
        """The in-place form of `masked_fill`; returns `input`."""
    def masked_scatter(self, mask: Tensor, source: Tensor) -> Tensor:
        """A copy of `input` in which the elements where `mask` (bool) holds are the first ones of `source`, in order."""
    def masked_scatter_(self, mask: Tensor, source: Tensor) -> Tensor:
        """The in-place form of `masked_scatter`; returns `input`."""
    def masked_select(self, mask: Tensor) -> Tensor:
        """The elements where `mask` holds, in order, 1-D."""
    def matmul(self, other: Tensor) -> Tensor:
        """The matrix product of the last two axes; leading axes are broadcast; a vector counts as one row or column."""
    def max(self, dim: Any = None, keepdim: _bool = False) -> Any:
        """The largest element; over an axis `dim`, `(values, indices)` of the first largest; of two Tensors, `maximum`."""
    def maximum(self, other: Tensor) -> Tensor:
        """The larger of two, elementwise; NaN wins."""
    def mean(
        self,
        dim: Any = None,
        keepdim: _bool = False,
        *,
        dtype: Any = None,
        axis: Any = None,
        keepdims: _bool = False,
    ) -> Tensor:
        """The mean over `dim` (an int, several, or all); NaN for no elements. Integers have to be converted first."""
    def median(self, dim: _int | None = None, keepdim: _bool = False) -> Any:
        """The median of all elements, or `(values, indices)` along `dim`: of an even number the lower one of the middle two."""
    def min(self, dim: Any = None, keepdim: _bool = False) -> Any:
        """The smallest element; over an axis `dim`, `(values, indices)` of the first smallest; of two Tensors, `minimum`."""
    def minimum(self, other: Tensor) -> Tensor:
        """The smaller of two, elementwise; NaN wins."""
    def mm(self, mat2: Tensor) -> Tensor:
        """The product of two matrices."""
    def moveaxis(self, source: Any, destination: Any) -> Tensor:
        """A view with axes moved from `source` to `destination`; the others keep their order."""
    def movedim(self, source: Any, destination: Any) -> Tensor:
        """A view with axes moved from `source` to `destination`; the others keep their order."""
    def mul(self, other: Any) -> Tensor:
        """input * other, broadcast."""
    def mul_(self, other: Any) -> Tensor:
        """The in-place form of `mul`; returns `input`."""
    def multinomial(
        self,
        num_samples: _int,
        replacement: _bool = False,
        *,
        generator: Generator | None = None,
    ) -> Tensor:
        """Indices drawn with probabilities proportional to `input` (C,) or (N, C): (num_samples,) or (N, num_samples), int64."""
    def multiply(self, other: Any) -> Tensor:
        """input * other, broadcast."""
    def multiply_(self, other: Any) -> Tensor:
        """The in-place form of `mul`; returns `input`."""
    def mv(self, vec: Tensor) -> Tensor:
        """The product of a matrix and a vector."""
    def nan_to_num(
        self,
        nan: _float | None = None,
        posinf: _float | None = None,
        neginf: _float | None = None,
    ) -> Tensor:
        """`nan` (0 unless given) in place of NaN, `posinf` and `neginf` (the dtype's limits) in place of infinities."""
    def nan_to_num_(
        self,
        nan: _float | None = None,
        posinf: _float | None = None,
        neginf: _float | None = None,
    ) -> Tensor:
        """The in-place form of `nan_to_num`; returns `input`."""
    def nanmean(self, dim: Any = None, keepdim: _bool = False) -> Tensor:
        """The mean of the elements (over `dim`) that are not NaN."""
    def nanmedian(self, dim: _int | None = None, keepdim: _bool = False) -> Any:
        """`median` of the elements that are not NaN; NaN where all are."""
    def nansum(self, dim: Any = None, keepdim: _bool = False) -> Tensor:
        """The sum over `dim` with NaN taken as 0."""
    def narrow(self, dim: _int, start: _int, length: _int) -> Tensor:
        """A view of elements start to start + length - 1 along `dim`."""
    def ndimension(self) -> _int:
        """The number of axes."""
    def ne(self, other: Any) -> Tensor:
        """input != other, elementwise."""
    def ne_(self, other: Any) -> Tensor:
        """The in-place form of `ne`; returns `input`."""
    def neg(self) -> Tensor:
        """-input."""
    def neg_(self) -> Tensor:
        """The in-place form of `neg`; returns `input`."""
    def negative(self) -> Tensor:
        """-input."""
    def nelement(self) -> _int:
        """The number of elements."""
    def new(self, *data: Any) -> Tensor:
        """A Tensor of the dtype of `input`, from sizes (then it is not initialized), a sequence or an array; an older name."""
    def new_empty(
        self,
        *sizes: Any,
        size: Any = None,
        dtype: Any = None,
        device: Any = None,
        requires_grad: _bool = False,
    ) -> Tensor:
        """Uninitialized memory of the dtype of `input`."""
    def new_full(
        self,
        size: Any,
        fill_value: Any,
        *,
        dtype: Any = None,
        device: Any = None,
        requires_grad: _bool = False,
    ) -> Tensor:
        """One number, in the dtype of `input`."""
    def new_ones(
        self,
        *sizes: Any,
        size: Any = None,
        dtype: Any = None,
        device: Any = None,
        requires_grad: _bool = False,
    ) -> Tensor:
        """Ones of the dtype of `input`."""
    def new_tensor(self, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: _bool = False) -> Tensor:
        """A copy of `data` in the dtype of `input`."""
    def new_zeros(
        self,
        *sizes: Any,
        size: Any = None,
        dtype: Any = None,
        device: Any = None,
        requires_grad: _bool = False,
    ) -> Tensor:
        """Zeros of the dtype of `input`."""
    def nonzero(self, *, as_tuple: _bool = False) -> Any:
        """The indices of nonzero elements, (count, ndim) int64; `as_tuple` gives one vector for each axis, to index with."""
    def norm(self, p: Any = 'fro', dim: Any = None, keepdim: _bool = False, dtype: Any = None) -> Tensor:
        """The p-norm (sum |x|^p)^(1/p) over `dim`, or of all elements; p may be inf, -inf, 0 or 'fro' (2)."""
    def normal_(self, mean: _float = 0.0, std: _float = 1.0, *, generator: Generator | None = None) -> Tensor:
        """Write normal numbers; returns `input`."""
    def not_equal(self, other: Any) -> Tensor:
        """input != other, elementwise."""
    def outer(self, vec2: Tensor) -> Tensor:
        """The outer product of two vectors."""
    def permute(self, *axes: Any, dims: Any = None) -> Tensor:
        """A view with the axes in the order `dims`."""
    def pin_memory(self, device: Any = None) -> Tensor:
        """`input` itself: there is no device that could profit."""
    def pow(self, exponent: Any) -> Tensor:
        """input ** exponent, broadcast. Integers to negative integer powers raise RuntimeError."""
    def pow_(self, exponent: Any) -> Tensor:
        """The in-place form of `pow`; returns `input`."""
    def prelu(self, weight: Tensor) -> Tensor:
        """x where x > 0, elsewhere weight * x (He et al. 2015): one weight, or one for each channel of (N, C, ...)."""
    def prod(self, dim: _int | None = None, keepdim: _bool = False, *, dtype: Any = None) -> Tensor:
        """The product over axis `dim`, or of all elements."""
    def quantile(
        self,
        q: Any,
        dim: _int | None = None,
        keepdim: _bool = False,
        *,
        interpolation: str = 'linear',
    ) -> Tensor:
        """The q-th quantiles along `dim` (or of all elements), q in [0, 1] a number or a vector, which becomes the first axis."""
    def rad2deg(self) -> Tensor:
        """Radians as degrees."""
    def random_(
        self,
        from_: _int | None = None,
        to: _int | None = None,
        *,
        generator: Generator | None = None,
    ) -> Tensor:
        """Write integers in [from_, to), or in [0, from_) if only one is given, or all that the dtype can hold; returns `input`."""
    def ravel(self) -> Tensor:
        """All elements in one axis."""
    def reciprocal(self) -> Tensor:
        """1 / input."""
    def reciprocal_(self) -> Tensor:
        """The in-place form of `reciprocal`; returns `input`."""
    def relu(self, inplace: _bool = False) -> Tensor:
        """max(x, 0); NaN stays NaN. The gradient at 0 is 0."""
    def relu_(self, inplace: _bool = False) -> Tensor:
        """The in-place form of `relu`; returns `input`."""
    def remainder(self, other: Any) -> Tensor:
        """input - other * floor(input / other): it has the sign of `other`, as Python's %."""
    def remainder_(self, other: Any) -> Tensor:
        """The in-place form of `remainder`; returns `input`."""
    def repeat(self, *sizes: Any, repeats: Any = None) -> Tensor:
        """The Tensor laid out `sizes` times along each axis; more sizes than axes add axes in front."""
    def repeat_interleave(self, repeats: Any, dim: _int | None = None) -> Tensor:
        """Each element along `dim` repeated `repeats` times (an int, or one for each)."""
    def reshape(self, *sizes: Any, shape: Any = None) -> Tensor:
        """The elements in logical order under `shape`; one size may be -1. A view where the memory allows it, else a copy."""
    def reshape_as(self, other: Tensor) -> Tensor:
        """`input` under the shape of `other`."""
    def roll(self, shifts: Any, dims: Any = None) -> Tensor:
        """Elements shifted along `dims`, those pushed out coming in at the other end."""
    def rot90(self, k: _int = 1, dims: Sequence[_int] = (0, 1)) -> Tensor:
        """Turned k times by 90 degrees in the plane of two axes, from the first towards the second."""
    def round(self, *, decimals: _int = 0) -> Tensor:
        """The nearest integer, halves to the even one; its gradient is 0."""
    def round_(self, *, decimals: _int = 0) -> Tensor:
        """The in-place form of `round`; returns `input`."""
    def rsqrt(self) -> Tensor:
        """1 / sqrt(x)."""
    def rsqrt_(self) -> Tensor:
        """The in-place form of `rsqrt`; returns `input`."""
    def scatter(
        self,
        dim: _int,
        index: Tensor,
        src: Any = None,
        *,
        value: _float | None = None,
        reduce: str | None = None,
    ) -> Tensor:
        """A copy of `input` with out[index[i][j]][j] = src[i][j] for dim 0, and so on; `src` is a Tensor or a number, or `value` is one."""
    def scatter_(
        self,
        dim: _int,
        index: Tensor,
        src: Any = None,
        *,
        value: _float | None = None,
        reduce: str | None = None,
    ) -> Tensor:
        """The in-place form of `scatter`; returns `input`."""
    def scatter_add(self, dim: _int, index: Tensor, src: Tensor) -> Tensor:
        """A copy of `input` with out[index[i][j]][j] += src[i][j] for dim 0, and so on."""
    def scatter_add_(self, dim: _int, index: Tensor, src: Tensor) -> Tensor:
        """The in-place form of `scatter_add`; returns `input`."""
    def scatter_reduce(
        self,
        dim: _int,
        index: Tensor,
        src: Tensor,
        reduce: str,
        *,
        include_self: _bool = True,
    ) -> Tensor:
        """The 'sum', 'prod', 'mean', 'amax' or 'amin' of the elements of `src` that `index` sends to a place, as in `scatter`."""
    def scatter_reduce_(
        self,
        dim: _int,
        index: Tensor,
        src: Tensor,
        reduce: str,
        *,
        include_self: _bool = True,
    ) -> Tensor:
        """The in-place form of `scatter_reduce`; returns `input`."""
    def select(self, dim: _int, index: _int) -> Tensor:
        """A view of the slice at `index` along `dim`, which disappears."""
    def sgn(self) -> Tensor:
        """-1, 0 or 1; its gradient is 0. NaN stays NaN (PyTorch gives 0). Bools stay as they are."""
    def sgn_(self) -> Tensor:
        """The in-place form of `sign`; returns `input`."""
    def short(self) -> Tensor:
        """`input` as int16."""
    def sigmoid(self) -> Tensor:
        """1 / (1 + exp(-x)), without overflow."""
    def sigmoid_(self) -> Tensor:
        """The in-place form of `sigmoid`; returns `input`."""
    def sign(self) -> Tensor:
        """-1, 0 or 1; its gradient is 0. NaN stays NaN (PyTorch gives 0). Bools stay as they are."""
    def sign_(self) -> Tensor:
        """The in-place form of `sign`; returns `input`."""
    def sin(self) -> Tensor:
        """The sine of x in radians."""
    def sin_(self) -> Tensor:
        """The in-place form of `sin`; returns `input`."""
    def sinh(self) -> Tensor:
        """(e^x - e^-x) / 2."""
    def sinh_(self) -> Tensor:
        """The in-place form of `sinh`; returns `input`."""
    def softmax(self, dim: _int | None = None, *, dtype: Any = None) -> Tensor:
        """exp(x) / sum(exp(x)) along `dim`, without overflow."""
    def sort(self, dim: _int = -1, descending: _bool = False, stable: _bool = True) -> ValuesIndices:
        """`(values, indices)` in order along `dim`; equal elements keep their order (always stable), NaN counts as largest."""
    def split(self, split_size_or_sections: Any, dim: _int = 0) -> tuple[Tensor, ...]:
        """Views of pieces along `dim`: all of one size (the last may be smaller), or of the sizes listed."""
    def sqrt(self) -> Tensor:
        """The square root; NaN below 0."""
    def sqrt_(self) -> Tensor:
        """The in-place form of `sqrt`; returns `input`."""
    def square(self) -> Tensor:
        """x * x; of bools int64."""
    def square_(self) -> Tensor:
        """The in-place form of `square`; returns `input`."""
    def squeeze(self, dim: Any = None) -> Tensor:
        """Without its axes of length 1, or without those of `dim` that have length 1."""
    def squeeze_(self, dim: Any = None) -> Tensor:
        """The in-place form of `squeeze`: no element moves; returns `input`."""
    def std(
        self,
        dim: Any = None,
        unbiased: _bool = True,
        keepdim: _bool = False,
        *,
        correction: _float | None = None,
    ) -> Tensor:
        """The standard deviation over `dim`; see `var`. Its gradient is 0 where all elements are equal."""
    def storage_offset(self) -> _int:
        """How many elements lie before the first one in the memory of the Tensor it is a view of."""
    def sub(self, other: Any, *older: Any, alpha: _float = 1) -> Tensor:
        """input - alpha * other, broadcast. Bool Tensors cannot be subtracted: use logical_xor or logical_not."""
    def sub_(self, other: Any, *older: Any, alpha: _float = 1) -> Tensor:
        """The in-place form of `sub`; returns `input`."""
    def subtract(self, other: Any, *older: Any, alpha: _float = 1) -> Tensor:
        """input - alpha * other, broadcast. Bool Tensors cannot be subtracted: use logical_xor or logical_not."""
    def subtract_(self, other: Any, *older: Any, alpha: _float = 1) -> Tensor:
        """The in-place form of `sub`; returns `input`."""
    def sum(
        self,
        dim: Any = None,
        keepdim: _bool = False,
        *,
        dtype: Any = None,
        axis: Any = None,
        keepdims: _bool = False,
    ) -> Tensor:
        """The sum over `dim` (an int, several, or all). Integers and bools sum to int64."""
    def swapaxes(self, dim0: _int, dim1: _int) -> Tensor:
        """A view with two axes exchanged."""
    def swapdims(self, dim0: _int, dim1: _int) -> Tensor:
        """A view with two axes exchanged."""
    def t(self) -> Tensor:
        """The transpose of a matrix; vectors stay as they are."""
    def t_(self) -> Tensor:
        """The in-place form of `t`: no element moves; returns `input`."""
    def take(self, index: Tensor) -> Tensor:
        """The elements at `index` (int64) in the flattened `input`, in the shape of `index`."""
    def take_along_dim(self, indices: Tensor, dim: _int | None = None) -> Tensor:
        """Elements of `input` at `indices` along `dim`, the other axes broadcast."""
    def tan(self) -> Tensor:
        """The tangent of x in radians."""
    def tan_(self) -> Tensor:
        """The in-place form of `tan`; returns `input`."""
    def tanh(self) -> Tensor:
        """sinh(x) / cosh(x), between -1 and 1."""
    def tanh_(self) -> Tensor:
        """The in-place form of `tanh`; returns `input`."""
    def tensor_split(self, indices_or_sections: Any, dim: _int = 0) -> tuple[Tensor, ...]:
        """Views of so many pieces along `dim`, the first ones longer by 1 if need be; or of the pieces before, between and after indices."""
    def tile(self, *times: Any, dims: Any = None) -> Tensor:
        """As `repeat`; fewer times than axes concern the last ones."""
    def to(
        self,
        *args: Any,
        dtype: Any = None,
        device: Any = None,
        copy: _bool = False,
        non_blocking: _bool = False,
        memory_format: Any = None,
    ) -> Tensor:
        """`input` in another dtype (given as such, or as that of another Tensor); itself when nothing changes and not `copy`."""
    def topk(self, k: _int, dim: _int = -1, largest: _bool = True, sorted: _bool = True) -> ValuesIndices:
        """`(values, indices)` of the k largest (or smallest) elements along `dim`, in order."""
    def trace(self) -> Tensor:
        """The sum of the main diagonal of a matrix."""
    def transpose(self, dim0: _int, dim1: _int) -> Tensor:
        """A view with two axes exchanged."""
    def transpose_(self, dim0: _int, dim1: _int) -> Tensor:
        """The in-place form of `transpose`: no element moves; returns `input`."""
    def tril(self, diagonal: _int = 0) -> Tensor:
        """The elements on and below a diagonal of the last two axes; the others are 0."""
    def tril_(self, diagonal: _int = 0) -> Tensor:
        """The in-place form of `tril`; returns `input`."""
    def triu(self, diagonal: _int = 0) -> Tensor:
        """The elements on and above a diagonal of the last two axes; the others are 0."""
    def triu_(self, diagonal: _int = 0) -> Tensor:
        """The in-place form of `triu`; returns `input`."""
    def true_divide(self, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        """input / other, broadcast; integers give floats. `rounding_mode` 'floor' or 'trunc' rounds the quotient."""
    def true_divide_(self, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        """The in-place form of `div`; returns `input`."""
    def trunc(self) -> Tensor:
        """x without its fraction; its gradient is 0."""
    def trunc_(self) -> Tensor:
        """The in-place form of `trunc`; returns `input`."""
    def type(self, dtype: Any = None, non_blocking: _bool = False) -> Any:
        """The name of the Tensor's type, such as 'minigrad.FloatTensor'; with `dtype` (or such a name or type) it converts."""
    def type_as(self, other: Tensor) -> Tensor:
        """`input` in the dtype of `other`."""
    def unbind(self, dim: _int = 0) -> tuple[Tensor, ...]:
        """Views of the slices along `dim`, which disappears."""
    def unflatten(self, dim: _int, sizes: Sequence[_int]) -> Tensor:
        """Axis `dim` split into axes of `sizes`; one may be -1."""
    def unfold(self, dimension: _int, size: _int, step: _int) -> Tensor:
        """A read-only view of all windows of `size` along `dimension`, every `step` elements, as a new last axis."""
    def uniform_(self, low: _float = 0.0, high: _float = 1.0, *, generator: Generator | None = None) -> Tensor:
        """Write uniform numbers in [low, high); returns `input`."""
    def unique(
        self,
        sorted: _bool = True,
        return_inverse: _bool = False,
        return_counts: _bool = False,
        dim: _int | None = None,
    ) -> Any:
        """The distinct elements (or slices along `dim`), always sorted; also where each element went, and how many there are."""
    def unique_consecutive(
        self,
        return_inverse: _bool = False,
        return_counts: _bool = False,
        dim: _int | None = None,
    ) -> Any:
        """The elements (or slices along `dim`) without those equal to the one before; also as in `unique`."""
    def unsqueeze(self, dim: _int) -> Tensor:
        """With a new axis of length 1 at position `dim`."""
    def unsqueeze_(self, dim: _int) -> Tensor:
        """The in-place form of `unsqueeze`: no element moves; returns `input`."""
    def var(
        self,
        dim: Any = None,
        unbiased: _bool = True,
        keepdim: _bool = False,
        *,
        correction: _float | None = None,
    ) -> Tensor:
        """The variance over `dim`, from the mean in two passes; divided by n - correction (1 unless `unbiased=False`)."""
    def vdot(self, other: Tensor) -> Tensor:
        """`dot`, of real vectors."""
    def view(self, *shape: Any, size: Any = None) -> Tensor:
        """A view of the same memory under `shape`; RuntimeError where that needs a copy (use `reshape`)."""
    def view_as(self, other: Tensor) -> Tensor:
        """A view of `input` under the shape of `other`."""
    def vsplit(self, indices_or_sections: Any) -> tuple[Tensor, ...]:
        """`tensor_split` along the first axis into equal pieces, or at indices."""
    def where(self, condition: Tensor, other: Any) -> Tensor:
        """`input` where `condition`, elsewhere `other`."""
    def xlogy(self, other: Any) -> Tensor:
        """input * log(other), 0 where input is 0 and other is not NaN."""
    def zero_(self) -> Tensor:
        """Write 0 everywhere; returns `input`."""

def _unpickle(kind: type, array: np.ndarray, requires_grad: bool) -> Tensor:
    ...

def _fresh(array: np.ndarray) -> np.ndarray:
    """A copy in aligned memory of our own."""

class Function(engine.Function):
    """An operation on arrays, a node of the graph."""

    @classmethod
    def on(cls, *args: Any) -> Any:
        """Compute on Tensors as `apply` does, or on plain arrays: what a backward rule calls, since it gets either."""

class Alias(Function):
    """The same Tensor under another node, to tell apart two uses of it."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        ...

    def backward(self, g: Any) -> Any:
        ...

class Fused(Function):
    """An operation with a kernel that does in one pass what `definition` composes of plain operations."""

    @staticmethod
    def definition(*args: Any) -> Tensor:
        """The same operation, composed."""

    def differentiable_backward(self, grad: Any) -> Any:
        ...

class RemovableHandle:
    """Takes a hook away again: by `remove()`, or at the end of a `with` block."""
    hooks: Any
    id: Any

    def __init__(self, hooks: dict[Any, Callable], hook: Callable) -> None:
        ...

    def remove(self) -> None:
        """Take the hook away; a second time does nothing."""

    def __enter__(self) -> RemovableHandle:
        ...

    def __exit__(self, *exc: object) -> None:
        ...

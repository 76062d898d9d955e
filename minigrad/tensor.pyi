# Written by `python -m minigrad.testing.stubs` from the declarations in minigrad/ops: change those.
from builtins import bool as _bool
from builtins import float as _float
from builtins import int as _int
from collections.abc import Sequence
from minigrad.ops.reduce import ValuesIndices
from minigrad.random import Generator
from typing import Any
import math
import weakref
from collections.abc import Callable, Iterator
from typing import Any
import numpy as np
from . import engine
from ._kernels import aligned, empty_like, owns_memory
from .dtypes import as_array, category
from .engine import Variable
from .grad_mode import mode
from .printing import tensor_repr

def wrap(value: Any) -> Tensor:
    """A Tensor on an array (or number) just computed; moved to a 64-byte boundary if it is not a view."""

class Tensor(Variable):
    """An n-dimensional array that can be differentiated through."""
    _value: np.ndarray
    _grad: Tensor | None
    _post_hooks: dict[_float, Callable] | None

    def __init__(self, data: Any=(), dtype: Any=None, requires_grad: _bool=False) -> None:
        ...

    @property
    def shape(self) -> tuple[_int, ...]:
        """The lengths of the axes."""

    @property
    def dtype(self) -> np.dtype:
        """The type of the elements, such as `minigrad.float32`."""

    @property
    def ndim(self) -> _int:
        """The number of axes."""

    @property
    def device(self) -> str:
        """Always 'cpu'."""

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

    def __hash__(self) -> _int:
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
    def T(self) -> Tensor:
        """The transpose of a matrix (of more axes: all reversed)."""
    def __abs__(self) -> Tensor:
        """The absolute value; its slope at 0 is 0."""
    def __add__(self, other: Any) -> Tensor:
        """input + alpha * other, broadcast."""
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
        """The in-place form of `add`; returns self."""
    def __imul__(self, other: Any) -> Tensor:
        """The in-place form of `mul`; returns self."""
    def __invert__(self) -> Tensor:
        """~input, of integers or bools."""
    def __ipow__(self, other: Any) -> Tensor:
        """The in-place form of `pow`; returns self."""
    def __isub__(self, other: Any) -> Tensor:
        """The in-place form of `sub`; returns self."""
    def __itruediv__(self, other: Any) -> Tensor:
        """The in-place form of `div`; returns self."""
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
        """input + alpha * other, broadcast."""
    def __rand__(self, other: Any) -> Tensor:
        """input & other, of integers or bools."""
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
        """The in-place form of `abs`; returns self."""
    def absolute(self) -> Tensor:
        """The absolute value; its slope at 0 is 0."""
    def acos(self) -> Tensor:
        """The angle in [0, pi] whose cosine is x."""
    def add(self, other: Any, *, alpha: _float = 1) -> Tensor:
        """input + alpha * other, broadcast."""
    def add_(self, other: Any, *, alpha: _float = 1) -> Tensor:
        """The in-place form of `add`; returns self."""
    def addcdiv(self, tensor1: Tensor, tensor2: Tensor, *, value: _float = 1) -> Tensor:
        """input + value * tensor1 / tensor2."""
    def addcdiv_(self, tensor1: Tensor, tensor2: Tensor, *, value: _float = 1) -> Tensor:
        """The in-place form of `addcdiv`; returns self."""
    def addcmul(self, tensor1: Tensor, tensor2: Tensor, *, value: _float = 1) -> Tensor:
        """input + value * tensor1 * tensor2."""
    def addcmul_(self, tensor1: Tensor, tensor2: Tensor, *, value: _float = 1) -> Tensor:
        """The in-place form of `addcmul`; returns self."""
    def addmm(self, mat1: Tensor, mat2: Tensor, *, beta: _float = 1, alpha: _float = 1) -> Tensor:
        """beta * input + alpha * (mat1 @ mat2)."""
    def all(self, dim: Any = None, keepdim: _bool = False) -> Tensor:
        """Whether all elements (over `dim`) are nonzero."""
    def allclose(self, other: Tensor, rtol: _float = 1e-05, atol: _float = 1e-08, equal_nan: _bool = False) -> _bool:
        """Whether |input - other| <= atol + rtol * |other| everywhere."""
    def amax(self, dim: Any = (), keepdim: _bool = False) -> Tensor:
        """The largest element over `dim` (an int, several, or all). Ties share the gradient equally."""
    def amin(self, dim: Any = (), keepdim: _bool = False) -> Tensor:
        """The smallest element over `dim` (an int, several, or all). Ties share the gradient equally."""
    def any(self, dim: Any = None, keepdim: _bool = False) -> Tensor:
        """Whether an element (over `dim`) is nonzero."""
    def arccos(self) -> Tensor:
        """The angle in [0, pi] whose cosine is x."""
    def arcsin(self) -> Tensor:
        """The angle in [-pi/2, pi/2] whose sine is x."""
    def arctan(self) -> Tensor:
        """The angle in (-pi/2, pi/2) whose tangent is x."""
    def argmax(self, dim: _int | None = None, keepdim: _bool = False) -> Tensor:
        """The index (int64) of the first largest element along `dim`, or in the flattened Tensor."""
    def argmin(self, dim: _int | None = None, keepdim: _bool = False) -> Tensor:
        """The index (int64) of the first smallest element along `dim`, or in the flattened Tensor."""
    def argsort(self, dim: _int = -1, descending: _bool = False, stable: _bool = True) -> Tensor:
        """The indices that sort `input` along `dim`."""
    def asin(self) -> Tensor:
        """The angle in [-pi/2, pi/2] whose sine is x."""
    def atan(self) -> Tensor:
        """The angle in (-pi/2, pi/2) whose tangent is x."""
    def atan2(self, other: Tensor) -> Tensor:
        """The angle of the point (other, input), in (-pi, pi]."""
    def baddbmm(self, batch1: Tensor, batch2: Tensor, *, beta: _float = 1, alpha: _float = 1) -> Tensor:
        """beta * input + alpha * bmm(batch1, batch2)."""
    def bernoulli(self, *, generator: Generator | None = None) -> Tensor:
        """1 with probability `input` (elementwise, in [0, 1]), else 0, in the dtype of `input`."""
    def bernoulli_(self, p: _float = 0.5, *, generator: Generator | None = None) -> Tensor:
        """Write 1 with probability `p`, else 0; returns `input`."""
    def bitwise_and(self, other: Any) -> Tensor:
        """input & other, of integers or bools."""
    def bitwise_not(self) -> Tensor:
        """~input, of integers or bools."""
    def bitwise_or(self, other: Any) -> Tensor:
        """input | other, of integers or bools."""
    def bitwise_xor(self, other: Any) -> Tensor:
        """input ^ other, of integers or bools."""
    def bmm(self, mat2: Tensor) -> Tensor:
        """The products of two batches of matrices, (b, m, k) and (b, k, n)."""
    def bool(self) -> Tensor:
        """`input` as bool."""
    def broadcast_to(self, shape: tuple[_int, ...]) -> Tensor:
        """A read-only view of `input` with `shape`, repeated along axes of length 1."""
    def byte(self) -> Tensor:
        """`input` as uint8."""
    def ceil(self) -> Tensor:
        """The smallest integer not below x; its gradient is 0."""
    def ceil_(self) -> Tensor:
        """The in-place form of `ceil`; returns self."""
    def char(self) -> Tensor:
        """`input` as int8."""
    def chunk(self, chunks: _int, dim: _int = 0) -> tuple[Tensor, ...]:
        """At most `chunks` views of equal size along `dim` (the last may be smaller)."""
    def clamp(self, min: Any = None, max: Any = None) -> Tensor:
        """`input` limited to [min, max], numbers or Tensors; gradients flow where it already was inside."""
    def clamp_(self, min: Any = None, max: Any = None) -> Tensor:
        """The in-place form of `clamp`; returns self."""
    def clamp_max(self, max: Any) -> Tensor:
        """`input`, or `max` where it is larger."""
    def clamp_max_(self, max: Any) -> Tensor:
        """The in-place form of `clamp_max`; returns self."""
    def clamp_min(self, min: Any) -> Tensor:
        """`input`, or `min` where it is smaller."""
    def clamp_min_(self, min: Any) -> Tensor:
        """The in-place form of `clamp_min`; returns self."""
    def clip(self, min: Any = None, max: Any = None) -> Tensor:
        """`input` limited to [min, max], numbers or Tensors; gradients flow where it already was inside."""
    def clone(self) -> Tensor:
        """A copy with its own memory; gradients flow through."""
    def contiguous(self) -> Tensor:
        """`input` if its elements lie in order, otherwise a copy in which they do."""
    def copy_(self, src: Tensor) -> Tensor:
        """Write `src`, broadcast and converted, into `input`; returns it."""
    def cos(self) -> Tensor:
        """The cosine of x in radians."""
    def cos_(self) -> Tensor:
        """The in-place form of `cos`; returns self."""
    def cosh(self) -> Tensor:
        """(e^x + e^-x) / 2."""
    def count_nonzero(self, dim: Any = None) -> Tensor:
        """How many elements (over `dim`) are nonzero, int64."""
    def cpu(self) -> Tensor:
        """`input` itself: it is on the CPU."""
    def cumsum(self, dim: _int, *, dtype: Any = None) -> Tensor:
        """Running sums along `dim`; integers and bools sum to int64."""
    def diag(self, diagonal: _int = 0) -> Tensor:
        """Of a matrix, a diagonal; of a vector, the matrix with it on that diagonal."""
    def diagonal(self, offset: _int = 0, dim1: _int = 0, dim2: _int = 1) -> Tensor:
        """A read-only view of a diagonal of axes dim1 and dim2, appended as the last axis."""
    def div(self, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        """input / other, broadcast; integers give floats. `rounding_mode` 'floor' or 'trunc' rounds the quotient."""
    def div_(self, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        """The in-place form of `div`; returns self."""
    def divide(self, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        """input / other, broadcast; integers give floats. `rounding_mode` 'floor' or 'trunc' rounds the quotient."""
    def dot(self, tensor: Tensor) -> Tensor:
        """The inner product of two vectors."""
    def double(self) -> Tensor:
        """`input` as float64."""
    def eq(self, other: Any) -> Tensor:
        """input == other, elementwise."""
    def equal(self, other: Tensor) -> _bool:
        """Whether two Tensors have the same shape and elements."""
    def erf(self) -> Tensor:
        """The error function: (2 / sqrt(pi)) times the integral of exp(-t^2) from 0 to x."""
    def exp(self) -> Tensor:
        """e ** x."""
    def exp_(self) -> Tensor:
        """The in-place form of `exp`; returns self."""
    def expand(self, *sizes: Any) -> Tensor:
        """A read-only view of `input` with the given sizes; -1 keeps a size. New axes are added in front."""
    def expand_as(self, other: Tensor) -> Tensor:
        """A view of `input` with the shape of `other`."""
    def expm1(self) -> Tensor:
        """e ** x - 1, exact near 0."""
    def fill_(self, value: Any) -> Tensor:
        """Write one number everywhere; returns `input`."""
    def fix(self) -> Tensor:
        """x without its fraction; its gradient is 0."""
    def flatten(self, start_dim: _int = 0, end_dim: _int = -1) -> Tensor:
        """Axes `start_dim` to `end_dim` joined into one."""
    def flip(self, *dims: Any) -> Tensor:
        """A copy with the order of elements along `dims` reversed."""
    def float(self) -> Tensor:
        """`input` as float32."""
    def floor(self) -> Tensor:
        """The largest integer not above x; its gradient is 0."""
    def floor_(self) -> Tensor:
        """The in-place form of `floor`; returns self."""
    def floor_divide(self, other: Any) -> Tensor:
        """floor(input / other); its gradient is 0. Division of integers by zero raises RuntimeError."""
    def gather(self, dim: _int, index: Tensor) -> Tensor:
        """out[i][j] = input[index[i][j]][j] for dim 0, and so on; `index` (int64) gives the shape of the result."""
    def ge(self, other: Any) -> Tensor:
        """input >= other, elementwise."""
    def ger(self, vec2: Tensor) -> Tensor:
        """The outer product of two vectors."""
    def greater(self, other: Any) -> Tensor:
        """input > other, elementwise."""
    def greater_equal(self, other: Any) -> Tensor:
        """input >= other, elementwise."""
    def gt(self, other: Any) -> Tensor:
        """input > other, elementwise."""
    def half(self) -> Tensor:
        """`input` as float16."""
    def index_add(self, dim: _int, index: Tensor, source: Tensor, *, alpha: _float = 1) -> Tensor:
        """A copy of `input` with alpha * source[i] added to the slice index[i] along `dim`."""
    def index_add_(self, dim: _int, index: Tensor, source: Tensor, *, alpha: _float = 1) -> Tensor:
        """The in-place form of `index_add`; returns self."""
    def index_fill(self, dim: _int, index: Tensor, value: Any) -> Tensor:
        """A copy of `input` with `value` in the slices at `index` along `dim`."""
    def index_fill_(self, dim: _int, index: Tensor, value: Any) -> Tensor:
        """The in-place form of `index_fill`; returns self."""
    def index_select(self, dim: _int, index: Any) -> Tensor:
        """The slices of `input` at `index` (1-D integers) along `dim`."""
    def inner(self, other: Tensor) -> Tensor:
        """The inner products over the last axes."""
    def int(self) -> Tensor:
        """`input` as int32."""
    def isclose(self, other: Tensor, rtol: _float = 1e-05, atol: _float = 1e-08, equal_nan: _bool = False) -> Tensor:
        """Where |input - other| <= atol + rtol * |other|."""
    def isfinite(self) -> Tensor:
        """Whether each element is neither infinite nor NaN."""
    def isinf(self) -> Tensor:
        """Whether each element is infinite."""
    def isnan(self) -> Tensor:
        """Whether each element is NaN."""
    def le(self, other: Any) -> Tensor:
        """input <= other, elementwise."""
    def lerp(self, end: Tensor, weight: Any) -> Tensor:
        """input + weight * (end - input)."""
    def lerp_(self, end: Tensor, weight: Any) -> Tensor:
        """The in-place form of `lerp`; returns self."""
    def less(self, other: Any) -> Tensor:
        """input < other, elementwise."""
    def less_equal(self, other: Any) -> Tensor:
        """input <= other, elementwise."""
    def log(self) -> Tensor:
        """The natural logarithm; -inf at 0, NaN below."""
    def log10(self) -> Tensor:
        """The logarithm to base 10."""
    def log1p(self) -> Tensor:
        """log(1 + x), exact near 0."""
    def log2(self) -> Tensor:
        """The logarithm to base 2."""
    def log_(self) -> Tensor:
        """The in-place form of `log`; returns self."""
    def log_softmax(self, dim: _int | None = None, *, dtype: Any = None) -> Tensor:
        """log(softmax(x)) along `dim`, without overflow."""
    def logical_and(self, other: Tensor) -> Tensor:
        """Whether both are nonzero."""
    def logical_not(self) -> Tensor:
        """True where `input` is 0."""
    def logical_or(self, other: Tensor) -> Tensor:
        """Whether one is nonzero."""
    def logical_xor(self, other: Tensor) -> Tensor:
        """Whether exactly one is nonzero."""
    def logsumexp(self, dim: Any, keepdim: _bool = False) -> Tensor:
        """log(sum(exp(x))) over `dim`, without overflow."""
    def long(self) -> Tensor:
        """`input` as int64."""
    def lt(self, other: Any) -> Tensor:
        """input < other, elementwise."""
    @property
    def mT(self) -> Tensor:
        """The transposes of a batch of matrices: the last two axes exchanged."""
    def masked_fill(self, mask: Tensor, value: Any) -> Tensor:
        """`input` with `value` where `mask` (bool) holds."""
    def masked_fill_(self, mask: Tensor, value: Any) -> Tensor:
        """The in-place form of `masked_fill`; returns self."""
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
        """The in-place form of `mul`; returns self."""
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
    def mv(self, vec: Tensor) -> Tensor:
        """The product of a matrix and a vector."""
    def nansum(self, dim: Any = None, keepdim: _bool = False) -> Tensor:
        """The sum over `dim` with NaN taken as 0."""
    def narrow(self, dim: _int, start: _int, length: _int) -> Tensor:
        """A view of elements start to start + length - 1 along `dim`."""
    def ne(self, other: Any) -> Tensor:
        """input != other, elementwise."""
    def neg(self) -> Tensor:
        """-input."""
    def neg_(self) -> Tensor:
        """The in-place form of `neg`; returns self."""
    def negative(self) -> Tensor:
        """-input."""
    def new_ones(self, *size: Any, dtype: Any = None, device: Any = None, requires_grad: _bool = False) -> Tensor:
        """Ones of the dtype of `input`."""
    def new_tensor(self, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: _bool = False) -> Tensor:
        """A copy of `data` in the dtype of `input`."""
    def new_zeros(self, *size: Any, dtype: Any = None, device: Any = None, requires_grad: _bool = False) -> Tensor:
        """Zeros of the dtype of `input`."""
    def nonzero(self, *, as_tuple: _bool = False) -> Any:
        """The indices of nonzero elements, (count, ndim) int64; `as_tuple` gives one vector for each axis, to index with."""
    def norm(self, p: Any = 2, dim: Any = None, keepdim: _bool = False) -> Tensor:
        """The p-norm (sum |x|^p)^(1/p) over `dim`, or of all elements; p may be inf, -inf, 0 or 'fro' (2)."""
    def normal_(self, mean: _float = 0.0, std: _float = 1.0, *, generator: Generator | None = None) -> Tensor:
        """Write normal numbers; returns `input`."""
    def not_equal(self, other: Any) -> Tensor:
        """input != other, elementwise."""
    def outer(self, vec2: Tensor) -> Tensor:
        """The outer product of two vectors."""
    def permute(self, *dims: Any) -> Tensor:
        """A view with the axes in the order `dims`."""
    def pow(self, exponent: Any) -> Tensor:
        """input ** exponent, broadcast. Integers to negative integer powers raise RuntimeError."""
    def pow_(self, exponent: Any) -> Tensor:
        """The in-place form of `pow`; returns self."""
    def prod(self, dim: _int | None = None, keepdim: _bool = False, *, dtype: Any = None) -> Tensor:
        """The product over axis `dim`, or of all elements."""
    def ravel(self) -> Tensor:
        """All elements in one axis."""
    def reciprocal(self) -> Tensor:
        """1 / input."""
    def reciprocal_(self) -> Tensor:
        """The in-place form of `reciprocal`; returns self."""
    def relu(self, inplace: _bool = False) -> Tensor:
        """max(x, 0); NaN stays NaN. The gradient at 0 is 0."""
    def relu_(self, inplace: _bool = False) -> Tensor:
        """The in-place form of `relu`; returns self."""
    def remainder(self, other: Any) -> Tensor:
        """input - other * floor(input / other): it has the sign of `other`, as Python's %."""
    def remainder_(self, other: Any) -> Tensor:
        """The in-place form of `remainder`; returns self."""
    def repeat(self, *sizes: Any) -> Tensor:
        """The Tensor laid out `sizes` times along each axis; more sizes than axes add axes in front."""
    def repeat_interleave(self, repeats: Any, dim: _int | None = None) -> Tensor:
        """Each element along `dim` repeated `repeats` times (an int, or one for each)."""
    def reshape(self, *shape: Any) -> Tensor:
        """The elements in logical order under `shape`; one size may be -1. A view where the memory allows it, else a copy."""
    def reshape_as(self, other: Tensor) -> Tensor:
        """`input` under the shape of `other`."""
    def roll(self, shifts: Any, dims: Any = None) -> Tensor:
        """Elements shifted along `dims`, those pushed out coming in at the other end."""
    def round(self, *, decimals: _int = 0) -> Tensor:
        """The nearest integer, halves to the even one; its gradient is 0."""
    def round_(self, *, decimals: _int = 0) -> Tensor:
        """The in-place form of `round`; returns self."""
    def rsqrt(self) -> Tensor:
        """1 / sqrt(x)."""
    def rsqrt_(self) -> Tensor:
        """The in-place form of `rsqrt`; returns self."""
    def scatter(self, dim: _int, index: Tensor, src: Any) -> Tensor:
        """A copy of `input` with out[index[i][j]][j] = src[i][j] for dim 0, and so on; `src` is a Tensor or a number."""
    def scatter_(self, dim: _int, index: Tensor, src: Any) -> Tensor:
        """The in-place form of `scatter`; returns self."""
    def scatter_add(self, dim: _int, index: Tensor, src: Tensor) -> Tensor:
        """A copy of `input` with out[index[i][j]][j] += src[i][j] for dim 0, and so on."""
    def scatter_add_(self, dim: _int, index: Tensor, src: Tensor) -> Tensor:
        """The in-place form of `scatter_add`; returns self."""
    def select(self, dim: _int, index: _int) -> Tensor:
        """A view of the slice at `index` along `dim`, which disappears."""
    def short(self) -> Tensor:
        """`input` as int16."""
    def sigmoid(self) -> Tensor:
        """1 / (1 + exp(-x)), without overflow."""
    def sigmoid_(self) -> Tensor:
        """The in-place form of `sigmoid`; returns self."""
    def sign(self) -> Tensor:
        """-1, 0 or 1; its gradient is 0. NaN stays NaN (PyTorch gives 0). Bools stay as they are."""
    def sin(self) -> Tensor:
        """The sine of x in radians."""
    def sin_(self) -> Tensor:
        """The in-place form of `sin`; returns self."""
    def sinh(self) -> Tensor:
        """(e^x - e^-x) / 2."""
    def softmax(self, dim: _int | None = None, *, dtype: Any = None) -> Tensor:
        """exp(x) / sum(exp(x)) along `dim`, without overflow."""
    def sort(self, dim: _int = -1, descending: _bool = False, stable: _bool = True) -> ValuesIndices:
        """`(values, indices)` in order along `dim`; equal elements keep their order (always stable), NaN counts as largest."""
    def split(self, split_size_or_sections: Any, dim: _int = 0) -> tuple[Tensor, ...]:
        """Views of pieces along `dim`: all of one size (the last may be smaller), or of the sizes listed."""
    def sqrt(self) -> Tensor:
        """The square root; NaN below 0."""
    def sqrt_(self) -> Tensor:
        """The in-place form of `sqrt`; returns self."""
    def square(self) -> Tensor:
        """x * x; of bools int64."""
    def square_(self) -> Tensor:
        """The in-place form of `square`; returns self."""
    def squeeze(self, dim: Any = None) -> Tensor:
        """Without its axes of length 1, or without those of `dim` that have length 1."""
    def std(
        self,
        dim: Any = None,
        unbiased: _bool = True,
        keepdim: _bool = False,
        *,
        correction: _float | None = None,
    ) -> Tensor:
        """The standard deviation over `dim`; see `var`. Its gradient is 0 where all elements are equal."""
    def sub(self, other: Any, *, alpha: _float = 1) -> Tensor:
        """input - alpha * other, broadcast. Bool Tensors cannot be subtracted: use logical_xor or logical_not."""
    def sub_(self, other: Any, *, alpha: _float = 1) -> Tensor:
        """The in-place form of `sub`; returns self."""
    def subtract(self, other: Any, *, alpha: _float = 1) -> Tensor:
        """input - alpha * other, broadcast. Bool Tensors cannot be subtracted: use logical_xor or logical_not."""
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
    def take_along_dim(self, indices: Tensor, dim: _int | None = None) -> Tensor:
        """Elements of `input` at `indices` along `dim`, the other axes broadcast."""
    def tan(self) -> Tensor:
        """The tangent of x in radians."""
    def tanh(self) -> Tensor:
        """sinh(x) / cosh(x), between -1 and 1."""
    def tanh_(self) -> Tensor:
        """The in-place form of `tanh`; returns self."""
    def tile(self, *dims: Any) -> Tensor:
        """As `repeat`; fewer `dims` than axes concern the last ones."""
    def to(
        self,
        *args: Any,
        dtype: Any = None,
        device: Any = None,
        copy: _bool = False,
        non_blocking: _bool = False,
    ) -> Tensor:
        """`input` in another dtype (given as such, or as that of another Tensor); itself when nothing changes and not `copy`."""
    def topk(self, k: _int, dim: _int = -1, largest: _bool = True, sorted: _bool = True) -> ValuesIndices:
        """`(values, indices)` of the k largest (or smallest) elements along `dim`, in order."""
    def transpose(self, dim0: _int, dim1: _int) -> Tensor:
        """A view with two axes exchanged."""
    def tril(self, diagonal: _int = 0) -> Tensor:
        """The elements on and below a diagonal of the last two axes; the others are 0."""
    def triu(self, diagonal: _int = 0) -> Tensor:
        """The elements on and above a diagonal of the last two axes; the others are 0."""
    def true_divide(self, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        """input / other, broadcast; integers give floats. `rounding_mode` 'floor' or 'trunc' rounds the quotient."""
    def trunc(self) -> Tensor:
        """x without its fraction; its gradient is 0."""
    def type(
        self,
        *args: Any,
        dtype: Any = None,
        device: Any = None,
        copy: _bool = False,
        non_blocking: _bool = False,
    ) -> Tensor:
        """`input` in another dtype (given as such, or as that of another Tensor); itself when nothing changes and not `copy`."""
    def unbind(self, dim: _int = 0) -> tuple[Tensor, ...]:
        """Views of the slices along `dim`, which disappears."""
    def unflatten(self, dim: _int, sizes: Sequence[_int]) -> Tensor:
        """Axis `dim` split into axes of `sizes`; one may be -1."""
    def unfold(self, dimension: _int, size: _int, step: _int) -> Tensor:
        """A read-only view of all windows of `size` along `dimension`, every `step` elements, as a new last axis."""
    def uniform_(self, low: _float = 0.0, high: _float = 1.0, *, generator: Generator | None = None) -> Tensor:
        """Write uniform numbers in [low, high); returns `input`."""
    def unsqueeze(self, dim: _int) -> Tensor:
        """With a new axis of length 1 at position `dim`."""
    def var(
        self,
        dim: Any = None,
        unbiased: _bool = True,
        keepdim: _bool = False,
        *,
        correction: _float | None = None,
    ) -> Tensor:
        """The variance over `dim`, from the mean in two passes; divided by n - correction (1 unless `unbiased=False`)."""
    def view(self, *shape: Any) -> Tensor:
        """A view of the same memory under `shape`; RuntimeError where that needs a copy (use `reshape`)."""
    def view_as(self, other: Tensor) -> Tensor:
        """A view of `input` under the shape of `other`."""
    def where(self, condition: Tensor, other: Any) -> Tensor:
        """`input` where `condition`, elsewhere `other`."""
    def zero_(self) -> Tensor:
        """Write 0 everywhere; returns `input`."""

def _unpickle(kind: type, array: np.ndarray, requires_grad: bool) -> Tensor:
    ...

def _fresh(array: np.ndarray) -> np.ndarray:
    """A copy in aligned memory of our own."""

class Function(engine.Function):
    """An operation on arrays, a node of the graph."""

    @classmethod
    def on(cls, *args: Any, **options: Any) -> Any:
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

# Written by `python -m minigrad.testing.stubs` from the declarations in minigrad/ops: change those.
from builtins import bool as _bool
from builtins import float as _float
from builtins import int as _int
from collections.abc import Sequence
from minigrad.ops.reduce import ValuesIndices
from minigrad.random import Generator
from minigrad.tensor import Tensor
from typing import Any
import numpy as np
from . import autograd as autograd, ops as ops
from .config import get_num_threads as get_num_threads, set_num_threads as set_num_threads, show_config as show_config
from .dtypes import double as double, finfo as finfo, float16 as float16, float32 as float32, float64 as float64, half as half, iinfo as iinfo, int8 as int8, int16 as int16, int32 as int32, int64 as int64, long as long, promote_types as promote_types, short as short, uint8 as uint8
from .grad_mode import enable_grad as enable_grad, inference_mode as inference_mode, is_grad_enabled as is_grad_enabled, is_inference_mode_enabled as is_inference_mode_enabled, no_grad as no_grad, set_grad_enabled as set_grad_enabled
from .random import Generator as Generator, default_generator as default_generator, initial_seed as initial_seed, manual_seed as manual_seed, seed as seed
from .tensor import Tensor as Tensor
from .version import __version__ as __version__
from . import nn as nn, optim as optim, utils as utils
from .serialization import load as load, save as save
bool: np.dtype
float: np.dtype
int: np.dtype

def abs(input: Tensor) -> Tensor:
    """The absolute value; its slope at 0 is 0."""

def absolute(input: Tensor) -> Tensor:
    """The absolute value; its slope at 0 is 0."""

def acos(input: Tensor) -> Tensor:
    """The angle in [0, pi] whose cosine is x."""

def add(input: Any, other: Any, *, alpha: _float = 1) -> Tensor:
    """input + alpha * other, broadcast."""

def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: _float = 1) -> Tensor:
    """input + value * tensor1 / tensor2."""

def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: _float = 1) -> Tensor:
    """input + value * tensor1 * tensor2."""

def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: _float = 1, alpha: _float = 1) -> Tensor:
    """beta * input + alpha * (mat1 @ mat2)."""

def all(input: Tensor, dim: Any = None, keepdim: _bool = False) -> Tensor:
    """Whether all elements (over `dim`) are nonzero."""

def allclose(
    input: Tensor,
    other: Tensor,
    rtol: _float = 1e-05,
    atol: _float = 1e-08,
    equal_nan: _bool = False,
) -> _bool:
    """Whether |input - other| <= atol + rtol * |other| everywhere."""

def amax(input: Tensor, dim: Any = (), keepdim: _bool = False) -> Tensor:
    """The largest element over `dim` (an int, several, or all). Ties share the gradient equally."""

def amin(input: Tensor, dim: Any = (), keepdim: _bool = False) -> Tensor:
    """The smallest element over `dim` (an int, several, or all). Ties share the gradient equally."""

def any(input: Tensor, dim: Any = None, keepdim: _bool = False) -> Tensor:
    """Whether an element (over `dim`) is nonzero."""

def arange(
    start: Any,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: _bool = False,
) -> Tensor:
    """start, start + step, ... up to but not including `end`; int64 for ints, otherwise float32. `arange(n)` begins at 0."""

def arccos(input: Tensor) -> Tensor:
    """The angle in [0, pi] whose cosine is x."""

def arcsin(input: Tensor) -> Tensor:
    """The angle in [-pi/2, pi/2] whose sine is x."""

def arctan(input: Tensor) -> Tensor:
    """The angle in (-pi/2, pi/2) whose tangent is x."""

def argmax(input: Tensor, dim: _int | None = None, keepdim: _bool = False) -> Tensor:
    """The index (int64) of the first largest element along `dim`, or in the flattened Tensor."""

def argmin(input: Tensor, dim: _int | None = None, keepdim: _bool = False) -> Tensor:
    """The index (int64) of the first smallest element along `dim`, or in the flattened Tensor."""

def argsort(input: Tensor, dim: _int = -1, descending: _bool = False, stable: _bool = True) -> Tensor:
    """The indices that sort `input` along `dim`."""

def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """`data` as a Tensor, sharing memory where that is possible."""

def asarray(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """`data` as a Tensor, sharing memory where that is possible."""

def asin(input: Tensor) -> Tensor:
    """The angle in [-pi/2, pi/2] whose sine is x."""

def atan(input: Tensor) -> Tensor:
    """The angle in (-pi/2, pi/2) whose tangent is x."""

def atan2(input: Tensor, other: Tensor) -> Tensor:
    """The angle of the point (other, input), in (-pi, pi]."""

def baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: _float = 1, alpha: _float = 1) -> Tensor:
    """beta * input + alpha * bmm(batch1, batch2)."""

def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: _bool = False,
    momentum: _float = 0.1,
    eps: _float = 1e-05,
) -> Tensor:
    """Each channel normalized over the batch (Ioffe & Szegedy 2015)."""

def bernoulli(input: Tensor, *, generator: Generator | None = None) -> Tensor:
    """1 with probability `input` (elementwise, in [0, 1]), else 0, in the dtype of `input`."""

def bitwise_and(input: Any, other: Any) -> Tensor:
    """input & other, of integers or bools."""

def bitwise_not(input: Tensor) -> Tensor:
    """~input, of integers or bools."""

def bitwise_or(input: Any, other: Any) -> Tensor:
    """input | other, of integers or bools."""

def bitwise_xor(input: Any, other: Any) -> Tensor:
    """input ^ other, of integers or bools."""

def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """The products of two batches of matrices, (b, m, k) and (b, k, n)."""

def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Views of all `tensors` with their common shape."""

def broadcast_to(input: Tensor, shape: tuple[_int, ...]) -> Tensor:
    """A read-only view of `input` with `shape`, repeated along axes of length 1."""

def bucketize(input: Tensor, boundaries: Tensor, *, right: _bool = False) -> Tensor:
    """For each element the index of its bucket among ascending `boundaries`."""

def cat(tensors: Sequence[Tensor], dim: _int = 0) -> Tensor:
    """Tensors joined along an existing axis; the other sizes must agree."""

def ceil(input: Tensor) -> Tensor:
    """The smallest integer not below x; its gradient is 0."""

def chunk(input: Tensor, chunks: _int, dim: _int = 0) -> tuple[Tensor, ...]:
    """At most `chunks` views of equal size along `dim` (the last may be smaller)."""

def clamp(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """`input` limited to [min, max], numbers or Tensors; gradients flow where it already was inside."""

def clamp_max(input: Tensor, max: Any) -> Tensor:
    """`input`, or `max` where it is larger."""

def clamp_min(input: Tensor, min: Any) -> Tensor:
    """`input`, or `min` where it is smaller."""

def clip(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """`input` limited to [min, max], numbers or Tensors; gradients flow where it already was inside."""

def clone(input: Tensor) -> Tensor:
    """A copy with its own memory; gradients flow through."""

def concat(tensors: Sequence[Tensor], dim: _int = 0) -> Tensor:
    """Tensors joined along an existing axis; the other sizes must agree."""

def concatenate(tensors: Sequence[Tensor], dim: _int = 0) -> Tensor:
    """Tensors joined along an existing axis; the other sizes must agree."""

def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: _int = 1,
) -> Tensor:
    """`conv2d` on one axis: input (N, C, L) or (C, L), weight (O, C / groups, K)."""

def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: _int = 1,
) -> Tensor:
    """The cross-correlation of images with filters."""

def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: _int = 1,
    dilation: Any = 1,
) -> Tensor:
    """The transpose of `conv2d` as a linear map: input (N, C, H, W), weight (C, O / groups, KH, KW); result (N, O, H', W') with"""

def cos(input: Tensor) -> Tensor:
    """The cosine of x in radians."""

def cosh(input: Tensor) -> Tensor:
    """(e^x + e^-x) / 2."""

def count_nonzero(input: Tensor, dim: Any = None) -> Tensor:
    """How many elements (over `dim`) are nonzero, int64."""

def cumsum(input: Tensor, dim: _int, *, dtype: Any = None) -> Tensor:
    """Running sums along `dim`; integers and bools sum to int64."""

def diag(input: Tensor, diagonal: _int = 0) -> Tensor:
    """Of a matrix, a diagonal; of a vector, the matrix with it on that diagonal."""

def diagonal(input: Tensor, offset: _int = 0, dim1: _int = 0, dim2: _int = 1) -> Tensor:
    """A read-only view of a diagonal of axes dim1 and dim2, appended as the last axis."""

def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """input / other, broadcast; integers give floats. `rounding_mode` 'floor' or 'trunc' rounds the quotient."""

def divide(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """input / other, broadcast; integers give floats. `rounding_mode` 'floor' or 'trunc' rounds the quotient."""

def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """The inner product of two vectors."""

def dropout(
    input: Tensor,
    p: _float = 0.5,
    training: _bool = True,
    inplace: _bool = False,
    *,
    generator: Generator | None = None,
    mask: Tensor | None = None,
    return_mask: _bool = False,
) -> Any:
    """Zeroes each element with probability `p` and scales the others by 1 / (1 - p) (Srivastava et al. 2014, inverted form)."""

def einsum(equation: str, *operands: Any) -> Tensor:
    """The sum of products that `equation` states in Einstein's notation, such as 'bij,bjk->bik'."""

def empty(*size: Any, dtype: Any = None, device: Any = None, requires_grad: _bool = False) -> Tensor:
    """A Tensor whose elements are whatever was in memory."""

def empty_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: _bool = False) -> Tensor:
    """Uninitialized memory of the shape and dtype of `input`."""

def eq(input: Any, other: Any) -> Tensor:
    """input == other, elementwise."""

def equal(input: Tensor, other: Tensor) -> _bool:
    """Whether two Tensors have the same shape and elements."""

def erf(input: Tensor) -> Tensor:
    """The error function: (2 / sqrt(pi)) times the integral of exp(-t^2) from 0 to x."""

def exp(input: Tensor) -> Tensor:
    """e ** x."""

def expm1(input: Tensor) -> Tensor:
    """e ** x - 1, exact near 0."""

def eye(
    n: _int,
    m: _int | None = None,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: _bool = False,
) -> Tensor:
    """The n x m matrix with ones on its diagonal."""

def fix(input: Tensor) -> Tensor:
    """x without its fraction; its gradient is 0."""

def flatten(input: Tensor, start_dim: _int = 0, end_dim: _int = -1) -> Tensor:
    """Axes `start_dim` to `end_dim` joined into one."""

def flip(input: Tensor, *dims: Any) -> Tensor:
    """A copy with the order of elements along `dims` reversed."""

def floor(input: Tensor) -> Tensor:
    """The largest integer not above x; its gradient is 0."""

def floor_divide(input: Any, other: Any) -> Tensor:
    """floor(input / other); its gradient is 0. Division of integers by zero raises RuntimeError."""

def from_dlpack(ext_tensor: Any) -> Tensor:
    """A Tensor that shares memory with any object that speaks DLPack (a NumPy, PyTorch or JAX array on the CPU)."""

def from_numpy(ndarray: np.ndarray) -> Tensor:
    """A Tensor that shares memory with an array; one that may not be written to refuses in-place operations."""

def full(
    size: Sequence[_int],
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: _bool = False,
) -> Tensor:
    """A Tensor of one number; its dtype is that of the number (floats: float32) unless given."""

def full_like(
    input: Tensor,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: _bool = False,
) -> Tensor:
    """One number in the shape and dtype of `input`."""

def gather(input: Tensor, dim: _int, index: Tensor) -> Tensor:
    """out[i][j] = input[index[i][j]][j] for dim 0, and so on; `index` (int64) gives the shape of the result."""

def ge(input: Any, other: Any) -> Tensor:
    """input >= other, elementwise."""

def ger(input: Tensor, vec2: Tensor) -> Tensor:
    """The outer product of two vectors."""

def get_rng_state() -> Tensor:
    """The state of the default generator, 24 elements of uint8."""

def greater(input: Any, other: Any) -> Tensor:
    """input > other, elementwise."""

def greater_equal(input: Any, other: Any) -> Tensor:
    """input >= other, elementwise."""

def gt(input: Any, other: Any) -> Tensor:
    """input > other, elementwise."""

def index_add(input: Tensor, dim: _int, index: Tensor, source: Tensor, *, alpha: _float = 1) -> Tensor:
    """A copy of `input` with alpha * source[i] added to the slice index[i] along `dim`."""

def index_fill(input: Tensor, dim: _int, index: Tensor, value: Any) -> Tensor:
    """A copy of `input` with `value` in the slices at `index` along `dim`."""

def index_select(input: Tensor, dim: _int, index: Any) -> Tensor:
    """The slices of `input` at `index` (1-D integers) along `dim`."""

def inner(input: Tensor, other: Tensor) -> Tensor:
    """The inner products over the last axes."""

def is_floating_point(input: Tensor) -> _bool:
    """Whether the dtype of `input` is a floating one."""

def is_tensor(obj: Any) -> _bool:
    """Whether `obj` is a Tensor."""

def isclose(
    input: Tensor,
    other: Tensor,
    rtol: _float = 1e-05,
    atol: _float = 1e-08,
    equal_nan: _bool = False,
) -> Tensor:
    """Where |input - other| <= atol + rtol * |other|."""

def isfinite(input: Tensor) -> Tensor:
    """Whether each element is neither infinite nor NaN."""

def isinf(input: Tensor) -> Tensor:
    """Whether each element is infinite."""

def isnan(input: Tensor) -> Tensor:
    """Whether each element is NaN."""

def le(input: Any, other: Any) -> Tensor:
    """input <= other, elementwise."""

def lerp(input: Tensor, end: Tensor, weight: Any) -> Tensor:
    """input + weight * (end - input)."""

def less(input: Any, other: Any) -> Tensor:
    """input < other, elementwise."""

def less_equal(input: Any, other: Any) -> Tensor:
    """input <= other, elementwise."""

def linspace(
    start: _float,
    end: _float,
    steps: _int,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: _bool = False,
) -> Tensor:
    """`steps` evenly spaced numbers from `start` to `end`, both included."""

def log(input: Tensor) -> Tensor:
    """The natural logarithm; -inf at 0, NaN below."""

def log10(input: Tensor) -> Tensor:
    """The logarithm to base 10."""

def log1p(input: Tensor) -> Tensor:
    """log(1 + x), exact near 0."""

def log2(input: Tensor) -> Tensor:
    """The logarithm to base 2."""

def log_softmax(input: Tensor, dim: _int | None = None, *, dtype: Any = None) -> Tensor:
    """log(softmax(x)) along `dim`, without overflow."""

def logical_and(input: Tensor, other: Tensor) -> Tensor:
    """Whether both are nonzero."""

def logical_not(input: Tensor) -> Tensor:
    """True where `input` is 0."""

def logical_or(input: Tensor, other: Tensor) -> Tensor:
    """Whether one is nonzero."""

def logical_xor(input: Tensor, other: Tensor) -> Tensor:
    """Whether exactly one is nonzero."""

def logsumexp(input: Tensor, dim: Any, keepdim: _bool = False) -> Tensor:
    """log(sum(exp(x))) over `dim`, without overflow."""

def lt(input: Any, other: Any) -> Tensor:
    """input < other, elementwise."""

def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """`input` with `value` where `mask` (bool) holds."""

def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where `mask` holds, in order, 1-D."""

def matmul(input: Tensor, other: Tensor) -> Tensor:
    """The matrix product of the last two axes; leading axes are broadcast; a vector counts as one row or column."""

def max(input: Tensor, dim: Any = None, keepdim: _bool = False) -> Any:
    """The largest element; over an axis `dim`, `(values, indices)` of the first largest; of two Tensors, `maximum`."""

def max_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: _bool = False,
    return_indices: _bool = False,
) -> Any:
    """The largest value of each window: (N, C, H, W) or (C, H, W) to (N, C, H', W'). `stride` is `kernel_size` unless given."""

def maximum(input: Tensor, other: Tensor) -> Tensor:
    """The larger of two, elementwise; NaN wins."""

def mean(
    input: Tensor,
    dim: Any = None,
    keepdim: _bool = False,
    *,
    dtype: Any = None,
    axis: Any = None,
    keepdims: _bool = False,
) -> Tensor:
    """The mean over `dim` (an int, several, or all); NaN for no elements. Integers have to be converted first."""

def meshgrid(*tensors: Any, indexing: str = 'ij') -> tuple[Tensor, ...]:
    """Coordinates of the grid that vectors span: the i-th result varies along axis i ('xy' exchanges the first two)."""

def min(input: Tensor, dim: Any = None, keepdim: _bool = False) -> Any:
    """The smallest element; over an axis `dim`, `(values, indices)` of the first smallest; of two Tensors, `minimum`."""

def minimum(input: Tensor, other: Tensor) -> Tensor:
    """The smaller of two, elementwise; NaN wins."""

def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """The product of two matrices."""

def moveaxis(input: Tensor, source: Any, destination: Any) -> Tensor:
    """A view with axes moved from `source` to `destination`; the others keep their order."""

def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """A view with axes moved from `source` to `destination`; the others keep their order."""

def mul(input: Any, other: Any) -> Tensor:
    """input * other, broadcast."""

def multinomial(
    input: Tensor,
    num_samples: _int,
    replacement: _bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Indices drawn with probabilities proportional to `input` (C,) or (N, C): (num_samples,) or (N, num_samples), int64."""

def multiply(input: Any, other: Any) -> Tensor:
    """input * other, broadcast."""

def mv(input: Tensor, vec: Tensor) -> Tensor:
    """The product of a matrix and a vector."""

def nansum(input: Tensor, dim: Any = None, keepdim: _bool = False) -> Tensor:
    """The sum over `dim` with NaN taken as 0."""

def narrow(input: Tensor, dim: _int, start: _int, length: _int) -> Tensor:
    """A view of elements start to start + length - 1 along `dim`."""

def ne(input: Any, other: Any) -> Tensor:
    """input != other, elementwise."""

def neg(input: Tensor) -> Tensor:
    """-input."""

def negative(input: Tensor) -> Tensor:
    """-input."""

def nonzero(input: Tensor, *, as_tuple: _bool = False) -> Any:
    """The indices of nonzero elements, (count, ndim) int64; `as_tuple` gives one vector for each axis, to index with."""

def norm(input: Tensor, p: Any = 2, dim: Any = None, keepdim: _bool = False) -> Tensor:
    """The p-norm (sum |x|^p)^(1/p) over `dim`, or of all elements; p may be inf, -inf, 0 or 'fro' (2)."""

def normal(mean: Any, std: Any, size: Any = None, *, generator: Generator | None = None) -> Tensor:
    """Normal numbers of the given means and standard deviations: Tensors (broadcast), or numbers and a `size`."""

def not_equal(input: Any, other: Any) -> Tensor:
    """input != other, elementwise."""

def numel(input: Tensor) -> _int:
    """The number of elements."""

def ones(*size: Any, dtype: Any = None, device: Any = None, requires_grad: _bool = False) -> Tensor:
    """A Tensor of ones, float32 unless `dtype` says otherwise."""

def ones_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: _bool = False) -> Tensor:
    """Ones of the shape and dtype of `input`."""

def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """The outer product of two vectors."""

def permute(input: Tensor, *dims: Any) -> Tensor:
    """A view with the axes in the order `dims`."""

def pow(input: Any, exponent: Any) -> Tensor:
    """input ** exponent, broadcast. Integers to negative integer powers raise RuntimeError."""

def prod(input: Tensor, dim: _int | None = None, keepdim: _bool = False, *, dtype: Any = None) -> Tensor:
    """The product over axis `dim`, or of all elements."""

def rand(
    *size: Any,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: _bool = False,
) -> Tensor:
    """Uniform numbers in [0, 1)."""

def rand_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    requires_grad: _bool = False,
) -> Tensor:
    """Uniform numbers in [0, 1) in the shape and dtype of `input`."""

def randint(
    low: _int,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    requires_grad: _bool = False,
) -> Tensor:
    """Integers in [low, high), each as likely; `randint(high, size)` begins at 0."""

def randn(
    *size: Any,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: _bool = False,
) -> Tensor:
    """Standard normal numbers."""

def randn_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    requires_grad: _bool = False,
) -> Tensor:
    """Standard normal numbers in the shape and dtype of `input`."""

def randperm(n: _int, *, generator: Generator | None = None, dtype: Any = None) -> Tensor:
    """The numbers 0 to n - 1 in random order."""

def ravel(input: Tensor) -> Tensor:
    """All elements in one axis."""

def reciprocal(input: Tensor) -> Tensor:
    """1 / input."""

def relu(input: Tensor, inplace: _bool = False) -> Tensor:
    """max(x, 0); NaN stays NaN. The gradient at 0 is 0."""

def remainder(input: Any, other: Any) -> Tensor:
    """input - other * floor(input / other): it has the sign of `other`, as Python's %."""

def repeat_interleave(input: Tensor, repeats: Any, dim: _int | None = None) -> Tensor:
    """Each element along `dim` repeated `repeats` times (an int, or one for each)."""

def reshape(input: Tensor, *shape: Any) -> Tensor:
    """The elements in logical order under `shape`; one size may be -1. A view where the memory allows it, else a copy."""

def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """Elements shifted along `dims`, those pushed out coming in at the other end."""

def round(input: Tensor, *, decimals: _int = 0) -> Tensor:
    """The nearest integer, halves to the even one; its gradient is 0."""

def rsqrt(input: Tensor) -> Tensor:
    """1 / sqrt(x)."""

def rsub(input: Any, other: Any, *, alpha: _float = 1) -> Tensor:
    """other - alpha * input, broadcast."""

def scatter(input: Tensor, dim: _int, index: Tensor, src: Any) -> Tensor:
    """A copy of `input` with out[index[i][j]][j] = src[i][j] for dim 0, and so on; `src` is a Tensor or a number."""

def scatter_add(input: Tensor, dim: _int, index: Tensor, src: Tensor) -> Tensor:
    """A copy of `input` with out[index[i][j]][j] += src[i][j] for dim 0, and so on."""

def select(input: Tensor, dim: _int, index: _int) -> Tensor:
    """A view of the slice at `index` along `dim`, which disappears."""

def set_rng_state(new_state: Tensor) -> None:
    """Bring the default generator back to a state that `get_rng_state` returned."""

def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + exp(-x)), without overflow."""

def sign(input: Tensor) -> Tensor:
    """-1, 0 or 1; its gradient is 0. NaN stays NaN (PyTorch gives 0). Bools stay as they are."""

def sin(input: Tensor) -> Tensor:
    """The sine of x in radians."""

def sinh(input: Tensor) -> Tensor:
    """(e^x - e^-x) / 2."""

def softmax(input: Tensor, dim: _int | None = None, *, dtype: Any = None) -> Tensor:
    """exp(x) / sum(exp(x)) along `dim`, without overflow."""

def sort(input: Tensor, dim: _int = -1, descending: _bool = False, stable: _bool = True) -> ValuesIndices:
    """`(values, indices)` in order along `dim`; equal elements keep their order (always stable), NaN counts as largest."""

def split(tensor: Tensor, split_size_or_sections: Any, dim: _int = 0) -> tuple[Tensor, ...]:
    """Views of pieces along `dim`: all of one size (the last may be smaller), or of the sizes listed."""

def sqrt(input: Tensor) -> Tensor:
    """The square root; NaN below 0."""

def square(input: Tensor) -> Tensor:
    """x * x; of bools int64."""

def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """Without its axes of length 1, or without those of `dim` that have length 1."""

def stack(tensors: Sequence[Tensor], dim: _int = 0) -> Tensor:
    """Tensors of one shape joined along a new axis `dim`."""

def std(
    input: Tensor,
    dim: Any = None,
    unbiased: _bool = True,
    keepdim: _bool = False,
    *,
    correction: _float | None = None,
) -> Tensor:
    """The standard deviation over `dim`; see `var`. Its gradient is 0 where all elements are equal."""

def std_mean(
    input: Tensor,
    dim: Any = None,
    unbiased: _bool = True,
    keepdim: _bool = False,
) -> tuple[Tensor, Tensor]:
    """`std` and `mean`."""

def sub(input: Any, other: Any, *, alpha: _float = 1) -> Tensor:
    """input - alpha * other, broadcast. Bool Tensors cannot be subtracted: use logical_xor or logical_not."""

def subtract(input: Any, other: Any, *, alpha: _float = 1) -> Tensor:
    """input - alpha * other, broadcast. Bool Tensors cannot be subtracted: use logical_xor or logical_not."""

def sum(
    input: Tensor,
    dim: Any = None,
    keepdim: _bool = False,
    *,
    dtype: Any = None,
    axis: Any = None,
    keepdims: _bool = False,
) -> Tensor:
    """The sum over `dim` (an int, several, or all). Integers and bools sum to int64."""

def swapaxes(input: Tensor, dim0: _int, dim1: _int) -> Tensor:
    """A view with two axes exchanged."""

def swapdims(input: Tensor, dim0: _int, dim1: _int) -> Tensor:
    """A view with two axes exchanged."""

def t(input: Tensor) -> Tensor:
    """The transpose of a matrix; vectors stay as they are."""

def take_along_dim(input: Tensor, indices: Tensor, dim: _int | None = None) -> Tensor:
    """Elements of `input` at `indices` along `dim`, the other axes broadcast."""

def tan(input: Tensor) -> Tensor:
    """The tangent of x in radians."""

def tanh(input: Tensor) -> Tensor:
    """sinh(x) / cosh(x), between -1 and 1."""

def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: _bool = False) -> Tensor:
    """A Tensor holding a copy of `data`: a number, nested sequences, an array or a Tensor."""

def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Tensor:
    """Products summed over axes: the last `dims` of a with the first of b, or the axes that two lists name."""

def tile(input: Tensor, *dims: Any) -> Tensor:
    """As `repeat`; fewer `dims` than axes concern the last ones."""

def topk(input: Tensor, k: _int, dim: _int = -1, largest: _bool = True, sorted: _bool = True) -> ValuesIndices:
    """`(values, indices)` of the k largest (or smallest) elements along `dim`, in order."""

def transpose(input: Tensor, dim0: _int, dim1: _int) -> Tensor:
    """A view with two axes exchanged."""

def tril(input: Tensor, diagonal: _int = 0) -> Tensor:
    """The elements on and below a diagonal of the last two axes; the others are 0."""

def triu(input: Tensor, diagonal: _int = 0) -> Tensor:
    """The elements on and above a diagonal of the last two axes; the others are 0."""

def true_divide(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """input / other, broadcast; integers give floats. `rounding_mode` 'floor' or 'trunc' rounds the quotient."""

def trunc(input: Tensor) -> Tensor:
    """x without its fraction; its gradient is 0."""

def unbind(input: Tensor, dim: _int = 0) -> tuple[Tensor, ...]:
    """Views of the slices along `dim`, which disappears."""

def unflatten(input: Tensor, dim: _int, sizes: Sequence[_int]) -> Tensor:
    """Axis `dim` split into axes of `sizes`; one may be -1."""

def unsqueeze(input: Tensor, dim: _int) -> Tensor:
    """With a new axis of length 1 at position `dim`."""

def var(
    input: Tensor,
    dim: Any = None,
    unbiased: _bool = True,
    keepdim: _bool = False,
    *,
    correction: _float | None = None,
) -> Tensor:
    """The variance over `dim`, from the mean in two passes; divided by n - correction (1 unless `unbiased=False`)."""

def var_mean(
    input: Tensor,
    dim: Any = None,
    unbiased: _bool = True,
    keepdim: _bool = False,
) -> tuple[Tensor, Tensor]:
    """`var` and `mean`."""

def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """`input` where `condition` (bool), elsewhere `other`, broadcast; with the condition alone, `nonzero(as_tuple=True)`."""

def zeros(*size: Any, dtype: Any = None, device: Any = None, requires_grad: _bool = False) -> Tensor:
    """A Tensor of zeros, float32 unless `dtype` says otherwise."""

def zeros_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: _bool = False) -> Tensor:
    """Zeros of the shape and dtype of `input`."""

__all__ = ['Generator', 'Tensor', '__version__', 'abs', 'absolute', 'acos', 'add', 'addcdiv', 'addcmul', 'addmm', 'all', 'allclose', 'amax', 'amin', 'any', 'arange', 'arccos', 'arcsin', 'arctan', 'argmax', 'argmin', 'argsort', 'as_tensor', 'asarray', 'asin', 'atan', 'atan2', 'autograd', 'baddbmm', 'batch_norm', 'bernoulli', 'bitwise_and', 'bitwise_not', 'bitwise_or', 'bitwise_xor', 'bmm', 'bool', 'broadcast_tensors', 'broadcast_to', 'bucketize', 'cat', 'ceil', 'chunk', 'clamp', 'clamp_max', 'clamp_min', 'clip', 'clone', 'concat', 'concatenate', 'conv1d', 'conv2d', 'conv_transpose2d', 'cos', 'cosh', 'count_nonzero', 'cumsum', 'default_generator', 'diag', 'diagonal', 'div', 'divide', 'dot', 'double', 'dropout', 'einsum', 'empty', 'empty_like', 'enable_grad', 'eq', 'equal', 'erf', 'exp', 'expm1', 'eye', 'finfo', 'fix', 'flatten', 'flip', 'float', 'float16', 'float32', 'float64', 'floor', 'floor_divide', 'from_dlpack', 'from_numpy', 'full', 'full_like', 'gather', 'ge', 'ger', 'get_num_threads', 'get_rng_state', 'greater', 'greater_equal', 'gt', 'half', 'iinfo', 'index_add', 'index_fill', 'index_select', 'inference_mode', 'initial_seed', 'inner', 'int', 'int16', 'int32', 'int64', 'int8', 'is_floating_point', 'is_grad_enabled', 'is_inference_mode_enabled', 'is_tensor', 'isclose', 'isfinite', 'isinf', 'isnan', 'le', 'lerp', 'less', 'less_equal', 'linspace', 'load', 'log', 'log10', 'log1p', 'log2', 'log_softmax', 'logical_and', 'logical_not', 'logical_or', 'logical_xor', 'logsumexp', 'long', 'lt', 'manual_seed', 'masked_fill', 'masked_select', 'matmul', 'max', 'max_pool2d', 'maximum', 'mean', 'meshgrid', 'min', 'minimum', 'mm', 'moveaxis', 'movedim', 'mul', 'multinomial', 'multiply', 'mv', 'nansum', 'narrow', 'ne', 'neg', 'negative', 'nn', 'no_grad', 'nonzero', 'norm', 'normal', 'not_equal', 'numel', 'ones', 'ones_like', 'ops', 'optim', 'outer', 'permute', 'pow', 'prod', 'promote_types', 'rand', 'rand_like', 'randint', 'randn', 'randn_like', 'randperm', 'ravel', 'reciprocal', 'relu', 'remainder', 'repeat_interleave', 'reshape', 'roll', 'round', 'rsqrt', 'rsub', 'save', 'scatter', 'scatter_add', 'seed', 'select', 'set_grad_enabled', 'set_num_threads', 'set_rng_state', 'short', 'show_config', 'sigmoid', 'sign', 'sin', 'sinh', 'softmax', 'sort', 'split', 'sqrt', 'square', 'squeeze', 'stack', 'std', 'std_mean', 'sub', 'subtract', 'sum', 'swapaxes', 'swapdims', 't', 'take_along_dim', 'tan', 'tanh', 'tensor', 'tensordot', 'tile', 'topk', 'transpose', 'tril', 'triu', 'true_divide', 'trunc', 'uint8', 'unbind', 'unflatten', 'unsqueeze', 'utils', 'var', 'var_mean', 'where', 'zeros', 'zeros_like']

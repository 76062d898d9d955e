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
from .compat import accelerator as accelerator, amp as amp, backends as backends, cuda as cuda, fx as fx, jit as jit, mps as mps, xpu as xpu
from .compat.absent import bfloat16 as bfloat16
from .compat.absent import explain as _explain
from .compat.amp import autocast as autocast
from .compat.formats import channels_last as channels_last, channels_last_3d as channels_last_3d, contiguous_format as contiguous_format, memory_format as memory_format, preserve_format as preserve_format
from .compat.settings import _assert as _assert, are_deterministic_algorithms_enabled as are_deterministic_algorithms_enabled, compile as compile, get_default_device as get_default_device, get_float32_matmul_precision as get_float32_matmul_precision, set_default_device as set_default_device, set_float32_matmul_precision as set_float32_matmul_precision, use_deterministic_algorithms as use_deterministic_algorithms
from .config import get_num_threads as get_num_threads, set_num_threads as set_num_threads, show_config as show_config
from .device import device as device
from .dtypes import double as double, finfo as finfo, float16 as float16, float32 as float32, float64 as float64, get_default_dtype as get_default_dtype, half as half, iinfo as iinfo, int8 as int8, int16 as int16, int32 as int32, int64 as int64, long as long, promote_types as promote_types, set_default_dtype as set_default_dtype, short as short, uint8 as uint8
from .grad_mode import enable_grad as enable_grad, inference_mode as inference_mode, is_grad_enabled as is_grad_enabled, is_inference_mode_enabled as is_inference_mode_enabled, no_grad as no_grad, set_grad_enabled as set_grad_enabled
from .ops.queries import Layout as layout
from .ops.queries import strided as strided
from .ops.typed import BoolTensor as BoolTensor, ByteTensor as ByteTensor, CharTensor as CharTensor, DoubleTensor as DoubleTensor, FloatTensor as FloatTensor, HalfTensor as HalfTensor, IntTensor as IntTensor, LongTensor as LongTensor, ShortTensor as ShortTensor
from .printing import set_printoptions as set_printoptions
from .random import Generator as Generator, default_generator as default_generator, initial_seed as initial_seed, manual_seed as manual_seed, seed as seed
from .size import Size as Size
from .tensor import Tensor as Tensor
from .version import __version__ as __version__
from . import linalg as linalg, nn as nn, optim as optim, random as random, utils as utils
from .serialization import load as load, save as save
from math import e as e, inf as inf, nan as nan, pi as pi
bool: np.dtype
float: np.dtype
int: np.dtype

def abs(input: Tensor) -> Tensor:
    """The absolute value; its slope at 0 is 0."""

def abs_(input: Tensor) -> Tensor:
    """The in-place form of `abs`; returns `input`."""

def absolute(input: Tensor) -> Tensor:
    """The absolute value; its slope at 0 is 0."""

def acos(input: Tensor) -> Tensor:
    """The angle in [0, pi] whose cosine is x."""

def acos_(input: Tensor) -> Tensor:
    """The in-place form of `acos`; returns `input`."""

def acosh(input: Tensor) -> Tensor:
    """The positive number whose cosh is x; NaN below 1."""

def adaptive_avg_pool1d(input: Tensor, output_size: Any) -> Tensor:
    """The means of L' regions that cover a signal: (N, C, L) or (C, L) to (N, C, L'); see `adaptive_avg_pool2d`."""

def adaptive_max_pool1d(input: Tensor, output_size: Any, return_indices: _bool = False) -> Any:
    """The largest values of L' regions that cover a signal: (N, C, L) or (C, L) to (N, C, L')."""

def add(input: Any, other: Any, *older: Any, alpha: _float = 1) -> Tensor:
    """input + alpha * other, broadcast. The order of PyTorch before 1.5, add(alpha, other), warns."""

def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *older: Any, value: _float = 1) -> Tensor:
    """input + value * tensor1 / tensor2. The order of PyTorch before 1.5, addcdiv(value, tensor1, tensor2), warns."""

def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *older: Any, value: _float = 1) -> Tensor:
    """input + value * tensor1 * tensor2. The order of PyTorch before 1.5, addcmul(value, tensor1, tensor2), warns."""

def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: _float = 1, alpha: _float = 1) -> Tensor:
    """beta * input + alpha * (mat1 @ mat2)."""

def adjoint(input: Tensor) -> Tensor:
    """The transposes of a batch of matrices, which are real."""

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

def aminmax(input: Tensor, *, dim: _int | None = None, keepdim: _bool = False) -> tuple[Tensor, Tensor]:
    """`amin` and `amax`."""

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
    """start, start + step, ... up to but not including `end`; int64 for ints, otherwise the default dtype. `arange(n)` begins at 0."""

def arccos(input: Tensor) -> Tensor:
    """The angle in [0, pi] whose cosine is x."""

def arccosh(input: Tensor) -> Tensor:
    """The positive number whose cosh is x; NaN below 1."""

def arcsin(input: Tensor) -> Tensor:
    """The angle in [-pi/2, pi/2] whose sine is x."""

def arcsinh(input: Tensor) -> Tensor:
    """The number whose sinh is x."""

def arctan(input: Tensor) -> Tensor:
    """The angle in (-pi/2, pi/2) whose tangent is x."""

def arctanh(input: Tensor) -> Tensor:
    """The number whose tanh is x; infinite at 1 and -1, NaN beyond."""

def argmax(input: Tensor, dim: _int | None = None, keepdim: _bool = False) -> Tensor:
    """The index (int64) of the first largest element along `dim`, or in the flattened Tensor."""

def argmin(input: Tensor, dim: _int | None = None, keepdim: _bool = False) -> Tensor:
    """The index (int64) of the first smallest element along `dim`, or in the flattened Tensor."""

def argsort(input: Tensor, dim: _int = -1, descending: _bool = False, stable: _bool = True) -> Tensor:
    """The indices that sort `input` along `dim`."""

def argwhere(input: Tensor) -> Tensor:
    """The indices of nonzero elements, (count, ndim) int64."""

def as_strided(
    input: Tensor,
    size: Sequence[_int],
    stride: Sequence[_int],
    storage_offset: _int | None = None,
) -> Tensor:
    """A view of the memory of `input` (contiguous) with any size, steps and offset, counted in elements."""

def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """`data` as a Tensor, sharing memory where that is possible."""

def asarray(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """`data` as a Tensor, sharing memory where that is possible."""

def asin(input: Tensor) -> Tensor:
    """The angle in [-pi/2, pi/2] whose sine is x."""

def asin_(input: Tensor) -> Tensor:
    """The in-place form of `asin`; returns `input`."""

def asinh(input: Tensor) -> Tensor:
    """The number whose sinh is x."""

def atan(input: Tensor) -> Tensor:
    """The angle in (-pi/2, pi/2) whose tangent is x."""

def atan2(input: Tensor, other: Tensor) -> Tensor:
    """The angle of the point (other, input), in (-pi, pi]."""

def atan_(input: Tensor) -> Tensor:
    """The in-place form of `atan`; returns `input`."""

def atanh(input: Tensor) -> Tensor:
    """The number whose tanh is x; infinite at 1 and -1, NaN beyond."""

def atleast_1d(*tensors: Any) -> Any:
    """The Tensor, or each of several, with at least 1 axis."""

def atleast_2d(*tensors: Any) -> Any:
    """The Tensor, or each of several, with at least 2 axes: a vector becomes a row."""

def atleast_3d(*tensors: Any) -> Any:
    """The Tensor, or each of several, with at least 3 axes: (n,) becomes (1, n, 1), and (n, m) (n, m, 1)."""

def avg_pool1d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: _bool = False,
    count_include_pad: _bool = True,
) -> Tensor:
    """`avg_pool2d` on one axis: (N, C, L) or (C, L) to (N, C, L')."""

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

def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input1 @ weight[o] @ input2 + bias[o] for each output o."""

def bincount(input: Tensor, weights: Tensor | None = None, minlength: _int = 0) -> Tensor:
    """How often each of 0, 1, 2, ... occurs in a vector of integers, or the sums of their `weights`; at least `minlength` of them."""

def bitwise_and(input: Any, other: Any) -> Tensor:
    """input & other, of integers or bools."""

def bitwise_not(input: Tensor) -> Tensor:
    """~input, of integers or bools."""

def bitwise_or(input: Any, other: Any) -> Tensor:
    """input | other, of integers or bools."""

def bitwise_xor(input: Any, other: Any) -> Tensor:
    """input ^ other, of integers or bools."""

def block_diag(*tensors: Tensor) -> Tensor:
    """Matrices (numbers, vectors as rows) along the diagonal of a larger one, zeros elsewhere."""

def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """The products of two batches of matrices, (b, m, k) and (b, k, n)."""

def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Views of all `tensors` with their common shape."""

def broadcast_to(input: Tensor, shape: tuple[_int, ...]) -> Tensor:
    """A read-only view of `input` with `shape`, repeated along axes of length 1."""

def bucketize(input: Tensor, boundaries: Tensor, *, out_int32: _bool = False, right: _bool = False) -> Tensor:
    """For each element the index of its bucket among ascending `boundaries`."""

def cartesian_prod(*tensors: Tensor) -> Tensor:
    """All tuples of one element of each vector, as rows in the order of nested loops."""

def cat(tensors: Sequence[Tensor], dim: _int = 0) -> Tensor:
    """Tensors joined along an existing axis; the other sizes must agree."""

def cdist(x1: Tensor, x2: Tensor, p: _float = 2.0, compute_mode: str | None = None) -> Tensor:
    """The p-norms of the differences of all rows of x1 (..., P, M) and x2 (..., R, M): (..., P, R)."""

def ceil(input: Tensor) -> Tensor:
    """The smallest integer not below x; its gradient is 0."""

def ceil_(input: Tensor) -> Tensor:
    """The in-place form of `ceil`; returns `input`."""

def celu(input: Tensor, alpha: _float = 1.0, inplace: _bool = False) -> Tensor:
    """x where x > 0, elsewhere alpha (e^(x / alpha) - 1) (Barron 2017)."""

def celu_(input: Tensor, alpha: _float = 1.0, inplace: _bool = False) -> Tensor:
    """The in-place form of `celu`; returns `input`."""

def chain_matmul(*matrices: Tensor) -> Tensor:
    """The product of matrices, from the left."""

def channel_shuffle(input: Tensor, groups: _int) -> Tensor:
    """Channels (N, C, ...) in the order that deals them out of `groups` groups in turn (Zhang et al. 2018)."""

def chunk(input: Tensor, chunks: _int, dim: _int = 0) -> tuple[Tensor, ...]:
    """At most `chunks` views of equal size along `dim` (the last may be smaller)."""

def clamp(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """`input` limited to [min, max], numbers or Tensors; gradients flow where it already was inside."""

def clamp_(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """The in-place form of `clamp`; returns `input`."""

def clamp_max(input: Tensor, max: Any) -> Tensor:
    """`input`, or `max` where it is larger."""

def clamp_max_(input: Tensor, max: Any) -> Tensor:
    """The in-place form of `clamp_max`; returns `input`."""

def clamp_min(input: Tensor, min: Any) -> Tensor:
    """`input`, or `min` where it is smaller."""

def clamp_min_(input: Tensor, min: Any) -> Tensor:
    """The in-place form of `clamp_min`; returns `input`."""

def clip(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """`input` limited to [min, max], numbers or Tensors; gradients flow where it already was inside."""

def clone(input: Tensor, *, memory_format: Any = None) -> Tensor:
    """A copy with its own memory; gradients flow through."""

def column_stack(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors joined along the second axis, vectors as columns."""

def combinations(input: Tensor, r: _int = 2, with_replacement: _bool = False) -> Tensor:
    """All choices of `r` elements of a vector, as rows."""

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

def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: _int = 1,
) -> Tensor:
    """`conv2d` on three axes: input (N, C, D, H, W) or (C, D, H, W), weight (O, C / groups, KD, KH, KW)."""

def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: _int = 1,
    dilation: Any = 1,
) -> Tensor:
    """`conv_transpose2d` on one axis: input (N, C, L) or (C, L), weight (C, O / groups, K)."""

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

def corrcoef(input: Tensor) -> Tensor:
    """Pearson's correlations of variables, which are the rows of (variables, observations)."""

def cos(input: Tensor) -> Tensor:
    """The cosine of x in radians."""

def cos_(input: Tensor) -> Tensor:
    """The in-place form of `cos`; returns `input`."""

def cosh(input: Tensor) -> Tensor:
    """(e^x + e^-x) / 2."""

def cosh_(input: Tensor) -> Tensor:
    """The in-place form of `cosh`; returns `input`."""

def cosine_similarity(x1: Tensor, x2: Tensor, dim: _int = 1, eps: _float = 1e-08) -> Tensor:
    """x1 . x2 / (|x1| |x2|) along `dim`, broadcast; norms below `eps` count as `eps`."""

def count_nonzero(input: Tensor, dim: Any = None) -> Tensor:
    """How many elements (over `dim`) are nonzero, int64."""

def cov(input: Tensor, *, correction: _int = 1) -> Tensor:
    """The covariances of variables, which are the rows of (variables, observations); `fweights` and `aweights` are absent."""

def cross(input: Tensor, other: Tensor, dim: _int = -1) -> Tensor:
    """The cross product of vectors of 3 elements along `dim`, broadcast."""

def cummax(input: Tensor, dim: _int) -> ValuesIndices:
    """`(values, indices)` of the largest element so far along `dim`, the last of equal ones."""

def cummin(input: Tensor, dim: _int) -> ValuesIndices:
    """`(values, indices)` of the smallest element so far along `dim`, the last of equal ones."""

def cumprod(input: Tensor, dim: _int, *, dtype: Any = None) -> Tensor:
    """Running products along `dim`; integers and bools give int64."""

def cumsum(input: Tensor, dim: _int, *, dtype: Any = None) -> Tensor:
    """Running sums along `dim`; integers and bools sum to int64."""

def deg2rad(input: Tensor) -> Tensor:
    """Degrees as radians."""

def diag(input: Tensor, diagonal: _int = 0) -> Tensor:
    """Of a matrix, a diagonal; of a vector, the matrix with it on that diagonal."""

def diag_embed(input: Tensor, offset: _int = 0, dim1: _int = -2, dim2: _int = -1) -> Tensor:
    """Matrices, in axes dim1 and dim2 of the result, with the last axis of `input` on a diagonal and zeros elsewhere."""

def diagonal(input: Tensor, offset: _int = 0, dim1: _int = 0, dim2: _int = 1) -> Tensor:
    """A read-only view of a diagonal of axes dim1 and dim2, appended as the last axis."""

def diff(
    input: Tensor,
    n: _int = 1,
    dim: _int = -1,
    prepend: Tensor | None = None,
    append: Tensor | None = None,
) -> Tensor:
    """The n-th differences of neighbours along `dim`, after joining `prepend` and `append` to it."""

def dist(input: Tensor, other: Tensor, p: _float = 2) -> Tensor:
    """The p-norm of input - other."""

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

def dsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """`tensor_split` along the third axis into equal pieces, or at indices."""

def dstack(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors joined along the third axis."""

def einsum(equation: str, *operands: Any) -> Tensor:
    """The sum of products that `equation` states in Einstein's notation, such as 'bij,bjk->bik'."""

def empty(
    *sizes: Any,
    size: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: _bool = False,
) -> Tensor:
    """A Tensor whose elements are whatever was in memory."""

def empty_like(
    input: Tensor,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: _bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Uninitialized memory of the shape and dtype of `input`."""

def eq(input: Any, other: Any) -> Tensor:
    """input == other, elementwise."""

def equal(input: Tensor, other: Tensor) -> _bool:
    """Whether two Tensors have the same shape and elements."""

def erf(input: Tensor) -> Tensor:
    """The error function: (2 / sqrt(pi)) times the integral of exp(-t^2) from 0 to x."""

def erf_(input: Tensor) -> Tensor:
    """The in-place form of `erf`; returns `input`."""

def exp(input: Tensor) -> Tensor:
    """e ** x."""

def exp2(input: Tensor) -> Tensor:
    """2 ** x."""

def exp2_(input: Tensor) -> Tensor:
    """The in-place form of `exp2`; returns `input`."""

def exp_(input: Tensor) -> Tensor:
    """The in-place form of `exp`; returns `input`."""

def expm1(input: Tensor) -> Tensor:
    """e ** x - 1, exact near 0."""

def expm1_(input: Tensor) -> Tensor:
    """The in-place form of `expm1`; returns `input`."""

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

def flip(input: Tensor, *axes: Any, dims: Any = None) -> Tensor:
    """A copy with the order of elements along `dims` reversed."""

def fliplr(input: Tensor) -> Tensor:
    """The second axis reversed."""

def flipud(input: Tensor) -> Tensor:
    """The first axis reversed."""

def floor(input: Tensor) -> Tensor:
    """The largest integer not above x; its gradient is 0."""

def floor_(input: Tensor) -> Tensor:
    """The in-place form of `floor`; returns `input`."""

def floor_divide(input: Any, other: Any) -> Tensor:
    """floor(input / other); its gradient is 0. Division of integers by zero raises RuntimeError."""

def fmod(input: Any, other: Any) -> Tensor:
    """input - other * trunc(input / other): it has the sign of `input`, as C's fmod."""

def frac(input: Tensor) -> Tensor:
    """x - trunc(x): what follows the point, with the sign of x."""

def frac_(input: Tensor) -> Tensor:
    """The in-place form of `frac`; returns `input`."""

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
    """A Tensor of one number; its dtype is that of the number (floats: the default one) unless given."""

def full_like(
    input: Tensor,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: _bool = False,
    memory_format: Any = None,
) -> Tensor:
    """One number in the shape and dtype of `input`."""

def gather(input: Tensor, dim: _int, index: Tensor, *, sparse_grad: _bool = False) -> Tensor:
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

def group_norm(
    input: Tensor,
    num_groups: _int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: _float = 1e-05,
) -> Tensor:
    """Each of `num_groups` groups of channels of each example normalized to mean 0 and variance 1 (Wu & He 2018)."""

def gru_cell(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> Tensor:
    """One step of a GRU (Cho et al. 2014, in cuDNN's form): the next h."""

def gt(input: Any, other: Any) -> Tensor:
    """input > other, elementwise."""

def hardshrink(input: Tensor, lambd: _float = 0.5) -> Tensor:
    """x where |x| > lambd, elsewhere 0."""

def histc(input: Tensor, bins: _int = 100, min: _float = 0, max: _float = 0) -> Tensor:
    """How many elements lie in each of `bins` equal parts of [min, max]; of the data's own range where both are 0."""

def hsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """`tensor_split` along the second axis (of a vector the only one) into equal pieces, or at indices."""

def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors joined along the second axis, vectors along their only one."""

def index_add(input: Tensor, dim: _int, index: Tensor, source: Tensor, *, alpha: _float = 1) -> Tensor:
    """A copy of `input` with alpha * source[i] added to the slice index[i] along `dim`."""

def index_copy(input: Tensor, dim: _int, index: Tensor, source: Tensor) -> Tensor:
    """A copy of `input` in which the slices at `index` along `dim` are those of `source`."""

def index_fill(input: Tensor, dim: _int, index: Tensor, value: Any) -> Tensor:
    """A copy of `input` with `value` in the slices at `index` along `dim`."""

def index_put(input: Tensor, indices: Any, values: Tensor, accumulate: _bool = False) -> Tensor:
    """A copy of `input` in which input[indices] is `values`, or with `accumulate` has them added; `indices` is a tuple of Tensors."""

def index_select(input: Tensor, dim: _int, index: Any) -> Tensor:
    """The slices of `input` at `index` (1-D integers) along `dim`."""

def inner(input: Tensor, other: Tensor) -> Tensor:
    """The inner products over the last axes."""

def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: _bool = True,
    momentum: _float = 0.1,
    eps: _float = 1e-05,
) -> Tensor:
    """Each channel of each example normalized to mean 0 and variance 1 (Ulyanov, Vedaldi & Lempitsky 2016)."""

def is_complex(input: Tensor) -> _bool:
    """False: there are no complex numbers."""

def is_floating_point(input: Tensor) -> _bool:
    """Whether the dtype of `input` is a floating one."""

def is_nonzero(input: Tensor) -> _bool:
    """Whether the one element is not 0; RuntimeError for another number of elements."""

def is_signed(input: Tensor) -> _bool:
    """Whether the dtype has negative numbers."""

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

def isin(elements: Any, test_elements: Any, *, assume_unique: _bool = False, invert: _bool = False) -> Tensor:
    """Whether each of `elements` is among `test_elements`, or with `invert` is not."""

def isinf(input: Tensor) -> Tensor:
    """Whether each element is infinite."""

def isnan(input: Tensor) -> Tensor:
    """Whether each element is NaN."""

def kron(input: Tensor, other: Tensor) -> Tensor:
    """Kronecker's product: each element of `input` times the whole of `other`."""

def kthvalue(input: Tensor, k: _int, dim: _int = -1, keepdim: _bool = False) -> ValuesIndices:
    """`(values, indices)` of the k-th smallest elements along `dim`, k from 1; NaN counts as largest."""

def layer_norm(
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: _float = 1e-05,
) -> Tensor:
    """Each row normalized to mean 0 and variance 1, times `weight`, plus `bias` (Ba, Kiros, Hinton 2016)."""

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

def log10_(input: Tensor) -> Tensor:
    """The in-place form of `log10`; returns `input`."""

def log1p(input: Tensor) -> Tensor:
    """log(1 + x), exact near 0."""

def log1p_(input: Tensor) -> Tensor:
    """The in-place form of `log1p`; returns `input`."""

def log2(input: Tensor) -> Tensor:
    """The logarithm to base 2."""

def log2_(input: Tensor) -> Tensor:
    """The in-place form of `log2`; returns `input`."""

def log_(input: Tensor) -> Tensor:
    """The in-place form of `log`; returns `input`."""

def log_softmax(input: Tensor, dim: _int | None = None, *, dtype: Any = None) -> Tensor:
    """log(softmax(x)) along `dim`, without overflow."""

def logaddexp(input: Tensor, other: Tensor) -> Tensor:
    """log(exp(input) + exp(other)), without overflow."""

def logical_and(input: Tensor, other: Tensor) -> Tensor:
    """Whether both are nonzero."""

def logical_not(input: Tensor) -> Tensor:
    """True where `input` is 0."""

def logical_or(input: Tensor, other: Tensor) -> Tensor:
    """Whether one is nonzero."""

def logical_xor(input: Tensor, other: Tensor) -> Tensor:
    """Whether exactly one is nonzero."""

def logit(input: Tensor, eps: _float | None = None) -> Tensor:
    """log(x / (1 - x)), x first limited to [eps, 1 - eps] if that is given."""

def logspace(
    start: _float,
    end: _float,
    steps: _int,
    base: _float = 10.0,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: _bool = False,
) -> Tensor:
    """`steps` numbers from base**start to base**end, evenly spaced on a logarithmic scale."""

def logsumexp(input: Tensor, dim: Any, keepdim: _bool = False) -> Tensor:
    """log(sum(exp(x))) over `dim`, without overflow."""

def lstm_cell(
    input: Tensor,
    hx: Sequence[Tensor],
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """One step of an LSTM (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000): the next (h, c)."""

def lt(input: Any, other: Any) -> Tensor:
    """input < other, elementwise."""

def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """`input` with `value` where `mask` (bool) holds."""

def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """A copy of `input` in which the elements where `mask` (bool) holds are the first ones of `source`, in order."""

def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where `mask` holds, in order, 1-D."""

def matmul(input: Tensor, other: Tensor) -> Tensor:
    """The matrix product of the last two axes; leading axes are broadcast; a vector counts as one row or column."""

def max(input: Tensor, dim: Any = None, keepdim: _bool = False) -> Any:
    """The largest element; over an axis `dim`, `(values, indices)` of the first largest; of two Tensors, `maximum`."""

def max_pool1d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: _bool = False,
    return_indices: _bool = False,
) -> Any:
    """`max_pool2d` on one axis: (N, C, L) or (C, L) to (N, C, L')."""

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

def median(input: Tensor, dim: _int | None = None, keepdim: _bool = False) -> Any:
    """The median of all elements, or `(values, indices)` along `dim`: of an even number the lower one of the middle two."""

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

def nan_to_num(
    input: Tensor,
    nan: _float | None = None,
    posinf: _float | None = None,
    neginf: _float | None = None,
) -> Tensor:
    """`nan` (0 unless given) in place of NaN, `posinf` and `neginf` (the dtype's limits) in place of infinities."""

def nan_to_num_(
    input: Tensor,
    nan: _float | None = None,
    posinf: _float | None = None,
    neginf: _float | None = None,
) -> Tensor:
    """The in-place form of `nan_to_num`; returns `input`."""

def nanmean(input: Tensor, dim: Any = None, keepdim: _bool = False) -> Tensor:
    """The mean of the elements (over `dim`) that are not NaN."""

def nanmedian(input: Tensor, dim: _int | None = None, keepdim: _bool = False) -> Any:
    """`median` of the elements that are not NaN; NaN where all are."""

def nansum(input: Tensor, dim: Any = None, keepdim: _bool = False) -> Tensor:
    """The sum over `dim` with NaN taken as 0."""

def narrow(input: Tensor, dim: _int, start: _int, length: _int) -> Tensor:
    """A view of elements start to start + length - 1 along `dim`."""

def ne(input: Any, other: Any) -> Tensor:
    """input != other, elementwise."""

def neg(input: Tensor) -> Tensor:
    """-input."""

def neg_(input: Tensor) -> Tensor:
    """The in-place form of `neg`; returns `input`."""

def negative(input: Tensor) -> Tensor:
    """-input."""

def nonzero(input: Tensor, *, as_tuple: _bool = False) -> Any:
    """The indices of nonzero elements, (count, ndim) int64; `as_tuple` gives one vector for each axis, to index with."""

def norm(input: Tensor, p: Any = 'fro', dim: Any = None, keepdim: _bool = False, dtype: Any = None) -> Tensor:
    """The p-norm (sum |x|^p)^(1/p) over `dim`, or of all elements; p may be inf, -inf, 0 or 'fro' (2)."""

def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: _bool = False,
) -> Tensor:
    """Normal numbers of the given means and standard deviations: Tensors (broadcast), or numbers and a `size`."""

def not_equal(input: Any, other: Any) -> Tensor:
    """input != other, elementwise."""

def numel(input: Tensor) -> _int:
    """The number of elements."""

def ones(
    *sizes: Any,
    size: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: _bool = False,
) -> Tensor:
    """A Tensor of ones, the default dtype unless `dtype` says otherwise."""

def ones_like(
    input: Tensor,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: _bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Ones of the shape and dtype of `input`."""

def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """The outer product of two vectors."""

def pairwise_distance(
    x1: Tensor,
    x2: Tensor,
    p: _float = 2.0,
    eps: _float = 1e-06,
    keepdim: _bool = False,
) -> Tensor:
    """The p-norm of x1 - x2 + eps along the last axis, broadcast."""

def permute(input: Tensor, *axes: Any, dims: Any = None) -> Tensor:
    """A view with the axes in the order `dims`."""

def pixel_shuffle(input: Tensor, upscale_factor: _int) -> Tensor:
    """Channels laid out as pixels: (*, C r^2, H, W) to (*, C, H r, W r) for a factor r (Shi et al. 2016)."""

def pixel_unshuffle(input: Tensor, downscale_factor: _int) -> Tensor:
    """The inverse of `pixel_shuffle`: (*, C, H r, W r) to (*, C r^2, H, W)."""

def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: _bool = True,
    full: _bool = False,
    eps: _float = 1e-08,
    reduction: str = 'mean',
) -> Tensor:
    """exp(input) - target input for a logarithmic rate, input - target log(input + eps) otherwise."""

def pow(input: Any, exponent: Any) -> Tensor:
    """input ** exponent, broadcast. Integers to negative integer powers raise RuntimeError."""

def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """x where x > 0, elsewhere weight * x (He et al. 2015): one weight, or one for each channel of (N, C, ...)."""

def prod(input: Tensor, dim: _int | None = None, keepdim: _bool = False, *, dtype: Any = None) -> Tensor:
    """The product over axis `dim`, or of all elements."""

def quantile(
    input: Tensor,
    q: Any,
    dim: _int | None = None,
    keepdim: _bool = False,
    *,
    interpolation: str = 'linear',
) -> Tensor:
    """The q-th quantiles along `dim` (or of all elements), q in [0, 1] a number or a vector, which becomes the first axis."""

def rad2deg(input: Tensor) -> Tensor:
    """Radians as degrees."""

def rand(
    *sizes: Any,
    size: Any = None,
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
    device: Any = None,
    requires_grad: _bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Uniform numbers in [0, 1) in the shape and dtype of `input`."""

def randint(
    low: _int,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: _bool = False,
) -> Tensor:
    """Integers in [low, high), each as likely; `randint(high, size)` begins at 0."""

def randint_like(
    input: Tensor,
    low: _int,
    high: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: _bool = False,
) -> Tensor:
    """Integers in [low, high), or [0, low), in the shape and dtype of `input`."""

def randn(
    *sizes: Any,
    size: Any = None,
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
    device: Any = None,
    requires_grad: _bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Standard normal numbers in the shape and dtype of `input`."""

def randperm(
    n: _int,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: _bool = False,
) -> Tensor:
    """The numbers 0 to n - 1 in random order."""

def ravel(input: Tensor) -> Tensor:
    """All elements in one axis."""

def reciprocal(input: Tensor) -> Tensor:
    """1 / input."""

def reciprocal_(input: Tensor) -> Tensor:
    """The in-place form of `reciprocal`; returns `input`."""

def relu(input: Tensor, inplace: _bool = False) -> Tensor:
    """max(x, 0); NaN stays NaN. The gradient at 0 is 0."""

def relu_(input: Tensor, inplace: _bool = False) -> Tensor:
    """The in-place form of `relu`; returns `input`."""

def remainder(input: Any, other: Any) -> Tensor:
    """input - other * floor(input / other): it has the sign of `other`, as Python's %."""

def repeat_interleave(input: Tensor, repeats: Any, dim: _int | None = None) -> Tensor:
    """Each element along `dim` repeated `repeats` times (an int, or one for each)."""

def reshape(input: Tensor, *sizes: Any, shape: Any = None) -> Tensor:
    """The elements in logical order under `shape`; one size may be -1. A view where the memory allows it, else a copy."""

def rms_norm(
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    eps: _float | None = None,
) -> Tensor:
    """Each row divided by its root mean square, times `weight` (Zhang & Sennrich 2019); rows as in `layer_norm`."""

def rnn_relu_cell(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> Tensor:
    """One step of Elman's net with a ReLU: max(w_ih x + b_ih + w_hh h + b_hh, 0). Shapes as in `lstm_cell`, with a row for each unit."""

def rnn_tanh_cell(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> Tensor:
    """One step of Elman's net (1990): tanh(w_ih x + b_ih + w_hh h + b_hh). Shapes as in `lstm_cell`, with a row for each unit."""

def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """Elements shifted along `dims`, those pushed out coming in at the other end."""

def rot90(input: Tensor, k: _int = 1, dims: Sequence[_int] = (0, 1)) -> Tensor:
    """Turned k times by 90 degrees in the plane of two axes, from the first towards the second."""

def round(input: Tensor, *, decimals: _int = 0) -> Tensor:
    """The nearest integer, halves to the even one; its gradient is 0."""

def round_(input: Tensor, *, decimals: _int = 0) -> Tensor:
    """The in-place form of `round`; returns `input`."""

def row_stack(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors joined along the first axis, vectors as rows."""

def rsqrt(input: Tensor) -> Tensor:
    """1 / sqrt(x)."""

def rsqrt_(input: Tensor) -> Tensor:
    """The in-place form of `rsqrt`; returns `input`."""

def rsub(input: Any, other: Any, *, alpha: _float = 1) -> Tensor:
    """other - alpha * input, broadcast."""

def scatter(
    input: Tensor,
    dim: _int,
    index: Tensor,
    src: Any = None,
    *,
    value: _float | None = None,
    reduce: str | None = None,
) -> Tensor:
    """A copy of `input` with out[index[i][j]][j] = src[i][j] for dim 0, and so on; `src` is a Tensor or a number, or `value` is one."""

def scatter_add(input: Tensor, dim: _int, index: Tensor, src: Tensor) -> Tensor:
    """A copy of `input` with out[index[i][j]][j] += src[i][j] for dim 0, and so on."""

def scatter_reduce(
    input: Tensor,
    dim: _int,
    index: Tensor,
    src: Tensor,
    reduce: str,
    *,
    include_self: _bool = True,
) -> Tensor:
    """The 'sum', 'prod', 'mean', 'amax' or 'amin' of the elements of `src` that `index` sends to a place, as in `scatter`."""

def searchsorted(
    sorted_sequence: Tensor,
    input: Any,
    *,
    out_int32: _bool = False,
    right: _bool = False,
    side: str | None = None,
) -> Tensor:
    """Where each value of `input` would be inserted in ascending numbers: a vector, or rows with one row of values each."""

def select(input: Tensor, dim: _int, index: _int) -> Tensor:
    """A view of the slice at `index` along `dim`, which disappears."""

def selu(input: Tensor, inplace: _bool = False) -> Tensor:
    """1.0507 x where x > 0, elsewhere 1.7581 (e^x - 1): it keeps mean 0 and variance 1 (Klambauer et al. 2017)."""

def selu_(input: Tensor, inplace: _bool = False) -> Tensor:
    """The in-place form of `selu`; returns `input`."""

def set_rng_state(new_state: Tensor) -> None:
    """Bring the default generator back to a state that `get_rng_state` returned."""

def sgn(input: Tensor) -> Tensor:
    """-1, 0 or 1; its gradient is 0. NaN stays NaN (PyTorch gives 0). Bools stay as they are."""

def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + exp(-x)), without overflow."""

def sigmoid_(input: Tensor) -> Tensor:
    """The in-place form of `sigmoid`; returns `input`."""

def sign(input: Tensor) -> Tensor:
    """-1, 0 or 1; its gradient is 0. NaN stays NaN (PyTorch gives 0). Bools stay as they are."""

def sin(input: Tensor) -> Tensor:
    """The sine of x in radians."""

def sin_(input: Tensor) -> Tensor:
    """The in-place form of `sin`; returns `input`."""

def sinh(input: Tensor) -> Tensor:
    """(e^x - e^-x) / 2."""

def sinh_(input: Tensor) -> Tensor:
    """The in-place form of `sinh`; returns `input`."""

def softmax(input: Tensor, dim: _int | None = None, *, dtype: Any = None) -> Tensor:
    """exp(x) / sum(exp(x)) along `dim`, without overflow."""

def sort(input: Tensor, dim: _int = -1, descending: _bool = False, stable: _bool = True) -> ValuesIndices:
    """`(values, indices)` in order along `dim`; equal elements keep their order (always stable), NaN counts as largest."""

def split(tensor: Tensor, split_size_or_sections: Any, dim: _int = 0) -> tuple[Tensor, ...]:
    """Views of pieces along `dim`: all of one size (the last may be smaller), or of the sizes listed."""

def sqrt(input: Tensor) -> Tensor:
    """The square root; NaN below 0."""

def sqrt_(input: Tensor) -> Tensor:
    """The in-place form of `sqrt`; returns `input`."""

def square(input: Tensor) -> Tensor:
    """x * x; of bools int64."""

def square_(input: Tensor) -> Tensor:
    """The in-place form of `square`; returns `input`."""

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

def sub(input: Any, other: Any, *older: Any, alpha: _float = 1) -> Tensor:
    """input - alpha * other, broadcast. Bool Tensors cannot be subtracted: use logical_xor or logical_not."""

def subtract(input: Any, other: Any, *older: Any, alpha: _float = 1) -> Tensor:
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

def take(input: Tensor, index: Tensor) -> Tensor:
    """The elements at `index` (int64) in the flattened `input`, in the shape of `index`."""

def take_along_dim(input: Tensor, indices: Tensor, dim: _int | None = None) -> Tensor:
    """Elements of `input` at `indices` along `dim`, the other axes broadcast."""

def tan(input: Tensor) -> Tensor:
    """The tangent of x in radians."""

def tan_(input: Tensor) -> Tensor:
    """The in-place form of `tan`; returns `input`."""

def tanh(input: Tensor) -> Tensor:
    """sinh(x) / cosh(x), between -1 and 1."""

def tanh_(input: Tensor) -> Tensor:
    """The in-place form of `tanh`; returns `input`."""

def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: _bool = False) -> Tensor:
    """A Tensor holding a copy of `data`: a number, nested sequences, an array or a Tensor."""

def tensor_split(input: Tensor, indices_or_sections: Any, dim: _int = 0) -> tuple[Tensor, ...]:
    """Views of so many pieces along `dim`, the first ones longer by 1 if need be; or of the pieces before, between and after indices."""

def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Tensor:
    """Products summed over axes: the last `dims` of a with the first of b, or the axes that two lists name."""

def threshold(input: Tensor, threshold: _float, value: _float, inplace: _bool = False) -> Tensor:
    """x where x > threshold, elsewhere `value`."""

def threshold_(input: Tensor, threshold: _float, value: _float, inplace: _bool = False) -> Tensor:
    """The in-place form of `threshold`; returns `input`."""

def tile(input: Tensor, *times: Any, dims: Any = None) -> Tensor:
    """As `repeat`; fewer times than axes concern the last ones."""

def topk(input: Tensor, k: _int, dim: _int = -1, largest: _bool = True, sorted: _bool = True) -> ValuesIndices:
    """`(values, indices)` of the k largest (or smallest) elements along `dim`, in order."""

def trace(input: Tensor) -> Tensor:
    """The sum of the main diagonal of a matrix."""

def transpose(input: Tensor, dim0: _int, dim1: _int) -> Tensor:
    """A view with two axes exchanged."""

def tril(input: Tensor, diagonal: _int = 0) -> Tensor:
    """The elements on and below a diagonal of the last two axes; the others are 0."""

def tril_indices(row: _int, col: _int, offset: _int = 0, *, dtype: Any = None, device: Any = None) -> Tensor:
    """The (2, count) int64 indices of a matrix's elements on and below a diagonal, row by row."""

def triu(input: Tensor, diagonal: _int = 0) -> Tensor:
    """The elements on and above a diagonal of the last two axes; the others are 0."""

def triu_indices(row: _int, col: _int, offset: _int = 0, *, dtype: Any = None, device: Any = None) -> Tensor:
    """The (2, count) int64 indices of a matrix's elements on and above a diagonal, row by row."""

def true_divide(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """input / other, broadcast; integers give floats. `rounding_mode` 'floor' or 'trunc' rounds the quotient."""

def trunc(input: Tensor) -> Tensor:
    """x without its fraction; its gradient is 0."""

def trunc_(input: Tensor) -> Tensor:
    """The in-place form of `trunc`; returns `input`."""

def unbind(input: Tensor, dim: _int = 0) -> tuple[Tensor, ...]:
    """Views of the slices along `dim`, which disappears."""

def unflatten(input: Tensor, dim: _int, sizes: Sequence[_int]) -> Tensor:
    """Axis `dim` split into axes of `sizes`; one may be -1."""

def unique(
    input: Tensor,
    sorted: _bool = True,
    return_inverse: _bool = False,
    return_counts: _bool = False,
    dim: _int | None = None,
) -> Any:
    """The distinct elements (or slices along `dim`), always sorted; also where each element went, and how many there are."""

def unique_consecutive(
    input: Tensor,
    return_inverse: _bool = False,
    return_counts: _bool = False,
    dim: _int | None = None,
) -> Any:
    """The elements (or slices along `dim`) without those equal to the one before; also as in `unique`."""

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

def vdot(input: Tensor, other: Tensor) -> Tensor:
    """`dot`, of real vectors."""

def vsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """`tensor_split` along the first axis into equal pieces, or at indices."""

def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors joined along the first axis, vectors as rows."""

def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """`input` where `condition` (bool), elsewhere `other`, broadcast; with the condition alone, `nonzero(as_tuple=True)`."""

def xlogy(input: Any, other: Any) -> Tensor:
    """input * log(other), 0 where input is 0 and other is not NaN."""

def zeros(
    *sizes: Any,
    size: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: _bool = False,
) -> Tensor:
    """A Tensor of zeros, the default dtype unless `dtype` says otherwise."""

def zeros_like(
    input: Tensor,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: _bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Zeros of the shape and dtype of `input`."""

__all__ = ['BoolTensor', 'ByteTensor', 'CharTensor', 'DoubleTensor', 'FloatTensor', 'Generator', 'HalfTensor', 'IntTensor', 'LongTensor', 'ShortTensor', 'Size', 'Tensor', '__version__', 'abs', 'abs_', 'absolute', 'accelerator', 'acos', 'acos_', 'acosh', 'adaptive_avg_pool1d', 'adaptive_max_pool1d', 'add', 'addcdiv', 'addcmul', 'addmm', 'adjoint', 'all', 'allclose', 'amax', 'amin', 'aminmax', 'amp', 'any', 'arange', 'arccos', 'arccosh', 'arcsin', 'arcsinh', 'arctan', 'arctanh', 'are_deterministic_algorithms_enabled', 'argmax', 'argmin', 'argsort', 'argwhere', 'as_strided', 'as_tensor', 'asarray', 'asin', 'asin_', 'asinh', 'atan', 'atan2', 'atan_', 'atanh', 'atleast_1d', 'atleast_2d', 'atleast_3d', 'autocast', 'autograd', 'avg_pool1d', 'backends', 'baddbmm', 'batch_norm', 'bernoulli', 'bfloat16', 'bilinear', 'bincount', 'bitwise_and', 'bitwise_not', 'bitwise_or', 'bitwise_xor', 'block_diag', 'bmm', 'bool', 'broadcast_tensors', 'broadcast_to', 'bucketize', 'cartesian_prod', 'cat', 'cdist', 'ceil', 'ceil_', 'celu', 'celu_', 'chain_matmul', 'channel_shuffle', 'channels_last', 'channels_last_3d', 'chunk', 'clamp', 'clamp_', 'clamp_max', 'clamp_max_', 'clamp_min', 'clamp_min_', 'clip', 'clone', 'column_stack', 'combinations', 'compile', 'concat', 'concatenate', 'contiguous_format', 'conv1d', 'conv2d', 'conv3d', 'conv_transpose1d', 'conv_transpose2d', 'corrcoef', 'cos', 'cos_', 'cosh', 'cosh_', 'cosine_similarity', 'count_nonzero', 'cov', 'cross', 'cuda', 'cummax', 'cummin', 'cumprod', 'cumsum', 'default_generator', 'deg2rad', 'device', 'diag', 'diag_embed', 'diagonal', 'diff', 'dist', 'div', 'divide', 'dot', 'double', 'dropout', 'dsplit', 'dstack', 'e', 'einsum', 'empty', 'empty_like', 'enable_grad', 'eq', 'equal', 'erf', 'erf_', 'exp', 'exp2', 'exp2_', 'exp_', 'expm1', 'expm1_', 'eye', 'finfo', 'fix', 'flatten', 'flip', 'fliplr', 'flipud', 'float', 'float16', 'float32', 'float64', 'floor', 'floor_', 'floor_divide', 'fmod', 'frac', 'frac_', 'from_dlpack', 'from_numpy', 'full', 'full_like', 'fx', 'gather', 'ge', 'ger', 'get_default_device', 'get_default_dtype', 'get_float32_matmul_precision', 'get_num_threads', 'get_rng_state', 'greater', 'greater_equal', 'group_norm', 'gru_cell', 'gt', 'half', 'hardshrink', 'histc', 'hsplit', 'hstack', 'iinfo', 'index_add', 'index_copy', 'index_fill', 'index_put', 'index_select', 'inf', 'inference_mode', 'initial_seed', 'inner', 'instance_norm', 'int', 'int16', 'int32', 'int64', 'int8', 'is_complex', 'is_floating_point', 'is_grad_enabled', 'is_inference_mode_enabled', 'is_nonzero', 'is_signed', 'is_tensor', 'isclose', 'isfinite', 'isin', 'isinf', 'isnan', 'jit', 'kron', 'kthvalue', 'layer_norm', 'layout', 'le', 'lerp', 'less', 'less_equal', 'linalg', 'linspace', 'load', 'log', 'log10', 'log10_', 'log1p', 'log1p_', 'log2', 'log2_', 'log_', 'log_softmax', 'logaddexp', 'logical_and', 'logical_not', 'logical_or', 'logical_xor', 'logit', 'logspace', 'logsumexp', 'long', 'lstm_cell', 'lt', 'manual_seed', 'masked_fill', 'masked_scatter', 'masked_select', 'matmul', 'max', 'max_pool1d', 'max_pool2d', 'maximum', 'mean', 'median', 'memory_format', 'meshgrid', 'min', 'minimum', 'mm', 'moveaxis', 'movedim', 'mps', 'mul', 'multinomial', 'multiply', 'mv', 'nan', 'nan_to_num', 'nan_to_num_', 'nanmean', 'nanmedian', 'nansum', 'narrow', 'ne', 'neg', 'neg_', 'negative', 'newaxis', 'nn', 'no_grad', 'nonzero', 'norm', 'normal', 'not_equal', 'numel', 'ones', 'ones_like', 'ops', 'optim', 'outer', 'pairwise_distance', 'permute', 'pi', 'pixel_shuffle', 'pixel_unshuffle', 'poisson_nll_loss', 'pow', 'prelu', 'preserve_format', 'prod', 'promote_types', 'quantile', 'rad2deg', 'rand', 'rand_like', 'randint', 'randint_like', 'randn', 'randn_like', 'random', 'randperm', 'ravel', 'reciprocal', 'reciprocal_', 'relu', 'relu_', 'remainder', 'repeat_interleave', 'reshape', 'rms_norm', 'rnn_relu_cell', 'rnn_tanh_cell', 'roll', 'rot90', 'round', 'round_', 'row_stack', 'rsqrt', 'rsqrt_', 'rsub', 'save', 'scatter', 'scatter_add', 'scatter_reduce', 'searchsorted', 'seed', 'select', 'selu', 'selu_', 'set_default_device', 'set_default_dtype', 'set_float32_matmul_precision', 'set_grad_enabled', 'set_num_threads', 'set_printoptions', 'set_rng_state', 'sgn', 'short', 'show_config', 'sigmoid', 'sigmoid_', 'sign', 'sin', 'sin_', 'sinh', 'sinh_', 'softmax', 'sort', 'split', 'sqrt', 'sqrt_', 'square', 'square_', 'squeeze', 'stack', 'std', 'std_mean', 'strided', 'sub', 'subtract', 'sum', 'swapaxes', 'swapdims', 't', 'take', 'take_along_dim', 'tan', 'tan_', 'tanh', 'tanh_', 'tensor', 'tensor_split', 'tensordot', 'threshold', 'threshold_', 'tile', 'topk', 'trace', 'transpose', 'tril', 'tril_indices', 'triu', 'triu_indices', 'true_divide', 'trunc', 'trunc_', 'uint8', 'unbind', 'unflatten', 'unique', 'unique_consecutive', 'unsqueeze', 'use_deterministic_algorithms', 'utils', 'var', 'var_mean', 'vdot', 'vsplit', 'vstack', 'where', 'xlogy', 'xpu', 'zeros', 'zeros_like']

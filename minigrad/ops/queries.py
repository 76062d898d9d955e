"""Questions about a Tensor, and where it is: all Tensors are real, dense and on the CPU."""

from __future__ import annotations

from typing import Any

from ..dtypes import check_device
from ..tensor import Tensor
from .declare import op
from .shape import transpose


class Layout:
    """How elements lie in memory; there is one way."""

    def __repr__(self) -> str:
        return "minigrad.strided"


strided = Layout()


@op(".ndimension")
def ndimension(input: Tensor) -> int:
    """The number of axes."""
    return input.ndim


@op(".nelement")
def nelement(input: Tensor) -> int:
    """The number of elements."""
    return input.numel()


@op("is_complex", ".is_complex")
def is_complex(input: Tensor) -> bool:
    """False: there are no complex numbers."""
    return False


@op(".is_sparse")
def is_sparse(input: Tensor) -> bool:
    """False: every element is stored."""
    return False


@op(".is_quantized")
def is_quantized(input: Tensor) -> bool:
    """False."""
    return False


@op(".is_meta")
def is_meta(input: Tensor) -> bool:
    """False: every Tensor has memory."""
    return False


@op(".is_mps")
def is_mps(input: Tensor) -> bool:
    """False."""
    return False


@op(".is_xpu")
def is_xpu(input: Tensor) -> bool:
    """False."""
    return False


@op(".layout")
def layout(input: Tensor) -> Layout:
    """`minigrad.strided`."""
    return strided


@op("is_signed", ".is_signed")
def is_signed(input: Tensor) -> bool:
    """Whether the dtype has negative numbers."""
    return input.dtype.kind in "fi"


@op("is_nonzero", ".is_nonzero")
def is_nonzero(input: Tensor) -> bool:
    """Whether the one element is not 0; RuntimeError for another number of elements."""
    return bool(input)


@op(".is_same_size")
def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether both have the same shape."""
    return input.shape == other.shape


@op(".storage_offset")
def storage_offset(input: Tensor) -> int:
    """How many elements lie before the first one in the memory of the Tensor it is a view of."""
    base: Any = input._base
    return 0 if base is None else (input.data_ptr() - base.data_ptr()) // input.itemsize


@op(".get_device")
def get_device(input: Tensor) -> int:
    """-1: the CPU has no number."""
    return -1


@op(".cuda")
def cuda(input: Tensor, device: Any = None, non_blocking: bool = False) -> Tensor:
    """RuntimeError: there is no such device."""
    check_device("cuda" if device is None else f"cuda:{device}")
    return input


@op(".pin_memory")
def pin_memory(input: Tensor, device: Any = None) -> Tensor:
    """`input` itself: there is no device that could profit."""
    return input


@op("adjoint", ".adjoint")
def adjoint(input: Tensor) -> Tensor:
    """The transposes of a batch of matrices, which are real."""
    return transpose(input, -2, -1)


@op(".H")
def H(input: Tensor) -> Tensor:
    """The transpose of a matrix, which is real."""
    if input.ndim not in (0, 2):
        raise RuntimeError(f"tensor.H is only supported on matrices (2-D tensors). Got {input.ndim}-D tensor.")
    return input if input.ndim == 0 else transpose(input, 0, 1)

"""Layers that find out the size of their input when they first see one, and are ordinary ones from then on."""

from __future__ import annotations

from typing import Any, ClassVar

from ..ops.creation import empty
from ..size import Size
from ..tensor import Tensor
from .batchnorm import BatchNorm1d, BatchNorm2d, BatchNorm3d, Statistics
from .conv import Conv1d, Conv2d, Conv3d, _Conv
from .linear import Linear
from .module import Module
from .parameter import Parameter


class _Unknown:
    """A Tensor of a module whose shape is not known yet."""

    becomes: ClassVar[type]
    _value: Any

    @property
    def shape(self) -> Size:
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. Call the module with an input first, which initializes it"
        )

    @property
    def data(self) -> Tensor:
        return self  # type: ignore[return-value]

    @data.setter
    def data(self, value: Tensor) -> None:
        self._value = value._value

    def detach(self) -> Tensor:
        return self  # type: ignore[return-value]

    def to(self, *args: Any, **kwargs: Any) -> Tensor:
        return Tensor.to(empty(0, dtype=self._value.dtype), *args, **kwargs)

    def numel(self) -> int:
        raise ValueError(
            "Attempted to use an uninitialized parameter. Call the module with an input first, which initializes it"
        )

    def materialize(self, shape: tuple[int, ...], device: Any = None, dtype: Any = None) -> None:
        """Become an ordinary one of `shape`, not initialized."""
        self._value = empty(shape, device=device, dtype=self._value.dtype if dtype is None else dtype)._value
        self.__class__ = self.becomes

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class UninitializedParameter(_Unknown, Parameter):
    """A Parameter whose shape is not known yet; `materialize(shape)` makes an ordinary one of it."""

    becomes = Parameter

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> None:
        Parameter.__init__(self, empty(0, device=device, dtype=dtype), requires_grad)


class UninitializedBuffer(_Unknown, Tensor):
    """A buffer whose shape is not known yet; `materialize(shape)` makes an ordinary Tensor of it."""

    becomes = Tensor

    def __init__(self, device: Any = None, dtype: Any = None) -> None:
        Tensor.__init__(self, empty(0, device=device, dtype=dtype))


class _Lazy(Module):
    """What lazy layers share: the first call gives shapes to what has none, draws initial values, and changes the class."""

    becomes: ClassVar[type[Module]]

    def has_uninitialized_params(self) -> bool:
        """Whether a parameter or buffer of this layer has no shape yet."""
        return any(isinstance(part, _Unknown) for part in (*self._parameters.values(), *self._buffers.values()))

    def _take_shape(self, input: Tensor) -> None:
        """Note the size that the input shows, and materialize parameters and buffers."""
        raise NotImplementedError

    def reset_parameters(self) -> None:
        """Draw the parameters anew, if they have shapes."""
        if not self.has_uninitialized_params():
            self.becomes.reset_parameters(self)  # type: ignore[attr-defined]

    def initialize_parameters(self, input: Tensor) -> None:
        """Take the shapes from `input`, and draw initial values; nothing where a state has been loaded already."""
        fresh = self.has_uninitialized_params()
        self._take_shape(input)
        if fresh:
            self.reset_parameters()

    def forward(self, input: Tensor) -> Tensor:
        self.initialize_parameters(input)
        self.__class__ = self.becomes  # type: ignore[assignment]
        return self.forward(input)


def _give(part: Any, shape: tuple[int, ...]) -> None:
    if isinstance(part, _Unknown):
        part.materialize(shape)


class LazyLinear(_Lazy, Linear):
    """A `Linear` whose in_features are the last size of its first input.

    >>> layer = nn.LazyLinear(2)
    >>> layer(minigrad.ones(5, 3)).shape, layer
    ((5, 2), Linear(in_features=3, out_features=2, bias=True))
    """

    becomes = Linear

    def __init__(self, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        Module.__init__(self)
        self.in_features, self.out_features = 0, out_features
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.register_parameter("bias", UninitializedParameter(device=device, dtype=dtype) if bias else None)

    def _take_shape(self, input: Tensor) -> None:
        self.in_features = input.shape[-1]
        _give(self.weight, (self.out_features, self.in_features))
        _give(self.bias, (self.out_features,))


class _LazyConv(_Lazy, _Conv):
    def __init__(
        self,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        _Conv.__init__(
            self, 0, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device, dtype
        )

    def _make_parameters(self, bias: bool, device: Any, dtype: Any) -> None:
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.register_parameter("bias", UninitializedParameter(device=device, dtype=dtype) if bias else None)

    def _take_shape(self, input: Tensor) -> None:
        if input.ndim not in (self.axes + 1, self.axes + 2):
            raise RuntimeError(
                f"Expected {self.axes + 1}D (unbatched) or {self.axes + 2}D (batched) input to {type(self).__name__}, but got input of "
                f"size: {list(input.shape)}"
            )
        channels = input.shape[-self.axes - 1]
        if channels % self.groups:
            raise ValueError(f"in_channels must be divisible by groups, got {channels} and {self.groups}")
        self.in_channels = channels
        _give(self.weight, (self.out_channels, channels // self.groups, *self.kernel_size))
        _give(self.bias, (self.out_channels,))


class LazyConv1d(_LazyConv, Conv1d):
    """A `Conv1d` whose in_channels are those of its first input."""

    becomes = Conv1d


class LazyConv2d(_LazyConv, Conv2d):
    """A `Conv2d` whose in_channels are those of its first input."""

    becomes = Conv2d


class LazyConv3d(_LazyConv, Conv3d):
    """A `Conv3d` whose in_channels are those of its first input."""

    becomes = Conv3d


class _LazyBatchNorm(_Lazy, Statistics):
    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        Statistics.__init__(self, 0, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)
        for name, parameter in self._parameters.items():
            if parameter is not None:
                setattr(self, name, UninitializedParameter(dtype=dtype))
        if track_running_stats:
            self.running_mean = UninitializedBuffer(dtype=dtype)
            self.running_var = UninitializedBuffer(dtype=dtype)

    def _take_shape(self, input: Tensor) -> None:
        self.num_features = input.shape[1]
        for part in (self.weight, self.bias, self.running_mean, self.running_var):
            _give(part, (self.num_features,))


class LazyBatchNorm1d(_LazyBatchNorm, BatchNorm1d):
    """A `BatchNorm1d` whose num_features are the channels of its first input."""

    becomes = BatchNorm1d


class LazyBatchNorm2d(_LazyBatchNorm, BatchNorm2d):
    """A `BatchNorm2d` whose num_features are the channels of its first input."""

    becomes = BatchNorm2d


class LazyBatchNorm3d(_LazyBatchNorm, BatchNorm3d):
    """A `BatchNorm3d` whose num_features are the channels of its first input."""

    becomes = BatchNorm3d

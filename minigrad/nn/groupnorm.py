"""Normalization within an example: over groups of channels, over single channels, over neighbouring ones."""

from __future__ import annotations

from typing import Any, ClassVar

from ..ops.norm import group_norm, instance_norm, local_response_norm
from ..tensor import Tensor
from .affine import Affine
from .batchnorm import Statistics
from .module import Module


class GroupNorm(Affine):
    """Each of `num_groups` groups of channels of (N, num_channels, ...) normalized, then scaled and shifted (Wu & He 2018).

    Weight and bias (num_channels,) begin as ones and zeros; without `affine` there is neither, without `bias` no bias.
    ValueError unless the groups divide the channels.

    >>> nn.GroupNorm(2, 6)(minigrad.randn(4, 6, 5, 5)).shape
    (4, 6, 5, 5)
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if num_groups <= 0 or num_channels % num_groups:
            raise ValueError(f"num_channels ({num_channels}) must be divisible by num_groups ({num_groups})")
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        self.add_affine(num_channels, affine, affine and bias, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, bias={self.bias is not None}"


class _InstanceNorm(Statistics):
    """What instance norms over inputs of any rank share."""

    rank: ClassVar[int]  # of a batch; an example alone has one axis less

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim not in (self.rank - 1, self.rank):
            raise ValueError(f"expected {self.rank - 1}D or {self.rank}D input (got {input.ndim}D input)")
        axis = input.ndim - self.rank + 1
        if self.affine and input.shape[axis] != self.num_features:
            raise ValueError(
                f"expected input's size at dim={axis} to match num_features ({self.num_features}), but got: {input.shape[axis]}."
            )
        if axis == 0:
            return self.forward(input.unsqueeze(0)).squeeze(0)
        return instance_norm(
            input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            0.0 if self.momentum is None else self.momentum,
            self.eps,
        )


class InstanceNorm1d(_InstanceNorm):
    """Each channel of each signal of (N, C, L) or (C, L) normalized (Ulyanov, Vedaldi & Lempitsky 2016).

    With `affine` it is then scaled by `weight` and shifted by `bias` (C,). With `track_running_stats` there are running
    statistics, which eval mode uses.
    """

    rank = 3


class InstanceNorm2d(_InstanceNorm):
    """`InstanceNorm1d` for images (N, C, H, W) or (C, H, W)."""

    rank = 4


class InstanceNorm3d(_InstanceNorm):
    """`InstanceNorm1d` for volumes (N, C, D, H, W) or (C, D, H, W)."""

    rank = 5


class LocalResponseNorm(Module):
    """x / (k + alpha m)^beta, m the mean square over `size` neighbouring channels (Krizhevsky et al. 2012)."""

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, input: Tensor) -> Tensor:
        return local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"

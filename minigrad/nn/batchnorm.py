"""Batch normalization (Ioffe & Szegedy 2015)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ..engine import mark_written
from ..ops.creation import ones, zeros
from ..ops.norm import batch_norm
from ..tensor import Tensor, wrap
from . import init
from .affine import Affine


class Statistics(Affine):
    """A scale, a shift and running statistics for each channel: what batch and instance norms hold."""

    optional_state = frozenset({"num_batches_tracked"})  # states written before PyTorch 0.4.1 lack it
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        self.add_affine(num_features, affine, affine and bias, device, dtype)
        size: dict[str, Any] = {"device": device, "dtype": dtype}
        self.register_buffer("running_mean", zeros(num_features, **size) if track_running_stats else None)
        self.register_buffer("running_var", ones(num_features, **size) if track_running_stats else None)
        self.register_buffer("num_batches_tracked", wrap(np.array(0)) if track_running_stats else None)

    def reset_running_stats(self) -> None:
        """Forget what has been seen: mean 0, variance 1, no batches."""
        for buffer, value in ((self.running_mean, 0), (self.running_var, 1), (self.num_batches_tracked, 0)):
            if buffer is not None:
                init.constant_(buffer, value)

    def reset_parameters(self) -> None:
        """Forget what has been seen and learned."""
        self.reset_running_stats()
        super().reset_parameters()

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(Statistics):
    """What batch norms over inputs of any rank share."""

    ranks: ClassVar[tuple[int, ...]]  # how many axes an input may have

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim not in self.ranks:
            expected = " or ".join(f"{rank}D" for rank in self.ranks)
            raise ValueError(f"expected {expected} input (got {input.ndim}D input)")
        batches = self.num_batches_tracked
        tracking = self.training and self.track_running_stats and batches is not None
        momentum = self.momentum
        if momentum is None:  # the average of all batches
            momentum = 1 / (int(batches) + 1) if tracking and batches is not None else 0.0
        own_statistics = self.training or (self.running_mean is None and self.running_var is None)
        kept = not self.training or self.track_running_stats
        out = batch_norm(
            input,
            self.running_mean if kept else None,
            self.running_var if kept else None,
            self.weight,
            self.bias,
            own_statistics,
            momentum,
            self.eps,
        )
        if tracking and batches is not None:
            batches._value += 1
            mark_written(batches)
        return out


class BatchNorm1d(_BatchNorm):
    """Each feature or channel of (N, C) or (N, C, L) normalized over the batch, scaled by `weight` and shifted by `bias` (C,).

    In training the statistics are the batch's own, and the running ones move towards them by `momentum` (None: they are the
    average over all batches); in eval mode the running ones are used, or the batch's own without `track_running_stats`.
    ValueError for another number of axes, or a single value a channel in training.
    """

    ranks = (2, 3)


class BatchNorm2d(_BatchNorm):
    """`BatchNorm1d` for images (N, C, H, W).

    >>> layer = nn.BatchNorm2d(3)
    >>> out = layer(minigrad.randn(16, 3, 8, 8) * 5 + 2)
    >>> abs(out.mean().item()) < 1e-6, round(out.std().item(), 2)
    (True, 1.0)
    >>> layer.eval()(minigrad.zeros(1, 3, 8, 8)).shape  # a single image, by the running statistics
    (1, 3, 8, 8)
    """

    ranks = (4,)


class BatchNorm3d(_BatchNorm):
    """`BatchNorm1d` for volumes (N, C, D, H, W)."""

    ranks = (5,)

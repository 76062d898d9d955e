"""PyTorch's paths of its layers, such as `torch.nn.modules.batchnorm._BatchNorm`: here they all lead to this module."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

from .batchnorm import _BatchNorm
from .conv import _Conv as _ConvNd
from .groupnorm import _InstanceNorm
from .loss import _Loss, _WeightedLoss

__all__ = [
    "_BatchNorm", "_ConvNd", "_InstanceNorm", "_Loss", "_WeightedLoss", "_ntuple", "_pair", "_quadruple",
    "_single", "_triple",
]  # fmt: skip

PATHS = (
    "activation", "adaptive", "batchnorm", "container", "conv", "distance", "dropout", "flatten", "fold", "instancenorm", "lazy",
    "linear", "loss", "module", "normalization", "padding", "pixelshuffle", "pooling", "rnn", "sparse", "transformer",
    "upsampling", "utils",
)  # fmt: skip


def _ntuple(n: int, name: str = "parse") -> Callable[[Any], tuple]:
    """A function that repeats what it is given `n` times, and makes a tuple of an iterable."""

    def parse(x: Any) -> tuple:
        return tuple(x) if isinstance(x, Iterable) else (x,) * n

    parse.__name__ = name
    return parse


_single, _pair, _triple, _quadruple = (
    _ntuple(n, name) for n, name in enumerate(("_single", "_pair", "_triple", "_quadruple"), 1)
)


def __getattr__(name: str) -> Any:
    return getattr(sys.modules[__package__], name)


for _path in PATHS:
    sys.modules[f"{__name__}.{_path}"] = globals()[_path] = sys.modules[__name__]

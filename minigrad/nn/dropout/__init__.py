"""The dropout family."""

from .activations import (
    AlphaDropout,
    AttentionDropout,
    DropHead,
    Dropout,
    Dropout1d,
    Dropout2d,
    Dropout3d,
    FeatureAlphaDropout,
    GaussianDropout,
    GaussianNoise,
    HintonDropout,
    LockedDropout,
    WordDropout,
)
from .base import DropoutBase, RandomModule
from .structured import (
    Cutout,
    DropBlock2d,
    DropPath,
    LayerDrop,
    MaxPoolDropout2d,
    MultiSampleDropout,
    RandomErasing,
    ShakeShake,
    StochasticDepth,
    drop_path_rates,
)

__all__ = [
    "AlphaDropout", "AttentionDropout", "Cutout", "DropBlock2d", "DropHead", "DropPath", "Dropout", "Dropout1d", "Dropout2d",
    "Dropout3d", "DropoutBase", "FeatureAlphaDropout", "GaussianDropout", "GaussianNoise", "HintonDropout", "LayerDrop",
    "LockedDropout", "MaxPoolDropout2d", "MultiSampleDropout", "RandomErasing", "RandomModule", "ShakeShake", "StochasticDepth",
    "WordDropout", "drop_path_rates",
]  # fmt: skip

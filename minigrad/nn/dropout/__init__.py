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
from .insert import add_dropout, added_dropout, remove_dropout
from .objectives import r_drop
from .structured import (
    Cutout,
    DropBlock2d,
    DropPath,
    LayerDrop,
    MaxPoolDropout,
    MaxPoolDropout2d,
    MultiSampleDropout,
    RandomErasing,
    ShakeShake,
    StochasticDepth,
    drop_path_rates,
)
from .test_time import (
    fast_dropout,
    mc_dropout,
    mc_samples,
    mutual_information,
    predictive_entropy,
    predictive_log_likelihood,
    predictive_mean,
    predictive_variance,
)

__all__ = [
    "AlphaDropout", "AttentionDropout", "Cutout", "DropBlock2d", "DropHead", "DropPath", "Dropout", "Dropout1d",
    "Dropout2d", "Dropout3d", "DropoutBase", "FeatureAlphaDropout", "GaussianDropout", "GaussianNoise",
    "HintonDropout", "LayerDrop", "LockedDropout", "MaxPoolDropout", "MaxPoolDropout2d", "MultiSampleDropout", "RandomErasing",
    "RandomModule", "ShakeShake", "StochasticDepth", "WordDropout", "add_dropout", "added_dropout", "drop_path_rates", "fast_dropout",
    "mc_dropout", "mc_samples", "mutual_information", "predictive_entropy", "predictive_log_likelihood",
    "predictive_mean", "predictive_variance", "r_drop", "remove_dropout",
]  # fmt: skip

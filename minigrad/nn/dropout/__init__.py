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
from .learned import (
    ConcreteDropout,
    InformationDropout,
    SparseVDLinear,
    Standout,
    VariationalGaussianDropout,
)
from .objectives import r_drop
from .recurrent import (
    DropoutGRUCell,
    DropoutLSTMCell,
    DropoutRNN,
    GalDropout,
    RecurrentDropout,
    SemeniutaDropout,
    Zoneout,
)
from .schedules import (
    ConstantSchedule,
    CurriculumSchedule,
    DropoutSchedule,
    EarlySchedule,
    LateSchedule,
    LinearSchedule,
    StepSchedule,
)
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
from .weights import (
    DropConnect,
    TargetedDropout,
    WeightDrop,
)

__all__ = [
    "AlphaDropout", "AttentionDropout", "ConcreteDropout", "ConstantSchedule", "CurriculumSchedule", "Cutout", "DropBlock2d",
    "DropConnect", "DropHead", "DropPath", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "DropoutBase", "DropoutGRUCell",
    "DropoutLSTMCell", "DropoutRNN", "DropoutSchedule", "EarlySchedule", "FeatureAlphaDropout", "GalDropout", "GaussianDropout",
    "GaussianNoise", "HintonDropout", "InformationDropout", "LateSchedule", "LayerDrop", "LinearSchedule", "LockedDropout",
    "MaxPoolDropout", "MaxPoolDropout2d", "MultiSampleDropout", "RandomErasing", "RandomModule", "RecurrentDropout",
    "SemeniutaDropout", "ShakeShake", "SparseVDLinear", "Standout", "StepSchedule", "StochasticDepth", "TargetedDropout",
    "VariationalGaussianDropout", "WeightDrop", "WordDropout", "Zoneout", "add_dropout", "added_dropout", "drop_path_rates",
    "fast_dropout", "mc_dropout", "mc_samples", "mutual_information", "predictive_entropy", "predictive_log_likelihood",
    "predictive_mean", "predictive_variance", "r_drop", "remove_dropout",
]  # fmt: skip

"""The dropout family."""

from .activations import Dropout, Dropout1d, Dropout2d, Dropout3d
from .learned import ConcreteDropout, InformationDropout, SparseVDLinear, Standout, VariationalGaussianDropout
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
from .weights import DropConnect, TargetedDropout, WeightDrop

__all__ = [
    "ConcreteDropout", "ConstantSchedule", "CurriculumSchedule", "DropConnect", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d",
    "DropoutGRUCell", "DropoutLSTMCell", "DropoutRNN", "DropoutSchedule", "EarlySchedule", "GalDropout", "InformationDropout",
    "LateSchedule", "LinearSchedule", "RecurrentDropout", "SemeniutaDropout", "SparseVDLinear", "Standout", "StepSchedule",
    "TargetedDropout", "VariationalGaussianDropout", "WeightDrop", "Zoneout",
]  # fmt: skip

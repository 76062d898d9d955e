"""Networks: modules, their parameters, and the functions they are made of."""

from . import functional, init, utils
from .activation import (
    ELU,
    GELU,
    Hardtanh,
    LeakyReLU,
    LogSigmoid,
    LogSoftmax,
    Mish,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Softsign,
    Tanh,
)
from .batchnorm import BatchNorm1d, BatchNorm2d, BatchNorm3d
from .containers import ModuleDict, ModuleList, Sequential
from .conv import Conv1d, Conv2d, ConvTranspose2d
from .dropout import (
    ConcreteDropout,
    ConstantSchedule,
    CurriculumSchedule,
    DropConnect,
    Dropout,
    Dropout1d,
    Dropout2d,
    Dropout3d,
    DropoutGRUCell,
    DropoutLSTMCell,
    DropoutRNN,
    DropoutSchedule,
    EarlySchedule,
    GalDropout,
    InformationDropout,
    LateSchedule,
    LinearSchedule,
    RecurrentDropout,
    SemeniutaDropout,
    SparseVDLinear,
    Standout,
    StepSchedule,
    TargetedDropout,
    VariationalGaussianDropout,
    WeightDrop,
    Zoneout,
)
from .embedding import Embedding
from .flatten import Flatten, Unflatten
from .layernorm import LayerNorm
from .linear import Identity, Linear
from .loss import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    MSELoss,
    NLLLoss,
    SmoothL1Loss,
)
from .module import Module
from .parameter import Parameter
from .pooling import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d

__all__ = [
    "ELU", "GELU", "AdaptiveAvgPool2d", "AvgPool2d", "BCELoss", "BCEWithLogitsLoss", "BatchNorm1d", "BatchNorm2d",
    "BatchNorm3d", "ConcreteDropout", "ConstantSchedule", "Conv1d", "Conv2d", "ConvTranspose2d", "CrossEntropyLoss",
    "CurriculumSchedule", "DropConnect", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "DropoutGRUCell",
    "DropoutLSTMCell", "DropoutRNN", "DropoutSchedule", "EarlySchedule", "Embedding", "Flatten", "GalDropout",
    "Hardtanh", "HuberLoss", "Identity", "InformationDropout", "KLDivLoss", "L1Loss", "LateSchedule", "LayerNorm",
    "LeakyReLU", "Linear", "LinearSchedule", "LogSigmoid", "LogSoftmax", "MSELoss", "MaxPool2d", "Mish", "Module",
    "ModuleDict", "ModuleList", "NLLLoss", "Parameter", "ReLU", "ReLU6", "RecurrentDropout", "SemeniutaDropout",
    "Sequential", "SiLU", "Sigmoid", "SmoothL1Loss", "Softmax", "Softplus", "Softsign", "SparseVDLinear", "Standout",
    "StepSchedule", "Tanh", "TargetedDropout", "Unflatten", "VariationalGaussianDropout", "WeightDrop", "Zoneout",
    "functional", "init", "utils",
]  # fmt: skip

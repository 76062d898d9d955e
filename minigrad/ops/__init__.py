"""Differentiable operations, a theme a file. Importing this package gives Tensor its operators and methods."""

from . import (
    activation,
    arithmetic,
    assembling,
    attention,
    broadcast,
    compare,
    conv,
    creation,
    dropout,
    dropout_closed,
    dropout_family,
    dropout_learned,
    dropout_spatial,
    dropout_weights,
    elementwise,
    embedding,
    indexing,
    inplace,
    joining,
    loss,
    loss_margin,
    matmul,
    multihead,
    norm,
    out,
    pad,
    patches,
    pool,
    queries,
    recurrent,
    reduce,
    resize,
    sampling,
    scattering,
    shape,
    sorting,
    statistics,
    typed,
    views,
)
from .declare import FUNCTIONAL, FUNCTIONS, METHODS, attach, take_numpy_names, take_older_reductions

take_numpy_names(but=frozenset({"softmax", "log_softmax"}))
take_older_reductions()
out.let_functions_take_out()
attach()

__all__ = [
    "FUNCTIONAL", "FUNCTIONS", "METHODS", "activation", "arithmetic", "assembling", "attention", "broadcast",
    "compare", "conv", "creation", "dropout", "dropout_closed", "dropout_family", "dropout_learned", "dropout_spatial",
    "dropout_weights", "elementwise", "embedding", "indexing", "inplace", "joining", "loss", "loss_margin", "matmul",
    "multihead", "norm", "out", "pad", "patches", "pool", "queries", "recurrent", "reduce", "resize", "sampling",
    "scattering", "shape", "sorting", "statistics", "typed", "views",
]  # fmt: skip

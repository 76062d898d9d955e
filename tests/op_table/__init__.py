"""The table of operations that drives the tests.

A row is a line of PyTorch, such as `torch.add(x, y, alpha=2)`, and how its inputs are drawn; minigrad has to give what PyTorch
gives. From it follow numerical gradients, memory layouts, dtypes and hygiene (tests/test_ops.py) and the comparison
with PyTorch itself (tests/torch/test_ops_torch.py). `order=0` marks results without a gradient, `order=1` those
whose gradient is constant 0; `torch=` says how PyTorch spells it where that differs, or None where it has no such thing.
"""

from . import (
    arithmetic,
    attention,
    bad,
    dropout_family,
    dropout_weights,
    images,
    network,
    recurrent,
    reduction,
    scripts,
    shape,
    surface,
)
from .bad import Bad
from .row import Input, Row, names_used, row
from .special import LARGE, UNTABLED

ROWS: list[Row] = [
    *arithmetic.ROWS,
    *reduction.ROWS,
    *shape.ROWS,
    *network.ROWS,
    *recurrent.ROWS,
    *images.ROWS,
    *surface.ROWS,
    *attention.ROWS,
    *scripts.ROWS,
    *dropout_family.ROWS,
    *dropout_weights.ROWS,
]
BAD: list[Bad] = [
    *bad.BAD,
    *images.BAD,
    *recurrent.BAD,
    *surface.BAD,
    *attention.BAD,
    *scripts.BAD,
    *dropout_family.BAD,
    *dropout_weights.BAD,
]

__all__ = ["BAD", "LARGE", "ROWS", "UNTABLED", "Bad", "Input", "Row", "names_used", "row"]

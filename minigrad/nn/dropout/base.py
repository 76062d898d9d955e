"""What the layers of the dropout family share.

One convention for all members. The functional form, with `training` and `generator=`, is declared with `@op("F.name")` in
`minigrad/ops` (`dropout_family.py`: masks and noise on activations; `dropout_spatial.py`: on images; `dropout_weights.py`: on
weights and states; `dropout_learned.py`: noise that is learned); what these share, checks and draws, is in `dropout_base.py`.
The layer here is thin: it checks its arguments once, keeps them as ordinary attributes, and calls the functional form with
`self.training`. The functional form checks `p` again, for a schedule may have changed it. What is no function of Tensors
(schedules, contexts, surgery on a model) is a plain function or class beside the layers.
"""

from __future__ import annotations

from typing import Any

from ...ops.dropout_base import check_generator, check_probability
from ...random import Generator
from ..module import Module


def check_module(module: Any, name: str) -> None:
    """TypeError unless it is a Module."""
    if not isinstance(module, Module):
        raise TypeError(f"{name}: expected a Module, not {type(module).__name__}")


class RandomModule(Module):
    """A layer that draws: from `generator`, or from the default one if that is None.

    Each call takes its own number from the generator. Nothing of it enters the state_dict; to replay a net, seed its
    generator again. A deep copy has a copy of the generator, which draws the same: layers that are copied to make a
    deeper net want the default generator, or each their own. `mc_dropout` turns on layers whose class says `in_mc_dropout`.
    """

    in_mc_dropout = True

    def __init__(self, *, generator: Generator | None = None) -> None:
        super().__init__()
        check_generator(generator, type(self).__name__)
        self.generator = generator


class DropoutBase(RandomModule):
    """A layer with a drop probability `p`, an ordinary attribute that a schedule may change between calls.

    ValueError unless 0 <= p <= 1, or 0 <= p < 1 for classes that set `below_one` (their formula divides by 1 - p).
    """

    below_one = False

    def __init__(self, p: float = 0.5, *, generator: Generator | None = None) -> None:
        super().__init__(generator=generator)
        check_probability(p, type(self).__name__, below_one=self.below_one)
        self.p = p

    def extra_repr(self) -> str:
        return f"p={self.p}"


class InplaceDropout(DropoutBase):
    """A `DropoutBase` that can write its result into its input, where PyTorch's class can."""

    def __init__(self, p: float = 0.5, inplace: bool = False, *, generator: Generator | None = None) -> None:
        super().__init__(p, generator=generator)
        self.inplace = inplace

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"

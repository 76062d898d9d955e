"""Dropout in recurrent nets: cells that say where it may act, what acts there, and the loop over time.

A cell, `DropoutLSTMCell` or `DropoutGRUCell`, is plain operations with the parameters of PyTorch's cell of that kind. It hands
five values to its `dropout`: the input and the hidden state before they meet a weight, the update that would enter the
memory, and the new memory and state beside the old ones. A `RecurrentDropout` changes those it is about. What the steps of a
sequence share is drawn once, by `begin`: for a mask that is a place in the generator's stream, from which each step draws it again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from ...ops.border import as_tensor
from ...ops.creation import empty, zeros
from ...ops.dropout import dropout, next_place
from ...ops.dropout_base import check_one_of, check_probability, check_size
from ...ops.dropout_weights import drop_at, zoneout
from ...ops.joining import stack
from ...ops.matmul import linear
from ...random import Generator
from ...tensor import Tensor
from .. import init
from ..module import Module
from ..parameter import Parameter
from .base import DropoutBase

Place = tuple[int, int, int]


class RecurrentDropout(DropoutBase):
    """What may happen inside a recurrent cell: nothing, unless a subclass says so.

    `begin` is called at the start of a sequence; what it returns is passed to the other methods as `drawn` at each step. `tied` says
    whether that matters. A second rate, `p_hidden`, is that of the hidden state; None stands for `p`.
    """

    def __init__(self, p: float = 0.5, *, p_hidden: float | None = None, generator: Generator | None = None) -> None:
        super().__init__(p, generator=generator)
        if p_hidden is not None:
            check_probability(p_hidden, type(self).__name__)
        self.p_hidden = p_hidden

    def forward(self, *args: Any) -> Any:
        """TypeError: a cell calls the methods below."""
        raise TypeError(
            f"{type(self).__name__} acts inside a recurrent cell and is not called: pass it as dropout= to DropoutLSTMCell or "
            "DropoutGRUCell; LockedDropout is the layer for sequences"
        )

    @property
    def tied(self) -> bool:
        """Whether the steps of a sequence share a mask."""
        return False

    def begin(self) -> Any:
        """Draw what the steps of a sequence share."""
        return None

    def on_input(self, input: Tensor, drawn: Any) -> Tensor:
        """The step's input, before it meets a weight."""
        return input

    def on_hidden(self, hidden: Tensor, drawn: Any) -> Tensor:
        """The hidden state, before it meets a weight."""
        return hidden

    def on_update(self, update: Tensor, drawn: Any) -> Tensor:
        """The candidate that a gate lets into the memory."""
        return update

    def on_cell(self, cell: Tensor, previous: Tensor, drawn: Any) -> Tensor:
        """The new memory of an LSTM."""
        return cell

    def on_state(self, state: Tensor, previous: Tensor, drawn: Any) -> Tensor:
        """The new hidden state."""
        return state

    def _hidden_rate(self) -> float:
        return self.p if self.p_hidden is None else self.p_hidden

    def _place(self, p: float) -> Place | None:
        return next_place(self.generator, type(self).__name__) if self.training and 0 < p < 1 else None

    def extra_repr(self) -> str:
        return f"p={self.p}" + ("" if self.p_hidden is None else f", p_hidden={self.p_hidden}")


class GalDropout(RecurrentDropout):
    """Dropout of a recurrent net as approximate inference: each sequence of the batch has one mask for its inputs and one for its
    hidden states, the same at all its steps (Gal & Ghahramani 2016, section 4).

    `p` drops elements of x_t, `p_hidden` (None: the same) those of h_{t-1}, wherever they meet a weight; what is kept is scaled by
    1 / (1 - p). All gates see the same mask (the paper's tied weights). The memory c, and the h that a GRU carries over, are not
    dropped. In eval mode: the identity.

    The first thing to try in an LSTM or GRU, and the one to use for uncertainty (dropout on in eval).

    >>> net = nn.DropoutRNN(nn.DropoutLSTMCell(4, 8, dropout=nn.GalDropout(0.3, p_hidden=0.2)))
    >>> output, (h, c) = net(minigrad.randn(10, 2, 4))
    >>> output.shape, h.shape, c.shape
    ((10, 2, 8), (2, 8), (2, 8))
    """

    @property
    def tied(self) -> bool:
        return True

    def begin(self) -> tuple[Place | None, Place | None]:
        return self._place(self.p), self._place(self._hidden_rate())

    def on_input(self, input: Tensor, drawn: Any) -> Tensor:
        return drop_at(input, self.p, drawn[0]) if self.training else input

    def on_hidden(self, hidden: Tensor, drawn: Any) -> Tensor:
        return drop_at(hidden, self._hidden_rate(), drawn[1]) if self.training else hidden


class SemeniutaDropout(RecurrentDropout):
    """Dropout of what enters a recurrent memory, never of the memory itself (Semeniuta, Severyn & Barth 2016, section 3).

    LSTM: c_t = f * c_{t-1} + i * d(g_t). GRU: h_t = z * h_{t-1} + (1 - z) * d(n_t). d is dropout with probability `p`, scaled by
    1 / (1 - p), with a mask for each step or, if `per_sequence`, one for all steps of a sequence. In eval mode: the identity.

    Use it where long memory matters: nothing that was remembered is lost, even with a mask for each step.

    >>> cell = nn.DropoutGRUCell(4, 8, dropout=nn.SemeniutaDropout(0.25))
    >>> h = cell(minigrad.randn(2, 4))
    >>> h = cell(minigrad.randn(2, 4), h)
    """

    def __init__(self, p: float = 0.5, per_sequence: bool = False, *, generator: Generator | None = None) -> None:
        super().__init__(p, generator=generator)
        self.per_sequence = per_sequence

    @property
    def tied(self) -> bool:
        return self.per_sequence

    def begin(self) -> Place | None:
        return self._place(self.p) if self.per_sequence else None

    def on_update(self, update: Tensor, drawn: Any) -> Tensor:
        if self.per_sequence and self.training:
            return drop_at(update, self.p, drawn)
        return dropout(update, self.p, self.training, generator=self.generator)

    def extra_repr(self) -> str:
        return f"p={self.p}, per_sequence={self.per_sequence}"


class Zoneout(RecurrentDropout):
    """Elements of the memory and of the state stay, each with its probability, as they were a step before (Krueger et al. 2017).

    `p` is the rate of an LSTM's memory c, `p_hidden` (None: the same) that of the hidden state h; a GRU has only the latter. Each
    step has masks of its own. The h of an LSTM is computed from the memory before zoneout, as in the paper.
    In eval mode the expectation is used, p * old + (1 - p) * new, or the new value (`eval_mode` 'identity', which Chainer has).

    Use it instead of dropout on h: information and gradients pass through unchanged elements. The paper's rates for
    characters are 0.5 for c and 0.05 for h.

    >>> cell = nn.DropoutLSTMCell(4, 8, dropout=nn.Zoneout(0.5, p_hidden=0.05))
    >>> h, c = cell(minigrad.randn(2, 4))
    """

    def __init__(
        self,
        p: float = 0.1,
        p_hidden: float | None = None,
        *,
        eval_mode: str = "expectation",
        generator: Generator | None = None,
    ) -> None:
        super().__init__(p, p_hidden=p_hidden, generator=generator)
        check_one_of(eval_mode, ("expectation", "identity"), "Zoneout: eval_mode")
        self.eval_mode = eval_mode

    def _zoned(self, new: Tensor, old: Tensor, p: float) -> Tensor:
        return zoneout(new, old, p, self.training, eval_mode=self.eval_mode, generator=self.generator)

    def on_cell(self, cell: Tensor, previous: Tensor, drawn: Any) -> Tensor:
        return self._zoned(cell, previous, self.p)

    def on_state(self, state: Tensor, previous: Tensor, drawn: Any) -> Tensor:
        return self._zoned(state, previous, self._hidden_rate())

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, eval_mode={self.eval_mode!r}"


class _Cell(Module):
    """What the cells share: parameters named, shaped and initialized as PyTorch's, and the chain of dropouts."""

    gates: int
    bias_ih: Parameter | None
    bias_hh: Parameter | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        dropout: RecurrentDropout | Iterable[RecurrentDropout] | None = None,
    ) -> None:
        super().__init__()
        parts = [dropout] if isinstance(dropout, Module) else list(dropout or ())
        for part in parts:
            if not isinstance(part, RecurrentDropout):
                raise TypeError(
                    f"{type(self).__name__}: dropout has to be a RecurrentDropout (GalDropout, ...), not {type(part).__name__}"
                )
        self.input_size = check_size(input_size, f"{type(self).__name__}: input_size", least=0)
        self.hidden_size = check_size(hidden_size, f"{type(self).__name__}: hidden_size", least=0)
        rows = self.gates * hidden_size
        sizes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, input_size), "weight_hh": (rows, hidden_size)}
        sizes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
        for name, size in sizes.items():
            made = Parameter(empty(size, device=device, dtype=dtype)) if bias or name[:4] != "bias" else None
            self.register_parameter(name, made)
        for index, part in enumerate(parts):
            self.add_module(f"dropout{index or ''}", part)
        self.reset_parameters()

    weight_ih: Parameter
    weight_hh: Parameter

    def reset_parameters(self) -> None:
        """Draw the weights and biases anew, uniform within 1 / sqrt(hidden_size)."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size else 0.0
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def begin(self) -> list[Any]:
        """Draw what the steps of one sequence share: what forward takes as `drawn`."""
        return [part.begin() for part in self._parts()]

    def _parts(self) -> list[RecurrentDropout]:
        parts: Any = self._modules.values()  # a cell has no other children
        return list(parts)

    def _through(self, place: str, drawn: list[Any], *values: Tensor) -> Tensor:
        """values[0] after all dropouts had their turn at `place`."""
        value = values[0]
        for part, own in zip(self._parts(), drawn, strict=True):
            value = getattr(part, place)(value, *values[1:], own)
        return value

    def _drawn(self, drawn: list[Any] | None, continues: bool) -> list[Any]:
        if drawn is not None:
            return drawn
        tied = [part for part in self._parts() if part.training and part.tied]
        if continues and tied:
            raise RuntimeError(
                f"{type(self).__name__}: {type(tied[0]).__name__} has one mask for all steps of a sequence: pass every step the same "
                "drawn=cell.begin(), or let DropoutRNN run the cell"
            )
        return self.begin()

    def _check(self, input: Tensor, **states: Tensor) -> None:
        for name, value, size in (
            ("input", input, self.input_size),
            *((k, v, self.hidden_size) for k, v in states.items()),
        ):
            if value.ndim not in (1, 2) or value.shape[-1] != size or value.shape[:-1] != input.shape[:-1]:
                raise RuntimeError(
                    f"{type(self).__name__}: expected an input (N, {self.input_size}) or ({self.input_size},) and states "
                    f"(N, {self.hidden_size}) or ({self.hidden_size},), got {name} of shape {list(value.shape)} with an input of "
                    f"{list(input.shape)}"
                )

    def _zeros(self, input: Tensor) -> Tensor:
        return zeros(*input.shape[:-1], self.hidden_size, dtype=input.dtype)

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}, bias={self.bias_ih is not None}"


class DropoutLSTMCell(_Cell):
    """A step of an LSTM, with `dropout`: a `GalDropout`, `SemeniutaDropout` or `Zoneout`, several of them, or None.

    i, f, o = sigmoid, g = tanh of W_i x + b_i + W_h h + b_h;  c' = f * c + i * g;  h' = o * tanh(c').

    Input (N, input_size) or (input_size,); state (h, c), each (N, hidden_size), zeros if None; returns (h', c'). Parameters
    `weight_ih` (4 hidden_size, input_size), `weight_hh` (4 hidden_size, hidden_size), `bias_ih`, `bias_hh` (4 hidden_size,), gates in the
    order i, f, g, o: the names and layout of PyTorch's LSTMCell, so their states can be exchanged.

    A mask that all steps of a sequence share has to be begun: pass each step the same `drawn=cell.begin()`, as `DropoutRNN` does;
    RuntimeError for a step that continues a state without it. RuntimeError for shapes that do not fit.

    >>> cell = nn.DropoutLSTMCell(4, 8, dropout=[nn.GalDropout(0.3), nn.Zoneout(0.2)])
    >>> state, drawn = None, cell.begin()
    >>> for step in minigrad.randn(10, 2, 4):
    ...     state = cell(step, state, drawn)
    >>> [part.shape for part in state]
    [(2, 8), (2, 8)]
    """

    gates = 4

    def forward(
        self, input: Tensor, state: tuple[Tensor, Tensor] | None = None, drawn: list[Any] | None = None
    ) -> tuple[Tensor, Tensor]:
        input = as_tensor(input)
        drawn = self._drawn(drawn, state is not None)
        if state is None:
            state = self._zeros(input), self._zeros(input)
        if not (isinstance(state, tuple | list) and len(state) == 2):
            raise TypeError(f"DropoutLSTMCell: state has to be a pair (h, c), not {type(state).__name__}")
        h, c = as_tensor(state[0], "h"), as_tensor(state[1], "c")
        self._check(input, h=h, c=c)
        x, past = self._through("on_input", drawn, input), self._through("on_hidden", drawn, h)
        gates = linear(x, self.weight_ih, self.bias_ih) + linear(past, self.weight_hh, self.bias_hh)
        i, f, g, o = gates.chunk(4, -1)
        cell = f.sigmoid() * c + i.sigmoid() * self._through("on_update", drawn, g.tanh())
        hidden = o.sigmoid() * cell.tanh()
        return self._through("on_state", drawn, hidden, h), self._through("on_cell", drawn, cell, c)


class DropoutGRUCell(_Cell):
    """A step of a GRU, with `dropout` as in `DropoutLSTMCell`.

    r, z = sigmoid of W_i x + b_i + W_h h + b_h;  n = tanh(W_in x + b_in + r * (W_hn h + b_hn));  h' = (1 - z) * n + z * h.

    Input (N, input_size) or (input_size,); state h (N, hidden_size), zeros if None; returns h'. Parameters as PyTorch's GRUCell,
    gates in the order r, z, n.

    >>> nn.DropoutGRUCell(4, 8)(minigrad.randn(2, 4)).shape
    (2, 8)
    """

    gates = 3

    def forward(self, input: Tensor, state: Tensor | None = None, drawn: list[Any] | None = None) -> Tensor:
        input = as_tensor(input)
        drawn = self._drawn(drawn, state is not None)
        h = self._zeros(input) if state is None else as_tensor(state, "state")
        self._check(input, h=h)
        x, past = self._through("on_input", drawn, input), self._through("on_hidden", drawn, h)
        xr, xz, xn = linear(x, self.weight_ih, self.bias_ih).chunk(3, -1)
        hr, hz, hn = linear(past, self.weight_hh, self.bias_hh).chunk(3, -1)
        r, z = (xr + hr).sigmoid(), (xz + hz).sigmoid()
        n = self._through("on_update", drawn, (xn + r * hn).tanh())
        return self._through("on_state", drawn, (1 - z) * n + z * h, h)


class DropoutRNN(Module):
    """Runs a cell over the steps of sequences, which share what its dropout ties.

    Input (T, N, input_size), or (N, T, input_size) if `batch_first`; `state` as the cell's. Returns the hidden states of all steps in
    the input's layout, and the last state. ValueError for other ranks and for no steps.

    >>> net = nn.DropoutRNN(nn.DropoutGRUCell(4, 8, dropout=nn.SemeniutaDropout(0.25)), batch_first=True)
    >>> output, h = net(minigrad.randn(2, 10, 4))
    >>> output.shape, minigrad.equal(output[:, -1], h)
    ((2, 10, 8), True)
    """

    def __init__(self, cell: DropoutLSTMCell | DropoutGRUCell, batch_first: bool = False) -> None:
        super().__init__()
        if not isinstance(cell, _Cell):
            raise TypeError(f"DropoutRNN: expected a DropoutLSTMCell or DropoutGRUCell, not {type(cell).__name__}")
        self.cell: Any = cell
        self.batch_first = batch_first

    def forward(self, input: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        input = as_tensor(input)
        axis = 1 if self.batch_first else 0
        if input.ndim != 3 or input.shape[axis] == 0:
            layout = "(N, T, input_size)" if self.batch_first else "(T, N, input_size)"
            raise ValueError(f"DropoutRNN: expected input {layout} of at least one step, got shape {list(input.shape)}")
        drawn = self.cell.begin()
        outputs = []
        for step in input.unbind(axis):
            state = self.cell(step, state, drawn)
            outputs.append(state[0] if isinstance(state, tuple) else state)
        return stack(outputs, axis), state

    def extra_repr(self) -> str:
        return f"batch_first={self.batch_first}"

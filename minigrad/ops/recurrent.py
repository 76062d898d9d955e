"""Recurrent nets: LSTM, GRU and Elman's, over whole sequences and one step at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _kernels as kernels
from ..dtypes import int64
from ..tensor import Function, Fused, Tensor
from . import dropout as random
from .border import as_tensor, check_tensors, contiguous, empty, same_dtype
from .broadcast import sum_array
from .creation import zeros
from .declare import op
from .joining import cat
from .matmul import linear, product

GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


class Recurrence(Fused):
    """One direction of one layer over whole sequences.

    x (rows, inputs) has the rows of all steps one behind the other: `sizes` says how many sequences each step has, those that
    go on longest first. The result has the rows of h, and then h, and c of an LSTM, after the last step of each sequence.
    h0 and c0 (sizes[0], units) may be None: zeros.
    """

    def forward(
        self,
        x: np.ndarray,
        weight_ih: np.ndarray,
        weight_hh: np.ndarray,
        bias_ih: np.ndarray | None,
        bias_hh: np.ndarray | None,
        h0: np.ndarray | None,
        c0: np.ndarray | None,
        mode: str,
        sizes: tuple[int, ...],
        reverse: bool,
    ) -> np.ndarray:
        self.x, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh = x, weight_ih, weight_hh, bias_ih, bias_hh
        self.h0, self.c0, self.mode, self.sizes, self.reverse = h0, c0, mode, sizes, reverse
        rows, batch, units = len(x), sizes[0], weight_hh.shape[1]
        out = empty((rows + batch * (2 if mode == "LSTM" else 1), units), x.dtype)
        if not out.size:
            return out
        self.starts = np.zeros(len(sizes) + 1, int64)
        np.cumsum(sizes, out=self.starts[1:])
        self.before = empty((rows, units), x.dtype)
        bias, hidden_bias = _biases(mode, bias_ih, bias_hh)
        gates, weight, h0 = product(x, weight_ih.T, bias), contiguous(weight_hh), _state(h0, out, batch)
        h, last = out[:rows], out[rows:]
        if mode == "LSTM":
            self.gates, self.cells, self.first_cell = gates, empty((rows, units), x.dtype), _state(c0, out, batch)
            kernels.recurrent.lstm_forward(
                gates, weight, h0, self.first_cell, self.starts, reverse, self.before, self.cells, h, last
            )
        elif mode == "GRU":
            self.gates, self.hidden = gates, empty((rows, units), x.dtype)
            kernels.recurrent.gru_forward(
                gates, weight, hidden_bias, h0, self.starts, reverse, self.before, self.hidden, h, last
            )
        else:
            self.out = out
            kernels.recurrent.rnn_forward(
                gates, weight, mode == "RNN_RELU", h0, self.starts, reverse, self.before, h, last
            )
        return out

    def backward(self, g: np.ndarray) -> Any:
        rows, batch = len(self.x), self.sizes[0]
        if not g.size:
            return tuple(
                np.zeros_like(getattr(self, name)) if self.needs(k) else None for k, name in enumerate(self.names)
            )
        gates = empty((rows, len(self.weight_hh)), g.dtype)
        into_hidden, weight = gates, contiguous(self.weight_hh)
        g, states = contiguous(g[:rows]), g[rows:].copy()
        if self.mode == "LSTM":
            kernels.recurrent.lstm_backward(
                g, self.gates, weight, self.first_cell, self.starts, self.reverse, self.cells, states, gates
            )
        elif self.mode == "GRU":
            into_hidden = empty(gates.shape, g.dtype)
            kernels.recurrent.gru_backward(
                g, self.gates, weight, self.starts, self.reverse, self.before, self.hidden, states, gates, into_hidden
            )
        else:
            h, relu = self.out[:rows], self.mode == "RNN_RELU"
            kernels.recurrent.rnn_backward(g, h, weight, relu, self.starts, self.reverse, states, gates)
        return (
            product(gates, self.weight_ih) if self.needs(0) else None,
            product(gates.T, self.x) if self.needs(1) else None,
            product(into_hidden.T, self.before) if self.needs(2) else None,
            sum_array(gates, (0,)) if self.needs(3) else None,
            sum_array(into_hidden, (0,)) if self.needs(4) else None,
            states[:batch] if self.needs(5) else None,
            states[batch:] if self.needs(6) else None,
        )

    @staticmethod
    def definition(
        x: Tensor,
        weight_ih: Tensor,
        weight_hh: Tensor,
        bias_ih: Tensor | None,
        bias_hh: Tensor | None,
        h0: Tensor | None,
        c0: Tensor | None,
        mode: str,
        sizes: tuple[int, ...],
        reverse: bool,
    ) -> Tensor:
        none = zeros(sizes[0], weight_hh.shape[1], dtype=x.dtype)
        h, c = none if h0 is None else h0, none if c0 is None else c0
        inputs = linear(x, weight_ih, bias_ih).split(sizes)
        outputs: list[Any] = [None] * len(sizes)
        for t in reversed(range(len(sizes))) if reverse else range(len(sizes)):
            n = sizes[t]  # those that have ended, or have not begun, keep their state
            now, cell = _step(mode, inputs[t], linear(h[:n], weight_hh, bias_hh), h[:n], c[:n])
            h, c = cat([now, h[n:]]), cat([cell, c[n:]])
            outputs[t] = now
        return cat([*outputs, h, c] if mode == "LSTM" else [*outputs, h])


def _step(mode: str, x: Tensor, hidden: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """The next h and c, from the products with the input and with h."""
    if mode == "LSTM":
        i, f, g, o = (x + hidden).chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c
    if mode == "GRU":
        (xr, xz, xn), (hr, hz, hn) = x.chunk(3, 1), hidden.chunk(3, 1)
        z = (xz + hz).sigmoid()
        return (1 - z) * (xn + (xr + hr).sigmoid() * hn).tanh() + z * h, c
    return (x + hidden).relu() if mode == "RNN_RELU" else (x + hidden).tanh(), c


def _state(state: np.ndarray | None, like: np.ndarray, batch: int) -> np.ndarray:
    return np.zeros((batch, like.shape[1]), like.dtype) if state is None else contiguous(state)


def _biases(mode: str, bias_ih: Any, bias_hh: Any) -> tuple[Any, Any]:
    """What is added to the inputs' product, and what to a GRU's product of h for n, which the reset gate scales."""
    if bias_hh is None:
        return bias_ih, None
    both = np.zeros_like(bias_hh) if bias_ih is None else bias_ih.copy()
    if mode != "GRU":
        both += bias_hh
        return both, None
    units = len(bias_hh) // 3
    both[: 2 * units] += bias_hh[: 2 * units]
    return both, contiguous(bias_hh[2 * units :])


class Part(Function):
    """Rows start to stop of x as an array of another shape, in memory that no other part of x shares if `own`."""

    def forward(self, x: np.ndarray, start: int, stop: int, shape: tuple[int, ...], own: bool) -> np.ndarray:
        self.place = start, stop, len(x), own
        part = x[start:stop].reshape(shape)
        return part.copy() if own else part

    def backward(self, g: Any) -> Any:
        return Within.on(g, *self.place)


class Within(Function):
    """x as rows start to stop of `rows`, whose others are zeros."""

    def forward(self, x: np.ndarray, start: int, stop: int, rows: int, own: bool) -> np.ndarray:
        self.place = start, stop, x.shape, own
        out = empty((rows, x.shape[-1]), x.dtype)
        out[:start], out[start:stop], out[stop:] = 0, x.reshape(stop - start, x.shape[-1]), 0
        return out

    def backward(self, g: Any) -> Any:
        return Part.on(g, *self.place)


class Steps(Function):
    """Rows as (steps, batch, units), or with `batch_first` (batch, steps, units), and no view: the rows are no one else's."""

    def forward(self, rows: np.ndarray, steps: int, batch_first: bool) -> np.ndarray:
        self.shape, self.batch_first = rows.shape, batch_first
        out = rows.reshape(steps, len(rows) // steps, rows.shape[1])
        return out.swapaxes(0, 1) if batch_first else out

    def backward(self, g: Any) -> Any:
        return (g.swapaxes(0, 1) if self.batch_first else g).reshape(self.shape)


def sequences(
    mode: str,
    x: Tensor,
    sizes: tuple[int, ...],
    states: Sequence[Tensor | None],
    weights: Sequence[Sequence[Tensor | None]],
    directions: int,
    dropout: float,
) -> tuple[Tensor, list[Tensor]]:
    """All layers over whole sequences, whose rows are those of `Recurrence`.

    `states` are h and c (layers * directions, sizes[0], units) before the first step, or None; `weights` the weights and
    biases (or None) of each layer and direction; `dropout` is the rate between layers. Returns the rows of the last layer and
    the states after the last step.
    """
    last: list[list[Tensor]] = [[], []] if mode == "LSTM" else [[]]
    batch, rows = sizes[0], x.shape[0]
    for layer in range(0, len(weights), directions):
        if layer and dropout:
            x = random.dropout(x, dropout)
        outputs = []
        for own in range(layer, layer + directions):
            first = [None if state is None else state[own] for state in states]
            out = Recurrence.apply(x, *weights[own], *first, mode, sizes, own > layer)
            units = out.shape[1]
            outputs.append(Part.apply(out, 0, rows, (rows, units), False))
            for k, state in enumerate(last):
                start = rows + k * batch
                state.append(Part.apply(out, start, start + batch, (1, batch, units), True))
        x = cat(outputs, 1) if directions == 2 else outputs[0]
    return x, [cat(state) if len(state) > 1 else state[0] for state in last]


def _cell(
    name: str, mode: str, input: Tensor, hx: Tensor, cx: Tensor | None, weights: Sequence[Tensor | None]
) -> list[Tensor]:
    """One step of (N, inputs)."""
    input, hx = as_tensor(input), as_tensor(hx, "hx")
    check_tensors(name, **dict(zip(("w_ih", "w_hh", "b_ih", "b_hh"), weights, strict=True)))
    w_ih: Any = weights[0]
    w_hh: Any = weights[1]
    if input.ndim != 2 or w_ih.ndim != 2 or w_hh.ndim != 2:
        raise RuntimeError(
            f"{name}: expected an input (N, inputs) and weights of 2 axes, got {list(input.shape)}, {list(w_ih.shape)}, "
            f"{list(w_hh.shape)}"
        )
    units = w_hh.shape[1]
    if input.shape[1] != w_ih.shape[1]:
        raise RuntimeError(f"input has inconsistent input_size: got {input.shape[1]} expected {w_ih.shape[1]}")
    for k, state in enumerate((hx,) if cx is None else (hx, cx)):
        if state.ndim != 2 or state.shape[0] != input.shape[0]:
            raise RuntimeError(
                f"Input batch size {input.shape[0]} doesn't match hidden{k} batch size "
                f"{state.shape[0] if state.ndim == 2 else list(state.shape)}"
            )
        if state.shape[1] != units:
            raise RuntimeError(f"hidden{k} has inconsistent hidden_size: got {state.shape[1]}, expected {units}")
    rows = GATES[mode] * units
    sizes = (rows, w_ih.shape[1]), (rows, units), (rows,), (rows,)
    for key, weight, size in zip(("w_ih", "w_hh", "b_ih", "b_hh"), weights, sizes, strict=True):
        if weight is not None and weight.shape != size:
            raise RuntimeError(f"{name}: {key} has shape {list(weight.shape)}, expected {list(size)} for {units} units")
    same_dtype(name, input=input, hx=hx, cx=cx, w_ih=w_ih, w_hh=w_hh, b_ih=weights[2], b_hh=weights[3])
    n = input.shape[0]
    out = Recurrence.apply(input, *weights, hx, cx, mode, (n,), False)
    return [Part.apply(out, k, k + n, (n, units), True) for k in ((0,) if cx is None else (0, 2 * n))]


@op("lstm_cell")
def lstm_cell(
    input: Tensor,
    hx: Sequence[Tensor],
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """One step of an LSTM (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000): the next (h, c).

    i, f, o = sigmoid and g = tanh of w_ih x + b_ih + w_hh h + b_hh;  c' = f * c + i * g;  h' = o * tanh(c'). Shapes: input
    (N, inputs), h and c (N, units), w_ih (4 units, inputs), w_hh (4 units, units), biases (4 units,); rows in the order i, f, g,
    o. RuntimeError for shapes that do not fit, or dtypes that differ.

    >>> x, h, c = minigrad.ones(2, 3), minigrad.zeros(2, 4), minigrad.zeros(2, 4)
    >>> h, c = minigrad.lstm_cell(x, (h, c), minigrad.ones(16, 3), minigrad.ones(16, 4))
    >>> h.shape, c.shape
    ((2, 4), (2, 4))
    """
    if not isinstance(hx, tuple | list) or len(hx) != 2:
        raise TypeError(f"lstm_cell(): argument 'hx' must be a pair of Tensors (h, c), not {type(hx).__name__}")
    h, c = _cell("lstm_cell", "LSTM", input, hx[0], as_tensor(hx[1], "hx"), (w_ih, w_hh, b_ih, b_hh))
    return h, c


@op("gru_cell")
def gru_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Tensor:
    """One step of a GRU (Cho et al. 2014, in cuDNN's form): the next h.

    r, z = sigmoid of w_ih x + b_ih + w_hh h + b_hh;  n = tanh(w_in x + b_in + r * (w_hn h + b_hn));  h' = (1 - z) * n + z * h. Shapes
    as in `lstm_cell`, with 3 rows for each unit, in the order r, z, n.
    """
    return _cell("gru_cell", "GRU", input, hx, None, (w_ih, w_hh, b_ih, b_hh))[0]


@op("rnn_tanh_cell")
def rnn_tanh_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Tensor:
    """One step of Elman's net (1990): tanh(w_ih x + b_ih + w_hh h + b_hh). Shapes as in `lstm_cell`, with a row for each unit."""
    return _cell("rnn_tanh_cell", "RNN_TANH", input, hx, None, (w_ih, w_hh, b_ih, b_hh))[0]


@op("rnn_relu_cell")
def rnn_relu_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Tensor:
    """One step of Elman's net with a ReLU: max(w_ih x + b_ih + w_hh h + b_hh, 0). Shapes as in `lstm_cell`, with a row for each unit."""
    return _cell("rnn_relu_cell", "RNN_RELU", input, hx, None, (w_ih, w_hh, b_ih, b_hh))[0]

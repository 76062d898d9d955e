"""Recurrent layers: RNN, LSTM and GRU over sequences, and their cells for one step."""

from __future__ import annotations

import math
import warnings
from numbers import Real
from typing import Any

from ..ops.border import KERNEL_DTYPES, as_tensor, same_dtype
from ..ops.creation import empty, zeros
from ..ops.indexing import index_select
from ..ops.recurrent import GATES, Steps, gru_cell, lstm_cell, rnn_relu_cell, rnn_tanh_cell, sequences
from ..tensor import Tensor
from . import init
from .module import Module
from .parameter import Parameter
from .utils.rnn import PackedSequence, check_sizes


class RNNBase(Module):
    """What RNN, LSTM and GRU share: parameters, layouts, layers and directions. `mode` is a key of their gates.

    Parameters of layer k: `weight_ih_lk` (gates, inputs), `weight_hh_lk` (gates, hidden_size), and with `bias` `bias_ih_lk` and
    `bias_hh_lk` (gates,); those of the other direction end in `_reverse`. All begin uniform within 1 / sqrt(hidden_size).
    """

    mode: str
    input_size: int
    hidden_size: int
    num_layers: int
    batch_first: bool
    bidirectional: bool
    dropout: float

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if not isinstance(dropout, Real) or isinstance(dropout, bool) or not 0 <= dropout <= 1:
            raise ValueError(
                "dropout should be a number in range [0, 1] representing the probability of an element being zeroed"
            )
        if dropout > 0 and num_layers == 1:
            warnings.warn(
                "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects num_layers greater than 1, "
                f"but got dropout={dropout} and num_layers={num_layers}",
                stacklevel=3,
            )
        for name, flag in (("bias", bias), ("batch_first", batch_first)):
            if not isinstance(flag, bool):
                raise TypeError(f"{name} should be of type bool, got: {type(flag).__name__}")
        for name, size in (("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
            if not isinstance(size, int):
                raise TypeError(f"{name} should be of type int, got: {type(size).__name__}")
            if size <= 0:
                raise ValueError(f"{name} must be greater than zero")
        if proj_size < 0:
            raise ValueError("proj_size should be a positive integer or zero to disable projections")
        if proj_size >= hidden_size:
            raise ValueError("proj_size has to be smaller than hidden_size")
        if proj_size:
            raise NotImplementedError(
                f"{type(self).__name__}: proj_size={proj_size} is not available: use a Linear layer"
            )
        if mode not in GATES:
            raise ValueError(f"Unrecognized RNN mode: {mode}")
        self.mode, self.input_size, self.hidden_size, self.num_layers = mode, input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, float(dropout)
        self.bidirectional, self.proj_size = bidirectional, proj_size
        self._names: list[list[str]] = []  # of the parameters of each layer and direction
        self._sizes: list[tuple[int, ...]] = []  # of all
        rows = GATES[mode] * hidden_size
        for layer in range(num_layers):
            inputs = hidden_size * self._directions if layer else input_size
            for suffix in ("", "_reverse")[: self._directions]:
                sizes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, inputs), "weight_hh": (rows, hidden_size)}
                sizes |= {"bias_ih": (rows,), "bias_hh": (rows,)} if bias else {}
                self._names.append([f"{name}_l{layer}{suffix}" for name in sizes])
                self._sizes.extend(sizes.values())
                for name, size in zip(self._names[-1], sizes.values(), strict=True):
                    self.register_parameter(name, Parameter(empty(size, device=device, dtype=dtype)))
        self.reset_parameters()

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters(recurse=False):
            init.uniform_(parameter, -bound, bound)

    def flatten_parameters(self) -> None:
        """Nothing: PyTorch's moves parameters together for cuDNN."""

    @property
    def all_weights(self) -> list[list[Tensor]]:
        """The weights and biases of each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._names]

    @property
    def _flat_weights(self) -> list[Tensor]:
        return [weight for weights in self.all_weights for weight in weights]

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        if isinstance(input, PackedSequence):
            self._check(input.data, 2)
            sizes = check_sizes(input)
            states = [_permuted(state, input.sorted_indices) for state in self._first_states(hx, 3, sizes[0])]
            rows, last = self._run(input.data, sizes, states)
            output: Any = PackedSequence(rows, *input[1:])
            return output, self._together([_permuted(state, input.unsorted_indices) for state in last])
        input = as_tensor(input)
        if input.ndim not in (2, 3):
            raise ValueError(f"{type(self).__name__}: Expected input to be 2D or 3D, got {input.ndim}D instead")
        single = input.ndim == 2
        steps = input.unsqueeze(1) if single else input.transpose(0, 1) if self.batch_first else input
        self._check(steps, 3)
        length, batch, _ = steps.shape
        if not length:
            raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
        states = self._first_states(hx, input.ndim, batch)
        rows, last = self._run(steps.reshape(length * batch, self.input_size), (batch,) * length, states)
        if single:
            return rows, self._together([state.squeeze(1) for state in last])
        return Steps.apply(rows, length, self.batch_first), self._together(last)

    def _run(self, rows: Tensor, sizes: tuple[int, ...], states: list[Tensor | None]) -> tuple[Tensor, list[Tensor]]:
        weights: list[list[Tensor | None]] = [[*own, None, None][:4] for own in self.all_weights]
        rate = self.dropout if self.training else 0.0
        return sequences(self.mode, rows, sizes, states, weights, self._directions, rate)

    def _together(self, states: list[Tensor]) -> Any:
        return tuple(states) if self.mode == "LSTM" else states[0]

    def _check(self, input: Tensor, axes: int) -> None:
        dtype = self.all_weights[0][0].dtype
        if input.dtype != dtype:
            raise ValueError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({dtype}). Convert input: input.to({dtype}), or convert "
                f"model: model.to({input.dtype})"
            )
        if input.ndim != axes:
            raise RuntimeError(f"input must have {axes} dimensions, got {input.ndim}")
        if input.shape[-1] != self.input_size:
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {input.shape[-1]}"
            )
        weights = self._flat_weights
        if dtype not in KERNEL_DTYPES or any(weight.dtype != dtype for weight in weights):
            names = [name for names in self._names for name in names]
            same_dtype(type(self).__name__, **dict(zip(names, weights, strict=True)))  # raises
        for k, (weight, size) in enumerate(zip(weights, self._sizes, strict=True)):
            if weight.shape != size:
                name = [name for names in self._names for name in names][k]
                raise RuntimeError(
                    f"{type(self).__name__}: {name} has shape {list(weight.shape)}, expected {list(size)}"
                )

    def _first_states(self, hx: Any, axes: int, batch: int) -> list[Tensor | None]:
        """h, and c of an LSTM, else None, each (layers, batch, hidden_size), from what was given with `axes` axes."""
        if hx is None:
            return [None, None]
        name, pair = type(self).__name__, self.mode == "LSTM"
        if pair and not (isinstance(hx, tuple | list) and len(hx) == 2):
            raise TypeError(f"{name}: hx has to be a pair of Tensors (h_0, c_0), not {_described(hx)}")
        states = list(hx) if pair else [hx]
        for state in states:
            if not isinstance(state, Tensor):
                raise TypeError(
                    f"{name}: hx has to be {'two Tensors' if pair else 'a Tensor'}, got {_described(state)}"
                )
            if state.ndim != axes:
                kind = "batched 3-D" if axes == 3 else "unbatched 2-D"
                raise RuntimeError(f"For {kind} input, hx should also be {axes}-D but got {state.ndim}-D tensor")
        states = [state.unsqueeze(1) if axes == 2 else state for state in states]
        expected = (self.num_layers * self._directions, batch, self.hidden_size)
        for k, state in enumerate(states):
            if state.shape != expected:
                place = f"hidden[{k}]" if pair else "hidden"
                raise RuntimeError(f"Expected {place} size {expected}, got {list(state.shape)}")
            same_dtype(name, weight_ih_l0=self.all_weights[0][0], hx=state)
        return [*states, None][:2]

    def extra_repr(self) -> str:
        usual = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0, "bidirectional": False}
        changed = [f"{name}={getattr(self, name)}" for name, value in usual.items() if getattr(self, name) != value]
        return ", ".join([str(self.input_size), str(self.hidden_size), *changed])


def _permuted(state: Tensor | None, order: Tensor | None) -> Any:
    return state if state is None or order is None else index_select(state, 1, order)


def _described(value: Any) -> str:
    kind = type(value).__name__
    return f"a {kind} of {len(value)}" if isinstance(value, tuple | list) else f"a {kind}"


class RNN(RNNBase):
    """Elman's recurrent net (1990): h_t = tanh(W_ih x_t + b_ih + W_hh h_(t-1) + b_hh), or with relu for tanh.

    Input (T, N, input_size), or (N, T, input_size) if `batch_first`, or (T, input_size), or a `PackedSequence`; hx, the states
    before the first step, (num_layers * directions, N, hidden_size), zeros if None. Returns the outputs of the last layer,
    in the input's layout, (T, N, directions * hidden_size), and the states after the last step, as hx. Of `num_layers` layers each takes
    what the one below returned, after dropout with rate `dropout` in training. `bidirectional` adds layers that run from the
    last step to the first; their outputs stand behind the others'. float32 or float64.

    ValueError for an input of other ranks or another dtype than the weights', RuntimeError for sizes that do not fit and for
    no steps. Parameters as in `RNNBase`, with `hidden_size` rows.

    >>> layer = nn.RNN(3, 4, num_layers=2, nonlinearity="relu")
    >>> output, h = layer(minigrad.randn(5, 2, 3))
    >>> output.shape, h.shape
    ((5, 2, 4), (2, 2, 4))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
        **options: Any,
    ) -> None:
        _no_projection(options, "RNN")
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        mode = f"RNN_{nonlinearity.upper()}"
        super().__init__(
            mode, input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0, device, dtype
        )
        self.nonlinearity = nonlinearity


class LSTM(RNNBase):
    """Long short-term memory (Hochreiter & Schmidhuber 1997; with the forget gate of Gers, Schmidhuber & Cummins 2000).

    i, f, o = sigmoid and g = tanh of W_ih x_t + b_ih + W_hh h_(t-1) + b_hh;  c_t = f * c_(t-1) + i * g;  h_t = o * tanh(c_t).

    Inputs, layers, outputs and errors as `RNN`; but the states are pairs (h, c), each (num_layers * directions, N, hidden_size):
    hx, and the second result. Parameters as in `RNNBase`, with 4 * hidden_size rows, in the order i, f, g, o. NotImplementedError
    for `proj_size`.

    >>> layer = nn.LSTM(3, 4, bidirectional=True)
    >>> output, (h, c) = layer(minigrad.randn(5, 2, 3))
    >>> output.shape, h.shape, c.shape
    ((5, 2, 8), (2, 2, 4), (2, 2, 4))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            "LSTM",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            proj_size,
            device,
            dtype,
        )


class GRU(RNNBase):
    """Gated recurrent units (Cho et al. 2014), in the form in which the reset gate acts after the product.

    r, z = sigmoid of W_ih x_t + b_ih + W_hh h_(t-1) + b_hh;  n = tanh(W_in x_t + b_in + r * (W_hn h_(t-1) + b_hn));
    h_t = (1 - z) * n + z * h_(t-1).

    Inputs, states, layers, outputs and errors as `RNN`. Parameters as in `RNNBase`, with 3 * hidden_size rows, in the order r, z, n.

    >>> layer = nn.GRU(3, 4, batch_first=True)
    >>> output, h = layer(minigrad.randn(2, 5, 3))
    >>> output.shape, minigrad.equal(output[:, -1], h[0])
    ((2, 5, 4), True)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
        **options: Any,
    ) -> None:
        _no_projection(options, "GRU")
        super().__init__(
            "GRU", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0, device, dtype
        )


def _no_projection(options: dict[str, Any], name: str) -> None:
    if "proj_size" in options:
        raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
    if options:
        raise TypeError(f"{name}.__init__() got an unexpected keyword argument '{next(iter(options))}'")


class RNNCellBase(Module):
    """What the cells share: `weight_ih`, `weight_hh`, `bias_ih`, `bias_hh`, uniform within 1 / sqrt(hidden_size) at first."""

    bias_ih: Parameter | None
    bias_hh: Parameter | None
    weight_ih: Parameter
    weight_hh: Parameter

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool, num_chunks: int, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        rows = num_chunks * hidden_size
        sizes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, input_size), "weight_hh": (rows, hidden_size)}
        sizes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
        for name, size in sizes.items():
            made = Parameter(empty(size, device=device, dtype=dtype)) if bias or name[:4] != "bias" else None
            self.register_parameter(name, made)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size else 0.0
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def _step(self, cell: Any, input: Any, states: Any) -> list[Tensor]:
        """The next states, from those given (None: zeros), of a batch or of one example."""
        name = type(self).__name__
        input = as_tensor(input)
        if input.ndim not in (1, 2):
            raise ValueError(f"{name}: Expected input to be 1D or 2D, got {input.ndim}D instead")
        for k, state in enumerate(states):
            if state is not None and as_tensor(state, "hx").ndim not in (1, 2):
                place = f"hx[{k}]" if len(states) == 2 else "hidden"
                raise ValueError(f"{name}: Expected {place} to be 1D or 2D, got {state.ndim}D instead")
        single = input.ndim == 1
        rows = input.unsqueeze(0) if single else input
        none = zeros(rows.shape[0], self.hidden_size, dtype=rows.dtype)
        given = [none if state is None else state.unsqueeze(0) if single else state for state in states]
        made = cell(rows, given if len(given) == 2 else given[0], *self._weights())
        results = list(made) if isinstance(made, tuple) else [made]
        return [result.squeeze(0) for result in results] if single else results

    def _weights(self) -> tuple[Tensor | None, ...]:
        return self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")


class RNNCell(RNNCellBase):
    """One step of an `RNN`: input (N, input_size) or (input_size,), hx (N, hidden_size) or (hidden_size,), zeros if None.

    ValueError for other ranks, RuntimeError for sizes that do not fit and for a nonlinearity other than 'tanh' and 'relu'.

    >>> nn.RNNCell(3, 4)(minigrad.ones(2, 3)).shape
    (2, 4)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        return self._step(rnn_tanh_cell if self.nonlinearity == "tanh" else rnn_relu_cell, input, [hx])[0]

    def extra_repr(self) -> str:
        return super().extra_repr() + ("" if self.nonlinearity == "tanh" else f", nonlinearity={self.nonlinearity}")


class LSTMCell(RNNCellBase):
    """One step of an `LSTM`: input (N, input_size) or (input_size,), hx a pair (h, c) of (N, hidden_size) or (hidden_size,), zeros if
    None; returns the next pair.

    ValueError for other ranks, RuntimeError for sizes that do not fit.

    >>> h, c = nn.LSTMCell(3, 4)(minigrad.ones(2, 3))
    >>> h.shape, c.shape
    ((2, 4), (2, 4))
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        if hx is not None and not (isinstance(hx, tuple | list) and len(hx) == 2):
            raise TypeError(f"LSTMCell: hx has to be a pair of Tensors (h, c), not {_described(hx)}")
        h, c = self._step(lstm_cell, input, [None, None] if hx is None else hx)
        return h, c


class GRUCell(RNNCellBase):
    """One step of a `GRU`: shapes and errors as `RNNCell`.

    >>> nn.GRUCell(3, 4)(minigrad.ones(2, 3)).shape
    (2, 4)
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        return self._step(gru_cell, input, [hx])[0]

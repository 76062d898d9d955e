"""One step of the recurrent nets."""

from .bad import Bad, bad
from .row import Row, real, row

GATES = {"gru": 3, "rnn_tanh": 1, "rnn_relu": 1}
LSTM = {"x": real(2, 3), "h": real(2, 4), "c": real(2, 4), "w": real(16, 3), "u": real(16, 4)}
GRU = {"x": real(2, 3), "h": real(2, 4), "w": real(12, 3), "u": real(12, 4)}

ROWS: list[Row] = [
    row("torch.lstm_cell(x, (h, c), w, u)[0]", **LSTM),
    row("torch.lstm_cell(x, (h, c), w, u, a, b)[1]", **LSTM, a=real(16), b=real(16)),
    row("torch.cat(torch.lstm_cell(x, [h, c], w, u, a, b))", **LSTM, a=real(16), b=real(16)),
    row("h, c = torch.lstm_cell(x, (h, c), w, u); torch.lstm_cell(x, (h, c), w, u)[0]", **LSTM),
    *(
        row(
            f"torch.{name}_cell(x, h, w, u{biases})",
            **{"x": real(2, 3), "h": real(2, 4), "w": real(4 * gates, 3), "u": real(4 * gates, 4)},
            **({"a": real(4 * gates), "b": real(4 * gates)} if biases else {}),
        )
        for name, gates in GATES.items()
        for biases in ("", ", a, b")
    ),
    row("torch.gru_cell(x, h, w, u)", x=real(0, 3), h=real(0, 4), w=real(12, 3), u=real(12, 4)),
    row("torch.rnn_tanh_cell(x, h, w, u)", x=real(1, 1), h=real(1, 1), w=real(1, 1), u=real(1, 1)),
]

BAD: list[Bad] = [
    bad("torch.gru_cell(x, h, w, u)", RuntimeError, "input_size", "2", "3", **{**GRU, "x": real(2, 2)}),
    bad("torch.gru_cell(x, h, w, u)", RuntimeError, "batch size", "2", "5", **{**GRU, "h": real(5, 4)}),
    bad("torch.gru_cell(x, h, w, u)", RuntimeError, "hidden_size", "5", "4", **{**GRU, "h": real(2, 5)}),
    bad("torch.gru_cell(x, h, w, u)", RuntimeError, "[8, 3]", "[12, 3]", **{**GRU, "w": real(8, 3)}),
    bad("torch.gru_cell(x, h, w, u, b)", RuntimeError, "[12, 1]", "[12]", **GRU, b=real(12, 1)),
    bad("torch.gru_cell(x, h, w, u, None, b)", RuntimeError, "[3]", "[12]", **GRU, b=real(3)),
    bad("torch.gru_cell(x, h.double(), w.float(), u)", RuntimeError, "dtype", **GRU),
    bad("torch.lstm_cell(x, h, w, u)", TypeError, "pair", **{k: v for k, v in LSTM.items() if k != "c"}),
]

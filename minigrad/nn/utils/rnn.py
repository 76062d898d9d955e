"""Sequences of different lengths in one Tensor."""

from __future__ import annotations

from collections.abc import Iterable

from ...ops.creation import arange
from ...ops.joining import stack
from ...ops.pad import pad
from ...tensor import Tensor


def pad_sequence(
    sequences: Iterable[Tensor], batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Sequences (L, ...) of different lengths as one Tensor (T, B, ...), or (B, T, ...) with `batch_first`.

    T is the longest length; the others are filled with `padding_value` at the end, or at the beginning ('left').

    >>> a, b = minigrad.tensor([1, 2, 3]), minigrad.tensor([4])
    >>> nn.utils.rnn.pad_sequence([a, b], batch_first=True)
    tensor([[1, 2, 3],
            [4, 0, 0]])
    """
    if not isinstance(sequences, Iterable):
        raise RuntimeError(
            f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences).__name__}"
        )
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"Expected padding_side to be one of left or right, but got {padding_side}.")
    parts = list(sequences)
    if not parts:
        raise RuntimeError("pad_sequence: received an empty list of sequences")
    for part in parts:
        if not isinstance(part, Tensor) or part.ndim == 0:
            raise TypeError(f"pad_sequence: each sequence must be a Tensor of at least 1 axis, got {part!r}")
        if part.shape[1:] != parts[0].shape[1:]:
            raise RuntimeError(
                f"pad_sequence: the sequences must agree in all sizes but the first, got {list(parts[0].shape)} and {list(part.shape)}"
            )
    longest = max(part.shape[0] for part in parts)
    padded = []
    for part in parts:
        missing = longest - part.shape[0]
        widths = (0, missing) if padding_side == "right" else (missing, 0)
        padded.append(pad(part, [0, 0] * (part.ndim - 1) + list(widths), value=padding_value))
    return stack(padded, 0 if batch_first else 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """The sequences of `lengths` (B,) that `pad_sequence` padded at their ends."""
    rows = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    if rows.shape[0] != len(lengths):
        raise ValueError(f"unpad_sequence: {len(lengths)} lengths for {rows.shape[0]} sequences")
    places = arange(rows.shape[1])
    return [row[places < length] for row, length in zip(rows, lengths, strict=True)]

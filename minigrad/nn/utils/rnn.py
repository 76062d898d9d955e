"""Sequences of different lengths: padded in one Tensor, or packed for the recurrent layers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from ...dtypes import int64
from ...ops.border import as_tensor
from ...ops.creation import arange, full
from ...ops.indexing import index_select
from ...ops.joining import cat, stack
from ...ops.pad import pad
from ...tensor import Tensor, wrap

__all__ = [
    "PackedSequence", "invert_permutation", "pack_padded_sequence", "pack_sequence", "pad_packed_sequence", "pad_sequence",
    "unpack_sequence", "unpad_sequence",
]  # fmt: skip


class _Fields(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_Fields):
    """Sequences of different lengths without padding, step by step: what `pack_sequence` and `pack_padded_sequence` make.

    `data` (rows, ...) has the first elements of all sequences, the longest first, then the second ones, and so on;
    `batch_sizes` (T,) says how many there are at each step. `sorted_indices` is the order of the sequences, and `unsorted_indices`
    its inverse; None where they came sorted. `nn.RNN`, `nn.LSTM` and `nn.GRU` take it and return one.

    >>> packed = nn.utils.rnn.pack_sequence([minigrad.tensor([1, 2, 3]), minigrad.tensor([4, 5])])
    >>> packed.data
    tensor([1, 4, 2, 5, 3])
    >>> packed.batch_sizes
    tensor([2, 2, 1])
    """

    __slots__ = ()

    def __new__(
        cls,
        data: Any,
        batch_sizes: Tensor | None = None,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> PackedSequence:
        if batch_sizes is None:
            if not (isinstance(data, tuple | list) and len(data) == 2):
                raise AssertionError("Expected data to be a list or tuple of length 2")
            data, batch_sizes = data
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The same with `data.to(...)`; itself where that changes nothing."""
        data = self.data.to(*args, **kwargs)
        return self if data is self.data else type(self)(data, *self[1:])

    def cpu(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Itself: everything is on the CPU."""
        return self.to("cpu", *args, **kwargs)

    def double(self) -> PackedSequence:
        """The same in float64."""
        return self._with(self.data.double())

    def float(self) -> PackedSequence:
        """The same in float32."""
        return self._with(self.data.float())

    def half(self) -> PackedSequence:
        """The same in float16."""
        return self._with(self.data.half())

    def long(self) -> PackedSequence:
        """The same in int64."""
        return self._with(self.data.long())

    def int(self) -> PackedSequence:
        """The same in int32."""
        return self._with(self.data.int())

    def _with(self, data: Tensor) -> PackedSequence:
        return self if data is self.data else type(self)(data, *self[1:])

    @property
    def is_cuda(self) -> bool:
        """False."""
        return False

    def is_pinned(self) -> bool:
        """False."""
        return False


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The inverse of a permutation of 0, 1, ...; None of None."""
    if permutation is None:
        return None
    inverse = np.empty_like(permutation._value)
    inverse[permutation._value] = np.arange(inverse.size, dtype=inverse.dtype)
    return wrap(inverse)


def check_sizes(packed: PackedSequence) -> tuple[int, ...]:
    """The batch sizes as numbers. RuntimeError unless they are positive, do not grow, and add up to the rows of the data."""
    sizes = tuple(packed.batch_sizes.tolist())
    rows = packed.data.shape[0] if packed.data.ndim else 0
    if not sizes or sizes[-1] < 1 or list(sizes) != sorted(sizes, reverse=True) or sum(sizes) != rows:
        raise RuntimeError(
            f"PackedSequence: batch_sizes {list(sizes)[:20]} have to be positive, not to grow, and to add up to the {rows} rows of data"
        )
    return sizes


def pack_padded_sequence(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Pack sequences that are padded to one length: (T, B, ...), or (B, T, ...) with `batch_first`.

    `lengths` (B,), a Tensor or a list, have to fall with `enforce_sorted`; else the sequences are sorted, and the results of
    recurrent layers put back into order. RuntimeError for lengths that are not, are below 1 or above T, or are not one
    for each sequence.

    >>> padded = minigrad.tensor([[1, 4], [2, 5], [3, 0]])
    >>> packed = nn.utils.rnn.pack_padded_sequence(padded, [3, 2])
    >>> packed.data
    tensor([1, 4, 2, 5, 3])
    """
    input = as_tensor(input)
    if input.ndim < 2:
        raise IndexError(
            f"pack_padded_sequence: expected a batch of sequences, 2 axes at least, got {list(input.shape)}"
        )
    rows = input if batch_first else input.transpose(0, 1)
    batch, longest = rows.shape[:2]
    sizes = np.asarray(lengths._value if isinstance(lengths, Tensor) else lengths).astype(np.int64)
    if not input.numel():
        raise RuntimeError("Cannot pack empty tensors.")
    if sizes.shape != (batch,):
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {sizes.size} (batch_size={batch})"
        )
    if sizes.min() <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0"
        )
    if sizes.max() > longest:
        raise RuntimeError(f"pack_padded_sequence: a length of {sizes.max()} in an input of {longest} steps")
    order = None
    if enforce_sorted:
        if (np.diff(sizes) > 0).any():
            raise RuntimeError(
                "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass `enforce_sorted=False` "
                "to pack_padded_sequence and/or pack_sequence to sidestep this requirement."
            )
        chosen = np.arange(batch)
    else:
        chosen = np.argsort(-sizes, kind="stable")
        order = wrap(chosen)
    step, place = np.nonzero(np.arange(sizes.max())[:, None] < sizes[chosen])
    flat = rows.reshape(batch * longest, *rows.shape[2:])
    batch_sizes = wrap(np.bincount(step).astype(int64))
    return PackedSequence(index_select(flat, 0, wrap(chosen[place] * longest + step)), batch_sizes, order)


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Tensor, Tensor]:
    """The sequences padded with `padding_value`, (T, B, ...), or (B, T, ...) with `batch_first`, and their lengths (B,).

    T is the longest length, or `total_length`; ValueError if that is less. The inverse of `pack_padded_sequence`.

    >>> packed = nn.utils.rnn.pack_sequence([minigrad.tensor([4]), minigrad.tensor([1, 2])], enforce_sorted=False)
    >>> nn.utils.rnn.pad_packed_sequence(packed, batch_first=True)
    (tensor([[4, 0],
            [1, 2]]), tensor([1, 2]))
    """
    sizes = np.asarray(check_sizes(sequence))
    steps = len(sizes) if total_length is None else total_length
    if steps < len(sizes):
        raise ValueError(
            "Expected total_length to be at least the length of the longest sequence in input, but got "
            f"total_length={total_length} and max sequence length being {len(sizes)}"
        )
    data, batch = sequence.data, sizes[0]
    starts = np.cumsum(sizes) - sizes
    places = np.full((steps, batch), data.shape[0])  # of the padding, behind the rows
    places[: len(sizes)] = np.where(
        np.arange(batch) < sizes[:, None], starts[:, None] + np.arange(batch), data.shape[0]
    )
    lengths = (np.arange(batch)[:, None] < sizes).sum(1)
    if sequence.unsorted_indices is not None:
        order = sequence.unsorted_indices._value
        places, lengths = places[:, order], lengths[order]
    places = places.T if batch_first else places
    filled = cat([data, full((1, *data.shape[1:]), padding_value, dtype=data.dtype)])
    padded = index_select(filled, 0, wrap(places.reshape(-1)))
    return padded.reshape(*places.shape, *data.shape[1:]), wrap(lengths.astype(int64))


def pack_sequence(sequences: Iterable[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack sequences (L, ...), sorted from long to short unless `enforce_sorted=False`; as `pack_padded_sequence`."""
    parts = list(sequences)
    return pack_padded_sequence(pad_sequence(parts), [part.shape[0] for part in parts], False, enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences that `pack_sequence` packed."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)


def pad_sequence(
    sequences: Iterable[Tensor], batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Sequences (L, ...) of different lengths as one Tensor (T, B, ...), or (B, T, ...) with `batch_first`.

    T is the longest length; the others are filled with `padding_value` at the end, or at the beginning ('left'). The dtype is that of
    the first.

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
        padded.append(pad(part.to(parts[0].dtype), [0, 0] * (part.ndim - 1) + list(widths), value=padding_value))
    return stack(padded, 0 if batch_first else 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """The sequences of `lengths` (B,) that `pad_sequence` padded at their ends."""
    rows = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    if rows.shape[0] != len(lengths):
        raise ValueError(f"unpad_sequence: {len(lengths)} lengths for {rows.shape[0]} sequences")
    places = arange(rows.shape[1])
    return [row[places < length] for row, length in zip(rows, lengths, strict=True)]

"""Data in any form as a DataLoader, and what a checkpoint remembers of it."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

from ..ops.creation import as_tensor
from ..tensor import Tensor
from ..utils.data import DataLoader, Dataset, TensorDataset

BATCH_SIZE = 32  # where none is given


def as_loader(data: Any, batch_size: int | None, shuffle: bool = False) -> DataLoader:
    """`data` as a DataLoader: one as it is, or a new one over an array, a Tensor, a tuple or list of them, or a Dataset.

    ValueError for a DataLoader together with a batch size, and for arrays of different lengths.
    """
    if isinstance(data, DataLoader):
        if batch_size is not None:
            raise ValueError("batch_size goes with arrays and data sets: a DataLoader has its own")
        return data
    if isinstance(data, np.ndarray | Tensor):
        data = (data,)
    if isinstance(data, tuple) or (
        isinstance(data, list) and all(isinstance(part, np.ndarray | Tensor) for part in data)
    ):
        if not data:
            raise ValueError("expected data (x, y), got nothing")
        tensors = [as_tensor(part) for part in data]
        lengths = [len(part) for part in tensors]
        if len(set(lengths)) != 1:
            raise ValueError(f"inputs and targets have different lengths: {' and '.join(map(str, lengths))}")
        data = TensorDataset(*tensors)
    if not isinstance(data, Dataset):
        raise TypeError(
            f"expected a DataLoader, a Dataset, an array, a Tensor or a tuple (x, y), got {type(data).__name__}"
        )
    return DataLoader(data, batch_size=BATCH_SIZE if batch_size is None else batch_size, shuffle=shuffle)


def input_of(batch: Any) -> Any:
    """The input of a batch that may or may not hold targets too."""
    return batch[0] if isinstance(batch, tuple | list) else batch


def pair(batch: Any) -> tuple[Tensor, Tensor]:
    """A batch as (input, target); TypeError if it is anything else."""
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        what = f"{len(batch)} parts" if isinstance(batch, tuple | list) else type(batch).__name__
        raise TypeError(f"training and evaluation take batches (input, target), got {what}: give data as (x, y)")
    return batch[0], batch[1]


def length(sized: Any) -> int | None:
    """`len(sized)`, or None where it has none, as an endless stream of batches."""
    try:
        return len(sized)
    except TypeError:
        return None


def describe(loader: DataLoader) -> dict[str, Any]:
    """What must be the same when a run is resumed, in words that an error can use."""
    return {
        "training samples": length(loader.dataset),
        "batch size": loader.batch_size or getattr(loader.batch_sampler, "batch_size", None),
        "batches in an epoch": length(loader),
        "sampler": type(loader.sampler).__name__,
    }


def checksum(loader: DataLoader) -> dict[str, str]:
    """The CRC-32 of the data, where they are arrays or Tensors; other data sets may draw theirs anew each time."""
    if type(loader.dataset) is not TensorDataset:
        return {}
    crc = 0
    for part in loader.dataset.tensors:
        crc = zlib.crc32(np.ascontiguousarray(part._value).reshape(-1).view(np.uint8).data, crc)
    return {"checksum of the training data": f"{crc:08x}"}

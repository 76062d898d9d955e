"""From a list of items to one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...ops.creation import as_tensor_, tensor
from ...ops.joining import stack
from ...tensor import Tensor


def default_collate(batch: Sequence[Any]) -> Any:
    """One batch of a list of items: Tensors and arrays are stacked along a new first axis, numbers become a Tensor
    (Python floats one of float64), strings stay a list, and dicts and sequences are collated entry by entry (tuples
    become lists, as in PyTorch).
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return stack(list(batch), 0)
    if isinstance(first, np.ndarray) and first.dtype.kind in "biuf":
        return stack([as_tensor_(item) for item in batch], 0)
    if isinstance(first, np.number | np.bool_):
        return as_tensor_(np.array(batch))
    if isinstance(first, float):
        return tensor(batch, dtype=np.float64)
    if isinstance(first, int):
        return tensor(batch)
    if isinstance(first, str | bytes):
        return batch
    if isinstance(first, Mapping):
        return _rebuilt(first, {key: default_collate([item[key] for item in batch]) for key in first})
    if isinstance(first, Sequence):
        if any(len(item) != len(first) for item in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        return _rebuilt(first, [default_collate(entries) for entries in zip(*batch, strict=True)])
    raise TypeError(
        f"default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {type(first).__name__}"
        + (f" of {first.dtype}" if isinstance(first, np.ndarray) else "")
    )


def default_convert(data: Any) -> Any:
    """`data` with its arrays as Tensors, for a loader that makes no batches."""
    if isinstance(data, np.ndarray | np.number | np.bool_) and data.dtype.kind in "biuf":
        return as_tensor_(data)
    if isinstance(data, Mapping):
        return _rebuilt(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, Sequence) and not isinstance(data, str | bytes):
        return _rebuilt(data, [default_convert(value) for value in data])
    return data


def _rebuilt(like: Any, entries: Any) -> Any:
    """`entries` in the type of `like`, where that can be made of them; plain tuples become lists."""
    if isinstance(like, tuple):
        return type(like)(*entries) if hasattr(like, "_fields") else entries
    try:
        return type(like)(entries)
    except TypeError:
        return entries


__all__ = ["default_collate", "default_convert"]

"""PyTorch's `utils`: data sets and their loading, in `utils.data`."""

from . import data

__all__ = ["data"]

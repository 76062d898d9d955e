"""PyTorch's `utils`: data sets and their loading in `utils.data`, less memory for activations in `utils.checkpoint`."""

from . import checkpoint, data

__all__ = ["checkpoint", "data"]

"""The operations of networks as functions, without state: `F.relu`, `F.conv2d`, ... Each is declared where it is
defined, in `minigrad.ops`."""

from ..ops import FUNCTIONAL

globals().update(FUNCTIONAL)

__all__ = sorted(FUNCTIONAL)

"""Where Tensors are: the CPU, which is the only device there is."""

from __future__ import annotations

from typing import Any

from .dtypes import check_device

KINDS = ("cpu", "cuda", "mps", "xpu", "hpu", "meta")  # names that code for PyTorch may ask about


class device(str):
    """A device by name, 'cpu' or such as 'cuda:0', with its `type` and `index`; it equals its name.

    Devices other than 'cpu' can be named, so that code may compare them; using one raises RuntimeError.

    >>> minigrad.device("cuda", 1).index, minigrad.ones(2).device
    (1, device(type='cpu'))
    """

    type: str
    index: int | None  # type: ignore[assignment]

    def __new__(cls, type: str, index: int | None = None) -> device:
        """RuntimeError for a name that is not known, TypeError for anything but a name."""
        if not isinstance(type, str):
            raise TypeError(f"device() takes a name such as 'cpu', not {type!r}")
        kind, _, number = type.partition(":")
        if kind not in KINDS or (number and not number.isdigit()) or (number and index is not None):
            raise RuntimeError(f"Expected one of {', '.join(KINDS)} device type at start of device string: {type}")
        place = int(number) if number else index
        self = str.__new__(cls, kind if place is None else f"{kind}:{place}")
        self.type, self.index = kind, place
        return self

    def __repr__(self) -> str:
        return f"device(type={self.type!r}{'' if self.index is None else f', index={self.index}'})"

    def __enter__(self) -> device:
        """A context in which new Tensors would be on this device: RuntimeError for any but 'cpu'."""
        check_device(self)
        return self

    def __exit__(self, *exception: Any) -> None:
        pass

    def __getnewargs__(self) -> tuple[str]:
        return (str(self),)


CPU = device("cpu")

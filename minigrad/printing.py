"""How a Tensor prints: as PyTorch prints it, by NumPy's formatter."""

from __future__ import annotations

import numpy as np

_DEFAULT = ("float32", "int64", "bool")  # dtypes that the numbers themselves show


def _plain_float(x: float) -> str:
    return f"{x:.0f}." if np.isfinite(x) else str(x)


def tensor_repr(array: np.ndarray, grad_fn: str | None, requires_grad: bool) -> str:
    """`tensor([...], dtype=..., grad_fn=<...>)`; long arrays are summarized as PyTorch summarizes them."""
    notes = []
    if array.dtype.name not in _DEFAULT or (array.size == 0 and array.dtype.name != "float32"):
        notes.append(f"dtype=minigrad.{array.dtype.name}")
    if array.size == 0 and array.shape != (0,):
        notes.insert(0, f"size={array.shape}")
    if grad_fn is not None:
        notes.append(f"grad_fn=<{grad_fn}0>")
    elif requires_grad:
        notes.append("requires_grad=True")
    body = "[]" if array.size == 0 else _numbers(array)
    return f"tensor({', '.join([body, *notes])})"


def _numbers(array: np.ndarray) -> str:
    options: dict = {"threshold": 1000, "edgeitems": 3, "max_line_width": 80, "precision": 4}
    if array.dtype.kind == "f":
        finite = np.abs(array[np.isfinite(array)].astype(np.float64))
        nonzero = finite[finite > 0]
        if np.all(finite == np.round(finite)) and (finite.size == 0 or finite.max() < 1e8):
            options["formatter"] = {"float_kind": _plain_float}
        elif nonzero.size and (nonzero.max() / nonzero.min() > 1000 or nonzero.max() > 1e8 or nonzero.min() < 1e-4):
            options["formatter"] = {"float_kind": lambda x: f"{x:.4e}"}
        else:
            options["formatter"] = {"float_kind": lambda x: f"{x:.4f}" if np.isfinite(x) else str(x)}
        if array.ndim:  # columns line up
            plain = options["formatter"]["float_kind"]
            width = max((len(plain(x)) for x in _shown(array) if np.isfinite(x)), default=1)
            options["formatter"] = {"float_kind": lambda x: plain(x).rjust(width)}
    if array.dtype.kind == "b" and array.ndim == 0:
        return str(bool(array))
    return np.array2string(array, separator=", ", prefix="tensor(", **options)


def _shown(array: np.ndarray) -> list[float]:
    """The elements a summarized print shows."""
    if array.size > 1000:
        for axis, length in enumerate(array.shape):
            if length > 6:
                array = np.take(array, [0, 1, 2, -3, -2, -1], axis)
    return array.ravel().tolist()

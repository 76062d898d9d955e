"""A model or a function beside PyTorch's: the same values in, the same masks, and the differences layer by layer."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, NamedTuple

import numpy as np

import minigrad

from ..grad_mode import enable_grad
from ..interop.torch import from_torch, import_torch, to_torch
from ..nn import Module
from ..ops import FUNCTIONAL, FUNCTIONS, METHODS
from ..random import default_generator
from .masks import RANDOM, Draw, recording, replaying

TOLERANCE = {"float16": 1e-2, "float32": 1e-4, "float64": 1e-9}


@dataclass
class Row:
    """One layer (or input): the largest differences between the libraries, relative to the largest values."""

    name: str
    kind: str
    forward: float | None = None  # of what it returned
    gradient: float | None = None  # of the gradient of that; of an input, of its gradient
    parameters: float | None = None  # of the gradients of its own parameters
    buffers: float | None = None  # of its own buffers afterwards
    notes: list[str] = field(default_factory=list)

    def worst(self) -> float:
        found = [x for x in (self.forward, self.gradient, self.parameters, self.buffers) if x is not None]
        return max(found, default=0.0)


@dataclass
class Report:
    """What `compare_with_torch` found; true if all differences are within the tolerance."""

    rows: list[Row]
    tolerance: float
    masks: int  # how many random calls were given the same draws

    @property
    def passed(self) -> bool:
        """Whether all differences are within the tolerance."""
        return all(self.fits(row) for row in self.rows)

    def __bool__(self) -> bool:
        return self.passed

    def fits(self, row: Row) -> bool:
        """Whether this row is within the tolerance, and nothing in it could not be compared."""
        return not row.notes and row.worst() <= self.tolerance

    def __str__(self) -> str:
        table: list[tuple[str, ...]] = [("", "", "output", "its gradient", "parameters'", "buffers")]
        for row in self.rows:
            numbers = (row.forward, row.gradient, row.parameters, row.buffers)
            table.append((row.name, row.kind, *("" if x is None else f"{x:.1e}" for x in numbers)))
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = []
        for cells in table:
            laid = [
                text.ljust(w) if i < 2 else text.rjust(w) for i, (text, w) in enumerate(zip(cells, widths, strict=True))
            ]
            lines.append("  ".join(laid).rstrip())
        for i, row in enumerate(self.rows, 1):
            if not self.fits(row):
                lines[i] += "  <-- " + "; ".join(row.notes or ["differs"])
        verdict = "equal" if self.passed else "DIFFERENT"
        masks = f", {self.masks} random calls with the same draws" if self.masks else ""
        return "\n".join([*lines, f"{verdict} within {self.tolerance:g}{masks}"])


def compare_with_torch(
    model_or_function: Any,
    inputs: Any,
    *,
    twin: Any = None,
    loss: Callable[[Any], Any] | None = None,
    tolerance: float | None = None,
    verbose: bool = True,
) -> Report:
    """Run a module or function here and in PyTorch on the same values, and compare forward and backward, layer by layer.

    `inputs` is a Tensor or array, or a tuple or list of arguments; floating ones get gradients. The `twin` is a
    `torch.nn.Module`, which takes over the model's state, or a function on PyTorch's Tensors. Without one, a module is
    converted by `interop.to_torch`; a function that is declared in minigrad is compared with PyTorch's of that name; any other
    is called with PyTorch's Tensors, which works if it uses methods and operators alone. Dropout draws in minigrad, and
    PyTorch is given the same masks (for `F.dropout`, its forms for channels and the two alpha dropouts, the modules of
    them, and the dropout between recurrent layers); a model that draws otherwise is not equal.

    Gradients are those of `loss(output)`, by default of a fixed random weighting of all outputs. A difference is the largest one of
    any element, divided by the largest value there (or by a thousandth of the largest of all outputs, gradients or buffers, if
    that is more: what should be 0 is rounding), and has to be within `tolerance`: 1e-4 for float32, 1e-9 for float64. NaN
    equals NaN. Both run on copies: model, twin, gradients and random state stay as they were.

    Prints a table unless `verbose=False`, and returns a Report, true if all is equal: `assert compare_with_torch(model, x)`.
    ImportError without PyTorch; TypeError where there is no twin.
    """
    torch = import_torch()
    arguments = list(inputs) if isinstance(inputs, tuple | list) else [inputs]
    arrays = [_array(argument) for argument in arguments]
    if isinstance(model_or_function, Module):
        ours: Any = copy.deepcopy(model_or_function)
        theirs = to_torch(ours) if twin is None else copy.deepcopy(twin)
        if twin is not None:
            theirs.load_state_dict(to_torch(dict(ours.state_dict())))
            theirs.train(ours.training)
        for module in (ours, theirs):
            module.zero_grad()  # the copies have the originals' gradients
    else:
        ours, theirs = _pair(model_or_function, torch)
        theirs = twin or theirs
        if theirs is None:
            raise TypeError(
                f"PyTorch has no function {model_or_function.__name__}: pass twin=, a function on PyTorch's Tensors"
            )

    masks: list[Draw] = []
    state = default_generator.get_state()
    try:
        with recording(masks), enable_grad():
            here = _Run(ours, [_given(a, minigrad.tensor) for a in arrays], minigrad.tensor, loss)
    finally:
        default_generator.set_state(state)
    drawn = len(masks)
    with replaying(masks, torch), torch.enable_grad():
        there = _Run(theirs, [_given(a, torch.tensor) for a in arrays], torch.tensor, loss)
    if tolerance is None:
        tolerance = max((TOLERANCE[str(a.dtype)] for a in here.values() if a.dtype.kind == "f"), default=0.0)
    report = Report(_rows(here, there), tolerance, drawn)
    if masks:
        report.rows.append(Row("random calls", "", notes=[f"PyTorch made {len(masks)} fewer"]))
    if verbose:
        print(report)
    return report


def _array(argument: Any) -> Any:
    """An argument as an array, if it is one or a Tensor of either library; else as it is."""
    if isinstance(argument, np.ndarray | minigrad.Tensor):
        return np.array(getattr(argument, "_value", argument))
    return np.array(from_torch(argument)._value) if hasattr(argument, "detach") else argument


def _given(array: Any, tensor: Callable) -> Any:
    return tensor(array, requires_grad=array.dtype.kind == "f") if isinstance(array, np.ndarray) else array


def _pair(function: Callable, torch: Any) -> tuple[Callable, Callable | None]:
    """A function to run here and the one to run in PyTorch: of the same name, if it is declared, else itself."""
    places = ((FUNCTIONS, torch), (FUNCTIONAL, torch.nn.functional), (METHODS, torch.Tensor))
    names = [(name, place) for table, place in places for name, known in table.items() if known is function]
    for name, place in names:
        if name in RANDOM:  # looked up when it is called, where the draws are recorded and replayed
            return _late(minigrad.nn.functional, name), _late(torch.nn.functional, name)
        if hasattr(place, name):
            return function, getattr(place, name)
    return function, None if names else function


def _late(module: Any, name: str) -> Callable:
    return lambda *args: getattr(module, name)(*args)


# ---- one run -------------------------------------------------------------------------------------------------------------


class _Run:
    """One forward and backward, in either library, and what could be seen of it."""

    def __init__(self, model: Any, arguments: list[Any], tensor: Callable, loss: Callable | None) -> None:
        self.model, self.arguments = model, arguments
        self.calls: list[tuple[str, Any, list[np.ndarray], list[Any]]] = []  # name, module, outputs, their gradients
        handles = []
        for name, module in model.named_modules() if hasattr(model, "named_modules") else ():
            handles.append(module.register_forward_hook(self.watch(name or "(all)")))
        try:
            output = model(*arguments)
        finally:
            for handle in handles:
                handle.remove()
        if not handles:
            self.watch("output")(None, (), output)
        total = loss(output) if loss else _weighted(output, tensor)
        if total is not None and total.requires_grad:
            total.backward()

    def watch(self, name: str) -> Callable:
        def seen(module: Any, args: tuple, output: Any) -> None:
            tensors = [x for x in _flat(output) if hasattr(x, "detach")]
            gradients: list[Any] = [None] * len(tensors)
            for i, x in enumerate(tensors):
                if x.requires_grad:

                    def keep(gradient: Any, i: int = i, gradients: list[Any] = gradients) -> None:
                        gradients[i] = _copied(gradient)

                    x.register_hook(keep)
            self.calls.append((name, module, [_copied(x) for x in tensors], gradients))

        return seen

    def values(self) -> Iterator[np.ndarray]:
        """The arrays that were computed with."""
        yield from (array for _, _, outputs, _ in self.calls for array in outputs)


def _flat(output: Any) -> Iterator[Any]:
    if isinstance(output, dict | tuple | list):
        for item in output.values() if isinstance(output, dict) else output:
            yield from _flat(item)
    else:
        yield output


def _copied(tensor: Any) -> np.ndarray:
    """A tensor of either library as an array of its own."""
    return np.array(tensor.detach().numpy())


def _weighted(output: Any, tensor: Callable) -> Any:
    """The sum of all outputs, each element with a weight that depends on its place alone."""
    total = None
    for i, x in enumerate(_flat(output)):
        if hasattr(x, "requires_grad") and x.requires_grad:
            rng = np.random.default_rng(i)
            weights = rng.uniform(0.5, 1.5, tuple(x.shape)) * rng.choice([-1.0, 1.0], tuple(x.shape))
            part = (x * tensor(weights.astype(_copied(x).dtype))).sum()
            total = part if total is None else total + part
    return total


# ---- the differences -----------------------------------------------------------------------------------------------------

COLUMNS = {"forward": "outputs", "gradient": "gradients", "parameters": "gradients", "buffers": "buffers"}
FLOOR = 1e-3  # of the largest value of all that are compared


class _Apart(NamedTuple):
    """How far two lists of arrays are apart, and how large the second's values are."""

    difference: float
    size: float


def _rows(here: _Run, there: _Run) -> list[Row]:
    found = [*_inputs(here, there), *_calls(here, there)]
    largest = dict.fromkeys(COLUMNS.values(), 0.0)
    for _, columns in found:
        for column, apart in columns.items():
            if apart:
                largest[COLUMNS[column]] = max(largest[COLUMNS[column]], apart.size)
    for row, columns in found:
        for column, apart in columns.items():
            if apart:
                size = max(apart.size, FLOOR * largest[COLUMNS[column]])
                setattr(row, column, apart.difference / size if size else apart.difference)
    return [row for row, _ in found]


Found = Iterator[tuple[Row, dict[str, _Apart | None]]]


def _inputs(here: _Run, there: _Run) -> Found:
    for i, (ours, theirs) in enumerate(zip(here.arguments, there.arguments, strict=True)):
        if getattr(ours, "grad", None) is not None or getattr(theirs, "grad", None) is not None:
            row = Row(f"input {i}", "")
            yield row, {"gradient": _apart(row, "gradient", [ours.grad], [theirs.grad])}


def _calls(here: _Run, there: _Run) -> Found:
    """Modules in the order of their calls, as far as that is the same in both."""
    seen: dict[str, int] = {}
    last = {id(call[1]): k for k, call in enumerate(here.calls)}
    nothing: Any = ("nothing", None, [], [])
    for k, (ours, theirs) in enumerate(zip_longest(here.calls, there.calls, fillvalue=nothing)):
        name, module, outputs, gradients = ours
        if name != theirs[0]:
            yield Row(f"call {k}", "", notes=[f"{name} is called here, {theirs[0]} in PyTorch"]), {}
            return
        seen[name] = seen.get(name, 0) + 1
        row = Row(name if seen[name] == 1 else f"{name} #{seen[name]}", type(module).__name__ if module else "")
        columns = {
            "forward": _apart(row, "output", outputs, theirs[2]),
            "gradient": _apart(row, "gradient", gradients, theirs[3]),
        }
        if module is not None and last[id(module)] == k:  # gradients of what is called twice are there once
            grads = [[p.grad for p in m.parameters(recurse=False)] for m in (module, theirs[1])]
            columns["parameters"] = _apart(row, "gradients", *grads)
            columns["buffers"] = _apart(row, "buffers", *(list(m.buffers(recurse=False)) for m in (module, theirs[1])))
        yield row, columns


def _apart(row: Row, what: str, ours: list[Any], theirs: list[Any]) -> _Apart | None:
    """What there is between two lists of arrays or tensors; a note in the row where they cannot be compared."""
    if len(ours) != len(theirs):
        row.notes.append(f"{what}: {len(ours)} tensors here, {len(theirs)} in PyTorch")
        return None
    apart, size, some = 0.0, 0.0, False
    for pair in zip(ours, theirs, strict=True):
        arrays = [_copied(x) if hasattr(x, "detach") else x for x in pair]
        if arrays[0] is None and arrays[1] is None:
            continue
        # No gradient is one of zeros
        a, b = (np.zeros_like(arrays[1 - i]) if x is None else x for i, x in enumerate(arrays))
        if a.shape != b.shape or a.dtype != b.dtype:
            row.notes.append(f"{what}: {list(a.shape)} of {a.dtype} here, {list(b.shape)} of {b.dtype} in PyTorch")
            continue
        some = True
        a, b = (x.astype(np.float64).ravel() for x in (a, b))
        finite = np.isfinite(b)
        if not np.array_equal(a[~finite], b[~finite], equal_nan=True) or not np.isfinite(a[finite]).all():
            row.notes.append(f"{what}: NaN or infinity in other places")
            continue
        apart = max(apart, float(np.abs(a - b)[finite].max(initial=0)))
        size = max(size, float(np.abs(b)[finite].max(initial=0)))
    return _Apart(apart, size) if some else None


__all__ = ["Report", "Row", "compare_with_torch"]

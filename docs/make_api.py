"""Writes docs/api.md from the declarations of operations and the docstrings: `python docs/make_api.py`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import minigrad
from minigrad import datasets, distributions, interop, ops, random, testing, training
from minigrad.compat import settings
from minigrad.nn import init, utils
from minigrad.optim import lr_scheduler, swa_utils
from minigrad.tensor import Tensor
from minigrad.utils import checkpoint, data

TARGET = Path(__file__).parent / "api.md"

HEAD = """# The API

Written by `python docs/make_api.py` from the declarations and docstrings; a test fails when it is stale. Names, arguments and
defaults are PyTorch's where it has them; what behaves differently is listed in [pytorch.md](pytorch.md).
Examples take `import minigrad`, `from minigrad import nn, optim` and `import minigrad.nn.functional as F` as given.
"""

TENSORBOARD = """## utils.tensorboard

`from minigrad.utils.tensorboard import SummaryWriter`, where the package tensorboard is installed; ImportError elsewhere. It has
`add_scalar`, `add_scalars`, `add_histogram`, `add_image`, `add_images`, `add_figure`, `add_text`, `get_logdir`, `flush` and `close`,
with PyTorch's arguments; `add_graph` raises NotImplementedError.
"""

BINARY = {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "pow": "**", "matmul": "@", "and": "&", "or": "|",
    "xor": "^", "lshift": "<<", "rshift": ">>", "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=",
}  # fmt: skip
OTHER = {
    "__neg__": "-x", "__pos__": "+x", "__abs__": "abs(x)", "__invert__": "~x", "__getitem__": "x[index]", "__setitem__": "x[index] = v",
    "__round__": "round(x)",
}  # fmt: skip


INTERNAL = {"accumulate", "wrap_gradient", "remember", "check"}  # methods between the floors


def written(method: str) -> str:
    """How a Tensor method is written: `x + y` for __add__, `Tensor.exp` for exp."""
    if method in OTHER:
        return OTHER[method]
    name = method.strip("_")
    if method.startswith("__"):
        for prefix, form in (("", "x {} y"), ("r", "y {} x"), ("i", "x {}= y")):
            if name.startswith(prefix) and name.removeprefix(prefix) in BINARY:
                return form.format(BINARY[name.removeprefix(prefix)])
    return f"Tensor.{method}"


class Bare(str):
    """Text that stands in a signature without quotes."""

    __slots__ = ()
    __repr__ = str.__str__


def signature(function: Callable, skip: int = 0) -> str:
    """The arguments of a function or of a class, without self and the first `skip`, and what it returns."""
    target = function.__init__ if inspect.isclass(function) else function  # type: ignore[misc]
    if not hasattr(target, "__code__") and not hasattr(target, "__wrapped__"):
        return ""

    def bare(annotation: Any) -> Any:  # Any says nothing
        known = annotation not in ("Any", inspect.Signature.empty)
        return Bare(annotation) if known and isinstance(annotation, str) else inspect.Signature.empty

    found = inspect.signature(target)
    arguments = [
        argument.replace(
            annotation=bare(argument.annotation),
            default=Bare(argument.default.__name__)
            if callable(argument.default) and argument.default is not argument.empty
            else argument.default,
        )
        for name, argument in found.parameters.items()
        if name not in ("self", "cls")
    ]
    result = "" if inspect.isclass(function) else found.return_annotation
    return str(inspect.Signature(arguments[skip:], return_annotation=bare(result or "Any")))


def doc(thing: Any) -> str:
    """A docstring as Markdown: examples fenced, signs that Markdown reads escaped."""
    blocks = inspect.cleandoc(thing.__doc__ or "").split("\n\n")
    return "\n\n".join(
        f"```python\n{block}\n```"
        if block.startswith(">>>")
        else "".join(
            part if part.startswith("`") else re.sub(r"([*<\[])", r"\\\1", part)
            for part in re.split(r"(`[^`]*`)", block)
        )
        for block in blocks
    )


def entry(title: str, thing: Any, also: Iterable[str] = ()) -> str:
    """A name with its signature, its other names, and what its docstring says."""
    names = ", ".join(f"`{name}`" for name in also)
    return f"**`{title}`**{f' also {names}' if names else ''}\n\n{doc(thing)}\n"


def members(kind: type) -> Iterator[str]:
    """The documented methods and properties that a class adds."""
    for name, member in vars(kind).items():
        function = member.__func__ if isinstance(member, classmethod | staticmethod) else member
        inherited = next((vars(base)[name] for base in kind.__mro__[1:] if name in vars(base)), None)
        if (
            name.startswith("_")
            or name in INTERNAL
            or not function.__doc__
            or function.__doc__ == getattr(inherited, "__doc__", None)
        ):
            continue
        if isinstance(function, property):
            yield f"- `{name}`: {indented(doc(function))}"
        elif inspect.isfunction(function):
            yield f"- `{name}{signature(function)}`: {indented(doc(function))}"


def indented(text: str) -> str:
    return text.replace("\n", "\n  ").replace("\n  \n", "\n\n")


def described(module: Any, names: Iterable[str], prefix: str) -> Iterator[str]:
    """Entries for public names of a module: classes with their methods, functions, values."""
    for name in names:
        thing = getattr(module, name)
        if isinstance(thing, ModuleType):
            continue
        if inspect.isclass(thing):
            yield entry(f"class {prefix}{name}{signature(thing)}", thing)
            listed = list(members(thing))
            if listed:
                yield "\n".join(listed) + "\n"
        elif callable(thing):
            yield entry(f"{prefix}{name}{signature(thing)}", thing)


def public(module: ModuleType) -> list[str]:
    """A module's `__all__`, or else the public names it defines."""
    defined = (name for name, thing in vars(module).items() if getattr(thing, "__module__", "") == module.__name__)
    return getattr(module, "__all__", [name for name in defined if not name.startswith("_")])


def tensor_section() -> Iterator[str]:
    """The class Tensor: what it has itself, then the operations that are methods alone."""
    yield "## Tensor\n"
    yield entry(f"class minigrad.Tensor{signature(Tensor)}", Tensor)
    own = [line for line in members(Tensor) if re.match(r"- `(\w+)", line)[1] not in ops.METHODS]  # type: ignore[index]
    yield "\n".join(own) + "\n"
    functions = {id(function) for function in (*ops.FUNCTIONS.values(), *ops.FUNCTIONAL.values())}
    alone: dict[int, list[str]] = {}
    in_place = []
    for name, method in ops.METHODS.items():
        if id(unwrapped(method)) in functions or (written(name)[:6] != "Tensor" and name not in OTHER):
            continue
        if (method.__doc__ or "").startswith("The in-place form"):
            in_place.append(name)
        else:
            alone.setdefault(id(method), []).append(name)
    listed = ", ".join(f"`{name}`" for name in sorted(in_place))
    yield f"In-place forms of operations, which write into the Tensor and return it: {listed}.\n"
    yield "Operations that are methods or operators alone:\n"
    for names in sorted(alone.values()):
        method = ops.METHODS[names[0]]
        first = OTHER.get(names[0]) or names[0] + ("" if names[0] in ops.declare.PROPERTIES else signature(method, 1))
        also = f" (also {', '.join(f'`{name}`' for name in names[1:])})" if names[1:] else ""
        yield f"- `{first}`{also}: {indented(doc(method))}"
    yield ""


def unwrapped(method: Callable) -> Callable:
    """The declared function behind an operator, which `declare` wraps."""
    cells = {
        name: cell.cell_contents
        for name, cell in zip(method.__code__.co_freevars, method.__closure__ or (), strict=True)
    }
    return cells.get("function", method) if method.__qualname__.startswith("_operator") else method


def theme_sections() -> Iterator[str]:
    """The functions, each once, under the module of `minigrad.ops` that declares it."""
    names: dict[int, list[str]] = {}
    functions: dict[int, Callable] = {}
    for prefix, table in (("minigrad.", ops.FUNCTIONS), ("F.", ops.FUNCTIONAL)):
        for name, function in table.items():
            names.setdefault(id(function), []).append(prefix + name)
            functions[id(function)] = function
    for name, method in ops.METHODS.items():
        if id(unwrapped(method)) in names:
            names[id(unwrapped(method))].append(written(name))
    for theme in ops.__all__:
        module = getattr(ops, theme)
        if not isinstance(module, ModuleType):
            continue
        found = [key for key, function in functions.items() if function.__module__ == module.__name__]
        if found:
            yield f"## Functions: {theme}\n\n{doc(module)}\n"
        for key in found:
            first, *others = names[key]
            yield entry(f"{first}{signature(functions[key])}", functions[key], others)


def sections() -> Iterator[str]:
    yield HEAD
    yield from tensor_section()
    yield from theme_sections()
    for title, module, names, prefix in (
        ("Autograd", minigrad.autograd, public(minigrad.autograd), "autograd."),
        ("autograd.functional", minigrad.autograd.functional, public(minigrad.autograd.functional), "functional."),
        ("autograd.function", minigrad.autograd.function, ("once_differentiable",), "function."),
        ("nn", minigrad.nn, public(minigrad.nn), "nn."),
        ("nn.init", init, public(init), "nn.init."),
        ("nn.utils", utils, public(utils), "nn.utils."),
        ("nn.utils.rnn", utils.rnn, public(utils.rnn), "nn.utils.rnn."),
        ("optim", minigrad.optim, public(minigrad.optim), "optim."),
        ("optim.lr_scheduler", lr_scheduler, public(lr_scheduler), "lr_scheduler."),
        ("optim.swa_utils", swa_utils, public(swa_utils), "swa_utils."),
        ("utils.data", data, public(data), "utils.data."),
        ("utils.checkpoint", checkpoint, public(checkpoint), "checkpoint."),
        ("linalg", minigrad.linalg, ("norm", "vector_norm", "matrix_norm"), "linalg."),
        ("distributions", distributions, public(distributions), "distributions."),
        ("distributions.constraints", distributions.constraints, ("Constraint",), "constraints."),
        ("Random numbers", random, ("Generator", "manual_seed", "seed", "initial_seed"), "minigrad."),
        ("random", random, ("fork_rng",), "random."),
        ("Files", minigrad, ("save", "load"), "minigrad."),
        (
            "Dtypes",
            minigrad,
            ("finfo", "iinfo", "promote_types", "get_default_dtype", "set_default_dtype", "device"),
            "minigrad.",
        ),
        ("Threads and build", minigrad, ("set_num_threads", "get_num_threads", "show_config"), "minigrad."),
        ("Printing", minigrad, ("set_printoptions",), "minigrad."),
        ("Switches with one position", minigrad, public(settings), "minigrad."),
        ("Size", minigrad, ("Size",), "minigrad."),
        ("accelerator", minigrad.accelerator, public(minigrad.accelerator), "accelerator."),
        ("cuda", minigrad.cuda, public(minigrad.cuda), "cuda."),
        ("mps", minigrad.mps, public(minigrad.mps), "mps."),
        ("amp", minigrad.amp, public(minigrad.amp), "amp."),
        ("backends", minigrad.backends, (), "backends."),
        *((f"backends.{name}", getattr(minigrad.backends, name), (), "") for name in minigrad.backends.__all__),
        ("training", training, public(training), "training."),
        ("datasets", datasets, public(datasets), "datasets."),
        ("testing", testing, [name for name in public(testing) if "grad" not in name], "testing."),
        ("interop", interop, public(interop), "interop."),
    ):
        yield f"## {title}\n\n{doc(module)}\n" if module is not minigrad else f"## {title}\n"
        yield from described(module, names, prefix)
    yield TENSORBOARD


def text() -> str:
    """The whole page."""
    return "\n".join(sections()).rstrip() + "\n"


if __name__ == "__main__":
    TARGET.write_text(text())

"""The type stubs that tell editors and type checkers what is declared in `minigrad.ops`.

Functions and methods get their names when `minigrad.ops` is imported, which no tool reads out of the source. So the stubs of
the three modules concerned are written from the declarations: `python -m minigrad.testing.stubs` does it, and a test
fails when they are stale. What else those modules hold is taken over from their source, without the bodies.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import minigrad
from minigrad.ops import FUNCTIONAL, FUNCTIONS, METHODS
from minigrad.ops.declare import PROPERTIES

ROOT = Path(minigrad.__file__).parent
HEADER = "# Written by `python -m minigrad.testing.stubs` from the declarations in minigrad/ops: change those.\n"
SHADOWED = ("bool", "float", "int")  # minigrad.float and Tensor.float hide Python's own
WIDTH = 120
_REDEFINED = {"__eq__", "__ne__"}  # object's return bool


def stubs() -> dict[Path, str]:
    """The text of each stub, by its path."""
    return {
        ROOT / "__init__.pyi": _package_stub(),
        ROOT / "tensor.pyi": _tensor_stub(),
        ROOT / "nn" / "functional.pyi": _functional_stub(),
    }


def write() -> None:
    """Write all stubs beside their modules."""
    for path, text in stubs().items():
        path.write_text(text, encoding="utf-8")
        print(path)


class _Imports:
    """The import lines that the annotations met so far need."""

    def __init__(self, here: str) -> None:
        self.here = here
        self.names: dict[str, set[str]] = {}
        self.numpy = False

    def annotation(self, text: str, scope: Mapping[str, Any]) -> str:
        """`text`, safe where `float` and its like have another meaning; what it names will be imported."""
        for name in re.findall(r"(?<![\w.])[A-Za-z_]\w*", text):
            if name in SHADOWED or name == "None" or (hasattr(builtins, name) and name not in scope):
                continue
            if name == "np":
                self.numpy = True
            elif scope[name].__module__ != self.here:
                self.names.setdefault(scope[name].__module__, set()).add(name)
        return _unshadowed(text)

    def lines(self) -> str:
        rows = [f"from builtins import {name} as _{name}" for name in SHADOWED]
        rows += [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(self.names.items())]
        return "\n".join(rows + ["import numpy as np"] * self.numpy) + "\n"


def _unshadowed(annotation: str) -> str:
    return re.sub(rf"(?<![\w.])({'|'.join(SHADOWED)})\b", r"_\1", annotation)


def declared(name: str, function: Callable, imports: _Imports, method: bool = False) -> str:
    """The stub of a declared function, or of the method it is attached as."""
    scope = inspect.unwrap(function).__globals__
    signature = inspect.signature(function)
    parts, star = [], False
    for i, parameter in enumerate(signature.parameters.values()):
        if parameter.kind is parameter.VAR_POSITIONAL:
            star = True
        if parameter.kind is parameter.KEYWORD_ONLY and not star:
            parts.append("*")
            star = True
        if method and i == 0:
            parts.append("self")
            continue
        mark = (
            "*"
            if parameter.kind is parameter.VAR_POSITIONAL
            else "**"
            if parameter.kind is parameter.VAR_KEYWORD
            else ""
        )
        text = f"{mark}{parameter.name}: {imports.annotation(str(parameter.annotation), scope)}"
        if parameter.default is not parameter.empty:
            text += f" = {_default(parameter.default)}"
        parts.append(text)
    result = imports.annotation(str(signature.return_annotation), scope)
    if name.startswith("__") and result == "Any" and name != "__getitem__":
        result = "Tensor"  # an operator may also return NotImplemented
    note = "  # type: ignore[override]" if name in _REDEFINED else ""
    lines = ["@property"] if method and name in PROPERTIES else []
    line = f"def {name}({', '.join(parts)}) -> {result}:{note}"
    if len(line) + 4 > WIDTH:
        line = f"def {name}(\n" + "".join(f"    {part},\n" for part in parts) + f") -> {result}:{note}"
    return "\n".join([*lines, line, f'    """{_first_line(function)}"""']) + "\n"


def _default(value: Any) -> str:
    return repr(value) if value is None or isinstance(value, bool | int | float | str | tuple) else "..."


def _first_line(function: Callable) -> str:
    """The first sentence-bearing line of a docstring."""
    return (inspect.getdoc(function) or "").partition("\n")[0]


def _skeleton(body: list[ast.stmt]) -> list[ast.stmt]:
    """Definitions without what they do: signatures, docstrings' first lines, and the types of attributes."""
    kept: list[ast.stmt] = []
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            document = ast.get_docstring(node)
            inner = [*_attributes(node), *_skeleton(node.body)] if isinstance(node, ast.ClassDef) else []
            start: list[ast.stmt] = [ast.Expr(ast.Constant(document.partition("\n")[0]))] if document else []
            node.body = [*start, *inner] or [ast.Expr(ast.Constant(...))]
            kept.append(node)
        elif isinstance(node, ast.AnnAssign):
            node.value = None
            kept.append(node)
        elif isinstance(node, ast.ImportFrom | ast.Import) and getattr(node, "module", "") != "__future__":
            kept.append(node)
    return kept


def _attributes(node: ast.ClassDef) -> list[ast.stmt]:
    """The attributes that a class without declarations sets in its __init__."""
    if any(isinstance(statement, ast.AnnAssign) for statement in node.body):
        return []
    inits = [method for method in node.body if isinstance(method, ast.FunctionDef) and method.name == "__init__"]
    stored = [
        part
        for init in inits
        for part in ast.walk(init)
        if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store)
    ]
    names = dict.fromkeys(part.attr for part in stored if isinstance(part.value, ast.Name) and part.value.id == "self")
    return [ast.AnnAssign(ast.Name(name), ast.Name("Any"), None, 1) for name in names]


class _Unshadow(ast.NodeTransformer):
    """Python's own float, int and bool under their other names, in annotations."""

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(f"_{node.id}") if node.id in SHADOWED else node


def _source(module: ModuleType) -> list[ast.stmt]:
    assert module.__file__ is not None
    return _skeleton(ast.parse(Path(module.__file__).read_text(encoding="utf-8")).body)


def _text(nodes: list[ast.stmt]) -> str:
    return "\n".join(ast.unparse(ast.fix_missing_locations(node)) for node in nodes) + "\n"


def _tensor_stub() -> str:
    module = sys.modules["minigrad.tensor"]  # the name minigrad.tensor is that of a function
    imports = _Imports(module.__name__)
    methods = "".join(declared(name, function, imports, True) for name, function in sorted(METHODS.items()))
    nodes = _source(module)
    head: list[ast.stmt] = [node for node in nodes if isinstance(node, ast.ImportFrom | ast.Import)]
    text = HEADER + imports.lines() + _text(head)
    for node in nodes:
        if node in head:
            continue
        if isinstance(node, ast.ClassDef) and node.name == "Tensor":
            text += "\n" + _text([_Unshadow().visit(node)]) + "\n" + textwrap.indent(methods, "    ")
        else:
            text += "\n" + _text([node])
    return text


def _functional_stub() -> str:
    imports = _Imports("minigrad.nn.functional")
    functions = "\n".join(declared(name, function, imports) for name, function in sorted(FUNCTIONAL.items()))
    return f"{HEADER}{imports.lines()}\n{functions}\n__all__ = {sorted(FUNCTIONAL)!r}\n"


def _package_stub() -> str:
    imports = _Imports("minigrad")
    functions = "\n".join(declared(name, function, imports) for name, function in sorted(FUNCTIONS.items()))
    rows = []
    for node in _source(minigrad):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                alias.asname = alias.asname or alias.name  # in a stub, only `as` exports
            rows.append(_text([node]))
    imports.numpy = True
    rows += [f"{name}: np.dtype\n" for name in SHADOWED]
    return f"{HEADER}{imports.lines()}{''.join(rows)}\n{functions}\n__all__ = {sorted(minigrad.__all__)!r}\n"


if __name__ == "__main__":
    write()

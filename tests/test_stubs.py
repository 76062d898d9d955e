"""The stubs say what is declared, and a type checker understands them."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import minigrad
from minigrad import ops
from minigrad.testing import stubs

SAMPLE = """
import minigrad
import minigrad.nn.functional as F
from minigrad import Tensor

x = minigrad.randn(3)
y: Tensor = (x + 1).sum()
z: Tensor = -x * 2.5 @ x.T / (1 - x) ** 2
mask: Tensor = x == 1
w: minigrad.Tensor = x.float().add_(1).reshape(1, -1).softmax(-1)
v: Tensor = F.relu(minigrad.exp(x), inplace=False)
number: float = 3.5
values, indices = minigrad.sort(x)
count: int = x.numel()
x[0] = 1
x += 1
with minigrad.no_grad():
    state = minigrad.zeros(2, dtype=minigrad.float64)
reveal_type(x.amax(0))
reveal_type(minigrad.sort(x).values)
"""
WRONG = """
import minigrad

x = minigrad.randn(3)
x.summ()
minigrad.exp(x, 2)
x.reshape(2).softmax(dimension=1)
number: int = x.sum()
"""


@pytest.mark.parametrize("path", stubs.stubs(), ids=lambda path: path.name)
def test_stubs_are_up_to_date(path):
    assert path.read_text(encoding="utf-8") == stubs.stubs()[path], "stale: run python -m minigrad.testing.stubs"


def defined(path, inside=None):
    body = ast.parse(path.read_text(encoding="utf-8")).body
    if inside:
        body = next(node for node in body if isinstance(node, ast.ClassDef) and node.name == inside).body
    return {node.name: node for node in body if isinstance(node, ast.FunctionDef)}


def test_every_declaration_is_there_with_its_signature_and_a_line_of_documentation():
    root = Path(minigrad.__file__).parent
    for path, inside, table in (
        (root / "__init__.pyi", None, ops.FUNCTIONS),
        (root / "tensor.pyi", "Tensor", ops.METHODS),
        (root / "nn" / "functional.pyi", None, ops.FUNCTIONAL),
    ):
        found = defined(path, inside)
        assert set(table) <= set(found)
        for name, function in table.items():
            arguments = found[name].args
            written = [
                *arguments.posonlyargs,
                *arguments.args,
                *filter(None, [arguments.vararg]),
                *arguments.kwonlyargs,
            ]
            expected = list(inspect.signature(function).parameters)
            assert [a.arg for a in written][inside is not None :] == expected[inside is not None :]
            assert ast.get_docstring(found[name])


def check(tmp_path, program):
    pytest.importorskip("mypy")
    (tmp_path / "program.py").write_text(program)
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--config-file=",
        "--follow-imports=silent",
        f"--cache-dir={tmp_path}",
        "program.py",
    ]
    root = str(Path(minigrad.__file__).parent.parent)
    done = subprocess.run(command, cwd=tmp_path, env={"MYPYPATH": root, "PATH": ""}, capture_output=True, text=True)
    return done.stdout


def test_a_type_checker_understands_a_program(tmp_path):
    found = check(tmp_path, SAMPLE)
    assert "error" not in found
    assert found.count('Revealed type is "minigrad.tensor.Tensor"') == 2


def test_a_type_checker_finds_mistakes(tmp_path):
    found = check(tmp_path, WRONG)
    assert [line for line in (5, 6, 7, 8) if f"program.py:{line}: error" not in found] == []

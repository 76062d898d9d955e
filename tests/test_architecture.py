"""The house rules that a program can check: what imports what, sizes, and what an import costs."""

import ast
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import minigrad

PACKAGE = Path(minigrad.__file__).parent
SATELLITES = {"training", "datasets", "viz", "interop", "testing"}
FLOORS = [  # each imports only what stands above it here
    {"version", "grad_mode", "dtypes", "_kernels"},
    {"device", "size", "printing", "engine", "random", "config", "compat"},
    {"tensor"},
    {"custom_function"},
    {"serialization"},
    {"ops"},
    {"autograd"},
    {"distributions", "linalg", "nn", "optim", "utils"},
    SATELLITES,
]
LAZY = {"tensor": {"autograd"}, "custom_function": {"ops"}}  # imports inside a function, where an arc has to be closed


def imports(path):
    """(module of minigrad, whether inside a function) for every import of a file."""
    depth = len(path.relative_to(PACKAGE).parts)
    tree = ast.parse(path.read_text())
    inside = {
        id(node) for function in ast.walk(tree) if isinstance(function, ast.FunctionDef) for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            parts = path.relative_to(PACKAGE).parts[: depth - node.level] + tuple((node.module or "").split("."))
            names = [parts[0]] if parts[0] else [alias.name for alias in node.names]
            for name in names:
                yield name, id(node) in inside
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "minigrad":
            yield [*node.module.split("."), "__init__"][1], id(node) in inside
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "minigrad":
                    yield [*alias.name.split("."), "__init__"][1], id(node) in inside


def floor_of(name):
    return next((index for index, names in enumerate(FLOORS) if name in names), None)


def test_no_floor_imports_a_higher_one():
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if part == "__init__" or part in SATELLITES:
            continue
        assert floor_of(part) is not None, f"{part} has no floor: give it one in FLOORS"
        for name, inside in imports(path):
            if name in ("__init__", part) or (inside and name in LAZY.get(part, set())):
                continue
            if floor_of(name) is None or floor_of(name) > floor_of(part):
                wrong.append(f"{path.relative_to(PACKAGE)} imports {name}")
    assert not wrong


def test_only_the_named_satellites_are_satellites():
    for path in PACKAGE.glob("*.py"):
        if path.name != "__init__.py":
            assert not {name for name, _ in imports(path)} & SATELLITES


def test_engine_is_short():
    assert len((PACKAGE / "engine.py").read_text().splitlines()) <= 300


def test_engine_knows_no_arrays():
    assert "numpy" not in (PACKAGE / "engine.py").read_text()


def test_files_hold_one_theme():
    long = {
        str(path.relative_to(PACKAGE)): lines
        for pattern in ("*.py", "*.pyx", "*.h", "*.pxi")
        for path in PACKAGE.rglob(pattern)
        if (lines := len(path.read_text().splitlines())) > 650
    }
    assert not long


def test_a_wheel_is_small():
    """What a wheel would hold, compressed as a wheel is, takes at most 5 MB."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as wheel:
        for path in PACKAGE.rglob("*"):
            if path.suffix in (".py", ".pyi", ".so", ".pyd"):
                wheel.write(path, path.relative_to(PACKAGE))
    assert archive.tell() <= 5_000_000


def fresh(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_import_loads_no_satellite_and_little_else():
    loaded = fresh("import sys, minigrad; print(' '.join(sys.modules))").split()
    assert not [name for name in loaded if name.startswith(tuple(f"minigrad.{part}" for part in SATELLITES))]
    heavy = {"matplotlib", "tqdm", "sklearn", "safetensors", "torch", "scipy", "numpy.testing"}
    assert not heavy & set(loaded)


PRODUCT = [
    path for path in sorted(PACKAGE.rglob("*.py")) if not path.match("_kernels/reference/*")
]  # the twins specify


@pytest.mark.parametrize("path", PRODUCT, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_product_of_ours_calls_blas(path):
    """NumPy's BLAS has threads that are not ours to set."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "np":
            assert node.attr not in ("dot", "matmul", "vdot", "inner", "tensordot"), f"{path.name}:{node.lineno}"

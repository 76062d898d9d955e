"""What it takes to have a library: the time of its import, and its size on the disk."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from ..case import Result
from ..peers import ROOT, is_available
from ..settings import Settings
from ..timing import alternate

MODULES = ("minigrad", "numpy", "torch")
INSTALLED = {".py", ".pyi", ".so", ".pyd", ".typed"}  # of minigrad's folder, what a wheel holds


def measure(settings: Settings) -> Iterator[Result]:
    """Seconds above those of starting Python, and MiB."""
    modules = [module for module in MODULES if is_available(module)]
    rounds = 3 if settings.quick else 15
    for module in modules:
        start(f"import {module}")  # compiles what is not yet
    programs = {"": "pass", **{module: f"import {module}" for module in modules}}
    samples = alternate({name: partial(start, code) for name, code in programs.items()}, rounds)
    bare = samples.pop("")
    above = {name: [a - b for a, b in zip(values, bare, strict=True)] for name, values in samples.items()}
    best = {name: [min(values) - min(bare)] for name, values in samples.items()}
    yield Result("import", "import, median", above, ["torch"])
    yield Result("import", "import, best", best, ["torch"])
    yield Result("import", "installed", {module: [size(module) / 2**20] for module in modules}, ["torch"], "MiB")


def start(code: str) -> float:
    """Seconds that a new Python takes to run `code`, with its cache of bytecode in use."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)
    return time.perf_counter() - begin


def size(module: str) -> int:
    """Bytes of an installed package and of the libraries it brings, without its cache of bytecode."""
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent
    files = [file for place in (folder, folder.with_name(f"{module}.libs")) for file in place.rglob("*")]
    return sum(
        file.stat().st_size
        for file in files
        if file.is_file() and "__pycache__" not in file.parts and (module != "minigrad" or file.suffix in INSTALLED)
    )

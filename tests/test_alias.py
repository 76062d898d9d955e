"""Code written for PyTorch, with its import changed: whole scripts, PyTorch's paths, devices, switches, and what is absent."""

import copy
import importlib
import pickle
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import minigrad as torch
from minigrad import nn

SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.py"))


def with_other_import(source):
    """`import torch`, `import torch.nn as nn`, `from torch.utils.data import x`, of minigrad."""
    source = re.sub(r"^import torch$", "import minigrad as torch", source, flags=re.M)
    source = re.sub(r"^import torch(\.[\w.]+)$", r"import minigrad\1", source, flags=re.M)
    return re.sub(r"^(import|from) torch(\.| )", r"\1 minigrad\2", source, flags=re.M)


def run(source, path):
    exec(compile(source, str(path), "exec"), {"__name__": "__main__"})


def test_scripts_are_there():
    assert len(SCRIPTS) >= 10


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_script(path, set_num_threads):
    set_num_threads(1)
    pytest.importorskip("sklearn")
    source = with_other_import(path.read_text())
    assert not re.search(r"^(import|from) torch\b", source, re.M)
    run(source, path)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_script_is_pytorch_code(path):
    """The same file, unchanged, in PyTorch."""
    pytest.importorskip("torch", minversion="2.9")
    pytest.importorskip("sklearn")
    threads = importlib.import_module("torch").get_num_threads()
    importlib.import_module("torch").set_num_threads(1)
    try:
        run(path.read_text(), path)
    finally:
        importlib.import_module("torch").set_num_threads(threads)

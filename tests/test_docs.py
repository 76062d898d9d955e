"""The pages and docstrings: their code runs, their links lead somewhere, and docs/api.md is what the sources say."""

import doctest
import importlib
import importlib.util
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minigrad
from minigrad import nn, optim

ROOT = Path(__file__).parent.parent
PAGES = [page for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if page.exists()]
SCOPE = {"minigrad": minigrad, "nn": nn, "F": nn.functional, "optim": optim, "np": np}  # what examples take as imported

# Runs the blocks of a page in one namespace. Line numbers in errors are the page's; where a print ends in a comment, that
# is what it has to print.
RUN_PAGE = r"""
import contextlib, io, re, sys
page = open(sys.argv[1], encoding="utf-8").read()
scope = {"__name__": "__main__"}
for block in re.finditer(r"^```python\n(.*?)^```", page, re.M | re.S):
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile("\n" * page[: block.start(1)].count("\n") + block[1], sys.argv[1], "exec"), scope)
    promised = re.findall(r"^ *print\(.*\)  # (.*)$", block[1], re.M)
    if promised:
        assert said.getvalue().splitlines() == promised, f"it printed {said.getvalue()!r}, and promised {promised}"
"""


@pytest.mark.parametrize("name", ["README.md", "docs/tour.md", "docs/architecture.md"])
def test_code_of_a_page_runs(name, tmp_path):
    if not (ROOT / name).exists():
        pytest.skip(f"there is no {name}")
    if "datasets.digits" in (ROOT / name).read_text(encoding="utf-8"):
        pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
    command = [sys.executable, "-c", RUN_PAGE, str(ROOT / name)]  # a process of its own: pages may declare operations
    environment = {**os.environ, "PYTHONPATH": str(Path(minigrad.__file__).parent.parent)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def modules():
    found = pkgutil.walk_packages(minigrad.__path__, "minigrad.")
    return [module.name for module in found if "_kernels" not in module.name]


def examples(name):
    module = importlib.import_module(name)
    return [test for test in doctest.DocTestFinder().find(module, globs=dict(SCOPE)) if test.examples]


@pytest.mark.parametrize("name", modules())
def test_examples_of_a_module_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for test in examples(name):
        minigrad.manual_seed(0)
        said = []
        failed, _ = runner.run(test, out=said.append)
        assert failed == 0, "".join(said)


def test_docstrings_have_examples():
    """So that the test above is not one of nothing."""
    assert sum(len(examples(name)) for name in modules()) >= 25


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    links = re.findall(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"", text)
    targets = [target for target in map("".join, links) if not re.match(r"\w+:|#", target)]
    missing = [target for target in targets if not (page.parent / target.split("#")[0]).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_names_stand_where_a_page_says(page):
    """`Function.apply` in [engine.py](...): the file has such names."""
    text = page.read_text(encoding="utf-8")
    for name, target in re.findall(r"`([\w.]+)`\s+(?:in|of)\s+\[[^\]]*\]\(([^)]+\.\w+)\)", text):
        source = (page.parent / target).read_text(encoding="utf-8")
        for part in name.split("."):
            assert re.search(rf"\b{part}\b", source), f"{page.name}: {name} is not in {target}"


def test_api_page_is_fresh():
    spec = importlib.util.spec_from_file_location("make_api", ROOT / "docs" / "make_api.py")
    make_api = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_api)
    assert make_api.TARGET.read_text(encoding="utf-8") == make_api.text(), "stale: run python docs/make_api.py"

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
PAGES = [page for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if page.exists()]
SCOPE = {"minigrad": minigrad, "nn": nn, "F": nn.functional, "optim": optim, "np": np}  # what examples take as imported


def load(path):
    """A script of the docs folder, as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


RUN_PAGE = ROOT / "docs" / "run_page.py"
BOOK = load(ROOT / "docs" / "dropout" / "make.py")  # docs/dropout


@pytest.mark.parametrize("name", ["README.md", "docs/tour.md", "docs/architecture.md", "docs/pytorch.md"])
def test_code_of_a_page_runs(name, tmp_path):
    if not (ROOT / name).exists():
        pytest.skip(f"there is no {name}")
    if "datasets.digits" in (ROOT / name).read_text(encoding="utf-8"):
        pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
    command = [sys.executable, RUN_PAGE, ROOT / name]  # a process of its own: pages may declare operations
    environment = {**os.environ, "PYTHONPATH": str(Path(minigrad.__file__).parent.parent)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", BOOK.chapters(), ids=lambda page: page.stem)
def test_chapter_runs_and_draws_its_images(page, tmp_path):
    text = page.read_text(encoding="utf-8")
    for name, use in (("sklearn", "datasets.digits"), ("matplotlib", "matplotlib")):
        if use in text:
            pytest.importorskip(name)
    BOOK.run(page, tmp_path)


def test_book_has_the_images_it_shows_and_no_others():
    shown = set().union(*map(BOOK.images, BOOK.chapters()))
    assert {path.name for path in (BOOK.BOOK / "images").glob("*")} == shown


def test_chapters_are_numbered_and_lead_to_the_next():
    pages = BOOK.chapters()
    contents = (BOOK.BOOK / "README.md").read_text(encoding="utf-8")
    for page in pages:
        text, number = page.read_text(encoding="utf-8"), int(page.name[:2])
        assert text.startswith(f"# {number}. "), page.name
        assert "## What to remember" in text, page.name
        title = text.split("\n")[0].removeprefix(f"# {number}. ")
        assert f"{number}. [{title}]({page.name})" in contents, (
            f"the contents leave out {page.name}, or call it otherwise"
        )
        following = next((other.name for other in pages if int(other.name[:2]) == number + 1), None)
        assert following is None or f"({following})" in text.rstrip().splitlines()[-1], page.name


def modules():
    found = pkgutil.walk_packages(minigrad.__path__, "minigrad.")
    other = ("_kernels", "tensorboard")  # the latter can be imported only where the package is installed
    return [module.name for module in found if not any(part in module.name for part in other)]


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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    links = re.findall(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"", text)
    targets = [target for target in map("".join, links) if not re.match(r"\w+:|#", target)]
    missing = [target for target in targets if not (page.parent / target.split("#")[0]).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_names_stand_where_a_page_says(page):
    """`Function.apply` in [engine.py](...): the file has such names."""
    text = page.read_text(encoding="utf-8")
    for name, target in re.findall(r"`([\w.]+)`\s+(?:in|of)\s+\[[^\]]*\]\(([^)]+\.\w+)\)", text):
        source = (page.parent / target).read_text(encoding="utf-8")
        for part in name.split("."):
            assert re.search(rf"\b{part}\b", source), f"{page.name}: {name} is not in {target}"


def test_api_page_is_fresh():
    make_api = load(ROOT / "docs" / "make_api.py")
    assert make_api.TARGET.read_text(encoding="utf-8") == make_api.text(), "stale: run python docs/make_api.py"

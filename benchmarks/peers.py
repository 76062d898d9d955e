"""The libraries that are compared, and the processes they run in.

On one thread they take turns within one process, except those that need an environment of their own. On more threads each
has a process, and answers over a pipe when it is its turn: the idle threads of one never spin while another is timed.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from . import timing
from .case import Case

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Library:
    """A column of the tables: the module it needs, and the environment that has to stand before that is imported.

    What is no peer is shown beside the others, but minigrad is not compared with it.
    """

    module: str
    environment: tuple[tuple[str, str], ...] | None = None
    is_peer: bool = True
    x86_levels: range = range(5)  # where it can run
    is_bounded: bool = True  # by a number of threads; what is not gets that many processors


LIBRARIES = {
    "minigrad": Library("minigrad", is_peer=False),
    "torch": Library("torch"),
    "torch fused": Library("torch"),  # its optimizers with fused=True
    "torch compiled": Library("torch", is_peer=False),
    "jax": Library("jax", (("JAX_PLATFORMS", "cpu"), ("JAX_ENABLE_X64", "1")), is_bounded=False),
    "numpy": Library("numpy"),
    "openblas": Library("numpy", (), x86_levels=range(3)),  # NumPy's products, with the kernels it chooses
    "openblas avx2": Library("numpy", (("OPENBLAS_CORETYPE", "Haswell"),), x86_levels=range(3, 5)),
    "openblas avx512": Library("numpy", (("OPENBLAS_CORETYPE", "SkylakeX"),), x86_levels=range(4, 5)),
    "copy": Library("numpy", is_peer=False),
}


@cache
def is_available(name: str) -> bool:
    """Whether the library is installed and this processor runs it."""
    from minigrad._kernels import system

    library = LIBRARIES[name]
    return find_spec(library.module) is not None and system.x86_level() in library.x86_levels


def version_of(module: str) -> str | None:
    """The version of an installed library, else None."""
    try:
        return import_module("minigrad").__version__ if module == "minigrad" else version(module)
    except PackageNotFoundError:
        return None


def cases_of(suite: str) -> dict[str, Case]:
    """The cases of a suite, by name."""
    return {case.name: case for case in import_module(f"benchmarks.suites.{suite}").cases()}


class Site(Protocol):
    """Where cases are timed."""

    def sample(self, suite: str, case: str, library: str, seconds: float) -> float:
        """Set the case up if it is not, and return seconds a call, from as many calls as last `seconds`."""

    def release(self) -> None:
        """Drop all cases that are set up."""

    def close(self) -> None:
        """Be done."""


class Here:
    """This process. `find` gives the case of a suite and a name."""

    def __init__(self, threads: int, find: Callable[[str, str], Case] | None = None) -> None:
        self._threads = threads
        self._find = find or (lambda suite, case: cases_of(suite)[case])
        self._calls: dict[tuple[str, str, str], tuple[Callable[[], object], int]] = {}

    def sample(self, suite: str, case: str, library: str, seconds: float) -> float:
        key = suite, case, library
        if key not in self._calls:
            module = import_module(LIBRARIES[library].module)
            if hasattr(module, "set_num_threads"):
                module.set_num_threads(self._threads)
            call = self._find(suite, case).build[library]()
            gc.collect()
            gc.freeze()  # what the imports made is no business of the collections during a sample
            self._calls[key] = call, timing.repetitions_for(call, seconds)
        return timing.sample(*self._calls[key])

    def release(self) -> None:
        self._calls.clear()
        gc.unfreeze()

    def close(self) -> None:
        self.release()


class Elsewhere:
    """A process with an environment of its own, that answers a line of JSON with another one."""

    def __init__(self, threads: int, library: Library) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS_")}
        counts = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "MINIGRAD_NUM_THREADS")
        processors = "all" if library.is_bounded else str(threads)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", str(threads), processors],
            cwd=ROOT,
            env={**inherited, **dict.fromkeys(counts, str(threads)), **dict(library.environment or ())},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def _ask(self, *request: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process that measured {request} ended")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["result"]

    def sample(self, suite: str, case: str, library: str, seconds: float) -> float:
        return self._ask("sample", suite, case, library, seconds)

    def release(self) -> None:
        self._ask("release")

    def blas(self) -> str | None:
        """The kernels that this process's OpenBLAS has chosen, if threadpoolctl is installed to tell."""
        return self._ask("blas")

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)


class Sites:
    """The sites of all libraries, started when first needed."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._open: dict[Any, Site] = {}
        self.blas: dict[str, str | None] = {}

    def of(self, name: str) -> Site:
        """Where the library `name` is measured."""
        library = LIBRARIES[name]
        if library.environment is None and self.threads == 1:
            key: Any = "here"
        else:
            key = library.module, library.environment
        if key not in self._open:
            site = Here(self.threads) if key == "here" else Elsewhere(self.threads, library)
            if name.startswith("openblas") and isinstance(site, Elsewhere):
                self.blas[name] = site.blas()
            self._open[key] = site
        return self._open[key]

    def release(self) -> None:
        """Drop all cases everywhere."""
        for site in self._open.values():
            site.release()

    def close(self) -> None:
        """End all processes."""
        for site in self._open.values():
            site.close()
        self._open.clear()

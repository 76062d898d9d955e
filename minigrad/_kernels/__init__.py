"""Kernels: arrays in, arrays out; no graph.

Each kernel module (`matmul.pyx`, `conv.pyx`, ...) is compiled once per level of the x86-64 instruction set (v2, v3 with
AVX2 and FMA, v4 with AVX-512; one `generic` build on other processors). The best level this machine runs is chosen
here, at import; `MINIGRAD_LEVEL=v2|v3|v4` forces one, for tests. `reference` holds a NumPy twin of every kernel:
its specification and its test oracle.

Kernels trust their arguments (dtype, shape, contiguity): the operations in `minigrad.ops` are the border that checks.
"""

from __future__ import annotations

import os
from importlib import import_module
from types import ModuleType
from typing import Any

# A thread that waits for others spins, by GCC's OpenMP for some milliseconds, and on a busy machine it spins in the place
# of the very thread it waits for. A short spin is as fast on an idle machine; the variable is read once, at loading.
_SPIN = "GOMP_SPINCOUNT"
_ours = not any(name in os.environ for name in (_SPIN, "OMP_WAIT_POLICY"))
if _ours:
    os.environ[_SPIN] = "10000"
from . import memory, system  # type: ignore[attr-defined]  # noqa: E402

if _ours:
    del os.environ[_SPIN]
from .memory import aligned, empty, empty_broadcast, empty_like, owns_memory  # noqa: E402

MODULES = (
    "activation",
    "attention",
    "conv",
    "dropout",
    "elementwise",
    "embedding",
    "layernorm",
    "loss",
    "matmul",
    "norm",
    "optim",
    "pool",
    "recurrent",
    "reduce",
)

_X86_LEVELS = ("v2", "v3", "v4")


def built_levels() -> list[str]:
    """The levels this build holds and this machine runs, slowest first."""
    files = os.listdir(os.path.dirname(__file__))
    runs = ["generic", *_X86_LEVELS[: max(system.x86_level() - 1, 0)]]
    return [level for level in runs if any(name.startswith(f"{MODULES[0]}_{level}.") for name in files)]


def load(level: str) -> dict[str, ModuleType]:
    """The kernel modules of one level by theme, such as `load('v3')['matmul']`."""
    return {name: import_module(f"{__name__}.{name}_{level}") for name in MODULES}


def _choose() -> str:
    levels = built_levels()
    wanted = os.environ.get("MINIGRAD_LEVEL")
    if wanted is None:
        if not levels:
            raise ImportError(
                f"minigrad's kernels are not built for this processor (x86-64 level {system.x86_level()}); "
                "build them here with: pip install --no-binary minigrad minigrad"
            )
        return levels[-1]
    if wanted not in levels:
        raise ImportError(f"MINIGRAD_LEVEL={wanted!r}: this build and machine offer {', '.join(levels)}")
    return wanted


LEVEL = _choose()
_modules = load(LEVEL)
activation: Any = _modules["activation"]
attention: Any = _modules["attention"]
conv: Any = _modules["conv"]
dropout: Any = _modules["dropout"]
elementwise: Any = _modules["elementwise"]
embedding: Any = _modules["embedding"]
layernorm: Any = _modules["layernorm"]
loss: Any = _modules["loss"]
matmul: Any = _modules["matmul"]
norm: Any = _modules["norm"]
optim: Any = _modules["optim"]
pool: Any = _modules["pool"]
recurrent: Any = _modules["recurrent"]
reduce: Any = _modules["reduce"]

_state: dict[str, Any] = {"threads": 1, "started": False, "forked": False}


def set_num_threads(count: int) -> None:
    """Let kernels use up to `count` threads. In a child forked after threads ran, more than one raises RuntimeError:
    OpenMP's threads do not survive a fork."""
    if count > 1 and _state["forked"]:
        raise RuntimeError(
            "this process was forked after its parent had started kernel threads, which do not survive a fork: "
            "it computes on one thread; start processes with the 'spawn' method to use more"
        )
    _state["threads"] = count
    _state["started"] = _state["started"] or count > 1
    for module in _modules.values():
        module.set_threads(count)


def get_num_threads() -> int:
    """The number of threads kernels may use."""
    return _state["threads"]


def _default_threads() -> int:
    for variable in ("MINIGRAD_NUM_THREADS", "OMP_NUM_THREADS"):
        text = os.environ.get(variable, "").split(",")[0].strip()
        if text.isdigit() and int(text) > 0:
            return int(text)
    return system.processors()


def _after_fork_in_child() -> None:
    if _state["started"]:
        set_num_threads(1)
        _state["forked"] = True


set_num_threads(_default_threads())
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)

__all__ = [
    "LEVEL",
    "aligned",
    "built_levels",
    "empty",
    "empty_broadcast",
    "empty_like",
    "get_num_threads",
    "load",
    "memory",
    "owns_memory",
    "set_num_threads",
    "system",
    *MODULES,
]

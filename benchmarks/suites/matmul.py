"""Matrix products: squares, the shapes of small nets with each operand as it lies in a training step, one row or one
column, and a tiny one."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from itertools import repeat
from typing import Any

import numpy as np

from ..case import Call, Case, torch_like

SQUARES = (512, 1024, 2048)
LAYERS = ((128, 784, 1024), (64, 9216, 128))
VECTORS = ((1, 1024, 1024, "NN"), (1, 1024, 1024, "NT"), (1024, 1024, 1, "NN"), (1, 4096, 4096, "NN"))
LAYOUTS = ("NN", "NT", "TN")  # T: that operand is the transpose of what lies in memory


def cases() -> list[Case]:
    """All shapes, m x k x n: (m, k) times (k, n)."""
    found = [product(n, n, n, dtype) for dtype in (np.float32, np.float64) for n in SQUARES]
    found += [product(*shape) for shape in LAYERS]
    found += [product(32, 784, 512, layout=layout) for layout in LAYOUTS]
    found += [product(m, k, n, layout=layout) for m, k, n, layout in VECTORS]
    return [*found, tiny()]


def product(m: int, k: int, n: int, dtype: type = np.float32, layout: str = "NN") -> Case:
    """One product, into a new array."""
    itemsize = np.dtype(dtype).itemsize
    mark = "" if layout == "NN" and m == n else f" {layout}"
    return Case(
        f"{m}x{k}x{n} f{8 * itemsize}{mark}",
        libraries(m, k, n, dtype, layout),
        flop=2 * m * k * n,
        moved=itemsize * (m * k + k * n + m * n),
        itemsize=itemsize,
    )


def tiny(calls: int = 100) -> Case:
    """8 x 8 under no_grad, which is all overhead: so many calls in a row."""
    return Case(f"8x8x8 f32, {calls} calls", libraries(8, 8, 8, np.float32, "NN", calls), per=(calls, "call"))


def libraries(*shape: Any) -> dict:
    builds = torch_like(with_torch, *shape)
    for name in ("openblas", "openblas avx2", "openblas avx512"):
        builds[name] = partial(with_numpy, *shape)
    return {**builds, "jax": partial(with_jax, *shape)}


def operands(m: int, k: int, n: int, dtype: Any, layout: str) -> tuple[np.ndarray, np.ndarray]:
    """The two as they lie in memory."""
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((m, k)).astype(dtype), rng.standard_normal((k, n)).astype(dtype)
    a, b = oriented(layout, a, b)
    return a.copy(), b.copy()


def oriented(layout: str, a: Any, b: Any) -> tuple[Any, Any]:
    """What lies in memory as factors, or the other way round."""
    return (a.T if layout[0] == "T" else a), (b.T if layout[1] == "T" else b)


def with_torch(torch: Any, m: int, k: int, n: int, dtype: type, layout: str, calls: int = 1) -> Call:
    a, b = oriented(layout, *map(torch.tensor, operands(m, k, n, dtype, layout)))

    def call() -> None:
        with torch.no_grad():
            for _ in repeat(None, calls):
                torch.matmul(a, b)

    return call


def with_numpy(m: int, k: int, n: int, dtype: type, layout: str, calls: int = 1) -> Call:
    a, b = oriented(layout, *operands(m, k, n, dtype, layout))

    def call() -> None:
        for _ in repeat(None, calls):
            np.matmul(a, b)

    return call


def with_jax(m: int, k: int, n: int, dtype: type, layout: str, calls: int = 1) -> Call:
    jax = import_module("jax")

    a, b = (jax.numpy.asarray(array) for array in operands(m, k, n, dtype, layout))
    multiply = jax.jit(lambda a, b: jax.numpy.matmul(*oriented(layout, a, b)))

    def call() -> None:
        for _ in repeat(None, calls):
            multiply(a, b).block_until_ready()

    return call

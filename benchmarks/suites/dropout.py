"""Dropout with p = 0.5, forward alone and with its gradient, beside copying as many elements; and ReLU before it."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from ..case import Call, Case, torch_like

SIZES = {"1k": 2**10, "16k": 2**14, "100k": 100_000, "1M": 2**20, "16M": 2**24}


def cases() -> list[Case]:
    """Every size, forward and then forward + backward. Each direction reads an array and writes one."""
    return [
        Case(
            f"{name} {'forward + backward' if backward else 'forward'}",
            {
                **torch_like(with_torch, size, backward),
                "jax": partial(with_jax, size, backward),
                "numpy": partial(with_numpy, size, backward),
                "copy": partial(copy, size, backward),
            },
            moved=(4 if backward else 2) * 4 * size,
            per=(size, "element"),
        )
        for backward in (False, True)
        for name, size in SIZES.items()
    ] + [
        Case(
            f"{name} ReLU and dropout, forward + backward",
            torch_like(after_relu, SIZES[name]),
            moved=4 * 4 * SIZES[name],
            per=(SIZES[name], "element"),
        )
        for name in ("100k", "1M", "16M")
    ]


def with_torch(torch: Any, size: int, backward: bool) -> Call:
    dropout = torch.nn.functional.dropout
    x, grad = torch.rand(size), torch.rand(size)
    if not backward:
        return lambda: dropout(x, 0.5)
    x.requires_grad_()

    def call() -> None:
        x.grad = None
        dropout(x, 0.5).backward(grad)

    return call


def after_relu(torch: Any, size: int) -> Call:
    """As the layers of a network have it."""
    layers = torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Dropout(0.5))
    x, grad = torch.randn(size).requires_grad_(), torch.rand(size)

    def call() -> None:
        x.grad = None
        layers(x).backward(grad)

    return call


def with_numpy(size: int, backward: bool) -> Call:
    """As one writes it by hand."""
    rng = np.random.default_rng(0)
    x, grad = rng.random(size, np.float32), rng.random(size, np.float32)
    two = np.float32(2)

    def call() -> Any:
        mask = rng.random(size, np.float32) < 0.5
        y = x * mask * two
        return (y, grad * mask * two) if backward else y

    return call


def with_jax(size: int, backward: bool) -> Call:
    jax = import_module("jax")

    def dropout(x: Any, key: Any) -> Any:
        return jax.numpy.where(jax.random.bernoulli(key, 0.5, x.shape), x * 2, 0)

    @jax.jit
    def run(x: Any, grad: Any, key: Any) -> Any:
        key, own = jax.random.split(key)
        if not backward:
            return key, dropout(x, own)
        y, pull = jax.vjp(lambda x: dropout(x, own), x)
        return key, y, pull(grad)

    x, grad = (jax.numpy.asarray(np.random.default_rng(seed).random(size, np.float32)) for seed in range(2))
    state = [jax.random.key(0)]

    def call() -> None:
        results = jax.block_until_ready(run(x, grad, state[0]))
        state[0] = results[0]

    return call


def copy(size: int, backward: bool) -> Call:
    """`np.copyto`, on one thread: once for each direction."""
    arrays = [np.ones(size, np.float32) for _ in range(4 if backward else 2)]

    def call() -> None:
        np.copyto(arrays[1], arrays[0])
        if backward:
            np.copyto(arrays[3], arrays[2])

    return call

"""Convolutions, forward and all three gradients: the layers of LeNet-5, of small CNNs and of ResNet-20."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from ..case import Call, Case, torch_like


class Layer(NamedTuple):
    """A square convolution with a bias on `batch` square images."""

    batch: int
    channels: int
    size: int
    filters: int
    kernel: int
    stride: int = 1
    padding: int = 0

    @property
    def name(self) -> str:
        """Such as '64x3x32 -> 32 k3 p1'."""
        options = [f"k{self.kernel}", f"s{self.stride}" * (self.stride > 1), f"p{self.padding}" * (self.padding > 0)]
        return f"{self.batch}x{self.channels}x{self.size} -> {self.filters} {' '.join(filter(None, options))}"

    @property
    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        """Of the input, the weight and the output."""
        out = (self.size + 2 * self.padding - self.kernel) // self.stride + 1
        return (
            (self.batch, self.channels, self.size, self.size),
            (self.filters, self.channels, self.kernel, self.kernel),
            (self.batch, self.filters, out, out),
        )


LAYERS = (
    Layer(64, 1, 28, 32, 3),
    Layer(64, 32, 26, 64, 3),
    Layer(64, 3, 32, 32, 3, padding=1),
    Layer(64, 64, 16, 64, 3, padding=1),
    Layer(64, 16, 32, 16, 3, padding=1),
    Layer(64, 32, 32, 64, 3, stride=2),
    Layer(64, 64, 8, 128, 1),
    Layer(64, 6, 14, 16, 5),
)


def cases() -> list[Case]:
    """Every layer. Forward reads x and w and writes y; backward reads x, w and y's gradient, and writes those of x and w."""
    found = []
    for layer in LAYERS:
        x, weight, y = map(np.prod, layer.shapes)
        found.append(
            Case(
                layer.name,
                {**torch_like(with_torch, layer), "jax": partial(with_jax, layer)},
                flop=float(3 * 2 * y * weight / layer.filters),
                moved=float(4 * (3 * x + 3 * weight + 2 * y)),
            )
        )
    return found


def with_torch(torch: Any, layer: Layer) -> Call:
    x, weight, grad = (torch.randn(*shape) for shape in layer.shapes)
    bias = torch.randn(layer.filters)
    for tensor in (x, weight, bias):
        tensor.requires_grad_()

    def call() -> None:
        x.grad = weight.grad = bias.grad = None
        torch.nn.functional.conv2d(x, weight, bias, layer.stride, layer.padding).backward(grad)

    return call


def with_jax(layer: Layer) -> Call:
    jax = import_module("jax")

    def conv(x: Any, weight: Any, bias: Any) -> Any:
        around = [(layer.padding, layer.padding)] * 2
        y = jax.lax.conv_general_dilated(x, weight, (layer.stride, layer.stride), around)
        return y + bias[:, None, None]

    @jax.jit
    def run(x: Any, weight: Any, bias: Any, grad: Any) -> Any:
        y, pull = jax.vjp(conv, x, weight, bias)
        return y, pull(grad)

    rng = np.random.default_rng(0)
    shapes = (*layer.shapes[:2], (layer.filters,), layer.shapes[2])
    arrays = [jax.numpy.asarray(rng.standard_normal(shape).astype(np.float32)) for shape in shapes]
    return lambda: jax.block_until_ready(run(*arrays))

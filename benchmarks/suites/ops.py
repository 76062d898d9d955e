"""The other operations: pooling, normalization, losses, activations, bias, reductions, optimizers, and the graph itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any

import numpy as np

from ..case import Call, Case, torch_like

IMAGES = (64, 32, 24, 24)
ACTIVATIONS = ("relu", "leaky_relu", "gelu", "silu", "sigmoid", "tanh", "elu", "softplus", "mish", "hardtanh")
PARAMETERS = {  # shapes of what an optimizer moves
    "35k": ((128, 128), (128,), (128, 128), (128,), (10, 128), (10,)),
    "16M": ((4096, 4096),),
}


def cases() -> list[Case]:
    """Forward and backward of each, unless the name says otherwise."""
    return [*layers(), *activations(), *reductions(), *beyond_the_caches(), *optimizers(), graph()]


def both_ways(torch: Any, function: Callable[..., Any], *shapes: tuple[int, ...]) -> Call:
    """`function(torch, *tensors)` and the gradients of all of `shapes`, from that of a result of the first one's size."""
    tensors = [torch.randn(*shape).requires_grad_() for shape in shapes]
    grad = torch.randn(*function(torch, *tensors).shape)

    def call() -> None:
        for tensor in tensors:
            tensor.grad = None
        function(torch, *tensors).backward(grad)

    return call


def layers() -> list[Case]:
    """What stands between the products of a net, with the bytes that each must move."""
    images, pooled = prod(IMAGES), prod(IMAGES) // 4
    features = 128 * 1024
    return [
        Case("max_pool2d 2x2", torch_like(both_ways, max_pool, IMAGES), moved=4 * (3 * images + 2 * pooled)),
        Case("avg_pool2d 2x2", torch_like(both_ways, avg_pool, IMAGES), moved=4 * (2 * images + 2 * pooled)),
        Case("batch_norm, training", torch_like(batch_norm, IMAGES), moved=4 * 5 * images),
        Case("batch_norm 128x512, training", torch_like(batch_norm, (128, 512)), moved=4 * 5 * 128 * 512),
        Case("cross_entropy 128x10", torch_like(cross_entropy, 128, 10), moved=4 * 3 * 1280),
        Case("cross_entropy 128x1000", torch_like(cross_entropy, 128, 1000), moved=4 * 3 * 128_000),
        Case("softmax 128x1000", torch_like(both_ways, softmax, (128, 1000)), moved=4 * 5 * 128_000),
        *layer_norms(),
        *embeddings(),
        Case("bias add 128x1024", torch_like(both_ways, add, (128, 1024), (1024,)), moved=4 * 4 * features),
    ]


def max_pool(torch: Any, x: Any) -> Any:
    return torch.nn.functional.max_pool2d(x, 2)


def avg_pool(torch: Any, x: Any) -> Any:
    return torch.nn.functional.avg_pool2d(x, 2)


def softmax(torch: Any, x: Any) -> Any:
    return torch.nn.functional.softmax(x, dim=1)


def add(torch: Any, x: Any, bias: Any) -> Any:
    return x + bias


def batch_norm(torch: Any, shape: tuple[int, ...]) -> Call:
    layer = (torch.nn.BatchNorm1d if len(shape) == 2 else torch.nn.BatchNorm2d)(shape[1])
    return both_ways(torch, lambda torch, x: layer(x), shape)


def layer_norms() -> list[Case]:
    """Two that caches hold, one of 16M elements. Forward reads an array and writes one, backward reads two and writes one."""
    return [
        Case(
            f"layer_norm {rows}x{size}",
            torch_like(both_ways, layer_norm, (rows, size), (size,), (size,)),
            moved=4 * 5 * rows * size,
        )
        for rows, size in ((64, 128), (128, 768), (16384, 1024))
    ]


def layer_norm(torch: Any, x: Any, weight: Any, bias: Any) -> Any:
    return torch.nn.functional.layer_norm(x, weight.shape, weight, bias)


def embeddings() -> list[Case]:
    """A table of 10,000 rows of 200: as many as a small and a middling batch of text names, and 16M elements.

    Forward reads and writes the rows named, backward reads as many and writes the table.
    """
    rows, size = 10_000, 200
    return [
        Case(
            f"embedding, {name} of 10,000x200",
            torch_like(embedding, rows, size, shape),
            moved=4 * size * (3 * prod(shape) + rows),
        )
        for name, shape in (("20x20", (20, 20)), ("64x64", (64, 64)), ("16M elements", (2**24 // size,)))
    ]


def embedding(torch: Any, rows: int, size: int, shape: tuple[int, ...]) -> Call:
    indices = torch.randint(0, rows, shape)
    return both_ways(torch, lambda torch, table: torch.nn.functional.embedding(indices, table), (rows, size))


def cross_entropy(torch: Any, batch: int, classes: int) -> Call:
    logits = torch.randn(batch, classes).requires_grad_()
    labels = torch.randint(0, classes, (batch,))

    def call() -> None:
        logits.grad = None
        torch.nn.functional.cross_entropy(logits, labels).backward()

    return call


def activations() -> list[Case]:
    """128 x 1024 elements: x and y, the gradient and what it is made of."""
    shape = (128, 1024)
    return [
        Case(f"{name} 128x1024", torch_like(both_ways, partial(activation, name), shape), moved=4 * 5 * prod(shape))
        for name in ACTIVATIONS
    ]


def activation(name: str, torch: Any, x: Any) -> Any:
    return getattr(torch.nn.functional, name)(x)


def beyond_the_caches() -> list[Case]:
    """16 million elements, where memory is all that counts: forward and backward, and the bytes that both must move."""
    shape, images = (16384, 1024), (64, 64, 64, 64)
    size = prod(shape)
    return [
        *(
            Case(f"{name} 16M", torch_like(both_ways, partial(activation, name), shape), moved=4 * 5 * size)
            for name in ("relu", "sigmoid", "silu", "gelu")
        ),
        Case("bias add 16M", torch_like(both_ways, add, shape, shape[1:]), moved=4 * 4 * size),
        Case("softmax 16M", torch_like(both_ways, softmax, shape), moved=4 * 5 * size),
        Case("cross_entropy 16M", torch_like(cross_entropy, *shape), moved=4 * 3 * size),
        Case("max_pool2d 2x2 16M", torch_like(both_ways, max_pool, images), moved=4 * 7 * size // 2),
        Case("batch_norm 16M, training", torch_like(batch_norm, images), moved=4 * 5 * size),
    ]


def reductions() -> list[Case]:
    """Forward of 1024 x 1024."""
    wanted = [("sum", None), ("sum", 0), ("sum", 1), ("mean", None), ("var", 0), ("var", 1)]
    wanted += [("amax", 0), ("amax", 1), ("argmax", 0), ("argmax", 1), ("prod", 1)]
    return [
        Case(
            f"{name}({'' if dim is None else f'dim={dim}'}), forward",
            {**torch_like(reduction, name, dim), "numpy": partial(numpy_reduction, name, dim)},
            moved=4 * 1024 * 1024,
        )
        for name, dim in wanted
    ]


def reduction(torch: Any, name: str, dim: int | None) -> Call:
    x = torch.randn(1024, 1024)
    reduce = getattr(x, name)
    return reduce if dim is None else partial(reduce, dim=dim)


def numpy_reduction(name: str, dim: int | None) -> Call:
    x = np.random.default_rng(0).standard_normal((1024, 1024)).astype(np.float32)
    return partial(getattr(np, name), x, axis=dim, **({"ddof": 1} if name == "var" else {}))


def optimizers() -> list[Case]:
    """A step in the cache and one far beyond it. Adam reads four arrays and writes three, SGD with momentum three and two."""
    return [
        Case(
            f"{name} step, {size}",
            {
                **torch_like(optimizer, name, shapes, None),
                **torch_like(optimizer, name, shapes, True, libraries=["torch"], suffix=" fused"),
            },
            moved=4 * arrays * sum(map(prod, shapes)),
        )
        for name, arrays in (("Adam", 7), ("SGD", 5))
        for size, shapes in PARAMETERS.items()
    ]


def optimizer(torch: Any, name: str, shapes: tuple[tuple[int, ...], ...], fused: bool | None) -> Call:
    parameters = [torch.nn.Parameter(torch.randn(*shape)) for shape in shapes]
    for parameter in parameters:
        parameter.grad = torch.randn(*parameter.shape)
    options = {"momentum": 0.9} if name == "SGD" else {}
    return getattr(torch.optim, name)(parameters, lr=1e-6, fused=fused, **options).step


def graph() -> Case:
    """41 operations on so little that the graph is all there is to measure."""
    return Case("41 operations on 8x8", torch_like(chain), per=(41, "operation"))


def chain(torch: Any) -> Call:
    x, weight, bias, scale = (torch.randn(8, 8).requires_grad_() for _ in range(4))

    def call() -> None:
        x.grad = weight.grad = bias.grad = scale.grad = None
        chained(torch, x, weight, bias, scale).backward()

    return call


def chained(torch: Any, x: Any, weight: Any, bias: Any, scale: Any) -> Any:
    """Ten times four operations, and a sum."""
    for _ in range(10):
        x = torch.tanh((x @ weight + bias) * scale)
    return x.sum()

"""The nets of the benchmarks, each written once: `torch` is PyTorch, or minigrad, and the code does not know which."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Net(NamedTuple):
    """A net with the shape of a batch for it; `classes` 0 means one logit for a binary target."""

    name: str
    build: Callable[[Any], Any]
    batch: tuple[int, ...]
    classes: int = 10


def tiny(torch: Any) -> Any:
    nn = torch.nn
    return nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 1))


def one_hidden(torch: Any) -> Any:
    nn = torch.nn
    return nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Dropout(0.2), nn.Linear(512, 10))


def two_hidden(torch: Any) -> Any:
    """Srivastava et al. 2014, on MNIST: dropout on the input too."""
    nn = torch.nn
    return nn.Sequential(
        nn.Dropout(0.2),
        nn.Linear(784, 1024),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(1024, 1024),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(1024, 10),
    )


def lenet(torch: Any) -> Any:
    """LeNet-5 (LeCun et al. 1998) with ReLU, maximum pooling and dropped channels."""
    nn = torch.nn
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout2d(0.2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, 10),
    )


def mnist_cnn(torch: Any) -> Any:
    """The net of PyTorch's MNIST example."""
    nn = torch.nn
    return nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.25),
        nn.Flatten(),
        nn.Linear(9216, 128),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(128, 10),
    )


def cifar_cnn(torch: Any) -> Any:
    """Two blocks of two normalized convolutions, with dropped channels between them."""
    nn = torch.nn

    def block(channels: int, filters: int, p: float) -> list:
        return [
            nn.Conv2d(channels, filters, 3, padding=1),
            nn.BatchNorm2d(filters),
            nn.ReLU(),
            nn.Conv2d(filters, filters, 3, padding=1),
            nn.BatchNorm2d(filters),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Dropout2d(p),
        ]

    head = [nn.Flatten(), nn.Linear(4096, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10)]
    return nn.Sequential(*block(3, 32, 0.2), *block(32, 64, 0.3), *head)


def resnet20(torch: Any) -> Any:
    """The residual net of 20 layers for CIFAR-10 (He et al. 2016), its shortcuts projections where shapes change."""
    nn = torch.nn

    class Block(nn.Module):  # type: ignore[name-defined]
        def __init__(self, channels: int, filters: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(channels, filters, 3, stride, 1, bias=False)
            self.norm1 = nn.BatchNorm2d(filters)
            self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
            self.norm2 = nn.BatchNorm2d(filters)
            self.relu = nn.ReLU()
            self.shortcut = nn.Identity()
            if stride != 1:
                self.shortcut = nn.Sequential(
                    nn.Conv2d(channels, filters, 1, stride, bias=False), nn.BatchNorm2d(filters)
                )

        def forward(self, x: Any) -> Any:
            y = self.norm2(self.conv2(self.relu(self.norm1(self.conv1(x)))))
            return self.relu(y + self.shortcut(x))

    layers = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    channels = 16
    for filters, stride in ((16, 1), (32, 2), (64, 2)):
        for place in range(3):
            layers.append(Block(channels, filters, stride if place == 0 else 1))
            channels = filters
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


NETS = {
    net.name: net
    for net in (
        Net("2-16-16-1", tiny, (100, 2), classes=0),
        Net("784-512-10 dropout", one_hidden, (32, 784)),
        Net("784-1024-1024-10 dropout", two_hidden, (128, 784)),
        Net("LeNet-5 Dropout2d", lenet, (64, 1, 28, 28)),
        Net("MNIST CNN dropout", mnist_cnn, (64, 1, 28, 28)),
        Net("CIFAR CNN batch norm", cifar_cnn, (64, 3, 32, 32)),
        Net("ResNet-20", resnet20, (64, 3, 32, 32)),
    )
}


def training_step(torch: Any, net: Net, fused: bool | None = None, compiled: bool = False) -> Callable[[], None]:
    """A function that makes one step of Adam on a batch of noise, dropout and all.

    The learning rate is so small that nothing has converged by the time it is measured.
    """
    model = net.build(torch)
    x = torch.randn(*net.batch)
    functional = torch.nn.functional
    if net.classes:
        target, loss = torch.randint(0, net.classes, net.batch[:1]), functional.cross_entropy
    else:
        target, loss = torch.randint(0, 2, (net.batch[0], 1)).float(), functional.binary_cross_entropy_with_logits
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-6, fused=fused)
    forward = torch.compile(model) if compiled else model

    def step() -> None:
        optimizer.zero_grad()
        loss(forward(x), target).backward()
        optimizer.step()

    return step


def step_flop(torch: Any, net: Net) -> float:
    """The floating-point operations of a step's products and convolutions: forward, and both gradients; but the input's
    own gradient is not needed."""
    model = net.build(torch)
    counts: list[float] = []

    def count(layer: Any, inputs: Any, out: Any) -> None:
        counts.append(2.0 * layer.weight.numel() * out.numel() / out.shape[1])

    for layer in model.modules():
        if isinstance(layer, torch.nn.Linear | torch.nn.Conv2d):
            layer.register_forward_hook(count)
    model(torch.zeros(*net.batch))
    return 3 * sum(counts) - counts[0]

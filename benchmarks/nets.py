"""The nets of the benchmarks, each written once: `torch` is PyTorch, or minigrad, and the code does not know which."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any, NamedTuple


class Net(NamedTuple):
    """A net with the shape of a batch for it; `classes` 0 means one logit for a binary target.

    With `tokens` the input is integers below that number, and the net gives a row of logits for each of them.
    """

    name: str
    build: Callable[[Any], Any]
    batch: tuple[int, ...]
    classes: int = 10
    tokens: int = 0


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


def language_model(torch: Any, cell: str) -> Any:
    """Two recurrent layers of 200 between the embedding of 10,000 words and their logits, with dropout wherever no recurrent
    connection is (Zaremba, Sutskever and Vinyals 2014)."""
    nn = torch.nn

    class LanguageModel(nn.Module):  # type: ignore[name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(10_000, 200)
            self.dropout = nn.Dropout(0.5)
            self.recurrent = getattr(nn, cell)(200, 200, num_layers=2, dropout=0.5, batch_first=True)
            self.head = nn.Linear(200, 10_000)

        def forward(self, words: Any) -> Any:
            states, _ = self.recurrent(self.dropout(self.embedding(words)))
            return self.head(self.dropout(states).reshape(-1, 200))

    return LanguageModel()


def gpt(torch: Any) -> Any:
    """nanoGPT's net for characters: 4 layers of width 128 with 4 heads, dropout .2, the embedding tied to the head."""
    nn, functional = torch.nn, torch.nn.functional
    width, heads, context, characters, p = 128, 4, 64, 65, 0.2

    class Attention(nn.Module):  # type: ignore[name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.c_attn = nn.Linear(width, 3 * width, bias=False)
            self.c_proj = nn.Linear(width, width, bias=False)
            self.resid_dropout = nn.Dropout(p)

        def forward(self, x: Any) -> Any:
            batch, length, _ = x.size()
            q, k, v = self.c_attn(x).split(width, dim=2)
            q, k, v = (part.view(batch, length, heads, width // heads).transpose(1, 2) for part in (q, k, v))
            y = functional.scaled_dot_product_attention(
                q, k, v, attn_mask=None, dropout_p=p if self.training else 0, is_causal=True
            )
            return self.resid_dropout(self.c_proj(y.transpose(1, 2).contiguous().view(batch, length, width)))

        def flop(self, x: Any) -> float:
            """That of two products of queries by the keys up to their own place."""
            batch, length, _ = x.shape
            return 2 * 2.0 * batch * width * length * (length + 1) / 2

    class MLP(nn.Module):  # type: ignore[name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.c_fc = nn.Linear(width, 4 * width, bias=False)
            self.gelu = nn.GELU()
            self.c_proj = nn.Linear(4 * width, width, bias=False)
            self.dropout = nn.Dropout(p)

        def forward(self, x: Any) -> Any:
            return self.dropout(self.c_proj(self.gelu(self.c_fc(x))))

    class Block(nn.Module):  # type: ignore[name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.ln_1 = nn.LayerNorm(width, bias=False)
            self.attn = Attention()
            self.ln_2 = nn.LayerNorm(width, bias=False)
            self.mlp = MLP()

        def forward(self, x: Any) -> Any:
            x = x + self.attn(self.ln_1(x))
            return x + self.mlp(self.ln_2(x))

    class GPT(nn.Module):  # type: ignore[name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.wte = nn.Embedding(characters, width)
            self.wpe = nn.Embedding(context, width)
            self.drop = nn.Dropout(p)
            self.h = nn.ModuleList([Block() for _ in range(4)])
            self.ln_f = nn.LayerNorm(width, bias=False)
            self.lm_head = nn.Linear(width, characters, bias=False)
            self.wte.weight = self.lm_head.weight
            for parameter in self.parameters():
                if parameter.dim() == 2:
                    nn.init.normal_(parameter, 0.0, 0.02)

        def forward(self, tokens: Any) -> Any:
            x = self.drop(self.wte(tokens) + self.wpe(torch.arange(tokens.shape[1])))
            for block in self.h:
                x = block(x)
            return self.lm_head(self.ln_f(x)).view(-1, characters)

    return GPT()


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
        Net("LSTM 2x200", partial(language_model, cell="LSTM"), (20, 20), classes=10_000, tokens=10_000),
        Net("GRU 2x200", partial(language_model, cell="GRU"), (20, 20), classes=10_000, tokens=10_000),
        Net("GPT 4x128", gpt, (16, 64), classes=65, tokens=65),
    )
}


def training_step(torch: Any, net: Net, fused: bool | None = None, compiled: bool = False) -> Callable[[], None]:
    """A function that makes one step of Adam on a batch of noise, dropout and all.

    The learning rate is so small that nothing has converged by the time it is measured.
    """
    model = net.build(torch)
    x = torch.randint(0, net.tokens, net.batch) if net.tokens else torch.randn(*net.batch)
    functional = torch.nn.functional
    if net.classes:
        rows = prod(net.batch) if net.tokens else net.batch[0]
        target, loss = torch.randint(0, net.classes, (rows,)), functional.cross_entropy
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
    own gradient is not needed. A module with products of its own says so by a method `flop`."""
    nn = torch.nn
    model = net.build(torch)
    counts: list[float] = []

    def count(layer: Any, inputs: Any, out: Any) -> None:
        if hasattr(layer, "flop"):
            counts.append(layer.flop(*inputs))
        elif isinstance(layer, nn.Linear | nn.Conv2d):
            features = out.shape[1 if isinstance(layer, nn.Conv2d) else -1]
            counts.append(2.0 * layer.weight.numel() * out.numel() / features)
        else:  # every place of every sequence meets all matrices
            places = prod(inputs[0].shape[:-1])
            counts.append(2.0 * places * sum(weight.numel() for weight in layer.parameters() if weight.dim() == 2))

    recurrent = tuple(getattr(nn, name) for name in ("LSTM", "GRU") if hasattr(nn, name))
    for layer in model.modules():
        if hasattr(layer, "flop") or isinstance(layer, (nn.Linear, nn.Conv2d, *recurrent)):
            layer.register_forward_hook(count)
    x = torch.zeros(*net.batch)
    model(x.long() if net.tokens else x)
    return 3 * sum(counts) - (0 if net.tokens else counts[0])

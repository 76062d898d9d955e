"""More names like those there are: python examples/makemore.py --help

The lesson is Karpathy's makemore, which builds ever better models of 32,033 first names, each of which tells at every letter of a name how
likely each letter is to come next; "." begins and ends a name. But for its imports this is PyTorch's code. --net is one of

    bigram        the letter before, by counting: nothing is trained
    mlp           the last three letters, as Bengio, Ducharme, Vincent & Jauvin (2003) do it with words
    rnn gru lstm  all letters before, in a state that is carried from each to the next
    transformer   all letters before, by attention

or all of them, one after another. As in makemore 1,000 names that are drawn once are for the test. Its published losses are 2.45 for
bigrams, 2.17 for the lecture's MLP and 1.92 for the transformer.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import minigrad as torch
import minigrad.nn as nn
import minigrad.nn.functional as F
from files import write_json
from minigrad import datasets
from options import at_least, count, positive

IGNORED = -100  # a target that there is not, after a name's end: F.cross_entropy leaves it out
CONTEXT = 3  # letters that the MLP sees


class Bigram(nn.Module):
    """The table of how often each letter follows each; one more than counted, so that nothing is impossible."""

    def __init__(self, letters: int, width: int, length: int) -> None:
        super().__init__()
        self.register_buffer("counts", torch.ones(letters, letters))

    def count(self, x: torch.Tensor, y: torch.Tensor) -> None:
        first, second = x[y != IGNORED], y[y != IGNORED]
        self.counts.index_put_((first, second), torch.ones(len(first)), accumulate=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (self.counts / self.counts.sum(1, keepdim=True)).log()[x]


class MLP(nn.Module):
    """The vectors of the last letters side by side, through one hidden layer."""

    def __init__(self, letters: int, width: int, length: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(letters, width)
        self.mlp = nn.Sequential(nn.Linear(CONTEXT * width, 4 * width), nn.Tanh(), nn.Linear(4 * width, letters))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        length = x.shape[1]
        vectors = self.embedding(F.pad(x, (CONTEXT - 1, 0)))  # before a name there is nothing but "."
        return self.mlp(torch.cat([vectors[:, shift : shift + length] for shift in range(CONTEXT)], dim=2))


class Recurrent(nn.Module):
    """One layer of an RNN, GRU or LSTM."""

    def __init__(self, letters: int, width: int, length: int, layer: Any) -> None:
        super().__init__()
        self.embedding = nn.Embedding(letters, width)
        self.rnn = layer(width, 2 * width, batch_first=True)
        self.head = nn.Linear(2 * width, letters)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.rnn(self.embedding(x))[0])


class Transformer(nn.Module):
    """Four layers of four heads."""

    def __init__(self, letters: int, width: int, length: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(letters, width)
        self.position = nn.Embedding(length, width)
        layer = nn.TransformerEncoderLayer(
            width, 4, 4 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, 4, nn.LayerNorm(width), enable_nested_tensor=False)
        self.head = nn.Linear(width, letters, bias=False)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        length = x.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(length)
        x = self.embedding(x) + self.position(torch.arange(length))
        return self.head(self.layers(x, mask=mask, is_causal=True))


NETS: dict[str, Callable[[int, int, int], Any]] = {
    "bigram": Bigram,
    "mlp": MLP,
    "rnn": partial(Recurrent, layer=nn.RNN),
    "gru": partial(Recurrent, layer=nn.GRU),
    "lstm": partial(Recurrent, layer=nn.LSTM),
    "transformer": Transformer,
}


def examples(names: Sequence[str], vocabulary: datasets.Vocabulary, length: int) -> tuple[torch.Tensor, torch.Tensor]:
    """For each name a row of its letters after a ".", and a row of those that come next: its letters before a "."."""
    x = torch.zeros(len(names), length, dtype=torch.int64)
    y = torch.full((len(names), length), IGNORED)
    for row, name in enumerate(names):
        ids = torch.tensor(vocabulary.encode(name))
        x[row, 1 : len(ids) + 1] = ids
        y[row, : len(ids)] = ids
        y[row, len(ids)] = 0
    return x, y


def loss_of(logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return F.cross_entropy(logits.flatten(0, 1), y.flatten(), ignore_index=IGNORED)


def train(model: nn.Module, x: torch.Tensor, y: torch.Tensor, args: argparse.Namespace, name: str) -> None:
    from tqdm import tqdm

    lr = args.lr or (1e-3 if name == "transformer" else 3e-3)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, betas=(0.9, 0.99), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.steps)
    model.train()
    for _ in tqdm(range(args.steps), desc=name, unit="step", disable=None):
        rows = torch.randint(len(x), (args.batch_size,))
        loss = loss_of(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if not math.isfinite(loss.item()):
            sys.exit(f"makemore.py: the loss of {name} has grown to {loss.item()}: try a smaller --lr")


@torch.no_grad()
def evaluate(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """The mean loss for a letter."""
    model.eval()
    total = sum(loss_of(model(a), b) * (b != IGNORED).sum() for a, b in zip(x.split(500), y.split(500), strict=True))
    return (total / (y != IGNORED).sum()).item()


@torch.no_grad()
def sample(model: nn.Module, number: int, length: int) -> torch.Tensor:
    """Rows of letters, drawn one after another; what follows a row's first 0 is not part of the name."""
    model.eval()
    x = torch.zeros(number, 1, dtype=torch.int64)
    for _ in range(length):
        probabilities = F.softmax(model(x)[:, -1], dim=-1)
        x = torch.cat([x, torch.multinomial(probabilities, 1)], dim=1)
    return x[:, 1:]


def main(args: argparse.Namespace) -> None:
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    try:
        data = datasets.names(args.data_dir)
    except ValueError as error:  # a file that is damaged
        sys.exit(f"makemore.py: {error}")
    print(data)
    length = max(map(len, data.names)) + 1
    tested = min(1000, len(data.names) // 10)
    if not tested:
        sys.exit(f"makemore.py: {len(data.names)} names are too few: one in ten is for the test")
    # The same names for all nets and seeds.
    order = torch.randperm(len(data.names), generator=torch.Generator().manual_seed(0)).tolist()
    names = [data.names[i] for i in order]
    x, y = examples(names, data.vocabulary, length)
    known = set(names[:-tested])

    results = {}
    for net in NETS if args.net == "all" else [args.net]:
        torch.manual_seed(args.seed)
        begin = time.perf_counter()
        model = NETS[net](len(data.vocabulary), args.width, length)
        if net == "bigram":
            model.count(x[:-tested], y[:-tested])
        else:
            train(model, x[:-tested], y[:-tested], args, net)
        seconds = time.perf_counter() - begin
        losses = {"train": evaluate(model, x[:-tested], y[:-tested]), "test": evaluate(model, x[-tested:], y[-tested:])}
        drawn = [
            "".join(data.vocabulary.decode(row)).split(".")[0] for row in sample(model, args.samples, length).tolist()
        ]
        new = [name for name in drawn if name not in known]
        print(f"{net}: {', '.join(drawn)}; {len(new)} of {len(drawn)} are new")
        numbers = sum(value.numel() for value in model.state_dict().values())
        results[net] = {"numbers": numbers, **losses, "seconds": seconds}

    print(f"\n{'net':<12} {'numbers':>8} {'train loss':>11} {'test loss':>10} {'seconds':>8}")
    for net, row in results.items():
        print(f"{net:<12} {row['numbers']:>8,} {row['train']:>11.4f} {row['test']:>10.4f} {row['seconds']:>8.1f}")
    if args.out is not None:
        options = {name: value for name, value in vars(args).items() if not isinstance(value, Path)}
        write_json(args.out, {"options": options, "results": results})


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train models of names, test them, and let them make more.")
    option = parser.add_argument
    option("--net", choices=[*NETS, "all"], default="transformer", help="(default: %(default)s)")
    option("--width", type=count, default=64, help="numbers that stand for a letter (default: %(default)s)")
    option("--steps", type=count, help="of training (default: 10000)")
    option("--batch-size", type=count, default=32, help="names in each step (default: %(default)s)")
    option(
        "--lr",
        type=positive,
        help="learning rate at first; it falls to 0 (default: 0.001 for a transformer, else 0.003)",
    )
    option("--quick", action="store_true", help="200 steps only: seconds, to see it run")
    option("--samples", type=at_least(0), default=20, help="names to make (default: %(default)s)")
    option("--seed", type=int, default=1, help="for weights, batches and samples (default: %(default)s)")
    option("--threads", type=count, help="for the kernels (default: all processors); results do not depend on it")
    option("--data-dir", type=Path, help="folder that holds the names' file (default: download it once)")
    option("--out", type=Path, help="a JSON file for the losses")
    args = parser.parse_args(argv)
    args.steps = args.steps or (200 if args.quick else 10_000)
    if args.net in ("transformer", "all") and args.width % 4:
        parser.error(f"argument --width: a transformer's four heads do not fit {args.width}")
    return args


if __name__ == "__main__":
    try:
        main(arguments())
    except KeyboardInterrupt:
        sys.exit(130)
    except (OSError, ImportError) as error:  # files and packages
        sys.exit(f"makemore.py: {error}")

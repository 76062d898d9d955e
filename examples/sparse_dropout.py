"""Prune a net by variational dropout, after Molchanov, Ashukha and Vetrov (2017): python examples/sparse_dropout.py --help

LeNet-300-100 learns, besides each weight, how noisy it may be. The divergence from a prior that likes noise pushes all noise
up; only weights that the images need hold out against it. The others are drowned, and are cut away at the end. A run that is
stopped goes on with --resume from its last whole epoch, and ends with the weights it would have had anyway.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import minigrad
import minigrad.nn.functional as F
from minigrad import datasets, nn, optim
from minigrad.random import default_generator

LR = 1e-3
Images = tuple[np.ndarray, np.ndarray]  # and their labels


def lenet_300_100(inputs: int, classes: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Flatten(),
        nn.SparseVDLinear(inputs, 300),
        nn.ReLU(),
        nn.SparseVDLinear(300, 100),
        nn.ReLU(),
        nn.SparseVDLinear(100, classes),
    )


def sparse_layers(model: nn.Sequential) -> list[nn.SparseVDLinear]:
    return [layer for layer in model if isinstance(layer, nn.SparseVDLinear)]


def pruned(model: nn.Sequential) -> nn.Sequential:
    """The same net of ordinary linear layers, with zeros for the weights that noise has drowned."""

    @minigrad.no_grad()
    def linear(layer: nn.SparseVDLinear) -> nn.Linear:
        result = nn.Linear(layer.in_features, layer.out_features)
        result.weight.copy_(layer.weight * layer.kept())
        result.bias.copy_(layer.bias)
        return result

    return nn.Sequential(*(linear(layer) if isinstance(layer, nn.SparseVDLinear) else layer for layer in model))


def learning_rate(epoch: int, epochs: int) -> float:
    """The authors' schedule, as a factor: constant for half of the run, then linearly to 0."""
    return min(1.0, 2 - 2 * epoch / epochs)


def kl_weight(epoch: int, begin: int, full: int) -> float:
    """What the divergence counts: 0 until `begin`, so that something is learned first, then linearly to 1 at `full`."""
    return float(np.clip((epoch - begin) / (full - begin), 0, 1))


def error(model: nn.Module, data: Images) -> float:
    """The share of images that are classified wrongly, in per cent."""
    images, labels = data
    model.eval()
    with minigrad.no_grad():
        found = [model(minigrad.tensor(images[i : i + 1000])).argmax(1).numpy() for i in range(0, len(images), 1000)]
    return 100 * float((np.concatenate(found) != labels).mean())


def train_epoch(model: nn.Sequential, optimizer: optim.Adam, data: Images, batch_size: int, weight: float) -> dict:
    """One pass over the images; means of the loss and its parts, and the error of the noisy net."""
    images, labels = data
    rows, layers = len(images), sparse_layers(model)
    order = minigrad.randperm(rows).numpy()
    sums = np.zeros(3)
    model.train()
    for start in range(0, rows, batch_size):
        batch = order[start : start + batch_size]
        target = minigrad.tensor(labels[batch])
        logits = model(minigrad.tensor(images[batch]))
        misfit = F.cross_entropy(logits, target)
        kl: Any = sum(layer.kl() for layer in layers) / rows  # the bound is a sum over all examples: one's share
        loss = misfit + weight * kl
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        wrong = (logits.argmax(1) != target).sum().item()
        sums += len(batch) * np.array([loss.item(), kl.item(), 100 * wrong / len(batch)])
    return dict(zip(("loss", "kl", "train_error"), (sums / rows).tolist(), strict=True))


def compression(layers: Sequence[nn.SparseVDLinear]) -> float:
    """All weights over those that are left; biases are not counted, as the authors don't."""
    kept = sum(layer.kept().sum().item() for layer in layers)
    return sum(layer.weight.numel() for layer in layers) / kept if kept else float("inf")


class Run:
    """Model, optimizer and schedule, and all that is needed to go on with them later."""

    def __init__(self, model: nn.Sequential, args: argparse.Namespace) -> None:
        self.model, self.path = model, args.out / "checkpoint.minigrad"
        self.optimizer = optim.Adam(model.parameters(), lr=LR)
        self.scheduler = optim.lr_scheduler.LambdaLR(self.optimizer, lambda epoch: learning_rate(epoch, args.epochs))
        self.history: list[dict[str, float]] = []
        names = ("dataset", "epochs", "batch_size", "held_out", "warm_up", "seed")
        self.settings = {name: getattr(args, name) for name in names}

    def save(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        parts = {name: getattr(self, name).state_dict() for name in ("model", "optimizer", "scheduler")}
        random = minigrad.tensor(default_generator.get_state())
        minigrad.save({**parts, "history": self.history, "settings": self.settings, "random": random}, self.path)

    def resume(self) -> None:
        """Go on from the checkpoint, if there is one."""
        if not self.path.exists():
            print(f"there is no {self.path} to resume from: training begins anew")
            return
        try:
            found = minigrad.load(self.path)
        except ValueError as damaged:
            sys.exit(f"sparse_dropout.py: {damaged}")
        if not isinstance(found, dict) or found.get("settings") != self.settings:
            other = found.get("settings") if isinstance(found, dict) else None
            sys.exit(f"sparse_dropout.py: {self.path} is of another run ({other}): give its options, or another --out")
        for name in ("model", "optimizer", "scheduler"):
            getattr(self, name).load_state_dict(found[name])
        default_generator.set_state(found["random"].numpy())
        self.history = found["history"]


def plot(model: nn.Sequential, history: list[dict[str, float]], shape: tuple[int, ...], path: Path) -> None:
    """How many of the first layer's weights each pixel has left, and how error and compression went."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, middle, right) = pyplot.subplots(1, 3, figsize=(12, 3.6))
    channels, height, width = shape
    counts = sparse_layers(model)[0].kept().sum(0).numpy().reshape(channels, height, width).sum(0)
    shown = left.imshow(counts, cmap="viridis")
    left.set(title="weights left at each pixel", xticks=[], yticks=[])
    figure.colorbar(shown, ax=left)
    epochs = np.arange(1, len(history) + 1)
    for key, label in (("train_error", "training, with noise"), ("held_out_error", "held out, pruned")):
        if key in history[0]:
            middle.plot(epochs, [line[key] for line in history], label=label)
    middle.set(title="error, %", xlabel="epoch", yscale="log")
    middle.legend()
    right.plot(epochs, [line["compression"] for line in history])
    right.set(title="weights / weights left", xlabel="epoch", yscale="log")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def main(args: argparse.Namespace) -> None:
    if args.threads is not None:
        minigrad.set_num_threads(args.threads)
    minigrad.manual_seed(args.seed)
    # In [0, 1] as they are: a pixel that is 0 in all images tells nothing, and loses all its weights.
    try:
        data = datasets.load(args.dataset, root=args.data_dir)
    except ValueError as damaged:
        sys.exit(f"sparse_dropout.py: {damaged}")
    rows = len(data.train_labels) - args.held_out
    if rows < 1:
        sys.exit(
            f"sparse_dropout.py: --held-out {args.held_out} leaves none of {len(data.train_labels):,} training images"
        )
    train = data.train_images[:rows], data.train_labels[:rows]
    held_out = data.train_images[rows:], data.train_labels[rows:]
    test = data.test_images, data.test_labels
    print(f"{data}; {args.held_out:,} of the training images are held out")

    model = lenet_300_100(int(np.prod(data.shape)), data.num_classes)
    layers = sparse_layers(model)
    run = Run(model, args)
    if args.resume:
        run.resume()
    elif run.path.exists():
        os.replace(run.path, f"{run.path}.old")  # not lost, if --resume was only forgotten
    for epoch in range(len(run.history), args.epochs):
        line = train_epoch(model, run.optimizer, train, args.batch_size, kl_weight(epoch, *args.warm_up))
        run.scheduler.step()
        line["compression"] = compression(layers)
        if args.held_out:
            line["held_out_error"] = error(model, held_out)
        run.history.append(line)
        run.save()
        shown = f"loss {line['loss']:.4f}  KL {line['kl']:.3f}  train error {line['train_error']:.2f} %"
        shown += f"  held-out error {line['held_out_error']:.2f} %" if args.held_out else ""
        print(f"epoch {epoch + 1}/{args.epochs}  {shown}  weights / {line['compression']:.1f}", flush=True)

    # The only use of the test images.
    result = {"test_error": error(pruned(model), test), "compression": compression(layers), "settings": run.settings}
    print(f"test error of the pruned net: {result['test_error']:.2f} %")
    for layer in layers:
        kept = int(layer.kept().sum().item())
        share = f"{100 * layer.sparsity():.1f} % pruned"
        print(
            f"{layer.in_features} x {layer.out_features}: {kept:,} of {layer.weight.numel():,} weights are left, {share}"
        )
    print(f"all layers: {result['compression']:.1f} times fewer weights")
    result["pruned"] = [layer.sparsity() for layer in layers]
    (args.out / "result.json").write_text(json.dumps(result, indent=1) + "\n")
    plot(model, run.history, data.shape, args.out / "sparse.png")
    print(f"picture, result and checkpoint are in {args.out}")


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    def count(text: str) -> int:
        value = int(text)
        if value < 1:
            raise argparse.ArgumentTypeError(f"must be at least 1, not {value}")
        return value

    def at_least_0(text: str) -> int:
        value = int(text)
        if value < 0:
            raise argparse.ArgumentTypeError(f"must be at least 0, not {value}")
        return value

    parser = argparse.ArgumentParser(
        description="Train LeNet-300-100 with sparse variational dropout, prune and test it.",
        epilog="The same command with --resume goes on with a run that was stopped.",
    )
    option = parser.add_argument
    option("--dataset", choices=datasets.NAMES, default="digits", help="what to learn (default: digits, no download)")
    option("--epochs", type=count, default=200, help="passes over the training images (default: %(default)s)")
    option("--batch-size", type=count, help="images in each step (default: 10 for digits, else 100)")
    option(
        "--held-out",
        type=at_least_0,
        metavar="N",
        help="do not train on the last N training images, but show the error on them (default: 300 for digits, else 10000)",
    )
    option(
        "--warm-up",
        type=at_least_0,
        nargs=2,
        default=[5, 20],
        metavar=("BEGIN", "FULL"),
        help="epochs after which the divergence begins to count, and counts in full (default: 5 20)",
    )
    option("--seed", type=int, default=0, help="for weights, order of images and noise (default: %(default)s)")
    option("--resume", action="store_true", help="go on from the checkpoint in --out, if there is one")
    option("--threads", type=count, help="for the kernels (default: all processors); results do not depend on it")
    option("--data-dir", type=Path, help="folder that holds the set's files (default: download them once)")
    option("--out", type=Path, help="folder for checkpoint, result and picture (default: runs/sparse_<dataset>)")
    args = parser.parse_args(argv)
    if args.warm_up[0] >= args.warm_up[1]:
        parser.error("argument --warm-up: FULL must be above BEGIN")
    digits = args.dataset == "digits"
    args.batch_size = args.batch_size or (10 if digits else 100)
    args.held_out = (300 if digits else 10_000) if args.held_out is None else args.held_out
    args.out = args.out or Path("runs") / f"sparse_{args.dataset}"
    return args


if __name__ == "__main__":
    try:
        main(arguments())
    except KeyboardInterrupt:
        sys.exit(130)
    except (OSError, ImportError) as missing:  # files, packages
        sys.exit(f"sparse_dropout.py: {missing}")

"""One training run: a net, its regularizers, a seed; what it measured. A pure function of its description."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import minigrad
from files import write_json
from lab import data as sets
from lab import nets, regularizers
from minigrad import nn, optim
from minigrad.nn import functional as F

CHECKPOINT_SECONDS = 60
MOMENTUM = 0.9


@dataclass(frozen=True)
class Trial:
    """Everything that decides a result. `stage` is 'choose' (measured on held-out training images) or 'test'."""

    dataset: str
    net: str
    method: str
    stage: str
    seed: int
    epochs: int
    batch_size: int
    lr: float
    units: int
    layers: int
    train_size: int | None = None
    mc_samples: int = 0

    @property
    def key(self) -> str:
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]


def result(trial: Trial, folder: Path, root: Path | None, tick: Callable[[int], None]) -> dict[str, Any]:
    """What `trial` measured: read from `folder` if it was run before, or else run and written there, atomically."""
    path = folder / f"{trial.key}.json"
    if path.exists():
        found = json.loads(path.read_text())
        if found.get("trial") == asdict(trial):
            tick(trial.epochs)
            return found
    folder.mkdir(parents=True, exist_ok=True)  # for the checkpoint
    found = {"trial": asdict(trial), **run(trial, folder / f"{trial.key}.minigrad", root, tick)}
    write_json(path, found)
    with contextlib.suppress(FileNotFoundError):
        (folder / f"{trial.key}.minigrad").unlink()
    return found


def run(trial: Trial, checkpoint: Path, root: Path | None, tick: Callable[[int], None]) -> dict[str, Any]:
    """Train and measure; a run that was stopped goes on from its checkpoint."""
    training = start(trial, root)
    model, split = training.model, training.split
    training.load(checkpoint)
    tick(training.epoch)
    last = time.perf_counter()
    while training.epoch < trial.epochs:
        training.train_epoch()
        if trial.stage == "choose":
            training.held_out.append(error(model, split.other_images, split.other_labels))
        tick(1)
        if time.perf_counter() - last > CHECKPOINT_SECONDS:
            training.save(checkpoint)
            last = time.perf_counter()
    found: dict[str, Any] = {
        "loss": training.losses,
        "train_error": error(model, split.images[:10_000], split.labels[:10_000]),
        "seconds": round(training.seconds, 2),
    }
    if trial.stage == "choose":
        return {**found, "held_out": training.held_out}
    found["error"] = error(model, split.other_images, split.other_labels)
    if trial.mc_samples:
        found["mc"] = monte_carlo(model, split.other_images, split.other_labels, trial.mc_samples)
    return found


def start(trial: Trial, root: Path | None) -> Training:
    """The net of `trial` with its regularizers, its data, and the seed set, before the first step."""
    whole = sets.load(trial.dataset, root, normalized=trial.net != "mlp")
    split = sets.choosing(whole) if trial.stage == "choose" else sets.final(whole, trial.train_size, trial.seed)
    minigrad.manual_seed(trial.seed)
    model = nets.build(trial.net, whole.shape, whole.num_classes, trial.units, trial.layers)
    parts = regularizers.make(regularizers.parse(trial.method))
    try:
        for part in parts:
            part.fill(model, len(split.labels))
    except ValueError as error:  # a rate that is none, or a net without such a place
        raise ValueError(f"{trial.method} in {trial.net}: {error}") from error
    return Training(trial, model, parts, split)


class Training:
    """Stochastic gradient descent with momentum, the rate falling linearly to 0; what a checkpoint holds of it."""

    def __init__(
        self, trial: Trial, model: nn.Sequential, parts: list[regularizers.Regularizer], split: sets.Split
    ) -> None:
        self.trial, self.model, self.parts, self.split = trial, model, parts, split
        self.epoch, self.seconds = 0, 0.0
        self.losses: list[float] = []
        self.held_out: list[float] = []
        decayed = regularizers.weights(model)
        chosen = {id(parameter) for parameter in decayed}
        groups = [
            {"params": decayed, "weight_decay": sum(part.weight_decay() for part in parts)},
            {"params": [other for other in model.parameters() if id(other) not in chosen]},
        ]
        self.optimizer = optim.SGD([group for group in groups if group["params"]], lr=trial.lr, momentum=MOMENTUM)
        self.steps = -(-len(split.labels) // trial.batch_size)
        for part in parts:
            part.begin(model, self.steps * trial.epochs)

    def train_epoch(self) -> None:
        begin, trial, split = time.perf_counter(), self.trial, self.split
        draw = np.random.default_rng([trial.seed, self.epoch])  # so an epoch's order needs no state of the last one's
        order = draw.permutation(len(split.labels))
        total = 0.0
        self.model.train()
        for i in range(self.steps):
            done = (self.epoch * self.steps + i) / (trial.epochs * self.steps)
            for group in self.optimizer.param_groups:
                group["lr"] = trial.lr * (1 - done)
            batch = order[i * trial.batch_size : (i + 1) * trial.batch_size]
            images = split.images[batch]
            for part in self.parts:
                images = part.augment(images, draw)
            loss = F.cross_entropy(self.model(minigrad.tensor(images)), minigrad.tensor(split.labels[batch]))
            total += loss.item() * len(batch)
            if not np.isfinite(total):
                raise FloatingPointError(
                    f"{trial.method}: the loss is not finite in epoch {self.epoch + 1}; lower --lr"
                )
            for part in self.parts:
                loss = loss + part.penalty(self.model)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            for part in self.parts:
                part.after_step(self.model)
        self.losses.append(total / len(order))
        self.epoch += 1
        self.seconds += time.perf_counter() - begin

    def save(self, path: Path) -> None:
        state = {
            "model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(), "epoch": self.epoch,
            "losses": self.losses, "held_out": self.held_out, "seconds": self.seconds,
            "random": minigrad.default_generator.get_state().tolist(),
        }  # fmt: skip
        minigrad.save(state, path)

    def load(self, path: Path) -> None:
        if not path.exists():
            return
        state = minigrad.load(path)
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.epoch, self.losses, self.held_out = state["epoch"], state["losses"], state["held_out"]
        self.seconds = state["seconds"]
        for part in self.parts:
            if isinstance(part, regularizers.Schedule):
                for _ in range(self.epoch * self.steps):
                    part.after_step(self.model)
        minigrad.default_generator.set_state(np.array(state["random"], np.uint8))


def probabilities(model: nn.Sequential, images: np.ndarray) -> np.ndarray:
    """Of each class, (N, C), in the mode that the model is in."""
    with minigrad.no_grad():
        return np.concatenate(
            [F.softmax(model(minigrad.tensor(images[i : i + 500])), 1).numpy() for i in range(0, len(images), 500)]
        )


def error(model: nn.Sequential, images: np.ndarray, labels: np.ndarray) -> float:
    """The share of images, in percent, whose likeliest class is not their label."""
    model.eval()
    return wrong(probabilities(model, images), labels)


def wrong(p: np.ndarray, labels: np.ndarray) -> float:
    return 100 * float(np.mean(p.argmax(1) != labels))


def monte_carlo(model: nn.Sequential, images: np.ndarray, labels: np.ndarray, samples: int) -> dict[str, list[float]]:
    """The error of the mean of k passes with dropout on, for k up to `samples`: of all disjoint groups of k."""
    with nn.mc_dropout(model):
        passes = np.stack([probabilities(model, images) for _ in range(samples)])
    found = {}
    for k in (1, 2, 3, 5, 10, 20, 30, 50, 100):
        if k <= samples:
            groups = passes[: samples // k * k].reshape(-1, k, *passes.shape[1:]).mean(1)
            found[str(k)] = [wrong(group, labels) for group in groups]
    return found

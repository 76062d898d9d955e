"""A comparison: which trials it takes, in which order, and what comes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lab import data as sets
from lab import regularizers
from lab.trial import Trial, result, start

SWEEPS: dict[str, tuple[float, ...]] = {
    "p": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
    "train-size": (100, 300, 1000, 3000, 10_000, 30_000),
    "units": (32, 64, 128, 256, 512, 1024),
    "samples": (100,),
}


@dataclass
class Outcome:
    """What a method reached: at one value of a sweep, or without one. Errors are in percent, one for each seed."""

    method: str
    options: str
    value: float | None
    held_out: float | None
    errors: list[float]
    train_errors: list[float]
    seconds: float
    epochs: int
    mc: list[dict[str, list[float]]]
    losses: list[list[float]]

    @property
    def mean(self) -> float:
        return float(np.mean(self.errors))

    @property
    def standard_error(self) -> float | None:
        """Of the mean; None for a single seed."""
        count = len(self.errors)
        return float(np.std(self.errors, ddof=1) / np.sqrt(count)) if count > 1 else None


class Choice(NamedTuple):
    """What a method is trained with, and the held-out error by which that was chosen, if it was."""

    options: str
    lr: float
    epochs: int
    held_out: float | None


class Study:
    """Runs what is asked for, each trial once: those whose results lie in `folder` are read."""

    def __init__(
        self, base: Trial, methods: Sequence[str], seeds: int, folder: Path, root: Path | None, *,
        rates: Sequence[float] = (), choose_epochs: int | None = None, choose_seeds: int = 1,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:  # fmt: skip
        self.base, self.methods, self.seeds, self.folder, self.root = base, methods, seeds, folder, root
        self.rates = rates or [base.lr]  # learning rates to choose from
        self.say = say  # a line after each run
        self.choose_epochs, self.choose_seeds = choose_epochs or base.epochs, choose_seeds

    def epochs(self, sweep: str | None = None, values: Sequence[float] = ()) -> int:
        """How many epochs the whole of it takes, for a progress bar; early stopping may take fewer."""
        if sweep:
            return (
                len(self.methods)
                * self.seeds
                * sum(self._changes(sweep, value).get("epochs", self.base.epochs) for value in values)
            )
        tried = sum(len(self.to_try(method)) for method in self.methods if self.chooses(method))
        return tried * self.choose_seeds * self.choose_epochs + len(self.methods) * self.seeds * self.base.epochs

    def check(self) -> None:
        """ValueError now, rather than after hours, for a method that the net has no place for."""
        for method in self.methods:
            start(replace(self.base, method=method), self.root)

    def to_try(self, method: str) -> list[tuple[str, float]]:
        """The combinations of options and learning rates, the defaults first."""
        texts = map(regularizers.written, regularizers.tries(regularizers.parse(method)))
        return [(text, rate) for text in texts for rate in self.rates]

    def chooses(self, method: str) -> bool:
        return len(self.to_try(method)) > 1 or "early-stopping" in regularizers.parse(method)

    def choose(self, method: str, tick: Callable[[int], None]) -> Choice:
        """The options and the learning rate of least held-out error, and for how many epochs to train with them."""
        first, *_ = candidates = self.to_try(method)
        if not self.chooses(method):
            return Choice(*first, self.base.epochs, None)
        choices = []
        for text, rate in candidates:
            curves = [
                self._result(text, "choose", seed, tick, lr=rate, epochs=self.choose_epochs)["held_out"]
                for seed in range(self.choose_seeds)
            ]
            curve = np.mean(curves, 0)
            if "early-stopping" in regularizers.parse(method):
                choices.append(Choice(text, rate, int(np.argmin(curve)) + 1, float(curve.min())))
            else:
                choices.append(Choice(text, rate, self.base.epochs, float(curve[-1])))
        return min(choices, key=lambda choice: choice.held_out)

    def compare(self, tick: Callable[[int], None]) -> list[Outcome]:
        """Each method, its options chosen on held-out images, then trained on all and tested for every seed."""
        outcomes = []
        for method in self.methods:
            choice = self.choose(method, tick)
            found = [
                self._result(choice.options, "test", seed, tick, lr=choice.lr, epochs=choice.epochs)
                for seed in range(self.seeds)
            ]
            text = f"{choice.options}, lr={choice.lr:g}" if len(self.rates) > 1 else choice.options
            outcomes.append(self._outcome(method, text, None, choice.held_out, found, choice.epochs))
        return outcomes

    def sweep(self, name: str, values: Sequence[float], tick: Callable[[int], None]) -> list[Outcome]:
        """Each method with its default options, or those that are given, at each value of what is swept."""
        outcomes = []
        for value in values:
            for method in self.methods:
                parts = regularizers.tries(regularizers.parse(method))[0]
                if name == "p":
                    having = [options for options in parts.values() if "p" in options]
                    if not having:
                        raise ValueError(f"--sweep p: {method} has no rate p")
                    for options in having:
                        options["p"] = value
                changes = self._changes(name, value)
                text = regularizers.written(parts)
                found = [self._result(text, "test", seed, tick, **changes) for seed in range(self.seeds)]
                outcomes.append(
                    self._outcome(method, text, value, None, found, changes.get("epochs", self.base.epochs))
                )
        return outcomes

    def _changes(self, sweep: str, value: float) -> dict[str, Any]:
        """What differs in the trials at a value of a sweep. A smaller training set is trained on for as many steps."""
        if sweep == "train-size":
            whole = len(sets.load(self.base.dataset, self.root, False).train_labels)
            return {"train_size": int(value), "epochs": max(1, round(self.base.epochs * whole / value))}
        return {"units": {"units": int(value)}, "samples": {"mc_samples": int(value)}}.get(sweep, {})

    def _result(
        self, method: str, stage: str, seed: int, tick: Callable[[int], None], **changes: Any
    ) -> dict[str, Any]:
        trial = replace(self.base, method=method, stage=stage, seed=seed, **changes)
        found = result(trial, self.folder, self.root, tick)
        reached = (
            f"test error {found['error']:.2f} %"
            if "error" in found
            else f"held-out error {found['held_out'][-1]:.2f} %"
        )
        self.say(f"{trial.method}, seed {seed}, {trial.epochs} epochs: {reached}, {found['seconds']:.0f} s")
        return found

    def _outcome(
        self,
        method: str,
        text: str,
        value: float | None,
        held_out: float | None,
        found: list[dict[str, Any]],
        epochs: int,
    ) -> Outcome:
        return Outcome(
            method, text, value, held_out, [one["error"] for one in found], [one["train_error"] for one in found],
            float(np.mean([one["seconds"] for one in found])), epochs,
            [one["mc"] for one in found if "mc" in one], [one["loss"] for one in found],
        )  # fmt: skip

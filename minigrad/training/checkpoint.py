"""Checkpoints: all that a run needs in order to go on as if it had never stopped, in one file.

A file of `minigrad.save`, which is written beside its target and renamed over it, so that the path always holds a
whole checkpoint, whenever the process is killed.
"""

from __future__ import annotations

import os
import random
import warnings
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import numpy as np

from .. import _kernels as kernels
from ..random import Generator, default_generator
from ..serialization import load, save
from ..utils.data import DataLoader
from ..version import __version__
from .history import History
from .metrics import Means

Path = str | os.PathLike[str]
FORMAT = "minigrad.training checkpoint"
VERSION = 1


class CheckpointError(ValueError):
    """A file that is no checkpoint, or one that does not fit what is to be resumed; nothing has been changed."""


@dataclass
class Run:
    """Where a fit stands."""

    data: dict[str, Any]  # of the training data, as `batches.describe` has it
    columns: list[str]  # of the History
    history: History = field(default_factory=History)
    step: int = 0  # optimizer steps in all
    epoch: int = 0  # the epoch under way, counted from 0
    batch: int = 0  # its batches done
    trained: bool = False  # whether that was all of them, so that what is left of the epoch is its validation
    means: Means = field(default_factory=Means)  # of its loss and metrics so far
    seconds: float = 0.0  # its time so far
    lr: float = 0.0  # the learning rate of the last step
    begin: dict[str, Any] = field(default_factory=dict)  # the random state it began with, which gives its order again

    def next_epoch(self) -> None:
        """Stand at the beginning of the next epoch."""
        self.epoch, self.batch, self.trained = self.epoch + 1, 0, False
        self.means, self.seconds, self.begin = Means(), 0.0, {}

    def state(self) -> dict[str, Any]:
        """The run as plain numbers, strings, lists and dicts."""
        history = {name: list(values) for name, values in self.history.items()}
        means = {"sums": dict(self.means.sums), "samples": self.means.samples}
        return {**vars(self), "history": history, "means": means}

    @classmethod
    def of(cls, state: dict[str, Any]) -> Run:
        """The run whose `state` this is."""
        return cls(**{**state, "history": History(state["history"]), "means": Means(**state["means"])})


class Randomness:
    """What random numbers are drawn from while training: the default generator, those of the loader, its samplers and
    its data set, those of the model's layers, and, since transforms of data often use them, NumPy's and Python's global ones."""

    def __init__(self, model: Any, loader: DataLoader) -> None:
        batch_sampler: Any = loader.batch_sampler
        dataset: Any = loader.dataset
        inner = getattr(batch_sampler, "sampler", None)
        owners: dict[str, Any] = {
            "loader": loader,
            "sampler": loader.sampler,
            "batch_sampler": batch_sampler,
            "batch_sampler.sampler": inner,
        }
        while dataset is not None:  # a Subset's own, and so on
            owners[f"dataset {len(owners)}"] = dataset
            dataset = getattr(dataset, "dataset", None)
        owners.update((f"model.{name}", module) for name, module in model.named_modules())
        self.generators: dict[str, Generator] = {"default": default_generator}
        for name, owner in owners.items():
            for key, value in getattr(owner, "__dict__", {}).items():
                if isinstance(value, Generator):
                    self.generators[f"{name}.{key}"] = value

    def state(self) -> dict[str, Any]:
        """All states, as strings and lists of numbers."""
        version, internal, gauss = random.getstate()
        name, keys, position, has_gauss, cached = np.random.get_state()  # noqa: NPY002  (the global one is meant)
        return {
            "generators": {name: value.get_state().tobytes().hex() for name, value in self.generators.items()},
            "python": [version, list(internal), gauss],
            "numpy": [name, np.asarray(keys).tolist(), position, has_gauss, cached],
        }

    def check(self, state: dict[str, Any]) -> None:
        """CheckpointError unless `state` is of the same generators."""
        missing = set(self.generators) ^ set(state["generators"])
        if missing:
            raise CheckpointError(
                f"the checkpoint and this fit do not draw from the same generators: {', '.join(sorted(missing))}"
            )

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to what `state` returned."""
        for name, text in state["generators"].items():
            self.generators[name].set_state(np.frombuffer(bytes.fromhex(text), np.uint8))
        version, internal, gauss = state["python"]
        random.setstate((version, tuple(internal), gauss))
        name, keys, position, has_gauss, cached = state["numpy"]
        np.random.set_state((name, np.array(keys, np.uint32), position, has_gauss, cached))  # noqa: NPY002


def make_room(path: Path) -> None:
    """Make the folder of `path`, and keep a checkpoint that an earlier run left there as `<path>.old`."""
    if os.path.isdir(path):
        raise IsADirectoryError(f"{os.fspath(path)} is a folder: a checkpoint is one file")
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    if os.path.exists(path):
        os.replace(path, f"{os.fspath(path)}.old")


def write(path: Path, parts: dict[str, Any]) -> None:
    """Write a checkpoint of `parts`."""
    save({"format": FORMAT, "version": VERSION, "minigrad": __version__, "kernels": kernels.LEVEL, **parts}, path)


def read(path: Path) -> dict[str, Any]:
    """The parts of the checkpoint at `path`.

    CheckpointError if the file holds something else; a warning if another version of minigrad or level of kernels wrote
    it, as the run goes on but the last bits of its results may differ.
    """
    found = load(path)
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise CheckpointError(f"{os.fspath(path)} is not a checkpoint of a Trainer")
    if found["version"] != VERSION:
        raise CheckpointError(
            f"{os.fspath(path)} is a checkpoint of format {found['version']}; this minigrad reads format {VERSION}"
        )
    for key, here in (("minigrad", __version__), ("kernels", kernels.LEVEL)):
        if found[key] != here:
            warnings.warn(
                f"{os.fspath(path)} was written with {key} {found[key]}, and this is {here}: results may differ in the last bits"
            )
    return found


def check_data(run: Run, data: dict[str, Any], columns: list[str]) -> None:
    """CheckpointError unless the run is of training data like `data`, with the same columns in its History."""
    wrong = [f"{what}: {run.data[what]}, not {data[what]}" for what in data if run.data[what] != data[what]]
    if run.columns != columns:
        wrong.append(f"what is measured: {', '.join(run.columns)}, not {', '.join(columns)}")
    if wrong:
        raise CheckpointError(
            f"the checkpoint is of another run: {'; '.join(wrong)}. Resume with the data and settings of its run"
        )


def check_settings(saved: dict[str, str], settings: dict[str, str]) -> None:
    """CheckpointError unless the saved settings are those of this Trainer; names the first line that differs."""
    for name in {**saved, **settings}:
        theirs, ours = saved.get(name, "none").splitlines(), settings.get(name, "none").splitlines()
        for there, here in zip_longest(theirs, ours, fillvalue="nothing"):
            if there != here:
                raise CheckpointError(
                    f"the checkpoint is of another {name}: it has {there.strip()}, this Trainer {here.strip()}"
                )

"""Checkpoints: all that a run needs in order to go on as if it had never stopped, in one file.

A file of `minigrad.save`, which is written beside its target and renamed over it, so that the path always holds a
whole checkpoint, whenever the process is killed.
"""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from .. import _kernels as kernels
from ..serialization import FileFormatError, load, save
from ..version import __version__
from .history import History
from .metrics import Means

Path = str | os.PathLike[str]
FORMAT = "minigrad.training checkpoint"
VERSION = 2


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
        """The run whose `state` this is; CheckpointError if it is none."""
        _check_kinds(state, cls(data={}, columns=[]).state(), "run")
        history, means = state["history"], state["means"]
        whole = (
            all(isinstance(name, str) for name in (*state["columns"], *history, *means["sums"]))
            and all(isinstance(values, list) and len(values) == state["epoch"] for values in history.values())
            and all(
                isinstance(value, float) for values in (*history.values(), means["sums"].values()) for value in values
            )
            and min(state["step"], state["epoch"], state["batch"], means["samples"]) >= 0
        )
        if not whole:
            raise CheckpointError("the checkpoint is damaged: its History, means or counts make no sense")
        return cls(**{**state, "history": History(history), "means": Means(**means)})


def make_room(path: Path) -> None:
    """Make the folder of `path`, and copy a checkpoint that an earlier run left there to `<path>.old`.

    Of two runs the longer one, in steps, stays there; the later one of two that are equally long. What lies at `path` is
    not touched: the new run's first checkpoint replaces it. CheckpointError if it is no checkpoint.
    """
    if os.path.isdir(path):
        raise IsADirectoryError(f"{os.fspath(path)} is a folder: a checkpoint is one file")
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    if os.path.exists(path):
        old = kept(path)
        try:
            found, steps = _open(path)
            longest = _open(old)[1] if os.path.exists(old) else 0
        except CheckpointError as error:
            raise CheckpointError(
                f"{error}. A new run would overwrite it: move it away, or choose another path"
            ) from error
        if steps >= longest:
            save(found, old)


def kept(path: Path) -> str:
    """Where the checkpoint of an earlier run at `path` is kept."""
    return f"{os.fspath(path)}.old"


def write(path: Path, parts: dict[str, Any]) -> None:
    """Write a checkpoint of `parts`."""
    save({"format": FORMAT, "version": VERSION, "minigrad": __version__, "kernels": kernels.LEVEL, **parts}, path)


def read(path: Path) -> dict[str, Any]:
    """The parts of the checkpoint at `path`.

    CheckpointError if the file is damaged or holds something else; a warning if another version of minigrad or level of
    kernels wrote it, as the run goes on but the last bits of its results may differ.
    """
    found, _ = _open(path)
    if found.get("version") != VERSION:
        raise CheckpointError(
            f"{os.fspath(path)} is a checkpoint of format {found.get('version')}; this minigrad reads format {VERSION}"
        )
    Run.of(found["run"])
    _check_kinds(found, {"settings": {}, "random": {}, "model": {}, "optimizer": {}, "minigrad": ""}, "parts", False)
    _check_kinds(found.get("scheduler", {}), {}, "scheduler")
    for key, here in (("minigrad", __version__), ("kernels", kernels.LEVEL)):
        if found.get(key) != here:
            warnings.warn(
                f"{os.fspath(path)} was written with {key} {found.get(key)}, and this is {here}: results may differ in the last bits"
            )
    return found


def _open(path: Path) -> tuple[dict[str, Any], int]:
    """What a checkpoint of any version holds, and its steps."""
    try:
        found = load(path)
    except FileFormatError as error:
        raise CheckpointError(str(error)) from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise CheckpointError(f"{os.fspath(path)} is not a checkpoint of a Trainer")
    run = found.get("run")
    steps = run.get("step") if isinstance(run, dict) else None
    if not isinstance(steps, int):
        raise CheckpointError(f"{os.fspath(path)} is a damaged checkpoint: it does not hold a run")
    return found, steps


def _check_kinds(found: Any, like: dict[Any, Any], what: str, exactly: bool = True) -> None:
    """CheckpointError unless `found` is a dict with the keys of `like`, its values of the same types, and so on inwards."""
    keys = found.keys() if isinstance(found, dict) else set()
    if not isinstance(found, dict) or like.keys() - keys or (exactly and like and keys - like.keys()):
        has, wants = (", ".join(map(str, names)) or "nothing" for names in (keys, like))
        raise CheckpointError(f"the checkpoint is damaged: its {what} should be a dict of {wants}, and holds {has}")
    for key, value in like.items():
        if type(found[key]) is not type(value):
            kinds = f"{type(value).__name__}, not {type(found[key]).__name__}"
            raise CheckpointError(f"the checkpoint is damaged: {key} of its {what} should be a {kinds}")
        if isinstance(value, dict):
            _check_kinds(found[key], value, key, exactly)


def check_data(run: Run, data: dict[str, Any], columns: list[str]) -> None:
    """CheckpointError unless the run is of training data like `data`, with the same columns in its History."""
    wrong = [f"{what}: {run.data.get(what)}, not {data[what]}" for what in data if run.data.get(what) != data[what]]
    if run.columns != columns:
        wrong.append(f"what is measured: {', '.join(run.columns)}, not {', '.join(columns)}")
    if wrong:
        raise CheckpointError(
            f"the checkpoint is of another run: {'; '.join(wrong)}. Resume with the data and settings of its run"
        )


def check_settings(saved: dict[str, Any], settings: dict[str, str]) -> None:
    """CheckpointError unless the saved settings are those of this Trainer; names the first line that differs."""
    for name in {**saved, **settings}:
        theirs, ours = str(saved.get(name, "none")).splitlines(), settings.get(name, "none").splitlines()
        for there, here in zip_longest(theirs, ours, fillvalue="nothing"):
            if there != here:
                raise CheckpointError(
                    f"the checkpoint is of another {name}: it has {there.strip()}, this Trainer {here.strip()}"
                )


def check_numbers(saved: Any, state: dict[str, Any], name: str) -> None:
    """CheckpointError unless what is a number in `state` is one in `saved` too: not every part looks when it loads."""
    if not isinstance(saved, dict):
        raise CheckpointError(f"the checkpoint is damaged: it does not hold the state of its {name}")
    for key, value in state.items():
        if isinstance(value, int | float) and not isinstance(saved.get(key, value), int | float):
            raise CheckpointError(f"the checkpoint is damaged: {key} of its {name} is {saved[key]!r}, not a number")

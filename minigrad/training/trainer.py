"""Trainer: the everyday training loop, with metrics, a progress bar, and checkpoints that resume to the bit."""

from __future__ import annotations

import copy
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..grad_mode import no_grad
from ..ops.joining import cat
from ..tensor import Tensor
from ..utils.data import DataLoader
from .batches import as_loader, checksum, describe, input_of
from .checkpoint import (
    CheckpointError,
    Path,
    Run,
    check_data,
    check_numbers,
    check_settings,
    kept,
    make_room,
    read,
    write,
)
from .history import History
from .loop import Loop, evaluate, forward
from .metrics import Metric, by_name
from .modes import mode
from .randomness import Randomness
from .settings import of_loss, of_model, of_optimizer, of_scheduler


class Trainer:
    """Trains `model` with `optimizer` on `loss(pred, target)`, a module or a function that returns a scalar.

    `metrics` are 'accuracy', functions (pred, target) -> number, or a mapping of names to them; batches weigh by their
    size, so a loss or metric should be a mean over the batch. `scheduler` steps after each 'epoch' (ReduceLROnPlateau
    with the validation loss) or each 'batch', as `scheduler_step` says.

    With a `checkpoint` path, `fit` writes there at its start, after each epoch, and after every `checkpoint_every`
    steps: one file with model, optimizer, scheduler, History, position in the data and random state. A run that was
    killed, or stopped by Ctrl-C, and then resumed ends with the weights of a run never interrupted, bit for bit (on the
    same machine with the same versions). The first Ctrl-C (or SIGTERM) finishes the step, writes the checkpoint, and
    leaves by SystemExit (130, or 143); a second one stops at once. Without a path Ctrl-C is KeyboardInterrupt. A new
    run copies the checkpoint of an earlier one to `<checkpoint>.old`, unless a run of more steps is kept there.

    Random state is that of minigrad's, Python's and NumPy's default generators, and of each Generator,
    np.random.Generator, RandomState and random.Random that model, loss and data (loader, samplers, data sets, transforms,
    collate_fn) hold: in attributes, in lists, tuples and dicts of up to 1000 entries, in functools.partial, bound methods,
    and closures, defaults and global variables of functions, up to 16 steps deep. Samplers and data sets with state_dict
    and load_state_dict are asked for theirs (numbers, strings and Tensors); of other samplers the ints in attributes,
    such as a count of epochs, are kept. Not covered: global variables that methods use, what is in sets or __slots__,
    generators of other libraries, those of the operating system, of metrics, and any other state of data sets,
    transforms and losses, such as counts and caches. The values of a Dataset of another kind than arrays, and what the code of losses
    and layers computes, are taken to be the same.

    `verbose` shows tqdm's bar in a terminal, or a line for each epoch where there is none. `history` is the History of
    the last fit.

    >>> from minigrad.training import Trainer
    >>> x = minigrad.randn(256, 2)
    >>> y = (x[:, 0] > x[:, 1]).long()
    >>> model = nn.Linear(2, 2)
    >>> trainer = Trainer(model, optim.Adam(model.parameters(), lr=0.05), F.cross_entropy, "accuracy", verbose=False)
    >>> history = trainer.fit((x, y), epochs=5)
    >>> history.epochs, trainer.evaluate((x, y))["accuracy"] > 0.9
    (5, True)
    """

    def __init__(
        self,
        model: Any,
        optimizer: Any,
        loss: Callable[[Any, Tensor], Tensor],
        metrics: str | Metric | Iterable[str | Metric] | Mapping[str, str | Metric] = (),
        scheduler: Any = None,
        scheduler_step: str = "epoch",
        *,
        checkpoint: Path | None = None,
        checkpoint_every: int | None = None,
        verbose: bool = True,
    ) -> None:
        if isinstance(loss, type) or not callable(loss):
            raise TypeError(f"loss has to be a function, or an instance such as nn.CrossEntropyLoss(), not {loss!r}")
        if isinstance(optimizer, type) or not hasattr(optimizer, "param_groups"):
            raise TypeError(
                f"optimizer has to be an instance, such as optim.Adam(model.parameters()), not {optimizer!r}"
            )
        owned = {id(parameter) for parameter in model.parameters()}
        if not any(id(parameter) in owned for group in optimizer.param_groups for parameter in group["params"]):
            raise ValueError(
                "the optimizer holds none of this model's parameters: make it anew from model.parameters()"
            )
        if scheduler_step not in ("epoch", "batch"):
            raise ValueError(f"scheduler_step is 'epoch' or 'batch', got {scheduler_step!r}")
        if checkpoint_every is not None and checkpoint_every < 1:
            raise ValueError(f"checkpoint_every counts steps from 1, got {checkpoint_every}")
        if checkpoint_every is not None and checkpoint is None:
            raise ValueError("checkpoint_every needs a path to write to: give checkpoint= too")
        self.model, self.optimizer, self.loss = model, optimizer, loss
        self.metrics = by_name(metrics)
        self.scheduler, self.scheduler_step = scheduler, scheduler_step
        self.checkpoint, self.checkpoint_every = checkpoint, checkpoint_every
        self.verbose = verbose
        self.history = History()
        self._options = {  # as they are before the first step
            "optimizer": of_optimizer(optimizer), "scheduler": of_scheduler(scheduler), "loss": of_loss(loss)
        }  # fmt: skip
        self._resumed: dict[str, Any] | None = None  # a checkpoint that has been loaded and that fit will go on from

    def fit(
        self,
        train: Any,
        validation: Any = None,
        *,
        epochs: int = 1,
        batch_size: int | None = None,
        shuffle: bool = True,
        resume: bool = False,
    ) -> History:
        """Train for `epochs` epochs in all; returns the History, with a value for each epoch.

        Data are tuples (x, y) of arrays or Tensors (lists do too), Datasets, or DataLoaders. Arrays and Datasets come in batches of
        `batch_size` (32), shuffled by the default generator unless `shuffle=False`. With `resume=True` the run in the
        checkpoint goes on, if there is one. CheckpointError, with nothing changed, if it is damaged, or of a run with
        another model, optimizer, loss, data or batch size, or other options of these. FloatingPointError if a loss is not
        finite, before that step is taken.
        """
        if epochs < 0:
            raise ValueError(f"epochs must not be negative, got {epochs}")
        loader = as_loader(train, batch_size, shuffle)
        size = None if isinstance(validation, DataLoader) else batch_size
        held_out = None if validation is None else as_loader(validation, size)
        random = Randomness(train=loader, validation=held_out, model=self.model, loss=self.loss)
        run = self._start(loader, held_out, random, epochs, resume)
        self.history = run.history
        Loop(self, run, random, loader, held_out, epochs).fit()
        return self.history

    def evaluate(self, data: Any, *, batch_size: int | None = None) -> dict[str, float]:
        """{'loss': ..., and each metric}: means over `data` in eval mode, without gradients."""
        return evaluate(self, as_loader(data, batch_size))

    def predict(self, data: Any, *, batch_size: int | None = None) -> Tensor:
        """The model's outputs for the inputs in `data`, (N, ...), in eval mode, without gradients.

        `data` may hold targets too, as a tuple (x, y) or a DataLoader of such batches does; they are passed over. The
        order is that of `data`: that of a shuffling DataLoader is shuffled.
        """
        loader = as_loader(data, batch_size)
        with mode(self.model, False), no_grad():
            outputs = [forward(self.model, input_of(batch)) for batch in loader]
        if not outputs:
            raise ValueError("there is nothing to predict: the data has no batches")
        return outputs[0] if len(outputs) == 1 else cat(outputs)

    def resume(self, path: Path | None = None) -> None:
        """Load the checkpoint at `path` (that of the Trainer unless given), from which the next `fit` goes on.

        FileNotFoundError if there is none. CheckpointError, with nothing changed, if it is of another model, optimizer
        or scheduler.
        """
        path = self.checkpoint if path is None else path
        if path is None:
            raise ValueError("there is no path to resume from: give one here, or as checkpoint= of the Trainer")
        found = read(path)
        self._load(found, self._parts())
        self.history = Run.of(found["run"]).history
        self._resumed = found

    def _start(
        self, train: DataLoader, validation: DataLoader | None, random: Randomness, epochs: int, resume: bool
    ) -> Run:
        """The run that a fit begins with or goes on with, its state loaded."""
        names = ["loss", *self.metrics]
        columns = names if validation is None else [*names, *(f"val_{name}" for name in names)]
        run = Run(data=describe(train), columns=columns)
        found = self._resumed
        if found is None and resume:
            if self.checkpoint is None:
                raise ValueError("there is no path to resume from: give checkpoint= to the Trainer")
            if os.path.exists(self.checkpoint):
                found = read(self.checkpoint)
            elif os.path.exists(kept(self.checkpoint)):
                warnings.warn(
                    f"there is no {os.fspath(self.checkpoint)} to resume from: training begins anew. An earlier run is kept in "
                    f"{kept(self.checkpoint)}; to go on with that one, rename it",
                    stacklevel=3,
                )
            elif self.verbose:
                self._say(f"there is no {os.fspath(self.checkpoint)} to resume from: training begins anew")
        if found is not None or self.checkpoint is not None:
            run.data.update(checksum(train))
        if found is None:
            self._check_schedule(run, epochs, vars(self.scheduler) if self.scheduler is not None else {}, ValueError)
            if self.checkpoint is not None:
                make_room(self.checkpoint)
                write(self.checkpoint, {**self._state(), "run": run.state(), "random": random.state_dict()})
            return run
        going_on = Run.of(found["run"])
        check_data(going_on, run.data, columns)
        self._check_schedule(going_on, epochs, found.get("scheduler", {}), CheckpointError)
        parts = {} if found is self._resumed else self._parts()
        if going_on.begin:  # a first, passing load, as it is gone back to later, when an error would be too late
            parts, found["begin"] = {**parts, "begin": random}, going_on.begin
        self._load(found, {**parts, "random": random})
        self._resumed = None
        if going_on.step:
            self.optimizer._stepped = True  # in an earlier process: or else the scheduler would warn
        if self.verbose:
            self._say(f"going on after {going_on.epoch} of {epochs} epochs and {going_on.batch} batches")
        return going_on

    def _say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    def _check_schedule(self, run: Run, epochs: int, schedule: Mapping[str, Any], error: type[Exception]) -> None:
        """Raise `error` if the schedule, such as OneCycleLR's, ends before the fit does."""
        total, batches = schedule.get("total_steps"), run.data["batches in an epoch"]
        if total is None or batches is None:
            return
        last = schedule.get("last_epoch")
        if not (isinstance(total, int) and isinstance(last, int)):
            raise error(f"total_steps and last_epoch of the scheduler should be ints, not {total!r} and {last!r}")
        left = total - last
        takes = epochs * batches - run.step if self.scheduler_step == "batch" else epochs - run.epoch
        if takes > left:
            raise error(
                f"{type(self.scheduler).__name__} was made for {total} steps and has {left} left, and finishing {epochs} epochs takes "
                f"{takes}: train for the epochs it was made for, or begin a new run with total_steps={last + takes}"
            )

    def _parts(self) -> dict[str, Any]:
        parts = {"model": self.model, "optimizer": self.optimizer, "scheduler": self.scheduler}
        return {name: part for name, part in parts.items() if part is not None}

    def _state(self) -> dict[str, Any]:
        """What a checkpoint holds of the model, the optimizer and the scheduler."""
        return {"settings": self._settings(), **{name: part.state_dict() for name, part in self._parts().items()}}

    def _settings(self) -> dict[str, str]:
        """What must be the same when a run is resumed, and is not in any state_dict; the layers say their options."""
        settings = {**self._options, "model": of_model(self.model)}
        return settings if self.scheduler is None else {**settings, "scheduler_step": self.scheduler_step}

    def _load(self, state: dict[str, Any], parts: dict[str, Any]) -> None:
        """Load `parts` from what `_state` returned; CheckpointError, and nothing changed, if it does not fit."""
        check_settings(state["settings"], self._settings())
        before = copy.deepcopy({name: part.state_dict() for name, part in parts.items()})
        for name in parts:
            check_numbers(state.get(name), before[name], name)
        try:
            for name, part in parts.items():
                part.load_state_dict(state[name])
        except Exception as error:
            for name, part in parts.items():
                part.load_state_dict(before[name])
            raise CheckpointError(f"the checkpoint does not fit: {error}") from error

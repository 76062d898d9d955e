"""The training loop: epochs, steps and validation, and where it may stop."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine import mark_written
from ..grad_mode import no_grad
from ..optim.lr_scheduler import ReduceLROnPlateau
from ..tensor import Tensor
from ..utils.data import DataLoader
from .batches import length, pair
from .checkpoint import Run, write
from .interrupt import Interrupt
from .metrics import Means
from .modes import mode
from .progress import Progress
from .randomness import Randomness

if TYPE_CHECKING:
    from .trainer import Trainer


class Stopped(Exception):
    """A signal asked for a stop, at a place from which a checkpoint resumes."""


class Loop:
    """A fit under way: `run` says where it stands, and is all that changes besides the trainer's model and friends."""

    def __init__(
        self,
        trainer: Trainer,
        run: Run,
        random: Randomness,
        train: DataLoader,
        validation: DataLoader | None,
        epochs: int,
    ) -> None:
        self.trainer, self.run, self.random = trainer, run, random
        self.train, self.validation, self.epochs = train, validation, epochs
        self.buffers = list(trainer.model.buffers())

    def fit(self) -> None:
        """Go on from where the run stands, to the end or to a signal: then SystemExit(128 + its number)."""
        with Interrupt(active=self.trainer.checkpoint is not None) as interrupt, mode(self.trainer.model, True):
            self.interrupt = interrupt
            try:
                while self.run.epoch < self.epochs:
                    self.stop_if_asked()
                    self.epoch()
            except Stopped:
                self.save()
        if interrupt.signal is not None:
            self.say_how_to_resume()
            raise SystemExit(128 + interrupt.signal)

    def epoch(self) -> None:
        """One epoch, or the rest of it: steps, validation, and its line in the History."""
        run, trainer = self.run, self.trainer
        self.since = time.perf_counter() - run.seconds
        with Progress(run.epoch, self.epochs, length(self.train), run.batch, trainer.verbose) as progress:
            if not run.trained:
                self.steps(progress)
            results = {**run.means.means(), **self.validate()}
            results.update(lr=run.lr, seconds=time.perf_counter() - self.since)
            if trainer.scheduler is not None and trainer.scheduler_step == "epoch":
                step_scheduler(trainer.scheduler, results)
            run.history.append(results)
            progress.finish(results)
        run.next_epoch()
        self.save()

    def steps(self, progress: Progress) -> None:
        """The steps of an epoch that are not done yet."""
        run, every = self.run, self.trainer.checkpoint_every
        for x, y in map(pair, self.batches()):
            run.means.add(self.step(x, y), len(x))
            run.batch, run.step = run.batch + 1, run.step + 1
            progress.step(run.means)
            self.stop_if_asked()
            if every is not None and run.step % every == 0:
                self.save()
        if not run.batch:
            raise ValueError("the training data has no batches")
        run.trained = True

    def batches(self) -> Any:
        """The batches of the epoch that are not done yet.

        In the middle of an epoch its order is drawn again from the random state it began with; the batches done before
        are passed over, and the present state put back.
        """
        run = self.run
        if not run.batch:
            run.begin = self.random.state_dict()
            return iter(self.train)
        now = self.random.state_dict()
        self.random.load_state_dict(run.begin)
        batches = iter(self.train)
        for _ in islice(batches, run.batch):
            pass
        self.random.load_state_dict(now)
        return batches

    def step(self, x: Tensor, y: Tensor) -> dict[str, float]:
        """Forward, backward, and a step of the optimizer; returns the loss and the metrics of the batch."""
        trainer, run = self.trainer, self.run
        before = [buffer._value.copy() for buffer in self.buffers]  # such as running means: a NaN would stay in them
        pred = forward(trainer.model, x)
        loss = loss_of(trainer, pred, y)
        if not math.isfinite(loss.item()):
            for buffer, value in zip(self.buffers, before, strict=True):
                buffer._value[...] = value
                mark_written(buffer)
            raise FloatingPointError(self.not_finite(x, loss.item()))
        values = measure(trainer, pred, y, loss)
        trainer.optimizer.zero_grad()
        loss.backward()
        run.lr = float(trainer.optimizer.param_groups[0]["lr"])
        trainer.optimizer.step()
        if trainer.scheduler is not None and trainer.scheduler_step == "batch":
            trainer.scheduler.step()
        return values

    def not_finite(self, x: Tensor, loss: float) -> str:
        where = f"the loss is {loss} in epoch {self.run.epoch + 1}, batch {self.run.batch + 1}"
        if x.is_floating_point() and not np.isfinite(x._value).all():
            cause = "The input of this batch holds NaN or infinite values: clean the data"
        else:
            cause = (
                f"Try a learning rate lower than {self.trainer.optimizer.param_groups[0]['lr']:g} or clip gradients; "
                "minigrad.autograd.detect_anomaly() names the operation whose gradient is NaN"
            )
        return f"{where}; training stopped before its step, so the weights are those of the batch before. {cause}"

    def validate(self) -> dict[str, float]:
        """Loss and metrics of the validation data; when a signal comes, the random state is that of before."""
        if self.validation is None:
            return {}
        before = self.random.state_dict()
        try:
            values = evaluate(self.trainer, self.validation, self.stop_if_asked)
        except Stopped:
            self.random.load_state_dict(before)
            raise
        return {f"val_{name}": value for name, value in values.items()}

    def stop_if_asked(self) -> None:
        if self.interrupt.signal is not None:
            raise Stopped

    def save(self) -> None:
        """Write the checkpoint, if there is to be one."""
        if self.trainer.checkpoint is not None:
            if self.run.batch:
                self.run.seconds = time.perf_counter() - self.since
            write(
                self.trainer.checkpoint,
                {**self.trainer._state(), "run": self.run.state(), "random": self.random.state_dict()},
            )

    def say_how_to_resume(self) -> None:
        run = self.run
        where = f"in epoch {run.epoch + 1}, after batch {run.batch}" if run.batch else f"after epoch {run.epoch}"
        print(
            f"stopped {where}; {self.trainer.checkpoint} resumes it: the same fit with resume=True",
            file=sys.stderr,
            flush=True,
        )


def evaluate(trainer: Trainer, data: DataLoader, between: Callable[[], None] = lambda: None) -> dict[str, float]:
    """Means of the loss and the metrics over `data`, in eval mode; calls `between` after each batch."""
    means = Means()
    with mode(trainer.model, False), no_grad():
        for x, y in map(pair, data):
            pred = forward(trainer.model, x)
            means.add(measure(trainer, pred, y, loss_of(trainer, pred, y)), len(x))
            between()
    if not means.samples:
        raise ValueError("there is nothing to evaluate: the data has no batches")
    return means.means()


def forward(model: Any, x: Any) -> Any:
    """The model's output; where it fails and `x` is not of the dtype of the weights, the error says so."""
    try:
        return model(x)
    except (TypeError, RuntimeError) as error:
        dtypes = {parameter.dtype: None for parameter in model.parameters()}
        if not isinstance(x, Tensor) or not dtypes or x.dtype in dtypes:
            raise
        names = " and ".join(map(str, dtypes))
        raise type(error)(
            f"the model's weights are {names}, but its input is {x.dtype}: give the data as {names}, such as "
            f"x.astype(np.float32) for an array or x.float() for a Tensor, or convert the model ({error})"
        ) from error


def loss_of(trainer: Trainer, pred: Any, y: Any) -> Tensor:
    """The loss of a batch; TypeError or ValueError if it is no scalar Tensor."""
    loss = trainer.loss(pred, y)
    if not isinstance(loss, Tensor):
        raise TypeError(
            f"the loss must return a scalar Tensor, got {type(loss).__name__}: compute it with minigrad's operations, and "
            "leave out item() and float()"
        )
    if loss.numel() != 1:
        raise ValueError(f"the loss must return a scalar Tensor, got shape {list(loss.shape)}: take its mean()")
    return loss


def measure(trainer: Trainer, pred: Any, y: Tensor, loss: Tensor) -> dict[str, float]:
    """The loss and the metrics of a batch as numbers."""
    with no_grad():
        return {
            "loss": float(loss.item()),
            **{name: float(metric(pred, y)) for name, metric in trainer.metrics.items()},
        }


def step_scheduler(scheduler: Any, results: dict[str, float]) -> None:
    """Step at the end of an epoch; ReduceLROnPlateau watches the validation loss, or the training loss without one."""
    if isinstance(scheduler, ReduceLROnPlateau):
        scheduler.step(results.get("val_loss", results["loss"]))
    else:
        scheduler.step()

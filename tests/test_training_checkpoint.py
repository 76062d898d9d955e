"""Checkpoints of the Trainer that are damaged or of another run, what is kept of earlier runs, and hidden randomness."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import nn, optim
from minigrad.nn import functional as F
from minigrad.training import CheckpointError, Trainer
from minigrad.utils.data import (
    ConcatDataset,
    DataLoader,
    Dataset,
    RandomSampler,
    Sampler,
    TensorDataset,
    default_collate,
)

X = np.random.default_rng(0).normal(size=(12, 2)).astype(np.float32)
Y = X[:, :1] * 2


def linear(path: Any = None, lr: float = 0.1, loss: Any = F.mse_loss, **options: Any) -> Trainer:
    """A trainer of two weights and a bias, with momentum and a scheduler."""
    minigrad.manual_seed(0)
    model = nn.Linear(2, 1)
    optimizer = optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    scheduler = optim.lr_scheduler.StepLR(optimizer, options.pop("step_size", 1), 0.9)
    return Trainer(model, optimizer, loss, scheduler=scheduler, checkpoint=path, verbose=False, **options)


def state(trainer: Trainer) -> str:
    """All that a failure must leave as it was, the random state included."""
    parts = trainer.model.state_dict(), trainer.optimizer.state_dict(), trainer.scheduler.state_dict()
    return repr((parts, minigrad.default_generator.get_state(), random.getstate(), np.random.get_state()))  # noqa: NPY002


class Killed(Exception):
    """The process ends here."""


def killer(step: int) -> Callable[[Any, Any], float]:
    """A metric that fails in that step."""
    left = [step]

    def metric(pred: Any, target: Any) -> float:
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        return 0.0

    return metric


def stopped(path: Any, step: int = 4, **options: Any) -> None:
    """A run killed before a step; 3 steps are an epoch, and a checkpoint is written after each."""
    made = linear(path, metrics={"m": killer(step)}, checkpoint_every=1, **options)
    with pytest.raises(Killed):
        made.fit((X, Y), epochs=3, batch_size=4)


# ---- damaged -------------------------------------------------------------------------------------------------------------

DAMAGE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "only a format": lambda saved: {"format": saved["format"]},
    "no version": lambda saved: saved.pop("version"),
    "an empty run": lambda saved: saved.update(run={}),
    "a run of another type": lambda saved: saved.update(run=[1]),
    "a step that is no int": lambda saved: saved["run"].update(step="3"),
    "a negative batch": lambda saved: saved["run"].update(batch=-1),
    "means without samples": lambda saved: saved["run"].update(means={"sums": {}}),
    "history of another length": lambda saved: saved["run"]["history"]["loss"].append(0.5),
    "history of words": lambda saved: saved["run"].update(history={"loss": ["low"]}),
    "no settings": lambda saved: saved.pop("settings"),
    "settings of numbers": lambda saved: saved["settings"].update(loss=3),
    "no model": lambda saved: saved.pop("model"),
    "no scheduler": lambda saved: saved.pop("scheduler"),
    "a scheduler of words": lambda saved: saved["scheduler"].update(last_epoch="zz"),
    "total steps of words": lambda saved: saved["scheduler"].update(total_steps="zz"),
    "random state of one string": lambda saved: saved.update(random="zz"),
    "a generator missing": lambda saved: saved["random"].pop("numpy"),
    "a generator that is no hex": lambda saved: saved["random"].update(default="zz"),
    "Python's state cut": lambda saved: saved["random"].update(python=(3, (1, 2), None)),
    "NumPy's state of another kind": lambda saved: saved["random"]["numpy"].update(bit_generator="PCG64"),
    "a beginning of the epoch that is none": lambda saved: saved["run"]["begin"].update(default="zz"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_checkpoint_changes_nothing(kind, tmp_path):
    path = tmp_path / "run.minigrad"
    stopped(path, step=6)
    saved = minigrad.load(path)
    assert saved["run"]["begin"]
    replaced = DAMAGE[kind](saved)
    minigrad.save(replaced if kind == "only a format" else saved, path)
    made = linear(path, metrics={"m": killer(0)})
    before = state(made)
    with pytest.raises(CheckpointError):
        made.fit((X, Y), epochs=3, batch_size=4, resume=True)
    assert state(made) == before


def test_a_file_that_is_not_whole_is_a_checkpoint_error(tmp_path):
    path = tmp_path / "run.minigrad"
    stopped(path)
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(CheckpointError, match=r"run\.minigrad"):
        linear(path).fit((X, Y), resume=True)
    with pytest.raises(CheckpointError, match="move it away"):  # nor does a new run overwrite what it cannot read
        linear(path).fit((X, Y))


# ---- of another run --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "data", "words"),
    [
        ({"lr": 0.01}, (X, Y), r"lr 0\.1 of group 0, this Trainer lr 0\.01"),
        ({"step_size": 2}, (X, Y), "step_size 1, this Trainer step_size 2"),
        ({"loss": F.l1_loss}, (X, Y), "mse_loss, this Trainer l1_loss"),
        ({"loss": nn.MSELoss()}, (X, Y), r"mse_loss, this Trainer MSELoss\(\)"),
        ({}, (X, Y + 1), "checksum of the training data: [0-9a-f]{8}, not [0-9a-f]{8}"),
        ({}, (X * 1.5, Y), "checksum"),
    ],
)
def test_other_options_loss_or_data_are_refused(options, data, words, tmp_path):
    path = tmp_path / "run.minigrad"
    stopped(path)
    made = linear(path, metrics={"m": killer(0)}, **options)
    before = state(made)
    with pytest.raises(CheckpointError, match=words):
        made.fit(data, epochs=3, batch_size=4, resume=True)
    assert state(made) == before


def test_options_of_the_loss_are_compared(tmp_path):
    path = tmp_path / "run.minigrad"
    linear(path, loss=nn.HuberLoss(delta=1.0)).fit((X, Y))
    with pytest.raises(CheckpointError, match=r"delta 1\.0, this Trainer delta 2\.0"):
        linear(path, loss=nn.HuberLoss(delta=2.0)).fit((X, Y), resume=True)
    with pytest.raises(CheckpointError, match="another loss"):
        linear(path, loss=functools.partial(F.huber_loss, delta=1.0)).fit((X, Y), resume=True)


def test_the_same_trainer_goes_on_after_its_scheduler_has_stepped(tmp_path):
    made = linear(tmp_path / "run.minigrad")
    made.fit((X, Y), epochs=2)
    assert made.fit((X, Y), epochs=3, resume=True).epochs == 3


# ---- earlier runs ----------------------------------------------------------------------------------------------------------


def test_a_run_killed_at_its_start_leaves_the_earlier_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "run.minigrad"
    linear(path).fit((X, Y), epochs=2)
    finished = path.read_bytes()

    def killed(*args: Any) -> None:
        raise Killed

    monkeypatch.setattr("minigrad.training.trainer.write", killed)
    with pytest.raises(Killed):
        linear(path).fit((X, Y), epochs=2)
    assert path.read_bytes() == finished
    assert minigrad.load(f"{path}.old")["run"]["step"] == 2


def test_the_longer_run_is_kept(tmp_path):
    path = tmp_path / "run.minigrad"
    old = Path(f"{path}.old")
    linear(path).fit((X, Y), epochs=3, batch_size=4)
    stopped(path, step=3)  # keeps the 9 steps
    stopped(path, step=4)  # and so does this, though the run before had 2
    assert minigrad.load(old)["run"]["step"] == 9
    linear(path).fit((X, Y), epochs=4, batch_size=4)
    linear(path).fit((X, Y))
    assert minigrad.load(old)["run"]["step"] == 12
    path.unlink()
    with pytest.warns(UserWarning, match=r"begins anew.*run\.minigrad\.old"):
        linear(path).fit((X, Y), resume=True)


# ---- random numbers from deep inside -----------------------------------------------------------------------------------------


class Noisy(TensorDataset):
    """Its items go through `transform`; `rng` is where a test may put something."""

    def __init__(self, transform: Any = lambda x: x, rng: Any = None) -> None:
        super().__init__(X, Y)
        self.transform, self.rng = transform, rng

    def __getitem__(self, index: int) -> Any:
        x, y = super().__getitem__(index)
        return self.transform(x) + (self.rng.random() if self.rng is not None else 0), y


class Jitter:
    """A transform with a generator of its own."""

    def __init__(self, rng: Any) -> None:
        self.rng = rng

    def __call__(self, x: Any) -> Any:
        own = isinstance(self.rng, minigrad.Generator)
        return x + (float(minigrad.rand(1, generator=self.rng)) if own else self.rng.random())


class Turning(Sampler[int]):
    """Begins one place further on in each epoch, which it counts."""

    def __init__(self) -> None:
        self.epoch = 0

    def __iter__(self) -> Any:
        self.epoch += 1
        return iter([(i * self.epoch + self.epoch) % 12 for i in range(12)])

    def __len__(self) -> int:
        return 12


class Counting(Dataset[Any]):
    """Counts what was asked for, and says so by its state_dict."""

    def __init__(self) -> None:
        self.given = [0]

    def __getitem__(self, index: int) -> Any:
        self.given[0] += 1
        return X[index] + 0.1 * self.given[0], Y[index]

    def __len__(self) -> int:
        return 12

    def state_dict(self) -> dict[str, Any]:
        return {"given": self.given}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.given = list(state["given"])


def noise(rng: Any, items: Any) -> Any:
    x, y = default_collate(items)
    return x + rng.random(), y


def closure() -> Any:
    rng = np.random.default_rng(4)

    def collate(items: Any) -> Any:
        return noise(rng, items)

    return collate


def with_own_method() -> DataLoader:
    draw = np.random.default_rng(3).random
    return DataLoader(Noisy(lambda x: x + draw()), 4)


RNG = np.random.default_rng(0)


def with_global() -> DataLoader:
    RNG.bit_generator.state = np.random.default_rng(9).bit_generator.state
    return DataLoader(Noisy(), 4, collate_fn=lambda items: noise(RNG, items))


LOADERS: dict[str, Callable[[], DataLoader]] = {
    **{
        name: lambda bits=bits: DataLoader(Noisy(rng=np.random.Generator(bits(0))), 4)
        for name, bits in vars(np.random).items()
        if name in ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")
    },
    "RandomState": lambda: DataLoader(Noisy(rng=np.random.RandomState(0)), 4),
    "random.Random": lambda: DataLoader(Noisy(rng=random.Random(0)), 4),
    "transform with rng": lambda: DataLoader(Noisy(Jitter(np.random.default_rng(0))), 4),
    "transform with Generator": lambda: DataLoader(Noisy(Jitter(minigrad.Generator().manual_seed(1))), 4),
    "concatenated": lambda: DataLoader(ConcatDataset([Noisy(rng=random.Random(1)), Noisy(rng=random.Random(2))]), 4),
    "closure": lambda: DataLoader(Noisy(), 4, collate_fn=closure()),
    "partial": lambda: DataLoader(Noisy(), 4, collate_fn=functools.partial(noise, random.Random(5))),
    "bound method": lambda: DataLoader(Noisy(Jitter(random.Random(6)).__call__), 4),
    "method of a generator": with_own_method,
    "global variable": with_global,
    "sampler that counts": lambda: DataLoader(Noisy(), 4, sampler=Turning()),
    "data set with state_dict": lambda: DataLoader(Counting(), 4, sampler=RandomSampler(X)),
}


@pytest.mark.parametrize("step", [1, 3, 5, 8])
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", LOADERS)
def test_randomness_deep_inside_resumes(kind, step, tmp_path):
    def weights(path: Any, step: int, resume: bool = False) -> Any:
        made = linear(path, metrics={"m": killer(step)}, checkpoint_every=1 if path else None, lr=0.01)
        made.fit(LOADERS[kind](), LOADERS[kind]() if kind == "closure" else None, epochs=3, resume=resume)
        return {name: value.numpy().tobytes() for name, value in made.model.state_dict().items()}

    expected = weights(None, 0)
    path = tmp_path / "run.minigrad"
    with pytest.raises(Killed):
        weights(path, step)
    assert weights(path, 0, resume=True) == expected


# ---- what the data and the loss are ------------------------------------------------------------------------------------------


def test_a_loss_that_is_no_scalar_tensor_is_named():
    with pytest.raises(TypeError, match="loss must return a scalar Tensor, got float"):
        linear(loss=lambda p, t: F.mse_loss(p, t).item()).fit((X, Y))
    wide = linear(loss=lambda p, t: (p - t) ** 2)
    with pytest.raises(ValueError, match=r"loss must return a scalar Tensor, got shape \[12, 1\]: take its mean"):
        wide.fit((X, Y))
    with pytest.raises(ValueError, match="scalar"):
        wide.evaluate((X, Y))


def test_a_list_of_arrays_is_like_a_tuple():
    first = linear()
    first.fit((X, Y), [X, Y])
    second = linear()
    second.fit([X, minigrad.tensor(Y)], (X, Y))
    assert first.history["val_loss"] == second.history["val_loss"]
    with pytest.raises(TypeError, match="list"):
        first.fit([1, 2])
    with pytest.raises(ValueError, match="got nothing"):
        first.fit([])


@pytest.mark.parametrize("what", ["fit", "evaluate", "predict"])
def test_inputs_of_another_dtype_than_the_weights_are_named(what):
    data = (X.astype(np.float64), Y)
    with pytest.raises((TypeError, RuntimeError), match=r"weights are .*float32, but its input is .*float64.*astype"):
        getattr(linear(), what)(data)
    made = linear()
    with pytest.raises((TypeError, RuntimeError)) as other:
        made.fit((X[:, :1], Y))
    assert "astype" not in str(other.value)

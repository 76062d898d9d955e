"""The Trainer: that a run stopped anywhere and resumed ends like one never stopped, and the rest of its promises."""

from __future__ import annotations

import json
import math
import os
import random
import signal
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import nn, optim
from minigrad.nn import functional as F
from minigrad.training import CheckpointError, History, Trainer, accuracy
from minigrad.utils.data import DataLoader, RandomSampler, TensorDataset

SAMPLES, CLASSES, BATCH, EPOCHS = 52, 3, 8, 3  # 7 batches, the last of 4
STEPS = 7 * EPOCHS


def images() -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    y = draw.integers(0, CLASSES, SAMPLES)
    x = draw.normal(size=(SAMPLES, 1, 8, 8)).astype(np.float32)
    x[:, 0, 0] += y[:, None]
    return x, y


def network(p: float = 0.3, generator: Any = None) -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout2d(p)),
        *(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Dropout(p, generator=generator), nn.Linear(8, CLASSES)),
    )


def trainer(
    checkpoint: Any = None, metrics: Any = "accuracy", model: Any = None, seed: int = 3, **options: Any
) -> Trainer:
    """A net with batch norm and both dropouts, Adam, and a rate that changes with every batch."""
    minigrad.manual_seed(seed)
    model = model or network()
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    scheduler = optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=STEPS)
    return Trainer(
        model, optimizer, nn.CrossEntropyLoss(label_smoothing=0.1), metrics, scheduler, "batch",
        checkpoint=checkpoint, verbose=False, **options,
    )  # fmt: skip


def fit(made: Trainer, **options: Any) -> dict[str, Any]:
    """Train, and give all that must be the same: weights, buffers, optimizer, and the History besides the times."""
    x, y = images()
    history = made.fit((x, y), (x[:20], y[:20]), epochs=EPOCHS, batch_size=BATCH, **options)
    return outcome(made, history)


def outcome(made: Trainer, history: History) -> dict[str, Any]:
    state = {name: value.numpy().tobytes() for name, value in made.model.state_dict().items()}
    moments = [
        {name: value.numpy().tobytes() if hasattr(value, "numpy") else value for name, value in entry.items()}
        for entry in made.optimizer.state_dict()["state"].values()
    ]
    measured = {name: values for name, values in history.items() if name != "seconds"}
    return {
        "model": state,
        "moments": moments,
        "history": measured,
        "next": minigrad.default_generator.get_state().tolist(),
    }


@pytest.fixture(scope="module")
def uninterrupted() -> dict[str, Any]:
    return fit(trainer())


class SignalAt:
    """A metric that sends this process a signal in its n-th call, counted over all of training and validation."""

    def __init__(self, call: int, number: int = signal.SIGINT) -> None:
        self.left, self.number = call, number
        self.__name__ = "accuracy"

    def __call__(self, pred: Any, target: Any) -> float:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), self.number)
        return accuracy(pred, target)


# ---- resuming ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [1, 4, 7, 8, 9, 10, 11, 17, STEPS + 3 * EPOCHS - 1, STEPS + 3 * EPOCHS])
def test_ctrl_c_and_resume_end_like_a_run_never_interrupted(call, tmp_path, uninterrupted, capsys):
    # an epoch is 7 steps and 3 batches of validation: 7 is its last step, 8 to 10 are in the validation
    path = tmp_path / "run.minigrad"
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(SystemExit) as stopped:
        fit(trainer(path, SignalAt(call)))
    assert stopped.value.code == 130
    assert signal.getsignal(signal.SIGINT) is before
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "resume=True" in err
    assert str(path) in err
    minigrad.manual_seed(999)
    np.random.seed(1)  # noqa: NPY002
    assert fit(trainer(path, seed=44), resume=True) == uninterrupted


def test_a_stop_comes_after_the_step_under_way(tmp_path):
    path = tmp_path / "run.minigrad"
    with pytest.raises(SystemExit):
        fit(trainer(path, SignalAt(4)))
    saved = minigrad.load(path)
    assert (saved["run"]["epoch"], saved["run"]["batch"], saved["run"]["means"]["samples"]) == (0, 4, 4 * BATCH)


def test_sigterm_stops_with_its_own_status(tmp_path, uninterrupted):
    path = tmp_path / "run.minigrad"
    with pytest.raises(SystemExit) as stopped:
        fit(trainer(path, SignalAt(12, signal.SIGTERM)))
    assert stopped.value.code == 143
    assert fit(trainer(path), resume=True) == uninterrupted


def test_resume_several_times(tmp_path, uninterrupted):
    path = tmp_path / "run.minigrad"
    for call in (3, 3, 9, 1, 2):
        with pytest.raises(SystemExit):
            fit(trainer(path, SignalAt(call)), resume=True)
    assert fit(trainer(path), resume=True) == uninterrupted
    assert fit(trainer(path), resume=True) == uninterrupted  # a finished run stays as it is


def test_a_second_ctrl_c_stops_at_once_and_leaves_the_checkpoint(tmp_path):
    path = tmp_path / "run.minigrad"

    def twice(pred: Any, target: Any) -> float:
        if len(calls) == 10:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            reached.append("after the second")
        calls.append(1)
        return 0.0

    calls: list[int] = []
    reached: list[str] = []
    before = signal.getsignal(signal.SIGINT)
    made = trainer(path, {"accuracy": twice})
    with pytest.raises(KeyboardInterrupt):
        fit(made)
    assert not reached
    assert signal.getsignal(signal.SIGINT) is before
    assert minigrad.load(path)["run"]["epoch"] == 1
    assert os.listdir(tmp_path) == ["run.minigrad"]


def test_without_a_checkpoint_ctrl_c_is_keyboard_interrupt():
    with pytest.raises(KeyboardInterrupt):
        fit(trainer(None, SignalAt(2)))


def test_handlers_are_left_alone_in_other_threads(tmp_path):
    handlers = []

    def look(pred: Any, target: Any) -> float:
        handlers.append(signal.getsignal(signal.SIGINT))
        return 0.0

    before = signal.getsignal(signal.SIGINT)
    made = trainer(tmp_path / "run.minigrad", {"look": look})
    thread = threading.Thread(target=lambda: fit(made))
    thread.start()
    thread.join()
    assert set(handlers) == {before}
    assert made.history.epochs == EPOCHS


CHILD = """
import sys, time
sys.path.insert(0, {tests!r})
import test_training as t
def announce(pred, target):
    print("step", flush=True)
    time.sleep(0.002)
    return t.accuracy(pred, target)
t.fit(t.trainer({path!r}, {{"accuracy": announce}}, checkpoint_every=2), resume=True)
"""


@pytest.mark.parametrize("seed", range(4))
def test_kill_at_a_random_moment_and_resume(seed, tmp_path, uninterrupted):
    path = tmp_path / "run.minigrad"
    draw = random.Random(seed)
    code = CHILD.format(tests=str(Path(__file__).parent), path=str(path))
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    for _ in range(draw.randrange(1, STEPS)):
        assert child.stdout.readline() == "step\n"
    threading.Event().wait(draw.random() * 0.01)
    child.kill()
    assert child.wait() == -signal.SIGKILL
    child.stdout.close()
    assert fit(trainer(path), resume=True) == uninterrupted


def test_a_child_stopped_by_ctrl_c_leaves_with_130(tmp_path):
    path = tmp_path / "run.minigrad"
    code = CHILD.format(tests=str(Path(__file__).parent), path=str(path))
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout is not None
    child.stdout.readline()
    child.send_signal(signal.SIGINT)
    _, err = child.communicate()
    assert child.returncode == 130
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert 0 < minigrad.load(path)["run"]["step"] < STEPS


def test_the_initial_checkpoint_keeps_the_older_one(tmp_path, uninterrupted):
    path = tmp_path / "run.minigrad"
    fit(trainer(path, seed=1))
    finished = minigrad.load(path)

    def fail(pred: Any, target: Any) -> float:
        raise RuntimeError("killed before the first step")

    with pytest.raises(RuntimeError, match="killed"):
        fit(trainer(path, {"accuracy": fail}))
    assert repr(minigrad.load(f"{path}.old")) == repr(finished)
    assert fit(trainer(path, seed=77), resume=True) == uninterrupted  # from its initial weights


def test_resume_loads_and_fit_goes_on(tmp_path, uninterrupted):
    path, other = tmp_path / "run.minigrad", tmp_path / "copy.minigrad"
    with pytest.raises(SystemExit):
        fit(trainer(path, SignalAt(13)))
    path.rename(other)
    made = trainer(seed=5)
    made.resume(other)
    assert made.history.epochs == 1
    assert fit(made) == uninterrupted
    with pytest.raises(FileNotFoundError):
        made.resume(path)
    with pytest.raises(ValueError, match="no path"):
        made.resume()


class Noisy(TensorDataset):
    """Draws from everything that a transform may draw from."""

    def __getitem__(self, index: int) -> Any:
        x, y = super().__getitem__(index)
        noise = np.random.normal(), random.random(), float(minigrad.rand(1, generator=self.own))  # noqa: NPY002
        return x + sum(noise), y


class DrawsAtItsEnd(RandomSampler):
    """Like PyTorch's sampler, draws once more when it is exhausted."""

    def __iter__(self) -> Any:
        yield from super().__iter__()
        minigrad.rand(1, generator=self.generator)


@pytest.mark.parametrize("call", [3, 4, 5, 6, 7, 8])  # an epoch is 4 steps and 2 batches of validation
def test_all_sources_of_random_numbers_resume(call, tmp_path):
    def run(path: Path | None, metric: Any, resume: bool = False) -> Any:
        minigrad.manual_seed(3)
        np.random.seed(5)  # noqa: NPY002
        random.seed(5)
        own, layer, order = (minigrad.Generator().manual_seed(seed) for seed in (7, 8, 9))
        data = Noisy(*images())
        data.own = own
        loader = DataLoader(data, 13, sampler=DrawsAtItsEnd(data, generator=order))
        validation = DataLoader(TensorDataset(*images()), 32, shuffle=True)
        made = trainer(path, metric, network(generator=layer))
        result = outcome(made, made.fit(loader, validation, epochs=3, resume=resume))
        return result, [generator.call for generator in (own, layer, order)], random.random(), np.random.random()  # noqa: NPY002

    path = tmp_path / "run.minigrad"
    expected = run(None, "accuracy")
    with pytest.raises(SystemExit):
        run(path, SignalAt(call))
    assert run(path, "accuracy", resume=True) == expected


def test_checkpoint_every_so_many_steps(tmp_path):
    def fail(pred: Any, target: Any) -> float:
        calls.append(1)
        if len(calls) == 6:
            raise RuntimeError("in the sixth step")
        return 0.0

    calls: list[int] = []
    path = tmp_path / "run.minigrad"
    with pytest.raises(RuntimeError, match="sixth"):
        fit(trainer(path, {"accuracy": fail}, checkpoint_every=2))
    assert minigrad.load(path)["run"]["step"] == 4


def test_a_plateau_is_watched_in_the_validation_loss():
    made = trainer()
    made.scheduler = optim.lr_scheduler.ReduceLROnPlateau(made.optimizer, patience=0, factor=0.5)
    made.scheduler_step = "epoch"
    rising = iter(range(4))
    made.loss = lambda pred, target: pred.sum() * 0 + (1.0 if pred.requires_grad else next(rising))
    history = made.fit(images(), images(), epochs=4, batch_size=SAMPLES)
    assert history["val_loss"] == [0, 1, 2, 3]
    assert history["lr"] == pytest.approx([0.01 / 25, 0.01 / 25, 0.01 / 50, 0.01 / 100])


@pytest.mark.parametrize("step", ["epoch", "batch"])
def test_scheduler_steps_after_each_epoch_or_batch(step):
    minigrad.manual_seed(0)
    model = nn.Linear(2, 1)
    optimizer = optim.SGD(model.parameters(), lr=1.0)
    made = Trainer(
        model,
        optimizer,
        F.mse_loss,
        scheduler=optim.lr_scheduler.StepLR(optimizer, 1, 0.5),
        scheduler_step=step,
        verbose=False,
    )
    history = made.fit((np.zeros((4, 2), np.float32), np.zeros((4, 1), np.float32)), epochs=3, batch_size=2)
    assert history["lr"] == ([1.0, 0.5, 0.25] if step == "epoch" else [0.5, 0.125, 0.03125])


# ---- what does not fit ---------------------------------------------------------------------------------------------------


def test_a_checkpoint_that_does_not_fit_changes_nothing(tmp_path):
    path = tmp_path / "run.minigrad"
    with pytest.raises(SystemExit):
        fit(trainer(path, SignalAt(9)))
    x, y = images()
    wider = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    net = network()
    sgd = Trainer(net, optim.SGD(net.parameters(), 0.1), F.cross_entropy, "accuracy", checkpoint=path, verbose=False)
    settings = {"epochs": EPOCHS, "batch_size": BATCH}
    for made, data, options, words in [
        (trainer(path, model=wider), (x, y), settings, "another model"),
        (trainer(path, model=network(p=0.4)), (x, y), settings, "p=0.3.*p=0.4"),
        (trainer(path), (x[:-1], y[:-1]), settings, "training samples: 52, not 51"),
        (trainer(path), (x, y), {**settings, "batch_size": 4}, "batch size: 8, not 4"),
        (trainer(path), (x, y), {**settings, "shuffle": False}, "RandomSampler, not SequentialSampler"),
        (trainer(path, metrics=()), (x, y), settings, "measured: loss, accuracy"),
        (sgd, (x, y), settings, "another (optimizer|scheduler)"),
    ]:
        before = outcome(made, made.history)
        content = path.read_bytes()
        with pytest.raises(CheckpointError, match=words):
            made.fit(data, data, resume=True, **options)
        assert outcome(made, made.history) == before
        assert path.read_bytes() == content


def test_a_part_that_does_not_fit_leaves_the_others_as_they_were(tmp_path):
    path = tmp_path / "run.minigrad"
    fit(trainer(path))
    made = trainer(seed=8)
    made.optimizer.add_param_group({"params": [nn.Parameter(minigrad.zeros(2))]})
    before = outcome(made, made.history)
    with pytest.raises(CheckpointError, match="groups"):  # found out when the model has been loaded already
        made.resume(path)
    assert outcome(made, made.history) == before


def test_what_is_no_checkpoint(tmp_path):
    path = tmp_path / "weights"
    minigrad.save({"weight": minigrad.ones(3)}, path)
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        trainer().resume(path)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match="weights"):
        trainer().resume(path)


def test_another_version_only_warns(tmp_path):
    path = tmp_path / "run.minigrad"
    fit(trainer(path))
    saved = minigrad.load(path)
    minigrad.save({**saved, "minigrad": "0.0.1"}, path)
    with pytest.warns(UserWarning, match="0.0.1"):
        trainer().resume(path)
    minigrad.save({**saved, "version": 99}, path)
    with pytest.raises(CheckpointError, match="99"):
        trainer().resume(path)


# ---- losses that are not finite --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_stops_before_the_step(bad, tmp_path):
    x, y = images()
    made = trainer(tmp_path / "run.minigrad")
    made.fit((x, y), epochs=1, batch_size=BATCH, shuffle=False)
    before = outcome(made, made.history)
    x[2 * BATCH + 1, 0, 3, 3] = math.nan if math.isnan(bad) else bad
    made.model.eval()
    with pytest.raises(FloatingPointError, match=r"epoch 1, batch 1\b.*input of this batch holds NaN"):
        made.fit((x[2 * BATCH :], y[2 * BATCH :]), epochs=1, batch_size=BATCH, shuffle=False)
    after = outcome(made, made.history)
    assert after["model"] == before["model"]
    assert after["moments"] == before["moments"]
    assert not made.model.training
    made.loss = lambda pred, target: F.cross_entropy(pred, target) * bad
    with pytest.raises(FloatingPointError, match="learning rate"):
        made.fit(images(), epochs=1)
    assert outcome(made, made.history)["model"] == before["model"]


# ---- evaluation, modes, data -------------------------------------------------------------------------------------------------


def test_evaluate_and_predict_are_in_eval_mode_and_leave_modes_and_weights():
    x, y = images()
    made = trainer()
    made.model[1].eval()  # a frozen layer amid a net in train mode
    modes = [module.training for module in made.model.modules()]
    before = outcome(made, made.history)
    first, second = made.predict(x, batch_size=5), made.predict((x, y))
    assert first.shape == (SAMPLES, CLASSES)
    assert not first.requires_grad
    np.testing.assert_allclose(first.numpy(), second.numpy(), rtol=1e-5, atol=1e-6)
    results = made.evaluate((x, y), batch_size=7)
    assert results["accuracy"] == pytest.approx((first.numpy().argmax(1) == y).mean())
    assert results["loss"] == pytest.approx(made.loss(first, minigrad.tensor(y)).item(), rel=1e-5)
    assert [module.training for module in made.model.modules()] == modes
    assert outcome(made, made.history) == before


def test_fit_trains_in_train_mode_and_validates_in_eval_mode():
    seen = []

    def look(pred: Any, target: Any) -> float:
        seen.append((made.model.training, pred.requires_grad))
        return 0.0

    made = trainer(metrics=[look])
    made.model.eval()
    fit(made)
    assert seen[:10] == [(True, True)] * 7 + [(False, False)] * 3
    assert not made.model.training


def test_data_comes_as_arrays_tensors_data_sets_or_loaders():
    x, y = images()
    tensors = minigrad.from_numpy(x), minigrad.from_numpy(y)
    results = []
    for data in ((x, y), tensors, TensorDataset(*tensors), DataLoader(TensorDataset(*tensors), BATCH, shuffle=True)):
        made = trainer()
        size = {} if isinstance(data, DataLoader) else {"batch_size": BATCH}
        history = made.fit(data, epochs=2, **size)
        results.append((made.predict(x).numpy().tobytes(), made.evaluate(data, **size).keys(), history["loss"]))
    assert all(result == results[0] for result in results)
    with pytest.raises(ValueError, match="its own"):
        trainer().fit(DataLoader(TensorDataset(*tensors), BATCH), batch_size=3)
    with pytest.raises(ValueError, match="52 and 51"):
        trainer().fit((x, y[:-1]))
    with pytest.raises(TypeError, match="str"):
        trainer().fit("digits")
    with pytest.raises(TypeError, match=r"\(input, target\)"):
        trainer().fit(x)
    with pytest.raises(ValueError, match="nothing to predict"):
        trainer().predict(x[:0])


def test_means_weigh_batches_by_their_size():
    x = np.arange(5, dtype=np.float32)[:, None]
    model = nn.Linear(1, 1)
    made = Trainer(
        model, optim.SGD(model.parameters(), 0.1), F.mse_loss, {"mean": lambda p, t: t.mean()}, verbose=False
    )
    assert made.evaluate((x, x), batch_size=2)["mean"] == 2.0


def test_metrics_by_name_function_or_mapping():
    def error(pred: Any, target: Any) -> float:
        return 1 - accuracy(pred, target)

    made = trainer(metrics=["accuracy", error])
    results = made.evaluate(images())
    assert list(results) == ["loss", "accuracy", "error"]
    assert results["accuracy"] + results["error"] == pytest.approx(1)
    assert list(trainer(metrics={"top": "accuracy"}).evaluate(images())) == ["loss", "top"]
    for wrong in ("acuracy", {"loss": error}, [error, error], {"val_x": error}):
        with pytest.raises(ValueError, match="metric"):
            trainer(metrics=wrong)
    with pytest.raises(ValueError, match="at least 2"):
        accuracy(minigrad.zeros(4, 1), minigrad.zeros(4))
    with pytest.raises(ValueError, match=r"\[4\]"):
        accuracy(minigrad.zeros(4, 3), minigrad.zeros(5))


def test_bad_options(tmp_path):
    for options in ({"checkpoint_every": 0, "checkpoint": "x"}, {"checkpoint_every": 3}):
        with pytest.raises(ValueError, match="checkpoint"):
            trainer(**options)
    model = nn.Linear(1, 1)
    with pytest.raises(ValueError, match="scheduler_step"):
        Trainer(model, optim.SGD(model.parameters(), 0.1), F.mse_loss, scheduler_step="step")
    with pytest.raises(ValueError, match="epochs"):
        trainer().fit(images(), epochs=-1)
    with pytest.raises(ValueError, match="no path"):
        trainer().fit(images(), resume=True)
    with pytest.raises(IsADirectoryError, match="folder"):
        trainer(tmp_path).fit(images())


def test_a_schedule_shorter_than_the_fit_is_refused_at_once(tmp_path):
    made = trainer()
    before = outcome(made, made.history)
    with pytest.raises(ValueError, match=f"{STEPS} steps.*{STEPS + 7}"):
        made.fit(images(), epochs=EPOCHS + 1, batch_size=BATCH)
    assert outcome(made, made.history) == before
    path = tmp_path / "run.minigrad"
    with pytest.raises(SystemExit):
        fit(trainer(path, SignalAt(3)))
    with pytest.raises(CheckpointError, match=f"has {STEPS - 3} left.*{STEPS + 4}"):
        trainer(path).fit(images(), images(), epochs=EPOCHS + 1, batch_size=BATCH, resume=True)


# ---- History and what is shown -------------------------------------------------------------------------------------------------


def test_history_is_a_dict_that_plots(tmp_path):
    made = trainer()
    fit(made)
    history = made.history
    assert list(history) == ["loss", "accuracy", "val_loss", "val_accuracy", "lr", "seconds"]
    assert history.epochs == EPOCHS
    assert all(len(values) == EPOCHS for values in history.values())
    assert json.loads(json.dumps(history)) == history
    pytest.importorskip("matplotlib")
    figure = history.plot(tmp_path / "new folder" / "curves.png")
    assert (tmp_path / "new folder" / "curves.png").read_bytes()[:4] == b"\x89PNG"
    left, right = figure.axes
    assert (left.get_xlabel(), left.get_ylabel(), right.get_ylabel()) == ("epoch", "loss", "accuracy")
    assert [text.get_text() for text in left.get_legend().get_texts()] == ["training", "validation"]
    assert [line.get_ydata().tolist() for line in right.lines] == [history["accuracy"], history["val_accuracy"]]
    with pytest.raises(ValueError, match="nothing to plot"):
        History().plot(tmp_path / "empty.png")


def test_plotting_a_file_opens_no_window(tmp_path):
    pytest.importorskip("matplotlib")
    code = f"import sys\nfrom minigrad.training import History\nHistory(loss=[2.0, 1.0]).plot({str(tmp_path / 'a.svg')!r})\n"
    code += "assert 'matplotlib.pyplot' not in sys.modules and 'tqdm' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert (tmp_path / "a.svg").exists()


def test_quiet_without_a_terminal(capsys):
    made = trainer()
    fit(made)
    assert capsys.readouterr() == ("", "")
    made = trainer()
    made.verbose = True
    fit(made)
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert len(lines) == EPOCHS
    assert lines[0].startswith("epoch 1/3  loss ")
    assert "  val_accuracy 0." in lines[0]


@pytest.mark.parametrize("installed", [True, False])
def test_a_bar_in_a_terminal_where_tqdm_is(installed, capsys, monkeypatch):
    if installed:
        pytest.importorskip("tqdm")
    else:
        monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "120")
    made = trainer()
    made.verbose = True
    fit(made)
    out, err = capsys.readouterr()
    assert ("/7 [" in err, "epoch 3/3" in out) == (installed, not installed)
    assert "val_accuracy" in (err if installed else out)


def test_minigrad_does_not_import_training():
    code = "import sys, minigrad; assert not [name for name in sys.modules if name.startswith('minigrad.training')]"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_training_changes_no_warning_filter():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(trainer())


@pytest.mark.parametrize(
    ("optimizer", "loss", "error", "words"),
    [
        (
            lambda net: optim.Adam(network().parameters()),
            F.cross_entropy,
            ValueError,
            "none of this model's parameters",
        ),
        (lambda net: optim.Adam, F.cross_entropy, TypeError, "optimizer has to be an instance"),
        (lambda net: optim.Adam(net.parameters()), nn.CrossEntropyLoss, TypeError, "loss has to be"),
        (lambda net: optim.Adam(net.parameters()), "cross_entropy", TypeError, "loss has to be"),
    ],
)
def test_parts_that_do_not_belong_together_are_refused_at_once(optimizer, loss, error, words):
    net = network()
    with pytest.raises(error, match=words):
        Trainer(net, optimizer(net), loss)

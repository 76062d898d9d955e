"""The dropout lab: what it compares does what it says, options are chosen without the test images, and runs go on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import minigrad
from minigrad import nn

pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

EXAMPLES = Path(__file__).parent.parent / "examples"
sys.path.insert(0, str(EXAMPLES))
try:
    import dropout_lab
    from lab import data, nets, regularizers, trial
    from lab.study import Study
finally:
    sys.path.remove(str(EXAMPLES))

BASE = trial.Trial("digits", "mlp", "none", "choose", 0, 2, 100, 0.1, 16, 2)
ON_MAPS = {"maps", "spatial", "dropblock"}


def trained(method, net="mlp", **changes):
    """The model after a trial, and what trained it."""
    training = trial.start(replace(BASE, method=method, net=net, **changes), None)
    while training.epoch < training.trial.epochs:
        training.train_epoch()
    return training.model, training


def tick(epochs):
    """Nobody watches."""


@pytest.mark.parametrize("name", sorted(regularizers.REGULARIZERS))
def test_each_changes_training(name):
    method = f"dropout+{name}" if issubclass(regularizers.REGULARIZERS[name], regularizers.Schedule) else name
    net = "lenet" if name in ON_MAPS else "mlp"
    plain, _ = trained("none", net)
    model, training = trained(method, net)
    assert np.isfinite(training.losses).all()
    same = [
        minigrad.equal(one, other)
        for one, other in zip(regularizers.weights(plain), regularizers.weights(model), strict=False)
    ]
    # Weights stay far below norm 2 in so short a run, and early stopping is a number of epochs.
    assert all(same) == (name in ("none", "maxnorm", "early-stopping"))


def test_max_norm_limits_the_weights_into_a_unit():
    model, _ = trained("maxnorm(c=0.5)")
    for weight in regularizers.weights(model):
        assert float((weight * weight).sum(1).max()) <= 0.5**2 * (1 + 1e-5)


def test_penalties_shrink_weights():
    def size(method, power):
        return sum(float(weight.detach().abs().pow(power).sum()) for weight in regularizers.weights(trained(method)[0]))

    assert size("l2(weight=0.01)", 2) < 0.9 * size("none", 2)
    assert size("l1(weight=0.01)", 1) < 0.9 * size("none", 1)


def test_sparsity_lowers_the_activity_of_units():
    def activity(method):
        model, training = trained(method, epochs=5)
        model.eval()
        images = minigrad.tensor(training.split.images)
        hidden = model[3](model[2](model[1](images)))
        return float((hidden / (1 + hidden)).mean().detach())

    assert activity("kl(weight=0.1 rho=0.05)") < 0.8 * activity("none")


def test_augmentation_moves_images_whole():
    images = np.zeros((50, 1, 5, 5), np.float32)
    images[:, :, 2, 2] = 1
    moved = regularizers.Augment(pixels=1).augment(images, np.random.default_rng(0))
    assert moved.shape == images.shape
    places = {tuple(np.argwhere(image[0])[0]) for image in moved}
    assert places == {(i, j) for i in (1, 2, 3) for j in (1, 2, 3)}
    assert (moved.sum((1, 2, 3)) == 1).all()


def test_concrete_dropout_learns_its_rates():
    model, _ = trained("concrete")
    rates = [module.p for module in model.modules() if isinstance(module, nn.ConcreteDropout)]
    assert len(rates) == 2
    assert all(rate != pytest.approx(0.1, abs=1e-4) for rate in rates)


def test_schedules_move_the_rates():
    rates = {}
    for name in ("curriculum", "early", "late"):
        model, _ = trained(f"dropout(p=0.5)+{name}")
        rates[name] = [module.p for module in model.modules() if isinstance(module, nn.Dropout)]
    assert rates["early"] == [0, 0]
    assert rates["late"] == [0.5, 0.5]
    assert rates["curriculum"] == pytest.approx([0.5, 0.5], abs=1e-4)


@pytest.mark.parametrize("net", nets.NAMES)
def test_nets_have_places(net):
    model = nets.build(net, (1, 8, 8), 10, 16, 2)
    kinds = {module.kind for module in model.modules() if isinstance(module, nets.Place)}
    assert kinds == {"input", "hidden"} | ({"maps"} if net != "mlp" else set())
    assert model.eval()(minigrad.zeros(2, 1, 8, 8)).shape == (2, 10)


@pytest.mark.parametrize(("net", "method"), [("mlp", "spatial"), ("resnet", "standout"), ("resnet", "concrete")])
def test_what_a_net_has_no_place_for_is_refused(net, method):
    with pytest.raises(ValueError, match=f"{method} in {net}: this net has no"):
        trained(method, net)


def test_methods_are_read_and_written():
    parts = regularizers.parse("dropout(p=0.5, input=0.2) + maxnorm")
    assert parts == {"dropout": {"p": 0.5, "input": 0.2}, "maxnorm": {}}
    assert regularizers.parse(regularizers.written(parts)) == parts
    assert [one["maxnorm"]["c"] for one in regularizers.tries(parts)] == [2, 1, 4]
    assert len(regularizers.tries(regularizers.parse("dropout+maxnorm"))) == 2 * 2 * 3
    assert regularizers.tries({"none": {}}) == [{"none": {}}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dropuot", "no regularizer is called 'dropuot'"),
        ("dropout(q=1)", "Dropout has no option q: it has p, input"),
        ("l2(weight=much)", "expected name=number"),
        ("l2+l2", "stands twice"),
        ("dropout(p=0.5", "no regularizer is called"),
    ],
)
def test_wrong_methods_are_refused(text, message):
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        regularizers.parse(text)


def test_choosing_sees_no_test_image():
    whole = data.load("digits", None, False)
    split = data.choosing(whole)
    kept = {image.tobytes() for image in split.other_images}
    test = {image.tobytes() for image in whole.test_images}
    assert len(split.other_labels) == len(whole.train_labels) // 5
    assert len(split.labels) + len(split.other_labels) == len(whole.train_labels)
    assert not kept & test
    assert kept <= {image.tobytes() for image in whole.train_images}


def test_training_sets_are_drawn_by_the_seed():
    whole = data.load("digits", None, False)
    a, b, c = (data.final(whole, 50, seed) for seed in (0, 0, 1))
    assert len(a.labels) == 50
    assert (a.images == b.images).all()
    assert not (a.images == c.images).all()
    with pytest.raises(ValueError, match="training set of 5000"):
        data.final(whole, 5000, 0)


@pytest.mark.parametrize("method", ["dropout(p=0.5)+curriculum", "concrete", "augment"])
def test_a_stopped_trial_goes_on_bit_for_bit(method, tmp_path):
    whole, training = trained(method, epochs=3)
    first = trial.start(training.trial, None)
    first.train_epoch()
    first.save(tmp_path / "checkpoint")
    second = trial.start(replace(training.trial, seed=99), None)
    second.trial = training.trial
    second.load(tmp_path / "checkpoint")
    while second.epoch < 3:
        second.train_epoch()
    assert len(second.losses) == 3
    assert second.losses == training.losses
    for one, other in zip(whole.parameters(), second.model.parameters(), strict=True):
        assert minigrad.equal(one, other)


def test_results_are_kept(tmp_path, monkeypatch):
    first = trial.result(BASE, tmp_path, None, tick)
    monkeypatch.setattr(trial, "run", None)  # a second run would fail
    assert trial.result(BASE, tmp_path, None, tick) == first
    assert [path.suffix for path in tmp_path.iterdir()] == [".json"]
    with pytest.raises(TypeError):
        trial.result(replace(BASE, seed=1), tmp_path, None, tick)


def test_options_are_chosen_by_the_held_out_error(tmp_path):
    """A penalty so strong that nothing is learned loses against a mild one."""

    class Tried(regularizers.L2):
        tries = {"weight": (10.0, 1e-4)}  # noqa: RUF012

    before = regularizers.REGULARIZERS["l2"]
    regularizers.REGULARIZERS["l2"] = Tried
    try:
        study = Study(replace(BASE, stage="test", lr=0.05, epochs=8), ["l2", "early-stopping"], 2, tmp_path, None)
        l2, early = study.compare(tick)
    finally:
        regularizers.REGULARIZERS["l2"] = before
    assert l2.options == "l2(weight=0.0001)"
    assert l2.held_out < 60
    assert len(l2.errors) == 2
    assert 1 <= early.epochs <= 8
    stages = [json.loads(path.read_text())["trial"]["stage"] for path in tmp_path.glob("*.json")]
    assert (stages.count("choose"), stages.count("test")) == (3, 4)


def test_the_learning_rate_is_chosen_too(tmp_path):
    study = Study(replace(BASE, stage="test", epochs=3), ["none"], 1, tmp_path, None, rates=[1e-6, 0.1])
    (found,) = study.compare(tick)
    assert found.options == "none, lr=0.1"
    assert study.epochs() == 2 * 3 + 3


def test_sweeps(tmp_path):
    study = Study(replace(BASE, stage="test", epochs=1), ["dropout"], 1, tmp_path, None)
    by_p = study.sweep("p", [0.1, 0.6], tick)
    assert [one.options for one in by_p] == ["dropout(p=0.1 input=0)", "dropout(p=0.6 input=0)"]
    by_size = study.sweep("train-size", [200, 600], tick)
    assert [one.epochs for one in by_size] == [7, 2]  # of 1,437 images once
    by_units = study.sweep("units", [4, 64], tick)
    assert by_units[0].errors != by_units[1].errors
    (samples,) = study.sweep("samples", [10], tick)
    assert {k: len(errors) for k, errors in samples.mc[0].items()} == {"1": 10, "2": 5, "3": 3, "5": 2, "10": 1}
    with pytest.raises(ValueError, match="none has no rate p"):
        Study(BASE, ["none"], 1, tmp_path, None).sweep("p", [0.1], tick)


def run(*args, cwd):
    environment = {**os.environ, "PYTHONPATH": str(EXAMPLES.parent)}
    command = [sys.executable, str(EXAMPLES / "dropout_lab.py"), *args]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=environment)


def test_the_command(tmp_path):
    options = ["--epochs", "1", "--seeds", "2", "--choose-seeds", "1", "--units", "8"]
    done = run("--compare", "none,dropout", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "| none " in done.stdout
    assert "| dropout(p=0." in done.stdout
    found = json.loads((tmp_path / "runs/lab/digits-mlp.json").read_text())
    assert [len(one["errors"]) for one in found["outcomes"]] == [2, 2]
    assert (tmp_path / "runs/lab/digits-mlp.png").stat().st_size > 5000
    done = run("--sweep", "samples", "--values", "3", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "weight scaling" in done.stdout


def test_help_names_every_regularizer(capsys):
    with pytest.raises(SystemExit):
        dropout_lab.arguments(["--help"])
    said = capsys.readouterr().out
    assert all(f"  {name} " in said for name in regularizers.REGULARIZERS if name != "none")
    assert "None" not in said


@pytest.mark.parametrize(
    "args",
    [
        ["--compare", "dropuot"],
        ["--seeds", "0"],
        ["--lr", "nan"],
        ["--lr", "0.1,0.2", "--sweep", "p"],
        ["--sweep", "q"],
        ["--values", "a"],
        ["--compare", ","],
        ["--compare", "l2,l2"],
        ["--values", "1"],
        ["--values", "2", "--sweep", "p"],
        ["--values", "nan", "--sweep", "p"],
        ["--values", "0", "--sweep", "units"],
        ["--values", "0.5", "--sweep", "samples"],
        ["--net", "cnn"],
    ],
)
def test_bad_arguments_are_refused(args, capsys):
    with pytest.raises(SystemExit) as raised:
        dropout_lab.arguments(args)
    assert raised.value.code == 2
    assert f"argument {args[0]}" in capsys.readouterr().err

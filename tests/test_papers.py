"""The examples that reproduce papers: their parts against definitions, and short runs from end to end."""

from __future__ import annotations

import importlib.util
import json
import math
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import minigrad
from minigrad import nn
from minigrad.datasets import regression

EXAMPLES = Path(__file__).parent.parent / "examples"


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses and the like look up their module
    spec.loader.exec_module(module)
    return module


mc, sparse = example("mc_dropout_uci"), example("sparse_dropout")


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch):
    monkeypatch.delenv("MINIGRAD_DATA", raising=False)
    before = minigrad.get_num_threads()
    minigrad.set_num_threads(1)
    yield
    minigrad.set_num_threads(before)


# --- command lines ---


@pytest.mark.parametrize("name", ["mc_dropout_uci", "sparse_dropout"])
def test_help(name):
    result = subprocess.run([sys.executable, EXAMPLES / f"{name}.py", "--help"], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "None" not in result.stdout
    for option in ("epochs", "seed", "threads", "data-dir", "out"):
        assert f"--{option}" in result.stdout


@pytest.mark.parametrize(
    ("module", "args"),
    [
        (mc, ["--datasets", "yacht,naval"]),
        (mc, ["--splits", "21"]),
        (mc, ["--splits", "0"]),
        (mc, ["--samples", "0"]),
        (mc, ["--block", "0"]),
        (mc, ["--seed", "-1"]),
        (mc, ["--epochs", "0"]),
        (sparse, ["--dataset", "boston"]),
        (sparse, ["--epochs", "0"]),
        (sparse, ["--batch-size", "0"]),
        (sparse, ["--held-out", "-1"]),
        (sparse, ["--warm-up", "5", "5"]),
        (sparse, ["--warm-up", "-1", "5"]),
    ],
)
def test_bad_values_are_refused(module, args, capsys):
    with pytest.raises(SystemExit) as refused:
        module.arguments(args)
    assert refused.value.code == 2
    assert f"argument {args[0]}" in capsys.readouterr().err


# --- MC dropout ---


def some_parts(count: int, rows: int = 40) -> list:
    draw = np.random.default_rng(0)
    x, y = draw.normal(3, 2, (count, rows + 5, 3)), draw.normal(-2, 5, (count, rows + 5))
    return [mc.standardised(x[k, :rows], y[k, :rows], x[k, rows:], y[k, rows:]) for k in range(count)]


def test_standardised_by_the_training_rows():
    x, y = np.array([[1.0, 4.0], [3.0, 4.0]]), np.array([10.0, 30.0])
    part = mc.standardised(x, y, np.array([[5.0, 6.0]]), np.array([40.0]))
    np.testing.assert_array_equal(part.x.numpy(), [[-1, 0], [1, 0]])  # a column that never varies is only centred
    np.testing.assert_array_equal(part.y.numpy(), [-1, 1])
    assert part.y_std == 10
    np.testing.assert_array_equal(part.others[0].numpy(), [[3, 2]])
    np.testing.assert_array_equal(part.others[1].numpy(), [2])


def test_the_batched_loss_is_the_sum_over_its_nets():
    parts = some_parts(2)
    jobs = [mc.Job(1, 0.0, 2.0), mc.Job(0, 0.0, 0.5), mc.Job(1, 0.0, 0.25)]
    nets = mc.Nets(0.0, jobs, 40, 3)
    x, y = (minigrad.stack([getattr(part, name) for part in parts]) for name in "xy")
    loss = nets.loss(x, y.unsqueeze(2)).item()
    expected = decay = 0.0
    for k, job in enumerate(jobs):
        net, part = nets.net(k), parts[job.part]
        expected += nn.MSELoss()(net(part.x).squeeze(1), part.y).item()
        weights = sum(layer.weight.square().sum().item() for layer in (net[1], net[4]))
        decay += 0.01**2 / (2 * 40 * job.tau) * weights
    assert loss == pytest.approx(expected + decay, rel=1e-5)
    nets.decay.mul_(1e5)  # or it would be lost in rounding
    assert nets.loss(x, y.unsqueeze(2)).item() - loss == pytest.approx(1e5 * decay, rel=1e-3)


def test_dropout_is_before_both_layers_and_in_the_decay():
    nets = mc.Nets(0.5, [mc.Job(0, 0.5, 1.0)], 10, 3)
    assert nets.decay.item() == pytest.approx(0.01**2 * 0.5 / 20)
    assert [type(layer) for layer in nets.net(0)] == [nn.Dropout, nn.Linear, nn.ReLU, nn.Dropout, nn.Linear]
    assert [nets.net(0)[at].p for at in (0, 3)] == [0.5, 0.5]
    # With the masks' mean over many rows: E (w (m2 / q) relu(m1 / q) - 0)^2 = w^2 / q^2 for weights 1 at one input and unit.
    for parameter in nets.parameters():
        parameter.data.zero_()
    nets.weight1.data[0, 0, 0] = nets.weight2.data[0, 0, 0] = 1.0
    loss = nets.loss(minigrad.ones(1, 20000, 3), minigrad.zeros(1, 20000, 1)).item()
    assert loss == pytest.approx(4.0, rel=0.05)


def test_what_one_net_learns_does_not_reach_another():
    first, second, other = some_parts(3)
    jobs = [mc.Job(0, 0.05, 1.0), mc.Job(1, 0.05, 1.0), mc.Job(0, 0.1, 1.0)]
    trained = []
    for parts in ([first, second], [first, other]):
        minigrad.manual_seed(1)
        trained.append(mc.train(parts, jobs, 5, lambda: None))
    for (job, net), (same_job, again) in zip(*trained, strict=True):
        assert job == same_job
        assert net[0].p == net[3].p == job.p
        for name, value in net.state_dict().items():
            assert np.array_equal(value.numpy(), again.state_dict()[name].numpy()) == (job.part == 0), name


def test_scores_are_the_authors_formulas_in_units_of_y():
    (part,) = some_parts(1)
    net = mc.Nets(0.3, [mc.Job(0, 0.3, 0.1)], 40, 3).net(0)
    minigrad.manual_seed(2)
    found = mc.scores(net, part, 0.1, 2000)
    minigrad.manual_seed(2)
    x, y = part.others
    copies = 4096 // len(x)
    drawn = nn.mc_samples(net, x.expand(copies, *x.shape), samples=-(-2000 // copies)).numpy().reshape(-1, 5)[:2000]
    assert not np.array_equal(drawn[0], drawn[1])
    yhat, y = drawn.astype(np.float64) * part.y_std, y.numpy().astype(np.float64) * part.y_std  # both less the mean
    density = np.sqrt(0.1 / (2 * np.pi)) * np.exp(-0.05 * (y - yhat) ** 2)
    assert found["log_likelihood"] == pytest.approx(np.log(density.mean(0)).mean(), abs=1e-4)
    assert found["mc_rmse"] == pytest.approx(np.sqrt(np.square(yhat.mean(0) - y).mean()), rel=1e-4)
    assert found["one_pass_rmse"] == pytest.approx(np.sqrt(np.square(yhat[0] - y).mean()), rel=1e-4)
    plain = net.eval()(x).squeeze(1).detach().numpy() * part.y_std
    assert found["rmse"] == pytest.approx(np.sqrt(np.square(plain - y).mean()), rel=1e-4)


@pytest.fixture
def line(tmp_path, monkeypatch) -> list[str]:
    """A table of 120 rows whose target is a line with noise, in place of yacht; returns the options for it."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(120, 2))
    np.savetxt(tmp_path / "data.txt", np.column_stack((x, 3 * x[:, 0] - x[:, 1] + draw.normal(0, 0.3, 120))))
    monkeypatch.setitem(regression.TABLES, "yacht", regression.Table("yacht", (120, 3), ""))
    return ["--datasets", "yacht", "--data-dir", str(tmp_path), "--out", str(tmp_path / "out")]


def test_a_run_learns_and_goes_on(tmp_path, line, capsys):
    pytest.importorskip("tqdm")
    pytest.importorskip("matplotlib")
    options = [*line, "--epochs", "400", "--samples", "100"]
    mc.main(mc.arguments([*options, "--splits", "2"]))
    printed = capsys.readouterr().out
    assert "| yacht | 2 | " in printed
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())["yacht"]
    assert summary["splits"] == 2
    assert summary["mc_rmse"][0] < 1  # of a target with a standard deviation above 3
    paths = [tmp_path / "out" / "yacht" / f"split_0{k}.json" for k in range(3)]
    results = [json.loads(path.read_text()) for path in paths[:2]]
    values = [result["test"]["mc_rmse"] for result in results]
    assert summary["mc_rmse"] == pytest.approx([np.mean(values), abs(values[0] - values[1]) / 2])
    assert {result["tau"] for result in results} <= set(mc.TAUS["yacht"])
    assert (tmp_path / "out" / "uci.png").read_bytes()[:4] == b"\x89PNG"

    before = [path.read_bytes() for path in paths[:2]]
    mc.main(mc.arguments([*options, "--splits", "3"]))  # one more
    assert [path.read_bytes() for path in paths[:2]] == before
    assert "| yacht | 3 | " in capsys.readouterr().out
    stamps = [path.stat().st_mtime_ns for path in paths]
    mc.main(mc.arguments([*options, "--splits", "3"]))
    assert [path.stat().st_mtime_ns for path in paths] == stamps

    with pytest.raises(SystemExit, match='of a run with {"epochs": 400'):
        mc.main(mc.arguments([*line, "--epochs", "2"]))
    paths[0].write_text("{}")
    with pytest.raises(SystemExit, match=r"split_00\.json is no result of this program"):
        mc.main(mc.arguments(options))
    (tmp_path / "data.txt").write_text("1 2")
    with pytest.raises(SystemExit, match="holds 1 x 2 values, not 120 x 3"):
        mc.main(mc.arguments(options))


# --- sparse variational dropout ---


def test_schedules_are_the_authors():
    assert [sparse.learning_rate(epoch, 200) for epoch in (0, 100, 150, 200)] == [1, 1, 0.5, 0]
    assert [sparse.kl_weight(epoch, 5, 20) for epoch in (0, 5, 8, 20, 100)] == [0, 0, 0.2, 1, 1]


def test_the_pruned_net_computes_what_eval_mode_does():
    model = sparse.lenet_300_100(20, 4)
    draw = np.random.default_rng(0)
    for layer in sparse.sparse_layers(model):
        layer.log_sigma2.data.copy_(minigrad.tensor(draw.normal(-5, 3, layer.weight.shape).astype(np.float32)))
    plain = sparse.pruned(model)
    x = minigrad.randn(8, 20)
    np.testing.assert_array_equal(plain(x).detach().numpy(), model.eval()(x).detach().numpy())
    linear = [layer for layer in plain if isinstance(layer, nn.Linear)]
    kept = sum(int((layer.weight != 0).sum().item()) for layer in linear)
    total = 20 * 300 + 300 * 100 + 100 * 4
    assert 0 < kept < total
    assert sparse.compression(sparse.sparse_layers(model)) == pytest.approx(total / kept)


def test_the_loss_has_one_examples_share_of_the_divergence():
    """With a learning rate of 0 the losses of an epoch are misfit + weight * KL / N, N the number of images."""
    model = sparse.lenet_300_100(4, 2)
    images, labels = np.ones((30, 1, 2, 2), np.float32), np.zeros(30, np.int64)
    optimizer = minigrad.optim.Adam(model.parameters(), lr=0.0)
    kl = sum(layer.kl().item() for layer in sparse.sparse_layers(model)) / 30
    found = []
    for weight in (0.0, 0.25):
        minigrad.manual_seed(0)
        found.append(sparse.train_epoch(model, optimizer, (images, labels), 10, weight))
    assert found[0]["kl"] == pytest.approx(kl, rel=1e-5)
    assert found[1]["loss"] - found[0]["loss"] == pytest.approx(0.25 * kl, rel=1e-4)


def test_a_short_run_prunes_and_resumes_to_the_bit(tmp_path, monkeypatch, capsys):
    pytest.importorskip("sklearn")
    pytest.importorskip("matplotlib")
    options = ["--epochs", "8", "--batch-size", "20", "--warm-up", "3", "9", "--seed", "1"]
    sparse.main(sparse.arguments([*options, "--out", str(tmp_path / "one")]))
    lines = capsys.readouterr().out.splitlines()
    assert [text.startswith("epoch ") for text in lines].count(True) == 8
    result = json.loads((tmp_path / "one" / "result.json").read_text())
    assert result["test_error"] < 15
    assert result["compression"] > 3
    assert result["pruned"][0] > 0.6
    assert f"test error of the pruned net: {result['test_error']:.2f} %" in lines
    assert (tmp_path / "one" / "sparse.png").read_bytes()[:4] == b"\x89PNG"

    calls = iter(range(8))
    whole = sparse.train_epoch

    def interrupted(*args):
        if next(calls) == 5:
            raise KeyboardInterrupt
        return whole(*args)

    monkeypatch.setattr(sparse, "train_epoch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sparse.main(sparse.arguments([*options, "--out", str(tmp_path / "two")]))
    monkeypatch.setattr(sparse, "train_epoch", whole)
    minigrad.manual_seed(99)
    sparse.main(sparse.arguments([*options, "--out", str(tmp_path / "two"), "--resume"]))
    first, second = (minigrad.load(tmp_path / name / "checkpoint.minigrad") for name in ("one", "two"))
    assert first["history"] == second["history"]
    for name, value in first["model"].items():
        assert np.array_equal(value.numpy(), second["model"][name].numpy()), name

    with pytest.raises(SystemExit, match="is of another run"):
        sparse.main(sparse.arguments([*options, "--epochs", "9", "--out", str(tmp_path / "two"), "--resume"]))
    (tmp_path / "two" / "checkpoint.minigrad").write_bytes(b"damaged")
    with pytest.raises(SystemExit, match=r"sparse_dropout\.py: "):
        sparse.main(sparse.arguments([*options, "--out", str(tmp_path / "two"), "--resume"]))
    with pytest.raises(SystemExit, match="leaves none of 1,4.. training images"):
        sparse.main(sparse.arguments(["--held-out", "2000", "--out", str(tmp_path / "three")]))


def test_drowned_weights_do_not_count():
    """The layer's rule: a weight whose noise has more than e^3 times its energy is 0 in eval mode."""
    layer = nn.SparseVDLinear(2, 1, bias=False)
    layer.weight.data.copy_(minigrad.tensor([[0.5, 0.5]]))
    for past in (-0.01, 0.01):
        layer.log_sigma2.data.copy_(minigrad.tensor([[math.log(0.25) + 3 + past, -8.0]]))
        assert layer.eval()(minigrad.ones(1, 2)).item() == pytest.approx(1.0 if past < 0 else 0.5)

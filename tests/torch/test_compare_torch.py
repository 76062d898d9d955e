"""compare_with_torch: equal nets pass, with the same masks; a wrong one is found where it is wrong."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.interop import to_torch
from minigrad.testing import compare_with_torch

torch = pytest.importorskip("torch")

EXAMPLE = Path(__file__).parents[2] / "examples" / "compare_with_pytorch.py"


def net():
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout2d(0.4), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(36, 8), nn.SiLU(), nn.AlphaDropout(0.3), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3),
    )  # fmt: skip


def images(dtype=np.float32):
    return np.random.default_rng(0).standard_normal((5, 2, 6, 6)).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("training", [True, False])
def test_equal_nets(dtype, training, capsys):
    model = net().to(dtype).train(training)
    report = compare_with_torch(model, images(dtype))
    assert report
    assert report.masks == (3 if training else 0)
    assert report.tolerance == {"float32": 1e-4, "float64": 1e-9}[dtype]
    assert [row.name for row in report.rows] == ["input 0", *map(str, range(12)), "(all)"]
    table = capsys.readouterr().out
    assert "Dropout2d" in table
    assert f"equal within {report.tolerance:g}" in table
    assert report.rows[1].parameters is not None
    assert report.rows[2].buffers is not None


def test_nothing_is_changed():
    model, twin = net(), to_torch(net())
    state = {key: value.numpy().copy() for key, value in model.state_dict().items()}
    theirs = {key: value.numpy().copy() for key, value in twin.state_dict().items()}
    model[0].weight.grad = mg.ones(4, 2, 3, 3)
    generator = mg.default_generator.get_state()
    dropout = torch.nn.functional.dropout, F.dropout
    x = mg.tensor(images(), requires_grad=True)
    assert compare_with_torch(model, x, twin=twin, verbose=False)
    np.testing.assert_array_equal(mg.default_generator.get_state(), generator)
    assert all((model.state_dict()[key].numpy() == value).all() for key, value in state.items())
    assert all((twin.state_dict()[key].numpy() == value).all() for key, value in theirs.items())
    assert (model[0].weight.grad == 1).all()
    assert (x.grad, model[0]._hooks, len(twin[0]._forward_hooks)) == (None, None, 0)
    assert dropout == (torch.nn.functional.dropout, F.dropout)


def wrong(change):
    model = net()
    twin = to_torch(model)
    change(twin)
    return compare_with_torch(model, images(), twin=twin, verbose=False)


@pytest.mark.parametrize(
    ("change", "first"),
    [
        (lambda twin: setattr(twin[1], "eps", 1e-2), "1"),
        (lambda twin: setattr(twin[0], "stride", (1, 1)), None),  # which it was
        (lambda twin: twin.__setitem__(7, torch.nn.GELU()), "7"),
        (lambda twin: twin.__setitem__(9, torch.nn.LeakyReLU(1e-3)), "9"),
    ],
)
def test_the_first_wrong_output_is_where_the_mistake_is(change, first):
    report = wrong(change)
    assert report.passed is (first is None)
    found = [row.name for row in report.rows if (row.forward or 0) > report.tolerance]
    assert found[:1] == ([] if first is None else [first])


def test_a_wrong_gradient_alone_is_found():
    class Twisted(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2.002

    def double(x):
        return x * 2

    assert compare_with_torch(double, images(), twin=double, verbose=False)
    report = compare_with_torch(double, images(), twin=Twisted.apply, verbose=False)
    assert not report
    assert (report.rows[1].forward, report.rows[0].gradient) == (0, pytest.approx(1e-3, rel=1e-2))
    assert "input 0" in str(report)
    assert "<-- differs" in str(report)


def test_small_gradients_are_held_to_the_same_measure():
    """Differences are relative: a loss in small units hides nothing."""
    double = lambda x: x * 2  # noqa: E731
    for scale in (1e-6, 1.0, 1e6):
        wrong_by = lambda x: x * 2.002  # noqa: E731
        assert not compare_with_torch(
            double, images(), twin=wrong_by, loss=lambda y, s=scale: (y * s).sum(), verbose=False
        )
        assert compare_with_torch(double, images(), loss=lambda y, s=scale: (y * s).sum(), verbose=False)


@pytest.mark.parametrize(
    "function",
    [F.gelu, mg.exp, mg.Tensor.cumsum, lambda x, *rest: (x.exp() * 2).sum(1), lambda x, *rest: {"a": [x.sin(), x]}],
)
def test_functions(function):
    assert compare_with_torch(function, [images(), 1] if function is mg.Tensor.cumsum else images(), verbose=False)


@pytest.mark.parametrize(
    "function", [F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout, F.feature_alpha_dropout]
)
@pytest.mark.parametrize("inplace", [False, True])
def test_random_functions_and_what_calls_them(function, inplace):
    shape = {F.dropout1d: (5, 4, 6), F.dropout3d: (3, 4, 2, 2, 2)}.get(function, (5, 4, 3, 2))
    x = np.random.default_rng(0).standard_normal(shape)
    assert compare_with_torch(function, (x, 0.4, True), verbose=False).masks == 1
    name = function.__name__

    def ours(x):
        return getattr(F, name)(x * 2, p=0.3, training=True, inplace=inplace) + 1

    def theirs(x):
        return getattr(torch.nn.functional, name)(x * 2, p=0.3, training=True, inplace=inplace) + 1

    report = compare_with_torch(ours, x, twin=theirs, verbose=False)
    assert report
    assert report.masks == 1
    assert not compare_with_torch(ours, x, twin=lambda x: theirs(x) * 1.001, verbose=False)


def test_own_nets_with_a_twin():
    def made(library):
        class Net(library.nn.Module):
            def __init__(self):
                super().__init__()
                self.inner = library.nn.Linear(6, 6)
                self.drop = library.nn.Dropout(0.5)

            def forward(self, x, scale):
                y = self.inner(self.drop(x))
                y = self.inner(library.nn.functional.dropout(y, 0.2, self.training)) * scale
                return {"y": y, "parts": (y.sum(), x)}

        return Net()

    ours, theirs = made(mg), made(torch)
    report = compare_with_torch(ours, (images(), 3.0), twin=theirs, verbose=False)
    assert report
    assert [row.name for row in report.rows] == ["input 0", "drop", "inner", "inner #2", "(all)"]
    assert report.masks == 2
    with pytest.raises(RuntimeError, match="Missing key"):
        compare_with_torch(ours, (images(), 3.0), twin=torch.nn.Linear(6, 6), verbose=False)


def test_generators_of_layers_and_given_masks():
    model = nn.Sequential(nn.Dropout(0.5, generator=mg.Generator().manual_seed(5)), nn.Linear(6, 2))
    assert compare_with_torch(model, images(), verbose=False)
    assert model[0].generator.call == 0
    mask = mg.tensor(images() > 0)

    def ours(x):
        return F.dropout(x, 0.5, mask=mask)

    assert compare_with_torch(ours, images(), twin=lambda x: torch.nn.functional.dropout(x, 0.5), verbose=False)


def test_other_calls_are_named():
    model = nn.Sequential(nn.Linear(6, 2), nn.ReLU())
    twin = to_torch(model)
    twin.add_module("2", torch.nn.ReLU())
    report = compare_with_torch(model, images(), twin=twin, verbose=False)
    assert not report
    assert "(all) is called here, 2 in PyTorch" in str(report)
    with pytest.raises(RuntimeError, match="PyTorch calls dropout of .* where minigrad has called nothing"):
        compare_with_torch(mg.relu, images(), twin=lambda x: torch.nn.functional.dropout(x), verbose=False)
    report = compare_with_torch(F.dropout, images(), twin=lambda x: x, verbose=False)
    assert "PyTorch made 1 fewer" in str(report)


def test_shapes_dtypes_and_nan():
    x = np.array([1.0, -1.0])
    assert "[2] of float64 here, [1] of float64 in PyTorch" in str(
        compare_with_torch(mg.sin, x, twin=lambda x: x[:1].sin(), verbose=False)
    )
    assert "[2] of float64 here, [2] of float32 in PyTorch" in str(
        compare_with_torch(mg.sin, x, twin=lambda x: x.sin().float(), verbose=False)
    )
    assert compare_with_torch(lambda x: x.detach().log(), x, verbose=False)  # NaN in both
    report = compare_with_torch(lambda x: x.detach().log(), x, twin=lambda x: x.detach().abs().log(), verbose=False)
    assert "NaN or infinity in other places" in str(report)


def test_what_has_no_twin():
    with pytest.raises(TypeError, match="PyTorch has no function relu_dropout: pass twin="):
        compare_with_torch(F.relu_dropout, images(), verbose=False)
    with pytest.raises(TypeError, match="torch.nn has no DropPath"):
        compare_with_torch(nn.Sequential(nn.DropPath(0.1)), images(), verbose=False)


@pytest.mark.parametrize(
    ("options", "code", "said"), [(["--eval"], 0, "equal within"), (["--mistake"], 1, "DIFFERENT")]
)
def test_the_example(options, code, said, tmp_path):
    pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
    command = [sys.executable, str(EXAMPLE), "--batch-size", "4", *options]
    environment = {"PYTHONPATH": str(EXAMPLE.parents[1]), "PATH": ""}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    assert said in done.stdout

"""The example programs and tools beside train_cnn.py: their command lines, the nets of architectures.py, the lessons of
keras_style.py, and what rng_dieharder.py feeds to dieharder."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import architectures
import keras_style
import minigrad
import minigrad.nn.functional as F
from minigrad import nn
from minigrad._kernels.reference import dropout as reference

ROOT = Path(__file__).parent.parent
PROGRAMS = [
    *(
        path
        for path in sorted((ROOT / "examples").glob("*.py"))
        if "def arguments(" in path.read_text(encoding="utf-8")
    ),
    ROOT / "tools" / "rng_dieharder.py",
]


def load(path: str) -> ModuleType:
    """A program as a module, without running it."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


rng_dieharder = load("tools/rng_dieharder.py")


def run(path: str | Path, *args: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    scope = {**os.environ, "PYTHONPATH": str(ROOT), "MINIGRAD_NUM_THREADS": "1", **environment}
    return subprocess.run([sys.executable, str(ROOT / path), *args], cwd=cwd, capture_output=True, text=True, env=scope)


# ---- command lines -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.name)
def test_help(program, tmp_path):
    result = run(program, "--help", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(f"usage: {program.name}")
    assert "None" not in result.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("program", "args"),
    [
        (architectures, ["--net", "lenet5"]),
        (architectures, ["--depth", "17", "--net", "vgg"]),
        (architectures, ["--depth", "16", "--net", "resnet"]),
        (architectures, ["--depth", "16", "--net", "lenet"]),
        (architectures, ["--depth", "16"]),
        (architectures, ["--image", "7"]),
        (architectures, ["--batch-size", "0"]),
        (architectures, ["--classes", "1"]),
        (architectures, ["--steps", "0"]),
        (architectures, ["--threads", "two"]),
        (keras_style, ["--lesson", "5"]),
        (keras_style, ["--dataset", "cifar10"]),
        (keras_style, ["--epochs", "0"]),
        (keras_style, ["--threads", "0"]),
        (rng_dieharder, ["--stream", "row"]),
        (rng_dieharder, ["--tests", "few"]),
        (rng_dieharder, ["--tests", "0,2:"]),
        (rng_dieharder, ["--psamples", "0"]),
        (rng_dieharder, ["--seed", "-1"]),
    ],
)
def test_bad_values_are_refused(program, args, capsys):
    with pytest.raises(SystemExit) as refused:
        program.arguments(args)
    assert refused.value.code == 2
    assert f"argument {args[0]}" in capsys.readouterr().err


# ---- architectures.py ----------------------------------------------------------------------------------------------------

SMALL = {"lenet": {}, "alexnet": {"hidden": 32}, "vgg": {"hidden": 32, "depth": 11}, "resnet": {"depth": 20}}
# What the convolutions give: channels, height, width.
FEATURES = {
    ("lenet", (1, 8, 8)): (16, 2, 2),
    ("lenet", (1, 16, 16)): (16, 4, 4),
    ("lenet", (1, 28, 28)): (16, 5, 5),
    ("lenet", (3, 32, 32)): (16, 5, 5),
    ("alexnet", (1, 8, 8)): (256, 3, 3),
    ("alexnet", (1, 16, 16)): (256, 3, 3),
    ("alexnet", (1, 28, 28)): (256, 2, 2),
    ("alexnet", (3, 32, 32)): (256, 3, 3),
    ("vgg", (1, 8, 8)): (512, 2, 2),
    ("vgg", (1, 16, 16)): (512, 2, 2),
    ("vgg", (1, 28, 28)): (512, 3, 3),
    ("vgg", (3, 32, 32)): (512, 2, 2),
    ("resnet", (1, 8, 8)): (64, 1, 1),
    ("resnet", (1, 16, 16)): (64, 1, 1),
    ("resnet", (1, 28, 28)): (64, 1, 1),
    ("resnet", (3, 32, 32)): (64, 1, 1),
}


def places(model: nn.Module, layer: type) -> dict[str, float]:
    """Where layers of this class stand, and their p."""
    return {name: module.p for name, module in model.named_modules() if type(module) is layer}


@pytest.mark.parametrize(
    ("net", "shape"), FEATURES, ids=lambda part: part if isinstance(part, str) else f"{part[1]}x{part[2]}"
)
def test_a_step_of_each_net_on_small_images(net, shape):
    model = architectures.NETS[net](shape, 7, p=0.3, spatial=nn.Dropout2d, spatial_p=0.1, **SMALL[net])
    x = minigrad.randn(2, *shape)
    assert tuple(model.features(x).shape) == (2, *FEATURES[net, shape])
    loss = F.cross_entropy(model(x), minigrad.tensor([0, 6]))
    loss.backward()
    assert np.isfinite(loss.item())
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert np.isfinite(parameter.grad.numpy()).all(), name
    with minigrad.no_grad():
        assert not minigrad.equal(model(x), model(x))
        model.eval()
        assert minigrad.equal(model(x), model(x))


HIDDEN = {"classifier.2": 0.5, "classifier.5": 0.5}  # after the ReLU of each of the two hidden layers


@pytest.mark.parametrize(
    ("net", "expected", "spatial"),
    [
        ("lenet", HIDDEN, ["features.3", "features.7"]),
        ("alexnet", HIDDEN, ["features.3", "features.7", "features.15"]),
        ("vgg", HIDDEN, ["features.3", "features.7", "features.13", "features.19", "features.24"]),
        ("resnet", {"classifier.0": 0.0}, [f"features.{block}.branch.3" for block in range(3, 12)]),
    ],
)
def test_dropout_stands_where_it_should(net, expected, spatial):
    plain = architectures.NETS[net]((3, 32, 32), 10, **SMALL[net])
    assert places(plain, nn.Dropout) == expected
    model = architectures.NETS[net](
        (3, 32, 32), 10, 0.25, nn.GaussianDropout, spatial=nn.Dropout2d, spatial_p=0.1, **SMALL[net]
    )
    assert places(model, nn.GaussianDropout) == dict.fromkeys(expected, 0.25)
    assert places(model, nn.Dropout2d) == dict.fromkeys(spatial, 0.1)
    if net != "resnet":
        assert [type(layer) for layer in model.classifier] == [
            nn.Linear, nn.ReLU, nn.GaussianDropout, nn.Linear, nn.ReLU, nn.GaussianDropout, nn.Linear
        ]  # fmt: skip
        poolings = [i for i, layer in enumerate(model.features) if isinstance(layer, nn.MaxPool2d)]
        followed = [int(name.split(".")[1]) - 1 for name in spatial]
        assert poolings == followed[: len(poolings)]  # of VGG's five the last is left out: 32, 16, 8, 4, 2
        assert len(poolings) == {"lenet": 2, "alexnet": 3, "vgg": 4}[net]


def test_stochastic_depth_rises_evenly_to_the_last_block():
    model = architectures.resnet((1, 8, 8), 10, depth=20, drop_path=0.45)
    rates = list(places(model, nn.DropPath).values())
    np.testing.assert_allclose(rates, [0.05 * block for block in range(1, 10)])
    assert not places(architectures.resnet((1, 8, 8), 10, depth=20), nn.DropPath)


def numbers(*modules: nn.Module) -> int:
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


def test_sizes_are_those_of_the_papers():
    """Of ImageNet and CIFAR; fully connected layers of 4096, which take long to draw, by arithmetic."""
    assert numbers(architectures.lenet((1, 28, 28), 10)) == 61_706
    assert numbers(architectures.resnet((3, 32, 32), 10, depth=20)) == 272_474  # 0.27 M
    assert numbers(architectures.resnet((3, 64, 64), 1000, depth=18)) == 11_689_512
    for model, convolutions, whole in (
        (architectures.alexnet((3, 224, 224), 1000, hidden=1), 2_334_080, 60_965_224),
        (architectures.vgg((3, 224, 224), 1000, hidden=1, depth=16), 14_714_688, 138_357_544),
    ):
        inputs = model.classifier[0].in_features
        assert numbers(model.features) == convolutions
        assert convolutions + (inputs + 1) * 4096 + 4097 * 4096 + 4097 * 1000 == whole


def test_nets_refuse_what_they_cannot_be():
    with pytest.raises(ValueError, match="8x8"):
        architectures.lenet((1, 7, 28), 10)
    with pytest.raises(ValueError, match="depth has to be one of 11, 13, 16, 19, not 12"):
        architectures.vgg((3, 32, 32), 10, depth=12)
    with pytest.raises(ValueError, match="depth has to be one of 18, 20, 34"):
        architectures.resnet((3, 32, 32), 10, depth=50)


def test_an_imagenet_step_is_measured(tmp_path):
    args = ["--net", "resnet", "--image", "64", "--batch-size", "2", "--steps", "1", "--threads", "1"]
    result = run("examples/architectures.py", *args, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    title, heads, row = result.stdout.splitlines()
    assert "2 random images, 3x64x64, 1000 classes; threads: 1" in title
    assert heads.split() == ["net", "parameters", "s/step", "images/s", "peak", "MB"]
    net, parameters, seconds, images, peak = row.split()
    assert (net, parameters) == ("resnet-18", "11,689,512")
    assert float(images) == pytest.approx(2 / float(seconds), rel=0.2)
    assert 3 * 4 * 11.7 < float(peak.replace(",", "")) < 2000  # parameters, gradients, momenta


# ---- keras_style.py ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lesson", "said"),
    [
        ("1", r"epoch 1/1  loss \S+  accuracy \S+ .*\ntest loss \S+, test accuracy (\S+) %$"),
        ("2", r"val_accuracy 0\.(\d\d)\d\d .*\n.*training=False.*: (\S+), \2, \2\n.*training=True.*: .*$"),
        ("3", r"epoch +accuracy +val_accuracy\n +1 .*\ntest loss \S+, test accuracy (\S+) %$"),
        ("4", r"MyDropout +0\.(?:70|69).*\nDropout +0\.(?:70|69).*\n.*\ntest loss \S+, test accuracy (\S+) %$"),
    ],
    ids=["dense", "subclassed", "curves", "own_layer"],
)
def test_a_lesson_on_the_digits(lesson, said, capsys):
    pytest.importorskip("sklearn")
    args = keras_style.arguments(["--lesson", lesson, "--dataset", "digits", "--epochs", "1", "--seed", "1"])
    out = []
    for _ in range(2):
        keras_style.main(args)
        out.append(re.sub(r"\(\d+\.\d s\)", "", capsys.readouterr().out).strip())
    found = re.search(said, out[0])
    assert found is not None, out[0]
    assert float(found[1]) > 50
    assert out[0] == out[1]  # the seed decides on all


def test_a_layer_of_ones_own_is_nn_dropout_but_for_its_numbers():
    x = minigrad.randn(400, 300, requires_grad=True)
    layer = keras_style.MyDropout(0.2)
    y = layer(x)
    kept = (y != 0).numpy()
    np.testing.assert_allclose(y.numpy(force=True), np.where(kept, x.numpy(force=True) / 0.8, 0), rtol=1e-6)
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), kept / 0.8, rtol=1e-6)
    assert abs(kept.mean() - 0.8) < 4 * (0.16 / kept.size) ** 0.5
    assert layer.eval()(x) is x


def test_the_flag_overrules_the_mode():
    net = keras_style.Net(6)
    x = minigrad.randn(50, 6)
    assert minigrad.equal(net(x, training=False), net.eval()(x))
    assert not minigrad.equal(net(x, training=True), net(x))
    assert not minigrad.equal(net.train()(x), net(x))


def test_without_mnist_there_are_the_digits(monkeypatch, capsys):
    pytest.importorskip("sklearn")

    def load(name, root):
        raise FileNotFoundError("no network\nmore")

    monkeypatch.setattr(keras_style.datasets, "load", load)
    assert keras_style.load(None, None).name == "digits"
    assert capsys.readouterr().out == "MNIST cannot be had (no network); these are scikit-learn's digits\n"
    for name, folder in (("mnist", None), (None, Path())):  # asked for, it has to be there
        with pytest.raises(FileNotFoundError):
            keras_style.load(name, folder)


def test_missing_and_damaged_data_are_said(tmp_path):
    missing = run("examples/keras_style.py", "--data-dir", str(tmp_path), cwd=tmp_path)
    assert missing.returncode == 1
    assert missing.stderr.startswith("keras_style.py: mnist: looked for train-images")
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (tmp_path / f"{name}-ubyte").write_bytes(b"no images at all")
    damaged = run("examples/keras_style.py", "--data-dir", str(tmp_path), cwd=tmp_path)
    assert damaged.returncode == 1
    assert damaged.stderr.startswith("keras_style.py: ")
    assert damaged.stderr.count("\n") == 1


# ---- rng_dieharder.py ----------------------------------------------------------------------------------------------------


def test_streams_are_what_they_are_called():
    streams = {name: next(stream(3)).reshape(-1)[:256].copy() for name, stream in rng_dieharder.STREAMS.items()}
    words = np.empty(256, np.uint32)
    reference.random_bits(words, 3, 0)
    np.testing.assert_array_equal(streams["raw"], words)
    for i in range(3):
        few = np.empty(16, np.uint32)
        reference.random_bits(few, 3, i)
        np.testing.assert_array_equal(streams["calls"][16 * i : 16 * i + 16], few)
        reference.random_bits(few, 3 + i, 0)
        np.testing.assert_array_equal(streams["seeds"][16 * i : 16 * i + 16], few)
    for p in (0.5, 0.125):  # the numbers of 512 elements, in their order
        generator = minigrad.Generator().manual_seed(3)
        kept = F.dropout(minigrad.ones(512), p, generator=generator).numpy() != 0
        np.testing.assert_array_equal(streams["decisions"].view("<u2") < (1 - p) * 2**16, kept)
        if p == 0.5:
            np.testing.assert_array_equal(np.unpackbits(streams["mask"].view(np.uint8), bitorder="little")[:512], kept)


def test_streams_go_on():
    """From one call to the next, and within the endless call of `mask`."""
    for name, stream in rng_dieharder.STREAMS.items():
        words = stream(3)
        first, second = next(words).copy(), next(words)
        assert not np.array_equal(first, second), name
        assert first.dtype == np.uint32 or name == "mask"
    expected = np.empty(64, np.uint8)
    reference.dropout_mask(expected, 3, 0, 2**22, 2**31)
    words = rng_dieharder.mask(3)
    next(words)
    np.testing.assert_array_equal(np.unpackbits(next(words)[:8], bitorder="little"), expected)


def test_without_dieharder_the_tool_says_so(tmp_path):
    result = run("tools/rng_dieharder.py", cwd=tmp_path, PATH=str(tmp_path))
    assert result.returncode == 1
    assert result.stderr.startswith("rng_dieharder.py: there is no program dieharder")
    assert result.stderr.count("\n") == 1


def test_dieharder_is_run_and_recorded(tmp_path):
    if shutil.which("dieharder") is None:
        pytest.skip("dieharder is not installed")
    args = ["--stream", "raw", "--tests", "100,200:2", "--psamples", "5", "--seed", "5", "--out", "found/record.md"]
    result = run("tools/rng_dieharder.py", *args, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == "2 p-values, 2 PASSED, 0 WEAK, 0 FAILED"
    record = (tmp_path / "found" / "record.md").read_text()
    assert record.startswith("# dieharder, stream `raw`, seed 5\n")
    assert f"`python tools/rng_dieharder.py {' '.join(args)}`" in record
    assert "not finished" not in record
    rows = re.findall(r"^\| (sts_monobit|rgb_bitdist) \| (\d+) \| \d+ \| 5 \| (0\.\d+) \| PASSED \|$", record, re.M)
    assert [row[:2] for row in rows] == [("sts_monobit", "1"), ("rgb_bitdist", "2")]

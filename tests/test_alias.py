"""Code written for PyTorch, with its import changed: whole scripts, PyTorch's paths, devices, switches, and what is absent."""

import copy
import importlib
import pickle
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import minigrad as mg
from minigrad import nn

SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.py"))


def with_other_import(source):
    """`import torch`, `import torch.nn as nn`, `from torch.utils.data import x`, of minigrad."""
    source = re.sub(r"^import torch$", "import minigrad as torch", source, flags=re.M)
    source = re.sub(r"^import torch(\.[\w.]+)$", r"import minigrad\1", source, flags=re.M)
    return re.sub(r"^(import|from) torch(\.| )", r"\1 minigrad\2", source, flags=re.M)


def run(source, path):
    exec(compile(source, str(path), "exec"), {"__name__": "__main__"})


def test_scripts_are_there():
    assert len(SCRIPTS) >= 10


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_script(path, set_num_threads):
    set_num_threads(1)
    pytest.importorskip("sklearn")
    source = with_other_import(path.read_text())
    assert not re.search(r"^(import|from) torch\b", source, re.M)
    run(source, path)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_script_is_pytorch_code(path):
    """The same file, unchanged, in PyTorch."""
    torch = pytest.importorskip("torch", minversion="2.9")
    pytest.importorskip("sklearn")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        run(path.read_text(), path)
    finally:
        torch.set_num_threads(threads)
        torch.set_default_device(None)
        torch.set_default_dtype(torch.float32)
        torch.set_printoptions(profile="default")


def fresh(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return done.stdout.strip() + done.stderr.strip()


PATHS = """
import minigrad.accelerator
import minigrad.backends.cudnn as cudnn
import minigrad.backends.mps
import minigrad.cuda
import minigrad.distributions as D
import minigrad.nn.functional as F
import minigrad.utils.data as data
from minigrad import Tensor, distributions, nn, optim
from minigrad.amp import GradScaler, autocast
from minigrad.autograd import Function, grad
from minigrad.cuda.amp import GradScaler, autocast
from minigrad.distributions import Bernoulli, Categorical, Normal, Uniform, kl_divergence
from minigrad.distributions.kl import register_kl
from minigrad.distributions.normal import Normal
from minigrad.nn import Parameter, functional as F, init
from minigrad.nn.parameter import Parameter
from minigrad.nn.utils import clip_grad_norm_
from minigrad.nn.utils.rnn import pad_sequence
from minigrad.optim.lr_scheduler import StepLR
from minigrad.random import fork_rng
from minigrad.utils.checkpoint import checkpoint
from minigrad.utils.data import DataLoader, Dataset
"""


@pytest.mark.parametrize("line", PATHS.strip().splitlines())
def test_paths(line):
    exec(line)
    if "amp" not in line:  # PyTorch's is found under the same path
        importlib.import_module(re.search(r"minigrad[.\w]*", line)[0])


def test_one_module_under_both_paths():
    import minigrad.backends.cudnn as cudnn

    cudnn.benchmark = True
    assert mg.backends.cudnn.benchmark is True
    cudnn.benchmark = False
    assert sys.modules["minigrad.cuda"] is mg.cuda


def test_distributions_are_loaded_when_asked_for():
    listed = "[name for name in sys.modules if 'distributions' in name]"
    assert fresh(f"import sys, minigrad; print({listed})") == "[]"
    assert fresh("import minigrad as torch; print(torch.distributions.Normal(0, 1))").startswith("Normal(loc:")


ABSENT = {
    "mg.hub": "module 'minigrad' has no attribute 'hub'",
    "mg.randon": "'randon'",
    "nn.Transfomer": "module 'minigrad.nn' has no attribute 'Transfomer'",
    "nn.functional.foo": "module 'minigrad.nn.functional' has no attribute 'foo'",
    "mg.optim.Lion": "'Lion'",
    "mg.optim.lr_scheduler.FooLR": "'FooLR'",
    "mg.utils.data.foo": "'foo'",
    "mg.cuda.graph": "module 'minigrad.cuda' has no attribute 'graph'",
    "mg.backends.xnnpack": "'xnnpack'",
    "mg.random.foo": "'foo'",
}


@pytest.mark.parametrize("line", ABSENT)
def test_what_is_absent_is_named(line):
    with pytest.raises(AttributeError, match=re.escape(ABSENT[line])) as caught:
        eval(line)
    assert "docs/api.md" in str(caught.value)
    assert caught.value.name == line.rpartition(".")[2]
    assert not hasattr(mg.nn, "Transfomer")
    assert getattr(mg, "hub", None) is None


@pytest.mark.parametrize(
    "module", ["minigrad", "minigrad.nn", "minigrad.nn.functional", "minigrad.optim", "minigrad.cuda"]
)
def test_what_is_absent_is_named_where_it_is_imported(module):
    with pytest.raises(ImportError, match=f"cannot import name 'foo': module '{module}' has no.*docs/api.md"):
        exec(f"from {module} import foo")


def test_dtypes_that_are_absent_can_be_named():
    dtypes = {"float32": mg.float32, "bfloat16": mg.bfloat16}
    assert repr(dtypes["bfloat16"]) == "minigrad.bfloat16"
    assert mg.ones(1).dtype != mg.bfloat16
    for use in (
        lambda: mg.zeros(2, dtype=mg.bfloat16),
        lambda: mg.ones(2).to(mg.bfloat16),
        lambda: mg.finfo(mg.bfloat16),
    ):
        with pytest.raises(TypeError, match="no bfloat16"):
            use()


def test_devices():
    cpu = mg.device("cpu")
    assert cpu == "cpu"
    assert hash(cpu) == hash("cpu")
    assert {cpu: 1}["cpu"] == 1
    assert repr(cpu) == "device(type='cpu')"
    assert str(mg.device("cuda:1")) == "cuda:1"
    assert copy.deepcopy(cpu) == pickle.loads(pickle.dumps(cpu)) == mg.device(cpu)
    with cpu:
        assert mg.ones(2).device == cpu
    with pytest.raises(RuntimeError, match="no device 'cuda'"), mg.device("cuda"):
        pass
    mg.set_default_device("cpu")
    assert mg.get_default_device() == cpu
    with pytest.raises(RuntimeError, match="no device 'mps'"):
        mg.set_default_device("mps")


def test_other_devices_are_not_there():
    assert not mg.cuda.is_available()
    assert not mg.cuda.is_bf16_supported()
    assert not mg.backends.mps.is_available()
    assert not mg.backends.cudnn.is_available()
    assert not mg.accelerator.is_available()
    assert mg.accelerator.current_accelerator() is None
    assert mg.cuda.device_count() == mg.accelerator.device_count() == mg.cuda.max_memory_allocated() == 0
    mg.cuda.manual_seed_all(1)
    mg.cuda.empty_cache()
    mg.cuda.set_rng_state_all(mg.cuda.get_rng_state_all())


USES = {
    "cuda.synchronize()": AssertionError,
    "cuda.current_device()": AssertionError,
    "cuda.get_device_name(0)": AssertionError,
    "cuda.get_device_properties(0)": AssertionError,
    "cuda.mem_get_info()": AssertionError,
    "cuda.Stream()": RuntimeError,
    "cuda.Event(enable_timing=True)": RuntimeError,
    "accelerator.synchronize()": RuntimeError,
    "accelerator.memory_allocated()": RuntimeError,
    "mps.empty_cache()": RuntimeError,
    "compile(1)": AssertionError,
    "Size(['a'])": TypeError,
    "set_default_dtype(0.5)": TypeError,
}


@pytest.mark.parametrize("line", USES)
def test_what_would_compute_there_raises(line):
    with pytest.raises(USES[line]):
        eval(f"mg.{line}")


@pytest.mark.parametrize("line", USES)
def test_what_would_compute_there_raises_as_in_pytorch(line):
    torch = pytest.importorskip("torch", minversion="2.9")
    if torch.cuda.is_available() or torch.accelerator.is_available():
        pytest.skip("a device is there")
    with pytest.raises(USES[line]):
        eval(f"torch.{line}", {"torch": torch})


def test_compile():
    model = nn.Linear(1, 1)
    assert mg.compile(model, mode="reduce-overhead", fullgraph=True) is model

    @mg.compile
    def once(x):
        return x + 1

    @mg.compile(dynamic=True, options={"trace": True})
    def twice(x):
        return x + 2

    assert (once(1), twice(1)) == (2, 3)
    with pytest.raises(TypeError, match="speed"):
        mg.compile(model, speed=1)


def test_mixed_precision():
    parameter = nn.Parameter(mg.ones(1))
    optimizer = mg.optim.SGD([parameter], lr=0.5)
    scaler = mg.cuda.amp.GradScaler(enabled=False)
    loss = (2 * parameter).sum()
    assert scaler.scale(loss) is loss
    loss.backward()
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    scaler.load_state_dict(scaler.state_dict())
    assert parameter.item() == 0
    with pytest.warns(UserWarning, match="Disabling"), mg.autocast("cuda", dtype=mg.float16):
        assert (parameter * 2).dtype == mg.float32
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with mg.autocast("cpu", dtype=mg.bfloat16, enabled=False):
            pass
    with pytest.raises(NotImplementedError, match="lower precision"):
        mg.autocast("cpu", dtype=mg.bfloat16)


def test_sizes():
    size = mg.Size([2, 3])
    assert size == (2, 3) == mg.zeros(size).shape
    assert repr(size[:1]) == "(2,)"
    assert repr(size + size) == "(2, 3, 2, 3)"
    assert (size.numel(), mg.Size().numel(), size[0]) == (6, 1, 2)
    assert (size[1:].numel(), (size + size).numel(), mg.zeros(size).size().numel()) == (3, 36, 6)
    assert isinstance(mg.ones(2).shape, mg.Size)
    assert not isinstance((2,), mg.Size)
    assert pickle.loads(pickle.dumps(size)) == size
    assert {size: 1}[2, 3] == 1


def test_randomness_is_put_back():
    before = mg.random.get_rng_state()
    with mg.random.fork_rng():
        mg.manual_seed(7)
        mg.rand(3)
    assert mg.equal(mg.get_rng_state(), before)
    with mg.random.fork_rng(enabled=False):
        mg.rand(3)
    assert not mg.equal(mg.get_rng_state(), before)


def test_switches():
    mg.use_deterministic_algorithms(True, warn_only=True)
    assert mg.are_deterministic_algorithms_enabled()
    mg.set_float32_matmul_precision("high")
    assert mg.get_float32_matmul_precision() == "highest"
    with pytest.raises(ValueError, match="'low'"):
        mg.set_float32_matmul_precision("low")


PRINTED = [
    ({}, [0.1, 12345.678]),
    ({"precision": 2}, [[1 / 3, -2.0], [3.14159, 100.5]]),
    ({"sci_mode": True}, [1.0, 2.5]),
    ({"sci_mode": False}, [1e-6, 1e5, 0.5]),
    ({"sci_mode": True, "precision": 1}, [1.0, 2.0, float("inf")]),
    ({"profile": "short"}, [1 / 3] * 1200),
    ({"threshold": 5, "edgeitems": 1}, [[1.5, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]),
    ({"linewidth": 30}, [0.25] * 12),
    ({"profile": "full", "linewidth": 200}, list(range(1100))),
]


@pytest.fixture
def defaults():
    yield
    mg.set_printoptions(profile="default")


@pytest.mark.parametrize(("options", "data"), PRINTED)
def test_printing_as_pytorch(options, data, defaults):
    torch = pytest.importorskip("torch")
    try:
        torch.set_printoptions(**options)
        mg.set_printoptions(**options)
        assert repr(mg.tensor(data)) == repr(torch.tensor(data))
    finally:
        torch.set_printoptions(profile="default")


def test_printing(defaults):
    mg.set_printoptions(precision=2, threshold=4, edgeitems=1)
    assert repr(mg.tensor([1 / 3] * 5)) == "tensor([0.33,  ..., 0.33])"
    with pytest.raises(ValueError, match="profile"):
        mg.set_printoptions(profile="long")
    mg.set_printoptions(profile="default")
    assert repr(mg.tensor([1 / 3])) == "tensor([0.3333])"

"""What PyTorch code of the last years leans on beside the surface: older spellings, marks for compilers, hooks on states."""

import importlib
import warnings

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.autograd import Variable
from minigrad.utils.data import DataLoader, IterableDataset, TensorDataset


def test_tensor_of_sizes():
    assert mg.Tensor(2, 3).shape == (2, 3)
    assert mg.Tensor(mg.ones(4, 1).size()).shape == (4, 1) == mg.FloatTensor(mg.ones(4, 1).shape).shape
    assert mg.Tensor().shape == (0,)
    assert mg.Tensor((2, 3)).tolist() == [2, 3]
    assert mg.Tensor([1, 2]).dtype == mg.float32
    with pytest.raises(TypeError, match=r"tensor\(3.0\)"):
        mg.Tensor(2.5)


def test_variable():
    x = mg.ones(2, requires_grad=True)
    y = Variable(x * 2, requires_grad=True)
    assert y.is_leaf
    assert isinstance(y, Variable)
    assert not Variable(x).requires_grad
    with pytest.warns(UserWarning, match="no_grad"):
        Variable(x, volatile=True)
    with pytest.raises(TypeError, match="list"):
        Variable([1.0])


def test_numbers_of_no_axes_are_formatted_as_numbers():
    assert f"{mg.tensor(29)}/{mg.tensor(2.5, requires_grad=True)} {mg.tensor(True)}" == "29/2.5 True"
    assert f"{mg.ones(1)}" == "tensor([1.])"


def test_older_reductions():
    x, y = mg.ones(2, 3), mg.zeros(2, 3)
    with pytest.warns(UserWarning, match="reduction='sum'"):
        assert nn.functional.mse_loss(x, y, size_average=False).item() == 6
    with pytest.warns(UserWarning, match="reduction='none'"):
        assert nn.MSELoss(reduce=False)(x, y).shape == (2, 3)
    with pytest.warns(UserWarning, match="reduction='mean'"):
        assert nn.CrossEntropyLoss(size_average=True).reduction == "mean"


def test_softmax_without_dim_warns():
    with pytest.warns(UserWarning, match="Implicit dimension choice for softmax"):
        assert nn.Softmax()(mg.ones(2, 4)).sum(1).tolist() == [1, 1]
    with pytest.raises(TypeError, match="dim"):
        mg.ones(2).softmax()


@pytest.mark.parametrize(
    "line",
    [
        "from minigrad.nn.modules.utils import _pair, _single",
        "from minigrad.nn.modules.batchnorm import _BatchNorm",
        "from minigrad.nn.modules import Linear, Module",
        "from minigrad.nn.modules.loss import _Loss",
        "from minigrad.nn.parallel import DataParallel, data_parallel",
        "from minigrad.optim.optimizer import Optimizer, required",
        "from minigrad.jit import Final, script",
        "import minigrad.xpu, minigrad.fx",
    ],
)
def test_paths(line):
    exec(line)


def test_paths_of_layers_name_what_is_absent():
    modules = importlib.import_module("minigrad.nn.modules")
    assert isinstance(nn.BatchNorm2d(2), modules.batchnorm._BatchNorm)
    assert isinstance(nn.ConvTranspose2d(2, 2, 1), modules.conv._ConvNd)
    assert modules.utils._pair(3) == (3, 3) == modules.utils._pair([3, 3])
    with pytest.raises(AttributeError, match="LinearNothing"):
        _ = modules.linear.LinearNothing


def test_marks_for_compilers_change_nothing():
    def double(x):
        return 2 * x

    assert mg.jit.script(double) is mg.jit.ignore(double) is mg.jit.ignore(drop=True)(double) is double
    assert mg.jit.is_scripting() is mg.jit.is_tracing() is mg.xpu.is_available() is False
    assert mg.fx.wrap("double") == "double"
    with pytest.raises(AttributeError, match="symbolic_trace"):
        _ = mg.fx.symbolic_trace


def test_memory_formats():
    x = mg.ones(1, 2, 3, 3)
    assert mg.zeros_like(x, memory_format=mg.preserve_format).shape == x.shape
    assert x.contiguous(memory_format=mg.contiguous_format) is x
    for use in (x.clone, x.to, x.contiguous, lambda **options: mg.empty_like(x, **options)):
        with pytest.raises(NotImplementedError, match="channels_last"):
            use(memory_format=mg.channels_last)


def test_data_parallel_calls_the_module():
    layer = nn.Linear(2, 3)
    net = nn.DataParallel(layer, device_ids=[0])
    x = mg.ones(1, 2)
    assert mg.equal(net(x), layer(x))
    assert list(net.state_dict()) == ["module.weight", "module.bias"]
    assert mg.equal(nn.parallel.data_parallel(layer, x), layer(x))


def test_required_options():
    class Plain(optim.Optimizer):
        def __init__(self, params, lr=optim.optimizer.required):
            super().__init__(params, {"lr": lr})

    x = mg.zeros(1, requires_grad=True)
    assert Plain([x], lr=1.0).param_groups[0]["lr"] == 1.0
    with pytest.raises(ValueError, match="required optimization parameter lr"):
        Plain([{"params": [x]}])


def test_out_takes_the_shape_and_the_dtype_stays():
    out = mg.zeros(0, dtype=mg.float64)
    assert mg.add(mg.ones(2), 1, out=out) is out
    assert (out.tolist(), out.dtype) == ([2, 2], mg.float64)
    with pytest.warns(UserWarning, match="resized"):
        mg.cat([mg.ones(2), mg.ones(1)], out=out)
    values, indices = mg.zeros(0), mg.zeros(0, dtype=mg.long)
    mg.max(mg.eye(2) * 3, 1, out=(values, indices))
    assert (values.tolist(), indices.tolist()) == ([3, 3], [0, 1])
    with pytest.raises(TypeError, match="'out'"):
        mg.add(mg.ones(2), 1, out=np.ones(2))


def test_a_pass_over_a_loader_has_its_length():
    loader = DataLoader(TensorDataset(mg.arange(10)), batch_size=4)
    batches = iter(loader)
    assert len(batches) == 3
    assert iter(batches) is batches
    assert [len(x) for (x,) in batches] == [4, 4, 2]

    class Stream(IterableDataset):
        def __iter__(self):
            return iter(range(3))

    with pytest.raises(TypeError):
        len(iter(DataLoader(Stream())))


def test_randint_of_a_named_size():
    assert mg.randint(9, size=(2, 3)).shape == (2, 3)
    assert mg.randint(4, 5, size=(3,)).tolist() == [4, 4, 4]


def test_hooks_on_states():
    net, calls = nn.Sequential(nn.Linear(2, 2), nn.ReLU()), []
    net[0].register_state_dict_pre_hook(lambda module, prefix, keep: calls.append((module, prefix, keep)))
    net[0]._register_state_dict_hook(lambda module, state, prefix, _: state.update({f"{prefix}more": mg.ones(1)}))
    state = net.state_dict(prefix="net.")
    assert calls == [(net[0], "net.0.", False)]
    assert list(state) == ["net.0.weight", "net.0.bias", "net.0.more"]
    state = net.state_dict()
    with pytest.raises(RuntimeError, match="0.more"):
        net.load_state_dict(state)

    def forget(module, state, prefix, metadata, strict, missing, unexpected, errors):
        del state[f"{prefix}more"]
        calls.append((module, strict, missing, unexpected, errors))

    handle = net[0].register_load_state_dict_pre_hook(forget)
    net.load_state_dict(state)
    assert "0.more" in state  # the hook was given a copy
    assert calls[-1] == (net[0], True, [], [], [])
    handle.remove()
    net._register_load_state_dict_pre_hook(lambda state, prefix, *_: _[-1].append("said by a hook"))
    with pytest.raises(RuntimeError, match="said by a hook"):
        net.load_state_dict(state, strict=False)


def test_normal_in_all_its_forms():
    mg.manual_seed(0)
    x = mg.normal(0.0, 1.0, size=(3, 2), dtype=mg.float64, requires_grad=True, device="cpu")
    assert (x.shape, x.dtype, x.requires_grad) == ((3, 2), mg.float64, True)
    mean = mg.full((1000, 1), 5.0, requires_grad=True)
    drawn = mg.normal(mean, mg.tensor([0.0, 2.0]))
    assert drawn.shape == (1000, 2)
    assert not drawn.requires_grad
    assert drawn[:, 0].tolist() == [5] * 1000
    assert abs(drawn[:, 1].std() - 2) < 0.2
    assert mg.normal(std=mg.ones(3)).shape == mg.normal(mg.ones(3)).shape == (3,)
    for wrong in (lambda: mg.normal(0.0, 1.0), lambda: mg.normal(mg.ones(2), 1.0, (2,))):
        with pytest.raises(TypeError, match="size"):
            wrong()


def test_multinomial_draws_each_row_by_its_own_probabilities():
    mg.manual_seed(0)
    p = mg.tensor([[0.0, 0.2, 0.3, 0.5, 0.0], [1, 0, 0, 0, 0], [0, 0, 0, 0, 1]])
    drawn = mg.multinomial(p * 3, 40_000, replacement=True)
    assert np.allclose([np.bincount(row, minlength=5) / 40_000 for row in drawn.numpy()], p, atol=0.01)
    first = mg.multinomial(p[0].expand(40_000, 5), 3).numpy()
    assert (np.sort(first, 1) == [1, 2, 3]).all()
    assert np.allclose(np.bincount(first[:, 0], minlength=5) / 40_000, p[0], atol=0.01)
    after_3 = first[first[:, 0] == 3]  # then 1 and 2 are left, as 2 to 3
    assert abs((after_3[:, 1] == 2).mean() - 0.6) < 0.015
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert mg.multinomial(mg.tensor([0.0, 1.0]), 1).tolist() == [1]

"""The default dtype, older names of types, devices."""

import copy

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn


@pytest.fixture
def double():
    mg.set_default_dtype(mg.float64)
    yield
    mg.set_default_dtype(mg.float32)


def test_the_default_dtype(double):
    assert mg.get_default_dtype() == mg.float64
    made = [
        mg.tensor(1.5), mg.tensor([1, 2.5]), mg.zeros(2), mg.ones(2), mg.empty(2), mg.rand(2), mg.randn(2), mg.eye(2), mg.full((2,), 1.5),
        mg.linspace(0, 1, 3), mg.arange(0, 1, 0.5), mg.normal(0.0, 1.0, (2,)), mg.Tensor([1, 2]), mg.tensor([1, 2]) / 2,
        mg.tensor([1, 2]) * 1.5, mg.tensor([1, 2]).exp(), nn.Linear(2, 2).weight, nn.Parameter(), nn.BatchNorm1d(2).running_mean,
        nn.LazyLinear(2)(mg.ones(3, 4)),
    ]  # fmt: skip
    assert [x.dtype for x in made] == [mg.float64] * len(made)
    assert repr(mg.tensor([1.5])) == "tensor([1.5000])"
    assert repr(mg.tensor([1.5], dtype=mg.float32)) == "tensor([1.5000], dtype=minigrad.float32)"
    assert mg.tensor([1.5], dtype=mg.float32).mul(2.5).dtype == mg.float32
    assert mg.tensor([1, 2]).dtype == mg.int64


def test_only_floating_dtypes_can_be_the_default():
    with pytest.raises(TypeError, match="only floating-point"):
        mg.set_default_dtype(mg.int32)
    assert mg.get_default_dtype() == mg.float32


def test_types_make_tensors():
    assert mg.LongTensor([1, 2]).dtype == mg.int64
    assert mg.FloatTensor(2, 3).shape == (2, 3)
    assert mg.DoubleTensor(np.ones(2, np.float32)).dtype == mg.float64
    assert mg.BoolTensor([0, 2]).tolist() == [False, True]
    assert mg.IntTensor().shape == (0,)
    x = mg.tensor([1.0])
    assert mg.FloatTensor(x).data_ptr() != x.data_ptr()
    with pytest.raises(TypeError, match="int64"):
        mg.FloatTensor(mg.tensor([1]))


def test_types_are_asked_and_converted_to():
    x = mg.ones(2)
    assert isinstance(x, mg.FloatTensor)
    assert not isinstance(x, mg.LongTensor)
    assert not isinstance(np.ones(2), mg.DoubleTensor)
    assert x.type() == "minigrad.FloatTensor"
    assert x.type("minigrad.ByteTensor").dtype == x.type("torch.ByteTensor").dtype == mg.uint8
    assert x.type(mg.LongTensor).dtype == x.to(mg.LongTensor).dtype == mg.int64
    assert x.type(mg.float32) is x
    assert x.to(float).dtype == x.to(np.float64).dtype == mg.float64


def test_devices():
    cpu = mg.device("cpu")
    assert mg.ones(2).device == cpu == "cpu"
    assert (cpu.type, cpu.index, repr(cpu)) == ("cpu", None, "device(type='cpu')")
    gpu = mg.device("cuda", 1)
    assert (gpu, gpu.type, gpu.index) == (mg.device("cuda:1"), "cuda", 1)
    assert repr(gpu) == "device(type='cuda', index=1)"
    assert copy.deepcopy(gpu).index == 1
    x = mg.ones(2)
    assert x.to(cpu) is x
    assert mg.zeros(2, device=cpu).dtype == mg.float32
    for use in (lambda: x.to(gpu), lambda: mg.zeros(2, device=gpu), lambda: x.cuda(1), lambda: nn.Linear(1, 1).to(gpu)):
        with pytest.raises(RuntimeError, match="no device 'cuda:1'"):
            use()
    for wrong in ("tpu", "cuda:x", "cuda:0:1"):
        with pytest.raises(RuntimeError, match="Expected one of cpu"):
            mg.device(wrong)
    with pytest.raises(TypeError, match="takes a name"):
        mg.device(0)

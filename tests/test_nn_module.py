"""Module: how parts are registered, found, converted, copied and shown, and every error on the way."""

import copy

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 3)
        self.scale = nn.Parameter(mg.ones(3))
        self.register_buffer("seen", mg.zeros(1))
        self.register_buffer("scratch", mg.zeros(2), persistent=False)
        self.register_parameter("nothing", None)
        self.inner = nn.Sequential(nn.Linear(3, 3), nn.ReLU())

    def forward(self, x):
        return self.inner(self.fc(x) * self.scale)


def test_parts_are_registered_in_order_and_are_attributes():
    net = Block()
    assert [name for name, _ in net.named_parameters()] == [
        "scale",
        "fc.weight",
        "fc.bias",
        "inner.0.weight",
        "inner.0.bias",
    ]
    assert [name for name, _ in net.named_parameters("net", recurse=False)] == ["net.scale"]
    assert [name for name, _ in net.named_buffers()] == ["seen", "scratch"]
    assert [name for name, _ in net.named_children()] == ["fc", "inner"]
    assert [name for name, _ in net.named_modules()] == ["", "fc", "inner", "inner.0", "inner.1"]
    assert next(net.parameters()) is net.scale
    assert list(net.children()) == [net.fc, net.inner]
    assert list(net.modules())[3] is net.inner[0]
    assert next(net.buffers()) is net.seen
    assert net.nothing is None
    assert net.get_submodule("inner.0") is net.inner[0]
    assert net.get_submodule("") is net
    assert net.get_parameter("inner.0.bias") is net.inner[0].bias
    assert net.get_buffer("seen") is net.seen


def test_shared_parts_are_listed_once():
    layer = nn.Linear(2, 2)
    net = nn.Sequential(layer, nn.ReLU(), layer)
    assert len(list(net.parameters())) == 2
    assert len(list(net.children())) == 2
    assert list(net.modules()) == [net, layer, net[1]]
    assert [name for name, _ in net.named_parameters(remove_duplicate=False)] == [
        "0.weight",
        "0.bias",
        "2.weight",
        "2.bias",
    ]
    tied = nn.Linear(2, 2, bias=False)
    tied.copy = tied.weight
    assert len(list(tied.parameters())) == 1
    assert list(tied.state_dict()) == ["weight", "copy"]


def test_assigning_and_deleting_changes_what_is_registered():
    net = Block()
    net.fc = nn.Linear(2, 5)
    assert net.get_parameter("fc.weight").shape == (5, 2)
    net.seen = mg.ones(4)
    assert net.get_buffer("seen").shape == (4,)
    net.scale = None
    assert "scale" not in dict(net.named_parameters())
    net.scale = nn.Parameter(mg.zeros(3))
    assert "scale" in dict(net.named_parameters())
    del net.fc
    assert not hasattr(net, "fc")
    assert "fc.weight" not in net.state_dict()
    net.seen = nn.Parameter(mg.ones(2))  # from a buffer to a parameter
    assert "seen" in dict(net.named_parameters())
    assert "seen" not in dict(net.named_buffers())
    net.plain = mg.ones(1)
    assert "plain" not in net.state_dict()
    net.plain = nn.Parameter(mg.ones(1))
    assert "plain" in net.state_dict()
    del net.scratch
    net.register_buffer("scratch", mg.zeros(1))
    assert "scratch" in net.state_dict()


class Forgetful(nn.Module):
    def __init__(self, make):
        self.part = make()


@pytest.mark.parametrize("make", [lambda: nn.Linear(1, 1), lambda: nn.Parameter(mg.ones(1))])
def test_assigning_before_init_says_what_to_do(make):
    with pytest.raises(AttributeError, match=r"before Module.__init__\(\) call.*super\(\).__init__\(\)"):
        Forgetful(make)


def test_using_a_module_before_init_says_what_to_do():
    net = Forgetful(lambda: 0.5)  # plain values are fine
    assert net.part == 0.5
    for use in (lambda: list(net.parameters()), net.state_dict, net.train, lambda: repr(net)):
        with pytest.raises(AttributeError, match=r"before Module.__init__\(\) call.*Forgetful"):
            use()
    with pytest.raises(AttributeError, match=r"before Module.__init__\(\) call"):
        net.register_buffer("b", mg.ones(1))


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        (lambda net: setattr(net, "scale", mg.ones(3)), TypeError, "cannot assign 'Tensor' as parameter 'scale'"),
        (lambda net: setattr(net, "fc", 3), TypeError, "cannot assign 'int' as child module 'fc'"),
        (lambda net: setattr(net, "seen", 3.0), TypeError, "cannot assign 'float' as buffer 'seen'"),
        (lambda net: net.register_parameter("x", mg.ones(1)), TypeError, "cannot assign 'Tensor' object to parameter"),
        (lambda net: net.register_buffer("x", 1.0), TypeError, "cannot assign 'float' object to buffer 'x'"),
        (lambda net: net.add_module("x", 1.0), TypeError, "float is not a Module subclass"),
        (lambda net: net.register_buffer(3, mg.ones(1)), TypeError, "buffer name should be a string. Got int"),
        (lambda net: net.register_buffer("a.b", mg.ones(1)), KeyError, "name can.+t contain"),
        (lambda net: net.register_parameter("", None), KeyError, "name can.+t be empty"),
        (lambda net: net.register_buffer("fc", mg.ones(1)), KeyError, "attribute 'fc' already exists"),
        (lambda net: net.register_parameter("seen", None), KeyError, "attribute 'seen' already exists"),
        (lambda net: net.add_module("forward", nn.ReLU()), KeyError, "attribute 'forward' already exists"),
        (lambda net: net.get_submodule("fc.x"), AttributeError, "Linear has no attribute `x`"),
        (lambda net: net.get_submodule("fc.weight"), AttributeError, "`weight` is not an nn.Module"),
        (lambda net: net.get_parameter("fc.x"), AttributeError, "Linear has no attribute `x`"),
        (lambda net: net.get_parameter("seen"), AttributeError, "`seen` is not an nn.Parameter"),
        (lambda net: net.get_buffer("scale"), AttributeError, "`scale` is not a buffer"),
        (lambda net: net.train("yes"), ValueError, "training mode is expected to be boolean"),
        (lambda net: net.to(mg.int64), TypeError, "only accepts floating point dtypes"),
        (lambda net: net.to("cuda"), RuntimeError, "no device 'cuda'"),
        (lambda net: nn.Module()(1), NotImplementedError, 'missing the required "forward" function'),
        (lambda net: net.missing, AttributeError, "'Block' object has no attribute 'missing'"),
        (lambda net: delattr(net, "missing"), AttributeError, "missing"),
    ],
)
def test_mistakes_raise_and_change_nothing(change, error, match):
    net = Block()
    before = dict(net.__dict__)
    keys = list(net.state_dict())
    with pytest.raises(error, match=match):
        change(net)
    assert list(net.state_dict()) == keys
    assert all(net.__dict__[name] is value for name, value in before.items())


def test_a_computed_parameter_cannot_be_registered():
    parameter = nn.Parameter(mg.ones(2))
    parameter.grad_fn = (parameter * 2).grad_fn
    with pytest.raises(ValueError, match="Cannot assign non-leaf Tensor to parameter 'x'"):
        nn.Module().register_parameter("x", parameter)


def test_parameter():
    data = mg.ones(2, 2)
    parameter = nn.Parameter(data)
    assert isinstance(parameter, mg.Tensor)
    assert parameter.requires_grad
    assert parameter.is_leaf
    assert type(parameter + 1) is mg.Tensor
    assert type(parameter.detach()) is mg.Tensor
    data.fill_(3)
    assert parameter.tolist() == [[3, 3], [3, 3]]
    assert repr(parameter) == "Parameter containing:\n" + repr(mg.full((2, 2), 3.0).requires_grad_())
    assert nn.Parameter(parameter * 2).is_leaf
    assert nn.Parameter().shape == (0,)
    with pytest.raises(RuntimeError, match="floating point"):
        nn.Parameter(mg.tensor([1]))
    assert nn.Parameter(mg.tensor([1]), requires_grad=False).tolist() == [1]
    with pytest.raises(TypeError, match="not list: wrap it in"):
        nn.Parameter([1.0])
    loss = (parameter * parameter).sum()
    data.zero_()  # the memory is shared, so the gradient would be wrong
    with pytest.raises(RuntimeError, match="inplace"):
        loss.backward()


def test_train_eval_apply_requires_grad():
    net = Block()
    assert net.training
    assert net.eval() is net
    assert not any(module.training for module in net.modules())
    assert net.inner.train().training
    assert not net.training
    seen = []
    assert net.apply(lambda module: seen.append(module)) is net
    assert seen == [net.fc, net.inner[0], net.inner[1], net.inner, net]
    assert net.requires_grad_(False) is net
    assert not any(parameter.requires_grad for parameter in net.parameters())


def test_zero_grad():
    net = Block()
    net(mg.ones(2, 2)).sum().backward()
    kept = net.scale.grad
    net.zero_grad(set_to_none=False)
    assert net.scale.grad is kept
    assert kept.tolist() == [0, 0, 0]
    net.zero_grad()
    assert all(parameter.grad is None for parameter in net.parameters())


def test_to_converts_what_is_floating_in_place():
    net = Block()
    net.register_buffer("count", mg.tensor(3))
    net(mg.ones(2, 2)).sum().backward()
    parameters = list(net.parameters())
    assert net.double() is net
    assert all(new is old for new, old in zip(net.parameters(), parameters, strict=True))
    assert all(parameter.dtype == mg.float64 and parameter.grad.dtype == mg.float64 for parameter in parameters)
    assert net.seen.dtype == mg.float64
    assert net.count.dtype == mg.int64
    net(mg.ones(2, 2, dtype=mg.float64)).sum().backward()
    assert net.to(mg.zeros(1)).scale.dtype == mg.float32
    assert net.float().cpu().to("cpu").scale.dtype == mg.float32
    net.to(dtype=mg.float64)
    assert net.scratch.dtype == mg.float64


def test_deepcopy_is_independent_and_keeps_sharing():
    net = Block()
    net.again = net.fc
    net.register_forward_hook(lambda module, args, output: output + 1)
    net.drop = nn.Dropout(0.5, generator=mg.Generator().manual_seed(3))
    twin = copy.deepcopy(net)
    x = mg.ones(2, 2)
    assert np.array_equal(twin(x).numpy(force=True), net(x).numpy(force=True))
    assert twin.again is twin.fc
    assert twin.fc.weight is not net.fc.weight
    assert isinstance(twin.fc.weight, nn.Parameter)
    with mg.no_grad():
        twin.fc.weight.zero_()
    assert dict(twin.named_parameters())["fc.weight"] is twin.fc.weight
    assert net.fc.weight.numpy(force=True).any()
    twin.extra = nn.Linear(1, 1)
    assert not hasattr(net, "extra")
    big = mg.ones(1000)
    assert np.array_equal(twin.drop(big).numpy(), net.drop(big).numpy())  # the generators go on alike, each by itself


def test_copy_shares_parts_but_not_the_registry():
    net = Block()
    twin = copy.copy(net)
    assert twin.fc is net.fc
    twin.fc = nn.Linear(2, 4)
    assert net.get_parameter("fc.weight").shape == (3, 2)
    del twin.scale
    assert "scale" in net.state_dict()


def test_a_module_without_hooks_calls_forward_alone():
    class Plain(nn.Module):
        def forward(self, *args, **kwargs):
            return args, kwargs

    assert Plain()(1, 2, a=3) == ((1, 2), {"a": 3})


def test_repr_nests():
    net = nn.Sequential(nn.Linear(2, 3, bias=False), nn.ModuleList([nn.ReLU(), nn.ReLU(), nn.Tanh()]))
    assert repr(net) == (
        "Sequential(\n"
        "  (0): Linear(in_features=2, out_features=3, bias=False)\n"
        "  (1): ModuleList(\n"
        "    (0-1): 2 x ReLU()\n"
        "    (2): Tanh()\n"
        "  )\n"
        ")"
    )
    assert repr(nn.Module()) == "Module()"

    class Two(nn.Module):
        def extra_repr(self):
            return "one\ntwo"

    assert repr(Two()) == "Two(\n  one\n  two\n)"

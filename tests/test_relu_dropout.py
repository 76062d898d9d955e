"""ReLU and dropout in one pass: bit for bit what the two give one after the other, as a function and in nn.Sequential."""

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.ops.dropout import keep_threshold

SPECIAL = [0.0, -0.0, np.nan, np.inf, -np.inf, 1e-45, -1e-45, 3e38, 1.0, -1.0]


def numbers(dtype, size=1000):
    rng = np.random.default_rng(0)
    x = rng.standard_normal(size)
    x[::3] = rng.choice(SPECIAL, x[::3].size)
    return mg.from_numpy(x.astype(dtype)).requires_grad_()


def bits(*tensors):
    return [None if t is None else t.numpy(force=True).tobytes() for t in tensors]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("p", [0.0, 1e-12, 0.1, 0.5, 1 - 2**-31, 1.0])
@pytest.mark.parametrize("offset", [0, 300])
def test_equals_dropout_of_relu(dtype, p, offset):
    found = []
    for function in (F.relu_dropout, lambda x, p, generator: F.dropout(F.relu(x), p, generator=generator)):
        generator = mg.Generator().manual_seed(3).at(5, offset)
        x = numbers(dtype)
        y = function(x, p, generator=generator)
        y.backward(numbers(dtype).detach() * 2 + 1)
        found.append([generator.call, *bits(y, x.grad)])
    assert found[0] == found[1]


def test_gradients_of_gradients_are_equal_too():
    found = []
    for fused in (True, False):
        generator = mg.Generator().manual_seed(3)
        x, g = mg.randn(50, generator=generator).requires_grad_(), mg.randn(50, generator=generator).requires_grad_()
        y = F.relu_dropout(x, generator=generator) if fused else F.dropout(F.relu(x), generator=generator)
        (dx,) = mg.autograd.grad(y, x, g, create_graph=True)
        found.append(bits(y, dx, *mg.autograd.grad((dx * dx).sum(), g)))
    assert found[0] == found[1]


def test_the_output_may_be_written_to():
    x = mg.tensor([1.0, 2.0, -1.0], requires_grad=True)
    y = F.relu_dropout(x, 1e-12)
    y += 1
    y.sum().backward()
    assert x.grad.tolist() == [1, 1, 0]


@pytest.mark.parametrize("p", [2.0**-32, 0.1, 0.3, 0.5, 2 / 3, 0.9, 1 - 2**-32])
def test_the_keep_probability_is_exact_to_32_bits(p):
    assert abs(keep_threshold(p) / 2**32 - (1 - p)) <= 2**-33


def unfused(net, x):
    for module in net:
        x = module(x)
    return x


NETS = {
    "mlp": lambda: nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Dropout(0.4), nn.Linear(9, 3)),
    "bare": lambda: nn.Sequential(nn.ReLU(), nn.Dropout(0.4)),
    "twice": lambda: nn.Sequential(nn.ReLU(), nn.Dropout(0.4), nn.ReLU(), nn.ReLU(), nn.Dropout(0.2), nn.ReLU()),
    "own generator": lambda: nn.Sequential(nn.ReLU(), nn.Dropout(generator=mg.Generator().manual_seed(4))),
    "all or nothing": lambda: nn.Sequential(nn.ReLU(), nn.Dropout(0.0), nn.ReLU(), nn.Dropout(1.0)),
    "last": lambda: nn.Sequential(nn.Dropout(), nn.ReLU()),
}


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("training", [True, False])
def test_sequential_gives_the_same_bits(name, training):
    found = []
    for call in (lambda net, x: net(x), unfused):
        mg.manual_seed(1)
        net = NETS[name]().train(training)
        x = mg.randn(20, 6, requires_grad=True)
        y = call(net, x)
        y.backward(mg.randn(*y.shape))
        found.append([*bits(y, x.grad, *(p.grad for p in net.parameters())), mg.random.default_generator.call])
    assert found[0] == found[1]


class Twice(nn.Dropout):
    def forward(self, input):
        return 2 * super().forward(input)


def watched(net, place, kind):
    seen = []
    getattr(net[place], kind)(lambda *args: seen.append(1))
    return seen


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("kind", ["register_forward_hook", "register_forward_pre_hook", "register_full_backward_hook"])
def test_hooks_are_called(place, kind):
    net = nn.Sequential(nn.ReLU(), nn.Dropout())
    x = mg.randn(4, 4, requires_grad=True)
    assert net(x).grad_fn.name() == "ReluDropoutBackward"
    seen = watched(net, place, kind)
    y = net(x)
    assert y.grad_fn.name() != "ReluDropoutBackward"
    y.sum().backward()
    assert len(seen) == 1


def test_what_keeps_two_calls():
    x = mg.randn(4, 4, requires_grad=True)
    for net in (
        nn.Sequential(nn.ReLU(inplace=True), nn.Dropout()),
        nn.Sequential(nn.ReLU(), nn.Dropout(inplace=True)),
        nn.Sequential(nn.ReLU(), Twice()),
        nn.Sequential(nn.ReLU6(), nn.Dropout()),
        nn.Sequential(nn.ReLU(), nn.Identity(), nn.Dropout()),
        nn.Sequential(nn.ReLU(), nn.Dropout()).eval(),
    ):
        assert net(x * 1).grad_fn.name() != "ReluDropoutBackward"
    net = nn.Sequential(nn.ReLU(), nn.Dropout())
    net[1].forward = lambda input: input * 3
    assert mg.equal(net(x), F.relu(x) * 3)


def test_a_result_of_sequential_may_be_written_to():
    x = mg.randn(4, 4, requires_grad=True)
    y = nn.Sequential(nn.ReLU(), nn.Dropout())(x)
    y += 1
    y.sum().backward()

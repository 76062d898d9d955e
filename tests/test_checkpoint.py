"""Checkpoints: the same outputs, gradients and masks as without, from less memory, and errors where that cannot be."""

import gc
import weakref
from collections import namedtuple

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import autograd, nn, optim
from minigrad.utils.checkpoint import CheckpointError, checkpoint, checkpoint_sequential

BOTH = pytest.mark.parametrize("reentrant", [False, True])


def block(generator=None):
    mg.manual_seed(1)
    return nn.Sequential(
        nn.Linear(4, 8), nn.Tanh(), nn.Dropout(0.5, generator=generator), nn.Linear(8, 4), nn.Dropout(0.3)
    ).double()


def point(*shape, seed=0):
    return mg.tensor(np.random.default_rng(seed).standard_normal(shape), requires_grad=True)


def gradients(call, parts):
    """The output of `call()` and the gradients of `parts`, from a known random state."""
    for part in parts:
        part.grad = None
    mg.manual_seed(7)
    out = call()
    after = mg.default_generator.call
    (out * out).sum().backward()
    assert mg.default_generator.call == after  # the second run leaves no trace
    return [out.numpy(force=True), *(None if part.grad is None else part.grad.numpy().copy() for part in parts)]


def same(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)


@BOTH
def test_dropout_masks_replay(reentrant):
    net, x = block(), point(5, 4)
    parts = [x, *net.parameters()]
    same(gradients(lambda: checkpoint(net, x, use_reentrant=reentrant), parts), gradients(lambda: net(x), parts))
    # without the random state the masks are others
    other = gradients_without_state(net, x, reentrant)
    assert not np.array_equal(other, gradients(lambda: net(x), parts)[1])


def gradients_without_state(net, x, reentrant):
    x.grad = None
    mg.manual_seed(7)
    (checkpoint(net, x, use_reentrant=reentrant, preserve_rng_state=False) ** 2).sum().backward()
    return x.grad.numpy()


@BOTH
def test_generators_of_layers_and_arguments_replay(reentrant):
    x = point(5, 4)
    results = []
    for wrapped in (False, True):
        generator, given = mg.Generator().manual_seed(3), mg.Generator().manual_seed(4)
        net = block(generator)

        def run(x, given, net=net):
            return F.dropout(net(x), 0.5, generator=given)

        def call(net=net, given=given, run=run, wrapped=wrapped):
            if not wrapped:
                return run(x, given)
            y = checkpoint(net.forward, x, use_reentrant=reentrant)
            return checkpoint(lambda y, given: F.dropout(y, 0.5, generator=given), y, given, use_reentrant=reentrant)

        results.append(gradients(call, [x, *net.parameters()]))
        assert (generator.call, given.call) == (1, 1)
    same(*results)


def test_nested():
    net, x = block(), point(5, 4)
    outer, inner = net[:3], net[3:]

    def nested():
        return checkpoint(
            lambda x: checkpoint(inner, outer(x) * x.sum(), use_reentrant=False) * 2, x, use_reentrant=False
        )

    parts = [x, *net.parameters()]
    same(gradients(nested, parts), gradients(lambda: inner(outer(x) * x.sum()) * 2, parts))


@BOTH
def test_sequential(reentrant):
    net, x = nn.Sequential(*(layer for _ in range(4) for layer in block()[:4])), point(5, 4)
    parts = [x, *net.parameters()]
    plain = gradients(lambda: net(x), parts)
    for segments in (1, 3, 16):
        same(gradients(lambda n=segments: checkpoint_sequential(net, n, x, use_reentrant=reentrant), parts), plain)
        same(
            gradients(lambda n=segments: checkpoint_sequential(list(net), n, x, use_reentrant=reentrant), parts), plain
        )
    with pytest.raises(ValueError, match="segments has to be 1 to 16"):
        checkpoint_sequential(net, 17, x)


def test_it_works_with_grad_and_what_the_function_reaches_otherwise():
    x, w = point(3), point(3, seed=1)
    h = w.exp() * x  # a part of the graph that the function uses without being given it

    def run(x, scale=1.0):
        return (x * h * w).sin() * scale

    expected = autograd.grad(run(x, 3.0).sum(), [x, w], retain_graph=True)
    found = autograd.grad(checkpoint(run, x, scale=3.0, use_reentrant=False).sum(), [x, w], retain_graph=True)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-14)


def test_gradients_of_gradients():
    weight = point(3, 3)

    def plain(x, w):
        return (x @ weight * w).tanh().prod(-1)

    def wrapped(x, w):
        return checkpoint(plain, x, w, use_reentrant=False)

    x, w = point(2, 3, seed=1), point(3, seed=2)
    assert autograd.gradcheck(wrapped, (x, w))
    assert autograd.gradgradcheck(wrapped, (x, w))
    slopes = []
    for function in (plain, wrapped):
        (g,) = autograd.grad(function(x, w).sum(), x, create_graph=True)
        slopes.append(autograd.grad((g**2).sum(), [x, w, weight]))
    for a, b in zip(*slopes, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-12)


def test_backward_twice():
    net, x = block(), point(5, 4)
    y = checkpoint(net, x, use_reentrant=False).sum()
    y.backward(retain_graph=True)
    once = x.grad.numpy().copy()
    y.backward()
    np.testing.assert_array_equal(x.grad.numpy(), 2 * once)
    with pytest.raises(RuntimeError, match="CheckpointBackward.*second time|second time.*CheckpointBackward"):
        y.backward()


def test_structures_of_outputs():
    Pair = namedtuple("Pair", "left right")
    x = point(3)

    def run(x, twice):
        y = x * 2
        return {"pair": Pair(y, [y * y, 5, x]), "text": "as it is"} if twice else y

    found = checkpoint(run, x, twice=True, use_reentrant=False)
    assert found["text"] == "as it is"
    assert isinstance(found["pair"], Pair)
    left, (square, five, same_x) = found["pair"]
    assert five == 5
    assert same_x is x
    square.sum().backward(retain_graph=True)  # one of two outputs
    np.testing.assert_allclose(x.grad.numpy(), 8 * x.detach().numpy())
    x.grad = None
    (left.sum() + square.sum()).backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 + 8 * x.detach().numpy())


def test_gradients_share_no_memory():
    x, y = point(5000), point(5000, seed=1)  # large enough not to be copied to a better place
    checkpoint(lambda x, y: (x + y) * 3, x, y, use_reentrant=False).sum().backward()
    x.grad.zero_()
    assert (y.grad == 3).all()


def test_intermediate_results_are_freed():
    kept = []

    def run(x):
        y = x.exp()
        kept.append(weakref.ref(y._value))
        return (y * y).sin()

    x = point(1000)
    plain, wrapped = run(x), checkpoint(run, x, use_reentrant=False)
    gc.collect()
    assert kept[0]() is not None
    assert kept[1]() is None
    (plain + wrapped).sum().backward()


def test_without_gradients_it_is_a_call():
    net, x = block(), mg.ones(2, 4, dtype=mg.float64)
    with mg.no_grad():
        assert checkpoint(net, x, use_reentrant=False).grad_fn is None
    assert checkpoint(lambda x: x * 2, x, use_reentrant=False).grad_fn is None
    assert checkpoint(lambda x: 5, x, use_reentrant=False) == 5


def test_parameters_get_gradients_though_no_argument_does():
    net, x = block(), mg.ones(2, 4, dtype=mg.float64)
    checkpoint(net, x).sum().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())
    net.zero_grad()
    with pytest.warns(UserWarning, match="None of the inputs have requires_grad=True"):
        out = checkpoint(net, x, use_reentrant=True)
    assert not out.requires_grad


def test_reentrant_says_what_it_cannot():
    x = point(3)
    y = checkpoint(lambda x: x.sin(), x, use_reentrant=True)
    with pytest.raises(RuntimeError, match="incompatible with .grad()"):
        autograd.grad(y.sum(), x, retain_graph=True)
    with pytest.raises(RuntimeError, match="incompatible with .grad()"):
        y.sum().backward(inputs=[x], retain_graph=True)
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.cos(x.detach().numpy()))
    with pytest.raises(ValueError, match="Unexpected keyword arguments: scale"):
        checkpoint(lambda x, scale: x, x, scale=2, use_reentrant=True)
    with pytest.warns(UserWarning, match="reference cycle"), pytest.raises(RuntimeError, match="no second derivative"):
        checkpoint(lambda x: x.sin(), x, use_reentrant=True).sum().backward(create_graph=True)


def test_the_function_has_to_do_the_same_again():
    x, others = point(4), [point(4, seed=1).exp(), point(4, seed=2).exp()]
    lengths = iter((4, 2))
    y = checkpoint(lambda x: x[: next(lengths)] * 2, x, use_reentrant=False)
    with pytest.raises(CheckpointError, match=r"gave \[4\] of float64 at first, and now \[2\]"):
        y.sum().backward()
    turns = iter(others)
    with pytest.raises(CheckpointError, match="from 1 other tensors"):
        checkpoint(lambda x: x * next(turns), x, use_reentrant=False).sum().backward()
    with pytest.raises(ValueError, match="determinism_check should be one of"):
        checkpoint(mg.sin, x, use_reentrant=False, determinism_check="some")
    with pytest.raises(NotImplementedError, match="debug=True"):
        checkpoint(mg.sin, x, use_reentrant=False, debug=True)


def test_what_is_needed_again_may_not_be_overwritten():
    net, x = block(), point(5, 4)
    data = x.detach() + 1
    for overwrite in (lambda: data.add_(1), optim.SGD(net.parameters(), lr=0.1).step):
        net(data).sum().backward()
        out = checkpoint(net, data, use_reentrant=False)
        overwrite()
        with pytest.raises(RuntimeError, match="CheckpointBackward has to compute again.*inplace"):
            out.sum().backward()
    with pytest.raises(RuntimeError, match="changes one of its arguments in place"):
        checkpoint(nn.ReLU(inplace=True), x * 1, use_reentrant=False)


def test_hooks_run_once():
    net, x = block(), point(5, 4)
    calls = []
    net[0].weight.register_hook(lambda g: calls.append("weight"))
    x.register_hook(lambda g: calls.append("x"))
    checkpoint(net, x, use_reentrant=False).sum().backward()
    assert sorted(calls) == ["weight", "x"]


def test_contexts():
    class Note:
        def __init__(self, name):
            self.name = name

        def __enter__(self):
            seen.append(self.name)

        def __exit__(self, *exc):
            pass

    seen = []
    x = point(2)
    y = checkpoint(mg.sin, x, use_reentrant=False, context_fn=lambda: (Note("first"), Note("second")))
    assert seen == ["first"]
    y.sum().backward()
    assert seen == ["first", "second"]


def test_many_in_a_row_are_linear():
    """A thousand checkpoints: walking back to the beginning at each would take minutes."""
    x = point(2)
    y = x
    for _ in range(1000):
        y = checkpoint(lambda y: y * 1.001, y, use_reentrant=False)
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 1.001**1000, rtol=1e-9)

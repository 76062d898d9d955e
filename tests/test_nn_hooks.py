"""Hooks: when they are called, with what, what they may replace, and that they go away again."""

from collections import namedtuple

import pytest

import minigrad as mg
from minigrad import nn


class Mul(nn.Module):
    def forward(self, a, b=2.0):
        return a * b


def test_forward_hooks_see_and_replace():
    net, calls = Mul(), []
    net.register_forward_pre_hook(lambda module, args: calls.append(("pre", module, args)))
    net.register_forward_hook(lambda module, args, output: calls.append(("post", module, args, output)))
    x = mg.ones(2)
    out = net(x, b=3.0)
    assert calls == [("pre", net, (x,)), ("post", net, (x,), out)]
    handle = net.register_forward_pre_hook(lambda module, args: args[0] + 1)
    assert net(x).tolist() == [4, 4]
    handle.remove()
    handle.remove()
    with net.register_forward_hook(lambda module, args, output: output + 1):
        assert net(x).tolist() == [3, 3]
    assert net(x).tolist() == [2, 2]


def test_forward_hooks_with_kwargs():
    net = Mul()
    net.register_forward_pre_hook(lambda module, args, kwargs: (args, {"b": kwargs["b"] + 1}), with_kwargs=True)
    net.register_forward_hook(lambda module, args, kwargs, output: output + kwargs["b"], with_kwargs=True)
    assert net(mg.ones(1), b=3.0).tolist() == [8]
    net.register_forward_pre_hook(lambda module, args, kwargs: args, with_kwargs=True)
    with pytest.raises(RuntimeError, match="must return None or a tuple of"):
        net(mg.ones(1), b=3.0)


def test_hooks_run_in_order_unless_prepended():
    net, calls = nn.Identity(), []
    net.register_forward_hook(lambda *_: calls.append("second"))
    net.register_forward_hook(lambda *_: calls.append("third"))
    net.register_forward_hook(lambda *_: calls.append("first"), prepend=True)
    net(mg.ones(1))
    assert calls == ["first", "second", "third"]


def test_full_backward_hook_sees_all_gradients_at_once():
    net, calls = Mul(), []
    net.register_full_backward_hook(lambda module, grad_in, grad_out: calls.append((module, grad_in, grad_out)))
    a, b = mg.tensor([2.0], requires_grad=True), mg.tensor([5.0], requires_grad=True)
    out = net(a, b)
    assert out.tolist() == [10]
    (out * 3).sum().backward()
    ((module, grad_in, grad_out),) = calls
    assert module is net
    assert [grad.tolist() for grad in grad_in] == [[15], [6]]
    assert [grad.tolist() for grad in grad_out] == [[3]]
    assert a.grad.tolist() == [15]
    assert b.grad.tolist() == [6]


def test_backward_hooks_replace_gradients():
    net = Mul()
    net.register_full_backward_pre_hook(lambda module, grad_out: (grad_out[0] * 10,))
    handle = net.register_full_backward_hook(lambda module, grad_in, grad_out: (grad_in[0] + 1, grad_in[1]))
    a, b = mg.tensor([2.0], requires_grad=True), mg.tensor([5.0], requires_grad=True)
    net(a, b).sum().backward()
    assert a.grad.tolist() == [51]
    assert b.grad.tolist() == [20]
    handle.remove()
    a.grad = None
    net(a, 5.0).sum().backward()
    assert a.grad.tolist() == [50]


def test_backward_hooks_and_inputs_without_gradient():
    net, calls = nn.Linear(2, 1, bias=False), []
    net.register_full_backward_hook(lambda module, grad_in, grad_out: calls.append((grad_in, grad_out[0].tolist())))
    net(mg.ones(1, 2)).sum().backward()
    assert calls == [((None,), [[1]])]
    assert net.weight.grad.tolist() == [[1, 1]]
    mixed = Mul()
    mixed.register_full_backward_hook(lambda module, grad_in, grad_out: calls.append(grad_in))
    mixed(mg.ones(1), mg.ones(1).requires_grad_()).sum().backward()
    assert calls[-1][0] is None
    assert calls[-1][1].tolist() == [1]
    with mg.no_grad():
        mixed(mg.ones(1))
    net.register_full_backward_hook(lambda module, grad_in, grad_out: (mg.ones(1, 2),))
    with pytest.raises(RuntimeError, match="no input requires gradient should always return None"):
        net(mg.ones(1, 2)).sum().backward()


def test_backward_hooks_of_several_outputs():
    Pair = namedtuple("Pair", "a b c")

    class Split(nn.Module):
        def forward(self, x):
            return Pair(x * 2, "note", x * 3)

    net, calls = Split(), []
    net.register_full_backward_hook(lambda module, grad_in, grad_out: calls.append((grad_in, grad_out)))
    x = mg.ones(1).requires_grad_()
    out = net(x)
    assert type(out) is Pair
    assert out.b == "note"
    (out.a + out.c).sum().backward()
    assert [None if grad is None else grad.tolist() for grad in calls[0][1]] == [[1], None, [1]]
    assert calls[0][0][0].tolist() == [5]
    net(x).c.sum().backward()  # the gradient of `a` never arrives
    assert [None if grad is None else grad.tolist() for grad in calls[1][1]] == [None, None, [1]]
    assert len(calls) == 2


def test_backward_hook_with_a_wrong_number_of_gradients():
    net = Mul()
    net.register_full_backward_hook(lambda module, grad_in, grad_out: (grad_in[0], None, None))
    with pytest.raises(RuntimeError, match="invalid number of grad_input, got 3, but expected 1"):
        net(mg.ones(1).requires_grad_()).sum().backward()


def test_backward_hooks_under_create_graph_and_twice():
    net, seen = Mul(), []
    net.register_full_backward_hook(lambda module, grad_in, grad_out: seen.append(grad_in[0]))
    x = mg.tensor([3.0], requires_grad=True)
    out = net(x, x * x).sum()  # x^3
    (first,) = mg.autograd.grad(out, x, create_graph=True)
    assert first.item() == 27
    assert seen[0].item() == 9
    (second,) = mg.autograd.grad(first, x)
    assert second.item() == 18
    out = net(x, 2.0).sum()
    out.backward(retain_graph=True)
    out.backward()
    assert x.grad.item() == 4


def test_inputs_of_a_hooked_module_are_not_changed_in_place():
    net = nn.ReLU(inplace=True)
    net.register_full_backward_hook(lambda *_: None)
    with pytest.raises(RuntimeError, match="view"):
        net(mg.ones(1).requires_grad_() * 1)


def test_grads_match_with_and_without_hooks():
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    x = mg.randn(5, 3)
    net(x).sum().backward()
    plain = [parameter.grad.tolist() for parameter in net.parameters()]
    net.zero_grad()
    for module in net.modules():
        module.register_full_backward_hook(lambda *_: None)
    net(x).sum().backward()
    assert [parameter.grad.tolist() for parameter in net.parameters()] == plain

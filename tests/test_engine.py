"""The engine alone, on Python numbers: it knows no arrays."""

import threading

import pytest

from minigrad import engine
from minigrad.engine import Function, Variable, run_backward
from minigrad.grad_mode import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled


class Add(Function):
    def forward(self, x, y):
        return x + y

    def backward(self, g):
        return g, g


class Mul(Function):
    def forward(self, x, y):
        self.x, self.y = x, y
        return x * y

    def backward(self, g):
        return mul(g, self.y), mul(g, self.x)


def add(x, y):
    return Add.apply(x, y) if isinstance(x, Variable) or isinstance(y, Variable) else x + y


def mul(x, y):
    return Mul.apply(x, y) if isinstance(x, Variable) or isinstance(y, Variable) else x * y


Variable.__add__ = add  # gradients under create_graph are added as Variables


def leaf(value):
    return Variable(value, requires_grad=True)


def backward(out, **options):
    run_backward([out.grad_fn or out], [1.0], **options)


def test_product_rule():
    x, y = leaf(3.0), leaf(5.0)
    backward(add(mul(x, y), x))
    assert (x.grad, y.grad) == (6.0, 3.0)


def test_diamond_adds_up_both_sides():
    x = leaf(3.0)
    shared = mul(x, 2.0)
    backward(add(mul(shared, shared), shared))
    assert x.grad == 2 * (2 * 6.0) + 2


def test_leaf_used_twice_in_one_operation():
    x = leaf(3.0)
    backward(mul(x, x))
    assert x.grad == 6.0


def test_many_arrivals():
    x = leaf(1.0)
    y = mul(x, 1.0)
    total = y
    for _ in range(10):
        total = add(total, y)
    backward(total)
    assert x.grad == 11.0


def test_every_function_runs_once_after_all_its_gradients():
    runs = []

    class Watch(Function):
        def forward(self, x):
            return x

        def backward(self, g):
            runs.append(g)
            return g

    x = leaf(1.0)
    watched = Watch.apply(x)
    backward(add(mul(watched, 2.0), mul(mul(watched, 3.0), 4.0)))
    assert runs == [14.0]


@pytest.mark.parametrize("depth", [100_000])
def test_deep_graphs(depth):
    x = leaf(1.0)
    y = x
    for _ in range(depth):
        y = add(y, 1.0)
    backward(y)
    assert x.grad == 1.0
    del y  # used
    y = x
    for _ in range(depth):
        y = mul(y, 1.0)
    del y  # unused: must not overflow the stack either


def test_second_backward_needs_retain():
    x = leaf(3.0)
    y = mul(x, Boxed(2.0))
    backward(y, retain=True)
    backward(y)
    with pytest.raises(RuntimeError, match="second time"):
        backward(y)
    assert x.grad == 4.0


class Boxed(float):
    """A number that the engine takes for data, which is freed, and not for an option."""


def test_functions_that_save_nothing_may_run_again():
    x = leaf(3.0)
    y = add(x, 2.0)
    backward(y)
    backward(y)
    assert x.grad == 2.0


def test_gradients_of_gradients():
    x = leaf(3.0)
    y = mul(mul(x, x), x)
    first = run_backward([y.grad_fn], [Variable(1.0)], [x], True, True)[x]
    assert first._value == 27.0
    second = run_backward([first.grad_fn], [Variable(1.0)], [x], True, True)[x]
    assert second._value == 18.0
    third = run_backward([second.grad_fn], [1.0], [x])[x]
    assert third == 6.0


def test_only_what_leads_to_the_targets_runs():
    class Forbidden(Function):
        def forward(self, x):
            return x

        def backward(self, g):
            raise AssertionError("not on the way to the target")

    x, y = leaf(2.0), leaf(3.0)
    out = mul(mul(x, 5.0), Forbidden.apply(y))
    assert run_backward([out.grad_fn], [1.0], [x]) == {x: 15.0}
    assert x.grad is None


def test_targets_may_be_inside_the_graph():
    x = leaf(2.0)
    middle = mul(x, 3.0)
    out = mul(middle, middle)
    assert run_backward([out.grad_fn], [1.0], [middle.grad_fn]) == {middle.grad_fn: 12.0}


class Cell(float):
    """A number whose memory remembers its last in-place write."""


def test_overwritten_value_is_noticed():
    x, y = leaf(2.0), Variable(Cell(3.0))
    out = mul(x, y)
    engine.mark_written(y)
    with pytest.raises(RuntimeError, match=r"MulBackward needs its argument 1 .*inplace"):
        backward(out)
    unaffected = add(x, y)
    engine.mark_written(y)
    backward(unaffected)
    assert x.grad == 1.0


def test_a_failed_backward_leaves_the_gradients_as_they_were():
    class Broken(Function):
        def forward(self, x):
            return x

        def backward(self, g):
            raise ZeroDivisionError

    x, y = leaf(1.0), leaf(1.0)
    with pytest.raises(ZeroDivisionError):
        backward(add(mul(x, 2.0), Broken.apply(y)))
    assert x.grad is None


def test_modes():
    x = leaf(1.0)
    with no_grad():
        assert not is_grad_enabled()
        assert mul(x, 2.0).grad_fn is None
        with enable_grad():
            assert mul(x, 2.0).grad_fn is not None
        assert not is_grad_enabled()
    assert is_grad_enabled()
    with set_grad_enabled(False):
        assert not is_grad_enabled()
    assert is_grad_enabled()
    set_grad_enabled(False)
    assert not is_grad_enabled()
    set_grad_enabled(True)
    with inference_mode():
        assert not is_grad_enabled()
    with pytest.raises(ValueError, match="boom"), no_grad():
        raise ValueError("boom")
    assert is_grad_enabled()


@pytest.mark.parametrize("decorator", [no_grad, no_grad(), inference_mode()])
def test_modes_decorate(decorator):
    @decorator
    def inner(depth):
        """doc"""
        return is_grad_enabled() or (depth > 0 and inner(depth - 1))

    assert inner(3) is False
    assert inner.__doc__ == "doc"
    assert is_grad_enabled()


def test_mode_is_per_thread():
    seen = []
    with no_grad():
        thread = threading.Thread(target=lambda: seen.append(is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]

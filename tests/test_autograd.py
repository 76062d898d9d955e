"""Gradients on Tensors: the API around the engine, in-place operations, views, hooks, functions of one's own."""

import threading
import weakref

import numpy as np
import pytest

import minigrad as mg
from minigrad import autograd


def leaf(*values):
    return mg.tensor(values, dtype=mg.float64, requires_grad=True)


def test_backward_accumulates():
    x = leaf(1.0, 2.0)
    (x * x).sum().backward()
    (x * x).sum().backward()
    assert x.grad.tolist() == [4, 8]


def test_backward_of_a_non_scalar_needs_a_gradient():
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match="scalar outputs"):
        (x * 2).backward()
    with pytest.raises(RuntimeError, match=r"shape of \[3\].*\[2\]"):
        (x * 2).backward(mg.ones(3))
    (x * 2).backward(mg.tensor([1.0, 10.0]))
    assert x.grad.tolist() == [2, 20]


def test_backward_without_a_graph():
    with pytest.raises(RuntimeError, match="does not require grad"):
        mg.ones(1).backward()
    with pytest.raises(TypeError):
        autograd.grad(1.0, mg.ones(1))


def test_second_backward_through_a_freed_graph():
    x = leaf(1.0)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    with pytest.raises(RuntimeError, match="second time.*retain_graph=True"):
        y.backward()


def test_grad_leaves_dot_grad_alone():
    x, y = leaf(3.0), leaf(4.0)
    gx, gy = autograd.grad(x * y, (x, y))
    assert (gx.tolist(), gy.tolist()) == ([4], [3])
    assert x.grad is None


def test_unused_inputs():
    x, unused = leaf(3.0), leaf(1.0)
    with pytest.raises(RuntimeError, match="allow_unused"):
        autograd.grad(x * 2, (x, unused))
    assert autograd.grad(x * 2, (x, unused), allow_unused=True)[1] is None
    assert autograd.grad(x * 2, (x, unused), materialize_grads=True)[1].tolist() == [0]


def test_backward_into_named_inputs_only():
    x, y = leaf(3.0), leaf(4.0)
    (x * y).backward(inputs=[x])
    assert x.grad.tolist() == [4]
    assert y.grad is None


@pytest.mark.parametrize("order", range(1, 6))
def test_gradients_of_any_order(order):
    x = leaf(0.7)
    y = x**5
    expected = 0.7**5
    for k in range(order):
        y = autograd.grad(y.sum(), x, create_graph=True)[0]
        expected = expected * (5 - k) / 0.7
    np.testing.assert_allclose(y.item(), expected, rtol=1e-12)


def test_create_graph_in_backward():
    x = leaf(2.0)
    (x**3).backward(create_graph=True)
    assert x.grad.requires_grad
    first = x.grad
    x.grad = None
    first.backward()
    assert x.grad.tolist() == [12]


def test_gradients_of_leaves_never_share_memory():
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    (x + y).sum().backward()
    assert not np.shares_memory(x.grad.numpy(), y.grad.numpy())
    gradient = mg.ones(2, dtype=mg.float64)
    z = leaf(1.0, 1.0)
    z.backward(gradient)
    assert not np.shares_memory(z.grad.numpy(), gradient.numpy())


def test_retain_grad_and_hooks():
    x = leaf(1.0, 2.0)
    y = x * 2
    y.retain_grad()
    seen = []
    handle = y.register_hook(lambda g: seen.append(g.tolist()))
    x.register_hook(lambda g: g * 10)
    z = (y * y).sum()
    z.backward(retain_graph=True)
    assert seen == [[4, 8]]
    assert y.grad.tolist() == [4, 8]
    assert x.grad.tolist() == [80, 160]
    handle.remove()
    handle.remove()
    z.backward()
    assert len(seen) == 1
    assert y.grad.tolist() == [8, 16]
    with pytest.raises(RuntimeError, match="hook"):
        mg.ones(1).register_hook(print)
    with pytest.raises(RuntimeError):
        mg.ones(1).retain_grad()


def test_post_accumulate_hook():
    x = leaf(1.0)
    seen = []
    x.register_post_accumulate_grad_hook(lambda t: seen.append(t.grad.tolist()))
    (x * 3).backward()
    assert seen == [[3]]


def test_no_grad_is_per_thread_and_nests():
    x = leaf(1.0)
    with mg.no_grad():
        assert not (x * 2).requires_grad
        with mg.enable_grad():
            assert (x * 2).requires_grad
        seen = []
        thread = threading.Thread(target=lambda: seen.append((x * 2).requires_grad))
        thread.start()
        thread.join()
        assert seen == [True]


def test_inference_tensors_are_kept_out_of_gradients():
    x = leaf(2.0)
    with mg.inference_mode():
        frozen = mg.ones(1, dtype=mg.float64) * 3
        assert not (x * 2).requires_grad
    with pytest.raises(RuntimeError, match="Inference tensors cannot be saved"):
        x * frozen
    (x + frozen).backward()  # addition saves nothing
    with pytest.raises(RuntimeError, match="[Ii]nplace update to inference tensor"):
        frozen.add_(1)
    assert (x * frozen.clone()).requires_grad


# ---- in place ------------------------------------------------------------------------------------------------------


def test_in_place_rebases():
    x = leaf(1.0, 2.0)
    y = x * 2
    y.add_(1)
    y *= 3
    y.sum().backward()
    assert x.grad.tolist() == [6, 6]
    assert y.tolist() == [9, 15]


def test_in_place_keeps_identity_and_memory():
    x = mg.ones(3)
    alias = x.numpy()
    y = x
    y += 1
    assert x is y
    assert alias.tolist() == [2, 2, 2]


def test_set_item():
    x, v = leaf(1.0, 2.0, 3.0), leaf(10.0)
    y = x * 2
    y[1] = v[0] * 5
    y.sum().backward()
    assert x.grad.tolist() == [2, 0, 2]
    assert v.grad.tolist() == [5]
    z = mg.zeros(3, dtype=mg.float64)
    z[:2] = leaf(7.0)
    assert z.requires_grad
    with pytest.raises(RuntimeError, match=r"\[2\].*\[3\]"):
        mg.zeros(3)[:] = mg.ones(2)


def test_leaf_in_place_is_refused_unless_under_no_grad():
    x = leaf(1.0)
    for write in (lambda: x.add_(1), lambda: x.__setitem__(0, 2.0), lambda: x.copy_(mg.ones(1))):
        with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
            write()
    assert x.tolist() == [1]
    with mg.no_grad():
        x.add_(1)
        x[0] += 1
        x.view(1).mul_(2)
    assert x.tolist() == [6]
    assert x.is_leaf


def test_write_through_a_view_changes_the_base_and_its_gradient():
    x = leaf(1.0, 2.0, 3.0, 4.0)
    y = x * 2
    y[0].mul_(5)
    y.view(2, 2)[1].add_(x[0])
    y.reshape(2, 2).t()[1, 0] = 0
    assert y.tolist() == [10, 0, 7, 9]
    y.sum().backward()
    assert x.grad.tolist() == [12, 0, 2, 2]
    plain = mg.zeros(2)
    plain[0].add_(x[1])
    assert plain.requires_grad
    assert plain.tolist() == [2, 0]


def test_write_through_a_view_where_the_base_is_not_contiguous():
    x = mg.arange(6.0).reshape(2, 3).requires_grad_()
    y = mg.empty(3, 2).t().copy_(x)
    base = mg.from_numpy(np.zeros((4, 6))[::2, ::-2]).t()
    base[1:].copy_(x.t()[1:].double() * 2)
    y[1, 1:].mul_(3)
    (y.sum() + (base**2).sum()).backward()
    assert x.grad.tolist() == [[1, 9, 17], [1, 35, 43]]


def test_writes_through_views_that_autograd_cannot_follow_are_refused():
    with pytest.raises(RuntimeError, match="a view of a leaf Variable"):
        leaf(1.0, 2.0)[0].add_(1)
    y = leaf(1.0, 2.0) * 2
    with mg.no_grad():
        view = y[0]
        view.add_(1)
    with pytest.raises(RuntimeError, match="no_grad mode.*x.add"):
        view.add_(1)
    view = y.view(2)
    y.data = mg.ones(2)
    with pytest.raises(RuntimeError, match="no longer shares memory"):
        view.mul_(2)


def test_views_follow_their_base():
    x = leaf(1.0, 2.0)
    y = x * 2
    view = y[0]
    y.mul_(x)
    assert (view * 2).item() == 4
    (view * 2).backward()
    assert x.grad.tolist() == [8, 0]
    y = x * 2
    view = y[1:]
    y.mul_(3)
    view.backward()
    assert x.grad.tolist() == [8, 6]
    (gradient,) = mg.autograd.grad((view * 5).sum(), view)
    assert gradient.tolist() == [5]


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        (lambda x, y: x * y, "Mul"),
        (lambda x, y: y.exp(), "Exp"),
        (lambda x, y: y.relu(), "Relu"),
        (lambda x, y: x @ y, "MatMul"),
        (lambda x, y: y.sigmoid(), "Sigmoid"),
        (lambda x, y: x / y, "Div"),
    ],
)
def test_overwriting_a_saved_value_is_noticed_and_named(operation, name):
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0) * 1
    out = operation(x, y)
    (out if out.ndim and name in ("Exp", "Relu", "Sigmoid") else y).mul_(2)
    with pytest.raises(RuntimeError, match=f"{name}Backward.*inplace"):
        (out.sum() + 0).backward() if name not in ("Exp", "Relu", "Sigmoid") else out.sum().backward()


def test_overwriting_what_nobody_needs_is_fine():
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    z = x + y
    z.mul_(2)
    z.sum().backward()
    assert x.grad.tolist() == [2, 2]


def test_the_counter_sees_writes_through_views_and_detached_twins():
    x, y = leaf(1.0, 2.0), mg.ones(2, dtype=mg.float64)
    out = (x * y).sum()
    y.view(2)[0] = 5.0
    with pytest.raises(RuntimeError, match="MulBackward"):
        out.backward()
    y = mg.ones(2, dtype=mg.float64)
    out = (x * y).sum()
    y.detach().add_(1)
    with pytest.raises(RuntimeError, match="MulBackward"):
        out.backward()


@pytest.mark.parametrize(
    ("call", "fragment"),
    [
        (lambda: mg.zeros(2).add_(mg.zeros(3, 2)), "doesn't match the broadcast shape"),
        (lambda: mg.zeros(2, dtype=mg.int64).add_(1.5), "can't be cast"),
    ],
)
def test_in_place_results_must_fit(call, fragment):
    with pytest.raises(RuntimeError, match=fragment):
        call()


# ---- functions of one's own ------------------------------------------------------------------------------------------


class Cube(autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 3 * x**2


class ExpOut(autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return g * y


class SumAndDifference(autograd.Function):
    @staticmethod
    def forward(ctx, x, y, scale):
        ctx.scale = scale
        assert ctx.needs_input_grad[2] is False
        return (x + y) * scale, (x - y) * scale

    @staticmethod
    def backward(ctx, gs, gd):
        return (gs + gd) * ctx.scale, (gs - gd) * ctx.scale, None


@pytest.mark.parametrize(("function", "derivatives"), [(Cube, [12.0, 12.0, 6.0]), (ExpOut, [np.exp(2)] * 3)])
def test_own_function_to_third_order(function, derivatives):
    x = leaf(2.0)
    y = function.apply(x)
    for expected in derivatives:
        y = autograd.grad(y.sum(), x, create_graph=True)[0]
        np.testing.assert_allclose(y.item(), expected)


def test_own_function_with_several_outputs():
    x, y = leaf(3.0), leaf(1.0)
    s, d = SumAndDifference.apply(x, y, 2.0)
    (s * 10 + d).sum().backward()
    assert (x.grad.tolist(), y.grad.tolist()) == ([22], [18])
    s, _ = SumAndDifference.apply(x, y, 2.0)  # the other output's gradient is zeros
    x.grad = None
    s.sum().backward()
    assert x.grad.tolist() == [2]


def test_own_function_wrong_results():
    class Wrong(autograd.Function):
        result = None

        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return Wrong.result

    x = leaf(1.0, 2.0)
    for result, error in (
        (mg.ones(3), RuntimeError),
        ((mg.ones(2), mg.ones(2)), RuntimeError),
        (5.0, TypeError),
    ):
        Wrong.result = result
        with pytest.raises(error):
            Wrong.apply(x).sum().backward()
    with pytest.raises(NotImplementedError):
        autograd.Function.apply(x)


def test_own_function_saved_tensors_are_freed_and_guarded():
    x = leaf(2.0)
    y = Cube.apply(x)
    y.backward()
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()
    z = x * 1
    y = Cube.apply(z)
    z.add_(1)
    with pytest.raises(RuntimeError, match="CubeBackward.*inplace"):
        y.backward()


def test_own_function_in_place_and_non_differentiable():
    class AddOneInPlace(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            x.add_(1)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx, g):
            return g

    class Sorted(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            values, indices = x.sort()
            ctx.mark_non_differentiable(indices)
            ctx.save_for_backward(indices)
            return values, indices

        @staticmethod
        def backward(ctx, g, _):
            (indices,) = ctx.saved_tensors
            return mg.zeros_like(g).scatter(0, indices, g)

    x = leaf(1.0, 0.0)
    y = x * 2
    assert AddOneInPlace.apply(y) is y
    y.sum().backward()
    assert x.grad.tolist() == [2, 2]
    values, indices = Sorted.apply(x)
    assert not indices.requires_grad
    (values * mg.tensor([1.0, 10.0])).sum().backward()
    assert x.grad.tolist() == [12, 3]


def test_own_function_makes_no_cycle():
    x = leaf(1.0)
    y = ExpOut.apply(x)
    node = weakref.ref(y.grad_fn)
    del y
    assert node() is None


# ---- anomalies -------------------------------------------------------------------------------------------------------


def test_detect_anomaly_names_the_operation_and_the_line():
    x = leaf(0.0)
    with autograd.detect_anomaly():
        y = x.sqrt() * 0  # the culprit: the slope of sqrt at 0 is infinite, times 0 is NaN
        with pytest.raises(RuntimeError, match="SqrtBackward.*nan values") as caught:
            y.sum().backward()
    assert "test_autograd.py" in str(caught.value)
    assert "the culprit" in str(caught.value)
    (x.sqrt() * 0).sum().backward()  # outside nothing is watched
    assert np.isnan(x.grad.item())


def test_hooks_may_change_their_gradient_in_place_at_any_size():
    for n in (3, 3000):
        x = mg.ones(n, requires_grad=True)
        y = x * 3
        y.register_hook(lambda g: (g.mul_(10), None)[1])
        x.register_hook(lambda g: (g.add_(1), None)[1])
        (y * 2).sum().backward()
        assert x.grad[0].item() == 61


@pytest.mark.parametrize(("result", "error"), [(5, TypeError), (mg.ones(7), RuntimeError), (mg.ones(2), RuntimeError)])
def test_hooks_must_return_a_gradient_like_the_one_they_got(result, error):
    x = leaf(1.0, 2.0)
    x.register_hook(lambda g: result)
    with pytest.raises(error, match="gradient hook"):
        (x * 2).sum().backward()


def test_retained_gradients_are_seen_after_all_hooks_and_follow_in_place_changes():
    x = leaf(1.0, 2.0)
    y = x * 2
    y.retain_grad()
    y.register_hook(lambda g: g * 10)
    y.sum().backward()
    assert y.grad.tolist() == [10, 10]
    y = x * 2
    y.retain_grad()
    y.mul_(3)
    (y * mg.tensor([1.0, 2.0])).sum().backward()
    assert y.grad.tolist() == [1, 2]


def test_indices_and_masks_are_guarded_like_any_saved_value():
    x = leaf(1.0, 2.0, 3.0, 4.0)
    index = mg.tensor([0, 1])
    y = x[index]
    index[0] = 3
    y.sum().backward()
    assert x.grad.tolist() == [1, 1, 0, 0]
    mask = mg.tensor([True, False, True, False])
    for make in (
        lambda: mg.where(mask, x, 0.0),
        lambda: x.masked_fill(mask, 0.0),
        lambda: x.gather(0, index),
        lambda: x.scatter(0, index, 1.0),
    ):
        y = make()
        mask.logical_not()
        mask[0] = True
        index[0] = 2
        with pytest.raises(RuntimeError, match="inplace"):
            y.sum().backward()
    labels = mg.tensor([0, 1])
    logits = mg.zeros(2, 4, requires_grad=True)
    loss = mg.nn.functional.cross_entropy(logits, labels)
    labels.fill_(-9999999)
    loss.backward()
    assert logits.grad[0].tolist() == [-0.375, 0.125, 0.125, 0.125]


def test_statistics_may_move_between_forward_and_backward():
    norm = mg.nn.BatchNorm1d(3)
    norm(mg.randn(8, 3))
    norm.eval()
    x = mg.randn(6, 3)
    expected = mg.autograd.grad(norm(x).sum(), norm.weight)[0].tolist()
    y = norm(x)
    norm.train()
    norm(mg.randn(5, 3) * 100)
    assert mg.autograd.grad(y.sum(), norm.weight)[0].tolist() == expected


def test_data_of_another_kind_is_refused_and_noticed():
    x = leaf(1.0, 2.0)
    with pytest.raises(TypeError, match="Tensor"):
        x.data = np.ones(2)
    y = (x * x).sum()
    x.data = mg.ones(2, dtype=mg.float32)
    with pytest.raises(RuntimeError, match="inplace"):
        y.backward()


def test_create_graph_in_backward_warns_of_the_cycle():
    x = leaf(2.0)
    with pytest.warns(UserWarning, match="reference cycle"):
        (x * x).backward(create_graph=True)
    x.grad = None


def test_grad_takes_pytorchs_arguments_in_their_order():
    x, unused = leaf(2.0), leaf(1.0)
    found = autograd.grad(x * x, [x, unused], None, True, False, True, True, False, False)
    assert (found[0].item(), found[1]) == (4, None)
    assert autograd.grad(x * x, x, only_inputs=True)[0].item() == 4
    for option, text in (
        ({"only_inputs": False}, "only_inputs=False"),
        ({"is_grads_batched": True}, "is_grads_batched=True"),
    ):
        with pytest.raises(NotImplementedError, match=f"does not support {text}"):
            autograd.grad(x * x, x, **option)


def test_anomaly_detection_is_switched_on_and_off():
    def flags():
        return autograd.is_anomaly_enabled(), autograd.is_anomaly_check_nan_enabled()

    assert flags() == (False, False)
    autograd.set_detect_anomaly(True)
    try:
        with pytest.raises(RuntimeError, match="SqrtBackward.*nan values"):
            (leaf(0.0).sqrt() * 0).sum().backward()
        with autograd.set_detect_anomaly(False):
            assert flags() == (False, False)
        with autograd.set_detect_anomaly(True, check_nan=False):
            assert flags() == (True, False)
            (leaf(0.0).sqrt() * 0).sum().backward()
        assert flags() == (True, True)
    finally:
        autograd.set_detect_anomaly(False)
    assert flags() == (False, False)


# ---- functions of one's own: the rest of the protocol ----------------------------------------------------------------


def test_own_function_passes_on_what_is_no_tensor():
    class Halves(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x[:1] * 2, {"length": len(x)}, x[1:] * 3

        @staticmethod
        def backward(ctx, first, nothing, second):
            assert nothing is None
            return mg.cat([first * 2, second * 3])

    x = leaf(1.0, 2.0, 3.0)
    first, known, second = Halves.apply(x)
    assert known == {"length": 3}
    second.sum().backward(retain_graph=True)
    assert x.grad.tolist() == [0, 3, 3]  # the first output's gradient is zeros
    first.sum().backward()
    assert x.grad.tolist() == [2, 3, 3]


def test_own_function_saves_tensors_alone():
    class Saves(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x, None, 3)
            return x * 1

    with pytest.raises(TypeError, match="argument 2 is of type int"):
        Saves.apply(leaf(1.0))


def test_once_differentiable_refuses_the_second_derivative():
    class Square(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x, x * 3

        @staticmethod
        @autograd.function.once_differentiable
        def backward(ctx, g, h):
            assert not mg.is_grad_enabled()
            (x,) = ctx.saved_tensors
            return mg.from_numpy(2 * x.numpy(force=True) * g.numpy(force=True) + 3 * h.numpy(force=True))

    x = leaf(2.0)
    sum(Square.apply(x)).sum().backward()
    assert x.grad.tolist() == [7]
    (slope,) = autograd.grad(Square.apply(x)[0].sum(), x, create_graph=True)
    assert slope.tolist() == [4]
    with pytest.raises(RuntimeError, match="differentiate twice a function that was marked with @once_differentiable"):
        slope.sum().backward()

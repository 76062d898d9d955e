"""Optimizers: the steps by hand, groups, errors, and a state that is saved and loaded."""

import copy
import itertools
import math

import numpy as np
import pytest

import minigrad as mg
from minigrad.optim import (
    ASGD,
    LBFGS,
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    NAdam,
    Optimizer,
    RAdam,
    RMSprop,
    Rprop,
)

EVERY = [
    (SGD, {}),
    (SGD, {"momentum": 0.9, "nesterov": True}),
    (RMSprop, {}),
    (RMSprop, {"momentum": 0.9, "centered": True}),
    (Adam, {}),
    (AdamW, {"amsgrad": True}),
    (Adagrad, {"initial_accumulator_value": 0.1}),
    (Adadelta, {}),
    (Adamax, {}),
    (NAdam, {}),
    (RAdam, {}),
    (Rprop, {}),
    (ASGD, {"t0": 2}),
]


def parameter(*shape, dtype=np.float32, seed=0):
    values = np.random.default_rng(seed).standard_normal(shape).astype(dtype)
    return mg.tensor(values, requires_grad=True)


def train(optimizer, params, steps, begin=0):
    for step in range(begin, begin + steps):
        optimizer.zero_grad()
        sum(((p - 0.1 * step) ** 2).sum() for p in params).backward()
        optimizer.step()


def test_sgd_by_hand():
    p = mg.tensor([1.0, 2.0], requires_grad=True)
    optimizer = SGD([p], lr=0.1, momentum=0.5)
    for expected in ([0.8, 1.6], [0.54, 1.08]):  # g = 2p; v = 2, 4 then 0.5 v + g
        optimizer.zero_grad()
        (p**2).sum().backward()
        optimizer.step()
        np.testing.assert_allclose(p.detach().numpy(), expected, rtol=1e-6)


def test_first_step_of_adam_is_lr():
    p = mg.tensor([5.0, -3.0, 1e-3], requires_grad=True)
    before = p.detach().numpy().copy()
    optimizer = Adam([p], lr=0.01)
    (p**2).sum().backward()
    optimizer.step()
    np.testing.assert_allclose(before - p.detach().numpy(), 0.01 * np.sign(before), rtol=1e-3)


@pytest.mark.parametrize(("kind", "options"), EVERY)
def test_it_minimizes_in_place(kind, options):
    p = parameter(4, 3)
    address = p.data_ptr()
    optimizer = kind([p], lr={Adadelta: 10.0, Adagrad: 0.5}.get(kind, 0.05), **options)
    for _ in range(200):
        optimizer.zero_grad()
        loss = ((p - 1) ** 2).sum()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05
    assert p.data_ptr() == address
    assert p.is_leaf
    assert p.requires_grad


@pytest.mark.parametrize(("kind", "options"), EVERY)
def test_a_step_is_noticed_by_a_graph_recorded_before(kind, options):
    p = parameter(3)
    optimizer = kind([p], **options)
    loss = (p * p).sum()
    loss.backward(retain_graph=True)
    optimizer.step()
    with pytest.raises(RuntimeError, match="inplace"):
        loss.backward()


def test_parameters_without_gradient_stay_and_get_no_state():
    a, b = parameter(2), parameter(2)
    before = b.detach().numpy().copy()
    optimizer = Adam([a, b])
    (a**2).sum().backward()
    optimizer.step()
    assert (b.detach().numpy() == before).all()
    assert list(optimizer.state_dict()["state"]) == [0]


def test_closure_runs_with_gradients_and_its_loss_is_returned():
    p = parameter(3)
    optimizer = SGD([p], lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = (p**2).sum()
        loss.backward()
        return loss

    with mg.no_grad():
        losses = [optimizer.step(closure).item() for _ in range(3)]
    assert losses[0] > losses[1] > losses[2]
    assert optimizer.step() is None


def test_zero_grad():
    p, q = parameter(3), parameter(2)
    optimizer = SGD([p, q])
    (p**2).sum().backward()
    gradient = p.grad
    optimizer.zero_grad(set_to_none=False)
    assert p.grad is gradient
    assert (gradient.numpy() == 0).all()
    assert q.grad is None
    (p**3).sum().backward(create_graph=True)
    optimizer.zero_grad(set_to_none=False)
    assert not p.grad.requires_grad
    assert (p.grad.numpy() == 0).all()
    optimizer.zero_grad()
    assert p.grad is None


@pytest.mark.parametrize(("kind", "options"), EVERY)
@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_strided_and_half_precision_parameters(kind, options, dtype):
    """What kernels cannot step in place is stepped in a copy: the same numbers as a contiguous parameter gets."""
    values = np.random.default_rng(0).standard_normal((6, 4)).astype(dtype)
    strided = mg.from_numpy(np.zeros((4, 12), dtype).T[::2])
    with mg.no_grad():
        strided.copy_(mg.from_numpy(values))
    strided.requires_grad = True
    plain = mg.tensor(values, dtype=np.promote_types(dtype, np.float32), requires_grad=True)
    optimizers = [kind([p], lr=0.1, **options) for p in (strided, plain)]
    for step in range(3):
        gradient = np.random.default_rng(step).standard_normal((6, 4)).astype(dtype)
        for p, optimizer in zip((strided, plain), optimizers, strict=True):
            p.grad = mg.tensor(gradient.astype(p.dtype))
            optimizer.step()
            if dtype == np.float16:  # rounded after each step
                plain.data = mg.tensor(plain.detach().numpy().astype(np.float16).astype(np.float32))
    assert (strided.detach().numpy() == plain.detach().numpy()).all()
    assert strided.dtype == dtype


def test_groups_have_options_of_their_own():
    a, b, c = parameter(2), parameter(2), parameter(2)
    starts = [p.detach().numpy().copy() for p in (a, b, c)]
    optimizer = SGD([{"params": [a]}, {"params": b, "lr": 1.0, "momentum": 0.5}], lr=0.1)
    optimizer.add_param_group({"params": [c], "lr": 0.0})
    (a.sum() + b.sum() + c.sum()).backward()
    optimizer.step()
    for p, start, lr in zip((a, b, c), starts, (0.1, 1.0, 0.0), strict=True):
        np.testing.assert_allclose(start - p.detach().numpy(), lr, rtol=1e-5, atol=1e-6)
    assert [group["momentum"] for group in optimizer.param_groups] == [0, 0.5, 0]
    assert "lr: 1.0" in repr(optimizer)


def test_named_parameters():
    a, b = parameter(2), parameter(3)
    optimizer = SGD([("a", a), ("b", b)], lr=0.1)
    assert optimizer.param_groups[0]["param_names"] == ["a", "b"]
    assert optimizer.param_groups[0]["params"][1] is b
    with pytest.raises(ValueError, match="with/without names"):
        optimizer.add_param_group({"params": [parameter(2)]})
    with pytest.raises(ValueError, match="with/without names"):
        SGD([("a", a), b])


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (SGD, {"lr": -1.0}, "Invalid learning rate: -1.0"),
        (SGD, {"lr": float("nan")}, "Invalid learning rate: nan"),
        (SGD, {"momentum": -0.1}, "Invalid momentum value: -0.1"),
        (SGD, {"weight_decay": -1}, "Invalid weight_decay value: -1"),
        (SGD, {"nesterov": True}, "Nesterov momentum requires a momentum and zero dampening"),
        (SGD, {"nesterov": True, "momentum": 0.9, "dampening": 0.1}, "Nesterov"),
        (Adam, {"lr": -1.0}, "Invalid learning rate"),
        (Adam, {"eps": -1e-8}, "Invalid epsilon value"),
        (Adam, {"betas": (1.0, 0.9)}, "Invalid beta parameter at index 0: 1.0"),
        (AdamW, {"betas": (0.9, -0.1)}, "Invalid beta parameter at index 1: -0.1"),
        (Adam, {"weight_decay": -1}, "Invalid weight_decay value"),
        (RMSprop, {"alpha": -0.1}, "Invalid alpha value"),
        (RMSprop, {"eps": -0.1}, "Invalid epsilon value"),
        (RMSprop, {"momentum": -0.1}, "Invalid momentum value"),
        (Adagrad, {"lr_decay": -0.1}, "Invalid lr_decay value: -0.1"),
        (Adadelta, {"rho": 1.1}, "Invalid rho value: 1.1"),
        (NAdam, {"momentum_decay": -0.1}, "Invalid momentum_decay value"),
        (RAdam, {"betas": (0.9, 1.0)}, "Invalid beta parameter at index 1: 1.0"),
        (Rprop, {"etas": (0.5, 0.9)}, "Invalid eta values: 0.5, 0.9"),
        (ASGD, {"weight_decay": -1.0}, "Invalid weight_decay value: -1.0"),
    ],
)
def test_bad_options(kind, options, message):
    with pytest.raises(ValueError, match=message):
        kind([parameter(2)], **options)
    with pytest.raises(ValueError, match=message):  # of a group too, where PyTorch does not look
        kind([{"params": [parameter(2)], **options}])
    optimizer = kind([parameter(2)])
    with pytest.raises(ValueError, match=message):
        optimizer.add_param_group({"params": [parameter(2)], **options})
    assert len(optimizer.param_groups) == 1


def test_bad_parameters():
    p = parameter(2)
    with pytest.raises(TypeError, match="iterable of Tensors or dicts"):
        SGD(p)
    with pytest.raises(TypeError, match="can only optimize Tensors, but one of the params is ndarray"):
        SGD([np.ones(2)])
    with pytest.raises(TypeError, match="ordered"):
        SGD([{"params": {p}}])
    with pytest.raises(ValueError, match="empty parameter list"):
        SGD([])
    with pytest.raises(ValueError, match="non-leaf"):
        SGD([p * 2])
    with pytest.raises(ValueError, match="same parameter twice"):
        SGD([p, p])
    with pytest.raises(ValueError, match="more than one parameter group"):
        SGD([{"params": [p]}, {"params": [parameter(1), p]}])
    optimizer = SGD([p])
    with pytest.raises(TypeError, match="must be a dict"):
        optimizer.add_param_group([p])


def test_nothing_is_stepped_when_one_parameter_cannot_be():
    array = np.ones(3, np.float32)
    p, fixed = parameter(3), mg.from_numpy(array)
    fixed.requires_grad = True
    array.flags.writeable = False
    fixed._value.flags.writeable = False
    before = p.detach().numpy().copy()
    optimizer = SGD([{"params": [p]}, {"params": [fixed]}], lr=0.1)
    (p.sum() + fixed.sum()).backward()
    with pytest.raises(RuntimeError, match="read-only"):
        optimizer.step()
    assert (p.detach().numpy() == before).all()


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW, RMSprop, Adagrad, Rprop, ASGD, NAdam])
def test_parameters_of_integers_cannot_be_stepped(kind):
    p = mg.tensor([1, 2])
    optimizer = kind([p], lr=0.5)
    p.grad = mg.tensor([1, 1])
    with pytest.raises(RuntimeError, match="int64"):
        optimizer.step()
    assert p.tolist() == [1, 2]


@pytest.mark.parametrize(("kind", "name"), [(Adam, "exp_avg_sq"), (RMSprop, "momentum_buffer")])
@pytest.mark.parametrize("fault", ["read-only", "not contiguous"])
def test_a_state_that_cannot_be_written_to_stops_the_step_before_it_begins(kind, name, fault):
    first, second = (mg.ones(2, 3, requires_grad=True) for _ in range(2))
    optimizer = kind([first, second], lr=0.5, **({"momentum": 0.5} if kind is RMSprop else {}))
    second.sum().backward()
    optimizer.step()
    (first.sum() + second.sum()).backward()
    if fault == "read-only":
        optimizer.state[second][name].numpy().flags.writeable = False
    else:
        optimizer.state[second][name] = mg.zeros(3, 2).t()
    before = second.tolist(), optimizer.state[second]["step"]
    with pytest.raises(RuntimeError, match=f"{name} is {fault}"):
        optimizer.step()
    assert first not in optimizer.state
    assert (second.tolist(), optimizer.state[second]["step"]) == before
    optimizer.state[second][name] = optimizer.state[second][name].clone()
    optimizer.step()


def test_a_parameter_that_changes_its_shape_needs_a_new_optimizer():
    p = parameter(3)
    optimizer = Adam([p])
    (p**2).sum().backward()
    optimizer.step()
    optimizer.zero_grad()
    p.data = mg.ones(5)
    (p**2).sum().backward()
    with pytest.raises(RuntimeError, match="needs a new optimizer"):
        optimizer.step()


# ---- the formulas of the papers, one number at a time -----------------------------------------------------------------------


def adagrad(x, gradients, lr=0.1, fall=0.3, eps=1e-10):
    total = 0.5
    for t, g in enumerate(gradients):
        total += g**2
        x -= lr / (1 + t * fall) * g / (math.sqrt(total) + eps)
    return x


def adadelta(x, gradients, lr=0.5, rho=0.8, eps=1e-3):
    v = u = 0.0
    for g in gradients:
        v = rho * v + (1 - rho) * g**2
        d = math.sqrt((u + eps) / (v + eps)) * g
        u = rho * u + (1 - rho) * d**2
        x -= lr * d
    return x


def adamax(x, gradients, lr=0.1, beta1=0.8, beta2=0.9, eps=1e-3):
    m = u = 0.0
    for t, g in enumerate(gradients, 1):
        m = beta1 * m + (1 - beta1) * g
        u = max(beta2 * u, abs(g) + eps)
        x -= lr / (1 - beta1**t) * m / u
    return x


def nadam(x, gradients, lr=0.1, beta1=0.8, beta2=0.9, eps=1e-3, fall=0.05):
    m = v = 0.0
    product = 1.0
    for t, g in enumerate(gradients, 1):
        mu, ahead = (beta1 * (1 - 0.5 * 0.96 ** (s * fall)) for s in (t, t + 1))
        product *= mu
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        looked = ahead * m / (1 - product * ahead) + (1 - mu) * g / (1 - product)
        x -= lr * looked / (math.sqrt(v / (1 - beta2**t)) + eps)
    return x


def radam(x, gradients, lr=0.1, beta1=0.8, beta2=0.9, eps=1e-3):
    m = v = 0.0
    most = 2 / (1 - beta2) - 1
    for t, g in enumerate(gradients, 1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        seen = most - 2 * t * beta2**t / (1 - beta2**t)
        step = m / (1 - beta1**t)
        if seen > 5:
            step *= math.sqrt(1 - beta2**t) / (math.sqrt(v) + eps)
            step *= math.sqrt((seen - 4) * (seen - 2) * most / ((most - 4) * (most - 2) * seen))
        x -= lr * step
    return x


def rprop(x, gradients, lr=0.1, shrink=0.4, grow=1.3, least=0.05, most=0.15):
    size, before = lr, 0.0
    for g in gradients:
        if g * before > 0:
            size = min(size * grow, most)
        elif g * before < 0:
            size, g = max(size * shrink, least), 0.0
        x -= math.copysign(size, g) if g else 0.0
        before = g
    return x


def asgd(x, gradients, lr=0.1, lambd=0.2, alpha=0.6):
    eta = lr
    for t, g in enumerate(gradients, 1):
        x = x * (1 - lambd * eta) - eta * g
        eta = lr / (1 + lambd * lr * t) ** alpha
    return x


ADAM_OPTIONS = {"lr": 0.1, "betas": (0.8, 0.9), "eps": 1e-3}
FORMULAS = [
    (Adagrad, adagrad, {"lr": 0.1, "lr_decay": 0.3, "initial_accumulator_value": 0.5}, 1e-12),
    (Adadelta, adadelta, {"lr": 0.5, "rho": 0.8, "eps": 1e-3}, 1e-12),
    (Adamax, adamax, ADAM_OPTIONS, 1e-12),
    (NAdam, nadam, {**ADAM_OPTIONS, "momentum_decay": 0.05}, 1e-6),  # whose product is kept in float32
    (RAdam, radam, ADAM_OPTIONS, 1e-12),
    (Rprop, rprop, {"lr": 0.1, "etas": (0.4, 1.3), "step_sizes": (0.05, 0.15)}, 1e-12),
    (ASGD, asgd, {"lr": 0.1, "lambd": 0.2, "alpha": 0.6}, 1e-6),  # whose eta is
]


@pytest.mark.parametrize(("kind", "formula", "options", "tolerance"), FORMULAS)
@pytest.mark.parametrize("maximize", [False, True])
def test_twenty_steps_by_formula(kind, formula, options, tolerance, maximize):
    rng = np.random.default_rng(3)
    start, gradients = rng.standard_normal(5), rng.standard_normal((20, 5))
    p = mg.tensor(start, requires_grad=True)
    optimizer = kind([p], maximize=maximize, **options)
    for g in gradients:
        p.grad = mg.tensor(-g if maximize else g)
        optimizer.step()
    expected = [formula(x, gradients[:, i]) for i, x in enumerate(start)]
    np.testing.assert_allclose(p.detach().numpy(), expected, rtol=tolerance, atol=tolerance)


def test_adagrad_begins_at_its_initial_value_also_after_loading_a_state_without():
    p, q = (mg.ones(2, dtype=mg.float64, requires_grad=True) for _ in range(2))
    groups = [{"params": [p]}, {"params": [q], "initial_accumulator_value": 3.0}]
    optimizer = Adagrad(groups, lr=1.0, initial_accumulator_value=8.0)
    assert [optimizer.state[x]["sum"].tolist() for x in (p, q)] == [[8, 8], [3, 3]]
    assert [optimizer.state[x]["step"] for x in (p, q)] == [0, 0]
    optimizer.load_state_dict({**optimizer.state_dict(), "state": {}})
    for x in (p, q):
        x.grad = mg.ones(2, dtype=mg.float64)
    optimizer.step()
    np.testing.assert_allclose(p.tolist(), 1 - 1 / 3)
    np.testing.assert_allclose(q.tolist(), 1 - 1 / 2)


def test_weight_decay_pulls_on_the_gradient_or_on_the_parameter():
    for kind in (NAdam, RAdam, Adam):
        p, q, r = (mg.tensor([2.0, -1.0], dtype=mg.float64, requires_grad=True) for _ in range(3))
        optimizer = kind([{"params": [p]}, {"params": [q], "decoupled_weight_decay": True}], lr=0.1, weight_decay=0.5)
        plain = kind([r], lr=0.1)
        for x in (p, q, r):
            x.grad = mg.tensor([1.0, 1.0], dtype=mg.float64)
        r.grad = r.grad + 0.5 * p.detach()
        plain.step()
        optimizer.step()
        np.testing.assert_allclose(p.tolist(), r.tolist(), rtol=1e-12)
        s = mg.tensor([2.0 * 0.95, -0.95], dtype=mg.float64, requires_grad=True)
        s.grad = mg.ones(2, dtype=mg.float64)
        kind([s], lr=0.1).step()
        np.testing.assert_allclose(q.tolist(), s.tolist(), rtol=1e-12)


def test_averages_begin_after_t0():
    p = mg.tensor([1.0], dtype=mg.float64, requires_grad=True)
    optimizer = ASGD([p], lr=0.5, t0=3)
    path = []
    for _ in range(8):
        p.grad = mg.ones(1, dtype=mg.float64)
        optimizer.step()
        path.append(p.item())
    np.testing.assert_allclose(optimizer.state[p]["ax"].item(), np.mean(path[4:]), rtol=1e-6)


def test_options_of_pytorch_that_mean_nothing_here():
    p = parameter(2)
    for kind, _ in EVERY:
        kind([p], foreach=True)
        kind([p], foreach=None)
        for name in ("differentiable", "capturable"):
            if kind in (SGD, Adagrad) and name == "capturable":
                continue
            kind([p], **{name: False})
            with pytest.raises(NotImplementedError, match=f"{kind.__name__} does not support {name}=True"):
                kind([p], **{name: True})


def test_a_rate_may_be_a_tensor_of_one_element():
    p = parameter(2)
    optimizer = SGD([{"params": [p], "lr": mg.tensor([0.25])}, {"params": [parameter(1)]}], lr=mg.tensor(0.5))
    assert [group["lr"] for group in optimizer.param_groups] == [0.25, 0.5]
    with pytest.raises(ValueError, match="Tensor lr must be 1-element"):
        Adam([p], lr=mg.tensor([0.1, 0.2]))


# ---- L-BFGS ----------------------------------------------------------------------------------------------------------------


def least_squares(p, optimizer, a, b):
    def closure():
        optimizer.zero_grad()
        loss = ((a @ p - b) ** 2).sum()
        loss.backward()
        return loss

    return closure


@pytest.mark.parametrize("options", [{"lr": 0.5, "max_iter": 60}, {"line_search_fn": "strong_wolfe"}], ids=str)
def test_lbfgs_solves_least_squares(options):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((8, 4)), rng.standard_normal(8)
    p = mg.zeros(4, dtype=mg.float64, requires_grad=True)
    optimizer = LBFGS([p], **options)
    for _ in range(4):
        optimizer.step(least_squares(p, optimizer, mg.tensor(a), mg.tensor(b)))
    np.testing.assert_allclose(p.detach().numpy(), np.linalg.lstsq(a, b, rcond=None)[0], atol=1e-5)


def test_lbfgs_evaluates_as_often_as_it_says():
    p = parameter(3, dtype=np.float64)
    optimizer = LBFGS([p], max_iter=7, line_search_fn="strong_wolfe")
    calls = 0

    def closure():
        nonlocal calls
        calls += 1
        assert mg.is_grad_enabled()
        optimizer.zero_grad()
        loss = (p**4).sum()
        loss.backward()
        return loss

    with mg.no_grad():
        first = optimizer.step(closure)
    assert first.item() == pytest.approx((parameter(3, dtype=np.float64) ** 4).sum().item())
    assert optimizer.state[p]["func_evals"] == calls <= 7 * 5 // 4 + 1
    p.grad = None
    optimizer.zero_grad()
    assert optimizer.step(lambda: (p.detach() ** 4).sum()) is not None  # no gradient: nothing to do, nothing changes


def test_lbfgs_resumed_from_a_file_as_if_never_stopped(tmp_path):
    rng = np.random.default_rng(0)
    a, b = (mg.tensor(rng.standard_normal(shape)) for shape in ((8, 4), (8,)))

    def run(p, optimizer, steps):
        for _ in range(steps):
            optimizer.step(least_squares(p, optimizer, a, b))
        return p.detach().numpy()

    def begin(values):
        p = mg.tensor(values, requires_grad=True)
        return p, LBFGS([p], lr=0.1, max_iter=3, history_size=4)

    straight = run(*begin(np.zeros(4)), 6)
    p, optimizer = begin(np.zeros(4))
    run(p, optimizer, 3)
    mg.save({"p": p.detach(), "optimizer": optimizer.state_dict()}, tmp_path / "run")
    saved = mg.load(tmp_path / "run")
    q, other = begin(saved["p"].numpy())
    other.load_state_dict(saved["optimizer"])
    assert run(q, other, 3).tobytes() == straight.tobytes()


def test_lbfgs_has_one_group():
    with pytest.raises(ValueError, match="doesn't support per-parameter options"):
        LBFGS([{"params": [parameter(2)]}, {"params": [parameter(1)]}])
    with pytest.raises(RuntimeError, match="only 'strong_wolfe' is supported"):
        LBFGS([parameter(2)], line_search_fn="armijo")


# ---- state dicts ---------------------------------------------------------------------------------------------------------


def test_state_dict_has_pytorchs_structure():
    a, b = parameter(2), parameter(3)
    optimizer = Adam([{"params": [a]}, {"params": [b], "lr": 0.5}], lr=0.1)
    train(optimizer, [a, b], 2)
    state = optimizer.state_dict()
    assert [group["params"] for group in state["param_groups"]] == [[0], [1]]
    assert [group["lr"] for group in state["param_groups"]] == [0.1, 0.5]
    assert state["state"].keys() == {0, 1}
    assert state["state"][1].keys() == {"step", "exp_avg", "exp_avg_sq"}
    assert state["state"][1]["step"] == 2
    assert state["state"][1]["exp_avg"].shape == (3,)
    state["param_groups"][0]["lr"] = 7.0
    assert optimizer.param_groups[0]["lr"] == 0.1


@pytest.mark.parametrize(("kind", "options"), EVERY)
def test_resumed_from_a_file_as_if_never_stopped(kind, options, tmp_path):
    straight = [parameter(4, 3), parameter(5, seed=1)]
    optimizer = kind(straight, lr=0.05, **options)
    train(optimizer, straight, 6)

    params = [parameter(4, 3), parameter(5, seed=1)]
    first = kind(params, lr=0.05, **options)
    train(first, params, 3)
    mg.save({"params": [p.detach() for p in params], "optimizer": first.state_dict()}, tmp_path / "run.safetensors")
    saved = mg.load(tmp_path / "run.safetensors")
    resumed = [mg.tensor(p, requires_grad=True) for p in saved["params"]]
    second = kind(resumed, lr=1.0)
    second.load_state_dict(saved["optimizer"])
    train(second, resumed, 3, begin=3)
    for p, q in zip(straight, resumed, strict=True):
        assert p.detach().numpy().tobytes() == q.detach().numpy().tobytes()


def test_loading_copies():
    p = parameter(3)
    optimizer, other = Adam([p]), Adam([p])
    train(optimizer, [p], 1)
    state = optimizer.state_dict()
    other.load_state_dict(state)
    before = other.state_dict()["state"][0]["exp_avg"].numpy().copy()
    state["state"][0]["exp_avg"]._value[...] = 9
    assert (other.state_dict()["state"][0]["exp_avg"].numpy() == before).all()


def test_what_does_not_fit_changes_nothing():
    a, b = parameter(2), parameter(3)
    optimizer = Adam([a, b], lr=0.1)
    train(optimizer, [a, b], 2)
    good = copy.deepcopy(optimizer.state_dict())

    def broken(change):
        state = copy.deepcopy(good)
        state["param_groups"][0]["lr"] = 5.0
        change(state)
        return state

    changes = [
        (lambda s: s["param_groups"].append(s["param_groups"][0]), "different number of parameter groups"),
        (lambda s: s["param_groups"][0].update(params=[0]), "doesn't match the size"),
        (lambda s: s["param_groups"][0].pop("betas"), "lacks betas"),
        (lambda s: s["param_groups"][0].update(eps=-1), "Invalid epsilon"),
        (lambda s: s["state"][1].update(exp_avg=mg.zeros(2)), "shape"),
        (lambda s: s["state"][1].pop("exp_avg_sq"), "lacks exp_avg_sq"),
        (lambda s: s["state"].update({7: s["state"][1]}), "parameter 7"),
    ]
    for change, message in changes:
        with pytest.raises(ValueError, match=message):
            optimizer.load_state_dict(broken(change))
        now = optimizer.state_dict()
        assert now["param_groups"] == good["param_groups"]
        for i, name in itertools.product((0, 1), ("exp_avg", "exp_avg_sq")):
            assert (now["state"][i][name].numpy() == good["state"][i][name].numpy()).all()
    with pytest.raises(ValueError, match="lacks"):
        SGD([a, b]).load_state_dict(good)


def test_state_is_cast_to_the_parameter():
    a, b = parameter(3), parameter(3, dtype=np.float64)
    optimizer, wide = Adam([a]), Adam([b])
    train(optimizer, [a], 1)
    wide.load_state_dict(optimizer.state_dict())
    assert wide.state[b]["exp_avg"].dtype == np.float64
    train(wide, [b], 1)


def test_an_optimizer_of_ones_own():
    class Sign(Optimizer):
        def __init__(self, params, lr=0.1):
            super().__init__(params, {"lr": lr})

        @mg.no_grad()
        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    self.state[p]["steps"] = self.state[p].get("steps", 0) + 1
                    p.sub_(group["lr"] * p.grad.sign())

    p = mg.tensor([1.0, -1.0], requires_grad=True)
    optimizer = Sign([p])
    (p**2).sum().backward()
    optimizer.step()
    np.testing.assert_allclose(p.detach().numpy(), [0.9, -0.9])
    other = Sign([p])
    other.load_state_dict(optimizer.state_dict())
    assert other.state[p]["steps"] == 1

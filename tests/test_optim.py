"""Optimizers: the steps by hand, groups, errors, and a state that is saved and loaded."""

import copy
import itertools

import numpy as np
import pytest

import minigrad as mg
from minigrad.optim import SGD, Adam, AdamW, Optimizer, RMSprop

EVERY = [
    (SGD, {}),
    (SGD, {"momentum": 0.9, "nesterov": True}),
    (RMSprop, {}),
    (RMSprop, {"momentum": 0.9, "centered": True}),
    (Adam, {}),
    (AdamW, {"amsgrad": True}),
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
    optimizer = kind([p], lr=0.05, **options)
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


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW, RMSprop])
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

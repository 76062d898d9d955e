"""Every option of every optimizer against PyTorch."""

import itertools

import numpy as np
import pytest

import minigrad as mg

torch = pytest.importorskip("torch")

SHAPES = [(7, 5), (3,), (), (2, 0), (2, 3, 4)]


def options_of(**choices):
    """Every combination of the values of each option."""
    return [dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())]


SGD = [
    {**one, **rest}
    for one in [{}, {"momentum": 0.9}, {"momentum": 0.9, "dampening": 0.3}, {"momentum": 0.8, "nesterov": True}]
    for rest in options_of(lr=[0.05], weight_decay=[0, 0.1], maximize=[False, True])
]
ADAM = options_of(
    lr=[0.02],
    betas=[(0.9, 0.999), (0.3, 0.7), (0.0, 0.9)],
    eps=[1e-8, 1e-2],
    weight_decay=[0, 0.1],
    amsgrad=[False, True],
    maximize=[False, True],
)
RMSPROP = options_of(
    lr=[0.02],
    alpha=[0.99, 0.5],
    weight_decay=[0, 0.1],
    momentum=[0, 0.9],
    centered=[False, True],
    maximize=[False, True],
)
COMMON = {"weight_decay": [0, 0.1], "maximize": [False, True]}
OPTIONS = {
    "SGD": SGD,
    "Adam": ADAM + options_of(lr=[0.02], decoupled_weight_decay=[True], amsgrad=[False, True], **COMMON),
    "AdamW": ADAM,
    "RMSprop": RMSPROP,
    "Adagrad": options_of(
        lr=[0.05], lr_decay=[0, 0.3], initial_accumulator_value=[0, 0.5], eps=[1e-10, 1e-2], **COMMON
    ),
    "Adadelta": options_of(lr=[1.0, 0.3], rho=[0.9, 0.5, 1.0], eps=[1e-6, 1e-2], **COMMON),
    "Adamax": options_of(lr=[0.02], betas=[(0.9, 0.999), (0.3, 0.7), (0.0, 0.9)], eps=[1e-8, 1e-2], **COMMON),
    "NAdam": options_of(
        lr=[0.02],
        betas=[(0.9, 0.999), (0.3, 0.7)],
        eps=[1e-8, 1e-2],
        momentum_decay=[4e-3, 0.2],
        decoupled_weight_decay=[False, True],
        **COMMON,
    ),
    "RAdam": options_of(
        lr=[0.02],
        betas=[(0.9, 0.999), (0.3, 0.7), (0.0, 0.9)],
        eps=[1e-8, 1e-2],
        decoupled_weight_decay=[False, True],
        **COMMON,
    ),
    "Rprop": options_of(
        lr=[0.02], etas=[(0.5, 1.2), (0.3, 2.0)], step_sizes=[(1e-6, 50), (0.01, 0.03)], maximize=[False, True]
    ),
    "ASGD": options_of(lr=[0.02], lambd=[1e-4, 0.1], alpha=[0.75, 0.3], t0=[1e6, 5], **COMMON),
}
CASES = [(name, options) for name, every in OPTIONS.items() for options in every]
TOLERANCE = {np.float32: 2e-5, np.float64: 1e-12}


def start(dtype):
    rng = np.random.default_rng(0)
    return [np.asarray(rng.standard_normal(shape), dtype) for shape in SHAPES]


def gradients(dtype, steps):
    rng = np.random.default_rng(1)
    return [[np.asarray(rng.standard_normal(shape), dtype) for shape in SHAPES] for _ in range(steps)]


def both(name, options, dtype):
    ours = [mg.tensor(a, requires_grad=True) for a in start(dtype)]
    theirs = [torch.tensor(a, requires_grad=True) for a in start(dtype)]
    return (ours, getattr(mg.optim, name)(ours, **options)), (theirs, getattr(torch.optim, name)(theirs, **options))


def run(pair, grads, tensor):
    params, optimizer = pair
    for step, values in enumerate(grads):
        for i, (p, value) in enumerate(zip(params, values, strict=True)):
            p.grad = None if (step + i) % 7 == 3 else tensor(value)  # now and then a parameter has no gradient
        optimizer.step()


def compare(ours, theirs, dtype):
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@pytest.mark.parametrize(
    ("name", "options"), CASES, ids=lambda v: v if isinstance(v, str) else ",".join(map(str, v.values()))
)
def test_twenty_steps(name, options):
    for dtype in (np.float32, np.float64):
        ours, theirs = both(name, options, dtype)
        grads = gradients(dtype, 20)
        run(ours, grads, mg.tensor)
        run(theirs, grads, torch.tensor)
        compare(ours[0], theirs[0], dtype)


@pytest.mark.parametrize("name", [*OPTIONS, "LBFGS"])
def test_defaults_are_pytorchs(name):
    ours, theirs = both(name, {}, np.float32)
    known = ours[1].defaults
    assert {key: theirs[1].defaults[key] for key in known} == known


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("SGD", SGD[4]),
        ("Adam", ADAM[2]),
        ("AdamW", ADAM[3]),
        *((name, OPTIONS[name][-1]) for name in list(OPTIONS)[3:]),
    ],
)
def test_state_dicts_travel_both_ways(name, options):
    dtype = np.float64
    grads = gradients(dtype, 8)
    ours, theirs = both(name, options, dtype)
    run(ours, grads[:4], mg.tensor)
    run(theirs, grads[:4], torch.tensor)

    def converted(value, tensor, kind):
        if isinstance(value, dict):
            return {key: converted(item, tensor, kind) for key, item in value.items()}
        return tensor(value.numpy()) if isinstance(value, kind) else value

    for mine, other in zip(*(pair[1].state_dict()["state"].values() for pair in (ours, theirs)), strict=True):
        assert mine.keys() == other.keys()
        for key, value in other.items():
            assert np.shape(mine[key]) == tuple(value.shape)
    to_us, to_them = (
        getattr(library, name)(pair[0], lr=9.0) for library, pair in ((mg.optim, ours), (torch.optim, theirs))
    )
    their_state, our_state = theirs[1].state_dict(), ours[1].state_dict()
    to_us.load_state_dict({**their_state, "state": converted(their_state["state"], mg.tensor, torch.Tensor)})
    state = converted(our_state["state"], torch.tensor, mg.Tensor)
    to_them.load_state_dict({**their_state, "state": state})
    run((ours[0], to_us), grads[4:], mg.tensor)
    run((theirs[0], to_them), grads[4:], torch.tensor)
    compare(ours[0], theirs[0], dtype)


BAD = [
    {"lr": -1.0},
    {"weight_decay": -1.0},
    {"betas": (1.0, 0.5)},
    {"betas": (0.5, 2.0)},
    {"eps": -1.0},
    {"momentum": -1.0},
    {"nesterov": True},
    {"rho": 1.5},
    {"lr_decay": -1.0},
    {"initial_accumulator_value": -1.0},
    {"momentum_decay": -1.0},
    {"etas": (1.5, 0.5)},
    {"line_search_fn": "armijo"},
    {"unheard_of": 1},
]


@pytest.mark.parametrize("name", [*OPTIONS, "LBFGS"])
@pytest.mark.parametrize("options", BAD, ids=str)
def test_the_same_errors(name, options):
    p, q = mg.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
    q.grad = torch.ones(1)
    try:
        getattr(torch.optim, name)([q], **options).step(q.sum)  # where LBFGS looks at its search
    except (ValueError, TypeError, RuntimeError) as error:
        theirs = error
    else:
        pytest.skip(f"PyTorch's {name} takes {options}")
    with pytest.raises(type(theirs)) as ours:
        getattr(mg.optim, name)([p], **options)
    if type(theirs) is ValueError:
        assert str(ours.value) == str(theirs)


# ---- L-BFGS --------------------------------------------------------------------------------------------------------------


def valley(x, y):
    """Rosenbrock's function in pairs of coordinates, and a plain bowl beside it."""
    return ((1 - x[:, 0]) ** 2 + 10 * (x[:, 1] - x[:, 0] ** 2) ** 2).sum() + (y**2).sum() * 0.5


def lbfgs(library, options):
    rng = np.random.default_rng(0)
    tensor = mg.tensor if library is mg else torch.tensor
    params = [tensor(rng.standard_normal(shape), requires_grad=True) for shape in ((3, 2), (2, 2))]
    return params, library.optim.LBFGS(params, **options)


def steps_of(params, optimizer, count):
    def closure():
        optimizer.zero_grad()
        loss = valley(*params)
        loss.backward()
        return loss

    found = []
    for _ in range(count):
        loss = optimizer.step(closure)
        state = optimizer.state[params[0]]
        found.append((loss.item(), state["func_evals"], state["n_iter"], *(p.detach().numpy().copy() for p in params)))
    return found


LBFGS = [
    {**how, **rest}
    for how in ({"lr": 0.05}, {"line_search_fn": "strong_wolfe"}, {"line_search_fn": "strong_wolfe", "lr": 3.0})
    for rest in (
        {"max_iter": 4},
        {"max_iter": 6, "history_size": 2},
        {"max_iter": 5, "max_eval": 3},
        {"tolerance_grad": 0.5},
        {"tolerance_change": 1e-2},
    )
]


@pytest.mark.parametrize("options", LBFGS, ids=str)
def test_lbfgs(options):
    # With so short a memory the way is rough, and rounding grows tenfold with each step; here are 30 iterations.
    steps = 5 if "history_size" in options else 20
    ours, theirs = (steps_of(*lbfgs(library, options), steps) for library in (mg, torch))
    for mine, other in zip(ours, theirs, strict=True):
        assert mine[1:3] == other[1:3]
        for a, b in zip((mine[0], *mine[3:]), (other[0], *other[3:]), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_the_state_of_lbfgs_travels_both_ways(search):
    options = {"line_search_fn": search, "lr": 0.05 if search is None else 1.0, "max_iter": 3}
    (mine, ours), (other, theirs) = (lbfgs(library, options) for library in (mg, torch))
    steps_of(mine, ours, 2)
    steps_of(other, theirs, 2)

    def converted(value, tensor, kind):
        if isinstance(value, list):
            return [converted(item, tensor, kind) for item in value]
        return tensor(value.numpy()) if isinstance(value, kind) else value

    states = []
    for optimizer, tensor, kind in ((ours, torch.tensor, mg.Tensor), (theirs, mg.tensor, torch.Tensor)):
        state = optimizer.state_dict()
        entries = {key: converted(value, tensor, kind) for key, value in state["state"][0].items()}
        states.append({**state, "state": {0: entries}})
    resumed = mg.optim.LBFGS(mine, **options), torch.optim.LBFGS(other, **options)
    resumed[0].load_state_dict(states[1])
    resumed[1].load_state_dict(states[0])
    for a, b in zip(steps_of(mine, resumed[0], 3), steps_of(other, resumed[1], 3), strict=True):
        np.testing.assert_allclose(a[3], b[3], rtol=1e-9, atol=1e-9)

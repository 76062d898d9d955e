"""Every option of every optimizer, and whole schedules, against PyTorch."""

import itertools
import warnings

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


# ---- schedules -----------------------------------------------------------------------------------------------------------

SCHEDULES = [
    ("StepLR", {"step_size": 4, "gamma": 0.3}),
    ("MultiStepLR", {"milestones": [3, 9, 9, 20], "gamma": 0.5}),
    ("MultiStepLR", {"milestones": [0, 1]}),
    ("ExponentialLR", {"gamma": 0.93}),
    ("CosineAnnealingLR", {"T_max": 7}),
    ("CosineAnnealingLR", {"T_max": 50, "eta_min": 0.01}),
    ("CosineAnnealingLR", {"T_max": 1, "eta_min": 0.01}),
    ("LambdaLR", {"lr_lambda": lambda epoch: 0.95**epoch}),
    ("LinearLR", {}),
    ("LinearLR", {"start_factor": 0.5, "end_factor": 0.0, "total_iters": 11}),
    *(
        ("OneCycleLR", {"max_lr": lr, "pct_start": pct, "anneal_strategy": anneal, "three_phase": three, "cycle_momentum": cycle, **steps})
        for lr, pct, anneal, three, cycle, steps in [
            (0.5, 0.3, "cos", False, True, {"total_steps": 40}),
            (0.5, 0.3, "linear", False, True, {"epochs": 4, "steps_per_epoch": 10}),
            ([0.5, 2.0], 0.25, "cos", True, True, {"total_steps": 40}),
            ([0.5, 2.0], 0.4, "linear", True, False, {"total_steps": 40, "div_factor": 10.0, "final_div_factor": 100.0}),
            (0.5, 0.0, "cos", False, True, {"total_steps": 40, "base_momentum": 0.7, "max_momentum": [0.8, 0.99]}),
        ]
    ),
]  # fmt: skip


def schedule(library, tensor, kind, name, options, steps, resume=None):
    params = [tensor([1.0], requires_grad=True), tensor([2.0], requires_grad=True)]
    groups = [{"params": [p], "lr": 0.1 * (i + 1)} for i, p in enumerate(params)]
    if resume is not None:
        for group in groups:
            group["initial_lr"] = 2 * group["lr"]
        options = {**options, "last_epoch": resume}
    optimizer = getattr(library, kind)(groups, **({"momentum": 0.4} if kind == "SGD" else {}))
    scheduler = getattr(library.lr_scheduler, name)(optimizer, **options)
    found = []
    for _ in range(steps):
        for group in optimizer.param_groups:
            found += [group["lr"], group["betas"][0] if kind == "Adam" else group["momentum"]]
        assert scheduler.get_last_lr() == [group["lr"] for group in optimizer.param_groups]
        optimizer.step()
        scheduler.step()
    return found


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize(("name", "options"), SCHEDULES)
def test_whole_schedules(name, options, kind):
    ours = schedule(mg.optim, mg.tensor, kind, name, options, 40)
    theirs = schedule(torch.optim, torch.tensor, kind, name, options, 40)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("name", "options"), SCHEDULES[:10])
@pytest.mark.parametrize("resume", [0, 3, 7])
def test_schedules_begun_in_the_middle(name, options, resume):
    ours = schedule(mg.optim, mg.tensor, "SGD", name, options, 20, resume)
    theirs = schedule(torch.optim, torch.tensor, "SGD", name, options, 20, resume)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("mode", "threshold_mode"), list(itertools.product(("min", "max"), ("rel", "abs"))))
def test_plateaus(mode, threshold_mode):
    rng = np.random.default_rng(2)
    metrics = [*(5 * 0.9 ** np.arange(30) + 0.3 * rng.random(30)), float("nan"), *rng.random(40)]
    found = []
    for library, tensor in ((mg.optim, mg.tensor), (torch.optim, torch.tensor)):
        optimizer = library.SGD([tensor([1.0], requires_grad=True)], lr=1.0)
        scheduler = library.lr_scheduler.ReduceLROnPlateau(
            optimizer, mode, 0.5, 2, 0.05, threshold_mode, cooldown=2, min_lr=0.01, eps=1e-3
        )
        rates = []
        for metric in metrics:
            scheduler.step(metric)
            rates.append((optimizer.param_groups[0]["lr"], scheduler.num_bad_epochs, scheduler.best))
        found.append(rates)
    assert found[0] == found[1]


def test_the_same_warning_before_the_first_step():
    for library, tensor in ((mg.optim, mg.tensor), (torch.optim, torch.tensor)):
        scheduler = library.lr_scheduler.StepLR(library.SGD([tensor([1.0], requires_grad=True)]), 2)
        with pytest.warns(UserWarning, match="Detected call of"):
            scheduler.step()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            scheduler.step()

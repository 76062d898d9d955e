"""Whole schedules, and averages of weights, against PyTorch."""

import itertools
import warnings

import numpy as np
import pytest

import minigrad as mg

torch = pytest.importorskip("torch")

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
    ("MultiplicativeLR", {"lr_lambda": lambda epoch: 1 - 0.1 * (epoch % 3)}),
    ("MultiplicativeLR", {"lr_lambda": [lambda epoch: 0.9, lambda epoch: 0.95]}),
    ("ConstantLR", {}),
    ("ConstantLR", {"factor": 0.2, "total_iters": 11}),
    ("PolynomialLR", {}),
    ("PolynomialLR", {"total_iters": 30, "power": 2.5}),
    ("CosineAnnealingWarmRestarts", {"T_0": 4}),
    ("CosineAnnealingWarmRestarts", {"T_0": 3, "T_mult": 2, "eta_min": 0.01}),
    ("CyclicLR", {"base_lr": 0.1, "max_lr": 0.5, "step_size_up": 7}),
    ("CyclicLR", {"base_lr": [0.1, 0.2], "max_lr": [0.5, 0.9], "step_size_up": 3, "step_size_down": 8, "mode": "triangular2"}),
    ("CyclicLR", {"base_lr": 0.1, "max_lr": 0.5, "step_size_up": 6, "mode": "exp_range", "gamma": 0.97, "cycle_momentum": False}),
    ("CyclicLR", {"base_lr": 0.1, "max_lr": 0.5, "step_size_up": 6, "scale_fn": lambda x: 1 / x, "max_momentum": [0.8, 0.95]}),
    ("CyclicLR", {"base_lr": 0.1, "max_lr": 0.5, "step_size_up": 6, "scale_fn": lambda x: 0.9**x, "scale_mode": "iterations"}),
    ("SWALR", {"swa_lr": 0.05}),
    ("SWALR", {"swa_lr": [0.5, 0.01], "anneal_epochs": 6, "anneal_strategy": "linear"}),
    ("SWALR", {"swa_lr": 0.05, "anneal_epochs": 0}),
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
    module = library.swa_utils if name == "SWALR" else library.lr_scheduler
    return path(optimizer, getattr(module, name)(optimizer, **options), steps)


def path(optimizer, scheduler, steps):
    """The rates and momenta (or betas) of the groups before each step."""
    found = []
    for _ in range(steps):
        for group in optimizer.param_groups:
            found += [group["lr"], group["betas"][0] if "betas" in group else group["momentum"]]
        assert scheduler.get_last_lr() == [group["lr"] for group in optimizer.param_groups]
        optimizer.step()
        scheduler.step()
    return found


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize(("name", "options"), SCHEDULES)
def test_whole_schedules(name, options, kind):
    steps = 40 if name == "OneCycleLR" else 50
    ours = schedule(mg.optim, mg.tensor, kind, name, options, steps)
    theirs = schedule(torch.optim, torch.tensor, kind, name, options, steps)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("name", "options"), [row for row in SCHEDULES if row[0] != "OneCycleLR"])
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


COMPOSED = {
    "warm-up, then a cosine": lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o, 0.1, total_iters=5), s.CosineAnnealingLR(o, 20)], milestones=[5]
    ),
    "three in a row": lambda s, o: s.SequentialLR(
        o, [s.ConstantLR(o, 0.5, 4), s.StepLR(o, 3, 0.5), s.ExponentialLR(o, 0.9)], milestones=[6, 20]
    ),
    "all that know their epoch 0": lambda s, o: s.SequentialLR(
        o,
        [
            s.ExponentialLR(o, 0.9),
            s.MultiStepLR(o, [0, 2], 0.5),
            s.PolynomialLR(o, 6, 2.0),
            s.LinearLR(o, 0.5),
            s.ConstantLR(o, 0.3, 2),
            s.ConstantLR(o, 0.3, 0),
            s.LambdaLR(o, lambda epoch: 0.8 ** (epoch + 1)),
            s.MultiplicativeLR(o, lambda epoch: 0.7),
            s.CosineAnnealingWarmRestarts(o, 3, 2),
            s.CyclicLR(o, 0.1, 0.3, 2),
            s.OneCycleLR(o, 0.5, 30),
        ],
        milestones=[4, 8, 12, 16, 20, 22, 26, 30, 34, 40],
    ),
    "a milestone at once": lambda s, o: s.SequentialLR(
        o, [s.ExponentialLR(o, 0.5), s.LinearLR(o, 0.25), s.StepLR(o, 4)], milestones=[0, 3]
    ),
    "restarts first": lambda s, o: s.SequentialLR(
        o, [s.CosineAnnealingWarmRestarts(o, 4), s.ExponentialLR(o, 0.9)], milestones=[7]
    ),
    "a chain": lambda s, o: s.ChainedScheduler([s.ConstantLR(o, 0.1, 20), s.ExponentialLR(o, 0.9)], optimizer=o),
    "a chain that finds its optimizer": lambda s, o: s.ChainedScheduler([s.StepLR(o, 3), s.CosineAnnealingLR(o, 11)]),
    "a chain, then a line": lambda s, o: s.SequentialLR(
        o, [s.ChainedScheduler([s.ConstantLR(o, 0.5, 3), s.ExponentialLR(o, 0.9)]), s.LinearLR(o, 0.5)], milestones=[6]
    ),
}


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize("name", COMPOSED)
@pytest.mark.filterwarnings("ignore:Detected call")
def test_schedules_of_schedules(name, kind):
    found = []
    for library, tensor in ((mg.optim, mg.tensor), (torch.optim, torch.tensor)):
        groups = [{"params": [tensor([1.0], requires_grad=True)], "lr": lr} for lr in (0.4, 0.7)]
        optimizer = getattr(library, kind)(groups, **({"momentum": 0.4} if kind == "SGD" else {}))
        found.append(path(optimizer, COMPOSED[name](library.lr_scheduler, optimizer), 50))
    np.testing.assert_allclose(*found, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("options", [{"T_0": 4}, {"T_0": 2, "T_mult": 2, "eta_min": 0.1}, {"T_0": 3, "T_mult": 3}])
def test_restarts_at_any_epoch(options):
    found = []
    for library, tensor in ((mg.optim, mg.tensor), (torch.optim, torch.tensor)):
        optimizer = library.SGD([tensor([1.0], requires_grad=True)], lr=1.0)
        scheduler = library.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, **options)
        rates = []
        for epoch in [0.25, 0.5, 1.75, 2, 3.9, 4.0, 5.5, 7.25, 26, None, None, None, 1, None, None, None]:
            scheduler.step() if epoch is None else scheduler.step(epoch)
            rates.append((scheduler.get_last_lr()[0], scheduler.last_epoch, scheduler.T_cur, scheduler.T_i))
        with pytest.raises(ValueError, match="Expected non-negative epoch, but got -1"):
            scheduler.step(-1)
        found.append(rates)
    np.testing.assert_allclose(*found, rtol=1e-9)


BAD = [
    ("ConstantLR", {"factor": 1.5}),
    ("ConstantLR", {"factor": -0.5}),
    ("CosineAnnealingWarmRestarts", {"T_0": 0}),
    ("CosineAnnealingWarmRestarts", {"T_0": 2, "T_mult": 0}),
    ("CosineAnnealingWarmRestarts", {"T_0": 2, "eta_min": "low"}),
    ("CyclicLR", {"base_lr": 0.1, "max_lr": 1.0, "mode": "square"}),
    ("CyclicLR", {"base_lr": [0.1, 0.2], "max_lr": 1.0}),
    ("MultiplicativeLR", {"lr_lambda": 3}),
    ("SequentialLR", {"schedulers": [], "milestones": []}),
    ("SequentialLR", {"schedulers": [3], "milestones": []}),
    ("ChainedScheduler", {"schedulers": []}),
    ("ChainedScheduler", {"schedulers": [3]}),
    ("SWALR", {"swa_lr": 0.1, "anneal_strategy": "square"}),
    ("SWALR", {"swa_lr": 0.1, "anneal_epochs": -1}),
    ("SWALR", {"swa_lr": [0.1, 0.2]}),
]


@pytest.mark.parametrize(("name", "options"), BAD, ids=str)
def test_the_same_errors(name, options):
    errors = []
    for library, tensor in ((mg.optim, mg.tensor), (torch.optim, torch.tensor)):
        optimizer = library.SGD([tensor([1.0], requires_grad=True)], lr=1.0, momentum=0.5)
        module = library.swa_utils if name == "SWALR" else library.lr_scheduler
        with pytest.raises((ValueError, TypeError)) as caught:
            getattr(module, name)(optimizer=optimizer, **options)
        errors.append(caught.value)
    assert type(errors[0]) is type(errors[1])
    if name != "ChainedScheduler" and "must have the same length" not in str(
        errors[0]
    ):  # which read a little otherwise
        assert str(errors[0]) == str(errors[1])


# ---- averages of weights -------------------------------------------------------------------------------------------------


def averaged(library, options):
    nn, swa = library.nn, library.optim.swa_utils
    tensor = mg.tensor if library is mg else torch.tensor
    rng = np.random.default_rng(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))
    model.load_state_dict(
        {key: tensor(np.asarray(rng.standard_normal(value.shape), np.float32)) for key, value in model.state_dict().items()
         if "num_batches" not in key}, strict=False
    )  # fmt: skip
    average = swa.AveragedModel(model, **{key: value(swa) for key, value in options.items()})
    batches = [tensor(rng.standard_normal((8, 3)).astype(np.float32)) for _ in range(6)]
    optimizer = library.optim.SGD(model.parameters(), lr=0.1)
    for batch in batches:
        optimizer.zero_grad()
        (model(batch) ** 2).mean().backward()
        optimizer.step()
        average.update_parameters(model)
    before = {key: value.detach().numpy().copy() for key, value in average.state_dict().items()}
    swa.update_bn([(batch, 0) for batch in batches], average)
    return before, {key: value.detach().numpy() for key, value in average.state_dict().items()}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"avg_fn": lambda swa: swa.get_ema_avg_fn(0.7)},
        {"avg_fn": lambda swa: swa.get_swa_avg_fn()},
        {"multi_avg_fn": lambda swa: swa.get_ema_multi_avg_fn(0.7)},
        {"multi_avg_fn": lambda swa: swa.get_swa_multi_avg_fn()},
        {"multi_avg_fn": lambda swa: swa.get_ema_multi_avg_fn(0.7), "use_buffers": lambda swa: True},
    ],
)
def test_averaged_models(options):
    ours, theirs = averaged(mg, options), averaged(torch, options)
    for mine, other in zip(ours, theirs, strict=True):
        assert list(mine) == list(other)
        for key, value in mine.items():
            if "num_batches" in key and "use_buffers" in options:
                continue  # PyTorch averages the count of batches as well, and rounds it otherwise
            np.testing.assert_allclose(value, other[key], rtol=1e-4, atol=1e-5, err_msg=key)


STATES = {
    "StepLR": (2,), "MultiStepLR": ([2, 4, 4],), "ExponentialLR": (0.9,), "CosineAnnealingLR": (10,), "CosineAnnealingWarmRestarts": (5,),
    "LinearLR": (), "ConstantLR": (), "PolynomialLR": (), "LambdaLR": (lambda epoch: 0.9**epoch,), "OneCycleLR": (0.1, 20),
    "CyclicLR": (0.01, 0.1), "ReduceLROnPlateau": ("min", 0.1, 1),
}  # fmt: skip


@pytest.mark.parametrize("name", STATES)
def test_a_state_from_pytorch_is_taken(name):
    pairs = []
    for lib in (torch, mg):
        optimizer = lib.optim.SGD([lib.nn.Parameter(lib.ones(2))], lr=0.1, momentum=0.9)
        pairs.append((optimizer, getattr(lib.optim.lr_scheduler, name)(optimizer, *STATES[name])))
    (theirs, their_schedule), (ours, our_schedule) = pairs
    metric = (1.0,) if name == "ReduceLROnPlateau" else ()
    for _ in range(3):
        theirs.step()
        their_schedule.step(*metric)
    our_schedule.load_state_dict(their_schedule.state_dict())
    ours.param_groups[0]["lr"] = theirs.param_groups[0]["lr"]
    for _ in range(4):
        for optimizer, schedule in pairs:
            optimizer.step()
            schedule.step(*metric)
        for option in ("lr", "momentum"):
            assert abs(ours.param_groups[0][option] - theirs.param_groups[0][option]) < 1e-12

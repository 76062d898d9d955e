"""Learning rate schedules: their values by formula, stepping, and state dicts. Compared with PyTorch in tests/torch."""

import math
import warnings

import pytest

import minigrad as mg
from minigrad.optim import SGD, Adagrad, Adam, lr_scheduler
from minigrad.optim.lr_scheduler import (
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)
from minigrad.optim.swa_utils import SWALR


def sgd(lr=1.0, groups=1, **options):
    return SGD([{"params": [mg.ones(1, requires_grad=True)], "lr": lr * (i + 1)} for i in range(groups)], **options)


def rates(scheduler, steps):
    """The rates of epochs 0, 1, ..., steps."""
    found = [scheduler.optimizer.param_groups[0]["lr"]]
    for _ in range(steps):
        scheduler.optimizer.step()
        scheduler.step()
        found.append(scheduler.optimizer.param_groups[0]["lr"])
        assert scheduler.get_last_lr()[0] == found[-1]
    return found


@pytest.mark.parametrize(
    ("make", "formula"),
    [
        (lambda o: StepLR(o, 3, 0.5), lambda t: 0.5 ** (t // 3)),
        (lambda o: MultiStepLR(o, [7, 2, 7], 0.1), lambda t: 0.1 ** ((t >= 2) + 2 * (t >= 7))),
        (lambda o: ExponentialLR(o, 0.9), lambda t: 0.9**t),
        (lambda o: LambdaLR(o, lambda epoch: 1 / (1 + epoch)), lambda t: 1 / (1 + t)),
        (lambda o: LinearLR(o, 0.25, 0.75, 4), lambda t: 0.25 + 0.5 * min(t, 4) / 4),
        (lambda o: MultiplicativeLR(o, lambda epoch: 1 + 1 / epoch), lambda t: t + 1),
        (lambda o: ConstantLR(o, 0.25, 4), lambda t: 0.25 if t < 4 else 1.0),
        (lambda o: PolynomialLR(o, 8, 3.0), lambda t: (1 - min(t, 8) / 8) ** 3),
        (
            lambda o: CosineAnnealingWarmRestarts(o, 2, 2, 0.1),
            lambda t: (
                0.1
                + 0.9
                * (
                    1
                    + math.cos(
                        math.pi * [0, 1 / 2, 0, 1 / 4, 2 / 4, 3 / 4, 0, 1 / 8, 2 / 8, 3 / 8, 4 / 8, 5 / 8, 6 / 8][t]
                    )
                )
                / 2
            ),
        ),
        (lambda o: CyclicLR(o, 1.0, 3.0, 2, 3), lambda t: [1, 2, 3, 3 - 2 / 3, 3 - 4 / 3][t % 5]),
        (
            lambda o: CyclicLR(o, 1.0, 3.0, 3, mode="triangular2"),
            lambda t: 1 + [0, 2, 4, 6, 4, 2][t % 6] / 3 / 2 ** (t // 6),
        ),
        (
            lambda o: SequentialLR(o, [LinearLR(o, 0.5, total_iters=4), ExponentialLR(o, 0.9)], [4]),
            lambda t: 0.5 + t / 8 if t < 4 else 0.9 ** (t - 4),
        ),
        (
            lambda o: ChainedScheduler([StepLR(o, 3, 0.5), ConstantLR(o, 0.1, 5)]),
            lambda t: 0.5 ** (t // 3) * (0.1 if t < 5 else 1),
        ),
        (lambda o: CosineAnnealingLR(o, 5, 0.1), lambda t: 0.1 + 0.9 * (1 + math.cos(math.pi * t / 5)) / 2),
        (
            lambda o: OneCycleLR(
                o, 2.0, 13, anneal_strategy="linear", pct_start=5 / 13, div_factor=4, final_div_factor=5
            ),
            lambda t: 0.5 + 1.5 * t / 4 if t <= 4 else 2 - 1.9 * (t - 4) / 8,
        ),
    ],
)
def test_formulas(make, formula):
    scheduler = make(sgd(momentum=0.9))
    assert rates(scheduler, 12) == pytest.approx([formula(t) for t in range(13)], rel=1e-12)


def test_groups_and_lists_of_lambdas():
    optimizer = sgd(groups=2)
    scheduler = LambdaLR(optimizer, [lambda t: t, lambda t: -t])
    rates(scheduler, 3)
    assert scheduler.get_last_lr() == [3.0, -6.0]
    with pytest.raises(ValueError, match="Expected 2 lr_lambdas, but got 1"):
        LambdaLR(optimizer, [abs])


def test_schedules_of_one_optimizer_multiply():
    optimizer = sgd()
    first, second = ExponentialLR(optimizer, 0.5), StepLR(optimizer, 2, 0.1)
    for _ in range(4):
        optimizer.step()
        first.step()
        second.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.5**4 * 0.1**2)


def test_one_cycle_moves_momentum_and_beta1_against_the_rate():
    optimizer = sgd(momentum=0.5)
    scheduler = OneCycleLR(optimizer, 1.0, 10, base_momentum=0.8, max_momentum=0.9)
    assert optimizer.param_groups[0]["momentum"] == pytest.approx(0.9)
    rates(scheduler, 2)
    assert optimizer.param_groups[0]["momentum"] == pytest.approx(0.8)
    adam = Adam([mg.ones(1, requires_grad=True)], betas=(0.5, 0.99))
    scheduler = OneCycleLR(adam, 1.0, 10)
    assert adam.param_groups[0]["betas"] == pytest.approx((0.95, 0.99))
    rates(scheduler, 9)
    with pytest.raises(ValueError, match="Tried to step 11 times"):
        rates(scheduler, 2)
    assert scheduler.last_epoch == 10


def test_one_cycle_whose_rise_has_no_length():
    """pct_start * total_steps of 1 makes a phase that ends at step 0: PyTorch divides by zero."""
    assert rates(OneCycleLR(sgd(), 2.0, 10, pct_start=0.1, cycle_momentum=False), 1)[0] == 2.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "You must define either total_steps"),
        ({"total_steps": 0}, "positive integer total_steps"),
        ({"total_steps": 2.5}, "positive integer total_steps"),
        ({"epochs": 3, "steps_per_epoch": 0}, "positive integer steps_per_epoch"),
        ({"total_steps": 5, "pct_start": 2.0}, "pct_start"),
        ({"total_steps": 5, "anneal_strategy": "log"}, "anneal_strategy"),
        ({"total_steps": 5, "max_lr": [1.0, 2.0]}, "max_lr must have the same length"),
    ],
)
def test_bad_cycles_leave_the_optimizer_as_it_was(options, message):
    optimizer = sgd(momentum=0.5)
    before = dict(optimizer.param_groups[0])
    with pytest.raises(ValueError, match=message):
        OneCycleLR(optimizer, **{"max_lr": 1.0, **options})
    assert optimizer.param_groups[0] == before


def test_bad_arguments():
    with pytest.raises(TypeError, match="int is not an Optimizer"):
        StepLR(3, 1)
    with pytest.raises(ValueError, match="Starting multiplicative factor"):
        LinearLR(sgd(), 0.0)
    with pytest.raises(ValueError, match="Ending multiplicative factor"):
        LinearLR(sgd(), 0.5, 1.5)
    with pytest.raises(KeyError, match="initial_lr"):
        StepLR(sgd(), 1, last_epoch=3)


def test_warns_when_called_before_the_optimizer():
    scheduler = StepLR(sgd(), 2)
    with pytest.warns(UserWarning, match=r"before `optimizer.step\(\)`"):
        scheduler.step()
    scheduler = StepLR(sgd(), 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rates(scheduler, 3)


EVERY = [
    lambda o: StepLR(o, 3, 0.5),
    lambda o: MultiStepLR(o, [2, 7], 0.1),
    lambda o: ExponentialLR(o, 0.9),
    lambda o: LambdaLR(o, lambda epoch: 1 / (1 + epoch)),
    lambda o: LinearLR(o, 0.25, 0.75, 4),
    lambda o: CosineAnnealingLR(o, 5, 0.1),
    lambda o: OneCycleLR(o, 2.0, 13),
    lambda o: MultiplicativeLR(o, lambda epoch: 0.9),
    lambda o: ConstantLR(o, 0.5, 7),
    lambda o: PolynomialLR(o, 8, 2.0),
    lambda o: CosineAnnealingWarmRestarts(o, 3, 2),
    lambda o: CyclicLR(o, 0.1, 1.0, 3),
    lambda o: SequentialLR(o, [LinearLR(o, 0.5, total_iters=3), ExponentialLR(o, 0.9), StepLR(o, 2)], [3, 7]),
    lambda o: ChainedScheduler([StepLR(o, 3, 0.5), ConstantLR(o, 0.1, 5)]),
    lambda o: SWALR(o, 0.05, 6),
]


@pytest.mark.parametrize("make", EVERY)
def test_resumed_from_a_file_as_if_never_stopped(make, tmp_path):
    straight = rates(make(sgd(momentum=0.9)), 10)
    optimizer = sgd(momentum=0.9)
    scheduler = make(optimizer)
    rates(scheduler, 4)
    mg.save({"optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict()}, tmp_path / "run")
    saved = mg.load(tmp_path / "run")
    optimizer = sgd(lr=77.0, momentum=0.9)
    scheduler = make(optimizer)
    scheduler.load_state_dict(saved["scheduler"])
    optimizer.load_state_dict(saved["optimizer"])
    assert rates(scheduler, 6) == straight[4:]


def test_the_state_of_another_schedule_changes_nothing():
    scheduler = StepLR(sgd(), 3)
    before = scheduler.state_dict()
    for other in (ExponentialLR(sgd(), 0.5), StepLR(sgd(groups=2), 5)):
        with pytest.raises(ValueError, match="the state dict of a StepLR"):
            scheduler.load_state_dict(other.state_dict())
    assert scheduler.state_dict() == before


def test_the_state_of_other_schedules_changes_none_of_a_row():
    def row(last):
        optimizer = sgd()
        return SequentialLR(optimizer, [StepLR(optimizer, 3), last(optimizer)], [4])

    scheduler = row(lambda o: ExponentialLR(o, 0.5))
    rates(scheduler, 2)
    before = scheduler.state_dict()
    other = row(lambda o: LinearLR(o, 0.5))
    with pytest.raises(ValueError, match="the state dict of a ExponentialLR"):
        scheduler.load_state_dict(other.state_dict())
    with pytest.raises(ValueError, match="the state dict of a SequentialLR of 2 schedulers"):
        scheduler.load_state_dict(StepLR(sgd(), 3).state_dict())
    assert scheduler.state_dict() == before


def test_schedules_of_another_optimizer_or_a_metric_cannot_be_composed():
    optimizer = sgd()
    for kind, rest in ((SequentialLR, {"milestones": [3], "optimizer": optimizer}), (ChainedScheduler, {})):
        with pytest.raises(ValueError, match="same optimizer.*StepLR at index 1"):
            kind(schedulers=[StepLR(optimizer, 3), StepLR(sgd(), 3)], **rest)
        with pytest.raises(ValueError, match="does not support `ReduceLROnPlateau`.*index 1"):
            kind(schedulers=[StepLR(optimizer, 3), ReduceLROnPlateau(optimizer)], **rest)
    with pytest.raises(ValueError, match="one more than the number of milestone points"):
        SequentialLR(optimizer, [StepLR(optimizer, 3)], [3])


def test_cycles_move_momentum_against_the_rate():
    optimizer = sgd(momentum=0.5)
    scheduler = CyclicLR(optimizer, 0.1, 1.0, 2, base_momentum=0.7, max_momentum=0.9)
    assert optimizer.param_groups[0]["momentum"] == pytest.approx(0.9)
    rates(scheduler, 2)
    assert optimizer.param_groups[0]["momentum"] == pytest.approx(0.7)
    with pytest.raises(ValueError, match="support momentum or beta1"):
        CyclicLR(Adagrad([mg.ones(1, requires_grad=True)]), 0.1, 1.0)


def test_lambda_objects_are_saved_functions_are_not():
    class Factor:
        def __init__(self, base):
            self.base = base

        def __call__(self, epoch):
            return self.base**epoch

    scheduler = LambdaLR(sgd(groups=2), [Factor(0.5), lambda epoch: 1.0])
    state = scheduler.state_dict()
    assert state["lr_lambdas"] == [{"base": 0.5}, None]
    other = LambdaLR(sgd(groups=2), [Factor(0.1), lambda epoch: 2.0])
    other.load_state_dict(state)
    assert other.lr_lambdas[0].base == 0.5
    assert other.lr_lambdas[1](3) == 2.0


def test_plateau():
    optimizer = sgd()
    scheduler = ReduceLROnPlateau(optimizer, factor=0.5, patience=1, cooldown=1, min_lr=0.2)
    found = []
    for loss in [1.0, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8]:
        scheduler.step(mg.tensor(loss))
        found.append(optimizer.param_groups[0]["lr"])
    assert found == [1.0] * 3 + [0.5] * 3 + [0.25] * 3 + [0.2] * 6
    with pytest.raises(ValueError, match="Factor"):
        ReduceLROnPlateau(optimizer, factor=1.0)
    with pytest.raises(ValueError, match="mode best is unknown"):
        ReduceLROnPlateau(optimizer, mode="best")


def test_everything_public_is_here():
    made = {type(make(sgd(momentum=0.9))).__name__ for make in EVERY}
    assert made - {"SWALR"} | {"LRScheduler", "ReduceLROnPlateau"} == set(lr_scheduler.__all__)
    assert all(
        getattr(lr_scheduler, name).__module__.startswith(lr_scheduler.__name__) for name in lr_scheduler.__all__
    )

"""Schedules of p: their rates by formula, what they step, their ends and their states."""

import json
import math

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn import (
    ConstantSchedule,
    CurriculumSchedule,
    DropoutSchedule,
    EarlySchedule,
    LateSchedule,
    LinearSchedule,
    StepSchedule,
)


def model():
    return nn.Sequential(nn.Dropout(0.2), nn.Linear(2, 2), nn.Sequential(nn.Dropout2d(0.5), nn.ReLU()))


@pytest.mark.parametrize(
    ("make", "formula"),
    [
        (lambda m: DropoutSchedule(m, lambda base, t: base * math.cos(t / 10) ** 2), lambda p, t: p * math.cos(t / 10) ** 2),
        (lambda m: ConstantSchedule(m), lambda p, t: p),
        (lambda m: ConstantSchedule(m, 0.3), lambda p, t: 0.3),
        (lambda m: LinearSchedule(m, 12), lambda p, t: p * t / 12),
        (lambda m: LinearSchedule(m, 12, None, 0.1), lambda p, t: p + (0.1 - p) * t / 12),
        (lambda m: LinearSchedule(m, 12, 1.0, 0.0), lambda p, t: 1 - t / 12),
        (lambda m: StepSchedule(m, 3, 0.5), lambda p, t: p * 0.5 ** (t // 3)),
        (lambda m: CurriculumSchedule(m, 0.25), lambda p, t: 1 - ((1 - (1 - p)) * math.exp(-0.25 * t) + (1 - p))),
        (lambda m: EarlySchedule(m, 5), lambda p, t: p * max(1 - t / 5, 0)),
        (lambda m: EarlySchedule(m, 5, shape="constant"), lambda p, t: p * (t < 5)),
        (lambda m: LateSchedule(m, 5, total_steps=12), lambda p, t: p * (t >= 5)),
    ],
)  # fmt: skip
def test_formulas(make, formula):
    net = model()
    schedule = make(net)
    for step in range(13):
        found = [net[0].p, net[2][0].p]
        assert found == pytest.approx([formula(0.2, step), formula(0.5, step)], abs=1e-15)
        assert schedule.get_last_p() == found
        assert schedule.last_step == step
        if step < 12:
            schedule.step()


class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.p = 0.4
        self.inner = nn.Dropout(0.1)


def test_any_module_with_a_p_is_stepped():
    net = nn.ModuleList(
        [nn.DropBlock2d(0.3, 3), nn.DropPath(0.25), nn.AlphaDropout(0.2), nn.DropConnect(2, 2, 0.5), nn.GalDropout(0.6), Noisy()]
    )  # fmt: skip
    schedule = DropoutSchedule(net, lambda base, step: base / 2)
    assert [net[0].p, net[1].p, net[2].p, net[3].p, net[4].p, net[5].p, net[5].inner.p] == [
        0.15, 0.125, 0.1, 0.25, 0.3, 0.2, 0.05,
    ]  # fmt: skip
    assert len(schedule.modules) == 7
    assert net[0](mg.ones(2, 3, 5, 5)).shape == (2, 3, 5, 5)
    assert len(DropoutSchedule([net[0], net[0], net[5]], lambda base, step: base).modules) == 2


def test_learned_rates_and_other_things_called_p_are_left_alone():
    class Named(nn.Module):
        def __init__(self, p):
            super().__init__()
            self.p = p

    concrete = nn.ConcreteDropout(0.3)
    net = nn.ModuleList(
        [concrete, Named(True), Named("0.5"), Named(nn.Parameter(mg.ones(1))), Named(None), nn.Dropout(0.5)]
    )
    schedule = ConstantSchedule(net, 0.1)
    assert [module.p for module in schedule.modules] == [0.1]
    assert concrete.p == pytest.approx(0.3)


def test_numbers_of_numpy_are_numbers():
    layer = nn.Dropout(np.float32(0.25))
    schedule = LinearSchedule(layer, np.int64(2))
    schedule.step()
    assert layer.p == 0.125


def test_another_attribute():
    zoneout = nn.Zoneout(0.5, 0.05)
    schedule = LinearSchedule(zoneout, 2, attribute="p_hidden")
    schedule.step()
    assert (zoneout.p, zoneout.p_hidden) == (0.5, 0.025)


def test_the_layers_drop_what_is_scheduled():
    layer = nn.Dropout(0.5)
    schedule = LateSchedule(layer, 1)
    x = mg.ones(100)
    assert layer(x) is x
    schedule.step()
    assert set(layer(x).tolist()) == {0.0, 2.0}
    net = nn.Sequential(nn.ReLU(), nn.Dropout(0.5))  # which are computed in one pass
    schedule = LateSchedule(net, 1)
    assert set(net(x).tolist()) == {1.0}
    schedule.step()
    assert set(net(x).tolist()) == {0.0, 2.0}


@pytest.mark.parametrize(
    "make",
    [
        lambda m: DropoutSchedule(m, lambda base, step: base, 3),
        lambda m: ConstantSchedule(m, 0.1, 3),
        lambda m: LinearSchedule(m, 3),
        lambda m: StepSchedule(m, 2, total_steps=3),
        lambda m: CurriculumSchedule(m, total_steps=3),
        lambda m: EarlySchedule(m, 2, 3),
        lambda m: LateSchedule(m, 2, 3),
    ],
)
def test_past_the_end(make):
    net = model()
    schedule = make(net)
    for _ in range(3):
        schedule.step()
    before = [net[0].p, net[2][0].p]
    for _ in range(2):
        with pytest.raises(ValueError, match="step 4 is past the end.*3 steps"):
            schedule.step()
    assert [net[0].p, net[2][0].p] == before == schedule.get_last_p()
    assert schedule.last_step == 3


@pytest.mark.parametrize("rate", [math.nan, -0.1, 1.5])
def test_a_rate_out_of_range_changes_nothing(rate):
    net = model()
    schedule = DropoutSchedule(net, lambda base, step: rate if (step == 2 and base == 0.5) else base / (1 + step))
    schedule.step()
    with pytest.raises(ValueError, match=r"between 0 and 1, but step 2 gives .* for a layer of 0\.5"):
        schedule.step()
    assert (net[0].p, net[2][0].p, schedule.last_step) == (0.1, 0.25, 1)


def test_a_rate_of_1_where_it_divides_by_zero():
    layers = nn.ModuleList([nn.Dropout(0.2), nn.GaussianDropout(0.2)])
    schedule = LinearSchedule(layers, 2, 0.5, 1.0)
    schedule.step()
    with pytest.raises(ValueError, match="step 2 gives 1, where the formula of GaussianDropout"):
        schedule.step()
    assert [layer.p for layer in layers] == [0.75, 0.75]


def test_linear_schedules_reach_both_ends_to_the_bit():
    for start, end in ((0.7, 0.1), (0.1, 0.7), (0.3, 1.0), (1.0, 0.0)):
        layer = nn.Dropout(0.5)
        schedule = LinearSchedule(layer, 7, start, end)
        assert layer.p == start
        for _ in range(7):
            schedule.step()
        assert layer.p == end


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda m: LinearSchedule("model", 3), TypeError, "takes a Module or several, got str"),
        (lambda m: LinearSchedule(None, 3), TypeError, "takes a Module or several, got NoneType"),
        (lambda m: LinearSchedule(m[1:2], 3), ValueError, "no module with a number 'p'"),
        (lambda m: nn.EarlySchedule(m, True), TypeError, "cutoff has to be an int, got True"),
        (lambda m: DropoutSchedule(nn.Linear(2, 2), lambda base, step: 0.1), ValueError, "no module with a number 'p'"),
        (lambda m: DropoutSchedule([m[0], 3], lambda base, step: 0.1), TypeError, "int"),
        (lambda m: DropoutSchedule(m, 0.5), TypeError, "function"),
        (lambda m: DropoutSchedule(m), NotImplementedError, "get_p"),
        (lambda m: DropoutSchedule(m, lambda base, step: base, 0), ValueError, "total_steps"),
        (lambda m: ConstantSchedule(m, 1.5), ValueError, "1.5"),
        (lambda m: ConstantSchedule(m, math.nan), ValueError, "nan"),
        (lambda m: LinearSchedule(m, 0), ValueError, "total_steps"),
        (lambda m: LinearSchedule(m, None), TypeError, "total_steps.*None"),
        (lambda m: LinearSchedule(m, 5, -0.5), ValueError, "start"),
        (lambda m: LinearSchedule(m, 5, 0.5, 2), ValueError, "end"),
        (lambda m: StepSchedule(m, 0), ValueError, "step_size"),
        (lambda m: StepSchedule(m, 2, -1.0), ValueError, "gamma"),
        (lambda m: CurriculumSchedule(m, 0.0), ValueError, "gamma"),
        (lambda m: CurriculumSchedule(m, math.nan), ValueError, "gamma"),
        (lambda m: EarlySchedule(m, 0), ValueError, "cutoff"),
        (lambda m: EarlySchedule(m, 5, shape="cosine"), ValueError, "cosine"),
        (lambda m: LateSchedule(m, 2.5), TypeError, "cutoff.*2.5"),
        (lambda m: CurriculumSchedule(m, "0.1"), TypeError, "gamma.*str"),
        (lambda m: ConstantSchedule(m, True), TypeError, "p has to be a number, not bool"),
        (lambda m: DropoutSchedule(m, lambda base, step: "0.5"), TypeError, "step 0 has to be a number"),
    ],
)
def test_bad_arguments(make, error, says):
    net = model()
    with pytest.raises(error, match=says):
        make(net)
    assert (net[0].p, net[2][0].p) == (0.2, 0.5)


def test_state_dict():
    net = model()
    schedule = LinearSchedule(net, 10)
    for _ in range(4):
        schedule.step()
    state = json.loads(json.dumps(schedule.state_dict()))
    other_net = model()
    for layer in (other_net[0], other_net[2][0]):
        layer.p = 0.9  # another start
    other = LinearSchedule(other_net, 20)
    other.load_state_dict(state)
    assert (other_net[0].p, other_net[2][0].p) == (net[0].p, net[2][0].p) == pytest.approx((0.08, 0.2))
    schedule.step()
    other.step()
    assert other.get_last_p() == schedule.get_last_p()
    assert other.state_dict() == schedule.state_dict()


def test_a_state_that_does_not_fit_changes_nothing():
    schedule = LinearSchedule(model(), 10)
    before = schedule.state_dict()
    for state in (
        LinearSchedule(nn.Dropout(0.2), 10).state_dict(),
        StepSchedule(model(), 3).state_dict(),
        {},
        {**before, "last_step": 11},
        {**before, "base_ps": [0.5, math.nan]},
    ):
        with pytest.raises(
            ValueError, match="the state dict of a LinearSchedule of 2 layers|past the end|between 0 and 1"
        ):
            schedule.load_state_dict(state)
        assert schedule.state_dict() == before
        assert schedule.get_last_p() == [0, 0]


def test_a_state_has_to_be_a_dict():
    with pytest.raises(TypeError, match="expected a state dict, not NoneType"):
        LinearSchedule(model(), 10).load_state_dict(None)


def test_a_function_is_not_part_of_the_state():
    schedule = DropoutSchedule(model(), lambda base, step: base / (1 + step))
    assert "function" not in schedule.state_dict()
    other = DropoutSchedule(model(), lambda base, step: base / (1 + step))
    schedule.step()
    other.load_state_dict(schedule.state_dict())
    assert other.get_last_p() == [0.1, 0.25]

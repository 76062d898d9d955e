"""Dropout of weights, in recurrent nets, and with learned noise: the layers. Their functional forms are rows of tests/op_table."""

import copy
import math

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.testing import gradcheck, gradgradcheck

STRICT = {"rtol": 1e-6, "atol": 1e-7}
f64 = mg.float64


def seeded(seed=0):
    return mg.Generator().manual_seed(seed)


def bits(*tensors):
    return [t.numpy(force=True).tobytes() for t in tensors]


# name: how to make a layer that takes (..., 6), or (T, N, 6)
LAYERS = {
    "DropConnect": lambda g: nn.DropConnect(6, 3, 0.3, generator=g),
    "DropConnect tanh": lambda g: nn.DropConnect(6, 3, 0.3, activation=mg.tanh, bias=False, generator=g),
    "WeightDrop": lambda g: nn.WeightDrop(nn.Linear(6, 3), ["weight", "bias"], 0.3, generator=g),
    "TargetedDropout": lambda g: nn.TargetedDropout(nn.Linear(6, 3), "weight", 0.5, 0.7, generator=g),
    "TargetedDropout unit": lambda g: nn.TargetedDropout(nn.Linear(6, 8), p=0.5, target="unit", generator=g),
    "ConcreteDropout": lambda g: nn.ConcreteDropout(0.3, 0.5, generator=g),
    "ConcreteDropout spatial": lambda g: nn.ConcreteDropout(0.3, 0.5, spatial=True, generator=g),
    "VariationalGaussianDropout": lambda g: nn.VariationalGaussianDropout(6, 0.3, generator=g),
    "VariationalGaussianDropout shared": lambda g: nn.VariationalGaussianDropout(6, 0.3, True, generator=g),
    "SparseVDLinear": lambda g: nn.SparseVDLinear(6, 3, generator=g),
    "Standout": lambda g: nn.Standout(nn.Linear(6, 3), 1.5, 0.2, mg.tanh, generator=g),
    "InformationDropout": lambda g: nn.InformationDropout(nn.Linear(6, 3), nn.Linear(6, 3), generator=g),
}
RECURRENT = {
    "Gal LSTM": lambda g: nn.DropoutLSTMCell(6, 4, dropout=nn.GalDropout(0.4, p_hidden=0.3, generator=g)),
    "Gal GRU": lambda g: nn.DropoutGRUCell(6, 4, dropout=nn.GalDropout(0.4, generator=g)),
    "Semeniuta LSTM": lambda g: nn.DropoutLSTMCell(6, 4, dropout=nn.SemeniutaDropout(0.4, generator=g)),
    "Semeniuta GRU": lambda g: nn.DropoutGRUCell(6, 4, False, dropout=nn.SemeniutaDropout(0.4, True, generator=g)),
    "Zoneout LSTM": lambda g: nn.DropoutLSTMCell(6, 4, dropout=nn.Zoneout(0.5, 0.3, generator=g)),
    "Zoneout GRU": lambda g: nn.DropoutGRUCell(6, 4, dropout=nn.Zoneout(0.5, None, generator=g)),
    "both": lambda g: nn.DropoutLSTMCell(
        6, 4, dropout=[nn.GalDropout(0.4, generator=g), nn.Zoneout(0.5, 0.3, generator=g)]
    ),
}
LAYERS |= {name: lambda g, make=make: nn.DropoutRNN(make(g)) for name, make in RECURRENT.items()}

every_layer = pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS.keys())


def output(result):
    return result[0] if isinstance(result, tuple) else result


@every_layer
def test_two_calls_differ_and_a_seed_replays_them(make):
    generator = seeded()
    layer, x = make(generator), mg.randn(5, 4, 6)
    first, second = output(layer(x)), output(layer(x))
    assert bits(first) != bits(second)
    generator.manual_seed(0)
    assert bits(first, second) == bits(output(layer(x)), output(layer(x)))


@every_layer
def test_eval_draws_nothing(make):
    generator = seeded()
    layer, x = make(generator).eval(), mg.randn(5, 4, 6)
    assert bits(output(layer(x))) == bits(output(layer(x)))
    assert generator.call == 0


@every_layer
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_and_empty_batches(make, dtype):
    layer = make(None).to(dtype)
    for training in (True, False):
        layer.train(training)
        assert output(layer(mg.ones(5, 4, 6, dtype=getattr(mg, dtype)))).dtype == np.dtype(dtype)
        assert output(layer(mg.ones(5, 0, 6, dtype=getattr(mg, dtype)))).shape[:2] == (5, 0)


@every_layer
def test_float32_draws_what_float64_draws(make):
    narrow = make(seeded())
    wide = copy.deepcopy(narrow).double()
    x = mg.randn(5, 4, 6)
    np.testing.assert_allclose(
        output(narrow(x)).numpy(force=True), output(wide(x.double())).numpy(force=True), rtol=1e-4, atol=1e-5
    )


@every_layer
@pytest.mark.parametrize("training", [True, False])
def test_gradients_with_a_frozen_mask(make, training):
    """Numerically, of first and second order, for the input and for every parameter, where gradients flow."""
    generator = seeded()
    layer = make(generator).double().train(training)
    if isinstance(layer, nn.SparseVDLinear):
        nn.init.constant_(layer.log_sigma2, -3.0)  # where nothing is clipped
    x = mg.randn(2, 2, 6, dtype=f64, requires_grad=True)
    parameters = [p for name, p in layer.named_parameters() if training or name.split(".")[0] not in FROZEN]

    def function(*_):
        generator.manual_seed(3)
        return output(layer(x))

    assert gradcheck(function, (x, *parameters), **STRICT)
    assert gradgradcheck(function, (x, *parameters), **STRICT)


FROZEN = {"p_logit", "log_alpha", "log_sigma2", "noise"}  # parameters that eval mode has no use for


@every_layer
def test_nothing_random_is_in_the_state(make):
    layer = make(seeded())
    names = {name for name, _ in layer.named_parameters()}
    layer(mg.randn(5, 4, 6))
    assert set(layer.state_dict()) == names
    other = make(seeded(1))
    other.load_state_dict(layer.state_dict())
    x = mg.randn(5, 4, 6)
    assert bits(output(layer.eval()(x))) == bits(output(other.eval()(x)))


def test_repr_says_the_rates():
    assert repr(nn.DropConnect(4, 2, 0.25)) == (
        "DropConnect(in_features=4, out_features=2, bias=True, p=0.25, eval_samples=0)"
    )
    assert "names=('weight',), p=0.5" in repr(nn.WeightDrop(nn.Linear(2, 2), "weight"))
    assert repr(nn.Zoneout(0.5, 0.05)) == "Zoneout(p=0.5, p_hidden=0.05, eval_mode='expectation')"
    assert "(dropout): GalDropout(p=0.5)" in repr(nn.DropoutGRUCell(2, 3, dropout=nn.GalDropout()))
    assert repr(nn.ConcreteDropout(0.25)).startswith("ConcreteDropout(p=0.25, ")


# ---- bad arguments ---------------------------------------------------------------------------------------------------------

BAD_RATES = [math.nan, -0.1, 1.1, math.inf]


@pytest.mark.parametrize("p", BAD_RATES)
def test_rates_outside_their_range(p):
    linear = nn.Linear(2, 2)
    for make in (
        lambda: nn.DropConnect(2, 2, p),
        lambda: nn.WeightDrop(linear, "weight", p),
        lambda: nn.TargetedDropout(linear, "weight", p),
        lambda: nn.TargetedDropout(linear, "weight", 0.5, p),
        lambda: nn.GalDropout(p),
        lambda: nn.GalDropout(0.5, p_hidden=p),
        lambda: nn.SemeniutaDropout(p),
        lambda: nn.Zoneout(p),
        lambda: nn.Zoneout(0.5, p),
        lambda: nn.ConcreteDropout(p),
        lambda: nn.VariationalGaussianDropout(2, p),
    ):
        with pytest.raises(ValueError, match="between 0 and 1|above 0 and at most"):
            make()


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: nn.ConcreteDropout(0.0), ValueError, "both excluded"),
        (lambda: nn.ConcreteDropout(1.0), ValueError, "both excluded"),
        (lambda: nn.ConcreteDropout(temperature=0.0), ValueError, "temperature"),
        (lambda: nn.ConcreteDropout(weight_regularizer=-1.0), ValueError, "_regularizer"),
        (lambda: nn.ConcreteDropout(dropout_regularizer=math.nan), ValueError, "_regularizer"),
        (lambda: nn.ConcreteDropout(eval_mode="mean"), ValueError, "'sample'"),
        (lambda: nn.ConcreteDropout().regularizer(nn.ReLU()), ValueError, "features="),
        (lambda: nn.VariationalGaussianDropout(2, 0.6), ValueError, "0.6"),
        (lambda: nn.VariationalGaussianDropout(2)(mg.ones(2, 3)), RuntimeError, r"\[2, 3\]"),
        (lambda: nn.SparseVDLinear(2, 2, threshold=math.nan), ValueError, "threshold"),
        (lambda: nn.SparseVDLinear(2, 2)(mg.ones(2, 3)), RuntimeError, r"\[2, 3\]"),
        (lambda: nn.Standout(F.relu), TypeError, "Module"),
        (lambda: nn.Standout(nn.ReLU(), math.nan), ValueError, "finite"),
        (lambda: nn.Standout(nn.ReLU(), activation="relu"), TypeError, "str"),
        (lambda: nn.InformationDropout(nn.ReLU(), F.relu), TypeError, "Module"),
        (lambda: nn.InformationDropout(nn.ReLU(), nn.ReLU(), 0.0), ValueError, "max_alpha"),
        (lambda: nn.DropConnect(2, 2, eval_samples=-1), ValueError, "eval_samples"),
        (lambda: nn.DropConnect(2, 2, activation="relu"), TypeError, "str"),
        (lambda: nn.DropConnect(2, 2)(mg.ones(3)), RuntimeError, r"\[3\]"),
        (lambda: nn.WeightDrop(F.relu, "weight"), TypeError, "Module"),
        (lambda: nn.WeightDrop(nn.Linear(2, 2), []), ValueError, "names"),
        (lambda: nn.WeightDrop(nn.Linear(2, 2), "weights"), AttributeError, "weights"),
        (lambda: nn.WeightDrop(nn.Linear(2, 2), "in_features"), AttributeError, "Parameter"),
        (lambda: nn.WeightDrop(nn.Linear(2, 2, bias=False), "bias"), AttributeError, "Parameter"),
        (lambda: nn.TargetedDropout(nn.Linear(2, 2), target="row"), ValueError, "'unit'"),
        (lambda: nn.TargetedDropout(nn.Linear(2, 2), eval_mode="mean"), ValueError, "'prune'"),
        (lambda: nn.Zoneout(eval_mode="mean"), ValueError, "'expectation'"),
        (lambda: nn.DropoutLSTMCell(2, 2, dropout=nn.Dropout()), TypeError, "GalDropout"),
        (lambda: nn.GalDropout()(mg.ones(2)), TypeError, "GalDropout acts inside a recurrent cell"),
        (lambda: nn.DropoutRNN(nn.DropoutGRUCell(2, 2))(None), TypeError, "NoneType"),
        (lambda: nn.DropoutLSTMCell(2, 2)([1.0]), TypeError, "list"),
        (lambda: nn.VariationalGaussianDropout(2)(None), TypeError, "NoneType"),
        (lambda: nn.VariationalGaussianDropout(2.0), TypeError, "num_features.*2.0"),
        (lambda: nn.DropConnect(2, 2, "0.5"), TypeError, "DropConnect: dropout probability.*str"),
        (lambda: nn.DropConnect(2, 2, eval_samples=2.5), TypeError, "eval_samples.*2.5"),
        (lambda: nn.TargetedDropout(nn.Linear(2, 2), fraction="0.5"), TypeError, "fraction.*str"),
        (lambda: nn.GalDropout(p_hidden="0.5"), TypeError, "GalDropout.*str"),
        (lambda: nn.ConcreteDropout("0.5"), TypeError, "ConcreteDropout: p.*str"),
        (lambda: nn.ConcreteDropout(temperature=None), TypeError, "temperature.*NoneType"),
        (lambda: nn.Standout(nn.ReLU(), "1"), TypeError, "alpha.*str"),
        (lambda: F.standout(mg.ones(2), mg.ones(2), None), TypeError, "alpha.*NoneType"),
        (lambda: nn.InformationDropout(nn.ReLU(), nn.ReLU(), "1"), TypeError, "max_alpha.*str"),
        (lambda: nn.DropoutRNN(nn.Linear(2, 2)), TypeError, "DropoutLSTMCell"),
        (lambda: nn.DropoutRNN(nn.DropoutGRUCell(2, 2))(mg.ones(3, 2)), ValueError, r"\[3, 2\]"),
        (lambda: nn.DropoutRNN(nn.DropoutGRUCell(2, 2))(mg.ones(0, 3, 2)), ValueError, "step"),
        (lambda: nn.DropoutGRUCell(2, 3)(mg.ones(4, 3)), RuntimeError, r"\[4, 3\]"),
        (lambda: nn.DropoutGRUCell(2, 3)(mg.ones(4, 2), mg.ones(5, 3)), RuntimeError, r"h of shape \[5, 3\]"),
        (lambda: nn.DropoutGRUCell(2, 3)(mg.ones(1, 4, 2)), RuntimeError, r"\[1, 4, 2\]"),
        *(
            (lambda kind=kind: kind(generator=3), TypeError, "Generator")
            for kind in (nn.GalDropout, nn.SemeniutaDropout, nn.Zoneout, nn.ConcreteDropout)
        ),
    ],
)
def test_bad_arguments(make, error, says):
    with pytest.raises(error, match=says):
        make()


# ---- DropConnect -----------------------------------------------------------------------------------------------------------


def test_dropconnect_multiplies_by_the_mask_of_dropout():
    """The mask of element (n, o, i) is that of dropout's element (n * out + o) * in + i."""
    x, w, b = mg.randn(5, 4, dtype=f64), mg.randn(3, 4, dtype=f64), mg.randn(3, dtype=f64)
    masks = F.dropout(mg.ones(5, 3, 4, dtype=f64), 0.3, generator=seeded(7))
    expected = mg.einsum("noi,oi,ni->no", masks, w, x) + b
    found = F.dropconnect(x, w, b, 0.3, generator=seeded(7))
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-13)
    part = F.dropconnect(x[2:], w, b, 0.3, generator=seeded(7).at(0, 2 * 12))  # the masks of the last three
    assert bits(part) == bits(found[2:])


def test_dropconnect_keeps_no_mask():
    x, w = mg.randn(64, 32), mg.randn(16, 32, requires_grad=True)
    y = F.dropconnect(x, w, generator=seeded())
    saved = [value for value in vars(y.grad_fn.inputs[0]).values() if isinstance(value, np.ndarray)]
    assert sum(array.size for array in saved) == x.numel() + w.numel()


def test_dropconnect_does_not_depend_on_threads(set_num_threads):
    found = set()
    for threads in (1, 2, 3):
        set_num_threads(threads)
        x, w = mg.randn(9, 300, generator=seeded(1)), mg.randn(200, 300, generator=seeded(2)).requires_grad_()
        y = F.dropconnect(x, w, generator=seeded())
        y.sum().backward()
        found.add(tuple(bits(y, w.grad)))
    assert len(found) == 1


def test_dropconnect_expectation_and_sampled_eval():
    rng = np.random.default_rng(0)
    x = mg.tensor(rng.standard_normal((1, 60)))
    layer = nn.DropConnect(60, 5, 0.4, dtype=f64, generator=seeded())
    many = layer(x.expand(4000, 60)).numpy(force=True)
    mean = layer.eval()(x).numpy(force=True)
    z = (many.mean(0) - mean[0]) / (many.std(0) / math.sqrt(4000))
    assert np.abs(z).max() < 4
    variance = (x.square() @ layer.weight.square().T * (0.4 / 0.6)).numpy(force=True)[0]
    np.testing.assert_allclose(many.var(0), variance, rtol=0.12)
    # moment matching of a rectified sum: near the mean over masks, which the mean weight misses
    layer.activation, layer.eval_samples = F.relu, 4000
    sampled = layer(x).numpy(force=True)[0]
    over_masks = np.maximum(many, 0)
    np.testing.assert_allclose(sampled, over_masks.mean(0), atol=5 * over_masks.std(0).max() / math.sqrt(4000))
    assert np.abs(np.maximum(mean[0], 0) - over_masks.mean(0)).max() > 0.1
    assert bits(layer(x)) != bits(layer(x))


def test_dropconnect_at_its_ends():
    x = mg.tensor([[np.inf, 1.0]], requires_grad=True)
    layer = nn.DropConnect(2, 3, 1.0)
    y = layer(x)
    assert bits(y) == bits(layer.bias.reshape(1, 3))
    y.sum().backward()
    assert x.grad.tolist() == [[0, 0]]
    layer.p = 0.0
    assert bits(layer(x)) == bits(F.linear(x, layer.weight, layer.bias))
    layer.p = 1.5
    with pytest.raises(ValueError, match=r"1\.5"):
        layer(x)
    assert np.isnan(nn.DropConnect(2, 3)(mg.tensor([[np.nan, 1.0]])).numpy(force=True)).all()  # 0 * NaN


def test_dropconnect_samples_have_gradients_at_zero():
    layer = nn.DropConnect(3, 2, eval_samples=2, generator=seeded()).eval()
    x = mg.zeros(1, 3, requires_grad=True)
    layer(x).sum().backward()
    assert all(np.isfinite(t.grad.numpy()).all() for t in (x, layer.weight, layer.bias))


# ---- weights of modules ----------------------------------------------------------------------------------------------------


def test_weight_drop_gives_the_raw_gradient_to_the_raw_parameter():
    layer = nn.WeightDrop(nn.Linear(4, 3), "weight", 0.5, generator=seeded())
    raw = layer.module.weight
    x = mg.randn(2, 4)
    mask = F.dropout(mg.ones(3, 4), 0.5, generator=seeded())
    y = layer(x)
    np.testing.assert_allclose(
        y.numpy(force=True), F.linear(x, raw * mask, layer.module.bias).numpy(force=True), rtol=1e-6
    )
    y.sum().backward()
    np.testing.assert_allclose(raw.grad.numpy(), (mask * x.sum(0)).numpy(), rtol=1e-6)
    assert layer.module.weight is raw
    assert list(layer.state_dict()) == ["module.weight", "module.bias"]
    assert [id(p) for p in layer.parameters()] == [id(raw), id(layer.module.bias)]


class Fails(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(2, 2)

    def forward(self, x):
        assert not isinstance(self.inner.weight, nn.Parameter)
        assert dict(self.named_parameters())["inner.weight"].grad_fn is None  # still the raw one
        raise KeyError("failed")


def test_weight_drop_puts_parameters_back_after_an_exception():
    layer = nn.WeightDrop(Fails(), ["inner.weight", "inner.bias"])
    before = [layer.module.inner.weight, layer.module.inner.bias]
    for _ in range(2):
        with pytest.raises(KeyError, match="failed"):
            layer(mg.ones(1, 2))
        after = [layer.module.inner.weight, layer.module.inner.bias]
        assert all(a is b for a, b in zip(after, before, strict=True))
    layer.p = math.nan  # the second parameter cannot be dropped either
    with pytest.raises(ValueError, match="nan"):
        layer(mg.ones(1, 2))
    assert isinstance(layer.module.inner.weight, nn.Parameter)
    layer.module.inner.weight = nn.Parameter(mg.zeros(2, 2))  # and can still be assigned
    assert "module.inner.weight" in layer.state_dict()


def test_weight_drop_drops_a_shared_parameter_once():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = self.b = nn.Parameter(mg.ones(50))

        def forward(self):
            return self.a - self.b, self.a

    layer = nn.WeightDrop(Tied(), ["a", "b"], 0.5)
    difference, a = layer()
    assert not difference.numpy(force=True).any()
    assert set(a.tolist()) == {0.0, 2.0}


def test_weight_drop_of_two_names_draws_twice_and_may_be_nested():
    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Parameter(mg.ones(200)), nn.Parameter(mg.ones(200))

        def forward(self):
            return self.a, self.b

    a, b = nn.WeightDrop(Pair(), ["a", "b"], 0.5)()
    assert bits(a) != bits(b)
    a, b = nn.WeightDrop(nn.WeightDrop(Pair(), "a", 0.5), "module.a", 0.5)()
    assert set(a.tolist()) == {0.0, 4.0}
    assert set(b.tolist()) == {1.0}


def test_weight_drop_around_a_recurrent_net_masks_all_steps_alike():
    net = nn.WeightDrop(nn.DropoutRNN(nn.DropoutGRUCell(3, 4)), "cell.weight_hh", 0.5, generator=seeded())
    masked = net.module.cell.weight_hh * F.dropout(mg.ones(12, 4), 0.5, generator=seeded())
    x = mg.randn(5, 2, 3)
    found = net(x)[0]
    other = nn.DropoutRNN(nn.DropoutGRUCell(3, 4))
    other.cell.load_state_dict({**net.module.cell.state_dict(), "weight_hh": masked.detach()})
    np.testing.assert_allclose(found.numpy(force=True), other(x)[0].numpy(force=True), rtol=1e-5, atol=1e-6)


def test_a_copy_has_parameters_of_its_own():
    layer = nn.WeightDrop(nn.Linear(2, 2), "weight")
    other = copy.deepcopy(layer)
    other(mg.ones(1, 2)).sum().backward()
    assert layer.module.weight.grad is None
    assert other.module.weight.grad is not None


@pytest.mark.parametrize(("fraction", "count"), [(0.0, 0), (0.39, 1), (0.4, 2), (0.99, 4), (1.0, 5)])
def test_targeted_dropout_takes_the_smallest_of_each_row(fraction, count):
    w = mg.tensor([[5.0, -1, 3, 2, -4], [0, 0, 0, 0, 0], [1, 2, 3, 4, 5]]) + 0.25
    order = np.argsort(np.abs(w.numpy()), axis=1, kind="stable")
    pruned = F.targeted_dropout(w, 0.5, fraction, False).numpy()
    dropped = [F.targeted_dropout(w, 0.5, fraction, generator=seeded(s)).numpy() == 0 for s in range(40)]
    for row in range(3):
        candidates = set(order[row, :count])
        assert set(np.flatnonzero(pruned[row] == 0)) == candidates
        assert set(np.flatnonzero(np.any(dropped, 0)[row])) == candidates  # some of them at each call, all in time
    assert count == 0 or not np.all(dropped, 0).any()


def test_targeted_dropout_counts_as_decimals_do():
    w = mg.randn(1, 100)
    assert all(
        (F.targeted_dropout(w, 0.5, percent / 100, False) == 0).sum().item() == percent for percent in range(101)
    )


def test_targeted_dropout_of_units():
    w = mg.tensor([[3.0, 4], [0.5, 0], [1, 1], [9, 9]])
    pruned = F.targeted_dropout(w, 0.5, 0.5, False, target="unit")
    assert pruned.tolist() == [[3, 4], [0, 0], [0, 0], [9, 9]]
    seen = {
        tuple(map(tuple, F.targeted_dropout(w, 0.5, 0.5, target="unit", generator=seeded(s)).tolist()))
        for s in range(30)
    }
    assert len(seen) == 4  # each of two rows whole or gone
    rate = np.mean([F.targeted_dropout(mg.ones(40), 0.3, 1.0, generator=seeded(s)).numpy() == 0 for s in range(100)])
    assert abs(rate - 0.3) < 4 * math.sqrt(0.21 / 4000)


def test_targeted_dropout_keeps_its_parameters():
    layer = nn.TargetedDropout(nn.Linear(4, 2), p=1.0, fraction=1.0)
    raw = layer.module.weight
    before = bits(raw)
    layer(mg.ones(1, 4)).sum().backward()
    assert layer.module.weight is raw
    assert bits(raw) == before
    assert not raw.grad.numpy().any()
    assert bits(layer.eval()(mg.ones(1, 4))[0]) == bits(layer.module.bias)
    layer.eval_mode = "identity"
    assert bits(layer(mg.ones(1, 4))) == bits(layer.module(mg.ones(1, 4)))


# ---- recurrent nets --------------------------------------------------------------------------------------------------------


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_step(cell, x, h, c, dx=1.0, dh=1.0, dg=1.0):
    """(h', c') and what they are without zoneout, in NumPy."""
    wi, wh, bi, bh = (p.numpy(force=True) for p in (cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh))
    i, f, g, o = np.split((x * dx) @ wi.T + bi + (h * dh) @ wh.T + bh, 4, 1)
    new = sigmoid(f) * c + sigmoid(i) * (np.tanh(g) * dg)
    return sigmoid(o) * np.tanh(new), new


def lstm(dropout):
    cell = nn.DropoutLSTMCell(3, 4, dtype=f64, dropout=dropout)
    rng = np.random.default_rng(0)
    return cell, rng.standard_normal((6, 2, 3)), rng.standard_normal((2, 4)), rng.standard_normal((2, 4))


def steps_of(cell, xs, h, c):
    """The states of all steps, by DropoutRNN's rule."""
    drawn, state, found = cell.begin(), (mg.tensor(h), mg.tensor(c)), []
    for x in xs:
        state = cell(mg.tensor(x), state, drawn)
        found.append([s.numpy(force=True) for s in state])
    return found


def test_gal_dropout_has_one_mask_for_all_steps():
    cell, xs, h, c = lstm(nn.GalDropout(0.5, p_hidden=0.25, generator=seeded(4)))
    found = steps_of(cell, xs, h, c)
    dx = F.dropout(mg.ones(2, 3, dtype=f64), 0.5, generator=seeded(4).at(0)).numpy()
    dh = F.dropout(mg.ones(2, 4, dtype=f64), 0.25, generator=seeded(4).at(1)).numpy()
    for x, (new_h, new_c) in zip(xs, found, strict=True):
        h, c = lstm_step(cell, x, h, c, dx, dh)
        np.testing.assert_allclose([new_h, new_c], [h, c], rtol=1e-12)
    drop = nn.GalDropout(0.5, generator=seeded())
    ones = mg.ones(20, 30)
    one, other = drop.begin(), drop.begin()
    assert bits(drop.on_input(ones, one)) == bits(drop.on_input(ones, one))
    masks = {
        *bits(
            drop.on_input(ones, one), drop.on_hidden(ones, one), drop.on_input(ones, other), drop.on_hidden(ones, other)
        )
    }
    assert len(masks) == 4  # x and h, and each sequence, have their own
    rows = drop.on_input(ones, one).numpy()
    assert len({row.tobytes() for row in rows}) == 20  # and each example


def test_gal_dropout_at_its_ends():
    cell = nn.DropoutGRUCell(3, 4, dropout=nn.GalDropout(1.0))
    bias = cell(mg.zeros(2, 3), mg.zeros(2, 4), cell.begin())
    x = mg.full((2, 3), np.inf, requires_grad=True)
    h = cell(x, mg.zeros(2, 4), cell.begin())
    assert bits(h) == bits(bias)
    h.sum().backward()
    assert not x.grad.numpy().any()
    cell.dropout.p = 0.0
    assert bits(cell(mg.ones(2, 3), h, cell.begin())) == bits(cell.eval()(mg.ones(2, 3), h))


def test_mc_dropout_samples_the_family_but_prunes():
    x = mg.randn(5, 4, 6)
    for name, make in LAYERS.items():
        net = nn.ModuleList([make(seeded()), nn.Dropout()]).eval()
        still = output(net[0](x))
        with nn.mc_dropout(net):
            assert (bits(output(net[0](x))) == bits(still)) == name.startswith("Targeted")
        assert bits(output(net[0](x))) == bits(still)


def test_a_tied_mask_has_to_be_begun():
    cell, xs, *_ = lstm(nn.GalDropout())
    state = cell(mg.tensor(xs[0]))  # begins a sequence
    with pytest.raises(RuntimeError, match="begin"):
        cell(mg.tensor(xs[1]), state)
    drawn = cell.eval().begin()
    cell(mg.tensor(xs[1]), state)
    with pytest.raises(RuntimeError, match="eval mode"):
        cell.train()(mg.tensor(xs[1]), state, drawn)
    per_step = nn.DropoutLSTMCell(3, 4, dtype=f64, dropout=[nn.SemeniutaDropout(), nn.Zoneout()])
    per_step(mg.tensor(xs[1]), per_step(mg.tensor(xs[0])))  # nothing is tied


def test_semeniuta_dropout_touches_only_the_update():
    cell, xs, h, c = lstm(nn.SemeniutaDropout(0.5, generator=seeded(4)))
    for t, (x, (new_h, new_c)) in enumerate(zip(xs, steps_of(cell, xs, h, c), strict=True)):
        dg = F.dropout(mg.ones(2, 4, dtype=f64), 0.5, generator=seeded(4).at(t)).numpy()
        h, c = lstm_step(cell, x, h, c, dg=dg)
        np.testing.assert_allclose([new_h, new_c], [h, c], rtol=1e-12)
    cell, xs, h, c = lstm(nn.SemeniutaDropout(0.5, per_sequence=True, generator=seeded(4)))
    dg = F.dropout(mg.ones(2, 4, dtype=f64), 0.5, generator=seeded(4)).numpy()
    for x, (new_h, _) in zip(xs, steps_of(cell, xs, h, c), strict=True):
        h, c = lstm_step(cell, x, h, c, dg=dg)
        np.testing.assert_allclose(new_h, h, rtol=1e-12)
    gru = nn.DropoutGRUCell(3, 4, dropout=nn.SemeniutaDropout(1.0))
    h = mg.ones(2, 4)
    z = 1 / (
        1
        + mg.exp(
            -(F.linear(mg.ones(2, 3), gru.weight_ih, gru.bias_ih) + F.linear(h, gru.weight_hh, gru.bias_hh))[:, 4:8]
        )
    )
    np.testing.assert_allclose(gru(mg.ones(2, 3), h).numpy(force=True), (z * h).numpy(force=True), rtol=1e-5)


def test_zoneout_leaves_elements_as_they_were():
    cell, xs, h, c = lstm(nn.Zoneout(0.6, 0.3, generator=seeded(4)))
    for t, (x, (new_h, new_c)) in enumerate(zip(xs, steps_of(cell, xs, h, c), strict=True)):
        full_h, full_c = lstm_step(cell, x, h, c)  # h from the memory before zoneout
        keep_h = F.dropout(mg.ones(2, 4), 0.3, generator=seeded(4).at(2 * t)).numpy() > 0
        keep_c = F.dropout(mg.ones(2, 4), 0.6, generator=seeded(4).at(2 * t + 1)).numpy() > 0
        h, c = np.where(keep_h, full_h, h), np.where(keep_c, full_c, c)
        np.testing.assert_allclose([new_h, new_c], [h, c], rtol=1e-12)


def test_zoneout_has_one_rate_unless_given_two():
    """So that the rate of a GRU, which has no memory beside its state, is the one that was given."""
    gru = nn.DropoutGRUCell(3, 4, dropout=nn.Zoneout(1.0))
    h = mg.randn(2, 4)
    assert bits(gru(mg.randn(2, 3), h)) == bits(h)
    lstm_cell = nn.DropoutLSTMCell(3, 4, dropout=nn.Zoneout(0.0, 1.0))
    new_h, new_c = lstm_cell(mg.randn(2, 3), (h, h))
    assert bits(new_h) == bits(h) != bits(new_c)


def test_zoneout_in_eval():
    cell, xs, h, c = lstm(nn.Zoneout(0.6, 0.3))
    full_h, full_c = lstm_step(cell, xs[0], h, c)
    (found,) = steps_of(cell.eval(), xs[:1], h, c)
    np.testing.assert_allclose(found, [0.3 * h + 0.7 * full_h, 0.6 * c + 0.4 * full_c], rtol=1e-12)
    cell.dropout.eval_mode = "identity"
    (found,) = steps_of(cell, xs[:1], h, c)
    np.testing.assert_allclose(found, [full_h, full_c], rtol=1e-12)
    cell.train().dropout.p = cell.dropout.p_hidden = 1.0
    (found,) = steps_of(cell, xs[:1], h, c)
    np.testing.assert_array_equal(found, [h, c])
    new, old = mg.zeros(5000), mg.ones(5000)
    rate = F.zoneout(new, old, 0.2, generator=seeded()).numpy().mean()
    assert abs(rate - 0.2) < 4 * math.sqrt(0.16 / 5000)
    for training in (True, False):
        assert F.zoneout(mg.tensor([np.nan]), mg.ones(1), 1.0, training).tolist() == [1.0]


def test_cells_take_one_example_and_batches_first():
    for kind in (nn.DropoutLSTMCell, nn.DropoutGRUCell):
        cell = kind(3, 4, bias=False)
        assert list(cell.state_dict()) == ["weight_ih", "weight_hh"]
        single, batch = cell(mg.ones(3)), cell(mg.ones(1, 3))
        for a, b in zip(
            single if kind is nn.DropoutLSTMCell else [single],
            batch if kind is nn.DropoutLSTMCell else [batch],
            strict=True,
        ):
            np.testing.assert_allclose(a.numpy(force=True), b[0].numpy(force=True), rtol=1e-6)
        x = mg.randn(5, 2, 3)
        first, _ = nn.DropoutRNN(cell)(x)
        other, _ = nn.DropoutRNN(cell, batch_first=True)(x.transpose(0, 1))
        assert bits(first) == bits(other.transpose(0, 1).contiguous())
        again, _ = nn.DropoutRNN(cell)(x[3:], nn.DropoutRNN(cell)(x[:3])[1])
        assert bits(again) == bits(first[3:])


def test_expectation_of_masks_in_cells():
    ones = mg.ones(200, 100)
    for drop in (nn.GalDropout(0.3, generator=seeded()), nn.SemeniutaDropout(0.3, True, generator=seeded())):
        drawn = drop.begin()
        found = (drop.on_input if drop.tied and isinstance(drop, nn.GalDropout) else drop.on_update)(ones, drawn)
        assert abs(found.mean().item() - 1) < 4 * math.sqrt(0.3 / 0.7 / 20000)


# ---- learned ---------------------------------------------------------------------------------------------------------------


def test_concrete_dropout_is_nearly_dropout_when_cold():
    x = mg.ones(100, 100, dtype=f64)
    layer = nn.ConcreteDropout(0.3, temperature=0.01, generator=seeded()).double()
    y = layer(x).numpy(force=True)
    assert np.mean((y < 1e-3) | (y > 0.999 / 0.7)) > 0.95
    assert abs(np.mean(y < 0.5 / 0.7) - 0.3) < 4 * math.sqrt(0.21 / 10000)
    assert abs(y.mean() - 1) < 0.03
    assert layer.eval()(x) is x
    layer.eval_mode = "sample"
    assert layer(x) is not x
    maps = nn.ConcreteDropout(0.3, spatial=True)(mg.ones(4, 5, 6, 6)).numpy(force=True)
    assert (maps == maps[:, :, :1, :1]).all()
    assert len(np.unique(maps)) > 5


@pytest.mark.parametrize("p", [1e-6, 0.3, 0.9])
def test_concrete_regularizer(p):
    layer, drop = (
        nn.Linear(4, 3).double(),
        nn.ConcreteDropout(p, weight_regularizer=0.01, dropout_regularizer=0.5).double(),
    )
    squares = sum((parameter.numpy(force=True) ** 2).sum() for parameter in layer.parameters())
    p = drop.p
    expected = 0.01 * squares / (1 - p) + 0.5 * 4 * (p * math.log(p) + (1 - p) * math.log(1 - p))
    assert drop.regularizer(layer).item() == pytest.approx(expected, rel=1e-9)
    assert drop.regularizer(layer, features=8).item() == pytest.approx(
        expected + 0.5 * 4 * (p * math.log(p) + (1 - p) * math.log(1 - p)), rel=1e-9
    )
    assert gradcheck(lambda *_: drop.regularizer(layer), (drop.p_logit, *layer.parameters()), **STRICT)


@pytest.mark.parametrize("logit", [-1000.0, -100.0, 80.0])
def test_concrete_dropout_far_out_has_no_nan(logit):
    drop, layer = nn.ConcreteDropout(weight_regularizer=0.0), nn.Linear(3, 2)
    nn.init.constant_(drop.p_logit, logit)
    (drop(mg.ones(4, 3)).sum() * 1e-30 + drop.regularizer(layer)).backward()
    assert np.isfinite(drop.p_logit.grad.item())


def test_concrete_dropout_learns_its_rate():
    """Without data the entropy pulls p to a half; a heavy weight pulls it down."""
    for weight, low, high in ((0.0, 0.4, 0.6), (1.0, 0.0, 0.1)):
        layer = nn.Linear(20, 20)
        drop = nn.ConcreteDropout(0.2, weight_regularizer=weight, dropout_regularizer=0.05)
        optimizer = mg.optim.SGD([drop.p_logit], lr=0.5)
        for _ in range(60):
            optimizer.zero_grad()
            drop.regularizer(layer).backward()
            optimizer.step()
        assert low < drop.p < high
    with pytest.raises(AttributeError):
        drop.p = 0.5


def exact_kl(alpha):
    """KL(N(w, alpha w^2) || log-uniform), up to its constant: E ln|e| - 0.5 ln alpha for e normal around 1, by the trapezium rule."""
    e = np.linspace(1 - 40 * math.sqrt(alpha), 1 + 40 * math.sqrt(alpha), 4_000_001) + 1e-9
    density = np.exp(-((e - 1) ** 2) / (2 * alpha)) / math.sqrt(2 * math.pi * alpha)
    return (density * np.log(np.abs(e))).sum() * (e[1] - e[0]) - 0.5 * math.log(alpha)


def test_divergences_against_integration():
    at_infinity = -0.5 * (np.euler_gamma + math.log(2))  # E ln|e| / sqrt(alpha) for a standard normal: the constant
    for log_alpha in (-4.0, -2.0, -0.5, 0.0, 1.0, 3.0):
        exact = exact_kl(math.exp(log_alpha)) - at_infinity
        assert kl_of_a_weight(log_alpha) == pytest.approx(exact, abs=0.02)
    base = nn.VariationalGaussianDropout(1, 0.5).double()
    constant = base.kl().item() - exact_kl(1.0)  # the paper's polynomial is within 0.03 of it
    for log_alpha in (-4.0, -2.0, -0.5):
        nn.init.constant_(base.log_alpha, log_alpha)
        assert base.kl().item() - constant == pytest.approx(exact_kl(math.exp(log_alpha)), abs=0.03)
    assert gradcheck(lambda *_: base.kl(), (base.log_alpha,), **STRICT)


def kl_of_a_weight(log_alpha):
    layer = nn.SparseVDLinear(1, 1, bias=False).double()
    nn.init.constant_(layer.weight, 1.0)
    nn.init.constant_(layer.log_sigma2, log_alpha)
    return layer.kl().item()


def test_variational_dropout_moments_and_its_limit():
    layer = nn.VariationalGaussianDropout(3, 0.2, generator=seeded()).double()
    y = layer(mg.ones(20000, 3, dtype=f64)).numpy(force=True)
    assert np.abs(y.mean(0) - 1).max() < 4 * math.sqrt(0.25 / 20000)
    np.testing.assert_allclose(y.var(0), 0.25, rtol=0.05)
    x = mg.ones(2, 3, dtype=f64)
    with mg.no_grad():
        layer.log_alpha.copy_(mg.tensor([1.0, -1, 0.5]))
    first = layer(x)
    assert layer.log_alpha.tolist() == [0, -1, 0]
    second = layer(x)  # nothing to take back: the first graph is still good
    (first + second).sum().backward()
    assert layer.log_alpha.grad.numpy().all()
    assert layer.eval()(x) is x
    shared = nn.VariationalGaussianDropout(3, 0.2, shared=True)
    assert shared.log_alpha.shape == (1,)
    assert shared.kl().item() == pytest.approx(nn.VariationalGaussianDropout(3, 0.2).kl().item(), rel=1e-6)


def test_sparse_vd_moments_pruning_and_sparsity():
    layer = nn.SparseVDLinear(4, 3, generator=seeded()).double()
    assert layer.sparsity() == 0.0
    nn.init.constant_(layer.log_sigma2, -2.0)
    x = mg.randn(1, 4, dtype=f64)
    many = layer(x.expand(20000, 4)).numpy(force=True)
    mean = F.linear(x, layer.weight, layer.bias).numpy(force=True)[0]
    sigma = np.sqrt((x.square() @ (layer.log_alpha().exp() * layer.weight.square()).T).numpy(force=True)[0])
    assert np.abs((many.mean(0) - mean) / sigma).max() < 4 / math.sqrt(20000)
    np.testing.assert_allclose(many.std(0), sigma, rtol=0.05)
    with mg.no_grad():
        layer.weight.copy_(mg.tensor([[1.0, 0.1, 1, 1], [1, 1, 1, 1], [0.01, 0.01, 0.01, 0]]))
    assert layer.sparsity() == pytest.approx(4 / 12)  # ln alpha = -2 - 2 ln w: 2.6 at w = 0.1, 7.2 at 0.01
    assert not layer.kept()[2].any()
    assert layer.eval()(x)[0, 2].item() == layer.bias[2].item()
    np.testing.assert_allclose(
        layer(x).numpy(force=True), F.linear(x, layer.weight * layer.kept(), layer.bias).numpy(force=True), rtol=1e-12
    )
    assert layer.log_alpha().max().item() <= 8
    assert gradcheck(lambda *_: layer.kl(), (layer.log_sigma2,), **STRICT)
    assert math.isnan(nn.SparseVDLinear(0, 3).sparsity())


def test_standout_keeps_by_its_inputs():
    layer = nn.Standout(nn.Linear(3, 2), 2.0, 0.5, mg.tanh, generator=seeded()).double()
    x = mg.randn(1, 3, dtype=f64)
    z = layer.module(x).numpy(force=True)
    keep = sigmoid(2 * z + 0.5)
    many = layer(x.expand(20000, 3)).numpy(force=True)
    expected = np.tanh(z) * keep
    np.testing.assert_allclose(layer.eval()(x).numpy(force=True), expected, rtol=1e-12)
    spread = np.abs(np.tanh(z)) * np.sqrt(keep * (1 - keep) / 20000) + 1e-12
    assert (np.abs(many.mean(0) - expected) / spread).max() < 4
    assert F.standout(mg.tensor([np.nan, 1.0]), mg.tensor([-1e9, 1e9])).tolist() == [0, 1]  # dropped, whatever it was


def test_standout_has_no_gradient_through_the_choice():
    x, z = mg.ones(50, requires_grad=True), mg.zeros(50, requires_grad=True)
    y = F.standout(x, z, generator=seeded())
    y.sum().backward()
    assert bits(x.grad) == bits(y)
    assert z.grad is None


def test_information_dropout():
    layer = nn.InformationDropout(nn.ReLU(), nn.Linear(4, 4), 0.5, generator=seeded()).double()
    x = mg.randn(1, 4, dtype=f64).abs()
    alpha = layer.alpha(x)
    assert (alpha.numpy(force=True) < 0.501).all()
    many = layer(x.expand(20000, 4)).numpy(force=True)
    logs = np.log(many / x.numpy())
    np.testing.assert_allclose(logs.std(0), alpha.numpy(force=True)[0], rtol=0.05)
    assert (np.abs(logs.mean(0)) / logs.std(0)).max() < 4 / math.sqrt(20000)
    assert bits(layer.eval()(x)) == bits(x)
    batch = mg.randn(3, 4, dtype=f64)
    expected = -np.log(layer.alpha(batch).numpy(force=True) / 0.501).sum(1).mean()
    assert layer.kl(batch).item() == pytest.approx(expected)
    assert expected > 0
    assert gradcheck(lambda *_: layer.kl(batch), tuple(layer.noise.parameters()), **STRICT)

"""Dropout of weights, in recurrent nets, and with learned noise: the layers. Their functional forms are rows of tests/op_table."""

import copy
import itertools
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


def test_mc_dropout_samples_the_family_but_prunes():
    x = mg.randn(5, 4, 6)
    for name, make in LAYERS.items():
        net = nn.ModuleList([make(seeded()), nn.Dropout()]).eval()
        still = output(net[0](x))
        with nn.mc_dropout(net):
            assert (bits(output(net[0](x))) == bits(still)) == name.startswith("Targeted")
        assert bits(output(net[0](x))) == bits(still)


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
        (lambda: nn.WeightDrop(nn.Linear(2, 2), [0]), TypeError, r"strings, got \[0\]"),
        (lambda: nn.WeightDrop(nn.Linear(2, 2), None), TypeError, "strings, got None"),
        (lambda: nn.DropoutGRUCell(2, 2.5), TypeError, "hidden_size.*2.5"),
        (lambda: nn.DropoutLSTMCell(-1, 2), ValueError, "input_size.*-1"),
        (lambda: nn.DropoutLSTMCell(2, 2)(mg.ones(1, 2), mg.ones(2, 2)), TypeError, r"pair \(h, c\), not Tensor"),
        (lambda: nn.DropoutGRUCell(2, 2)(mg.ones(1, 2), (mg.ones(1, 2),)), TypeError, "state.*tuple"),
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


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_dropconnect_samples_from_the_moments_of_its_masks(p):
    x, w, b = mg.randn(1, 6, dtype=f64), mg.randn(1, 6, dtype=f64), mg.randn(1, dtype=f64)
    masks = np.array(list(itertools.product((0, 1), repeat=6)))
    chances = np.prod(np.where(masks, 1 - p, p), 1)
    results = (masks / (1 - p) * w.numpy() * x.numpy()).sum(1) + b.item()
    mean, variance = chances @ results, chances @ results**2 - (chances @ results) ** 2
    samples = []  # of u, which `activation` sees
    F.dropconnect(x, w, b, p, False, activation=lambda u: samples.append(u.numpy()) or u, eval_samples=20_000)
    assert abs(samples[0].mean() - mean) < 4 * math.sqrt(variance / 20_000)
    assert samples[0].var() == pytest.approx(variance, rel=4 * math.sqrt(2 / 20_000))


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


def test_targeted_dropout_takes_the_first_of_equals():
    w = mg.tensor([[1.0, -1.0, 0.5, 1.0, 2.0], [3.0, 1.0, 2.0, 1.0, -1.0]])
    pruned = F.targeted_dropout(w, 0.5, 0.4, False)
    assert pruned.tolist() == [[0, -1, 0, 1, 2], [3, 0, 2, 0, -1]]


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

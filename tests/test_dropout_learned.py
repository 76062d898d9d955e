"""Learned and computed noise: its moments, divergences and limits. What all layers promise is in test_dropout_weights.py."""

import math

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.testing import gradcheck

f64 = mg.float64


def seeded(seed=0):
    return mg.Generator().manual_seed(seed)


def bits(*tensors):
    return [t.numpy(force=True).tobytes() for t in tensors]


STRICT = {"rtol": 1e-6, "atol": 1e-7}


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
    keep = 1 / (1 + np.exp(-2 * z - 0.5))
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

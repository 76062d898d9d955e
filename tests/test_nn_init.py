"""Initial values: their distributions, their errors, and that a generator decides them."""

import math

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn import init


def values(tensor):
    return tensor.numpy(force=True).astype(np.float64)


@pytest.mark.parametrize(
    ("fill", "mean", "std", "low", "high"),
    [
        (lambda t, g: init.uniform_(t, -1, 3, g), 1, 4 / math.sqrt(12), -1, 3),
        (lambda t, g: init.normal_(t, 2, 0.5, g), 2, 0.5, -math.inf, math.inf),
        (lambda t, g: init.trunc_normal_(t, generator=g), 0, 0.8796, -2, 2),
        (lambda t, g: init.trunc_normal_(t, 0, 1, 1, 30, g), 1.5251, 0.4462, 1, 30),  # mostly outside: another way to draw
        (lambda t, g: init.trunc_normal_(t, 5, 2, -math.inf, 5, g), 5 - 1.5958, 1.2056, -math.inf, 5),
        (lambda t, g: init.xavier_uniform_(t, 2, g), 0, 2 * math.sqrt(2 / 500), -0.2191, 0.2191),
        (lambda t, g: init.xavier_normal_(t, 2, g), 0, 2 * math.sqrt(2 / 500), -math.inf, math.inf),
        (lambda t, g: init.kaiming_uniform_(t, math.sqrt(5), generator=g), 0, 1 / math.sqrt(3 * 200), -0.0708, 0.0708),
        (lambda t, g: init.kaiming_normal_(t, 0, "fan_out", "relu", g), 0, math.sqrt(2 / 300), -math.inf, math.inf),
    ],
)  # fmt: skip
def test_distributions(fill, mean, std, low, high):
    tensor = nn.Parameter(mg.zeros(300, 200))
    assert fill(tensor, mg.Generator().manual_seed(1)) is tensor
    assert tensor.is_leaf
    assert tensor.requires_grad
    drawn = values(tensor)
    assert drawn.mean() == pytest.approx(mean, abs=5 * std / math.sqrt(drawn.size))
    assert drawn.std() == pytest.approx(std, rel=0.02)
    assert drawn.min() >= low - 1e-4
    assert drawn.max() <= high + 1e-4
    again = fill(mg.zeros(300, 200), mg.Generator().manual_seed(1))
    assert np.array_equal(values(again), drawn)
    other = fill(mg.zeros(300, 200), mg.Generator().manual_seed(2))
    assert not np.array_equal(values(other), drawn)


def test_trunc_normal_keeps_its_bounds_exactly():
    tensor = init.trunc_normal_(mg.empty(5000), 0.3, 0.1, 0.1, 0.3)
    assert tensor.numpy().min() >= np.float32(0.1)
    assert tensor.numpy().max() <= np.float32(0.3)
    with pytest.raises(ValueError, match="a < b"):
        init.trunc_normal_(tensor, a=1, b=1)


def test_constants():
    tensor = mg.empty(2, 3)
    assert init.ones_(tensor).tolist() == [[1, 1, 1]] * 2
    assert init.zeros_(tensor).tolist() == [[0, 0, 0]] * 2
    assert init.constant_(tensor, 0.5).tolist() == [[0.5] * 3] * 2
    assert init.eye_(tensor).tolist() == [[1, 0, 0], [0, 1, 0]]
    with pytest.raises(ValueError, match="Only tensors with 2 dimensions"):
        init.eye_(mg.ones(3))


@pytest.mark.parametrize("shape", [(4, 10), (10, 4), (6, 2, 3)])
def test_orthogonal(shape):
    q = values(init.orthogonal_(mg.empty(*shape), 2.0)).reshape(shape[0], -1)
    product = q @ q.T if q.shape[0] <= q.shape[1] else q.T @ q
    assert np.allclose(product, 4 * np.eye(len(product)), atol=1e-5)


def test_orthogonal_is_uniformly_distributed():
    # A QR decomposition with positive diagonal gives Haar measure: the trace has mean 0 (and LAPACK's own signs do not).
    traces = [np.trace(values(init.orthogonal_(mg.empty(3, 3)))) for _ in range(2000)]
    assert abs(np.mean(traces)) < 0.1
    assert np.var(traces) == pytest.approx(1, abs=0.15)
    assert init.orthogonal_(mg.empty(0, 3)).shape == (0, 3)
    with pytest.raises(ValueError, match="2 or more dimensions"):
        init.orthogonal_(mg.ones(3))


def test_gains_and_fans():
    assert init.calculate_gain("relu") == math.sqrt(2)
    assert init.calculate_gain("tanh") == 5 / 3
    assert init.calculate_gain("conv2d") == init.calculate_gain("linear") == 1
    assert init.calculate_gain("leaky_relu") == math.sqrt(2 / (1 + 0.01**2))
    assert init.calculate_gain("leaky_relu", 2) == math.sqrt(2 / 5)
    with pytest.raises(ValueError, match="Unsupported nonlinearity sin"):
        init.calculate_gain("sin")
    with pytest.raises(ValueError, match="not a valid number"):
        init.calculate_gain("leaky_relu", "x")
    assert init._calculate_fan_in_and_fan_out(mg.empty(8, 3, 5, 5)) == (75, 200)
    with pytest.raises(ValueError, match="fewer than 2 dimensions"):
        init.xavier_normal_(mg.empty(3))
    with pytest.raises(ValueError, match="Mode fan not supported"):
        init.kaiming_normal_(mg.empty(3, 3), mode="fan")


@pytest.mark.parametrize("layer", [nn.Linear(100, 200), nn.Conv2d(25, 200, 2), nn.Conv1d(25, 200, 4)])
def test_default_values_are_pytorchs(layer):
    bound = 1 / math.sqrt(100)
    for parameter in (layer.weight, layer.bias):
        drawn = values(parameter)
        assert abs(drawn).max() <= bound
        assert drawn.std() == pytest.approx(bound / math.sqrt(3), rel=0.02 if drawn.size > 1000 else 0.15)
    before = values(layer.weight)
    layer.reset_parameters()
    assert not np.array_equal(values(layer.weight), before)


def test_a_seed_decides_a_network():
    mg.manual_seed(5)
    first = nn.Linear(3, 3)
    mg.manual_seed(5)
    assert np.array_equal(values(first.weight), values(nn.Linear(3, 3).weight))

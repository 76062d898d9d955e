"""Containers, layers, dropout and losses: what PyTorch is not needed to check."""

from collections import OrderedDict

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn, ops


def test_functional_is_what_ops_declare():
    assert set(F.__all__) == set(ops.FUNCTIONAL)
    assert all(getattr(F, name) is function for name, function in ops.FUNCTIONAL.items())
    assert nn.functional is F


def test_sequential():
    a, b, c = nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)
    net = nn.Sequential(a, b, c)
    x = mg.randn(4, 2)
    assert np.array_equal(net(x).numpy(force=True), c(b(a(x))).numpy(force=True))
    assert len(net) == 3
    assert list(net) == [a, b, c]
    assert net[-1] is c
    assert isinstance(net[1:], nn.Sequential)
    assert list(net[1:].state_dict()) == ["2.weight", "2.bias"]
    with pytest.raises(IndexError, match="index 3 is out of range"):
        net[3]
    with pytest.raises(TypeError, match="indices must be ints"):
        net["0"]
    assert net.append(nn.Tanh()) is net
    assert net.pop(-1)(mg.zeros(1)).item() == 0
    net.insert(1, nn.Tanh())
    assert [type(module) for module in net] == [nn.Linear, nn.Tanh, nn.ReLU, nn.Linear]
    assert list(net.state_dict())[-1] == "3.bias"
    del net[1]
    assert list(net) == [a, b, c]
    del net[:2]
    assert list(net.state_dict()) == ["0.weight", "0.bias"]
    net[0] = b
    assert net[0] is b
    assert list(net.extend([a]) + nn.Sequential(c)) == [b, a, c]
    with pytest.raises(TypeError, match="int is not a Module subclass"):
        nn.Sequential(3)
    with pytest.raises(TypeError, match="int is not a Module subclass"):
        net.insert(0, 3)
    assert list(net) == [b, a]
    assert nn.Sequential()(x) is x


def test_named_sequential():
    net = nn.Sequential(OrderedDict([("fc", nn.Linear(2, 3)), ("act", nn.ReLU())]))
    assert list(net.state_dict()) == ["fc.weight", "fc.bias"]
    assert net.fc is net[0]
    assert list(net[:1].state_dict()) == ["fc.weight", "fc.bias"]
    assert nn.Sequential({"fc": net.fc}).fc is net.fc


def test_module_list():
    a, b, c = nn.Linear(1, 1), nn.ReLU(), nn.Tanh()
    layers = nn.ModuleList([a, b])
    layers += [c]
    assert list(layers) == [a, b, c]
    assert isinstance(layers, nn.ModuleList)
    assert list(layers[::2]) == [a, c]
    assert layers[-1] is c
    assert b in layers
    layers[1] = a
    assert len(list(layers.parameters())) == 2
    layers.insert(0, b)
    assert layers.pop(0) is b
    del layers[0:2]
    assert list(layers) == [c]
    joined = layers + [a]  # noqa: RUF005
    assert isinstance(joined, nn.ModuleList)
    assert list(joined) == [c, a]
    with pytest.raises(NotImplementedError, match='ModuleList\\] is missing the required "forward"'):
        layers(mg.ones(1))
    with pytest.raises(TypeError, match="iterable"):
        layers.extend(a)
    assert len(nn.ModuleList()) == 0


def test_module_dict():
    a, b = nn.Linear(1, 1), nn.ReLU()
    parts = nn.ModuleDict({"a": a, "b": b})
    assert list(parts) == list(parts.keys()) == ["a", "b"]
    assert list(parts.values()) == [a, b]
    assert dict(parts.items()) == {"a": a, "b": b}
    assert parts["a"] is a
    assert "b" in parts
    assert list(parts.state_dict()) == ["a.weight", "a.bias"]
    assert parts.pop("a") is a
    assert len(parts) == 1
    parts.update([("c", a)])
    parts["d"] = b
    del parts["b"]
    assert list(parts) == ["c", "d"]
    assert list(nn.ModuleDict(parts)) == ["c", "d"]
    with pytest.raises(KeyError, match="b"):
        del parts["b"]
    with pytest.raises(KeyError):
        parts["b"]
    with pytest.raises(KeyError, match="already exists"):
        parts["keys"] = a
    with pytest.raises(TypeError, match="int is not a Module"):
        parts["e"] = 3
    with pytest.raises(TypeError, match="iterable of key/value pairs"):
        parts.update(3)
    with pytest.raises(ValueError, match="has length 3; 2 is required"):
        parts.update([("x", a), (1, 2, 3)])
    assert list(parts) == ["c", "d"]
    parts.clear()
    assert len(parts) == 0


def test_identity_flatten_unflatten():
    x = mg.randn(2, 3, 4)
    assert nn.Identity(54, unused=True)(x) is x
    assert nn.Flatten()(x).shape == (2, 12)
    assert nn.Flatten(0, 1)(x).shape == (6, 4)
    assert nn.Unflatten(1, (3, -1))(mg.randn(2, 12)).shape == (2, 3, 4)
    with pytest.raises(TypeError, match="must be a tuple of ints"):
        nn.Unflatten(1, 3)


def test_linear():
    layer = nn.Linear(3, 2, dtype=mg.float64)
    x = mg.randn(4, 5, 3, dtype=mg.float64)
    expected = (x.numpy()[..., None, :] * layer.weight.numpy(force=True)).sum(-1) + layer.bias.numpy(force=True)
    assert np.allclose(layer(x).numpy(force=True), expected)
    assert nn.Linear(3, 2, bias=False).bias is None
    assert list(nn.Linear(3, 2, bias=False).state_dict()) == ["weight"]
    with pytest.raises(RuntimeError, match=r"\[4, 2\].*\[2, 3\]"):
        layer(mg.randn(4, 2, dtype=mg.float64))
    assert nn.Linear(0, 2)(mg.zeros(1, 0)).tolist() == [[0, 0]]


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: nn.Conv2d(3, 4, 3, groups=0), ValueError, "groups must be a positive integer"),
        (lambda: nn.Conv2d(3, 4, 3, groups=2), ValueError, "in_channels must be divisible by groups"),
        (lambda: nn.Conv2d(4, 3, 3, groups=2), ValueError, "out_channels must be divisible by groups"),
        (lambda: nn.Conv2d(3, 4, 3, padding="full"), ValueError, "Invalid padding string 'full'"),
        (lambda: nn.Conv2d(3, 4, 3, 2, padding="same"), ValueError, "not supported for strided convolutions"),
        (lambda: nn.Conv2d(3, 4, 3, padding_mode="ones"), ValueError, "padding_mode must be one of"),
        (lambda: nn.Conv2d(3, 4, (3, 3, 3)), ValueError, "kernel_size must be an int or 2 of them"),
        (lambda: nn.ConvTranspose2d(3, 4, 3, padding_mode="reflect"), ValueError, 'Only "zeros" padding mode'),
        (lambda: nn.ConvTranspose2d(3, 4, 3, padding="same"), TypeError, "padding as ints"),
        (lambda: nn.ConvTranspose2d(1, 1, 3, 2)(mg.ones(1, 1, 4, 4), [20, 20]), ValueError, r"from \[9, 9\] to \[10, 10\]"),
        (lambda: nn.BatchNorm1d(3)(mg.ones(3)), ValueError, r"expected 2D or 3D input \(got 1D input\)"),
        (lambda: nn.BatchNorm2d(3)(mg.ones(2, 3, 4)), ValueError, r"expected 4D input \(got 3D input\)"),
        (lambda: nn.Dropout(1.5), ValueError, "dropout probability has to be between 0 and 1, but got 1.5"),
        (lambda: nn.Dropout2d(-0.1), ValueError, "dropout probability has to be between 0 and 1, but got -0.1"),
        (lambda: nn.Dropout(float("nan")), ValueError, "dropout probability"),
        (lambda: nn.Hardtanh(1, 1), ValueError, "min_val has to be smaller than max_val"),
        (lambda: nn.MSELoss(reduction="avg")(mg.ones(1), mg.ones(1)), ValueError, "avg is not a valid value for reduction"),
    ],
)  # fmt: skip
def test_mistakes_raise(make, error, match):
    with pytest.raises(error, match=match):
        make()


def test_batchnorm_tracks_and_uses_statistics():
    layer = nn.BatchNorm1d(3, momentum=None)
    batches = [mg.randn(8, 3) * 2 + 5 for _ in range(4)]
    for batch in batches:
        out = layer(batch).numpy(force=True)
        assert np.allclose(out.mean(0), 0, atol=1e-5)
        assert np.allclose(out.var(0), 1, atol=1e-4)
    assert layer.num_batches_tracked.item() == 4
    assert layer.num_batches_tracked.dtype == mg.int64
    assert np.allclose(layer.running_mean.numpy(), np.mean([b.numpy().mean(0) for b in batches], 0), atol=1e-5)
    assert np.allclose(layer.running_var.numpy(), np.mean([b.numpy().var(0, ddof=1) for b in batches], 0), atol=1e-4)
    before = layer.running_mean.numpy().copy()
    layer.eval()(batches[0])
    assert np.array_equal(layer.running_mean.numpy(), before)
    assert layer.num_batches_tracked.item() == 4
    layer.reset_parameters()
    assert layer.running_var.tolist() == [1, 1, 1]
    assert layer.num_batches_tracked.item() == 0


def test_a_failing_batchnorm_has_counted_nothing():
    layer = nn.BatchNorm1d(3)
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        layer(mg.ones(1, 3))
    assert layer.num_batches_tracked.item() == 0
    assert layer.running_mean.tolist() == [0, 0, 0]


def test_batchnorm_that_stops_tracking():
    layer = nn.BatchNorm1d(2)
    layer.track_running_stats = False
    layer(mg.randn(5, 2) + 3)
    assert layer.running_mean.tolist() == [0, 0]
    assert layer.num_batches_tracked.item() == 0


def test_batchnorm_without_parts():
    layer = nn.BatchNorm2d(3, affine=False, track_running_stats=False)
    assert list(layer.state_dict()) == []
    x = mg.randn(4, 3, 2, 2) + 3
    assert np.allclose(layer.eval()(x).numpy().mean((0, 2, 3)), 0, atol=1e-5)
    assert list(nn.BatchNorm1d(2, bias=False).state_dict())[:2] == ["weight", "running_mean"]
    assert nn.BatchNorm3d(2)(mg.randn(2, 2, 2, 2, 2)).shape == (2, 2, 2, 2, 2)


def test_layernorm():
    x = mg.randn(5, 6) * 3 + 4
    layer = nn.LayerNorm(6)
    out = layer(x).numpy(force=True)
    assert np.allclose(out.mean(1), 0, atol=1e-6)
    assert np.allclose(out.std(1), 1, atol=1e-4)
    assert np.array_equal(layer.eval()(x).numpy(force=True), out)
    assert list(layer.state_dict()) == ["weight", "bias"]
    assert list(nn.LayerNorm((5, 6), bias=False).state_dict()) == ["weight"]
    assert list(nn.LayerNorm([6], elementwise_affine=False).state_dict()) == []
    assert repr(nn.LayerNorm(6)) == "LayerNorm((6,), eps=1e-05, elementwise_affine=True, bias=True)"
    assert nn.LayerNorm(6, dtype=mg.float64).weight.dtype == mg.float64
    with mg.no_grad():
        layer.weight.mul_(3)
        layer.bias.add_(1)
    layer.reset_parameters()
    assert (layer.weight.tolist(), layer.bias.tolist()) == ([1] * 6, [0] * 6)
    with pytest.raises(RuntimeError, match="normalized_shape"):
        layer(mg.ones(3, 5))


def test_embedding():
    layer = nn.Embedding(200, 50, padding_idx=-1)
    weight = layer.weight.numpy(force=True)
    assert layer.padding_idx == 199
    assert not weight[199].any()
    assert abs(weight[:199].mean()) < 0.05
    assert abs(weight[:199].std() - 1) < 0.05
    out = layer(mg.tensor([[3, 199], [3, 0]]))
    assert np.array_equal(out.numpy(force=True), weight[[[3, 199], [3, 0]]])
    out.sum().backward()
    assert np.array_equal(np.flatnonzero(layer.weight.grad.numpy()[:, 0]), [0, 3])
    assert layer.weight.grad[3].tolist() == [2] * 50
    assert layer(mg.zeros(0, 3, dtype=mg.int64)).shape == (0, 3, 50)
    with pytest.raises(IndexError, match="index 200 is out of range"):
        layer(mg.tensor([200]))
    with pytest.raises(NotImplementedError, match="sparse"):
        nn.Embedding(3, 2, sparse=True)
    with pytest.raises(ValueError, match="Padding_idx"):
        nn.Embedding(3, 2, padding_idx=3)


def test_embedding_from_pretrained():
    table = mg.randn(4, 3)
    layer = nn.Embedding.from_pretrained(table)
    assert not layer.weight.requires_grad
    assert np.shares_memory(layer.weight.numpy(), table.numpy())
    assert nn.Embedding.from_pretrained(table, freeze=False, padding_idx=1).weight.requires_grad
    assert repr(nn.Embedding.from_pretrained(table, padding_idx=1)) == "Embedding(4, 3, padding_idx=1)"
    with pytest.raises(ValueError, match="2-dimensional"):
        nn.Embedding.from_pretrained(mg.randn(4))
    with pytest.raises(ValueError, match=r"\[4, 3\]"):
        nn.Embedding(3, 4, _weight=table)


def test_indices_overwritten_before_backward_are_noticed():
    indices = mg.tensor([0, 1])
    out = nn.Embedding(3, 2)(indices)
    indices.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.sum().backward()


def test_second_gradients_of_an_embedding_with_options():
    indices = mg.tensor([2, 0, 2, 1])
    weight = mg.randn(3, 2, requires_grad=True)
    seed = mg.randn(4, 2, requires_grad=True)
    out = nn.functional.embedding(indices, weight, padding_idx=1, scale_grad_by_freq=True)
    (grad,) = mg.autograd.grad(out, weight, seed, create_graph=True)
    rows = seed.numpy(force=True)
    assert np.allclose(grad.numpy(force=True), [rows[1], [0, 0], (rows[0] + rows[2]) / 2])
    (second,) = mg.autograd.grad(grad.sum(), seed)
    assert second.tolist() == [[0.5, 0.5], [1, 1], [0.5, 0.5], [0, 0]]


@pytest.mark.parametrize(
    ("kind", "shape", "mask"),
    [
        (nn.Dropout, (50, 40), (50, 40)),
        (nn.Dropout1d, (50, 40, 5), (50, 40)),
        (nn.Dropout2d, (50, 40, 3, 3), (50, 40)),
        (nn.Dropout3d, (50, 40, 2, 2, 2), (50, 40)),
    ],
)
def test_dropout(kind, shape, mask):
    x = mg.ones(*shape)
    layer = kind(0.25)
    out = layer(x).numpy()
    assert np.allclose(np.unique(out), [0, 4 / 3])
    per_mask = out.reshape(*mask, -1)
    assert (per_mask == per_mask[..., :1]).all()
    assert 0.2 < (per_mask[..., 0] == 0).mean() < 0.3
    layer.p = 1.0
    assert not layer(x).numpy().any()
    layer.p = 2.0
    with pytest.raises(ValueError, match="dropout probability"):
        layer(x)
    layer.p = 0.5
    assert layer.eval()(x) is x
    assert list(layer.state_dict()) == []
    assert repr(layer) == f"{kind.__name__}(p=0.5, inplace=False)"


@pytest.mark.parametrize(
    ("kind", "shape"),
    [(nn.Dropout, (100,)), (nn.Dropout1d, (100, 1)), (nn.Dropout2d, (1, 100, 1, 1)), (nn.Dropout3d, (100, 1, 1, 1))],
)
def test_dropout_draws_from_its_generator(kind, shape):
    x = mg.ones(*shape)
    generator = mg.Generator().manual_seed(7)
    layer = kind(0.5, generator=generator)
    state = mg.default_generator.call
    first = layer(x).numpy()
    assert mg.default_generator.call == state
    assert generator.call == 1
    layer.generator = mg.Generator().manual_seed(7)
    assert np.array_equal(layer(x).numpy(), first)
    assert not np.array_equal(layer(x).numpy(), first)
    kind(0.5, inplace=True)(x)
    assert not x.numpy().all()


def test_losses_have_their_weights_as_buffers():
    assert list(nn.CrossEntropyLoss(mg.ones(3)).state_dict()) == ["weight"]
    assert list(nn.BCEWithLogitsLoss(pos_weight=mg.ones(3)).state_dict()) == ["pos_weight"]
    assert list(nn.NLLLoss().state_dict()) == []
    assert nn.CrossEntropyLoss(mg.ones(3)).double().weight.dtype == mg.float64


def test_a_network_learns():
    x = mg.randn(64, 2)
    target = ((x[:, 0] * x[:, 1]) > 0).long()
    net = nn.Sequential(nn.Linear(2, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 2))
    loss = nn.CrossEntropyLoss()
    for _ in range(100):
        net.zero_grad()
        loss(net(x), target).backward()
        with mg.no_grad():
            for parameter in net.parameters():
                parameter.sub_(parameter.grad * 0.5)
    assert (net.eval()(x).argmax(1) == target).numpy().mean() > 0.95

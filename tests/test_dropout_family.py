"""The dropout family on activations: what all layers promise, then what each is.

Gradients with a frozen mask, first and second order, layouts, dtypes and bad input come from tests/op_table/dropout_family.py.
"""

import copy
import math

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.ops.dropout import keep_threshold
from minigrad.ops.dropout_base import Masked, keep_mask
from minigrad.ops.dropout_family import ALPHA, Mix
from minigrad.testing import gradcheck, gradgradcheck

SHAPE = (16, 8, 12, 12)
MADE = {  # name: (layer of a rate and a generator, shape of its input, whether E[y] = x)
    "AlphaDropout": (lambda p, g: nn.AlphaDropout(p, generator=g), SHAPE, False),
    "FeatureAlphaDropout": (lambda p, g: nn.FeatureAlphaDropout(p, generator=g), SHAPE, False),
    "GaussianDropout": (lambda p, g: nn.GaussianDropout(p, generator=g), SHAPE, True),
    "DropPath": (lambda p, g: nn.DropPath(p, generator=g), (500, 3), True),
    "DropPath batch": (lambda p, g: nn.DropPath(p, "batch", generator=g), (5, 3), True),
    "LockedDropout": (lambda p, g: nn.LockedDropout(p, generator=g), (5, 20, 30), True),
    "LockedDropout batch first": (lambda p, g: nn.LockedDropout(p, True, generator=g), (20, 5, 30), True),
    "DropHead": (lambda p, g: nn.DropHead(p, generator=g), (40, 8, 3, 2), True),
    "AttentionDropout": (lambda p, g: nn.AttentionDropout(p, generator=g), (4, 8, 10, 10), True),
    "DropBlock2d": (lambda p, g: nn.DropBlock2d(p, 3, generator=g), SHAPE, False),
    "Cutout": (lambda p, g: nn.Cutout(5, 2, p, generator=g), SHAPE, False),
    "RandomErasing": (lambda p, g: nn.RandomErasing(p, value=7.0, generator=g), SHAPE, False),
    "GaussianNoise": (lambda p, g: nn.GaussianNoise(p, generator=g), SHAPE, True),
}
every = pytest.mark.parametrize(("make", "shape"), [(m, s) for m, s, _ in MADE.values()], ids=list(MADE))


def seeded(seed=0):
    return mg.Generator().manual_seed(seed)


def array(tensor):
    return tensor.numpy(force=True)


# ---- what all layers promise -------------------------------------------------------------------------------------------


@every
@pytest.mark.parametrize("dtype", [mg.float32, mg.float64])
def test_calls_differ_replay_alike_and_keep_the_dtype(make, shape, dtype):
    x = mg.randn(*shape, dtype=dtype)
    generator = seeded()
    layer = make(0.4, generator)
    before = mg.default_generator.call
    outs = [array(layer(x)) for _ in range(6)]
    assert mg.default_generator.call == before
    assert generator.call == 6  # one call each
    assert all(out.dtype == dtype and out.shape == shape for out in outs)
    assert len({out.tobytes() for out in outs}) > 1  # the batch mode of DropPath has two results only
    replayed = make(0.4, seeded())
    assert all(array(replayed(x)).tobytes() == out.tobytes() for out in outs)
    twin = copy.deepcopy(layer)
    assert array(twin(x)).tobytes() == array(layer(x)).tobytes()


@every
def test_evaluation_and_rate_0_return_the_input_and_draw_nothing(make, shape):
    x = mg.randn(*shape)
    generator = seeded()
    assert make(0.4, generator).eval()(x) is x
    assert make(0.0, generator)(x) is x
    assert generator.call == 0


@every
def test_a_layer_has_no_state_and_its_rate_may_change(make, shape):
    layer = make(0.4, None)
    assert list(layer.state_dict()) == []
    name = "std" if isinstance(layer, nn.GaussianNoise) else "p"
    assert f"{name}=0.4" in repr(layer)
    setattr(layer, name, 0.0)
    x = mg.randn(*shape)
    assert layer(x) is x
    for wrong in (math.nan, -0.1, *([] if name == "std" else [1.5])):
        setattr(layer, name, wrong)
        with pytest.raises(ValueError, match=str(wrong)):
            layer(x)
        with pytest.raises(ValueError, match=str(wrong)):
            make(wrong, None)
    with pytest.raises(TypeError, match="Generator"):
        make(0.4, 3)


@pytest.mark.parametrize("name", [name for name, (_, _, unbiased) in MADE.items() if unbiased])
def test_expectation_is_the_input(name):
    make, shape, _ = MADE[name]
    layer = make(0.3, seeded(1))
    x = mg.full(shape, 2.0)
    calls = 4000 if "batch" in name.split() and "DropPath" in name else 40
    means = np.array([array(layer(x)).mean(dtype=np.float64) for _ in range(calls)])
    z = (means.mean() - 2) / (means.std(ddof=1) / math.sqrt(calls))
    assert abs(z) < 4


@every
def test_empty_inputs(make, shape):
    x = mg.ones(0, *shape[1:], requires_grad=True)
    out = make(0.4, None)(x)
    assert out.shape == x.shape
    out.sum().backward()
    assert x.grad.shape == x.shape


WHOLLY = {
    name: make
    for name, (make, _, _) in MADE.items()
    if name not in ("GaussianDropout", "Cutout", "RandomErasing", "GaussianNoise")
}


@pytest.mark.parametrize("name", WHOLLY)
def test_rate_1_drops_all(name):
    x = mg.randn(*MADE[name][1], requires_grad=True)
    generator = seeded()
    out = WHOLLY[name](1.0, generator)(x)
    assert not array(out).any()
    assert generator.call == 0
    out.sum().backward()
    assert not x.grad.numpy().any()


@pytest.mark.parametrize("name", [name for name in WHOLLY if "Alpha" not in name] + ["Cutout"])
def test_what_is_dropped_is_0_whatever_it_was(name):
    make, shape, _ = MADE[name]
    mask = array(make(0.5, seeded(2))(mg.ones(*shape))) == 0
    for value in (math.nan, math.inf, -math.inf):
        x = mg.full(shape, value, requires_grad=True)
        out = make(0.5, seeded(2))(x)
        assert (array(out)[mask] == 0).all()
        assert not np.isfinite(array(out)[~mask]).any()
        out.backward(mg.ones(*shape))
        assert (x.grad.numpy()[mask] == 0).all()
        assert np.isfinite(x.grad.numpy()).all()


NUMBERS = {  # everything that takes a number, by what its error calls it
    "Dropout: dropout probability": nn.Dropout,
    "Dropout2d: dropout probability": nn.Dropout2d,
    "AlphaDropout: dropout probability": nn.AlphaDropout,
    "GaussianDropout: dropout probability": nn.GaussianDropout,
    "GaussianNoise: std": nn.GaussianNoise,
    "HintonDropout: dropout probability": nn.HintonDropout,
    "DropPath: dropout probability": nn.DropPath,
    "LockedDropout: dropout probability": nn.LockedDropout,
    "WordDropout: dropout probability": lambda p: nn.WordDropout(4, 2, p=p),
    "DropHead: dropout probability": nn.DropHead,
    "AttentionDropout: dropout probability": nn.AttentionDropout,
    "LayerDrop: dropout probability": lambda p: nn.LayerDrop([nn.ReLU()], p),
    "DropBlock2d: dropout probability": nn.DropBlock2d,
    "Cutout: dropout probability": lambda p: nn.Cutout(2, 1, p),
    "RandomErasing: dropout probability": nn.RandomErasing,
    "MaxPoolDropout2d: dropout probability": lambda p: nn.MaxPoolDropout2d(2, p=p),
    "MultiSampleDropout: dropout probability": lambda p: nn.MultiSampleDropout(nn.ReLU(), p=p),
    "drop_path_rates: dropout probability": lambda p: nn.drop_path_rates(3, p),
    "dropout: dropout probability": lambda p: F.dropout(mg.ones(2), p, False),
    "dropout1d: dropout probability": lambda p: F.dropout1d(mg.ones(2, 3), p),
    "dropout2d: dropout probability": lambda p: F.dropout2d(mg.ones(1, 2, 3, 3), p),
    "relu_dropout: dropout probability": lambda p: F.relu_dropout(mg.ones(2), p),
    "alpha_dropout: dropout probability": lambda p: F.alpha_dropout(mg.ones(2), p),
    "locked_dropout: dropout probability": lambda p: F.locked_dropout(mg.ones(2, 3), p),
    "gaussian_dropout: dropout probability": lambda p: F.gaussian_dropout(mg.ones(2, 3), p),
    "hinton_dropout: dropout probability": lambda p: F.hinton_dropout(mg.ones(2, 3), p, False),
    "fast_dropout: dropout probability": lambda p: F.fast_dropout(mg.ones(1, 2), mg.ones(1, 2), p=p),
    "r_drop_loss: alpha": lambda p: F.r_drop_loss(mg.ones(1, 2), mg.ones(1, 2), mg.tensor([0]), p),
}


@pytest.mark.parametrize("what", NUMBERS)
@pytest.mark.parametrize("wrong", ["0.5", None, True, [0.5], 0.5j, mg.tensor(0.5)], ids=repr)
def test_what_is_no_number_is_named(what, wrong):
    with pytest.raises(TypeError, match=f"^{what} has to be a number, not {type(wrong).__name__}$"):
        NUMBERS[what](wrong)


@every
@pytest.mark.parametrize("training", [True, False])
def test_a_wrong_generator_is_noticed_whether_or_not_it_draws(make, shape, training):
    for rate in (0.4, 0.0):
        layer = make(rate, None).train(training)
        layer.generator = 3
        with pytest.raises(TypeError, match="has to be a minigrad.Generator, not int"):
            layer(mg.ones(*shape))


@pytest.mark.parametrize("name", [name for name in MADE if name != "RandomErasing"])
def test_float32_draws_what_float64_draws(name):
    make, shape, _ = MADE[name]
    x = mg.randn(*shape)
    narrow, wide = (array(make(0.4, seeded())(value)) for value in (x, x.double()))
    np.testing.assert_allclose(narrow, wide, rtol=1e-5, atol=1e-5)


def test_masked_keeps_bits_and_drops_anything():
    x = mg.tensor([[math.nan, -0.0, math.inf], [1.5, -2.5, math.nan]], dtype=mg.float64)
    for tensor in (x, x.float(), x.float().T.contiguous().T):
        out = array(Masked.apply(tensor, np.array([[True], [False]])))
        assert out[0].tobytes() == array(tensor)[0].tobytes()
        assert out[1].tobytes() == bytes(3 * out.itemsize)  # +0
    assert Masked.apply(mg.tensor(2.0), np.array(False)).item() == 0
    assert Masked.apply(mg.ones(0, 3), np.ones((1, 3), bool)).shape == (0, 3)
    assert Masked.apply(mg.ones(1, 3).expand(2, 3), np.array([[True, False, True]])).tolist() == [[1, 0, 1]] * 2
    mask = np.random.default_rng(0).random((1, 4)) < 0.5
    z = mg.randn(3, 4, dtype=mg.float64, requires_grad=True)
    assert gradcheck(lambda z: Masked.apply(z, mask), (z,))
    assert gradgradcheck(lambda z: Masked.apply(z * z, mask), (z,))


# ---- alpha dropout, noise, weight scaling --------------------------------------------------------------------------------


def test_alpha_dropout_is_its_formula():
    x, p, q = mg.randn(50, 40, dtype=mg.float64), 0.3, 0.7
    keep = keep_mask((50, 40), p, seeded(3), "test")
    a = (q + p * q * ALPHA**2) ** -0.5
    expected = a * np.where(keep, array(x), ALPHA) - a * p * ALPHA
    np.testing.assert_allclose(array(F.alpha_dropout(x, p, True, generator=seeded(3))), expected, rtol=1e-8, atol=1e-9)
    maps = mg.randn(50, 40, 3, dtype=mg.float64)
    expected = a * np.where(keep[..., None], array(maps), ALPHA) - a * p * ALPHA
    np.testing.assert_allclose(
        array(F.feature_alpha_dropout(maps, p, True, generator=seeded(3))), expected, rtol=1e-8, atol=1e-9
    )


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_alpha_dropout_keeps_mean_and_variance(p):
    x = mg.randn(400_000, dtype=mg.float64)
    out = array(F.alpha_dropout(x, p, True))
    assert abs(out.mean()) < 4 / math.sqrt(out.size) + abs(array(x).mean())
    assert abs(out.var() - 1) < 0.02


def test_alpha_dropout_in_place():
    x = mg.randn(100)
    assert nn.AlphaDropout(0.5, inplace=True)(x) is x
    maps = mg.randn(10, 10, 2)
    assert nn.FeatureAlphaDropout(0.5, inplace=True)(maps) is maps


@pytest.mark.parametrize("function", [
    lambda x: F.gaussian_dropout(x, 0.3, generator=seeded()),
    lambda x: F.gaussian_noise(x, 0.3, generator=seeded()),
])  # fmt: skip
def test_gradients_of_noise(function):
    x = mg.randn(4, 5, dtype=mg.float64, requires_grad=True)
    assert gradcheck(function, (x,))
    assert gradgradcheck(function, (x,))


def test_gaussian_dropout_has_the_moments_of_dropout():
    x, p = mg.full((400_000,), 3.0, dtype=mg.float64), 0.2
    for out in (F.dropout(x, p), F.gaussian_dropout(x, p)):
        assert abs(array(out).mean() - 3) < 4 * 3 * math.sqrt(p / (1 - p) / x.numel())
        assert abs(array(out).var() / (9 * p / (1 - p)) - 1) < 0.02


def test_gaussian_dropout_lets_infinities_and_nan_through():
    out = array(F.gaussian_dropout(mg.tensor([math.nan, math.inf]), 0.01))
    assert np.isnan(out[0])
    assert np.isinf(out[1])


def test_hinton_dropout_draws_the_mask_of_dropout():
    x = mg.randn(1000, dtype=mg.float64)
    kept, scaled = F.hinton_dropout(x, 0.5, generator=seeded()), F.dropout(x, 0.5, generator=seeded())
    assert np.array_equal(array(kept) * 2, array(scaled))
    layer = nn.HintonDropout(0.2)
    np.testing.assert_allclose(array(layer.eval()(x)), array(x) * 0.8)
    assert not array(nn.HintonDropout(1.0).eval()(mg.tensor([math.inf]))).any()
    assert nn.HintonDropout(0.0).eval()(x) is x


def net_of(convention, q, seed):
    """A small net with dropout before its second layer, the inverted one with q times the weights there."""
    mg.manual_seed(seed)
    net = nn.Sequential(
        nn.Linear(6, 16), nn.Tanh(), convention(1 - q, generator=seeded(seed)), nn.Linear(16, 3)
    ).double()
    if convention is nn.Dropout:
        with mg.no_grad():
            net[3].weight *= q
    return net


def clip(weight, bound):
    with mg.no_grad():
        norms = (weight * weight).sum(1, keepdim=True).sqrt()
        weight *= (bound / norms).clamp(max=1)


@pytest.mark.parametrize("q", [0.5, 0.8])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("bound", [None, 1.0])
def test_the_two_conventions_train_the_same_net(q, momentum, bound):
    """W' = q W; lr' = q^2 lr and c' = q c for the weights that the dropped units meet, biases and others keep theirs."""
    q = keep_threshold(1 - q) / 2**32  # what masks keep, to the last bit
    nets = {kind: net_of(kind, q, 5) for kind in (nn.HintonDropout, nn.Dropout)}
    rng = np.random.default_rng(0)
    data = mg.from_numpy(rng.standard_normal((40, 6)))
    target = mg.from_numpy(rng.integers(0, 3, 40))
    losses = {kind: [] for kind in nets}
    for kind, net in nets.items():
        scale = q if kind is nn.Dropout else 1.0
        others = [p for p in net.parameters() if p is not net[3].weight]
        optimizer = mg.optim.SGD(
            [{"params": others}, {"params": [net[3].weight], "lr": 0.3 * scale**2}], lr=0.3, momentum=momentum
        )
        for _ in range(30):
            optimizer.zero_grad()
            loss = F.cross_entropy(net(data), target)
            loss.backward()
            optimizer.step()
            if bound:
                clip(net[3].weight, bound * scale)
            losses[kind].append(loss.item())
    hinton, inverted = nets.values()
    tolerance = {"rtol": 1e-11, "atol": 1e-12}
    np.testing.assert_allclose(losses[nn.HintonDropout], losses[nn.Dropout], **tolerance)
    assert losses[nn.Dropout][-1] < losses[nn.Dropout][0] - 0.1  # they went somewhere
    np.testing.assert_allclose(array(hinton[3].weight) * q, array(inverted[3].weight), **tolerance)
    for mine, other in ((hinton[0].weight, inverted[0].weight), (hinton[3].bias, inverted[3].bias)):
        np.testing.assert_allclose(array(mine), array(other), **tolerance)
    np.testing.assert_allclose(array(hinton.eval()(data)), array(inverted.eval()(data)), **tolerance)
    if q == 0.5 and momentum == 0.0 and not bound:  # powers of 2: to the last bit
        assert array(hinton[3].weight * q).tobytes() == array(inverted[3].weight).tobytes()


def test_dropout_of_a_linear_regression_is_a_ridge_penalty():
    """E |y - (m x) w|^2 = |y - q X w|^2 + p q |G w|^2, G^2 the diagonal of X'X (Srivastava et al. 2014, section 9.1)."""
    rng, p = np.random.default_rng(3), 0.3
    x, w, y = rng.standard_normal((4, 5)), rng.standard_normal(5), rng.standard_normal(4)
    q = keep_threshold(p) / 2**32
    expected = np.square(y - q * x @ w).sum() + p * q * (np.square(x).sum(0) * w * w).sum()
    draws = mg.from_numpy(np.broadcast_to(x, (20000, 4, 5)).copy())
    losses = np.square(y - array(F.hinton_dropout(draws, p, generator=seeded(1))) @ w).sum(1)
    assert abs(losses.mean() - expected) < 4 * losses.std() / math.sqrt(losses.size)
    mean, variance = F.fast_dropout(*map(mg.from_numpy, (x, w[None])), p=p, rescale=False)  # and in closed form
    closed = np.square(y - array(mean)[:, 0]).sum() + array(variance).sum()
    assert closed == pytest.approx(expected, rel=1e-8)


def test_under_adam_the_rate_scales_by_q():
    q = 0.5
    nets = {kind: net_of(kind, q, 5) for kind in (nn.HintonDropout, nn.Dropout)}
    rng = np.random.default_rng(0)
    data, target = mg.from_numpy(rng.standard_normal((40, 6))), mg.from_numpy(rng.integers(0, 3, 40))
    for kind, net in nets.items():
        scale = q if kind is nn.Dropout else 1.0
        others = [p for p in net.parameters() if p is not net[3].weight]
        groups = [{"params": others}, {"params": [net[3].weight], "lr": 0.01 * scale, "eps": 1e-8 / scale}]
        optimizer = mg.optim.Adam(groups, lr=0.01)
        for _ in range(20):
            optimizer.zero_grad()
            F.cross_entropy(net(data), target).backward()
            optimizer.step()
    hinton, inverted = nets.values()
    np.testing.assert_allclose(array(hinton[3].weight) * q, array(inverted[3].weight), rtol=1e-6)


# ---- masks of other shapes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("make", "shape", "mask"), [
    (lambda: nn.DropPath(0.25), (2000, 3, 2), (2000, 1, 1)),
    (lambda: nn.LockedDropout(0.25), (3, 40, 50), (1, 40, 50)),
    (lambda: nn.LockedDropout(0.25, batch_first=True), (40, 3, 50), (40, 1, 50)),
    (lambda: nn.LockedDropout(0.25), (3, 2000), (1, 2000)),
    (lambda: nn.DropHead(0.25), (250, 8, 2, 3), (250, 8, 1, 1)),
])  # fmt: skip
def test_one_number_for_each_element_of_the_mask(make, shape, mask):
    out = array(make()(mg.ones(*shape)))
    assert np.allclose(np.unique(out), [0, 4 / 3])
    first = out[tuple(slice(0, n) for n in mask)]
    assert (out == first).all()
    assert 0.2 < (first == 0).mean() < 0.3


def test_drop_path_of_a_whole_batch_and_without_rescaling():
    outs = [array(nn.DropPath(0.5, "batch")(mg.ones(4, 2))) for _ in range(40)]
    assert {float(out.max()) for out in outs} == {0.0, 2.0}
    assert all((out == out[0, 0]).all() for out in outs)
    kept = array(nn.DropPath(0.5, rescale=False)(mg.ones(400, 2)))
    assert set(np.unique(kept)) == {0.0, 1.0}
    assert nn.StochasticDepth is nn.DropPath
    assert F.drop_path is F.stochastic_depth
    with pytest.raises(ValueError, match="'rows'"):
        nn.DropPath(0.5, "rows")


def test_rates_of_drop_path_rise_evenly():
    np.testing.assert_allclose(nn.drop_path_rates(5, 0.2), [0, 0.05, 0.1, 0.15, 0.2])
    np.testing.assert_allclose(
        nn.drop_path_rates(5, 0.5)[1:], [0.125, 0.25, 0.375, 0.5]
    )  # the paper's l / L, with L = 4
    assert nn.drop_path_rates(1, 0.2) == [0.2]
    with pytest.raises(ValueError, match="depth"):
        nn.drop_path_rates(0, 0.2)
    with pytest.raises(ValueError, match="1.5"):
        nn.drop_path_rates(3, 1.5)
    assert all(nn.drop_path_rates(depth, 0.1)[-1] == 0.1 for depth in range(1, 50))  # to the bit


def test_word_dropout_drops_types_not_tokens():
    layer = nn.WordDropout(200, 3, p=0.4, generator=seeded())
    words = mg.randint(0, 200, (50, 60))
    out = array(layer(words))
    expected = (
        keep_mask((200,), 0.4, seeded(), "test")[array(words)][..., None] * array(layer.weight)[array(words)] / 0.6
    )
    np.testing.assert_allclose(out, expected, rtol=1e-6)
    assert array(layer.eval()(words)).tobytes() == array(layer.weight)[array(words)].tobytes()


def test_word_dropout_is_an_embedding():
    plain = nn.Embedding(10, 3, padding_idx=0)
    layer = nn.WordDropout(10, 3, padding_idx=0, p=0.5)
    layer.load_state_dict(plain.state_dict())
    plain.load_state_dict(layer.state_dict())
    assert repr(layer) == "WordDropout(10, 3, padding_idx=0, p=0.5)"
    layer(mg.arange(10)).sum().backward()
    rows = layer.weight.grad.numpy()
    assert not rows[0].any()
    assert set(np.unique(rows[1:])) <= {0.0, 2.0}
    assert nn.WordDropout.from_pretrained(mg.ones(4, 2), padding_idx=1).padding_idx == 1
    for wrong in ({"p": 2.0}, {"p": math.nan}):
        with pytest.raises(ValueError, match="between 0 and 1"):
            nn.WordDropout(10, 3, **wrong)
    with pytest.raises(TypeError, match="Generator"):
        nn.WordDropout(10, 3, generator=3)


def test_attention_dropout_renormalized():
    weights = F.softmax(mg.randn(30, 4, 5, dtype=mg.float64), -1)
    out = array(nn.AttentionDropout(0.6, renormalize=True)(weights))
    sums = out.sum(-1)
    dropped = sums == 0
    assert dropped.any()
    np.testing.assert_allclose(sums[~dropped], 1)
    assert not np.isnan(out).any()
    assert not np.allclose(array(nn.AttentionDropout(0.6)(weights)).sum(-1), 1)


# ---- layers, samples, branches -------------------------------------------------------------------------------------------


class Add(nn.Module):
    def __init__(self, amount):
        super().__init__()
        self.amount = nn.Parameter(mg.tensor(float(amount)))

    def forward(self, x, factor=1.0):
        return x + self.amount * factor


def test_layer_drop_skips_layers_and_looking_draws_nothing():
    generator = seeded()
    layers = nn.LayerDrop([Add(10**i) for i in range(4)], p=0.5, generator=generator)
    assert len(layers) == 4
    assert [layer.amount.item() for layer in layers] == [1, 10, 100, 1000]
    assert layers[-1] is list(layers)[3]
    assert list(layers.state_dict()) == list(nn.ModuleList(layers).state_dict())
    repr(layers)
    assert isinstance(layers[1:], nn.LayerDrop)
    assert (len(layers[1:]), layers[1:].p) == (3, 0.5)
    assert generator.call == 0
    expected = [keep_mask((4,), 0.5, generator.at(call), "test") @ [1, 10, 100, 1000] for call in range(30)]
    outs = [layers(mg.tensor(0.0)).item() for _ in range(30)]
    assert outs == expected
    assert generator.call == 30
    assert layers.eval()(mg.tensor(0.0), 2.0).item() == 2222
    assert generator.call == 30
    layers.train().p = 1.0
    x = mg.tensor(5.0)
    assert layers(x) is x
    with pytest.raises(TypeError, match="LayerDrop: expected several modules, not ReLU"):
        nn.LayerDrop(nn.ReLU())
    layers.p = 2.0
    with pytest.raises(ValueError, match="between 0 and 1"):
        layers(x)
    rate = np.mean([len(nn.LayerDrop([nn.Identity() for _ in range(10)], 0.3).sample()) for _ in range(300)]) / 10
    assert abs(rate - 0.7) < 0.05


def test_multi_sample_dropout_means_losses_of_distinct_masks():
    generator = seeded()
    head = nn.MultiSampleDropout(nn.Linear(6, 3), samples=4, p=0.5, generator=generator).double()
    x, target = mg.randn(5, 6, dtype=mg.float64), mg.tensor([0, 1, 2, 1, 0])
    loss = head.loss(x, target, F.cross_entropy)
    assert generator.call == 4
    outputs = [head.module(F.dropout(x, 0.5, generator=generator.at(call))) for call in range(4)]
    assert loss.item() == pytest.approx(np.mean([F.cross_entropy(out, target).item() for out in outputs]), rel=1e-12)
    generator.manual_seed(0)
    np.testing.assert_allclose(array(head(x)), np.mean([array(out) for out in outputs], 0), rtol=1e-12)
    head.eval()
    assert array(head(x)).tobytes() == array(head.module(x)).tobytes()
    assert head.loss(x, target, F.cross_entropy).item() == F.cross_entropy(head.module(x), target).item()
    assert list(head.state_dict()) == ["module.weight", "module.bias"]
    with pytest.raises(ValueError, match="samples"):
        nn.MultiSampleDropout(nn.Linear(6, 3), samples=0)
    with pytest.raises(TypeError, match="MultiSampleDropout: expected a Module, not function"):
        nn.MultiSampleDropout(F.relu)


def test_shake_shake_uses_other_weights_in_backward():
    x, y = mg.ones(50, 3, requires_grad=True), mg.zeros(50, 3, requires_grad=True)
    out = nn.ShakeShake(generator=seeded())(x, y)
    a = mg.rand(50, 1, generator=seeded(), dtype=mg.float64).float()
    b = mg.rand(50, 1, generator=seeded().at(1), dtype=mg.float64).float()
    np.testing.assert_allclose(array(out), np.broadcast_to(array(a), (50, 3)))
    out.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.broadcast_to(array(b), (50, 3)))
    np.testing.assert_allclose(y.grad.numpy(), 1 - np.broadcast_to(array(b), (50, 3)), rtol=1e-6)
    assert abs(array(a).mean() - 0.5) < 0.2
    whole = array(nn.ShakeShake("batch")(x, y))
    assert (whole == whole[0, 0]).all()
    assert 0 < whole[0, 0] < 1
    np.testing.assert_allclose(array(nn.ShakeShake().eval()(x, y)), 0.5)
    with pytest.raises(ValueError, match="'all'"):
        nn.ShakeShake("all")


def test_shake_shake_with_equal_weights_is_differentiated_right():
    """gradcheck, once forward and backward are told to use the same numbers."""
    a = np.random.default_rng(0).random((4, 1))
    branches = tuple(mg.randn(4, 3, dtype=mg.float64, requires_grad=True) for _ in range(2))
    assert gradcheck(lambda x, y: Mix.apply(x, y, a, a), branches)
    assert gradgradcheck(lambda x, y: Mix.apply(x, y, a, a), branches)


# ---- where the layers are ------------------------------------------------------------------------------------------------


def test_wrong_arguments_are_named():
    for make, error, match in (
        (lambda: nn.DropBlock2d(0.1, 0), ValueError, "block_size"),
        (lambda: nn.DropBlock2d(0.1, 4), ValueError, "DropBlock2d: block_size has to be odd.*got 4"),
        (lambda: nn.DropBlock2d(0.1, 3.0), TypeError, "block_size.*3.0"),
        (lambda: nn.DropBlock2d(0.1, True), TypeError, "block_size.*bool"),
        (lambda: nn.DropBlock2d(normalize="none"), ValueError, "'none'"),
        (lambda: nn.Cutout(0), ValueError, "size"),
        (lambda: nn.Cutout(2, 0), ValueError, "holes"),
        (lambda: nn.GaussianDropout(1.0), ValueError, "below 1"),
        (lambda: nn.GaussianNoise(math.inf), ValueError, "std"),
    ):
        with pytest.raises(error, match=match):
            make()


def test_every_member_is_public():
    assert set(nn.dropout.__all__) <= set(nn.__all__)
    assert all(getattr(nn, name) is getattr(nn.dropout, name) for name in nn.dropout.__all__)

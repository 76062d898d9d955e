"""Dropout at test time (MC dropout, fast dropout), as an objective, and put into models that are already there."""

import copy
import itertools
import math
import warnings

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn


def array(tensor):
    return tensor.numpy(force=True)


def modes(model):
    return {name: module.training for name, module in model.named_modules()}


def small():
    return nn.Sequential(
        nn.Linear(6, 16),
        nn.BatchNorm1d(16),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Sequential(nn.GaussianDropout(0.2), nn.Linear(16, 3)),
    )


class Own(nn.Module):
    """Calls F.dropout itself."""

    def forward(self, x):
        return F.dropout(x, 0.5, self.training)


# ---- MC dropout ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("training", [True, False])
def test_mc_dropout_turns_on_dropout_alone_and_puts_modes_back(training):
    model = small().train(training)
    model[2].training = not training  # modes need not agree
    before = modes(model)
    with nn.mc_dropout(model) as same:
        assert same is model
        assert {name for name, on in modes(model).items() if on} == {"3", "4.0"}
    assert modes(model) == before
    with pytest.raises(RuntimeError, match="stop"), nn.mc_dropout(model):
        raise RuntimeError("stop")
    assert modes(model) == before


def test_mc_dropout_leaves_batch_norm_alone():
    model = small()
    model(mg.randn(20, 6))
    state = {name: array(value).copy() for name, value in model.state_dict().items()}
    x = mg.randn(8, 6)
    samples = nn.mc_samples(model, x, samples=5)
    assert samples.shape == (5, 8, 3)
    assert not samples.requires_grad
    assert len({sample.tobytes() for sample in array(samples)}) == 5
    for name, value in model.state_dict().items():
        assert array(value).tobytes() == state[name].tobytes()
    # one example alone gives what it gives among others: running statistics are used
    generator = mg.manual_seed(3)
    alone = nn.Sequential(*list(model)[:3])
    with nn.mc_dropout(nn.Sequential(alone, nn.Dropout(0.5))):
        together = alone(x)
        np.testing.assert_allclose(array(alone(x[:1])), array(together)[:1], rtol=1e-5, atol=1e-6)
    assert generator.call == 0


def test_mc_dropout_nests_and_takes_a_choice():
    model = small().eval()
    with nn.mc_dropout(model):
        with nn.mc_dropout(model, where=nn.GaussianDropout):
            assert {name for name, on in modes(model).items() if on} == {"4.0"}
        assert {name for name, on in modes(model).items() if on} == {"3", "4.0"}
    assert not any(modes(model).values())
    for where in ("3", ["3"], 3, model[3], lambda name, module: isinstance(module, nn.Dropout)):
        with nn.mc_dropout(model, where):
            assert {name for name, on in modes(model).items() if on} == {"3"}
    own = nn.Sequential(nn.Linear(4, 4), Own()).eval()
    with pytest.raises(ValueError, match="no dropout layers"), nn.mc_dropout(own):
        pass
    assert len(np.unique(array(nn.mc_samples(own, mg.ones(1, 4), samples=8, where=Own)), axis=0)) > 1
    with pytest.raises(ValueError, match="where='absent'"), nn.mc_dropout(model, "absent"):
        pass
    assert not any(modes(model).values())


def test_mc_dropout_leaves_augmentation_off():
    model = nn.Sequential(nn.Cutout(2), nn.RandomErasing(), nn.Dropout2d(0.5), nn.DropBlock2d(0.1, 1))
    with nn.mc_dropout(model):
        assert [layer.training for layer in model] == [False, False, True, True]


def test_mc_dropout_takes_one_mask_of_a_multi_sample_head():
    generator = mg.Generator().manual_seed(0)
    head = nn.MultiSampleDropout(nn.Linear(6, 3), 4, generator=generator).eval()
    nn.mc_samples(head, mg.ones(2, 6), samples=3)
    assert generator.call == 3


def test_mc_samples_draw_what_training_draws_and_need_one():
    generator = mg.Generator().manual_seed(0)
    model = nn.Sequential(nn.Dropout(0.5, generator=generator))
    x = mg.ones(3, 4)
    samples = nn.mc_samples(model, x, samples=2)
    assert mg.equal(samples[1], F.dropout(x, 0.5, generator=generator.at(1)))
    with pytest.raises(ValueError, match="samples has to be at least 1, got 0"):
        nn.mc_samples(model, x, samples=0)
    with pytest.raises(TypeError, match="samples has to be an int, got 2.5"):
        nn.mc_samples(model, x, samples=2.5)


def test_samples_have_to_be_tensors_of_a_module():
    rnn = nn.DropoutRNN(nn.DropoutGRUCell(2, 3, dropout=nn.GalDropout()))
    with pytest.raises(TypeError, match="DropoutRNN returned a tuple"):
        nn.mc_samples(rnn, mg.ones(4, 1, 2))
    with pytest.raises(TypeError, match="mc_dropout: expected a Module, not function"):
        nn.mc_samples(F.relu, mg.ones(1))
    shares = np.full((2, 3, 2), 0.5)
    assert nn.predictive_entropy(shares).shape == nn.mutual_information(shares).shape == (3,)
    assert nn.predictive_mean(shares).shape == nn.predictive_variance(shares).shape == (3, 2)
    for function in (nn.predictive_entropy, nn.mutual_information, nn.predictive_mean, nn.predictive_variance):
        with pytest.raises(TypeError, match="must be Tensor, not list"):
            function([mg.ones(2)])


def test_entropy_and_mutual_information():
    p = np.random.default_rng(0).dirichlet(np.ones(4), (50, 6))
    probabilities = mg.from_numpy(p)
    mean = p.mean(0)
    entropy = -(mean * np.log(mean)).sum(-1)
    expected = -(p * np.log(p)).sum(-1).mean(0)
    np.testing.assert_allclose(array(nn.predictive_mean(probabilities)), mean)
    np.testing.assert_allclose(array(nn.predictive_entropy(probabilities)), entropy)
    np.testing.assert_allclose(array(nn.mutual_information(probabilities)), entropy - expected)
    assert (array(nn.mutual_information(probabilities)) > 0).all()
    same = mg.from_numpy(np.repeat(p[:1], 5, 0))
    np.testing.assert_allclose(array(nn.mutual_information(same)), 0, atol=1e-12)
    sure = mg.tensor([[[1.0, 0.0]]] * 3)
    assert array(nn.predictive_entropy(sure)).tolist() == [0]
    for wrong in (probabilities.log(), probabilities * 3, mg.tensor([0.5, 0.5]), mg.full((2, 2), math.nan)):
        for function in (nn.predictive_entropy, nn.mutual_information):
            with pytest.raises(ValueError, match="probabilities"):
                function(wrong)


def test_variance_and_likelihood_of_a_regression():
    rng = np.random.default_rng(0)
    y, target, tau = rng.standard_normal((30, 5, 1)), rng.standard_normal((5, 1)), 2.5
    samples = mg.from_numpy(y)
    np.testing.assert_allclose(array(nn.predictive_variance(samples)), y.var(0))
    np.testing.assert_allclose(array(nn.predictive_variance(samples, tau)), y.var(0) + 1 / tau)
    density = np.sqrt(tau / (2 * np.pi)) * np.exp(-tau / 2 * (y - target) ** 2)
    found = nn.predictive_log_likelihood(samples, mg.from_numpy(target), tau)
    np.testing.assert_allclose(array(found), np.log(density.mean(0)))
    for wrong in (0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="precision"):
            nn.predictive_variance(samples, wrong)
    with pytest.raises(ValueError, match="shape"):
        nn.predictive_log_likelihood(samples, mg.ones(5), tau)


# ---- fast dropout --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rescale", [True, False])
def test_fast_dropout_has_the_moments_over_all_masks(rescale):
    p, q = 0.3, 0.7
    rng = np.random.default_rng(1)
    x, w, b = rng.standard_normal((3, 8)), rng.standard_normal((2, 8)), rng.standard_normal(2)
    masks = np.array(list(itertools.product((0, 1), repeat=8)))
    chances = np.prod(np.where(masks, q, p), 1)
    results = (x[:, None] * masks / (q if rescale else 1)) @ w.T + b  # (3, 256, 2)
    mean = np.einsum("m,nmk->nk", chances, results)
    variance = np.einsum("m,nmk->nk", chances, (results - mean[:, None]) ** 2)
    found = F.fast_dropout(*map(mg.from_numpy, (x, w, b)), p, rescale=rescale)
    np.testing.assert_allclose(array(found[0]), mean)
    np.testing.assert_allclose(array(found[1]), variance)


def test_fast_dropout_of_random_inputs_and_through_relu():
    rng = np.random.default_rng(2)
    mean, variance = rng.standard_normal((1, 5)), rng.uniform(0.1, 1, (1, 5))
    w, draws = rng.standard_normal((2, 5)), 400_000
    x = mean + np.sqrt(variance) * rng.standard_normal((draws, 5))
    found = F.fast_dropout(mg.from_numpy(mean), mg.from_numpy(w), p=0.4, variance=mg.from_numpy(variance))
    results = array(F.linear(F.dropout(mg.from_numpy(x), 0.4), mg.from_numpy(w)))
    np.testing.assert_allclose(array(found[0])[0], results.mean(0), atol=0.03)
    np.testing.assert_allclose(array(found[1])[0], results.var(0), rtol=0.02)
    through = F.relu_moments(mg.from_numpy(mean), mg.from_numpy(variance))
    np.testing.assert_allclose(array(through[0])[0], np.maximum(x, 0).mean(0), atol=0.01)
    np.testing.assert_allclose(array(through[1])[0], np.maximum(x, 0).var(0), rtol=0.02, atol=1e-5)
    far = F.relu_moments(mg.tensor([1000.0, -1000.0]), mg.tensor([1e-4, 1e-4]))  # in float32: no digits are lost
    np.testing.assert_allclose([part.tolist() for part in far], [[1000, 0], [1e-4, 0]], rtol=1e-5)
    certain = F.relu_moments(mg.tensor([-1.0, 2.0], requires_grad=True), mg.zeros(2, requires_grad=True))
    assert [part.tolist() for part in certain] == [[0, 2], [0, 0]]
    (certain[0].sum() + certain[1].sum()).backward()  # no NaN where there is no variance


def test_relu_moments_of_hardly_any_variance():
    mean = mg.tensor([1000.0, -1000.0, 1.0], requires_grad=True)
    variance = mg.full((3,), 1e-38, requires_grad=True)
    first, second = F.relu_moments(mean, variance)
    assert first.tolist() == [1000, 0, 1]
    np.testing.assert_allclose(array(second), [1e-38, 0, 1e-38], rtol=1e-5)
    (first.sum() + second.sum()).backward()
    assert mean.grad.tolist() == [1, 0, 1]
    assert np.isfinite(variance.grad.numpy()).all()


def test_fast_dropout_predicts_what_sampling_converges_to():
    x, w = mg.randn(20, 30, dtype=mg.float64), mg.randn(1, 30, dtype=mg.float64) * 0.5
    closed = array(F.sigmoid_mean(*F.fast_dropout(x, w, p=0.5)))
    sampled = np.mean([array(F.sigmoid(F.linear(F.dropout(x, 0.5), w))) for _ in range(2000)], 0)
    assert np.abs(closed - sampled).max() < 0.035  # 0.02 of the formula, and 3 standard errors
    assert np.abs(array(F.sigmoid(F.linear(x, w))) - sampled).max() > 2 * np.abs(closed - sampled).max()


# ---- R-Drop --------------------------------------------------------------------------------------------------------------


def test_r_drop_makes_two_passes_and_compares_them():
    generator = mg.Generator().manual_seed(0)
    model = nn.Sequential(nn.Dropout(0.5, generator=generator), nn.Linear(6, 3))
    x, target = mg.randn(5, 6), mg.tensor([0, 1, 2, 1, 0])
    loss = nn.r_drop(model, x, target, alpha=0.7)
    assert generator.call == 2
    passes = [model[1](F.dropout(x, 0.5, generator=generator.at(call))) for call in range(2)]
    p, q = (array(F.softmax(logits, 1)).astype(float) for logits in passes)
    divergence = ((p - q) * np.log(p / q)).sum(1).mean() / 2
    fit = np.mean([F.cross_entropy(logits, target).item() for logits in passes])
    assert loss.item() == pytest.approx(fit + 0.7 * divergence, rel=1e-5)
    loss.backward()
    assert model[1].weight.grad is not None
    model.eval()
    assert nn.r_drop(model, x, target).item() == F.cross_entropy(model(x), target).item()
    assert generator.call == 2


def test_r_drop_leaves_padding_out():
    """Targets of -100 count in neither term, as if their rows were not there."""
    one, other, target = mg.randn(5, 3), mg.randn(5, 3), mg.tensor([0, -100, 2, 1, -100])
    rows = mg.tensor([0, 2, 3])
    expected = F.r_drop_loss(one[rows], other[rows], target[rows], 0.7)
    assert F.r_drop_loss(one, other, target, 0.7).item() == pytest.approx(expected.item(), rel=1e-6)
    words = F.r_drop_loss(one.T[None], other.T[None], target[None], 0.7)  # (N, C, L)
    assert words.item() == pytest.approx(expected.item(), rel=1e-6)
    assert math.isnan(F.r_drop_loss(one, other, mg.full((5,), -100), 0.7).item())
    shares = F.softmax(mg.randn(5, 3), 1)  # probabilities in place of classes
    assert F.r_drop_loss(one, one, shares).item() == F.cross_entropy(one, shares).item()


def test_r_drop_warns_of_a_fixed_mask():
    model, x, target = nn.Linear(6, 3), mg.randn(5, 6), mg.tensor([0, 1, 2, 1, 0])
    with pytest.warns(RuntimeWarning, match="same result"):
        nn.r_drop(model, x, target)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.r_drop(model, x, target, alpha=0.0)
        nn.r_drop(nn.Sequential(nn.Dropout(0.5), model), x, target)


# ---- add_dropout ---------------------------------------------------------------------------------------------------------


def plain():
    return nn.Sequential(
        nn.Linear(4, 8), nn.ReLU(), nn.Sequential(nn.Linear(8, 8), nn.Tanh()), nn.Linear(8, 2)
    )  # leaves: 0, 1, 2.0, 2.1, 3


def rates(model):
    return {name.rpartition(".")[0]: layer.p for name, layer in nn.added_dropout(model).items()}


@pytest.mark.parametrize(("p", "options", "expected"), [
    (0.3, {}, {"1": 0.3, "2.1": 0.3}),
    (0.3, {"where": nn.Linear}, {"0": 0.3, "2.0": 0.3, "3": 0.3}),
    ([0.1, 0.2, 0.3], {"where": nn.Linear}, {"0": 0.1, "2.0": 0.2, "3": 0.3}),
    (0.3, {"where": "2.*"}, {"2.0": 0.3, "2.1": 0.3}),
    (0.3, {"where": -1}, {"3": 0.3}),
    (0.3, {"where": [0, "2.1"]}, {"0": 0.3, "2.1": 0.3}),
    (0.3, {"where": "2"}, {"2.1": 0.3}),
    (0.3, {"where": ""}, {"3": 0.3}),
    (0.3, {"where": "2", "before": True}, {"2.0": 0.3}),
    (0.3, {"where": lambda name, module: getattr(module, "out_features", 0) == 2}, {"3": 0.3}),
    ({"0": 0.1, nn.Linear: 0.5}, {}, {"0": 0.1, "2.0": 0.5, "3": 0.5}),
    ({nn.Linear: 0.5, "0": 0.1}, {}, {"0": 0.5, "2.0": 0.5, "3": 0.5}),
])  # fmt: skip
def test_add_dropout_chooses(p, options, expected):
    model = plain()
    assert nn.add_dropout(model, p, **options) is model
    assert rates(model) == expected


def test_every_activation_is_dropped_but_those_that_end_a_net():
    kinds = [nn.ELU, nn.GELU, nn.Hardtanh, nn.LeakyReLU, nn.ReLU, nn.ReLU6, nn.SiLU, nn.Sigmoid, nn.Softplus, nn.Tanh]
    model = nn.Sequential(*(kind() for kind in kinds), nn.Identity(), nn.LogSoftmax(-1), nn.Softmax(-1))
    assert list(rates(nn.add_dropout(model))) == [str(place) for place in range(len(kinds))]


def test_added_dropout_drops_what_its_module_gives_or_takes():
    model, x = plain(), mg.randn(5, 4)
    before, keys = array(model(x)), list(model.state_dict())
    nn.add_dropout(model, 0.5, where="1", generator=mg.Generator().manual_seed(1))
    nn.add_dropout(model, 0.4, where="2", before=True, generator=mg.Generator().manual_seed(2))
    hidden = F.dropout(F.relu(model[0](x)), 0.5, generator=mg.Generator().manual_seed(1))
    hidden = F.dropout(hidden, 0.4, generator=mg.Generator().manual_seed(2))
    expected = F.linear(F.tanh(F.linear(hidden, *model[2][0].parameters())), *model[3].parameters())
    np.testing.assert_allclose(array(model(x)), array(expected), rtol=1e-5, atol=1e-6)
    assert list(model.state_dict()) == keys
    assert len(model) == 4
    assert array(model.eval()(x)).tobytes() == before.tobytes()
    plain().load_state_dict(model.state_dict())
    model.load_state_dict(plain().state_dict())
    samples = array(nn.mc_samples(model, x, samples=4))
    assert len({sample.tobytes() for sample in samples}) == 4
    with nn.mc_dropout(model, where=nn.Dropout):
        assert sum(modes(model).values()) == 2
    assert "(added_dropout): Dropout(p=0.5, inplace=False)" in repr(model)


def test_a_copy_of_the_model_has_dropouts_of_its_own():
    model = nn.add_dropout(plain(), 0.5)
    twin = copy.deepcopy(model)
    twin[1].added_dropout.p, twin[2][1].added_dropout.p = 1.0, 0.0
    assert model[1].added_dropout.p == 0.5
    assert np.ptp(array(twin(mg.randn(5, 4))), axis=0).max() < 1e-6  # nothing of the input gets through
    nn.remove_dropout(twin)
    assert not nn.added_dropout(twin)
    assert len(nn.added_dropout(model)) == 2
    x = mg.randn(5, 4)
    assert mg.equal(twin(x), twin(x))
    assert not mg.equal(model(x), model(x))


def test_remove_dropout_leaves_no_trace():
    model, x = plain(), mg.randn(5, 4)
    before = array(model(x))
    nn.add_dropout(nn.add_dropout(model, 0.5), 0.5, where=nn.Linear, before=True)
    assert len(nn.added_dropout(model)) == 5
    assert nn.remove_dropout(model) is model
    assert array(model(x)).tobytes() == before.tobytes()
    assert repr(model) == repr(plain())
    assert all(module._hooks is None for module in model.modules())
    nn.add_dropout(model, 0.5)


def test_add_dropout_of_another_kind():
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU())
    nn.add_dropout(model, nn.drop_path_rates(2, 0.2), kind=nn.DropBlock2d, block_size=3)
    assert [type(layer) for layer in nn.added_dropout(model).values()] == [nn.DropBlock2d] * 2
    assert model(mg.randn(2, 1, 9, 9)).shape == (2, 4, 5, 5)
    nn.add_dropout(model.eval(), 0.5, where=0, kind=nn.Dropout2d)
    assert not model[0].added_dropout.training


@pytest.mark.parametrize(("p", "options", "error", "match"), [
    (1.5, {}, ValueError, "between 0 and 1"),
    ([0.1, 1.5], {}, ValueError, "between 0 and 1"),
    ([0.1], {}, ValueError, "1 rates for 2 modules"),
    ("0.5", {}, TypeError, "has to be a number, not str"),
    (mg.tensor(0.5), {}, TypeError, "has to be a number, not Tensor"),
    (None, {}, TypeError, "has to be a number, not NoneType"),
    (0.5, {"where": nn.Conv2d}, ValueError, "no module"),
    (0.5, {"where": "9"}, ValueError, "where='9'"),
    (0.5, {"where": 5}, IndexError, "5 modules"),
    (0.5, {"where": 1.5}, TypeError, "float"),
    (0.5, {"where": ["2", "2.1"]}, ValueError, "'2.1' has a dropout already"),
    ({"0": 0.5}, {"where": nn.Linear}, TypeError, "leave `where` out"),
    ({}, {}, ValueError, "dict of rates is empty"),
    (0.5, {"where": []}, ValueError, "empty list"),
    (0.5, {"kind": lambda p: p}, TypeError, "kind has to make a layer"),
])  # fmt: skip
def test_add_dropout_refuses_and_changes_nothing(p, options, error, match):
    model = plain()
    with pytest.raises(error, match=match):
        nn.add_dropout(model, p, **options)
    assert repr(model) == repr(plain())
    assert all(module._hooks is None for module in model.modules())


def test_schedules_reach_added_dropouts():
    """As the paper of DropBlock has it: its rate rises from 0 to p over the training."""
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU())
    nn.add_dropout(model, [0.1, 0.2], kind=nn.DropBlock2d, block_size=3)
    schedule = nn.LinearSchedule(model, total_steps=4)
    x, seen = mg.randn(2, 1, 8, 8), [rates(model)]
    for _ in range(4):
        model(x)
        schedule.step()
        seen.append(rates(model))
    np.testing.assert_allclose([rate["1"] for rate in seen], [0, 0.025, 0.05, 0.075, 0.1])
    np.testing.assert_allclose([rate["3"] for rate in seen], [0, 0.05, 0.1, 0.15, 0.2])


def test_add_dropout_where_there_is_none_to_call():
    with pytest.raises(TypeError, match="add_dropout: expected a Module, not function"):
        nn.add_dropout(F.relu, 0.5)
    with pytest.raises(TypeError, match="ModuleList"):
        nn.add_dropout(nn.ModuleList([nn.ReLU()]), 0.5, where=nn.ModuleList)
    with pytest.raises(TypeError, match="LayerDrop"):
        nn.add_dropout(nn.LayerDrop([nn.ReLU()]), 0.5, where=nn.LayerDrop)

    class Two(nn.Module):
        def forward(self, x=None):
            return x, x

    with pytest.raises(TypeError, match="Two returned a tuple"):
        nn.add_dropout(Two(), 0.5, where="")(mg.ones(2))
    with pytest.raises(TypeError, match="first argument"):
        nn.add_dropout(Two(), 0.5, where="", before=True)(x=mg.ones(2))
    model = nn.add_dropout(plain(), 0.5)
    with pytest.raises(ValueError, match="'1' has a dropout already"):
        nn.add_dropout(model, 0.5)

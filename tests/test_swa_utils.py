"""Averages of weights: the mean, exponential averages, buffers, and batch norm's statistics afterwards."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.optim.swa_utils import (
    AveragedModel,
    get_ema_avg_fn,
    get_ema_multi_avg_fn,
    get_swa_avg_fn,
    get_swa_multi_avg_fn,
    update_bn,
)


def path(average, steps=4, seed=0):
    """The weights that a model has had, one set for each update of `average(model)`."""
    rng = np.random.default_rng(seed)
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)).double()
    averaged = average(model)
    weights = []
    for _ in range(steps):
        model(mg.tensor(rng.standard_normal((5, 2))))
        with mg.no_grad():
            model[0].weight.copy_(mg.tensor(rng.standard_normal((3, 2))))
        weights.append(model[0].weight.detach().numpy().copy())
        averaged.update_parameters(model)
    return model, averaged, weights


@pytest.mark.parametrize("options", [{}, {"avg_fn": get_swa_avg_fn()}, {"multi_avg_fn": get_swa_multi_avg_fn()}])
def test_the_mean(options):
    model, averaged, weights = path(lambda model: AveragedModel(model, **options))
    np.testing.assert_allclose(averaged.module[0].weight.detach().numpy(), np.mean(weights, 0), rtol=1e-12)
    assert averaged.n_averaged == 4
    np.testing.assert_array_equal(averaged.module[1].running_mean.numpy(), model[1].running_mean.numpy())
    assert averaged.module[0].weight is not model[0].weight


@pytest.mark.parametrize("options", [{"avg_fn": get_ema_avg_fn(0.6)}, {"multi_avg_fn": get_ema_multi_avg_fn(0.6)}])
def test_the_exponential_mean(options):
    _, averaged, weights = path(lambda model: AveragedModel(model, **options))
    expected = weights[0]
    for weight in weights[1:]:
        expected = 0.6 * expected + 0.4 * weight
    np.testing.assert_allclose(averaged.module[0].weight.detach().numpy(), expected, rtol=1e-12)


def test_buffers_are_averaged_when_asked():
    _, averaged, _ = path(lambda model: AveragedModel(model, use_buffers=True))
    model, plain, _ = path(lambda model: AveragedModel(model))
    np.testing.assert_array_equal(plain.module[1].running_mean.numpy(), model[1].running_mean.numpy())
    assert not np.allclose(averaged.module[1].running_mean.numpy(), model[1].running_mean.numpy())


def test_state_travels():
    _, averaged, _ = path(lambda model: AveragedModel(model))
    other = AveragedModel(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)).double())
    assert list(averaged.state_dict())[:2] == ["n_averaged", "module.0.weight"]
    other.load_state_dict(averaged.state_dict())
    x = mg.ones(4, 2, dtype=mg.float64)
    np.testing.assert_array_equal(other.eval()(x).numpy(force=True), averaged.eval()(x).numpy(force=True))


def test_batch_norm_sees_the_data_again():
    averaged = path(lambda model: AveragedModel(model))[1].eval()
    batches = [mg.randn(6, 2, dtype=mg.float64) for _ in range(3)]
    update_bn([[batch, "a label"] for batch in batches], averaged)
    seen = [averaged.module[0](batch).numpy(force=True) for batch in batches]
    norm = averaged.module[1]
    np.testing.assert_allclose(norm.running_mean.numpy(), np.mean([x.mean(0) for x in seen], 0), rtol=1e-12)
    np.testing.assert_allclose(norm.running_var.numpy(), np.mean([x.var(0, ddof=1) for x in seen], 0), rtol=1e-12)
    assert (norm.momentum, averaged.training, norm.training) == (0.1, False, False)


def test_bad_arguments():
    with pytest.raises(AssertionError, match="Only one of avg_fn and multi_avg_fn"):
        AveragedModel(nn.Linear(1, 1), avg_fn=get_swa_avg_fn(), multi_avg_fn=get_swa_multi_avg_fn())
    for make in (get_ema_avg_fn, get_ema_multi_avg_fn):
        with pytest.raises(ValueError, match="Invalid decay value 1.5"):
            make(1.5)
    with pytest.raises(RuntimeError, match="cuda"):
        AveragedModel(nn.Linear(1, 1), device="cuda")

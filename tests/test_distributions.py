"""Distributions: what their samples are like, and that densities, entropies and divergences agree with the samples."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.distributions import Bernoulli, Categorical, Distribution, Normal, Uniform, kl_divergence, register_kl

N = 40_000
ONES = {
    "normal": lambda: Normal(1.5, 2.0),
    "uniform": lambda: Uniform(-1.0, 3.0),
    "bernoulli": lambda: Bernoulli(0.3),
    "categorical": lambda: Categorical(mg.tensor([1.0, 3.0, 0.0, 2.0])),
}


@pytest.mark.parametrize("name", ONES)
def test_samples(name):
    x = ONES[name]()
    drawn = x.sample((N,))
    assert drawn.shape == (N,)
    mg.manual_seed(5)
    again = x.sample((N,))
    mg.manual_seed(5)
    assert mg.equal(x.sample((N,)), again)
    values = drawn.numpy().astype(np.float64)
    if name == "categorical":
        assert np.allclose(np.bincount(drawn.numpy(), minlength=4) / N, x.probs.numpy(), atol=0.015)
    else:
        assert values.mean() == pytest.approx(x.mean.item(), abs=5 * x.stddev.item() / N**0.5)
        assert values.std() == pytest.approx(x.stddev.item(), rel=0.02)
    # the entropy is the mean of -log p, whatever the distribution
    assert -x.log_prob(drawn).mean().item() == pytest.approx(x.entropy().item(), abs=0.02)


@pytest.mark.parametrize(
    ("p", "q"),
    [
        (Normal(0.0, 1.0), Normal(0.5, 1.5)),
        (Bernoulli(0.3), Bernoulli(0.6)),
        (Categorical(mg.tensor([1.0, 2.0, 3.0])), Categorical(mg.tensor([3.0, 2.0, 1.0]))),
        (Uniform(0.0, 1.0), Uniform(-1.0, 2.0)),
        (Uniform(0.0, 1.0), Normal(0.0, 1.0)),
    ],
)
def test_divergence_is_the_mean_of_the_difference(p, q):
    drawn = p.sample((N,))
    assert kl_divergence(p, q).item() == pytest.approx((p.log_prob(drawn) - q.log_prob(drawn)).mean().item(), abs=0.02)


def test_gradients_flow_through_rsample_alone():
    loc, scale = mg.tensor(0.5, requires_grad=True), mg.tensor([1.0, 2.0], requires_grad=True)
    x = Normal(loc, scale)
    drawn = x.rsample((3,))
    drawn.sum().backward()
    assert loc.grad.item() == 6
    assert np.allclose(scale.grad.numpy(), ((drawn - loc) / scale).sum(0).detach().numpy(), atol=1e-5)
    assert not x.sample().requires_grad
    for y in (Bernoulli(mg.tensor(0.5, requires_grad=True)), Categorical(mg.ones(2, requires_grad=True))):
        assert not y.sample().requires_grad
        assert y.log_prob(y.sample()).requires_grad
        with pytest.raises(NotImplementedError, match="rsample"):
            y.rsample()


def test_the_default_of_checks():
    Distribution.set_default_validate_args(False)
    try:
        assert Normal(0.0, mg.tensor([-1.0])).stddev.item() == -1
    finally:
        Distribution.set_default_validate_args(True)
    with pytest.raises(ValueError, match="scale"):
        Normal(0.0, mg.tensor([-1.0]))


def test_rules_are_found_by_the_closest_type():
    class Narrow(Normal):
        pass

    assert kl_divergence(Narrow(0.0, 1.0), Normal(0.0, 1.0)).item() == 0

    @register_kl(Narrow, Narrow)
    def narrow(p, q):
        return mg.tensor(7.0)

    assert kl_divergence(Narrow(0.0, 1.0), Narrow(0.0, 1.0)).item() == 7
    assert kl_divergence(Narrow(0.0, 1.0), Normal(0.0, 1.0)).item() == 0
    with pytest.raises(TypeError, match="subclass of Distribution"):
        register_kl(int, Normal)


def test_an_expanded_batch_shares_memory():
    x = Normal(mg.zeros(3), 1.0).expand((2, 3))
    assert (x.batch_shape, x.sample((4,)).shape) == ((2, 3), (4, 2, 3))
    assert x.loc.stride() == (0, 1)
    assert type(x) is Normal

"""Random Tensors: their distributions, dtypes and shapes, and that a generator decides them."""

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F

N = 40_000
LIKE = mg.zeros(N)

# what draws N numbers from a generator, their mean and standard deviation
DRAWS = {
    "rand": (lambda g: mg.rand(N, generator=g), 0.5, 12**-0.5),
    "randn": (lambda g: mg.randn(size=(N,), generator=g), 0, 1),
    "rand_like": (lambda g: mg.rand_like(LIKE, generator=g), 0.5, 12**-0.5),
    "randn_like": (lambda g: mg.randn_like(LIKE, generator=g), 0, 1),
    "randint": (lambda g: mg.randint(2, 6, (N,), generator=g), 3.5, 1.25**0.5),
    "randint_like": (lambda g: mg.randint_like(LIKE, 4, generator=g), 1.5, 1.25**0.5),
    "normal": (lambda g: mg.normal(2.0, 3.0, (N,), generator=g), 2, 3),
    "bernoulli": (lambda g: mg.bernoulli(LIKE + 0.3, generator=g), 0.3, 0.21**0.5),
    "bernoulli_": (lambda g: mg.zeros(N).bernoulli_(0.3, generator=g), 0.3, 0.21**0.5),
    "uniform_": (lambda g: mg.zeros(N).uniform_(-1, 3, generator=g), 1, 4 * 12**-0.5),
    "normal_": (lambda g: mg.zeros(N).normal_(2, 3, generator=g), 2, 3),
    "random_": (lambda g: mg.zeros(N).random_(2, 6, generator=g), 3.5, 1.25**0.5),
    "exponential_": (lambda g: mg.zeros(N).exponential_(2, generator=g), 0.5, 0.5),
    "geometric_": (lambda g: mg.zeros(N).geometric_(0.25, generator=g), 4, 12**0.5),
    "log_normal_": (lambda g: mg.zeros(N).log_normal_(0, 0.5, generator=g).log(), 0, 0.5),
    "cauchy_": (lambda g: mg.zeros(N).cauchy_(1, 2, generator=g).sub(1).div(2).atan(), 0, np.pi * 12**-0.5),
    "multinomial": (lambda g: mg.multinomial(mg.tensor([1.0, 0, 3]), N, True, generator=g), 1.5, 0.75**0.5),
}


@pytest.mark.parametrize("name", DRAWS)
def test_distribution(name):
    draw, mean, std = DRAWS[name]
    drawn = draw(mg.Generator().manual_seed(3))
    assert drawn.shape == (N,)
    values = drawn.numpy().astype(np.float64)
    assert values.mean() == pytest.approx(mean, abs=5 * std / N**0.5)
    assert values.std() == pytest.approx(std, rel=0.05)
    assert mg.equal(draw(mg.Generator().manual_seed(3)), drawn)
    assert not mg.equal(draw(mg.Generator().manual_seed(4)), drawn)


def test_whole_ranges():
    drawn = mg.zeros(1000, dtype=mg.uint8).random_()
    assert drawn.numpy().max() > 200
    big = mg.zeros(1000).random_()  # whole numbers that float32 holds exactly
    assert 2**23 < big.numpy().max() <= 2**24
    assert sorted(mg.randperm(7).tolist()) == list(range(7))
    assert mg.zeros(4, dtype=mg.int64).random_(3).numpy().max() < 3


def test_dtypes():
    assert mg.rand(2, dtype=mg.float64).dtype == mg.float64
    assert mg.randint(3, (2,)).dtype == mg.int64
    assert mg.randint_like(mg.ones(2, dtype=mg.int32), 3).dtype == mg.int32
    assert mg.normal(mg.zeros(2, dtype=mg.float64), 1.0).dtype == mg.float64
    with pytest.raises(RuntimeError, match="floating"):
        mg.rand(2, dtype=mg.int64)


def test_the_default_generator():
    mg.manual_seed(1)
    state = mg.get_rng_state()
    first = mg.rand(5)
    mg.set_rng_state(state)
    assert mg.equal(mg.rand(5), first)
    assert not mg.equal(mg.rand(5), first)


def test_gumbel_softmax_draws_from_the_softmax():
    mg.manual_seed(0)
    logits = mg.tensor([0.0, 1.0, 2.0]).expand(20_000, 3)
    hard = F.gumbel_softmax(logits, hard=True)
    assert set(hard.unique().tolist()) <= {0.0, 1.0}
    assert (hard.sum(1) == 1).all()
    assert np.allclose(hard.mean(0).numpy(), F.softmax(logits[0], 0).numpy(), atol=0.02)


def test_gumbel_softmax_has_the_gradient_of_the_soft_sample():
    logits = mg.randn(4, 3, requires_grad=True)
    grads = []
    for hard in (False, True):
        mg.manual_seed(5)
        sample = F.gumbel_softmax(logits, tau=0.7, hard=hard)
        grads.append(mg.autograd.grad((sample * mg.arange(3.0)).sum(), logits)[0].numpy())
    assert np.abs(grads[0]).max() > 1e-3
    assert np.allclose(*grads, atol=1e-6)
    with pytest.raises(IndexError, match="2"):
        F.gumbel_softmax(logits, dim=2)


@pytest.mark.parametrize("name", ["uniform_", "normal_", "exponential_", "log_normal_", "cauchy_"])
def test_integers_hold_no_fractions(name):
    x = mg.ones(3, dtype=mg.int64)
    with pytest.raises(NotImplementedError, match=name):
        getattr(x, name)()
    assert x.tolist() == [1, 1, 1]


def test_bernoulli_takes_a_probability_for_each_element():
    drawn = mg.zeros(2, 1000).bernoulli_(mg.tensor([[0.0], [1.0]]))
    assert drawn.sum(1).tolist() == [0.0, 1000.0]
    with pytest.raises(RuntimeError, match="in \\[0, 1\\]"):
        mg.zeros(2).bernoulli_(mg.tensor([0.5, 1.5]))


def test_random_integers_fit_their_dtype():
    assert set(mg.zeros(100, dtype=mg.bool).random_().tolist()) == {False, True}
    assert set(mg.zeros(1000, dtype=mg.uint8).random_(3).tolist()) == {0, 1, 2}
    assert mg.zeros(3000, dtype=mg.uint8).random_().max() == 255
    for wrong in ((0,), (0, 1000), (-1, 3), (5, 5)):
        with pytest.raises(RuntimeError, match="random_"):
            mg.zeros(3, dtype=mg.uint8).random_(*wrong)

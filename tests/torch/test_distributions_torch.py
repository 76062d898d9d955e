"""Distributions against PyTorch's: every method, its gradient, divergences, and what bad arguments raise."""

import numpy as np
import pytest

import minigrad

torch = pytest.importorskip("torch", minversion="2.2")

# how to make each kind from `t.tensor`, with values that samples may have
KINDS = {
    "normal": ("Normal(t([[0.5], [-1.0]]), t([1.0, 2.0, 0.3]))", [[0.1, -0.4, 2.0], [0.0, 1.0, -3.0]]),
    "normal, one a number": ("Normal(0.5, t([1.0, 2.0, 0.3]))", [0.1, -0.4, 2.0]),
    "uniform": ("Uniform(t([0.0, -1.0]), t([1.0, 2.5]))", [0.25, 2.0]),
    "bernoulli": ("Bernoulli(t([0.2, 0.5, 0.9]))", [1.0, 0.0, 1.0]),
    "bernoulli at its ends": ("Bernoulli(t([0.0, 1.0, 0.4]))", [0.0, 1.0, 0.0]),
    "bernoulli of logits": ("Bernoulli(logits=t([-3.0, 0.0, 30.0]))", [1.0, 0.0, 1.0]),
    "categorical": ("Categorical(t([[1.0, 2.0, 3.0], [4.0, 0.0, 1.0]]))", [2, 0]),
    "categorical of logits": ("Categorical(logits=t([[1.0, 2.0, 3.0], [4.0, -9.0, 1.0]]))", [1, 2]),
}
TESTED = (
    "x.log_prob(v)", "x.entropy()", "x.mean", "x.variance", "x.mode", "x.perplexity()", "x.stddev", "x.cdf(v)", "x.probs", "x.logits",
    "x.enumerate_support()", "x.enumerate_support(expand=False)", "x.expand((4, *x.batch_shape)).log_prob(v)",
    "x.expand((4, *x.batch_shape)).entropy()",
)  # fmt: skip


def made(library, line, dtype):
    """The distribution that `line` makes, and the Tensors that are its arguments."""
    leaves = []

    def t(data):
        leaves.append(library.tensor(data, dtype=getattr(library, dtype), requires_grad=True))
        return leaves[-1]

    return eval(line, {"t": t, **vars(library.distributions)}), leaves


def outcome(library, line, value, tested, dtype):
    """The result and the gradients of its sum; or the type of the error."""
    x, leaves = made(library, line, dtype)
    v = (
        library.tensor(value)
        if isinstance(np.ravel(value)[0], np.integer)
        else library.tensor(value).to(leaves[0].dtype)
    )
    try:
        result = eval(tested, {"x": x, "v": v})
    except (AttributeError, NotImplementedError) as error:
        return type(error)
    if result.requires_grad:
        result.sum().backward()
    grads = [np.zeros(leaf.shape) if leaf.grad is None else leaf.grad.numpy() for leaf in leaves]
    return [result.detach().numpy(), *grads]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("tested", TESTED)
@pytest.mark.parametrize("kind", KINDS)
def test_methods(kind, tested, dtype):
    ours, theirs = (outcome(library, *KINDS[kind], tested, dtype) for library in (minigrad, torch))
    if not isinstance(theirs, list):
        assert not isinstance(ours, list), f"{theirs} expected"
        return
    for a, b in zip(ours, theirs, strict=True):
        assert (a.shape, a.dtype.kind) == (b.shape, b.dtype.kind)
        np.testing.assert_allclose(
            a, b, rtol=1e-5 if dtype == "float32" else 1e-11, atol=1e-6 if dtype == "float32" else 1e-12
        )


@pytest.mark.parametrize("kind", KINDS)
def test_shapes(kind):
    (ours, _), (theirs, _) = (made(library, KINDS[kind][0], "float32") for library in (minigrad, torch))
    assert ours.batch_shape == theirs.batch_shape
    assert ours.event_shape == theirs.event_shape
    for shape in ((), (5,), (2, 3)):
        mine, yours = ours.sample(shape), theirs.sample(shape)
        assert mine.shape == yours.shape
        assert str(mine.dtype) == str(yours.dtype).removeprefix("torch.")
    bigger = (2, *theirs.batch_shape)
    assert ours.expand(bigger).sample((3,)).shape == theirs.expand(bigger).sample((3,)).shape


PAIRS = [
    ("Normal(t([0.5, -1.0]), t([1.0, 2.0]))", "Normal(t(0.0), t(1.5))"),
    ("Bernoulli(t([0.2, 0.7, 0.0, 1.0]))", "Bernoulli(t([0.6, 0.1, 0.5, 0.3]))"),
    ("Bernoulli(t([0.2, 0.7, 0.0, 1.0]))", "Bernoulli(t([0.0, 1.0, 0.0, 1.0]))"),
    ("Categorical(t([[1.0, 2.0, 1.0], [1.0, 0.0, 3.0]]))", "Categorical(logits=t([[0.5, 1.0, -1.0]]))"),
    ("Categorical(t([1.0, 2.0, 1.0]))", "Categorical(t([1.0, 0.0, 2.0]))"),
    ("Uniform(t([0.0, 0.0]), t([1.0, 2.0]))", "Uniform(t([-1.0, 0.5]), t([2.0, 3.0]))"),
    ("Uniform(t([0.0, 0.0]), t([1.0, 2.0]))", "Normal(t(0.3), t(2.0))"),
    ("Normal(t([0.0, 0.0]), t([1.0, 2.0]))", "Uniform(t(0.3), t(2.0))"),
    ("Normal(t([0.0, 0.0]), t([1.0, 2.0]))", "Bernoulli(t(0.3))"),
]


@pytest.mark.parametrize(("p", "q"), PAIRS)
def test_divergences(p, q):
    results = []
    for library in (minigrad, torch):
        (x, one), (y, two) = made(library, p, "float64"), made(library, q, "float64")
        try:
            result = library.distributions.kl_divergence(x, y)
        except NotImplementedError as error:
            results.append(str(error))
            continue
        if result.requires_grad:
            result.sum().backward()
        grads = [0 if leaf.grad is None else leaf.grad.numpy() for leaf in (*one, *two)]
        results.append([result.detach().numpy(), *grads])
    ours, theirs = results
    if isinstance(theirs, str):
        assert ours.startswith("No KL(p || q) is implemented")
        return
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12)


WRONG = [
    "Normal(t([0.0]), t([-1.0]))",
    "Normal(t([float('nan')]), 1.0)",
    "Normal('a', 1.0)",
    "Normal(0.0, -1)",
    "Bernoulli(t([0.5]), t([0.5]))",
    "Bernoulli()",
    "Bernoulli(t([1.5]))",
    "Bernoulli(logits=t([float('nan')]))",
    "Categorical(t(1.0))",
    "Categorical(t([-1.0, 3.0]))",
    "Categorical(t([0.0, 0.0]))",
    "Categorical(logits=t([float('nan'), 0.0]))",
    "Categorical(logits=t(0.0))",
    "Uniform(t([1.0]), t([1.0]))",
    "Normal(0.0, 1.0).log_prob(2.0)",
    "Normal(t([0.0, 1.0]), 1.0).log_prob(t([1.0, 2.0, 3.0]))",
    "Normal(t([0.0, 1.0]), 1.0).log_prob(t([1.0, float('nan')]))",
    "Bernoulli(t([0.5])).log_prob(t([0.5]))",
    "Categorical(t([0.5, 0.5])).log_prob(t([2.0]))",
    "Categorical(t([0.5, 0.5])).log_prob(t([0.5]))",
    "Uniform(t([0.0]), t([1.0])).log_prob(t([2.0]))",
    "Bernoulli(t([0.5])).rsample()",
    "Categorical(t([0.5])).rsample()",
    "Normal(t([0.0, 1.0]), 1.0).expand((3,))",
    "Normal(0.0, 1.0).enumerate_support()",
    "kl_divergence(Normal(0.0, 1.0), Categorical(t([1.0])))",
    "Distribution.set_default_validate_args(2)",
]


@pytest.mark.parametrize("line", WRONG)
def test_errors(line):
    errors = []
    for library in (minigrad, torch):
        with pytest.raises(Exception) as caught:  # noqa: PT011 - the comparison is what follows
            made(library, line, "float32")
        errors.append(caught.value)
    assert type(errors[0]) is type(errors[1])
    for part in (
        "Expected parameter",
        "Expected value argument",
        "to satisfy the constraint",
        "be within the support",
        "No KL",
    ):
        assert (part in str(errors[0])) == (part in str(errors[1]))


def test_unchecked_arguments():
    for library in (minigrad, torch):
        x = library.distributions.Normal(0.0, library.tensor([-1.0]), validate_args=False)
        assert x.log_prob(library.tensor([0.0])).isnan().all()
        assert x.expand((2,)).log_prob(library.tensor(float("nan"))).shape == (2,)

"""Alpha dropout in training beside PyTorch's, whose mask is read off its result."""

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad.ops.dropout_base import keep_mask
from minigrad.ops.dropout_family import ALPHA

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("p", [0.2, 0.5, 0.9])
@pytest.mark.parametrize(("name", "shape"), [("alpha_dropout", (40, 50)), ("feature_alpha_dropout", (40, 50, 3))])
def test_alpha_dropout(name, shape, p):
    x = np.random.default_rng(0).standard_normal(shape)
    torch.manual_seed(0)
    theirs = getattr(torch.nn.functional, name)(torch.from_numpy(x), p, True).numpy()
    ours = getattr(F, name)(mg.from_numpy(x), p, True, generator=mg.Generator().manual_seed(0)).numpy()
    kept = np.broadcast_to(
        keep_mask(shape[:2], p, mg.Generator().manual_seed(0), "test").reshape(40, 50, *[1] * (len(shape) - 2)), shape
    )
    dropped = ours[~kept][0]  # what a dropped element becomes
    their_mask = ~np.isclose(theirs, dropped, rtol=1e-8, atol=1e-8)
    assert abs(their_mask.mean() - (1 - p)) < 0.1
    a = (1 - p + p * (1 - p) * ALPHA**2) ** -0.5
    for y, mask in ((theirs, their_mask), (ours, kept)):
        np.testing.assert_allclose(y, a * np.where(mask, x, ALPHA) - a * p * ALPHA, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("name", ["AlphaDropout", "FeatureAlphaDropout"])
def test_arguments_are_those_of_pytorch(name):
    ours, theirs = getattr(mg.nn, name)(0.3, True), getattr(torch.nn, name)(0.3, True)
    assert repr(ours) == repr(theirs)
    assert (ours.p, ours.inplace) == (theirs.p, theirs.inplace)

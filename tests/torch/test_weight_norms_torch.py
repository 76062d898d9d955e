"""Weight and spectral norm: PyTorch's states, weights and gradients."""

import warnings

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn

torch = pytest.importorskip("torch", minversion="2.9")

LAYERS = {
    "linear": (lambda nn: nn.Linear(5, 3), (4, 5)),
    "conv": (lambda nn: nn.Conv2d(2, 3, 3), (2, 2, 5, 5)),
    "transposed": (lambda nn: nn.ConvTranspose2d(2, 3, 3), (2, 2, 5, 5)),
}
NORMS = {
    "weight": lambda lib, layer: lib.nn.utils.weight_norm(layer),
    "weight of axis 1": lambda lib, layer: lib.nn.utils.weight_norm(layer, dim=1),
    "weight of all": lambda lib, layer: lib.nn.utils.weight_norm(layer, dim=None),
    "spectral": lambda lib, layer: lib.nn.utils.spectral_norm(layer, n_power_iterations=2),
}


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("norm", NORMS)
def test_as_pytorch(layer, norm):
    make, shape = LAYERS[layer]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        theirs = NORMS[norm](torch, make(torch.nn)).double()
    ours = NORMS[norm](mg, make(nn)).double()
    state = {key: value.numpy() for key, value in theirs.state_dict().items()}
    assert {key: value.shape for key, value in state.items()} == {
        k: tuple(v.shape) for k, v in ours.state_dict().items()
    }
    ours.load_state_dict(state)
    x = np.random.default_rng(0).standard_normal(shape)
    for training in (True, True, False):
        outs = []
        for lib, module in ((torch, theirs), (mg, ours)):
            module.train(training)
            module.zero_grad()
            out = module(lib.tensor(x))
            (out * out).sum().backward()
            outs.append([out.detach().numpy(), module.weight.detach().numpy()])
        for theirs_, ours_ in zip(*outs, strict=True):
            np.testing.assert_allclose(ours_, theirs_, rtol=1e-9, atol=1e-12)
        grads = {name: p.grad.numpy() for name, p in theirs.named_parameters()}
        for name, p in ours.named_parameters():
            np.testing.assert_allclose(p.grad.numpy(), grads[name], rtol=1e-8, atol=1e-10)
    for name in ("u", "v") if norm == "spectral" else ():
        np.testing.assert_allclose(getattr(ours, f"weight_{name}").numpy(), getattr(theirs, f"weight_{name}").numpy())


@pytest.mark.parametrize("kind", ["weight_norm", "spectral_norm"])
def test_taken_away_again(kind):
    layer = nn.Linear(3, 2)
    before = list(layer.state_dict())
    getattr(nn.utils, kind)(layer)
    with pytest.raises(RuntimeError, match=f"two {kind} hooks"):
        getattr(nn.utils, kind)(layer)
    x = mg.ones(1, 3)
    layer.eval()
    out = layer(x)
    getattr(nn.utils, f"remove_{kind}")(layer)
    assert sorted(layer.state_dict()) == sorted(before)
    assert mg.allclose(layer(x), out)
    with pytest.raises(ValueError, match="not found"):
        getattr(nn.utils, f"remove_{kind}")(layer)

"""Modules, states and Tensors copied from PyTorch and to it: the same outputs, gradients, sharing, dtypes and modes."""

import copy
import sys

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.interop import from_torch, to_torch

torch = pytest.importorskip("torch")

IMAGES, SIGNAL, WORDS = (2, 4, 9, 8), (2, 4, 11), "words"
LAYERS = {
    "Linear": (lambda nn: nn.Linear(8, 5, bias=False), IMAGES),
    "Conv1d": (lambda nn: nn.Conv1d(4, 6, 3, 2, "valid", dilation=2, padding_mode="circular"), SIGNAL),
    "Conv2d": (lambda nn: nn.Conv2d(4, 6, (3, 2), (2, 1), (1, 0), 2, 2, False, "reflect"), IMAGES),
    "ConvTranspose2d": (lambda nn: nn.ConvTranspose2d(4, 6, 3, 2, 1, 1, 2, True, 1), IMAGES),
    "BatchNorm2d": (lambda nn: nn.BatchNorm2d(4, 1e-3, None), IMAGES),
    "BatchNorm1d": (lambda nn: nn.BatchNorm1d(4, affine=False, track_running_stats=False), SIGNAL),
    "LayerNorm": (lambda nn: nn.LayerNorm((9, 8), 1e-3, bias=False), IMAGES),
    "Embedding": (lambda nn: nn.Embedding(7, 3, padding_idx=2, max_norm=1.5, scale_grad_by_freq=True), WORDS),
    "MaxPool2d": (lambda nn: nn.MaxPool2d(3, 2, 1, ceil_mode=True), IMAGES),
    "AvgPool2d": (lambda nn: nn.AvgPool2d(3, 2, 1, count_include_pad=False, divisor_override=5), IMAGES),
    "AdaptiveAvgPool2d": (lambda nn: nn.AdaptiveAvgPool2d((3, None)), IMAGES),
    "Flatten": (lambda nn: nn.Flatten(2), IMAGES),
    "Unflatten": (lambda nn: nn.Unflatten(1, (2, 2)), IMAGES),
    "Identity": (lambda nn: nn.Identity(5, why="not"), IMAGES),
    "LeakyReLU": (lambda nn: nn.LeakyReLU(0.3), IMAGES),
    "ELU": (lambda nn: nn.ELU(0.5), IMAGES),
    "Hardtanh": (lambda nn: nn.Hardtanh(-0.3, 0.4), IMAGES),
    "GELU": (lambda nn: nn.GELU("tanh"), IMAGES),
    "Softplus": (lambda nn: nn.Softplus(2.0, 3.0), IMAGES),
    "Softmax": (lambda nn: nn.Softmax(1), IMAGES),
    "Dropout": (lambda nn: nn.Dropout(0.0), IMAGES),
    "all without arguments": (
        lambda nn: nn.Sequential(
            nn.ReLU(), nn.Tanh(), nn.SiLU(), nn.Mish(), nn.LogSigmoid(), nn.ReLU6(), nn.Softsign()
        ),
        IMAGES,
    ),
}


def values(shape):
    rng = np.random.default_rng(0)
    return rng.integers(0, 7, (3, 4)) if shape == WORDS else rng.standard_normal(shape).astype(np.float32)


def results(module, tensor, x):
    given = tensor(x, requires_grad=x.dtype.kind == "f")
    out = module(given)
    if out.requires_grad:
        (out * out).sum().backward()
    grads = [p.grad for p in module.parameters()] + ([given.grad] if given.requires_grad else [])
    return [out.detach().numpy(), *(g.numpy() for g in grads if g is not None)]


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("training", [True, False])
def test_layers(name, training):
    make, shape = LAYERS[name]
    torch.manual_seed(0)
    theirs = make(torch.nn).train(training)
    for p in theirs.parameters():
        torch.nn.init.normal_(p, 0.3, 0.5)
    ours = from_torch(theirs)
    assert ours.training is training
    assert list(ours.state_dict()) == list(theirs.state_dict())
    back = to_torch(ours)
    assert repr(back) == repr(theirs)
    nets = ((ours, mg.tensor), (theirs, torch.tensor), (back, torch.tensor))
    found = [results(module, tensor, values(shape)) for module, tensor in nets]
    for mine, other, again in zip(*found, strict=True):
        np.testing.assert_allclose(mine, other, rtol=2e-4, atol=2e-5)
        np.testing.assert_array_equal(other, again)


def test_every_layer_that_both_have_is_copied_or_says_why_not():
    """From minigrad's constructor with the fewest arguments: repr says what the copy was made with."""
    first = {"Linear": (3, 2), "Flatten": (), "Unflatten": (1, (2, 2)), "Embedding": (4, 3), "LayerNorm": (3,)}
    first |= dict.fromkeys(("MultiheadAttention", "TransformerEncoderLayer", "TransformerDecoderLayer"), (4, 2))
    first["Transformer"] = (4, 2, 1, 1)
    tried = []
    for name in nn.__all__:
        kind = getattr(nn, name)
        if not (isinstance(kind, type) and issubclass(kind, nn.Module) and hasattr(torch.nn, name)):
            continue
        if name == "Module" or name.startswith("Lazy"):
            continue
        for args in (first[name],) if name in first else ((), (4,), (2, 4), (4, 6, 3)):
            try:
                module = kind(*args)
            except (TypeError, ValueError):
                continue
            assert type(to_torch(module)) is getattr(torch.nn, name)
            assert type(from_torch(to_torch(module))) is kind
            assert repr(from_torch(to_torch(module))) == repr(module)
            tried.append(name)
            break
    assert len(tried) >= 45


def test_the_copy_is_a_copy():
    theirs = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    ours = from_torch(theirs)
    with mg.no_grad():
        ours[0].weight.fill_(7.0)
        ours[1].running_mean.fill_(7.0)
    assert not (theirs[0].weight == 7).any()
    assert not (theirs[1].running_mean == 7).any()


def test_dtypes_modes_sharing_and_names():
    shared = torch.nn.Linear(3, 3).double()
    act = torch.nn.ReLU()
    theirs = torch.nn.ModuleDict(
        {
            "a": torch.nn.Sequential(shared, act, shared, act),
            "b": torch.nn.ModuleList([torch.nn.Linear(3, 3), torch.nn.Dropout(0.2).eval()]),
        }
    )
    theirs["b"][0].weight = shared.weight  # tied, as the two ends of a language model
    theirs["b"][0].bias.requires_grad_(False)
    ours = from_torch(theirs)
    for net in (ours, to_torch(ours)):
        assert net["a"][0] is net["a"][2]
        assert net["b"][0].weight is net["a"][0].weight
        assert (net["b"][0].bias.requires_grad, net["b"][0].weight.requires_grad) == (False, True)
        assert (net["b"][1].training, net["b"][0].training) == (False, True)
        assert str(net["a"][0].weight.dtype).endswith("float64")
        assert str(net["b"][0].bias.dtype).endswith("float32")
        assert len(list(net.parameters())) == len(list(theirs.parameters()))


def test_losses():
    weight = torch.tensor([0.5, 2.0, 1.0])
    theirs = torch.nn.CrossEntropyLoss(weight, ignore_index=2, label_smoothing=0.1, reduction="sum")
    ours = from_torch(theirs)
    logits, labels = np.random.default_rng(0).standard_normal((4, 3)), np.array([0, 2, 1, 1])
    theirs = theirs.double()
    expected = theirs(torch.tensor(logits), torch.tensor(labels)).item()
    assert ours.double()(mg.tensor(logits), mg.tensor(labels)).item() == pytest.approx(expected)
    assert type(to_torch(nn.MSELoss())) is torch.nn.MSELoss


def test_states_of_nets_and_optimizers():
    class Theirs(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden = torch.nn.Linear(3, 4)
            self.out = torch.nn.Linear(4, 2)

        def forward(self, x):
            return self.out(torch.tanh(self.hidden(x)))

    class Ours(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden = nn.Linear(3, 4)
            self.out = nn.Linear(4, 2)

        def forward(self, x):
            return self.out(mg.tanh(self.hidden(x)))

    theirs, ours = Theirs(), Ours()
    x = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
    with pytest.raises(
        TypeError, match=r"Theirs is no class of torch.nn. Write the net with minigrad.nn.*load_state_dict"
    ):
        from_torch(theirs)
    with pytest.raises(TypeError, match="Ours is no class of minigrad.nn"):
        to_torch(ours)
    optimizers = torch.optim.Adam(theirs.parameters()), mg.optim.Adam(ours.parameters())
    for _ in range(3):
        optimizers[0].zero_grad()
        (theirs(torch.tensor(x)) ** 2).sum().backward()
        optimizers[0].step()
    ours.load_state_dict(from_torch(theirs.state_dict()))
    optimizers[1].load_state_dict(from_torch(optimizers[0].state_dict()))
    for net, optimizer, tensor in ((theirs, optimizers[0], torch.tensor), (ours, optimizers[1], mg.tensor)):
        optimizer.zero_grad()
        (net(tensor(x)) ** 2).sum().backward()
        optimizer.step()
    np.testing.assert_allclose(ours.out.weight.detach().numpy(), theirs.out.weight.detach().numpy(), atol=1e-6)
    back = copy.deepcopy(theirs)
    back.load_state_dict(to_torch(ours.state_dict()))
    other = torch.optim.Adam(back.parameters())
    other.load_state_dict(to_torch(optimizers[1].state_dict()))
    assert other.state[back.out.weight]["step"] == 4


def test_tensors():
    for value in (np.arange(6.0).reshape(2, 3), np.float32(2.5), np.array([True, False]), np.zeros((0, 2), np.int32)):
        theirs = torch.tensor(value)
        ours = from_torch(theirs)
        assert isinstance(ours, mg.Tensor)
        assert str(theirs.dtype) == f"torch.{ours.dtype}"
        np.testing.assert_array_equal(to_torch(ours).numpy(), theirs.numpy())
    assert from_torch(torch.ones(2, requires_grad=True)).requires_grad
    assert isinstance(from_torch(torch.nn.Parameter(torch.ones(2))), nn.Parameter)
    assert isinstance(to_torch(nn.Parameter(mg.ones(2), requires_grad=False)), torch.nn.Parameter)
    transposed = from_torch(torch.arange(6).reshape(2, 3).t())
    assert transposed.tolist() == [[0, 3], [1, 4], [2, 5]]
    with pytest.raises(TypeError, match=r"no dtype torch.bfloat16"):
        from_torch(torch.ones(2, dtype=torch.bfloat16))
    with pytest.raises(TypeError, match=r"copies modules, Tensors and states of torch, not a minigrad.tensor.Tensor"):
        from_torch(mg.ones(2))


def test_what_pytorch_has_not():
    with pytest.raises(TypeError, match=r"to_torch: torch.nn has no DropBlock2d"):
        to_torch(nn.Sequential(nn.ReLU(), nn.DropBlock2d(0.1, 3)))
    with pytest.raises(TypeError, match=r"from_torch: minigrad.nn has no FractionalMaxPool2d"):
        from_torch(torch.nn.FractionalMaxPool2d(2, output_size=1))
    with pytest.raises(TypeError, match="LazyLinear"):
        from_torch(torch.nn.LazyLinear(3))


def test_without_pytorch(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match="needs PyTorch: pip install torch"):
        to_torch(nn.ReLU())


def test_packed_sequences_stay_packed():
    theirs = torch.nn.utils.rnn.pack_sequence([torch.ones(2), torch.arange(3.0)], enforce_sorted=False)
    ours = from_torch(theirs)
    assert isinstance(ours, nn.utils.rnn.PackedSequence)
    back = to_torch(ours)
    assert isinstance(back, torch.nn.utils.rnn.PackedSequence)
    for a, b, c in zip(theirs, ours, back, strict=True):
        assert a.tolist() == b.tolist() == c.tolist()


def test_no_activation_is_taken_for_another():
    def gelu(x):
        return torch.nn.functional.gelu(x, approximate="tanh")

    for activation in (gelu, torch.nn.functional.silu):
        with pytest.raises(TypeError, match="activation has to be"):
            from_torch(torch.nn.TransformerEncoderLayer(4, 2, 8, activation=activation))
    for activation in (torch.relu, torch.nn.functional.relu, torch.nn.functional.gelu, "gelu", torch.nn.GELU("tanh")):
        theirs = torch.nn.TransformerEncoderLayer(4, 2, 8, activation=activation).eval()
        x = torch.randn(3, 2, 4)
        ours = from_torch(theirs)
        for again in (ours, from_torch(to_torch(ours))):
            assert np.allclose(again(from_torch(x)).detach().numpy(), theirs(x).detach().numpy(), atol=1e-5)


def test_a_projection_is_refused_by_a_type_error():
    with pytest.raises(TypeError, match="proj_size=2"):
        from_torch(torch.nn.LSTM(3, 4, proj_size=2))

"""Attention, MultiheadAttention and Transformers against PyTorch's: values, gradients, masks, layouts, state, initial values."""

import itertools
import warnings
from functools import partial

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.interop import from_torch, to_torch
from minigrad.nn import functional as F
from minigrad.testing import compare_with_torch

torch = pytest.importorskip("torch", minversion="2.4")

ATTEND = torch.nn.functional.scaled_dot_product_attention
SOURCE, TARGET = (5, 3, 8), (4, 3, 8)


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def both(function, theirs, ours, *arrays):
    """Outputs and gradients by PyTorch and by minigrad, from a random gradient of each output."""
    results = []
    for call, tensor in ((theirs, torch.tensor), (ours, mg.tensor)):
        given = [tensor(x, requires_grad=x.dtype.kind == "f") for x in arrays]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outs = [out for out in function(call, *given) if out is not None]
        (sum((out * tensor(draw(*out.shape, seed=9))).sum() for out in outs)).backward()
        grads = [x.grad for x in given] + [p.grad for p in getattr(call, "parameters", list)()]
        results.append([x.detach().numpy() for x in (*outs, *(g for g in grads if g is not None))])
    for theirs_, ours_ in zip(*results, strict=True):
        np.testing.assert_allclose(ours_, theirs_, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("mask", ["none", "causal", "bools", "numbers", "padding", "blind"])
@pytest.mark.parametrize("shape", [(2, 3, 50, 70, 16, 8), (7, 130, 40, 5, 9)], ids=str)
def test_attention(shape, mask):
    *heads, queries, keys, features, values = shape
    arrays = [draw(*heads, n, m, seed=n + m) for n, m in ((queries, features), (keys, features), (keys, values))]
    options = {"is_causal": True} if mask == "causal" else {}
    if mask in ("bools", "blind"):
        seen = np.random.default_rng(1).random((queries, keys)) < 0.5
        seen[3] = mask == "bools"
        arrays.append(seen)
    elif mask == "numbers":
        arrays.append(draw(*heads, queries, keys, seed=5))
    elif mask == "padding":
        arrays.append(
            np.arange(keys) < np.arange(1, heads[0] + 1).reshape(-1, *[1] * (len(heads) + 1)) * keys // heads[0]
        )
    both(lambda f, *x: [f(*x, **options)], ATTEND, F.scaled_dot_product_attention, *arrays)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", ["q", "k", "v"])
def test_nan_and_infinity_go_where_they_go(place, value):
    arrays = {name: draw(2, 6, 4, seed=ord(name)).astype(np.float32) for name in "qkv"}
    arrays[place][1, 2, 1] = value
    found = F.scaled_dot_product_attention(*(mg.tensor(x) for x in arrays.values())).numpy()
    expected = ATTEND(*(torch.tensor(x) for x in arrays.values())).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_dropout_keeps_as_many_with_the_same_scale():
    """PyTorch's mask is another; its law is the same."""
    query = np.zeros((1, 1, 300, 4), np.float32)
    value = np.eye(300, dtype=np.float32)[None, None]
    mine = F.scaled_dot_product_attention(mg.tensor(query), mg.tensor(query), mg.tensor(value), dropout_p=0.3).numpy()
    theirs = ATTEND(torch.tensor(query), torch.tensor(query), torch.tensor(value), dropout_p=0.3).numpy()
    for weights in (mine, theirs):
        assert abs((weights > 0).mean() - 0.7) < 0.01
        np.testing.assert_allclose(weights[weights > 0], 1 / 300 / 0.7, rtol=1e-5)


LAYERS = {
    "plain": {},
    "no bias": {"bias": False},
    "added": {"add_bias_kv": True, "add_zero_attn": True},
    "other sizes": {"kdim": 6, "vdim": 5},
}


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("weights", ["none", "each", "mean"])
@pytest.mark.parametrize("masks", ["none", "attn", "padding", "both", "heads", "numbers", "causal"])
@pytest.mark.parametrize("name", LAYERS)
def test_multihead_attention(name, masks, weights, batch_first):
    torch.manual_seed(0)
    theirs = torch.nn.MultiheadAttention(8, 2, batch_first=batch_first, **LAYERS[name]).double()
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter, 0.1, 0.5)
    ours = from_torch(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert repr(from_torch(to_torch(ours))) == repr(ours)
    kdim, vdim = (LAYERS[name].get(key, 8) for key in ("kdim", "vdim"))
    arrays = [draw(4, 3, 8), draw(5, 3, kdim, seed=1), draw(5, 3, vdim, seed=2)]
    hidden = {
        "attn": np.random.default_rng(1).random((4, 5)) < 0.3,
        "heads": np.random.default_rng(1).random((6, 4, 5)) < 0.3,
        "numbers": draw(4, 5, seed=3),
        "causal": np.triu(np.ones((4, 5), bool), 1),
    }
    hidden["both"] = hidden["attn"]
    if batch_first:
        arrays = [x.swapaxes(0, 1).copy() for x in arrays]
    padding = np.array([[False] * 5, [False, True, False, False, True], [True, False, False, False, False]])

    def call(layer, query, key, value):
        tensor = torch.tensor if isinstance(query, torch.Tensor) else mg.tensor
        return layer(
            query,
            key,
            value,
            key_padding_mask=tensor(padding) if masks in ("padding", "both") else None,
            need_weights=weights != "none",
            attn_mask=tensor(hidden[masks]) if masks in hidden else None,
            average_attn_weights=weights == "mean",
            is_causal=masks == "causal",
        )

    both(call, theirs, ours, *arrays)


@pytest.mark.parametrize("shared", [1, 2], ids=["all three", "key and value"])
@pytest.mark.parametrize("batched", [True, False])
def test_multihead_attention_projects_what_is_shared_at_once(shared, batched):
    theirs = torch.nn.MultiheadAttention(8, 4).double()
    x, y = draw(5, 3, 8), draw(5, 3, 8, seed=1)
    arrays = [x, y][:shared] if batched else [x[:, 0].copy(), y[:, 0].copy()][:shared]
    both(lambda layer, *xs: layer(xs[0], xs[-1], xs[-1]), theirs, from_torch(theirs), *arrays)


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("activation", ["relu", "gelu", "module"])
def test_layers_and_stacks(norm_first, batch_first, activation):
    options = {"dropout": 0.0, "batch_first": batch_first, "norm_first": norm_first}
    options["activation"] = torch.nn.SiLU() if activation == "module" else activation
    layer = torch.nn.TransformerDecoderLayer(8, 2, 12, **options).double()
    theirs = torch.nn.TransformerDecoder(layer, 2, torch.nn.LayerNorm(8).double())
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter, 0.1, 0.5)
    ours = from_torch(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    kinds = [[type(m).__name__ for m in net.modules()] for net in (to_torch(ours), theirs)]
    assert kinds[0] == [kind for kind in kinds[1] if kind != "SiLU"]  # hidden in PyTorch's copies, which use ReLU
    mask = torch.nn.Transformer.generate_square_subsequent_mask(4).double()
    padding = np.array([[False] * 5, [False, True, False, False, True], [True, False, False, False, False]])

    def call(net, target, memory):
        tensor = torch.tensor if isinstance(target, torch.Tensor) else mg.tensor
        return [net(target, memory, tensor(mask.numpy()), memory_key_padding_mask=tensor(padding))]

    arrays = [draw(*TARGET), draw(*SOURCE, seed=1)]
    both(call, theirs, ours, *([x.swapaxes(0, 1).copy() for x in arrays] if batch_first else arrays))


@pytest.mark.parametrize("causal", [None, True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("batched", [True, False])
def test_the_whole_transformer(causal, bias, batched):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = torch.nn.Transformer(8, 2, 2, 1, 12, 0.0, norm_first=True, bias=bias).double()
    ours = from_torch(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    masks = [theirs.generate_square_subsequent_mask(n).numpy().astype(float) for n in (5, 4)]

    def call(net, source, target):
        tensor = torch.tensor if isinstance(source, torch.Tensor) else mg.tensor
        return [net(source, target, tensor(masks[0]), tensor(masks[1]), src_is_causal=causal, tgt_is_causal=causal)]

    arrays = [draw(*SOURCE), draw(*TARGET, seed=1)]
    both(call, theirs, ours, *(arrays if batched else [x[:, 0].copy() for x in arrays]))


@pytest.mark.parametrize(
    "make",
    [
        lambda nn: nn.MultiheadAttention(32, 4),
        lambda nn: nn.MultiheadAttention(32, 4, kdim=16, vdim=8, add_bias_kv=True),
        lambda nn: nn.TransformerEncoderLayer(32, 4, 48),
        lambda nn: nn.Transformer(32, 4, 1, 1, 48),
    ],
)
def test_initial_values_have_pytorchs_distributions(make):
    torch.manual_seed(0)
    mg.manual_seed(0)
    mine, theirs = dict(make(nn).named_parameters()), dict(make(torch.nn).named_parameters())
    assert list(mine) == list(theirs)
    for name, expected in theirs.items():
        found, expected = mine[name].numpy(force=True), expected.detach().numpy()
        assert found.shape == expected.shape
        if expected.std() == 0:
            np.testing.assert_array_equal(found, expected)
        else:
            assert found.std() == pytest.approx(expected.std(), rel=8 / found.size**0.5)
            if not name.startswith("bias_"):  # these are normal, the others within bounds
                assert np.abs(found).max() < 1.3 * np.abs(expected).max()


@pytest.mark.parametrize("name", ["encoder", "weights", "grouped"])
def test_compared_with_the_same_masks(name):
    """The mask inside of attention too; another mask would be far outside."""
    x = mg.randn(3, 6, 8)
    if name == "encoder":
        model = nn.TransformerEncoderLayer(8, 2, 12, 0.4, batch_first=True)
    elif name == "weights":
        model = nn.MultiheadAttention(8, 2, 0.4)
        x = (x, x, x)
    else:

        def attend(functional, x):
            query = x.view(3, 6, 4, 2).transpose(1, 2)
            key, value = x[:, None, :, :2], x[:, None, :, 2:4]
            return functional.scaled_dot_product_attention(query, key, value, dropout_p=0.4, enable_gqa=True)

        model, twin = partial(attend, nn.functional), partial(attend, torch.nn.functional)
        assert compare_with_torch(model, x, twin=twin, verbose=False)
        return
    assert compare_with_torch(model, x, verbose=False)


def test_what_cannot_be_told_is_refused():
    class Stack(nn.Module):
        def forward(self, x, **masks):
            return x

    own = nn.Transformer(8, 2, custom_encoder=Stack(), num_decoder_layers=1)
    with pytest.raises(TypeError, match="cannot be told"):
        to_torch(own)
    layer = nn.TransformerEncoderLayer(8, 2, 12, activation=F.silu)
    with pytest.raises(TypeError, match="activation has to be F.relu, F.gelu, or a module"):
        to_torch(layer)


def test_signatures_are_pytorchs():
    """Names, order and defaults of all arguments."""
    import inspect

    names = [name for name in nn.__all__ if name.startswith("Transformer")] + ["MultiheadAttention"]
    for name, method in itertools.product(names, ("__init__", "forward")):
        found, expected = (
            inspect.signature(getattr(getattr(library, name), method)).parameters for library in (nn, torch.nn)
        )
        assert list(found) == list(expected)
        for key, parameter in expected.items():
            if not callable(parameter.default) or parameter.default is inspect.Parameter.empty:
                assert found[key].default == parameter.default

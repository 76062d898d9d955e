"""Attention and Transformers without PyTorch: dropout inside, memory, second derivatives, layouts, modules, training."""

import subprocess
import sys

import numpy as np
import pytest

import minigrad
from minigrad import nn
from minigrad.nn import functional as F
from minigrad.ops.attention import Attention
from minigrad.ops.dropout import keep_threshold
from minigrad.testing import gradgradcheck


def normal(*shape, dtype=np.float64, seed=0):
    return minigrad.tensor(np.random.default_rng(seed).standard_normal(shape).astype(dtype), requires_grad=True)


def composed(query, key, value, p, generator, mask=None):
    """Dropout as an operation of its own, on the whole matrix of weights."""
    scores = query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5
    weights = F.softmax(scores if mask is None else scores + mask, -1)
    return F.dropout(weights, p, generator=generator) @ value


@pytest.mark.parametrize("offset", [0, 12_345])
@pytest.mark.parametrize("shape", [(2, 3, 70), (60,), (1, 1, 2, 3, 40)], ids=str)
def test_dropout_is_that_of_the_weights(shape, offset):
    """One call of the generator, from any place; what the mask keeps is what `F.dropout` keeps."""
    *heads, length = shape
    query, key, value = (normal(*heads, n, 8, seed=n) for n in (length, length + 5, length + 5))
    generator = minigrad.Generator().manual_seed(3).at(1, offset)
    expected = composed(query, key, value, 0.3, generator.at(1, offset))
    fused = F.scaled_dot_product_attention(query, key, value, dropout_p=0.3, generator=generator)
    np.testing.assert_allclose(fused.numpy(force=True), expected.numpy(force=True), rtol=1e-12, atol=1e-13)
    assert generator.call == 2


def test_what_takes_a_call_number():
    query, generator = normal(4, 5), minigrad.Generator().manual_seed(1)
    for p, calls in ((0.0, 0), (1.0, 0), (0.5, 1), (0.5, 2)):
        out = F.scaled_dot_product_attention(query, query, query, dropout_p=p, generator=generator)
        assert generator.call == calls
        assert bool(out.any()) == (p < 1)
    minigrad.manual_seed(1)
    first, second = (F.scaled_dot_product_attention(query, query, query, dropout_p=0.5) for _ in range(2))
    assert minigrad.equal(second, out)
    assert not minigrad.equal(first, second)


MEMORY = """
import resource, sys
import minigrad
from minigrad.nn import functional as F

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

def attend(length, mask):
    x = minigrad.randn(3, length, 8, requires_grad=True)
    F.scaled_dot_product_attention(*x.unbind(), mask, 0.1).sum().backward()

attend(64, None)
before = peak()
attend(8192, None)
attend(8192, minigrad.zeros(1, 8192))
attend(8192, minigrad.ones(8192, dtype=minigrad.bool))
print(peak() - before)
"""


def test_memory_is_linear_in_length():
    """Of the whole process: 8192 x 8192 weights would take 256 MiB."""
    pytest.importorskip("resource")
    found = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    assert 0 <= int(found.stdout) < 32 << 20


def test_gradients_of_gradients_are_those_of_the_definition():
    query, key, value, mask = normal(2, 3, 4), normal(2, 5, 4, seed=1), normal(2, 5, 3, seed=2), normal(3, 5, seed=3)
    draw = (9, 0, 0, keep_threshold(0.3))
    options = draw, True, 0.4

    def second(function):
        out = function(query, key, value, mask, *options)
        first = minigrad.autograd.grad((out * out).sum(), (query, key, value, mask), create_graph=True)
        return minigrad.autograd.grad(sum((g * g).sum() for g in first), (query, key, value, mask))

    for found, expected in zip(second(Attention.apply), second(Attention.definition), strict=True):
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-10, atol=1e-12)


def test_the_output_lies_as_the_query_does():
    """After a projection heads are inside of the length; joining them again costs no copy."""
    projected = normal(2, 6, 3 * 8)
    query, key, value = (part.view(2, 6, 4, 2).transpose(1, 2) for part in projected.split(8, 2))
    out = F.scaled_dot_product_attention(query, key, value)
    assert out.shape == (2, 4, 6, 2)
    assert out.transpose(1, 2).is_contiguous()
    out.sum().backward()
    assert projected.grad.shape == projected.shape


def test_pieces_give_the_gradient_of_the_whole():
    x, weight = normal(4, 10), normal(4, 10, seed=1).detach()
    first, second, third = x.split((3, 5, 2), 1)
    (first * weight[:, :3] + first).sum().backward(retain_graph=True)
    expected = np.zeros((4, 10))
    expected[:, :3] = weight.numpy()[:, :3] + 1
    np.testing.assert_array_equal(x.grad.numpy(), expected)
    (second.square().sum() + third.sum()).backward()
    expected[:, 3:8] = 2 * x.numpy(force=True)[:, 3:8]
    expected[:, 8:] = 1
    np.testing.assert_array_equal(x.grad.numpy(), expected)
    assert gradgradcheck(lambda x: [piece**3 for piece in x.chunk(3, 1)], (x,))


def test_an_output_changed_in_place_is_noticed():
    query = normal(4, 5)
    out = F.scaled_dot_product_attention(query, query, query)
    out *= 2
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.sum().backward()


def test_multihead_attention_has_one_dropout():
    """The weights that are shown are those that were used, and evaluation drops nothing."""
    layer = nn.MultiheadAttention(8, 2, dropout=0.5, bias=False)
    x = minigrad.randn(6, 3, 8)
    minigrad.manual_seed(1)
    shown, weights = layer(x, x, x, average_attn_weights=False)
    minigrad.manual_seed(1)
    hidden, none = layer(x, x, x, need_weights=False)
    assert none is None
    np.testing.assert_allclose(shown.numpy(force=True), hidden.numpy(force=True), atol=1e-6)
    assert weights.shape == (3, 2, 6, 6)
    assert 0.3 < float((weights == 0).float().mean()) < 0.7
    layer.eval()
    assert float(layer(x, x, x)[1].sum(-1).min()) == pytest.approx(1, abs=1e-5)


def test_layers_of_a_stack_are_copies():
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0)
    stack = nn.TransformerEncoder(layer, 3)
    assert len({id(parameter) for parameter in stack.parameters()}) == len(list(stack.parameters())) == 3 * 12
    assert minigrad.equal(stack.layers[0].linear1.weight, stack.layers[2].linear1.weight)
    assert stack.layers[0].linear1.weight is not layer.linear1.weight


@pytest.mark.parametrize("norm_first", [False, True])
def test_a_causal_decoder_sees_no_later_place(norm_first):
    net = nn.Transformer(8, 2, 1, 2, 16, 0.0, batch_first=True, norm_first=norm_first).eval()
    source, target = minigrad.randn(2, 5, 8), minigrad.randn(2, 7, 8)
    causal = nn.Transformer.generate_square_subsequent_mask(7)
    before = net(source, target, tgt_mask=causal)
    target = target.clone()
    target[:, 4:] *= -1.0
    after = net(source, target, tgt_mask=causal)
    assert minigrad.allclose(before[:, :4], after[:, :4], atol=1e-6)
    assert not minigrad.allclose(before[:, 4:], after[:, 4:], atol=1e-2)
    hinted = net(source, target, tgt_mask=causal, tgt_is_causal=True)
    masked = net(source, target, tgt_mask=causal, tgt_is_causal=False)
    assert minigrad.allclose(hinted, masked, atol=1e-6)


def test_padding_is_not_seen():
    layer = nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True)
    x, padding = minigrad.randn(2, 5, 8), minigrad.tensor([[False] * 5, [False] * 3 + [True] * 2])
    whole = layer(x, src_key_padding_mask=padding)
    assert minigrad.allclose(whole[1:, :3], layer(x[1:, :3]), atol=1e-5)


def test_a_transformer_learns_to_reverse():
    """Ten digits to their reverse: attention has to find each place."""
    minigrad.manual_seed(0)
    rng = np.random.default_rng(0)
    net = nn.TransformerEncoder(nn.TransformerEncoderLayer(32, 4, 64, 0.0, batch_first=True, norm_first=True), 2)
    table, places, head = nn.Embedding(10, 32), nn.Embedding(6, 32), nn.Linear(32, 10)
    parameters = [*net.parameters(), *table.parameters(), *places.parameters(), *head.parameters()]
    optimizer = minigrad.optim.Adam(parameters, lr=3e-3)
    losses = []
    for _ in range(150):
        digits = minigrad.tensor(rng.integers(0, 10, (32, 6)))
        logits = head(net(table(digits) + places(minigrad.arange(6))))
        loss = F.cross_entropy(logits.reshape(-1, 10), digits.flip(1).reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[:5]) > 2
    assert np.mean(losses[-5:]) < 0.3


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: nn.MultiheadAttention(8, 3), AssertionError, "divisible"),
        (lambda: nn.MultiheadAttention(0, 1), ValueError, "greater than 0"),
        (lambda: nn.TransformerEncoderLayer(8, 2, activation="tanh"), RuntimeError, "relu/gelu, not tanh"),
        (lambda: nn.MultiheadAttention(8, 2)(*[minigrad.ones(3, 2, 4)] * 3), AssertionError, "dimension of 8, but got 4"),
        (lambda: nn.TransformerEncoderLayer(8, 2)(minigrad.ones(3, 2, 8), is_causal=True), RuntimeError, "Need attn_mask"),
        (lambda: nn.Transformer(8, 2, 1, 1, 8)(minigrad.ones(3, 2, 8), minigrad.ones(3, 3, 8)), RuntimeError, "batch number"),
        (lambda: nn.Transformer(8, 2, 1, 1, 8)(minigrad.ones(3, 2, 4), minigrad.ones(3, 2, 8)), RuntimeError, "d_model"),
    ],
)  # fmt: skip
def test_bad_input(make, error, says):
    with pytest.raises(error, match=says):
        make()


@pytest.mark.parametrize("need_weights", [False, True])
@pytest.mark.parametrize("name", ["attn_mask", "key_padding_mask"])
def test_masks_of_another_floating_dtype_are_refused(name, need_weights):
    layer, x = nn.MultiheadAttention(4, 2), minigrad.ones(3, 3, 4)
    with pytest.raises(RuntimeError, match=f"Expected {name} dtype to be bool or to match query dtype"):
        layer(x, x, x, need_weights=need_weights, **{name: minigrad.zeros(3, 3, dtype=minigrad.float64)})

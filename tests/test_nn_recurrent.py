"""RNN, LSTM and GRU: gradients to the second order, dropout within and around, packed sequences, threads, bad input."""

import copy

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn.utils.rnn import (
    PackedSequence,
    pack_padded_sequence,
    pack_sequence,
    pad_packed_sequence,
    unpack_sequence,
)
from minigrad.testing import gradcheck, gradgradcheck

KINDS = {
    "RNN": nn.RNN,
    "relu": lambda *sizes, **options: nn.RNN(*sizes, nonlinearity="relu", **options),
    "LSTM": nn.LSTM,
    "GRU": nn.GRU,
}


@pytest.fixture(params=KINDS)
def kind(request):
    mg.manual_seed(0)
    return KINDS[request.param]


def states_of(result):
    """The states in what a layer returned, as a list."""
    return list(result[1]) if isinstance(result[1], tuple) else [result[1]]


def drawn_states(layer, *shape, dtype=mg.float64):
    """Random hx, tracked, and the Tensors in it."""
    tensors = [mg.randn(*shape, dtype=dtype, requires_grad=True) for _ in range(2 if layer.mode == "LSTM" else 1)]
    return (tuple(tensors) if layer.mode == "LSTM" else tensors[0]), tensors


@pytest.mark.parametrize("lengths", [(2, 2), (3, 1)], ids=str)
def test_gradients_of_both_orders(kind, lengths):
    layer = kind(2, 2, bidirectional=True, dtype=mg.float64)
    sizes = mg.tensor([sum(length > t for length in lengths) for t in range(lengths[0])])
    names = [name for name, _ in layer.named_parameters()]

    def run(x, *rest):
        count = len(rest) - len(names)
        hx = rest[0] if count == 1 else rest[:2]
        for name, weight in zip(names, rest[count:], strict=True):
            vars(layer)[name] = weight
        output, last = layer(PackedSequence(x, sizes), hx)
        return (output.data, *(last if isinstance(last, tuple) else (last,)))

    x = mg.randn(sum(lengths), 2, dtype=mg.float64, requires_grad=True)
    _, tensors = drawn_states(layer, 2, len(lengths), 2)
    weights = [parameter.detach().requires_grad_() for parameter in layer.parameters()]
    assert gradcheck(run, (x, *tensors, *weights))
    assert gradgradcheck(run, (x, *tensors, *weights))


def test_state_continues_a_sequence(kind):
    layer = kind(3, 4, num_layers=2, dtype=mg.float64)
    x = mg.randn(7, 2, 3, dtype=mg.float64)
    whole = layer(x)
    first = layer(x[:3])
    second = layer(x[3:], first[1])
    np.testing.assert_allclose(mg.cat([first[0], second[0]]).numpy(force=True), whole[0].numpy(force=True), atol=1e-14)
    for a, b in zip(states_of(second), states_of(whole), strict=True):
        np.testing.assert_allclose(a.numpy(force=True), b.numpy(force=True), atol=1e-14)


def test_packed_sequences_are_what_each_gives_alone(kind):
    layer = kind(3, 4, num_layers=2, bidirectional=True)
    sequences = [mg.randn(length, 3) for length in (2, 5, 1, 5)]
    output, last = layer(pack_sequence(sequences, enforce_sorted=False))
    for i, (sequence, found) in enumerate(zip(sequences, unpack_sequence(output), strict=True)):
        alone, state = layer(sequence)
        np.testing.assert_allclose(found.numpy(force=True), alone.numpy(force=True), atol=1e-6)
        for a, b in zip(states_of((None, last)), states_of((None, state)), strict=True):
            np.testing.assert_allclose(a[:, i].numpy(force=True), b.numpy(force=True), atol=1e-6)


def test_padding_has_no_influence_and_no_gradient(kind):
    layer = kind(2, 3)
    padded = mg.randn(4, 3, 2)
    padded[2:, 1] = mg.tensor(float("nan"))
    padded.requires_grad_()
    packed = pack_padded_sequence(padded, [4, 2, 4], enforce_sorted=False)
    output, _ = pad_packed_sequence(layer(packed)[0])
    output.sum().backward()
    assert np.isfinite(padded.grad.numpy()).all()
    assert not padded.grad.numpy()[2:, 1].any()
    assert not output.numpy(force=True)[2:, 1].any()


def results(layer, x, hx):
    """Outputs, states and all gradients, as arrays."""
    layer.zero_grad()
    x = x.detach().requires_grad_()
    result = layer(x, hx)
    tensors = [result[0], *states_of(result)]
    sum((tensor * tensor).sum() for tensor in tensors).backward()
    return [t.numpy(force=True) for t in (*tensors, x.grad, *(p.grad for p in layer.parameters()))]


@pytest.mark.parametrize("batch", [1, 20, 33])
def test_threads_change_no_bit(kind, batch):
    layer = kind(60, 96, num_layers=2, bidirectional=True)
    x, (hx, _) = mg.randn(15, batch, 60), drawn_states(layer, 4, batch, 96, dtype=mg.float32)
    before = mg.get_num_threads()
    try:
        found = []
        for threads in (1, 2, 3, 1):
            mg.set_num_threads(threads)
            found.append(results(layer, x, hx))
    finally:
        mg.set_num_threads(before)
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_dropout_between_layers(kind):
    """What two layers do one after the other, with `F.dropout` between them; none in eval mode, none at the end."""
    layers = kind(3, 4, num_layers=2, dropout=0.4, dtype=mg.float64)
    single = [kind(3, 4, dtype=mg.float64), kind(4, 4, dtype=mg.float64)]
    for k, layer in enumerate(single):
        layer.load_state_dict(
            {name[:-1] + "0": value for name, value in layers.state_dict().items() if name.endswith(str(k))}
        )
    x = mg.randn(5, 6, 3, dtype=mg.float64)
    mg.manual_seed(3)
    found = layers(x)
    mg.manual_seed(3)
    below = single[0](x)
    above = single[1](nn.functional.dropout(below[0], 0.4))
    np.testing.assert_allclose(found[0].numpy(force=True), above[0].numpy(force=True), atol=1e-14)
    for a, b, c in zip(states_of(found), states_of(below), states_of(above), strict=True):
        np.testing.assert_allclose(a.numpy(force=True), mg.cat([b, c]).numpy(force=True), atol=1e-14)
    layers.eval()
    np.testing.assert_array_equal(layers(x)[0].numpy(force=True), layers(x)[0].numpy(force=True))
    np.testing.assert_allclose(
        layers(x)[0].numpy(force=True), single[1](single[0](x)[0])[0].numpy(force=True), atol=1e-14
    )


def test_dropout_of_all_between_layers():
    layer = nn.GRU(3, 4, num_layers=2, dropout=1.0, bias=False)
    output, last = layer(mg.randn(5, 2, 3))
    assert not output.numpy(force=True).any()  # the upper layer saw zeros
    assert last[0].numpy(force=True).all()


def test_weight_drop(kind):
    """AWD-LSTM: one mask on the hidden weights for all steps, the raw weights learned through it."""
    layer = kind(3, 4, dtype=mg.float64)
    net = nn.WeightDrop(layer, "weight_hh_l0", p=0.5)
    raw, x = layer.weight_hh_l0, mg.randn(5, 2, 3, dtype=mg.float64)
    mg.manual_seed(5)
    output, _ = net(x)
    output.sum().backward()
    found = raw.grad.numpy().copy()
    assert layer.weight_hh_l0 is raw
    mg.manual_seed(5)
    twin = copy.deepcopy(layer)
    mask = nn.functional.dropout(mg.ones_like(raw), 0.5)
    with mg.no_grad():
        twin.weight_hh_l0.mul_(mask)
    twin.zero_grad()
    expected, _ = twin(x)
    expected.sum().backward()
    assert 0 < (mask == 0).sum() < mask.numel()
    np.testing.assert_array_equal(output.numpy(force=True), expected.numpy(force=True))
    np.testing.assert_allclose(found, (twin.weight_hh_l0.grad * mask).numpy(), atol=1e-15)
    mg.manual_seed(6)
    assert not np.array_equal(net(x)[0].numpy(force=True), output.numpy(force=True))
    np.testing.assert_array_equal(net.eval()(x)[0].numpy(force=True), layer(x)[0].numpy(force=True))


def test_added_dropout_drops_the_output_and_not_the_state(kind):
    net = nn.ModuleDict({"layer": kind(3, 50)})
    layer = net["layer"]
    x, packed = mg.randn(6, 2, 3), pack_sequence([mg.randn(4, 3), mg.randn(2, 3)])
    plain = layer(x)
    nn.add_dropout(net, 0.5, nn.RNNBase)
    output, state = layer(x)
    dropped = output.numpy(force=True) == 0
    assert 0.3 < dropped.mean() < 0.9
    np.testing.assert_allclose(output.numpy(force=True)[~dropped], 2 * plain[0].numpy(force=True)[~dropped], rtol=1e-6)
    for a, b in zip(states_of((None, state)), states_of(plain), strict=True):
        np.testing.assert_array_equal(a.numpy(force=True), b.numpy(force=True))
    assert 0.2 < (layer(packed)[0].data == 0).float().mean() < 0.95
    nn.remove_dropout(net)
    nn.add_dropout(net, 1.0, nn.RNNBase, before=True)
    np.testing.assert_array_equal(layer(x)[0].numpy(force=True), layer.eval()(x * 0)[0].numpy(force=True))


@pytest.mark.parametrize("options", [{}, {"batch_first": True}, {"bidirectional": True}], ids=str)
def test_the_output_may_be_written_to(kind, options):
    layer, x = kind(3, 4, **options), mg.randn(5, 2, 3)
    output, last = layer(x)
    kept = [state.numpy(force=True).copy() for state in states_of((None, last))]
    output.mul_(2.0)
    for a, b in zip(states_of((None, last)), kept, strict=True):
        np.testing.assert_array_equal(a.numpy(force=True), b)
    if layer.mode in ("LSTM", "GRU") or layer.bidirectional:
        output.sum().backward()
        doubled = layer.weight_hh_l0.grad.numpy().copy()
        layer.zero_grad()
        layer(x)[0].sum().backward()
        np.testing.assert_allclose(doubled, 2 * layer.weight_hh_l0.grad.numpy(), rtol=1e-5, atol=1e-6)
    else:  # its gradient needs the output
        with pytest.raises(RuntimeError, match="in-place|overwritten|modified"):
            output.sum().backward()


def test_the_state_of_a_cell_may_be_written_to():
    cell, x = nn.LSTMCell(3, 4), mg.randn(2, 3)
    h, c = cell(x)
    total = (c * c).sum()
    h.mul_(2.0)  # c lies elsewhere
    (total + h.sum()).backward()
    assert cell.weight_hh.grad is not None


def test_no_sequences(kind):
    layer = kind(3, 4, num_layers=2, bidirectional=True)
    x = mg.zeros(5, 0, 3, requires_grad=True)
    result = layer(x)
    assert result[0].shape == (5, 0, 8)
    assert all(state.shape == (4, 0, 4) for state in states_of(result))
    result[0].sum().backward()
    assert x.grad.shape == (5, 0, 3)
    assert not any(parameter.grad.numpy().any() for parameter in layer.parameters())


def test_backward_twice_and_a_leaf_used_twice(kind):
    layer, x = kind(3, 3, num_layers=2), mg.randn(4, 2, 3)
    output = layer(layer(x)[0])[0].sum()
    output.backward(retain_graph=True)
    once = [parameter.grad.numpy().copy() for parameter in layer.parameters()]
    output.backward()
    for parameter, grad in zip(layer.parameters(), once, strict=True):
        np.testing.assert_allclose(parameter.grad.numpy(), 2 * grad, rtol=1e-5, atol=1e-7)
    grads = [parameter.grad for parameter in layer.parameters()]
    assert len({grad.data_ptr() for grad in grads}) == len(grads)


def test_frozen_weights_and_inputs_get_no_gradient(kind):
    layer, x = kind(3, 4), mg.randn(4, 2, 3, requires_grad=True)
    layer.requires_grad_(False)
    layer(x)[0].sum().backward()
    assert all(parameter.grad is None for parameter in layer.parameters())
    assert x.grad.numpy().any()
    with mg.no_grad():
        assert layer(x)[0].grad_fn is None


def test_all_weights_follow_the_parameters(kind):
    layer = kind(3, 4, num_layers=2, bidirectional=True)
    layer.flatten_parameters()
    flat = [tensor for own in layer.all_weights for tensor in own]
    assert all(a is b for a, b in zip(flat, layer.parameters(), strict=True))
    layer.weight_hh_l1_reverse = nn.Parameter(mg.zeros_like(layer.weight_hh_l1_reverse))
    assert layer.all_weights[3][1] is layer.weight_hh_l1_reverse
    assert layer.double().all_weights[0][0].dtype == mg.float64


def test_what_is_refused():
    with pytest.raises(NotImplementedError, match="proj_size=2"):
        nn.LSTM(3, 4, proj_size=2)
    with pytest.raises(TypeError, match="pair"):
        nn.LSTM(3, 4)(mg.zeros(5, 2, 3), mg.zeros(1, 2, 4))
    with pytest.raises(TypeError, match="pair"):
        nn.LSTMCell(3, 4)(mg.zeros(2, 3), mg.zeros(2, 4))
    with pytest.raises(TypeError, match="a Tensor, got a tuple"):
        nn.GRU(3, 4)(mg.zeros(5, 2, 3), (mg.zeros(1, 2, 4),))
    layer = nn.GRU(3, 4, num_layers=2)
    layer.bias_hh_l1 = nn.Parameter(mg.zeros(4))
    with pytest.raises(RuntimeError, match=r"bias_hh_l1 has shape \[4\], expected \[12\]"):
        layer(mg.zeros(5, 2, 3))
    with pytest.raises(RuntimeError, match="float16"):
        nn.GRU(3, 4).half()(mg.zeros(5, 2, 3).half())
    with pytest.raises(RuntimeError, match="a length of 6 in an input of 5 steps"):
        pack_padded_sequence(mg.zeros(5, 2, 3), [6, 2])


@pytest.mark.parametrize("sizes", [[2, 3], [3, 3], [2, 2, 1, 0], []], ids=str)
def test_impossible_batch_sizes(sizes):
    packed = PackedSequence(mg.zeros(5, 3), mg.tensor(sizes, dtype=mg.int64))
    with pytest.raises(RuntimeError, match="batch_sizes"):
        nn.GRU(3, 4)(packed)
    with pytest.raises(RuntimeError, match="batch_sizes"):
        pad_packed_sequence(packed)


def test_a_packed_sequence_in_another_dtype():
    packed = pack_sequence([mg.ones(2, 3), mg.ones(3, 3)], enforce_sorted=False)
    wide = packed.double()
    assert wide.data.dtype == mg.float64
    assert wide.unsorted_indices is packed.unsorted_indices
    assert packed.float() is packed
    assert packed.to(mg.float32) is packed
    assert nn.GRU(3, 4, dtype=mg.float64)(wide)[0].data.dtype == mg.float64


def test_padded_sequences_have_the_dtype_of_the_first():
    whole, broken = mg.tensor([1, 2]), mg.tensor([0.5])
    assert nn.utils.rnn.pad_sequence([whole, broken]).dtype == mg.int64
    assert nn.utils.rnn.pad_sequence([broken, whole]).tolist() == [[0.5, 1.0], [0.0, 2.0]]

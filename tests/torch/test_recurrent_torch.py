"""RNN, LSTM and GRU, their cells and packed sequences against PyTorch's: values, gradients, errors."""

import warnings

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.interop import from_torch, to_torch
from minigrad.testing import compare_with_torch

torch = pytest.importorskip("torch")

KINDS = {"RNN": {}, "relu": {"nonlinearity": "relu"}, "LSTM": {}, "GRU": {}}
RAGGED = [[3, 5, 1, 5, 2], [5, 5, 3, 2, 1], [4, 4, 4], [1], [1, 7]]
TOLERANCE = {np.float32: 5e-5, np.float64: 1e-12}


def class_of(library, kind):
    return getattr(library.nn, "RNN" if kind == "relu" else kind)


def pair(kind, *sizes, dtype=np.float64, **options):
    """A layer of each library with the same weights."""
    theirs = class_of(torch, kind)(*sizes, dtype=torch.float64 if dtype == np.float64 else torch.float32,
                                   **KINDS[kind], **options)  # fmt: skip
    ours = class_of(mg, kind)(*sizes, dtype=dtype, **KINDS[kind], **options)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({name: value.numpy() for name, value in theirs.state_dict().items()})
    return ours, theirs


def both(rng, *shape, dtype=np.float64):
    """A tensor of each library with the same values, tracked."""
    values = rng.standard_normal(shape).astype(dtype)
    return mg.tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)


def flat(result):
    """The tensors in a result."""
    if isinstance(result, tuple | list):
        return [tensor for part in result for tensor in flat(part)]
    return [] if result is None else [result]


def assert_same(ours, theirs, inputs, layers, dtype=np.float64):
    """Results and gradients of all inputs and parameters are the same."""
    rng = np.random.default_rng(7)
    tolerance = TOLERANCE[dtype]
    total, other = mg.zeros((), dtype=dtype), torch.zeros((), dtype=layers[1].all_weights[0][0].dtype)
    for a, b in zip(flat(ours), flat(theirs), strict=True):
        assert a.shape == tuple(b.shape)
        np.testing.assert_allclose(a.numpy(force=True), b.detach().numpy(), atol=tolerance)
        if a.requires_grad:
            weights = rng.standard_normal(a.shape).astype(dtype)
            total, other = total + (a * mg.tensor(weights)).sum(), other + (b * torch.tensor(weights)).sum()
    total.backward()
    other.backward()
    for a, b in [*inputs, *zip(layers[0].parameters(), layers[1].parameters(), strict=True)]:
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), atol=10 * tolerance)


def states(kind, rng, *shape, dtype=np.float64):
    """hx for both libraries, and the tensors in it."""
    pairs = [both(rng, *shape, dtype=dtype) for _ in range(2 if kind == "LSTM" else 1)]
    mine, other = zip(*pairs, strict=True)
    return (mine, other) if kind == "LSTM" else (mine[0], other[0]), pairs


@pytest.mark.parametrize("given", [False, True], ids=["zeros", "hx"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("options", [{}, {"num_layers": 3}, {"bidirectional": True, "bias": False}, {"batch_first": True},
                                     {"num_layers": 2, "bidirectional": True, "batch_first": True}], ids=str)  # fmt: skip
@pytest.mark.parametrize("kind", KINDS)
def test_layers(kind, options, dtype, given):
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    layers = pair(kind, 3, 5, dtype=dtype, **options)
    x = both(rng, 6, 4, 3, dtype=dtype)
    batch = 6 if options.get("batch_first") else 4
    count = options.get("num_layers", 1) * (2 if options.get("bidirectional") else 1)
    hx, pairs = states(kind, rng, count, batch, 5, dtype=dtype) if given else ((None, None), [])
    assert_same(layers[0](x[0], hx[0]), layers[1](x[1], hx[1]), [x, *pairs], layers, dtype)


@pytest.mark.parametrize("given", [False, True], ids=["zeros", "hx"])
@pytest.mark.parametrize("kind", KINDS)
def test_one_sequence_without_a_batch(kind, given):
    rng = np.random.default_rng(1)
    for options in ({}, {"batch_first": True, "bidirectional": True}):
        layers = pair(kind, 3, 5, 2, **options)
        x = both(rng, 6, 3)
        count = 4 if "bidirectional" in options else 2
        hx, pairs = states(kind, rng, count, 5) if given else ((None, None), [])
        assert_same(layers[0](x[0], hx[0]), layers[1](x[1], hx[1]), [x, *pairs], layers)


@pytest.mark.parametrize("given", [False, True], ids=["zeros", "hx"])
@pytest.mark.parametrize("lengths", RAGGED, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_packed_sequences(kind, lengths, given):
    """From sequences through layers to padding, with gradients all the way."""
    rng = np.random.default_rng(2)
    layers = pair(kind, 3, 4, num_layers=2, bidirectional=True)
    inputs = [both(rng, length, 3) for length in lengths]
    hx, pairs = states(kind, rng, 4, len(lengths), 4) if given else ((None, None), [])
    results = []
    for side, library in enumerate((mg, torch)):
        rnn = library.nn.utils.rnn
        packed = rnn.pack_sequence([pair[side] for pair in inputs], enforce_sorted=False)
        output, last = layers[side](packed, hx[side])
        assert isinstance(output, rnn.PackedSequence)
        results.append(
            (packed, output, last, rnn.pad_packed_sequence(output, True, -2.0, 9), rnn.unpack_sequence(output))
        )
    assert_same(*results, [*inputs, *pairs], layers)


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("lengths", RAGGED, ids=str)
def test_packing(lengths, batch_first):
    values = np.random.default_rng(3).standard_normal((len(lengths), max(lengths) + 1, 2, 3))
    values = values if batch_first else values.swapaxes(0, 1)
    results = []
    for library in (mg, torch):
        rnn, x = library.nn.utils.rnn, library.tensor(values)
        packed = rnn.pack_padded_sequence(x, library.tensor(lengths), batch_first, enforce_sorted=False)
        results.append([packed, *(rnn.pad_packed_sequence(packed, flag) for flag in (False, True))])
        if lengths == sorted(lengths, reverse=True):
            packed = rnn.pack_padded_sequence(x, lengths, batch_first)
            assert packed.sorted_indices is None
            assert packed.unsorted_indices is None
            results[-1].append(packed)
    for a, b in zip(*map(flat, results), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_cells(kind, batched, bias):
    rng = np.random.default_rng(4)
    name = ("RNN" if kind == "relu" else kind) + "Cell"
    theirs = getattr(torch.nn, name)(3, 5, bias, **KINDS[kind]).double()
    ours = getattr(nn, name)(3, 5, bias, **KINDS[kind], dtype=mg.float64)
    assert repr(ours) == repr(theirs)
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    x = both(rng, *((4, 3) if batched else (3,)))
    hx, pairs = states(kind, rng, *((4, 5) if batched else (5,)))
    mine, other = ours(x[0], hx[0]), theirs(x[1], hx[1])
    for a, b in zip(flat(mine), flat(other), strict=True):
        assert a.shape == tuple(b.shape)
        np.testing.assert_allclose(a.numpy(force=True), b.detach().numpy(), atol=1e-13)
    again, against = ours(x[0], mine), theirs(x[1], other)
    sum((a * a).sum() for a in flat(again)).backward()
    sum((b * b).sum() for b in flat(against)).backward()
    for a, b in [x, *pairs, *zip(ours.parameters(), theirs.parameters(), strict=True)]:
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), atol=1e-12)
    nothing = ours(x[0]), theirs(x[1])
    for a, b in zip(*map(flat, nothing), strict=True):
        np.testing.assert_allclose(a.numpy(force=True), b.detach().numpy(), atol=1e-13)


@pytest.mark.parametrize("kind", KINDS)
def test_second_order_gradients(kind):
    rng = np.random.default_rng(5)
    layers = pair(kind, 2, 3, bidirectional=True)
    x = both(rng, 4, 2, 2)
    for library, layer, value in zip((mg, torch), layers, x, strict=True):
        output, _ = layer(value)
        (slope,) = library.autograd.grad((output * output).sum(), value, create_graph=True)
        (slope * slope).sum().backward()
    for a, b in [x, *zip(layers[0].parameters(), layers[1].parameters(), strict=True)]:
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), atol=1e-11)


def test_initial_values_have_the_same_distribution():
    mg.manual_seed(0)
    for kind in KINDS:
        for layer in (class_of(mg, kind)(40, 64, 2), class_of(mg, kind)(40, 64, 2, bias=False)):
            for parameter in layer.parameters():
                values = parameter.numpy(force=True)
                assert abs(values).max() <= 1 / 8
                assert abs(values).max() > 0.95 / 8
                assert abs(values.std() - 1 / 8 / np.sqrt(3)) < 0.01


ERRORS = {
    "rank": lambda m, layer: layer(m.zeros(5)),
    "features": lambda m, layer: layer(m.zeros(5, 2, 7)),
    "no steps": lambda m, layer: layer(m.zeros(0, 2, 3)),
    "dtype": lambda m, layer: layer(m.zeros(5, 2, 3).double()),
    "rank of hx": lambda m, layer: layer(m.zeros(5, 2, 3), m.zeros(2, 4)),
    "rank of hx, no batch": lambda m, layer: layer(m.zeros(5, 3), m.zeros(1, 2, 4)),
    "batch of hx": lambda m, layer: layer(m.zeros(5, 2, 3), m.zeros(1, 3, 4)),
    "dtype of hx": lambda m, layer: layer(m.zeros(5, 2, 3), m.zeros(1, 2, 4).double()),
    "units of hx": lambda m, layer: layer(m.zeros(5, 2, 3), m.zeros(1, 2, 5)),
    "packed features": lambda m, layer: layer(m.nn.utils.rnn.pack_sequence([m.zeros(3, 2)])),
    "packed sizes": lambda m, layer: layer(m.nn.utils.rnn.PackedSequence(m.zeros(5, 3), m.tensor([2, 2, 2]))),
    "projection": lambda m, layer: m.nn.GRU(3, 4, proj_size=2),
    "a large projection": lambda m, layer: m.nn.LSTM(3, 4, proj_size=4),
    "a negative projection": lambda m, layer: m.nn.LSTM(3, 4, proj_size=-1),
    "nonlinearity": lambda m, layer: m.nn.RNN(3, 4, nonlinearity="sin"),
    "a cell's nonlinearity": lambda m, layer: m.nn.RNNCell(3, 4, nonlinearity="sin")(m.zeros(1, 3)),
    "dropout": lambda m, layer: m.nn.GRU(3, 4, 2, dropout=1.5),
    "dropout of a bool": lambda m, layer: m.nn.GRU(3, 4, 2, dropout=True),
    "a float size": lambda m, layer: m.nn.LSTM(3.0, 4),
    "no units": lambda m, layer: m.nn.LSTM(3, 0),
    "no layers": lambda m, layer: m.nn.LSTM(3, 4, 0),
    "bias": lambda m, layer: m.nn.LSTM(3, 4, bias=1),
    "batch_first": lambda m, layer: m.nn.LSTM(3, 4, batch_first=1),
    "an unknown argument": lambda m, layer: m.nn.GRU(3, 4, projection=1),
    "mode": lambda m, layer: m.nn.RNNBase("XRNN", 3, 4),
    "a cell's rank": lambda m, layer: m.nn.GRUCell(3, 4)(m.zeros(2, 2, 3)),
    "a cell's features": lambda m, layer: m.nn.GRUCell(3, 4)(m.zeros(2, 2)),
    "a cell's hx": lambda m, layer: m.nn.GRUCell(3, 4)(m.zeros(2, 3), m.zeros(3, 4)),
    "a cell's dtype": lambda m, layer: m.nn.GRUCell(3, 4)(m.zeros(2, 3).double()),
    "lengths": lambda m, layer: m.nn.utils.rnn.pack_padded_sequence(m.zeros(5, 2, 3), [2]),
    "lengths in disorder": lambda m, layer: m.nn.utils.rnn.pack_padded_sequence(m.zeros(5, 2, 3), [2, 3]),
    "a length of 0": lambda m, layer: m.nn.utils.rnn.pack_padded_sequence(m.zeros(5, 2, 3), [2, 0]),
    "nothing to pack": lambda m, layer: m.nn.utils.rnn.pack_padded_sequence(m.zeros(5, 0, 3), []),
    "no sequences": lambda m, layer: m.nn.utils.rnn.pack_sequence([]),
    "one axis": lambda m, layer: m.nn.utils.rnn.pack_padded_sequence(m.zeros(5), [2, 1]),
    "total_length": lambda m, layer: m.nn.utils.rnn.pad_packed_sequence(
        m.nn.utils.rnn.pack_sequence([m.zeros(3, 2)]), total_length=2
    ),
}  # fmt: skip


@pytest.mark.parametrize("call", ERRORS.values(), ids=ERRORS.keys())
def test_errors_are_of_the_same_type(call):
    found = []
    for library in (mg, torch):
        with pytest.raises(Exception) as info:  # noqa: PT011 - which one is what is compared
            call(library, library.nn.GRU(3, 4))
        found.append(info.type)
    assert found[0] is found[1]


def test_one_layer_with_dropout_warns_as_there():
    found = []
    for library in (mg, torch):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            library.nn.GRU(3, 4, dropout=0.5)
        found.append([(w.category, str(w.message), w.filename == __file__) for w in caught])
    assert found[0][0][:2] == found[1][0][:2]
    assert found[0][0][2]


@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True, "batch_first": True, "dropout": 0.25},
                                     {"bias": False}], ids=str)  # fmt: skip
@pytest.mark.parametrize("kind", KINDS)
def test_copies_to_pytorch_and_back(kind, options):
    ours = class_of(mg, kind)(3, 4, **KINDS[kind], **options).eval()
    theirs = to_torch(ours)
    assert type(theirs) is class_of(torch, kind)
    assert theirs.mode == ours.mode
    assert theirs.dropout == ours.dropout
    x = np.random.default_rng(0).standard_normal((5, 2, 3)).astype(np.float32)
    expected = theirs(torch.tensor(x))[0].detach().numpy()
    for net in (ours, from_torch(theirs)):
        assert repr(net) == repr(theirs)
        np.testing.assert_allclose(net(mg.tensor(x))[0].numpy(force=True), expected, atol=1e-6)
    cell = getattr(nn, ("RNN" if kind == "relu" else kind) + "Cell")(3, 4, **KINDS[kind])
    assert repr(from_torch(to_torch(cell))) == repr(cell)
    np.testing.assert_array_equal(to_torch(cell).weight_hh.detach().numpy(), cell.weight_hh.numpy(force=True))


@pytest.mark.parametrize("options", [{}, {"bidirectional": True, "batch_first": True}], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_compared_with_the_same_masks_between_layers(kind, options):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = class_of(mg, kind)(3, 6, 3, dropout=0.4, dtype=mg.float64, **KINDS[kind], **options)
            self.drop = nn.Dropout(0.3)

        def forward(self, x):
            output, state = self.layer(x)
            return self.drop(output), state

    class Twin(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = class_of(torch, kind)(3, 6, 3, dropout=0.4, dtype=torch.float64, **KINDS[kind], **options)
            self.drop = torch.nn.Dropout(0.3)

        forward = Net.forward

    x = np.random.default_rng(0).standard_normal((5, 4, 3))
    report = compare_with_torch(Net(), x, twin=Twin(), verbose=False)
    assert report, str(report)
    assert report.masks == 3
    lone = class_of(mg, kind)(3, 6, 2, dropout=0.4, dtype=mg.float64, **KINDS[kind], **options)
    report = compare_with_torch(lone, x, verbose=False)
    assert report, str(report)
    assert report.masks == 1
    assert torch.nn.modules.rnn._VF is torch._VF

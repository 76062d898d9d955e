"""Recurrent cells with dropout: what is dropped, when a mask is shared, and what the states become, by their formulas.

Their gradients, types and replays are in test_dropout_weights.py; they are compared with PyTorch's in tests/torch.
"""

import math

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn

f64 = mg.float64


def seeded(seed=0):
    return mg.Generator().manual_seed(seed)


def bits(*tensors):
    return [t.numpy(force=True).tobytes() for t in tensors]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_step(cell, x, h, c, dx=1.0, dh=1.0, dg=1.0):
    """(h', c') and what they are without zoneout, in NumPy."""
    wi, wh, bi, bh = (p.numpy(force=True) for p in (cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh))
    i, f, g, o = np.split((x * dx) @ wi.T + bi + (h * dh) @ wh.T + bh, 4, 1)
    new = sigmoid(f) * c + sigmoid(i) * (np.tanh(g) * dg)
    return sigmoid(o) * np.tanh(new), new


def lstm(dropout):
    cell = nn.DropoutLSTMCell(3, 4, dtype=f64, dropout=dropout)
    rng = np.random.default_rng(0)
    return cell, rng.standard_normal((6, 2, 3)), rng.standard_normal((2, 4)), rng.standard_normal((2, 4))


def steps_of(cell, xs, h, c):
    """The states of all steps, by DropoutRNN's rule."""
    drawn, state, found = cell.begin(), (mg.tensor(h), mg.tensor(c)), []
    for x in xs:
        state = cell(mg.tensor(x), state, drawn)
        found.append([s.numpy(force=True) for s in state])
    return found


def test_gal_dropout_has_one_mask_for_all_steps():
    cell, xs, h, c = lstm(nn.GalDropout(0.5, p_hidden=0.25, generator=seeded(4)))
    found = steps_of(cell, xs, h, c)
    dx = F.dropout(mg.ones(2, 3, dtype=f64), 0.5, generator=seeded(4).at(0)).numpy()
    dh = F.dropout(mg.ones(2, 4, dtype=f64), 0.25, generator=seeded(4).at(1)).numpy()
    for x, (new_h, new_c) in zip(xs, found, strict=True):
        h, c = lstm_step(cell, x, h, c, dx, dh)
        np.testing.assert_allclose([new_h, new_c], [h, c], rtol=1e-12)
    drop = nn.GalDropout(0.5, generator=seeded())
    ones = mg.ones(20, 30)
    one, other = drop.begin(), drop.begin()
    assert bits(drop.on_input(ones, one)) == bits(drop.on_input(ones, one))
    masks = {
        *bits(
            drop.on_input(ones, one), drop.on_hidden(ones, one), drop.on_input(ones, other), drop.on_hidden(ones, other)
        )
    }
    assert len(masks) == 4  # x and h, and each sequence, have their own
    rows = drop.on_input(ones, one).numpy()
    assert len({row.tobytes() for row in rows}) == 20  # and each example


def test_gal_dropout_at_its_ends():
    cell = nn.DropoutGRUCell(3, 4, dropout=nn.GalDropout(1.0))
    bias = cell(mg.zeros(2, 3), mg.zeros(2, 4), cell.begin())
    x = mg.full((2, 3), np.inf, requires_grad=True)
    h = cell(x, mg.zeros(2, 4), cell.begin())
    assert bits(h) == bits(bias)
    h.sum().backward()
    assert not x.grad.numpy().any()
    cell.dropout.p = 0.0
    assert bits(cell(mg.ones(2, 3), h, cell.begin())) == bits(cell.eval()(mg.ones(2, 3), h))


def test_a_tied_mask_has_to_be_begun():
    cell, xs, *_ = lstm(nn.GalDropout())
    state = cell(mg.tensor(xs[0]))  # begins a sequence
    with pytest.raises(RuntimeError, match="begin"):
        cell(mg.tensor(xs[1]), state)
    drawn = cell.eval().begin()
    cell(mg.tensor(xs[1]), state)
    with pytest.raises(RuntimeError, match="eval mode"):
        cell.train()(mg.tensor(xs[1]), state, drawn)
    per_step = nn.DropoutLSTMCell(3, 4, dtype=f64, dropout=[nn.SemeniutaDropout(), nn.Zoneout()])
    per_step(mg.tensor(xs[1]), per_step(mg.tensor(xs[0])))  # nothing is tied


def test_semeniuta_dropout_touches_only_the_update():
    cell, xs, h, c = lstm(nn.SemeniutaDropout(0.5, generator=seeded(4)))
    for t, (x, (new_h, new_c)) in enumerate(zip(xs, steps_of(cell, xs, h, c), strict=True)):
        dg = F.dropout(mg.ones(2, 4, dtype=f64), 0.5, generator=seeded(4).at(t)).numpy()
        h, c = lstm_step(cell, x, h, c, dg=dg)
        np.testing.assert_allclose([new_h, new_c], [h, c], rtol=1e-12)
    cell, xs, h, c = lstm(nn.SemeniutaDropout(0.5, per_sequence=True, generator=seeded(4)))
    dg = F.dropout(mg.ones(2, 4, dtype=f64), 0.5, generator=seeded(4)).numpy()
    for x, (new_h, _) in zip(xs, steps_of(cell, xs, h, c), strict=True):
        h, c = lstm_step(cell, x, h, c, dg=dg)
        np.testing.assert_allclose(new_h, h, rtol=1e-12)
    gru = nn.DropoutGRUCell(3, 4, dropout=nn.SemeniutaDropout(1.0))
    h = mg.ones(2, 4)
    z = 1 / (
        1
        + mg.exp(
            -(F.linear(mg.ones(2, 3), gru.weight_ih, gru.bias_ih) + F.linear(h, gru.weight_hh, gru.bias_hh))[:, 4:8]
        )
    )
    np.testing.assert_allclose(gru(mg.ones(2, 3), h).numpy(force=True), (z * h).numpy(force=True), rtol=1e-5)


def test_zoneout_leaves_elements_as_they_were():
    cell, xs, h, c = lstm(nn.Zoneout(0.6, 0.3, generator=seeded(4)))
    for t, (x, (new_h, new_c)) in enumerate(zip(xs, steps_of(cell, xs, h, c), strict=True)):
        full_h, full_c = lstm_step(cell, x, h, c)  # h from the memory before zoneout
        keep_h = F.dropout(mg.ones(2, 4), 0.3, generator=seeded(4).at(2 * t)).numpy() > 0
        keep_c = F.dropout(mg.ones(2, 4), 0.6, generator=seeded(4).at(2 * t + 1)).numpy() > 0
        h, c = np.where(keep_h, full_h, h), np.where(keep_c, full_c, c)
        np.testing.assert_allclose([new_h, new_c], [h, c], rtol=1e-12)


def test_zoneout_has_one_rate_unless_given_two():
    """So that the rate of a GRU, which has no memory beside its state, is the one that was given."""
    gru = nn.DropoutGRUCell(3, 4, dropout=nn.Zoneout(1.0))
    h = mg.randn(2, 4)
    assert bits(gru(mg.randn(2, 3), h)) == bits(h)
    lstm_cell = nn.DropoutLSTMCell(3, 4, dropout=nn.Zoneout(0.0, 1.0))
    new_h, new_c = lstm_cell(mg.randn(2, 3), (h, h))
    assert bits(new_h) == bits(h) != bits(new_c)


def test_zoneout_in_eval():
    cell, xs, h, c = lstm(nn.Zoneout(0.6, 0.3))
    full_h, full_c = lstm_step(cell, xs[0], h, c)
    (found,) = steps_of(cell.eval(), xs[:1], h, c)
    np.testing.assert_allclose(found, [0.3 * h + 0.7 * full_h, 0.6 * c + 0.4 * full_c], rtol=1e-12)
    cell.dropout.eval_mode = "identity"
    (found,) = steps_of(cell, xs[:1], h, c)
    np.testing.assert_allclose(found, [full_h, full_c], rtol=1e-12)
    cell.train().dropout.p = cell.dropout.p_hidden = 1.0
    (found,) = steps_of(cell, xs[:1], h, c)
    np.testing.assert_array_equal(found, [h, c])
    new, old = mg.zeros(5000), mg.ones(5000)
    rate = F.zoneout(new, old, 0.2, generator=seeded()).numpy().mean()
    assert abs(rate - 0.2) < 4 * math.sqrt(0.16 / 5000)
    for training in (True, False):
        assert F.zoneout(mg.tensor([np.nan]), mg.ones(1), 1.0, training).tolist() == [1.0]


def test_cells_take_one_example_and_batches_first():
    for kind in (nn.DropoutLSTMCell, nn.DropoutGRUCell):
        cell = kind(3, 4, bias=False)
        assert list(cell.state_dict()) == ["weight_ih", "weight_hh"]
        single, batch = cell(mg.ones(3)), cell(mg.ones(1, 3))
        for a, b in zip(
            single if kind is nn.DropoutLSTMCell else [single],
            batch if kind is nn.DropoutLSTMCell else [batch],
            strict=True,
        ):
            np.testing.assert_allclose(a.numpy(force=True), b[0].numpy(force=True), rtol=1e-6)
        x = mg.randn(5, 2, 3)
        first, _ = nn.DropoutRNN(cell)(x)
        other, _ = nn.DropoutRNN(cell, batch_first=True)(x.transpose(0, 1))
        assert bits(first) == bits(other.transpose(0, 1).contiguous())
        again, _ = nn.DropoutRNN(cell)(x[3:], nn.DropoutRNN(cell)(x[:3])[1])
        assert bits(again) == bits(first[3:])


def test_expectation_of_masks_in_cells():
    ones = mg.ones(200, 100)
    for drop in (nn.GalDropout(0.3, generator=seeded()), nn.SemeniutaDropout(0.3, True, generator=seeded())):
        drawn = drop.begin()
        found = (drop.on_input if drop.tied and isinstance(drop, nn.GalDropout) else drop.on_update)(ones, drawn)
        assert abs(found.mean().item() - 1) < 4 * math.sqrt(0.3 / 0.7 / 20000)

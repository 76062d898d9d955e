"""Twins of recurrent.pyx: recurrent nets step by step, in float64."""

import numpy as np


def _sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


def _steps(starts, reverse):
    """The rows of every step, as slices, in the order in which they are computed."""
    rows = [slice(a, b) for a, b in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)]
    return rows[::-1] if reverse else rows


def _wide(*arrays):
    return [array.astype(np.float64) for array in arrays]


def lstm_forward(gates, weight, h0, c0, starts, reverse, before, cells, out, states):
    w, h, c = _wide(weight, h0, c0)
    for rows in _steps(starts, reverse):
        n = rows.stop - rows.start
        before[rows] = h[:n]
        i, f, g, o = np.split(gates[rows] + h[:n] @ w.T, 4, 1)
        i, f, g, o = _sigmoid(i), _sigmoid(f), np.tanh(g), _sigmoid(o)
        c[:n] = f * c[:n] + i * g
        h[:n] = o * np.tanh(c[:n])
        gates[rows], cells[rows], out[rows] = np.hstack((i, f, g, o)), c[:n], h[:n]
    states[...] = np.vstack((h, c))


def lstm_backward(g, gates, weight, c0, starts, reverse, cells, states, dgates):
    w, c_first, late = _wide(weight, c0, states)
    dh, dc = np.split(late, 2)
    order = _steps(starts, reverse)
    earlier = []
    c = c_first.copy()
    for rows in order:
        n = rows.stop - rows.start
        earlier.append(c[:n].copy())
        c[:n] = cells[rows]
    for rows, c_before in zip(order[::-1], earlier[::-1], strict=True):
        n = rows.stop - rows.start
        i, f, update, o = np.split(gates[rows].astype(np.float64), 4, 1)
        t = np.tanh(cells[rows].astype(np.float64))
        total = dh[:n] + g[rows]
        dcell = dc[:n] + total * o * (1 - t * t)
        parts = dcell * update * i * (1 - i), dcell * c_before * f * (1 - f), dcell * i * (1 - update**2)
        dgates[rows] = d = np.hstack((*parts, total * t * o * (1 - o)))
        dc[:n], dh[:n] = dcell * f, d @ w
    states[...] = np.vstack((dh, dc))


def gru_forward(gates, weight, bias, h0, starts, reverse, before, hidden, out, states):
    w, h = _wide(weight, h0)
    for rows in _steps(starts, reverse):
        n = rows.stop - rows.start
        before[rows] = h[:n]
        hr, hz, hn = np.split(h[:n] @ w.T, 3, 1)
        hidden[rows] = hn = hn + (0 if bias is None else bias)
        xr, xz, xn = np.split(gates[rows], 3, 1)
        r, z = _sigmoid(xr + hr), _sigmoid(xz + hz)
        n_gate = np.tanh(xn + r * hn)
        h[:n] = (1 - z) * n_gate + z * h[:n]
        gates[rows], out[rows] = np.hstack((r, z, n_gate)), h[:n]
    states[...] = h


def gru_backward(g, gates, weight, starts, reverse, before, hidden, states, dgates, dhidden):
    w, dh = _wide(weight, states)
    for rows in _steps(starts, reverse)[::-1]:
        n = rows.stop - rows.start
        r, z, update = np.split(gates[rows].astype(np.float64), 3, 1)
        total = dh[:n] + g[rows]
        dn = total * (1 - z) * (1 - update**2)
        dz = total * (before[rows] - update) * z * (1 - z)
        dr = dn * hidden[rows] * r * (1 - r)
        dgates[rows] = np.hstack((dr, dz, dn))
        dhidden[rows] = d = np.hstack((dr, dz, dn * r))
        dh[:n] = total * z + d @ w
    states[...] = dh


def rnn_forward(gates, weight, relu, h0, starts, reverse, before, out, states):
    w, h = _wide(weight, h0)
    for rows in _steps(starts, reverse):
        n = rows.stop - rows.start
        before[rows] = h[:n]
        total = gates[rows] + h[:n] @ w.T
        h[:n] = np.where(total <= 0, 0, total) if relu else np.tanh(total)
        out[rows] = h[:n]
    states[...] = h


def rnn_backward(g, out, weight, relu, starts, reverse, states, dgates):
    w, dh = _wide(weight, states)
    for rows in _steps(starts, reverse)[::-1]:
        n = rows.stop - rows.start
        y = out[rows].astype(np.float64)
        total = dh[:n] + g[rows]
        dgates[rows] = d = np.where(y <= 0, 0, total) if relu else total * (1 - y * y)
        dh[:n] = d @ w
    states[...] = dh

"""The reductions in NumPy. Those over axes go from the axis `first` to before `last`; an output has the other axes."""

import numpy as np


def _axes(first, last):
    return tuple(range(first, last))


def _kept(x, first, last):
    return x.shape[:first] + (1,) * (last - first) + x.shape[last:]


def sum(x, out):
    with np.errstate(over="ignore", invalid="ignore"):
        out[...] = x.astype(np.longdouble).sum(axis=1)


def sum_over(x, out, first, last, divisor):
    with np.errstate(over="ignore", invalid="ignore"):
        out[...] = (x.astype(np.longdouble).sum(_axes(first, last)) / divisor).reshape(out.shape)


def extremum(x, out, first, last, largest):
    out[...] = (np.max if largest else np.min)(x, _axes(first, last)).reshape(out.shape)


def product(x, out, first, last):
    with np.errstate(over="ignore", invalid="ignore"):
        out[...] = x.astype(np.longdouble).prod(_axes(first, last)).reshape(out.shape)


def extremum_places(x, out, axis, largest):
    out[...] = (np.argmax if largest else np.argmin)(x, axis).reshape(out.shape)


def extremum_places_backward(g, places, dx, axis):
    kept = _kept(dx, axis, axis + 1)
    dx[...] = 0
    np.put_along_axis(dx, places.reshape(kept), g.reshape(kept), axis)


def extremum_backward(g, x, y, dx, first, last, spoils):
    y, g = y.reshape(_kept(x, first, last)), g.reshape(_kept(x, first, last))
    ties = (x == y) | (np.isnan(x) & np.isnan(y))
    dx[...] = np.where(ties, g / ties.sum(_axes(first, last), keepdims=True), 0)
    if spoils:
        dx[np.isnan(y) & np.ones(x.shape, bool)] = np.nan


def squares(x, mean, out, first, last, divisor, root):
    with np.errstate(over="ignore", invalid="ignore"):
        deviations = x.astype(np.longdouble) - (0 if mean is None else mean.reshape(_kept(x, first, last)))
        total = (deviations * deviations).sum(_axes(first, last)) / divisor
        out[...] = (np.sqrt(total) if root else total).reshape(out.shape)


def deviations(x, mean, scale, out, first, last):
    kept = _kept(x, first, last)
    out[...] = (x - (0 if mean is None else mean.reshape(kept))) * scale.reshape(kept)

"""Twins of norm.pyx: batch normalization by its definition, in float64."""

import numpy as np


def _column(values, like):
    """(C,) as (C, 1), to stand against (N, C, S); None as `like`."""
    return like if values is None else values.astype(np.float64)[:, None]


def batch_norm_forward(x, weight, bias, eps, out, mean, rstd, var):
    wide = x.astype(np.float64)
    exact_mean = wide.mean(axis=(0, 2))
    exact_var = ((wide - exact_mean[:, None]) ** 2).mean(axis=(0, 2))
    exact_rstd = 1 / np.sqrt(exact_var + eps)
    mean[...], var[...], rstd[...] = exact_mean, exact_var, exact_rstd
    normalized = (wide - exact_mean[:, None]) * exact_rstd[:, None]
    out[...] = normalized * _column(weight, 1.0) + _column(bias, 0.0)


def batch_norm_backward(g, x, weight, mean, rstd, dx, dweight, dbias):
    wide = g.astype(np.float64)
    normalized = (x.astype(np.float64) - _column(mean, 0.0)) * _column(rstd, 1.0)
    of_weight = (wide * normalized).sum(axis=(0, 2))
    of_bias = wide.sum(axis=(0, 2))
    if dweight is not None:
        dweight[...] = of_weight
    if dbias is not None:
        dbias[...] = of_bias
    if dx is not None:
        count = x.shape[0] * x.shape[2]
        centered = wide - of_bias[:, None] / count - normalized * of_weight[:, None] / count
        dx[...] = _column(weight, 1.0) * _column(rstd, 1.0) * centered


def move_statistic(now, running, momentum, factor):
    running += (now * now.dtype.type(factor) - running) * now.dtype.type(momentum)


def batch_norm_inference(x, weight, bias, mean, rstd, out):
    normalized = (x.astype(np.float64) - _column(mean, 0.0)) * _column(rstd, 1.0)
    out[...] = normalized * _column(weight, 1.0) + _column(bias, 0.0)

"""The activations in NumPy, in float64 (the error function by the C library, an element at a time)."""

import math

import numpy as np

_erf = np.vectorize(math.erf, otypes=[np.float64])
_erfc = np.vectorize(math.erfc, otypes=[np.float64])


def _quiet(function):
    def wrapper(*arguments):
        with np.errstate(all="ignore"):
            function(*arguments)

    return wrapper


def _sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


def relu_forward(x, out):
    out[...] = np.where(x <= 0, 0, x)


def relu_backward(g, y, dx):
    dx[...] = np.where(y <= 0, 0, g)


@_quiet
def leaky_relu_forward(x, out, slope):
    out[...] = np.where(x > 0, x, x * x.dtype.type(slope))


@_quiet
def leaky_relu_backward(g, x, dx, slope):
    dx[...] = np.where(x > 0, g, g * x.dtype.type(slope))


@_quiet
def gelu_forward(x, out, tanh):
    z = x.astype(np.float64)
    if tanh:
        out[...] = z * _sigmoid(2 * math.sqrt(2 / math.pi) * (z + 0.044715 * z * z * z))
    else:
        out[...] = z * _erfc(-z / math.sqrt(2)) / 2


@_quiet
def gelu_backward(g, x, dx, tanh):
    z = x.astype(np.float64)
    if tanh:
        slope = 2 * math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * z * z)
        v = 2 * math.sqrt(2 / math.pi) * (z + 0.044715 * z * z * z)
        dx[...] = g * (_sigmoid(v) + z * slope * _sigmoid(v) * _sigmoid(-v))
    else:
        dx[...] = g * (_erfc(-z / math.sqrt(2)) / 2 + z * np.exp(-z * z / 2) / math.sqrt(2 * math.pi))


@_quiet
def sigmoid_forward(x, out):
    out[...] = _sigmoid(x.astype(np.float64))


def erf_forward(x, out):
    out[...] = _erf(x.astype(np.float64))

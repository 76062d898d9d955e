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


def sigmoid_backward(g, y, dx):
    dx[...] = g * y * (1 - y)


def tanh_forward(x, out):
    out[...] = np.tanh(x.astype(np.float64))


def tanh_backward(g, y, dx):
    dx[...] = g * (1 - y * y)


def hardtanh_forward(x, out, low, high):
    out[...] = np.clip(x, low, high)


def hardtanh_backward(g, x, dx, low, high):
    dx[...] = np.where((low < x) & (x < high), g, 0)


@_quiet
def elu_forward(x, out, alpha):
    z = x.astype(np.float64)
    out[...] = np.where(z > 0, z, alpha * np.expm1(z))


@_quiet
def elu_backward(g, x, dx, alpha):
    z = x.astype(np.float64)
    dx[...] = np.where(z > 0, g, g * alpha * np.exp(z))


def _softplus(z):
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


@_quiet
def softplus_forward(x, out, beta, threshold):
    z = x.astype(np.float64)
    out[...] = np.where(z * beta > threshold, z, _softplus(z * beta) / beta)


@_quiet
def softplus_backward(g, x, dx, beta, threshold):
    z = x.astype(np.float64)
    dx[...] = np.where(z * beta > threshold, g, g * _sigmoid(z * beta))


@_quiet
def logsigmoid_forward(x, out):
    out[...] = -_softplus(-x.astype(np.float64))


@_quiet
def logsigmoid_backward(g, x, dx):
    dx[...] = g * _sigmoid(-x.astype(np.float64))


@_quiet
def silu_forward(x, out):
    z = x.astype(np.float64)
    out[...] = z * _sigmoid(z)


@_quiet
def silu_backward(g, x, dx):
    z = x.astype(np.float64)
    dx[...] = g * _sigmoid(z) * (1 + z * _sigmoid(-z))


@_quiet
def mish_forward(x, out):
    z = x.astype(np.float64)
    out[...] = z * _tanh_softplus(z)


@_quiet
def mish_backward(g, x, dx):
    z = x.astype(np.float64)
    w = _tanh_softplus(z)
    rest = np.where(z > 0, 2 * np.exp(-2 * np.abs(z)), 2.0)  # 1 - w^2, without its cancellation
    dx[...] = g * (w + z * _sigmoid(z) * (rest * (2 * _numerator(z) + rest) / (_numerator(z) + rest) ** 2))


def _numerator(z):
    e = np.exp(-np.abs(z))
    return np.where(z > 0, 1 + 2 * e, e * (e + 2))


def _tanh_softplus(z):
    # (t^2 - 1) / (t^2 + 1) for t = 1 + exp(z), times exp(-2z) above and below for z > 0
    return _numerator(z) / (_numerator(z) + np.where(z > 0, 2 * np.exp(-2 * np.abs(z)), 2.0))


def erf_forward(x, out):
    out[...] = _erf(x.astype(np.float64))


def squared_forward(x, y, out, delta):
    out[...] = np.square(x.astype(np.float64) - y)


def squared_backward(x, y, dx, factor, delta):
    dx[...] = 2 * factor * (x.astype(np.float64) - y)


def absolute_forward(x, y, out, delta):
    out[...] = np.abs(x.astype(np.float64) - y)


def absolute_backward(x, y, dx, factor, delta):
    dx[...] = factor * np.sign(x - y)


def huber_forward(x, y, out, delta):
    size = np.abs(x.astype(np.float64) - y)
    out[...] = np.where(size < delta, size * size / 2, delta * (size - delta / 2))


def huber_backward(x, y, dx, factor, delta):
    dx[...] = factor * np.clip(x.astype(np.float64) - y, -delta, delta)


def logistic_forward(x, y, out, delta):
    z = x.astype(np.float64)
    out[...] = _softplus(z) - z * y


def logistic_backward(x, y, dx, factor, delta):
    dx[...] = factor * (_sigmoid(x.astype(np.float64)) - y)

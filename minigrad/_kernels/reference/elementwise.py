"""The arithmetic of arrays in NumPy."""

import numpy as np


def binary(function, x, y):
    with np.errstate(all="ignore"):
        return np.asarray(function(x, y))


def unary(function, x):
    with np.errstate(all="ignore"):
        return np.asarray(function(x))


def plus(x, y):
    return binary(np.add, x, y)


def minus(x, y):
    return binary(np.subtract, x, y)


def times(x, y):
    return binary(np.multiply, x, y)


def over(x, y):
    return binary(np.divide, x, y)


def broadcast_shapes(x, y):
    shapes = np.shape(x), np.shape(y)
    same = isinstance(x, np.ndarray) and isinstance(y, np.ndarray) and shapes[0] == shapes[1]
    return None if same else shapes

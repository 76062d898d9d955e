"""Twins of loss.pyx: softmax and cross-entropy by their definitions, in float64."""

import numpy as np


def _log_softmax(x, axis=1):
    with np.errstate(invalid="ignore", divide="ignore"):
        shifted = x.astype(np.float64) - x.max(axis, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(axis, keepdims=True))


def softmax_forward(x, out, axis=1):
    out[...] = np.exp(_log_softmax(x, axis))


def softmax_backward(g, y, dx, axis=1):
    g, y = g.astype(np.float64), y.astype(np.float64)
    dx[...] = y * (g - (g * y).sum(axis, keepdims=True))


def log_softmax_forward(x, out, axis=1):
    out[...] = _log_softmax(x, axis)


def log_softmax_backward(g, y, dx, axis=1):
    g, y = g.astype(np.float64), y.astype(np.float64)
    dx[...] = g - np.exp(y) * g.sum(axis, keepdims=True)


def logsumexp_forward(x, out, first, last):
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        out[...] = np.logaddexp.reduce(x.astype(np.longdouble), axis=tuple(range(first, last)), keepdims=True).reshape(
            out.shape
        )


def logsumexp_backward(g, x, y, dx, first, last):
    kept = x.shape[:first] + (1,) * (last - first) + x.shape[last:]
    with np.errstate(invalid="ignore", over="ignore"):
        dx[...] = g.reshape(kept) * np.exp(x.astype(np.float64) - y.reshape(kept))


def exp_forward(x, out):
    with np.errstate(over="ignore"):
        out[...] = np.exp(x.astype(np.longdouble))


def _class_weights(target, weight, ignore_index, label_smoothing, classes):
    """How much of each log-probability the loss holds: loss = -(share * log_softmax).sum over classes; (N, C, S)."""
    weight = np.ones(classes) if weight is None else weight.astype(np.float64)
    kept = (target != ignore_index)[:, None, :]
    is_target = target[:, None, :] == np.arange(classes)[:, None]
    share = (1 - label_smoothing) * is_target * weight[:, None] + label_smoothing / classes * weight[:, None]
    return np.where(kept, share, 0.0)


def cross_entropy_forward(logits, target, weight, ignore_index, label_smoothing, loss, lse):
    log_p = _log_softmax(logits)
    share = _class_weights(target, weight, ignore_index, label_smoothing, logits.shape[1])
    loss[...] = -np.where(share == 0, 0.0, share * log_p).sum(axis=1)
    lse[...] = logits[:, 0] - log_p[:, 0]


def cross_entropy_backward(logits, target, weight, ignore_index, label_smoothing, lse, scale, dx):
    p = np.exp(_log_softmax(logits))
    share = _class_weights(target, weight, ignore_index, label_smoothing, logits.shape[1])
    kept = (target != ignore_index)[:, None, :]
    scale = np.broadcast_to(scale, target.shape)
    dx[...] = np.where(kept, scale[:, None, :] * (p * share.sum(axis=1, keepdims=True) - share), 0.0)


def weigh_classes(target, weight, classes, ignore_index):
    labels = target[target != ignore_index]
    for label in labels[(labels < 0) | (labels >= classes)]:
        raise IndexError(f"Target {label} is out of bounds: there are {classes} classes, 0 to {classes - 1}")
    return float(len(labels) if weight is None else weight[labels].sum(dtype=np.float64))

"""Twins of attention.pyx: attention by its definition, with the whole matrix of weights, in float64."""

import numpy as np

from .dropout import _kept


def _weights(q, k, mask, causal, scale):
    """Softmax of the scores, 0 for a query that sees no key; and the logarithm of each sum, there infinity."""
    scores = np.einsum("...qe,...ke->...qk", q.astype(np.float64), k.astype(np.float64)) * scale
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    if causal:
        scores = np.where(np.tri(*scores.shape[-2:], dtype=bool), scores, -np.inf)
    largest = scores.max(-1, keepdims=True)
    blind = largest == -np.inf
    exponentials = np.exp(np.where(blind, -np.inf, scores) - np.where(blind, 0, largest))
    total = exponentials.sum(-1, keepdims=True)
    with np.errstate(divide="ignore"):
        lse = np.where(blind, np.inf, largest + np.log(total))
    return exponentials / np.where(blind, 1, total), lse[..., 0]


def _dropped(shape, draw):
    """The mask of the weights, 0 or 1 / the probability to be kept."""
    if draw is None:
        return 1.0
    kept = _kept(int(np.prod(shape)), *draw).reshape(shape)
    return np.where(kept, 2**32 / int(draw[-1]), 0.0)


def attention_forward(q, k, v, mask, out, lse, causal, scale, draw):
    weights, sums = _weights(q, k, mask, causal, scale)
    out[...] = np.einsum("...qk,...kv->...qv", weights * _dropped(weights.shape, draw), v.astype(np.float64))
    if lse is not None:
        lse[...] = sums


def attention_backward(g, q, k, v, mask, out, lse, causal, scale, draw, dq, dk, dv, dmask):
    weights, _ = _weights(q, k, mask, causal, scale)
    kept = _dropped(weights.shape, draw)
    wide = g.astype(np.float64)
    slopes = np.einsum("...qv,...kv->...qk", wide, v.astype(np.float64)) * kept
    slopes = weights * (slopes - (slopes * weights).sum(-1, keepdims=True))
    if dq is not None:
        dq[...] = np.einsum("...qk,...ke->...qe", slopes, k.astype(np.float64)) * scale
    if dk is not None:
        dk[...] = np.einsum("...qk,...qe->...ke", slopes, q.astype(np.float64)) * scale
    if dv is not None:
        dv[...] = np.einsum("...qk,...qv->...kv", weights * kept, wide)
    if dmask is not None:
        dmask[...] = slopes

"""Twins of pool.pyx: window by window, as the definitions read."""

import numpy as np


def _span(place, kernel, stride, padding, dilation, size):
    """The coordinates one window takes along an axis of `size`, without the padding, and where it begins."""
    begin = place * stride - padding
    return [c for c in range(begin, begin + kernel * dilation, dilation) if 0 <= c < size]


def max_pool2d_forward(x, out, indices, kernel, stride, padding, dilation):
    height, width = x.shape[2:]
    for i in range(out.shape[2]):
        rows = _span(i, kernel[0], stride[0], padding[0], dilation[0], height)
        for j in range(out.shape[3]):
            columns = _span(j, kernel[1], stride[1], padding[1], dilation[1], width)
            best = np.full(x.shape[:2], -np.inf, x.dtype)
            place = np.full(x.shape[:2], -1)
            for r in rows:
                for c in columns:
                    value = x[:, :, r, c]
                    better = (value > best) | np.isnan(value) | (place < 0)
                    best, place = np.where(better, value, best), np.where(better, r * width + c, place)
            out[:, :, i, j], indices[:, :, i, j] = best, place


def max_pool2d_backward(g, indices, dx, pairs=False):
    flat = np.zeros((dx.shape[0] * dx.shape[1], dx.shape[2] * dx.shape[3]), g.dtype)
    for plane, places, values in zip(flat, indices.reshape(len(flat), -1), g.reshape(len(flat), -1), strict=True):
        np.add.at(plane, places[places >= 0], values[places >= 0])
    dx[...] = flat.reshape(dx.shape)


def _windows(shape, out_shape, kernel, stride, padding, count_include_pad, divisor_override):
    """Each output's place, the slices of its window, and its divisor."""
    for i in range(out_shape[2]):
        for j in range(out_shape[3]):
            begin = [i * stride[0] - padding[0], j * stride[1] - padding[1]]
            end = [min(begin[a] + kernel[a], shape[2 + a] + padding[a]) for a in (0, 1)]
            padded = (end[0] - begin[0]) * (end[1] - begin[1])
            begin = [max(b, 0) for b in begin]
            end = [min(end[a], shape[2 + a]) for a in (0, 1)]
            if begin[0] >= end[0] or begin[1] >= end[1]:
                continue
            inside = (end[0] - begin[0]) * (end[1] - begin[1])
            divisor = divisor_override or (padded if count_include_pad else inside)
            yield i, j, slice(begin[0], end[0]), slice(begin[1], end[1]), divisor


def avg_pool2d_forward(x, out, kernel, stride, padding, count_include_pad, divisor_override):
    out[...] = 0
    windows = _windows(x.shape, out.shape, kernel, stride, padding, count_include_pad, divisor_override)
    for i, j, rows, columns, divisor in windows:
        out[:, :, i, j] = x[:, :, rows, columns].sum(axis=(2, 3), dtype=np.float64) / divisor


def avg_pool2d_backward(g, dx, kernel, stride, padding, count_include_pad, divisor_override):
    wide = np.zeros(dx.shape, np.float64)
    windows = _windows(dx.shape, g.shape, kernel, stride, padding, count_include_pad, divisor_override)
    for i, j, rows, columns, divisor in windows:
        wide[:, :, rows, columns] += g[:, :, i, j, None, None].astype(np.float64) / divisor
    dx[...] = wide

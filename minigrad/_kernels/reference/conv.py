"""Twins of conv.pyx: one term for each position of the kernel, summed in float64."""

import numpy as np


def _pad(x, padding):
    return np.pad(x.astype(np.float64), ((0, 0), (0, 0), (padding[0], padding[0]), (padding[1], padding[1])))


def _window(padded, kh, kw, out_shape, stride, dilation):
    """The part of the padded images that the kernel position (kh, kw) meets."""
    top, left = kh * dilation[0], kw * dilation[1]
    bottom, right = top + (out_shape[0] - 1) * stride[0] + 1, left + (out_shape[1] - 1) * stride[1] + 1
    return padded[:, :, top : bottom : stride[0], left : right : stride[1]]


def _grouped(array, groups, axis):
    """`axis` split into (groups, members)."""
    return array.reshape(*array.shape[:axis], groups, array.shape[axis] // groups, *array.shape[axis + 1 :])


def conv2d_forward(x, weight, bias, out, stride, padding, dilation, groups):
    padded = _pad(x, padding)
    kernels = _grouped(weight.astype(np.float64), groups, 0)  # groups, outputs, channels, KH, KW
    total = np.zeros(_grouped(out, groups, 1).shape)
    for kh, kw in np.ndindex(weight.shape[2:]):
        part = _grouped(_window(padded, kh, kw, out.shape[2:], stride, dilation), groups, 1)
        total += np.einsum("goc,ngchw->ngohw", kernels[..., kh, kw], part)
    total = total.reshape(out.shape)
    out[...] = total if bias is None else total + bias[:, None, None]


def conv2d_backward_input(g, weight, dx, stride, padding, dilation, groups):
    kernels = _grouped(weight.astype(np.float64), groups, 0)
    gradient = _grouped(g.astype(np.float64), groups, 1)
    height, width = dx.shape[2:]
    padded = np.zeros((*dx.shape[:2], height + 2 * padding[0], width + 2 * padding[1]))
    for kh, kw in np.ndindex(weight.shape[2:]):
        part = np.einsum("goc,ngohw->ngchw", kernels[..., kh, kw], gradient)
        window = _window(padded, kh, kw, g.shape[2:], stride, dilation)
        window += part.reshape(window.shape)
    dx[...] = padded[:, :, padding[0] : padding[0] + height, padding[1] : padding[1] + width]


def conv2d_backward_weight(g, x, dweight, stride, padding, dilation, groups):
    padded = _pad(x, padding)
    gradient = _grouped(g.astype(np.float64), groups, 1)
    for kh, kw in np.ndindex(dweight.shape[2:]):
        part = _grouped(_window(padded, kh, kw, g.shape[2:], stride, dilation), groups, 1)
        dweight[:, :, kh, kw] = np.einsum("ngohw,ngchw->goc", gradient, part).reshape(dweight.shape[:2])

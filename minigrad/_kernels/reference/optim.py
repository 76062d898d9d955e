"""Twins of optim.pyx: the update rules as they are written in papers, one parameter at a time, in float64."""

import numpy as np


def _wide(array):
    return array.astype(np.float64)


def _descent(param, grad, weight_decay, maximize):
    grad = -_wide(grad) if maximize else _wide(grad)
    return grad + weight_decay * _wide(param) if weight_decay else grad


def sgd_step(params, grads, momentum_buffers, lr, momentum, dampening, weight_decay, nesterov, maximize, first):
    for i, param in enumerate(params):
        step = _descent(param, grads[i], weight_decay, maximize)
        if momentum_buffers is not None:
            buf = step if first[i] else momentum * _wide(momentum_buffers[i]) + (1 - dampening) * step
            momentum_buffers[i][...] = buf
            step = step + momentum * buf if nesterov else buf
        param[...] = param - lr * step


def adam_step(
    params, grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs, steps,
    lr, beta1, beta2, eps, weight_decay, decoupled, maximize,
):  # fmt: skip
    for i, param in enumerate(params):
        grad = _descent(param, grads[i], 0 if decoupled else weight_decay, maximize)
        shrunk = _wide(param) * (1 - lr * weight_decay) if decoupled else _wide(param)
        avg = beta1 * _wide(exp_avgs[i]) + (1 - beta1) * grad
        avg_sq = beta2 * _wide(exp_avg_sqs[i]) + (1 - beta2) * grad**2
        exp_avgs[i][...] = avg
        exp_avg_sqs[i][...] = avg_sq
        if max_exp_avg_sqs is not None:
            avg_sq = np.maximum(_wide(max_exp_avg_sqs[i]), avg_sq)
            max_exp_avg_sqs[i][...] = avg_sq
        denominator = np.sqrt(avg_sq) / np.sqrt(1 - beta2 ** steps[i]) + eps
        param[...] = shrunk - lr / (1 - beta1 ** steps[i]) * (avg / denominator)


def rmsprop_step(
    params, grads, square_avgs, momentum_buffers, grad_avgs, lr, alpha, eps, weight_decay, momentum, maximize
):
    for i, param in enumerate(params):
        grad = _descent(param, grads[i], weight_decay, maximize)
        variance = alpha * _wide(square_avgs[i]) + (1 - alpha) * grad**2
        square_avgs[i][...] = variance
        if grad_avgs is not None:
            mean = alpha * _wide(grad_avgs[i]) + (1 - alpha) * grad
            grad_avgs[i][...] = mean
            variance = np.maximum(variance - mean**2, 0)
        step = grad / (np.sqrt(variance) + eps)
        if momentum_buffers is not None:
            step = momentum * _wide(momentum_buffers[i]) + step
            momentum_buffers[i][...] = step
        param[...] = param - lr * step

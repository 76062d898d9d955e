"""nn.utils: limits on gradients, and parameters as a vector."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn import utils


def parameters_with(*grads):
    made = []
    for grad in grads:
        made.append(nn.Parameter(mg.zeros(len(grad))))
        made[-1].grad = mg.tensor(grad)
    return [*made, nn.Parameter(mg.zeros(1))]  # the last without a gradient


def test_clip_grad_norm():
    parameters = parameters_with([3.0, 0.0], [4.0])
    total = utils.clip_grad_norm_(iter(parameters), 1.0)
    assert total.item() == 5
    assert np.allclose(parameters[0].grad.numpy(), [0.6, 0], atol=1e-6)
    assert np.allclose(parameters[1].grad.numpy(), [0.8], atol=1e-6)
    kept = parameters[0].grad.numpy().copy()
    utils.clip_grad_norm_(parameters, 10.0)
    assert np.array_equal(parameters[0].grad.numpy(), kept)
    assert utils.clip_grad_norm_(parameters_with([3.0, -7.0], [4.0]), 1.0, float("inf")).item() == 7
    assert utils.clip_grad_norm_(parameters_with([3.0, -7.0], [4.0]), 1.0, 1).item() == 14
    assert utils.clip_grad_norm_([], 1.0).item() == 0
    assert utils.clip_grad_norm_(parameters[0], 1.0).item() == pytest.approx(0.6, abs=1e-6)


def test_clip_grad_norm_of_what_is_not_finite():
    parameters = parameters_with([1.0, float("inf")])
    with pytest.raises(RuntimeError, match=r"total norm of order 2.0 .* non-finite"):
        utils.clip_grad_norm_(parameters, 1.0, error_if_nonfinite=True)
    assert parameters[0].grad[0].item() == 1
    assert utils.clip_grad_norm_(parameters, 1.0).item() == float("inf")
    assert parameters[0].grad[0].item() == 0


def test_clip_grad_value():
    parameters = parameters_with([3.0, -3.0, 0.1])
    utils.clip_grad_value_(parameters, 0.5)
    assert np.allclose(parameters[0].grad.numpy(), [0.5, -0.5, 0.1])


def test_parameters_and_vectors():
    net = nn.Linear(3, 2)
    vector = utils.parameters_to_vector(net.parameters())
    assert vector.shape == (8,)
    assert vector.requires_grad
    weight = net.weight
    utils.vector_to_parameters(mg.arange(8).float(), net.parameters())
    assert net.weight is weight
    assert net.weight.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert net.bias.tolist() == [6, 7]
    for wrong in (mg.zeros(7), mg.zeros(9), mg.zeros(2, 4)):
        with pytest.raises(ValueError, match="8 elements"):
            utils.vector_to_parameters(wrong, net.parameters())
    with pytest.raises(TypeError, match="expected Tensor"):
        utils.vector_to_parameters([1.0], net.parameters())
    assert net.bias.tolist() == [6, 7]


def test_a_vector_may_share_memory_with_the_parameters():
    memory = mg.tensor([1.0, 2, 3, 4])
    first, second = (nn.Parameter(memory[places]) for places in (slice(2, 4), slice(0, 2)))
    utils.vector_to_parameters(memory, [first, second])
    assert memory.tolist() == [3, 4, 1, 2]

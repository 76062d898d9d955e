"""autograd.functional: Jacobians and Hessians against formulas, products against them, strictness, errors."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import autograd
from minigrad.autograd.functional import hessian, hvp, jacobian, jvp, vhp, vjp


def point(*shape, seed=0):
    return mg.tensor(np.random.default_rng(seed).standard_normal(shape))


def two(x, y):
    """Two outputs of two inputs."""
    return (x[:, None] * y).sin(), (x * x).sum() * y


def test_jacobian_by_formula():
    x, w = point(3), point(4, 3, seed=1)
    found = jacobian(lambda x: (w @ x).tanh(), x)
    t = np.tanh(w.numpy() @ x.numpy())
    np.testing.assert_allclose(found.numpy(), (1 - t**2)[:, None] * w.numpy(), rtol=1e-12)
    assert not found.requires_grad


def test_shapes_of_tuples():
    x, y = point(3), point(2, seed=1)
    found = jacobian(two, (x, y))
    assert [[part.shape for part in row] for row in found] == [[(3, 2, 3), (3, 2, 2)], [(2, 3), (2, 2)]]
    np.testing.assert_allclose(found[1][0].numpy(), np.outer(y.numpy(), 2 * x.numpy()), rtol=1e-12)
    np.testing.assert_allclose(found[1][1].numpy(), (x.numpy() ** 2).sum() * np.eye(2), rtol=1e-12)
    assert jacobian(two, (x, y), vectorize=True)[0][1].tolist() == found[0][1].tolist()
    ((h_xx, h_xy), (h_yx, h_yy)) = hessian(lambda x, y: (two(x, y)[0] ** 2).sum(), (x, y))
    assert [part.shape for part in (h_xx, h_xy, h_yx, h_yy)] == [(3, 3), (3, 2), (2, 3), (2, 2)]
    np.testing.assert_allclose(h_xy.numpy(), h_yx.numpy().T, rtol=1e-12)
    assert jacobian(lambda x: x[:0], x).shape == (0, 3)
    assert jacobian(lambda x: x.sum(), x).shape == (3,)


def test_hessian_by_formula():
    a = point(3, 3)
    found = hessian(lambda x: (x @ a @ x).exp(), mg.tensor([0.1, 0.2, -0.3], dtype=mg.float64))
    x, s = np.array([0.1, 0.2, -0.3]), a.numpy() + a.numpy().T
    value = np.exp(x @ a.numpy() @ x)
    np.testing.assert_allclose(found.numpy(), value * (np.outer(s @ x, s @ x) + s), rtol=1e-10)
    assert hessian(lambda x: x.sum(), point(2)).tolist() == [[0, 0], [0, 0]]  # a linear function


def test_products_are_those_of_the_matrices():
    x, y = point(3), point(2, seed=1)
    rows = jacobian(two, (x, y))
    v = (point(3, 2, seed=2), point(2, seed=3))
    outputs, products = vjp(two, (x, y), v)
    for out, expected in zip(outputs, two(x, y), strict=True):
        np.testing.assert_array_equal(out.numpy(), expected.numpy())
    for i in range(2):
        expected = sum(np.tensordot(v[k].numpy(), rows[k][i].numpy(), v[k].ndim) for k in range(2))
        np.testing.assert_allclose(products[i].numpy(), expected, rtol=1e-12)
    u = (point(3, seed=4), point(2, seed=5))
    _, products = jvp(two, (x, y), u)
    for k in range(2):
        expected = sum(np.tensordot(rows[k][i].numpy(), u[i].numpy(), 1) for i in range(2))
        np.testing.assert_allclose(products[k].numpy(), expected, rtol=1e-12)

    def loss(x):
        return (x**4).sum() * x[0]

    matrix = hessian(loss, x).numpy()
    for function in (hvp, vhp):
        value, product = function(loss, x, u[0])
        np.testing.assert_allclose(value.item(), loss(x).item())
        np.testing.assert_allclose(product.numpy(), matrix @ u[0].numpy(), rtol=1e-10)
        assert not product.requires_grad
        assert not value.requires_grad


def test_a_single_element_needs_no_vector():
    x = mg.tensor(2.0)
    assert [part.item() for part in vjp(lambda x: x**3, x)] == [8, 12]
    assert [part.item() for part in jvp(lambda x: x**3, x)] == [8, 12]
    assert [part.item() for part in hvp(lambda x: x**3, x)] == [8, 12]
    for function, text in ((vjp, "the user-provided function returns"), (jvp, "the input"), (hvp, "the input")):
        with pytest.raises(RuntimeError, match=f"v can only be None if {text}"):
            function(lambda x, f=function: x.sum() if f is hvp else x, mg.ones(2))


def test_inputs_are_left_alone():
    x = point(3).requires_grad_()
    x.grad = mg.ones(3, dtype=mg.float64)
    with mg.no_grad():
        assert jacobian(lambda x: x * x, x).shape == (3, 3)
        assert mg.autograd.functional.hvp(lambda x: (x**3).sum(), x, x.detach())[1].shape == (3,)
    assert x.grad.tolist() == [1, 1, 1]


def test_results_can_be_differentiated():
    x = point(3).requires_grad_()
    assert autograd.gradcheck(lambda x: jacobian(lambda x: x.exp() * x[0], x, create_graph=True), x)
    assert autograd.gradcheck(lambda x: hessian(lambda x: (x**4).sum() * x[1], x, create_graph=True), x)
    u = point(3, seed=1)
    for function in (vjp, jvp):
        assert autograd.gradcheck(lambda x, f=function: f(lambda x: x**3 * x[0], x, u, create_graph=True), x)
    for function in (vhp, hvp):
        assert autograd.gradcheck(lambda x, f=function: f(lambda x: (x**4).prod(), x, u, create_graph=True), x)


def test_what_does_not_depend_is_zero_or_with_strict_an_error():
    x, y = point(2), point(3, seed=1)

    def first(x, y):
        return x * 2

    assert jacobian(first, (x, y))[1].tolist() == np.zeros((2, 3)).tolist()
    assert jacobian(lambda x: mg.ones(2), x).tolist() == [[0, 0], [0, 0]]
    assert vjp(first, (x, y), x)[1][1].tolist() == [0, 0, 0]
    assert jvp(lambda x: mg.ones(2), x, x)[1].tolist() == [0, 0]
    assert hvp(lambda x: x.sum(), x, x)[1].tolist() == [0, 0]
    with pytest.raises(RuntimeError, match="independent of an input"):
        jacobian(first, (x, y), strict=True)
    with pytest.raises(RuntimeError, match="independent of an input"):
        vjp(first, (x, y), x, strict=True)
    with pytest.raises(RuntimeError, match="Output 0 of the user-provided function does not require gradients"):
        jacobian(lambda x: mg.ones(2), x, strict=True)
    with pytest.raises(RuntimeError, match="strict mode"):
        hvp(lambda x: x.sum(), x, x, strict=True)
    with pytest.raises(RuntimeError, match="strict mode when create_graph=True"):
        jacobian(lambda x: x * 2, x, create_graph=True, strict=True)


def test_bad_arguments():
    x = point(2)
    with pytest.raises(TypeError, match="given to jacobian must be either a Tensor or a tuple.*<class 'list'>"):
        jacobian(mg.sin, [x])
    with pytest.raises(TypeError, match="value at index 1 has type <class 'float'>"):
        vjp(lambda x, y: x, (x, 2.0), x)
    with pytest.raises(TypeError, match="outputs of the user-provided function"):
        jacobian(lambda x: 3.0, x)
    with pytest.raises(RuntimeError, match=r"v has invalid size: should be \[2\] but got \[3\]"):
        jvp(mg.sin, x, mg.ones(3))
    with pytest.raises(RuntimeError, match="tuple of invalid length: should be 1 but got 2"):
        vjp(mg.sin, x, (x, x))
    with pytest.raises(RuntimeError, match="should return a single Tensor"):
        hessian(lambda x: (x, x), x)
    with pytest.raises(RuntimeError, match="should contain a single element"):
        hvp(lambda x: x, x, x)
    for function, name in ((jacobian, "strategy"), (hessian, "outer_jacobian_strategy")):
        with pytest.raises(NotImplementedError, match="forward-mode"):
            function(lambda x: x.sum(), x, **{name: "forward-mode"})
        with pytest.raises(ValueError, match="sideways"):
            function(lambda x: x.sum(), x, **{name: "sideways"})
    with pytest.raises(RuntimeError, match="not supported together"):
        jacobian(mg.sin, x, strict=True, vectorize=True)

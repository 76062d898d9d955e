"""The harness itself: a wrong gradient is caught, a right one passes."""

import warnings

import numpy as np
import pytest

import minigrad
from minigrad import Tensor
from minigrad.autograd import Function
from minigrad.testing import GradcheckError, gradcheck, gradgradcheck

from .test_ops import STRICT


def leaf(*shape, seed=0):
    return minigrad.tensor(np.random.default_rng(seed).standard_normal(shape)).requires_grad_()


def scaled_square(first=1.0, second=1.0, shift=0.0):
    """x^2 whose gradient is wrong by `first`, and the gradient of its gradient by `second`."""

    class Slope(Function):
        @staticmethod
        def forward(ctx, g, x):
            ctx.save_for_backward(g, x)
            return g * x * (2 * first) + shift

        @staticmethod
        def backward(ctx, h):
            g, x = ctx.saved_tensors
            return h * x * (2 * first), h * g * (2 * first * second)

    class Square(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            return Slope.apply(g, ctx.saved_tensors[0])

    return Square.apply


@pytest.mark.parametrize("shape", [(), (3, 4), (0,), (200, 300)])
def test_right_gradients_pass(shape):
    assert gradcheck(scaled_square(), leaf(*shape))
    assert gradcheck(scaled_square(), leaf(*shape), **STRICT)
    assert gradgradcheck(scaled_square(), leaf(*shape), **STRICT)


@pytest.mark.parametrize("shape", [(), (3, 4), (200, 300)])
@pytest.mark.parametrize("error", [1.001, 0.999])
def test_a_gradient_wrong_by_a_thousandth_is_caught(shape, error):
    with pytest.raises(GradcheckError, match="Jacobian mismatch for output 0 with respect to input 0"):
        gradcheck(scaled_square(error), leaf(*shape), **STRICT)
    assert not gradcheck(scaled_square(error), leaf(*shape), **STRICT, raise_exception=False)


@pytest.mark.parametrize("shape", [(), (3, 4), (200, 300)])
@pytest.mark.parametrize("error", [1.001, 0.999])
def test_a_second_gradient_wrong_by_a_thousandth_is_caught(shape, error):
    wrong = scaled_square(second=error)
    assert gradcheck(wrong, leaf(*shape), **STRICT)
    with pytest.raises(GradcheckError, match="Jacobian mismatch"):
        gradgradcheck(wrong, leaf(*shape), **STRICT)
    assert not gradgradcheck(wrong, leaf(*shape), **STRICT, raise_exception=False)


def test_the_default_tolerance_catches_one_percent():
    assert not gradcheck(scaled_square(1.01), leaf(3, 4), raise_exception=False)


@pytest.mark.parametrize("shift", [np.nan, np.inf, 1.0])
def test_nan_and_constants_are_caught(shift):
    assert not gradcheck(scaled_square(shift=shift), leaf(3, 4), raise_exception=False)


def test_a_missing_gradient_is_caught():
    class Half(Function):
        @staticmethod
        def forward(ctx, x, y):
            return x * y

        @staticmethod
        def backward(ctx, g):
            return None, g * 0

    with pytest.raises(GradcheckError, match="input 0"):
        gradcheck(Half.apply, (leaf(3), leaf(3, seed=1)))


def test_the_message_names_input_output_and_both_values():
    def function(x, y):
        return x * 1, scaled_square(2.0)(y)

    with pytest.raises(GradcheckError) as error:
        gradcheck(function, (leaf(2), minigrad.tensor([3.0], dtype=minigrad.float64).requires_grad_()))
    assert "output 1 with respect to input 1" in str(error.value)
    assert "numerical: np.float64(6.0" in str(error.value)
    assert "analytical: np.float64(12.0" in str(error.value)


def test_inputs_come_back_as_they_were_and_gradients_are_left_alone():
    x = leaf(3, 4)
    before = x.detach().numpy().copy()
    x.grad = minigrad.ones(3, 4, dtype=minigrad.float64)
    gradcheck(scaled_square(), x)
    gradgradcheck(scaled_square(), x)
    with pytest.raises(GradcheckError):
        gradcheck(scaled_square(2.0), x)
    np.testing.assert_array_equal(x.detach().numpy(), before)
    np.testing.assert_array_equal(x.grad.numpy(), 1)


def test_parameters_may_be_reached_otherwise():
    weight, x = leaf(4), leaf(3, 4, seed=1)
    assert gradcheck(lambda *_: x * weight.exp(), (weight,), **STRICT)
    assert not gradcheck(
        lambda *_: x * (weight.exp() + 0 * weight.detach()) * weight.detach(), (weight,), raise_exception=False
    )


def test_transposed_inputs_and_views():
    x = minigrad.from_numpy(np.random.default_rng(0).standard_normal((4, 3)).T).requires_grad_()
    assert gradcheck(lambda x: x.t()[1:], x, **STRICT)
    assert gradgradcheck(lambda x: (x * x).t()[1:], x, **STRICT)


def test_arguments_that_are_no_tensors_and_outputs_without_a_gradient():
    def function(x, p, mask):
        return (x**p).masked_fill(mask, 0), x > 0

    assert gradcheck(
        function, (leaf(3).abs().detach().requires_grad_(), 2.5, minigrad.tensor([True, False, True])), **STRICT
    )


def test_misuse():
    with pytest.raises(ValueError, match="at least one input"):
        gradcheck(minigrad.exp, minigrad.ones(3, dtype=minigrad.float64))
    with pytest.raises(ValueError, match="at least one output"):
        gradcheck(lambda x: x > 0, leaf(3))
    with pytest.warns(UserWarning, match="float64"):
        gradcheck(lambda x: x * 2, minigrad.ones(3, requires_grad=True), eps=1e-2)
    wide = minigrad.ones(1, dtype=minigrad.float64).expand(3).detach().requires_grad_()
    with pytest.raises(ValueError, match="read-only"):
        gradcheck(minigrad.exp, wide)


def test_given_grad_outputs():
    x, g = leaf(3), leaf(3, seed=1)
    assert gradgradcheck(scaled_square(), (x,), (g,), **STRICT)
    assert isinstance(g, Tensor)
    assert g.grad is None


def test_no_warnings_for_float64():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gradcheck(minigrad.exp, leaf(3))


# ---- PyTorch's arguments -------------------------------------------------------------------------------------------------


def test_one_implementation_under_both_names():
    assert minigrad.autograd.gradcheck is gradcheck
    assert minigrad.autograd.gradgradcheck is gradgradcheck


@pytest.mark.parametrize("error", [1.001, 0.999])
def test_fast_mode_catches_too(error):
    assert gradcheck(scaled_square(), leaf(3, 4), fast_mode=True, **STRICT)
    assert not gradcheck(scaled_square(error), leaf(3, 4), fast_mode=True, raise_exception=False, **STRICT)
    wrong = scaled_square(second=error)
    assert not gradgradcheck(wrong, leaf(3, 4), fast_mode=True, raise_exception=False, **STRICT)


def test_gradients_that_change_from_run_to_run():
    class Moody(Function):
        calls = 0

        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            Moody.calls += 1
            return g * (2 + 1e-9 * Moody.calls)

    with pytest.raises(GradcheckError, match="not reentrant"):
        gradcheck(Moody.apply, leaf(3))
    assert gradcheck(Moody.apply, leaf(3), nondet_tol=1e-6)


def test_gradients_of_another_dtype():
    class Narrow(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return (g * 2).float()

    assert gradcheck(Narrow.apply, leaf(3))
    with pytest.raises(GradcheckError, match="gradient of output 0 for input 0 is float32, the input float64"):
        gradcheck(Narrow.apply, leaf(3), check_grad_dtypes=True)


def test_grad_outputs_that_are_not_contiguous():
    seen = []

    class Watch(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            seen.append(g.is_contiguous())
            return g * 2

    assert gradgradcheck(Watch.apply, leaf(3, 4), gen_non_contig_grad_outputs=True)
    assert not all(seen)


@pytest.mark.parametrize("name", ["check_batched_grad", "check_forward_ad", "check_batched_forward_grad", "masked"])
def test_checks_that_mean_nothing_here(name):
    assert gradcheck(minigrad.exp, leaf(3), **{name: False})
    with pytest.raises(NotImplementedError, match=f"{name}=True"):
        gradcheck(minigrad.exp, leaf(3), **{name: True})
    with pytest.raises(NotImplementedError, match="check_fwd_over_rev=True"):
        gradgradcheck(minigrad.exp, leaf(3), check_fwd_over_rev=True)
    with pytest.raises(AssertionError, match="at least one of check_forward_ad or check_backward_ad"):
        gradcheck(minigrad.exp, leaf(3), check_backward_ad=False)

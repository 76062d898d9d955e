"""Views that show an element more than once, and writes that have to fail before they change anything."""

import pytest

import minigrad as mg


@pytest.mark.parametrize(
    ("see", "gradient"),
    [
        (lambda x: x.unsqueeze(1).expand(3, 2), [8, 8, 8]),
        (lambda x: x.unfold(0, 2, 1), [4, 8, 4]),
        (lambda x: x.as_strided((2, 2), (1, 1)), [4, 8, 4]),
    ],
)
def test_a_view_with_shared_elements_sums_their_gradients_after_its_base_was_written_to(see, gradient):
    w = mg.ones(3, requires_grad=True)
    base = w * 2
    view = see(base)
    base.mul_(2)
    view.sum().backward()
    assert w.grad.tolist() == gradient


def test_such_a_view_of_a_base_that_is_not_contiguous():
    w = mg.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], dtype=mg.float64, requires_grad=True)
    base = mg.zeros(2, 3, dtype=mg.float64).t().detach()
    assert not base.is_contiguous()
    view = base.expand(2, 3, 2)
    base.copy_(w.t() ** 2)
    (first,) = mg.autograd.grad((view * view).sum(), w, create_graph=True)
    assert first.tolist() == (8 * w**3).tolist()  # of 2 w^4
    (second,) = mg.autograd.grad(first.sum(), w)
    assert second.tolist() == (24 * w**2).tolist()


def test_an_out_that_cannot_hold_the_result_stays_as_it_is():
    for out in (mg.ones(3, dtype=mg.int64), mg.ones(2, dtype=mg.int64)):
        before = out.tolist()
        with pytest.raises(RuntimeError, match="float32 can't be cast to the desired output type int64"):
            mg.add(mg.ones(3), 0.5, out=out)
        assert out.tolist() == before


@pytest.mark.parametrize("value", [None, "a"])
def test_what_is_no_number_is_not_written(value):
    x = mg.ones(2)
    with pytest.raises(TypeError, match="argument 'value' must be a number"):
        x.fill_(value)
    with pytest.raises(TypeError, match=f"can't assign a {type(value).__name__}"):
        x[0] = value
    with pytest.raises(RuntimeError, match="fill_ only supports 0-dimension value tensor but got tensor with 1"):
        x.fill_(mg.zeros(2))
    assert x.tolist() == [1, 1]


def test_bounds_and_deviations_that_are_nan_are_refused():
    for draw in (lambda x: x.uniform_(float("nan"), 1), lambda x: x.normal_(0, float("nan"))):
        with pytest.raises(RuntimeError, match="nan"):
            draw(mg.zeros(2))


class Doubled(mg.autograd.Function):
    """Doubles its input in place."""

    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x.mul_(2)

    @staticmethod
    def backward(ctx, g):
        return g * 2


class Seen(mg.autograd.Function):
    """A view of its input, or the input itself."""

    @staticmethod
    def forward(ctx, x, flat):
        ctx.shape = x.shape
        return x.view(-1) if flat else x

    @staticmethod
    def backward(ctx, g):
        return g.reshape(ctx.shape), None


def test_a_custom_function_may_not_change_a_view_in_place():
    c = mg.ones(2, 2, requires_grad=True) * 1
    with pytest.raises(RuntimeError, match="mark_dirty"):
        Doubled.apply(c[0])


@pytest.mark.parametrize("flat", [True, False])
def test_what_a_custom_function_shows_of_its_input_is_not_written_to(flat):
    c = mg.ones(2, 2, requires_grad=True) * 1
    seen = Seen.apply(c, flat)
    with pytest.raises(RuntimeError, match="custom Function"):
        seen.add_(1)


@pytest.mark.parametrize("flat", [True, False])
def test_what_a_custom_function_shows_of_its_input_is_stale_after_a_write_to_that(flat):
    c = mg.ones(2, 2, requires_grad=True) * 1
    seen = Seen.apply(c, flat)
    c.mul_(3)
    with pytest.raises(RuntimeError, match="custom Function"):
        seen.sum()

"""autograd.functional, functions of one's own and checkpoints, beside PyTorch."""

import numpy as np
import pytest

import minigrad as mg

torch = pytest.importorskip("torch")

FUNCTIONS = {
    "products": (lambda x, y: ((x[:, None] * y).sin(), (x * x).sum() * y), [(3,), (2,)]),
    "one output": (lambda x, y: (x.exp() * y).cumsum(0), [(4,), ()]),
    "one input": (lambda x: (x @ x.t(), x.sum()), [(2, 3)]),
    "a number": (lambda x: (x**3).sum().tanh(), [(2, 2)]),
    "not all used": (lambda x, y: x * 2, [(2,), (3,)]),
}


def flat(value):
    if isinstance(value, tuple):
        return [part for item in value for part in flat(item)]
    return [value.detach().numpy()]


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("create_graph", [False, True])
def test_derivatives(name, create_graph):
    function, shapes = FUNCTIONS[name]
    arrays = [np.random.default_rng(i).standard_normal(shape) for i, shape in enumerate(shapes)]
    found = []
    for library, tensor in ((mg, mg.tensor), (torch, torch.tensor)):
        functional = library.autograd.functional
        inputs = tuple(tensor(array, requires_grad=True) for array in arrays)
        outputs = function(*inputs)
        like_inputs = tuple(tensor(array * 0.5 + 1) for array in arrays)
        like_outputs = tuple(tensor(np.cos(array)) for array in flat(outputs))
        if not isinstance(outputs, tuple):
            like_outputs = like_outputs[0]
        inputs, like_inputs = (inputs, like_inputs) if len(inputs) > 1 else (inputs[0], like_inputs[0])

        def loss(*inputs):
            return sum((out**2).sum() for out in (lambda o: o if isinstance(o, tuple) else (o,))(function(*inputs)))

        results = (
            functional.jacobian(function, inputs, create_graph),
            functional.hessian(loss, inputs, create_graph),
            functional.vjp(function, inputs, like_outputs, create_graph),
            functional.jvp(function, inputs, like_inputs, create_graph),
            functional.hvp(loss, inputs, like_inputs, create_graph),
            functional.vhp(loss, inputs, like_inputs, create_graph),
        )
        found.append((flat(results), [type(result) for result in results]))
    (ours, kinds), (theirs, their_kinds) = found
    assert kinds[2:] == their_kinds[2:]
    assert [isinstance(kind, tuple) for kind in kinds] == [isinstance(kind, tuple) for kind in their_kinds]
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


def test_functions_of_ones_own_see_the_same():
    """What forward and backward are given and give, in every corner of PyTorch's protocol."""

    def trace(library, tensor):
        log = []

        class Several(library.autograd.Function):
            @staticmethod
            def forward(x, y, scale):
                return x * scale, (x > 0), "a word", y * y

            @staticmethod
            def setup_context(ctx, inputs, output):
                x, y, ctx.scale = inputs
                ctx.mark_non_differentiable(output[1])
                ctx.save_for_backward(x, None, y)
                ctx.set_materialize_grads(False)
                log.append(("needs", ctx.needs_input_grad))

            @staticmethod
            def backward(ctx, *grads):
                x, nothing, y = ctx.saved_tensors
                log.append(("grads", [None if g is None else g.tolist() for g in grads], x.tolist(), nothing))
                return grads[0] * ctx.scale, None if grads[3] is None else grads[3] * 2 * y, None

        x, y = (tensor([1.0, -2.0], requires_grad=True) for _ in range(2))
        a, b, word, c = Several.apply(x, y, 3.0)
        log.append((a.requires_grad, b.requires_grad, b.tolist(), word, c.requires_grad))
        a.sum().backward(retain_graph=True)
        (a.sum() + c.sum()).backward()
        log.append((x.grad.tolist(), y.grad.tolist()))
        a, *_ = Several.apply(x.detach(), y, 3.0)
        log.append(a.requires_grad)
        return log

    assert trace(mg, mg.tensor) == trace(torch, torch.tensor)


def test_the_same_errors_of_functions_of_ones_own():
    def errors(library, tensor):
        once = library.autograd.function.once_differentiable

        class Saves(library.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(3)
                return x

        class Once(library.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                return x * 2

            @staticmethod
            @once
            def backward(ctx, g):
                return g * 2

        x = tensor([1.0], requires_grad=True)
        with pytest.raises(TypeError) as saved:
            Saves.apply(x)
        g = tensor([1.0], requires_grad=True)
        (slope,) = library.autograd.grad(Once.apply(x), x, g, create_graph=True)
        with pytest.raises(RuntimeError) as twice:
            slope.backward()
        return str(saved.value), str(twice.value)

    (saved, twice), (their_saved, their_twice) = errors(mg, mg.tensor), errors(torch, torch.tensor)
    assert saved.startswith(their_saved)
    assert twice == their_twice


@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpoints(reentrant):
    found = []
    for library, tensor in ((mg, mg.tensor), (torch, torch.tensor)):
        checkpoint = __import__(f"{library.__name__}.utils.checkpoint", fromlist=["x"])
        w = tensor(np.linspace(-1, 1, 9).reshape(3, 3), requires_grad=True)
        x = tensor(np.linspace(0, 1, 6).reshape(2, 3), requires_grad=True)

        def run(x, y, w=w):
            return (x @ w).tanh() * y, (y @ w).sin()

        a, b = checkpoint.checkpoint(run, x, x * 2, use_reentrant=reentrant)
        c = checkpoint.checkpoint_sequential(
            [lambda z, w=w: z @ w, lambda z: z.exp()], 2, a + b, use_reentrant=reentrant
        )
        c.sum().backward()
        found.append([c.detach().numpy(), x.grad.numpy(), w.grad.numpy()])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)

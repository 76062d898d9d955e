"""Every operation, as the table in tests/op_table states it, without PyTorch."""

import itertools

import numpy as np
import pytest

import minigrad
from minigrad import Tensor, ops
from minigrad.tensor import Fused
from minigrad.testing import gradcheck, gradgradcheck

from .op_table import BAD, LARGE, ROWS, UNTABLED, names_used
from .op_table.row import minigrad_functional

F = minigrad_functional()
STRICT = {"rtol": 1e-6, "atol": 1e-7}  # a gradient wrong by 0.1 % is far outside

every_row = pytest.mark.parametrize("row", ROWS, ids=[r.id for r in ROWS])
differentiable = [r for r in ROWS if r.order]


def run(row, tensors):
    return row.run(minigrad, F, tensors)


def tensors_of(row, dtype=np.float64, seed=0):
    """The inputs as Tensors of their own memory; those with a gradient require it."""
    tensors = {name: minigrad.tensor(array) for name, array in row.draw(dtype, seed).items()}
    for name in row.tracked:
        tensors[name].requires_grad_()
    return tensors


def outputs(result):
    """The Tensors in a result."""
    if isinstance(result, Tensor):
        return [result]
    return [part for item in result for part in outputs(item)] if isinstance(result, tuple | list) else []


def seeds(results):
    rng = np.random.default_rng(1)
    return [minigrad.tensor(rng.standard_normal(out.shape).astype(out.dtype)) for out in results]


def backward(result):
    """Backward from all outputs with a gradient, each with random numbers."""
    tracked = [out for out in outputs(result) if out.requires_grad]
    if tracked:
        minigrad.autograd.backward(tracked, seeds(tracked))


def of_names(row, function):
    """The row as a function of its tracked inputs alone."""
    tensors = tensors_of(row)
    chosen = [tensors[name] for name in row.tracked]
    others = {name: x for name, x in tensors.items() if name not in row.tracked}
    return function(
        lambda *xs: outputs(run(row, {**others, **dict(zip(row.tracked, xs, strict=True))})), tuple(chosen), **STRICT
    )


# ---- the table itself --------------------------------------------------------------------------------------------------


def plain(function):
    """The function itself, where `out=` or an older spelling of `reduction` has been added to it."""
    return function.__wrapped__ if getattr(function, "takes_more", False) else function


def test_every_declared_operation_has_a_row():
    used = {name for r in ROWS for name in names_used(r.line)}
    tables = {"torch": ops.FUNCTIONS, "method": ops.METHODS, "F": ops.FUNCTIONAL}
    covered = {id(plain(tables[kind][name])) for kind, name in used if name in tables[kind]}
    missing = {
        f"{kind}.{name}"
        for kind, table in tables.items()
        for name, function in table.items()
        if id(plain(function)) not in covered and name not in UNTABLED
    }
    assert not missing


def test_the_list_of_operations_without_a_row_is_true():
    declared = {*ops.FUNCTIONS, *ops.METHODS, *ops.FUNCTIONAL}
    used = {name for r in ROWS for _, name in names_used(r.line)}
    assert [name for name in UNTABLED if name not in declared or name in used] == []


# ---- gradients ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", differentiable, ids=[r.id for r in differentiable])
def test_gradient(row):
    if row.order == 1:  # a step: its gradient is 0 everywhere
        tensors = tensors_of(row)
        backward(run(row, tensors))
        for name in row.tracked:
            grad = tensors[name].grad
            assert grad is None or not grad.numpy().any()
    else:
        assert of_names(row, gradcheck)


@pytest.mark.parametrize("row", differentiable, ids=[r.id for r in differentiable])
def test_second_gradient(row):
    if row.order == 2:
        assert of_names(row, gradgradcheck)


@every_row
def test_requires_grad_only_where_there_is_a_gradient(row):
    results = outputs(run(row, tensors_of(row)))
    assert any(out.requires_grad for out in results) == (row.order > 0)
    assert all(not out.requires_grad or out.is_floating_point() for out in results)


# a line of x = [-1, 0, 2, 2] (and y = [0, 0, 1, 2]), and its gradient where it has a kink
KINKS = """
x.amax()                   [0, 0, 0.5, 0.5]
x.max()                    [0, 0, 0.5, 0.5]
x.max(0).values            [0, 0, 1, 0]
(x * x).amin()             [0, 0, 0, 0]
x.sort().values[2]         [0, 0, 1, 0]
torch.maximum(x, y)        [0, 0.5, 1, 0.5]
torch.minimum(x, y)        [1, 0.5, 0, 0.5]
x.abs()                    [-1, 0, 1, 1]
x.relu()                   [0, 0, 1, 1]
x.clamp(0, 2)              [0, 1, 1, 1]
F.hardtanh(x, 0, 2)        [0, 0, 0, 0]
F.leaky_relu(x, 0.25)      [0.25, 0.25, 1, 1]
F.relu6(x)                 [0, 0, 1, 1]
x.norm(inf)                [0, 0, 0.5, 0.5]
x.norm(1)                  [-1, 0, 1, 1]
x[:2].norm() * 0 + x[1:2].norm()   [0, 0, 0, 0]
F.max_pool2d(x.reshape(1, 1, 1, 4), (1, 2)).sum()   [0, 1, 1, 0]
"""


@pytest.mark.parametrize("case", KINKS.strip().splitlines(), ids=lambda case: case.split("  ")[0])
def test_gradient_at_a_kink(case):
    line, expected = case.rsplit("  [", 1)
    x, y = minigrad.tensor([-1.0, 0, 2, 2], requires_grad=True), minigrad.tensor([0.0, 0, 1, 2])
    eval(line, {"torch": minigrad, "F": F, "x": x, "y": y, "inf": np.inf}).sum().backward()
    assert x.grad.tolist() == eval("[" + expected)


def test_a_pooling_window_wholly_in_the_padding():
    x = (minigrad.arange(25.0).reshape(1, 1, 5, 5) - 30).requires_grad_()
    values, places = F.max_pool2d(x, 2, 100, 1, 10, True, True)
    assert (values.tolist(), places.tolist()) == ([[[[-np.inf]]]], [[[[-1]]]])
    seed = minigrad.ones(1, 1, 1, 1, requires_grad=True)
    (grad,) = minigrad.autograd.grad(values, x, seed, create_graph=True)
    assert not memory(grad).any()
    assert minigrad.autograd.grad((grad * x.detach()).sum(), seed)[0].item() == 0


def test_backward_of_pooling_does_not_read_the_places_it_gave_away():
    x = minigrad.arange(4.0).reshape(1, 1, 2, 2).requires_grad_()
    values, places = F.max_pool2d(x, 2, return_indices=True)
    places.numpy()[...] = 0
    values.sum().backward()
    assert x.grad.tolist() == [[[[0, 0], [0, 1]]]]


def test_batch_norm_of_nothing_leaves_the_running_statistics():
    mean, var = minigrad.zeros(3), minigrad.ones(3)
    assert F.batch_norm(minigrad.ones(0, 3, 2), mean, var, training=True).shape == (0, 3, 2)
    assert (mean.tolist(), var.tolist()) == ([0, 0, 0], [1, 1, 1])


# ---- values and memory -------------------------------------------------------------------------------------------------


@every_row
def test_float32_agrees_with_float64(row):
    narrow, wide = tensors_of(row, np.float32), tensors_of(row, np.float64)
    a, b = run(row, narrow), run(row, wide)
    for x, y in zip(outputs(a), outputs(b), strict=True):
        assert x.shape == y.shape
        if x.dtype != y.dtype:
            assert (x.dtype, y.dtype) == (np.float32, np.float64)
        np.testing.assert_allclose(x.detach().numpy(), y.detach().numpy(), rtol=2e-5 * row.rtol, atol=2e-6 * row.rtol)
    backward(a)
    backward(b)
    for name in row.tracked:
        x, y = narrow[name].grad, wide[name].grad
        assert (x is None) == (y is None)
        if x is not None:
            assert x.dtype == np.float32
            np.testing.assert_allclose(x.numpy(), y.numpy(), rtol=1e-4 * row.rtol, atol=1e-5 * row.rtol)


def layouts(array):
    """The same numbers in other layouts: every second element of a wider array, transposed, and reversed."""
    if array.ndim:
        wide = np.empty((*array.shape, 2), array.dtype)
        wide[..., 0], wide[..., 1] = array, 7
        yield wide[..., 0]
        yield np.flip(np.flip(array).copy())
    if array.ndim > 1:
        yield array.T.copy().T


@pytest.mark.parametrize("row", [r for r in ROWS if r.inputs and r.strided], ids=lambda r: r.id)
def test_memory_layout_does_not_matter(row):
    plain = tensors_of(row)
    expected = run(row, plain)
    backward(expected)
    arrays = row.draw()
    for variant in itertools.zip_longest(*(layouts(array) for array in arrays.values())):
        tensors = {
            name: minigrad.from_numpy(array if other is None else other)
            for (name, array), other in zip(arrays.items(), variant, strict=True)
        }
        for name in row.tracked:
            tensors[name].requires_grad_()
        result = run(row, tensors)
        for x, y in zip(outputs(result), outputs(expected), strict=True):
            np.testing.assert_allclose(x.detach().numpy(), y.detach().numpy(), rtol=1e-12, atol=1e-14)
        backward(result)
        for name in row.tracked:
            if plain[name].grad is None:
                assert tensors[name].grad is None
            else:
                np.testing.assert_allclose(tensors[name].grad.numpy(), plain[name].grad.numpy(), rtol=1e-12, atol=1e-13)


def memory(tensor):
    return tensor.detach().numpy()


@every_row
def test_memory_hygiene(row):
    """Inputs are not written to; results lie on 64-byte boundaries; no gradient shares memory with anything."""
    tensors = tensors_of(row, np.float32)
    before = {name: memory(x).copy() for name, x in tensors.items()}
    result = run(row, tensors)
    for out in outputs(result):
        sharing = [x for x in tensors.values() if np.may_share_memory(memory(out), memory(x))]
        assert all(out is x or out._base is x for x in sharing)  # views say whose memory they show
        is_view = sharing or out._base is not None or not memory(out).flags.c_contiguous
        assert is_view or memory(out).size == 0 or out.data_ptr() % 64 == 0
    tracked = [out for out in outputs(result) if out.requires_grad]
    given = seeds(tracked)
    if tracked:
        given_before = [memory(g).copy() for g in given]
        minigrad.autograd.backward(tracked, given)
        for g, was in zip(given, given_before, strict=True):
            np.testing.assert_array_equal(memory(g), was)
    for name, x in tensors.items():
        np.testing.assert_array_equal(memory(x), before[name])
    grads = [tensors[name].grad for name in row.tracked if tensors[name].grad is not None]
    for grad in grads:
        assert memory(grad).flags.writeable
        assert grad.shape in {tensors[name].shape for name in row.tracked}
    everything = [*grads, *given, *tensors.values(), *outputs(result)]
    for grad in grads:
        assert not any(other is not grad and np.shares_memory(memory(grad), memory(other)) for other in everything)


@every_row
def test_a_second_run_gives_the_same_bits(row):
    a, b = tensors_of(row, np.float32), tensors_of(row, np.float32)
    minigrad.manual_seed(3)
    first = run(row, a)
    backward(first)
    minigrad.manual_seed(3)
    second = run(row, b)
    backward(second)
    for x, y in zip(outputs(first), outputs(second), strict=True):
        np.testing.assert_array_equal(memory(x), memory(y))


# ---- kernels -----------------------------------------------------------------------------------------------------------


def fused_functions(kind=Fused):
    for child in kind.__subclasses__():
        yield child
        yield from fused_functions(child)


def fused_calls(row, dtype, monkeypatch):
    """The calls of Fused functions that a row makes."""
    calls = []
    for function in fused_functions():
        apply = function.apply.__func__
        monkeypatch.setattr(
            function,
            "apply",
            classmethod(lambda cls, *args, apply=apply: calls.append((cls, args)) or apply(cls, *args)),
        )
    run(row, tensors_of(row, dtype))
    monkeypatch.undo()
    return calls


def leaf(value):
    return value.detach().clone().requires_grad_(value.requires_grad) if isinstance(value, Tensor) else value


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float32, 1e-5), (np.float64, 1e-12)])
def test_fused_kernels_compute_their_definition(dtype, rtol, monkeypatch):
    seen = set()
    for r in ROWS:
        for function, args in fused_calls(r, dtype, monkeypatch):
            seen.add(function)
            ours, theirs = [leaf(arg) for arg in args], [leaf(arg) for arg in args]
            theirs = [minigrad.from_numpy(arg) if isinstance(arg, np.ndarray) else arg for arg in theirs]
            a, b = function.apply(*ours), function.definition(*theirs)
            np.testing.assert_allclose(memory(a), memory(b), rtol, rtol, err_msg=r.id)
            if not a.requires_grad:
                continue
            backward(a)
            backward(b)
            for x, y in zip(ours, theirs, strict=True):
                if isinstance(x, Tensor) and x.requires_grad:
                    np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), 10 * rtol, 10 * rtol, err_msg=r.id)
    assert seen == set(fused_functions())


@pytest.mark.parametrize("row", LARGE, ids=[r.id for r in LARGE])
def test_threads_do_not_change_a_bit(row, set_num_threads):
    found = []
    for count in (1, 2, 3):
        set_num_threads(count)
        tensors = tensors_of(row, np.float32)
        result = run(row, tensors)
        backward(result)
        found.append([memory(x) for x in outputs(result)] + [memory(tensors[name].grad) for name in row.tracked])
    for other in found[1:]:
        for x, y in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(x.view(np.uint32), y.view(np.uint32))


# ---- dtypes ------------------------------------------------------------------------------------------------------------


DTYPES = {
    "b": np.bool_,
    "u1": np.uint8,
    "i4": np.int32,
    "i8": np.int64,
    "f2": np.float16,
    "f4": np.float32,
    "f8": np.float64,
}

# operands (a trailing 0: a Tensor without axes; words: Python numbers) -> the dtype of x + y, and of x / y
SUMS = """
b  b    -> b  f4 | u1 i4  -> i4 f4 | i4 i8   -> i8 f4 | f4 f8    -> f8 f8 | f2 f4    -> f4 f4
b  i4   -> i4 f4 | i8 f4  -> f4 f4 | i8 f2   -> f2 f2 | b  f8    -> f8 f8 | u1 f2    -> f2 f2
f4 f80  -> f4 f4 | i4 i80 -> i4 f4 | i8 f40  -> f4 f4 | i8 f80   -> f8 f8 | b  u10   -> u1 f4
f80 f4  -> f4 f4 | i80 i4 -> i4 f4 | f40 f80 -> f8 f8 | i80 f40  -> f4 f4 | i4 i40   -> i4 f4
f4 int  -> f4 f4 | i4 int -> i4 f4 | u1 int  -> u1 f4 | b  int   -> i8 f4 | f8 float -> f8 f8
f2 float -> f2 f2 | i4 float -> f4 f4 | b float -> f4 f4 | b bool -> b f4 | i8 bool -> i8 f4
f80 float -> f8 f8 | i80 float -> f4 f4 | i40 int -> i4 f4 | f4 bool -> f4 f4 | f20 int -> f2 f2
"""


def operand(name):
    if name in ("int", "float", "bool"):
        return {"int": 3, "float": 1.5, "bool": True}[name]
    return minigrad.from_numpy(
        np.ones((), DTYPES[name[:-1]]) if name.endswith("0") and name[:-1] in DTYPES else np.ones(2, DTYPES[name])
    )


@pytest.mark.parametrize(("x", "y", "total", "ratio"), [
    tuple(case.replace("->", " ").split()) for line in SUMS.strip().splitlines() for case in line.split("|")
])  # fmt: skip
def test_operands_of_different_dtypes(x, y, total, ratio):
    x, y = operand(x), operand(y)
    assert (
        (x + y).dtype
        == (y + x).dtype
        == (x * y).dtype
        == minigrad.maximum(*map(minigrad.as_tensor, (x + y, y + x))).dtype
        == DTYPES[total]
    )
    assert (x / y).dtype == DTYPES[ratio]
    assert (x == y).dtype == (x < y).dtype == np.bool_


# a line of x, and the dtypes it gives for x of bool, int32, int64, float16, float32, float64 (- where it raises)
RESULTS = """
x.sum()                i8 i8 i8 f2 f4 f8
x.mean()               -  -  -  f2 f4 f8
x.prod()               i8 i8 i8 f2 f4 f8
x.cumsum(0)            i8 i8 i8 f2 f4 f8
x.amax()               b  i4 i8 f2 f4 f8
x.argmax()             i8 i8 i8 i8 i8 i8
x.all()                b  b  b  b  b  b
x.exp()                f4 f4 f4 f2 f4 f8
x.abs()                b  i4 i8 f2 f4 f8
x.sqrt()               f4 f4 f4 f2 f4 f8
x.floor()              b  i4 i8 f2 f4 f8
-x                     -  i4 i8 f2 f4 f8
~x                     b  i4 i8 -  -  -
x ** 2                 i8 i4 i8 f2 f4 f8
x.square()             i8 i4 i8 f2 f4 f8
x.relu()               -  i4 i8 f2 f4 f8
x.sigmoid()            f4 f4 f4 f2 f4 f8
x.softmax(0)           f4 f4 f4 -  f4 f8
torch.zeros_like(x)    b  i4 i8 f2 f4 f8
x.sort().values        b  i4 i8 f2 f4 f8
x.float()              f4 f4 f4 f4 f4 f4
"""


@pytest.mark.parametrize("case", RESULTS.strip().splitlines(), ids=lambda case: case.split("  ")[0])
def test_result_dtypes(case):
    line, expected = case[:23].strip(), case[23:].split()
    for name, result in zip(("b", "i4", "i8", "f2", "f4", "f8"), expected, strict=True):
        x = minigrad.from_numpy(np.ones(3, DTYPES[name]))
        if result == "-":
            with pytest.raises((RuntimeError, TypeError, NotImplementedError)):
                eval(line, {"torch": minigrad, "x": x})
        else:
            assert eval(line, {"torch": minigrad, "x": x}).dtype == DTYPES[result], name


# ---- bad input ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", BAD, ids=[b.id for b in BAD])
def test_bad_input_raises_and_says_why(row):
    tensors = tensors_of(row, np.float32)
    before = {name: memory(x).copy() for name, x in tensors.items()}
    with pytest.raises(row.error) as error:
        run(row, tensors)
    for fragment in row.says:
        assert fragment in str(error.value)
    for name, x in tensors.items():  # a failure leaves everything as it was
        np.testing.assert_array_equal(memory(x), before[name])


class Matrix:
    """Something that leaves @ to the Tensor at its right."""

    def __init__(self, array):
        self.array = array

    def __matmul__(self, other):
        return NotImplemented


def test_matmul_with_an_array_at_its_left():
    x = minigrad.tensor([[1.0, 2.0], [3.0, 4.0]])
    result = np.array([[2.0, 0.0]], np.float32) @ x
    assert isinstance(result, Tensor)
    assert result.tolist() == [[2.0, 4.0]]
    with pytest.raises(TypeError):
        Matrix(1) @ x

"""The table's rows against PyTorch: values, gradients, second gradients, dtypes, errors, indexing and printing."""

import itertools
import re
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import minigrad
from minigrad import Tensor

from ..op_table import BAD, ROWS
from ..op_table.row import minigrad_functional

torch = pytest.importorskip("torch", minversion="2.2")

F = minigrad_functional()
SHARED = [r for r in ROWS if r.torch is not None]
PRECISIONS = {np.float32: {"rtol": 1e-5, "atol": 1e-6}, np.float64: {"rtol": 1e-11, "atol": 1e-12}}


def both(row, dtype, seed=0):
    """The inputs as Tensors of minigrad and of PyTorch."""
    arrays = row.draw(dtype, seed)
    ours = {name: minigrad.tensor(array) for name, array in arrays.items()}
    theirs = {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}
    for name in row.tracked:
        ours[name].requires_grad_()
        theirs[name].requires_grad_()
    return ours, theirs


def run_both(row, ours, theirs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = row.run(torch, torch.nn.functional, theirs, row.torch or row.line)
    return row.run(minigrad, F, ours), expected


def parts(result):
    """A result as a flat list of Tensors and plain values."""
    if isinstance(result, tuple | list):
        return [part for item in result for part in parts(item)]
    return [result]


def array(tensor):
    return tensor.detach().numpy(force=True)


def name_of(dtype):
    return str(dtype).removeprefix("torch.")


def check(ours, theirs, **tolerance):
    """The same structure, dtypes, shapes, values and gradient flags."""
    for x, y in zip(parts(ours), parts(theirs), strict=True):
        if isinstance(y, torch.Tensor):
            assert isinstance(x, Tensor)
            assert name_of(x.dtype) == name_of(y.dtype)
            assert x.shape == tuple(y.shape)
            assert x.requires_grad == y.requires_grad
            np.testing.assert_allclose(array(x), array(y), **tolerance)
        else:
            assert x == y


def check_grads(found, expected, **tolerance):
    for x, y in zip(found, expected, strict=True):
        if x is None or y is None:  # PyTorch materializes zeros in places, and so may we
            assert all(grad is None or not array(grad).any() for grad in (x, y))
        else:
            assert name_of(x.dtype) == name_of(y.dtype)
            assert x.shape == tuple(y.shape)
            np.testing.assert_allclose(array(x), array(y), **tolerance)


def random_like(tensors, seed):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(tuple(x.shape)).astype(name_of(x.dtype)) for x in tensors]


def tracked_parts(result):
    return [part for part in parts(result) if isinstance(part, Tensor | torch.Tensor) and part.requires_grad]


@pytest.mark.parametrize("dtype", PRECISIONS, ids=["float32", "float64"])
@pytest.mark.parametrize("row", SHARED, ids=[r.id for r in SHARED])
def test_row(row, dtype):
    tolerance = {name: value * row.rtol for name, value in PRECISIONS[dtype].items()}
    ours, theirs = both(row, dtype)
    result, expected = run_both(row, ours, theirs)
    check(result, expected, **tolerance)
    if not row.order:
        return
    outs, touts = tracked_parts(result), tracked_parts(expected)
    seeds = random_like(outs, 1)
    xs, txs = [ours[name] for name in row.tracked], [theirs[name] for name in row.tracked]
    twice = row.order == 2
    seeds, tseeds = [minigrad.tensor(s) for s in seeds], [torch.from_numpy(s) for s in seeds]
    if twice:
        seeds, tseeds = [s.requires_grad_() for s in seeds], [s.requires_grad_() for s in tseeds]
    grads = minigrad.autograd.grad(outs, xs, seeds, create_graph=twice, allow_unused=True)
    tgrads = torch.autograd.grad(touts, txs, tseeds, create_graph=twice, allow_unused=True)
    looser = {name: 10 * value for name, value in tolerance.items()}
    check_grads(grads, tgrads, **looser)
    if not twice:
        return
    pairs = [(g, t) for g, t in zip(grads, tgrads, strict=True) if g is not None and t is not None and t.requires_grad]
    weights = random_like([g for g, _ in pairs], 2)
    second = minigrad.autograd.grad(
        [g for g, _ in pairs], [*xs, *seeds], [minigrad.tensor(w) for w in weights], allow_unused=True
    )
    tsecond = torch.autograd.grad(
        [t for _, t in pairs], [*txs, *tseeds], [torch.from_numpy(w) for w in weights], allow_unused=True
    )
    check_grads(second, tsecond, **{name: 30 * value for name, value in tolerance.items()})


# ---- dtypes ------------------------------------------------------------------------------------------------------------

DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]
MIXED = [
    "x + y", "x - y", "x * y", "x / y", "x // y", "x % y", "x ** y", "x == y", "x < y", "torch.maximum(x, y)",
    "torch.atan2(x, y)", "torch.where(c, x, y)", "torch.logical_and(x, y)", "x & y", "x ^ y",
    "torch.div(x, y, rounding_mode='trunc')", "torch.add(x, y, alpha=2)", "torch.cat([x.reshape(-1), y.reshape(-1)])",
    "torch.stack([x, y])", "torch.clamp(x, min=y)", "torch.clamp(x, max=y)",
]  # fmt: skip
WITH_NUMBER = [
    "x + n", "n + x", "x - n", "n - x", "x * n", "x / n", "n / x", "x // n", "n // x", "x % n", "n % x", "x ** n",
    "n ** x", "x == n", "x < n", "torch.where(c, x, n)", "torch.where(c, n, x)", "x & n", "n | x",
    "torch.clamp(x, min=n)", "torch.add(x, n)", "torch.full_like(x, n)", "x.masked_fill(c, n)", "torch.pow(n, x)",
    "torch.add(x, x, alpha=n)",
]  # fmt: skip
UNARY = [
    "x.sum()", "x.mean()", "x.prod()", "x.cumsum(0)", "x.amax()", "x.max()", "x.argmax()", "x.all()", "x.any()",
    "x.var()", "x.norm()", "x.exp()", "x.log()", "x.sqrt()", "x.sin()", "x.tanh()", "x.sigmoid()", "x.erf()",
    "x.abs()", "x.neg()", "x.sign()", "x.square()", "x.reciprocal()", "x.rsqrt()", "x.floor()", "x.ceil()",
    "x.round()", "x.trunc()", "x.relu()", "-x", "~x", "abs(x)", "x.isnan()", "x.isfinite()", "x.logical_not()",
    "x.count_nonzero()", "x.sort().values", "x.sort().indices", "x.topk(1).values", "x.softmax(0)",
    "x.log_softmax(0)", "x.logsumexp(0)", "x.flip(0)", "x.tril()", "x.clamp(0, 1)", "x.clamp(0.0, 1)", "x.pow(2)",
    "x.pow(0.5)", "F.relu(x)", "F.leaky_relu(x)", "F.gelu(x)", "F.silu(x)", "F.softplus(x)", "F.hardtanh(x)",
    "F.elu(x)", "torch.dot(x, x)", "x.bool()", "x.float()", "x.int()", "x.nansum()",
    "torch.mean(x, 0, dtype=torch.float64)", "torch.sum(x, dtype=torch.float32)", "torch.sum(x, dtype=torch.int64)",
    "x.exp2()", "x.asinh()", "x.logit()", "x.nan_to_num()", "torch.sgn(x)", "x.median()", "x.median(0)[0]", "x.kthvalue(2)[1]",
    "x.quantile(0.3)", "x.nanmean()", "x.cumprod(0)", "x.cummax(0)[0]", "x.diff()", "x.unique()", "x.bincount()", "torch.cov(x)",
    "torch.dist(x, x)", "torch.kron(x, x)", "torch.diag_embed(x)", "torch.isin(x, x)", "torch.searchsorted(x, x)",
    "F.selu(x)", "F.hardswish(x)", "F.threshold(x, 2, 5)", "F.hardshrink(x)", "F.softshrink(x)", "F.one_hot(x)",
    "F.rms_norm(x, (3,))", "F.cosine_similarity(x, x, 0)", "F.max_pool1d(x.reshape(1, 1, 3), 2)", "x.new_full((2,), 2)",
    "x.index_copy(0, torch.tensor([0]), x[:1])", "x.masked_scatter(x > 1, x)", "F.interpolate(x.reshape(1, 1, 3), 5)",
    "torch.bucketize(x, x)", "x.new_zeros(2)", "torch.zeros_like(x)", "x.cumsum(0, dtype=torch.float64)",
]  # fmt: skip


def answer(line, module, functional, scope):
    """The dtype and the values, or the exception."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = eval(line, {"torch": module, "F": functional, **scope})
        except Exception as error:
            return type(error).__name__, None
    return name_of(result.dtype), array(result)


def same_answer(line, ours, theirs, lenient=False):
    """What differs, as text; None where all is equal, or where PyTorch lacks the dtype and we do not."""
    kind, values = answer(line, minigrad, F, ours)
    expected, wanted = answer(line, torch, torch.nn.functional, theirs)
    if expected == "NotImplementedError" or (lenient and wanted is None):
        return (
            f"{kind} without a cause"
            if values is None and kind not in ("NotImplementedError", "RuntimeError")
            else None
        )
    if (values is None) != (wanted is None) or (wanted is not None and kind != expected):
        return f"{kind} instead of {expected}"
    if wanted is not None and not np.allclose(
        values.astype(np.float64), wanted.astype(np.float64), rtol=2e-3 if "16" in expected else 1e-5, equal_nan=True
    ):
        return f"{values} instead of {wanted}"
    return None


def pair(data, dtype):
    values = np.array(data).astype(dtype)
    return minigrad.tensor(values), torch.from_numpy(values.copy())


# The kernels know float32 and float64; all() and any() are bool; hardtanh of integers is a float
LACKING = {
    **dict.fromkeys(["x.erf()", "x.softmax(0)", "x.log_softmax(0)", "F.gelu(x)"], ("float16",)),
    **dict.fromkeys(["F.rms_norm(x, (3,))", "F.max_pool1d(x.reshape(1, 1, 3), 2)"], ("float16",)),
    **dict.fromkeys(["x.all()", "x.any()"], ("uint8",)),
    "F.hardtanh(x)": ("int8", "int16", "int32", "int64"),
}


@pytest.mark.parametrize("line", MIXED)
def test_mixed_dtypes(line):
    wrong = []
    mask = np.array([True, False, True])
    for a, b, x0, y0 in itertools.product(DTYPES, DTYPES, (False, True), (False, True)):
        x, tx = pair(3 if x0 else [1, 2, 3], a)
        y, ty = pair(2 if y0 else [2, 1, 3], b)
        difference = same_answer(
            line, {"x": x, "y": y, "c": minigrad.tensor(mask)}, {"x": tx, "y": ty, "c": torch.from_numpy(mask)}
        )
        if difference:
            wrong.append(f"x {a}{'[]' if x0 else ''}, y {b}{'[]' if y0 else ''}: {difference}")
    assert not wrong, f"{len(wrong)} differ:\n" + "\n".join(wrong[:30])


@pytest.mark.parametrize("line", WITH_NUMBER)
def test_python_numbers(line):
    wrong = []
    mask = np.array([True, False, True])
    for a, n, x0 in itertools.product(DTYPES, (2, 1.5, True, 0, 0.0), (False, True)):
        if line == "x ** n" and a == "bool" and n is True:
            continue  # NumPy has no power of bools
        x, tx = pair(3 if x0 else [1, 2, 3], a)
        difference = same_answer(
            line, {"x": x, "n": n, "c": minigrad.tensor(mask)}, {"x": tx, "n": n, "c": torch.from_numpy(mask)}
        )
        if difference:
            wrong.append(f"x {a}{'[]' if x0 else ''}, n {n}: {difference}")
    assert not wrong, f"{len(wrong)} differ:\n" + "\n".join(wrong[:30])


@pytest.mark.parametrize("line", UNARY)
def test_dtypes_of_functions(line):
    wrong = []
    for a in DTYPES:
        x, tx = pair([1, 2, 3], a)
        difference = a not in LACKING.get(line, ()) and same_answer(line, {"x": x}, {"x": tx}, lenient=True)
        if difference:
            wrong.append(f"x {a}: {difference}")
    assert not wrong, "\n".join(wrong)


# ---- errors ------------------------------------------------------------------------------------------------------------

RAISED = [b for b in BAD if not b.differs]


@pytest.mark.parametrize("row", RAISED, ids=[b.id for b in RAISED])
def test_bad_input_raises_as_in_pytorch(row):
    _, theirs = both(row, np.float32)
    with pytest.raises(row.error):
        row.run(torch, torch.nn.functional, theirs)


# ---- special values ----------------------------------------------------------------------------------------------------

SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 2.0, 0.5, 1e30, -1e30, 1e-30, 89.0, -104.0]
SPECIAL_LINES = [
    "x.exp()", "x.expm1()", "x.log()", "x.log1p()", "x.log2()", "x.sqrt()", "x.rsqrt()", "x.square()", "x.abs()",
    "x.sign()", "x.sin()", "x.tanh()", "x.atan()", "x.erf()", "x.sigmoid()", "x.reciprocal()", "x.floor()",
    "x.round()", "x.relu()", "F.leaky_relu(x)", "F.elu(x)", "F.gelu(x)", "F.gelu(x, approximate='tanh')", "F.silu(x)",
    "F.mish(x)", "F.softplus(x)", "F.logsigmoid(x)", "F.hardtanh(x)", "F.relu6(x)", "F.softsign(x)", "x.clamp(-1, 1)",
    "x.clamp(min=0)", "x ** 2", "x ** 3", "x ** 0.5", "x ** -1", "x ** 0", "2 ** x", "x / 0", "1 / x", "x % 2.5",
    "x.detach() // 2.5", "x.sum()", "x.mean()", "x.amax()", "x.amin()", "x.max()", "x.max(0)", "x.min(0)",
    "x.argmax()", "x.argmin()", "x.sort()", "x.argsort(descending=True)", "x.topk(4)", "x.cumsum(0)", "x.prod()",
    "x.var()", "x.norm()", "x.norm(1)", "x.norm(inf)", "x.logsumexp(0)", "x.softmax(0)", "x.log_softmax(0)",
    "x.isnan()", "x.isinf()", "x.isfinite()", "x.nansum()", "x.bool()", "x.logical_not()", "x.any()", "x.all()",
    "x.count_nonzero()", "x == x", "x.masked_fill(x != x, 0)", "x[x == x]", "torch.where(x > 0, x, 0.0)",
    "F.softmax(x[1:3], 0)", "x[2:3].logsumexp(0)", "x[1:2].logsumexp(0)", "F.max_pool2d(x.reshape(1, 2, 7), (1, 3))",
    "torch.nonzero(x)", "x.isclose(x, equal_nan=True)", "torch.equal(x, x)", "x.exp2()", "x.asinh()", "x.atanh()", "x.frac()",
    "x.nan_to_num()", "x.median()", "x.median(0)[0]", "x.nanmedian()", "x.kthvalue(2)[0]", "x.nanmean()", "x.cummax(0)", "x.cummin(0)",
    "x.diff()", "F.glu(x)", "F.threshold(x, 2.0, 5.0)", "F.tanhshrink(x)", "F.prelu(x, x[5:6].detach() + 0.5)", "F.selu(x)",
    "F.interpolate(x.reshape(1, 1, 14), 20)", "F.max_pool1d(x.reshape(1, 1, 14), 3)", "F.unfold(x.reshape(1, 1, 2, 7), 2)",
    "F.adaptive_max_pool1d(x.reshape(1, 1, 14), 4)", "torch.linalg.vector_norm(x)", "F.rms_norm(x.reshape(7, 2), (2,))",
    "torch.aminmax(x)", "F.cosine_similarity(x.reshape(7, 2), x.reshape(7, 2).flip(0))",
]  # fmt: skip
SPECIAL_PAIRS = [
    "x + y", "x - y", "x * y", "x / y", "x ** y", "torch.maximum(x, y)", "torch.minimum(x, y)", "x % y",
    "x.detach() // y.detach()", "torch.atan2(x, y)", "x < y", "x >= y", "x == y",
    "torch.div(x, y, rounding_mode='trunc')", "torch.isclose(x, y)", "torch.clamp(x, max=y)", "torch.logaddexp(x, y)",
]  # fmt: skip


# Where PyTorch's answer is not taken over
OTHERWISE = {
    "x.abs()": [np.nan],  # PyTorch's sign(NaN) is 0; NaN here
    "x.sign()": [np.nan],
    "x.norm(1)": [np.nan],
    "x.amax()": [np.nan],  # PyTorch spreads NaN over all elements; here it goes to the NaN
    "x.amin()": [np.nan],
    "F.selu(x)": [np.nan],
    "F.elu(x)": [np.nan],  # PyTorch's slope at NaN is 1; NaN here
    "F.hardtanh(x)": [np.nan],  # PyTorch's slope at NaN is 1 in float32 and 0 in float64; 0 here
    "F.relu6(x)": [np.nan],
    "F.gelu(x)": [np.inf, -np.inf],  # PyTorch's float32 kernel makes them NaN
    "x ** 0.5": [-np.inf, -0.0],  # PyTorch takes the slope from 1 / sqrt(x)
    "x.norm(inf)": [np.nan],  # PyTorch's gradient is 0; NaN here
    "x.prod()": [np.nan, np.inf, -np.inf],  # PyTorch's gradient ignores what is not finite beside a 0
}


def compare_special(line, dtype, *arrays):
    names = ("x", "y")[: len(arrays)]
    ours = {name: minigrad.tensor(a).requires_grad_() for name, a in zip(names, arrays, strict=True)}
    theirs = {name: torch.from_numpy(a.copy()).requires_grad_() for name, a in zip(names, arrays, strict=True)}
    scope = {"inf": np.inf}
    result = eval(line, {"torch": minigrad, "F": F, **scope, **ours})
    expected = eval(line, {"torch": torch, "F": torch.nn.functional, **scope, **theirs})
    tolerance = PRECISIONS[dtype]
    check(result, expected, **tolerance)
    outs = tracked_parts(result)
    if outs:
        grads = minigrad.autograd.grad(outs, list(ours.values()), [minigrad.ones_like(out) for out in outs])
        tgrads = torch.autograd.grad(
            tracked_parts(expected),
            list(theirs.values()),
            [torch.ones_like(out) for out in tracked_parts(expected)],
            allow_unused=True,
        )
        check_grads(grads, tgrads, **{name: 10 * value for name, value in tolerance.items()})


@pytest.mark.parametrize("dtype", PRECISIONS, ids=["float32", "float64"])
@pytest.mark.parametrize("line", SPECIAL_LINES)
def test_special_values(line, dtype):
    left_out = OTHERWISE.get(line, [])
    values = [x for x in SPECIAL if not any(x is y or (x == y and np.signbit(x) == np.signbit(y)) for y in left_out)]
    compare_special(line, dtype, np.array(values, dtype))


@pytest.mark.parametrize("dtype", PRECISIONS, ids=["float32", "float64"])
@pytest.mark.parametrize("line", SPECIAL_PAIRS)
def test_pairs_of_special_values(line, dtype):
    # PyTorch's float32 % of numbers 60 orders apart is NaN; its clamp by Tensors has slope 0 at NaN, ours 1
    left_out = {"x % y": [1e30, -1e30], "torch.clamp(x, max=y)": [np.nan]}.get(line, [])
    x, y = np.meshgrid(*[np.array([v for v in SPECIAL if not any(v is w or v == w for w in left_out)], dtype)] * 2)
    compare_special(line, dtype, x.ravel(), y.ravel())


KINKED = [
    *(f"F.{name}(x)" for name in ("relu", "leaky_relu", "elu", "hardtanh", "relu6", "softsign", "gelu", "softplus")),
    *("x.abs()", "x.amax()", "x.amin()", "x.max()", "x.max(0)", "x.min(1)", "x.amax(1)", "x.norm()", "x.norm(1)"),
    *(
        "x.norm(3)",
        "x.norm(inf, 0)",
        "x.clamp(-1, 1)",
        "x.clamp(min=0)",
        "x.sort()",
        "torch.sort(x, stable=True, dim=0, descending=True)",
    ),
    *("x.sign()", "x.prod()", "x.prod(0)", "x ** 2", "x ** 3", "x ** 1", "x.cumsum(0)", "x.relu()", "x.std(0)"),
    *("x.median()", "x.median(1)[0]", "x.cummax(1)", "x.cumprod(0)", "x.quantile(0.5, 0)", "torch.logaddexp(x, x)"),
    *("F.hardswish(x * 3)", "F.selu(x)", "F.hardshrink(x, 1)", "F.softshrink(x, 1)", "F.threshold(x, 1, 2)"),
    *("F.prelu(x, x[1, :1].detach())", "F.max_pool1d(x, 2)", "F.adaptive_max_pool2d(x[None], (3, 3))"),
    *("torch.linalg.norm(x, 1)", "torch.linalg.norm(x, inf)", "torch.aminmax(x)", "F.pairwise_distance(x, x, eps=0)"),
    *("F.triplet_margin_loss(x, x, x)", "F.hinge_embedding_loss(x, x.detach().sign())"),
    *(
        "F.normalize(x)",
        "F.max_pool2d(x[None], 2)",
        "F.l1_loss(x, x.detach().flip(0))",
        "F.smooth_l1_loss(x, 0 * x.detach())",
    ),
    *(
        "F.huber_loss(x, 0 * x.detach())",
        "torch.atan2(x, x)",
        "(x * 0).norm()",
        "x.clamp(max=0).sqrt()",
        "x.clamp(min=0).sqrt()",
    ),
]


@pytest.mark.parametrize("dtype", PRECISIONS, ids=["float32", "float64"])
@pytest.mark.parametrize("line", KINKED)
def test_ties_and_kinks(line, dtype):
    compare_special(line, dtype, np.array([[0, 1, 1, -1], [2, 2, 2, 0], [-1, 1, 0, 0], [1, 0, 2, -1]], dtype))


# ---- indexing ----------------------------------------------------------------------------------------------------------


@st.composite
def shapes_and_indices(draw):
    """A shape, and an index for it: ints, slices, None, ..., integer arrays that broadcast, and a mask."""
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4))
    lists = draw(hnp.array_shapes(min_dims=1, max_dims=2, max_side=3))
    index, axis, dots = [], 0, False
    while axis < len(shape):
        kind = draw(st.sampled_from(["int", "slice", "slice", "none", "dots", "array", "mask", "stop"]))
        n = shape[axis]
        if kind == "int":
            index.append(draw(st.integers(-n - 1 if draw(st.integers(0, 9)) == 0 else -n, max(n - 1, 0))))
        elif kind == "slice":
            ends = st.none() | st.integers(-n - 1, n + 1)
            index.append(slice(draw(ends), draw(ends), draw(st.none() | st.integers(1, 3))))
        elif kind == "array":
            index.append(
                draw(hnp.arrays(np.int64, lists, elements=st.integers(-n, n - 1))) if n else np.zeros(0, np.int64)
            )
        elif kind == "mask":
            index.append(draw(hnp.arrays(np.bool_, n)))
            lists = (int(index[-1].sum()),)
        elif kind == "none":
            index.append(None)
            continue
        elif kind == "dots":
            if not dots:
                index.append(...)
            dots = True
            axis += draw(st.integers(0, 1))
            continue
        else:
            break
        axis += 1
    return shape, tuple(index) if len(index) != 1 or draw(st.booleans()) else index[0]


def tensors_in(index, make):
    if isinstance(index, tuple):
        return tuple(tensors_in(part, make) for part in index)
    return make(index) if isinstance(index, np.ndarray) else index


@settings(max_examples=300)
@given(shapes_and_indices())
def test_indexing(case):
    shape, index = case
    values = np.arange(int(np.prod(shape)), dtype=np.float64).reshape(shape)
    x, t = minigrad.tensor(values).requires_grad_(), torch.from_numpy(values.copy()).requires_grad_()
    ours, theirs = tensors_in(index, minigrad.tensor), tensors_in(index, torch.from_numpy)
    try:
        expected = t[theirs]
    except (IndexError, RuntimeError) as error:
        if values.size == 0:
            return  # NumPy is more lenient with masks where there is nothing to pick
        with pytest.raises((IndexError, type(error))):
            x[ours]
        return
    try:
        result = x[ours]
    except IndexError as error:  # PyTorch checks no bounds where there is nothing to pick; minigrad does
        assert values.size == 0 and "out of bounds" in str(error)  # noqa: PT017, PT018
        return
    check(result, expected)
    weights = random_like([expected], 0)[0]
    result.backward(minigrad.tensor(weights))
    expected.backward(torch.from_numpy(weights))
    np.testing.assert_allclose(x.grad.numpy(), t.grad.numpy(), rtol=1e-12)


@settings(max_examples=200)
@given(shapes_and_indices(), st.sampled_from(["number", "whole", "broadcast"]))
def test_assignment(case, kind):
    shape, index = case
    values = np.arange(int(np.prod(shape)), dtype=np.float64).reshape(shape)
    ours, theirs = tensors_in(index, minigrad.tensor), tensors_in(index, torch.from_numpy)
    try:
        target = torch.from_numpy(values.copy())[theirs]
    except (IndexError, RuntimeError):
        return
    arrays = [i for i in (index if isinstance(index, tuple) else (index,)) if isinstance(i, np.ndarray)]
    if arrays and kind == "whole" and len(set(target.flatten().tolist())) < target.numel():
        return  # an element named twice: which value stays is not defined
    value = np.full(target.shape if kind == "whole" else target.shape[-1:] if kind == "broadcast" else (), -1.0)
    value = np.asarray(value + np.arange(value.size).reshape(value.shape) if kind != "broadcast" else value)
    v, tv = minigrad.tensor(value).requires_grad_(), torch.from_numpy(value.copy()).requires_grad_()
    x, t = minigrad.tensor(values).requires_grad_(), torch.from_numpy(values.copy()).requires_grad_()
    z, tz = x * 1, t * 1
    z[ours] = v
    tz[theirs] = tv
    check(z, tz)
    weights = random_like([tz], 0)[0]
    z.backward(minigrad.tensor(weights))
    tz.backward(torch.from_numpy(weights))
    np.testing.assert_allclose(x.grad.numpy(), t.grad.numpy(), rtol=1e-12)
    np.testing.assert_allclose(v.grad.numpy(), tv.grad.numpy(), rtol=1e-12)


# ---- in place ----------------------------------------------------------------------------------------------------------


IN_PLACE = [
    "x.add_(1)", "x.add_(y)", "x.add_(1.5)", "x.sub_(y, alpha=2)", "x.mul_(2)", "x.mul_(2.5)", "x.div_(2)",
    "x.div_(y)", "x.pow_(2)", "x.exp_()", "x.zero_()", "x.fill_(3)", "x.fill_(2.7)", "x.copy_(y)", "x.clamp_(0, 2)",
    "x.clamp_(min=0.5)", "x.neg_()", "x.abs_()", "x.floor_()", "x.round_()", "x.masked_fill_(y > 1, 7)",
    "x.remainder_(2)", "x.sqrt_()", "x.reciprocal_()", "x.sigmoid_()", "x.relu_()", "x.add_(y.double())",
    "x.add_(y.long())", "x.copy_(y.double())", "x.square_()", "x.lerp_(y, 0.5)",
]  # fmt: skip


@pytest.mark.parametrize("line", IN_PLACE)
def test_in_place_on_every_dtype(line):
    """The same values in the same memory, or an error from both and nothing changed."""
    wrong = []
    for a in DTYPES:
        (x, tx), (y, ty) = pair([1, 2, 3], a), pair([2, 1, 2], a)
        place = x.data_ptr()
        kind, _ = answer(line, minigrad, F, {"x": x, "y": y})
        expected, _ = answer(line, torch, torch.nn.functional, {"x": tx, "y": ty})
        if kind != expected and expected != "NotImplementedError":
            wrong.append(f"{a}: {kind} instead of {expected}")
        elif kind == expected and not np.allclose(
            array(x).astype(float), array(tx).astype(float), rtol=1e-3, equal_nan=True
        ):
            wrong.append(f"{a}: {x} instead of {tx}")
        assert x.data_ptr() == place
    assert not wrong, "\n".join(wrong)


# ---- printing ----------------------------------------------------------------------------------------------------------

PRINTED = [
    1.0, 2, True, [1.0, 2.5], [1, -2, 300], [True, False], [], [[]], [[1.0, 2.0], [3.0, 4.5]], [1e10, 1.0],
    [1e-5, 1.0], [1.5e-7], [1e8], [123456.0, 0.001], [float("nan"), 1.0], [float("inf"), -float("inf"), 1.5],
    [float("nan")], [0.0, -0.0], [1000000.0], [99999999.0], [100000000.0], [0.1, 0.22222, 0.3333333],
    [[[1, 2], [3, 4]], [[5, 6], [7, 8]]], np.arange(1001), np.arange(1001.0), np.arange(12.0).reshape(3, 4) / 7,
    np.zeros((3, 0)), np.zeros((0, 3), np.int64), np.eye(3), np.ones((40, 40)), np.arange(30) * 1.5, np.arange(30),
    np.array(3, np.uint8), np.array([1, 2], np.int8), np.array([1.5], np.float64), np.array([0.1], np.float16),
    np.array(2.5, np.float64), -np.arange(5.0), np.array([1e-8, 1.0, 100.0]), np.array([[1e-3, 1e3]]),
    np.arange(100).reshape(2, 50), np.linspace(0, 1, 25), np.zeros((2, 2, 600)),
    np.random.default_rng(0).standard_normal((3, 5)), np.random.default_rng(0).standard_normal((2, 3, 20)) * 100,
]  # fmt: skip


@pytest.mark.parametrize("data", PRINTED, ids=lambda data: str(data)[:30])
@pytest.mark.parametrize("tracked", [False, True])
def test_repr(data, tracked):
    x = minigrad.tensor(data)
    t = torch.from_numpy(data.copy()) if isinstance(data, np.ndarray) else torch.tensor(data)
    if tracked:
        if not x.is_floating_point():
            return
        x.requires_grad_()
        t.requires_grad_()
    # Our dtypes are named longer, so the notes behind the numbers may begin a line earlier
    ours, theirs = (re.sub(r",\s+(dtype|requires_grad|size)=", r", \1=", repr(tensor)) for tensor in (x, t))
    assert ours == theirs.replace("torch.", "minigrad.")


def test_repr_names_the_function():
    x, t = minigrad.ones(2).requires_grad_(), torch.ones(2).requires_grad_()
    assert repr(x * 2) == repr(t * 2)
    assert repr((x * 2).sum()) == repr((t * 2).sum())

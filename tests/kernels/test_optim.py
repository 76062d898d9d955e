"""Optimizer kernels against their twins: every option, every processor level, any number of threads."""

import itertools

import numpy as np
import pytest

from minigrad import _kernels
from minigrad._kernels.reference import optim as reference

LEVELS = _kernels.built_levels()
SIZES = [(1,), (7, 3), (), (64,), (129,), (300, 401), (16384,), (5,)]  # beyond one span, and whole and broken vectors
TOLERANCE = {np.float32: 2e-6, np.float64: 1e-14}

SGD = [
    {"lr": 0.1, "momentum": m, "dampening": d, "weight_decay": w, "nesterov": n, "maximize": x}
    for m, d, n in [(0.0, 0.0, False), (0.9, 0.0, False), (0.9, 0.3, False), (0.9, 0.0, True)]
    for w, x in [(0.0, False), (0.01, True)]
]
ADAM = [
    {
        "lr": 0.01, "beta1": b, "beta2": 0.99, "eps": 1e-8, "weight_decay": w, "decoupled": d, "maximize": x,
        "amsgrad": a,
    }
    for b, a, (w, d, x) in itertools.product(
        (0.9, 0.2), (False, True), [(0.0, False, False), (0.1, False, True), (0.1, True, False)]
    )
]  # fmt: skip
RMSPROP = [
    {"lr": 0.01, "alpha": 0.9, "eps": 1e-8, "weight_decay": w, "momentum": m, "maximize": x, "centered": c}
    for m, c, (w, x) in itertools.product((0.0, 0.9), (False, True), [(0.0, False), (0.1, True)])
]


def arrays(seed, dtype, sizes=SIZES, positive=False):
    rng = np.random.default_rng(seed)
    values = [np.asarray(rng.standard_normal(size), dtype) for size in sizes]
    return [np.abs(a) for a in values] if positive else values


def sgd(module, params, grads, options, steps=3):
    buffers = [np.full_like(p, np.nan) for p in params] if options["momentum"] else None
    for step in range(steps):
        first = [step == 0 or (step == 1 and i % 2 == 1) for i in range(len(params))]
        module.sgd_step(params, grads[step], buffers, **options, first=first)
    return params + (buffers or [])


def adam(module, params, grads, options, steps=3):
    options = dict(options)
    amsgrad = options.pop("amsgrad")
    avgs, avg_sqs = [np.zeros_like(p) for p in params], [np.zeros_like(p) for p in params]
    maxima = [np.zeros_like(p) for p in params] if amsgrad else None
    for step in range(steps):
        counts = [step + 1 + i for i in range(len(params))]
        module.adam_step(params, grads[step], avgs, avg_sqs, maxima, counts, **options)
    return params + avgs + avg_sqs + (maxima or [])


def rmsprop(module, params, grads, options, steps=3):
    options = dict(options)
    centered = options.pop("centered")
    square_avgs = [np.zeros_like(p) for p in params]
    buffers = [np.zeros_like(p) for p in params] if options["momentum"] else None
    means = [np.zeros_like(p) for p in params] if centered else None
    for step in range(steps):
        module.rmsprop_step(params, grads[step], square_avgs, buffers, means, **options)
    return params + square_avgs + (buffers or []) + (means or [])


CASES = [(run, options) for run, cases in ((sgd, SGD), (adam, ADAM), (rmsprop, RMSPROP)) for options in cases]


def name(value):
    if callable(value):
        return value.__name__
    return ",".join(f"{k}={v:g}" for k, v in value.items() if v) if isinstance(value, dict) else None


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("run", "options"), CASES, ids=name)
def test_steps_as_its_twin(run, options, dtype):
    grads = [arrays(seed, dtype) for seed in (1, 2, 3)]
    expected = run(reference, arrays(0, dtype), grads, options)
    for level in LEVELS:
        found = run(_kernels.load(level)["optim"], arrays(0, dtype), grads, options)
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=20 * TOLERANCE[dtype], atol=10 * TOLERANCE[dtype])


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("run", [sgd, adam, rmsprop])
def test_threads_change_no_bit(run, level):
    module = _kernels.load(level)["optim"]
    options = {sgd: SGD[-1], adam: ADAM[1], rmsprop: RMSPROP[-1]}[run]
    sizes = [(70, 1001), (3,), (50_001,), (16384,), (33,)]
    grads = [arrays(1, np.float32, sizes)]
    results = []
    for threads in (1, 2, 3):
        module.set_threads(threads)
        results.append(run(module, arrays(0, np.float32, sizes), grads, options, steps=1))
    module.set_threads(1)
    for result in results[1:]:
        assert all(a.tobytes() == b.tobytes() for a, b in zip(result, results[0], strict=True))


def test_many_small_parameters_of_both_dtypes():
    sizes = [(i % 5 + 1,) for i in range(700)]
    for level in LEVELS:
        for run, options in ((sgd, SGD[2]), (adam, ADAM[2]), (rmsprop, RMSPROP[1])):
            params, grads = arrays(0, np.float64, sizes), [arrays(1, np.float64, sizes)]
            for i in range(0, len(sizes), 3):
                params[i], grads[0][i] = params[i].astype(np.float32), grads[0][i].astype(np.float32)
            expected = run(reference, [p.copy() for p in params], grads, options, steps=1)
            found = run(_kernels.load(level)["optim"], params, grads, options, steps=1)
            for a, b in zip(found, expected, strict=True):
                assert a.dtype == b.dtype
                tolerance = TOLERANCE[a.dtype.type]
                np.testing.assert_allclose(a, b, rtol=20 * tolerance, atol=10 * tolerance)


@pytest.mark.parametrize("level", LEVELS)
def test_no_parameters(level):
    module = _kernels.load(level)["optim"]
    module.sgd_step([], [], None, 0.1, 0.0, 0.0, 0.0, False, False, [])
    module.adam_step([], [], [], [], None, [], 0.1, 0.9, 0.99, 1e-8, 0.0, False, False)
    module.rmsprop_step([], [], [], None, None, 0.1, 0.9, 1e-8, 0.0, 0.0, False)


@pytest.mark.parametrize("level", LEVELS)
def test_grads_are_only_read_and_zero_size_parameters_pass(level):
    module = _kernels.load(level)["optim"]
    params, grads = arrays(0, np.float32, [(0, 3), (9,), (0,)]), arrays(1, np.float32, [(0, 3), (9,), (0,)])
    before, start = grads[1].copy(), params[1].copy()
    module.sgd_step(params, grads, None, 0.5, 0.0, 0.0, 0.0, False, True, [])
    assert (grads[1] == before).all()
    np.testing.assert_allclose(params[1], start + np.float32(0.5) * before, rtol=1e-6)


@pytest.mark.parametrize("level", LEVELS)
def test_nan_spreads_and_infinite_parameters_stay(level):
    module = _kernels.load(level)["optim"]
    param, grad = np.full(40, np.inf, np.float32), np.zeros(40, np.float32)
    grad[3] = np.nan
    module.sgd_step([param], [grad], None, 0.1, 0.0, 0.0, 0.0, False, False, [])
    assert np.isnan(param[3])
    assert np.isinf(np.delete(param, 3)).all()  # no weight decay: 0 * inf does not enter
    maximum = np.zeros(40, np.float32)
    maximum[5] = np.nan
    param, avg, avg_sq = np.ones(40, np.float32), np.zeros(40, np.float32), np.zeros(40, np.float32)
    module.adam_step([param], [grad], [avg], [avg_sq], [maximum], [1], 0.1, 0.9, 0.99, 1e-8, 0.0, False, False)
    assert np.isnan(param[[3, 5]]).all()
    assert np.isnan(maximum[[3, 5]]).all()
    assert not np.isnan(np.delete(param, [3, 5])).any()


@pytest.mark.parametrize("level", LEVELS)
def test_centered_rmsprop_survives_a_constant_gradient(level):
    """Mean square less squared mean rounds below zero at a constant gradient; the step must stay finite."""
    module = _kernels.load(level)["optim"]
    grad = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    param, square, mean = np.zeros(1000, np.float32), grad**2, grad * np.float32(1 + 1e-6)
    module.rmsprop_step([param], [grad], [square], None, [mean], 0.01, 0.99, 1e-8, 0.0, 0.0, False)
    assert np.isfinite(param).all()

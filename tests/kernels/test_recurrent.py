"""The recurrent kernels against their twins: every processor level, ragged batches, both directions, threads."""

import numpy as np
import pytest

from minigrad._kernels.reference import recurrent as reference

THEME = "recurrent"
KINDS = {"lstm": 4, "gru": 3, "rnn": 1, "rnn_relu": 1}
DTYPES = [np.float32, np.float64]
# the sequences that each step has, and the units
CASES = [
    ((1,), 1),
    ((3, 3), 5),
    ((20,) * 4, 50),
    ((20,), 200),
    ((1,), 300),
    ((9, 7, 7, 2, 1), 16),
    ((2,) * 30, 33),
    ((17, 10, 10), 200),
    ((40,) * 3, 64),
]


def drawn(kind, sizes, units, dtype, seed=0):
    """Inputs of the forward kernel, and gradients of its results."""
    rng = np.random.default_rng(seed)
    rows, batch, width = sum(sizes), sizes[0], KINDS[kind] * units

    def normal(*shape):
        return rng.standard_normal(shape).astype(dtype)

    return {
        "gates": normal(rows, width),
        "weight": normal(width, units) / dtype(units) ** dtype(0.5),
        "bias": normal(units),
        "h0": normal(batch, units),
        "c0": normal(batch, units),
        "starts": np.cumsum([0, *sizes]).astype(np.int64),
        "g": normal(rows, units),
        "late": normal((1 + (kind == "lstm")) * batch, units),
    }


def forward(module, kind, v, reverse):
    """What the forward kernel writes, with the gates."""
    gates = v["gates"].copy()
    made = {
        name: np.full((len(gates), v["weight"].shape[1]), np.nan, gates.dtype) for name in ("before", "kept", "out")
    }
    made["states"] = np.full_like(v["late"], np.nan)
    rest = v["starts"], reverse, made["before"]
    if kind == "lstm":
        module.lstm_forward(gates, v["weight"], v["h0"], v["c0"], *rest, made["kept"], made["out"], made["states"])
    elif kind == "gru":
        module.gru_forward(gates, v["weight"], v["bias"], v["h0"], *rest, made["kept"], made["out"], made["states"])
    else:
        relu = kind == "rnn_relu"
        module.rnn_forward(gates, v["weight"], relu, v["h0"], *rest, made["out"], made["states"])
        return {**made, "kept": v["h0"], "gates": v["h0"]}
    return {**made, "gates": gates}


def backward(module, kind, v, made, reverse):
    """What the backward kernel writes, from what the forward one has."""
    width = v["gates"].shape
    states, dgates, dhidden = v["late"].copy(), *(np.full(width, np.nan, v["g"].dtype) for _ in range(2))
    if kind == "lstm":
        module.lstm_backward(
            v["g"], made["gates"], v["weight"], v["c0"], v["starts"], reverse, made["kept"], states, dgates
        )
    elif kind == "gru":
        rest = made["before"], made["kept"], states, dgates, dhidden
        module.gru_backward(v["g"], made["gates"], v["weight"], v["starts"], reverse, *rest)
        return {"states": states, "dgates": dgates, "dhidden": dhidden}
    else:
        relu = kind == "rnn_relu"
        module.rnn_backward(v["g"], made["out"], v["weight"], relu, v["starts"], reverse, states, dgates)
    return {"states": states, "dgates": dgates}


def compare(found, expected, dtype):
    tolerance = 2e-5 if dtype == np.float32 else 2e-13
    for name, array in found.items():
        size = max(1.0, float(np.abs(expected[name]).max()))
        np.testing.assert_allclose(array, expected[name], rtol=0, atol=tolerance * size, err_msg=name)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("sizes", "units"), CASES, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_as_the_twin(kernel, kind, sizes, units, dtype, reverse):
    v = drawn(kind, sizes, units, dtype)
    exact = forward(reference, kind, v, reverse)
    compare(forward(kernel, kind, v, reverse), exact, dtype)
    compare(backward(kernel, kind, v, exact, reverse), backward(reference, kind, v, exact, reverse), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("sizes", "units"),
    [
        ((20,) * 20, 200),
        ((40, 33, 33, 8, 7, 1), 130),
        ((2,) * 400, 64),
        ((300,), 90),
        ((1,) * 30, 300),
        ((2,) * 20, 301),
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", KINDS)
def test_threads_and_repetition_change_no_bit(kernel, kind, sizes, units, dtype):
    v = drawn(kind, sizes, units, dtype)
    found = []
    for threads in (1, 2, 3, 1):
        kernel.set_threads(threads)
        made = forward(kernel, kind, v, True)
        found.append({**made, **{f"d{k}": x for k, x in backward(kernel, kind, v, made, True).items()}})
    for other in found[1:]:
        for name, array in found[0].items():
            np.testing.assert_array_equal(array, other[name], err_msg=name)


@pytest.mark.parametrize("kind", KINDS)
def test_a_sequence_does_not_depend_on_the_others(kernel, kind):
    sizes, units = (13,) * 5, 70
    v = drawn(kind, sizes, units, np.float32)
    whole = forward(kernel, kind, v, False)
    rows = np.arange(5) * 13 + 4
    alone = {name: v[name] for name in ("weight", "bias")}
    alone |= {name: np.ascontiguousarray(v[name][rows]) for name in ("gates", "g")}
    alone |= {name: np.ascontiguousarray(v[name][4:5]) for name in ("h0", "c0")}
    alone |= {"starts": np.arange(6), "late": np.ascontiguousarray(v["late"][4::13])}
    np.testing.assert_array_equal(forward(kernel, kind, alone, False)["out"], whole["out"][rows])


@pytest.mark.parametrize("kind", KINDS)
def test_nan_and_infinity_stay_in_their_sequence(kernel, kind):
    v = drawn(kind, (4, 4, 4), 9, np.float32)
    v["gates"][5] = np.nan  # sequence 1 at step 1
    v["gates"][2] = np.inf
    exact = forward(reference, kind, v, False)
    found = forward(kernel, kind, v, False)
    np.testing.assert_array_equal(np.isnan(found["out"]), np.isnan(exact["out"]))
    assert np.isnan(found["out"][[5, 9]]).all()
    assert np.isfinite(found["out"][[0, 1, 3, 4, 7, 8, 11]]).all()

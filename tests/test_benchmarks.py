"""The benchmarks measure what they say: small cases of each kind, never a speed."""

import json
import math
from importlib import import_module

import numpy as np
import pytest

import minigrad

pytest.importorskip("benchmarks", reason="the benchmarks are not part of the package")

from benchmarks import __main__ as command
from benchmarks import bench, nets, plots, report
from benchmarks.case import Case, Result, geometric_mean
from benchmarks.limits import Limits
from benchmarks.peers import LIBRARIES, Elsewhere, Here, Sites
from benchmarks.settings import Settings
from benchmarks.suites import SUITES, conv, dropout, imports, matmul, memory, ops, steps
from benchmarks.timing import alternate, lasting

CASES = {suite: getattr(import_module(f"benchmarks.suites.{suite}"), "cases", list)() for suite in SUITES.values()}
LIMITS = Limits(seconds=0.001, tries=2)


@pytest.fixture(autouse=True)
def _threads(set_num_threads):
    """Whatever a benchmark sets is put back."""


def result(**changes):
    given = {"suite": "conv", "case": "a", "samples": {"minigrad": [1.0, 2.0, 9.0], "torch": [4.0]}, "peers": ["torch"]}
    return Result(**{**given, **changes})


@pytest.mark.parametrize("suite", [suite for suite, cases in CASES.items() if cases])
def test_cases_have_names_of_their_own_and_known_libraries(suite):
    names = [case.name for case in CASES[suite]]
    assert len(set(names)) == len(names)
    for case in CASES[suite]:
        assert "minigrad" in case.build
        assert set(case.build) <= set(LIBRARIES)


def test_every_suite_is_one_or_the_other():
    for suite in SUITES.values():
        module = import_module(f"benchmarks.suites.{suite}")
        assert hasattr(module, "cases") != hasattr(module, "measure")


@pytest.mark.parametrize(
    "case",
    [case for case in [*CASES["ops"], *CASES["dropout"]] if case.moved < 2e7]
    + [matmul.product(5, 6, 7, layout=layout) for layout in ("NN", "NT", "TN")]
    + [matmul.tiny(2)],
    ids=lambda case: case.name,
)
def test_cases_run(case):
    for name in {"minigrad", "numpy", "openblas", "copy"} & set(case.build):
        case.build[name]()()


@pytest.mark.parametrize("layout", ["NN", "NT", "TN"])
def test_factors_are_the_same_however_they_lie(layout):
    a, b = matmul.oriented(layout, *matmul.operands(3, 4, 5, np.float64, layout))
    expected = matmul.operands(3, 4, 5, np.float64, "NN")
    assert np.array_equal(a, expected[0])
    assert np.array_equal(b, expected[1])
    assert a.flags.c_contiguous == (layout[0] == "N")
    assert b.flags.c_contiguous == (layout[1] == "N")


def test_work_is_counted():
    by_name = {case.name: case for case in CASES["conv"]}
    layer = by_name["64x32x32 -> 64 k3 s2"]
    assert layer.flop == 3 * 2 * 64 * 64 * 15 * 15 * 32 * 9
    assert matmul.product(2, 3, 4).flop == 48
    net = nets.NETS["784-512-10 dropout"]
    products = 784 * 512 + 512 * 10
    assert nets.step_flop(minigrad, net) == 2 * 32 * (3 * products - 784 * 512)
    tokens, layer = 16 * 64, 12 * 128 * 128
    attention = 2 * 2 * 128 * 16 * 64 * 65 / 2
    assert nets.step_flop(minigrad, nets.NETS["GPT 4x128"]) == 3 * (4 * attention + 2 * tokens * (4 * layer + 128 * 65))
    gates = {"LSTM": 4, "GRU": 3}
    for cell, count in gates.items():
        work = 2 * 400 * (2 * 2 * count * 200 * 200 + 200 * 10_000)
        assert nets.step_flop(minigrad, nets.NETS[f"{cell} 2x200"]) == 3 * work
    assert {case.per[0] for case in CASES["dropout"]} == set(dropout.SIZES.values())
    assert len(conv.LAYERS) == len(CASES["conv"])
    assert len(nets.NETS) == len(steps.cases())


NETS_TRIED = ["2-16-16-1", "784-512-10 dropout", "LeNet-5 Dropout2d", "ResNet-20", "GRU 2x200", "GPT 4x128"]


@pytest.mark.parametrize("name", NETS_TRIED)
def test_a_step_moves_every_parameter(name):
    net = nets.NETS[name]
    models = []
    small = net._replace(build=lambda torch: models.append(net.build(torch)) or models[0], batch=(4, *net.batch[1:]))
    step = nets.training_step(minigrad, small)
    before = [parameter.detach().clone() for parameter in models[0].parameters()]
    step()
    assert all(bool((a != b).any()) for a, b in zip(before, models[0].parameters(), strict=True))


def test_the_chain_has_as_many_operations_as_it_says():
    x = minigrad.ones(8, 8, requires_grad=True)
    nodes, waiting = set(), [ops.chained(minigrad, x, x, x, x).grad_fn]
    while waiting:
        node = waiting.pop()
        if node not in nodes and getattr(node, "inputs", None):
            nodes.add(node)
            waiting += [edge for edge in node.inputs if edge is not None]
    assert len(nodes) == ops.graph().per[0]


def test_samples_alternate_and_last():
    order = []
    found = alternate({name: lambda name=name: order.append(name) or 1.0 for name in "abc"}, rounds=3)
    assert "".join(order) == "abcbcacab"
    assert found == {name: [1.0] * 3 for name in "abc"}
    assert lasting(lambda count: count * 1e-3, 0.05) == 50
    assert lasting(lambda count: 7.0, 0.05) == 1


def test_limits_are_limits():
    assert LIMITS.peak(4) > 0
    assert 0 < LIMITS.bandwidth(10_000) == LIMITS.bandwidth(9_000)
    assert LIMITS.seconds_for(1e9, 0, 4) == 1e9 / LIMITS.peak(4)
    assert LIMITS.seconds_for(0, 0, 4) is None
    assert Limits(2, 0.001, 2).bandwidth(10_000) > 0


def test_the_probe_does_the_work_it_counts():
    probe = LIMITS._probe
    source = minigrad._kernels.empty((1024,), np.dtype(np.float32))
    source[...] = np.arange(1024)
    for stream in (False, True):
        target = minigrad._kernels.empty((1024,), np.dtype(np.float32))
        target.fill(-1)
        assert probe.copy(target, source, 3, stream) == 3 * 2 * 4096
        assert np.array_equal(target, source)
    assert probe.multiply_adds(4, 10) == 2 * probe.multiply_adds(8, 10)


def test_a_case_is_measured_here_and_elsewhere():
    name = "8x8x8 f32, 100 calls"
    here, elsewhere = Here(1), Elsewhere(1, LIBRARIES["minigrad"])
    try:
        for site in (here, elsewhere):
            assert 0 < site.sample("matmul", name, "minigrad", 0.001) < 1
        with pytest.raises(RuntimeError, match="KeyError"):
            elsewhere.sample("matmul", "no such case", "minigrad", 0.001)
        assert elsewhere.release() is None
    finally:
        here.close()
        elsewhere.close()


def test_a_peer_that_fails_is_left_out_and_minigrad_is_not(monkeypatch, capsys):
    def fails():
        raise RuntimeError("no luck")

    case = Case("toy", {"minigrad": lambda: list, "numpy": fails}, moved=100)
    monkeypatch.setattr("benchmarks.peers.cases_of", lambda suite: {"toy": case})
    sites = Sites(1)
    found = bench.result_of("conv", case, Settings(quick=True), sites, LIMITS)
    assert set(found.samples) == {"minigrad"}
    assert "without numpy: no luck" in capsys.readouterr().err
    case.build["minigrad"] = fails
    with pytest.raises(RuntimeError, match="no luck"):
        bench.result_of("conv", case, Settings(quick=True), sites, LIMITS)
    sites.close()


def test_ratio_and_share_come_from_medians():
    found = result(samples={"minigrad": [1.0, 2.0, 9.0], "torch": [4.0], "torch fused": [3.0], "copy": [0.1]})
    found.peers.append("torch fused")
    assert (found.own, found.best_peer, found.ratio) == (2.0, "torch fused", 1.5)
    assert result(limit=0.5).share == 0.25
    assert result(peers=[]).ratio is None
    assert geometric_mean([1.0, 4.0]) == pytest.approx(2.0)
    assert math.isnan(geometric_mean([]))


def test_table():
    text = report.table([result(flop=4e9, limit=0.5), result(case="b", samples={"minigrad": [2e-5], "torch": [1e-5]})])
    assert text.splitlines() == [
        "case            minigrad         rate  of limit    torch  best peer / minigrad",
        "------------------------------------------------------------------------------",
        "a                 2.00 s  2.0 GFLOP/s       25%   4.00 s                  2.00",
        "b                20.0 us                         10.0 us                  0.50",
        "geometric mean                                                            1.00",
    ]
    assert report.rate(result(per=(4, "step"))) == "500 ms/step"
    assert report.rate(result(moved=4e9)) == "2.0 GB/s"
    assert report.quantity(0.0, "MiB") == "0.00 MiB"


def test_command_writes_what_it_measured(tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(bench, "is_available", lambda name: name in ("minigrad", "openblas avx2"))
    for name in ("SQUARES", "LAYERS", "VECTORS"):
        monkeypatch.setattr(matmul, name, ())
    monkeypatch.setattr(matmul, "LAYOUTS", ("NT",))
    command.main(["--quick", "--suite", "matmul", "--json", str(tmp_path / "a" / "x.json"), "--plot", str(tmp_path)])
    assert "32x784x512 f32 NT" in capsys.readouterr().out
    found = json.loads((tmp_path / "a" / "x.json").read_text())
    assert [item["case"] for item in found["results"]] == ["32x784x512 f32 NT", "8x8x8 f32, 100 calls"]
    assert found["results"][0]["medians"]["minigrad"] > 0
    assert found["limits"]["flop_per_second"]["float32"] > 0
    assert found["versions"]["minigrad"] == minigrad.__version__
    assert (tmp_path / "roofline.png").stat().st_size > 10_000
    assert plots.draw({**found, "results": []}, tmp_path / "none") == []


def test_imports_and_memory_are_measured_in_processes():
    assert imports.start("pass") > 0
    assert imports.size("minigrad") > 100_000
    assert memory.in_a_process("minigrad", 1, memory.KEPT, "") == 0
    assert memory.in_a_process("minigrad", 1, memory.PEAK, "784-512-10 dropout") > 1
    assert memory.in_a_process("minigrad", 1, memory.FAULTS, "784-512-10 dropout") < 10

"""Tensor and its surroundings: construction, NumPy, DLPack, printing, copies, memory."""

import copy
import gc
import pickle
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import minigrad as mg


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (1.5, mg.float32),
        (3, mg.int64),
        (True, mg.bool),
        ([1.0, 2], mg.float32),
        ([[1, 2], [3, 4]], mg.int64),
        (np.float64([1, 2]), mg.float64),
        (np.arange(3, dtype="int16"), mg.int16),
        ([2.0, np.float64(1)], mg.float64),
        ([np.float64(1), 2.0], mg.float64),
        ([2.0, np.float32(1)], mg.float32),
        ([np.int64(1), 2.0], mg.float32),
        ([np.float16(1)], mg.float16),
        ([mg.tensor(1.5), mg.tensor(2)], mg.float32),
        ([[1.0, 2.0], np.ones(2)], mg.float64),
        ([True, 2.0], mg.float32),
        (np.arange(3, dtype=">f4"), mg.float32),
        ([], mg.float32),
        ([mg.tensor(1.0), mg.tensor(2.0)], mg.float32),
    ],
)
def test_dtype_of_data(data, dtype):
    assert mg.tensor(data).dtype == dtype


@pytest.mark.parametrize(
    ("data", "error"), [("text", TypeError), ([[1, 2], [3]], ValueError), (1 + 2j, TypeError), (object(), TypeError)]
)
def test_data_that_is_no_tensor(data, error):
    with pytest.raises(error):
        mg.tensor(data)


def test_the_constructor_makes_floats_as_in_pytorch():
    assert mg.Tensor([1, 2, 3]).dtype == mg.float32
    assert mg.Tensor(np.arange(3)).dtype == mg.int64


def test_tensor_copies_and_from_numpy_shares():
    array = np.zeros(3, "f4")
    copied, shared = mg.tensor(array), mg.from_numpy(array)
    array[0] = 5
    assert copied[0].item() == 0
    assert shared[0].item() == 5
    assert shared.numpy() is not None
    assert np.shares_memory(shared.numpy(), array)


def test_new_memory_is_aligned():
    for n in range(1, 40):
        for x in (mg.zeros(n), mg.ones(n) + 1, mg.randn(n).exp(), mg.tensor(list(range(n))), mg.ones(n, 3).sum(1)):
            assert x.data_ptr() % 64 == 0


def test_numpy_is_refused_where_a_gradient_would_be_lost():
    x = mg.ones(3, requires_grad=True)
    for convert in (x.numpy, lambda: np.asarray(x), lambda: np.add(x, 1)):
        with pytest.raises(RuntimeError, match="detach"):
            convert()
    assert np.asarray(x.detach()).tolist() == [1, 1, 1]
    assert x.numpy(force=True).tolist() == [1, 1, 1]


def test_arrays_and_tensors_mix_to_tensors():
    array, x = np.ones(3, "f4"), mg.ones(3, requires_grad=True)
    for result in (array * x, x * array, array + x, array - x, array / x, array @ x, array**x, array == x):
        assert isinstance(result, mg.Tensor)
    (array * x).sum().backward()
    assert x.grad.tolist() == [1, 1, 1]
    assert isinstance(np.exp(x.detach()), mg.Tensor)


def test_unknown_operands_get_their_turn():
    class Other:
        def __radd__(self, x):
            return "mine"

    assert mg.ones(2) + Other() == "mine"
    with pytest.raises(TypeError, match="unsupported operand"):
        mg.ones(2) + "text"


def test_dlpack_shares_memory_both_ways():
    x = mg.ones(3)
    array = np.from_dlpack(x)
    assert np.shares_memory(array, x.numpy())
    back = mg.from_dlpack(array)
    assert np.shares_memory(back.numpy(), x.numpy())
    with pytest.raises(BufferError, match="detach"):
        np.from_dlpack(mg.ones(3, requires_grad=True))


def test_read_only_imports_refuse_in_place():
    array = np.ones(3)
    array.flags.writeable = False
    x = mg.from_numpy(array)
    for write in (lambda: x.add_(1), lambda: x.zero_(), lambda: x.__setitem__(0, 5.0)):
        with pytest.raises(RuntimeError, match="read-only"):
            write()
    assert array.tolist() == [1, 1, 1]
    with pytest.raises(RuntimeError, match="read-only"):
        mg.ones(1).expand(3).add_(1)


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (mg.tensor([1.0, 2.5]), "tensor([1.0000, 2.5000])"),
        (mg.tensor([1.0, 2.0]), "tensor([1., 2.])"),
        (mg.tensor(3.14159), "tensor(3.1416)"),
        (mg.tensor([1, 2]), "tensor([1, 2])"),
        (mg.tensor([True, False]), "tensor([ True, False])"),
        (mg.tensor([1e-8, 1.0]), "tensor([1.0000e-08, 1.0000e+00])"),
        (mg.tensor([1.0, float("nan"), float("inf")]), "tensor([1., nan, inf])"),
        (mg.tensor([1.0], dtype=mg.float64), "tensor([1.], dtype=minigrad.float64)"),
        (mg.ones(1, requires_grad=True), "tensor([1.], requires_grad=True)"),
        (mg.ones(1, requires_grad=True) * 2, "tensor([2.], grad_fn=<MulBackward0>)"),
        (mg.zeros(0), "tensor([])"),
        (mg.zeros(0, 3), "tensor([], size=(0, 3))"),
    ],
)
def test_repr_is_like_pytorch(x, text):
    assert repr(x) == text


def test_long_tensors_are_summarized():
    text = repr(mg.arange(2000))
    assert "..." in text
    assert len(text) < 100


def test_python_protocols():
    x = mg.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert len(x) == 2
    assert [row.tolist() for row in x] == [[1, 2], [3, 4]]
    assert 4.0 in x
    assert 5.0 not in x
    assert float(x[0, 0]) == 1.0
    assert int(mg.tensor(3)) == 3
    assert [10, 20, 30][mg.tensor(1)] == 20
    assert f"{mg.tensor(3.14159):.2f}" == "3.14"
    assert bool(mg.tensor(True))
    assert hash(x) == hash(x)
    assert {x: 1}[x] == 1
    _, b = x
    assert b.tolist() == [3, 4]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: bool(mg.ones(2)), RuntimeError),
        (lambda: mg.ones(2).item(), RuntimeError),
        (lambda: len(mg.tensor(1.0)), TypeError),
        (lambda: iter(mg.tensor(1.0)), TypeError),
        (lambda: [1, 2][mg.tensor(1.0)], TypeError),
        (lambda: mg.ones(2).size(5), IndexError),
        (lambda: mg.tensor([1], requires_grad=True), RuntimeError),
        (lambda: mg.ones(2).to("cuda"), RuntimeError),
        (lambda: mg.zeros(2, device="cuda"), RuntimeError),
        (lambda: mg.Generator("cuda"), RuntimeError),
        (lambda: mg.Tensor(2.5), TypeError),
        (lambda: mg.Tensor(2, 2.5), TypeError),
        (lambda: mg.nn.functional.dropout(mg.ones(2), generator=3), TypeError),
        (lambda: mg.zeros(2, -1), RuntimeError),
        (lambda: mg.zeros(2.5), TypeError),
        (lambda: mg.ones(2, dtype="complex64"), TypeError),
    ],
)
def test_wrong_use(call, error):
    with pytest.raises(error):
        call()


def test_copies_and_pickles():
    x = mg.ones(3, requires_grad=True)
    x.sum().backward()
    for twin in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert twin.requires_grad
        assert twin.tolist() == x.tolist()
        assert not np.shares_memory(twin.numpy(force=True), x.numpy(force=True))
    assert copy.deepcopy(x).grad.tolist() == [1, 1, 1]
    assert np.shares_memory(copy.copy(x).numpy(force=True), x.numpy(force=True))
    for forbidden in (copy.deepcopy, pickle.dumps):
        with pytest.raises(RuntimeError, match="leaf|leaves"):
            forbidden(x * 2)


def test_grad_must_fit():
    x = mg.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="size"):
        x.grad = mg.ones(2)
    with pytest.raises(RuntimeError, match="type"):
        x.grad = mg.ones(3, dtype=mg.float64)
    with pytest.raises(TypeError):
        x.grad = 1.0
    x.grad = mg.ones(3)
    x.grad = None
    assert x.grad is None


def test_memory_of_a_training_loop_stays_flat_without_the_collector():
    """No reference cycles: everything a step makes is gone when its names are."""
    w = mg.randn(8, 8, requires_grad=True)

    def step():
        x = mg.randn(4, 8)
        hidden = (x @ w).relu()
        hidden.retain_grad()
        loss = mg.nn.functional.cross_entropy(mg.nn.functional.dropout(hidden, 0.5), mg.tensor([0, 1, 2, 3]))
        loss.backward()
        with mg.no_grad():
            w.sub_(w.grad * 0.1)
        w.grad = None

    step()
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        for _ in range(50):
            step()
        assert len(gc.get_objects()) - before < 20
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_threads_of_python_work_side_by_side():
    x = mg.randn(64, 64)
    expected = (x @ x).exp().sum().item()
    results = []

    def work():
        y = mg.tensor(x.numpy(), requires_grad=True)
        out = (y @ y).exp().sum()
        out.backward()
        results.append((out.item(), y.grad.sum().item()))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(results)) == 1
    assert results[0][0] == expected


@pytest.mark.parametrize(
    "work",
    [
        lambda x: x @ x,
        lambda x: mg.nn.functional.dropout(x, 0.5),
        lambda x: mg.nn.functional.conv2d(x.reshape(1, 1, *x.shape), mg.ones(8, 1, 5, 5)),
        lambda x: x * 2,
    ],
    ids=["matmul", "dropout", "conv2d", "mul"],
)
def test_kernels_let_other_threads_run(work, set_num_threads):
    """While one thread is in a kernel, another gets on, although the interpreter takes its lock away from nobody."""
    set_num_threads(1)
    x = mg.ones(1500, 1500)
    steps, at_work = [0], threading.Event()

    def count():
        while not at_work.is_set():
            steps[0] += 1
            time.sleep(0)  # lets go of the lock

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    counter = threading.Thread(target=count)
    try:
        counter.start()
        before = steps[0]
        for _ in range(200):  # on a busy machine the other thread may miss its chance for a while
            work(x)
            if steps[0] > before:
                break
        between = steps[0] - before
    finally:
        at_work.set()
        sys.setswitchinterval(interval)
        counter.join()
    assert between > 0


FORK = """
import os, sys
import minigrad as mg
mg.set_num_threads(2)
x = mg.ones(400, 400) / 7
before = (x @ x).exp().sum().item()
child = os.fork()
if child == 0:
    assert mg.get_num_threads() == 1
    assert (x @ x).exp().sum().item() == before
    try:
        mg.set_num_threads(2)
    except RuntimeError as error:
        assert "fork" in str(error)
        os._exit(7)
    os._exit(1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
assert (x @ x).exp().sum().item() == before
print("fine")
"""


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="needs fork")
def test_a_forked_child_computes_on_one_thread_with_the_same_bits():
    done = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == "fine", done.stderr


def test_num_threads():
    before = mg.get_num_threads()
    try:
        mg.set_num_threads(3)
        assert mg.get_num_threads() == 3
        for wrong, error in ((0, RuntimeError), (-1, RuntimeError), (1.5, TypeError), (True, TypeError)):
            with pytest.raises(error):
                mg.set_num_threads(wrong)
        assert mg.get_num_threads() == 3
    finally:
        mg.set_num_threads(before)


@pytest.mark.parametrize("variable", ["MINIGRAD_NUM_THREADS", "OMP_NUM_THREADS"])
def test_threads_from_the_environment(variable):
    code = "import minigrad; print(minigrad.get_num_threads())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**__import__("os").environ, variable: "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "1"


def test_a_level_can_be_forced_and_a_wrong_one_is_refused():
    for level in mg._kernels.built_levels():
        code = f"import os; os.environ['MINIGRAD_LEVEL'] = {level!r}; import minigrad; print(minigrad._kernels.LEVEL)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == level
    code = "import os; os.environ['MINIGRAD_LEVEL'] = 'v9'; import minigrad"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "MINIGRAD_LEVEL='v9'" in done.stderr


def test_show_config(capsys):
    text = mg.show_config()
    assert capsys.readouterr().out.strip() == text
    for part in (mg.__version__, mg._kernels.LEVEL, np.__version__, "threads", mg._kernels.system.compiler()):
        assert part in text


def test_generator_state():
    state = mg.get_rng_state()
    first = mg.rand(3)
    mg.set_rng_state(state)
    assert mg.rand(3).tolist() == first.tolist()
    with pytest.raises(TypeError):
        mg.set_rng_state(mg.zeros(3))
    a, b = mg.Generator().manual_seed(5), mg.Generator().manual_seed(5)
    assert mg.randn(4, generator=a).tolist() == mg.randn(4, generator=b).tolist()
    assert mg.randn(4, generator=a).tolist() != mg.randn(4, generator=a).tolist()
    with pytest.raises(TypeError):
        mg.manual_seed(1.5)
    with pytest.raises(RuntimeError):
        mg.manual_seed(2**64)

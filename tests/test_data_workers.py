"""DataLoader's worker processes: the same batches for any number of them, errors, deaths, and no trace left behind."""

import contextlib
import gc
import os
import pickle
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections import namedtuple

import numpy as np
import pytest

import minigrad as mg
from minigrad.utils.data import (
    ChainDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
    get_worker_info,
)
from minigrad.utils.data.shared_memory import Slot

pytestmark = pytest.mark.skipif(os.name != "posix", reason="workers need POSIX")


class Noisy(Dataset):
    """Item i is i and what each default generator draws."""

    def __init__(self, size=11):
        self.size = size

    def __getitem__(self, index):
        time.sleep(0.002 * (index % 3))  # so that workers overtake each other
        return index, mg.rand(2), np.random.rand(), random.random()  # noqa: NPY002

    def __len__(self):
        return self.size


class Wrong(Dataset):
    def __init__(self, act, size=8):
        self.act, self.size = act, size

    def __getitem__(self, index):
        return self.act(index) if index == 3 else index

    def __len__(self):
        return self.size


class Count(IterableDataset):
    """0 to size - 1, of which each worker gives its share, with a random number."""

    def __init__(self, size):
        self.size = size

    def __iter__(self):
        info = get_worker_info()
        first, step = (0, 1) if info is None else (info.id, info.num_workers)
        for i in range(first, self.size, step):
            yield i, random.random()


class Odd(Exception):
    def __init__(self, left, right):
        super().__init__(f"{left} and {right}")
        self.left = left

    def __reduce__(self):
        return Odd, (self.left, "right")


class Unpicklable(Exception):
    def __init__(self, text, hidden=lambda: 0):
        super().__init__(text, hidden)


def generator(seed=0):
    return mg.Generator().manual_seed(seed)


def plain(batch):
    return [part.tolist() if hasattr(part, "tolist") else part for part in batch]


def drawn_mean(items):
    return [item[0] for item in items], random.random()


def epochs(count=2, **options):
    loader = DataLoader(Noisy(), 3, generator=generator(7), **options)
    return [[plain(batch) for batch in loader] for _ in range(count)], loader.generator.call


def children():
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        return file.read().split()


# ---- the same for any number of workers ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"shuffle": True},
        {"drop_last": True},
        {"sampler": WeightedRandomSampler([1, 2, 3] * 3, 20, generator=generator(1))},
        {"shuffle": True, "collate_fn": drawn_mean},
    ],
    ids=["shuffled", "in order", "weighted", "collate_fn"],
)
def test_nothing_depends_on_the_number_of_workers(options):
    if "sampler" in options:
        options["sampler"].generator.manual_seed(1)
    random.seed(1)
    found, calls = epochs(**options)
    assert found[0] != found[1]
    for count, more in ((1, {}), (3, {"prefetch_factor": 1}), (2, {"persistent_workers": True, "prefetch_factor": 4})):
        if "sampler" in options:
            options["sampler"].generator.manual_seed(1)
        assert epochs(num_workers=count, **options, **more) == (found, calls)
    random.seed(1)
    before = random.random()
    random.seed(1)
    epochs(1)
    assert random.random() == before  # put back


def test_an_items_numbers_depend_on_seed_epoch_and_index_alone():
    def numbers(order, size, workers):
        loader = DataLoader(Noisy(), size, sampler=order, num_workers=workers, generator=generator(3))
        rows = [row for batch in loader for row in zip(*plain(batch), strict=True)]
        return {int(row[0]): row[1:] for row in rows}

    found = numbers(range(11), 4, 0)
    assert numbers([*reversed(range(11))], 2, 2) == found
    assert len({str(row) for row in found.values()}) == 11
    twice = [
        row[1:] for batch in DataLoader(Noisy(), 4, sampler=[5, 5, 5, 5]) for row in zip(*plain(batch), strict=True)
    ]
    assert len({str(row) for row in twice}) == 4  # an index that comes again is drawn anew


def test_arrays_in_workers():
    tensors = np.arange(60.0).reshape(20, 3), np.arange(20), np.zeros((20, 0)), np.float32(1) + np.zeros((20, 2, 2)).T.T
    here, there = (
        list(DataLoader(TensorDataset(*tensors), 6, shuffle=True, num_workers=n, generator=generator())) for n in (0, 2)
    )
    for first, second in zip(here, there, strict=True):
        for a, b in zip(first, second, strict=True):
            assert a.dtype == b.dtype
            assert a.shape == b.shape
            assert a.numpy().tobytes() == b.numpy().tobytes()
            assert b.data_ptr() % 64 == 0
    there[0][0].add_(1)  # memory of its own
    assert there[1][0].tolist() == here[1][0].tolist()


def test_structures_and_growing_batches_go_through_shared_memory():
    Point = namedtuple("Point", "x y")
    slot = Slot()
    for size in (1, 100_000, 10, 1_000_000):
        item = {"a": [mg.arange(size), "text"], "b": (np.ones(size, bool), mg.ones(2, requires_grad=True), None)}
        slot.write(item)
        found = slot.read()
        assert found["a"][0].tolist() == item["a"][0].tolist()
        assert (found["a"][1], found["b"][2]) == ("text", None)
        assert found["b"][0].all()
        assert found["b"][1].requires_grad
        found["b"][0][:] = False
    for item in (mg.tensor(3.0), mg.zeros(0, 3), mg.ones(2, 3).T, [mg.ones(1)] * 5000):
        slot.write(item)
        found = slot.read()
        assert type(found) is type(item)
        if isinstance(item, mg.Tensor):
            assert found.shape == item.shape
            assert mg.equal(found, item)
    slot.close()
    loader = DataLoader([Point(1, "a"), Point(2, "b")], 2, num_workers=1)
    with pytest.raises((pickle.PicklingError, AttributeError), match="Point"):  # a local class can't travel
        list(loader)


def test_where_the_system_has_no_files_in_memory(monkeypatch):
    monkeypatch.delattr(os, "memfd_create", raising=False)
    loader = DataLoader(TensorDataset(mg.arange(100_000)), 50_000, num_workers=2)
    assert [x.sum().item() for (x,) in loader] == [1249975000, 3749975000]


def test_many_large_index_lists_and_texts():
    """What would fill a pipe from both sides."""
    loader = DataLoader(
        ["x" * 50] * 60_000, batch_sampler=[list(range(30_000))] * 6, num_workers=1, prefetch_factor=3, timeout=30
    )
    assert [len(batch) for batch in loader] == [30_000] * 6


# ---- iterable data sets ----------------------------------------------------------------------------------------------


def test_iterable_data_sets():
    assert [batch[0].tolist() for batch in DataLoader(Count(5), 2)] == [[0, 1], [2, 3], [4]]
    assert [batch[0].tolist() for batch in DataLoader(Count(5), 2, drop_last=True)] == [[0, 1], [2, 3]]
    assert [item[0] for item in DataLoader(Count(3), batch_size=None)] == [0, 1, 2]
    one, none = (
        [plain(batch) for batch in DataLoader(Count(5), 2, num_workers=n, generator=generator())] for n in (1, 0)
    )
    assert one == none
    three = DataLoader(Count(8), 2, num_workers=3, persistent_workers=True)
    first, second = ([plain(batch) for batch in three] for _ in range(2))
    assert [batch[0] for batch in first] == [batch[0] for batch in second] == [[0, 3], [1, 4], [2, 5], [6], [7]]
    assert first != second  # drawn anew
    assert [item[0] for item in Count(2) + Count(1)] == [0, 1, 0]
    with pytest.raises(AssertionError, match="only supports IterableDataset"):
        list(ChainDataset([[1]]))
    with pytest.raises(TypeError):
        len(DataLoader(Count(5), 2))
    Count.__len__ = lambda self: self.size
    try:
        sizes = [
            len(DataLoader(Count(5), 2)),
            len(DataLoader(Count(5), 2, drop_last=True)),
            len(DataLoader(Count(5), None)),
        ]
    finally:
        del Count.__len__
    assert sizes == [3, 2, 5]
    for option in ({"shuffle": True}, {"sampler": [0]}, {"batch_sampler": [[0]]}):
        with pytest.raises(ValueError, match=f"expected unspecified {next(iter(option))} option"):
            DataLoader(Count(5), **option)


# ---- workers ---------------------------------------------------------------------------------------------------------


def test_worker_info_threads_and_init():
    marks = []

    class Where(Dataset):
        def __getitem__(self, index):
            info = get_worker_info()
            return info.id, info.num_workers, info.seed, len(info.dataset), mg.get_num_threads(), marks[0]

        def __len__(self):
            return 6

    rows = list(DataLoader(Where(), None, num_workers=2, worker_init_fn=marks.append))
    assert [row[0] for row in rows] == [0, 1, 0, 1, 0, 1]
    assert rows[1][2] == rows[0][2] + 1
    assert [(row[1], *row[3:5]) for row in rows] == [(2, 6, 1)] * 6
    assert [row[5] for row in rows] == [row[0] for row in rows]
    assert get_worker_info() is None
    with pytest.raises(ZeroDivisionError):
        list(DataLoader(Where(), num_workers=1, worker_init_fn=lambda id: 1 // 0))


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_other_start_methods(method, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(f"""
        import minigrad as mg
        from minigrad.utils.data import DataLoader, TensorDataset
        if __name__ == "__main__":
            data = TensorDataset(mg.arange(4) * 2)
            print([x.tolist() for x, in DataLoader(data, 2, num_workers=1, multiprocessing_context={method!r})])
        """)
    )
    found = subprocess.run([sys.executable, script], capture_output=True, text=True, env=environment(), timeout=60)
    assert found.stdout == "[[0, 2], [4, 6]]\n", found.stderr


def test_kernels_run_in_workers_after_threads_ran_here():
    class Product(Dataset):
        def __getitem__(self, index):
            return mg.ones(64, 64) @ mg.ones(64, 64) * index

        def __len__(self):
            return 3

    threads = mg.get_num_threads()
    try:
        mg.set_num_threads(2)
        mg.ones(512, 512) @ mg.ones(512, 512)
        assert [x[0, 0, 0].item() for x in DataLoader(Product(), num_workers=2, timeout=30)] == [0, 64, 128]
    finally:
        mg.set_num_threads(threads)


def test_persistent_workers_stay_and_a_pass_may_be_left():
    class Pids(Dataset):
        def __getitem__(self, index):
            return os.getpid()

        def __len__(self):
            return 8

    loader = DataLoader(Pids(), None, num_workers=2, persistent_workers=True)
    first = list(loader)
    for pid in loader:  # left early
        assert pid == first[0]
        break
    assert list(loader) == first
    old = iter(loader)
    next(old)
    assert list(loader) == first
    with pytest.raises(RuntimeError, match="another one of the same workers began"):
        next(old)
    del loader, old
    gc.collect()
    assert not set(map(str, first)) & set(children())


# ---- errors and deaths -----------------------------------------------------------------------------------------------


def test_an_error_arrives_as_it_was_with_its_traceback():
    def fail(index):
        raise Odd("left", "right")

    for _ in range(2):
        with pytest.raises(Odd, match="left and right") as caught:
            list(DataLoader(Wrong(fail), 2, num_workers=2))
    assert caught.value.left == "left"
    assert "in DataLoader worker 1 (pid " in str(caught.value.__cause__)
    assert 'raise Odd("left", "right")' in str(caught.value.__cause__)

    def hide(index):
        raise Unpicklable("text")

    with pytest.raises(RuntimeError, match=r"Unpicklable: .*text.* \(in DataLoader worker 1"):
        list(DataLoader(Wrong(hide), 2, num_workers=2))
    with pytest.raises(KeyError):
        list(DataLoader({0: 1}, sampler=[0, "no"], num_workers=1))


def test_persistent_workers_outlive_an_error():
    def fail(index):
        raise ValueError("once more")

    loader = DataLoader(Wrong(fail), None, num_workers=2, persistent_workers=True)
    for _ in range(2):
        found = []
        with pytest.raises(ValueError, match="once more"):
            found.extend(loader)
        assert found == [0, 1, 2]


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda index: os.kill(os.getpid(), signal.SIGKILL), r"worker 1 \(pid \d+\) was killed by SIGKILL"),
        (lambda index: os._exit(3), r"worker 1 \(pid \d+\) exited unexpectedly with code 3"),
    ],
)
def test_a_dead_worker_is_named(act, message):
    loader = DataLoader(Wrong(act), None, num_workers=2, persistent_workers=True)
    for _ in range(2):  # and the next pass has new ones
        with pytest.raises(RuntimeError, match=message):
            list(loader)


def test_timeout_names_the_worker():
    with pytest.raises(RuntimeError, match=r"timed out after 0.2 seconds waiting for worker 1"):
        list(DataLoader(Wrong(lambda index: time.sleep(1)), None, num_workers=2, timeout=0.2))


def test_nothing_late_is_taken_for_another_batch():
    class Slow(Dataset):
        def __getitem__(self, index):
            time.sleep(0.6 if index == 3 else 0.1)
            return index

    order = [0, 3, 4, 5]
    loader = DataLoader(Slow(), None, num_workers=2, persistent_workers=True, timeout=0.4, sampler=order)
    with pytest.raises(RuntimeError, match="timed out"):
        list(loader)
    order[:] = [7, 6, 5, 4]
    assert list(loader) == [7, 6, 5, 4]


def environment():
    return os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "MINIGRAD_NUM_THREADS": "1"}


SLEEPER = """
import os, sys, time
from minigrad.utils.data import DataLoader, Dataset
class Data(Dataset):
    def __getitem__(self, index):
        if index > 1:
            time.sleep(60)
        return os.getpid()
    def __len__(self):
        return 10
pids = []
for pid in DataLoader(Data(), None, num_workers=2):
    pids.append(pid)
    if len(pids) == 2:
        print(*pids, flush=True)
"""


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_worker_outlives_the_main_process(how):
    main = subprocess.Popen(
        [sys.executable, "-c", SLEEPER],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        start_new_session=True,
    )
    pids = main.stdout.readline().split()
    assert len(pids) == 2
    if how == signal.SIGINT:
        os.killpg(main.pid, how)  # as a terminal's Ctrl-C, which all processes get
    else:
        main.send_signal(how)
    main.wait(20)
    deadline = time.monotonic() + 10
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(alive, pids))
    errors = main.stderr.read()
    if how == signal.SIGINT:
        assert errors.count("Traceback") == 1
        assert "KeyboardInterrupt" in errors
    else:
        assert not errors


def test_nothing_is_left_open():
    def once():
        loader = DataLoader(Noisy(5), 2, num_workers=2)
        list(loader)
        next(iter(loader))

    once()
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    once()
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"num_workers": -1}, ValueError, "num_workers option should be non-negative"),
        ({"num_workers": 1.0}, TypeError, "num_workers should be an int"),
        ({"prefetch_factor": 2}, ValueError, "prefetch_factor option could only be specified in multiprocessing"),
        ({"num_workers": 1, "prefetch_factor": 0}, ValueError, "prefetch_factor option should be a positive"),
        ({"persistent_workers": True}, ValueError, "persistent_workers option needs num_workers > 0"),
        ({"timeout": -1}, ValueError, "timeout option should be non-negative"),
        ({"multiprocessing_context": "fork"}, ValueError, "multiprocessing_context can only be used with"),
        ({"num_workers": 1, "multiprocessing_context": "x"}, ValueError, "valid start method in .*'x'"),
        ({"num_workers": 1, "multiprocessing_context": 3}, TypeError, "but got int"),
    ],
)
def test_bad_options(options, error, message):
    with pytest.raises(error, match=message):
        DataLoader(Noisy(), **options)


# ---- samplers --------------------------------------------------------------------------------------------------------


def test_weighted_random_sampler():
    drawn = np.bincount(list(WeightedRandomSampler([1, 0, 3], 4000, generator=generator())), minlength=3)
    assert drawn[1] == 0
    assert abs(drawn[2] / 4000 - 0.75) < 0.03
    firsts, pairs = [], WeightedRandomSampler(mg.tensor([1.0, 2.0, 0.0, 5.0]), 2, False, generator())
    for _ in range(2000):
        pair = list(pairs)
        assert len(set(pair)) == 2
        firsts.append(pair[0])
    assert abs(np.bincount(firsts, minlength=4) / 2000 - np.array([1, 2, 0, 5]) / 8).max() < 0.04
    assert pairs.generator.call == 2000
    assert len(pairs) == 2
    for weights, options, error, message in (
        ([1], {"num_samples": 0}, ValueError, "num_samples should be a positive integer"),
        ([1], {"num_samples": 1, "replacement": 1}, ValueError, "replacement should be a boolean"),
        ([[1]], {"num_samples": 1}, ValueError, "1d sequence but given weights have shape"),
        ([1, -1], {"num_samples": 1}, RuntimeError, "element < 0"),
        ([0, 0], {"num_samples": 1}, RuntimeError, "sum of probabilities <= 0"),
        ([1, 0], {"num_samples": 2, "replacement": False}, RuntimeError, "without replacement"),
    ):
        with pytest.raises(error, match=message):
            list(WeightedRandomSampler(weights, **options))


def test_subset_random_sampler():
    sampler = SubsetRandomSampler([3, 5, 9], generator())
    orders = {tuple(sampler) for _ in range(100)}
    assert len(orders) == 6
    assert {tuple(sorted(order)) for order in orders} == {(3, 5, 9)}
    assert len(sampler) == 3


# ---- training --------------------------------------------------------------------------------------------------------


class Jittered(Dataset):
    def __getitem__(self, index):
        x = mg.tensor([index / 10, 1.0]) + 0.1 * mg.randn(2)
        return x, x.sum(0, keepdim=True) * np.random.rand()  # noqa: NPY002

    def __len__(self):
        return 12


@pytest.mark.parametrize("options", [{"num_workers": 2}, {"num_workers": 2, "persistent_workers": True}])
def test_training_resumes_to_the_bit_with_workers(options, tmp_path):
    from minigrad import nn, optim
    from minigrad.training import Trainer

    class Stop(Exception):
        pass

    def fit(path=None, stop=None, resume=False, **options):
        mg.manual_seed(0)
        np.random.seed(0)  # noqa: NPY002
        model = nn.Sequential(nn.Linear(2, 8), nn.Dropout(0.5), nn.Linear(8, 1))
        steps = []

        def loss(pred, target):
            steps.append(0)
            if len(steps) == stop:
                raise Stop
            return nn.functional.mse_loss(pred, target)

        every = {"checkpoint": path, "checkpoint_every": 1} if path else {}
        trainer = Trainer(model, optim.Adam(model.parameters(), 0.01), loss, verbose=False, **every)
        loader = DataLoader(Jittered(), 3, shuffle=True, generator=generator(2), collate_fn=default_collate, **options)
        with contextlib.suppress(Stop):
            trainer.fit(loader, epochs=3, resume=resume)
        return [parameter.detach().numpy().tobytes() for parameter in model.parameters()]

    whole = fit()
    assert fit(**options) == whole
    path = tmp_path / "run.safetensors"
    assert fit(path, stop=7, **options) != whole
    assert fit(path, resume=True, **options) == whole

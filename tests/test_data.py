"""Data sets, samplers, collating, and the loader: what comes out, in which order, and what is drawn."""

from collections import namedtuple

import numpy as np
import pytest

import minigrad as mg
from minigrad.utils.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    Dataset,
    RandomSampler,
    Sampler,
    SequentialSampler,
    Subset,
    TensorDataset,
    default_collate,
    default_convert,
    random_split,
)


class Squares(Dataset):
    """Item i is i squared; nothing is known of arrays."""

    def __init__(self, size=10):
        self.size = size

    def __getitem__(self, index):
        if not 0 <= index < self.size:
            raise IndexError(index)
        return index**2

    def __len__(self):
        return self.size


def generator(seed=0):
    return mg.Generator().manual_seed(seed)


def numbers(loader):
    return [batch.tolist() for batch in loader]


# ---- data sets -----------------------------------------------------------------------------------------------------------


def test_tensor_dataset():
    images, labels = np.arange(24, dtype=np.float32).reshape(4, 3, 2), mg.tensor([3, 2, 1, 0])
    dataset = TensorDataset(images, labels)
    assert len(dataset) == 4
    image, label = dataset[1]
    assert (image.numpy() == images[1]).all()
    assert label.item() == 2
    images[1] = 7  # shared memory
    assert (dataset[1][0].numpy() == 7).all()
    with pytest.raises(IndexError):
        dataset[4]
    with pytest.raises(AssertionError, match=r"Size mismatch between tensors: their lengths are \[4, 3\]"):
        TensorDataset(images, labels[:3])
    with pytest.raises(ValueError, match="at least one"):
        TensorDataset()


def test_concat_and_subset():
    both = Squares(3) + Squares(4)
    assert isinstance(both, ConcatDataset)
    assert [both[i] for i in range(len(both))] == [0, 1, 4, 0, 1, 4, 9]
    assert both[-1] == 9
    assert both[-7] == 0
    for index in (7, -8):
        with pytest.raises(IndexError, match="out of range"):
            both[index]
    assert list(both) == [0, 1, 4, 0, 1, 4, 9]
    with pytest.raises(AssertionError, match="empty"):
        ConcatDataset([])
    part = Subset(both, [6, 0])
    assert [part[0], part[1], len(part)] == [9, 0, 2]
    with pytest.raises(NotImplementedError):
        Dataset()[0]


def test_random_split():
    parts = random_split(range(10), [7, 3], generator())
    assert [len(part) for part in parts] == [7, 3]
    assert sorted(parts[0].indices + parts[1].indices) == list(range(10))
    assert [part.indices for part in random_split(range(10), [7, 3], generator())] == [part.indices for part in parts]
    assert [len(part) for part in random_split(range(10), [0.35, 0.35, 0.3])] == [4, 3, 3]
    with pytest.raises(ValueError, match=r"Sum of input lengths .* \[7, 2\] sum to 9, not 10"):
        random_split(range(10), [7, 2])
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
        random_split(range(1), [0.5, 0.5])


# ---- samplers ------------------------------------------------------------------------------------------------------------


def test_samplers():
    assert list(SequentialSampler("abc")) == [0, 1, 2]
    assert sorted(RandomSampler(range(20), generator=generator())) == list(range(20))
    assert list(RandomSampler(range(20), generator=generator())) != list(range(20))
    drawn = list(RandomSampler(range(5), replacement=True, num_samples=1000))
    assert len(drawn) == 1000
    assert np.bincount(drawn, minlength=5).min() > 130
    twice = list(RandomSampler(range(5), num_samples=12))
    assert sorted(twice[:5]) == sorted(twice[5:10]) == [0, 1, 2, 3, 4]
    assert len(twice) == 12
    with pytest.raises(ValueError, match="num_samples should be a positive integer"):
        RandomSampler([])
    with pytest.raises(TypeError, match="replacement should be a boolean"):
        RandomSampler([1], replacement=3)


def test_batch_sampler():
    assert list(BatchSampler(SequentialSampler(range(7)), 3, False)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(BatchSampler(SequentialSampler(range(7)), 3, True)) == [[0, 1, 2], [3, 4, 5]]
    for size, drop in ((7, False), (7, True), (6, False), (6, True), (2, True)):
        sampler = BatchSampler(SequentialSampler(range(size)), 3, drop)
        assert len(sampler) == len(list(sampler))
    for size in (0, -1, 2.0, True):
        with pytest.raises(ValueError, match="batch_size should be a positive integer"):
            BatchSampler(range(3), size, False)
    with pytest.raises(ValueError, match="drop_last should be a boolean"):
        BatchSampler(range(3), 1, 1)


def test_an_epoch_draws_one_call_and_is_a_function_of_it():
    source = generator(5)
    loader = DataLoader(TensorDataset(mg.arange(50)), batch_size=8, shuffle=True, generator=source)
    epochs = []
    for epoch in range(3):
        assert source.call == epoch
        epochs.append(np.concatenate([x.numpy() for (x,) in loader]).tolist())
    assert source.call == 3
    assert epochs[0] != epochs[1]
    again = DataLoader(TensorDataset(mg.arange(50)), batch_size=5, shuffle=True, generator=source.at(1))
    assert np.concatenate([x.numpy() for (x,) in again]).tolist() == epochs[1]


def test_the_default_generator():
    mg.manual_seed(3)
    loader = DataLoader(range(30), batch_size=30, shuffle=True)
    first = numbers(loader)
    assert mg.default_generator.call == 1
    mg.manual_seed(3)
    assert numbers(loader) == first
    list(DataLoader(range(30)))
    assert mg.default_generator.call == 1  # in order, nothing is drawn


# ---- collating -----------------------------------------------------------------------------------------------------------


def test_default_collate():
    Point = namedtuple("Point", "x y")
    assert default_collate([1, 2]).dtype == mg.int64
    assert default_collate([1.0, 2.0]).dtype == mg.float64
    assert default_collate([True, False]).dtype == np.bool_
    assert default_collate([np.float32(1), np.float32(2)]).dtype == mg.float32
    assert default_collate(["a", "b"]) == ["a", "b"]
    stacked = default_collate([mg.ones(2), mg.zeros(2)])
    assert stacked.tolist() == [[1, 1], [0, 0]]
    assert default_collate([np.ones((2, 3), np.uint8)] * 4).shape == (4, 2, 3)
    found = default_collate([{"x": mg.ones(1), "y": (1, "a")}, {"x": mg.zeros(1), "y": (2, "b")}])
    assert found["x"].tolist() == [[1], [0]]
    assert isinstance(found["y"], list)
    assert found["y"][0].tolist() == [1, 2]
    assert found["y"][1] in (["a", "b"], ("a", "b"))
    point = default_collate([Point(1, 2), Point(3, 4)])
    assert isinstance(point, Point)
    assert point.y.tolist() == [2, 4]
    with pytest.raises(RuntimeError, match="equal size"):
        default_collate([[1], [1, 2]])
    with pytest.raises(TypeError, match="must contain tensors, numpy arrays, numbers, dicts or lists; found object"):
        default_collate([object()])
    with pytest.raises(TypeError, match="ndarray"):
        default_collate([np.array(["a"])])


def test_default_convert():
    found = default_convert({"x": np.ones(2), "y": [np.float32(1), "a"], "z": (1,)})
    assert isinstance(found["x"], mg.Tensor)
    assert found["y"][0].shape == ()
    assert found["y"][1] == "a"
    assert found["z"] == [1]


# ---- the loader ----------------------------------------------------------------------------------------------------------


def test_batches():
    assert numbers(DataLoader(Squares(5), batch_size=2)) == [[0, 1], [4, 9], [16]]
    assert numbers(DataLoader(Squares(5), batch_size=2, drop_last=True)) == [[0, 1], [4, 9]]
    assert numbers(DataLoader(Squares(3))) == [[0], [1], [4]]
    assert list(DataLoader(Squares(3), batch_size=None)) == [0, 1, 4]
    assert numbers(DataLoader(Squares(5), batch_size=2, sampler=[4, 3, 3])) == [[16, 9], [9]]
    assert numbers(DataLoader(Squares(5), batch_sampler=[[0], [1, 2]])) == [[0], [1, 4]]
    assert list(DataLoader(Squares(5), batch_size=2, collate_fn=sum)) == [1, 13, 16]
    for size, options in ((5, {"batch_size": 2}), (5, {"batch_size": 2, "drop_last": True}), (5, {"batch_size": None})):
        loader = DataLoader(Squares(size), **options)
        assert len(loader) == len(list(loader))
    two = DataLoader(Squares(4), batch_size=2)
    assert [(a.tolist(), b.tolist()) for a, b in zip(two, two, strict=True)] == [([0, 1], [0, 1]), ([4, 9], [4, 9])]


def test_a_sampler_of_ones_own():
    class Backwards(Sampler):
        def __init__(self, size):
            self.size = size

        def __iter__(self):
            return iter(range(self.size - 1, -1, -1))

        def __len__(self):
            return self.size

    loader = DataLoader(Squares(4), batch_size=3, sampler=Backwards(4))
    assert numbers(loader) == [[9, 4, 1], [0]]
    assert len(loader) == 2


class Generic(Dataset):
    """A data set whose items are the same, indexed one by one."""

    def __init__(self, dataset):
        self.dataset = dataset

    def __getitem__(self, index):
        return self.dataset[index]

    def __len__(self):
        return len(self.dataset)


@pytest.mark.parametrize("seed", range(4))
def test_arrays_indexed_at_once_give_what_items_give(seed):
    rng = np.random.default_rng(seed)
    tensors = [
        rng.random((23, 3, 2)).astype(np.float32),
        rng.integers(0, 9, 23),
        rng.random((3, 23)).T,
        np.ones((23, 0), bool),
    ]
    dataset = TensorDataset(*tensors)
    subset = Subset(Subset(dataset, rng.integers(-23, 23, 40)), range(5, 40))
    for data in (dataset, subset):
        loaders = [DataLoader(d, 4, shuffle=True, generator=generator(seed)) for d in (data, Generic(data))]
        for fast, slow in zip(*loaders, strict=True):
            assert type(fast) is type(slow) is list
            for a, b in zip(fast, slow, strict=True):
                assert a.dtype == b.dtype
                assert a.shape == b.shape
                assert a.numpy().tobytes() == b.numpy().tobytes()
                assert a.data_ptr() % 64 == 0


def test_batches_are_copies_and_tracked_tensors_stay_tracked():
    x = mg.arange(6)
    batch = next(iter(DataLoader(TensorDataset(x), 3)))[0]
    batch._value[...] = 9
    assert x.tolist() == [0, 1, 2, 3, 4, 5]
    weights = mg.ones(6, requires_grad=True)
    next(iter(DataLoader(TensorDataset(weights), 3)))[0].sum().backward()
    assert weights.grad.tolist() == [1, 1, 1, 0, 0, 0]


def test_an_index_out_of_range_raises():
    for sampler in ([0, 6], [-7], [1.5]):
        with pytest.raises(IndexError):
            list(DataLoader(TensorDataset(mg.arange(6)), 3, sampler=sampler))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sampler": [0], "shuffle": True}, "mutually exclusive with shuffle"),
        ({"batch_sampler": [[0]], "batch_size": 2}, "batch_sampler option is mutually exclusive"),
        ({"batch_sampler": [[0]], "shuffle": True}, "batch_sampler option is mutually exclusive"),
        ({"batch_size": None, "drop_last": True}, "disables auto-batching"),
        ({"batch_size": 0}, "batch_size should be a positive integer"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        DataLoader(Squares(4), **options)


def test_what_the_samplers_were_made_of_cannot_be_set():
    loader = DataLoader(Squares(4))
    for name in ("batch_size", "sampler", "batch_sampler", "drop_last", "dataset"):
        with pytest.raises(ValueError, match=f"{name} attribute should not be set"):
            setattr(loader, name, None)
    loader.collate_fn = sum
    assert list(loader) == [0, 1, 4, 9]

"""Files: what goes in comes out, other programs read it, damage is found, and a kill at any moment leaves a whole file."""

import collections
import json
import math
import os
import pickle
import random
import struct
import subprocess
import sys
import time
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

import minigrad as mg
from minigrad import serialization
from minigrad.serialization import FileFormatError

DTYPES = ["float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool"]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file.safetensors"


def same(a, b):
    """Equal in type and value, NaN and -0.0 included."""
    if isinstance(a, mg.Tensor):
        return isinstance(b, mg.Tensor) and (a.dtype, a.shape, a.numpy().tobytes()) == (
            b.dtype,
            b.shape,
            b.numpy().tobytes(),
        )
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(type(k) is type(m) and same(a[k], b[m]) for k, m in zip(a, b, strict=True))
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float):
        return struct.pack("d", a) == struct.pack("d", b) or (math.isnan(a) and math.isnan(b))
    return a == b


# ---- what goes in comes out ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (5, 7)])
def test_tensors(dtype, shape, path):
    values = (np.random.default_rng(0).random(shape) * 100).astype(dtype)
    mg.save(mg.from_numpy(np.asarray(values)), path)
    found = mg.load(path)
    assert found.dtype == np.dtype(dtype)
    assert found.shape == shape
    assert found.numpy().tobytes() == values.tobytes()
    assert found.data_ptr() % 64 == 0
    assert found.numpy().flags.writeable
    assert not found.requires_grad


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(2**52, 2**80)
    | st.floats()
    | st.text()
    | st.text(st.characters())
    | st.builds(lambda v: mg.tensor(v), st.lists(st.integers(-9, 9), min_size=1))
)
KEYS = st.text(max_size=5) | st.integers() | st.sampled_from(["a.b", "a", "b", "0", "__metadata__", "tensor", "a'"])
STRUCTURES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(KEYS, inner),
    max_leaves=20,
)


@settings(max_examples=60)
@given(STRUCTURES)
def test_any_structure(tmp_path_factory, obj):
    path = tmp_path_factory.mktemp("any") / "file"
    mg.save(obj, path)
    assert same(mg.load(path), obj)


@pytest.mark.parametrize(
    "obj",
    [
        None,
        True,
        3,
        -(2**53) - 1,
        1 << 20_000,
        -0.0,
        5e-324,
        math.nan,
        [math.inf, -math.inf],
        "\udc80\0\n",
        (),
        [[], {}, ((),)],
        {1: 1, "1": 2},
        {"a.b": mg.ones(1), "a": {"b": mg.zeros(2)}},
        {"__metadata__": mg.ones(1), "\udc80": mg.ones(2), "": mg.ones(3)},
    ],
    ids=lambda obj: type(obj).__name__,
)
def test_values(obj, path):
    mg.save(obj, path)
    assert same(mg.load(path), obj)


def test_subclasses_come_back_plain(path):
    ordered = collections.OrderedDict(b=mg.ones(1), a=np.float64(0.1))
    mg.save(ordered, path)
    found = mg.load(path)
    assert type(found) is dict
    assert list(found) == ["b", "a"]
    assert type(found["a"]) is float
    assert found["a"] == 0.1


def test_tracked_and_strided_tensors(path):
    x = mg.ones(3, 4, requires_grad=True)
    mg.save({"leaf": x, "result": x * 2, "strided": mg.arange(12).reshape(3, 4).T[::2]}, path)
    found = mg.load(path)
    assert not found["leaf"].requires_grad
    assert found["result"].tolist() == [[2.0] * 4] * 3
    assert found["strided"].tolist() == [[0, 4, 8], [2, 6, 10]]


def test_a_training_in_one_file(path):
    p = mg.ones(3, requires_grad=True)
    optimizer = mg.optim.Adam([p], betas=(0.8, 0.9))
    scheduler = mg.optim.lr_scheduler.OneCycleLR(optimizer, 1.0, 10)
    (p * 2).sum().backward()
    optimizer.step()
    scheduler.step()
    state = {"optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict(), "random": mg.get_rng_state()}
    mg.save(state, path)
    assert same(mg.load(path), state)


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        (object(), "cannot save a object"),
        ({"a": [1, {2}]}, r"cannot save a set \(at a.1\)"),
        ({"a": np.ones(2)}, "make it a Tensor with from_numpy"),
        (np.float32(1), "use item"),
        (b"bytes", "cannot save a bytes"),
        (1j, "cannot save a complex"),
        ({(1, 2): 3}, r"a dict with the key \(1, 2\)"),
        ({True: 3}, "keys have to be strings or ints"),
    ],
)
def test_what_cannot_be_saved(obj, message, path):
    mg.save("old", path)
    with pytest.raises(TypeError, match=message):
        mg.save(obj, path)
    assert mg.load(path) == "old"
    assert os.listdir(path.parent) == [path.name]


def test_depth(path):
    deep = 0
    for _ in range(64):
        deep = ({"a": deep},)[0]
    mg.save(deep, path)
    assert same(mg.load(path), deep)
    cyclic = []
    cyclic.append(cyclic)
    for obj in ([deep], cyclic):
        with pytest.raises(ValueError, match="64 levels deep, or contains itself"):
            mg.save(obj, path)


# ---- other programs ------------------------------------------------------------------------------------------------------


def test_a_dict_of_tensors_is_a_plain_file(path):
    tensors = {"layer.weight": mg.randn(4, 3), "layer.bias": mg.zeros(4), "count": mg.tensor(3)}
    mg.save(tensors, path)
    found = load_file(path)
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype
        assert found[name].tobytes() == tensor.numpy().tobytes()
        assert found[name].shape == tensor.shape


def test_names_in_nested_structures(path):
    mg.save(
        {
            "model": {"0.weight": mg.ones(2)},
            "optimizer": {"state": {0: {"exp_avg": mg.zeros(2)}}},
            "list": [1, mg.ones(1)],
        },
        path,
    )
    assert load_file(path).keys() == {"model.0.weight", "optimizer.state.0.exp_avg", "list.1"}


def test_files_of_others(path):
    arrays = {
        "w": np.random.default_rng(0).random((3, 5)),
        "n": np.array([1, 2], np.int16),
        "none": np.zeros((0, 2), bool),
    }
    for metadata in (None, {"format": "pt"}):
        save_file(arrays, path, metadata)
        found = mg.load(path)
        assert found.keys() == arrays.keys()
        for name, array in arrays.items():
            assert found[name].numpy().tobytes() == array.tobytes()
            assert found[name].dtype == array.dtype
            assert found[name].shape == array.shape
            assert found[name].data_ptr() % 64 == 0


# ---- reading believes nothing --------------------------------------------------------------------------------------------


def raw(header, data=b"", length=None):
    header = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def entry(dtype="F32", shape=(1,), offsets=(0, 4)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


FOREIGN = {
    "empty": b"",
    "short": b"abc",
    "random": random.Random(0).randbytes(1000),
    "pickle": pickle.dumps({"a": 1}),
    "zip": b"PK\x03\x04" + bytes(100),
    "text": b"not a safetensors file at all\n" * 10,
    "header beyond the file": raw({"a": entry()}, bytes(4), length=1000),
    "header of 2**63": raw({"a": entry()}, bytes(4), length=2**63),
    "not JSON": raw(b"{" * 20),
    "deep JSON": raw(b"[" * 200_000),
    "deep metadata": raw(b'{"__metadata__":' + b'{"a":' * 100_000),
    "data missing": raw({"a": entry()}, bytes(3)),
    "data left over": raw({"a": entry()}, bytes(5)),
    "overlap": raw({"a": entry(), "b": entry()}, bytes(4)),
    "hole": raw({"a": entry(), "b": entry(offsets=(8, 12))}, bytes(12)),
    "backwards": raw({"a": entry(offsets=(4, 0))}, bytes(4)),
    "negative": raw({"a": entry(shape=(-1,))}, bytes(4)),
    "shape too large": raw({"a": entry(shape=(2**62, 4), offsets=(0, 0))}),
    "shape of 2**62 by 0": raw({"a": entry(shape=(2**62, 0), offsets=(0, 0))}),
    "70 axes": raw({"a": entry(shape=(1,) * 70)}, bytes(4)),
    "shape and offsets differ": raw({"a": entry(shape=(2,))}, bytes(4)),
    "unknown dtype": raw({"a": entry("F31")}, bytes(4)),
    "dtype we lack": raw({"a": entry("U16", (2,))}, bytes(4)),
    "bool of 7": raw({"a": entry("BOOL", (4,))}, b"\1\0\7\1"),
    "metadata no string": raw({"__metadata__": {"minigrad": 3}}),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_foreign_files(kind, path):
    path.write_bytes(FOREIGN[kind])
    with pytest.raises(FileFormatError, match=r"file\.safetensors") as error:
        mg.load(path)
    assert isinstance(error.value, ValueError)
    assert len(str(error.value)) < 500
    if kind in ("pickle", "zip"):
        assert kind in str(error.value)


def test_the_usual_errors_stay(tmp_path):
    with pytest.raises(FileNotFoundError):
        mg.load(tmp_path / "none")
    with pytest.raises(IsADirectoryError):
        mg.load(tmp_path)
    with pytest.raises(FileNotFoundError):
        mg.save(1, tmp_path / "no folder" / "file")
    with pytest.raises(IsADirectoryError):
        mg.save(1, tmp_path)
    with pytest.raises(TypeError):
        mg.save(1, 3)
    assert os.listdir(tmp_path) == []
    assert os.listdir(tmp_path.parent).count(tmp_path.name) == 1
    mg.save(1, str(tmp_path / "a"))
    assert mg.load(os.fsencode(tmp_path / "a"), map_location="cpu", weights_only=True) == 1
    with pytest.raises(RuntimeError, match="CPU alone"):
        mg.load(tmp_path / "a", map_location="cuda")


def test_truncated_anywhere_or_a_bit_flipped_in_any_byte(path):
    original = {"w": mg.tensor([1.5, 2.5]), "state": {0: (1, 0.1)}}
    mg.save(original, path)
    good = path.read_bytes()
    for length in range(len(good)):
        path.write_bytes(good[:length])
        with pytest.raises(FileFormatError):
            mg.load(path)
    for position in range(len(good)):
        damaged = bytearray(good)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        try:
            found = mg.load(path)
        except FileFormatError:
            continue
        assert same(found, original), (position, bytes(damaged))


def described(content, arrays, crc=None):
    """A file whose description is `content`."""
    text = content if isinstance(content, str) else json.dumps(content)
    return {"minigrad": text, "minigrad.crc32": f"{zlib.crc32(text.encode()):08x}" if crc is None else crc}, arrays


RECORD = {"w": ["F32", [1], zlib.crc32(np.ones(1, np.float32).tobytes())]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"version": 2, "object": 1, "tensors": RECORD}, "version 2 of the format; this minigrad reads version 1"),
        ({"version": 1, "tensors": RECORD}, "malformed"),
        ([1], "malformed"),
        ("[" * 100_000, "malformed"),
        ("9" * 10_000, "malformed"),
        ("not JSON", "malformed"),
        ('{"version": 1, "object": NaN, "tensors": {}}', "means nothing"),
        ({"version": 1, "object": 1, "tensors": {}}, "does not hold the tensors"),
        ({"version": 1, "object": 1, "tensors": 7}, "does not hold the tensors"),
        ({"version": 1, "object": 1, "tensors": {"w": ["F32", [1], 7]}}, "tensor 'w' is damaged"),
        ({"version": 1, "object": 1, "tensors": {"w": None}}, "tensor 'w' is damaged"),
        ({"version": 1, "object": 1, "tensors": RECORD}, "leaves out w"),
        ({"version": 1, "object": {"tensor": "v"}, "tensors": RECORD}, "a tensor that is not there"),
        ({"version": 1, "object": [{"tensor": "w"}, {"tensor": "w"}], "tensors": RECORD}, "a tensor that is not there"),
        ({"version": 1, "object": {"tensor": ["w"]}, "tensors": RECORD}, "means nothing"),
        ({"version": 1, "object": {}, "tensors": RECORD}, "means nothing"),
        ({"version": 1, "object": {"set": []}, "tensors": RECORD}, "means nothing"),
        ({"version": 1, "object": {"int": "zz"}, "tensors": RECORD}, "damaged"),
        ({"version": 1, "object": {"int": 3}, "tensors": RECORD}, "means nothing"),
        ({"version": 1, "object": {"float": []}, "tensors": RECORD}, "means nothing"),
        ({"version": 1, "object": {"dict": [[1]]}, "tensors": RECORD}, "means nothing"),
        ({"version": 1, "object": {"dict": [[[], 1]]}, "tensors": RECORD}, "means nothing"),
        ({"version": 1, "object": {"dict": [[1.5, 1]]}, "tensors": RECORD}, "means nothing"),
        ({"version": 1, "object": json.loads("[" * 80 + "]" * 80), "tensors": RECORD}, "more than 64 levels"),
    ],
)
def test_descriptions_that_lie(content, message, path):
    metadata, arrays = described(content, {"w": np.ones(1, np.float32)})
    save_file(arrays, path, metadata)
    with pytest.raises(FileFormatError, match=message) as error:
        mg.load(path)
    assert str(path) in str(error.value)


def test_a_description_without_its_checksum(path):
    metadata, arrays = described({"version": 1, "object": 1, "tensors": {}}, {})
    for broken in (
        {"minigrad": metadata["minigrad"]},
        {"minigrad.crc32": "00000000x"},
        {**metadata, "minigrad.crc32": "12345678"},
    ):
        save_file(arrays, path, broken)
        with pytest.raises(FileFormatError, match="does not have its checksum"):
            mg.load(path)


# ---- writing -------------------------------------------------------------------------------------------------------------


def test_a_failure_leaves_the_old_file_and_nothing_else(path, monkeypatch):
    mg.save({"a": mg.ones(3)}, path)
    before = path.read_bytes()

    def fail(*args):
        raise KeyboardInterrupt

    for name in ("fsync", "replace", "chmod"):
        with monkeypatch.context() as patch:
            patch.setattr(serialization.os, name, fail)
            with pytest.raises(KeyboardInterrupt):
                mg.save({"a": mg.zeros(1000)}, path)
        assert path.read_bytes() == before
        assert os.listdir(path.parent) == [path.name]


def test_the_file_is_synced_before_it_is_renamed_and_the_folder_after(path, monkeypatch):
    done = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)

        def noted(*args, real=real):
            target = os.readlink(f"/proc/self/fd/{args[0]}") if len(args) == 1 else args[1]
            done.append((real.__name__, "temporary" if target.endswith(".tmp") else target))
            return real(*args)

        monkeypatch.setattr(serialization.os, name, noted)
    mg.save(1, path)
    assert done == [("fsync", "temporary"), ("replace", str(path)), ("fsync", str(path.parent))]


def test_a_full_disk(path):
    """A limit on the size of files stands for it: the old file stays, and OSError says what happened."""
    mg.save("old", path)
    script = """
import os, resource, signal, sys
import minigrad as mg
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    mg.save(mg.ones(100_000), sys.argv[1])
except OSError as error:
    assert sys.argv[1] in str(error), error
else:
    raise SystemExit("no error")
"""
    subprocess.run([sys.executable, "-c", script, str(path)], check=True)
    assert mg.load(path) == "old"
    assert os.listdir(path.parent) == [path.name]


def test_permissions_and_links(path):
    before = os.umask(0o027)
    try:
        mg.save(1, path)
        assert path.stat().st_mode & 0o777 == 0o640
        path.chmod(0o600)
        mg.save(2, path)
        assert path.stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)
    link = path.with_name("link")
    link.symlink_to(path)
    mg.save(3, link)
    assert link.is_symlink()
    assert mg.load(path) == 3


SAVER = """
import sys
import minigrad as mg
count = 0
while True:
    count += 1
    mg.save({"count": count, "tensors": [mg.full((20_000,), count), mg.full((3,), count)]}, sys.argv[1])
    if count == 1:
        print("saving", flush=True)
"""


def test_killed_at_any_moment_the_file_is_whole(path):
    """A process that saves in a loop is killed several times: what is on disk always loads, and is one of the versions."""
    rng = random.Random(1)
    for _ in range(6):
        process = subprocess.Popen([sys.executable, "-c", SAVER, str(path)], stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"saving\n"
        time.sleep(rng.random() * 0.1)
        process.kill()
        process.wait()
        process.stdout.close()
        found = mg.load(path)
        assert found["count"] >= 1
        assert len(found["tensors"]) == 2
        for tensor in found["tensors"]:
            assert (tensor.numpy() == found["count"]).all()


def test_what_a_killed_writer_left_is_removed_after_an_hour(path):
    names = [
        f".{path.name}.123-0123abcd.tmp",
        f".{path.name}.124-0123abcd.tmp",
        ".other.123-0123abcd.tmp",
        f".{path.name}.tmp",
    ]
    for name in names:
        (path.parent / name).write_bytes(b"part")
        os.utime(path.parent / name, (time.time() - 7200, time.time() - 7200))
    os.utime(path.parent / names[1])  # a writer may be at work on it
    mg.save(1, path)
    assert sorted(os.listdir(path.parent)) == sorted([*names[1:], path.name])

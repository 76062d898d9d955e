"""minigrad.datasets: downloads from a server that misbehaves on demand, and tiny files of each format."""

import contextlib
import dataclasses
import gzip
import hashlib
import http.server
import io
import os
import re
import struct
import sys
import tarfile
import threading
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from minigrad import datasets
from minigrad.datasets import download, formats, sources
from minigrad.datasets.download import ChecksumError, DownloadError, fetch

BODY = np.random.default_rng(0).bytes(300_000)
NAMES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


def md5(data: bytes) -> str:
    return f"md5:{hashlib.md5(data).hexdigest()}"


# --- a server that misbehaves on demand ---


@dataclasses.dataclass
class Reply:
    """What the server sends for one path, and how it goes wrong."""

    body: bytes
    cuts: list[int] = dataclasses.field(default_factory=list)  # break the next answers off after so many bytes
    ranges: bool = True
    wrong_range: bool = False
    stall: bool = False
    chunked: bool = False


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/"
        self.replies: dict[str, Reply] = {}
        self.requests: list[tuple[str, str | None]] = []  # path and Range of each
        self.sent = 0
        self.released = threading.Event()  # ends a stall

    def handle_error(self, request, client_address):
        pass


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        server, asked = self.server, self.headers.get("Range")
        server.requests.append((self.path, asked))
        reply = server.replies.get(self.path)
        if reply is None:
            return self.send_error(404)
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and reply.ranges else 0
        if start and start >= len(reply.body):
            return self.send_error(416)
        body = reply.body[start:]
        cut = reply.cuts.pop(0) if reply.cuts else len(body)
        self.send_response(206 if start else 200)
        if start:
            first = start + 7 if reply.wrong_range else start
            self.send_header("Content-Range", f"bytes {first}-{len(reply.body) - 1}/{len(reply.body)}")
        if reply.chunked:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            end = b"" if cut < len(body) else b"\r\n0\r\n\r\n"
            self.wfile.write(b"%x\r\n" % len(body) + body[:cut] + end)
            return None
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:cut])
        self.wfile.flush()
        server.sent += len(body[:cut])
        if reply.stall:
            server.released.wait(10)


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def _own_folders(tmp_path, monkeypatch):
    """No test sees the user's cache or data; proxies stay out of the way of the server."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("MINIGRAD_DATA", raising=False)


def ask(server, path, *names, checksum=None, timeout=5.0, **options):
    urls = [server.url + name for name in names or ("file",)]
    return fetch(urls, path, checksum or md5(BODY), timeout=timeout, **options)


def left(path: Path) -> list[str]:
    """The names of what lies in a download's folder, its lock aside."""
    return sorted(entry.name for entry in path.parent.iterdir() if entry.name != ".lock")


# --- download ---


def test_a_download_is_whole_and_under_its_name(server, tmp_path):
    server.replies["/file"] = Reply(BODY)
    path = tmp_path / "new" / "folder" / "file.gz"
    assert ask(server, path) == path
    assert path.read_bytes() == BODY
    assert left(path) == ["file.gz"]


def test_a_file_in_the_cache_makes_no_request(server, tmp_path):
    server.replies["/file"] = Reply(BODY)
    ask(server, tmp_path / "file")
    ask(server, tmp_path / "file")
    put(tmp_path / "whole", {"file": BODY})
    ask(server, tmp_path / "whole" / "file")
    assert os.listdir(tmp_path / "whole") == ["file"]  # not even a lock: the folder may be read-only
    assert len(server.requests) == 1


@pytest.mark.parametrize("with_tqdm", [True, False])
def test_progress_is_shown_on_a_terminal(server, tmp_path, monkeypatch, with_tqdm):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    if with_tqdm:
        pytest.importorskip("tqdm")
    else:
        monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(sys, "stderr", Terminal())
    server.replies["/file"] = Reply(BODY)
    assert ask(server, tmp_path / "set.gz").read_bytes() == BODY
    assert "set.gz" in sys.stderr.getvalue()
    assert ("100%" in sys.stderr.getvalue()) == with_tqdm


@pytest.mark.parametrize("stderr", [None, io.StringIO()])
def test_progress_is_silent_elsewhere(server, tmp_path, monkeypatch, stderr):
    monkeypatch.setattr(sys, "stderr", stderr)
    server.replies["/file"] = Reply(BODY)
    assert ask(server, tmp_path / "file").read_bytes() == BODY
    assert stderr is None or not stderr.getvalue()


def test_a_wrong_file_is_discarded_and_both_checksums_are_named(server, tmp_path):
    wrong = BODY[:-1] + b"!"
    server.replies["/file"] = Reply(wrong)
    with pytest.raises(ChecksumError) as caught:
        ask(server, tmp_path / "file")
    assert isinstance(caught.value, OSError)
    assert md5(BODY) in str(caught.value)
    assert md5(wrong) in str(caught.value)
    assert "discarded" in str(caught.value)
    assert left(tmp_path / "file") == []


def test_every_mirror_and_its_fault_are_named(server, tmp_path):
    server.replies["/wrong"] = Reply(b"wrong")
    with pytest.raises(DownloadError) as caught:
        fetch([server.url + "none", server.url + "wrong", "not an address"], tmp_path / "file", md5(BODY))
    assert not isinstance(caught.value, ChecksumError)
    lines = str(caught.value).splitlines()
    assert "file" in lines[0]
    assert f"{server.url}none" in lines[1]
    assert "404" in lines[1]
    assert f"{server.url}wrong" in lines[2]
    assert md5(b"wrong") in lines[2]
    assert "not an address" in lines[3]
    assert "MINIGRAD_DATA" in lines[4]
    with pytest.raises(DownloadError, match="file"):
        fetch([], tmp_path / "file", md5(BODY))


@pytest.mark.parametrize("chunked", [False, True])
def test_a_second_mirror_is_used(server, tmp_path, chunked):
    server.replies |= {"/wrong": Reply(BODY[::-1]), "/good": Reply(BODY, chunked=chunked)}
    assert ask(server, tmp_path / "file", "none", "wrong", "good").read_bytes() == BODY
    assert server.requests == [("/none", None), ("/wrong", None), ("/good", None)]


def test_a_cut_download_asks_only_for_what_it_lacks(server, tmp_path):
    server.replies["/file"] = Reply(BODY, cuts=[100_000])
    with pytest.raises(DownloadError, match=r"100,000 of 300,000 bytes"):
        ask(server, tmp_path / "file")
    assert left(tmp_path / "file") == ["file.part"]
    server.sent = 0
    assert ask(server, tmp_path / "file").read_bytes() == BODY
    assert server.requests == [("/file", None), ("/file", "bytes=100000-")]
    assert server.sent == 200_000
    assert left(tmp_path / "file") == ["file"]


def test_the_next_mirror_goes_on_where_the_first_broke_off(server, tmp_path):
    server.replies |= {"/first": Reply(BODY, cuts=[100_000]), "/second": Reply(BODY)}
    assert ask(server, tmp_path / "file", "first", "second").read_bytes() == BODY
    assert server.requests == [("/first", None), ("/second", "bytes=100000-")]


def test_a_chunked_answer_cut_short_is_not_taken_for_whole(server, tmp_path):
    server.replies["/file"] = Reply(BODY, chunked=True, cuts=[100_000])
    with pytest.raises(DownloadError):
        ask(server, tmp_path / "file")
    assert ask(server, tmp_path / "file").read_bytes() == BODY


@pytest.mark.parametrize(
    ("reply", "part"),
    [
        (Reply(BODY, ranges=False), BODY[:1000]),
        (Reply(BODY, wrong_range=True), BODY[:1000]),
        (Reply(BODY), BODY + b"and more"),  # 416: nothing there
        (Reply(BODY), b"of another file"),  # found out by the checksum
    ],
    ids=["ignored", "wrong range", "416", "other bytes"],
)
def test_a_part_that_can_not_be_continued_is_begun_anew(server, tmp_path, reply, part):
    server.replies["/file"] = reply
    (tmp_path / "file.part").write_bytes(part)
    assert ask(server, tmp_path / "file").read_bytes() == BODY
    assert server.requests[0] == ("/file", f"bytes={len(part)}-")
    assert len(server.requests) == (1 if not reply.ranges else 2)


def test_a_server_that_stalls_is_given_up_and_its_bytes_kept(server, tmp_path):
    server.replies |= {"/slow": Reply(BODY, cuts=[1000], stall=True), "/good": Reply(BODY)}
    start = time.monotonic()
    assert ask(server, tmp_path / "file", "slow", "good", timeout=0.2).read_bytes() == BODY
    assert time.monotonic() - start < 5
    assert server.requests == [("/slow", None), ("/good", "bytes=1000-")]


def test_a_server_that_never_ends_is_stopped(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "LARGEST", 1000)
    server.replies["/file"] = Reply(BODY, cuts=[5000], stall=True)  # waiting for the rest would time out
    with pytest.raises(DownloadError, match="more than 1,000 bytes"):
        ask(server, tmp_path / "file", timeout=0.5)
    assert left(tmp_path / "file") == []


def test_a_name_is_given_only_to_what_was_checked(server, tmp_path):
    server.replies["/file"] = Reply(BODY)
    path = tmp_path / "file"
    seen = []

    def digest(part: Path) -> str:
        seen.append((part.name, path.exists(), part.read_bytes() == BODY))
        return md5(BODY)

    ask(server, path, digest=digest)
    assert seen == [("file.part", False, True)]


def test_a_crash_before_the_rename_loses_nothing(server, tmp_path, monkeypatch):
    server.replies["/file"] = Reply(BODY)
    with monkeypatch.context() as crash:
        crash.setattr(os, "replace", lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            ask(server, tmp_path / "file")
    assert left(tmp_path / "file") == ["file.part"]
    assert ask(server, tmp_path / "file").read_bytes() == BODY
    assert len(server.requests) == 1


def test_callers_at_once_download_once(server, tmp_path):
    server.replies["/file"] = Reply(BODY)
    start, results = threading.Barrier(8), []

    def call():
        start.wait()
        results.append(ask(server, tmp_path / "file").read_bytes() == BODY)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 8
    assert len(server.requests) == 1


# --- tiny files of each format ---


def idx(array: np.ndarray) -> bytes:
    return bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def idx_files(train=12, test=5, seed=0) -> dict[str, bytes]:
    draw = np.random.default_rng(seed)
    arrays = []
    for count in (train, test):
        arrays.append(draw.integers(0, 256, (count, 28, 28), dtype=np.uint8))
        arrays.append(draw.integers(0, 10, count, dtype=np.uint8))
    return {name: gzip.compress(idx(array)) for name, array in zip(NAMES, arrays, strict=True)}


def cifar_records(count: int, first_label: int = 0) -> bytes:
    draw = np.random.default_rng(first_label)
    records = draw.integers(0, 256, (count, 3073), dtype=np.uint8)
    records[:, 0] = (first_label + np.arange(count)) % 10
    return records.tobytes()


def cifar_archive(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return packed.getvalue()


def cifar_files() -> dict[str, bytes]:
    """Six batches of two, of labels 1 2, 2 3, 3 4, ... in no order, as archives have them, and a text."""
    batches = {f"data_batch_{k}.bin": cifar_records(2, k) for k in (1, 2, 4, 3, 5)}
    return {"batches.meta.txt": b"airplane\n", **batches, "test_batch.bin": cifar_records(3, 0)}


def usps_text(rows=4, number="%.4f") -> bytes:
    draw = np.random.default_rng(rows)
    values = draw.integers(-1000, 1001, (rows, 256)) / 1000
    lines = [f"{k % 10} {' '.join(number % value for value in row)} \n" for k, row in enumerate(values)]
    return "".join(lines).encode()


def usps_files(train=4, test=3) -> dict[str, bytes]:
    return {"zip.train.gz": gzip.compress(usps_text(train)), "zip.test.gz": gzip.compress(usps_text(test))}


def put(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def same(one: datasets.ImageData, other: datasets.ImageData) -> bool:
    fields = ("train_images", "train_labels", "test_images", "test_labels")
    return all(np.array_equal(getattr(one, field), getattr(other, field)) for field in fields)


# --- what is read ---


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_idx_images(tmp_path, name):
    files = idx_files()
    data = datasets.load(name, root=put(tmp_path, files))
    raw = np.frombuffer(gzip.decompress(files[NAMES[0]])[16:], np.uint8).reshape(12, 1, 28, 28)
    np.testing.assert_array_equal(data.train_images, raw.astype(np.float32) / np.float32(255))
    np.testing.assert_array_equal(data.test_labels, list(gzip.decompress(files[NAMES[3]])[8:]))
    assert data.test_images.shape == (5, 1, 28, 28)
    assert (data.train_images.dtype, data.train_labels.dtype) == (np.float32, np.int64)
    assert data.train_images.flags.writeable
    assert data.name == name
    assert data.partial
    assert data.num_classes == 10
    assert data.classes[9] == ("9" if name == "mnist" else "Ankle boot")


def test_one_set_is_not_taken_for_its_twin(tmp_path, monkeypatch):
    files = idx_files()
    source = sources.SOURCES["mnist"]
    known = dataclasses.replace(source, files={name: md5(data) for name, data in files.items()})
    monkeypatch.setitem(sources.SOURCES, "mnist", known)
    put(tmp_path, files)
    assert datasets.mnist(tmp_path).train_images.shape == (12, 1, 28, 28)
    with pytest.raises(ValueError, match="is of mnist, not of fashion-mnist"):
        datasets.fashion_mnist(tmp_path)


@pytest.mark.parametrize("layout", ["archive", "folder", "flat", "gzipped"])
def test_cifar10_in_every_layout(tmp_path, layout):
    files = cifar_files()
    if layout == "archive":
        put(tmp_path, {"cifar-10-binary.tar.gz": cifar_archive(files)})
    elif layout == "gzipped":
        put(tmp_path / "cifar10", {name + ".gz": gzip.compress(data) for name, data in files.items()})
    else:
        put(tmp_path / "cifar-10-batches-bin" if layout == "folder" else tmp_path, files)
    data = datasets.cifar10(tmp_path)
    np.testing.assert_array_equal(data.train_labels, [1, 2, 2, 3, 3, 4, 4, 5, 5, 6])
    np.testing.assert_array_equal(data.test_labels, [0, 1, 2])
    second = np.frombuffer(files["data_batch_1.bin"], np.uint8)[3073:][1:].reshape(3, 32, 32)
    np.testing.assert_array_equal(data.train_images[1], second.astype(np.float32) / np.float32(255))
    assert data.shape == (3, 32, 32)


def test_a_part_of_cifar10_says_that_it_is_one(tmp_path):
    part = {
        "data_batch_1.first6.bin.gz": gzip.compress(cifar_records(6)),
        "test_batch.first2.bin.gz": gzip.compress(cifar_records(2)),
    }
    data = datasets.cifar10(put(tmp_path / "cifar10", part).parent)
    assert (len(data.train_labels), len(data.test_labels)) == (6, 2)
    assert data.partial
    assert "6 training and 2 test images of 3x32x32" in repr(data)
    assert "a part of the 50,000 and 10,000 published" in repr(data)
    put(tmp_path / "cifar10", {"data_batch_2.bin": cifar_records(2, 8)})
    np.testing.assert_array_equal(datasets.cifar10(tmp_path).train_labels, [0, 1, 2, 3, 4, 5, 8, 9])
    put(
        tmp_path / "cifar10",
        {"data_batch_1.bin": cifar_records(7), "data_batch_6.bin": b"", "notes.bin": b""},
    )
    assert len(datasets.cifar10(tmp_path).train_labels) == 7 + 2  # the whole first batch, not its part


def test_usps_is_mapped_to_the_unit_interval(tmp_path):
    data = datasets.usps(put(tmp_path / "usps", usps_files()).parent)
    values = np.array([line.split()[1:] for line in usps_text(4).split(b"\n")[:-1]], np.float64)
    np.testing.assert_allclose(data.train_images.reshape(4, 256), (values + 1) / 2, atol=1e-7)
    np.testing.assert_array_equal(data.train_labels, [0, 1, 2, 3])
    assert data.test_images.shape == (3, 1, 16, 16)
    assert data.train_images.min() >= 0
    assert data.train_images.max() <= 1


def test_the_usps_digest_is_of_values_not_of_how_they_are_written(tmp_path):
    text = usps_text(number="%.3f").decode()
    files = {
        "long": usps_text(number="%.4f"),
        "short": text.encode(),
        "packed": gzip.compress(usps_text(number="%g")),
        "other": usps_text().replace(b"\n1 ", b"\n2 "),
    }
    assert files["other"] != files["long"]
    put(tmp_path, files)
    digests = {name: formats.usps_digest(tmp_path / name) for name in files}
    assert digests["long"] == digests["short"] == digests["packed"] != digests["other"]
    thousandths = [[int(value.replace(".", "")) for value in line.split()] for line in text.splitlines()]
    assert digests["long"] == "values:" + hashlib.sha256(np.array(thousandths, "<i2").tobytes()).hexdigest()


# --- malformed files ---


def packed_idx(*shape: int, data: bytes | None = None, magic: bytes | None = None) -> bytes:
    data = bytes(int(np.prod(shape))) if data is None else data
    magic = bytes((0, 0, 8, len(shape))) if magic is None else magic
    return gzip.compress(magic + struct.pack(f">{len(shape)}I", *shape) + data)


GOOD = idx_files()
IMAGES, LABELS = NAMES[:2]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        (IMAGES, GOOD[IMAGES][:-100], "cut short"),
        (IMAGES, GOOD[IMAGES][:-8] + bytes(8), "damaged"),  # gzip's own checksum
        (IMAGES, gzip.compress(b""), "not an idx file"),
        (IMAGES, b"<html>not found</html>", "not an idx file of bytes in 3 dimensions"),
        (IMAGES, packed_idx(12, 28, 28, magic=b"\0\0\x0d\3"), "not an idx file"),  # float32
        (IMAGES, GOOD[LABELS], "not an idx file of bytes in 3 dimensions"),
        (IMAGES, gzip.compress(bytes((0, 0, 8, 3, 0, 0))), "cut short: 2 bytes where 12"),
        (IMAGES, packed_idx(12, 32, 32), "holds 12 x 32 x 32, not 1 to 60,000 x 28 x 28"),
        (IMAGES, packed_idx(0, 28, 28), "holds 0 x 28 x 28"),
        (IMAGES, packed_idx(2**32 - 1, 28, 28, data=b""), "holds 4,294,967,295 x 28 x 28"),
        (IMAGES, packed_idx(12, 28, 28, data=bytes(500)), "500 bytes where 9,408 should be"),
        (IMAGES, packed_idx(12, 28, 28, data=bytes(9409)), "more bytes than its header says"),
        (LABELS, packed_idx(11), "12 images, but .* holds 11 labels"),
        (LABELS, packed_idx(12, data=bytes([11] * 12)), "label 11 is not one of 0 to 9"),
        (LABELS, packed_idx(60_001), "holds 60,001, not 1 to 60,000"),
    ],
)
def test_malformed_idx(tmp_path, name, data, message):
    put(tmp_path, GOOD | {name: data})
    with pytest.raises(ValueError, match=message) as caught:
        datasets.mnist(tmp_path)
    assert str(tmp_path / name) in str(caught.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (cifar_records(2)[:-1], "6,145 bytes are not a number of records of 3,073 bytes"),
        (b"", "0 bytes are not a number of records"),
        (b"\x0b" + bytes(3072), "label 11 is not one of 0 to 9"),
        (gzip.compress(cifar_records(2))[:-9], "cut short"),
        (bytes(4 * 3073), "more than 3 records"),
    ],
)
@pytest.mark.parametrize("archived", [False, True])
def test_malformed_cifar10(tmp_path, monkeypatch, data, message, archived):
    monkeypatch.setattr(formats, "CIFAR_BATCH", 3)
    files = cifar_files() | {"data_batch_2.bin": data}
    if archived and message == "cut short":
        message = "not a number of records"  # the archive's members are not gzipped once more
    put(tmp_path, {"cifar-10-binary.tar.gz": cifar_archive(files)} if archived else files)
    with pytest.raises(ValueError, match=message) as caught:
        datasets.cifar10(tmp_path)
    assert "data_batch_2.bin" in str(caught.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (cifar_archive(cifar_files())[:-2000], "cut short"),
        (cifar_archive(cifar_files())[:-8] + bytes(8), "damaged"),
        (gzip.compress(b"not a tar file" * 100), "damaged"),
        (b"<html>not found</html>" * 100, "damaged"),
        (
            cifar_archive({k: v for k, v in cifar_files().items() if "_3" not in k}),
            r"lacks .*data_batch_3\.bin",
        ),
    ],
)
def test_malformed_cifar10_archive(tmp_path, data, message):
    put(tmp_path, {"cifar-10-binary.tar.gz": data})
    with pytest.raises(ValueError, match=message) as caught:
        datasets.cifar10(tmp_path)
    assert "cifar-10-binary.tar.gz" in str(caught.value)


ROW = usps_text(1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (ROW.rsplit(b" ", 2)[0], "holds 1 x 256 values"),
        (ROW + ROW.rsplit(b" ", 2)[0], "columns"),
        (ROW.replace(b"0 ", b"11 ", 1), "label 11 is not one of 0 to 9"),
        (ROW.replace(b"0 ", b"0.5 ", 1), "label 0.5 is not one of 0 to 9"),
        (ROW.replace(b"0 ", b"nan ", 1), "label nan"),
        (b"0 " + b"1 " * 255 + b"1.001", r"outside \[-1, 1\]"),
        (b"0 " + b"nan " + b"1 " * 255, r"outside \[-1, 1\]"),
        (b"0 " + b"x " * 256, "could not convert"),
        (b"0 " + "½ ".encode() * 256, "ascii"),
        (b"0 " * 257 + b"\n" + b"0 " * 257, None),  # two good rows: what follows is about their number
        ((b"0 " * 257 + b"\n") * 2008, "holds 2,008 x 257 values, not up to 2,007 rows"),
        (b" " * (2007 * 2570 + 1), "larger than 2,007 rows"),
    ],
)
def test_malformed_usps(tmp_path, text, message):
    put(tmp_path, usps_files() | {"zip.test.gz": gzip.compress(text, 1)})
    if message is None:
        assert datasets.usps(tmp_path).test_images.shape == (2, 1, 16, 16)
        return
    with pytest.raises(ValueError, match=message) as caught:
        datasets.usps(tmp_path)
    assert str(tmp_path / "zip.test.gz") in str(caught.value)


@pytest.mark.parametrize("kind", ["idx", "cifar10", "archive"])
def test_a_gzip_bomb_is_not_unpacked(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(formats, "CIFAR_BATCH", 3)
    zeros = bytes(64 << 20)
    if kind == "idx":
        put(tmp_path, GOOD | {LABELS: packed_idx(12, data=zeros)})
    elif kind == "cifar10":
        put(tmp_path, {"data_batch_1.bin.gz": gzip.compress(zeros, 1), "test_batch.bin": cifar_records(1)})
    else:
        put(tmp_path, {"cifar-10-binary.tar.gz": cifar_archive({"other": zeros} | cifar_files())})
    del zeros
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="more"):
            datasets.load("mnist" if kind == "idx" else "cifar10", root=tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


# --- where files lie ---


@pytest.mark.parametrize("folder", ["", "mnist", "MNIST/raw"])
def test_a_named_folder(tmp_path, monkeypatch, folder):
    put(tmp_path / folder, idx_files())
    given = datasets.mnist(root=tmp_path)
    monkeypatch.setenv("MINIGRAD_DATA", str(tmp_path))
    assert same(given, datasets.load("mnist"))
    assert same(given, datasets.load("MNIST", str(tmp_path)))


def test_root_goes_before_the_environment_and_a_sets_own_folder_first(tmp_path, monkeypatch):
    put(tmp_path / "one", idx_files(train=3))
    put(tmp_path / "two", idx_files(train=4))
    put(tmp_path / "two" / "mnist", idx_files(train=5))
    monkeypatch.setenv("MINIGRAD_DATA", str(tmp_path / "two"))
    assert len(datasets.mnist(tmp_path / "one").train_labels) == 3
    assert len(datasets.mnist().train_labels) == 5


def test_unpacked_files_are_read(tmp_path):
    files = idx_files()
    put(tmp_path / "packed", files)
    put(tmp_path / "not", {name.removesuffix(".gz"): gzip.decompress(data) for name, data in files.items()})
    put(tmp_path / "misnamed", {name: gzip.decompress(data) for name, data in files.items()})
    packed = datasets.mnist(tmp_path / "packed")
    assert same(packed, datasets.mnist(tmp_path / "not"))
    assert same(packed, datasets.mnist(tmp_path / "misnamed"))


@pytest.mark.parametrize("name", [name for name in datasets.NAMES if name != "digits"])
def test_what_is_not_in_a_named_folder_is_named(tmp_path, monkeypatch, name):
    monkeypatch.setenv("MINIGRAD_DATA", str(tmp_path))
    put(tmp_path, {IMAGES: GOOD[IMAGES], "test_batch.bin": cifar_records(1), "zip.train.gz": b""})  # not enough
    with pytest.raises(FileNotFoundError) as caught:
        datasets.load(name)
    message = str(caught.value)
    assert all(file in message for file in sources.SOURCES[name].files)
    assert f"{tmp_path / name}\n" in message
    assert f"{tmp_path}\n" in message
    assert "MINIGRAD_DATA" in message


def test_without_a_download_the_cache_must_have_it(tmp_path, monkeypatch):
    monkeypatch.setenv("MINIGRAD_DATA", "")  # as good as none
    folder = tmp_path / "cache" / "minigrad" / "datasets" / "usps"
    with pytest.raises(FileNotFoundError, match=re.escape(str(folder / "zip.train.gz"))):
        datasets.usps(download=False)
    put(folder, usps_files())
    assert len(datasets.usps(download=False).train_labels) == 4


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x"),
        ("linux", {}, "/home/me/.cache"),
        ("darwin", {}, "/home/me/Library/Caches"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local"),
        ("win32", {}, "/home/me/AppData/Local"),
    ],
)
def test_the_cache_folder(monkeypatch, platform, variables, expected):
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: Path("/home/me"))
    assert sources.cache_folder() == Path(expected, "minigrad", "datasets")


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("mnist", idx_files()),
        ("fashion-mnist", idx_files(seed=1)),
        ("cifar10", {"cifar-10-binary.tar.gz": cifar_archive(cifar_files())}),
        ("usps", usps_files()),
    ],
)
def test_a_set_is_downloaded_once_and_then_read_from_the_cache(server, tmp_path, monkeypatch, name, files):
    source = sources.SOURCES[name]
    here = put(tmp_path / "here", files)
    checksums = {file: source.digest(here / file) for file in files}
    assert set(checksums) == set(source.files)
    mirrors = (server.url + "gone/", server.url)
    ours = dataclasses.replace(source, mirrors=mirrors, files=checksums)
    monkeypatch.setitem(sources.SOURCES, name, ours)
    server.replies = {f"/{file}": Reply(data) for file, data in files.items()}
    data = datasets.load(name)
    assert [path for path, _ in server.requests] == [f"{m}/{file}" for file in files for m in ("/gone", "")]
    assert same(data, datasets.load(name, download=False))
    assert same(data, datasets.load(name, root=here))
    assert len(server.requests) == 2 * len(files)

    monkeypatch.setitem(sources.SOURCES, name, dataclasses.replace(ours, files=dict.fromkeys(files, "md5:0")))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    with pytest.raises(DownloadError, match="expected md5:0, got"):
        datasets.load(name)


def test_a_download_that_usps_digest_can_not_read_is_discarded(server, tmp_path):
    server.replies["/file"] = Reply(b"<html>not found</html>")
    with pytest.raises(ChecksumError, match="unreadable"):
        ask(server, tmp_path / "file", checksum="values:0", digest=formats.usps_digest)
    assert left(tmp_path / "file") == []


def test_the_table():
    assert datasets.NAMES == ("digits", "mnist", "fashion-mnist", "cifar10", "usps")
    assert set(sources.SOURCES) == set(datasets.NAMES[1:])
    for source in sources.SOURCES.values():
        assert len(source.classes) == len(set(source.classes)) == 10
        assert all(re.fullmatch(r"https?://[^ ]+/", mirror) for mirror in source.mirrors)
        assert source.mirrors[0].startswith("https:")
        pattern = r"values:[0-9a-f]{64}" if source.name == "usps" else r"md5:[0-9a-f]{32}"
        assert all(re.fullmatch(pattern, checksum) for checksum in source.files.values())
    for name in ("mnist", "fashion-mnist"):
        assert tuple(sources.SOURCES[name].files) == NAMES


def test_names(tmp_path):
    put(tmp_path, idx_files())
    assert datasets.load("Fashion_MNIST", tmp_path).name == "fashion-mnist"
    with pytest.raises(ValueError, match=r"no set is called 'imagenet'; there are digits, mnist"):
        datasets.load("imagenet")
    with pytest.raises(TypeError):
        datasets.load("mnist", tmp_path, seed=1)


# --- the images ---


def image_data(train: np.ndarray, test: np.ndarray, **fields) -> datasets.ImageData:
    train_labels, test_labels = np.zeros(len(train), np.int64), np.zeros(len(test), np.int64)
    return datasets.ImageData("set", train, train_labels, test, test_labels, ("a", "b"), **fields)


def test_normalized_uses_the_training_images_alone():
    draw = np.random.default_rng(0)
    train = draw.random((2500, 3, 4, 5), np.float32) * np.float32([1, 2, 3])[:, None, None]
    test = draw.random((7, 3, 4, 5), np.float32)
    data = image_data(train.copy(), test.copy(), published=(2500, 8))
    mean, std = data.mean_std()
    np.testing.assert_allclose(mean, train.mean((0, 2, 3), np.float64), rtol=1e-6)
    np.testing.assert_allclose(std, train.std((0, 2, 3), np.float64), rtol=1e-6)
    result = data.normalized()
    np.testing.assert_allclose(result.train_images.mean((0, 2, 3), np.float64), 0, atol=1e-6)
    np.testing.assert_allclose(result.train_images.std((0, 2, 3), np.float64), 1, rtol=1e-6)
    by_hand = (test - mean[:, None, None]) / std[:, None, None]
    np.testing.assert_allclose(result.test_images, by_hand, rtol=1e-5, atol=1e-6)
    assert result.train_images.dtype == result.test_images.dtype == np.float32
    np.testing.assert_array_equal(data.train_images, train)  # the original is as it was
    assert (result.name, result.classes, result.published) == (data.name, data.classes, data.published)


def test_a_channel_that_never_varies_is_only_centred():
    data = image_data(np.full((3, 1, 2, 2), 0.5, np.float32), np.ones((1, 1, 2, 2), np.float32)).normalized()
    np.testing.assert_array_equal(data.train_images, 0)
    np.testing.assert_array_equal(data.test_images, 0.5)


def test_repr_and_frozen():
    images = np.zeros((2, 1, 4, 5), np.float32)
    whole = image_data(images, images, published=(2, 2))
    assert repr(whole) == "ImageData('set', 2 training and 2 test images of 1x4x5, 2 classes)"
    assert not whole.partial
    assert not image_data(images, images).partial
    assert image_data(images, images, published=(2, 3)).partial
    with pytest.raises(dataclasses.FrozenInstanceError):
        whole.name = "other"


# --- digits ---


def test_digits():
    pytest.importorskip("sklearn")
    data, again, other = datasets.digits(), datasets.load("digits", seed=0), datasets.digits(seed=1)
    assert data.train_images.shape == (1438, 1, 8, 8)
    assert data.test_images.shape == (359, 1, 8, 8)
    assert (data.train_images.dtype, data.train_labels.dtype) == (np.float32, np.int64)
    assert (data.train_images.min(), data.train_images.max()) == (0, 1)
    train, test = np.bincount(data.train_labels), np.bincount(data.test_labels)
    np.testing.assert_array_equal(train + test, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180])
    assert (np.abs(test - (train + test) / 5) <= 0.5).all()
    assert same(data, again)
    assert not same(data, other)
    assert list(data.test_labels[:15]) == [3, 7, 3, 9, 0, 8, 7, 0, 8, 0, 3, 3, 6, 6, 9]  # as it always was
    assert not data.partial


def test_digits_without_scikit_learn_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match=r"pip install minigrad\[examples\]"):
        datasets.digits()


with contextlib.suppress(ImportError):
    import tqdm  # noqa: F401 - once, before a test sets sys.stderr aside

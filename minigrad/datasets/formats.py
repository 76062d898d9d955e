"""Readers of the files these sets are published in: idx, CIFAR-10's binary records, USPS's text, tables of numbers.

Each believes nothing it reads: sizes are checked before anything is allocated, no more is unpacked than the
largest file that could be right, and a file that is damaged, cut short or not what it should be is a
``ValueError`` that names it and says what is wrong. Files may be gzipped or not, whatever their name says.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import math
import struct
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]  # (n,), each 0 to 9
Split = tuple[NDArray[Any], Labels]  # and images (n, channels, height, width), in the file's own type

CIFAR_RECORD = 1 + 3 * 32 * 32  # a label, then the red, green and blue planes
CIFAR_BATCH = 10_000  # records in a whole batch file
USPS_ROWS = 7291  # rows in the larger of its two files


def read_idx(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """At most ``shape[0]`` items of shape ``shape[1:]`` from an idx file of unsigned bytes.

    An idx file is two zero bytes, the type (8: unsigned bytes), the number of dimensions, each dimension as a
    big-endian uint32, and the items in C order.
    """
    with _opened(path) as stream:
        magic = stream.read(4)
        if magic != bytes((0, 0, 8, len(shape))):
            start = magic.hex(" ")
            raise ValueError(f"{path}: not an idx file of bytes in {len(shape)} dimensions (starts {start})")
        header = _exactly(stream, 4 * len(shape), path)
        found = struct.unpack(f">{len(shape)}I", header)
        if found[1:] != shape[1:] or not 0 < found[0] <= shape[0]:
            raise ValueError(f"{path}: holds {_times(found)}, not 1 to {_times(shape)}")
        data = _exactly(stream, math.prod(found), path)
        _ended(stream, path)
    return np.frombuffer(data, np.uint8).reshape(found)


def read_idx_split(images: Path, labels: Path, most: int, side: int) -> Split:
    """At most ``most`` images uint8 ``(n, 1, side, side)`` and their labels, from a pair of idx files."""
    pixels, digits = read_idx(images, (most, side, side)), read_idx(labels, (most,))
    if len(pixels) != len(digits):
        raise ValueError(f"{images} holds {len(pixels):,} images, but {labels} holds {len(digits):,} labels")
    return pixels[:, None], _labels(digits, labels)


def read_cifar10(path: Path) -> Split:
    """Images uint8 ``(n, 3, 32, 32)`` and their labels, from a whole or a partial batch file of CIFAR-10."""
    with _opened(path) as stream:
        return _cifar_records(stream.read(CIFAR_BATCH * CIFAR_RECORD + 1), str(path))


def read_cifar10_archive(path: Path, members: Sequence[str]) -> list[Split]:
    """``read_cifar10`` of each of ``members`` of a tar archive, which is read once and written nowhere."""
    found: dict[str, Split] = {}
    most = len(members) * CIFAR_BATCH * CIFAR_RECORD + (1 << 20)  # and up to 1 MiB of headers and texts
    with _opened(path) as stream:
        bounded = _Bounded(stream, most, path)
        with tarfile.open(fileobj=bounded, mode="r|") as archive:
            for member in archive:
                file = archive.extractfile(member) if member.name in members else None
                if file is not None:
                    data = file.read(CIFAR_BATCH * CIFAR_RECORD + 1)
                    found[member.name] = _cifar_records(data, f"{path}, {member.name}")
        while bounded.read(1 << 16):
            pass  # to the end, where gzip's own checksum stands
    missing = [name for name in members if name not in found]
    if missing:
        raise ValueError(f"{path}: lacks {', '.join(missing)}")
    return [found[name] for name in members]


def read_usps(path: Path, most: int = USPS_ROWS) -> tuple[NDArray[np.float32], Labels]:
    """At most ``most`` images float32 ``(n, 1, 16, 16)`` in [-1, 1] and their labels, from USPS's text.

    A row is the digit and its 256 values.
    """
    with _opened(path) as stream:
        text = stream.read(most * 257 * 10 + 1)
    if len(text) > most * 257 * 10:
        raise ValueError(f"{path}: larger than {most:,} rows of 257 values can be")
    if not text.strip():
        raise ValueError(f"{path}: empty")
    try:
        rows = np.loadtxt(io.StringIO(text.decode("ascii")), dtype=np.float32, comments=None, ndmin=2)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if rows.shape[1] != 257 or len(rows) > most:
        raise ValueError(f"{path}: holds {_times(rows.shape)} values, not up to {most:,} rows of 257")
    if not (np.abs(rows[:, 1:]) <= 1).all():  # false for NaN too
        raise ValueError(f"{path}: has values outside [-1, 1]")
    return rows[:, 1:].reshape(-1, 1, 16, 16), _labels(rows[:, 0], path)


def usps_digest(path: Path) -> str:
    """``"values:<hex>"``: SHA-256 of each row's digit and values in thousandths, all as little-endian int16.

    It is of what the file says, not of its bytes: copies differ in compression and in how they write numbers.
    """
    images, labels = read_usps(path)
    rows = np.column_stack((labels, np.rint(images.reshape(len(images), -1) * 1000)))
    return f"values:{hashlib.sha256(rows.astype('<i2').tobytes()).hexdigest()}"


def read_table(path: Path, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Finite numbers float64 of exactly ``shape`` from a text with a row on each line, between white space."""
    most = shape[0] * shape[1] * 32
    with _opened(path) as stream:
        text = stream.read(most + 1)
    if len(text) > most:
        raise ValueError(f"{path}: larger than {_times(shape)} values can be")
    if not text.strip():
        raise ValueError(f"{path}: empty")
    try:
        values = np.loadtxt(io.StringIO(text.decode("ascii")), dtype=np.float64, comments=None, ndmin=2)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if values.shape != shape:
        raise ValueError(f"{path}: holds {_times(values.shape)} values, not {_times(shape)}")
    if not np.isfinite(values).all():
        raise ValueError(f"{path}: has values that are not finite")
    return values


def _cifar_records(data: bytes, name: str) -> Split:
    if len(data) > CIFAR_BATCH * CIFAR_RECORD:
        raise ValueError(f"{name}: holds more than {CIFAR_BATCH:,} records")
    if not data or len(data) % CIFAR_RECORD:
        raise ValueError(f"{name}: {len(data):,} bytes are not a number of records of {CIFAR_RECORD:,} bytes")
    records = np.frombuffer(data, np.uint8).reshape(-1, CIFAR_RECORD)
    return records[:, 1:].reshape(-1, 3, 32, 32), _labels(records[:, 0], name)


def _labels(labels: NDArray[np.generic], name: str | Path) -> Labels:
    wrong = labels[~np.isin(labels, np.arange(10))]
    if wrong.size:
        raise ValueError(f"{name}: label {wrong[0]:g} is not one of 0 to 9")
    return labels.astype(np.int64)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[IO[bytes] | gzip.GzipFile]:
    """The bytes of ``path``, unpacked if it is gzipped."""
    try:
        with open(path, "rb") as file:
            if file.peek(2)[:2] == b"\x1f\x8b":
                with gzip.open(file) as unpacked:
                    yield unpacked
            else:
                yield file
    except (EOFError, gzip.BadGzipFile, zlib.error, tarfile.TarError) as error:
        raise ValueError(f"{path}: damaged or cut short: {error}") from error


def _exactly(stream: IO[bytes] | gzip.GzipFile, count: int, path: Path) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise ValueError(f"{path}: cut short: {len(data):,} bytes where {count:,} should be")
    return data


def _ended(stream: IO[bytes] | gzip.GzipFile, path: Path) -> None:
    if stream.read(1):  # reading on also checks gzip's own checksum
        raise ValueError(f"{path}: has more bytes than its header says")


class _Bounded(io.RawIOBase):
    """A stream that raises once more than ``most`` bytes were read of it."""

    def __init__(self, stream: IO[bytes] | gzip.GzipFile, most: int, path: Path) -> None:
        self.stream, self.left, self.path = stream, most, path

    def read(self, size: int = -1) -> bytes:
        data = self.stream.read(self.left + 1 if size < 0 else min(size, self.left + 1))
        self.left -= len(data)
        if self.left < 0:
            raise ValueError(f"{self.path}: unpacks to more than it can hold")
        return data


def _times(shape: Sequence[int]) -> str:
    return " x ".join(f"{size:,}" for size in shape)

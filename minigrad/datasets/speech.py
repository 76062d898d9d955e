"""Spoken digits, and how a recording is read."""

from __future__ import annotations

import hashlib
import io
import os
import re
import tarfile
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .formats import _Bounded, _opened
from .sources import DIGITS, Source, cached, named_folder, not_there, places

Root = str | os.PathLike[str] | None
Samples = NDArray[np.float32]

RATE = 8000  # samples a second
MOST = 1 << 27  # bytes that the archive may unpack to
LONGEST = 1 << 20  # bytes of one recording
TESTED = 5  # of each digit and speaker, the first recordings are the test set
_NAME = re.compile(r"(?:.*/)?recordings/([0-9])_([a-z]+)_([0-9]+)\.wav")


@dataclass(frozen=True, eq=False, repr=False)
class SpeechData:
    """Recordings of spoken words for classification, split into training and test.

    A recording is float32 ``(n,)`` in [-1, 1), ``rate`` numbers a second, each of its own length; labels are int64
    ``(recordings,)``, indices into ``classes``; speakers are names.
    """

    name: str
    rate: int
    train: tuple[Samples, ...]
    train_labels: NDArray[np.int64]
    train_speakers: tuple[str, ...]
    test: tuple[Samples, ...]
    test_labels: NDArray[np.int64]
    test_speakers: tuple[str, ...]
    classes: tuple[str, ...] = DIGITS

    def __repr__(self) -> str:
        speakers = len({*self.train_speakers, *self.test_speakers})
        return (
            f"SpeechData({self.name!r}, {len(self.train):,} + {len(self.test):,} recordings at {self.rate:,} Hz, "
            f"{speakers} speakers, {len(self.classes)} classes)"
        )


def spoken_digits(root: Root = None, download: bool = True) -> SpeechData:
    """The Free Spoken Digit Dataset: 2,700 + 300 recordings of six speakers at 8 kHz (Jackson et al., CC BY-SA 4.0).

    As its authors have it, recordings 0 to 4 of each digit and speaker are the test set. They come in the order of digit,
    speaker and number. A named folder may hold the publisher's archive, under its name or as ``recordings.tar.gz``, or the
    folder ``recordings``. See ``load`` for ``root``, ``download`` and errors.
    """
    named = named_folder(root)
    if named is None:
        (path,) = cached(FSDD, download).values()
        return _speech_data(read_archive(path))
    for folder in places(FSDD, named):
        for name in (*FSDD.files, "recordings.tar.gz"):
            if (folder / name).is_file():
                return _speech_data(read_archive(folder / name))
        if any((folder / "recordings").glob("*.wav")):
            return _speech_data(_read_folder(folder / "recordings"))
    raise not_there(FSDD, named, f"{', '.join(FSDD.files)}, recordings.tar.gz or the folder recordings")


Recordings = dict[tuple[int, str, int], NDArray[np.int16]]  # by digit, speaker and number


def read_wav(data: bytes, name: str, rate: int = RATE) -> NDArray[np.int16]:
    """The samples of a WAV file of one channel and 16 bits, at ``rate`` a second."""
    try:
        with wave.open(io.BytesIO(data)) as file:
            kind = file.getnchannels(), 8 * file.getsampwidth(), file.getframerate()
            count = file.getnframes()
            samples = file.readframes(count)
    except (wave.Error, EOFError) as error:
        raise ValueError(f"{name}: not a WAV file that can be read: {error or 'cut short'}") from error
    if kind != (1, 16, rate):
        raise ValueError(
            f"{name}: {kind[0]} channels of {kind[1]} bits at {kind[2]} Hz, not one of 16 bits at {rate} Hz"
        )
    if len(samples) != 2 * count or not count:
        raise ValueError(f"{name}: cut short: {len(samples):,} bytes where {2 * count:,} should be")
    return np.frombuffer(samples, "<i2").astype(np.int16)


def read_archive(path: Path) -> Recordings:
    """The recordings in a tar archive, which is read once and written nowhere."""
    with _opened(path) as stream:
        bounded = _Bounded(stream, MOST, path)
        with tarfile.open(fileobj=bounded, mode="r|") as archive:
            found = _recordings(
                (member.name, file.read(LONGEST + 1), f"{path}, {member.name}")
                for member in archive
                if _NAME.fullmatch(member.name) and (file := archive.extractfile(member)) is not None
            )
        while bounded.read(1 << 16):
            pass  # to the end, where gzip's own checksum stands
    if not found:
        raise ValueError(f"{path}: has no recordings/{{digit}}_{{speaker}}_{{number}}.wav")
    return found


def _read_folder(folder: Path) -> Recordings:
    paths = (path for path in folder.glob("*.wav") if _NAME.fullmatch(f"recordings/{path.name}"))
    return _recordings((f"recordings/{path.name}", path.read_bytes(), str(path)) for path in paths)


def _recordings(files: Iterator[tuple[str, bytes, str]]) -> Recordings:
    found: Recordings = {}
    for name, data, where in files:
        if len(data) > LONGEST:
            raise ValueError(f"{where}: larger than {LONGEST:,} bytes")
        digit, speaker, number = _NAME.fullmatch(name).groups()  # type: ignore[union-attr]
        found[int(digit), speaker, int(number)] = read_wav(data, where)
    return dict(sorted(found.items()))


def speech_digest(path: Path) -> str:
    """``"values:<hex>"``: SHA-256 of each recording's digit, speaker, number and samples (little-endian int16), in order.

    It is of what the archive holds, not of its bytes, which the publisher's host makes anew from time to time.
    """
    digest = hashlib.sha256()
    for (digit, speaker, number), samples in read_archive(path).items():
        digest.update(f"{digit}_{speaker}_{number} {len(samples)}\n".encode())
        digest.update(samples.astype("<i2").tobytes())
    return f"values:{digest.hexdigest()}"


def _speech_data(found: Recordings) -> SpeechData:
    parts: list[Any] = []
    for test in (False, True):
        keys = [key for key in found if (key[2] < TESTED) == test]
        parts.append(tuple(found[key] * np.float32(2**-15) for key in keys))
        parts.append(np.array([digit for digit, _, _ in keys], np.int64))
        parts.append(tuple(speaker for _, speaker, _ in keys))
    return SpeechData("spoken-digits", RATE, *parts)


FSDD = Source(  # Jackson et al. publish no checksum: this is of a copy's values
    "spoken-digits",
    DIGITS,
    (2_700, 300),
    ("fsdd", "free-spoken-digit-dataset"),
    ("https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/tags/",),
    {"v1.0.10.tar.gz": "values:c372e20bc44eb598143a5fd394ede7ef017a0778ec4a4739723c7593f28c1082"},
    speech_digest,
)

"""Fetch one file: from the first mirror that has it, resumed where a connection broke, checked, then renamed.

A file under its own name is always whole: bytes arrive in ``<name>.part``, and only what passed its check is
given the name.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

TIMEOUT = 30.0  # seconds without a byte before a mirror is given up
LARGEST = 1 << 28  # bytes; no file of ours is larger, so a server that never stops sending is stopped
CHUNK = 1 << 18


class DownloadError(OSError):
    """No mirror gave the file; the message names each one tried and why it failed."""


class ChecksumError(DownloadError):
    """Mirrors sent another file than the published one; the message has both checksums. It was discarded."""


def md5(path: Path) -> str:
    """The MD5 of the file's bytes, as ``"md5:<hex>"``: what the publishers of these sets give."""
    result = hashlib.new("md5", usedforsecurity=False)
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            result.update(chunk)
    return f"md5:{result.hexdigest()}"


def fetch(
    urls: Sequence[str],
    path: Path,
    checksum: str,
    *,
    digest: Callable[[Path], str] = md5,
    timeout: float = TIMEOUT,
) -> Path:
    """Return ``path``, downloaded from the first of ``urls`` that gives it, if it is not there yet.

    ``digest(file)`` must equal ``checksum``; it may raise ``ValueError`` for a file it cannot read. Bytes
    that came before a connection broke are kept, and not asked for again by this call or a later one. Callers
    in other threads and processes wait for the one that downloads. Raises ``DownloadError``, or
    ``ChecksumError`` if every mirror sent a wrong file.
    """
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path.parent / ".lock"):
        if not path.is_file():
            part = path.with_name(path.name + ".part")
            whole = part.is_file() and _digest_of(part, digest) == checksum  # stopped just before the rename
            if not whole:
                _from_any(urls, part, checksum, digest, timeout)
            os.replace(part, path)
            _sync_folder(path.parent)
    return path


def _from_any(urls: Sequence[str], part: Path, checksum: str, digest: Callable[[Path], str], timeout: float) -> None:
    """Fill ``part`` with the file that has ``checksum``, trying each of ``urls`` in turn."""
    errors: list[Exception] = []
    for url in urls:
        try:
            return _from_one(url, part, checksum, digest, timeout)
        except (OSError, HTTPException, ValueError) as error:  # ValueError: an address that is none
            errors.append(error)
    reasons = [f"{url}: {error or type(error).__name__}" for url, error in zip(urls, errors, strict=True)]
    all_wrong = bool(errors) and all(isinstance(error, ChecksumError) for error in errors)
    failure = ChecksumError if all_wrong else DownloadError
    raise failure(
        "\n  ".join([f"could not download {part.stem}; tried:", *reasons])
        + "\n(a folder that has the set's files can be named by root= or MINIGRAD_DATA)"
    )


def _from_one(url: str, part: Path, checksum: str, digest: Callable[[Path], str], timeout: float) -> None:
    resumed = _receive(url, part, timeout)
    actual = _digest_of(part, digest)
    if actual == checksum:
        return
    part.unlink()
    if resumed:  # the bytes from before may be at fault, not this mirror: once more, from the start
        return _from_one(url, part, checksum, digest, timeout)
    raise ChecksumError(f"expected {checksum}, got {actual}; the file was discarded")


def _digest_of(part: Path, digest: Callable[[Path], str]) -> str:
    try:
        return digest(part)
    except ValueError as error:
        return f"an unreadable file ({error})"


def _receive(url: str, part: Path, timeout: float) -> bool:
    """Append to ``part`` what it lacks; true if what it held before was kept."""
    response, start = _open(url, part.stat().st_size if part.is_file() else 0, timeout)
    with response:
        length = response.headers.get("Content-Length")
        total = start + int(length) if length and length.isdigit() else None
        received = start
        with open(part, "ab" if start else "wb") as file, _progress(part.stem, start, total) as advance:
            while received <= LARGEST and (chunk := response.read1(CHUNK)):
                file.write(chunk)
                received += len(chunk)
                advance(len(chunk))
            file.flush()
            os.fsync(file.fileno())
    if received > LARGEST:
        part.unlink()
        raise OSError(f"the server sent more than {LARGEST:,} bytes; they were discarded")
    if total is not None and received < total:
        raise OSError(f"the connection ended after {received:,} of {total:,} bytes, kept for the next try")
    return start > 0


def _open(url: str, start: int, timeout: float) -> tuple[HTTPResponse, int]:
    """The server's answer, and where in the file it begins: 0 if the server can't begin at ``start``."""
    if start:
        try:
            response = _request(url, timeout, {"Range": f"bytes={start}-"})
        except HTTPError as error:
            if error.code != 416:  # the file ends before our bytes do: they are of another one
                raise
        else:
            if response.status == 200:  # it knows no ranges, and sends the whole
                return response, 0
            if (response.headers.get("Content-Range") or "").startswith(f"bytes {start}-"):
                return response, start
            response.close()
    return _request(url, timeout, {}), 0


def _request(url: str, timeout: float, headers: dict[str, str]) -> HTTPResponse:
    own = {"User-Agent": "minigrad", "Accept-Encoding": "identity"}
    try:
        response: HTTPResponse = urlopen(Request(url, headers=own | headers), timeout=timeout)
    except HTTPError as error:
        error.close()  # it holds the connection
        raise
    return response


@contextlib.contextmanager
def _progress(name: str, start: int, total: int | None) -> Iterator[Callable[[int], Any]]:
    """What to call with each chunk's size: it moves tqdm's bar, where there are tqdm and a terminal."""
    bar: AbstractContextManager[Any] = contextlib.nullcontext()
    if sys.stderr is not None and sys.stderr.isatty():
        try:
            from tqdm import tqdm
        except ImportError:
            print(f"downloading {name}" + (f" ({total / 1e6:.1f} MB)" if total else ""), file=sys.stderr)
        else:
            bar = tqdm(desc=name, initial=start, total=total, unit="B", unit_scale=True)
    with bar as shown:
        yield shown.update if shown is not None else lambda size: None


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock on file ``path``, which one caller has at a time, in any thread or process."""
    with open(path, "ab") as file:
        if sys.platform == "win32":
            import msvcrt

            def move(mode: int) -> None:
                file.seek(0)
                msvcrt.locking(file.fileno(), mode, 1)

            while True:
                try:
                    move(msvcrt.LK_LOCK)
                    break
                except OSError as error:  # Windows gives up after ten seconds; a download may take longer
                    if error.errno != errno.EDEADLOCK:
                        raise
            try:
                yield
            finally:
                move(msvcrt.LK_UNLCK)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(file, fcntl.LOCK_UN)  # not left to close(): a forked child may hold a copy


def _sync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` outlast a power cut, where folders can be synced."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

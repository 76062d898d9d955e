"""Saving and loading: Tensors, and nested dicts, lists and tuples of them, as safetensors files. No pickle.

The file is a plain safetensors file: each Tensor stands in it under the path of keys that leads to it, joined by dots
(`model.0.weight`), so that other programs read it, and a dict of Tensors keeps its names as they are. What
else there is goes into two entries of the file's metadata:

* `minigrad`: JSON, `{"version": 1, "object": ..., "tensors": {name: [dtype, shape, CRC-32 of the bytes], ...}}`;
* `minigrad.crc32`: the CRC-32 of that JSON, as 8 hexadecimal digits.

In `object` None, booleans, strings, lists, finite floats and integers of at most 53 bits are JSON's own; all else
is a dict of one entry: `{"tensor": name}`, `{"dict": [[key, value], ...]}`, `{"tuple": [...]}`, `{"int": "0x..."}`,
`{"float": "nan" | "inf" | "-inf"}`.

A file is written beside its target, synced, renamed over it, and the folder is synced: whoever reads finds the old file
or the new one, whole, however the writer ended (what a killed one has left there is removed by a later `save`). A reader
believes nothing: layout, dtypes, shapes, structure and checksums are checked, and a file that fails raises
`FileFormatError`.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import time
import zlib
from typing import Any, NoReturn

import numpy as np

from .tensor import Tensor, _fresh, wrap

_DTYPES = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "I16": "int16", "I32": "int32", "I64": "int64", "F16": "float16",
    "F32": "float32", "F64": "float64",
}  # fmt: skip
_CODES = {np.dtype(name): code for code, name in _DTYPES.items()}
_VERSION = 1
_EXACT = 2**53  # integers up to here are exact in any reader of JSON
_MAX_DEPTH = 64  # levels of nesting
_STALE = 3600.0  # seconds without a write after which a temporary file belongs to nobody


class FileFormatError(ValueError):
    """A file is damaged, or is not what `load` reads."""


def save(obj: Any, path: str | os.PathLike) -> None:
    """Write `obj` to `path`: a Tensor, a number, string, bool or None, or a dict (of string or int keys), list or tuple of such.

    The old file, if there is one, stays whole until the new one has taken its place. TypeError for what cannot be
    written (and ValueError for more than 64 levels) is raised before anything is; OSError where writing fails.

    >>> minigrad.save({"weight": minigrad.ones(2), "epoch": 3}, "run.safetensors")
    >>> minigrad.load("run.safetensors")
    {'weight': tensor([1., 1.]), 'epoch': 3}
    """
    from safetensors import SafetensorError, safe_open
    from safetensors.numpy import save_file

    tensors: dict[str, np.ndarray] = {}
    encoded = _encode(obj, (), tensors)
    record = {name: [_CODES[array.dtype], list(array.shape), _checksum(array)] for name, array in tensors.items()}
    text = json.dumps(
        {"version": _VERSION, "object": encoded, "tensors": record}, allow_nan=False, separators=(",", ":")
    )
    metadata = {"minigrad": text, "minigrad.crc32": f"{zlib.crc32(text.encode()):08x}"}

    target = os.path.realpath(os.fsdecode(path))  # through a link, as any other writing
    folder, name = os.path.split(target)
    _clean(folder, name[:100])
    temporary = os.path.join(folder, f".{name[:100]}.{os.getpid()}-{os.urandom(4).hex()}.tmp")
    with open(temporary, "xb") as file:
        mode = os.fstat(file.fileno()).st_mode  # as the umask has it; the library makes files for their owner alone
    try:
        try:
            save_file(tensors, temporary, metadata)
            with safe_open(temporary, framework="numpy"):  # such as a header beyond the format's limit
                pass
        except SafetensorError as error:
            raise OSError(f"cannot write {target}: {error}") from error
        os.chmod(temporary, os.stat(target).st_mode if os.path.isfile(target) else mode)
        _sync(temporary)
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    _sync(folder)


def load(path: str | os.PathLike, map_location: Any = None, *, weights_only: bool = True) -> Any:
    """What `save` has written to `path`; of a safetensors file of another program, a dict of Tensors.

    Tensors require no gradient; subclasses come back as Tensor, dict, list and tuple. FileFormatError (a ValueError) says
    what is wrong with a file that is not whole. `map_location` may be 'cpu'; `weights_only` has no effect, since a file
    holds nothing that could run.
    """
    from safetensors import SafetensorError, safe_open

    if map_location is not None and str(map_location) != "cpu":
        raise RuntimeError(f"minigrad computes on the CPU alone: cannot load to {map_location!r}")
    name = os.fsdecode(path)
    with open(name, "rb") as file:  # with the usual errors of files that are missing or not to be read
        start = file.read(4)
    try:
        with safe_open(name, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {key: _read(file, key) for key in file.keys()}  # noqa: SIM118
        return _restore(metadata, tensors)
    except FileFormatError as error:
        raise FileFormatError(f"{name}: {error}") from None
    except (SafetensorError, ValueError) as error:
        raise FileFormatError(f"{name} is not a safetensors file{_likely(start)}, or it is damaged: {error}") from None


def _likely(start: bytes) -> str:
    if start[:2] == b"PK":
        return " but a zip archive, as torch.save writes (minigrad reads no pickles: write it with safetensors.torch)"
    if start[:1] == b"\x80":
        return " but a pickle, which minigrad does not read"
    return ""


def _clean(folder: str, name: str) -> None:
    """Remove what writers of `name` that were killed have left behind: files that none has written to for an hour."""
    temporary = re.compile(rf"\.{re.escape(name)}\.\d+-[0-9a-f]{{8}}\.tmp")
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if temporary.fullmatch(entry.name) and time.time() - entry.stat(follow_symlinks=False).st_mtime > _STALE:
                os.unlink(entry.path)


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _checksum(array: np.ndarray) -> int:
    return zlib.crc32(array.reshape(-1).view(np.uint8).data)


# ---- structure -----------------------------------------------------------------------------------------------------------


def _encode(value: Any, path: tuple[str, ...], tensors: dict[str, np.ndarray]) -> Any:
    """`value` as JSON; its arrays are added to `tensors`."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value) if abs(value) <= _EXACT else {"int": hex(value)}
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"float": repr(float(value))}
    if isinstance(value, Tensor):
        name = ".".join(path).encode("utf-8", "backslashreplace").decode() if path else "tensor"
        while name in tensors or name == "__metadata__":  # {"a.b": ..., "a": {"b": ...}}
            name += "'"
        array = value._value
        tensors[name] = array if array.flags.c_contiguous else array.copy(order="C")
        return {"tensor": name}
    if len(path) >= _MAX_DEPTH:
        raise ValueError(f"cannot save what is nested more than {_MAX_DEPTH} levels deep, or contains itself")
    if isinstance(value, list | tuple):
        items = [_encode(item, (*path, str(i)), tensors) for i, item in enumerate(value)]
        return items if isinstance(value, list) else {"tuple": items}
    if isinstance(value, dict):
        pairs = []
        for key, item in value.items():
            if not isinstance(key, str | int) or isinstance(key, bool):
                raise TypeError(f"cannot save a dict with the key {key!r}{_at(path)}: keys have to be strings or ints")
            pairs.append([_encode(key, path, tensors), _encode(item, (*path, str(key)), tensors)])
        return {"dict": pairs}
    hint = {np.ndarray: "make it a Tensor with from_numpy"}.get(
        type(value), "use item()" if isinstance(value, np.generic) else ""
    )
    raise TypeError(
        f"cannot save a {type(value).__name__}{_at(path)}: only Tensors, numbers, strings, bools, None, and dicts, lists and tuples of them"
        + (f"; {hint}" if hint else "")
    )


def _at(path: tuple[str, ...]) -> str:
    return f" (at {'.'.join(path)})" if path else ""


def _decode(node: Any, tensors: dict[str, np.ndarray], depth: int = 0) -> Any:
    """The value that `node` stands for; its arrays are taken out of `tensors`."""
    if node is None or isinstance(node, bool | int | float | str):
        return node
    if depth > _MAX_DEPTH:
        raise FileFormatError(f"its structure is nested more than {_MAX_DEPTH} levels deep")
    if isinstance(node, list):
        return [_decode(item, tensors, depth + 1) for item in node]
    if len(node) != 1:
        _unknown(node)
    ((kind, content),) = node.items()
    if kind == "tensor" and isinstance(content, str) and content in tensors:
        return wrap(tensors.pop(content))
    if kind == "tuple" and isinstance(content, list):
        return tuple(_decode(item, tensors, depth + 1) for item in content)
    if kind == "int" and isinstance(content, str):
        return int(content, 16)
    if kind == "float" and content in ("nan", "inf", "-inf"):
        return float(content)
    if (
        kind == "dict"
        and isinstance(content, list)
        and all(isinstance(pair, list) and len(pair) == 2 for pair in content)
    ):
        pairs = [(_decode(key, tensors, depth + 1), _decode(item, tensors, depth + 1)) for key, item in content]
        if all(type(key) in (str, int) for key, _ in pairs):
            return dict(pairs)
    return _unknown(node)


def _unknown(node: Any) -> NoReturn:
    raise FileFormatError(f"its structure holds {str(node)[:80]}, which means nothing (or a tensor that is not there)")


# ---- reading -------------------------------------------------------------------------------------------------------------


def _read(file: Any, name: str) -> np.ndarray:
    """The array `name` of an open safetensors file, in aligned memory of our own."""
    code = file.get_slice(name).get_dtype()
    if code not in _DTYPES:
        raise FileFormatError(f"tensor {name!r} has dtype {code}; minigrad has {', '.join(_DTYPES)}")
    array = file.get_tensor(name)
    if code == "BOOL" and array.size and array.view(np.uint8).max() > 1:
        raise FileFormatError(f"tensor {name!r} has dtype BOOL but holds bytes other than 0 and 1")
    return _fresh(array)


def _restore(metadata: dict[str, str], tensors: dict[str, np.ndarray]) -> Any:
    """The object that a file's metadata and arrays make up."""
    if not ("minigrad" in metadata or "minigrad.crc32" in metadata):
        return {name: wrap(array) for name, array in tensors.items()}
    text = metadata.get("minigrad", "")
    if metadata.get("minigrad.crc32") != f"{zlib.crc32(text.encode()):08x}":
        raise FileFormatError("the description of its contents is damaged: it does not have its checksum")
    try:
        content = json.loads(text, parse_constant=_unknown)
        version, encoded, record = content["version"], content["object"], content["tensors"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise FileFormatError(f"the description of its contents is malformed: {error!r}") from None
    if version != _VERSION:
        raise FileFormatError(
            f"it was written in version {version} of the format; this minigrad reads version {_VERSION}"
        )
    if not isinstance(record, dict) or record.keys() != tensors.keys():
        raise FileFormatError("it does not hold the tensors that its description names")
    for name, array in tensors.items():
        found = [_CODES[array.dtype], list(array.shape), _checksum(array)]
        if found != record[name]:
            raise FileFormatError(
                f"tensor {name!r} is damaged: dtype, shape and checksum are {found}, but {record[name]} were written"
            )
    value = _decode(encoded, tensors)
    if tensors:
        raise FileFormatError(f"its structure leaves out {', '.join(tensors)}")
    return value


__all__ = ["FileFormatError", "load", "save"]

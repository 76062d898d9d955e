"""A function for each set, and ``load`` for all of them by name."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .download import md5
from .formats import Split, read_cifar10, read_cifar10_archive, read_idx_split, read_usps
from .images import ImageData
from .sources import DIGITS, SOURCES, Source, cached, locate, named_folder, not_there, places

Root = str | os.PathLike[str] | None


def digits(*, seed: int = 0) -> ImageData:
    """scikit-learn's 1,797 digits of 8x8 pixels: no download, small enough for a lesson.

    Split 80/20 in each class, at random but the same for the same ``seed`` always. Needs scikit-learn.
    They are the test part of Alpaydin and Kaynak's Optical Recognition of Handwritten Digits (UCI).
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError("datasets.digits needs scikit-learn: pip install minigrad[examples]") from error
    found = load_digits()
    images = _unit(found.images[:, None], 16)
    labels = found.target.astype(np.int64)
    draw = np.random.RandomState(seed)  # NumPy froze its numbers, so a split never changes
    test = np.zeros(len(labels), bool)
    for label in range(10):
        members = np.flatnonzero(labels == label)
        test[draw.permutation(members)[: round(len(members) / 5)]] = True
    return ImageData("digits", images[~test], labels[~test], images[test], labels[test], DIGITS)


def mnist(root: Root = None, download: bool = True) -> ImageData:
    """MNIST: 60,000 + 10,000 handwritten digits of 28x28 pixels (LeCun, Cortes and Burges). See ``load``."""
    return _idx_images(SOURCES["mnist"], SOURCES["fashion-mnist"], root, download)


def fashion_mnist(root: Root = None, download: bool = True) -> ImageData:
    """Fashion-MNIST: 60,000 + 10,000 clothes of 28x28 pixels (Zalando Research, MIT). See ``load``."""
    return _idx_images(SOURCES["fashion-mnist"], SOURCES["mnist"], root, download)


def cifar10(root: Root = None, download: bool = True) -> ImageData:
    """CIFAR-10: 50,000 + 10,000 colour photographs of 32x32 pixels (Krizhevsky 2009). See ``load``.

    A named folder may hold the binary version's archive, or its batch files (``data_batch_1.bin``, ...,
    ``test_batch.bin``), gzipped or not, or parts of them (``data_batch_1.first4000.bin.gz``): what is there
    is read, in the batches' order, and the result's ``partial`` and ``repr`` say that it is a part.
    """
    source = SOURCES["cifar10"]
    (archive,) = source.files
    named = named_folder(root)
    if named is None:
        return _cifar10_archive(source, cached(source, download)[archive])
    for folder in places(source, named):
        if (folder / archive).is_file():
            return _cifar10_archive(source, folder / archive)
        batches, tests = _batch_files(folder, "data_batch_[1-5]"), _batch_files(folder, "test_batch")
        if batches and tests:
            return _image_data(source, [read_cifar10(path) for path in batches], [read_cifar10(tests[0])])
    raise not_there(source, named, f"{archive}, or data_batch_1.bin ... and test_batch.bin")


def usps(root: Root = None, download: bool = True) -> ImageData:
    """USPS: 7,291 + 2,007 digits of 16x16 pixels from envelopes (Le Cun et al. 1990). See ``load``.

    The files are those of The Elements of Statistical Learning. Their values in [-1, 1] are mapped to [0, 1].
    """
    source = SOURCES["usps"]
    paths = locate(source, root, download).values()
    (train, train_labels), (test, test_labels) = map(read_usps, paths, source.count)
    return _image_data(source, [(train + 1, train_labels)], [(test + 1, test_labels)], top=2)


LOADERS: dict[str, Callable[..., ImageData]] = {
    "mnist": mnist,
    "fashion-mnist": fashion_mnist,
    "cifar10": cifar10,
    "usps": usps,
}
NAMES = ("digits", *LOADERS)


def load(name: str, root: Root = None, download: bool = True, **options: Any) -> ImageData:
    """The set called ``name``, one of ``NAMES``; ``options`` go to its function (``seed=`` of ``digits``).

    If ``root``, or else the environment variable ``MINIGRAD_DATA``, names a folder, the publisher's files are
    read from it or from the set's own folder in it (``mnist``, ``cifar10``, ...), and nothing is downloaded;
    fewer images than published are read as the part they are. Otherwise the files are those in the user's
    cache, downloaded there (unless ``download=False``) and checked against their checksums when first wanted.

    Raises ``FileNotFoundError`` if files are not where they should be, ``ValueError`` if one is malformed,
    ``DownloadError`` or ``ChecksumError`` if they can't be had.
    """
    key = name.lower().replace("_", "-")
    if key not in NAMES:
        raise ValueError(f"no set is called {name!r}; there are {', '.join(NAMES)}")
    return digits(**options) if key == "digits" else LOADERS[key](root, download, **options)


def _idx_images(source: Source, twin: Source, root: Root, download: bool) -> ImageData:
    paths = locate(source, root, download)
    for name, path in paths.items():  # the two sets' files have the same names and shapes
        if "labels" in name and md5(path) == twin.files[name]:
            raise ValueError(f"{path} is of {twin.name}, not of {source.name}: keep each in its own folder")
    train_images, train_labels, test_images, test_labels = paths.values()
    train = read_idx_split(train_images, train_labels, source.count[0], 28)
    test = read_idx_split(test_images, test_labels, source.count[1], 28)
    return _image_data(source, [train], [test])


def _cifar10_archive(source: Source, path: Path) -> ImageData:
    names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    *train, test = read_cifar10_archive(path, [f"cifar-10-batches-bin/{name}.bin" for name in names])
    return _image_data(source, train, [test])


def _batch_files(folder: Path, batch: str) -> list[Path]:
    """Each batch's file in ``folder``, of the batches that the pattern matches; a whole one before a part."""
    pattern = re.compile(rf"({batch})(\.[^.]+)?\.bin(\.gz)?")
    found: dict[str, Path] = {}
    for path in sorted(folder.glob("*.bin*"), key=lambda path: (len(path.name), path.name)):
        match = pattern.fullmatch(path.name)
        if match and path.is_file():
            found.setdefault(match[1], path)
    return [found[name] for name in sorted(found)]


def _image_data(source: Source, train: list[Split], test: list[Split], top: int = 255) -> ImageData:
    images, labels = (np.concatenate(parts) for parts in zip(*train, strict=True))
    test_images, test_labels = (np.concatenate(parts) for parts in zip(*test, strict=True))
    arrays = _unit(images, top), labels, _unit(test_images, top), test_labels
    return ImageData(source.name, *arrays, source.classes, source.count)


def _unit(images: NDArray[Any], top: int) -> NDArray[np.float32]:
    """Values from 0 to ``top`` as float32 from 0 to 1."""
    result: NDArray[np.float32] = np.divide(images, top, dtype=np.float32)
    return result

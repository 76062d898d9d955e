"""What each set is, who publishes it, and where its files lie: the table, and the folders."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .download import fetch, md5
from .formats import usps_digest

DIGITS = tuple("0123456789")


@dataclass(frozen=True)
class Source:
    """A published set: its classes, its size, its files with their checksums, and its mirrors."""

    name: str
    classes: tuple[str, ...]
    count: tuple[int, int]  # training and test images in the whole set
    folders: tuple[str, ...]  # where it may lie in a folder that a user names, besides that folder itself
    mirrors: tuple[str, ...]  # a file's address is a mirror and its name; tried in this order
    files: Mapping[str, str]  # a file's name, and what ``digest`` says of it
    digest: Callable[[Path], str] = md5


SOURCES = {
    source.name: source
    for source in (
        Source(  # LeCun, Cortes and Burges; the MD5s of the original files, as torchvision has them
            "mnist",
            DIGITS,
            (60_000, 10_000),
            ("mnist", "MNIST/raw"),
            (
                "https://ossci-datasets.s3.amazonaws.com/mnist/",
                "https://storage.googleapis.com/cvdf-datasets/mnist/",
            ),
            {
                "train-images-idx3-ubyte.gz": "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873",
                "train-labels-idx1-ubyte.gz": "md5:d53e105ee54ea40749a09fcbcd1e9432",
                "t10k-images-idx3-ubyte.gz": "md5:9fb629c4189551a2d022fa330f9573f3",
                "t10k-labels-idx1-ubyte.gz": "md5:ec29112dd5afa0611ce80d1b7f02629c",
            },
        ),
        Source(  # Zalando Research; MD5s from its README
            "fashion-mnist",
            (
                *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
                *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
            ),
            (60_000, 10_000),
            ("fashion-mnist", "FashionMNIST/raw"),
            (
                "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
                "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            ),
            {
                "train-images-idx3-ubyte.gz": "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                "train-labels-idx1-ubyte.gz": "md5:25c81989df183df01b3e8a0aad5dffbe",
                "t10k-images-idx3-ubyte.gz": "md5:bef4ecab320f06d8554ea6380940ec79",
                "t10k-labels-idx1-ubyte.gz": "md5:bb300cfdad3c16e7a12a480ee83cd310",
            },
        ),
        Source(  # Krizhevsky; MD5 from its page
            "cifar10",
            ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
            (50_000, 10_000),
            ("cifar10", "cifar10/cifar-10-batches-bin", "cifar-10-batches-bin"),
            (
                "https://www.cs.toronto.edu/~kriz/",
                "https://cave.cs.toronto.edu/kriz/",
            ),
            {"cifar-10-binary.tar.gz": "md5:c32a1d4ab5d03f1284b67883e8d87530"},
        ),
        Source(  # Hastie, Tibshirani and Friedman publish no checksum: these are of a copy's values
            "usps",
            DIGITS,
            (7291, 2007),
            ("usps",),
            (
                "https://web.stanford.edu/~hastie/ElemStatLearn/datasets/",
                "https://hastie.su.domains/ElemStatLearn/datasets/",
            ),
            {
                "zip.train.gz": "values:2840d87b925227ed879fc92b76e8277187622e6437703a83e913cdf4540eef90",
                "zip.test.gz": "values:0e2b49627b8dcd6973d10b28b8623beae24d4e9f9d9d366ef89ed6d280c8364d",
            },
            usps_digest,
        ),
    )
}


def locate(source: Source, root: str | os.PathLike[str] | None, download: bool) -> dict[str, Path]:
    """The path of each of the source's files: in the folder that the user names, or else in the cache."""
    named = named_folder(root)
    if named is None:
        return cached(source, download)
    for folder in places(source, named):
        found = {name: path for name in source.files if (path := present(folder, name))}
        if len(found) == len(source.files):
            return found
    raise not_there(source, named, ", ".join(source.files))


def named_folder(root: str | os.PathLike[str] | None) -> Path | None:
    """The folder of files had already: ``root``, or what ``MINIGRAD_DATA`` names."""
    root = os.environ.get("MINIGRAD_DATA") or None if root is None else root
    return None if root is None else Path(root).expanduser()


def places(source: Source, named: Path) -> list[Path]:
    """The folders to look in, a set's own before the named folder itself."""
    return [*(named / folder for folder in source.folders), named]


def present(folder: Path, name: str) -> Path | None:
    """``name`` in ``folder``, or the same file unpacked."""
    return next((path for path in (folder / name, folder / name.removesuffix(".gz")) if path.is_file()), None)


def not_there(source: Source, named: Path, wanted: str) -> FileNotFoundError:
    folders = "".join(f"\n  {folder}" for folder in places(source, named))
    return FileNotFoundError(
        f"{source.name}: looked for {wanted} in{folders}\n"
        "(the folder named by root= or MINIGRAD_DATA; name none, and the files are downloaded)"
    )


def cached(source: Source, download: bool) -> dict[str, Path]:
    """The source's files in the user's cache, downloaded if they may be and are not there."""
    folder = cache_folder() / source.name
    paths = {name: folder / name for name in source.files}
    for name, path in paths.items():
        if download:
            urls = [mirror + name for mirror in source.mirrors]
            fetch(urls, path, source.files[name], digest=source.digest)
        elif not path.is_file():
            raise FileNotFoundError(f"{source.name}: no {path}, and download=False")
    return paths


def cache_folder() -> Path:
    """``minigrad/datasets`` in the user's cache folder."""
    if named := os.environ.get("XDG_CACHE_HOME"):
        base = Path(named)
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path.home() / ".cache"
    return base / "minigrad" / "datasets"

"""Small sets to learn with, as NumPy arrays: images (``datasets.mnist()``, or ``datasets.load("mnist")``) and
UCI's tables for regression (``datasets.uci("boston")``).

They need NumPy alone, and nothing of minigrad; ``digits`` needs scikit-learn, which has the images.
"""

from .download import ChecksumError, DownloadError
from .images import ImageData
from .loaders import NAMES, cifar10, digits, fashion_mnist, load, mnist, usps
from .regression import UCI_NAMES, RegressionData, uci

__all__ = [
    "NAMES",
    "UCI_NAMES",
    "ChecksumError",
    "DownloadError",
    "ImageData",
    "RegressionData",
    "cifar10",
    "digits",
    "fashion_mnist",
    "load",
    "mnist",
    "uci",
    "usps",
]

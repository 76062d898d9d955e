"""Small image sets to learn with, as NumPy arrays: ``datasets.mnist()``, or ``datasets.load("mnist")``.

They need NumPy alone, and nothing of minigrad; ``digits`` needs scikit-learn, which has the images.
"""

from .download import ChecksumError, DownloadError
from .images import ImageData
from .loaders import NAMES, cifar10, digits, fashion_mnist, load, mnist, usps

__all__ = [
    "NAMES",
    "ChecksumError",
    "DownloadError",
    "ImageData",
    "cifar10",
    "digits",
    "fashion_mnist",
    "load",
    "mnist",
    "usps",
]

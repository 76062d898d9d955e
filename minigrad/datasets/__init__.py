"""Small sets to learn with. Images: ``datasets.mnist()``, or ``datasets.load("mnist")``, as NumPy arrays. Regression: UCI's
tables, ``uci("boston")``. Text: ``ptb()``, ``tinyshakespeare()``, ``names()`` and, with translations, ``multi30k()``. Speech:
``spoken_digits()``.

They need NumPy alone, and nothing of minigrad; ``digits`` needs scikit-learn, which has the images.
"""

from .download import ChecksumError, DownloadError
from .images import ImageData
from .loaders import NAMES, cifar10, digits, fashion_mnist, load, mnist, usps
from .regression import UCI_NAMES, RegressionData, uci
from .speech import SpeechData, spoken_digits
from .text import NameData, TextData, TranslationData, Vocabulary, multi30k, names, ptb, tinyshakespeare

__all__ = [
    "NAMES",
    "UCI_NAMES",
    "ChecksumError",
    "DownloadError",
    "ImageData",
    "NameData",
    "RegressionData",
    "SpeechData",
    "TextData",
    "TranslationData",
    "Vocabulary",
    "cifar10",
    "digits",
    "fashion_mnist",
    "load",
    "mnist",
    "multi30k",
    "names",
    "ptb",
    "spoken_digits",
    "tinyshakespeare",
    "uci",
    "usps",
]

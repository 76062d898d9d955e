"""The images of an experiment: what is trained on, what is held out to choose by, and what is tested on once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from minigrad import datasets

NAMES = ("digits", "mnist", "usps", "cifar10")


@dataclass(frozen=True)
class Split:
    """Images (N, C, H, W) float32 and labels (N,) int64, for training and for measuring."""

    images: np.ndarray
    labels: np.ndarray
    other_images: np.ndarray
    other_labels: np.ndarray
    classes: int


@lru_cache(maxsize=2)
def load(name: str, root: Path | None, normalized: bool) -> datasets.ImageData:
    data = datasets.load(name, root=root)
    return data.normalized() if normalized else data


def held_out(size: int) -> int:
    """How many of `size` training images are kept to choose by: 10,000 of 60,000, a fifth of a small set."""
    return 10_000 if size >= 50_000 else size // 5


def choosing(data: datasets.ImageData) -> Split:
    """The training images in two parts, always the same: to train on, and to choose hyper-parameters by."""
    order = np.random.RandomState(0).permutation(len(data.train_labels))
    kept = held_out(len(order))
    rest, away = np.sort(order[kept:]), np.sort(order[:kept])
    images, labels = data.train_images, data.train_labels
    return Split(images[rest], labels[rest], images[away], labels[away], data.num_classes)


def final(data: datasets.ImageData, train_size: int | None = None, seed: int = 0) -> Split:
    """All training images, or `train_size` of them that `seed` draws, and the test images."""
    images, labels = data.train_images, data.train_labels
    if train_size is not None:
        if not 1 <= train_size <= len(labels):
            raise ValueError(f"a training set of {train_size} cannot be drawn from {len(labels)} images")
        chosen = np.sort(np.random.RandomState(seed).permutation(len(labels))[:train_size])
        images, labels = images[chosen], labels[chosen]
    return Split(images, labels, data.test_images, data.test_labels, data.num_classes)
